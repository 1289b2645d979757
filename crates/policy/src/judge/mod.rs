//! What a change does: typed effects, class, score and detections.
//!
//! All of it comes from the difference between the configurations before and after, not from the
//! verb: enabling counts as creating. The change only says where to look, so that the work follows
//! what it reaches. Every effect has a class of its own; the change has the highest of them.

mod confusable;
mod detection;
mod risk;

mod exit;

mod access;
mod mail;
mod protection;
mod reach;
mod rule;
mod source;

#[cfg(test)]
mod dkim_tests;
#[cfg(test)]
mod route_tests;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod scanner_tests;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use ledger::Risk;
pub use ledger::RiskClass as Class;
use serde_json::Value;
use types::{AccountId, Address, RuleId};

use crate::change::Change;
use crate::config::{Authorship, Config, Expansion};
use crate::effect::{EFFECTS_MAX, Effect};

pub use detection::detection_words;

use exit::Exits;
use risk::Trait;

/// The version of these judgements, for the `analyser` field of entries.
pub const ANALYSER: u32 = 2;

/// What a change does and what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What it does, at most [`EFFECTS_MAX`] and a count of the rest.
    pub effects: Vec<Effect>,
    /// What it needs before it applies.
    pub class: Class,
    /// Risk points.
    pub score: u32,
    /// The detections that match, by their ids, sorted.
    pub detections: Vec<&'static str>,
    /// Whether it only takes exits, access or credentials away, as somebody does who shuts an
    /// intruder out, whatever that means for mail.
    pub only_removes: bool,
    /// Addresses outside to which rules would send mail from now on and that nobody has allowed.
    pub unapproved: BTreeSet<Address>,
    /// Of a change of a rule: the effects, by their places in the list, that other rules have now that
    /// mail reaches them.
    pub behind: BTreeMap<usize, RuleId>,
}

impl Judgement {
    /// The effects as an entry holds them.
    pub fn effect_values(&self) -> Vec<Value> {
        let values = self.effects.iter().map(serde_json::to_value);
        let values: Result<_, _> = values.collect();
        values.expect("effects are enums with text keys, which always have a JSON form")
    }

    /// The `risk` field of an entry.
    pub fn risk(&self) -> Risk {
        Risk {
            class: self.class,
            score: self.score,
            detections: self.detections.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Judges a change that leads from `before` to `after`.
pub fn judge(before: &Config, after: &Config, change: &Change, made: &Authorship) -> Judgement {
    let case = Case {
        before,
        after,
        change,
        actor: made.by.account(),
        made,
        exits: OnceCell::new(),
    };
    let mut findings = Findings::default();
    mail::compare(&case, &mut findings);
    rule::compare(&case, &mut findings);
    access::compare(&case, &mut findings);
    protection::compare(&case, &mut findings);
    source::compare(&case, &mut findings);
    let mut judgement = findings.conclude();
    judgement.only_removes = only_removes(change, &judgement.effects);
    judgement
}

fn only_removes(change: &Change, effects: &[Effect]) -> bool {
    match change {
        Change::ServiceOff(_)
        | Change::ListenerRemove(_)
        | Change::AccountDisable(_)
        | Change::AppPasswordRemove(_)
        | Change::TokenRemove(_)
        | Change::AliasRemove(_)
        | Change::CatchAllClear(_)
        | Change::SendAsRevoke(_)
        | Change::RulePause(_)
        | Change::RuleRemove(_)
        | Change::RuleExpire(_)
        | Change::ExitRevoke(_)
        | Change::BlockAdd(_) => true,
        Change::AliasMembersChange(change) => change.add.is_empty(),
        Change::AccessSet(_) | Change::ProxySet(_) => effects
            .iter()
            .all(|effect| matches!(effect, Effect::Refuses { .. })),
        _ => false,
    }
}

/// What is judged.
struct Case<'a> {
    before: &'a Config,
    after: &'a Config,
    change: &'a Change,
    /// The account that makes it; `None` for the console and the server.
    actor: Option<AccountId>,
    made: &'a Authorship,
    exits: OnceCell<Exits>,
}

impl Case<'_> {
    /// Whether mail reached nobody but the actor.
    fn is_own(&self, recipients: &Expansion) -> bool {
        let mut accounts = recipients.accounts.iter();
        recipients.outside.is_empty() && accounts.all(|account| Some(*account) == self.actor)
    }
}

/// What was found so far.
struct Findings {
    effects: Vec<Effect>,
    seen: HashSet<Effect>,
    class: Class,
    detections: BTreeSet<&'static str>,
    traits: BTreeSet<Trait>,
    unapproved: BTreeSet<Address>,
    behind: BTreeMap<usize, RuleId>,
}

impl Default for Findings {
    fn default() -> Self {
        Self {
            effects: Vec::new(),
            seen: HashSet::new(),
            class: Class::C0,
            detections: BTreeSet::new(),
            traits: BTreeSet::new(),
            unapproved: BTreeSet::new(),
            behind: BTreeMap::new(),
        }
    }
}

impl Findings {
    fn add(&mut self, effect: Effect, class: Class) {
        if self.seen.insert(effect.clone()) {
            self.effects.push(effect);
        }
        self.at_least(class);
    }

    fn at_least(&mut self, class: Class) {
        self.class = self.class.max(class);
    }

    fn detect(&mut self, id: &'static str) {
        self.detections.insert(id);
    }

    fn has(&self, id: &str) -> bool {
        self.detections.contains(id)
    }

    fn score(&self) -> u32 {
        self.traits.iter().map(|found| found.points()).sum()
    }

    /// Each trait counts once in the score.
    fn mark(&mut self, found: Trait) {
        self.traits.insert(found);
    }

    fn conclude(mut self) -> Judgement {
        let score = self.score();
        if self.effects.len() > EFFECTS_MAX {
            let rest = self.effects.split_off(EFFECTS_MAX - 1).len();
            let count = u64::try_from(rest).unwrap_or(u64::MAX);
            self.effects.push(Effect::AndMore { count });
            self.behind.retain(|place, _| *place < EFFECTS_MAX - 1);
        }
        Judgement {
            effects: self.effects,
            class: self.class,
            score,
            detections: self.detections.into_iter().collect(),
            only_removes: false,
            unapproved: self.unapproved,
            behind: self.behind,
        }
    }
}
