//! What rules do to mail that they did not do before: the effects, class and detections of every
//! change that makes something of them reachable.

use std::collections::BTreeSet;

use ledger::ActorKind;
use sieve::effect::{EffectKind, When};
use types::{RuleId, Timestamp};

use super::mail::{beyond, first};
use super::reach::{self, Reached};
use super::risk::{self, Trait};
use super::{Case, Class, Findings, exit};
use crate::change::{
    Change, RuleDirection, RuleLevel, RulePurpose, Sender, SenderList, SendersChange,
};
use crate::config::Rule;
use crate::effect::{EFFECT_LIST_MAX, Effect, Hidden, Matched, Refused, Whose};

/// Characters of a text that an effect repeats.
const TEXT_MAX_CHARS: usize = 200;
/// Within this time deletion and a way outside are one pattern.
const PATTERN_S: i64 = 24 * 3_600;

/// Header fields whose change deceives: from whom mail is, what it is about, what was found of it.
const SENSITIVE_FIELDS: [&str; 12] = [
    "from",
    "reply-to",
    "sender",
    "subject",
    "date",
    "to",
    "cc",
    "authentication-results",
    "dkim-signature",
    "received-spf",
    "message-id",
    "return-path",
];
/// Beginnings of the names of such fields.
const SENSITIVE_BEGINNINGS: [&str; 2] = ["x-spam", "arc-"];
/// Those that say from whom mail is.
const SENDER_FIELDS: [&str; 3] = ["from", "reply-to", "sender"];

pub(super) fn compare(case: &Case<'_>, findings: &mut Findings) {
    let mut found = Vec::new();
    for level in levels(case) {
        for direction in [RuleDirection::In, RuleDirection::Out] {
            let before = reach::reached(case.before, level, direction, case.made.at);
            let after = reach::reached(case.after, level, direction, case.made.at);
            for reached in after {
                if !reached.was_in(&before) {
                    let known = findings.effects.len();
                    Place::of(case, level, direction).judge(&reached, findings);
                    if is_another_rule(case.change, reached.rule) {
                        let new = known..findings.effects.len();
                        findings
                            .behind
                            .extend(new.map(|place| (place, reached.rule)));
                    }
                    found.push(reached);
                }
            }
        }
    }
    detect_pattern(case, &found, findings);
    if found
        .iter()
        .any(|reached| hides_from_later(case, reached, &found))
    {
        findings.mark(Trait::Stops);
    }
    if matches!(case.change, Change::RuleCreate(_) | Change::RuleChange(_)) {
        judge_name(case, findings);
    }
    match case.change {
        Change::ExitAllow(allow) => {
            let effect = Effect::AllowsExit {
                whose: Place::of(case, allow.scope, RuleDirection::In).whose(),
                target: allow.target.clone(),
                until: allow.until.to_rfc3339(),
            };
            findings.add(effect, Class::C2);
            exit::detect(case, std::slice::from_ref(&allow.target), findings);
        }
        Change::SendersChange(change) => compare_senders(case, change, findings),
        _ => {}
    }
    if is_about_rules(case.change) && findings.score() >= risk::HOLD_SCORE {
        findings.detect("R2");
        findings.at_least(Class::C2);
    }
}

/// Whether a change of one rule is what makes this other one reachable.
fn is_another_rule(change: &Change, rule: RuleId) -> bool {
    let (kind, id) = change.object();
    kind == "rule" && id != rule.to_string()
}

fn is_about_rules(change: &Change) -> bool {
    let kind = change.object().0;
    kind == "rule" || kind == "exit"
}

/// The levels whose rules may do more than before.
fn levels(case: &Case<'_>) -> BTreeSet<RuleLevel> {
    let with_rules = || {
        let mut levels = reach::levels(case.before);
        levels.extend(reach::levels(case.after));
        levels
    };
    let within = |scope| {
        let mut levels = with_rules();
        levels.retain(|level| {
            case.before.is_within(*level, scope) || case.after.is_within(*level, scope)
        });
        levels
    };
    match case.change {
        Change::ExitAllow(_) => {
            let scope = case.change.level(case.after);
            scope.map(within).unwrap_or_default()
        }
        Change::AccountEnable(c) => BTreeSet::from([RuleLevel::Account(c.id)]),
        Change::DomainEnable(c) => within(RuleLevel::Domain(c.id)),
        // A target inside may lie outside from now on.
        Change::DomainRemove(_) | Change::DomainAliasRemove(_) => with_rules(),
        Change::RuleCreate(_)
        | Change::RuleChange(_)
        | Change::RuleRemove(_)
        | Change::RulePause(_)
        | Change::RuleResume(_)
        | Change::RuleMove(_)
        | Change::RuleExpire(_) => {
            let config = if matches!(case.change, Change::RuleCreate(_)) {
                case.after
            } else {
                case.before
            };
            let Some(level) = case.change.level(config) else {
                return BTreeSet::new();
            };
            let opens = [RuleDirection::In, RuleDirection::Out].iter().any(|way| {
                reach::always_ends(case.before, level, *way)
                    && !reach::always_ends(case.after, level, *way)
            });
            if opens {
                within(level)
            } else {
                BTreeSet::from([level])
            }
        }
        _ => BTreeSet::new(),
    }
}

/// Where a rule stands, and whose mail it is about.
struct Place<'a> {
    case: &'a Case<'a>,
    level: RuleLevel,
    direction: RuleDirection,
}

impl<'a> Place<'a> {
    fn of(case: &'a Case<'a>, level: RuleLevel, direction: RuleDirection) -> Self {
        Self {
            case,
            level,
            direction,
        }
    }

    /// Whether the actor makes a rule for nobody but itself.
    fn is_own(&self) -> bool {
        matches!(self.level, RuleLevel::Account(id) if Some(id) == self.case.actor)
    }

    /// Whether the rule is about the mail of many.
    fn is_wide(&self) -> bool {
        !matches!(self.level, RuleLevel::Account(_))
    }

    /// The class of an act: of an account on its own mail, of others on one account, on many.
    fn class(&self, own: Class, others: Class, wide: Class) -> Class {
        match (self.is_wide(), self.is_own()) {
            (true, _) => wide,
            (false, true) => own,
            (false, false) => others,
        }
    }

    fn whose(&self) -> Whose {
        let out = self.direction == RuleDirection::Out;
        match self.level {
            RuleLevel::Server if out => Whose::SentByEveryone,
            RuleLevel::Server => Whose::Everyone,
            RuleLevel::Account(id) => Whose::Account(id),
            RuleLevel::Domain(id) => match self.case.after.domain_by_id(id) {
                Some(domain) if out => Whose::SentFrom(domain.name.clone()),
                Some(domain) => Whose::Domain(domain.name.clone()),
                None => Whose::Everyone,
            },
        }
    }

    fn mailboxes(&self) -> u64 {
        let config = self.case.after;
        let count = match self.level {
            RuleLevel::Server => config.accounts_len(),
            RuleLevel::Domain(id) => config
                .domain_by_id(id)
                .map_or(0, crate::HostedDomain::accounts_len),
            RuleLevel::Account(_) => 1,
        };
        u64::try_from(count).unwrap_or(u64::MAX)
    }

    fn matched(&self, when: &When) -> Matched {
        Matched {
            mailboxes: self.mailboxes(),
            when: when.words().map(str::to_owned),
        }
    }

    fn rule(&self, id: RuleId) -> Option<&'a Rule> {
        self.case.after.rule(id).map(AsRef::as_ref)
    }

    /// What one thing that can be reached now is, and how grave.
    fn judge(&self, reached: &Reached, findings: &mut Findings) {
        let (whose, of) = (self.whose(), self.matched(&reached.when));
        match &reached.kind {
            EffectKind::Discards => self.discards(reached, findings),
            EffectKind::Rejects => {
                let class = self.class(Class::C0, Class::C2, Class::C2);
                findings.add(Effect::Rejects { whose, of }, class);
                if self.is_wide() {
                    findings.detect("R7");
                }
            }
            EffectKind::Redirects { keeps_copy, .. } => {
                self.redirects(reached, *keeps_copy, findings);
            }
            EffectKind::Files {
                mailbox,
                special_use,
                keeps_copy,
            } => {
                let folder = special_use.as_deref().or(mailbox.as_deref());
                let looked_at = [mailbox.as_deref(), special_use.as_deref()];
                if looked_at.into_iter().flatten().any(risk::hides) {
                    findings.mark(Trait::HidingFolder);
                }
                self.files(reached, folder, *keeps_copy, findings);
            }
            EffectKind::Flags(flags) => self.flags(reached, flags.as_deref(), findings),
            EffectKind::Alters { header } => {
                let name = header.as_deref().unwrap_or("from").to_lowercase();
                let grave = SENSITIVE_FIELDS.contains(&name.as_str())
                    || SENSITIVE_BEGINNINGS
                        .iter()
                        .any(|start| name.starts_with(start));
                if SENDER_FIELDS.contains(&name.as_str()) {
                    findings.mark(Trait::Impersonates);
                }
                let wide = if grave { Class::C2 } else { Class::C1 };
                let class = self.class(Class::C0, Class::C1, wide);
                let header = header.clone();
                findings.add(Effect::Alters { whose, of, header }, class);
            }
            EffectKind::Replies { from, text } => {
                self.replies(reached, from.as_deref(), text.as_deref(), findings);
            }
            EffectKind::Notifies { method } => self.notifies(reached, method, findings),
            // What files the rule's own words hides no mail.
            EffectKind::FilesAnswer { .. } | EffectKind::Stops => return,
        }
        let harmless = self.is_vacation(reached.rule)
            || matches!(
                &reached.kind,
                EffectKind::Files {
                    keeps_copy: true,
                    ..
                }
            );
        if reached.when.counts_as_always() && !harmless {
            findings.mark(Trait::Unconditional);
        }
    }

    /// The setting answers everyone: that is what it is for.
    fn is_vacation(&self, rule: RuleId) -> bool {
        let rule = self.rule(rule);
        rule.is_some_and(|rule| rule.purpose == RulePurpose::Vacation)
    }

    /// Whether its name or a condition has a word that thieves look for.
    fn has_keyword(&self, reached: &Reached) -> bool {
        let rule = self.rule(reached.rule);
        rule.is_some_and(|rule| risk::has_keyword(&rule.name)) || reached.asks_for_keyword()
    }

    fn discards(&self, reached: &Reached, findings: &mut Findings) {
        let effect = Effect::Destroys {
            whose: self.whose(),
            recoverable: true,
            of: Some(self.matched(&reached.when)),
        };
        findings.add(effect, self.class(Class::C0, Class::C2, Class::C2));
        findings.mark(Trait::Destroys);
        if reached.when.counts_as_always() {
            findings.detect("R3");
            findings.at_least(Class::C2);
        }
        self.loses(reached, findings);
    }

    /// What is detected where mail is deleted or moved away.
    fn loses(&self, reached: &Reached, findings: &mut Findings) {
        if self.has_keyword(reached) {
            findings.mark(Trait::Keyword);
            findings.detect("R6");
            findings.at_least(Class::C2);
        }
        if self.is_wide() && reached.kind == EffectKind::Discards {
            findings.detect("R7");
        }
    }

    fn redirects(&self, reached: &Reached, keeps_copy: bool, findings: &mut Findings) {
        let route = &reached.route;
        let when = reached.when.words().map(str::to_owned);
        if self.is_wide() {
            findings.detect("R7");
        }
        if !keeps_copy {
            findings.mark(Trait::KeepsNoCopy);
        }
        if self.has_keyword(reached) {
            findings.mark(Trait::Keyword);
        }
        if !route.inside.is_empty() {
            let to: Vec<_> = route.inside.iter().copied().collect();
            let effect = Effect::DeliversElsewhere {
                whose: self.whose(),
                more: beyond(to.len()),
                to: first(to),
                no_longer: Vec::new(),
                when: when.clone(),
                keeps_copy: Some(keeps_copy),
            };
            findings.add(effect, self.class(Class::C1, Class::C2, Class::C2));
        }
        if !route.leaves() {
            return;
        }
        let effect = Effect::LeavesOrganisation {
            whose: self.whose(),
            more: beyond(route.outside.len()),
            targets: first(route.outside.clone()),
            keeps_copy,
            mailboxes: if keeps_copy { self.mailboxes() } else { 0 },
            when,
            approved: Some(route.is_approved()),
        };
        findings.add(effect, self.leaving_class(reached));
        self.leaves(reached, findings);
    }

    /// An own way out to an address that was allowed is ordinary, every other one is grave.
    fn leaving_class(&self, reached: &Reached) -> Class {
        if reached.route.is_approved() {
            self.class(Class::C1, Class::C2, Class::C2)
        } else {
            Class::C2
        }
    }

    /// What is detected where something goes outside.
    fn leaves(&self, reached: &Reached, findings: &mut Findings) {
        if !reached.route.is_approved() {
            findings.mark(Trait::Outside);
            let unapproved = reached.route.unapproved.iter().cloned();
            findings.unapproved.extend(unapproved);
        }
        let own = self.is_own() && reached.route.is_approved();
        exit::detect(self.case, &reached.route.outside, findings);
        if !own || findings.has("R9") {
            findings.at_least(Class::C2);
        }
    }

    fn files(
        &self,
        reached: &Reached,
        folder: Option<&str>,
        keeps_copy: bool,
        findings: &mut Findings,
    ) {
        if folder.is_none() {
            findings.mark(Trait::ComputedFolder);
        }
        let wide = if keeps_copy { Class::C1 } else { Class::C2 };
        let effect = Effect::Moves {
            whose: self.whose(),
            of: self.matched(&reached.when),
            folder: folder.map(cut),
            keeps_copy,
        };
        findings.add(effect, self.class(Class::C0, Class::C1, wide));
        if !keeps_copy {
            self.loses(reached, findings);
        }
    }

    fn flags(&self, reached: &Reached, flags: Option<&str>, findings: &mut Findings) {
        let has = |name: &str| {
            let flags = flags.unwrap_or_default();
            flags
                .split_whitespace()
                .any(|flag| flag.eq_ignore_ascii_case(name))
        };
        let how = if flags.is_none() {
            Hidden::AnyFlag
        } else if has("\\Deleted") {
            Hidden::MarkedDeleted
        } else if has("\\Seen") {
            Hidden::MarkedRead
        } else {
            return;
        };
        let wide = match how {
            Hidden::MarkedRead => Class::C1,
            Hidden::MarkedDeleted | Hidden::AnyFlag => Class::C2,
        };
        let effect = Effect::Hides {
            whose: self.whose(),
            of: self.matched(&reached.when),
            how,
        };
        findings.add(effect, self.class(Class::C0, Class::C1, wide));
        findings.mark(Trait::MarksRead);
    }

    fn replies(
        &self,
        reached: &Reached,
        from: Option<&str>,
        text: Option<&str>,
        findings: &mut Findings,
    ) {
        let effect = Effect::Replies {
            whose: self.whose(),
            of: self.matched(&reached.when),
            from: from.map(cut),
            text: text.map(cut),
        };
        findings.add(effect, self.class(Class::C1, Class::C2, Class::C2));
        if reached.when.counts_as_always() && !self.is_vacation(reached.rule) {
            findings.mark(Trait::Impersonates);
        }
    }

    fn notifies(&self, reached: &Reached, method: &str, findings: &mut Findings) {
        let outside = reached.route.leaves();
        let effect = Effect::Notifies {
            whose: self.whose(),
            of: self.matched(&reached.when),
            target: cut(method),
            outside,
            approved: reached.route.is_approved(),
        };
        if outside {
            findings.add(effect, self.leaving_class(reached));
            self.leaves(reached, findings);
        } else {
            findings.add(effect, self.class(Class::C0, Class::C1, Class::C1));
        }
    }
}

/// Whether later rules do not see mail that is still there.
fn hides_from_later(case: &Case<'_>, reached: &Reached, found: &[Reached]) -> bool {
    let ends_list = case.after.rule(reached.rule).is_some_and(|rule| rule.stop);
    let gone = |other: &Reached| {
        let goes = matches!(other.kind, EffectKind::Discards | EffectKind::Rejects);
        goes && other.rule == reached.rule && other.when == reached.when
    };
    reached.kind == EffectKind::Stops && ends_list && !found.iter().any(gone)
}

/// A name that hides a rule.
fn judge_name(case: &Case<'_>, findings: &mut Findings) {
    let (Change::RuleCreate(set) | Change::RuleChange(set)) = case.change else {
        return;
    };
    let was = case.before.rule(set.id);
    if was.is_none_or(|was| was.name != set.name) {
        if risk::is_odd_name(&set.name) {
            findings.mark(Trait::OddName);
        }
        if risk::is_intruders_name(&set.name) {
            findings.detect("R4");
        }
    }
}

/// Deletion and a way outside, by one actor or in one level, within a day: each is made to look
/// harmless without the other.
fn detect_pattern(case: &Case<'_>, found: &[Reached], findings: &mut Findings) {
    let deletes = |reached: &Reached| reached.kind == EffectKind::Discards;
    let sends = |reached: &Reached| reached.route.leaves();
    let has = |test: &dyn Fn(&Reached) -> bool| found.iter().any(test);
    let (deletes, sends) = (has(&deletes), has(&sends));
    if !deletes && !sends {
        return;
    }
    let changed: BTreeSet<_> = found.iter().map(|reached| reached.rule).collect();
    let levels: BTreeSet<_> = (changed.iter())
        .filter_map(|id| case.after.rule(*id))
        .map(|rule| rule.level)
        .collect();
    let completes = |rule: &Rule| {
        let (other_deletes, other_sends) = reach::deletes_and_sends(case.after, rule, case.made.at);
        deletes && other_sends || sends && other_deletes
    };
    let near = |rule: &Rule| {
        is_near(rule.changed.at, case.made.at)
            && (levels.contains(&rule.level) || is_same_actor(case, rule))
    };
    let mut others = case
        .after
        .rules()
        .filter(|rule| !changed.contains(&rule.id));
    if deletes && sends || others.any(|rule| near(rule) && completes(rule)) {
        findings.detect("R5");
        findings.at_least(Class::C2);
    }
}

fn is_near(a: Timestamp, b: Timestamp) -> bool {
    (a.seconds() - b.seconds()).abs() <= PATTERN_S
}

/// The server itself is everybody's hand.
fn is_same_actor(case: &Case<'_>, rule: &Rule) -> bool {
    rule.changed.by == case.made.by && case.made.by.kind != ActorKind::System
}

fn compare_senders(case: &Case<'_>, change: &SendersChange, findings: &mut Findings) {
    if change.add.is_empty() {
        return;
    }
    let place = Place::of(case, RuleLevel::from(change.id), RuleDirection::In);
    let whose = place.whose();
    let senders: Vec<Sender> = change.add.iter().take(EFFECT_LIST_MAX).cloned().collect();
    let more = beyond(change.add.len());
    match change.list {
        SenderList::Trusted => {
            let effect = Effect::Trusts {
                whose,
                senders,
                more,
            };
            findings.add(effect, place.class(Class::C0, Class::C1, Class::C1));
        }
        SenderList::Blocked => {
            let what = Refused::Senders {
                whose,
                senders,
                more,
            };
            let class = place.class(Class::C0, Class::C2, Class::C2);
            findings.add(Effect::Refuses { what }, class);
        }
    }
}

/// Enough of a text to know it again.
fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(TEXT_MAX_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
