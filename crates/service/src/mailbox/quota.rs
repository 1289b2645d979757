//! What an account may keep and does keep (RFC 9208).

use crate::Service;
use crate::actor::Principal;
use crate::error::ServiceResult;

/// The bound of an account and how much of it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Octets of all messages in all mailboxes.
    pub used_octets: u64,
    /// The most there may be; `None` is without bound.
    pub limit_octets: Option<u64>,
}

impl Quota {
    /// Whether messages of so many octets would find room now.
    pub fn has_room(&self, octets: u64) -> bool {
        let used = self.used_octets.saturating_add(octets);
        self.limit_octets.is_none_or(|limit| used <= limit)
    }
}

impl Service {
    /// The quota of the account, as it is now.
    pub async fn quota(&self, principal: &Principal) -> ServiceResult<Quota> {
        let owner = self.owner(principal)?;
        let read = move |tx: &store::ReadTx<'_>| store::account::usage(tx, owner.account);
        let usage = self.inner.store.read(read).await?;
        Ok(Quota {
            used_octets: usage.octets,
            limit_octets: owner.quota_octets,
        })
    }
}
