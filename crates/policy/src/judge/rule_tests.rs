//! What rules are found to do: from what becomes reachable, not from the verb.

use sieve::form::{Compare, Condition, FormAction, FormRule, Place};
use types::{AccountId, DomainId, RuleId};

use super::{Class, Judgement, judge};
use crate::change::{
    AccountRef, Change, ExitRevoke, RecoverablePurge, RuleContent, RuleLevel, RuleMove,
    RulePurpose, RuleRef, RuleSet, SenderList, SendersChange, SendersOf,
};
use crate::check::ChangeError;
use crate::config::Authorship;
use crate::sample::{Sample, disable, enable, made};
use crate::sentence::{Viewer, sentence};

const SERVER: RuleLevel = RuleLevel::Server;
const ORG: RuleLevel = RuleLevel::Domain(DomainId(1));
const ANN: RuleLevel = RuleLevel::Account(AccountId(2));
const ANN_ID: AccountId = AccountId(2);
const BOB_ID: AccountId = AccountId(3);

/// The owner `root`, Ann and Bob in `example.org`.
fn sample() -> Sample {
    let mut sample = Sample::new();
    sample.owner("ann@example.org");
    sample.owner("bob@example.org");
    sample
}

fn one(id: RuleId) -> RuleRef {
    RuleRef { id }
}

/// Class, score, detections and sentences, as the table of a test has them.
fn told(sample: &Sample, judgement: &Judgement) -> (Class, u32, String, String) {
    let effects = judgement.effects.iter();
    let sentences: Vec<_> = effects
        .map(|effect| sentence(effect, &sample.config, Viewer::Server))
        .collect();
    (
        judgement.class,
        judgement.score,
        judgement.detections.join(" "),
        sentences.join(" | "),
    )
}

#[track_caller]
fn assert_told(
    sample: &Sample,
    judgement: &Judgement,
    (class, score, found): (Class, u32, &str),
    words: &str,
) {
    assert_eq!(
        told(sample, judgement),
        (class, score, found.to_owned(), words.to_owned())
    );
}

/// A form about the words of the body.
fn form(sample: &Sample, level: RuleLevel, name: &str, word: &str, action: FormAction) -> RuleSet {
    let mut set = sample.new_rule(level, name, "");
    set.content = RuleContent::Form(FormRule {
        conditions: vec![Condition::Text {
            place: Place::Body,
            compare: Compare::Contains,
            values: vec![word.to_owned()],
        }],
        all: true,
        actions: vec![action],
        stop: false,
    });
    set
}

fn copy_to(address: &str) -> FormAction {
    let to = address.parse().unwrap();
    FormAction::CopyTo { to }
}

/// The two rules of the story: what hides, and what sends away.
#[test]
fn the_founding_pattern_is_found() {
    let mut sample = sample();
    let delete = form(&sample, ORG, "Cleanup", "tucows", FormAction::Delete {});
    let judgement = sample.make_by(Some(ANN_ID), Change::RuleCreate(delete));
    assert_told(
        &sample,
        &judgement,
        (Class::C2, 5, "R6 R7"),
        "Deletes, for all 3 mailboxes, mail whose text contains \"tucows\". Nobody will see it.",
    );
    let copy = copy_to("drop@example.net");
    let forward = form(&sample, ORG, "Orders", "Checkout Notice", copy);
    let judgement = sample.make_by(Some(ANN_ID), Change::RuleCreate(forward));
    assert_told(
        &sample,
        &judgement,
        (Class::C2, 4, "R1 R5 R7"),
        "Copies, for all 3 mailboxes, mail whose text contains \"Checkout Notice\" to \
         drop@example.net, OUTSIDE your organisation. The owner keeps a copy. Nobody has allowed \
         this exit.",
    );
}

/// Deletion and a way outside are one pattern by one actor or in one level, within a day.
#[test]
fn the_pattern_needs_one_hand_or_one_level_and_a_day() {
    for (level, later_s, by, found) in [
        (ORG, 3_600, ANN_ID, true),
        (ORG, 3_600, BOB_ID, true),
        (ANN, 3_600, ANN_ID, true),
        (ANN, 3_600, BOB_ID, false),
        (ORG, 25 * 3_600, ANN_ID, false),
    ] {
        let mut sample = sample();
        let delete = form(&sample, ORG, "Cleanup", "order", FormAction::Delete {});
        sample.make_by(Some(ANN_ID), Change::RuleCreate(delete));
        let set = form(
            &sample,
            level,
            "Orders",
            "offer",
            copy_to("drop@example.net"),
        );
        let change = Change::RuleCreate(set).normalised(&sample.config).unwrap();
        let made = Authorship::account(made().at.plus_s(later_s), by);
        let after = sample.config.tried(&change, &made).unwrap();
        let judgement = judge(&sample.config, &after, &change, &made);
        let detected = judgement.detections.contains(&"R5");
        assert_eq!(detected, found, "{level} {later_s} {by}");
    }
}

/// What a script does at each level, by its own account and by others.
#[test]
// long: one table
fn each_action_has_its_words_and_its_class() {
    let word = "require [\"fileinto\", \"imap4flags\", \"editheader\", \"reject\", \"vacation\", \
                \"enotify\", \"variables\", \"copy\"];\nif header :contains \"subject\" \"order\" ";
    let mut exact = Vec::new();
    for (action, own, others, wide, words) in [
        (
            "{ discard; }",
            Class::C0,
            Class::C2,
            Class::C2,
            "Deletes, for ann@example.org, mail whose subject contains \"order\". Nobody will see it.",
        ),
        (
            "{ reject \"no\"; }",
            Class::C0,
            Class::C2,
            Class::C2,
            "Refuses, for ann@example.org, mail whose subject contains \"order\". The sender is told, \
             the owner is not.",
        ),
        (
            "{ fileinto \"RSS\"; }",
            Class::C0,
            Class::C1,
            Class::C2,
            "Moves, for ann@example.org, mail whose subject contains \"order\" into the folder \"RSS\".",
        ),
        (
            "{ fileinto :copy \"RSS\"; }",
            Class::C0,
            Class::C1,
            Class::C1,
            "Copies, for ann@example.org, mail whose subject contains \"order\" into the folder \"RSS\".",
        ),
        (
            "{ addflag \"\\\\Seen\"; }",
            Class::C0,
            Class::C1,
            Class::C1,
            "Marks, for ann@example.org, mail whose subject contains \"order\" as read: easy to miss.",
        ),
        (
            "{ addflag \"\\\\Deleted\"; }",
            Class::C0,
            Class::C1,
            Class::C2,
            "Marks, for ann@example.org, mail whose subject contains \"order\" as deleted: mail \
             programs do not show it.",
        ),
        (
            "{ addheader \"X-Label\" \"y\"; }",
            Class::C0,
            Class::C1,
            Class::C1,
            "Changes, for ann@example.org, the header field \"X-Label\" of mail whose subject \
             contains \"order\".",
        ),
        (
            "{ addheader \"Reply-To\" \"y@example.net\"; }",
            Class::C0,
            Class::C1,
            Class::C2,
            "Changes, for ann@example.org, the header field \"Reply-To\" of mail whose subject \
             contains \"order\".",
        ),
        (
            "{ redirect \"bob@example.org\"; }",
            Class::C1,
            Class::C2,
            Class::C2,
            "Forwards, for ann@example.org, mail whose subject contains \"order\" to bob@example.org, \
             inside. No mailbox here keeps a copy.",
        ),
        (
            "{ redirect :copy \"x@example.net\"; }",
            Class::C2,
            Class::C2,
            Class::C2,
            "Copies, for ann@example.org, mail whose subject contains \"order\" to x@example.net, \
             OUTSIDE your organisation. The owner keeps a copy. Nobody has allowed this exit.",
        ),
        (
            "{ vacation \"I am away.\"; }",
            Class::C1,
            Class::C2,
            Class::C2,
            "Answers, for ann@example.org, mail whose subject contains \"order\" with \"I am away.\".",
        ),
        (
            "{ notify \"mailto:x@example.net\"; }",
            Class::C2,
            Class::C2,
            Class::C2,
            "Tells mailto:x@example.net, OUTSIDE your organisation, for ann@example.org, of mail \
             whose subject contains \"order\". Nobody has allowed this exit.",
        ),
        ("{ keep; }", Class::C0, Class::C0, Class::C0, ""),
    ] {
        for (level, actor, class) in [
            (ANN, Some(ANN_ID), own),
            (ANN, None, others),
            (ANN, Some(BOB_ID), others),
            (ORG, Some(ANN_ID), wide),
            (SERVER, None, wide),
        ] {
            let mut sample = sample();
            let set = sample.new_rule(level, "Newsletters", &format!("{word}{action}"));
            let judgement = sample.make_by(actor, Change::RuleCreate(set));
            assert_eq!(judgement.class, class, "{action} {level} {actor:?}");
            if actor == Some(ANN_ID) && level == ANN {
                exact.push((told(&sample, &judgement).3, words));
            }
        }
    }
    for (told, words) in exact {
        assert_eq!(told, words);
    }
}

#[test]
fn what_counts_as_always_and_what_hides_adds_up() {
    let require = "require [\"fileinto\", \"imap4flags\", \"editheader\", \"variables\", \
                   \"copy\", \"date\", \"relational\"];\n";
    for (name, script, score, found) in [
        ("Archive it", "discard;", 6, "R2 R3 R7"),
        ("Archive it", "if true { discard; }", 6, "R2 R3 R7"),
        (
            "Archive it",
            "if currentdate :value \"ge\" \"date\" \"2026-05-01\" { discard; }",
            6,
            "R2 R3 R7",
        ),
        (
            ".",
            "if header :contains \"subject\" \"order\" { discard; }",
            5,
            "R4 R7",
        ),
        (
            ".",
            "if header :contains \"subject\" \"invoice\" { fileinto \"Notes\"; stop; }",
            7,
            "R2 R4 R6",
        ),
        (
            "Sorting",
            "if header :matches \"subject\" \"*order*\" { set \"f\" \"${1}\"; fileinto \"${f}\"; }",
            3,
            "",
        ),
        (
            "Sorting",
            "if header :contains \"subject\" \"order\" { addflag \"\\\\Seen\"; fileinto \"Junk\"; }",
            3,
            "",
        ),
        (
            "Sorting",
            "if header :contains \"subject\" \"order\" { redirect \"bob@examp1e.org\"; }",
            10,
            "R1 R2 R7",
        ),
        ("ab", "keep;", 2, "R4"),
    ] {
        let mut sample = sample();
        let mut set = sample.new_rule(ORG, name, &format!("{require}{script}"));
        set.stop = true;
        let judgement = sample.make(Change::RuleCreate(set));
        let risk = (judgement.score, judgement.detections.join(" "));
        assert_eq!(risk, (score, found.to_owned()), "{name} {script}");
        assert_eq!(
            judgement.class == Class::C2,
            judgement.score >= 6 || {
                judgement.detections.iter().any(|id| *id != "R4") || script.contains("fileinto")
            }
        );
    }
}

#[test]
fn what_becomes_reachable_is_told_whatever_the_verb() {
    let mut sample = sample();
    let stops = {
        let mut set = sample.new_rule(ORG, "Stops all", "stop;");
        set.stop = true;
        let id = set.id;
        sample.make(Change::RuleCreate(set));
        id
    };
    let hidden = "if header :contains \"subject\" \"order\" { discard; }";
    let set = sample.new_rule(ORG, "Behind it", hidden);
    let deletes = set.id;
    let quiet = |judgement: &Judgement| judgement.effects.is_empty();
    assert!(
        quiet(&sample.make(Change::RuleCreate(set))),
        "never reached"
    );
    let deletes_now =
        |judgement: &Judgement| judgement.effects.len() == 1 && judgement.class == Class::C2;
    let before = |id, before| Change::RuleMove(RuleMove { id, before });
    for (change, reached) in [
        (Change::RulePause(one(stops)), true),
        (Change::RuleResume(one(stops)), false),
        (before(deletes, Some(stops)), true),
        (before(deletes, None), false),
        (Change::RuleRemove(one(stops)), true),
        (Change::RulePause(one(deletes)), false),
        (Change::RuleResume(one(deletes)), true),
        (Change::RuleRemove(one(deletes)), false),
    ] {
        let judgement = sample.make(change.clone());
        assert_eq!(deletes_now(&judgement), reached, "{change:?}");
        let by_another = reached && change.object().1 != deletes.to_string();
        let behind = judgement.behind.get(&0).copied();
        assert_eq!(behind, by_another.then_some(deletes), "{change:?}");
        assert_eq!(quiet(&judgement), !reached, "{change:?}");
    }
}

#[test]
fn a_new_rule_takes_its_place_in_one_change_and_is_judged_there() {
    let mut sample = sample();
    let mut set = sample.new_rule(ORG, "Everything away", "discard; stop;");
    set.stop = true;
    let wall = set.id;
    sample.make(Change::RuleCreate(set));
    let elsewhere = sample.rule(ANN, "Own", "keep;");
    for (name, before, effects) in [("Last", None, 0), ("First", Some(wall), 1)] {
        let mut set = sample.new_rule(ORG, name, "redirect \"x@example.net\";");
        set.before = before;
        let judgement = sample.make(Change::RuleCreate(set));
        assert_eq!(judgement.effects.len(), effects, "{before:?}");
    }
    let order: Vec<_> = sample.config.rules_of(ORG).map(|rule| rule.id.0).collect();
    assert_eq!(order, [4, 1, 3]);
    let mut set = sample.new_rule(ORG, "Strange", "keep;");
    set.before = Some(elsewhere);
    let refusal = sample.refusal(Change::RuleCreate(set)).to_string();
    assert!(refusal.contains("same level"), "{refusal}");
}

#[test]
fn purging_removed_mail_is_grave_and_says_how_much_is_lost() {
    let mut sample = sample();
    let purge = |messages| {
        Change::RecoverablePurge(RecoverablePurge {
            id: ANN_ID,
            messages,
            octets: 2_048,
        })
    };
    let judgement = sample.make(purge(3));
    assert_told(
        &sample,
        &judgement,
        (Class::C3, 3, "P7"),
        "Deletes for good 3 messages (2 KiB) of removed mail of ann@example.org, before its time. \
         Nobody can bring it back after that.",
    );
    let refusal = sample.refusal(purge(0)).to_string();
    assert!(refusal.contains("removed mail"), "{refusal}");
}

#[test]
fn a_rule_that_stops_now_and_then_narrows_what_comes_after() {
    let mut sample = sample();
    let mut set = sample.new_rule(
        ORG,
        "First friends",
        "if header :contains \"subject\" \"friend\" { stop; }",
    );
    set.stop = true;
    let guard = set.id;
    sample.make(Change::RuleCreate(set));
    sample.rule(ORG, "Then all", "discard;");
    let judgement = sample.make(Change::RulePause(one(guard)));
    assert_eq!(judgement.class, Class::C2, "mail of friends is deleted now");
    let judgement = sample.make(Change::RuleResume(one(guard)));
    assert_eq!((judgement.class, judgement.effects.len()), (Class::C0, 0));
}

#[test]
fn a_level_above_that_lets_go_of_mail_opens_those_below() {
    let mut sample = sample();
    let wall = sample.rule(SERVER, "Everything away", "discard;");
    let set = sample.new_rule(ANN, "Own forward", "redirect \"x@example.net\";");
    let judgement = sample.make_by(Some(ANN_ID), Change::RuleCreate(set));
    assert_eq!(judgement.effects, []);
    let judgement = sample.make(Change::RulePause(one(wall)));
    assert_eq!((judgement.class, judgement.effects.len()), (Class::C2, 1));
}

#[test]
fn an_account_that_works_again_brings_its_rules_back() {
    let mut sample = sample();
    sample.make(disable(ANN_ID));
    let set = sample.new_rule(ANN, "Own forward", "redirect \"x@example.net\";");
    assert_eq!(sample.make(Change::RuleCreate(set)).effects, []);
    let judgement = sample.make(enable(ANN_ID));
    assert_eq!(judgement.class, Class::C2);
    let judgement = sample.make(Change::AccountDisable(AccountRef { id: ANN_ID }));
    assert!(!judgement.detections.contains(&"R1"));
}

#[test]
fn an_included_script_is_judged_with_the_rule_that_includes_it() {
    let mut sample = sample();
    let mut lists = sample.new_rule(ANN, "lists", "keep;");
    lists.enabled = false;
    let id = lists.id;
    sample.make(Change::RuleCreate(lists));
    let include = "require \"include\"; include :personal \"lists\";";
    let set = sample.new_rule(ANN, "Main", include);
    assert_eq!(
        sample.make_by(Some(ANN_ID), Change::RuleCreate(set)).class,
        Class::C0
    );
    let mut changed = sample.config.rule(id).unwrap().as_set();
    changed.content = RuleContent::Script("redirect \"x@example.net\";".to_owned());
    let judgement = sample.make_by(Some(ANN_ID), Change::RuleChange(changed));
    assert_eq!(judgement.class, Class::C2, "the script itself is paused");
    assert!(judgement.detections.contains(&"R1"));
}

#[test]
fn an_alias_inside_does_not_hide_a_target_outside() {
    let mut sample = sample();
    sample.alias("team@example.org", &["a_3", "x@example.net"]);
    let set = sample.new_rule(ANN, "To my team", "redirect \"team@example.org\";");
    let judgement = sample.make_by(Some(ANN_ID), Change::RuleCreate(set));
    assert_told(
        &sample,
        &judgement,
        (Class::C2, 9, "R2 R9"),
        "Forwards, for ann@example.org, all mail to bob@example.org, inside. No mailbox here keeps a \
         copy. | Forwards, for ann@example.org, all mail to x@example.net, OUTSIDE your \
         organisation. No mailbox here keeps a copy. Nobody has allowed this exit.",
    );
    assert_eq!(judgement.unapproved.len(), 1);
}

/// Every spelling of a target that a script may have is found to lie outside.
#[test]
fn no_spelling_of_a_target_goes_unnoticed() {
    for (action, unapproved) in [
        ("redirect \"x@example.net\";", "x@example.net"),
        ("redirect \"Ann <x@example.net>\";", "x@example.net"),
        ("redirect \" <x@example.net> \";", "x@example.net"),
        ("notify \"mailto:x@example.net\";", "x@example.net"),
        (
            "notify \"MAILTO:ann@example.org,x@example.net,y@example.net?subject=a\";",
            "x@example.net y@example.net",
        ),
        ("notify \"mailto:%78@example.net\";", "x@example.net"),
    ] {
        let mut sample = sample();
        let script = format!("require [\"enotify\"]; {action}");
        let set = sample.new_rule(ANN, "Away from here", &script);
        let judgement = sample.make_by(Some(ANN_ID), Change::RuleCreate(set));
        let found: Vec<_> = judgement
            .unapproved
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found.join(" "), unapproved, "{action}");
        assert_eq!(judgement.class, Class::C2, "{action}");
        assert!(judgement.detections.contains(&"R1"), "{action}");
    }
    // What cannot be read as an address is refused, since nothing could be said of it.
    let sample = sample();
    let script = "require \"enotify\"; notify \"mailto:x@[192.0.2.1]\";";
    let set = sample.new_rule(ANN, "Away from here", script);
    let refused = sample.refusal(Change::RuleCreate(set));
    assert!(matches!(refused, ChangeError::Script(_)), "{refused:?}");
}

#[test]
fn an_exit_that_was_allowed_makes_an_own_forward_ordinary() {
    let mut sample = sample();
    let judgement = sample.make(Change::ExitAllow(sample.new_exit("x@example.net", ANN)));
    assert_told(
        &sample,
        &judgement,
        (Class::C2, 0, "R1"),
        "Lets rules send mail, for ann@example.org, to x@example.net, OUTSIDE your organisation, \
         until 2027-11-23T10:09:40.123456Z.",
    );
    let mut set = sample.new_rule(ANN, "Forward", "");
    set.purpose = RulePurpose::Forward;
    set.content = RuleContent::Form(FormRule {
        all: true,
        actions: vec![copy_to("x@example.net")],
        ..FormRule::default()
    });
    let judgement = sample.make_by(Some(ANN_ID), Change::RuleCreate(set));
    assert_eq!((judgement.class, judgement.score), (Class::C1, 3));
    assert!(judgement.unapproved.is_empty() && judgement.detections.is_empty());
    // Taking it back tightens; giving it again opens the way again.
    let id = sample.config.exits().next().unwrap().id;
    let judgement = sample.make(Change::ExitRevoke(ExitRevoke { id }));
    assert_eq!((judgement.class, judgement.effects.len()), (Class::C0, 0));
    let judgement = sample.make(Change::ExitAllow(sample.new_exit("x@example.net", ORG)));
    assert_eq!(judgement.effects.len(), 2);
    // A second account that uses it makes it a pattern.
    let bob = RuleLevel::Account(BOB_ID);
    let set = sample.new_rule(
        bob,
        "Copy too",
        "require \"copy\"; redirect :copy \"x@example.net\";",
    );
    let judgement = sample.make_by(Some(BOB_ID), Change::RuleCreate(set));
    assert_eq!(
        (judgement.class, judgement.detections),
        (Class::C2, vec!["R9"])
    );
}

#[test]
fn a_vacation_is_ordinary_for_its_owner() {
    let mut sample = sample();
    let mut set = sample.new_rule(ANN, "Vacation", "");
    set.purpose = RulePurpose::Vacation;
    set.content = RuleContent::Form(FormRule {
        all: true,
        actions: vec![FormAction::Reply {
            subject: None,
            text: "I am away.".to_owned(),
            days: 7,
        }],
        ..FormRule::default()
    });
    let judgement = sample.make_by(Some(ANN_ID), Change::RuleCreate(set));
    assert_told(
        &sample,
        &judgement,
        (Class::C1, 0, ""),
        "Answers, for ann@example.org, all mail with \"I am away.\".",
    );
}

#[test]
fn lists_of_senders_tell_whom_they_meet() {
    let mut sample = sample();
    let change = |id, list, add: &[&str]| {
        Change::SendersChange(SendersChange {
            id,
            list,
            add: add.iter().map(|name| name.parse().unwrap()).collect(),
            remove: Vec::new(),
        })
    };
    let (ann, org) = (SendersOf::Account(ANN_ID), SendersOf::Domain(DomainId(1)));
    for (id, list, class, words) in [
        (
            ann,
            SenderList::Trusted,
            Class::C0,
            "Trusts, for ann@example.org, mail that says it is from x@example.net.",
        ),
        (
            org,
            SenderList::Blocked,
            Class::C2,
            "Refuses, for everyone at example.org, all mail from x@example.net.",
        ),
    ] {
        let judgement = sample.make_by(Some(ANN_ID), change(id, list, &["x@example.net"]));
        assert_told(&sample, &judgement, (class, 0, ""), words);
    }
}

/// What somebody typed into a rule cannot pass for words of ours, nor hide.
#[test]
fn text_of_a_rule_is_shown_with_what_hides_in_it() {
    let mut sample = sample();
    let script = "require \"fileinto\"; if header :contains \"subject\" \"a\u{202e}b\" \
                  { fileinto \"x\u{200b}\\\" . Safe\"; }";
    let set = sample.new_rule(ANN, "Odd text", script);
    let judgement = sample.make_by(Some(ANN_ID), Change::RuleCreate(set));
    let words = told(&sample, &judgement).3;
    assert_eq!(
        words,
        "Moves, for ann@example.org, mail whose subject contains \"a<U+202E>b\" into the folder \
         \"x<U+200B>\\\" . Safe\"."
    );
}

#[test]
fn a_second_rule_that_does_the_same_is_told_like_the_first() {
    let mut sample = sample();
    let text = "require \"copy\"; redirect :copy \"x@example.net\";";
    let first = sample.new_rule(ANN, "One", text);
    let first = sample.make_by(Some(ANN_ID), Change::RuleCreate(first));
    let second = sample.new_rule(ANN, "Two", text);
    let second = sample.make_by(Some(ANN_ID), Change::RuleCreate(second));
    assert_eq!((first.class, first.effects.len()), (Class::C2, 1));
    assert_eq!((second.class, &second.effects), (Class::C2, &first.effects));
}

#[test]
fn refusing_mail_of_a_whole_domain_is_detected() {
    let mut sample = sample();
    let text = "require \"reject\"; if header :contains \"subject\" \"x\" { reject \"no\"; }";
    for (level, found) in [(ORG, vec!["R7"]), (ANN, Vec::new())] {
        let set = sample.new_rule(level, "Refuse", text);
        let judgement = sample.make(Change::RuleCreate(set));
        assert_eq!(judgement.detections, found, "{level}");
    }
}
