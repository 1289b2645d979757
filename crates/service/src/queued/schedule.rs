//! When mail is tried again, when its sender hears that it takes long, and when it is given up
//! (RFC 5321 §4.5.4.1).

use net::Random;
use policy::Settings;
use types::Timestamp;

/// Attempts without which nothing is given up, however late the clock says it is.
pub(crate) const TRIES_MIN: u32 = 5;
/// Doublings of the first wait beyond which no clock counts.
const DOUBLINGS_MAX: u32 = 20;
/// A wait is up to this part shorter or longer than planned, so that not all come back at once.
const JITTER_PART: i64 = 8;
const US_PER_S: i64 = 1_000_000;
const HOUR_S: i64 = 3_600;

/// The times that the settings give.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    first_s: i64,
    longest_s: i64,
    notice_s: i64,
    expiry_s: i64,
}

impl Schedule {
    pub(crate) fn new(settings: &Settings) -> Self {
        let seconds = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Self {
            first_s: seconds(settings.outbound_retry_first_s),
            longest_s: seconds(settings.outbound_retry_longest_s),
            notice_s: seconds(settings.outbound_delay_notice_hours).saturating_mul(HOUR_S),
            expiry_s: seconds(settings.outbound_expiry_hours).saturating_mul(HOUR_S),
        }
    }

    /// When to try again after so many attempts, the last one included: the wait doubles from the
    /// first one to the longest. A way that failed so often in a row is left in peace as long.
    pub(crate) fn next(&self, now: Timestamp, attempts: u32, random: &Random) -> Timestamp {
        let doublings = attempts.saturating_sub(1).min(DOUBLINGS_MAX);
        let wait_s = self.first_s.saturating_mul(1 << doublings);
        jittered(now, wait_s.min(self.longest_s), random)
    }

    /// When a message that was accepted now is given up.
    pub(crate) fn expiry(&self, now: Timestamp) -> Timestamp {
        now.plus_s(self.expiry_s)
    }

    /// When its sender hears that it takes long; at the end, if never before.
    pub(crate) fn notice(&self, now: Timestamp) -> Timestamp {
        match self.notice_s {
            0 => self.expiry(now),
            notice_s => now.plus_s(notice_s.min(self.expiry_s)),
        }
    }

    /// The longest that anything is put off; what is due later was put off by a clock that was wrong.
    pub(crate) fn furthest(&self, now: Timestamp) -> Timestamp {
        now.plus_s(self.longest_s.saturating_mul(2))
    }
}

fn jittered(now: Timestamp, wait_s: i64, random: &Random) -> Timestamp {
    let wait_us = wait_s.saturating_mul(US_PER_S);
    let spread_us = (wait_us / JITTER_PART).max(1);
    let chance = i64::try_from(random.number() >> 1).unwrap_or(0) % (2 * spread_us);
    Timestamp(now.0.saturating_add(wait_us - spread_us + chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(1_795_428_580_000_000);

    #[test]
    fn retry_delay_doubles_up_to_its_cap() {
        let schedule = Schedule::new(&Settings::default());
        let random = Random::seeded(7);
        for (attempts, minutes) in [(1, 5), (2, 10), (3, 20), (4, 40), (5, 60), (99, 60)] {
            for _ in 0..100 {
                let wait_us = schedule.next(NOON, attempts, &random).0 - NOON.0;
                let planned_us = minutes * 60 * US_PER_S;
                let part = (planned_us - wait_us).abs() * JITTER_PART;
                assert!(part <= planned_us, "{attempts}: {wait_us}");
            }
        }
    }

    #[test]
    fn notice_and_end_follow_the_settings() {
        let mut settings = Settings::default();
        let schedule = Schedule::new(&settings);
        assert_eq!(schedule.expiry(NOON), NOON.plus_s(5 * 24 * HOUR_S));
        assert_eq!(schedule.notice(NOON), NOON.plus_s(4 * HOUR_S));
        settings.outbound_delay_notice_hours = 0;
        settings.outbound_expiry_hours = 1;
        let schedule = Schedule::new(&settings);
        assert_eq!(schedule.notice(NOON), NOON.plus_s(HOUR_S));
    }
}
