//! The time: real in the server, virtual in tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use types::Timestamp;

/// Tells the time; clones of one clock tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Real { started: Instant },
    Virtual(Arc<VirtualTime>),
}

#[derive(Debug)]
struct VirtualTime {
    now_us: AtomicI64,
    passed_us: AtomicU64,
}

impl Clock {
    /// The clock of the machine.
    pub fn real() -> Self {
        Self(Source::Real {
            started: Instant::now(),
        })
    }

    /// A clock that stands at `start` until [`Self::advance`] moves it.
    pub fn virtual_at(start: Timestamp) -> Self {
        Self(Source::Virtual(Arc::new(VirtualTime {
            now_us: AtomicI64::new(start.0),
            passed_us: AtomicU64::new(0),
        })))
    }

    /// The time of day; it may step back when an operator sets the machine's clock.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::Real { .. } => Timestamp(since_1970_us()),
            Source::Virtual(time) => Timestamp(time.now_us.load(Ordering::SeqCst)),
        }
    }

    /// Microseconds since the clock was made; never steps back.
    pub fn monotonic_us(&self) -> u64 {
        match &self.0 {
            Source::Real { started } => whole_us(started.elapsed()),
            Source::Virtual(time) => time.passed_us.load(Ordering::SeqCst),
        }
    }

    /// Moves a virtual clock forward.
    ///
    /// # Panics
    ///
    /// On the real clock, since a program that tries this is wrong.
    pub fn advance(&self, by: Duration) {
        let Source::Virtual(time) = &self.0 else {
            panic!("only a virtual clock can be advanced");
        };
        let by_us = whole_us(by);
        time.passed_us.fetch_add(by_us, Ordering::SeqCst);
        time.now_us
            .fetch_add(i64::try_from(by_us).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets a virtual clock forward or back by so many seconds, as an operator sets the machine's;
    /// [`Self::monotonic_us`] does not move.
    ///
    /// # Panics
    ///
    /// On the real clock, since a program that tries this is wrong.
    pub fn set_by(&self, seconds: i64) {
        let Source::Virtual(time) = &self.0 else {
            panic!("only a virtual clock can be set");
        };
        let by_us = seconds.saturating_mul(1_000_000);
        time.now_us.fetch_add(by_us, Ordering::SeqCst);
    }
}

/// A machine whose clock stands before 1970 gets a negative number, as [`Timestamp`] means it.
fn since_1970_us() -> i64 {
    let signed = |d: Duration| i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => signed(after),
        Err(before) => -signed(before.duration()),
    }
}

fn whole_us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_moves_only_when_told_and_for_all_its_clones() {
        let clock = Clock::virtual_at(Timestamp(5));
        let other = clock.clone();
        assert_eq!((clock.now(), clock.monotonic_us()), (Timestamp(5), 0));
        other.advance(Duration::from_secs(2));
        assert_eq!(clock.now(), Timestamp(2_000_005));
        assert_eq!(clock.monotonic_us(), 2_000_000);
        other.set_by(-1);
        assert_eq!(clock.now(), Timestamp(1_000_005));
        assert_eq!(clock.monotonic_us(), 2_000_000);
    }

    #[test]
    fn the_real_clock_is_past_2025_and_runs_forward() {
        let clock = Clock::real();
        let first = clock.monotonic_us();
        assert!(clock.now() > Timestamp(1_735_689_600_000_000));
        assert!(clock.monotonic_us() >= first);
    }

    #[test]
    #[should_panic(expected = "only a virtual clock")]
    fn the_real_clock_cannot_be_advanced() {
        Clock::real().advance(Duration::from_secs(1));
    }
}
