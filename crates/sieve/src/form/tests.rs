//! Forms: their encoding, what is refused, and that a rule is known again from its script.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::sample::{actions, conditions, rule, text};
use super::*;
use crate::ast::{Command, CommandKind, Pos, Script, Text};
use crate::limits;

/// A line for each condition and action, and one for a whole rule. Lines are added, never changed.
const GOLDEN: &str = include_str!("../../golden/form.jsonl");

fn rule_of(conditions: Vec<Condition>, actions: Vec<FormAction>) -> FormRule {
    FormRule {
        conditions,
        all: true,
        actions,
        stop: false,
    }
    .settled()
}

fn tucows() -> Condition {
    text(Place::Subject, Compare::Contains, &["tucows"])
}

fn whole() -> FormRule {
    let conditions = vec![tucows(), text(Place::Body, Compare::Contains, &["opensrs"])];
    FormRule {
        conditions,
        all: false,
        actions: vec![FormAction::Delete {}],
        stop: true,
    }
}

#[test]
fn the_encoding_of_every_part_is_this() {
    let canonical = |value: &Value| serde_json_canonicalizer::to_string(value).unwrap();
    let to_line = |value: Result<Value, _>| canonical(&value.unwrap());
    let mut lines: Vec<_> = (conditions().iter())
        .map(|condition| to_line(serde_json::to_value(condition)))
        .collect();
    lines.extend((actions().iter()).map(|action| to_line(serde_json::to_value(action))));
    lines.push(to_line(serde_json::to_value(whole())));
    let golden: Vec<_> = GOLDEN.lines().collect();
    assert_eq!(lines, golden);

    let of = |value: &str| serde_json::from_str::<Condition>(value).unwrap();
    for (line, condition) in golden.iter().zip(conditions()) {
        assert_eq!(of(line), condition);
    }
    let behind = &golden[conditions().len()..];
    for (line, action) in behind.iter().zip(actions()) {
        assert_eq!(serde_json::from_str::<FormAction>(line).unwrap(), action);
    }
    let last = golden.last().unwrap();
    assert_eq!(serde_json::from_str::<FormRule>(last).unwrap(), whole());
}

#[test]
fn an_encoding_with_anything_foreign_is_refused() {
    let good = serde_json::to_value(whole()).unwrap();
    let mut foreign = good.clone();
    foreign["x"] = json!(1);
    assert!(serde_json::from_value::<FormRule>(foreign).is_err());
    for missing in ["conditions", "all", "actions", "stop"] {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(missing);
        assert!(
            serde_json::from_value::<FormRule>(bad).is_err(),
            "{missing}"
        );
    }
    for line in GOLDEN.lines().take(conditions().len() + actions().len()) {
        let mut bad: Value = serde_json::from_str(line).unwrap();
        bad["x"] = json!(1);
        let condition = serde_json::from_value::<Condition>(bad.clone());
        let action = serde_json::from_value::<FormAction>(bad);
        assert!(condition.is_err() && action.is_err(), "{line}");
    }
}

#[test]
fn every_condition_and_action_is_known_again() {
    for condition in conditions() {
        for all in [true, false] {
            let mut rule = rule_of(vec![condition.clone()], vec![FormAction::Flag {}]);
            rule.all = all;
            assert_eq!(rule.check(), Ok(()), "{rule:?}");
            assert_eq!(recognise(&rule.to_script()), Some(rule));
        }
    }
    for action in actions() {
        for conditions in [Vec::new(), vec![tucows()]] {
            let rule = rule_of(conditions, vec![action.clone()]);
            assert_eq!(rule.check(), Ok(()), "{rule:?}");
            assert_eq!(recognise(&rule.to_script()), Some(rule));
        }
    }
}

#[test]
fn a_changed_script_is_no_form() {
    let good = whole().to_script();
    let mut extension = good.clone();
    extension.require.push("vacation".to_owned());
    let mut longer = good.clone();
    longer.block.push(CommandKind::Stop.into());
    let mut twice = good.clone();
    twice.block.push(good.block[0].clone());
    let mut key = good.clone();
    let CommandKind::If { arms, .. } = &mut key.block[0].kind else {
        unreachable!("the rule has conditions");
    };
    arms[0]
        .1
        .insert(0, CommandKind::Keep { flags: None }.into());
    let mut otherwise = good.clone();
    let CommandKind::If {
        otherwise: branch, ..
    } = &mut otherwise.block[0].kind
    else {
        unreachable!("the rule has conditions");
    };
    *branch = Some(Vec::new());
    let file = CommandKind::FileInto(crate::ast::FileInto {
        mailbox: Text::from("A"),
        ..Default::default()
    });
    let by_hand = Script {
        require: vec!["fileinto".to_owned()],
        block: vec![file.into()],
    };
    for script in [
        extension,
        longer,
        twice,
        key,
        otherwise,
        by_hand,
        Script::default(),
    ] {
        assert_eq!(recognise(&script), None, "{script:?}");
    }
    let mut moved = good;
    moved.block[0].at = Pos { line: 9, column: 9 };
    assert_eq!(recognise(&moved), Some(whole()), "places do not matter");
}

#[test]
fn a_deleting_rule_is_this_script() {
    let rule = rule_of(vec![tucows()], vec![FormAction::Delete {}]);
    let script = rule.to_script();
    let [
        Command {
            kind:
                CommandKind::If {
                    arms,
                    otherwise: None,
                },
            ..
        },
    ] = script.block.as_slice()
    else {
        panic!("{script:?}");
    };
    let done: Vec<_> = arms[0].1.iter().map(|command| &command.kind).collect();
    assert_eq!(done, [&CommandKind::Discard, &CommandKind::Stop]);
    assert_eq!(script.require, Vec::<String>::new());
}

#[test]
fn actions_are_done_in_an_order_in_which_each_has_its_effect() {
    let rule = rule_of(
        Vec::new(),
        vec![
            FormAction::MoveTo {
                folder: "A".to_owned(),
            },
            FormAction::MarkRead {},
            FormAction::PrefixSubject {
                prefix: "[x]".to_owned(),
            },
            FormAction::MarkRead {},
        ],
    );
    let kinds: Vec<_> = rule.actions.iter().map(FormAction::rank).collect();
    assert_eq!(kinds, [1, 3, 8]);
    assert_eq!(rule.check(), Ok(()));
}

#[test]
fn sentences_of_rules() {
    let redirect = || FormAction::Redirect {
        to: "drop@example.net".parse().unwrap(),
    };
    let copy = || FormAction::CopyTo {
        to: "copy@example.net".parse().unwrap(),
    };
    let move_to = || FormAction::MoveTo {
        folder: "Old".to_owned(),
    };
    let facts = vec![
        Condition::Fact {
            fact: Fact::TrustedSender,
            holds: false,
        },
        tucows(),
    ];
    let mut only_stop = rule_of(vec![tucows()], Vec::new());
    only_stop.stop = true;
    #[rustfmt::skip]
    let cases = [
        (rule_of(vec![tucows()], vec![FormAction::Delete {}]), r#"When the subject contains "tucows": delete."#),
        (rule_of(Vec::new(), vec![redirect()]), "For every message: send to drop@example.net and keep no copy."),
        (rule_of(facts, vec![FormAction::MarkRead {}, move_to(), copy()]),
            r#"When the sender is not trusted and the subject contains "tucows": mark as read, send a copy to copy@example.net and move to the folder "Old"."#),
        (whole(), r#"When the subject contains "tucows" or the text contains "opensrs": delete."#),
        (only_stop, r#"When the subject contains "tucows": skip the rules after this one."#),
    ];
    for (rule, words) in cases {
        assert_eq!(rule.words(), words);
    }
}

// long: one table of all refusals
#[test]
fn a_form_that_is_wrong_is_refused_with_words() {
    let flag = || vec![FormAction::Flag {}];
    let with = |condition| rule_of(vec![condition], flag());
    let does = |actions| rule_of(Vec::new(), actions);
    let subject = |values: &[&str]| with(text(Place::Subject, Compare::Equals, values));
    let long = "x".repeat(VALUE_MAX_CHARS + 1);
    let reply = |text: &str, days| {
        let text = text.to_owned();
        does(vec![FormAction::Reply {
            subject: None,
            text,
            days,
        }])
    };
    let add = |name: &str, value: &str| {
        let (name, value) = (name.to_owned(), value.to_owned());
        does(vec![FormAction::AddHeader { name, value }])
    };
    let copy = |n: usize| FormAction::CopyTo {
        to: format!("a{n}@example.net").parse().unwrap(),
    };
    let reject = || FormAction::Reject {
        reason: "no".to_owned(),
    };
    let move_to = |folder: &str| FormAction::MoveTo {
        folder: folder.to_owned(),
    };
    let days = |from: Option<&str>, until: Option<&str>| {
        let day = |text: &str| text.parse().unwrap();
        with(Condition::Received {
            from: from.map(day),
            until: until.map(day),
        })
    };
    let extension =
        |compare, value: &str| with(text(Place::AttachmentExtension, compare, &[value]));
    let mut unsettled = does(vec![FormAction::Delete {}]);
    unsettled.stop = false;
    let mut none_of_nothing = does(flag());
    none_of_nothing.all = false;
    let (octets, bound, percent) = (OCTETS_MAX + 1, Bound::Over, 101);
    let many = |count| vec![tucows(); count];
    let fat = vec!["x".repeat(VALUE_MAX_CHARS); 17];
    let fat: Vec<_> = fat.iter().map(String::as_str).collect();
    #[rustfmt::skip]
    let cases = [
        (does(Vec::new()), "does nothing"),
        (subject(&[]), "is empty"),
        (subject(&[""]), "is empty"),
        (subject(&["a\r\nBcc: x"]), "control characters"),
        (subject(&["a\0"]), "control characters"),
        (subject(&[&long]), "at most 1000 characters"),
        (subject(&["x"; VALUES_MAX + 1]), "at most 100 values"),
        (subject(&fat), "16384 octets"),
        (rule_of(many(CONDITIONS_MAX + 1), flag()), "at most 50 conditions"),
        (does((0..17).map(|n| move_to(&n.to_string())).collect()), "at most 16 actions"),
        (does((0..=limits::REDIRECTS_MAX).map(copy).collect()), "at most 4 addresses"),
        (with(Condition::Size { bound, octets }), "at most 2147483647"),
        (with(Condition::AttachmentSize { bound, octets }), "at most 2147483647"),
        (with(Condition::SpamScore { bound, percent }), "0 to 100"),
        (days(None, None), "first day"),
        (days(Some("2026-05-02"), Some("2026-05-01")), "first not after the last"),
        (extension(Compare::Contains, "pdf"), "equal or not equal only"),
        (extension(Compare::Equals, ".pdf"), "is no extension"),
        (extension(Compare::Equals, "p*"), "is no extension"),
        (add("X Label", "v"), "no name of a header field"),
        (add("X-A:\r\nBcc", "v"), "no name of a header field"),
        (add("Received", "v"), "no rule may add it"),
        (add("ARC-Seal", "v"), "no rule may add it"),
        (add("X-A", "v\r\nBcc: x"), "control characters"),
        (add("X-A", " v"), "spaces at its ends"),
        (add("X-A", ""), "is empty"),
        (does(vec![FormAction::PrefixSubject { prefix: "[x] ".to_owned() }]), "spaces at its ends"),
        (reply("", 7), "is empty"),
        (reply("\n ", 7), "is empty"),
        (reply("a\rb", 7), "control characters"),
        (reply(&"x".repeat(TEXT_MAX_CHARS + 1), 7), "at most 8000 characters"),
        (reply("away", 0), "once in 1 to 365 days"),
        (reply("away", 366), "once in 1 to 365 days"),
        (does(vec![move_to("../etc")]), "cannot be a folder"),
        (does(vec![move_to("a//b")]), "cannot be a folder"),
        (does(vec![reject(), FormAction::Flag {}]), "only refuse"),
        (does(vec![FormAction::Delete {}, move_to("A")]), "deleted and moved"),
        (does(vec![FormAction::PrefixSubject { prefix: "${1}".to_owned() }]), "write it otherwise"),
        (rule_of(vec![text(Place::Subject, Compare::Equals, &["a${b}"])], vec![FormAction::PrefixSubject { prefix: "x".to_owned() }]),
            "write it otherwise"),
        (unsettled, "flag that follows"),
        (none_of_nothing, "flag that follows"),
    ];
    for (rule, words) in cases {
        let error = rule.check().map_err(|error| error.to_string());
        let refused = matches!(&error, Err(error) if error.contains(words));
        assert!(refused, "{words}: {error:?}");
    }
}

#[test]
fn the_largest_form_is_within_the_limits_of_scripts() {
    let values = vec!["xy"; VALUES_MAX];
    let conditions =
        vec![text(Place::AttachmentName, Compare::NotContains, &values); CONDITIONS_MAX];
    let rule = rule_of(conditions, vec![FormAction::Flag {}]);
    assert_eq!(rule.check(), Ok(()));
    let names: BTreeSet<_> = rule.to_script().require.into_iter().collect();
    assert!(names.contains("mime"));
    const { assert!(CONDITIONS_MAX * 4 + ACTIONS_MAX * 8 < limits::NODES_MAX) };
    const { assert!(VALUES_MAX <= limits::LIST_MAX) };
    const { assert!(TEXT_MAX_CHARS <= limits::REASON_MAX_OCTETS) };
}

/// The rule from the script as people see it.
fn through_text(rule: &FormRule) -> Option<FormRule> {
    let text = crate::print(&rule.to_script());
    let script = crate::parse(&text);
    recognise(&script.unwrap_or_else(|problems| panic!("{text}\n{problems}")))
}

#[test]
fn every_part_is_known_again_from_its_text_and_requires_what_it_needs() {
    let of_conditions =
        (conditions().into_iter()).map(|one| rule_of(vec![one], vec![FormAction::Flag {}]));
    let of_actions = (actions().into_iter()).map(|one| rule_of(Vec::new(), vec![one]));
    for rule in of_conditions.chain(of_actions) {
        let script = rule.to_script();
        let required: Vec<_> = crate::required(&script.block)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(script.require, required, "{rule:?}");
        assert_eq!(through_text(&rule), Some(rule));
    }
}

proptest! {
    #[test]
    fn every_rule_is_known_again(rule in rule()) {
        let script = rule.to_script();
        let known = recognise(&script);
        prop_assert_eq!(known.as_ref(), Some(&rule));
        let read = through_text(&rule);
        prop_assert_eq!(read.as_ref(), Some(&rule));
        let json = serde_json::to_string(&rule).unwrap();
        prop_assert_eq!(serde_json::from_str::<FormRule>(&json).unwrap(), rule);
    }
}
