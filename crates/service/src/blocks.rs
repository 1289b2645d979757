//! Sources that are refused for a while: by the server itself after abuse, or by a person.
//!
//! The server's own blocks are working state: each is recorded with the rule that made it, and
//! outlives a restart. Each further one of a source is longer. What a person blocks or lifts is an
//! entry of the ledger. The server never blocks itself, a proxy, or a source from which an admin
//! has signed in lately.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher as _, Hash};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;

use net::Failure;
use policy::change::Blocked;
use store::block::{BLOCKS_MAX, Block};
use types::{Network, Timestamp};

use crate::activity::{About, Record};
use crate::actor::Peer;
use crate::{Service, lock};

/// The first block of a source.
const FIRST_S: i64 = 600;
/// How many times as long each further one is.
const LONGER: i64 = 4;
/// The longest block that the server makes.
const LONGEST_S: i64 = 86_400;
/// Quiet time after a block until the source begins anew.
const FORGOTTEN_S: i64 = 7 * 86_400;
/// The time in which what follows is counted.
const WATCH_S: i64 = 300;
/// Accounts to which one source fails to sign in, from which on it sprays (rule A1).
const SPRAYED_ACCOUNTS: usize = 11;
/// Sessions of one source with refused recipients and no message, in a row.
const HARVESTS: u32 = 10;
/// Sessions of one source that ended for too many errors, in a row.
const ABUSES: u32 = 10;
/// Sources that are watched at a time; while there are more, new ones are not.
const WATCHED_MAX: usize = 10_000;
/// How long a source stays an admin's own after a sign-in.
const OWN_S: i64 = 30 * 86_400;

/// How a session came to its end, as far as it tells something about its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// Somebody signed in, or a message was accepted.
    Useful,
    /// Recipients were refused for good, and no message was accepted.
    Harvest,
    /// The client made too many errors.
    Abuse,
    /// It tells nothing.
    Plain,
}

/// Why the server blocks a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// As many failed sign-ins as one source may have.
    Guessing,
    /// Failed sign-ins to many accounts.
    Spraying,
    /// Addresses looked for.
    Harvesting,
    /// Sessions full of errors.
    BadSessions,
}

impl Rule {
    const ALL: [Self; 4] = [
        Self::Guessing,
        Self::Spraying,
        Self::Harvesting,
        Self::BadSessions,
    ];

    /// The word for records and rows.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Guessing => "sign_in_guessing",
            Self::Spraying => "sign_in_spraying",
            Self::Harvesting => "harvesting",
            Self::BadSessions => "bad_sessions",
        }
    }

    fn refuses(self) -> Blocked {
        match self {
            Self::Guessing | Self::Spraying => Blocked::SignIns,
            Self::Harvesting | Self::BadSessions => Blocked::Connections,
        }
    }
}

/// A block that the server made of its own accord.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnBlock {
    pub(crate) source: Network,
    pub(crate) rule: Rule,
    /// How many there were of this source in a row, this one included.
    pub(crate) times: u32,
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
}

impl OwnBlock {
    pub(crate) fn refuses(&self) -> Blocked {
        self.rule.refuses()
    }

    fn row(&self) -> Block {
        Block {
            source: self.source,
            what: self.refuses().as_str().to_owned(),
            rule: self.rule.as_str().to_owned(),
            times: self.times,
            since: self.since,
            until: self.until,
        }
    }

    /// The block that a row keeps; `None` where its words are none of ours.
    fn of(row: &Block) -> Option<Self> {
        let rule = Rule::ALL
            .into_iter()
            .find(|rule| rule.as_str() == row.rule)?;
        let own = Self {
            source: row.source,
            rule,
            times: row.times,
            since: row.since,
            until: row.until,
        };
        (own.row() == *row).then_some(own)
    }
}

/// Whose a source is that must not be blocked lightly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    Loopback,
    Machine(IpAddr),
    Proxy(Network),
    Admin {
        address: String,
        at: Timestamp,
    },
    /// It could not be looked up; then nothing is blocked by itself.
    Unknown,
}

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback => f.write_str("it reaches this machine itself"),
            Self::Machine(address) => write!(f, "it reaches {address}, this machine itself"),
            Self::Proxy(proxy) => write!(f, "it reaches the proxy {proxy} and all its clients"),
            Self::Admin { address, at } => {
                let day = &at.to_rfc3339()[..10];
                write!(
                    f,
                    "from there {address}, who administers this server, signed in on {day}"
                )
            }
            Self::Unknown => f.write_str("it could not be looked up whose it is"),
        }
    }
}

/// The server's own blocks, and what may lead to the next.
#[derive(Default)]
pub(crate) struct Blocks(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// Also those that are over, until they are forgotten.
    known: HashMap<Network, OwnBlock>,
    watched: HashMap<Network, Watched>,
    /// Keyed, so that names and passwords leave no trace in what is watched.
    hasher: RandomState,
}

/// What a source did since a moment.
struct Watched {
    since: Timestamp,
    failed_accounts: HashSet<u64>,
    /// Different tries to sign in that failed.
    guesses: HashSet<u64>,
    harvests: u32,
    abuses: u32,
}

impl Table {
    fn stands(&self, what: Blocked, source: IpAddr, now: Timestamp) -> Option<&OwnBlock> {
        let block = self.known.get(&Network::source(source))?;
        // Whoever may not connect may not sign in either.
        (block.refuses() >= what && block.since <= now && now < block.until).then_some(block)
    }

    /// Blocks a source from now on, longer than the last time that is remembered. `None` where a
    /// block stands that refuses as much: a session that was open before may meet a rule too.
    fn block(&mut self, source: Network, rule: Rule, now: Timestamp) -> Option<OwnBlock> {
        let last = self.known.get(&source);
        let last = last.filter(|last| now < last.until.plus_s(FORGOTTEN_S));
        if last.is_some_and(|last| now < last.until && last.refuses() >= rule.refuses()) {
            return None;
        }
        let times = last.map_or(1, |last| last.times.saturating_add(1));
        let length_s = FIRST_S.saturating_mul(LONGER.saturating_pow(times - 1));
        let block = OwnBlock {
            source,
            rule,
            times,
            since: now,
            until: now.plus_s(length_s.min(LONGEST_S)),
        };
        self.keep(block.clone());
        Some(block)
    }

    /// The record of what a source did lately; none where too many are watched.
    fn watch(&mut self, source: Network, now: Timestamp) -> Option<&mut Watched> {
        let over = |watched: &Watched| now >= watched.since.plus_s(WATCH_S);
        if self.watched.len() >= WATCHED_MAX && !self.watched.contains_key(&source) {
            self.watched.retain(|_, watched| !over(watched));
            if self.watched.len() >= WATCHED_MAX {
                return None;
            }
        }
        let begin = || Watched {
            since: now,
            failed_accounts: HashSet::new(),
            guesses: HashSet::new(),
            harvests: 0,
            abuses: 0,
        };
        let watched = self.watched.entry(source).or_insert_with(begin);
        if over(watched) {
            *watched = begin();
        }
        Some(watched)
    }

    /// Notes how a session ended, and says which rule it met.
    fn session_ended(&mut self, source: Network, end: SessionEnd, now: Timestamp) -> Option<Rule> {
        if matches!(end, SessionEnd::Useful) {
            // Many clients are one source; whoever is useful speaks for it.
            if let Some(watched) = self.watched.get_mut(&source) {
                (watched.harvests, watched.abuses) = (0, 0);
            }
            return None;
        }
        let watched = self.watch(source, now)?;
        let (count, most, rule) = match end {
            SessionEnd::Harvest => (&mut watched.harvests, HARVESTS, Rule::Harvesting),
            SessionEnd::Abuse => (&mut watched.abuses, ABUSES, Rule::BadSessions),
            SessionEnd::Useful | SessionEnd::Plain => return None,
        };
        *count += 1;
        let met = *count >= most;
        if met {
            self.watched.remove(&source);
        }
        met.then_some(rule)
    }

    /// Notes a failed sign-in, and says which rule its source met; `guesses_max` different tries
    /// are guessing.
    fn sign_in_failed(
        &mut self,
        source: Network,
        account: &impl Hash,
        failure: Failure,
        guesses_max: usize,
        now: Timestamp,
    ) -> Option<Rule> {
        let account = self.hasher.hash_one(account);
        let guess = self.hasher.hash_one((account, failure.of_source()));
        let watched = self.watch(source, now)?;
        watched.failed_accounts.insert(account);
        watched.guesses.insert(guess);
        let rule = if watched.failed_accounts.len() >= SPRAYED_ACCOUNTS {
            Rule::Spraying
        } else if watched.guesses.len() >= guesses_max {
            Rule::Guessing
        } else {
            return None;
        };
        self.watched.remove(&source);
        Some(rule)
    }

    fn keep(&mut self, block: OwnBlock) {
        if self.known.len() >= BLOCKS_MAX
            && let Some(first) = (self.known.values()).min_by_key(|known| known.until)
        {
            let first = first.source;
            self.known.remove(&first);
        }
        self.known.insert(block.source, block);
    }
}

impl Service {
    /// Whether a source is refused this now, by the server or by a person.
    pub(crate) fn is_blocked(&self, what: Blocked, source: IpAddr) -> bool {
        let now = self.clock().now();
        self.config().blocked(what, source, now).is_some()
            || lock(&self.inner.blocks.0)
                .stands(what, source, now)
                .is_some()
    }

    /// Takes note of how a session ended; a source that only abuses is blocked.
    pub async fn session_ended(&self, peer: &Peer, end: SessionEnd) {
        let (source, now) = (Network::source(peer.source()), self.clock().now());
        let rule = lock(&self.inner.blocks.0).session_ended(source, end, now);
        if let Some(rule) = rule {
            self.block(peer, rule).await;
        }
    }

    /// Takes note of a failed sign-in; a source that guesses or sprays is blocked.
    pub(crate) async fn sign_in_failed(&self, peer: &Peer, account: &impl Hash, failure: Failure) {
        let (source, now) = (Network::source(peer.source()), self.clock().now());
        let most = self.config().settings().sign_in_failures_per_source_max;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let rule = lock(&self.inner.blocks.0).sign_in_failed(source, account, failure, most, now);
        if let Some(rule) = rule {
            self.block(peer, rule).await;
        }
    }

    /// Blocks the source of a client, unless it is our own.
    async fn block(&self, peer: &Peer, rule: Rule) {
        let source = Network::source(peer.source());
        if let Some(own) = self.own(&source).await {
            tracing::warn!(%source, rule = rule.as_str(), "{source} is not blocked, although it should be: {own}");
            return;
        }
        let now = self.clock().now();
        let Some(block) = lock(&self.inner.blocks.0).block(source, rule, now) else {
            return;
        };
        let until = block.until.to_rfc3339();
        let record = Record::Blocked {
            source,
            what: block.refuses(),
            rule: rule.as_str(),
            times: block.times,
            until: until.clone(),
        };
        self.record(&About::peer(peer), &record);
        tracing::warn!(%source, rule = rule.as_str(), %until, "{source} is blocked until {until}: {}", rule.as_str());
        let stored = self
            .inner
            .store
            .write_small(move |tx| store::block::put(tx, &block.row()))
            .await;
        if let Err(err) = stored {
            tracing::warn!(error = %err, "a block holds only until the next start: {err}");
        }
    }

    /// Whose the addresses of a network are, if they are our own.
    pub(crate) async fn own(&self, network: &Network) -> Option<Own> {
        let local = [Ipv4Addr::LOCALHOST.into(), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        if network.address().is_loopback() || local.iter().any(|ip| network.contains(*ip)) {
            return Some(Own::Loopback);
        }
        let config = self.config();
        let mut bound = config.open_listeners().map(|open| open.address.ip());
        let own = bound.find(|ip| !ip.is_unspecified() && network.contains(*ip));
        if let Some(own) = own.or_else(|| net::own_address_in(network)) {
            return Some(Own::Machine(own));
        }
        let mut proxies = config.proxies().flat_map(|(_, networks)| networks);
        if let Some(proxy) = proxies.find(|proxy| proxy.overlaps(network)) {
            return Some(Own::Proxy(*proxy));
        }
        let since = self.clock().now().plus_s(-OWN_S);
        let admins = config.accounts().filter(|account| account.role.is_admin());
        let admins: Vec<_> = admins.map(|a| (a.id, a.address.to_string())).collect();
        for (account, address) in admins {
            let read =
                (self.inner.store).read(move |tx| store::session::sources(tx, account, since));
            let sources = match read.await {
                Ok(sources) => sources,
                Err(err) => {
                    tracing::error!(error = %err, "sessions cannot be read: {err}");
                    return Some(Own::Unknown);
                }
            };
            let within = |source: &str| source.parse().is_ok_and(|ip| network.contains(ip));
            if let Some((_, at)) = sources.into_iter().find(|(source, _)| within(source)) {
                return Some(Own::Admin { address, at });
            }
        }
        None
    }

    /// Whether the server itself keeps a block of exactly this source, standing or remembered.
    pub(crate) fn has_own_block(&self, source: &Network) -> bool {
        lock(&self.inner.blocks.0).known.contains_key(source)
    }

    /// Forgets the server's own block of a source, and that there ever was one.
    pub(crate) async fn forget_own_block(&self, source: Network) {
        let known = {
            let mut table = lock(&self.inner.blocks.0);
            table.watched.remove(&source);
            table.known.remove(&source).is_some()
        };
        if !known {
            return;
        }
        let removed = self
            .inner
            .store
            .write_small(move |tx| store::block::remove(tx, &source))
            .await;
        if let Err(err) = removed {
            tracing::warn!(error = %err, "a lifted block comes back at the next start: {err}");
        }
    }

    /// The server's own blocks that stand now.
    pub(crate) fn own_blocks(&self) -> Vec<OwnBlock> {
        let now = self.clock().now();
        let table = lock(&self.inner.blocks.0);
        let standing = table.known.values().filter(|block| now < block.until);
        standing.cloned().collect()
    }

    /// Reads the blocks that earlier starts made. A row that is none of ours keeps no server from
    /// its start.
    pub(crate) async fn load_blocks(&self) -> store::StoreResult<()> {
        let stored = self.inner.store.read(store::block::all).await?;
        let mut known = HashMap::with_capacity(stored.len());
        for row in &stored {
            let source = row.source;
            if let Some(block) = OwnBlock::of(row) {
                known.insert(source, block);
            } else {
                tracing::error!(%source, "the stored block of {source} cannot be read, and does not hold");
            }
        }
        lock(&self.inner.blocks.0).known = known;
        Ok(())
    }

    /// Forgets blocks that were over long ago.
    pub(crate) async fn forget_old_blocks(&self) -> store::StoreResult<()> {
        let before = self.clock().now().plus_s(-FORGOTTEN_S);
        lock(&self.inner.blocks.0)
            .known
            .retain(|_, block| block.until >= before);
        (self.inner.store)
            .write_small(move |tx| store::block::forget(tx, before))
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp(0).plus_s(seconds)
    }

    #[test]
    fn each_block_is_longer_up_to_a_day_and_forgotten_after_a_week() {
        let mut table = Table::default();
        let mut now = at(0);
        let mut lengths = Vec::new();
        for _ in 0..6 {
            let block = table.block(source("192.0.2.7"), Rule::Guessing, now);
            let until = block.expect("none stands").until;
            lengths.push(until.seconds() - now.seconds());
            now = until.plus_s(1);
        }
        assert_eq!(lengths, [600, 2_400, 9_600, 38_400, 86_400, 86_400]);
        let later = now.plus_s(FORGOTTEN_S);
        let anew = table.block(source("192.0.2.7"), Rule::Guessing, later);
        assert_eq!(anew.map(|block| block.times), Some(1));
    }

    #[test]
    fn a_stored_block_is_the_same_and_a_bent_one_none() {
        for rule in Rule::ALL {
            let block = OwnBlock {
                source: source("192.0.2.7"),
                rule,
                times: 2,
                since: at(0),
                until: at(600),
            };
            let row = block.row();
            let word = serde_json::to_value(rule.refuses()).unwrap();
            assert_eq!(word, row.what);
            let bend = |what: &str, rule: &str| Block {
                what: what.to_owned(),
                rule: rule.to_owned(),
                ..row.clone()
            };
            for odd in [
                bend("", &row.rule),
                bend("mail", &row.rule),
                bend(&row.what, "x"),
            ] {
                assert_eq!(OwnBlock::of(&odd), None, "{odd:?}");
            }
            assert_eq!(OwnBlock::of(&row), Some(block));
        }
    }

    #[test]
    fn a_block_refuses_what_its_rule_says_to_its_source_alone() {
        let mut table = Table::default();
        table.block(source("192.0.2.7"), Rule::Guessing, at(0));
        table.block(source("2001:db8::/64"), Rule::Harvesting, at(0));
        for (what, ip, now, stands) in [
            (Blocked::SignIns, "192.0.2.7", 599, true),
            (Blocked::SignIns, "::ffff:192.0.2.7", 599, true),
            (Blocked::Connections, "192.0.2.7", 599, false),
            (Blocked::SignIns, "192.0.2.8", 599, false),
            (Blocked::SignIns, "192.0.2.7", 600, false),
            (Blocked::Connections, "2001:db8::9", 599, true),
            (Blocked::SignIns, "2001:db8::9", 599, true),
            (Blocked::SignIns, "2001:db8:0:1::9", 599, false),
        ] {
            let found = table.stands(what, ip.parse().unwrap(), at(now)).is_some();
            assert_eq!(found, stands, "{what:?} {ip} {now}");
        }
        // Only what refuses more follows a block that stands.
        for (peer, rule, follows) in [
            ("2001:db8::/64", Rule::Guessing, None),
            ("2001:db8::/64", Rule::BadSessions, None),
            ("192.0.2.7", Rule::Spraying, None),
            (
                "192.0.2.7",
                Rule::Harvesting,
                Some((2, Blocked::Connections)),
            ),
        ] {
            let next = table.block(source(peer), rule, at(10));
            let next = next.map(|block| (block.times, block.refuses()));
            assert_eq!(next, follows, "{peer} {rule:?}");
        }
    }

    #[test]
    fn who_guesses_is_blocked_and_not_a_neighbour() {
        let mut table = Table::default();
        let mut fails = |peer, account: &str, failure| {
            table.sign_in_failed(source(peer), &account, failure, 5, at(0))
        };
        for n in 0..4 {
            assert_eq!(fails("192.0.2.1", "a", Failure::Secret(n)), None);
        }
        assert_eq!(
            fails("192.0.2.2", "a", Failure::Secret(9)),
            None,
            "one typo"
        );
        assert_eq!(fails("192.0.2.1", "a", Failure::Secret(0)), None, "again");
        let guessed = fails("192.0.2.1", "a", Failure::Secret(4));
        assert_eq!(guessed, Some(Rule::Guessing));
        assert_eq!(fails("192.0.2.1", "a", Failure::Secret(5)), None, "anew");
        for n in 0..40 {
            let device = fails("192.0.2.3", "a", Failure::Proof(n));
            assert_eq!(device, None, "one device with an old password");
        }
    }

    #[test]
    fn only_a_row_of_useless_sessions_within_the_window_is_abuse() {
        let peer = source("192.0.2.7");
        for (end, rule) in [
            (SessionEnd::Harvest, Rule::Harvesting),
            (SessionEnd::Abuse, Rule::BadSessions),
        ] {
            let mut table = Table::default();
            for n in 1..10 {
                assert_eq!(table.session_ended(peer, end, at(n)), None);
            }
            assert_eq!(table.session_ended(source("192.0.2.8"), end, at(10)), None);
            assert_eq!(table.session_ended(peer, end, at(10)), Some(rule));
            for n in 11..20 {
                assert_eq!(table.session_ended(peer, end, at(n)), None);
            }
            table.session_ended(peer, SessionEnd::Useful, at(20));
            assert_eq!(table.session_ended(peer, end, at(21)), None);
            // Slowly enough, nobody is counted.
            for n in 0..30 {
                assert_eq!(table.session_ended(peer, end, at(1_000 + 40 * n)), None);
            }
            assert_eq!(
                table.session_ended(peer, SessionEnd::Plain, at(9_000)),
                None
            );
        }
    }

    #[test]
    fn more_than_ten_accounts_are_a_spray() {
        let mut table = Table::default();
        let peer = source("192.0.2.7");
        for n in 0..10 {
            for account in [format!("a{n}@example.org"), "a0@example.org".to_owned()] {
                let guess = Failure::Secret(0);
                let met = table.sign_in_failed(peer, &account, guess, 30, at(n));
                assert_eq!(met, None);
            }
        }
        let eleventh = Failure::Secret(0);
        let eleventh = table.sign_in_failed(peer, &"b@example.org", eleventh, 30, at(11));
        assert_eq!(eleventh, Some(Rule::Spraying));
    }

    #[test]
    fn the_watch_is_bounded() {
        let mut table = Table::default();
        for n in 0..u32::try_from(WATCHED_MAX).unwrap() + 5 {
            let peer = Network::source(Ipv4Addr::from_bits(n).into());
            table.session_ended(peer, SessionEnd::Abuse, at(0));
        }
        assert_eq!(table.watched.len(), WATCHED_MAX);
        table.session_ended(source("192.0.2.7"), SessionEnd::Abuse, at(WATCH_S));
        assert_eq!(table.watched.len(), 1);
    }
}
