//! A mailbox as a session sees it: all its messages, and from then on every change.

use std::sync::Arc;

use store::{Change, IndexState, Lagged, MailboxIndex, Store};
use types::{
    EmailId, FlagSet, Keyword, MailboxId, MailboxName, ModSeq, Timestamp, Uid, UidValidity,
};

use super::{MailboxStatus, count};
use crate::Service;
use crate::actor::Principal;
use crate::error::{ServiceError, ServiceResult};

/// A mailbox with all its messages.
pub struct OpenMailbox {
    /// Its id, the same under a new name.
    pub id: MailboxId,
    /// Its name.
    pub name: MailboxName,
    /// Its counts; they agree with `messages`.
    pub status: MailboxStatus,
    /// Its messages, UIDs ascending.
    pub messages: Vec<IndexRow>,
    /// Its keywords; the place in the list is the index in a flag set.
    pub keywords: Vec<Keyword>,
    /// All that changes after this; what changed shortly before may come once more.
    pub changes: ChangeReceiver,
}

/// A message of a mailbox, without its content.
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
    /// RFC822.SIZE; a message has fewer than 2^32 octets.
    pub size_octets: u32,
    /// INTERNALDATE.
    pub internal_date: Timestamp,
}

impl From<&store::IndexRow> for IndexRow {
    fn from(row: &store::IndexRow) -> Self {
        Self {
            uid: row.uid,
            email: row.email,
            flags: row.flags,
            modseq: row.modseq,
            size_octets: count(row.octets),
            internal_date: row.received_at,
        }
    }
}

/// A change of a mailbox. Each says what is, so that hearing of it twice does no harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailboxChange {
    /// New messages, UIDs ascending.
    Added(Vec<IndexRow>),
    /// The flags that messages have now.
    Flags(Vec<(Uid, FlagSet, ModSeq)>),
    /// Messages that are no longer there; some may never have been told of.
    Expunged {
        /// Their UIDs, ascending.
        uids: Vec<Uid>,
        /// When they were.
        modseq: ModSeq,
    },
    /// All keywords; those known before keep their places.
    Keywords(Vec<Keyword>),
    /// The mailbox was deleted.
    Gone,
    /// The session was too slow: open the mailbox again and compare.
    Lagged,
}

/// Receives the changes of a mailbox in the order in which they were made.
pub struct ChangeReceiver {
    store: Store,
    index: Arc<MailboxIndex>,
    changes: store::ChangeReceiver,
    keywords_known: usize,
    /// The keywords must be told before anything else.
    keywords_are_news: bool,
    received: Option<MailboxChange>,
}

impl Service {
    /// All of a mailbox, and a receiver of its changes.
    pub async fn mailbox_open(
        &self,
        principal: &Principal,
        name: &MailboxName,
    ) -> ServiceResult<OpenMailbox> {
        let owner = self.owner(principal)?;
        let found = self.mailbox_named(owner, name).await?;
        let (id, store) = (found.id, &self.inner.store);
        // In this order no change is missed, and every keyword of a flag set is in the list.
        let changes = store.watch(id);
        let index = store.index(id).await?;
        let (messages, status) = index.with(|state| snapshot(state, id, found.uid_validity))?;
        let keywords = store.read(move |tx| store::keyword::list(tx, id)).await?;
        tracing::debug!(
            session.id = %principal.session,
            "{} opens mailbox {} with {} messages", principal.account, id.0, messages.len()
        );
        let changes = ChangeReceiver {
            store: store.clone(),
            index,
            changes,
            keywords_known: keywords.len(),
            keywords_are_news: false,
            received: None,
        };
        Ok(OpenMailbox {
            id,
            name: found.name,
            status,
            messages,
            keywords,
            changes,
        })
    }
}

fn snapshot(
    state: &IndexState,
    id: MailboxId,
    uidvalidity: UidValidity,
) -> ServiceResult<(Vec<IndexRow>, MailboxStatus)> {
    if state.gone {
        return Err(ServiceError::NotFound("mailbox"));
    }
    let rows = &state.rows;
    let unseen = rows
        .iter()
        .filter(|row| !row.flags.contains(FlagSet::SEEN))
        .count();
    let deleted = rows
        .iter()
        .filter(|row| row.flags.contains(FlagSet::DELETED))
        .count();
    let status = MailboxStatus {
        id,
        messages: count(rows.len() as u64),
        unseen: count(unseen as u64),
        deleted: count(deleted as u64),
        uidnext: state.uid_next,
        uidvalidity,
        highestmodseq: state.modseq,
        size_octets: rows.iter().map(|row| row.octets).sum(),
    };
    Ok((rows.iter().map(IndexRow::from).collect(), status))
}

impl ChangeReceiver {
    /// Waits for the next change. Cancelling loses nothing.
    pub async fn next(&mut self) -> MailboxChange {
        loop {
            if let Some(change) = self.take().await {
                return change;
            }
            let change = self.changes.recv().await;
            self.receive(change);
        }
    }

    /// The next change that has been made already, if there is one. Cancelling loses nothing.
    pub async fn try_next(&mut self) -> Option<MailboxChange> {
        loop {
            if let Some(change) = self.take().await {
                return Some(change);
            }
            let change = self.changes.try_recv().transpose()?;
            self.receive(change);
        }
    }

    /// What was received and not told yet: keywords first, since flags point into them.
    async fn take(&mut self) -> Option<MailboxChange> {
        if self.keywords_are_news {
            let id = self.index.mailbox();
            let keywords = self
                .store
                .read(move |tx| store::keyword::list(tx, id))
                .await;
            self.keywords_are_news = false;
            let Ok(keywords) = keywords else {
                self.received = None;
                return Some(MailboxChange::Lagged);
            };
            self.keywords_known = keywords.len();
            return Some(MailboxChange::Keywords(keywords));
        }
        self.received.take()
    }

    fn receive(&mut self, change: Result<Change, Lagged>) {
        let change = match change {
            Err(Lagged) => MailboxChange::Lagged,
            Ok(Change::MailboxGone) => MailboxChange::Gone,
            Ok(Change::Keywords) => {
                self.keywords_are_news = true;
                return;
            }
            Ok(Change::Expunged { uids, modseq }) => MailboxChange::Expunged {
                uids: uids.to_vec(),
                modseq,
            },
            Ok(Change::Added { uids, .. }) => MailboxChange::Added(self.rows(&uids)),
            Ok(Change::Flags { uids, .. }) => {
                let flags = |row: IndexRow| (row.uid, row.flags, row.modseq);
                MailboxChange::Flags(self.rows(&uids).into_iter().map(flags).collect())
            }
        };
        let is_empty = match &change {
            MailboxChange::Added(rows) => rows.is_empty(),
            MailboxChange::Flags(flags) => flags.is_empty(),
            _ => false,
        };
        self.received = (!is_empty).then_some(change);
    }

    /// The messages of these that are still there, as they are now.
    fn rows(&mut self, uids: &[Uid]) -> Vec<IndexRow> {
        let found = uids.iter().filter_map(|uid| self.index.row(*uid));
        let rows: Vec<IndexRow> = found.map(|row| IndexRow::from(&row)).collect();
        let mut used = rows
            .iter()
            .filter_map(|row| row.flags.keyword_indexes().last());
        self.keywords_are_news |= used.any(|index| index >= self.keywords_known);
        rows
    }
}
