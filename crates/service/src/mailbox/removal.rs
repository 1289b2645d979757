//! Messages that their owner removes: they can be brought back for a while.

use store::{Reason, Removal, WriteTx};
use types::{MailboxId, Uid};

use super::{BATCH_MESSAGES, Owner, ascending};
use crate::Service;
use crate::activity::{About, Record};
use crate::actor::Principal;
use crate::error::ServiceResult;

const DAY_S: i64 = 86_400;

impl Service {
    /// Removes messages; gives the UIDs that were there, ascending. The caller has chosen those
    /// with `\Deleted`. A long list is done in several transactions.
    pub async fn expunge(
        &self,
        principal: &Principal,
        mailbox: MailboxId,
        uids: &[Uid],
    ) -> ServiceResult<Vec<Uid>> {
        let owner = self.owner(principal)?;
        self.remove_messages(principal, owner, mailbox, &ascending(uids))
            .await
    }

    /// Removes messages and records it. `uids` ascend.
    pub(super) async fn remove_messages(
        &self,
        principal: &Principal,
        owner: Owner,
        mailbox: MailboxId,
        uids: &[Uid],
    ) -> ServiceResult<Vec<Uid>> {
        let mut removed = Vec::new();
        for batch in uids.chunks(BATCH_MESSAGES) {
            let (batch, removal) = (batch.to_vec(), self.client_removal());
            let expunge = move |tx: &mut WriteTx<'_>| {
                owner.check_open(tx, mailbox)?;
                store::message::expunge(tx, owner.account, mailbox, &batch, &removal)
            };
            let gone = self.inner.store.write_small(expunge).await?;
            if !gone.is_empty() {
                removed.extend_from_slice(&gone);
                let record = Record::Expunged {
                    mailbox,
                    uids: gone,
                };
                self.record(&About::principal(principal), &record);
            }
        }
        Ok(removed)
    }

    /// How and until when what a client removes now is kept.
    pub(super) fn client_removal(&self) -> Removal {
        let at = self.clock().now();
        let days = self.config().settings().recoverable_client_days;
        let kept_s = i64::try_from(days)
            .unwrap_or(i64::MAX)
            .saturating_mul(DAY_S);
        Removal {
            reason: Reason::Client,
            rule: None,
            at,
            until: at.plus_s(kept_s),
        }
    }
}
