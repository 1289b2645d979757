//! Messages that the owner puts into a mailbox (RFC 9051 §6.3.12).

use std::sync::Arc;

use store::{NewEmail, WriteTx};
use types::{MailboxName, Timestamp, Uid, UidValidity};

use super::describe::{Described, describe_arrived};
use super::{FlagChange, Owner, inbox};
use crate::Service;
use crate::actor::Principal;
use crate::error::ServiceResult;
use crate::message::FinishedBody;

/// Where an appended message went (RFC 4315 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The generation of the mailbox's UIDs.
    pub uidvalidity: UidValidity,
    /// The UID of the message.
    pub uid: Uid,
}

/// A message that is ready to be stored.
struct Incoming {
    owner: Owner,
    mailbox: MailboxName,
    flags: FlagChange,
    received_at: Timestamp,
    saved_at: Timestamp,
    message: Arc<FinishedBody>,
    described: Described,
}

impl Service {
    /// Stores a message with these flags, whatever their `how` says.
    ///
    /// It is stored as it came, octet for octet. INTERNALDATE is now where none is given.
    pub async fn message_append(
        &self,
        principal: &Principal,
        mailbox: &MailboxName,
        flags: FlagChange,
        internal_date: Option<Timestamp>,
        message: FinishedBody,
    ) -> ServiceResult<Appended> {
        let owner = self.owner(principal)?;
        let message = Arc::new(message);
        let described = describe_arrived(&message).await?;
        let saved_at = self.clock().now();
        let incoming = Incoming {
            owner,
            mailbox: mailbox.clone(),
            flags,
            received_at: internal_date.unwrap_or(saved_at),
            saved_at,
            message,
            described,
        };
        self.inner
            .store
            .try_write(move |tx| incoming.store(tx))
            .await
    }
}

impl Incoming {
    /// Refuses before the body is written: the room of a body that no row names is lost.
    fn store(&self, tx: &mut WriteTx<'_>) -> ServiceResult<Appended> {
        let account = self.owner.account;
        inbox(tx, account)?;
        let mailbox = self.owner.mailbox(tx, &self.mailbox)?;
        self.owner.check_room(tx, self.message.octets())?;
        let keywords = store::keyword::define(tx, mailbox.id, &self.flags.keywords)?;
        let new = NewEmail {
            blob: tx.put_blob(&self.message.body)?,
            head: self.message.head.clone(),
            received_at: self.received_at,
            saved_at: self.saved_at,
            thread: None,
            envelope: self.described.envelope.clone(),
            bodystructure: self.described.bodystructure.clone(),
            preview: self.described.preview.clone(),
            flags: self.flags.system().union(keywords),
            keywords: Vec::new(),
        };
        let delivered = store::message::deliver(tx, account, mailbox.id, &new)?;
        Ok(Appended {
            uidvalidity: mailbox.uid_validity,
            uid: delivered.uid,
        })
    }
}
