//! A whole service on real files in a temporary folder, with virtual time.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ledger::UnixFacts;
use net::{ChannelBindings, Clock, Random, Resolver, TlsInfo};
use policy::Role;
use policy::change::Mode;
use service::{
    Actor, AdmitError, AdmitOptions, Admitted, BootFacts, Command, Ending, Founding, Outside,
    Password, Paths, Peer, Pin, Principal, Protocol, Service, Start, StartError,
};
use tempfile::TempDir;
use types::{Address, ListenerId, Secret, Sha256, Timestamp};

/// The password of every account that a world makes.
pub const PASSWORD: &str = "lamp river quilt ostrich";
/// Monday, 23 November 2026, 10:09:40 UTC.
pub(crate) const BEGIN: Timestamp = Timestamp(1_795_428_580_000_000);

/// How a client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// In the clear, with TLS on offer.
    Clear,
    /// As after a handshake.
    Secured,
}

/// A service for `example.org` and what belongs to it.
pub struct World {
    /// The service.
    pub service: Service,
    /// Its time, which moves only when told.
    pub clock: Clock,
    /// The ledger that it must find when it is opened again.
    pub pin: Pin,
    dir: TempDir,
}

impl World {
    /// A world with these accounts in `example.org` (and in further domains that are named), all
    /// with [`PASSWORD`]. The first one is the owner.
    pub async fn new(accounts: &[&str]) -> Self {
        Self::sending(accounts, Outside::Refuse).await
    }

    /// Such a world with a place for mail that leaves it; a restart forgets that place.
    pub async fn sending(accounts: &[&str], outside: Outside) -> Self {
        Self::begin(accounts, |start| start.outside = outside).await
    }

    /// Such a world that asks this resolver about senders; a restart forgets it.
    pub async fn asking(accounts: &[&str], dns: Resolver) -> Self {
        Self::begin(accounts, |start| start.dns = dns).await
    }

    async fn begin(accounts: &[&str], adjust: impl FnOnce(&mut Start)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let clock = Clock::virtual_at(BEGIN);
        let founding = Founding {
            mode: Mode::Serve,
            host_name: "mx.example.org".parse().expect("a domain name"),
            actor: Self::console(),
            commands: commands(accounts),
        };
        let mut start = start(dir.path(), &clock);
        adjust(&mut start);
        let made = Service::create(start, founding).await;
        let (service, pin) = made.expect("an empty folder can be founded");
        Self {
            service,
            clock,
            pin,
            dir,
        }
    }

    /// Closes the service and opens it again, as after an orderly restart.
    pub async fn reopen(self) -> Self {
        let (clock, pin, dir) = (self.clock.clone(), self.pin.clone(), self.stop().await);
        let service = Self::open_at(dir.path(), &clock, &pin).await;
        Self {
            service: service.expect("what was closed can be opened"),
            clock,
            pin,
            dir,
        }
    }

    /// Drops the service without closing it and opens it again, as after a crash.
    pub async fn crash(self) -> Self {
        let Self {
            service,
            clock,
            pin,
            dir,
        } = self;
        drop(service);
        let service = Self::open_at(dir.path(), &clock, &pin).await;
        Self {
            service: service.expect("what a crash leaves can be opened"),
            clock,
            pin,
            dir,
        }
    }

    /// Closes the service and leaves its folder, for a look or a change from outside.
    pub async fn stop(self) -> TempDir {
        self.service.close().await;
        drop(self.service);
        self.dir
    }

    /// Opens the service whose world was [`Self::stop`]ped.
    pub async fn open_at(dir: &Path, clock: &Clock, pin: &Pin) -> Result<Service, StartError> {
        Self::open_with(dir, clock, pin, facts()).await
    }

    /// [`Self::open_at`] with another start file.
    pub async fn open_with_start_file(
        dir: &Path,
        clock: &Clock,
        pin: &Pin,
        start_file: &str,
    ) -> Result<Service, StartError> {
        let facts = BootFacts {
            start_file: start_file.as_bytes().to_vec(),
            ..facts()
        };
        Self::open_with(dir, clock, pin, facts).await
    }

    async fn open_with(
        dir: &Path,
        clock: &Clock,
        pin: &Pin,
        facts: BootFacts,
    ) -> Result<Service, StartError> {
        let start = start(dir, clock);
        Service::open(start, pin, Mode::Serve, std::future::ready(Ok(facts))).await
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The keys folder.
    pub fn keys(&self) -> PathBuf {
        self.dir.path().join("keys")
    }

    /// A user of the console, root on this machine.
    pub fn console() -> Actor {
        let facts = UnixFacts {
            uid: 0,
            gid: Some(0),
            pid: Some(4_242),
            login_uid: Some(1_000),
        };
        Actor::console(facts, BTreeMap::new())
    }

    /// Makes changes from the console, in one append.
    pub async fn admit_all(&self, commands: Vec<Command>) -> Result<Admitted, AdmitError> {
        self.service
            .admit(&Self::console(), commands, AdmitOptions::default())
            .await
    }

    /// Makes a change from the console.
    pub async fn admit(&self, command: Command) -> Result<Admitted, AdmitError> {
        self.admit_all(vec![command]).await
    }

    /// A client on a TLS connection that has not signed in.
    pub fn peer(&self, protocol: Protocol) -> Peer {
        self.peer_over(Link::Secured, protocol)
    }

    /// A client that has not signed in.
    pub fn peer_over(&self, link: Link, protocol: Protocol) -> Peer {
        let tls = TlsInfo {
            version: "TLSv1.3".to_owned(),
            cipher: "TLS_AES_256_GCM_SHA384".to_owned(),
            server_name: None,
            bindings: ChannelBindings {
                exporter: Some([7; 32]),
                end_point: None,
            },
        };
        Peer {
            protocol,
            listener: ListenerId(1),
            address: SocketAddr::from(([192, 0, 2, 9], 40_000)),
            proxy: None,
            tls: (link == Link::Secured).then_some(tls),
            session: self.service.new_session(),
            ending: Ending::default(),
        }
    }

    /// An account, signed in over IMAP.
    pub async fn sign_in(&self, address: &str) -> Principal {
        let password = Secret::new(PASSWORD.into());
        let signed_in = self
            .service
            .sign_in(&self.peer(Protocol::Imap), address, &password)
            .await;
        signed_in.expect("every account of a world has the same password")
    }
}

fn commands(accounts: &[&str]) -> Vec<Command> {
    let mut commands = vec![domain("example.org")];
    let mut domains = vec!["example.org".to_owned()];
    for (number, account) in accounts.iter().enumerate() {
        let address: Address = account.parse().expect("an address");
        let name = address.domain().to_string();
        if !domains.contains(&name) {
            commands.push(domain(&name));
            domains.push(name);
        }
        commands.push(Command::AccountAdd {
            address,
            name: None,
            role: if number == 0 {
                Role::Owner
            } else {
                Role::MailboxOwner
            },
            quota_octets: None,
            password: Password(Secret::new(PASSWORD.into())),
        });
    }
    commands
}

fn domain(name: &str) -> Command {
    Command::DomainAdd {
        domain: name.parse().expect("a domain name"),
    }
}

fn start(dir: &Path, clock: &Clock) -> Start {
    Start {
        paths: Paths {
            data: dir.join("data"),
            keys: dir.join("keys"),
        },
        clock: clock.clone(),
        random: Random::system(),
        outside: Outside::Refuse,
        dns: Resolver::none(),
        hash_threads: 2,
    }
}

fn facts() -> BootFacts {
    BootFacts {
        version: "0.0.0-test".to_owned(),
        binary: Sha256([0; 32]),
        argv: vec!["sealpost".to_owned(), "serve".to_owned()],
        start_file: b"host_name = \"mx.example.org\"\n".to_vec(),
        environment: Vec::new(),
        host: "test".to_owned(),
        uid: 0,
    }
}
