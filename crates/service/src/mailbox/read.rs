//! Messages given out: their descriptions, their octets, and the record of it.
//!
//! Many messages are read in one transaction, in the order in which they are asked for; each of
//! them is there, or is not, for itself.

use store::email::{self, Readable};
use store::{BlobRef, Email, ReadTx, Store, StoreError, StoreResult};
use types::{AccountId, EmailId, MailboxId, Uid};

use super::ascending;
use crate::Service;
use crate::activity::{About, Record};
use crate::actor::Principal;
use crate::error::{ServiceError, ServiceResult};

/// Messages that are described or opened at once.
pub const READ_MESSAGES_MAX: usize = 256;
/// Octets after which no further message is described or opened at once.
pub const READ_OCTETS_MAX: usize = 1_048_576;
/// Octets of a body that is read together with its header block.
const BODY_AHEAD_MAX_OCTETS: u64 = 65_536;

/// What lists of messages show of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedMessage {
    /// Which message.
    pub email: EmailId,
    /// The value of IMAP's ENVELOPE, ready to send.
    pub envelope: Vec<u8>,
    /// The value of IMAP's BODYSTRUCTURE, ready to send.
    pub bodystructure: Vec<u8>,
}

/// What is going to be read of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAhead {
    /// The header block.
    Head,
    /// The body as well: it is read at once, unless it is large.
    Body,
}

/// A message whose octets can be read: header block and body as one text.
#[derive(Clone)]
pub struct StoredMessage {
    /// The header block with the empty line that ends it.
    pub head: Vec<u8>,
    /// RFC822.SIZE.
    pub octets: u64,
    body: BlobRef,
    /// The body, if it was read ahead.
    text: Option<Vec<u8>>,
    store: Store,
}

impl Service {
    /// Describes the first of these messages, in their order: as many as fit into
    /// [`READ_MESSAGES_MAX`] and [`READ_OCTETS_MAX`], at least one. Ask again for the rest.
    pub async fn messages_describe(
        &self,
        principal: &Principal,
        emails: &[EmailId],
    ) -> ServiceResult<Vec<ServiceResult<DescribedMessage>>> {
        let account = self.owner(principal)?.account;
        let describe = move |tx: &ReadTx<'_>, email| {
            let found = email::find(tx, email)?;
            let Email {
                envelope,
                bodystructure,
                ..
            } = owned(found, |found| found.account, account)?;
            let octets = envelope.len() + bodystructure.len();
            let described = DescribedMessage {
                email,
                envelope,
                bodystructure,
            };
            Ok((described, octets))
        };
        self.read_each(emails, describe).await
    }

    /// Opens the first of these messages, in their order: as many as fit into
    /// [`READ_MESSAGES_MAX`] and [`READ_OCTETS_MAX`], at least one. Ask again for the rest.
    /// A message that was removed can be read while it can be brought back.
    ///
    /// Whoever gives texts out says so once for each command with [`Self::bodies_given`].
    pub async fn messages_open(
        &self,
        principal: &Principal,
        emails: &[EmailId],
        ahead: ReadAhead,
    ) -> ServiceResult<Vec<ServiceResult<StoredMessage>>> {
        let account = self.owner(principal)?.account;
        let store = self.inner.store.clone();
        let open = move |tx: &ReadTx<'_>, id| {
            let found = owned(email::readable(tx, id)?, |found| found.account, account)?;
            let message = StoredMessage::new(tx, store.clone(), id, found, ahead)?;
            let octets = message.head.len() + message.text.as_ref().map_or(0, Vec::len);
            Ok((message, octets))
        };
        self.read_each(emails, open).await
    }

    /// [`Self::messages_open`] for one message of which all is wanted.
    pub async fn message_open(
        &self,
        principal: &Principal,
        email: EmailId,
    ) -> ServiceResult<StoredMessage> {
        let one = [email];
        let opened = self.messages_open(principal, &one, ReadAhead::Body);
        opened
            .await?
            .pop()
            .unwrap_or(Err(ServiceError::NotFound("message")))
    }

    /// Reads messages in one transaction until the limits are reached; `read` also says how many
    /// octets it has read. Trouble of one message is told in its place.
    async fn read_each<T: Send + 'static>(
        &self,
        emails: &[EmailId],
        read: impl Fn(&ReadTx<'_>, EmailId) -> StoreResult<(T, usize)> + Send + 'static,
    ) -> ServiceResult<Vec<ServiceResult<T>>> {
        let batch: Vec<EmailId> = emails.iter().take(READ_MESSAGES_MAX).copied().collect();
        let read_all = move |tx: &ReadTx<'_>| {
            let (mut all, mut sum) = (Vec::with_capacity(batch.len()), 0);
            for email in batch {
                all.push(read(tx, email).map_err(ServiceError::from).map(|read| {
                    sum += read.1;
                    read.0
                }));
                if sum >= READ_OCTETS_MAX {
                    break;
                }
            }
            Ok(all)
        };
        Ok(self.inner.store.read(read_all).await?)
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

impl StoredMessage {
    fn new(
        tx: &ReadTx<'_>,
        store: Store,
        email: EmailId,
        found: Readable,
        ahead: ReadAhead,
    ) -> StoreResult<Self> {
        let Readable {
            octets, head, body, ..
        } = found;
        if octets != head.len() as u64 + body.octets() {
            let words = format!("message {} is not as long as it was", email.0);
            return Err(StoreError::Damaged(words));
        }
        // A damaged body is told of here, before any octet of it is announced; other trouble when
        // its octets are asked for.
        let ahead = match ahead {
            ReadAhead::Head => Ok(None),
            ReadAhead::Body if body.octets() <= BODY_AHEAD_MAX_OCTETS => {
                tx.read_blob(&body).map(Some)
            }
            ReadAhead::Body => tx.read_blob_range(&body, 0, 0).map(|_| None),
        };
        let text = match ahead {
            Err(err @ StoreError::Damaged(_)) => return Err(err),
            other => other.unwrap_or(None),
        };
        Ok(Self {
            head,
            octets,
            body,
            text,
            store,
        })
    }

    /// The octets from `offset` on, at most `max_octets` of them; fewer only at the end.
    pub async fn read(&self, offset: u64, max_octets: usize) -> ServiceResult<Vec<u8>> {
        let mut octets = piece(&self.head, offset, max_octets).to_vec();
        let left = max_octets - octets.len();
        let body_at = offset.saturating_sub(self.head.len() as u64);
        if left == 0 || body_at >= self.body.octets() {
            return Ok(octets);
        }
        let whole = body_at == 0 && left as u64 >= self.body.octets();
        match &self.text {
            Some(text) => octets.extend_from_slice(piece(text, body_at, left)),
            // A body that is read whole is checked against its hash as well.
            None if whole => octets.append(&mut self.store.read_blob(self.body).await?),
            None => {
                let mut read = self.store.read_blob_range(self.body, body_at, left).await?;
                octets.append(&mut read);
            }
        }
        Ok(octets)
    }
}

/// The octets from `offset` on, at most `max_octets` of them.
fn piece(octets: &[u8], offset: u64, max_octets: usize) -> &[u8] {
    let from = usize::try_from(offset).unwrap_or(usize::MAX);
    let rest = octets.get(from..).unwrap_or_default();
    &rest[..max_octets.min(rest.len())]
}

/// What was found, if it is this account's.
pub(super) fn owned<T>(
    found: Option<T>,
    owner: impl Fn(&T) -> AccountId,
    account: AccountId,
) -> StoreResult<T> {
    let own = found.filter(|found| owner(found) == account);
    own.ok_or(StoreError::NotFound("message"))
}
