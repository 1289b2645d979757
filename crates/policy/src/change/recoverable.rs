//! Removed mail that could still be brought back.

use serde::{Deserialize, Serialize};
use types::AccountId;

use crate::change::digits;

/// `recoverable.purge`: removed mail is deleted for good before its time. The configuration does not
/// change by it; the record of it must not be lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoverablePurge {
    /// Whose mail.
    pub id: AccountId,
    /// How many messages.
    #[serde(with = "digits")]
    pub messages: u64,
    /// How much they are.
    #[serde(with = "digits")]
    pub octets: u64,
}
