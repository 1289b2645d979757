//! Tests as words for people: `the subject contains "tucows"`.
//!
//! What somebody typed is data: it stands in quotes that it cannot end. It is not made visible here
//! (controls, bidirectional marks); whoever shows it does that. All lengths are bounded.

use crate::ast::{Pos, Script, Test, TestKind, Text};
use crate::walk;

mod clause;

use clause::{Said, said};

/// Conditions that are told of a group; the rest is counted.
const CONDITIONS_SHOWN_MAX: usize = 4;
/// Groups within each other that are told; what lies deeper is counted.
const GROUPS_SHOWN_MAX: usize = 2;
/// Characters after which no further condition of a group is told.
const GROUP_MAX_CHARS: usize = 300;
/// Values of a condition that are told; the rest is counted.
const VALUES_SHOWN_MAX: usize = 3;
/// Characters of a value that are told.
const VALUE_SHOWN_MAX_CHARS: usize = 60;

/// Words, and whether they are several conditions, which need parentheses beside others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Phrase {
    text: String,
    several: bool,
}

impl Phrase {
    fn one(text: String) -> Self {
        let several = false;
        Self { text, several }
    }
}

/// The test in words, as one of several conditions: a group stands in parentheses.
pub(crate) fn part(test: &Test, holds: bool) -> String {
    beside_others(&phrase(test, holds, 1))
}

/// The test in words.
pub(crate) fn whole(test: &Test, holds: bool) -> String {
    phrase(test, holds, 0).text
}

/// The test that stands at this place of a script, in words: as it was found, so one that did not hold
/// is told by its opposite. `None` where no test begins there.
pub fn condition_at(script: &Script, at: Pos, held: bool) -> Option<String> {
    let mut found = None;
    walk::block(&script.block, &mut |node| {
        if let walk::Node::Test(test) = node
            && test.at == at
            && !matches!(
                test.kind,
                TestKind::Not(_) | TestKind::AllOf(_) | TestKind::AnyOf(_)
            )
        {
            found.get_or_insert_with(|| whole(test, held));
        }
    });
    found
}

/// Whether the test is told as one condition, also where it is several tests.
pub(crate) fn is_one(test: &Test) -> bool {
    !phrase(test, true, 0).several
}

/// Conditions that belong together: `a and b and 3 more conditions`. `word` is `and` or `or`;
/// `uncounted` are further ones that are only counted.
pub(crate) fn join(parts: &[String], word: &str, uncounted: usize) -> String {
    let mut text = String::new();
    let mut told = 0;
    for part in parts.iter().take(CONDITIONS_SHOWN_MAX) {
        if told > 0 && text.chars().count() + part.chars().count() > GROUP_MAX_CHARS {
            break;
        }
        if told > 0 {
            text.push_str(&format!(" {word} "));
        }
        text.push_str(part);
        told += 1;
    }
    match parts.len() - told + uncounted {
        0 => text,
        1 => format!("{text} {word} 1 more condition"),
        more => format!("{text} {word} {more} more conditions"),
    }
}

/// A text in quotes, cut, that cannot end them.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for (count, c) in text.chars().enumerate() {
        if count == VALUE_SHOWN_MAX_CHARS {
            quoted.push('…');
            break;
        }
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// Values of which any may be: `"a", "b" or 3 more`.
pub(crate) fn values(texts: &[Text]) -> String {
    let mut words: Vec<_> = texts.iter().take(VALUES_SHOWN_MAX).map(value).collect();
    if texts.len() > VALUES_SHOWN_MAX {
        words.push(format!("{} more", texts.len() - VALUES_SHOWN_MAX));
    }
    listed(&words, "or")
}

/// `a, b or c`; of nothing `nothing`.
pub(crate) fn listed(words: &[String], word: &str) -> String {
    match words {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    }
}

fn value(text: &Text) -> String {
    match text.constant() {
        Some(text) => quoted(&text),
        None => "a computed value".to_owned(),
    }
}

fn phrase(test: &Test, holds: bool, depth: usize) -> Phrase {
    match &test.kind {
        TestKind::Not(test) => phrase(test, !holds, depth),
        TestKind::AllOf(tests) => group(tests, holds, if holds { "and" } else { "or" }, depth),
        TestKind::AnyOf(tests) => match clause::merged(tests) {
            Some(clause) => Phrase::one(clause.say(holds)),
            None => group(tests, holds, if holds { "or" } else { "and" }, depth),
        },
        kind => Phrase::one(match said(kind) {
            Said::Clause(clause) => clause.say(holds),
            Said::Phrase { yes, no } => {
                if holds {
                    yes
                } else {
                    no
                }
            }
        }),
    }
}

fn group(tests: &[Test], holds: bool, word: &str, depth: usize) -> Phrase {
    if let [test] = tests {
        return phrase(test, holds, depth);
    }
    if depth >= GROUPS_SHOWN_MAX {
        let count = tests.iter().map(leaves).sum::<usize>();
        return Phrase::one(format!("{count} conditions"));
    }
    let shown = tests.iter().take(CONDITIONS_SHOWN_MAX);
    let parts: Vec<_> = shown
        .map(|test| beside_others(&phrase(test, holds, depth + 1)))
        .collect();
    Phrase {
        text: join(&parts, word, tests.len() - parts.len()),
        several: true,
    }
}

fn beside_others(phrase: &Phrase) -> String {
    if phrase.several {
        format!("({})", phrase.text)
    } else {
        phrase.text.clone()
    }
}

/// How many conditions a test is.
fn leaves(test: &Test) -> usize {
    match &test.kind {
        TestKind::Not(test) => leaves(test),
        TestKind::AllOf(tests) | TestKind::AnyOf(tests) => tests.iter().map(leaves).sum(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests;
