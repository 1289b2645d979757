//! Why an entry of the ledger does not become configuration.

use ledger::EntryError;

/// Why an entry cannot be folded. The ledger was checked before, so this is our fault or comes
/// from a later version; nothing of the entry is in force.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FoldError {
    /// Not the next entry.
    #[error("entry {found} came where entry {expected} was due")]
    OutOfOrder {
        /// Number of the next entry.
        expected: u64,
        /// Number of the entry at hand.
        found: u64,
    },
    /// A type that this version does not know.
    #[error("entries of type {0:?} are not known to this version; a later one made them")]
    UnknownType(String),
    /// The payload is not what its type asks for.
    #[error("the payload of a {kind} entry is wrong: {why}")]
    Payload {
        /// The type.
        kind: String,
        /// What is wrong.
        why: String,
    },
    /// It is about something that does not exist.
    #[error("{0} does not exist")]
    Missing(String),
    /// It makes something that exists.
    #[error("{0} exists already")]
    Taken(String),
    /// It gives an id that was used before.
    #[error("the id {0} was used before")]
    IdUsed(String),
    /// The payload has no canonical form.
    #[error(transparent)]
    Entry(#[from] EntryError),
}
