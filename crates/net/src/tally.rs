//! Counts deeds by source, or by whatever, over a span of time, in bounded memory.
//!
//! There are two generations of counts. When the younger one has lasted its time, or is full, the
//! older one is dropped and a new one begins: a deed is remembered for at least one span and for
//! less than two, unless more sources than a generation holds do something within a span.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use types::Network;

/// How often each source (an IPv4 address or an IPv6 /64) did something lately.
pub type SourceTally = Tally<Network>;

/// How often each of many did something lately.
#[derive(Debug)]
pub struct Tally<K> {
    span: Duration,
    keys_max: usize,
    began_us: u64,
    younger: HashMap<K, u32>,
    older: HashMap<K, u32>,
}

impl<K: Hash + Eq + Clone> Tally<K> {
    /// Remembers for at least `span`, at most twice `keys_max` of them.
    pub fn new(span: Duration, keys_max: usize) -> Self {
        Self {
            span,
            keys_max,
            began_us: 0,
            younger: HashMap::new(),
            older: HashMap::new(),
        }
    }

    /// Counts one more deed of `key` and gives how many are remembered. `now_us` is monotonic.
    pub fn count_of(&mut self, now_us: u64, key: K) -> u32 {
        self.age(now_us);
        let before = self.older.get(&key).copied().unwrap_or(0);
        let count = self.younger.entry(key).or_default();
        *count = count.saturating_add(1);
        count.saturating_add(before)
    }

    /// How many deeds of `key` are remembered.
    pub fn of(&mut self, now_us: u64, key: &K) -> u32 {
        self.age(now_us);
        let count = |counts: &HashMap<K, u32>| counts.get(key).copied().unwrap_or(0);
        count(&self.younger).saturating_add(count(&self.older))
    }

    fn age(&mut self, now_us: u64) {
        let span_us = u64::try_from(self.span.as_micros()).unwrap_or(u64::MAX);
        let age_us = now_us.saturating_sub(self.began_us);
        if age_us >= span_us.saturating_mul(2) {
            self.younger.clear();
        }
        if age_us >= span_us || self.younger.len() >= self.keys_max {
            self.older = std::mem::take(&mut self.younger);
            self.began_us = now_us;
        }
    }
}

impl SourceTally {
    /// [`Self::count_of`] the source of `peer`.
    pub fn count(&mut self, now_us: u64, peer: IpAddr) -> u32 {
        self.count_of(now_us, Network::source(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn deeds_are_counted_by_source_and_forgotten_in_time() {
        let mut tally = SourceTally::new(Duration::from_secs(10), 100);
        let (one, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
        assert_eq!([tally.count(0, one), tally.count(0, one)], [1, 2]);
        assert_eq!(tally.count(0, other), 1);
        assert_eq!(tally.count(0, ip("::ffff:192.0.2.1")), 3);
        assert_eq!(tally.count(12 * SECOND_US, one), 4);
        assert_eq!(tally.count(23 * SECOND_US, one), 2);
        assert_eq!(tally.count(99 * SECOND_US, one), 1);
        let site = ["2001:db8::1", "2001:db8::2"].map(|text| tally.count(99 * SECOND_US, ip(text)));
        assert_eq!(site, [1, 2]);
    }

    #[test]
    fn memory_is_bounded() {
        let mut tally = SourceTally::new(Duration::from_secs(10), 8);
        for n in 0..=255 {
            assert_eq!(tally.count(0, IpAddr::from([192, 0, 2, n])), 1);
            assert!(tally.younger.len() + tally.older.len() <= 16);
        }
    }
}
