//! The maildrop of a session: the messages of INBOX as they were when it began (RFC 1939 §5).

use service::{IndexRow, MaildropLock, OpenMailbox};
use types::{EmailId, MailboxId, Uid, UidValidity};
use wire::pop3::MessageNumber;

/// The messages, in an order and with numbers that stay for the whole session.
pub(crate) struct Maildrop {
    pub(crate) mailbox: MailboxId,
    uidvalidity: UidValidity,
    messages: Vec<Message>,
    /// Keeps other sessions out for as long as this value lives.
    _lock: MaildropLock,
}

/// One message.
#[derive(Clone, Copy)]
pub(crate) struct Message {
    pub(crate) uid: Uid,
    pub(crate) email: EmailId,
    pub(crate) size_octets: u32,
    deleted: bool,
}

/// What a listing tells of each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// LIST
    Sizes,
    /// UIDL
    UniqueIds,
}

impl Maildrop {
    /// All messages of `inbox`.
    pub(crate) fn new(inbox: &OpenMailbox, lock: MaildropLock) -> Self {
        let message = |row: &IndexRow| Message {
            uid: row.uid,
            email: row.email,
            size_octets: row.size_octets,
            deleted: false,
        };
        Self {
            mailbox: inbox.id,
            uidvalidity: inbox.status.uidvalidity,
            messages: inbox.messages.iter().map(message).collect(),
            _lock: lock,
        }
    }

    /// How many messages are not marked as deleted, and their octets.
    pub(crate) fn stat(&self) -> (usize, u64) {
        let kept = self.messages.iter().filter(|message| !message.deleted);
        kept.fold((0, 0), |(count, octets), message| {
            (count + 1, octets + u64::from(message.size_octets))
        })
    }

    /// The message of this number, unless it is marked as deleted.
    pub(crate) fn message(&self, number: MessageNumber) -> Option<&Message> {
        let message = self.messages.get(index(number)?)?;
        (!message.deleted).then_some(message)
    }

    /// Marks a message as deleted; whether there was one that was not.
    pub(crate) fn delete(&mut self, number: MessageNumber) -> bool {
        match index(number).and_then(|index| self.messages.get_mut(index)) {
            Some(message) if !message.deleted => {
                message.deleted = true;
                true
            }
            _ => false,
        }
    }

    /// Takes all marks away.
    pub(crate) fn undelete_all(&mut self) {
        self.messages.iter_mut().for_each(|m| m.deleted = false);
    }

    /// The UIDs of the messages that are marked as deleted.
    pub(crate) fn deleted(&self) -> Vec<Uid> {
        let marked = self.messages.iter().filter(|message| message.deleted);
        marked.map(|message| message.uid).collect()
    }

    /// One line of a listing, without its end.
    pub(crate) fn listed(&self, listing: Listing, number: MessageNumber) -> Option<String> {
        let message = self.message(number)?;
        Some(match listing {
            Listing::Sizes => format!("{number} {}", message.size_octets),
            Listing::UniqueIds => format!("{number} {}.{}", self.uidvalidity, message.uid),
        })
    }

    /// The numbers of all messages, marked or not.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = MessageNumber> + use<> {
        let count = u32::try_from(self.messages.len()).unwrap_or(u32::MAX);
        (1..=count).map(MessageNumber)
    }
}

fn index(number: MessageNumber) -> Option<usize> {
    usize::try_from(number.0).ok()?.checked_sub(1)
}
