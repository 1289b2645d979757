//! `sealpost demo`: a whole server on this machine alone, with people, mail and a story in it.
//!
//! It listens on loopback, asks no DNS, and nothing leaves: mail for other servers goes to a sink
//! that shows it. Its ready line is a contract for tools.

mod folders;
mod kept;
mod sender;
mod story;

mod bounce;
mod intruder;

mod replay;
mod telling;

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use ledger::Door;
use net::{Clock, Random};
use policy::change::Mode;
use policy::{LogLevel, Role, Service as Spoken};
use service::{Actor, AdmitOptions, Command, Founding, Outgoing, Outside, Pin, Service, Start};
use tokio::sync::watch;
use types::{Domain, Secret};

use crate::exit::Failure;
use crate::founding::{self, CA_FILE, Listening};
use crate::output;
use crate::run::{self, House, Signals};
use crate::secret_input;
use crate::start_file;
use folders::Folders;
use kept::{Kept, Person};
use replay::{Stage, Told};

/// Keeps what left last.
type Left = watch::Sender<Option<Outgoing>>;

/// The highest base that still leaves room for the highest port, 4190.
const BASE_PORT_MAX: u16 = 61_345;
/// Accounts beside the people of the story.
const ACCOUNTS_MAX: u32 = 10_000 - 3;
/// Commands of one append.
const BATCH_COMMANDS: usize = 1_000;
/// Settings that differ from those of a real server. All clients are one source here, and
/// programs that try the demo out choose short passwords.
const SETTINGS: [(&str, &str); 4] = [
    ("connections_per_source_max", "10000"),
    ("connections_unauthenticated_max", "10000"),
    ("sign_in_failures_per_source_max", "10000"),
    ("password_min_chars", "8"),
];

/// What the demo says about [`SETTINGS`].
const LIMITS_RAISED: &str =
    "Limits per source are raised: all clients here are one source (`config get`).";

/// Starts a server on this machine only, with mail and a break-in to find out. Ctrl-C ends it.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// Where to keep its data; without it, a new folder for temporary files.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Added to the registered port numbers.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(..=i64::from(BASE_PORT_MAX)))]
    base_port: u16,
    /// Make this many more accounts: u0001, u0002 and so on.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=i64::from(ACCOUNTS_MAX)))]
    accounts: u32,
    /// The domain of all accounts.
    #[arg(long, default_value = "demo.test")]
    domain: Domain,
    /// Password of the accounts u0001 and up.
    #[arg(long, value_name = "TEXT")]
    password: Option<String>,
    /// Start empty: no mail, no break-in.
    #[arg(long)]
    no_story: bool,
    /// Leave the data when it ends; the same command goes on with them.
    #[arg(long)]
    keep: bool,
    /// Print one JSON line when ready.
    #[arg(long)]
    json: bool,
}

impl Demo {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        run::log::start(run::log::Form::Text, LogLevel::Warn)?;
        let folders = Folders::choose(self.data.as_deref(), self.keep)?;
        run::runtime()?.block_on(self.live(&folders, out))
    }

    async fn live(&self, folders: &Folders, out: &mut dyn Write) -> anyhow::Result<()> {
        let mut signals = Signals::listen()?;
        // Cut off half-way, the demo is removed; one that was kept is as after a crash.
        let (left, newest_left) = watch::channel(None);
        let (service, kept) = tokio::select! {
            opened = self.open(folders, left) => opened?,
            name = signals.next() => anyhow::bail!("{name} before the demo was ready"),
        };
        let socket = start_file::default_socket(folders.data());
        let mut interrupted = Signals::listen()?;
        let house = House::open(service.clone(), &socket, signals).await?;
        let house = house.or_nothing().await?;
        let end = house.end();
        let mut running = pin!(house.run());
        // A change waits for the doors to follow it, so the story is played while they do.
        let ready = tokio::select! {
            biased;
            // The house hears it too, and closes.
            name = interrupted.next() => Err(anyhow!("{name} before the demo was ready")),
            ended = &mut running => return ended,
            ready = self.open_stage(&service, &kept, folders, &newest_left, out) => ready,
        };
        if ready.is_err() {
            end.notify_one();
        }
        running.await.and(ready)
    }

    async fn open(&self, folders: &Folders, left: Left) -> anyhow::Result<(Service, Kept)> {
        match Kept::read(folders)? {
            Some(kept) => Ok((self.go_on(folders, left, &kept).await?, kept)),
            None => self.begin(folders, left).await,
        }
    }

    /// Plays the story and says that all is ready.
    async fn open_stage(
        &self,
        service: &Service,
        kept: &Kept,
        folders: &Folders,
        left: &watch::Receiver<Option<Outgoing>>,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let listening = self.listening();
        let told = match folders.existed() || self.no_story {
            true => None,
            false => Some(self.play(service, kept, folders, left).await?),
        };
        if self.json {
            let mut talk = std::io::stderr();
            if let Some(told) = &told {
                told.tell(&mut talk, folders.data())?;
            }
            writeln!(talk, "{LIMITS_RAISED}")?;
            output::json_line(out, &kept.ready(&listening, folders))?;
        } else {
            kept.tell(out, &listening, folders, told.as_ref())?;
            writeln!(out, "\n{LIMITS_RAISED}\n")?;
        }
        Ok(out.flush()?)
    }

    async fn play(
        &self,
        service: &Service,
        kept: &Kept,
        folders: &Folders,
        left: &watch::Receiver<Option<Outgoing>>,
    ) -> anyhow::Result<Told> {
        let stolen = story::address(story::ADMIN, &self.domain)?;
        let mut passwords = kept.accounts.iter();
        let password = passwords.find_map(|person| person.password_of(&stolen));
        let stage = Stage {
            service,
            listening: &self.listening(),
            domain: &self.domain,
            ca_pem: &std::fs::read_to_string(folders.data().join(CA_FILE))?,
            password: password.context("the one whose password is stolen has no account")?,
            left,
        };
        let told = stage.play().await;
        told.context("the story could not be played; --no-story starts without it")
    }

    /// Goes on with a demo that was kept.
    async fn go_on(&self, folders: &Folders, left: Left, kept: &Kept) -> anyhow::Result<Service> {
        let facts = run::boot_facts(String::new());
        let pin = Pin {
            origin: kept.origin.clone(),
            vkey: kept.vkey.clone(),
        };
        let service = Service::open(self.start(folders, left), &pin, Mode::Demo, facts).await?;
        if kept.base_port != self.base_port || kept.domain != self.domain {
            service.close().await;
            let words = format!(
                "the demo in {} was made with --base-port {} --domain {}: use these, or another \
                 folder",
                folders.data().display(),
                kept.base_port,
                kept.domain
            );
            return Err(Failure::usage(words).into());
        }
        Ok(service)
    }

    /// Makes a new demo.
    async fn begin(&self, folders: &Folders, left: Left) -> anyhow::Result<(Service, Kept)> {
        if !self.no_story && story::is_elsewhere(&self.domain) {
            let words = format!(
                "somebody else in the story has an address in {}: name another --domain, or add \
                 --no-story",
                self.domain
            );
            return Err(Failure::usage(words).into());
        }
        let people = self.people()?;
        let names = [
            "localhost".parse()?,
            self.domain.clone(),
            format!("mail.{}", self.domain).parse()?,
        ];
        let loopback = [
            Ipv4Addr::LOCALHOST.into(),
            std::net::Ipv6Addr::LOCALHOST.into(),
        ];
        let certificate = founding::own_certificate(&names, &loopback)?;
        let mut commands = vec![
            Command::DomainAdd {
                domain: self.domain.clone(),
            },
            certificate.command,
        ];
        commands.extend(SETTINGS.map(|(key, value)| Command::SettingSet {
            key: key.to_owned(),
            value: value.to_owned(),
        }));
        commands.extend(self.listening().commands());
        let founding = Founding {
            mode: Mode::Demo,
            host_name: format!("mail.{}", self.domain).parse()?,
            actor: founding::own_actor(),
            commands,
        };
        let (service, pin) = Service::create(self.start(folders, left), founding).await?;
        let kept = Kept {
            domain: self.domain.clone(),
            base_port: self.base_port,
            accounts: people,
            origin: pin.origin,
            vkey: pin.vkey,
        };
        if let Err(error) = self
            .settle(&service, folders, &kept, &certificate.ca_pem)
            .await
        {
            service.close().await;
            return Err(error);
        }
        Ok((service, kept))
    }

    /// Makes the accounts and writes what is kept beside the data.
    async fn settle(
        &self,
        service: &Service,
        folders: &Folders,
        kept: &Kept,
        ca_pem: &str,
    ) -> anyhow::Result<()> {
        let commands: Vec<Command> = kept.accounts.iter().map(Person::command).collect();
        // The program fills its own stage; a person's budget of changes is not meant for that.
        let actor = Actor::system(Door::Boot);
        for batch in commands.chunks(BATCH_COMMANDS) {
            admit(service, &actor, batch.to_vec()).await?;
        }
        std::fs::write(folders.data().join(CA_FILE), ca_pem)?;
        kept.write(folders)
    }

    /// Everyone who gets an account.
    fn people(&self) -> anyhow::Result<Vec<Person>> {
        let random = Random::system();
        let mut people = Vec::new();
        for (local, name, role) in story::PEOPLE {
            let address = story::address(local, &self.domain)?;
            let password = secret_input::generate(&random).secret;
            people.push(Person::new(address, Some(name), role, &password));
        }
        let given = self
            .password
            .as_ref()
            .map(|text| Secret::new(text.clone().into_bytes()));
        let shared = given.unwrap_or_else(|| secret_input::generate(&random).secret);
        for number in 1..=self.accounts {
            let address = story::address(&format!("u{number:04}"), &self.domain)?;
            people.push(Person::new(address, None, Role::MailboxOwner, &shared));
        }
        Ok(people)
    }

    fn listening(&self) -> Listening {
        Listening {
            addresses: vec![Ipv4Addr::LOCALHOST.into()],
            base_port: self.base_port,
            services: Spoken::for_mail().collect(),
        }
    }

    fn start(&self, folders: &Folders, left: Left) -> Start {
        Start {
            paths: folders.paths(),
            clock: Clock::real(),
            random: Random::system(),
            outside: Outside::Sink(Arc::new(move |outgoing| {
                show(&outgoing);
                left.send_replace(Some(outgoing));
            })),
            dns: net::Resolver::none(),
            hash_threads: run::hash_threads(),
        }
    }
}

async fn admit(service: &Service, actor: &Actor, commands: Vec<Command>) -> anyhow::Result<()> {
    let options = AdmitOptions {
        reason: Some("the demo begins".to_owned()),
        dry_run: false,
        ..AdmitOptions::default()
    };
    service.admit(actor, commands, options).await?;
    Ok(())
}

/// The sink: says what would have left this machine.
fn show(outgoing: &Outgoing) {
    let subject = outgoing.subject();
    let rule = outgoing.rule.as_ref();
    let by = rule.map(|rule| format!(", by rule {rule}"));
    eprintln!(
        "Would have left for {}, OUTSIDE: \"{}\"\n  {} octets, from {}{}. Nothing leaves the demo.",
        output::visible(&outgoing.to.to_string()),
        output::visible(subject.as_deref().unwrap_or("(no subject)")),
        outgoing.octets,
        outgoing.from,
        by.unwrap_or_default(),
    );
}
