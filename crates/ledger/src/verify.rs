//! The offline verifier: what can be said about a log by looking at its bytes (docs/ledger.md,
//! "Verifying").
//!
//! It reads the entries once from the first to the last, holds one chunk of them at a time, and
//! stops at the first that is wrong. A verdict names what it was checked against: without a key
//! nobody vouches for anything, and without a copy kept outside nobody can tell whether the holder
//! of the key rewrote the past.

mod export;
mod stream;

use std::fmt;
use std::io;
use std::num::NonZeroUsize;

use types::{Sha256, Timestamp};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::entry::EntryError;
use crate::note::{Note, VerifierKey};
use crate::origin::Origin;
use crate::tiles::TileReader;

pub use export::Export;
use stream::{Stream, Streamed};

/// Copies of checkpoints that are compared in one go.
pub const COPIES_MAX: usize = 1_000;

/// Where a log is read from. Reading happens on the calling thread alone.
pub trait Source {
    /// The stored entries in the order of their numbers, from the first whose number is at least
    /// `from`: at most `limit`, none only where the log ends.
    fn entries(&self, from: u64, limit: usize) -> io::Result<Vec<Vec<u8>>>;

    /// The newest signed checkpoint.
    fn checkpoint(&self) -> io::Result<Vec<u8>>;

    /// The second copy of the log as tile files, if there is one to compare with.
    fn tiles(&self) -> Option<&dyn TileReader>;
}

/// A checkpoint of the log that was kept elsewhere.
#[derive(Clone, Debug)]
pub struct Copy {
    /// The signed checkpoint as it was kept.
    pub checkpoint: Vec<u8>,
    /// When it was given away.
    pub seen: Timestamp,
}

/// What a log is checked against.
#[derive(Clone, Debug)]
pub struct Against {
    /// The pinned key; without it the best verdict is [`Verdict::Consistent`].
    pub key: Option<VerifierKey>,
    /// Checkpoints kept elsewhere, at most [`COPIES_MAX`]; they need the key.
    pub copies: Vec<Copy>,
    /// The present time, to tell the age of a copy.
    pub now: Timestamp,
    /// Seconds after which the newest copy no longer vouches for the present, if that matters.
    pub copy_age_max_s: Option<u64>,
    /// Threads that hash and parse.
    pub threads: NonZeroUsize,
}

/// What can be said about a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Entries, tree and checkpoint agree; no key was given, so nobody vouches for them.
    Consistent,
    /// As before, and the checkpoint is signed by the pinned key.
    Signed,
    /// As before, and copies kept elsewhere agree.
    Anchored {
        /// How many.
        n: usize,
        /// Seconds since the one that vouches for the most was given away.
        age_s: u64,
    },
    /// Stored is not what was signed.
    Tampered {
        /// The first entry that is wrong, or that nothing signed vouches for.
        seq: u64,
    },
    /// A signed checkpoint shows that the log was longer.
    RolledBack {
        /// Entries that are left.
        to: u64,
        /// Entries that are gone.
        lost: u64,
    },
    /// The key signed two histories.
    Forked,
    /// The checkpoint is of another epoch, which the pinned key does not vouch for.
    EpochBreak {
        /// The epoch that is claimed.
        at: u64,
    },
    /// The entries are as signed, but cannot all be read, or their second copy is wrong.
    Damaged {
        /// The first entry concerned.
        seq: u64,
    },
    /// All copies that agree are too old to vouch for the present.
    CannotTellSince {
        /// When the newest was given away.
        time: Timestamp,
    },
}

impl Verdict {
    /// Whether nothing is wrong with what could be checked.
    pub fn is_good(&self) -> bool {
        matches!(
            self,
            Self::Consistent | Self::Signed | Self::Anchored { .. }
        )
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Consistent => write!(f, "CONSISTENT"),
            Self::Signed => write!(f, "SIGNED"),
            Self::Anchored { n, age_s } => write!(f, "ANCHORED({n}, {age_s} s)"),
            Self::Tampered { seq } => write!(f, "TAMPERED({seq})"),
            Self::RolledBack { to, lost } => write!(f, "ROLLED-BACK({to}, {lost})"),
            Self::Forked => write!(f, "FORKED"),
            Self::EpochBreak { at } => write!(f, "EPOCH-BREAK({at})"),
            Self::Damaged { seq } => write!(f, "DAMAGED({seq})"),
            Self::CannotTellSince { time } => write!(f, "CANNOT TELL SINCE({time})"),
        }
    }
}

/// What is wrong at one place.
#[derive(Debug, thiserror::Error)]
pub enum FaultKind {
    /// The entry cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// The bytes are not an entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The entry says another number than its place.
    #[error("the entry in this place says that it is number {0}")]
    Seq(u64),
    /// The entry is of another log.
    #[error("the entry in this place is of the log {0}")]
    Log(Origin),
    /// The entry stands behind the end of what was signed.
    #[error("no signed checkpoint covers this entry")]
    Uncovered,
    /// A tile file differs from the entries.
    #[error("the file {0} differs from the entries")]
    TileDiffers(String),
    /// A tile file is not there or cannot be read.
    #[error("a tile file cannot be compared: {0}")]
    TileUnreadable(String),
    /// The entries lead to another root than the signed one.
    #[error("the entries do not lead to the root of the checkpoint")]
    Root,
    /// The stored checkpoint is not one, or not signed by the pinned key.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
}

/// What is wrong, and with which entry.
#[derive(Debug)]
pub struct Fault {
    /// Number of the entry.
    pub seq: u64,
    /// What.
    pub kind: FaultKind,
}

/// The outcome of a verification.
#[derive(Debug)]
pub struct Report {
    /// What can be said.
    pub verdict: Verdict,
    /// Entries that were read and found well-formed.
    pub size: u64,
    /// The root over them.
    pub root: Sha256,
    /// What is wrong, if a single place can be named.
    pub fault: Option<Fault>,
}

/// Why nothing could be verified: the question was wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Copies without a key to tell whose they are.
    #[error("a copy kept elsewhere can only be compared under a pinned key")]
    CopiesNeedKey,
    /// Too many copies.
    #[error("at most {COPIES_MAX} copies can be compared")]
    TooManyCopies,
    /// A copy that is not a checkpoint of this log, signed by the pinned key.
    #[error("copy {number}: {cause}")]
    Copy {
        /// Which, from 1.
        number: usize,
        /// What it is instead.
        cause: CheckpointError,
    },
}

/// Reads the whole log and says what can be said about it.
pub fn verify(source: &dyn Source, against: &Against) -> Result<Report, VerifyError> {
    let copies = open_copies(against)?;
    let stored = match read_checkpoint(source, against.key.as_ref()) {
        Stored::OtherEpoch(at) => {
            return Ok(Report {
                verdict: Verdict::EpochBreak { at },
                size: 0,
                root: crate::tree::empty_root(),
                fault: None,
            });
        }
        Stored::Good(checkpoint) => Ok(checkpoint),
        Stored::Bad(kind) => Err(kind),
    };
    let pinned = against.key.as_ref().map(VerifierKey::name);
    let origin = pinned.or(stored.as_ref().ok().map(|checkpoint| &checkpoint.origin));
    let stream = Stream {
        source,
        origin,
        end: stored.as_ref().ok().map(|checkpoint| checkpoint.size),
        marks: copies.iter().map(|copy| copy.checkpoint.size).collect(),
        threads: against.threads,
    };
    let streamed = stream.run();
    Ok(judge(streamed, stored, &copies, against))
}

/// A copy that the pinned key signed.
struct OpenCopy {
    checkpoint: Checkpoint,
    seen: Timestamp,
}

/// Opens the copies; gives them by rising size.
fn open_copies(against: &Against) -> Result<Vec<OpenCopy>, VerifyError> {
    if against.copies.len() > COPIES_MAX {
        return Err(VerifyError::TooManyCopies);
    }
    let key = match &against.key {
        Some(key) => key,
        None if against.copies.is_empty() => return Ok(Vec::new()),
        None => return Err(VerifyError::CopiesNeedKey),
    };
    let open = |(number, copy): (usize, &Copy)| {
        let checkpoint = Checkpoint::open(&copy.checkpoint, key)
            .map_err(|cause| VerifyError::Copy { number, cause })?;
        let seen = copy.seen;
        Ok(OpenCopy { checkpoint, seen })
    };
    let copies = (1..).zip(&against.copies).map(open);
    let mut copies = copies.collect::<Result<Vec<_>, _>>()?;
    copies.sort_by_key(|copy| (copy.checkpoint.size, copy.seen));
    Ok(copies)
}

/// The checkpoint that is stored with the log.
enum Stored {
    /// Signed by the pinned key, or read without a key.
    Good(Checkpoint),
    /// Well-formed, but of another epoch of the same log.
    OtherEpoch(u64),
    /// Anything else.
    Bad(FaultKind),
}

fn read_checkpoint(source: &dyn Source, key: Option<&VerifierKey>) -> Stored {
    let bytes = match source.checkpoint() {
        Ok(bytes) => bytes,
        Err(err) => return Stored::Bad(FaultKind::Unreadable(err)),
    };
    let opened = match key {
        Some(key) => Checkpoint::open(&bytes, key),
        None => open_unpinned(&bytes),
    };
    match (opened, key) {
        (Ok(checkpoint), _) => Stored::Good(checkpoint),
        (Err(CheckpointError::Origin(found)), Some(key)) => match other_epoch(key.name(), &found) {
            Some(epoch) => Stored::OtherEpoch(epoch),
            None => Stored::Bad(CheckpointError::Origin(found).into()),
        },
        (Err(err), _) => Stored::Bad(err.into()),
    }
}

fn open_unpinned(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    Note::parse(bytes)?.text().parse()
}

/// The epoch of `found`, if it differs from `pinned` in nothing else.
fn other_epoch(pinned: &Origin, found: &Origin) -> Option<u64> {
    let ((pinned_stem, _), (stem, epoch)) = (pinned.epoch()?, found.epoch()?);
    (pinned_stem == stem).then_some(epoch)
}

/// Weighs what was found. What is certain and grave comes first.
fn judge(
    streamed: Streamed,
    stored: Result<Checkpoint, FaultKind>,
    copies: &[OpenCopy],
    against: &Against,
) -> Report {
    let Streamed {
        size,
        root,
        marks,
        entry_fault,
        tile_fault,
    } = streamed;
    let agrees = |copy: &&OpenCopy| marks.get(&copy.checkpoint.size) == Some(&copy.checkpoint.root);
    let (agreeing, others): (Vec<_>, Vec<_>) = copies.iter().partition(agrees);
    let contradicted = others.iter().any(|copy| copy.checkpoint.size <= size);
    let vouched = agreeing.last().map_or(0, |copy| copy.checkpoint.size);
    let root_fault = Fault {
        seq: vouched,
        kind: FaultKind::Root,
    };
    let rolled_back = |longest: u64| {
        let longest = longest.max(copies.last().map_or(0, |copy| copy.checkpoint.size));
        (longest > size).then(|| Verdict::RolledBack {
            to: size,
            lost: longest - size,
        })
    };

    let (verdict, fault) = match (entry_fault, stored) {
        (Some(fault), _) => match tile_fault {
            Some(earlier) if earlier.seq < fault.seq => blame(earlier),
            _ => blame(fault),
        },
        (None, Err(kind)) => blame(Fault { seq: vouched, kind }),
        (None, Ok(signed)) => match (rolled_back(signed.size), tile_fault) {
            // Of a cut log no signed root covers what is left, so the copies speak for it.
            (Some(_), Some(fault)) if size < signed.size => blame(fault),
            (Some(_), None) if size < signed.size && contradicted => blame(root_fault),
            (_, fault) if size == signed.size && root != signed.root => {
                blame(fault.unwrap_or(root_fault))
            }
            _ if contradicted => (Verdict::Forked, None),
            (Some(verdict), _) => (verdict, None),
            (None, Some(fault)) => (Verdict::Damaged { seq: fault.seq }, Some(fault)),
            (None, None) => (praise(&agreeing, against), None),
        },
    };
    Report {
        verdict,
        size,
        root,
        fault,
    }
}

/// The verdict on a log with an entry that is wrong or cannot be read.
fn blame(fault: Fault) -> (Verdict, Option<Fault>) {
    let seq = fault.seq;
    let verdict = match fault.kind {
        FaultKind::Unreadable(_) => Verdict::Damaged { seq },
        _ => Verdict::Tampered { seq },
    };
    (verdict, Some(fault))
}

/// The verdict on a log with which nothing is wrong.
fn praise(agreeing: &[&OpenCopy], against: &Against) -> Verdict {
    let Some(newest) = agreeing.last() else {
        return match against.key {
            Some(_) => Verdict::Signed,
            None => Verdict::Consistent,
        };
    };
    let age_s = against.now.seconds().saturating_sub(newest.seen.seconds());
    let age_s = u64::try_from(age_s).unwrap_or(0);
    match against.copy_age_max_s {
        Some(max) if age_s > max => Verdict::CannotTellSince { time: newest.seen },
        _ => Verdict::Anchored {
            n: agreeing.len(),
            age_s,
        },
    }
}
