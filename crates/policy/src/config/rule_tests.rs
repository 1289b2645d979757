//! Rules, exits and senders: what folds, and what is refused.

use sieve::form::{FormAction, FormRule};
use types::{AccountId, Address, DomainId, ExitId, RuleId, Timestamp};

use super::Config;
use crate::change::{
    Change, ExitRevoke, RuleContent, RuleDirection, RuleLevel, RuleMove, RulePurpose, RuleRef,
    RuleSet, SenderList, SendersChange, SendersOf,
};
use crate::check::{RULE_COMMENT_MAX_CHARS, RULE_NAME_MAX_CHARS, RULES_PER_LEVEL_MAX, SENDERS_MAX};
use crate::sample::{Sample, made, remove};

const ORG: RuleLevel = RuleLevel::Domain(DomainId(1));
const ANN: RuleLevel = RuleLevel::Account(AccountId(2));

/// Ann in `example.org`.
fn sample() -> Sample {
    let mut sample = Sample::new();
    sample.owner("ann@example.org");
    sample
}

fn names(config: &Config, level: RuleLevel) -> String {
    let names: Vec<_> = config.rules_of(level).map(|rule| &*rule.name).collect();
    names.join(" ")
}

fn one(id: RuleId) -> RuleRef {
    RuleRef { id }
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn senders(add: &[&str], remove: &[&str]) -> SendersChange {
    let list = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    SendersChange {
        id: SendersOf::Account(AccountId(2)),
        list: SenderList::Trusted,
        add: list(add),
        remove: list(remove),
    }
}

#[test]
fn rules_keep_their_order_and_what_was_known_of_them() {
    let mut sample = sample();
    let [a, b, c] = ["a", "b", "c"].map(|name| sample.rule(ORG, name, "keep;"));
    sample.rule(ANN, "own", "keep;");
    let made_seq = sample.config.rule(a).unwrap().made_seq;
    let place = |id, before| Change::RuleMove(RuleMove { id, before });
    for (change, order) in [
        (place(c, Some(a)), "c a b"),
        (place(c, None), "a b c"),
        (place(a, Some(c)), "b a c"),
        (Change::RuleRemove(one(a)), "b c"),
    ] {
        sample.make(change);
        assert_eq!(names(&sample.config, ORG), order);
    }
    assert_eq!(names(&sample.config, ANN), "own");
    let former = sample.config.former_rule(a).unwrap();
    assert_eq!((&*former.name, former.level), ("a", ORG));
    assert_eq!((former.made_seq, &former.removed), (made_seq, &made()));
    assert_eq!(former.removed_seq, sample.config.size() - 1);
    assert!(sample.config.rule(a).is_none() && sample.config.former_rule(b).is_none());
    sample.make(Change::RulePause(one(b)));
    let active = sample.config.active_rules(ORG, RuleDirection::In);
    assert_eq!(active.map(|rule| rule.id).collect::<Vec<_>>(), [c]);
    let paused = sample.config.rule(b).unwrap();
    assert_eq!(paused.revision, sample.config.size() - 1);
    assert!(
        paused.content_seq < paused.revision,
        "its text is where it was"
    );
}

#[test]
fn scripts_of_mail_programs_stay_behind_other_rules() {
    let mut sample = sample();
    let mut script = sample.new_rule(ANN, "program", "keep;");
    script.purpose = RulePurpose::Script;
    sample.make(Change::RuleCreate(script));
    sample.rule(ANN, "a", "keep;");
    sample.rule(ANN, "b", "keep;");
    assert_eq!(names(&sample.config, ANN), "a b program");
}

#[test]
fn a_form_is_recorded_settled_and_says_itself_whether_it_ends_the_list() {
    let mut sample = sample();
    let mut set = sample.new_rule(ANN, "form", "");
    let actions = vec![FormAction::Delete {}, FormAction::MarkRead {}];
    set.content = RuleContent::Form(FormRule {
        actions,
        ..FormRule::default()
    });
    let id = set.id;
    sample.make(Change::RuleCreate(set));
    let rule = sample.config.rule(id).unwrap();
    let RuleContent::Form(form) = &rule.content else {
        panic!("a form stays a form");
    };
    assert_eq!(
        form.actions,
        [FormAction::MarkRead {}, FormAction::Delete {}]
    );
    assert!(rule.stop && form.stop);
    assert_eq!(rule.script.as_deref(), Some(&form.to_script()));
    let mut empty = sample.new_rule(ANN, "empty", "");
    empty.content = RuleContent::Form(FormRule::default());
    let refusal = sample.refusal(Change::RuleCreate(empty)).to_string();
    assert!(refusal.contains("the rule does nothing"), "{refusal}");
}

#[test]
fn an_account_takes_its_rules_exits_and_senders_with_it() {
    let mut sample = sample();
    let id = sample.rule(ANN, "own", "keep;");
    sample.make(Change::ExitAllow(sample.new_exit("x@example.net", ANN)));
    sample.make(Change::ExitAllow(sample.new_exit("x@example.net", ORG)));
    sample.make(Change::SendersChange(senders(&["example.net"], &[])));
    sample.make(remove(AccountId(2)));
    let config = &sample.config;
    assert_eq!((config.rules().count(), config.rules_octets()), (0, 0));
    assert_eq!(
        config.exits().map(|exit| exit.id).collect::<Vec<_>>(),
        [ExitId(2)]
    );
    assert_eq!(config.senders(SendersOf::Account(AccountId(2))), None);
    assert_eq!(
        config.former_rule(id).unwrap().removed_seq,
        config.size() - 1
    );
}

#[test]
fn a_changed_rule_names_the_entry_of_its_former_text() {
    let mut sample = sample();
    let id = sample.rule(ANN, "own", "keep;");
    let (seq, mut set) = {
        let rule = sample.config.rule(id).unwrap();
        (rule.content_seq, rule.as_set())
    };
    set.content = RuleContent::Script("stop;".to_owned());
    let before = Change::RuleChange(set.clone())
        .payload(&sample.config)
        .before
        .unwrap();
    assert_eq!(before["content"]["entry"], seq.to_string());
    assert_eq!(before["name"], "own");
    sample.make(Change::RuleChange(set));
    let rule = sample.config.rule(id).unwrap();
    assert_eq!(
        (rule.content_seq, rule.made_seq),
        (sample.config.size() - 1, seq)
    );
    let before = Change::RuleRemove(one(id))
        .payload(&sample.config)
        .before
        .unwrap();
    assert_eq!(before["content"]["entry"], rule.content_seq.to_string());
}

#[test]
fn an_exit_counts_for_its_address_its_level_and_its_time() {
    let mut sample = sample();
    sample.domain("example.com");
    let bob = RuleLevel::Account(sample.owner("bob@example.com"));
    let allow = sample.new_exit("drop@example.net", ORG);
    let (from, until) = (allow.from, allow.until);
    sample.make(Change::ExitAllow(allow));
    for (level, target, now, allowed) in [
        (ORG, "drop@example.net", from, true),
        (ANN, "drop@example.net", Timestamp(until.0 - 1), true),
        (ANN, "Drop@example.net", from, false),
        (ANN, "drop@sub.example.net", from, false),
        (ANN, "drop@example.net", until, false),
        (ANN, "drop@example.net", Timestamp(from.0 - 1), false),
        (RuleLevel::Server, "drop@example.net", from, false),
        (bob, "drop@example.net", from, false),
    ] {
        let found = sample.config.exit_for(level, &address(target), now);
        assert_eq!(found.is_some(), allowed, "{level} {target} {now}");
    }
    // A longer one takes its place; the same again does nothing.
    let mut again = sample.new_exit("drop@example.net", ORG);
    let refusal = sample.refusal(Change::ExitAllow(again.clone())).to_string();
    assert!(refusal.contains("nothing would change"), "{refusal}");
    (again.from, again.until) = (again.from.plus_s(60), again.until.plus_s(60));
    sample.make(Change::ExitAllow(again));
    assert_eq!(sample.config.exits().count(), 1);
    sample.make(Change::ExitRevoke(ExitRevoke { id: ExitId(2) }));
    let left = sample
        .config
        .exit_for(ANN, &address("drop@example.net"), from.plus_s(60));
    assert_eq!(left, None);
}

#[test]
fn what_an_account_says_of_a_sender_counts_more_than_what_its_domain_says() {
    let mut sample = sample();
    let mut blocked = senders(&["example.net", "spam@example.info"], &[]);
    (blocked.id, blocked.list) = (SendersOf::Domain(DomainId(1)), SenderList::Blocked);
    sample.make(Change::SendersChange(blocked));
    let trusted = senders(&["Good@example.net", "example.info"], &[]);
    sample.make(Change::SendersChange(trusted));
    for (sender, standing) in [
        ("good@example.net", Some(SenderList::Trusted)),
        ("other@example.net", Some(SenderList::Blocked)),
        ("x@sub.example.net", None),
        ("spam@example.info", Some(SenderList::Trusted)),
    ] {
        let found = sample
            .config
            .sender_standing(AccountId(2), &address(sender));
        assert_eq!(found, standing, "{sender}");
    }
    let root = sample
        .config
        .sender_standing(AccountId(1), &address("good@example.net"));
    assert_eq!(root, Some(SenderList::Blocked));
    // What stands already does not come again, and what does not stand does not go.
    let change = Change::SendersChange(senders(&["example.info", "x@example.com"], &["y.test"]));
    let Ok(Change::SendersChange(normal)) = change.normalised(&sample.config) else {
        panic!("senders.change stays what it is");
    };
    assert_eq!(normal, senders(&["x@example.com"], &[]));
}

#[test]
fn an_include_means_a_script_of_its_own_level() {
    let mut sample = sample();
    let own = sample.rule(ANN, "lists", "keep;");
    sample.rule(ORG, "lists", "keep;");
    sample.make(Change::RulePause(one(own)));
    let found = |level, name| sample.config.script_named(level, name).map(|rule| rule.id);
    assert_eq!(found(ANN, "lists"), Some(own));
    assert_eq!(found(ANN, "Lists"), None);
    assert_eq!(found(RuleLevel::Server, "lists"), None);
}

// long: one table
/// Rules that Ann cannot have, by what is changed in one that she could.
fn bad_rules(sample: &Sample) -> Vec<(Change, &'static str)> {
    let new = |change: &dyn Fn(&mut RuleSet)| {
        let mut set = sample.new_rule(ANN, "new", "keep;");
        change(&mut set);
        Change::RuleCreate(set)
    };
    let script = |text: &str| {
        let text = text.to_owned();
        new(&|set| set.content = RuleContent::Script(text.clone()))
    };
    vec![
        (
            new(&|set| set.id = RuleId(1)),
            "r_1 is not the next free id",
        ),
        (
            new(&|set| set.level = RuleLevel::Domain(DomainId(9))),
            "there is no domain d_9",
        ),
        (new(&|set| set.name.clear()), "1 to 128 characters"),
        (new(&|set| set.name = " x".to_owned()), "no spaces around"),
        (new(&|set| set.name = "x\r\ny".to_owned()), "no line ends"),
        (
            new(&|set| set.name = "x".repeat(RULE_NAME_MAX_CHARS + 1)),
            "1 to 128",
        ),
        (
            new(&|set| set.comment = "x".repeat(RULE_COMMENT_MAX_CHARS + 1)),
            "at most 500",
        ),
        (
            new(&|set| set.comment = "\0".to_owned()),
            "no control characters",
        ),
        (
            new(&|set| set.name = "first".to_owned()),
            "the script r_1 is called \"first\"",
        ),
        (
            new(&|set| set.purpose = RulePurpose::Forward),
            "r_3 is the forward of this account",
        ),
        (
            new(&|set| set.purpose = RulePurpose::Script),
            "the script r_4 is active",
        ),
        (
            new(&|set| set.direction = RuleDirection::Out),
            "outgoing mail passes the rules of",
        ),
        (
            new(&|set| (set.level, set.purpose) = (ORG, RulePurpose::Vacation)),
            "only accounts have forwards",
        ),
        (
            script("fileinto"),
            "the script has a mistake, so nothing was changed:\n",
        ),
        (
            script(&"# \\\\\\\\\\\\\\\\\\\\\n".repeat(3_000)),
            "does not fit into one entry",
        ),
    ]
}

#[test]
fn rules_are_refused_with_what_to_do() {
    let mut sample = sample();
    let first = sample.rule(ANN, "first", "keep;");
    let far = sample.rule(ORG, "far", "keep;");
    for purpose in [RulePurpose::Forward, RulePurpose::Script] {
        let mut set = sample.new_rule(ANN, &format!("{purpose:?}"), "keep;");
        set.purpose = purpose;
        sample.make(Change::RuleCreate(set));
    }
    let same = sample.config.rule(first).unwrap().as_set();
    let mut elsewhere = same.clone();
    elsewhere.level = ORG;
    let place = |id, before| Change::RuleMove(RuleMove { id, before });
    let mut table = bad_rules(&sample);
    table.extend([
        (Change::RuleChange(same), "nothing would change"),
        (
            Change::RuleChange(elsewhere),
            "a rule stays where it was made",
        ),
        (Change::RuleResume(one(first)), "nothing would change"),
        (
            Change::RuleRemove(one(RuleId(9))),
            "there is no rule r_9; `sealpost rules list`",
        ),
        (place(first, Some(first)), "nothing would change"),
        (place(first, Some(RuleId(3))), "nothing would change"),
        (place(RuleId(4), None), "nothing would change"),
        (place(first, Some(far)), "another rule of the same level"),
    ]);
    for (change, words) in table {
        let refusal = sample.refusal(change).to_string();
        assert!(refusal.contains(words), "{refusal}");
    }
}

#[test]
fn lists_are_bounded() {
    let mut sample = sample();
    for n in 0..RULES_PER_LEVEL_MAX {
        sample.rule(ANN, &format!("n{n}"), "keep;");
    }
    let refusal = sample.refusal(Change::RuleCreate(sample.new_rule(ANN, "x", "keep;")));
    let words = "ann@example.org has the 200 rules that it may have; remove some first";
    assert_eq!(refusal.to_string(), words);
    sample.rule(ORG, "x", "keep;");
    let hundred = |n: usize| {
        let names: Vec<_> = (0..100).map(|i| format!("u{i}@d{n}.example.net")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        Change::SendersChange(senders(&names, &[]))
    };
    for n in 0..SENDERS_MAX / 100 {
        sample.make(hundred(n));
    }
    let refusal = sample.refusal(hundred(SENDERS_MAX)).to_string();
    assert!(refusal.contains("1000 senders"), "{refusal}");
    let mut both = senders(&["u1@d1.example.net"], &[]);
    both.list = SenderList::Blocked;
    let refusal = sample.refusal(Change::SendersChange(both)).to_string();
    let words = "u1@d1.example.net is a trusted sender; take it out of that list first";
    assert_eq!(refusal, words);
    let here = sample.refusal(Change::ExitAllow(sample.new_exit("ann@example.org", ORG)));
    assert!(here.to_string().contains("it is hosted here"), "{here}");
}
