//! Rules, and to which addresses outside they may send.
//!
//! A script is parsed once, when its entry is folded. What is gone keeps its name and its entries,
//! so that a message which it touched can always be explained.

use std::sync::Arc;

use sieve::Script;
use types::{AccountId, Address, ExitId, RuleId, Timestamp};

use super::level::PerLevel;
use super::{Authorship, Config};
use crate::change::{
    Change, ExitAllow, Preset, RuleContent, RuleDirection, RuleLevel, RulePurpose, RuleSet,
};
use crate::fold_error::FoldError;
use crate::id_map::IdMap;

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// Whose mail it is about.
    pub level: RuleLevel,
    /// What people call it.
    pub name: String,
    /// Why it is there.
    pub comment: String,
    /// Whether it is in force.
    pub enabled: bool,
    /// Which way the mail goes that it looks at.
    pub direction: RuleDirection,
    /// Whether `stop` in it also ends the list: no later rule of the level sees that message.
    pub stop: bool,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// What it is to people.
    pub purpose: RulePurpose,
    /// What it does, as it was written.
    pub content: RuleContent,
    /// What it does, as it is run; `None` if this version does not understand the text. Such a rule
    /// does nothing, and the mail that it would have seen is kept.
    pub script: Option<Arc<Script>>,
    octets: usize,
    /// The entry that made it.
    pub made_seq: u64,
    /// Who made it, and when.
    pub made: Authorship,
    /// The entry that holds its text.
    pub content_seq: u64,
    /// The last entry about it; `rule@revision` is what a message met.
    pub revision: u64,
    /// Who changed it last, and when.
    pub changed: Authorship,
}

/// What stays known of a rule that is gone.
#[derive(Clone, Debug)]
pub struct FormerRule {
    /// Its id.
    pub id: RuleId,
    /// Whose mail it was about.
    pub level: RuleLevel,
    /// What people called it.
    pub name: String,
    /// The entry that made it.
    pub made_seq: u64,
    /// Who made it, and when.
    pub made: Authorship,
    /// The entry that holds its last text.
    pub content_seq: u64,
    /// The entry that removed it, or that removed its account or domain.
    pub removed_seq: u64,
    /// Who removed it, and when.
    pub removed: Authorship,
}

/// Leave for mail to go to an address outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Its id.
    pub id: ExitId,
    /// The address.
    pub target: Address,
    /// Whose mail may go there: that of this level and of those below it.
    pub scope: RuleLevel,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// The entry that gave it.
    pub seq: u64,
}

/// The part of the configuration that this file is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    rules: IdMap<Arc<Rule>>,
    former: IdMap<Arc<FormerRule>>,
    /// The rules of each level in their order.
    lists: PerLevel<Vec<RuleId>>,
    exits: IdMap<Arc<Exit>>,
    octets: usize,
}

impl Rules {
    pub(super) fn create(&mut self, seq: u64, made: &Authorship, set: &RuleSet) {
        let rule = Rule {
            id: set.id,
            level: set.level,
            name: set.name.clone(),
            comment: set.comment.clone(),
            enabled: set.enabled,
            direction: set.direction,
            stop: set.stop,
            expires: set.expires,
            purpose: set.purpose,
            content: set.content.clone(),
            script: set.content.parsed(),
            octets: set.content.octets(),
            made_seq: seq,
            made: made.clone(),
            content_seq: seq,
            revision: seq,
            changed: made.clone(),
        };
        self.octets += rule.octets;
        let is_script = |id: &RuleId| {
            let rule = self.rules.get(id.0);
            rule.is_some_and(|rule| rule.purpose == RulePurpose::Script)
        };
        let list = self.lists.get_mut(rule.level);
        let scripts = list.iter().position(is_script);
        let last = scripts.filter(|_| rule.purpose != RulePurpose::Script);
        let named = |before| list.iter().position(|other| *other == before);
        let place = set.before.and_then(named).or(last);
        list.insert(place.unwrap_or(list.len()), rule.id);
        self.rules.insert(rule.id.0, Arc::new(rule));
    }

    /// The rule as it is from now on; where it stands and who made it stays.
    pub(super) fn change(&mut self, seq: u64, made: &Authorship, set: &RuleSet) -> Option<()> {
        let octets = set.content.octets();
        self.octets = self.octets - self.rules.get(set.id.0)?.octets + octets;
        let rule = self.touch(seq, made, set.id)?;
        rule.name.clone_from(&set.name);
        rule.comment.clone_from(&set.comment);
        rule.enabled = set.enabled;
        rule.direction = set.direction;
        rule.stop = set.stop;
        rule.expires = set.expires;
        rule.purpose = set.purpose;
        rule.content = set.content.clone();
        rule.script = set.content.parsed();
        rule.octets = octets;
        rule.content_seq = seq;
        Some(())
    }

    pub(super) fn switch(
        &mut self,
        seq: u64,
        made: &Authorship,
        id: RuleId,
        on: bool,
    ) -> Option<()> {
        self.touch(seq, made, id)?.enabled = on;
        Some(())
    }

    /// Puts a rule before another one of its level, or last.
    pub(super) fn reorder(
        &mut self,
        seq: u64,
        made: &Authorship,
        id: RuleId,
        before: Option<RuleId>,
    ) -> Option<()> {
        let level = self.touch(seq, made, id)?.level;
        let list = self.lists.get_mut(level);
        list.retain(|other| *other != id);
        let place = before.and_then(|before| list.iter().position(|other| *other == before));
        list.insert(place.unwrap_or(list.len()), id);
        Some(())
    }

    pub(super) fn remove(&mut self, seq: u64, made: &Authorship, id: RuleId) -> Option<()> {
        let rule = self.rules.remove(id.0)?;
        self.octets -= rule.octets;
        self.lists
            .get_mut(rule.level)
            .retain(|other| *other != rule.id);
        let former = FormerRule {
            id,
            level: rule.level,
            name: rule.name.clone(),
            made_seq: rule.made_seq,
            made: rule.made.clone(),
            content_seq: rule.content_seq,
            removed_seq: seq,
            removed: made.clone(),
        };
        self.former.insert(id.0, Arc::new(former));
        Some(())
    }

    /// An account or a domain goes, with its rules and what they were allowed.
    pub(super) fn forget_level(&mut self, seq: u64, made: &Authorship, level: RuleLevel) {
        let ids = self.lists.get(level).cloned().unwrap_or_default();
        for id in ids {
            self.remove(seq, made, id);
        }
        self.lists.forget(level);
        let of_it = self.exits.values().filter(|exit| exit.scope == level);
        let exits: Vec<_> = of_it.map(|exit| exit.id).collect();
        for id in exits {
            self.exits.remove(id.0);
        }
    }

    pub(super) fn exit_allow(&mut self, seq: u64, allow: &ExitAllow) {
        let same = |exit: &&Arc<Exit>| exit.target == allow.target && exit.scope == allow.scope;
        let older = self.exits.values().find(same).map(|exit| exit.id);
        if let Some(id) = older {
            self.exits.remove(id.0);
        }
        let exit = Exit {
            id: allow.id,
            target: allow.target.clone(),
            scope: allow.scope,
            from: allow.from,
            until: allow.until,
            seq,
        };
        self.exits.insert(allow.id.0, Arc::new(exit));
    }

    pub(super) fn exit_revoke(&mut self, id: ExitId) -> Option<()> {
        self.exits.remove(id.0).map(drop)
    }

    /// The rule, changed by this entry.
    fn touch(&mut self, seq: u64, made: &Authorship, id: RuleId) -> Option<&mut Rule> {
        let rule = self.rules.get_mut(id.0).map(Arc::make_mut)?;
        rule.revision = seq;
        rule.changed = made.clone();
        Some(rule)
    }
}

impl RuleContent {
    /// What it does; `None` if this version does not understand it.
    pub(crate) fn parsed(&self) -> Option<Arc<Script>> {
        match self {
            Self::Script(text) => sieve::parse(text).ok().map(Arc::new),
            Self::Form(form) => Some(Arc::new(form.to_script())),
        }
    }

    /// Octets that its entry holds; at most [`crate::CONTENT_MAX_OCTETS`].
    pub fn octets(&self) -> usize {
        serde_json::to_string(self).map_or(usize::MAX, |written| written.len())
    }
}

impl Rule {
    /// Octets that the entry of its text needs for it.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// The rule as a change would make it.
    pub fn as_set(&self) -> RuleSet {
        RuleSet {
            id: self.id,
            level: self.level,
            name: self.name.clone(),
            comment: self.comment.clone(),
            enabled: self.enabled,
            direction: self.direction,
            stop: self.stop,
            expires: self.expires,
            purpose: self.purpose,
            content: self.content.clone(),
            before: None,
        }
    }
}

impl Config {
    /// One rule.
    pub fn rule(&self, id: RuleId) -> Option<&Arc<Rule>> {
        self.rules.rules.get(id.0)
    }

    /// All rules in the order in which they were made.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.rules.values()
    }

    /// How many rules there are.
    pub fn rules_len(&self) -> usize {
        self.rules.rules.len()
    }

    /// Octets of the texts of all rules together.
    pub fn rules_octets(&self) -> usize {
        self.rules.octets
    }

    /// The rules of a level in the order in which they run, also those that are paused.
    pub fn rules_of(&self, level: RuleLevel) -> impl DoubleEndedIterator<Item = &Arc<Rule>> {
        let list = self.rules.lists.get(level).into_iter().flatten();
        list.filter_map(|id| self.rule(*id))
    }

    /// The rules of a level that are in force for mail that goes this way, in their order.
    pub fn active_rules(
        &self,
        level: RuleLevel,
        direction: RuleDirection,
    ) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules_of(level)
            .filter(move |rule| rule.enabled && rule.direction == direction)
    }

    /// Whether there is anything that looks at mail: rules, or lists of senders.
    pub fn looks_at_mail(&self) -> bool {
        self.rules().next().is_some() || !self.senders.is_empty()
    }

    /// The levels whose incoming rules see mail for an account, in the order in which they run.
    pub fn levels_of(&self, id: AccountId) -> Vec<RuleLevel> {
        let domain = self.account(id).map(|account| account.domain);
        let mut levels = vec![RuleLevel::Server];
        levels.extend(domain.map(RuleLevel::Domain));
        levels.push(RuleLevel::Account(id));
        levels
    }

    /// The script that a rule of this level includes by a name (RFC 6609 §3.2), whether or not it is
    /// in force by itself.
    pub fn script_named(&self, level: RuleLevel, name: &str) -> Option<&Arc<Rule>> {
        self.rules_of(level)
            .find(|rule| rule.name == name && matches!(rule.content, RuleContent::Script(_)))
    }

    /// What stays known of a rule that is gone.
    pub fn former_rule(&self, id: RuleId) -> Option<&FormerRule> {
        self.rules.former.get(id.0).map(AsRef::as_ref)
    }

    /// All rules that are gone, in the order in which they were made.
    pub fn former_rules(&self) -> impl Iterator<Item = &FormerRule> {
        self.rules.former.values().map(AsRef::as_ref)
    }

    /// One leave to send outside.
    pub fn exit(&self, id: ExitId) -> Option<&Exit> {
        self.rules.exits.get(id.0).map(AsRef::as_ref)
    }

    /// All leaves to send outside, in the order in which they were given; also those that are over.
    pub fn exits(&self) -> impl Iterator<Item = &Exit> {
        self.rules.exits.values().map(AsRef::as_ref)
    }

    /// The leave by which rules of a level may send to an address now.
    pub fn exit_for(&self, level: RuleLevel, target: &Address, now: Timestamp) -> Option<&Exit> {
        let holds = |exit: &&Exit| {
            exit.target == *target
                && exit.from <= now
                && now < exit.until
                && self.is_within(level, exit.scope)
        };
        self.exits().find(holds)
    }

    /// Whether mail may go to addresses outside that nobody has allowed; whoever changes a rule is
    /// told, and so is everybody who looks at it.
    pub fn lets_unapproved_out(&self) -> bool {
        let preset = self.genesis().map(|genesis| genesis.preset);
        preset == Some(Preset::Relaxed)
    }

    /// Whether a level is the other one or lies below it.
    pub fn is_within(&self, level: RuleLevel, scope: RuleLevel) -> bool {
        match (level, scope) {
            (_, RuleLevel::Server) => true,
            (RuleLevel::Account(id), RuleLevel::Domain(domain)) => self
                .account(id)
                .is_some_and(|account| account.domain == domain),
            (level, scope) => level == scope,
        }
    }

    /// The id that the next rule gets.
    pub fn next_rule_id(&self) -> RuleId {
        RuleId(self.next.rule)
    }

    /// The id that the next leave to send outside gets.
    pub fn next_exit_id(&self) -> ExitId {
        ExitId(self.next.exit)
    }

    /// The rule that stands behind this one in its list.
    pub(crate) fn rule_behind(&self, rule: &Rule) -> Option<RuleId> {
        let mut list = self.rules.lists.get(rule.level).into_iter().flatten();
        list.find(|id| **id == rule.id)?;
        list.next().copied()
    }

    /// What an `exit.allow` would have to say to bring this leave back.
    pub(crate) fn exit_as_change(&self, id: ExitId) -> Option<Change> {
        let exit = self.exit(id)?;
        Some(Change::ExitAllow(ExitAllow {
            id,
            target: exit.target.clone(),
            scope: exit.scope,
            from: exit.from,
            until: exit.until,
        }))
    }

    /// Whether there is such a level.
    pub(super) fn level_present(&self, level: RuleLevel) -> Result<(), FoldError> {
        let present = match level {
            RuleLevel::Server => true,
            RuleLevel::Domain(id) => self.domain_by_id(id).is_some(),
            RuleLevel::Account(id) => self.account(id).is_some(),
        };
        present
            .then_some(())
            .ok_or_else(|| FoldError::Missing(level.to_string()))
    }
}
