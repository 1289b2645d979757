//! What a new installation begins with: a domain, its people, a certificate, listeners.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ledger::UnixFacts;
use net::{Clock, OwnCa};
use policy::Service as Spoken;
use service::{Actor, Command, Password};
use types::Domain;

/// What the own certificate authority is called in the lists of clients.
const CA_NAME: &str = "Sealpost";
/// The CA's certificate in the data folder, for clients to trust.
pub(crate) const CA_FILE: &str = "ca.pem";

/// Where the services of a new installation listen.
#[derive(Clone, Debug)]
pub(crate) struct Listening {
    /// The addresses; each service listens on all.
    pub(crate) addresses: Vec<IpAddr>,
    /// What is added to the registered port numbers.
    pub(crate) base_port: u16,
    /// The services.
    pub(crate) services: Vec<Spoken>,
}

/// A certificate for a new installation, and the CA that clients must trust for it.
#[derive(Debug)]
pub(crate) struct OwnCertificate {
    /// Puts the certificate in force.
    pub(crate) command: Command,
    /// The CA's certificate (PEM).
    pub(crate) ca_pem: String,
}

impl Listening {
    /// The commands that open these listeners.
    pub(crate) fn commands(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        for &service in &self.services {
            for &address in &self.addresses {
                let port = self.port(service);
                commands.push(Command::ListenerAdd {
                    service,
                    address,
                    port,
                });
            }
            commands.push(Command::ServiceEnable {
                service,
                enabled: true,
            });
        }
        commands
    }

    /// The port of a service.
    pub(crate) fn port(&self, service: Spoken) -> u16 {
        self.base_port.saturating_add(service.port())
    }

    /// Where a program on this machine reaches a service.
    pub(crate) fn reach(&self, service: Spoken) -> SocketAddr {
        let first = self
            .addresses
            .first()
            .copied()
            .unwrap_or(Ipv4Addr::LOCALHOST.into());
        let address = match first {
            IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            other => other,
        };
        SocketAddr::new(address, self.port(service))
    }
}

/// Makes a CA, a certificate of it, and forgets the CA's key: nobody can make another one.
pub(crate) fn own_certificate(
    names: &[Domain],
    addresses: &[IpAddr],
) -> anyhow::Result<OwnCertificate> {
    let now = Clock::real().now();
    let ca = OwnCa::new(CA_NAME, now)?;
    let issued = ca.issue(names, addresses, now)?;
    let command = Command::CertificateSet {
        chain_pem: issued.chain_pem,
        key_pem: Password(issued.key_pem),
    };
    Ok(OwnCertificate {
        command,
        ca_pem: ca.certificate_pem().to_owned(),
    })
}

/// The person who runs this process, as the kernel knows them.
pub(crate) fn own_actor() -> Actor {
    let login_uid = crate::control::server::login_uid(std::process::id());
    let facts = UnixFacts {
        uid: rustix::process::getuid().as_raw(),
        gid: Some(rustix::process::getgid().as_raw()),
        pid: Some(std::process::id()),
        login_uid,
    };
    Actor::console(facts, crate::control::client::claims())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening() -> Listening {
        Listening {
            addresses: vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
            base_port: 10_000,
            services: vec![Spoken::Smtp, Spoken::Imaps],
        }
    }

    #[test]
    fn each_service_listens_on_each_address_and_is_switched_on() {
        let commands = listening().commands();
        let listeners: Vec<(Spoken, u16)> = commands
            .iter()
            .filter_map(|command| match command {
                Command::ListenerAdd { service, port, .. } => Some((*service, *port)),
                _ => None,
            })
            .collect();
        let (smtp, imaps) = ((Spoken::Smtp, 10_025), (Spoken::Imaps, 10_993));
        assert_eq!(listeners, [smtp, smtp, imaps, imaps]);
        assert_eq!(commands.len(), 6);
    }

    #[test]
    fn a_server_on_all_addresses_is_reached_by_loopback() {
        assert_eq!(
            listening().reach(Spoken::Smtp).to_string(),
            "127.0.0.1:10025"
        );
    }

    #[test]
    fn the_own_certificate_is_good_for_its_names() {
        let made = own_certificate(
            &["localhost".parse().unwrap()],
            &[Ipv4Addr::LOCALHOST.into()],
        );
        let Command::CertificateSet { chain_pem, key_pem } = made.unwrap().command else {
            panic!("it puts a certificate in force");
        };
        let now = Clock::real().now();
        let read = net::Certificate::from_pem(chain_pem.as_bytes(), &key_pem.0, now).unwrap();
        assert!(read.names().contains(&"localhost".to_owned()));
    }
}
