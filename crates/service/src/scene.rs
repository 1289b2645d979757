//! For tests inside the crate: an installation in a temporary folder, looked at from outside.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ledger::{Entry, UnixFacts};
use net::{Clock, Random};
use policy::ConfigBuilder;
use policy::change::Mode;
use rusqlite::Connection;
use tempfile::TempDir;
use types::{Sha256, Timestamp};

use crate::{
    Actor, AdmitError, AdmitOptions, Admitted, BootFacts, Command, Founding, Outside, Paths, Pin,
    Service, Start, StartError,
};

/// An installation with the domain `example.org` and nothing else.
pub(crate) struct Scene {
    pub(crate) service: Service,
    pub(crate) pin: Pin,
    pub(crate) dir: TempDir,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = Service::create(start(dir.path()), founding()).await;
        let (service, pin) = made.unwrap();
        Self { service, pin, dir }
    }

    /// Drops the service without a word, and leaves the folder.
    pub(crate) fn abandon(self) -> (TempDir, Pin) {
        drop(self.service);
        (self.dir, self.pin)
    }
}

pub(crate) fn start(dir: &Path) -> Start {
    Start {
        paths: Paths {
            data: dir.join("data"),
            keys: dir.join("keys"),
        },
        clock: Clock::virtual_at(Timestamp(1_795_428_580_000_000)),
        random: Random::system(),
        outside: Outside::Refuse,
        dns: net::Resolver::none(),
        hash_threads: 1,
    }
}

pub(crate) fn founding() -> Founding {
    Founding {
        mode: Mode::Serve,
        host_name: "mx.example.org".parse().unwrap(),
        actor: console(),
        commands: vec![domain("example.org")],
    }
}

pub(crate) async fn open(dir: &Path, pin: &Pin) -> Result<Service, StartError> {
    let facts = BootFacts {
        version: "0.0.0-test".to_owned(),
        binary: Sha256([0; 32]),
        argv: vec!["sealpost".to_owned()],
        start_file: b"host_name = \"mx.example.org\"\n".to_vec(),
        environment: Vec::new(),
        host: "test".to_owned(),
        uid: 0,
    };
    Service::open(start(dir), pin, Mode::Serve, std::future::ready(Ok(facts))).await
}

pub(crate) fn console() -> Actor {
    let facts = UnixFacts {
        uid: 0,
        gid: Some(0),
        pid: Some(4_242),
        login_uid: Some(1_000),
    };
    Actor::console(facts, BTreeMap::new())
}

pub(crate) fn domain(name: &str) -> Command {
    Command::DomainAdd {
        domain: name.parse().unwrap(),
    }
}

/// Adds a domain with a reason, so that there is something to be stored beside the entry.
pub(crate) async fn add(service: &Service, name: &str) -> Result<Admitted, AdmitError> {
    let options = AdmitOptions {
        reason: Some("because".to_owned()),
        dry_run: false,
        ..AdmitOptions::default()
    };
    let commands = vec![domain(name)];
    service.admit(&console(), commands, options).await
}

/// What a power cut would leave: a copy of the folders as they are now.
pub(crate) fn image(dir: &Path) -> TempDir {
    let image = tempfile::tempdir().unwrap();
    copy(dir, image.path());
    image
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            fs::set_permissions(&target, entry.metadata().unwrap().permissions()).unwrap();
            copy(&entry.path(), &target);
        } else if entry.file_name() != "mail.db-shm" && entry.file_name() != "reserve" {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

pub(crate) fn database(dir: &Path) -> Connection {
    Connection::open(dir.join("data/mail.db")).unwrap()
}

/// The stored entries, read past the server.
pub(crate) fn entries(dir: &Path) -> Vec<Entry> {
    let db = database(dir);
    let sql = "SELECT bytes FROM ledger_entry ORDER BY seq";
    let mut query = db.prepare(sql).unwrap();
    let rows = query.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    rows.map(|bytes| Entry::from_bytes(&bytes.unwrap()).unwrap())
        .collect()
}

/// How many entries make a domain of this name.
pub(crate) fn entries_adding(dir: &Path, name: &str) -> usize {
    let adds = |entry: &&Entry| {
        let after = entry.after.as_ref();
        entry.kind == "domain.create" && after.is_some_and(|after| after["name"] == name)
    };
    entries(dir).iter().filter(adds).count()
}

pub(crate) fn kinds(dir: &Path) -> Vec<String> {
    entries(dir).into_iter().map(|entry| entry.kind).collect()
}

/// Writes an entry of somebody else at `seq`, over whatever stands there.
pub(crate) fn write_rogue(dir: &Path, seq: u64) {
    let mut rogue = entries(dir).pop().unwrap();
    rogue.seq = seq;
    rogue.boot = "rogue".to_owned();
    let bytes = rogue.to_bytes().unwrap();
    let leaf = ledger::tree::leaf_hash(&bytes).0.to_vec();
    let sql = "INSERT INTO ledger_entry (log, seq, leaf, bytes)
               SELECT log, ?1, ?2, ?3 FROM ledger_entry WHERE seq = 0
               ON CONFLICT DO UPDATE SET leaf = excluded.leaf, bytes = excluded.bytes";
    let seq = i64::try_from(seq).unwrap();
    database(dir).execute(sql, (seq, leaf, bytes)).unwrap();
}

/// Whether the ledger verifies and what is obeyed is nothing but the fold of its entries.
pub(crate) async fn assert_sound(service: &Service, dir: &Path) {
    let verified = service.ledger_verify(&console()).await.unwrap();
    assert!(verified.good, "{verified:?}");
    let mut fold = ConfigBuilder::new();
    for entry in entries(dir) {
        assert_ne!(entry.boot, "rogue");
        fold.fold_entry(&entry).unwrap();
    }
    let (fold, config) = (fold.finish(), service.config());
    assert_eq!(config.size(), fold.size());
    assert_eq!(config.state(), fold.state());
    assert_eq!(format!("{config:?}"), format!("{fold:?}"));
}

/// Account and mailbox of each stored message.
pub(crate) const STORED: &str = "SELECT m.account || ' ' || m.name FROM in_mailbox e JOIN mailbox m ON m.id = e.mailbox ORDER BY 1";
/// What became of each message.
pub(crate) const FATES: &str =
    "SELECT recipient || ' ' || action || ' ' || target FROM fate ORDER BY 1";
/// The ids of all messages that came.
pub(crate) const TOKENS: &str = "SELECT message FROM fate";
/// The same with the account that was reached.
pub(crate) const FATES_OF_ACCOUNTS: &str = "SELECT recipient || ' ' || COALESCE(account, '-') || ' ' || action || ' ' || target FROM fate ORDER BY 1";
/// Account and reason of each removed message.
pub(crate) const REMOVALS_OF_ACCOUNTS: &str =
    "SELECT account || ' ' || reason FROM recoverable ORDER BY 1";
/// Account and header block of each stored message.
pub(crate) const HEADS_OF_ACCOUNTS: &str =
    "SELECT e.account || ' ' || CAST(e.head AS TEXT) FROM email e ORDER BY 1";
/// Puts a removed message down as one from another mailbox, past the server.
pub(crate) const MOVE_REMOVED: &str = "UPDATE recoverable SET mailbox = 'Sent' WHERE id = ?1";
/// Account, reason and rule of each removed message.
pub(crate) const RECOVERABLE: &str =
    "SELECT account || ' ' || reason || ' ' || rule FROM recoverable";
/// The rules that had a part in something.
pub(crate) const FATE_RULES: &str = "SELECT rule FROM fate_rule";
/// Why messages were removed.
pub(crate) const REMOVALS: &str = "SELECT reason FROM recoverable";
/// The rules of what went outside.
pub(crate) const RULES_OF_SUNK: &str = "SELECT CAST(rules AS TEXT) FROM fate WHERE action = 'sink'";
/// The rules of each fate.
pub(crate) const RULES_OF_FATES: &str = "SELECT CAST(rules AS TEXT) FROM fate ORDER BY recipient";
/// How often rules acted on a day.
pub(crate) const MATCHES: &str = "SELECT CAST(matches AS TEXT) FROM rule_day";
/// Header blocks.
pub(crate) const HEADS: &str = "SELECT CAST(head AS TEXT) FROM email";
/// Flags as a number.
pub(crate) const FLAGS_OF_FOLDERS: &str = "SELECT m.name || ' ' || e.flags FROM in_mailbox e JOIN mailbox m ON m.id = e.mailbox ORDER BY 1";

pub(crate) const FLAGS: &str = "SELECT CAST(flags AS TEXT) FROM in_mailbox";

/// What a query of one text gives, a line for each row.
pub(crate) fn rows(dir: &Path, query: &str) -> Vec<String> {
    let db = database(dir);
    let mut query = db.prepare(query).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}
