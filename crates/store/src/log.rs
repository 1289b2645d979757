//! Logs of what happened, a database file for each day: `log/activity-2026-11-23.db`.
//!
//! A log thread gathers rows and writes them in batches; retention unlinks whole days. What cannot
//! be taken is counted, never waited for, except by those who ask for a durable record.
//!
//! Every row has a number; they follow each other without gaps through all days. A number that
//! somebody else has used is left to that row and remembered, since such a row is not ours.
//!
//! A day whose file is damaged is set aside, and a new file of it begun; what the old one held is
//! for the reader of the numbers to miss.

mod aside;
mod rows;

pub use aside::SetAside;
pub use rows::{FoundRow, LogDays, LogRows};

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use tokio::sync::oneshot;
use types::{AccountId, SessionId, Timestamp};

use crate::disk;
use crate::error::{OpenError, StoreError, StoreResult};
use crate::migrate::{self, SYNCHRONOUS, open_reader};
use crate::tx::{optional, time};

/// Rows that may wait for the log thread.
const WAITING_MAX: usize = 16_384;
/// Rows of one batch.
const BATCH_MAX: usize = 2_000;
/// How long a row may wait for its batch.
const BATCH_WAIT: Duration = Duration::from_millis(100);
/// Days that are kept open for writing: today, and yesterday for late rows.
const OPEN_DAYS_MAX: usize = 2;
/// Rows that may lie between the last number that is known and the newest row; what lies beyond
/// was not written by this log.
const UNKNOWN_ROWS_MAX: u64 = 10_000_000;
/// Runs of numbers used by others that are stepped over in one batch, and remembered in all.
const FOREIGN_RUNS_MAX: usize = 100;
/// Octets of `2026-11-23`.
const DAY_OCTETS: usize = 10;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// When.
    pub at: Timestamp,
    /// What: a word of a closed set that the caller keeps.
    pub kind: String,
    /// Whose account.
    pub account: Option<AccountId>,
    /// In which session.
    pub session: Option<SessionId>,
    /// Where from.
    pub source: String,
    /// The token of the message it concerns.
    pub message: Option<String>,
    /// The rest, as JSON.
    pub detail: Vec<u8>,
}

/// A row with its number in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// Its number, from 0; one counter serves all days.
    pub seq: u64,
    /// What happened.
    pub row: LogRow,
}

/// Which rows are wanted: those that meet every condition, newest first.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// From this time on.
    pub since: Timestamp,
    /// Before this time.
    pub until: Timestamp,
    /// Of this account.
    pub account: Option<AccountId>,
    /// Of this session.
    pub session: Option<SessionId>,
    /// Of this kind.
    pub kind: Option<String>,
    /// From this source; no index serves it, so something else should narrow the query.
    pub source: Option<String>,
    /// About this message.
    pub message: Option<String>,
    /// At most so many.
    pub limit: usize,
}

impl LogQuery {
    /// All rows of a span of time.
    pub fn between(since: Timestamp, until: Timestamp, limit: usize) -> Self {
        Self {
            since,
            until,
            account: None,
            session: None,
            kind: None,
            source: None,
            message: None,
            limit,
        }
    }
}

enum Command {
    Append(LogRow),
    AppendDurable(LogRow, oneshot::Sender<StoreResult<u64>>),
    /// Answers when everything before it is in the files.
    Flush(oneshot::Sender<()>),
    /// Answers when everything before it is on the disk.
    Sync(oneshot::Sender<StoreResult<Synced>>),
    /// Numbers the next row at least so.
    ContinueFrom(u64, oneshot::Sender<StoreResult<()>>),
    /// Unlinks the days before this one.
    Prune(String, oneshot::Sender<StoreResult<Vec<String>>>),
}

/// How far a log is on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// The number that the next row gets.
    pub next: u64,
    /// Numbers below it that were used by somebody else, since the log was opened.
    pub foreign: Vec<Range<u64>>,
}

/// One log. Dropping it writes what waits and ends its thread.
pub struct Log {
    days: Days,
    commands: Option<SyncSender<Box<Command>>>,
    closed: AtomicBool,
    told: Arc<Told>,
    thread: Option<JoinHandle<()>>,
}

/// What the log thread tells of itself.
#[derive(Default)]
struct Told {
    dropped: AtomicU64,
    /// Why the newest rows could not be written, until some are.
    failing: Mutex<Option<String>>,
    aside: Mutex<Vec<SetAside>>,
}

impl Told {
    fn set_failing(&self, why: Option<String>) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    fn add_aside(&self, aside: impl IntoIterator<Item = SetAside>) {
        let mut known = self.aside.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(aside);
    }
}

/// Where the files of a log are.
#[derive(Clone)]
struct Days {
    dir: PathBuf,
    name: &'static str,
}

impl Days {
    fn path(&self, day: &str) -> PathBuf {
        self.dir.join(format!("{}-{day}.db", self.name))
    }

    /// The days that have a file, oldest first.
    fn list(&self) -> StoreResult<Vec<String>> {
        let mut days = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let day = name
                .to_str()
                .and_then(|name| name.strip_prefix(self.name)?.strip_prefix('-'))
                .and_then(|rest| rest.strip_suffix(".db"));
            days.extend(day.filter(|day| is_day(day)).map(ToOwned::to_owned));
        }
        days.sort_unstable();
        Ok(days)
    }

    fn unlink(&self, day: &str) -> StoreResult<()> {
        let path = self.path(day);
        for suffix in ["-wal", "-shm"] {
            let mut beside = path.clone().into_os_string();
            beside.push(suffix);
            if Path::new(&beside).exists() {
                fs::remove_file(beside)?;
            }
        }
        fs::remove_file(path)?;
        Ok(())
    }
}

fn is_day(text: &str) -> bool {
    let plain = |(at, c): (usize, u8)| match at {
        4 | 7 => c == b'-',
        _ => c.is_ascii_digit(),
    };
    text.len() == DAY_OCTETS && text.bytes().enumerate().all(plain)
}

impl Log {
    /// A log of a folder that is only looked at: nothing is made, and nothing can be appended.
    pub(crate) fn closed(dir: &Path, name: &'static str) -> Self {
        let dir = dir.to_owned();
        Self {
            days: Days { dir, name },
            commands: None,
            closed: AtomicBool::new(true),
            told: Arc::default(),
            thread: None,
        }
    }

    /// Opens the log `name` in `dir`; refuses files of a newer format, and sets damaged ones aside.
    pub(crate) fn open(dir: &Path, name: &'static str) -> Result<Self, OpenError> {
        let days = Days {
            dir: dir.to_owned(),
            name,
        };
        for day in days.list()?.iter().rev().take(OPEN_DAYS_MAX) {
            match migrate::LOG.open(&days.path(day)) {
                Err(err @ (OpenError::Foreign { .. } | OpenError::Damaged(_))) => {
                    let aside = days.set_aside(day)?;
                    tracing::error!("{err}; it is now {}", aside.path.display());
                }
                opened => drop(opened?),
            }
        }
        let told = Arc::new(Told::default());
        told.add_aside(days.aside()?);
        let writer = LogWriter {
            next_seq: rows::next_number(&days, i64::MAX)?,
            days: days.clone(),
            open: Vec::new(),
            foreign: Vec::new(),
            told: Arc::clone(&told),
        };
        // The channel has room for all of them from the start on, so what it holds is small.
        let (commands, received) = sync_channel(WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name(format!("log-{name}"))
            .spawn(move || writer.run(&received))
            .map_err(|source| OpenError::Io {
                what: "starting a log thread".to_owned(),
                source,
            })?;
        Ok(Self {
            days,
            commands: Some(commands),
            closed: AtomicBool::new(false),
            told,
            thread: Some(thread),
        })
    }

    /// Records something soon; if too much waits already, the row is dropped and counted.
    pub fn append(&self, row: LogRow) {
        if self.send(Command::Append(row)).is_err() {
            self.told.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records something and waits until it is on the disk; gives its number.
    pub async fn append_durable(&self, row: LogRow) -> StoreResult<u64> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::AppendDurable(row, reply))?;
        answer.await.map_err(|_| ended())?
    }

    /// Rows that were lost since the start because too much waited or a file could not be written.
    pub fn dropped(&self) -> u64 {
        self.told.dropped.load(Ordering::Relaxed)
    }

    /// Why the newest rows could not be written; `None` once rows are written again.
    pub fn failing(&self) -> Option<String> {
        let failing = self.told.failing.lock();
        failing.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The days that were set aside and are still there, those of earlier starts first.
    pub fn set_aside(&self) -> Vec<SetAside> {
        let mut aside = (self.told.aside.lock()).unwrap_or_else(PoisonError::into_inner);
        aside.retain(|it| it.path.exists());
        aside.clone()
    }

    /// The rows that meet the query, newest first, including those just appended.
    pub async fn query(&self, query: LogQuery) -> StoreResult<Vec<LogRecord>> {
        let (reply, flushed) = oneshot::channel();
        self.send(Command::Flush(reply))?;
        flushed.await.map_err(|_| ended())?;
        let days = self.days.clone();
        tokio::task::spawn_blocking(move || search(&days, &query))
            .await
            .map_err(|_| StoreError::Panicked)?
    }

    /// The row of this kind with the highest number, whatever time it tells.
    pub async fn last_of_kind(&self, kind: &str) -> StoreResult<Option<LogRecord>> {
        let (reply, flushed) = oneshot::channel();
        self.send(Command::Flush(reply))?;
        flushed.await.map_err(|_| ended())?;
        let (days, kind) = (self.days.clone(), kind.to_owned());
        tokio::task::spawn_blocking(move || rows::last_of_kind(&days, &kind))
            .await
            .map_err(|_| StoreError::Panicked)?
    }

    /// Waits until all rows appended so far are on the disk; says how far the numbers go.
    pub async fn sync(&self) -> StoreResult<Synced> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Sync(reply))?;
        answer.await.map_err(|_| ended())?
    }

    /// Gives no later row a number below `seq`, though the files may know of none so high; a row
    /// that lies absurdly far beyond it does not count. For threads outside the runtime.
    pub fn continue_from_blocking(&self, seq: u64) -> StoreResult<()> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::ContinueFrom(seq, reply))?;
        answer.blocking_recv().map_err(|_| ended())?
    }

    /// As [`Self::sync`], and takes nothing more from now on.
    pub async fn close(&self) -> StoreResult<Synced> {
        self.closed.store(true, Ordering::Release);
        let (reply, answer) = oneshot::channel();
        self.send_always(Command::Sync(reply))?;
        answer.await.map_err(|_| ended())?
    }

    /// The rows of these days by their numbers; opened afresh, so that changes below the database
    /// are seen. Appended rows may be missing until [`Self::sync`]. For threads outside the
    /// runtime.
    pub fn rows_blocking(&self, days: LogDays<'_>) -> StoreResult<LogRows> {
        LogRows::open(&self.days, days)
    }

    /// The days that have a file, oldest first.
    pub fn days_blocking(&self) -> StoreResult<Vec<String>> {
        self.days.list()
    }

    /// The files that there are, oldest first.
    pub(crate) fn files_blocking(&self) -> StoreResult<Vec<PathBuf>> {
        let days = self.days.list()?;
        Ok(days.iter().map(|day| self.days.path(day)).collect())
    }

    /// Unlinks all days before `day` (`2026-11-23`); gives those that were there.
    ///
    /// Whether they may go is decided by the caller (retention).
    pub async fn prune(&self, day: &str) -> StoreResult<Vec<String>> {
        if !is_day(day) {
            return Err(StoreError::NotFound("day"));
        }
        let (reply, answer) = oneshot::channel();
        self.send(Command::Prune(day.to_owned(), reply))?;
        answer.await.map_err(|_| ended())?
    }

    fn send(&self, command: Command) -> StoreResult<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(ended());
        }
        self.send_always(command)
    }

    fn send_always(&self, command: Command) -> StoreResult<()> {
        let commands = self.commands.as_ref().ok_or_else(ended)?;
        commands
            .try_send(Box::new(command))
            .map_err(|err| match err {
                TrySendError::Full(_) => StoreError::Busy,
                TrySendError::Disconnected(_) => ended(),
            })
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the log thread panicked");
        }
    }
}

fn ended() -> StoreError {
    StoreError::Failed("the log thread has ended".to_owned())
}

/// Looks through the days, newest first, until there are enough rows.
fn search(days: &Days, query: &LogQuery) -> StoreResult<Vec<LogRecord>> {
    let (first, last) = (query.since.day(), query.until.day());
    let mut found = Vec::new();
    for (day, path) in days.readable()?.iter().rev() {
        if *day > last || found.len() >= query.limit {
            continue;
        }
        if *day < first {
            break;
        }
        // A damaged day hides no other; those who look after the server are told of it.
        let of_day = search_day(path, query, query.limit - found.len());
        found.extend(rows::undamaged(of_day)?.unwrap_or_default());
    }
    Ok(found)
}

fn search_day(path: &Path, query: &LogQuery, limit: usize) -> StoreResult<Vec<LogRecord>> {
    let conn = open_reader(path)?;
    let (sql, values) = statement(query, limit);
    let mut statement = conn.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(values), read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The query as SQL, with a condition only where one is set, so that an index serves each.
fn statement(query: &LogQuery, limit: usize) -> (String, Vec<Value>) {
    let signed = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let conditions = [
        ("account", query.account.map(|id| signed(id.0))),
        ("session", query.session.map(|id| signed(id.0))),
        ("kind", query.kind.clone().map(Value::Text)),
        ("source", query.source.clone().map(Value::Text)),
        ("message", query.message.clone().map(Value::Text)),
    ];
    let mut sql = "SELECT seq, at, kind, account, session, source, message, detail
                     FROM record WHERE at >= ?1 AND at < ?2"
        .to_owned();
    let mut values = vec![
        Value::Integer(query.since.0),
        Value::Integer(query.until.0),
        signed(limit as u64),
    ];
    for (column, value) in conditions {
        if let Some(value) = value {
            values.push(value);
            sql.push_str(&format!(" AND {column} = ?{}", values.len()));
        }
    }
    sql.push_str(" ORDER BY at DESC, seq DESC LIMIT ?3");
    (sql, values)
}

fn read(row: &Row<'_>) -> rusqlite::Result<LogRecord> {
    Ok(LogRecord {
        seq: row.get(0)?,
        row: LogRow {
            at: time(row, 1)?,
            kind: row.get(2)?,
            account: optional(row, 3, AccountId)?,
            session: optional(row, 4, SessionId)?,
            source: row.get(5)?,
            message: row.get(6)?,
            detail: row.get(7)?,
        },
    })
}

/// What the log thread owns.
struct LogWriter {
    days: Days,
    /// Open files, the one used last at the end.
    open: Vec<OpenDay>,
    next_seq: u64,
    /// Numbers that were in use when this log came to them.
    foreign: Vec<Range<u64>>,
    told: Arc<Told>,
}

/// A day that is open for writing.
struct OpenDay {
    day: String,
    conn: Connection,
    /// Whether rows may not be on the disk yet, also those of an earlier process.
    unsynced: bool,
}

impl OpenDay {
    fn sync(&mut self) -> StoreResult<()> {
        if self.unsynced {
            migrate::sync(&self.conn)?;
            self.unsynced = false;
        }
        Ok(())
    }
}

/// A row of a batch and who waits for it.
type Pending = (LogRow, Option<oneshot::Sender<StoreResult<u64>>>);

impl LogWriter {
    fn run(mut self, commands: &Receiver<Box<Command>>) {
        while let Ok(first) = commands.recv() {
            let mut batch = Vec::new();
            let mut next = Some(first);
            let deadline = Instant::now() + BATCH_WAIT;
            while let Some(command) = next {
                let urgent = self.take(*command, &mut batch);
                let full = batch.len() >= BATCH_MAX;
                let left = deadline.saturating_duration_since(Instant::now());
                next = if urgent || full {
                    None
                } else {
                    commands.recv_timeout(left).ok()
                };
            }
            self.write(batch);
        }
    }

    /// Takes a command in; whether somebody waits for the batch now.
    fn take(&mut self, command: Command, batch: &mut Vec<Pending>) -> bool {
        match command {
            Command::Append(row) => {
                batch.push((row, None));
                false
            }
            Command::AppendDurable(row, reply) => {
                batch.push((row, Some(reply)));
                true
            }
            Command::Flush(reply) => {
                self.write(std::mem::take(batch));
                let _asker_gone = reply.send(());
                false
            }
            Command::Sync(reply) => {
                self.write(std::mem::take(batch));
                let _asker_gone = reply.send(self.sync());
                false
            }
            Command::ContinueFrom(seq, reply) => {
                self.write(std::mem::take(batch));
                let _asker_gone = reply.send(self.continue_from(seq));
                false
            }
            Command::Prune(day, reply) => {
                self.write(std::mem::take(batch));
                let _asker_gone = reply.send(self.prune(&day));
                false
            }
        }
    }

    /// Writes a batch in its order, neighbours of the same day in one transaction.
    fn write(&mut self, batch: Vec<Pending>) {
        let mut rest = batch;
        while let Some((first, _)) = rest.first() {
            let day = first.at.day();
            let other = rest.iter().position(|(row, _)| row.at.day() != day);
            let later = rest.split_off(other.unwrap_or(rest.len()));
            self.write_day(&day, rest);
            rest = later;
        }
    }

    fn write_day(&mut self, day: &str, rows: Vec<Pending>) {
        let mut written = self.insert_past_foreign(day, &rows);
        if let Err(err) = &written
            && aside::is_damage(err)
            && self.set_aside(day, err)
        {
            written = self.insert_past_foreign(day, &rows);
        }
        match written {
            Ok(first) => {
                self.told.set_failing(None);
                self.next_seq = first + rows.len() as u64;
                for (seq, (_, reply)) in (first..).zip(rows) {
                    let _asker_gone = reply.map(|reply| reply.send(Ok(seq)));
                }
            }
            Err(err) => {
                tracing::error!("{} rows of {} are lost: {err}", rows.len(), self.days.name);
                let lost = rows.len() as u64;
                self.told.dropped.fetch_add(lost, Ordering::Relaxed);
                self.told.set_failing(Some(err.to_string()));
                self.open.retain(|open| open.day != day);
                for (_, reply) in rows {
                    let failed = || Err(StoreError::Failed("the log cannot be written".to_owned()));
                    let _asker_gone = reply.map(|reply| reply.send(failed()));
                }
            }
        }
    }

    /// Makes room for a new file of a day; whether that could be done.
    fn set_aside(&mut self, day: &str, why: &StoreError) -> bool {
        self.open.retain(|open| open.day != day);
        match self.days.set_aside(day) {
            Ok(aside) => {
                let (log, path) = (self.days.name, aside.path.display());
                tracing::error!("{day} of {log} cannot be written ({why}); it is now {path}");
                self.told.add_aside([aside]);
                true
            }
            Err(err) => {
                tracing::error!("{day} of {} cannot be set aside: {err}", self.days.name);
                false
            }
        }
    }

    /// Inserts the rows under the next numbers that nobody else has used; gives the first.
    fn insert_past_foreign(&mut self, day: &str, rows: &[Pending]) -> StoreResult<u64> {
        for _ in 0..FOREIGN_RUNS_MAX {
            match self.insert(day, rows) {
                Err(StoreError::Sql(err)) if is_taken(&err) => {}
                other => return other.map(|()| self.next_seq),
            }
            let end = self.next_seq + rows.len() as u64;
            let sql = "SELECT MAX(seq) FROM record WHERE seq >= ?1 AND seq < ?2";
            let from = self.next_seq;
            let conn = &self.segment(day)?.conn;
            let last: u64 = conn.query_row(sql, (from, end), |row| row.get(0))?;
            tracing::error!("{} has rows from outside up to {last}", self.days.name);
            self.next_seq = last + 1;
            if self.foreign.len() < FOREIGN_RUNS_MAX {
                self.foreign.push(from..last + 1);
            }
        }
        Err(StoreError::Damaged(format!("{day} is full of other rows")))
    }

    fn insert(&mut self, day: &str, rows: &[Pending]) -> StoreResult<()> {
        let first = self.next_seq;
        let durable = rows.iter().any(|(_, reply)| reply.is_some());
        let open = self.segment(day)?;
        let level = if durable { "FULL" } else { "NORMAL" };
        open.conn.pragma_update(None, SYNCHRONOUS, level)?;
        open.unsynced = true;
        let tx = open.conn.transaction()?;
        for (seq, (row, _)) in (first..).zip(rows) {
            tx.prepare_cached(
                "INSERT INTO record (seq, at, kind, account, session, source, message, detail)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute((
                seq,
                row.at.0,
                &row.kind,
                row.account.map(|id| id.0),
                row.session.map(|id| id.0),
                &row.source,
                &row.message,
                &row.detail,
            ))?;
        }
        tx.commit()?;
        open.unsynced = !durable;
        Ok(())
    }

    /// The open file of a day; closes the one that was not used for longest.
    fn segment(&mut self, day: &str) -> StoreResult<&mut OpenDay> {
        let entry = match self.open.iter().position(|open| open.day == day) {
            Some(at) => self.open.remove(at),
            None => {
                let opened = migrate::LOG.open(&self.days.path(day));
                let (conn, _) = opened.map_err(aside::opening_failed)?;
                if self.open.len() >= OPEN_DAYS_MAX {
                    self.open[0].sync()?;
                    self.open.remove(0);
                }
                OpenDay {
                    day: day.to_owned(),
                    conn,
                    unsynced: true,
                }
            }
        };
        self.open.push(entry);
        self.open.last_mut().ok_or(StoreError::NotFound("day"))
    }

    fn sync(&mut self) -> StoreResult<Synced> {
        // Rows are committed to the file beside the day's, which is not synced each time.
        self.open.iter_mut().try_for_each(OpenDay::sync)?;
        disk::sync_folder(&self.days.dir)?;
        Ok(Synced {
            next: self.next_seq,
            foreign: self.foreign.clone(),
        })
    }

    fn continue_from(&mut self, seq: u64) -> StoreResult<()> {
        let end = i64::try_from(seq.saturating_add(UNKNOWN_ROWS_MAX)).unwrap_or(i64::MAX);
        self.next_seq = rows::next_number(&self.days, end)?.max(seq);
        Ok(())
    }

    fn prune(&mut self, before: &str) -> StoreResult<Vec<String>> {
        self.open.retain(|open| open.day.as_str() >= before);
        let mut pruned = self.days.list()?;
        pruned.retain(|day| day.as_str() < before);
        for day in &pruned {
            self.days.unlink(day)?;
        }
        Ok(pruned)
    }
}

/// Whether an insertion failed because the number is in use.
fn is_taken(err: &rusqlite::Error) -> bool {
    err.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}
