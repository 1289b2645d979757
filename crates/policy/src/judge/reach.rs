//! What the rules of a level can do to mail that reaches them.
//!
//! A rule behind one that always ends the list is never reached, nor is a level below one that
//! always deletes or refuses. What sometimes ends the list before a rule narrows what it does.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use sieve::effect::{EffectKind, When};
use sieve::{Mailto, Script};
use types::{AccountId, Address, RuleId, Timestamp};

use super::risk::asks_for_keyword;
use crate::change::{Member, RuleDirection, RuleLevel};
use crate::config::{Config, Rule};

/// Something that a rule can do and that can be reached.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    /// Which rule.
    pub(super) rule: RuleId,
    /// What it does.
    pub(super) kind: EffectKind,
    /// On which messages.
    pub(super) when: When,
    /// Where mail goes by it.
    pub(super) route: Route,
    /// Its script and those that it includes: words of a condition do not say all of it.
    scripts: Vec<Arc<Script>>,
    /// What ends the list before it, now and then.
    guards: BTreeSet<(RuleId, String)>,
}

/// Where mail goes by an action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Route {
    /// Addresses outside.
    pub(super) outside: Vec<Address>,
    /// Accounts here.
    pub(super) inside: BTreeSet<AccountId>,
    /// Those of them that are no allowed exit.
    pub(super) unapproved: Vec<Address>,
    /// Whether a target is none that this server can send to, such as an address literal.
    unreadable: bool,
}

impl Route {
    /// Whether something goes outside; a target that cannot be read is no friend.
    pub(super) fn leaves(&self) -> bool {
        self.unreadable || !self.outside.is_empty()
    }

    /// Whether every address outside is an allowed exit.
    pub(super) fn is_approved(&self) -> bool {
        !self.unreadable && self.unapproved.is_empty()
    }
}

impl Reached {
    /// Whether this was there before: the same by the same rule, on no fewer messages. What another
    /// rule does already would go on when that one is removed.
    pub(super) fn was_in(&self, before: &[Self]) -> bool {
        before.iter().any(|known| {
            let route = self.route.outside == known.route.outside
                && self.route.inside == known.route.inside
                && known
                    .route
                    .unapproved
                    .iter()
                    .all(|known| self.route.unapproved.contains(known));
            route
                && self.rule == known.rule
                && (&self.kind, &self.when, &self.scripts)
                    == (&known.kind, &known.when, &known.scripts)
                && known.guards.is_subset(&self.guards)
        })
    }

    /// Whether a condition that it may depend on asks for a word that thieves look for.
    pub(super) fn asks_for_keyword(&self) -> bool {
        self.scripts.iter().any(|script| asks_for_keyword(script))
    }
}

/// The levels that have rules.
pub(super) fn levels(config: &Config) -> BTreeSet<RuleLevel> {
    config.rules().map(|rule| rule.level).collect()
}

/// What the rules of a level can do to mail that goes this way.
pub(super) fn reached(
    config: &Config,
    level: RuleLevel,
    direction: RuleDirection,
    now: Timestamp,
) -> Vec<Reached> {
    let mut above = above(config, level).into_iter();
    if !is_active(config, level) || above.any(|level| always_ends(config, level, direction)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut guards = BTreeSet::new();
    for rule in config.active_rules(level, direction) {
        let effects = effects(config, rule);
        let ends = effects.list.iter().filter(|_| rule.stop);
        let ends: Vec<_> = ends
            .filter(|effect| effect.kind == EffectKind::Stops)
            .map(|effect| effect.when.clone())
            .collect();
        found.extend(effects.list.into_iter().map(|effect| Reached {
            rule: rule.id,
            route: route(config, level, &effect.kind, now),
            kind: effect.kind,
            when: effect.when,
            scripts: effects.scripts.clone(),
            guards: guards.clone(),
        }));
        if ends.contains(&When::Always) {
            break;
        }
        let words = ends.iter().filter_map(When::words);
        guards.extend(words.map(|words| (rule.id, words.to_owned())));
    }
    found
}

/// The addresses outside to which the incoming and outgoing rules of a level send mail.
pub(super) fn outside_targets(
    config: &Config,
    level: RuleLevel,
    now: Timestamp,
) -> BTreeSet<Address> {
    let ways = [RuleDirection::In, RuleDirection::Out];
    let found = ways
        .into_iter()
        .flat_map(|direction| reached(config, level, direction, now));
    found.flat_map(|reached| reached.route.outside).collect()
}

/// Whether a rule, were it reached, would delete mail; and whether it would send mail outside.
pub(super) fn deletes_and_sends(config: &Config, rule: &Rule, now: Timestamp) -> (bool, bool) {
    let effects = effects(config, rule).list;
    let deletes = effects
        .iter()
        .any(|effect| effect.kind == EffectKind::Discards);
    let sends = effects.iter().any(|effect| {
        let route = route(config, rule.level, &effect.kind, now);
        route.leaves()
    });
    (deletes, sends)
}

struct Found {
    list: Vec<sieve::effect::Effect>,
    scripts: Vec<Arc<Script>>,
}

/// What a rule can do by itself and by what it includes.
fn effects(config: &Config, rule: &Rule) -> Found {
    let Some(script) = &rule.script else {
        return Found {
            list: Vec::new(),
            scripts: Vec::new(),
        };
    };
    let scripts = RefCell::new(vec![Arc::clone(script)]);
    let included = |name: &str| {
        let found = config.script_named(rule.level, name)?.script.as_ref()?;
        let mut scripts = scripts.borrow_mut();
        if !scripts.iter().any(|known| Arc::ptr_eq(known, found)) {
            scripts.push(Arc::clone(found));
        }
        Some(found.as_ref())
    };
    let list = sieve::effect::effects(script, &included).list;
    Found {
        list,
        scripts: scripts.into_inner(),
    }
}

/// The levels whose rules see mail before this one's.
fn above(config: &Config, level: RuleLevel) -> Vec<RuleLevel> {
    match level {
        RuleLevel::Server => Vec::new(),
        RuleLevel::Domain(_) => vec![RuleLevel::Server],
        RuleLevel::Account(id) => {
            let mut levels = config.levels_of(id);
            levels.pop();
            levels
        }
    }
}

/// Whether mail that this level sees never reaches the next.
pub(super) fn always_ends(config: &Config, level: RuleLevel, direction: RuleDirection) -> bool {
    let ends = |rule: &Arc<Rule>| {
        let list = effects(config, rule).list;
        list.iter().any(|effect| {
            let gone = matches!(effect.kind, EffectKind::Discards | EffectKind::Rejects);
            gone && effect.when == When::Always
        })
    };
    config.active_rules(level, direction).any(ends)
}

fn is_active(config: &Config, level: RuleLevel) -> bool {
    match level {
        RuleLevel::Server => true,
        RuleLevel::Domain(id) => config.domain_by_id(id).is_some_and(|domain| domain.enabled),
        RuleLevel::Account(id) => {
            let account = config.account(id);
            account.is_some_and(|account| config.is_active(account))
        }
    }
}

/// Where mail goes by an action.
fn route(config: &Config, level: RuleLevel, kind: &EffectKind, now: Timestamp) -> Route {
    let addresses: Vec<_> = match kind {
        EffectKind::Redirects { address, .. } => vec![sieve::mailbox::check(address).ok()],
        EffectKind::Notifies { method } => match Mailto::parse(method) {
            Some(told) => told.to.iter().map(|to| to.parse().ok()).collect(),
            None => vec![None],
        },
        _ => return Route::default(),
    };
    let unreadable = addresses.contains(&None);
    let members = addresses.into_iter().flatten().map(Member::Outside);
    let expansion = config.expand_members(&members.collect());
    let expansion = expansion.unwrap_or_default();
    let allowed = |target| config.exit_for(level, target, now).is_some();
    Route {
        unapproved: (expansion.outside.iter())
            .filter(|target| !allowed(target))
            .cloned()
            .collect(),
        outside: expansion.outside.into_iter().collect(),
        inside: expansion.accounts,
        unreadable,
    }
}
