//! Leave for mail to go to an address outside.

use serde::{Deserialize, Serialize};
use types::{Address, ExitId, Timestamp};

use crate::change::moment;
use crate::change::rule::RuleLevel;

/// `exit.allow`: rules of a level, and of those below it, may send mail to exactly this address. It
/// takes the place of an older leave for the same address and level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExitAllow {
    /// The leave.
    pub id: ExitId,
    /// The address, which is not hosted here.
    pub target: Address,
    /// Whose mail may go there.
    pub scope: RuleLevel,
    /// Since when.
    #[serde(with = "moment")]
    pub from: Timestamp,
    /// Until when.
    #[serde(with = "moment")]
    pub until: Timestamp,
}

/// `exit.revoke`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExitRevoke {
    /// The leave.
    pub id: ExitId,
}
