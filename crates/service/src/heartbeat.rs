//! The server's pulse: once a minute the ledger is read again through a fresh connection and
//! compared with what was signed, old files are let go, and a numbered record says so.
//!
//! Rows that somebody wrote past the server are noticed here (LEDGER.md §8 in the design): they
//! are kept as evidence, put right from the second copy, recorded, and all changes but tightening
//! wait until the next start has checked everything.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Service;
use crate::activity::{About, Record};

/// Time between two beats.
pub const HEARTBEAT: Duration = Duration::from_secs(60);
/// Removed messages that are forgotten in one beat.
const PURGE_MAX: usize = 10_000;
const DAY_S: i64 = 86_400;

/// Numbers the beats of one start without gaps.
#[derive(Default)]
pub(crate) struct Beats(AtomicU64);

impl Service {
    /// One beat. The caller repeats it every [`HEARTBEAT`].
    pub async fn heartbeat(&self) {
        self.recheck().await;
        let number = self.inner.beats.0.fetch_add(1, Ordering::Relaxed);
        let dropped = self.inner.store.activity().dropped() + self.inner.store.trace().dropped();
        let beat = Record::Heartbeat {
            number,
            ledger_size: self.config().size(),
            dropped,
        };
        self.record(&About::default(), &beat);
        self.let_go().await;
    }

    /// Compares the stored ledger and the objects in force with what was signed.
    async fn recheck(&self) {
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
        let day =
            |days: u64| now.plus_s(-DAY_S.saturating_mul(i64::try_from(days).unwrap_or(i64::MAX)));
        let activity = store
            .activity()
            .prune(&day(settings.activity_retention_days).day())
            .await;
        let trace = store
            .trace()
            .prune(&day(settings.trace_retention_days).day())
            .await;
        let results = [
            purged.map(|_| ()),
            collected,
            activity.map(|_| ()),
            trace.map(|_| ()),
        ];
        for err in results.into_iter().filter_map(Result::err) {
            tracing::warn!(error = %err, "cleaning up failed: {err}");
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
