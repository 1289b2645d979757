//! The list of messages of a mailbox in memory, shared by all its sessions.
//!
//! It is read from the database on first use. From then on the writer thread applies each commit's
//! effects, before the client that made the change hears of its success. Effects that are committed
//! while the rows are still being read are kept and applied afterwards; applying one twice is
//! harmless, since each says what is, not what to do.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use types::{FlagSet, MailboxId, ModSeq, Uid};

use crate::change::{Effect, IndexRow};
use crate::disk::lock;
use crate::error::StoreResult;

/// What is known of a mailbox at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexState {
    /// Its messages, UIDs ascending.
    pub rows: Vec<IndexRow>,
    /// HIGHESTMODSEQ.
    pub modseq: ModSeq,
    /// The UID that the next message gets.
    pub uid_next: Uid,
    /// Whether the mailbox was deleted; `rows` is empty then.
    pub gone: bool,
}

impl Default for IndexState {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            modseq: ModSeq(0),
            uid_next: Uid(1),
            gone: false,
        }
    }
}

/// The shared, always current list of messages of one mailbox.
#[derive(Debug)]
pub struct MailboxIndex {
    mailbox: MailboxId,
    state: RwLock<IndexState>,
    /// Effects committed while the rows are being read; `None` once they have been.
    early: Mutex<Option<Vec<Arc<Effect>>>>,
    /// Held by the one who reads the rows.
    loading: Mutex<()>,
}

impl MailboxIndex {
    fn new(mailbox: MailboxId) -> Self {
        Self {
            mailbox,
            state: RwLock::default(),
            early: Mutex::new(Some(Vec::new())),
            loading: Mutex::new(()),
        }
    }

    /// Whose list this is.
    pub fn mailbox(&self) -> MailboxId {
        self.mailbox
    }

    /// Looks at the list; commits to this mailbox wait meanwhile, so be brief.
    pub fn with<R>(&self, look: impl FnOnce(&IndexState) -> R) -> R {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A copy of all rows.
    pub fn rows(&self) -> Vec<IndexRow> {
        self.with(|state| state.rows.clone())
    }

    /// The row of one message.
    pub fn row(&self, uid: Uid) -> Option<IndexRow> {
        self.with(|state| {
            position(&state.rows, uid)
                .ok()
                .and_then(|at| state.rows.get(at).copied())
        })
    }

    fn len(&self) -> usize {
        self.with(|state| state.rows.len())
    }

    fn is_loaded(&self) -> bool {
        lock(&self.early).is_none()
    }

    /// Takes the rows that were read, then what was committed while they were being read.
    fn fill(&self, loaded: IndexState) {
        let mut early = lock(&self.early);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = loaded;
        for effect in early.take().unwrap_or_default() {
            state.apply(&effect);
        }
    }

    fn apply(&self, effect: &Arc<Effect>) {
        let mut early = lock(&self.early);
        match &mut *early {
            Some(waiting) => waiting.push(Arc::clone(effect)),
            None => self
                .state
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .apply(effect),
        }
    }
}

fn position(rows: &[IndexRow], uid: Uid) -> Result<usize, usize> {
    rows.binary_search_by_key(&uid, |row| row.uid)
}

impl IndexState {
    fn apply(&mut self, effect: &Effect) {
        match effect {
            Effect::Added { rows, modseq } => {
                rows.iter().for_each(|row| self.add(*row));
                self.raise(*modseq);
            }
            Effect::Flags { flags, modseq } => {
                for (uid, flags) in flags {
                    self.set_flags(*uid, *flags, *modseq);
                }
                self.raise(*modseq);
            }
            Effect::Expunged { uids, modseq } => {
                self.rows
                    .retain(|row| uids.binary_search(&row.uid).is_err());
                self.raise(*modseq);
            }
            Effect::Keywords => {}
            Effect::Gone => {
                self.rows.clear();
                self.gone = true;
            }
        }
    }

    fn raise(&mut self, modseq: ModSeq) {
        self.modseq = self.modseq.max(modseq);
    }

    fn add(&mut self, row: IndexRow) {
        self.uid_next = self.uid_next.max(Uid(row.uid.0.saturating_add(1)));
        if let Err(at) = position(&self.rows, row.uid) {
            self.rows.insert(at, row);
        }
    }

    fn set_flags(&mut self, uid: Uid, flags: FlagSet, modseq: ModSeq) {
        if let Ok(at) = position(&self.rows, uid)
            && let Some(row) = self.rows.get_mut(at)
            && row.modseq < modseq
        {
            row.flags = flags;
            row.modseq = modseq;
        }
    }
}

/// All lists in memory; those that nobody holds are dropped, longest unused first.
pub(crate) struct IndexCache {
    entries: Mutex<HashMap<MailboxId, Entry>>,
    rows_max: usize,
    clock: AtomicU64,
}

struct Entry {
    index: Arc<MailboxIndex>,
    used: u64,
}

impl IndexCache {
    pub(crate) fn new(rows_max: usize) -> Self {
        Self {
            entries: Mutex::default(),
            rows_max,
            clock: AtomicU64::new(0),
        }
    }

    /// The list, if it is in memory already.
    pub(crate) fn loaded(&self, mailbox: MailboxId) -> Option<Arc<MailboxIndex>> {
        let mut entries = lock(&self.entries);
        let entry = entries.get_mut(&mailbox)?;
        entry.used = self.clock.fetch_add(1, Ordering::Relaxed);
        entry.index.is_loaded().then(|| Arc::clone(&entry.index))
    }

    /// The list; `load` reads it in one transaction that begins when it is called.
    pub(crate) fn load(
        &self,
        mailbox: MailboxId,
        load: impl Fn() -> StoreResult<IndexState>,
    ) -> StoreResult<Arc<MailboxIndex>> {
        loop {
            let index = self.entry(mailbox);
            {
                let _one_at_a_time = lock(&index.loading);
                if !index.is_loaded() {
                    let state = load().inspect_err(|_| self.forget(&index))?;
                    index.fill(state);
                }
            }
            // A list that was forgotten meanwhile is reached by no commit: it must not be given out.
            if self.holds(&index) {
                self.evict();
                return Ok(index);
            }
        }
    }

    fn holds(&self, index: &Arc<MailboxIndex>) -> bool {
        let entries = lock(&self.entries);
        let entry = entries.get(&index.mailbox);
        entry.is_some_and(|entry| Arc::ptr_eq(&entry.index, index))
    }

    fn forget(&self, index: &Arc<MailboxIndex>) {
        lock(&self.entries).retain(|mailbox, entry| {
            *mailbox != index.mailbox || !Arc::ptr_eq(&entry.index, index)
        });
    }

    fn entry(&self, mailbox: MailboxId) -> Arc<MailboxIndex> {
        let mut entries = lock(&self.entries);
        let used = self.clock.fetch_add(1, Ordering::Relaxed);
        let entry = entries.entry(mailbox).or_insert_with(|| Entry {
            index: Arc::new(MailboxIndex::new(mailbox)),
            used,
        });
        entry.used = used;
        Arc::clone(&entry.index)
    }

    /// Drops unused lists until the rest has at most `rows_max` rows.
    fn evict(&self) {
        let mut entries = lock(&self.entries);
        let mut rows: usize = entries.values().map(|entry| entry.index.len()).sum();
        if rows <= self.rows_max {
            return;
        }
        let mut unused: Vec<(u64, MailboxId, usize)> = entries
            .iter()
            .filter(|(_, entry)| Arc::strong_count(&entry.index) == 1)
            .map(|(mailbox, entry)| (entry.used, *mailbox, entry.index.len()))
            .collect();
        unused.sort_unstable();
        for (_, mailbox, len) in unused {
            if rows <= self.rows_max {
                break;
            }
            entries.remove(&mailbox);
            rows -= len;
        }
    }

    /// Brings a list up to a commit; called by the writer thread only, in commit order.
    pub(crate) fn apply(&self, mailbox: MailboxId, effect: &Arc<Effect>) {
        let index = {
            let mut entries = lock(&self.entries);
            match &**effect {
                Effect::Gone => entries.remove(&mailbox).map(|entry| entry.index),
                _ => entries.get(&mailbox).map(|entry| Arc::clone(&entry.index)),
            }
        };
        if let Some(index) = index {
            index.apply(effect);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::StoreError;
    use types::{EmailId, Timestamp};

    fn row(uid: u32) -> IndexRow {
        IndexRow {
            uid: Uid(uid),
            email: EmailId(uid.into()),
            flags: FlagSet::default(),
            modseq: ModSeq(u64::from(uid)),
            octets: 10,
            received_at: Timestamp(0),
        }
    }

    fn state(uids: &[u32]) -> IndexState {
        IndexState {
            rows: uids.iter().copied().map(row).collect(),
            ..IndexState::default()
        }
    }

    #[test]
    fn what_is_committed_while_reading_is_not_lost_nor_doubled() {
        let cache = IndexCache::new(100);
        let mailbox = MailboxId(1);
        let index = cache
            .load(mailbox, || {
                let added = Effect::Added {
                    rows: vec![row(2), row(3)],
                    modseq: ModSeq(3),
                };
                cache.apply(mailbox, &Arc::new(added));
                let expunged = Effect::Expunged {
                    uids: vec![Uid(1)],
                    modseq: ModSeq(4),
                };
                cache.apply(mailbox, &Arc::new(expunged));
                Ok(state(&[1, 2]))
            })
            .unwrap();
        assert_eq!(index.rows(), [row(2), row(3)]);
        assert_eq!(
            index.with(|state| (state.modseq.0, state.uid_next.0)),
            (4, 4)
        );
    }

    #[test]
    fn a_mailbox_deleted_while_it_is_read_is_read_again() {
        let cache = IndexCache::new(100);
        let reads = std::cell::Cell::new(0);
        let answer = cache.load(MailboxId(1), || {
            reads.set(reads.get() + 1);
            if reads.get() == 2 {
                return Err(StoreError::NoSuchMailbox(MailboxId(1)));
            }
            cache.apply(MailboxId(1), &Arc::new(Effect::Gone));
            Ok(state(&[1]))
        });
        assert!(matches!(answer, Err(StoreError::NoSuchMailbox(_))));
        assert!(lock(&cache.entries).is_empty());
    }

    #[test]
    fn unused_lists_go_first_and_used_ones_stay() {
        let cache = IndexCache::new(2);
        let held = cache.load(MailboxId(1), || Ok(state(&[1, 2]))).unwrap();
        for mailbox in [2, 3] {
            cache.load(MailboxId(mailbox), || Ok(state(&[1]))).unwrap();
        }
        cache.load(MailboxId(4), || Ok(state(&[]))).unwrap();
        assert!(cache.loaded(held.mailbox()).is_some());
        assert!(cache.loaded(MailboxId(2)).is_none());
        assert!(cache.loaded(MailboxId(3)).is_none());
    }
}
