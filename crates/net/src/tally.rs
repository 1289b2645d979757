//! Counts deeds by source over a span of time, in bounded memory.
//!
//! There are two generations of counts. When the younger one has lasted its time, or is full, the
//! older one is dropped and a new one begins: a deed is remembered for at least one span and for
//! less than two, unless more sources than a generation holds do something within a span.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use types::Network;

/// How often each source (an IPv4 address or an IPv6 /64) did something lately.
#[derive(Debug)]
pub struct SourceTally {
    span: Duration,
    sources_max: usize,
    began_us: u64,
    younger: HashMap<Network, u32>,
    older: HashMap<Network, u32>,
}

impl SourceTally {
    /// Remembers for at least `span`, at most twice `sources_max` sources.
    pub fn new(span: Duration, sources_max: usize) -> Self {
        Self {
            span,
            sources_max,
            began_us: 0,
            younger: HashMap::new(),
            older: HashMap::new(),
        }
    }

    /// Counts one more deed of `peer` and gives how many are remembered. `now_us` is monotonic.
    pub fn count(&mut self, now_us: u64, peer: IpAddr) -> u32 {
        let span_us = u64::try_from(self.span.as_micros()).unwrap_or(u64::MAX);
        let age_us = now_us.saturating_sub(self.began_us);
        if age_us >= span_us.saturating_mul(2) {
            self.younger.clear();
        }
        if age_us >= span_us || self.younger.len() >= self.sources_max {
            self.older = std::mem::take(&mut self.younger);
            self.began_us = now_us;
        }
        let source = Network::source(peer);
        let count = self.younger.entry(source).or_default();
        *count = count.saturating_add(1);
        let before = self.older.get(&source).copied().unwrap_or(0);
        count.saturating_add(before)
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
