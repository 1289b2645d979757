//! Conditions that only the arrival of a message answers: where it came from, when, what was found
//! of it then. Of mail that is here already nobody knows them, so whoever asks a rule about such
//! mail settles them first, and says so.

use std::collections::BTreeSet;

use crate::ast::{Block, CommandKind, Script, Test, TestKind};
use crate::{item, words};

/// Conditions that are told; the rest is settled all the same.
const TOLD_MAX: usize = 8;

/// Items of the environment that a stored message and the lists of its owner answer.
const KNOWN_ITEMS: [&str; 15] = [
    item::TRUSTED_SENDER,
    item::AUTOMATED,
    item::ONLY_TO_ME,
    item::ME_IN_TO,
    item::ME_IN_TO_OR_CC,
    item::HAS_ATTACHMENT,
    item::PRIORITY,
    item::LARGEST_ATTACHMENT,
    item::HEADERS,
    "domain",
    "host",
    "location",
    "name",
    "phase",
    "version",
];

/// Which circumstances are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circumstances {
    /// All of them.
    All,
    /// All but the time of arrival, which is kept with a message.
    NotTheTime,
}

/// A script without such conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assumed {
    /// The script; each condition that was settled counts as true.
    pub script: Script,
    /// The conditions that were settled, in words, at most eight.
    pub conditions: Vec<String>,
    /// Names of the scripts that it includes, at most eight: what those ask is not looked at.
    pub included: Vec<String>,
}

/// Settles the conditions that mail which is here cannot answer: they count as true. Scripts that
/// this one includes stay as they are.
pub fn assume(script: &Script, which: Circumstances) -> Assumed {
    let mut assumed = Assumed {
        script: script.clone(),
        conditions: Vec::new(),
        included: includes(&script.block),
    };
    let Assumed {
        script, conditions, ..
    } = &mut assumed;
    block(&mut script.block, which, conditions);
    conditions.truncate(TOLD_MAX);
    assumed
}

/// Names of the scripts that commands include, each once.
fn includes(commands: &Block) -> Vec<String> {
    let mut names = BTreeSet::new();
    for command in commands {
        match &command.kind {
            CommandKind::Include { name, .. } => names.extend(name.constant()),
            CommandKind::If { arms, otherwise } => {
                let blocks = arms.iter().map(|(_, then)| then).chain(otherwise);
                names.extend(blocks.flat_map(includes));
            }
            CommandKind::ForEveryPart { block, .. } => names.extend(includes(block)),
            _ => {}
        }
    }
    names.into_iter().take(TOLD_MAX).collect()
}

fn block(commands: &mut Block, which: Circumstances, told: &mut Vec<String>) {
    for command in commands {
        match &mut command.kind {
            CommandKind::If { arms, otherwise } => {
                for (test, then) in arms {
                    settle(test, true, which, told);
                    block(then, which, told);
                }
                if let Some(otherwise) = otherwise {
                    block(otherwise, which, told);
                }
            }
            CommandKind::ForEveryPart { block: inner, .. } => block(inner, which, told),
            _ => {}
        }
    }
}

/// Makes a test what it must be for the condition around it to hold as far as it goes.
fn settle(test: &mut Test, holds: bool, which: Circumstances, told: &mut Vec<String>) {
    if is_circumstance(test, which) {
        let words = words::whole(test, holds);
        if !told.contains(&words) {
            told.push(words);
        }
        test.kind = if holds {
            TestKind::True
        } else {
            TestKind::False
        };
        return;
    }
    match &mut test.kind {
        TestKind::Not(inner) => settle(inner, !holds, which, told),
        TestKind::AllOf(inner) | TestKind::AnyOf(inner) => {
            for test in inner {
                settle(test, holds, which, told);
            }
        }
        _ => {}
    }
}

fn is_circumstance(test: &Test, which: Circumstances) -> bool {
    match &test.kind {
        TestKind::AllOf(inner) | TestKind::AnyOf(inner) => {
            !inner.is_empty() && inner.iter().all(|test| is_circumstance(test, which))
        }
        TestKind::CurrentDate { .. } => which == Circumstances::All,
        TestKind::Environment { name, .. } => {
            let name = name.constant();
            !name.is_some_and(|name| KNOWN_ITEMS.contains(&name.as_str()))
        }
        TestKind::SpamTest { .. } | TestKind::VirusTest { .. } | TestKind::Duplicate { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(test: &str, which: Circumstances) -> (String, Vec<String>) {
        let text = format!(
            "require [\"date\", \"relational\", \"environment\", \"duplicate\"]; if {test} {{ discard; }}"
        );
        let script = crate::parse(&text).unwrap();
        let assumed = assume(&script, which);
        (crate::print(&assumed.script), assumed.conditions)
    }

    #[test]
    fn what_only_the_arrival_tells_counts_as_true() {
        let date = "currentdate :value \"ge\" \"date\" \"2026-05-01\"";
        let source = "environment \"remote-ip\" \"192.0.2.9\"";
        let subject = "header \"subject\" \"x\"";
        for (test, left, told) in [
            (date.to_owned(), "if true", 1),
            (format!("not {date}"), "if not false", 1),
            (format!("anyof ({date}, {source})"), "if true", 1),
            (format!("allof ({subject}, not {source})"), "not false", 1),
            ("duplicate".to_owned(), "if true", 1),
            (subject.to_owned(), "header", 0),
            (
                "environment \"domain\" \"example.org\"".to_owned(),
                "environment",
                0,
            ),
        ] {
            let (printed, conditions) = settled(&test, Circumstances::All);
            assert!(printed.contains(left), "{test}: {printed}");
            assert_eq!(conditions.len(), told, "{test}: {conditions:?}");
        }
    }

    #[test]
    fn included_scripts_are_named_wherever_they_stand() {
        let text = "require \"include\"; include \"b\";
            if size :over 1 { if true { include \"a\"; } } else { include :optional \"b\"; }";
        let script = crate::parse(text).unwrap();
        assert_eq!(assume(&script, Circumstances::All).included, ["a", "b"]);
    }

    #[test]
    fn the_time_of_arrival_can_be_left_as_it_is() {
        let test = "currentdate :value \"ge\" \"date\" \"2026-05-01\"";
        let (printed, conditions) = settled(test, Circumstances::NotTheTime);
        assert!(printed.contains("currentdate"), "{printed}");
        assert_eq!(conditions, [""; 0]);
    }
}
