//! GETQUOTA and GETQUOTAROOT (RFC 9208 §4.1). SETQUOTA is refused: whoever runs the server sets
//! quotas, with an entry in the ledger.
//!
//! An account with a quota has one quota root, for all its mailboxes; the bound is on octets
//! (STORAGE) alone. An account without a quota has no quota root.

use types::MailboxName;

use crate::error::ImapError;
use crate::output::Output;
use crate::session::{Done, Session};

/// The name of the one quota root.
const ROOT: &str = "";
/// The unit of STORAGE in octets (RFC 9208 §5.1).
const STORAGE_UNIT_OCTETS: u64 = 1_024;

impl Session {
    pub(crate) async fn get_quota(
        &self,
        root: &str,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        if root != ROOT || !self.tell_quota(out).await? {
            return Err(ImapError::NoQuotaRoot);
        }
        Ok(Done::plain("done"))
    }

    pub(crate) async fn get_quota_root(
        &self,
        mailbox: &MailboxName,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        let principal = self.principal()?;
        self.service.mailbox_status(&principal, mailbox).await?;
        let bounded = self.service.quota(&principal).await?.limit_octets.is_some();
        out.responses.quota_root(mailbox, bounded.then_some(ROOT));
        self.tell_quota(out).await?;
        Ok(Done::plain("done"))
    }

    /// Tells the quota; `false` if the account has none.
    async fn tell_quota(&self, out: &mut Output<'_>) -> Result<bool, ImapError> {
        let principal = self.principal()?;
        let quota = self.service.quota(&principal).await?;
        let Some(limit) = quota.limit_octets else {
            return Ok(false);
        };
        // What is begun is used, and what is not whole is not allowed.
        let used = quota.used_octets.div_ceil(STORAGE_UNIT_OCTETS);
        let limit = limit / STORAGE_UNIT_OCTETS;
        out.responses.quota_storage(ROOT, used, limit);
        Ok(true)
    }
}
