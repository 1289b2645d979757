//! What a script must fulfil beyond its grammar, whether it was read from text or made otherwise.
//!
//! Values that are known before the script runs are judged here; those that variables make are
//! judged by the run.

mod command;
mod test;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::ast::{Block, Command, CommandKind, Piece, Pos, Script, Test, TestKind, Text};
use crate::extension::{self, CAPABILITIES, Need, Requires};
use crate::limits::{NESTING_MAX, NODES_MAX, PROBLEMS_MAX};
use crate::problem::{Problem, Problems, nearest, shown};
use crate::text::{Reading, holds_variable};
use crate::walk;

/// Checks a script that was not read from text; [`crate::parse()`] has done so.
///
/// # Errors
///
/// All that is wrong.
pub fn check(script: &Script) -> Result<(), Problems> {
    let mut problems = Vec::new();
    for name in &script.require {
        problems.extend(extension(name, Pos::default()));
    }
    block(script, &mut problems);
    Problems::found(problems)
}

/// What is wrong with the name of an extension in `require`.
pub(crate) fn extension(name: &str, at: Pos) -> Option<Problem> {
    if CAPABILITIES.contains(&name) {
        return None;
    }
    let mut words = format!("this server has no extension \"{}\"", shown(name));
    if let Some(meant) = nearest(name, CAPABILITIES) {
        words.push_str(&format!("; is \"{meant}\" meant?"));
    }
    Some(Problem::new(at, words))
}

/// Notes all that is wrong in the commands of a script.
pub(crate) fn block(script: &Script, problems: &mut Vec<Problem>) {
    let mut checker = Checker {
        reading: Reading::of(&script.require),
        requires: Requires(script.require.clone()),
        enabled: script.require.iter().cloned().collect(),
        told: BTreeSet::new(),
        set: BTreeSet::new(),
        parts: Vec::new(),
        nodes: 0,
        problems,
    };
    checker.block(&script.block, 0);
}

struct Checker<'s, 'p> {
    reading: Reading,
    requires: Requires,
    /// Extensions that can be used: required, or asked for by an `ihave` further up.
    enabled: BTreeSet<String>,
    /// What was said to be missing already.
    told: BTreeSet<&'static str>,
    /// Variables that were set further up.
    set: BTreeSet<&'s str>,
    /// The `foreverypart` loops around, by their names.
    parts: Vec<Option<&'s str>>,
    nodes: usize,
    problems: &'p mut Vec<Problem>,
}

impl<'s> Checker<'s, '_> {
    fn say(&mut self, at: Pos, words: impl Into<String>) {
        // More than are told, since they are sorted only at the end; not without end.
        if self.problems.len() < 10 * PROBLEMS_MAX {
            self.problems.push(Problem::new(at, words));
        }
    }

    fn node(&mut self, at: Pos, depth: usize) -> bool {
        self.nodes += 1;
        let words = if depth > NESTING_MAX {
            format!("blocks and tests lie at most {NESTING_MAX} deep in each other")
        } else if self.nodes == NODES_MAX + 1 {
            format!("a script has at most {NODES_MAX} commands and tests")
        } else {
            return self.nodes <= NODES_MAX;
        };
        self.say(at, words);
        false
    }

    fn block(&mut self, block: &'s Block, depth: usize) {
        for command in block {
            if self.node(command.at, depth) {
                self.command(command, depth);
            }
        }
    }

    fn command(&mut self, command: &'s Command, depth: usize) {
        let mut needs = Vec::new();
        extension::of_command(command, &mut |need| needs.push(need));
        let mut texts = Vec::new();
        walk::command_texts(&command.kind, &mut |text| texts.push(text));
        self.texts(&texts, command.at, needs);
        match &command.kind {
            CommandKind::If { arms, otherwise } => {
                if arms.is_empty() {
                    self.say(command.at, "`if` needs a test");
                }
                for (test, block) in arms {
                    self.test(test, depth + 1);
                    self.block(block, depth + 1);
                }
                if let Some(block) = otherwise {
                    self.block(block, depth + 1);
                }
            }
            CommandKind::ForEveryPart { name, block } => {
                self.parts.push(name.as_deref());
                self.block(block, depth + 1);
                self.parts.pop();
            }
            _ => self.simple(command),
        }
    }

    fn test(&mut self, test: &'s Test, depth: usize) {
        if !self.node(test.at, depth) {
            return;
        }
        let mut needs = Vec::new();
        extension::of_test(test, &mut |need| needs.push(need));
        let mut texts = Vec::new();
        walk::test_texts(&test.kind, &mut |text| texts.push(text));
        self.texts(&texts, test.at, needs);
        match &test.kind {
            TestKind::Not(inner) => self.test(inner, depth + 1),
            TestKind::AllOf(inner) | TestKind::AnyOf(inner) => {
                if inner.is_empty() {
                    self.say(test.at, "`allof` and `anyof` need at least one test");
                }
                for inner in inner {
                    self.test(inner, depth + 1);
                }
            }
            _ => self.simple_test(test),
        }
    }

    /// Notes what is needed and not required, and texts that could not be written.
    fn texts(&mut self, texts: &[&Text], at: Pos, mut needs: Vec<Need>) {
        for text in texts {
            extension::of_text(text, &mut |need| needs.push(need));
            let literals = text.0.iter().filter_map(|piece| match piece {
                Piece::Literal(literal) => Some(literal),
                Piece::Variable(_) | Piece::Match(_) => None,
            });
            for literal in literals {
                if self.reading.variables && holds_variable(literal) {
                    let words = "`${…}` cannot stand in a text where variables are used";
                    self.say(at, words);
                }
                if !self.reading.encoded && !extension::is_plain(literal) {
                    let words = "a text holds a line end or a NUL that cannot be written here";
                    self.say(at, words);
                }
            }
        }
        for need in needs {
            let has = need.any_of.iter().any(|name| self.enabled.contains(*name));
            let Some(name) = need.any_of.first() else {
                continue;
            };
            if !has && self.told.insert(name) {
                let word = need.word;
                self.say(
                    at,
                    format!("`{word}` needs `require \"{name}\";` at the top"),
                );
            }
        }
    }
}
