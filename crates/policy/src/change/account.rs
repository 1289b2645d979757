//! Accounts, their passwords, and who sends in their name.

use ledger::Commitment;
use serde::{Deserialize, Serialize};
use types::{AccountId, Address, CredentialId, GrantId, Sha256};

use crate::change::id::Owned;
use crate::role::Role;

/// `account.create`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountCreate {
    /// The account.
    pub id: AccountId,
    /// Its address, in a domain here.
    pub address: Address,
    /// What it may do.
    pub role: Role,
    /// Octets it may keep; `null` for no limit.
    pub quota_octets: Option<u64>,
    /// The name that people see.
    pub name: Option<Commitment>,
}

/// `account.remove`, `account.disable` and `account.enable`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRef {
    /// The account.
    pub id: AccountId,
}

/// `account.name.set`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountNameSet {
    /// The account.
    pub id: AccountId,
    /// The name; `null` for none.
    pub name: Option<Commitment>,
}

/// `account.role.set`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRoleSet {
    /// The account.
    pub id: AccountId,
    /// What it may do.
    pub role: Role,
}

/// `account.quota.set`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountQuotaSet {
    /// The account.
    pub id: AccountId,
    /// Octets it may keep; `null` for no limit.
    pub quota_octets: Option<u64>,
}

/// `credential.password.set`: its revision is the number of the entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordSet {
    /// The credential; an account's password keeps its id.
    pub id: CredentialId,
    /// Whose it is.
    pub account: AccountId,
    /// The password's hash, stored as a secret object.
    pub secret: Sha256,
}

/// `send_as.grant`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendAsGrant {
    /// The grant.
    pub id: GrantId,
    /// Who may send.
    pub account: AccountId,
    /// With whose address.
    pub of: Owned,
}

/// `send_as.revoke`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendAsRevoke {
    /// The grant.
    pub id: GrantId,
}
