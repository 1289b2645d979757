//! Commands: controls and blocks.

use super::arguments::Arguments;
use super::tags::choose;
use super::test::TESTS;
use super::tree::Node;
use super::{Parser, action};
use crate::ast::{Block, Command, CommandKind, Location, Pos};
use crate::problem::{Problem, nearest, shown};
use crate::text::{Reading, variable_name};

/// The words of all commands.
pub(super) const COMMANDS: &[&str] = &[
    "addflag",
    "addheader",
    "break",
    "deleteheader",
    "discard",
    "else",
    "elsif",
    "ereject",
    "error",
    "fileinto",
    "foreverypart",
    "global",
    "if",
    "include",
    "keep",
    "notify",
    "redirect",
    "reject",
    "removeflag",
    "require",
    "return",
    "set",
    "setflag",
    "stop",
    "vacation",
];

impl Parser {
    /// Commands one after the other. What was wrong in one is noted, and it is left out.
    pub(super) fn block(&mut self, nodes: &[Node]) -> Block {
        let mut block = Block::new();
        let mut rest = nodes;
        while let Some((node, after)) = rest.split_first() {
            rest = after;
            let kind = match node.name.as_str() {
                "if" => {
                    let others = rest
                        .iter()
                        .take_while(|next| matches!(next.name.as_str(), "elsif" | "else"))
                        .count();
                    let (others, after) = rest.split_at(others);
                    rest = after;
                    self.choice(node, others)
                }
                "foreverypart" => self.for_every_part(node),
                _ => simple(node, self).map(Some),
            };
            match kind {
                Ok(Some(kind)) => block.push(Command { at: node.at, kind }),
                Ok(None) => {}
                Err(problem) => self.problems.push(problem),
            }
        }
        block
    }

    /// `if` with the `elsif` and `else` that follow it (RFC 5228 §3.1).
    fn choice(&mut self, first: &Node, others: &[Node]) -> Result<Option<CommandKind>, Problem> {
        let mut arms = Vec::new();
        let mut otherwise = None;
        // Behind a test that always holds here nothing runs, so nothing there is looked at.
        let mut decided = false;
        let mut whole = true;
        for node in std::iter::once(first).chain(others) {
            if otherwise.is_some() {
                let words = format!("`{}` stands behind `else`; only `if` can follow", node.name);
                return Err(Problem::new(node.at, words));
            }
            if node.name == "else" {
                let block = self.arm_block(node, 0)?;
                otherwise = Some(if decided {
                    Block::new()
                } else {
                    self.block(block)
                });
                continue;
            }
            let block = self.arm_block(node, 1)?;
            if decided {
                continue;
            }
            let test = node.tests.first().and_then(|test| self.test(test));
            let never = test.as_ref().is_some_and(|test| self.requires.never(test));
            let block = if never {
                Block::new()
            } else {
                self.block(block)
            };
            decided = test.as_ref().is_some_and(|test| self.requires.always(test));
            match test {
                Some(test) => arms.push((test, block)),
                None => whole = false,
            }
        }
        Ok(whole.then_some(CommandKind::If { arms, otherwise }))
    }

    /// The block of an arm that has that many tests and no arguments.
    fn arm_block<'a>(&self, node: &'a Node, tests: usize) -> Result<&'a [Node], Problem> {
        let name = &node.name;
        Arguments::new(node, self.reading, &[]).end_of_arguments()?;
        if name == "else" && node.tests.first().is_some_and(|test| test.name == "if") {
            return Err(Problem::new(node.at, "`else if` is written `elsif`"));
        }
        if node.listed || node.tests.len() != tests {
            let words = match (tests, node.listed) {
                (0, _) => "`else` takes no test; `elsif` does".to_owned(),
                (_, true) => {
                    format!("`{name}` needs one test; several stand in `anyof (…)` or `allof (…)`")
                }
                _ => format!("`{name}` needs a test"),
            };
            return Err(Problem::new(node.end, words));
        }
        match &node.block {
            Some(block) => Ok(block),
            None => {
                let words = format!("`{name}` needs a block: `{{ … }}` instead of `;`");
                Err(Problem::new(node.at, words))
            }
        }
    }

    /// `foreverypart` (RFC 5703 §3).
    fn for_every_part(&mut self, node: &Node) -> Result<Option<CommandKind>, Problem> {
        let mut args = Arguments::new(node, self.reading, &["name"]);
        let name = part_name(&mut args)?;
        args.end()?;
        let Some(block) = &node.block else {
            let words = "`foreverypart` needs a block: `{ … }` instead of `;`";
            return Err(Problem::new(node.at, words));
        };
        let block = self.block(block);
        Ok(Some(CommandKind::ForEveryPart { name, block }))
    }
}

/// A command without a block.
fn simple(node: &Node, parser: &Parser) -> Result<CommandKind, Problem> {
    let args = |known| Arguments::new(node, parser.reading, known);
    let name = node.name.as_str();
    let kind = match name {
        "stop" => nothing(args(&[]), CommandKind::Stop),
        "discard" => nothing(args(&[]), CommandKind::Discard),
        "return" => nothing(args(&[]), CommandKind::Return),
        "keep" => action::keep(args(&["flags"])),
        "fileinto" => action::file_into(args(action::FILE_INTO)),
        "redirect" => action::redirect(args(&["copy"])),
        "reject" | "ereject" => action::reject(args(&[])),
        "setflag" | "addflag" | "removeflag" => action::flag(args(&[])),
        "set" => action::set(args(action::SET)),
        "addheader" => action::add_header(args(&["last"])),
        "deleteheader" => action::delete_header(args(action::DELETE_HEADER)),
        "vacation" => action::vacation(args(action::VACATION)),
        "notify" => action::notify(args(action::NOTIFY)),
        "include" => include(args(&["personal", "global", "once", "optional"])),
        "global" => global(args(&[])),
        "break" => break_loop(args(&["name"])),
        "error" => error(args(&[])),
        _ => return Err(misplaced(node)),
    }?;
    if node.block.is_some() {
        let words = format!("`{name}` takes no block; `;` ends it");
        return Err(Problem::new(node.at, words));
    }
    Ok(kind)
}

fn misplaced(node: &Node) -> Problem {
    let name = shown(&node.name);
    let words = match name.as_str() {
        "require" => "`require` stands at the top of the script, before all else".to_owned(),
        "elsif" | "else" => format!("`{name}` stands directly behind the block of an `if`"),
        _ if TESTS.contains(&name.as_str()) => {
            format!("`{name}` is a test; it stands behind `if`, as in `if {name} … {{ … }}`")
        }
        _ => match nearest(&node.name, COMMANDS) {
            Some(meant) => format!("there is no command `{name}`; is `{meant}` meant?"),
            None => format!("there is no command `{name}`"),
        },
    };
    Problem::new(node.at, words)
}

fn nothing(mut args: Arguments<'_>, kind: CommandKind) -> Result<CommandKind, Problem> {
    no_tags(&mut args)?;
    args.end()?;
    Ok(kind)
}

pub(super) fn no_tags(args: &mut Arguments<'_>) -> Result<(), Problem> {
    match args.tag()? {
        None => Ok(()),
        Some(tag) => Err(args.unknown(tag)),
    }
}

/// RFC 6609 §3.2
fn include(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    let (mut location, mut once, mut optional) = (None, false, false);
    while let Some(tag) = args.tag()? {
        match tag.name {
            "personal" => choose(&mut location, Location::Personal, tag)?,
            "global" => choose(&mut location, Location::Global, tag)?,
            "once" => once = true,
            "optional" => optional = true,
            _ => return Err(args.unknown(tag)),
        }
    }
    let name = args.text("the name of a script")?;
    args.end()?;
    Ok(CommandKind::Include {
        location: location.unwrap_or(Location::Personal),
        once,
        optional,
        name,
    })
}

/// RFC 6609 §3.4.1
fn global(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    no_tags(&mut args)?;
    let (written, at) = args.constants("names of variables")?;
    args.end()?;
    let mut names = Vec::with_capacity(written.len());
    for name in written {
        let name = variable_name(&name, at)?;
        if name.contains('.') {
            let words = format!(
                "`global` takes names without `global.`, not `{}`",
                shown(&name)
            );
            return Err(Problem::new(at, words));
        }
        names.push(name);
    }
    Ok(CommandKind::Global(names))
}

fn part_name(args: &mut Arguments<'_>) -> Result<Option<String>, Problem> {
    let mut name = None;
    while let Some(tag) = args.tag()? {
        match tag.name {
            "name" => name = Some(args.constant("a name behind `:name`")?.0),
            _ => return Err(args.unknown(tag)),
        }
    }
    Ok(name)
}

fn break_loop(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    let name = part_name(&mut args)?;
    args.end()?;
    Ok(CommandKind::Break { name })
}

fn error(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    no_tags(&mut args)?;
    let message = args.text("a text that says what is wrong")?;
    args.end()?;
    Ok(CommandKind::Error { message })
}

/// What `require` at the top names, with what is wrong in it noted.
pub(super) fn required<'a>(
    nodes: &'a [Node],
    problems: &mut Vec<Problem>,
) -> (Vec<(String, Pos)>, &'a [Node]) {
    let count = nodes
        .iter()
        .take_while(|node| node.name == "require")
        .count();
    let (heads, rest) = nodes.split_at(count);
    let mut names: Vec<(String, Pos)> = Vec::new();
    for node in heads {
        match require(Arguments::new(node, Reading::default(), &[])) {
            Ok((written, at)) => {
                for name in written {
                    if !names.iter().any(|(known, _)| *known == name) {
                        names.push((name, at));
                    }
                }
            }
            Err(problem) => problems.push(problem),
        }
    }
    (names, rest)
}

fn require(mut args: Arguments<'_>) -> Result<(Vec<String>, Pos), Problem> {
    no_tags(&mut args)?;
    let names = args.constants("names of extensions")?;
    args.end()?;
    if args.node.block.is_some() {
        return Err(Problem::new(
            args.node.end,
            "`require` takes no block; `;` ends it",
        ));
    }
    Ok(names)
}
