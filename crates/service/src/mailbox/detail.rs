//! What is asked of a message now and then: when it was saved, its conversation, its first words
//! (RFC 8514, RFC 8474 §5.2, RFC 8970).

use store::{ReadTx, StoreResult, email, message};
use types::{AccountId, EmailId, MailboxId, ThreadId, Timestamp, Uid};

use super::read::{READ_MESSAGES_MAX, owned};
use crate::Service;
use crate::actor::Principal;
use crate::error::{ServiceError, ServiceResult};

/// Details of a message in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageDetail {
    /// When it came into this mailbox; `None` if it is no longer in it.
    pub saved_at: Option<Timestamp>,
    /// The conversation.
    pub thread: ThreadId,
    /// The first words of its text in UTF-8.
    pub preview: Vec<u8>,
}

impl Service {
    /// Details of the first [`READ_MESSAGES_MAX`] of these messages, in their order; each of
    /// them is there, or is not, for itself. Ask again for the rest.
    pub async fn message_details(
        &self,
        principal: &Principal,
        mailbox: MailboxId,
        messages: &[(Uid, EmailId)],
    ) -> ServiceResult<Vec<ServiceResult<MessageDetail>>> {
        let owner = self.owner(principal)?;
        let batch: Vec<_> = messages.iter().take(READ_MESSAGES_MAX).copied().collect();
        let read = move |tx: &ReadTx<'_>| {
            owner.check_open(tx, mailbox)?;
            let all = batch.iter().map(|(uid, email)| {
                let read = detail(tx, owner.account, mailbox, *uid, *email);
                read.map_err(ServiceError::from)
            });
            Ok(all.collect())
        };
        Ok(self.inner.store.read(read).await?)
    }
}

fn detail(
    tx: &ReadTx<'_>,
    account: AccountId,
    mailbox: MailboxId,
    uid: Uid,
    email: EmailId,
) -> StoreResult<MessageDetail> {
    let found = owned(email::find(tx, email)?, |found| found.account, account)?;
    Ok(MessageDetail {
        saved_at: message::saved_at(tx, mailbox, uid)?,
        thread: found.thread,
        preview: found.preview,
    })
}
