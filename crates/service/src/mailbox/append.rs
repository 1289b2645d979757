//! Messages that the owner puts into a mailbox (RFC 9051 §6.3.12, RFC 3502).

use std::sync::Arc;

use store::{NewEmail, WriteTx, mailbox};
use types::{MailboxName, Timestamp, Uid, UidValidity};

use super::describe::{Described, describe_arrived};
use super::{FlagChange, Owner, inbox};
use crate::Service;
use crate::actor::Principal;
use crate::error::ServiceResult;
use crate::message::FinishedBody;

/// A message to append.
pub struct NewMessage {
    /// Its flags, whatever their `how` says.
    pub flags: FlagChange,
    /// INTERNALDATE; now if there is none.
    pub internal_date: Option<Timestamp>,
    /// Its octets.
    pub message: FinishedBody,
}

/// Where appended messages went (RFC 4315 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The generation of the mailbox's UIDs.
    pub uidvalidity: UidValidity,
    /// The UIDs of the messages, in their order.
    pub uids: Vec<Uid>,
}

/// Messages that are ready to be stored.
struct Incoming {
    owner: Owner,
    mailbox: MailboxName,
    saved_at: Timestamp,
    messages: Vec<IncomingMessage>,
}

struct IncomingMessage {
    flags: FlagChange,
    received_at: Timestamp,
    message: Arc<FinishedBody>,
    described: Described,
}

impl Service {
    /// Stores messages, all or none, in one transaction.
    ///
    /// They are stored as they came, octet for octet.
    pub async fn message_append(
        &self,
        principal: &Principal,
        mailbox: &MailboxName,
        messages: Vec<NewMessage>,
    ) -> ServiceResult<Appended> {
        let owner = self.owner(principal)?;
        let saved_at = self.clock().now();
        let mut incoming = Incoming {
            owner,
            mailbox: mailbox.clone(),
            saved_at,
            messages: Vec::with_capacity(messages.len()),
        };
        for new in messages {
            let message = Arc::new(new.message);
            incoming.messages.push(IncomingMessage {
                flags: new.flags,
                received_at: new.internal_date.unwrap_or(saved_at),
                described: describe_arrived(&message).await?,
                message,
            });
        }
        self.inner
            .store
            .try_write(move |tx| incoming.store(tx))
            .await
    }
}

impl Incoming {
    /// Refuses before a body is written: the room of a body that no row names is lost.
    fn store(&self, tx: &mut WriteTx<'_>) -> ServiceResult<Appended> {
        inbox(tx, self.owner.account)?;
        let mailbox = self.owner.mailbox(tx, &self.mailbox)?;
        let octets = self.messages.iter().map(|new| new.message.octets()).sum();
        self.owner.check_room(tx, octets)?;
        let uids = self.messages.iter().map(|new| self.put(tx, &mailbox, new));
        Ok(Appended {
            uidvalidity: mailbox.uid_validity,
            uids: uids.collect::<ServiceResult<_>>()?,
        })
    }

    fn put(
        &self,
        tx: &mut WriteTx<'_>,
        mailbox: &mailbox::Mailbox,
        incoming: &IncomingMessage,
    ) -> ServiceResult<Uid> {
        let keywords = store::keyword::define(tx, mailbox.id, &incoming.flags.keywords)?;
        let new = NewEmail {
            blob: tx.put_blob(&incoming.message.body)?,
            head: incoming.message.head.clone(),
            received_at: incoming.received_at,
            saved_at: self.saved_at,
            thread: None,
            envelope: incoming.described.envelope.clone(),
            bodystructure: incoming.described.bodystructure.clone(),
            preview: incoming.described.preview.clone(),
            flags: incoming.flags.system().union(keywords),
            keywords: Vec::new(),
        };
        let delivered = store::message::deliver(tx, self.owner.account, mailbox.id, &new)?;
        Ok(delivered.uid)
    }
}
