//! Slows down and refuses those who guess passwords.
//!
//! Failures are counted for the source (IPv4 /24, IPv6 /64) and for what is tried, an account say.
//! After a few free ones each further failure makes the next try wait longer, and from a bound on
//! all tries are refused for a while that doubles each time. A device that repeats one old password
//! is counted once, and so is one that repeats proofs, where which password they are made of cannot
//! be told. A success forgives the account, never the source, or else a guesser would own one
//! account to clear his record. Guesses under way count as if they were to fail, so that many at a
//! time are no way round the bounds. Memory is bounded: the least recent offender is forgotten
//! first.
//!
//! The struct knows no clock and asks nobody; what is tried and how are kept only as keyed hashes.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::time::Duration;

use types::Network;

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

/// What a failure is known by, so that its repetition is not counted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A secret was shown. The mark is the same for the same secret and tells nothing about it (a
    /// keyed hash that lives as long as the process).
    Secret(u64),
    /// A proof was shown, which is new each time: all those for one account are one failure of
    /// their source, since they may be one device that repeats its old password. For the account
    /// each counts, by this number.
    Proof(u64),
}

impl Failure {
    /// What it is known by among the failures of its source for one account.
    pub fn of_source(self) -> Option<u64> {
        match self {
            Self::Secret(mark) => Some(mark),
            Self::Proof(_) => None,
        }
    }

    fn of_account(self) -> u64 {
        match self {
            Self::Secret(mark) | Self::Proof(mark) => mark,
        }
    }
}

/// The memory of failed sign-ins.
#[derive(Debug)]
pub struct SignInThrottle {
    settings: ThrottleSettings,
    hasher: RandomState,
    sources: Offenders<Network>,
    accounts: Offenders<u64>,
    sources_under_way: HashMap<Network, u32>,
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

    /// Whether a try may be made now; where it may, it is under way until [`Self::end`]. It is
    /// [`Permit::Full`] while those under way could use up what may fail.
    ///
    /// `now_us` is monotonic. `source` is where it comes from, if it is from elsewhere; `account` is
    /// what is tried, whether or not there is such a thing.
    pub fn begin(&mut self, now_us: u64, source: Option<IpAddr>, account: &impl Hash) -> Permit {
        let (source, key) = (source.map(Network::neighbours), self.key(account));
        let permit = self.permit(now_us, source, key);
        if !matches!(permit, Permit::After(_)) {
            return permit;
        }
        let settings = &self.settings;
        let failures = |record: Option<&Record>| record.map_or(0, |record| record.failures);
        let to_account = failures(self.accounts.live(&key, now_us, settings));
        // One at a time is always left, or else nobody could ever succeed again.
        let room = |bound: u32, failures: u32| bound.saturating_sub(failures).max(1);
        let account_room = room(settings.account_failures_max, to_account);
        let is_full = |count: Option<&u32>, room| count.copied().unwrap_or(0) >= room;
        let source_is_full = source.is_some_and(|source| {
            let from_source = failures(self.sources.live(&source, now_us, settings));
            let room = room(settings.source_failures_max, from_source);
            is_full(self.sources_under_way.get(&source), room)
        });
        if source_is_full || is_full(self.accounts_under_way.get(&key), account_room) {
            return Permit::Full;
        }
        if let Some(source) = source {
            *self.sources_under_way.entry(source).or_default() += 1;
        }
        *self.accounts_under_way.entry(key).or_default() += 1;
        permit
    }

    fn permit(&self, now_us: u64, source: Option<Network>, key: u64) -> Permit {
        let source = source.and_then(|of| self.sources.live(&of, now_us, &self.settings));
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

    /// A try that [`Self::begin`] let through is over, whatever became of it.
    pub fn end(&mut self, source: Option<IpAddr>, account: &impl Hash) {
        let key = self.key(account);
        if let Some(source) = source {
            take_one(&mut self.sources_under_way, &Network::neighbours(source));
        }
        take_one(&mut self.accounts_under_way, &key);
    }

    /// A try failed.
    pub fn failed(
        &mut self,
        now_us: u64,
        source: Option<IpAddr>,
        account: &impl Hash,
        failure: Failure,
    ) {
        let key = self.key(account);
        // One password tried on many accounts is many tries of the source.
        let source_try = self.key((key, failure.of_source()));
        let settings = &self.settings;
        if let Some(source) = source.map(Network::neighbours) {
            let bound = settings.source_failures_max;
            self.sources
                .failed(source, source_try, bound, now_us, settings);
        }
        let bound = settings.account_failures_max;
        self.accounts
            .failed(key, failure.of_account(), bound, now_us, settings);
    }

    /// A try succeeded: the account's failures are forgiven, its source's are not.
    pub fn succeeded(&mut self, account: &impl Hash) {
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

    impl SignInThrottle {
        fn permits(&self, now_us: u64, peer: IpAddr, account: &str) -> Permit {
            let source = Some(Network::neighbours(peer));
            self.permit(now_us, source, self.key(account))
        }

        fn fails(&mut self, now_us: u64, peer: IpAddr, account: &str, mark: u64) {
            self.failed(now_us, Some(peer), &account, Failure::Secret(mark));
        }
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
            permits.push(throttle.permits(0, peer, "ann"));
            throttle.fails(0, peer, "ann", mark);
        }
        let expected = [0, 0, 0, 1, 2, 4].map(after_s);
        assert_eq!(permits[..6], expected);
        assert_eq!(permits[6], refused_s(60));
    }

    #[test]
    fn an_account_is_guarded_against_many_sources_and_a_source_against_many_accounts() {
        let mut throttle = throttle();
        for n in 0..6 {
            throttle.fails(0, ip(&format!("198.51.{n}.1")), "ann", n);
        }
        assert_eq!(throttle.permits(0, ip("192.0.2.1"), "ann"), refused_s(60));
        assert_eq!(throttle.permits(0, ip("192.0.2.1"), "bob"), after_s(0));
        for n in 0..8 {
            // The same password each time: a spray counts for the source.
            throttle.fails(0, ip("192.0.2.1"), &format!("user{n}"), 7);
        }
        for neighbour in ["192.0.2.1", "192.0.2.254", "::ffff:192.0.2.9"] {
            assert_eq!(throttle.permits(0, ip(neighbour), "bob"), refused_s(60));
        }
        assert_eq!(throttle.permits(0, ip("192.0.3.1"), "bob"), after_s(0));
    }

    #[test]
    fn one_wrong_password_repeated_counts_once() {
        let mut throttle = throttle();
        for second in 0..1_000 {
            throttle.fails(second * SECOND_US / 10, ip("192.0.2.1"), "ann", 7);
        }
        assert_eq!(
            throttle.permits(100 * SECOND_US, ip("192.0.2.1"), "ann"),
            after_s(0)
        );
    }

    #[test]
    fn proofs_for_one_account_are_one_failure_of_their_source_and_many_of_the_account() {
        let mut throttle = throttle();
        let peer = ip("192.0.2.1");
        for number in 0..40 {
            throttle.failed(0, Some(peer), &"ann", Failure::Proof(number));
        }
        assert_eq!(throttle.permits(0, peer, "ann"), refused_s(60));
        assert_eq!(throttle.permits(0, peer, "bob"), after_s(0));
        for name in 0..7 {
            let name = format!("user{name}");
            throttle.failed(0, Some(peer), &name, Failure::Proof(0));
        }
        assert_eq!(throttle.permits(0, peer, "bob"), refused_s(60), "a spray");
    }

    #[test]
    fn what_comes_from_nowhere_touches_no_source() {
        let mut throttle = throttle();
        for mark in 0..20 {
            throttle.begin(0, None, &"ann");
            throttle.failed(0, None, &"ann", Failure::Secret(mark));
            throttle.end(None, &"ann");
        }
        assert_eq!(throttle.begin(0, None, &"ann"), refused_s(60));
        assert_eq!(throttle.permits(0, ip("::1"), "bob"), after_s(0));
        assert!(throttle.sources.records.is_empty());
    }

    #[test]
    fn success_forgives_the_account_but_not_the_source() {
        let mut throttle = throttle();
        let guesser = ip("192.0.2.1");
        for mark in 0..5 {
            throttle.fails(0, guesser, "ann", mark);
        }
        throttle.succeeded(&"ann");
        assert_eq!(throttle.permits(0, ip("198.51.100.1"), "ann"), after_s(0));
        assert_eq!(throttle.permits(0, guesser, "ann"), after_s(4));
    }

    #[test]
    fn refusals_end_double_for_the_stubborn_and_are_forgotten_after_quiet() {
        let mut throttle = throttle();
        let peer = ip("2001:db8::1");
        let mut now = 0;
        for mark in 0..5 {
            throttle.fails(now, peer, "ann", mark);
        }
        for (mark, refusal) in [(5, 60), (6, 120), (7, 200), (8, 200)] {
            throttle.fails(now, peer, "ann", mark);
            let end = now + refusal * SECOND_US;
            let permit_before = throttle.permits(end - SECOND_US, peer, "ann");
            assert_eq!(permit_before, refused_s(1), "refusal of {refusal} s");
            assert_eq!(throttle.permits(end, peer, "ann"), after_s(4));
            now = end;
        }
        let later = now + 301 * SECOND_US;
        assert_eq!(throttle.permits(later, peer, "ann"), after_s(0));
        throttle.fails(later, peer, "ann", 1);
        assert_eq!(throttle.permits(later, peer, "ann"), after_s(0));
    }

    #[test]
    fn guesses_under_way_count_as_failures_until_they_end() {
        let mut throttle = throttle();
        let peer = ip("192.0.2.1");
        for _ in 0..6 {
            assert_eq!(throttle.begin(0, Some(peer), &"ann"), after_s(0));
        }
        assert_eq!(throttle.begin(0, Some(peer), &"ann"), Permit::Full);
        assert_eq!(
            throttle.begin(0, Some(ip("198.51.100.1")), &"ann"),
            Permit::Full
        );
        for _ in 0..2 {
            assert_eq!(throttle.begin(0, Some(ip("192.0.2.9")), &"bob"), after_s(0));
        }
        assert_eq!(
            throttle.begin(0, Some(peer), &"carol"),
            Permit::Full,
            "of one network"
        );
        throttle.end(Some(peer), &"ann");
        assert_eq!(throttle.begin(0, Some(peer), &"ann"), after_s(0));
        for mark in 0..6 {
            throttle.fails(0, peer, "ann", mark);
            throttle.end(Some(peer), &"ann");
        }
        assert_eq!(throttle.begin(0, Some(peer), &"ann"), refused_s(60));
        throttle.fails(0, peer, "bob", 7);
        throttle.fails(0, peer, "bob", 8);
        for _ in 0..2 {
            throttle.end(Some(peer), &"bob");
        }
        assert!(throttle.sources_under_way.is_empty() && throttle.accounts_under_way.is_empty());
        // What may fail is used up and the refusal is over: one at a time.
        let later = 61 * SECOND_US;
        assert_eq!(throttle.begin(later, Some(peer), &"ann"), after_s(4));
        assert_eq!(throttle.begin(later, Some(peer), &"ann"), Permit::Full);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_is_forgotten_first() {
        let mut throttle = SignInThrottle::new(ThrottleSettings {
            tracked_max: 3,
            ..SETTINGS
        });
        for mark in 0..6 {
            throttle.fails(0, ip("192.0.2.1"), "ann", mark);
            throttle.fails(0, ip("192.0.2.1"), "bob", mark);
        }
        for n in 0..50 {
            throttle.fails(0, ip("192.0.2.1"), &format!("user{n}"), 0);
            throttle.fails(0, ip("192.0.2.1"), "bob", 100 + n);
        }
        assert_eq!(throttle.accounts.records.len(), 3);
        assert_eq!(throttle.accounts.by_age.len(), 3);
        let stranger = ip("198.51.100.1");
        assert_eq!(throttle.permits(0, stranger, "ann"), after_s(0));
        assert_eq!(throttle.permits(0, stranger, "bob"), refused_s(60));
        let tries = &throttle.sources.records[&Network::neighbours(ip("192.0.2.1"))].tries;
        assert_eq!(tries.len(), REMEMBERED_TRIES_MAX);
    }
}
