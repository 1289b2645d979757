//! All SQL and all files: rows, packs, activity and trace segments.
//!
//! One data folder holds everything: `mail.db` (rows), `pack/` (bodies), `log/` (a file for each log
//! and day), `ledger/` (tile files and a reserve of free space), `spool/` (bodies that arrive).
//!
//! What always holds: a body is on the disk, synced, before the row that names it; an answer leaves
//! after the commit; changes are told after the commit and in commit order; a failed sync ends the
//! store. `service` decides where a transaction ends: it calls [`Store::write`] or [`Store::read`]
//! with a closure, and inside it the functions of the table families, which never commit.

mod error;
mod meter;

mod disk;
mod mac;

mod body;
mod pack;

mod change;
mod index;
mod tx;

mod arrival;
mod sum;

pub mod account;
pub mod block;
pub mod credential;
pub mod email;
pub mod fate;
pub mod keyword;
pub mod ledger;
pub mod mailbox;
pub mod message;
pub mod queue;
pub mod recoverable;
pub mod rule;
pub mod session;
pub mod subscription;

mod migrate;

mod log;
mod reader;
mod space;
mod writer;

mod store;

mod examine;
mod garbage;

pub use body::{Body, FinishedBody};
pub use change::{Change, ChangeReceiver, IndexRow, Lagged};
pub use email::{BlobRef, Email, NewEmail};
pub use error::{OpenError, StoreError, StoreResult};
pub use examine::{DAMAGED_MAILBOX, FAULTS_MAX, Fault, Part, Repair, Tell};
pub use garbage::Garbage;
pub use index::{IndexState, MailboxIndex};
pub use log::{FoundRow, Log, LogDays, LogQuery, LogRecord, LogRow, LogRows, SetAside, Synced};
pub use message::{Copied, Delivered, FlagsChange, Reason, Removal};
pub use meter::Meter;
pub use store::{Lease, Options, Store};
pub use tx::{ReadTx, WriteTx};

#[cfg(test)]
mod tests;
