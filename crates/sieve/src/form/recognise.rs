//! From a script back to the form that it was built from.
//!
//! What is read here is only a guess: a form is known again if it builds exactly this script, so a
//! script that somebody changed is never shown as something else than it is.

use crate::ast::{
    AddressPart, Command, CommandKind, MatchKind, Matching, Mime, MimeOf, Relation, Script, Test,
    TestKind, Text,
};
use crate::form::build::DAY_S;
use crate::form::{Bound, Compare, Condition, Day, Fact, FormAction, FormRule, Place, Priority};
use crate::item;

/// The form that the script was built from; `None` for every other script.
pub fn recognise(script: &Script) -> Option<FormRule> {
    let script = script.erased();
    let rule = guess(&script)?;
    rule.check().ok()?;
    (rule.to_script() == script).then_some(rule)
}

fn guess(script: &Script) -> Option<FormRule> {
    let (test, block) = match script.block.as_slice() {
        [
            Command {
                kind:
                    CommandKind::If {
                        arms,
                        otherwise: None,
                    },
                ..
            },
        ] => match arms.as_slice() {
            [(test, block)] => (Some(test), block),
            _ => return None,
        },
        _ => (None, &script.block),
    };
    let (conditions, all) = match test.map(|test| &test.kind) {
        None => (Some(Vec::new()), true),
        Some(TestKind::AllOf(tests)) => (tests.iter().map(condition).collect(), true),
        Some(TestKind::AnyOf(tests)) => (tests.iter().map(condition).collect(), false),
        Some(_) => (test.map(condition).into_iter().collect(), true),
    };
    let kinds: Vec<_> = block.iter().map(|command| &command.kind).collect();
    let (actions, stop) = match kinds.split_last() {
        Some((CommandKind::Stop, rest)) => (actions(rest)?, true),
        _ => (actions(&kinds)?, false),
    };
    Some(FormRule {
        conditions: conditions?,
        all,
        actions,
        stop,
    })
}

fn condition(test: &Test) -> Option<Condition> {
    let constant = |text: &Text| text.constant();
    match &test.kind {
        TestKind::Not(inner) => match condition(inner)? {
            Condition::Text {
                place,
                compare,
                values,
            } => Some(Condition::Text {
                place,
                compare: negative(compare)?,
                values,
            }),
            _ => None,
        },
        TestKind::Size { over, octets } => Some(Condition::Size {
            bound: if *over { Bound::Over } else { Bound::Under },
            octets: *octets,
        }),
        TestKind::SpamTest {
            matching, value, ..
        } => Some(Condition::SpamScore {
            bound: bound(*matching)?,
            percent: constant(value)?.parse().ok()?,
        }),
        TestKind::CurrentDate { .. } => received(std::slice::from_ref(test)),
        TestKind::AllOf(tests) => received(tests),
        TestKind::Environment {
            matching,
            name,
            keys,
        } => environment(&constant(name)?, *matching, keys),
        _ => text(test),
    }
}

fn negative(compare: Compare) -> Option<Compare> {
    match compare {
        Compare::Equals => Some(Compare::NotEquals),
        Compare::Contains => Some(Compare::NotContains),
        Compare::Matches => Some(Compare::NotMatches),
        Compare::NotEquals | Compare::NotContains | Compare::NotMatches => None,
    }
}

fn bound(matching: Matching) -> Option<Bound> {
    match matching.kind {
        MatchKind::Value(Relation::Gt) => Some(Bound::Over),
        MatchKind::Value(Relation::Lt) => Some(Bound::Under),
        _ => None,
    }
}

fn received(tests: &[Test]) -> Option<Condition> {
    let (mut from, mut until) = (None, None);
    for test in tests {
        let TestKind::CurrentDate { matching, keys, .. } = &test.kind else {
            return None;
        };
        let day: Day = keys.first()?.constant()?.parse().ok()?;
        match matching.kind {
            MatchKind::Value(Relation::Ge) => from = Some(day),
            MatchKind::Value(Relation::Le) => until = Some(day),
            _ => return None,
        }
    }
    Some(Condition::Received { from, until })
}

fn environment(name: &str, matching: Matching, keys: &[Text]) -> Option<Condition> {
    let first = keys.first()?.constant()?;
    if let Some(fact) = Fact::ALL.into_iter().find(|fact| fact.item() == name) {
        let holds = first == "true";
        return Some(Condition::Fact { fact, holds });
    }
    match name {
        item::PRIORITY => {
            let mut all = Priority::ALL.into_iter();
            let priority = all.find(|priority| priority.word() == first)?;
            Some(Condition::Priority { priority })
        }
        item::LARGEST_ATTACHMENT => Some(Condition::AttachmentSize {
            bound: bound(matching)?,
            octets: first.parse().ok()?,
        }),
        item::HEADERS => compared(Place::Headers, matching, keys),
        item::SENDING_IP => compared(Place::SendingIp, matching, keys),
        _ => None,
    }
}

fn text(test: &Test) -> Option<Condition> {
    match &test.kind {
        TestKind::Address {
            part,
            matching,
            headers,
            keys,
            ..
        } => compared(address_place(*part, headers)?, *matching, keys),
        TestKind::Header {
            matching,
            headers,
            keys,
            ..
        } => {
            let place = match headers.first()?.constant()?.as_str() {
                "subject" => Place::Subject,
                "from" => Place::From,
                "to" => Place::To,
                _ => return None,
            };
            compared(place, *matching, keys)
        }
        TestKind::Body { matching, keys, .. } => compared(Place::Body, *matching, keys),
        TestKind::AnyOf(tests) => pair(tests),
        _ => None,
    }
}

fn address_place(part: AddressPart, headers: &[Text]) -> Option<Place> {
    let headers: Option<Vec<_>> = headers.iter().map(Text::constant).collect();
    let headers = headers?;
    let headers: Vec<_> = headers.iter().map(String::as_str).collect();
    match (part, headers.as_slice()) {
        (AddressPart::All, ["from"]) => Some(Place::FromAddress),
        (AddressPart::All, ["to"]) => Some(Place::ToAddress),
        (AddressPart::All, ["cc"]) => Some(Place::CcAddress),
        (AddressPart::All, ["to", "cc"]) => Some(Place::ToOrCcAddress),
        (AddressPart::Domain, ["from"]) => Some(Place::FromDomain),
        (AddressPart::Domain, ["to"]) => Some(Place::ToDomain),
        (AddressPart::Domain, ["cc"]) => Some(Place::CcDomain),
        (AddressPart::Domain, ["to", "cc"]) => Some(Place::ToOrCcDomain),
        _ => None,
    }
}

/// Two places that are one for people.
fn pair(tests: &[Test]) -> Option<Condition> {
    let [first, second] = tests else { return None };
    let place = match (&first.kind, &second.kind) {
        (TestKind::Environment { .. }, TestKind::Body { .. }) => Place::Message,
        (TestKind::Header { .. }, TestKind::Body { .. }) => Place::SubjectOrBody,
        (TestKind::Header { fields, .. }, TestKind::Header { .. }) => match &fields.mime {
            Some(Mime {
                of: MimeOf::Param(names),
                ..
            }) if names.first()?.constant()? == "filename" => Place::AttachmentName,
            Some(_) => Place::AttachmentExtension,
            None => return None,
        },
        _ => return None,
    };
    let (TestKind::Environment { matching, keys, .. } | TestKind::Header { matching, keys, .. }) =
        &first.kind
    else {
        return None;
    };
    compared(place, *matching, keys)
}

fn compared(place: Place, matching: Matching, keys: &[Text]) -> Option<Condition> {
    let keys: Option<Vec<String>> = keys.iter().map(Text::constant).collect();
    let keys = keys?;
    let (compare, values) = match (place, matching.kind) {
        (Place::AttachmentExtension, MatchKind::Matches) => {
            let extensions = keys
                .iter()
                .map(|key| key.strip_prefix("*.").map(str::to_owned));
            (Compare::Equals, extensions.collect::<Option<_>>()?)
        }
        (_, MatchKind::Is) => (Compare::Equals, keys),
        (_, MatchKind::Contains) => (Compare::Contains, keys),
        (_, MatchKind::Matches) => {
            let values = keys.iter().map(|key| key.replace("\\\\", "\\"));
            (Compare::Matches, values.collect())
        }
        _ => return None,
    };
    Some(Condition::Text {
        place,
        compare,
        values,
    })
}

fn actions(mut commands: &[&CommandKind]) -> Option<Vec<FormAction>> {
    let mut actions = Vec::new();
    while let Some(first) = commands.first() {
        let action = action(first, commands)?;
        commands = commands.get(action.to_commands().len()..)?;
        actions.push(action);
    }
    Some(actions)
}

/// The action whose first command this is; `from_here` are the commands from it on.
fn action(first: &CommandKind, from_here: &[&CommandKind]) -> Option<FormAction> {
    let action = match first {
        CommandKind::AddHeader { name, value, .. } => FormAction::AddHeader {
            name: name.constant()?,
            value: value.constant()?,
        },
        CommandKind::If { otherwise, .. } => {
            let first = otherwise.as_ref()?.first()?;
            let CommandKind::AddHeader { value, .. } = &first.kind else {
                return None;
            };
            let prefix = value.constant()?;
            FormAction::PrefixSubject { prefix }
        }
        CommandKind::DeleteHeader { .. } => set_priority(from_here)?,
        CommandKind::Flag { flags, .. } => match flags.first()?.constant()?.as_str() {
            "\\Seen" => FormAction::MarkRead {},
            "\\Flagged" => FormAction::Flag {},
            _ => return None,
        },
        CommandKind::Vacation(vacation) => FormAction::Reply {
            subject: match &vacation.subject {
                Some(subject) => Some(subject.constant()?),
                None => None,
            },
            text: lines(&vacation.reason)?,
            days: u16::try_from(vacation.seconds? / DAY_S).ok()?,
        },
        CommandKind::Redirect { address, copy } => {
            let to = address.constant()?.parse().ok()?;
            if *copy {
                FormAction::CopyTo { to }
            } else {
                FormAction::Redirect { to }
            }
        }
        CommandKind::FileInto(file) => {
            let folder = file.mailbox.constant()?;
            if file.copy {
                FormAction::CopyInto { folder }
            } else {
                FormAction::MoveTo { folder }
            }
        }
        CommandKind::Discard => FormAction::Delete {},
        CommandKind::Reject { reason, .. } => FormAction::Reject {
            reason: lines(reason)?,
        },
        _ => return None,
    };
    Some(action)
}

/// The action that begins with exactly these commands.
fn set_priority(from_here: &[&CommandKind]) -> Option<FormAction> {
    let all = Priority::ALL.map(|priority| FormAction::SetPriority { priority });
    all.into_iter().find(|action| {
        let commands = action.to_commands();
        let same = from_here.iter().copied().take(commands.len());
        same.eq(commands.iter())
    })
}

fn lines(text: &Text) -> Option<String> {
    Some(text.constant()?.replace("\r\n", "\n"))
}
