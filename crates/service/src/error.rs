//! Why a service function did not do what it was asked, in kinds that every door can say.

use std::sync::atomic::{AtomicU64, Ordering};

use store::StoreError;
use types::{MailboxName, SpecialUse};

/// What most functions of the service return.
pub type ServiceResult<T> = Result<T, ServiceError>;

/// Who must act: the asker (most kinds), time ([`Self::Busy`], [`Self::NoSpace`]), or the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// There is no such thing, or not for this principal.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A thing of this name exists.
    #[error("it exists already")]
    Exists,
    /// Another mailbox of the account has this special use.
    #[error("the mailbox {0} is the one for {name} already", name = .1.attribute())]
    SpecialUseTaken(MailboxName, SpecialUse),
    /// A rule says no, in words for the person.
    #[error("{0}")]
    Refused(String),
    /// The account has no room left.
    #[error("the mailbox is full")]
    OverQuota,
    /// The message is larger than the server takes.
    #[error("the message is larger than {max_octets} octets")]
    TooLarge {
        /// The limit.
        max_octets: u64,
    },
    /// A named limit is reached.
    #[error("limit reached: {0}")]
    Limit(&'static str),
    /// The disk is full; try again later.
    #[error("no space")]
    NoSpace,
    /// Too much at once; try again.
    #[error("busy")]
    Busy,
    /// What is stored is not what was; it is in the log already.
    #[error("the message is damaged on the server")]
    Damaged,
    /// Our own trouble; it is in the log already.
    #[error("not available")]
    Unavailable,
}

/// How often this process has met damage.
static DAMAGE_MET: AtomicU64 = AtomicU64::new(0);

/// How often something damaged was asked for since the start; each time is in the log.
pub(crate) fn damage_met() -> u64 {
    DAMAGE_MET.load(Ordering::Relaxed)
}

impl From<StoreError> for ServiceError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::NoSpace => Self::NoSpace,
            StoreError::Busy => Self::Busy,
            StoreError::NoSuchAccount(_) | StoreError::NoSuchMailbox(_) => {
                Self::NotFound("mailbox")
            }
            StoreError::NotFound(what) => Self::NotFound(what),
            StoreError::MailboxExists => Self::Exists,
            StoreError::LimitReached(limit) => Self::Limit(limit),
            StoreError::TooLarge { max_octets } => Self::TooLarge { max_octets },
            StoreError::Damaged(what) => {
                tracing::error!(%what, "damaged: {what}; see sealpost doctor");
                DAMAGE_MET.fetch_add(1, Ordering::Relaxed);
                Self::Damaged
            }
            StoreError::Stopped => Self::Unavailable,
            other => {
                tracing::error!(error = %other, "the store failed: {other}");
                Self::Unavailable
            }
        }
    }
}
