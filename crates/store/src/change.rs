//! What changed in a mailbox, told to the sessions that watch it: after the commit, in commit order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};
use types::{EmailId, FlagSet, MailboxId, ModSeq, Timestamp, Uid};

use crate::disk::lock;

/// Changes that wait for one session; the oldest are lost when there are more.
const WAITING_CHANGES_MAX: usize = 256;

/// One message of a mailbox, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexRow {
    /// Its number in this mailbox.
    pub uid: Uid,
    /// The stored message.
    pub email: EmailId,
    /// Its flags.
    pub flags: FlagSet,
    /// When it was last changed.
    pub modseq: ModSeq,
    /// RFC822.SIZE.
    pub octets: u64,
    /// INTERNALDATE.
    pub received_at: Timestamp,
}

/// A committed change of one mailbox. UIDs ascend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// New messages.
    Added {
        /// Their UIDs.
        uids: Arc<[Uid]>,
        /// The mailbox's new HIGHESTMODSEQ.
        modseq: ModSeq,
    },
    /// Flags of these messages changed; the index has the new ones.
    Flags {
        /// Their UIDs.
        uids: Arc<[Uid]>,
        /// Their new mod-sequence.
        modseq: ModSeq,
    },
    /// Messages that are no longer there.
    Expunged {
        /// Their UIDs.
        uids: Arc<[Uid]>,
        /// The mailbox's new HIGHESTMODSEQ.
        modseq: ModSeq,
    },
    /// The mailbox has a new keyword.
    Keywords,
    /// The mailbox was deleted.
    MailboxGone,
}

/// The session was too slow and missed changes: it must compare its view with the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("changes were missed")]
pub struct Lagged;

/// Receives the changes of one mailbox.
#[derive(Debug)]
pub struct ChangeReceiver(broadcast::Receiver<Change>);

impl ChangeReceiver {
    /// Waits for the next change. Cancelling loses nothing. Pends for ever once the store is closed.
    pub async fn recv(&mut self) -> Result<Change, Lagged> {
        match self.0.recv().await {
            Ok(change) => Ok(change),
            Err(RecvError::Lagged(_)) => Err(Lagged),
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// The next change that has already happened.
    pub fn try_recv(&mut self) -> Result<Option<Change>, Lagged> {
        match self.0.try_recv() {
            Ok(change) => Ok(Some(change)),
            Err(TryRecvError::Lagged(_)) => Err(Lagged),
            Err(TryRecvError::Empty | TryRecvError::Closed) => Ok(None),
        }
    }
}

/// A change on its way from a transaction to the index and the sessions.
#[derive(Debug)]
pub(crate) enum Effect {
    Added {
        rows: Vec<IndexRow>,
        modseq: ModSeq,
    },
    Flags {
        flags: Vec<(Uid, FlagSet)>,
        modseq: ModSeq,
    },
    Expunged {
        uids: Vec<Uid>,
        modseq: ModSeq,
    },
    Keywords,
    Gone,
}

impl Effect {
    /// Takes `next` in, if one change can tell both. Deliveries of one group become one change.
    pub(crate) fn absorb(&mut self, next: Self) -> Option<Self> {
        match (self, next) {
            (
                Self::Added { rows, modseq },
                Self::Added {
                    rows: more,
                    modseq: later,
                },
            ) => {
                rows.extend(more);
                *modseq = later;
                None
            }
            (_, next) => Some(next),
        }
    }

    fn change(&self) -> Change {
        match self {
            Self::Added { rows, modseq } => Change::Added {
                uids: rows.iter().map(|row| row.uid).collect(),
                modseq: *modseq,
            },
            Self::Flags { flags, modseq } => Change::Flags {
                uids: flags.iter().map(|(uid, _)| *uid).collect(),
                modseq: *modseq,
            },
            Self::Expunged { uids, modseq } => Change::Expunged {
                uids: uids.as_slice().into(),
                modseq: *modseq,
            },
            Self::Keywords => Change::Keywords,
            Self::Gone => Change::MailboxGone,
        }
    }
}

/// The watched mailboxes and who watches them.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<HashMap<MailboxId, broadcast::Sender<Change>>>);

impl Watchers {
    pub(crate) fn watch(&self, mailbox: MailboxId) -> ChangeReceiver {
        let mut senders = lock(&self.0);
        let sender = senders
            .entry(mailbox)
            .or_insert_with(|| broadcast::channel(WAITING_CHANGES_MAX).0);
        ChangeReceiver(sender.subscribe())
    }

    /// Tells all who watch the mailbox; forgets a mailbox that nobody watches any more.
    pub(crate) fn publish(&self, mailbox: MailboxId, effect: &Effect) {
        let mut senders = lock(&self.0);
        if let Some(sender) = senders.get(&mailbox)
            && (sender.receiver_count() == 0 || sender.send(effect.change()).is_err())
        {
            senders.remove(&mailbox);
        }
    }

    /// Forgets mailboxes that nobody watches; the writer calls it in quiet moments.
    pub(crate) fn sweep(&self) {
        lock(&self.0).retain(|_, sender| sender.receiver_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(modseq: u64) -> Effect {
        Effect::Flags {
            flags: vec![(Uid(1), FlagSet::SEEN)],
            modseq: ModSeq(modseq),
        }
    }

    #[test]
    fn a_slow_session_is_told_that_it_lags() {
        let watchers = Watchers::default();
        let mut slow = watchers.watch(MailboxId(1));
        for modseq in 0..=WAITING_CHANGES_MAX as u64 {
            watchers.publish(MailboxId(1), &flags(modseq));
        }
        assert_eq!(slow.try_recv(), Err(Lagged));
        assert!(matches!(
            slow.try_recv(),
            Ok(Some(Change::Flags {
                modseq: ModSeq(1),
                ..
            }))
        ));
    }

    #[test]
    fn nobody_hears_of_other_mailboxes_and_the_unwatched_are_forgotten() {
        let watchers = Watchers::default();
        let mut receiver = watchers.watch(MailboxId(1));
        watchers.publish(MailboxId(2), &flags(1));
        assert_eq!(receiver.try_recv(), Ok(None));
        drop(receiver);
        watchers.publish(MailboxId(1), &flags(2));
        watchers.watch(MailboxId(3));
        watchers.sweep();
        assert!(lock(&watchers.0).is_empty());
    }
}
