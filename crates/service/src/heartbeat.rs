//! The server's pulse: once a minute the ledger is read again through a fresh connection and
//! compared with what was signed, what happened is signed, new fates are put into their indexes, old
//! files are let go, and a numbered record says so.
//!
//! Rows that somebody wrote past the server are noticed here: they are kept as evidence, put right
//! from the second copy, recorded, and changes of class C2 and C3 wait until they are acknowledged.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use net::Clock;
use policy::change::SealedLog;
use store::{StoreResult, WriteTx};
use types::Timestamp;

use crate::activity::{About, BEAT, Record};
use crate::error::ServiceResult;
use crate::seal::Sealed;
use crate::{Service, lock};

/// Time between two beats.
pub const HEARTBEAT: Duration = Duration::from_secs(60);
/// Removed messages that are forgotten in one beat.
const PURGE_MAX: usize = 10_000;
/// Fates that are put into their indexes in one transaction, so that mail does not wait for it.
const SETTLED_AT_ONCE: usize = 4_000;
const DAY_S: i64 = 86_400;
/// A clock that moves by more than this, other than time does, was set; NTP corrects more gently.
const CLOCK_SET_MIN_US: i64 = 5_000_000;

/// Numbers the beats without gaps, through all starts, and knows when the last one was.
pub(crate) struct Beats {
    /// The number of the next one, once known.
    next: tokio::sync::Mutex<Option<u64>>,
    /// Monotonic time of the last one, or of the start.
    last_us: AtomicU64,
    /// Time of day of the last one of this start.
    last_at: Mutex<Option<Timestamp>>,
    /// What the time of day was ahead of monotonic time at the last one, or at the start.
    ahead_us: AtomicI64,
}

impl Beats {
    pub(crate) fn starting_at(clock: &Clock) -> Self {
        Self {
            next: tokio::sync::Mutex::default(),
            last_us: AtomicU64::new(clock.monotonic_us()),
            last_at: Mutex::default(),
            ahead_us: AtomicI64::new(ahead_us(clock)),
        }
    }

    pub(crate) fn last_us(&self) -> u64 {
        self.last_us.load(Ordering::Relaxed)
    }

    /// When the last one of this start was, if there was one.
    pub(crate) fn last_at(&self) -> Option<Timestamp> {
        *lock(&self.last_at)
    }

    fn done(&self, clock: &Clock) {
        self.last_us.store(clock.monotonic_us(), Ordering::Relaxed);
        *lock(&self.last_at) = Some(clock.now());
    }
}

/// What the time of day is ahead of monotonic time.
fn ahead_us(clock: &Clock) -> i64 {
    let passed_us = i64::try_from(clock.monotonic_us()).unwrap_or(i64::MAX);
    clock.now().0.saturating_sub(passed_us)
}

impl Service {
    /// One beat. The caller repeats it every [`HEARTBEAT`].
    pub async fn heartbeat(&self) {
        if self.look_at_time() {
            self.mend_queue_times().await;
        }
        self.recheck().await;
        self.expire_rules().await;
        let [activity, trace] = self.seal_logs().await;
        self.tell_set_aside().await;
        if let Err(err) = self.record_beat(activity, trace).await {
            tracing::error!(error = %err, "the beat could not be recorded: {err}");
        }
        self.tell_ledger_hourly().await;
        self.settle_fates().await;
        self.look_after_queue().await;
        self.store_uses().await;
        self.let_go().await;
        self.forget_for_rules().await;
        self.inner.beats.done(self.clock());
    }

    /// Raises an alarm if the clock was set since the last beat; says whether it was set back.
    fn look_at_time(&self) -> bool {
        let ahead_us = ahead_us(self.clock());
        let before_us = self.inner.beats.ahead_us.swap(ahead_us, Ordering::Relaxed);
        let set_by_us = ahead_us.saturating_sub(before_us);
        if set_by_us.saturating_abs() > CLOCK_SET_MIN_US {
            let way = if set_by_us > 0 { "forward" } else { "back" };
            let seconds = set_by_us.unsigned_abs() / 1_000_000;
            let text = format!("the machine's clock was set {way} by {seconds} seconds");
            self.alarm("clock", &text);
        }
        set_by_us < -CLOCK_SET_MIN_US
    }

    /// Raises an alarm if the time is before that of the last beat or the newest entry, which
    /// earlier starts left.
    pub(crate) async fn look_at_time_since_last_start(&self) -> StoreResult<()> {
        let last_beat = self.inner.store.activity().last_of_kind(BEAT).await?;
        let last = last_beat
            .map(|beat| beat.row.at)
            .max(self.last_entry_at().await);
        let behind_us = last.map_or(0, |last| last.0.saturating_sub(self.clock().now().0));
        if behind_us > CLOCK_SET_MIN_US {
            let seconds = behind_us / 1_000_000;
            let text = format!(
                "the machine's clock is {seconds} seconds behind what it said before the start"
            );
            self.alarm("clock", &text);
            self.mend_queue_times().await;
        }
        Ok(())
    }

    /// Puts the fates since the last beat into the indexes that searches go by.
    async fn settle_fates(&self) {
        loop {
            let settle = |tx: &mut WriteTx<'_>| store::fate::settle(tx, SETTLED_AT_ONCE);
            match self.inner.store.write(settle).await {
                Ok(SETTLED_AT_ONCE) => {}
                Ok(_) => return,
                Err(err) => {
                    tracing::warn!(error = %err, "fates were not put into their indexes: {err}");
                    return;
                }
            }
        }
    }

    /// Records a beat; its number is used up only if the record is on the disk.
    async fn record_beat(
        &self,
        activity: Option<Sealed>,
        trace: Option<Sealed>,
    ) -> ServiceResult<()> {
        let mut next = self.inner.beats.next.lock().await;
        let number = match *next {
            Some(number) => number,
            None => self.beats_so_far().await?,
        };
        let dropped = self.inner.store.activity().dropped() + self.inner.store.trace().dropped();
        let beat = Record::Heartbeat {
            number,
            ledger_size: self.config().size(),
            dropped,
            activity,
            trace,
        };
        self.record_first(&About::default(), &beat).await?;
        *next = Some(number + 1);
        Ok(())
    }

    /// The number behind that of the last beat on record.
    async fn beats_so_far(&self) -> ServiceResult<u64> {
        let found = self.inner.store.activity().last_of_kind(BEAT).await?;
        let last = found.and_then(|last| {
            let detail: serde_json::Value = serde_json::from_slice(&last.row.detail).ok()?;
            detail["number"].as_u64()
        });
        Ok(last.map_or(0, |last| last.saturating_add(1)))
    }

    /// Compares the stored ledger and the objects in force with what was signed.
    pub(crate) async fn recheck(&self) {
        let mut admission = self.inner.admission.lock().await;
        let whole = match self.roll_forward(&mut admission).await {
            Ok(()) => self
                .compare(&mut admission)
                .await
                .map_err(|err| err.to_string()),
            Err(err) => Err(err.to_string()),
        };
        if let Err(err) = whole {
            tracing::error!(error = %err, "the ledger could not be checked: {err}");
            return;
        }
        self.check_objects(&mut admission).await;
        if let Err(err) = self.record_found(&mut admission).await {
            tracing::error!(error = %err, "an edit from outside could not be recorded: {err}");
        }
    }

    /// Removes what has reached the end of its time.
    async fn let_go(&self) {
        let now = self.clock().now();
        let settings = self.config().settings().clone();
        let store = &self.inner.store;
        let purged = store
            .write_small(move |tx| store::recoverable::purge(tx, now, PURGE_MAX))
            .await;
        let collected = store.collect_garbage(now).await.map(|_| ());
        let forgotten = self.forget_old_blocks().await;
        let day =
            |days: u64| now.plus_s(-DAY_S.saturating_mul(i64::try_from(days).unwrap_or(i64::MAX)));
        let results = [purged.map(|_| ()), collected, forgotten];
        for err in results.into_iter().filter_map(Result::err) {
            tracing::warn!(error = %err, "cleaning up failed: {err}");
        }
        for (log, days) in [
            (SealedLog::Activity, settings.activity_retention_days),
            (SealedLog::Trace, settings.trace_retention_days),
        ] {
            if let Err(err) = self.prune_log(log, day(days).day()).await {
                tracing::warn!(error = %err, "old days of the {log} log stay: {err}");
            }
        }
    }

    /// Says aloud that somebody must look.
    pub(crate) fn alarm(&self, code: &'static str, text: &str) {
        tracing::error!(code, "ALARM {code}: {text}");
        self.record(
            &About::default(),
            &Record::Alarm {
                code,
                text: text.to_owned(),
            },
        );
    }
}
