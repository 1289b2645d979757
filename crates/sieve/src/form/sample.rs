//! Forms for tests: each kind once, and arbitrary ones.

use proptest::prelude::*;

use crate::form::{
    Bound, Compare, Condition, Fact, FormAction, FormRule, OCTETS_MAX, Place, Priority,
};

pub(super) const PLACES: [Place; 18] = [
    Place::FromAddress,
    Place::FromDomain,
    Place::ToAddress,
    Place::ToDomain,
    Place::CcAddress,
    Place::CcDomain,
    Place::ToOrCcAddress,
    Place::ToOrCcDomain,
    Place::Subject,
    Place::Body,
    Place::SubjectOrBody,
    Place::From,
    Place::To,
    Place::Headers,
    Place::Message,
    Place::AttachmentName,
    Place::AttachmentExtension,
    Place::SendingIp,
];
pub(super) const COMPARES: [Compare; 6] = [
    Compare::Equals,
    Compare::NotEquals,
    Compare::Contains,
    Compare::NotContains,
    Compare::Matches,
    Compare::NotMatches,
];

pub(super) fn text(place: Place, compare: Compare, values: &[&str]) -> Condition {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Condition::Text {
        place,
        compare,
        values,
    }
}

/// Each kind of condition in each of its forms.
pub(super) fn conditions() -> Vec<Condition> {
    let mut all = Vec::new();
    all.extend(PLACES.map(|place| text(place, Compare::Equals, &["tucows"])));
    all.extend(COMPARES.map(|compare| text(Place::Subject, compare, &["a*b?", "\\\"c"])));
    for fact in Fact::ALL {
        all.push(Condition::Fact { fact, holds: true });
    }
    all.push(Condition::Fact {
        fact: Fact::TrustedSender,
        holds: false,
    });
    all.extend(Priority::ALL.map(|priority| Condition::Priority { priority }));
    for bound in [Bound::Over, Bound::Under] {
        let octets = 1_048_576;
        all.push(Condition::Size { bound, octets });
        all.push(Condition::AttachmentSize { bound, octets });
        all.push(Condition::SpamScore { bound, percent: 50 });
    }
    let (from, until) = ("2026-05-01".parse().ok(), "2026-05-31".parse().ok());
    all.push(Condition::Received { from, until });
    all.push(Condition::Received { from, until: None });
    all.push(Condition::Received { from: None, until });
    all
}

/// Each kind of action in each of its forms.
pub(super) fn actions() -> Vec<FormAction> {
    let to = "drop@example.net".parse().unwrap();
    let folder = || "Archive/Old ones".to_owned();
    let mut all = vec![
        FormAction::AddHeader {
            name: "X-Label".to_owned(),
            value: "two words".to_owned(),
        },
        FormAction::PrefixSubject {
            prefix: "[list]".to_owned(),
        },
    ];
    all.extend(Priority::ALL.map(|priority| FormAction::SetPriority { priority }));
    all.extend([
        FormAction::MarkRead {},
        FormAction::Flag {},
        FormAction::Reply {
            subject: Some("Away".to_owned()),
            text: "I am away.\nBack on Monday.".to_owned(),
            days: 7,
        },
        FormAction::Reply {
            subject: None,
            text: "Away".to_owned(),
            days: 1,
        },
        FormAction::CopyTo {
            to: "copy@example.net".parse().unwrap(),
        },
        FormAction::CopyInto { folder: folder() },
        FormAction::MoveTo { folder: folder() },
        FormAction::Redirect { to },
        FormAction::Delete {},
        FormAction::Reject {
            reason: "Not here.\nWrite to info@example.org.".to_owned(),
        },
    ]);
    all
}

/// Texts on one line, with what quoting, wildcards and variables make of it.
fn line() -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(vec![
        "*",
        "?",
        "\\",
        "\"",
        "${1}",
        "${x}",
        "${hex:41}",
        "/*",
        "#",
        ";",
        "text:",
        ".",
        " ",
        "é",
        "日",
        "a",
    ]);
    prop::collection::vec(
        prop_oneof![awkward.prop_map(str::to_owned), "[a-zA-Z0-9 @.-]{1,6}"],
        1..5,
    )
    .prop_map(|parts| parts.concat())
}

fn trimmed() -> impl Strategy<Value = String> {
    line().prop_map(|line| format!("x{line}x"))
}

/// Texts of several lines, some of which begin with a dot.
fn lines() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![trimmed(), Just(".".to_owned()), Just(String::new())],
        1..4,
    )
    .prop_map(|lines| format!("x{}", lines.join("\n")))
}

fn condition() -> impl Strategy<Value = Condition> {
    let any_text = (
        prop::sample::select(PLACES.to_vec()),
        prop::sample::select(COMPARES.to_vec()),
        prop::collection::vec(line(), 1..4),
    );
    let text = any_text.prop_map(|(place, compare, values)| match place {
        Place::AttachmentExtension => Condition::Text {
            place,
            compare: if compare.is_negative() {
                Compare::NotEquals
            } else {
                Compare::Equals
            },
            values: vec!["pdf".to_owned(), "tar.gz".to_owned()],
        },
        _ => Condition::Text {
            place,
            compare,
            values,
        },
    });
    let bound = || prop::sample::select(vec![Bound::Over, Bound::Under]);
    let size = (bound(), 0..=OCTETS_MAX, any::<bool>()).prop_map(|(bound, octets, of_part)| {
        if of_part {
            Condition::AttachmentSize { bound, octets }
        } else {
            Condition::Size { bound, octets }
        }
    });
    let spam =
        (bound(), 0..=100u8).prop_map(|(bound, percent)| Condition::SpamScore { bound, percent });
    prop_oneof![
        4 => text,
        1 => size,
        1 => spam,
        1 => prop::sample::select(conditions()),
    ]
}

fn action() -> impl Strategy<Value = FormAction> {
    prop_oneof![
        2 => prop::sample::select(actions()),
        1 => trimmed().prop_map(|prefix| FormAction::PrefixSubject { prefix }),
        1 => trimmed().prop_map(|value| FormAction::AddHeader { name: "X-A".to_owned(), value }),
        1 => (lines(), 1..=365u16).prop_map(|(text, days)| FormAction::Reply { subject: None, text, days }),
        1 => lines().prop_map(|reason| FormAction::Reject { reason }),
    ]
}

/// Rules that the check lets pass.
pub(crate) fn rule() -> impl Strategy<Value = FormRule> {
    (
        prop::collection::vec(condition(), 0..4),
        any::<bool>(),
        prop::collection::vec(action(), 0..4),
        any::<bool>(),
    )
        .prop_map(|(conditions, all, mut actions, stop)| {
            // What cannot stand together would only be filtered away.
            if let Some(reject) = actions
                .iter()
                .position(|one| matches!(one, FormAction::Reject { .. }))
            {
                actions = vec![actions.swap_remove(reject)];
            }
            if actions.contains(&FormAction::Delete {}) {
                actions.retain(|one| !matches!(one, FormAction::MoveTo { .. }));
            }
            FormRule {
                conditions,
                all,
                stop: stop || actions.is_empty(),
                actions,
            }
            .settled()
        })
        .prop_filter("passes the check", |rule| rule.check().is_ok())
}
