//! `sealpost setup`: makes a new installation from flags alone, and says what to keep elsewhere.

use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use net::{Clock, Random};
use policy::change::Mode;
use policy::{Role, Service as Spoken};
use serde_json::json;
use service::{Command, Founding, Outside, Password, Paths, Pin, Service, Start};
use types::{Address, Domain};

use super::certificate;
use crate::exit::{Exit, Failure};
use crate::founding::{self, CA_FILE, Listening, OwnCertificate};
use crate::output::Format;
use crate::place::DEFAULT_START_FILE;
use crate::run;
use crate::secret_input::PasswordSource;
use crate::start_file::{self, StartFile};

/// Services of a new installation. POP3, ManageSieve and IMAP without TLS from the first octet are off.
const SERVICES: [Spoken; 4] = [
    Spoken::Smtp,
    Spoken::Submission,
    Spoken::Submissions,
    Spoken::Imaps,
];
/// The highest number that still leaves room for all ports.
const BASE_PORT_MAX: u16 = 60_000;

/// Makes a new installation: data folder, keys, ledger, first domain and its owner.
#[derive(Debug, clap::Args)]
pub(crate) struct Setup {
    /// Address of the owner; its domain is the first domain.
    owner: Address,
    /// The name of this server; without it, mail.DOMAIN.
    #[arg(long, value_name = "NAME")]
    host_name: Option<Domain>,
    /// The name of the owner that people see.
    #[arg(long)]
    name: Option<String>,
    /// Where to write the start file.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_START_FILE)]
    config: PathBuf,
    /// The data folder to make.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/sealpost")]
    data: PathBuf,
    /// The keys folder to make, outside the data folder; without it, DIR-keys.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Listen on this address only; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<IpAddr>,
    /// Added to the registered port numbers.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=i64::from(BASE_PORT_MAX)))]
    base_port: u16,
    /// PEM file with a certificate chain; without it, the server makes a certificate that clients
    /// must be told to trust.
    #[arg(long, value_name = "FILE", requires = "key")]
    chain: Option<PathBuf>,
    /// PEM file with the private key for --chain.
    #[arg(long, value_name = "FILE", requires = "chain")]
    key: Option<PathBuf>,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    format: Format,
}

/// An installation as it will be, checked before anything is made.
struct Plan {
    config: PathBuf,
    paths: Paths,
    host_name: Domain,
    listening: Listening,
}

impl Setup {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let plan = self.plan()?;
        let (certificate, ca_pem) = self.certificate(&plan)?;
        let password = self.password.read_or_generate()?;
        let owner = Command::AccountAdd {
            address: self.owner.clone(),
            name: self.name.clone(),
            role: Role::Owner,
            quota_octets: None,
            password: Password(password.secret.clone()),
        };
        let domain = Command::DomainAdd {
            domain: self.owner.domain().clone(),
        };
        let mut commands = vec![domain, owner, certificate];
        commands.extend(plan.listening.commands());
        let pin = run::runtime()?.block_on(found(&plan, commands))?;
        if let Some(pem) = &ca_pem {
            fs::write(plan.paths.data.join(CA_FILE), pem)?;
        }
        plan.write_start_file(&pin)?;
        let shown = password.generated.then_some(password.secret);
        let shown = shown
            .as_ref()
            .map(|secret| String::from_utf8_lossy(secret.expose()));
        self.tell(out, &plan, &pin, shown.as_deref(), ca_pem.is_some())
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        let config = std::path::absolute(&self.config)?;
        let data = std::path::absolute(&self.data)?;
        let keys = match &self.keys {
            Some(keys) => std::path::absolute(keys)?,
            None => start_file::default_keys_dir(&data),
        };
        if keys.starts_with(&data) {
            let words = "--keys must lie outside --data, so that no backup of the data carries its \
                         keys";
            return Err(Failure::usage(words).into());
        }
        for path in [&config, &data, &keys] {
            if !start_file::is_plain_absolute(path) {
                let words = format!("{}: write the path without ..", path.display());
                return Err(Failure::usage(words).into());
            }
        }
        refuse_existing(&config, &data, &keys)?;
        let host_name = match &self.host_name {
            Some(name) => name.clone(),
            None => format!("mail.{}", self.owner.domain()).parse()?,
        };
        let everywhere = || vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
        let addresses = if self.listen.is_empty() {
            everywhere()
        } else {
            self.listen.clone()
        };
        let listening = Listening {
            addresses,
            base_port: self.base_port,
            services: SERVICES.to_vec(),
        };
        Ok(Plan {
            config,
            paths: Paths { data, keys },
            host_name,
            listening,
        })
    }

    /// The first certificate, and the CA to trust if it is our own.
    fn certificate(&self, plan: &Plan) -> anyhow::Result<(Command, Option<String>)> {
        if let (Some(chain), Some(key)) = (&self.chain, &self.key) {
            return Ok((certificate::read(chain, key)?, None));
        }
        let names = [plan.host_name.clone(), "localhost".parse()?];
        let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        let OwnCertificate { command, ca_pem } = founding::own_certificate(&names, &loopback)?;
        Ok((command, Some(ca_pem)))
    }

    fn tell(
        &self,
        out: &mut dyn Write,
        plan: &Plan,
        pin: &Pin,
        password: Option<&str>,
        own_ca: bool,
    ) -> anyhow::Result<()> {
        let ca = own_ca.then(|| plan.paths.data.join(CA_FILE));
        let mut told = json!({
            "start_file": plan.config,
            "data": plan.paths.data,
            "keys": plan.paths.keys,
            "host_name": plan.host_name,
            "owner": self.owner,
            "preset": "relaxed",
            "ledger": {"origin": pin.origin, "vkey": pin.vkey},
        });
        if let Some(password) = password {
            told["password"] = password.into();
        }
        if let Some(ca) = &ca {
            told["ca"] = json!(ca);
        }
        self.format.details(out, &told)?;
        eprintln!();
        eprintln!("Keep the ledger's origin and vkey on another machine: with them anyone can");
        eprintln!("check that the record of this server is whole.");
        eprintln!("This server runs Relaxed: changes apply at once and are recorded; nothing is");
        eprintln!("held for approval yet.");
        if let Some(ca) = &ca {
            eprintln!(
                "The server made its own certificate: clients must trust {}, or give it",
                ca.display()
            );
            eprintln!("another one with `sealpost certificate set`.");
        }
        eprintln!(
            "Start it: sealpost serve --config {}",
            plan.config.display()
        );
        Ok(())
    }
}

impl Plan {
    fn write_start_file(&self, pin: &Pin) -> anyhow::Result<()> {
        let file = StartFile {
            host_name: self.host_name.clone(),
            data_dir: self.paths.data.clone(),
            keys_dir: self.paths.keys.clone(),
            control_socket: start_file::default_socket(&self.paths.data),
            origin: pin.origin.parse()?,
            vkey: pin.vkey.parse()?,
            outbound: start_file::Outbound::default(),
        };
        file.create(&self.config).with_context(|| {
            format!(
                "the installation is complete but for its start file. Its ledger: origin {}, vkey {}",
                pin.origin, pin.vkey
            )
        })
    }
}

async fn found(plan: &Plan, commands: Vec<Command>) -> anyhow::Result<Pin> {
    if let Some(folder) = plan.config.parent() {
        fs::create_dir_all(folder).with_context(|| {
            format!("cannot make {}, the start file's folder", folder.display())
        })?;
    }
    let start = Start {
        paths: plan.paths.clone(),
        clock: Clock::real(),
        random: Random::system(),
        outside: Outside::Refuse,
        dns: net::Resolver::none(),
        hash_threads: run::hash_threads(),
    };
    let founding = Founding {
        mode: Mode::Serve,
        host_name: plan.host_name.clone(),
        actor: founding::own_actor(),
        commands,
    };
    let (service, pin) = Service::create(start, founding).await?;
    service.close().await;
    Ok(pin)
}

fn refuse_existing(config: &Path, data: &Path, keys: &Path) -> Result<(), Failure> {
    let filled =
        |folder: &Path| fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    let found = [
        config.exists().then_some(config),
        filled(data).then_some(data),
        filled(keys).then_some(keys),
    ];
    let Some(path) = found.into_iter().flatten().next() else {
        return Ok(());
    };
    let words = format!(
        "{} exists: an installation is never overwritten. Give this one other places with --config, \
         --data and --keys",
        path.display()
    );
    Err(Failure::new(Exit::Conflict, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exists_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let [config, data, keys] = ["c.toml", "d", "k"].map(|name| folder.path().join(name));
        assert_eq!(refuse_existing(&config, &data, &keys), Ok(()));
        fs::create_dir(&data).unwrap();
        assert_eq!(
            refuse_existing(&config, &data, &keys),
            Ok(()),
            "an empty folder is free"
        );
        fs::write(data.join("mail.db"), "x").unwrap();
        let failure = refuse_existing(&config, &data, &keys).unwrap_err();
        assert_eq!(failure.exit(), Exit::Conflict);
        fs::write(&config, "x").unwrap();
        let failure = refuse_existing(&config, &data, &keys).unwrap_err();
        assert!(failure.to_string().contains("c.toml"), "{failure}");
    }
}
