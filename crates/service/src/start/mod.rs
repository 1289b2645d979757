//! How a service comes into being: made new by setup, or opened again and checked.

mod boot;
mod create;
mod files;
mod finding;
mod heal;
mod objects;
mod open;
mod unfinished;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use net::{Clock, Random, Resolver};
use types::{Address, ReversePath};

pub use boot::BootFacts;
pub use create::Founding;
pub(crate) use files::{LedgerFiles, TilesError};
pub(crate) use finding::Finding;
pub(crate) use objects::ObjectRound;
pub(crate) use open::examine;

use crate::admit::AdmitError;
use crate::header;
use crate::keys::KeysError;
use crate::signer::SignerError;

/// Where an installation lives.
#[derive(Clone, Debug)]
pub struct Paths {
    /// The data folder.
    pub data: PathBuf,
    /// The keys folder, outside the data folder.
    pub keys: PathBuf,
}

/// Which ledger an installation must find: the start file pins it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The name of the log.
    pub origin: String,
    /// The key that verifies it.
    pub vkey: String,
}

/// What happens to mail for other servers.
#[derive(Clone)]
pub enum Outside {
    /// It is refused in the session.
    Refuse,
    /// It is put into the queue, for whoever sends.
    Queue,
    /// It is taken and shown, and goes nowhere; for the demo.
    Sink(Arc<dyn Fn(Outgoing) + Send + Sync>),
}

impl Outside {
    /// Whether mail for other servers is taken at all.
    pub(crate) fn sends(&self) -> bool {
        !matches!(self, Self::Refuse)
    }
}

/// A message that would have left.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Envelope sender, to whom a report of failure goes. Of what a rule sends on it is who can end
    /// the rule: the account, or else the postmaster.
    pub from: ReversePath,
    /// To whom.
    pub to: Address,
    /// The rule that sends it, such as `r_2@17`; `None` if a person or an alias does.
    pub rule: Option<String>,
    /// Its header block as it would leave.
    pub head: Vec<u8>,
    /// Its size.
    pub octets: u64,
}

impl Outgoing {
    /// Its subject as it stands, if it has one.
    pub fn subject(&self) -> Option<String> {
        let field = header::fields(&self.head).find(|field| field.is("Subject"));
        let subject = field.map(|field| header::unfolded(field.value));
        subject.map(|subject| String::from_utf8_lossy(&subject).into_owned())
    }
}

/// What a service needs to begin.
#[derive(Clone)]
pub struct Start {
    /// Its folders.
    pub paths: Paths,
    /// Real or virtual time.
    pub clock: Clock,
    /// Real or seeded randomness.
    pub random: Random,
    /// Where mail for other servers goes.
    pub outside: Outside,
    /// Whom it asks about the senders of mail that comes in; [`Resolver::none`] asks nobody.
    pub dns: Resolver,
    /// Password hashes at a time.
    pub hash_threads: usize,
}

/// Why there is no service; each text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The keys folder.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The signer's files.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The data folder.
    #[error(transparent)]
    Open(#[from] store::OpenError),
    /// The database.
    #[error("the data folder cannot be read: {0}")]
    Store(#[from] store::StoreError),
    /// The second copy of the ledger.
    #[error(transparent)]
    Tiles(#[from] TilesError),
    /// The folder has another ledger than the start file says.
    #[error(
        "this is not the ledger that the start file names: it says {pinned}, the keys folder has {found}; check data_dir and keys_dir in the start file"
    )]
    OtherLedger {
        /// What the start file says.
        pinned: String,
        /// What is there.
        found: String,
    },
    /// A setup was cut off before it was done.
    #[error(
        "setup never finished in {data}: nothing in it was ever in use; run it again, it clears away what it left"
    )]
    SetupUnfinished {
        /// The data folder.
        data: PathBuf,
    },
    /// The keys folder and the data folder have each gone on from an older copy of the other.
    #[error(
        "ledger FORKED: our key signed a history of {found} entries that is in the data folder, and another one of {signed} that the keys folder remembers; find out which copy is true and put both folders back from it"
    )]
    Forked {
        /// Entries that the keys folder remembers.
        signed: u64,
        /// Entries that the data folder proves.
        found: u64,
    },
    /// The database is older than what was signed, and the second copy does not have the rest.
    #[error(
        "ledger ROLLED BACK to {found} entries: {signed} were signed; the data folder is older than the keys folder. Put the newest data folder back"
    )]
    RolledBack {
        /// Entries that are there.
        found: u64,
        /// Entries that were signed.
        signed: u64,
    },
    /// An entry is not what was signed, and the second copy does not have it either.
    #[error(
        "ledger DAMAGED at entry {seq}, in the database and in the second copy; put a backup of the data folder back"
    )]
    Damaged {
        /// The first such entry.
        seq: u64,
    },
    /// An entry that was signed cannot be understood.
    #[error(
        "ledger entry {seq} cannot be obeyed by this version: {why}; install the version that made it"
    )]
    NotUnderstood {
        /// Which.
        seq: u64,
        /// Why.
        why: String,
    },
    /// Reading the ledger broke off by a fault of the program.
    #[error("reading the ledger broke off; this is a fault of the program, please report it")]
    BrokenOff,
    /// A demo's folder under `serve`, or the other way round.
    #[error("the ledger in {data} was made by `sealpost {mode}`; it cannot be used otherwise")]
    Mode {
        /// The folder.
        data: String,
        /// Who made it.
        mode: &'static str,
    },
    /// A first change or a boot record was refused.
    #[error(transparent)]
    Admit(#[from] AdmitError),
    /// A certificate in the ledger cannot be used.
    #[error(
        "certificate {id}: {why}; replace it: sealpost certificate set --chain FILE --key FILE"
    )]
    Certificate {
        /// Which.
        id: String,
        /// Why.
        why: String,
    },
    /// What the program is to record of itself.
    #[error("the executable of this program cannot be read: {0}")]
    Facts(#[source] std::io::Error),
    /// The folder of a new installation cannot be made or has something in it.
    #[error("cannot make {path}: {why}")]
    Folder {
        /// Which.
        path: String,
        /// Why.
        why: String,
    },
}

impl StartError {
    /// Whether the ledger is other than it was signed, and cannot be put right from its copies.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Forked { .. } | Self::RolledBack { .. } | Self::Damaged { .. }
        )
    }
}
