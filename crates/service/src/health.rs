//! Whether the server is alive and of use, in words for people and a verdict for probes.

use std::time::Duration;

use serde::Serialize;

use crate::Service;
use crate::actor::Actor;
use crate::error::ServiceResult;
use crate::heartbeat::HEARTBEAT;

/// After this many beats that did not come, the heart counts as silent.
const BEATS_MISSED_MAX: u32 = 5;
/// How long the writer may take to answer before it counts as stuck.
const WRITER_TIMEOUT: Duration = Duration::from_secs(20);
/// A certificate that ends so soon is told.
pub(crate) const CERTIFICATE_WARNING_DAYS: i64 = 14;
pub(crate) const DAY_S: i64 = 86_400;

/// How the server is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HealthView {
    /// Whether there are neither troubles nor hindrances.
    pub good: bool,
    /// Why it should be started again: it does not work.
    pub troubles: Vec<String>,
    /// What keeps it from doing all its work now; it may pass.
    pub hindrances: Vec<String>,
    /// What somebody should look at soon.
    pub warnings: Vec<String>,
}

impl Service {
    /// How the server is, by what it knows of itself; quick enough for a probe each second.
    pub fn health(&self) -> HealthView {
        let mut health = HealthView::default();
        if let Some(why) = self.failure() {
            health.troubles.push(format!("the disk failed: {why}"));
        }
        let silent_s = self.heart_silent_s();
        if silent_s > HEARTBEAT.as_secs() * u64::from(BEATS_MISSED_MAX) {
            health
                .troubles
                .push(format!("no heartbeat for {silent_s} seconds"));
        }
        if self.inner.store.is_low_on_space() {
            health
                .hindrances
                .push("the disk is nearly full: mail is put off until there is room".to_owned());
        }
        let shut = self.listeners_shut();
        health
            .hindrances
            .extend(shut.iter().map(ToString::to_string));
        health.hindrances.extend(self.log_hindrances());
        health.warnings.extend(self.log_warnings());
        health.warnings.extend(self.certificate_warning());
        health.warnings.extend(self.scanner_warnings());
        if let Ok(admission) = self.inner.admission.try_lock()
            && let Some(why) = admission.frozen(&self.config())
        {
            health.warnings.push(format!(
                "grave changes wait until `sealpost ledger acknowledge`: {why}"
            ));
        }
        health.good = health.troubles.is_empty() && health.hindrances.is_empty();
        health
    }

    /// [`Self::health`] for those who may read the server.
    pub fn health_show(&self, actor: &Actor) -> ServiceResult<HealthView> {
        self.may_read_server(actor)?;
        Ok(self.health())
    }

    /// Whether heart and writer still work: a watchdog ends a server that cannot say so. A writer
    /// that refuses, for want of space, works.
    pub async fn is_alive(&self) -> bool {
        let nothing = self.inner.store.write_small(|_| Ok(()));
        let answered = tokio::time::timeout(WRITER_TIMEOUT, nothing).await.is_ok();
        answered && self.health().troubles.is_empty()
    }

    /// Seconds since the last beat, or since the start.
    fn heart_silent_s(&self) -> u64 {
        let now_us = self.clock().monotonic_us();
        now_us.saturating_sub(self.inner.beats.last_us()) / 1_000_000
    }

    fn certificate_warning(&self) -> Option<String> {
        let end = self.first_certificate_end()?;
        match days_left(self.clock().now().seconds(), end.seconds()) {
            ..0 => Some("a certificate has ended, clients complain".to_owned()),
            days @ ..CERTIFICATE_WARNING_DAYS => Some(format!("a certificate ends in {days} days")),
            _ => None,
        }
    }
}

/// Whole days from now to a moment, both in Unix seconds; negative when it is over.
pub(crate) fn days_left(now_s: i64, end_s: i64) -> i64 {
    end_s.saturating_sub(now_s).div_euclid(DAY_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_left_are_whole_and_negative_after_the_end() {
        for (end_s, days) in [(2 * DAY_S, 2), (DAY_S + 1, 1), (1, 0), (0, 0), (-1, -1)] {
            assert_eq!(days_left(0, end_s), days, "{end_s}");
        }
    }
}
