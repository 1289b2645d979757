//! Text to [`Script`] (RFC 5228 §8): tokens, then the tree of the grammar, then checked values.
//!
//! What [`parse`] gives has passed [`crate::check`]. Nothing here panics, recursion is bounded by
//! [`NESTING_MAX`](crate::limits::NESTING_MAX), and reading goes on behind a mistake.

mod action;
mod arguments;
mod command;
mod lexer;
mod tags;
mod test;
mod tree;

#[cfg(test)]
mod tests;

use crate::ast::{Pos, Script};
use crate::check;
use crate::extension::Requires;
use crate::limits::SCRIPT_MAX_OCTETS;
use crate::problem::{Problem, Problems};
use crate::text::Reading;

/// Reads and checks a script.
///
/// What stands in a block that can never run, since its `ihave` asks for an extension that is not
/// there, is read for its grammar only and is no part of the script (RFC 5463 §4).
///
/// # Errors
///
/// All that is wrong, as far as one look can tell: mistakes of the grammar hide all others.
pub fn parse(text: &str) -> Result<Script, Problems> {
    let mut problems = Vec::new();
    let script = read(text, &mut problems);
    Problems::found(problems)?;
    Ok(script)
}

fn read(text: &str, problems: &mut Vec<Problem>) -> Script {
    if text.len() > SCRIPT_MAX_OCTETS {
        let words = format!("a script has at most {SCRIPT_MAX_OCTETS} octets");
        problems.push(Problem::new(Pos { line: 1, column: 1 }, words));
        return Script::default();
    }
    let nodes = match tree::read(text) {
        Ok(nodes) => nodes,
        Err(found) => {
            problems.extend(found);
            return Script::default();
        }
    };
    let (names, nodes) = command::required(&nodes, problems);
    for (name, at) in &names {
        problems.extend(check::extension(name, *at));
    }
    let require: Vec<String> = names.into_iter().map(|(name, _)| name).collect();
    let mut parser = Parser {
        reading: Reading::of(&require),
        requires: Requires(require.clone()),
        problems: std::mem::take(problems),
    };
    let block = parser.block(nodes);
    let script = Script { require, block };
    *problems = parser.problems;
    check::block(&script, problems);
    script
}

struct Parser {
    reading: Reading,
    requires: Requires,
    problems: Vec<Problem>,
}
