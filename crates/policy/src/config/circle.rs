//! Forwarding that leads back to where it began.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use types::{AliasId, DomainId};

use super::{Config, Resolution};
use crate::change::Member;
use crate::shown;

/// What sends mail on to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Forwarder {
    /// An alias.
    Alias(AliasId),
    /// The catch-all of a domain.
    CatchAll(DomainId),
}

impl Config {
    /// The shortest way on which mail comes back to a forwarder, in words: it stands at both ends.
    /// `None` if no way leads back.
    ///
    /// Each forwarder is looked at once, so the work is bounded by what the configuration holds.
    pub fn circle(&self, start: Forwarder) -> Option<Vec<String>> {
        let mut came_from = BTreeMap::new();
        let mut waiting = VecDeque::from([start]);
        while let Some(at) = waiting.pop_front() {
            for next in self.next_forwarders(at) {
                if next == start {
                    return Some(self.way(&came_from, start, at));
                }
                came_from.entry(next).or_insert_with(|| {
                    waiting.push_back(next);
                    at
                });
            }
        }
        None
    }

    /// The steps from `start` to `last` and back.
    fn way(
        &self,
        came_from: &BTreeMap<Forwarder, Forwarder>,
        start: Forwarder,
        last: Forwarder,
    ) -> Vec<String> {
        let mut way = vec![self.forwarder_words(start)];
        let mut at = last;
        while at != start {
            way.push(self.forwarder_words(at));
            at = came_from[&at];
        }
        way.push(self.forwarder_words(start));
        way.reverse();
        way
    }

    fn next_forwarders(&self, at: Forwarder) -> Vec<Forwarder> {
        let none = BTreeSet::new();
        let members = match at {
            Forwarder::Alias(id) => self.alias(id).map(|alias| &alias.members),
            Forwarder::CatchAll(id) => self.domain_by_id(id).map(|domain| &domain.catch_all),
        };
        let next = |member: &Member| match member {
            Member::Account(_) => None,
            Member::Alias(id) => Some(Forwarder::Alias(*id)),
            // It may be hosted here by now.
            Member::Outside(address) => match self.resolve(address) {
                Resolution::Alias(id, _) => Some(Forwarder::Alias(id)),
                Resolution::CatchAll(id, _) => Some(Forwarder::CatchAll(id)),
                _ => None,
            },
        };
        members.unwrap_or(&none).iter().filter_map(next).collect()
    }

    fn forwarder_words(&self, forwarder: Forwarder) -> String {
        match forwarder {
            Forwarder::Alias(id) => match self.alias(id) {
                Some(alias) => shown::address(&alias.address),
                None => id.to_string(),
            },
            Forwarder::CatchAll(id) => match self.domain_by_id(id) {
                Some(domain) => format!("the catch-all of {}", shown::domain(&domain.name)),
                None => id.to_string(),
            },
        }
    }
}
