//! Something of each level: of the server, of a domain, of an account.

use std::sync::Arc;

use crate::change::RuleLevel;
use crate::id_map::IdMap;

/// A value for each level that has one; a copy shares all of them.
#[derive(Clone, Debug)]
pub(super) struct PerLevel<T> {
    server: Option<Arc<T>>,
    domains: IdMap<Arc<T>>,
    accounts: IdMap<Arc<T>>,
}

impl<T> Default for PerLevel<T> {
    fn default() -> Self {
        Self {
            server: None,
            domains: IdMap::default(),
            accounts: IdMap::default(),
        }
    }
}

impl<T: Clone + Default> PerLevel<T> {
    pub(super) fn get(&self, level: RuleLevel) -> Option<&T> {
        let found = match level {
            RuleLevel::Server => self.server.as_ref(),
            RuleLevel::Domain(id) => self.domains.get(id.0),
            RuleLevel::Account(id) => self.accounts.get(id.0),
        };
        found.map(AsRef::as_ref)
    }

    /// The value of a level; one that has none gets the default.
    pub(super) fn get_mut(&mut self, level: RuleLevel) -> &mut T {
        let shared = match level {
            RuleLevel::Server => self.server.get_or_insert_default(),
            RuleLevel::Domain(id) => self.domains.entry(id.0),
            RuleLevel::Account(id) => self.accounts.entry(id.0),
        };
        Arc::make_mut(shared)
    }

    pub(super) fn is_empty(&self) -> bool {
        let none = |map: &IdMap<Arc<T>>| map.values().next().is_none();
        self.server.is_none() && none(&self.domains) && none(&self.accounts)
    }

    pub(super) fn forget(&mut self, level: RuleLevel) {
        match level {
            RuleLevel::Server => self.server = None,
            RuleLevel::Domain(id) => drop(self.domains.remove(id.0)),
            RuleLevel::Account(id) => drop(self.accounts.remove(id.0)),
        }
    }
}
