//! The words of mail as checked values: what exists here has already been validated.
//!
//! Nothing in this crate knows a clock, a disk or a socket. A value of one of these types is the
//! proof that the check was made, so no other crate parses an address, a domain or a mailbox name.

pub mod limits;
pub mod long_text;

mod address;
mod domain;
mod dsn;
mod flags;
mod ids;
mod mailbox_name;
mod network;
mod secret;
mod status;
mod time;

pub use address::{Address, AddressError, LocalPart, ReversePath};
pub use domain::{Domain, DomainError};
pub use dsn::{
    DsnError, DsnMessage, DsnRecipient, ENVELOPE_ID_MAX_OCTETS, EnvelopeId, Notify,
    ORIGINAL_RECIPIENT_MAX_OCTETS, OriginalRecipient, Ret,
};
pub use flags::{FlagSet, Keyword, KeywordError};
pub use ids::{
    AccountId, AliasId, BlobId, CertificateId, CredentialId, DomainId, EmailId, ExitId, GrantId,
    IdError, ListenerId, MailboxId, ModSeq, QueueId, RuleId, SessionId, Sha256, SubjectId,
    ThreadId, Uid, UidValidity,
};
pub use mailbox_name::{MailboxName, MailboxNameError, SEPARATOR, SpecialUse};
pub use network::{Network, NetworkError};
pub use secret::Secret;
pub use status::Status;
pub use time::Timestamp;
