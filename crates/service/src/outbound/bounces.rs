//! Copies that a rule sends on and that come back: many within an hour mean that mail leaks to a
//! place that does not exist, or that somebody tries out targets.

use std::collections::BTreeMap;
use std::sync::Mutex;

use types::{Address, RuleId, Timestamp};

use crate::lock;

/// Copies of one rule for one target that come back within an hour before somebody must look.
const PER_HOUR_MAX: u32 = 5;
/// Rules and targets that are counted.
const COUNTED_MAX: usize = 10_000;
const HOUR_S: i64 = 3_600;

/// How often copies came back in this hour.
#[derive(Default)]
pub(crate) struct Bounces(Mutex<Hour>);

#[derive(Default)]
struct Hour {
    number: i64,
    counts: BTreeMap<(RuleId, Address), u32>,
}

impl Bounces {
    /// Counts one; whether that makes it too many. It says so once an hour.
    pub(super) fn count(&self, rule: RuleId, to: &Address, now: Timestamp) -> bool {
        let mut hour = lock(&self.0);
        let number = now.seconds().div_euclid(HOUR_S);
        if hour.number != number || hour.counts.len() >= COUNTED_MAX {
            hour.number = number;
            hour.counts.clear();
        }
        let count = hour.counts.entry((rule, to.clone())).or_insert(0);
        *count += 1;
        *count == PER_HOUR_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifth_within_an_hour_is_told_once() {
        let bounces = Bounces::default();
        let (one, other): (Address, Address) =
            ("a@far.test".parse().unwrap(), "b@far.test".parse().unwrap());
        let told = |rule, to: &Address, at_s, times: usize| {
            let all = 0..times;
            all.filter(|_| bounces.count(RuleId(rule), to, Timestamp(0).plus_s(at_s)))
                .count()
        };
        assert_eq!(told(1, &one, 0, 4), 0);
        assert_eq!(told(1, &other, 0, 4), 0);
        assert_eq!(told(2, &one, 0, 4), 0);
        assert_eq!(told(1, &one, 0, 9), 1);
        assert_eq!(told(1, &one, HOUR_S, 4), 0);
    }
}
