//! From where what may be used: networks that are allowed or denied, proxies, and blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use types::{ListenerId, Network, Timestamp};

use super::{Config, Listener};
use crate::change::{AccessSet, AccessSubject, BlockAdd, Blocked, Change, ProxyScope, ProxySet};
use crate::role::Role;

/// The networks from which something may be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessList {
    /// Where one must come from; empty: from anywhere.
    pub allow: BTreeSet<Network>,
    /// Where one must not come from, also if it is allowed.
    pub deny: BTreeSet<Network>,
}

impl AccessList {
    /// Whether a client from here is admitted.
    pub fn admits(&self, source: IpAddr) -> bool {
        let within = |networks: &BTreeSet<Network>| networks.iter().any(|n| n.contains(source));
        !within(&self.deny) && (self.allow.is_empty() || within(&self.allow))
    }

    /// Whether both lists are empty, so that everybody is admitted.
    pub fn is_open(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// All networks of both lists.
    pub fn networks(&self) -> impl Iterator<Item = &Network> {
        self.allow.iter().chain(&self.deny)
    }
}

/// A block that a person made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Who is blocked.
    pub source: Network,
    /// What is refused.
    pub what: Blocked,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Whether it was made against the guard of own addresses.
    pub forced: bool,
    /// The entry that made it.
    pub seq: u64,
}

/// The part of the configuration that this file is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    access: Arc<BTreeMap<AccessSubject, AccessList>>,
    proxies: Arc<BTreeMap<ProxyScope, BTreeSet<Network>>>,
    blocks: Arc<BTreeMap<Network, Block>>,
}

impl Sources {
    pub(super) fn access_set(&mut self, set: &AccessSet) {
        let list = AccessList {
            allow: set.allow.iter().copied().collect(),
            deny: set.deny.iter().copied().collect(),
        };
        let access = Arc::make_mut(&mut self.access);
        if list.is_open() {
            access.remove(&set.id);
        } else {
            access.insert(set.id, list);
        }
    }

    pub(super) fn proxy_set(&mut self, set: &ProxySet) {
        let proxies = Arc::make_mut(&mut self.proxies);
        if set.networks.is_empty() {
            proxies.remove(&set.id);
        } else {
            proxies.insert(set.id, set.networks.iter().copied().collect());
        }
    }

    /// Blocks that were over when this one began are forgotten, so that they never pile up.
    pub(super) fn block_add(&mut self, seq: u64, add: &BlockAdd) {
        let blocks = Arc::make_mut(&mut self.blocks);
        blocks.retain(|_, block| block.until > add.from);
        let block = Block {
            source: add.id,
            what: add.what,
            from: add.from,
            until: add.until,
            forced: add.forced,
            seq,
        };
        blocks.insert(add.id, block);
    }

    pub(super) fn block_remove(&mut self, source: &Network) {
        Arc::make_mut(&mut self.blocks).remove(source);
    }

    /// A listener goes, and its id is never used again.
    pub(super) fn forget_listener(&mut self, id: ListenerId) {
        if self.access.contains_key(&AccessSubject::Listener(id)) {
            Arc::make_mut(&mut self.access).remove(&AccessSubject::Listener(id));
        }
        if self.proxies.contains_key(&ProxyScope::Listener(id)) {
            Arc::make_mut(&mut self.proxies).remove(&ProxyScope::Listener(id));
        }
    }
}

impl Config {
    /// All pairs of lists that keep somebody out.
    pub fn access_lists(&self) -> impl Iterator<Item = (AccessSubject, &AccessList)> {
        self.sources.access.iter().map(|(of, list)| (*of, list))
    }

    /// The lists of one subject; empty ones where it has none.
    pub fn access(&self, of: AccessSubject) -> AccessList {
        self.sources.access.get(&of).cloned().unwrap_or_default()
    }

    /// Whether a client from here may connect to a listener.
    pub fn listener_admits(&self, listener: &Listener, source: IpAddr) -> bool {
        let service = AccessSubject::Service(listener.service);
        let subjects = [service, AccessSubject::Listener(listener.id)];
        subjects.iter().all(|of| self.subject_admits(*of, source))
    }

    /// Whether an account with this role may sign in from here.
    pub fn role_admits(&self, role: Role, source: IpAddr) -> bool {
        self.subject_admits(AccessSubject::Role(role), source)
    }

    fn subject_admits(&self, of: AccessSubject, source: IpAddr) -> bool {
        let list = self.sources.access.get(&of);
        list.is_none_or(|list| list.admits(source))
    }

    /// All proxies, by where they are believed.
    pub fn proxies(&self) -> impl Iterator<Item = (ProxyScope, &BTreeSet<Network>)> {
        let proxies = self.sources.proxies.iter();
        proxies.map(|(scope, networks)| (*scope, networks))
    }

    /// The proxies of one scope.
    pub fn proxies_of(&self, scope: ProxyScope) -> BTreeSet<Network> {
        let networks = self.sources.proxies.get(&scope);
        networks.cloned().unwrap_or_default()
    }

    /// Whether a peer of this listener is a proxy.
    pub fn is_proxy(&self, listener: ListenerId, peer: IpAddr) -> bool {
        let scopes = [ProxyScope::All, ProxyScope::Listener(listener)];
        let networks = scopes.iter().filter_map(|of| self.sources.proxies.get(of));
        networks.flatten().any(|network| network.contains(peer))
    }

    /// The blocks that people made, also those that are over.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.sources.blocks.values()
    }

    /// The block of exactly this source.
    pub fn block(&self, source: &Network) -> Option<&Block> {
        self.sources.blocks.get(source)
    }

    /// The block that a person made and that refuses this to a client from here now.
    pub fn blocked(&self, what: Blocked, source: IpAddr, now: Timestamp) -> Option<&Block> {
        // Whoever may not connect may not sign in either.
        let holds = |block: &&Block| block.what >= what && block.from <= now && now < block.until;
        let mut standing = self.blocks().filter(holds);
        standing.find(|block| block.source.contains(source))
    }

    /// What an `access.set` would have to say to bring the lists of today back.
    pub(crate) fn access_as_change(&self, id: AccessSubject) -> Change {
        let list = self.access(id);
        Change::AccessSet(AccessSet {
            id,
            allow: list.allow.into_iter().collect(),
            deny: list.deny.into_iter().collect(),
        })
    }

    /// What a `proxy.set` would have to say to bring the proxies of today back.
    pub(crate) fn proxies_as_change(&self, id: ProxyScope) -> Change {
        let networks = self.proxies_of(id).into_iter().collect();
        Change::ProxySet(ProxySet { id, networks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{BlockRemove, ListenerRemove, Service};
    use crate::sample::Sample;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn networks(list: &[&str]) -> Vec<Network> {
        list.iter()
            .map(|network| network.parse().unwrap())
            .collect()
    }

    fn access(of: &str, allow: &[&str], deny: &[&str]) -> Change {
        Change::AccessSet(AccessSet {
            id: of.parse().unwrap(),
            allow: networks(allow),
            deny: networks(deny),
        })
    }

    fn block(source: &str, what: Blocked, from_s: i64, until_s: i64) -> Change {
        Change::BlockAdd(BlockAdd {
            id: source.parse().unwrap(),
            what,
            from: Timestamp(0).plus_s(from_s),
            until: Timestamp(0).plus_s(until_s),
            forced: false,
        })
    }

    #[test]
    fn deny_beats_allow_and_the_service_and_its_listener_both_decide() {
        let mut sample = Sample::new();
        let id = sample.listener(Service::Imap, "192.0.2.1:143");
        sample.make(access(
            "service:imap",
            &["192.0.2.0/24", "2001:db8::/32"],
            &["192.0.2.7"],
        ));
        sample.make(access("listener:l_1", &[], &["192.0.2.8"]));
        let listener = sample.config.listener(id).unwrap();
        for (source, admitted) in [
            ("192.0.2.1", true),
            ("::ffff:192.0.2.1", true),
            ("2001:db8::1", true),
            ("192.0.2.7", false),
            ("::ffff:192.0.2.7", false),
            ("192.0.2.8", false),
            ("198.51.100.1", false),
            ("2001:db9::1", false),
        ] {
            assert_eq!(
                sample.config.listener_admits(listener, ip(source)),
                admitted,
                "{source}"
            );
        }
        assert!(sample.config.role_admits(Role::Owner, ip("192.0.2.7")));
    }

    #[test]
    fn a_listener_takes_its_lists_and_proxies_with_it() {
        let mut sample = Sample::new();
        let id = sample.listener(Service::Imap, "192.0.2.1:143");
        sample.make(access("listener:l_1", &[], &["192.0.2.8"]));
        let scope = ProxyScope::Listener(id);
        let networks = networks(&["198.51.100.1"]);
        sample.make(Change::ProxySet(ProxySet {
            id: scope,
            networks,
        }));
        assert!(sample.config.is_proxy(id, ip("198.51.100.1")));
        assert!(!sample.config.is_proxy(ListenerId(9), ip("198.51.100.1")));
        sample.make(Change::ListenerRemove(ListenerRemove { id }));
        assert_eq!(sample.config.access_lists().count(), 0);
        assert_eq!(sample.config.proxies().count(), 0);
    }

    #[test]
    fn a_block_holds_for_its_time_and_what_is_over_is_forgotten() {
        let mut sample = Sample::new();
        sample.make(block("203.0.113.0/24", Blocked::SignIns, 10, 20));
        sample.make(block("2001:db8::/64", Blocked::Connections, 10, 30));
        let at = |seconds| Timestamp(0).plus_s(seconds);
        for (what, source, now, blocked) in [
            (Blocked::SignIns, "203.0.113.7", 10, true),
            (Blocked::SignIns, "::ffff:203.0.113.7", 19, true),
            (Blocked::Connections, "203.0.113.7", 15, false),
            (Blocked::SignIns, "203.0.113.7", 9, false),
            (Blocked::SignIns, "203.0.113.7", 20, false),
            (Blocked::SignIns, "2001:db8::7", 15, true),
            (Blocked::Connections, "2001:db8::7", 15, true),
            (Blocked::Connections, "2001:db8:0:1::7", 15, false),
        ] {
            let found = sample.config.blocked(what, ip(source), at(now)).is_some();
            assert_eq!(found, blocked, "{what:?} {source} {now}");
        }
        sample.make(block("192.0.2.7", Blocked::SignIns, 20, 30));
        let left: Vec<_> = sample
            .config
            .blocks()
            .map(|b| b.source.to_string())
            .collect();
        assert_eq!(left, ["192.0.2.7", "2001:db8::/64"]);
        let id = "192.0.2.7".parse().unwrap();
        sample.make(Change::BlockRemove(BlockRemove { id }));
        assert_eq!(sample.config.blocks().count(), 1);
    }

    #[test]
    fn what_is_too_much_or_meaningless_is_refused() {
        let mut sample = Sample::new();
        sample.make(access("service:imap", &["192.0.2.0/24"], &[]));
        let many: Vec<String> = (0..=256).map(|n| format!("2001:db8:{n:x}::/48")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let proxies = |network| {
            let networks = networks(&[network]);
            Change::ProxySet(ProxySet {
                id: ProxyScope::All,
                networks,
            })
        };
        for (change, words) in [
            (
                access("service:imap", &["192.0.2.0/24"], &[]),
                "nothing would change",
            ),
            (
                access("listener:l_9", &[], &["192.0.2.7"]),
                "there is no service l_9",
            ),
            (access("service:imap", &many, &[]), "256 networks"),
            (proxies("0.0.0.0/0"), "this would believe everyone"),
            (block("192.0.2.7", Blocked::SignIns, 10, 10), "366 days"),
            (
                block("192.0.2.7", Blocked::SignIns, 0, 400 * 86_400),
                "366 days",
            ),
        ] {
            let refusal = sample.refusal(change).to_string();
            assert!(refusal.contains(words), "{refusal}");
        }
    }
}
