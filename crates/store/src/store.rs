//! The store as the rest of the server sees it: open it, read, write, watch.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;
use types::{MailboxId, Secret};

use crate::body::Body;
use crate::change::{ChangeReceiver, Watchers};
use crate::disk::{self, FolderLock, Layout};
use crate::email::BlobRef;
use crate::error::{OpenError, StoreError, StoreResult};
use crate::index::{IndexCache, MailboxIndex};
use crate::log::Log;
use crate::mac::RowKey;
use crate::message;
use crate::meter::Meter;
use crate::migrate::{self, open_reader, open_to_look};
use crate::pack::{PackReader, PackWriter};
use crate::reader::{Open, Readers};
use crate::space::Space;
use crate::tx::{ReadTx, Shared, WriteTx};
use crate::writer::{self, Core, Job, Urgency, Writer};

/// Jobs that may wait for the writer thread.
const JOBS_WAITING_MAX: usize = 4_096;
/// Octets of the ledger's own room on the disk.
const RESERVE_OCTETS: u64 = 64 * 1024 * 1024;
/// Free octets under which ordinary writes are refused.
const MARGIN_OCTETS: u64 = 64 * 1024 * 1024;
/// Rows of mailbox indexes in memory, about 50 octets each.
const INDEX_ROWS_MAX: usize = 2_000_000;
/// Instructions of SQLite between two looks whether to go on.
const LOOK_STEPS: i32 = 100_000;
/// Connections for reading.
const READERS: usize = 8;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Makes the data folder if it is missing.
    pub create: bool,
    /// The key of the MACs over rows; kept outside the data folder.
    pub row_key: Secret,
    /// What this program calls itself, for a later message about formats.
    pub version: String,
    /// Connections for reading.
    pub readers: usize,
    /// Free octets under which ordinary writes are refused.
    pub margin_octets: u64,
    /// Octets kept free for the ledger.
    pub reserve_octets: u64,
    /// Rows of mailbox indexes that are kept in memory while unused.
    pub index_rows_max: usize,
}

impl Options {
    /// The usual sizes.
    pub fn new(row_key: Secret) -> Self {
        Self {
            create: false,
            row_key,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            readers: READERS,
            margin_octets: MARGIN_OCTETS,
            reserve_octets: RESERVE_OCTETS,
            index_rows_max: INDEX_ROWS_MAX,
        }
    }
}

/// The open data folder; cheap to clone. The last clone to go closes it, which takes a moment.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    layout: Layout,
    readers: Readers,
    open_reader: Open,
    is_older: bool,
    look_is_over: Arc<AtomicBool>,
    jobs: Option<SyncSender<Box<dyn Job>>>,
    threads: Vec<JoinHandle<()>>,
    activity: Log,
    trace: Log,
    migrated: Vec<&'static str>,
    low_space: Arc<AtomicBool>,
    leases: Arc<AtomicUsize>,
}

impl Store {
    /// Opens the data folder: checks it, takes its lock, brings the data to this version's format.
    pub fn open(dir: &Path, options: &Options) -> Result<Self, OpenError> {
        let layout = Layout {
            dir: dir.to_owned(),
        };
        layout.prepare_folder(options.create)?;
        let lock = FolderLock::take(&layout)?;
        layout.prepare()?;
        let (conn, migrated) = migrate::MAIL.open(&layout.database())?;
        migrate::set_made_by(&conn, &options.version)?;
        let readers = Readers::open(&layout.database(), options.readers, open_reader)?;
        let activity = Log::open(&layout.logs(), "activity")?;
        let trace = Log::open(&layout.logs(), "trace")?;
        let core = core(&layout, options, Some(lock));
        let low_space = Arc::new(AtomicBool::new(false));
        let space = Space::new(
            layout.clone(),
            options.margin_octets,
            options.reserve_octets,
            Arc::clone(&low_space),
        );
        let (jobs, threads) = start_threads(conn, &core, space, &layout)?;
        Ok(Self(Arc::new(Inner {
            core,
            layout,
            readers,
            open_reader,
            is_older: false,
            look_is_over: Arc::default(),
            jobs: Some(jobs),
            threads,
            activity,
            trace,
            migrated,
            low_space,
            leases: Arc::default(),
        })))
    }

    /// Opens the folder of a stopped server to look at it: no file is made, changed or migrated,
    /// whoever owns it. A server cannot start meanwhile. Every write fails.
    pub fn open_to_look(dir: &Path) -> Result<Self, OpenError> {
        let layout = Layout {
            dir: dir.to_owned(),
        };
        let missing = |err| layout.explain_look("looking at mail.db in", err);
        let lock = FolderLock::share(&layout)?;
        let path = layout.database();
        path.metadata().map_err(missing)?;
        let is_older = migrate::MAIL.is_older(&open_to_look(&path)?, &path)?;
        // The key guards rows by which a server acts; a look takes none of them for true.
        let mut options = Options::new(Secret::new(Vec::new()));
        options.readers = 1;
        Ok(Self(Arc::new(Inner {
            core: core(&layout, &options, lock),
            readers: Readers::open(&path, options.readers, open_to_look)?,
            open_reader: open_to_look,
            is_older,
            look_is_over: Arc::default(),
            jobs: None,
            threads: Vec::new(),
            activity: Log::closed(&layout.logs(), "activity"),
            trace: Log::closed(&layout.logs(), "trace"),
            migrated: Vec::new(),
            low_space: Arc::default(),
            leases: Arc::default(),
            layout,
        })))
    }

    /// The file of the database.
    pub(crate) fn database(&self) -> PathBuf {
        self.0.layout.database()
    }

    /// Whether this is only a look at a stopped server's folder, without the key of the rows.
    pub(crate) fn is_look(&self) -> bool {
        self.0.jobs.is_none()
    }

    /// Whether the data are in an older format, which a server brings up to date when it starts.
    /// Only [`Self::open_to_look`] leaves them so.
    pub fn is_of_older_format(&self) -> bool {
        self.0.is_older
    }

    /// The migrations that opening has carried out.
    pub fn migrated(&self) -> &[&'static str] {
        &self.0.migrated
    }

    /// Runs a closure in a transaction and waits until it is durable. An error undoes it.
    ///
    /// The closure may be run again after a conflict, so it must touch nothing but the transaction.
    /// When the future is dropped, the closure may still be carried out.
    pub async fn write<T, F>(&self, closure: F) -> StoreResult<T>
    where
        F: FnMut(&mut WriteTx<'_>) -> StoreResult<T> + Send + 'static,
        T: Send + 'static,
    {
        self.try_write(closure).await
    }

    /// [`Self::write`] for closures with an error type of their own.
    pub async fn try_write<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnMut(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let answer = self.submit(closure, Urgency::Ordinary)?;
        answer.await.unwrap_or_else(|_| Err(self.ended().into()))
    }

    /// [`Self::write`] for a few rows that people need who sign in, read and delete, and that the
    /// server needs to free space: not refused because space is low, only when there is none.
    pub async fn write_small<T, F>(&self, closure: F) -> StoreResult<T>
    where
        F: FnMut(&mut WriteTx<'_>) -> StoreResult<T> + Send + 'static,
        T: Send + 'static,
    {
        self.try_write_small(closure).await
    }

    /// [`Self::write_small`] for closures with an error type of their own.
    pub async fn try_write_small<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnMut(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let answer = self.submit(closure, Urgency::Small)?;
        answer.await.unwrap_or_else(|_| Err(self.ended().into()))
    }

    /// [`Self::try_write`] for what must be recorded even on a full disk: ledger entries, and what
    /// makes rights tighter.
    pub async fn write_ledger<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnMut(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let answer = self.submit(closure, Urgency::Ledger)?;
        answer.await.unwrap_or_else(|_| Err(self.ended().into()))
    }

    /// [`Self::write`] for threads outside the runtime.
    pub fn write_blocking<T, F>(&self, closure: F) -> StoreResult<T>
    where
        F: FnMut(&mut WriteTx<'_>) -> StoreResult<T> + Send + 'static,
        T: Send + 'static,
    {
        let answer = self.submit(closure, Urgency::Ordinary)?;
        answer.blocking_recv().unwrap_or_else(|_| Err(self.ended()))
    }

    /// [`Self::write_ledger`] for threads outside the runtime.
    pub fn write_ledger_blocking<T, E, F>(&self, closure: F) -> Result<T, E>
    where
        F: FnMut(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let answer = self.submit(closure, Urgency::Ledger)?;
        answer
            .blocking_recv()
            .unwrap_or_else(|_| Err(self.ended().into()))
    }

    pub(crate) fn submit<T, E, F>(
        &self,
        closure: F,
        urgency: Urgency,
    ) -> StoreResult<oneshot::Receiver<Result<T, E>>>
    where
        F: FnMut(&mut WriteTx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.0.core.check()?;
        let (job, answer) = writer::job(closure, urgency);
        let jobs = self.0.jobs.as_ref().ok_or_else(|| self.ended())?;
        jobs.try_send(job).map_err(|err| match err {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => self.ended(),
        })?;
        Ok(answer)
    }

    fn ended(&self) -> StoreError {
        let cause = self.0.core.failure.get().cloned();
        StoreError::Failed(cause.unwrap_or_else(|| "the writer thread has ended".to_owned()))
    }

    /// Runs a closure on a snapshot of the database, on a thread that may block.
    pub async fn read<T, F>(&self, closure: F) -> StoreResult<T>
    where
        F: FnOnce(&ReadTx<'_>) -> StoreResult<T> + Send + 'static,
        T: Send + 'static,
    {
        let permit = self.0.readers.permit().await?;
        let store = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let _until_done = permit;
            store.read_blocking(closure)
        });
        reading.await.unwrap_or(Err(StoreError::Panicked))
    }

    /// [`Self::read`] for threads outside the runtime.
    pub fn read_blocking<T>(
        &self,
        closure: impl FnOnce(&ReadTx<'_>) -> StoreResult<T>,
    ) -> StoreResult<T> {
        self.0.core.check()?;
        let loan = self.0.readers.borrow()?;
        self.snapshot(loan.conn()?, closure)
    }

    /// [`Self::read_blocking`] through a connection that is opened for it: the only kind that sees
    /// octets changed below the database.
    pub fn read_fresh_blocking<T>(
        &self,
        closure: impl FnOnce(&ReadTx<'_>) -> StoreResult<T>,
    ) -> StoreResult<T> {
        self.0.core.check()?;
        self.snapshot(&(self.0.open_reader)(&self.0.layout.database())?, closure)
    }

    /// [`Self::read_fresh_blocking`] of a look, which [`Self::end_look`] breaks off in the middle.
    pub(crate) fn look_long_blocking<T>(
        &self,
        path: &Path,
        closure: impl FnOnce(&ReadTx<'_>) -> StoreResult<T>,
    ) -> StoreResult<T> {
        let mut conn = (self.0.open_reader)(path)?;
        let over = Arc::clone(&self.0.look_is_over);
        conn.progress_handler(LOOK_STEPS, Some(move || over.load(Ordering::Relaxed)))?;
        let result = self.snapshot(&conn, closure);
        self.may_look().and(result)
    }

    /// Breaks off every look at the whole store, now and later: the server stops.
    pub fn end_look(&self) {
        self.0.look_is_over.store(true, Ordering::Relaxed);
    }

    /// Fails once [`Self::end_look`] was called.
    pub fn may_look(&self) -> StoreResult<()> {
        match self.0.look_is_over.load(Ordering::Relaxed) {
            true => Err(StoreError::Stopped),
            false => Ok(()),
        }
    }

    fn snapshot<T>(
        &self,
        conn: &Connection,
        closure: impl FnOnce(&ReadTx<'_>) -> StoreResult<T>,
    ) -> StoreResult<T> {
        let begun = conn.unchecked_transaction()?;
        let result = closure(&ReadTx::new(conn, &self.0.core.shared));
        begun.finish()?;
        result
    }

    /// A sink for the body of a message that arrives, of at most `max_octets`.
    pub fn body(&self, max_octets: u64) -> Body {
        Body::new(&self.0.layout.spool(), max_octets)
    }

    /// A whole body, checked against its SHA-256.
    pub async fn read_blob(&self, blob: BlobRef) -> StoreResult<Vec<u8>> {
        self.with_packs(move |packs| packs.read(&blob.place)).await
    }

    /// At most `max_octets` octets of a body from `from` on. The whole body is checked against its
    /// SHA-256 first, unless it was within the last minute.
    pub async fn read_blob_range(
        &self,
        blob: BlobRef,
        from: u64,
        max_octets: usize,
    ) -> StoreResult<Vec<u8>> {
        self.with_packs(move |packs| packs.read_checked_range(&blob.place, from, max_octets))
            .await
    }

    pub(crate) async fn with_packs<T: Send + 'static>(
        &self,
        work: impl FnOnce(&PackReader) -> StoreResult<T> + Send + 'static,
    ) -> StoreResult<T> {
        self.0.core.check()?;
        let permit = self.0.readers.permit().await?;
        let core = Arc::clone(&self.0.core);
        tokio::task::spawn_blocking(move || {
            let _until_done = permit;
            work(&core.shared.packs)
        })
        .await
        .map_err(|_| StoreError::Panicked)?
    }

    /// The list of messages of a mailbox, shared and kept up to date by every commit.
    pub async fn index(&self, mailbox: MailboxId) -> StoreResult<Arc<MailboxIndex>> {
        self.0.core.check()?;
        if let Some(index) = self.0.core.cache.loaded(mailbox) {
            return Ok(index);
        }
        let permit = self.0.readers.permit().await?;
        let store = self.clone();
        tokio::task::spawn_blocking(move || {
            let _until_done = permit;
            store.index_blocking(mailbox)
        })
        .await
        .map_err(|_| StoreError::Panicked)?
    }

    /// [`Self::index`] for threads outside the runtime.
    pub fn index_blocking(&self, mailbox: MailboxId) -> StoreResult<Arc<MailboxIndex>> {
        let load = || self.read_blocking(|tx| message::index_state(tx, mailbox));
        self.0.core.cache.load(mailbox, load)
    }

    /// Tells of every change of a mailbox that is committed from now on, in commit order.
    ///
    /// Watch first and look at the index then: what is told twice is harmless, what is missed is not.
    pub fn watch(&self, mailbox: MailboxId) -> ChangeReceiver {
        self.0.core.watchers.watch(mailbox)
    }

    /// Sign-ins, sessions and what was given out.
    pub fn activity(&self) -> &Log {
        &self.0.activity
    }

    /// What happened to each message.
    pub fn trace(&self) -> &Log {
        &self.0.trace
    }

    /// Replaces files below `ledger/`, one after the other; each is durable and never half-written.
    pub async fn write_ledger_files(&self, files: Vec<(String, Vec<u8>)>) -> StoreResult<()> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.write_ledger_files_blocking(&files))
            .await
            .map_err(|_| StoreError::Panicked)?
    }

    /// [`Self::write_ledger_files`] for threads outside the runtime.
    pub fn write_ledger_files_blocking(&self, files: &[(String, Vec<u8>)]) -> StoreResult<()> {
        self.0.core.check()?;
        files
            .iter()
            .try_for_each(|(path, bytes)| disk::write_atomic(&self.0.layout.ledger(), path, bytes))
    }

    /// The folder of the ledger's tile files.
    pub fn ledger_folder(&self) -> PathBuf {
        self.0.layout.ledger()
    }

    /// Replaces files below the folder of a log (`log/activity/` for `activity`) in this order;
    /// each is durable and never half-written. For threads outside the runtime.
    pub fn write_log_files_blocking(
        &self,
        log: &str,
        files: &[(String, Vec<u8>)],
    ) -> StoreResult<()> {
        self.0.core.check()?;
        let logs = self.0.layout.logs();
        files.iter().try_for_each(|(path, bytes)| {
            disk::write_atomic(&logs, &format!("{log}/{path}"), bytes)
        })
    }

    /// Removes files below the folder of a log, as far as they are there, and folders that this
    /// leaves empty. For threads outside the runtime.
    pub fn remove_log_files_blocking(&self, log: &str, files: &[String]) -> StoreResult<()> {
        let logs = self.0.layout.logs();
        files
            .iter()
            .try_for_each(|path| disk::remove(&logs, &format!("{log}/{path}")))
    }

    /// The folder of a log's own files; the rows lie beside it.
    pub fn log_folder(&self, log: &str) -> PathBuf {
        self.0.layout.logs().join(log)
    }

    /// Whether another process has changed the database since the last time this was asked.
    ///
    /// It is noticed with the next transaction, or within a second.
    pub fn foreign_commit_seen(&self) -> bool {
        self.0.core.foreign_commit.swap(false, Ordering::AcqRel)
    }

    /// Whether ordinary writes are refused because the disk is nearly full.
    pub fn is_low_on_space(&self) -> bool {
        self.0.low_space.load(Ordering::Relaxed)
    }

    /// What the writer thread has counted since the store was opened.
    pub fn meter(&self) -> &Meter {
        &self.0.core.meter
    }

    /// Octets of the data folder's file system that are free for the server, if the system says.
    pub fn free_octets(&self) -> Option<u64> {
        disk::free_octets(&self.0.layout.dir).ok()
    }

    /// Why the store has stopped, if it has.
    pub fn failure(&self) -> Option<&str> {
        self.0.core.failure.get().map(String::as_str)
    }

    /// Keeps every body on the disk until the lease is dropped, as a backup needs it.
    pub fn lease(&self) -> Lease {
        self.0.leases.fetch_add(1, Ordering::AcqRel);
        Lease(Arc::clone(&self.0.leases))
    }

    pub(crate) fn has_lease(&self) -> bool {
        self.0.leases.load(Ordering::Acquire) > 0
    }

    pub(crate) fn packs(&self) -> &PackReader {
        &self.0.core.shared.packs
    }

    pub(crate) fn packs_folder(&self) -> PathBuf {
        self.0.layout.packs()
    }
}

/// While it lives no body is removed from the disk.
pub struct Lease(Arc<AtomicUsize>);

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.jobs = None;
        let this_thread = thread::current().id();
        let threads = self.threads.drain(..);
        // A job that held the last clone ends the store from inside the writer thread, which cannot
        // wait for itself; the lock of the folder goes with the last thread all the same.
        if threads
            .as_slice()
            .iter()
            .any(|thread| thread.thread().id() == this_thread)
        {
            return;
        }
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }
}

/// What the threads of a store share.
fn core(layout: &Layout, options: &Options, lock: Option<FolderLock>) -> Arc<Core> {
    Arc::new(Core {
        shared: Shared {
            key: RowKey::new(&options.row_key),
            packs: PackReader::new(&layout.packs()),
        },
        cache: IndexCache::new(options.index_rows_max),
        watchers: Watchers::default(),
        failure: OnceLock::new(),
        foreign_commit: AtomicBool::new(false),
        meter: Meter::default(),
        _lock: lock,
    })
}

type Started = (SyncSender<Box<dyn Job>>, Vec<JoinHandle<()>>);

/// Starts the writer and the checkpoint thread.
fn start_threads(
    conn: Connection,
    core: &Arc<Core>,
    space: Space,
    layout: &Layout,
) -> Result<Started, OpenError> {
    let pack = PackWriter::open(&layout.packs(), |segment| named_end(&conn, segment))?;
    let (jobs, waiting) = sync_channel(JOBS_WAITING_MAX);
    let (checkpoints, requests) = sync_channel(1);
    let writer = Writer::new(
        conn,
        Arc::clone(core),
        pack,
        space,
        layout.clone(),
        checkpoints,
    )?;
    let checkpoint_conn = migrate::open_beside(&layout.database())?;
    let core = Arc::clone(core);
    let started = |name: &str, run: Box<dyn FnOnce() + Send>| {
        let builder = thread::Builder::new().name(name.to_owned());
        builder.spawn(run).map_err(|source| OpenError::Io {
            what: "starting a thread".to_owned(),
            source,
        })
    };
    let threads = vec![
        started("store-writer", Box::new(move || writer.run(&waiting)))?,
        started(
            "store-checkpoint",
            Box::new(move || writer::run_checkpoints(&checkpoint_conn, &core, &requests)),
        )?,
    ];
    Ok((jobs, threads))
}

/// Where the last body ends that a row names in this segment.
fn named_end(conn: &Connection, segment: u32) -> StoreResult<u64> {
    let sql = "SELECT sha256, octets, segment, start FROM blob WHERE segment = ?1
                ORDER BY start DESC LIMIT 1";
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([segment])?;
    match rows.next()? {
        Some(row) => Ok(crate::tx::place_at(row, 0)?.end()),
        None => Ok(0),
    }
}
