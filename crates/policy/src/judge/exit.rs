//! Addresses outside to which mail goes: which are new, which are used twice, which look like ours.

use std::collections::BTreeMap;

use types::Address;

use super::confusable::looks_like;
use super::reach;
use super::risk::Trait;
use super::{Case, Findings};
use crate::change::Member;
use crate::config::Config;

/// How many aliases, catch-alls and lists of rules send to each address outside.
pub(super) struct Exits {
    before: BTreeMap<Address, usize>,
    after: BTreeMap<Address, usize>,
}

/// Detects what is told by targets outside that get mail and did not before.
pub(super) fn detect(case: &Case<'_>, targets: &[Address], findings: &mut Findings) {
    let exits = case.exits.get_or_init(|| Exits {
        before: exits(case, case.before),
        after: exits(case, case.after),
    });
    let is_new = |target: &Address| {
        let mut allowed = case.before.exits().map(|exit| &exit.target);
        !exits.before.contains_key(target) && !allowed.any(|known| known == target)
    };
    if targets.iter().any(is_new) {
        findings.detect("R1");
    }
    let shared = |target| exits.after.get(target).is_some_and(|uses| *uses > 1);
    if targets.iter().any(shared) {
        findings.detect("R9");
    }
    let own = |target: &Address| {
        let mut names = case.after.domains().map(|domain| &domain.name);
        names.any(|name| looks_like(target.domain(), name))
    };
    if targets.iter().any(own) {
        findings.mark(Trait::Confusable);
    }
}

fn exits(case: &Case<'_>, config: &Config) -> BTreeMap<Address, usize> {
    let aliases = config.aliases().flat_map(|alias| &alias.members);
    let catch_alls = config.domains().flat_map(|domain| &domain.catch_all);
    let mut uses = BTreeMap::new();
    for address in aliases.chain(catch_alls).filter_map(outside) {
        *uses.entry(address.clone()).or_insert(0) += 1;
    }
    for level in reach::levels(config) {
        for address in reach::outside_targets(config, level, case.made.at) {
            *uses.entry(address).or_insert(0) += 1;
        }
    }
    uses
}

fn outside(member: &Member) -> Option<&Address> {
    match member {
        Member::Outside(address) => Some(address),
        Member::Account(_) | Member::Alias(_) => None,
    }
}
