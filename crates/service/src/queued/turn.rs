//! Turns: of two senders to one place, the one with much mail does not go before the other.
//!
//! A message is due at once, but its place in the line lies a little later for each message that the
//! same sender has sent just before. Whoever sends takes what lies at most [`AHEAD_S`] ahead, so
//! nobody waits while there is nothing else to do.

use std::collections::HashMap;
use std::sync::Mutex;

use types::Timestamp;

use crate::lock;

/// How far ahead a place in the line may lie, in seconds.
pub(crate) const AHEAD_S: i64 = 60;
/// How much later the next message of the same sender comes, in microseconds.
const STEP_US: i64 = 20_000;
/// Senders that are remembered.
const SENDERS_MAX: usize = 10_000;

/// The last place of each sender in the line.
#[derive(Default)]
pub(crate) struct Turns(Mutex<HashMap<String, i64>>);

impl Turns {
    /// The place of the next message of a sender.
    pub(crate) fn take(&self, sender: &str, now: Timestamp) -> Timestamp {
        let mut turns = lock(&self.0);
        if turns.len() >= SENDERS_MAX {
            turns.retain(|_, last| *last > now.0);
        }
        if turns.len() >= SENDERS_MAX {
            turns.clear();
        }
        let furthest = now.plus_s(AHEAD_S).0;
        let last = turns.entry(sender.to_owned()).or_insert(i64::MIN);
        *last = last.saturating_add(STEP_US).max(now.0).min(furthest);
        Timestamp(*last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(1_795_428_580_000_000);

    #[test]
    fn one_message_goes_before_the_many_of_another() {
        let turns = Turns::default();
        let many: Vec<_> = (0..10_000).map(|_| turns.take("many", NOON)).collect();
        let one = turns.take("one", NOON);
        assert_eq!((many[0], one), (NOON, NOON));
        assert_eq!(many.iter().filter(|turn| **turn <= one).count(), 1);
        assert!(many.iter().all(|turn| *turn <= NOON.plus_s(AHEAD_S)));
        // Later the sender has no debts, and a clock that was set back leaves none either.
        assert_eq!(turns.take("many", NOON.plus_s(120)), NOON.plus_s(120));
        assert!(turns.take("many", NOON.plus_s(-9_000)) <= NOON.plus_s(AHEAD_S - 9_000));
    }

    #[test]
    fn senders_are_bounded() {
        let turns = Turns::default();
        for number in 0..=SENDERS_MAX {
            turns.take(&format!("u{number}@example.org"), NOON);
        }
        assert!(lock(&turns.0).len() <= SENDERS_MAX);
    }
}
