//! The writer thread: the only one that changes the database, in groups.
//!
//! Waiting jobs run in one transaction, each under a savepoint, so that one which fails leaves the
//! others untouched. Then the pack is synced, the transaction committed, the indexes brought up to
//! date, the sessions told, and the jobs answered, in this order. A failed sync or commit ends the
//! store: nothing is tried again, since the kernel may already have dropped what it could not write.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;
use types::MailboxId;

use crate::change::{Effect, Watchers};
use crate::disk::{FolderLock, Layout};
use crate::error::{StoreError, StoreResult};
use crate::index::IndexCache;
use crate::meter::Meter;
use crate::migrate::BUSY_TIMEOUT;
use crate::pack::PackWriter;
use crate::space::Space;
use crate::tx::{Shared, Trouble, WriteTx};

/// Jobs of one transaction.
const GROUP_MAX: usize = 256;
/// How long a group waits for one more job of those who are seen to be at work. Fewer groups mean
/// fewer syncs, and fewer pages that are written again for each.
const GROUP_GAP: Duration = Duration::from_millis(1);
/// How long it waits for all of them.
const GROUP_WAIT: Duration = Duration::from_millis(4);
/// Memory for pages of the writer's connection.
const CACHE_KIB: i64 = 65_536;
/// After this long without a job the moment is quiet.
const QUIET: Duration = Duration::from_secs(1);
/// Least time between two requests to the checkpoint thread.
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(250);
/// Groups after which the checkpoint thread is asked. A page that several of them have changed is
/// moved into the database once.
const CHECKPOINT_GROUPS: u32 = 256;
/// Time after which the log is emptied in a quiet moment.
const TRUNCATE_INTERVAL: Duration = Duration::from_secs(30);
/// A write-ahead log of this length is emptied by the writer itself.
const WAL_MAX_OCTETS: u64 = 128 * 1024 * 1024;
/// How long emptying the log may wait for readers.
const TRUNCATE_TIMEOUT: Duration = Duration::from_millis(100);

/// What the writer thread shares with the handles of the store.
pub(crate) struct Core {
    pub(crate) shared: Shared,
    pub(crate) cache: IndexCache,
    pub(crate) watchers: Watchers,
    pub(crate) failure: OnceLock<String>,
    pub(crate) foreign_commit: AtomicBool,
    pub(crate) meter: Meter,
    /// The folder is free for others only once every thread has gone.
    pub(crate) _lock: Option<FolderLock>,
}

impl Core {
    /// Refuses everything once the disk has failed.
    pub(crate) fn check(&self) -> StoreResult<()> {
        match self.failure.get() {
            Some(cause) => Err(StoreError::Failed(cause.clone())),
            None => Ok(()),
        }
    }

    /// Ends the store; the first cause stays.
    pub(crate) fn fail(&self, cause: &str) {
        if self.failure.set(cause.to_owned()).is_ok() {
            tracing::error!("the store has stopped: {cause}; restart the server to recover");
        }
    }
}

/// Which room a job may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Refused while space is low.
    Ordinary,
    /// A few rows of somebody who signs in, reads and deletes, or of the server that frees space:
    /// carried out while there is any room outside the reserve.
    Small,
    /// A ledger entry: it may use the reserve.
    Ledger,
}

/// A closure on its way to the writer thread, and the way back for its result.
pub(crate) trait Job: Send {
    /// Runs the closure; whether its changes are to be kept.
    fn run(&mut self, tx: &mut WriteTx<'_>) -> bool;
    /// Answers: with the closure's result, or with what happened to the whole group.
    fn settle(self: Box<Self>, group: Result<(), StoreError>);
    fn urgency(&self) -> Urgency;
}

struct ClosureJob<F, T, E> {
    closure: F,
    urgency: Urgency,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

/// Packs a closure into a job; the receiver gets its result after the commit.
pub(crate) fn job<F, T, E>(
    closure: F,
    urgency: Urgency,
) -> (Box<dyn Job>, oneshot::Receiver<Result<T, E>>)
where
    F: FnMut(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let job = ClosureJob {
        closure,
        urgency,
        result: None,
        reply,
    };
    (Box::new(job), answer)
}

impl<F, T, E> Job for ClosureJob<F, T, E>
where
    F: FnMut(&mut WriteTx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: &mut WriteTx<'_>) -> bool {
        let closure = &mut self.closure;
        // What a panic may have left half-done inside the closure is never looked at again.
        let outcome = catch_unwind(AssertUnwindSafe(|| closure(tx)));
        let result = outcome.unwrap_or_else(|_| Err(StoreError::Panicked.into()));
        let keep = result.is_ok();
        self.result = Some(result);
        keep
    }

    fn settle(self: Box<Self>, group: Result<(), StoreError>) {
        let answer = match (group, self.result) {
            // A refusal of the closure's own stands, whatever became of the group.
            (Ok(()), Some(result)) | (Err(_), Some(result @ Err(_))) => result,
            (Ok(()), None) => Err(StoreError::Panicked.into()),
            (Err(err), _) => Err(err.into()),
        };
        // The asker may have gone away; the commit stands all the same.
        let _unheard = self.reply.send(answer);
    }

    fn urgency(&self) -> Urgency {
        self.urgency
    }
}

/// What the writer thread owns.
pub(crate) struct Writer {
    conn: Connection,
    core: Arc<Core>,
    pack: PackWriter,
    space: Space,
    layout: Layout,
    checkpoints: SyncSender<()>,
    last_checkpoint: Instant,
    groups_since_checkpoint: u32,
    last_truncate: Option<Instant>,
    data_version: i64,
    unclean: bool,
}

impl Writer {
    pub(crate) fn new(
        conn: Connection,
        core: Arc<Core>,
        pack: PackWriter,
        space: Space,
        layout: Layout,
        checkpoints: SyncSender<()>,
    ) -> StoreResult<Self> {
        // The checkpoint thread does it beside the writes.
        conn.pragma_update(None, "wal_autocheckpoint", 0)?;
        conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
        let data_version = data_version(&conn)?;
        let now = Instant::now();
        Ok(Self {
            conn,
            core,
            pack,
            space,
            layout,
            checkpoints,
            last_checkpoint: now,
            groups_since_checkpoint: 0,
            last_truncate: None,
            data_version,
            unclean: true,
        })
    }

    /// Works until the last handle of the store is gone.
    pub(crate) fn run(mut self, jobs: &Receiver<Box<dyn Job>>) {
        self.space.restore_reserve();
        let mut group = Jobs::new();
        let mut expected = 1;
        loop {
            if group.is_empty() {
                match jobs.recv_timeout(QUIET) {
                    Ok(first) => group.push(first),
                    Err(RecvTimeoutError::Timeout) => {
                        self.quiet();
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            gather(&mut group, jobs, expected);
            let answered = group.len();
            self.group(group);
            group = jobs.try_iter().take(GROUP_MAX).collect();
            // Whoever was answered may come again soon; nobody waits where one works alone.
            expected = answered + group.len();
        }
        self.truncate();
    }

    /// Carries out one group and answers it.
    fn group(&mut self, mut jobs: Jobs) {
        if let Err(err) = self.core.check() {
            let trouble = Trouble::of(&err).unwrap_or(Trouble::Busy);
            return settle(jobs, &Err(trouble));
        }
        self.look_for_foreign_commits();
        if self.space.is_low() {
            jobs = refuse(jobs, |urgency| urgency == Urgency::Ordinary);
            if jobs.is_empty() {
                return;
            }
            let has_ledger = jobs.iter().any(|job| job.urgency() == Urgency::Ledger);
            if has_ledger && self.space.is_scarce() {
                self.space.release_reserve();
            }
        }
        let mut outcome = self.transact(&mut jobs);
        if let Err(Trouble::NoSpace) = outcome {
            jobs = refuse(jobs, |urgency| urgency != Urgency::Ledger);
            if !jobs.is_empty() && self.space.release_reserve() {
                outcome = self.transact(&mut jobs);
            }
        }
        if let (Err(Trouble::Damaged(_)), 2..) = (&outcome, jobs.len()) {
            // The others succeed where none meets the damaged page.
            for job in jobs {
                let mut alone = vec![job];
                let outcome = self.transact(&mut alone);
                self.answer(alone, &outcome);
            }
        } else {
            self.answer(jobs, &outcome);
        }
        self.request_checkpoint();
    }

    fn answer(&self, jobs: Jobs, outcome: &Result<(), Trouble>) {
        if let Err(Trouble::Fatal(cause)) = outcome {
            self.core.fail(cause);
        }
        settle(jobs, outcome);
    }

    /// Runs the jobs in one transaction and tells what changed.
    fn transact(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Trouble> {
        let started = Instant::now();
        let begin = self.pack.mark();
        let mut effects = Vec::new();
        let done = self.run_jobs(jobs, &mut effects).and_then(|()| {
            self.pack.sync().map_err(|err| grave(&err))?;
            self.execute("COMMIT")
        });
        if let Err(trouble) = done {
            if !self.conn.is_autocommit() {
                self.execute("ROLLBACK")?;
            }
            self.pack.rewind(begin);
            return Err(trouble);
        }
        self.unclean = true;
        let took = started.elapsed();
        tracing::debug!("committed {} jobs in {} µs", jobs.len(), took.as_micros());
        self.core.meter.committed(jobs.len(), took);
        self.publish(effects);
        Ok(())
    }

    fn run_jobs(
        &mut self,
        jobs: &mut [Box<dyn Job>],
        effects: &mut Vec<(MailboxId, Effect)>,
    ) -> Result<(), Trouble> {
        self.execute("BEGIN IMMEDIATE")?;
        for job in jobs {
            self.execute("SAVEPOINT job")?;
            let mark = self.pack.mark();
            let told = effects.len();
            let mut tx = WriteTx::new(&self.conn, &self.core.shared, &mut self.pack, effects);
            let keep = job.run(&mut tx);
            if let Some(trouble) = tx.trouble() {
                return Err(trouble);
            }
            if !keep {
                self.execute("ROLLBACK TO job")?;
                self.pack.rewind(mark);
                effects.truncate(told);
            }
            self.execute("RELEASE job")?;
        }
        Ok(())
    }

    /// Runs one of the writer's own statements. Whatever stops these, other than a full disk or
    /// another process's lock, leaves a state that is not known.
    fn execute(&self, sql: &str) -> Result<(), Trouble> {
        self.conn
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map(|_| ())
            .map_err(|err| grave(&err.into()))
    }

    fn publish(&self, effects: Vec<(MailboxId, Effect)>) {
        let mut merged: Vec<(MailboxId, Effect)> = Vec::with_capacity(effects.len());
        for (mailbox, effect) in effects {
            let apart = match merged.last_mut() {
                Some((last, before)) if *last == mailbox => before.absorb(effect),
                _ => Some(effect),
            };
            merged.extend(apart.map(|effect| (mailbox, effect)));
        }
        for (mailbox, effect) in merged {
            let effect = Arc::new(effect);
            self.core.cache.apply(mailbox, &effect);
            self.core.watchers.publish(mailbox, &effect);
        }
    }

    fn request_checkpoint(&mut self) {
        self.groups_since_checkpoint += 1;
        let wal_octets = self.layout.wal().metadata().map_or(0, |meta| meta.len());
        if wal_octets > WAL_MAX_OCTETS && self.truncated_before(QUIET) {
            self.truncate();
        } else if self.groups_since_checkpoint > CHECKPOINT_GROUPS
            && self.last_checkpoint.elapsed() > CHECKPOINT_INTERVAL
        {
            self.last_checkpoint = Instant::now();
            self.groups_since_checkpoint = 0;
            // If one is still under way, that one does.
            let _under_way = self.checkpoints.try_send(());
        }
    }

    fn quiet(&mut self) {
        if self.core.check().is_err() {
            return;
        }
        self.look_for_foreign_commits();
        self.core.watchers.sweep();
        if self.unclean && self.truncated_before(TRUNCATE_INTERVAL) {
            self.truncate();
        }
        if !self.space.is_low() {
            self.space.restore_reserve();
        }
    }

    fn truncated_before(&self, age: Duration) -> bool {
        self.last_truncate.is_none_or(|last| last.elapsed() > age)
    }

    /// Moves the write-ahead log into the database and empties it. Only the writer does this: when
    /// another connection does, it looks like a foreign commit.
    fn truncate(&mut self) {
        if self.core.check().is_err() {
            return;
        }
        self.last_truncate = Some(Instant::now());
        let busy = self
            .conn
            .busy_timeout(TRUNCATE_TIMEOUT)
            .and_then(|()| {
                self.conn
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            })
            .and_then(|busy: i64| self.conn.busy_timeout(BUSY_TIMEOUT).map(|()| busy != 0));
        match busy {
            Ok(busy) => self.unclean = busy,
            Err(err) => {
                if let Some(Trouble::Fatal(cause)) = Trouble::of(&err.into()) {
                    self.core.fail(&cause);
                }
            }
        }
    }

    fn look_for_foreign_commits(&mut self) {
        if let Ok(found) = data_version(&self.conn)
            && found != self.data_version
        {
            self.data_version = found;
            self.core.foreign_commit.store(true, Ordering::Release);
            tracing::error!("another process has changed mail.db");
        }
    }
}

/// Moves only when another connection commits or empties the log.
fn data_version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))
}

/// An error outside the jobs concerns the whole store.
fn grave(err: &StoreError) -> Trouble {
    match err {
        StoreError::Busy => Trouble::Busy,
        StoreError::Damaged(what) => Trouble::Damaged(what.clone()),
        err => Trouble::of(err).unwrap_or_else(|| Trouble::Fatal(err.to_string())),
    }
}

/// Jobs on their way to one transaction.
type Jobs = Vec<Box<dyn Job>>;

/// Adds waiting jobs to a group that has its first one, and waits until it has as many as are
/// expected, as long as they keep coming.
fn gather(group: &mut Jobs, jobs: &Receiver<Box<dyn Job>>, expected: usize) {
    let expected = expected.min(GROUP_MAX);
    let until = Instant::now() + GROUP_WAIT;
    while group.len() < expected {
        let left = until.saturating_duration_since(Instant::now());
        match jobs.recv_timeout(left.min(GROUP_GAP)) {
            Ok(job) => group.push(job),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    let room = GROUP_MAX.saturating_sub(group.len());
    group.extend(jobs.try_iter().take(room));
}

/// Tells jobs of some urgencies that there is no space; gives the others.
fn refuse(jobs: Jobs, which: impl Fn(Urgency) -> bool) -> Jobs {
    let (refused, others): (Jobs, Jobs) = jobs.into_iter().partition(|job| which(job.urgency()));
    settle(refused, &Err(Trouble::NoSpace));
    others
}

fn settle(jobs: Jobs, outcome: &Result<(), Trouble>) {
    for job in jobs {
        job.settle(outcome.clone().map_err(StoreError::from));
    }
}

/// The checkpoint thread: moves pages from the log into the database beside the writes.
pub(crate) fn run_checkpoints(conn: &Connection, core: &Core, requests: &Receiver<()>) {
    while requests.recv().is_ok() {
        let moved = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(err) = moved
            && let Some(Trouble::Fatal(cause)) = Trouble::of(&err.into())
        {
            core.fail(&cause);
        }
    }
}
