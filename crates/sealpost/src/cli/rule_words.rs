//! Conditions and actions of rules as people write them on the command line.

use sieve::form::{Bound, Compare, Condition, Fact, FormAction, Place, Priority};

use super::values::Quota;

/// Texts of a message, by the words for them.
const PLACES: [(&str, Place); 18] = [
    ("from-address", Place::FromAddress),
    ("from-domain", Place::FromDomain),
    ("to-address", Place::ToAddress),
    ("to-domain", Place::ToDomain),
    ("cc-address", Place::CcAddress),
    ("cc-domain", Place::CcDomain),
    ("to-or-cc-address", Place::ToOrCcAddress),
    ("to-or-cc-domain", Place::ToOrCcDomain),
    ("subject", Place::Subject),
    ("body", Place::Body),
    ("subject-or-body", Place::SubjectOrBody),
    ("from", Place::From),
    ("to", Place::To),
    ("headers", Place::Headers),
    ("message", Place::Message),
    ("attachment-name", Place::AttachmentName),
    ("attachment-extension", Place::AttachmentExtension),
    ("sending-ip", Place::SendingIp),
];

/// Comparisons, by the words for them.
const COMPARISONS: [(&str, Compare); 6] = [
    ("is", Compare::Equals),
    ("is-not", Compare::NotEquals),
    ("contains", Compare::Contains),
    ("contains-not", Compare::NotContains),
    ("like", Compare::Matches),
    ("not-like", Compare::NotMatches),
];

/// Facts, by the words for them.
const FACTS: [(&str, Fact); 7] = [
    ("trusted-sender", Fact::TrustedSender),
    ("authenticated-sender", Fact::AuthenticatedSender),
    ("automated", Fact::Automated),
    ("only-to-me", Fact::OnlyToMe),
    ("me-in-to", Fact::MeInTo),
    ("me-in-to-or-cc", Fact::MeInToOrCc),
    ("has-attachment", Fact::HasAttachment),
];

/// Reads a condition: a fact (`has-attachment`, `not automated`), a number (`larger 5M`), or a text
/// with a comparison and values (`subject contains tucows|godaddy`).
pub(super) fn condition(text: &str) -> Result<Condition, String> {
    let (first, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let rest = rest.trim();
    let (holds, word) = match first {
        "not" => (false, rest),
        word => (true, word),
    };
    if let Some(fact) = named(&FACTS, word) {
        return Ok(Condition::Fact { fact, holds });
    }
    match first {
        "larger" | "smaller" => size(rest).map(|octets| Condition::Size {
            bound: bound(first),
            octets,
        }),
        "attachment-larger" | "attachment-smaller" => {
            size(rest).map(|octets| Condition::AttachmentSize {
                bound: bound(first),
                octets,
            })
        }
        "priority" => priority(rest).map(|priority| Condition::Priority { priority }),
        "received" => received(rest),
        "spam-over" | "spam-under" => {
            let percent = rest
                .parse()
                .map_err(|_| format!("{rest:?} is no number up to 100"))?;
            let bound = if first == "spam-over" {
                Bound::Over
            } else {
                Bound::Under
            };
            Ok(Condition::SpamScore { bound, percent })
        }
        _ => compared(first, rest),
    }
}

fn compared(first: &str, rest: &str) -> Result<Condition, String> {
    let place = named(&PLACES, first).ok_or_else(|| {
        let known: Vec<_> = PLACES.iter().map(|(word, _)| *word).collect();
        let facts: Vec<_> = FACTS.iter().map(|(word, _)| *word).collect();
        format!(
            "{first:?} is nothing that a condition can ask for. Texts: {}. Facts: {}. Others: larger, \
             smaller, attachment-larger, attachment-smaller, priority, received, spam-over, spam-under",
            known.join(", "),
            facts.join(", "),
        )
    })?;
    let (how, values) = rest.split_once(' ').unwrap_or((rest, ""));
    let compare = named(&COMPARISONS, how).ok_or_else(|| {
        let known: Vec<_> = COMPARISONS.iter().map(|(word, _)| *word).collect();
        format!(
            "how shall {first} be compared? Write one of {}",
            known.join(", ")
        )
    })?;
    let values: Vec<_> = values
        .split('|')
        .map(|value| value.trim().to_owned())
        .collect();
    if values.iter().any(String::is_empty) {
        return Err(format!(
            "with what shall {first} be compared? Write {first} {how} WORDS"
        ));
    }
    Ok(Condition::Text {
        place,
        compare,
        values,
    })
}

/// Reads an action, such as `delete` or `move Lists`.
pub(super) fn action(text: &str) -> Result<FormAction, String> {
    let (first, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let rest = rest.trim();
    let said = |what: &str| match rest {
        "" => Err(format!("{first} what? Write {first} {what}")),
        rest => Ok(rest.to_owned()),
    };
    let address = || {
        let text = said("ADDRESS")?;
        text.parse().map_err(|err| format!("{text:?}: {err}"))
    };
    Ok(match first {
        "delete" => FormAction::Delete {},
        "redirect" => FormAction::Redirect { to: address()? },
        "copy" => FormAction::CopyTo { to: address()? },
        "reject" => FormAction::Reject {
            reason: said("TEXT")?,
        },
        "move" => FormAction::MoveTo {
            folder: said("FOLDER")?,
        },
        "file" => FormAction::CopyInto {
            folder: said("FOLDER")?,
        },
        "header" => {
            let text = said("'Name: value'")?;
            let (name, value) = text
                .split_once(':')
                .ok_or_else(|| format!("{text:?} is no header field: write 'Name: value'"))?;
            FormAction::AddHeader {
                name: name.trim().to_owned(),
                value: value.trim().to_owned(),
            }
        }
        "prefix" => FormAction::PrefixSubject {
            prefix: said("TEXT")?,
        },
        "priority" => FormAction::SetPriority {
            priority: priority(rest)?,
        },
        "read" => FormAction::MarkRead {},
        "flag" => FormAction::Flag {},
        _ => {
            return Err(format!(
                "{first:?} is no action. Write delete, redirect ADDRESS, copy ADDRESS, reject TEXT, \
                 move FOLDER, file FOLDER, header 'Name: value', prefix TEXT, priority high, read or \
                 flag"
            ));
        }
    })
}

fn named<T: Copy>(words: &[(&str, T)], word: &str) -> Option<T> {
    words
        .iter()
        .find(|(known, _)| *known == word)
        .map(|(_, value)| *value)
}

fn bound(word: &str) -> Bound {
    match word.ends_with("larger") {
        true => Bound::Over,
        false => Bound::Under,
    }
}

fn size(text: &str) -> Result<u64, String> {
    let short = text.strip_suffix(['B', 'b']);
    let short = short.filter(|short| short.ends_with(['K', 'k', 'M', 'm', 'G', 'g']));
    let quota: Result<Quota, _> = short.unwrap_or(text).parse();
    let size = quota.ok().and_then(|quota| quota.0);
    size.ok_or_else(|| {
        format!("{text:?} is no size: write a number with its unit, such as 500K or 5M")
    })
}

fn priority(text: &str) -> Result<Priority, String> {
    match text {
        "high" => Ok(Priority::High),
        "normal" => Ok(Priority::Normal),
        "low" => Ok(Priority::Low),
        _ => Err(format!(
            "{text:?} is no priority: write high, normal or low"
        )),
    }
}

/// `from DAY`, `until DAY`, or `from DAY until DAY`.
fn received(text: &str) -> Result<Condition, String> {
    let words: Vec<_> = text.split_whitespace().collect();
    let day = |text: &str| text.parse().map_err(|err: sieve::DayError| err.to_string());
    let (from, until) = match words.as_slice() {
        ["from", from] => (Some(day(from)?), None),
        ["until", until] => (None, Some(day(until)?)),
        ["from", from, "until", until] => (Some(day(from)?), Some(day(until)?)),
        _ => return Err("write received from DAY, until DAY, or from DAY until DAY".to_owned()),
    };
    Ok(Condition::Received { from, until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_as_they_are_said() {
        for (text, words) in [
            (
                "subject contains tucows",
                "When the subject contains \"tucows\"",
            ),
            ("not automated", "When "),
            ("larger 5M", "When "),
            ("larger 5MB", "When "),
            ("from-domain is a.test | b.test", "When "),
            ("received from 2026-05-01 until 2026-05-31", "When "),
        ] {
            let form = sieve::form::FormRule {
                conditions: vec![condition(text).unwrap()],
                all: true,
                actions: vec![FormAction::Delete {}],
                stop: false,
            };
            let form = form.settled();
            assert!(form.check().is_ok(), "{text}");
            assert!(form.words().starts_with(words), "{text}: {}", form.words());
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_a_way_out() {
        for (text, part) in [
            ("colour is red", "nothing that a condition can ask for"),
            ("subject", "how shall subject be compared"),
            ("subject has x", "how shall subject be compared"),
            ("subject contains", "with what"),
            ("subject contains a||b", "with what"),
            ("larger 5", "is no size: write a number with its unit"),
            ("larger none", "is no size"),
            ("larger five", "is no size"),
            ("priority urgent", "write high, normal or low"),
            ("received yesterday", "write received from DAY"),
            ("received from yesterday", "no day"),
        ] {
            let err = condition(text).unwrap_err();
            assert!(err.contains(part), "{text}: {err}");
        }
        for (text, part) in [
            ("destroy", "is no action"),
            ("move", "Write move FOLDER"),
            ("copy nobody", "nobody"),
            ("header X", "Name: value"),
        ] {
            let err = action(text).unwrap_err();
            assert!(err.contains(part), "{text}: {err}");
        }
    }
}
