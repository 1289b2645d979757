//! What makes the activity log and the trace provable: a Merkle tree
//! over the rows of each, signed at every beat, and told by the ledger every hour.
//!
//! The rows lie in the files of their days, `log/activity-2026-11-23.db`; the hashes over them in
//! tiles, `log/activity/tile/…`, which stay when a day reaches the end of its time. The signer
//! keeps the unfinished edge of each tree in the keys folder, so it can sign nothing but growth,
//! and from that edge every hash tile can be proved. Rows that are changed, missing or added
//! past the server do not fit the tiles: that is recorded in the ledger, and changes wait.
//! The newest days are read again after each start, once the doors are open: mail does not wait
//! for that, changes of the configuration do.
//! What somebody does to rows of the last minute, before they are signed, can stay unseen.

mod runs;

mod leaf;

mod signer;

mod prove;

mod check;
mod grow;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ledger::Door;
use policy::Change;
use policy::change::{ActivityCheckpoint, SealedLog};
use serde::Serialize;
use store::{Log, LogDays, SetAside, Store, StoreError, StoreResult, Synced};
use types::Sha256;

use crate::Service;
use crate::admit::AdmitError;
use crate::error::{ServiceError, ServiceResult};
use crate::signer::{Signer, SignerError};
use crate::start::{Finding, StartError};
use check::Report;
use signer::{LogSigner, SealView};

/// The logs that are sealed.
pub(crate) const LOGS: [SealedLog; 2] = [SealedLog::Activity, SealedLog::Trace];
/// Time between two checkpoints of a log in the ledger.
const EMBED_US: u64 = 3_600_000_000;
/// Days that are checked after a start.
const START_DAYS: usize = 2;
/// Rows that are checked after a start at most.
const START_ROWS_MAX: u64 = 2_000_000;
const OLDER_KEYS: &str =
    "the keys folder was older than what its own key had signed, which was taken up again: the";

/// Why a log could not be sealed now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    /// The state of the signer.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The rows or the tiles.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another history of the same log was signed.
    #[error(
        "the {log} log FORKED: our key signed {signed} rows of it, which are not those that are there; put the keys folder and the data folder back from copies that belong together"
    )]
    Forked {
        /// Which log.
        log: SealedLog,
        /// Rows of the other history.
        signed: u64,
    },
    /// A fault of the program.
    #[error("sealing broke off; this is a fault of the program, please report it")]
    BrokenOff,
}

impl From<SealError> for StartError {
    fn from(err: SealError) -> Self {
        match err {
            SealError::Signer(err) => Self::Signer(err),
            SealError::Store(err) => Self::Store(err),
            SealError::Forked { .. } | SealError::BrokenOff => Self::BrokenOff,
        }
    }
}

/// How far a log is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Sealed {
    pub(crate) size: u64,
    pub(crate) root: Sha256,
}

/// Whether a log is what was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogVerdict {
    /// `activity` or `trace`.
    pub log: String,
    /// In the words of the verifier.
    pub verdict: String,
    /// Whether nothing is wrong.
    pub good: bool,
    /// Rows that were signed.
    pub size: u64,
    /// The root over them.
    pub root: String,
    /// Rows that were there and checked; days that reached the end of their time are gone.
    pub rows: u64,
    /// Rows that are changed, missing or not ours.
    pub bad: u64,
    /// The number of the first of them.
    pub first_bad: Option<i64>,
}

/// The signers of both logs, and what the ledger has been told.
pub(crate) struct Seals {
    /// Locked only by threads that may block.
    signers: [Arc<Mutex<LogSigner>>; 2],
    /// Held while many rows are read, so that no day goes meanwhile.
    reading: tokio::sync::Mutex<()>,
    /// Whether the newest days were checked since the start.
    newest_checked: tokio::sync::OnceCell<()>,
    told: tokio::sync::Mutex<Told>,
    /// The files that stand aside and were told of in this start, and whether the rows that are
    /// missing by them were looked for.
    told_aside: tokio::sync::Mutex<HashMap<PathBuf, bool>>,
}

/// What the ledger has been told.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    sizes: [u64; 2],
    at_us: u64,
}

impl Seals {
    pub(crate) fn open(signer: &Signer) -> Result<Self, SignerError> {
        let [activity, trace] = LOGS.map(|log| LogSigner::open(signer, log));
        let shared = |signer| Arc::new(Mutex::new(signer));
        Ok(Self {
            signers: [shared(activity?), shared(trace?)],
            reading: tokio::sync::Mutex::default(),
            newest_checked: tokio::sync::OnceCell::new(),
            told: tokio::sync::Mutex::default(),
            told_aside: tokio::sync::Mutex::default(),
        })
    }
}

impl Service {
    /// Takes up the seals where they were left: makes the files of the edge whole, numbers on from
    /// the last signed row, and seals what a crash left unsealed.
    pub(crate) async fn open_logs(&self) -> Result<(), StartError> {
        let mut told = Told {
            at_us: self.clock().monotonic_us(),
            ..Told::default()
        };
        for (log, size) in LOGS.into_iter().zip(&mut told.sizes) {
            let in_ledger = self.told_checkpoint(log);
            *size = in_ledger.as_ref().map_or(0, |told| told.size);
            let note = in_ledger.map(|told| told.note);
            let opened = self.with_signer(log, move |store, signer| {
                let taken_up = grow::take_up(store, signer, note);
                of(store, log).continue_from_blocking(signer.known_size())?;
                Ok((taken_up, complete_edge(store, signer)))
            });
            let (taken_up, completed) = opened.await.map_err(StartError::from)?;
            match taken_up {
                Ok(false) => {}
                Ok(true) => self.alarm("I1", &format!("{OLDER_KEYS} {log} log")),
                Err(err) => self.report_seal_error(log, &err).await,
            }
            match completed {
                Ok(report) => self.report(log, report).await,
                Err(err) => self.report_seal_error(log, &err).await,
            }
        }
        *self.inner.seals.told.lock().await = told;
        self.seal_logs().await;
        self.tell_ledger().await;
        Ok(())
    }

    /// Holds the rows of the newest days against what was signed, once after each start. Whoever
    /// needs the outcome first does it: the caller that opened the doors, or the first change.
    pub async fn check_newest_days(&self) {
        let check = || async {
            for log in LOGS {
                match self.read_rows(log, first_of_newest).await {
                    Ok((_, report)) => self.report(log, report).await,
                    Err(err) => self.report_seal_error(log, &err).await,
                }
            }
        };
        self.inner.seals.newest_checked.get_or_init(check).await;
    }

    /// Tells of each day that the logs had to set aside, once in each start, and looks which of the
    /// rows that were signed cannot be read any more. Done once the new rows are signed.
    pub(crate) async fn tell_set_aside(&self) {
        let mut told = self.inner.seals.told_aside.lock().await;
        for log in LOGS {
            let mut aside = of(&self.inner.store, log).set_aside();
            aside.retain(|day| told.get(&day.path) != Some(&true));
            for SetAside { day, path } in &aside {
                if told.insert(path.clone(), false).is_some() {
                    continue;
                }
                let path = path.display();
                let text = format!(
                    "the file of {day} of the {log} log was damaged and is now {path}; a new one was begun"
                );
                self.alarm("log", &text);
            }
            if aside.is_empty() {
                continue;
            }
            let newest = |_: &Store, signer: &SealView| {
                Ok(signer.tiles.size().saturating_sub(START_ROWS_MAX))
            };
            match self.read_rows(log, newest).await {
                Ok((_, report)) => {
                    self.report(log, report).await;
                    told.extend(aside.into_iter().map(|day| (day.path, true)));
                }
                Err(err) => self.report_seal_error(log, &err).await,
            }
        }
    }

    /// What keeps the logs from being written now, in words for people.
    pub(crate) fn log_hindrances(&self) -> Vec<String> {
        let failing = |log| {
            let why = of(&self.inner.store, log).failing()?;
            let what = match log {
                SealedLog::Activity => "nobody can sign in",
                SealedLog::Trace => "how mail comes in is not recorded",
            };
            Some(format!(
                "{what}: the {log} log cannot be written ({why}); look at the newest log/{log}-*.db in the data folder"
            ))
        };
        LOGS.into_iter().filter_map(failing).collect()
    }

    /// The days that stand aside, in words for people.
    pub(crate) fn log_warnings(&self) -> Vec<String> {
        let words = |log, SetAside { day, path }: SetAside| {
            let path = path.display();
            format!(
                "the file of {day} of the {log} log was damaged: keep {path} elsewhere once you have looked at it"
            )
        };
        let of_log = |log| {
            let aside = of(&self.inner.store, log).set_aside().into_iter();
            aside.map(move |day| words(log, day))
        };
        LOGS.into_iter().flat_map(of_log).collect()
    }

    /// Signs all rows that were recorded so far.
    pub(crate) async fn seal_logs(&self) -> [Option<Sealed>; 2] {
        let mut sealed = [None, None];
        for (log, sealed) in LOGS.into_iter().zip(&mut sealed) {
            *sealed = match of(&self.inner.store, log).sync().await {
                Ok(synced) => self.seal(log, synced, false).await,
                Err(err) => {
                    tracing::error!(error = %err, "the {log} log cannot be sealed: {err}");
                    None
                }
            };
        }
        sealed
    }

    /// Signs the last rows and takes no further ones; from now on nothing is recorded.
    pub(crate) async fn close_logs(&self) {
        for log in LOGS {
            match of(&self.inner.store, log).close().await {
                Ok(synced) => {
                    self.seal(log, synced, true).await;
                }
                Err(err) => {
                    tracing::error!(error = %err, "the {log} log cannot be closed: {err}");
                }
            }
        }
        self.tell_ledger().await;
    }

    async fn seal(&self, log: SealedLog, synced: Synced, last: bool) -> Option<Sealed> {
        let sealed = self.with_signer(log, move |store, signer| {
            let report = grow::seal(store, signer, &synced)?;
            if last {
                signer.close()?;
            } else {
                signer.reopen()?;
            }
            let (size, root) = (signer.size(), signer.root());
            Ok((report, Sealed { size, root }))
        });
        match sealed.await {
            Ok((report, sealed)) => {
                self.report(log, report).await;
                Some(sealed)
            }
            Err(err) => {
                tracing::error!(error = %err, "the {log} log cannot be sealed: {err}");
                None
            }
        }
    }

    /// Tells the ledger once an hour how far the logs are signed.
    pub(crate) async fn tell_ledger_hourly(&self) {
        let at_us = self.inner.seals.told.lock().await.at_us;
        if self.clock().monotonic_us().saturating_sub(at_us) >= EMBED_US {
            self.tell_ledger().await;
        }
    }

    /// Tells the ledger how far the logs are signed, if it does not know.
    async fn tell_ledger(&self) {
        let mut told = self.inner.seals.told.lock().await;
        let (mut changes, mut sizes) = (Vec::new(), told.sizes);
        for (id, size) in LOGS.into_iter().zip(&mut sizes) {
            let read = self.with_signer(id, |_, signer| {
                let note = signer.note().map(str::to_owned);
                Ok((signer.size(), signer.root(), note))
            });
            if let Ok((signed, root, Some(note))) = read.await
                && signed > *size
            {
                *size = signed;
                changes.push(Change::ActivityCheckpoint(ActivityCheckpoint {
                    id,
                    size: signed,
                    root,
                    note,
                }));
            }
        }
        if changes.is_empty() {
            return;
        }
        match self.record_checkpoints(changes).await {
            Ok(()) => {
                told.sizes = sizes;
                told.at_us = self.clock().monotonic_us();
            }
            Err(err) => {
                tracing::error!(error = %err, "the ledger does not know yet how far the logs are signed: {err}");
            }
        }
    }

    async fn record_checkpoints(&self, changes: Vec<Change>) -> Result<(), AdmitError> {
        let mut admission = self.inner.admission.lock().await;
        self.roll_forward(&mut admission).await?;
        self.admit_own(&mut admission, Door::Schedule, changes, Vec::new())
            .await
    }

    /// What the ledger says of a log.
    fn told_checkpoint(&self, log: SealedLog) -> Option<ActivityCheckpoint> {
        let (seq, _) = self.config().last_entry("activity", log.as_str())?;
        let ledger = self.inner.origin.to_string();
        let read = self.inner.store.read_blocking(|tx| {
            let mut found = store::ledger::entries(tx, &ledger, seq, 1)?;
            Ok(found.pop())
        });
        let entry = ledger::Entry::from_bytes(&read.ok()??.bytes).ok()?;
        match Change::from_entry(&entry) {
            Ok(Change::ActivityCheckpoint(told)) => Some(told),
            _ => None,
        }
    }

    /// Holds every row that there is against the hash that was signed.
    pub(crate) async fn verify_logs(&self) -> ServiceResult<Vec<LogVerdict>> {
        let mut verdicts = Vec::new();
        for log in LOGS {
            // Rows that wait to be written count as there.
            of(&self.inner.store, log).sync().await?;
            let (signer, mut report) = match self.read_rows(log, |_, _| Ok(0)).await {
                Err(SealError::Store(err)) => return Err(err.into()),
                read => read.map_err(|_| ServiceError::Unavailable)?,
            };
            let edge =
                self.with_signer(log, |store, signer| Ok(grow::complete_edge(store, signer)?));
            match edge.await {
                Ok(put_back) => report.put_back.extend(put_back),
                Err(err) => tracing::error!(error = %err, "the tiles of the {log} log: {err}"),
            }
            report.beyond(of(&self.inner.store, log).sync().await?.next);
            verdicts.push(report.verdict(&signer));
            self.report(log, report).await;
        }
        Ok(verdicts)
    }

    /// Holds the rows of a log from a number on against the hashes that were signed.
    async fn read_rows(
        &self,
        log: SealedLog,
        first: impl FnOnce(&Store, &SealView) -> StoreResult<u64> + Send + 'static,
    ) -> Result<(SealView, Report), SealError> {
        let _no_day_goes = self.inner.seals.reading.lock().await;
        let signer = Arc::clone(&self.inner.seals.signers[place(log)]);
        let store = self.inner.store.clone();
        // A copy, so that the log can be sealed while its rows are read.
        let task = tokio::task::spawn_blocking(move || {
            let signer = signer.lock().unwrap_or_else(PoisonError::into_inner).view();
            let report = check::check(&store, &signer, first(&store, &signer)?)?;
            Ok((signer, report))
        });
        task.await.unwrap_or(Err(SealError::BrokenOff))
    }

    /// Removes the days of a log before this one, as far as their rows are signed and what they
    /// were signed as.
    pub(crate) async fn prune_log(&self, log: SealedLog, before: String) -> Result<(), SealError> {
        let Ok(_nobody_reads) = self.inner.seals.reading.try_lock() else {
            return Ok(());
        };
        let released = self.with_signer(log, move |store, signer| {
            grow::release(store, signer, &before)
        });
        let (before, report) = released.await?;
        self.report(log, report).await;
        if let Some(before) = before {
            of(&self.inner.store, log).prune(&before).await?;
        }
        Ok(())
    }

    /// Records what is wrong with a log, once.
    async fn report(&self, log: SealedLog, report: Report) {
        if let Some(finding) = report.tiles_finding(log) {
            self.record_finding(finding).await;
        }
        let noted = self.with_signer(log, move |_, signer| {
            let finding = report.finding(signer);
            signer.remember(&report.bad)?;
            Ok(finding)
        });
        match noted.await {
            Ok(Some(finding)) => self.record_finding(finding).await,
            Ok(None) => {}
            Err(err) => tracing::error!(error = %err, "the {log} log is not what it was: {err}"),
        }
    }

    async fn report_seal_error(&self, log: SealedLog, err: &SealError) {
        tracing::error!(error = %err, "{err}");
        if let SealError::Forked { signed, .. } = err {
            self.record_finding(Finding {
                what: err.to_string(),
                place: format!("{log} row {signed}"),
                evidence: err.to_string().into_bytes(),
            })
            .await;
        }
    }

    async fn record_finding(&self, finding: Finding) {
        let mut admission = self.inner.admission.lock().await;
        admission.find(finding);
        if let Err(err) = self.record_found(&mut admission).await {
            tracing::error!(error = %err, "an edit from outside is not recorded yet: {err}");
        }
    }

    /// Works with the signer of a log on a thread that may block.
    async fn with_signer<T: Send + 'static>(
        &self,
        log: SealedLog,
        work: impl FnOnce(&Store, &mut LogSigner) -> Result<T, SealError> + Send + 'static,
    ) -> Result<T, SealError> {
        let signer = Arc::clone(&self.inner.seals.signers[place(log)]);
        let store = self.inner.store.clone();
        let task = tokio::task::spawn_blocking(move || {
            let mut signer = signer.lock().unwrap_or_else(PoisonError::into_inner);
            work(&store, &mut signer)
        });
        task.await.unwrap_or(Err(SealError::BrokenOff))
    }
}

/// Makes the files of the edge whole.
fn complete_edge(store: &Store, signer: &LogSigner) -> Result<Report, SealError> {
    let mut report = Report::new();
    report.put_back = grow::complete_edge(store, signer)?;
    Ok(report)
}

/// The first signed row of the newest days.
fn first_of_newest(store: &Store, signer: &SealView) -> StoreResult<u64> {
    let newest = of(store, signer.log).rows_blocking(LogDays::Newest(START_DAYS))?;
    let first = newest.spans().map(|(first, _)| first).min();
    let first = first.and_then(|first| u64::try_from(first).ok());
    let bound = signer.tiles.size().saturating_sub(START_ROWS_MAX);
    Ok(first.unwrap_or(0).max(bound))
}

fn of(store: &Store, log: SealedLog) -> &Log {
    match log {
        SealedLog::Activity => store.activity(),
        SealedLog::Trace => store.trace(),
    }
}

fn place(log: SealedLog) -> usize {
    match log {
        SealedLog::Activity => 0,
        SealedLog::Trace => 1,
    }
}
