//! Takes the arguments of a command or test one after the other (RFC 5228 §2.6).

use super::test::TESTS;
use super::tree::{Argument, Node, Value};
use crate::ast::{Pos, Text};
use crate::problem::{Problem, nearest, shown};
use crate::text::Reading;

/// The arguments of one command or test that are still to be taken.
pub(super) struct Arguments<'a> {
    pub(super) node: &'a Node,
    pub(super) reading: Reading,
    rest: std::slice::Iter<'a, Argument>,
    tags: Vec<&'a str>,
    /// Tags that were looked for, for the words of a refusal.
    known: &'static [&'static str],
}

/// A tag and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    pub(super) at: Pos,
    pub(super) name: &'a str,
}

impl<'a> Arguments<'a> {
    /// Those of `node`, whose tags can be the `known` ones.
    pub(super) fn new(node: &'a Node, reading: Reading, known: &'static [&'static str]) -> Self {
        Self {
            node,
            reading,
            rest: node.arguments.iter(),
            tags: Vec::new(),
            known,
        }
    }

    /// The next argument, if it is a tag; each is allowed once.
    pub(super) fn tag(&mut self) -> Result<Option<Tag<'a>>, Problem> {
        let Some(Argument {
            at,
            value: Value::Tag(name),
        }) = self.rest.as_slice().first()
        else {
            return Ok(None);
        };
        self.rest.next();
        if self.tags.contains(&name.as_str()) {
            let words = format!("`:{}` stands here twice", shown(name));
            return Err(Problem::new(*at, words));
        }
        self.tags.push(name);
        Ok(Some(Tag { at: *at, name }))
    }

    /// What to say of a tag that does not belong here.
    pub(super) fn unknown(&self, tag: Tag<'_>) -> Problem {
        let (command, name) = (&self.node.name, shown(tag.name));
        let mut words = format!("`{command}` has no `:{name}`");
        if let Some(meant) = nearest(tag.name, self.known) {
            words.push_str(&format!("; is `:{meant}` meant?"));
        }
        Problem::new(tag.at, words)
    }

    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    fn value(&mut self, what: &str) -> Result<(&'a Value, Pos), Problem> {
        match self.rest.next() {
            Some(Argument { at, value }) => Ok((value, *at)),
            None => {
                let words = format!("`{}` needs {what}", self.node.name);
                Err(Problem::new(self.node.end, words))
            }
        }
    }

    fn wrong(&self, what: &str, value: &Value, at: Pos) -> Problem {
        let (name, given) = (&self.node.name, value.shown());
        let mut words = format!("`{name}` needs {what} here, not {given}");
        if let Value::Tag(_) = value {
            words.push_str("; tags stand before all other arguments");
        }
        Problem::new(at, words)
    }

    /// One text; `what` names it with its article, as in `the name of a folder`.
    pub(super) fn text(&mut self, what: &str) -> Result<Text, Problem> {
        let (value, at) = self.value(what)?;
        match value {
            Value::String(text) => self.reading.text(text, at),
            _ => Err(self.wrong(what, value, at)),
        }
    }

    /// One text that is the same at every run, and where it stands. References to variables stay
    /// as they are, so who takes this checks what it allows.
    pub(super) fn constant(&mut self, what: &str) -> Result<(String, Pos), Problem> {
        let (value, at) = self.value(what)?;
        match value {
            Value::String(text) => Ok((self.reading.constant(text, at)?, at)),
            _ => Err(self.wrong(what, value, at)),
        }
    }

    /// A text, or a list of them.
    pub(super) fn texts(&mut self, what: &str) -> Result<Vec<Text>, Problem> {
        let (value, at) = self.value(what)?;
        match value {
            Value::String(text) => Ok(vec![self.reading.text(text, at)?]),
            Value::Strings(texts) => texts
                .iter()
                .map(|text| self.reading.text(text, at))
                .collect(),
            _ => Err(self.wrong(what, value, at)),
        }
    }

    /// A text or a list of them, the same at every run, and where it stands.
    pub(super) fn constants(&mut self, what: &str) -> Result<(Vec<String>, Pos), Problem> {
        let (value, at) = self.value(what)?;
        let texts = match value {
            Value::String(text) => std::slice::from_ref(text),
            Value::Strings(texts) => texts.as_slice(),
            _ => return Err(self.wrong(what, value, at)),
        };
        let constants = texts.iter().map(|text| self.reading.constant(text, at));
        Ok((constants.collect::<Result<_, _>>()?, at))
    }

    /// A number.
    pub(super) fn number(&mut self, what: &str) -> Result<(u64, Pos), Problem> {
        let (value, at) = self.value(what)?;
        match value {
            Value::Number(number) => Ok((*number, at)),
            _ => Err(self.wrong(what, value, at)),
        }
    }

    /// Makes sure that no argument is left, and no test.
    pub(super) fn end(&mut self) -> Result<(), Problem> {
        self.end_of_arguments()?;
        let name = &self.node.name;
        let Some(test) = self.node.tests.first() else {
            return Ok(());
        };
        let next = shown(&test.name);
        let (at, words) = if self.node.listed {
            (test.at, format!("`{name}` takes no tests"))
        } else if TESTS.contains(&name.as_str()) {
            (
                test.at,
                format!("`,` or `{{` is wanted behind `{name}`, not `{next}`"),
            )
        } else {
            (
                self.node.end,
                format!("`;` is missing behind `{name}` and before `{next}`"),
            )
        };
        Err(Problem::new(at, words))
    }

    /// Makes sure that no argument is left.
    pub(super) fn end_of_arguments(&mut self) -> Result<(), Problem> {
        let name = &self.node.name;
        match self.rest.next() {
            None => Ok(()),
            Some(Argument {
                at,
                value: Value::Tag(tag),
            }) => {
                let words = format!("`:{}` must stand directly behind `{name}`", shown(tag));
                Err(Problem::new(*at, words))
            }
            Some(Argument { at, value }) => {
                let words = format!("`{name}` does not take {} here", value.shown());
                Err(Problem::new(*at, words))
            }
        }
    }
}
