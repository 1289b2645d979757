//! Slows down and refuses those who guess passwords.
//!
//! Failures are counted for the source (IPv4 /24, IPv6 /64) and for the account. After a few free
//! ones each further failure makes the next try wait longer, and from a bound on all tries are
//! refused for a while that doubles each time. A device that repeats one old password is counted
//! once. A success forgives the account, never the source, or else a guesser would own one account
//! to clear his record. Guesses under way count as if they were to fail, so that many at a time are
//! no way round the bounds. Memory is bounded: the least recent offender is forgotten first.
//!
//! The struct knows no clock and asks nobody; names are kept only as keyed hashes.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::time::Duration;

use crate::limits::network_of;

/// Different tries that are remembered per key in order to count repetitions once.
const REMEMBERED_TRIES_MAX: usize = 32;

/// From when on and how strongly failures are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottleSettings {
    /// Failures that cost nothing.
    pub free_failures: u32,
    /// Wait after the first failure that is not free; doubles with each further one.
    pub delay: Duration,
    /// The longest such wait.
    pub delay_max: Duration,
    /// Failures of one source from which on it is refused.
    pub source_failures_max: u32,
    /// Failures of one account from which on tries for it are refused.
    pub account_failures_max: u32,
    /// How long the first refusal lasts; doubles with each further one.
    pub refusal: Duration,
    /// The longest refusal.
    pub refusal_max: Duration,
    /// Quiet time after which all is forgotten.
    pub memory: Duration,
    /// Sources, and likewise accounts, that are remembered at most.
    pub tracked_max: usize,
}

/// What to do with a try before its password is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Wait this long (zero for most), then check the password.
    After(Duration),
    /// Do not check the password. The same answer as to a wrong one is due.
    Refused {
        /// When trying again makes sense.
        retry_after: Duration,
    },
    /// As many guesses are under way as may fail: ask again when one of them has ended.
    Full,
}

/// The memory of failed sign-ins.
#[derive(Debug)]
pub struct SignInThrottle {
    settings: ThrottleSettings,
    hasher: RandomState,
    sources: Offenders<IpAddr>,
    accounts: Offenders<u64>,
    sources_under_way: HashMap<IpAddr, u32>,
    accounts_under_way: HashMap<u64, u32>,
}

/// Records by key, the least recently touched one evicted when there are too many.
#[derive(Debug)]
struct Offenders<K> {
    records: HashMap<K, Record>,
    by_age: BTreeMap<u64, K>,
    next_turn: u64,
}

#[derive(Debug, Default)]
struct Record {
    turn: u64,
    failures: u32,
    refusals: u32,
    last_us: u64,
    refused_until_us: u64,
    tries: Vec<u64>,
}

impl SignInThrottle {
    /// Remembers nobody yet.
    pub fn new(settings: ThrottleSettings) -> Self {
        Self {
            settings,
            hasher: RandomState::new(),
            sources: Offenders::new(),
            accounts: Offenders::new(),
            sources_under_way: HashMap::new(),
            accounts_under_way: HashMap::new(),
        }
    }

    /// Puts other settings in force; the memory stays, and refusals run on as they were set.
    pub fn set(&mut self, settings: ThrottleSettings) {
        self.settings = settings;
    }

    /// Whether a try may be made now. `now_us` is monotonic; `account` is the folded name that was
    /// given, whether or not there is such an account.
    pub fn permit(&self, now_us: u64, peer: IpAddr, account: &str) -> Permit {
        let source = self.sources.live(&network_of(peer), now_us, &self.settings);
        let key = self.key(account);
        let account = self.accounts.live(&key, now_us, &self.settings);
        let records = || source.iter().chain(&account);
        let refused_until = records().map(|r| r.refused_until_us).max().unwrap_or(0);
        if refused_until > now_us {
            return Permit::Refused {
                retry_after: Duration::from_micros(refused_until - now_us),
            };
        }
        let failures = records().map(|r| r.failures).max().unwrap_or(0);
        Permit::After(self.settings.delay_after(failures))
    }

    /// As [`Self::permit`]; where the try may be made, it is under way until [`Self::end`]. It is
    /// [`Permit::Full`] while those under way could use up what may fail.
    pub fn begin(&mut self, now_us: u64, peer: IpAddr, account: &str) -> Permit {
        let permit = self.permit(now_us, peer, account);
        if !matches!(permit, Permit::After(_)) {
            return permit;
        }
        let settings = &self.settings;
        let (source, key) = (network_of(peer), self.key(account));
        let failures = |record: Option<&Record>| record.map_or(0, |record| record.failures);
        let from_source = failures(self.sources.live(&source, now_us, settings));
        let to_account = failures(self.accounts.live(&key, now_us, settings));
        // One at a time is always left, or else nobody could ever succeed again.
        let room = |bound: u32, failures: u32| bound.saturating_sub(failures).max(1);
        let source_room = room(settings.source_failures_max, from_source);
        let account_room = room(settings.account_failures_max, to_account);
        let under_way = |count: Option<&u32>| count.copied().unwrap_or(0);
        if under_way(self.sources_under_way.get(&source)) >= source_room
            || under_way(self.accounts_under_way.get(&key)) >= account_room
        {
            return Permit::Full;
        }
        *self.sources_under_way.entry(source).or_default() += 1;
        *self.accounts_under_way.entry(key).or_default() += 1;
        permit
    }

    /// A try that [`Self::begin`] let through is over, whatever became of it.
    pub fn end(&mut self, peer: IpAddr, account: &str) {
        let key = self.key(account);
        take_one(&mut self.sources_under_way, &network_of(peer));
        take_one(&mut self.accounts_under_way, &key);
    }

    /// A try failed; says whether its source is refused from now on. `password_mark` is the same for the same password and tells nothing about it
    /// (a keyed hash that lives as long as the process).
    pub fn failed(&mut self, now_us: u64, peer: IpAddr, account: &str, password_mark: u64) -> bool {
        let key = self.key(account);
        // One password tried on many accounts is many tries of the source.
        let source_try = self.key((key, password_mark));
        let settings = &self.settings;
        let (bound, source) = (settings.source_failures_max, network_of(peer));
        self.sources
            .failed(source, source_try, bound, now_us, settings);
        let bound = settings.account_failures_max;
        self.accounts
            .failed(key, password_mark, bound, now_us, settings);
        let source = self.sources.live(&source, now_us, settings);
        source.is_some_and(|source| source.refused_until_us > now_us)
    }

    /// A try succeeded: the account's failures are forgiven, its source's are not.
    pub fn succeeded(&mut self, account: &str) {
        let key = self.key(account);
        self.accounts.forget(&key);
    }

    fn key(&self, of: impl Hash) -> u64 {
        self.hasher.hash_one(of)
    }
}

impl ThrottleSettings {
    fn delay_after(&self, failures: u32) -> Duration {
        match failures.saturating_sub(self.free_failures) {
            0 => Duration::ZERO,
            charged => doubled(self.delay, charged - 1).min(self.delay_max),
        }
    }

    /// Whether a record is so old that it no longer counts.
    fn forgets(&self, record: &Record, now_us: u64) -> bool {
        let quiet_since = record.last_us.max(record.refused_until_us);
        now_us.saturating_sub(quiet_since) > whole_us(self.memory)
    }
}

fn take_one<K: Eq + Hash>(under_way: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = under_way.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            under_way.remove(key);
        }
    }
}

fn doubled(duration: Duration, times: u32) -> Duration {
    duration.saturating_mul(2_u32.saturating_pow(times))
}

fn whole_us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl<K: Copy + Eq + Hash> Offenders<K> {
    fn new() -> Self {
        Self {
            records: HashMap::new(),
            by_age: BTreeMap::new(),
            next_turn: 0,
        }
    }

    fn live(&self, key: &K, now_us: u64, settings: &ThrottleSettings) -> Option<&Record> {
        let record = self.records.get(key)?;
        (!settings.forgets(record, now_us)).then_some(record)
    }

    fn failed(
        &mut self,
        key: K,
        attempt: u64,
        bound: u32,
        now_us: u64,
        settings: &ThrottleSettings,
    ) {
        let mut record = self.forget(&key).unwrap_or_default();
        if settings.forgets(&record, now_us) {
            record = Record::default();
        }
        record.count(attempt, bound, now_us, settings);
        record.turn = self.next_turn;
        self.next_turn += 1;
        self.by_age.insert(record.turn, key);
        self.records.insert(key, record);
        while self.records.len() > settings.tracked_max {
            let Some((_, oldest)) = self.by_age.pop_first() else {
                break;
            };
            self.records.remove(&oldest);
        }
    }

    fn forget(&mut self, key: &K) -> Option<Record> {
        let record = self.records.remove(key)?;
        self.by_age.remove(&record.turn);
        Some(record)
    }
}

impl Record {
    fn count(&mut self, attempt: u64, bound: u32, now_us: u64, settings: &ThrottleSettings) {
        if self.tries.contains(&attempt) {
            return;
        }
        if self.tries.len() == REMEMBERED_TRIES_MAX {
            self.tries.remove(0);
        }
        self.tries.push(attempt);
        self.failures = self.failures.saturating_add(1);
        self.last_us = now_us;
        if self.failures >= bound && self.refused_until_us <= now_us {
            let refusal = doubled(settings.refusal, self.refusals).min(settings.refusal_max);
            self.refused_until_us = now_us.saturating_add(whole_us(refusal));
            self.refusals += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: u64 = 1_000_000;
    const SETTINGS: ThrottleSettings = ThrottleSettings {
        free_failures: 2,
        delay: Duration::from_secs(1),
        delay_max: Duration::from_secs(4),
        source_failures_max: 8,
        account_failures_max: 6,
        refusal: Duration::from_secs(60),
        refusal_max: Duration::from_secs(200),
        memory: Duration::from_secs(300),
        tracked_max: 100,
    };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn throttle() -> SignInThrottle {
        SignInThrottle::new(SETTINGS)
    }

    fn after_s(seconds: u64) -> Permit {
        Permit::After(Duration::from_secs(seconds))
    }

    fn refused_s(seconds: u64) -> Permit {
        Permit::Refused {
            retry_after: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn each_failure_makes_the_next_try_slower_until_it_is_refused() {
        let mut throttle = throttle();
        let peer = ip("192.0.2.1");
        let mut permits = Vec::new();
        for mark in 0..7 {
            permits.push(throttle.permit(0, peer, "ann"));
            throttle.failed(0, peer, "ann", mark);
        }
        let expected = [0, 0, 0, 1, 2, 4].map(after_s);
        assert_eq!(permits[..6], expected);
        assert_eq!(permits[6], refused_s(60));
    }

    #[test]
    fn an_account_is_guarded_against_many_sources_and_a_source_against_many_accounts() {
        let mut throttle = throttle();
        for n in 0..6 {
            throttle.failed(0, ip(&format!("198.51.{n}.1")), "ann", n);
        }
        assert_eq!(throttle.permit(0, ip("192.0.2.1"), "ann"), refused_s(60));
        assert_eq!(throttle.permit(0, ip("192.0.2.1"), "bob"), after_s(0));
        for n in 0..8 {
            // The same password each time: a spray counts for the source.
            throttle.failed(0, ip("192.0.2.1"), &format!("user{n}"), 7);
        }
        for neighbour in ["192.0.2.1", "192.0.2.254", "::ffff:192.0.2.9"] {
            assert_eq!(throttle.permit(0, ip(neighbour), "bob"), refused_s(60));
        }
        assert_eq!(throttle.permit(0, ip("192.0.3.1"), "bob"), after_s(0));
    }

    #[test]
    fn one_wrong_password_repeated_counts_once() {
        let mut throttle = throttle();
        for second in 0..1_000 {
            throttle.failed(second * SECOND_US / 10, ip("192.0.2.1"), "ann", 7);
        }
        assert_eq!(
            throttle.permit(100 * SECOND_US, ip("192.0.2.1"), "ann"),
            after_s(0)
        );
    }

    #[test]
    fn success_forgives_the_account_but_not_the_source() {
        let mut throttle = throttle();
        let guesser = ip("192.0.2.1");
        for mark in 0..5 {
            throttle.failed(0, guesser, "ann", mark);
        }
        throttle.succeeded("ann");
        assert_eq!(throttle.permit(0, ip("198.51.100.1"), "ann"), after_s(0));
        assert_eq!(throttle.permit(0, guesser, "ann"), after_s(4));
    }

    #[test]
    fn refusals_end_double_for_the_stubborn_and_are_forgotten_after_quiet() {
        let mut throttle = throttle();
        let peer = ip("2001:db8::1");
        let mut now = 0;
        for mark in 0..5 {
            throttle.failed(now, peer, "ann", mark);
        }
        for (mark, refusal) in [(5, 60), (6, 120), (7, 200), (8, 200)] {
            throttle.failed(now, peer, "ann", mark);
            let end = now + refusal * SECOND_US;
            let permit_before = throttle.permit(end - SECOND_US, peer, "ann");
            assert_eq!(permit_before, refused_s(1), "refusal of {refusal} s");
            assert_eq!(throttle.permit(end, peer, "ann"), after_s(4));
            now = end;
        }
        let later = now + 301 * SECOND_US;
        assert_eq!(throttle.permit(later, peer, "ann"), after_s(0));
        throttle.failed(later, peer, "ann", 1);
        assert_eq!(throttle.permit(later, peer, "ann"), after_s(0));
    }

    #[test]
    fn guesses_under_way_count_as_failures_until_they_end() {
        let mut throttle = throttle();
        let peer = ip("192.0.2.1");
        for _ in 0..6 {
            assert_eq!(throttle.begin(0, peer, "ann"), after_s(0));
        }
        assert_eq!(throttle.begin(0, peer, "ann"), Permit::Full);
        assert_eq!(throttle.begin(0, ip("198.51.100.1"), "ann"), Permit::Full);
        for _ in 0..2 {
            assert_eq!(throttle.begin(0, ip("192.0.2.9"), "bob"), after_s(0));
        }
        assert_eq!(
            throttle.begin(0, peer, "carol"),
            Permit::Full,
            "of one network"
        );
        throttle.end(peer, "ann");
        assert_eq!(throttle.begin(0, peer, "ann"), after_s(0));
        for mark in 0..6 {
            assert!(
                !throttle.failed(0, peer, "ann", mark),
                "of the account only"
            );
            throttle.end(peer, "ann");
        }
        assert_eq!(throttle.begin(0, peer, "ann"), refused_s(60));
        assert!(!throttle.failed(0, peer, "bob", 7));
        assert!(throttle.failed(0, peer, "bob", 8), "the source is refused");
        for _ in 0..2 {
            throttle.end(peer, "bob");
        }
        assert!(throttle.sources_under_way.is_empty() && throttle.accounts_under_way.is_empty());
        // What may fail is used up and the refusal is over: one at a time.
        let later = 61 * SECOND_US;
        assert_eq!(throttle.begin(later, peer, "ann"), after_s(4));
        assert_eq!(throttle.begin(later, peer, "ann"), Permit::Full);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_is_forgotten_first() {
        let mut throttle = SignInThrottle::new(ThrottleSettings {
            tracked_max: 3,
            ..SETTINGS
        });
        for mark in 0..6 {
            throttle.failed(0, ip("192.0.2.1"), "ann", mark);
            throttle.failed(0, ip("192.0.2.1"), "bob", mark);
        }
        for n in 0..50 {
            throttle.failed(0, ip("192.0.2.1"), &format!("user{n}"), 0);
            throttle.failed(0, ip("192.0.2.1"), "bob", 100 + n);
        }
        assert_eq!(throttle.accounts.records.len(), 3);
        assert_eq!(throttle.accounts.by_age.len(), 3);
        let stranger = ip("198.51.100.1");
        assert_eq!(throttle.permit(0, stranger, "ann"), after_s(0));
        assert_eq!(throttle.permit(0, stranger, "bob"), refused_s(60));
        let tries = &throttle.sources.records[&ip("192.0.2.0")].tries;
        assert_eq!(tries.len(), REMEMBERED_TRIES_MAX);
    }
}
