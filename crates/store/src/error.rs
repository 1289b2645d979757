//! What can go wrong in the data folder, and who must act.

use std::io;
use std::path::PathBuf;

use types::{AccountId, MailboxId};

/// What most functions here return.
pub type StoreResult<T> = Result<T, StoreError>;

/// Why something could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk has no room for ordinary writes; nothing was changed. Try again later (452).
    #[error("the data folder has no free space")]
    NoSpace,
    /// More work waits than the queue holds, or another process holds the database. Try again.
    #[error("the store is busy")]
    Busy,
    /// The disk failed under a write. Nothing is accepted until the server has been restarted.
    #[error("the store has stopped after a disk failure: {0}")]
    Failed(String),
    /// The server stops, so a look at the whole store was broken off.
    #[error("broken off, since the server stops")]
    Stopped,
    /// A transaction's own code panicked; it was rolled back.
    #[error("a transaction broke off and was rolled back")]
    Panicked,
    /// The account has no mailboxes yet.
    #[error("account {0} has no mailboxes")]
    NoSuchAccount(AccountId),
    /// No such mailbox, or not one of this account.
    #[error("no mailbox {}", .0.0)]
    NoSuchMailbox(MailboxId),
    /// No such row.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A mailbox of this name exists.
    #[error("the mailbox exists already")]
    MailboxExists,
    /// A named limit is reached.
    #[error("limit reached: {0}")]
    LimitReached(&'static str),
    /// The body is longer than allowed.
    #[error("the body is longer than {max_octets} octets")]
    TooLarge {
        /// The limit it was given.
        max_octets: u64,
    },
    /// The log has another size than the writer thought; nothing was appended.
    #[error("the ledger has {size} entries, not {expected}")]
    LedgerMoved {
        /// The size that the caller expected.
        expected: u64,
        /// The size that was found.
        size: u64,
    },
    /// A row was not written by this server: its MAC is wrong. It is never used.
    #[error("{table} row {id} was changed from outside")]
    BadMac {
        /// The table.
        table: &'static str,
        /// Its id.
        id: u64,
    },
    /// Something on the disk is not what was written.
    #[error("damaged: {0}")]
    Damaged(String),
    /// The operating system refused.
    #[error("input or output failed: {0}")]
    Io(io::Error),
    /// The database refused.
    #[error("the database failed: {0}")]
    Sql(rusqlite::Error),
}

impl From<io::Error> for StoreError {
    fn from(err: io::Error) -> Self {
        if is_no_space(&err) {
            return Self::NoSpace;
        }
        Self::Io(err)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(err: rusqlite::Error) -> Self {
        match err.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::NoSpace,
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                Self::Busy
            }
            Some(rusqlite::ErrorCode::DatabaseCorrupt) => Self::Damaged(format!("database: {err}")),
            None if is_no_value(&err) => Self::Damaged(format!("a row of the database: {err}")),
            _ => Self::Sql(err),
        }
    }
}

/// Whether a column held what none of ours is ever given.
fn is_no_value(err: &rusqlite::Error) -> bool {
    matches!(
        err,
        rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
    )
}

impl StoreError {
    /// Whether the disk or the database file itself failed, so that no later write can be trusted.
    /// A damaged page does not count: what touches it fails, the rest stays readable.
    pub(crate) fn is_fatal(&self) -> bool {
        match self {
            Self::Failed(_) => true,
            Self::Sql(err) => matches!(
                err.sqlite_error_code(),
                Some(
                    rusqlite::ErrorCode::SystemIoFailure
                        | rusqlite::ErrorCode::NotADatabase
                        | rusqlite::ErrorCode::CannotOpen
                        | rusqlite::ErrorCode::ReadOnly
                )
            ),
            _ => false,
        }
    }
}

/// Whether the file system is full, for this user or for all.
pub(crate) fn is_no_space(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Why the data folder could not be opened; each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no such folder.
    #[error("the data folder {} does not exist; `sealpost setup` makes it", dir.display())]
    Missing {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder cannot be written.
    #[error("the data folder {} cannot be written by user id {uid} ({source}); mount it writable and give it to that user: chown -R {uid} {}", dir.display(), dir.display())]
    ReadOnly {
        /// The folder.
        dir: PathBuf,
        /// Who tried.
        uid: u32,
        /// What the system said.
        source: io::Error,
    },
    /// The folder belongs to somebody else.
    #[error("the data folder {} belongs to user id {owner}, but this process runs as {uid}; start it as its owner, or give it over: chown -R {uid} {}", dir.display(), dir.display())]
    WrongOwner {
        /// The folder.
        dir: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who tried.
        uid: u32,
    },
    /// Others may write into the folder.
    #[error("the data folder {} can be written by others (mode {mode:o}); close it: chmod 700 {}", dir.display(), dir.display())]
    OpenToOthers {
        /// The folder.
        dir: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another process has it open.
    #[error("the data folder {} is in use by process {pid}; stop that one first", dir.display())]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// The process, as it wrote itself down.
        pid: String,
    },
    /// The data were written by a later version.
    #[error(
        "newer data format: the data are in format {found} made by a later version ({made_by}), this one knows {known}; install that version"
    )]
    Newer {
        /// The format of the data.
        found: u32,
        /// The newest format that this version knows.
        known: u32,
        /// The version that wrote them, as it called itself.
        made_by: String,
    },
    /// `mail.db` is some other program's database.
    #[error("{} is not a Sealpost database; move it away", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Not enough room to start.
    #[error("the file system of {} is full; free some space, then start again", dir.display())]
    NoSpace {
        /// The folder.
        dir: PathBuf,
    },
    /// Anything else that the system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// Pages of the database are not what was written.
    #[error(
        "mail.db is damaged ({0}); keep a copy of the data folder, then put mail.db back from a backup"
    )]
    Damaged(String),
    /// The database could not be opened or migrated.
    #[error("the database could not be opened: {0}")]
    Database(StoreError),
}

impl From<StoreError> for OpenError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::Damaged(what) => Self::Damaged(what),
            err => Self::Database(err),
        }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(err: rusqlite::Error) -> Self {
        StoreError::from(err).into()
    }
}
