//! Messages given out: their descriptions, their octets, and the record of it.

use store::{BlobRef, Email, ReadTx, Store, StoreError, StoreResult};
use types::{AccountId, EmailId, MailboxId, Uid};

use super::ascending;
use crate::Service;
use crate::activity::{About, Record};
use crate::actor::Principal;
use crate::error::ServiceResult;

/// Messages that are described at once.
pub const DESCRIBE_MESSAGES_MAX: usize = 256;
/// Octets of descriptions after which no further message is described at once.
pub const DESCRIBE_OCTETS_MAX: usize = 33_554_432;

/// What lists of messages show of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedMessage {
    /// Which message.
    pub email: EmailId,
    /// The value of IMAP's ENVELOPE, ready to send.
    pub envelope: Vec<u8>,
    /// The value of IMAP's BODYSTRUCTURE, ready to send.
    pub bodystructure: Vec<u8>,
    /// The header block with the empty line that ends it.
    pub head: Vec<u8>,
    /// RFC822.SIZE.
    pub size_octets: u64,
}

/// A message whose octets can be read: header block and body as one text.
pub struct StoredMessage {
    /// The header block with the empty line that ends it.
    pub head: Vec<u8>,
    /// RFC822.SIZE.
    pub octets: u64,
    body: BlobRef,
    store: Store,
}

impl Service {
    /// Describes the first of these messages, in their order: as many as fit into
    /// [`DESCRIBE_MESSAGES_MAX`] and [`DESCRIBE_OCTETS_MAX`], at least one. Ask again for the rest.
    pub async fn message_describe(
        &self,
        principal: &Principal,
        emails: &[EmailId],
    ) -> ServiceResult<Vec<DescribedMessage>> {
        let account = self.owner(principal)?.account;
        let batch: Vec<EmailId> = emails.iter().take(DESCRIBE_MESSAGES_MAX).copied().collect();
        let describe = move |tx: &ReadTx<'_>| {
            let (mut described, mut octets) = (Vec::with_capacity(batch.len()), 0);
            for id in batch {
                let message = description(tx, account, id)?;
                octets += message.octets();
                described.push(message);
                if octets >= DESCRIBE_OCTETS_MAX {
                    break;
                }
            }
            Ok(described)
        };
        Ok(self.inner.store.read(describe).await?)
    }

    /// A message to be read; also one that was removed, while it can be brought back.
    ///
    /// Whoever gives it out says so once for each command with [`Self::bodies_given`].
    pub async fn message_open(
        &self,
        principal: &Principal,
        email: EmailId,
    ) -> ServiceResult<StoredMessage> {
        let account = self.owner(principal)?.account;
        let read = move |tx: &ReadTx<'_>| {
            let found = owned(tx, account, email)?;
            Ok((
                found,
                store::email::head(tx, email)?,
                store::email::body(tx, email)?,
            ))
        };
        let store = &self.inner.store;
        let (found, head, body) = store.read(read).await?;
        if found.octets != head.len() as u64 + body.octets() {
            let words = format!("message {} is not as long as it was", email.0);
            return Err(StoreError::Damaged(words).into());
        }
        Ok(StoredMessage {
            head,
            octets: found.octets,
            body,
            store: store.clone(),
        })
    }

    /// Records that the texts of these messages were given out: once for each command.
    pub fn bodies_given(&self, principal: &Principal, mailbox: MailboxId, uids: &[Uid]) {
        if !uids.is_empty() {
            let record = Record::BodiesGiven {
                mailbox,
                uids: ascending(uids),
            };
            self.record(&About::principal(principal), &record);
        }
    }
}

impl DescribedMessage {
    fn octets(&self) -> usize {
        self.envelope.len() + self.bodystructure.len() + self.head.len()
    }
}

impl StoredMessage {
    /// The octets from `offset` on, at most `max_octets` of them; fewer only at the end.
    pub async fn read(&self, offset: u64, max_octets: usize) -> ServiceResult<Vec<u8>> {
        let start = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(self.head.len());
        let end = start.saturating_add(max_octets).min(self.head.len());
        let mut octets = self.head[start..end].to_vec();
        let left = max_octets - octets.len();
        let body_at = offset.saturating_sub(self.head.len() as u64);
        if left > 0 && body_at < self.body.octets() {
            let whole = body_at == 0 && left as u64 >= self.body.octets();
            let body = match whole {
                // A body that is read whole is checked against its hash as well.
                true => self.store.read_blob(self.body).await?,
                false => self.store.read_blob_range(self.body, body_at, left).await?,
            };
            octets.extend_from_slice(&body);
        }
        Ok(octets)
    }
}

fn description(
    tx: &ReadTx<'_>,
    account: AccountId,
    email: EmailId,
) -> StoreResult<DescribedMessage> {
    let found = owned(tx, account, email)?;
    Ok(DescribedMessage {
        email,
        envelope: found.envelope,
        bodystructure: found.bodystructure,
        head: store::email::head(tx, email)?,
        size_octets: found.octets,
    })
}

/// A message of this account.
pub(super) fn owned(tx: &ReadTx<'_>, account: AccountId, email: EmailId) -> StoreResult<Email> {
    let found = store::email::find(tx, email)?.filter(|found| found.account == account);
    found.ok_or(StoreError::NotFound("message"))
}
