//! Tokens to commands and tests as the grammar alone knows them (RFC 5228 §8.2).
//!
//! Behind a mistake reading goes on at the next command, so that one look finds several.

use super::lexer::{Lexed, Token, tokens};
use crate::ast::Pos;
use crate::limits::{LIST_MAX, NESTING_MAX, NODES_MAX, PROBLEMS_MAX};
use crate::problem::{Problem, shown};

/// A command or a test.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Pos,
    /// Its word, in small letters.
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) tests: Vec<Node>,
    /// Whether the tests stand in parentheses.
    pub(super) listed: bool,
    /// What stands in its braces.
    pub(super) block: Option<Vec<Node>>,
    /// Behind its last argument.
    pub(super) end: Pos,
}

/// An argument.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub(super) at: Pos,
    pub(super) value: Value,
}

/// What an argument is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Tag(String),
    Number(u64),
    /// One string without brackets.
    String(String),
    /// Strings within brackets, at least one.
    Strings(Vec<String>),
}

impl Value {
    /// How a problem names it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Tag(word) => format!("`:{}`", shown(word)),
            Self::Number(number) => format!("the number {number}"),
            Self::String(text) => format!("the text \"{}\"", shown(text)),
            Self::Strings(_) => "a list".to_owned(),
        }
    }
}

/// The commands of a text.
pub(super) fn read(text: &str) -> Result<Vec<Node>, Vec<Problem>> {
    let mut reader = Reader {
        tokens: tokens(text)?.into_iter().peekable(),
        end: Pos { line: 1, column: 1 },
        nodes: 0,
        problems: Vec::new(),
    };
    let block = reader.block(None, 0);
    match reader.problems.is_empty() {
        true => Ok(block),
        false => Err(reader.problems),
    }
}

struct Reader {
    tokens: std::iter::Peekable<std::vec::IntoIter<Lexed>>,
    /// Behind the token that was taken last.
    end: Pos,
    nodes: usize,
    problems: Vec<Problem>,
}

impl Reader {
    fn peek(&mut self) -> Option<&Token> {
        self.tokens.peek().map(|lexed| &lexed.token)
    }

    fn at(&mut self) -> Pos {
        self.tokens.peek().map_or(self.end, |lexed| lexed.at)
    }

    fn take(&mut self) -> Option<Token> {
        let lexed = self.tokens.next()?;
        self.end = lexed.end;
        Some(lexed.token)
    }

    /// Takes a mark if it is the next token.
    fn mark(&mut self, mark: char) -> bool {
        let is = self.peek() == Some(&Token::Mark(mark));
        if is {
            self.take();
        }
        is
    }

    /// How a problem names the next token.
    fn shown(&mut self) -> String {
        self.peek()
            .map_or_else(|| "the end of the script".to_owned(), Token::shown)
    }

    /// Commands up to the end, or to the brace that closes what `opened`.
    fn block(&mut self, opened: Option<Pos>, depth: usize) -> Vec<Node> {
        let mut block = Vec::new();
        loop {
            let at = self.at();
            match self.peek() {
                None => {
                    if let Some(opened) = opened {
                        let words = "the block that begins here has no end: `}` is missing";
                        self.problems.push(Problem::new(opened, words));
                    }
                    return block;
                }
                Some(Token::Mark('}')) => {
                    self.take();
                    if opened.is_some() {
                        return block;
                    }
                    self.problems.push(Problem::new(at, "`}` closes no block"));
                }
                Some(_) => match self.command(depth) {
                    Ok(node) => block.push(node),
                    Err(problem) => {
                        self.problems.push(problem);
                        self.recover();
                    }
                },
            }
            if self.problems.len() >= PROBLEMS_MAX {
                return block;
            }
        }
    }

    /// Goes behind the command that could not be read.
    fn recover(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.peek() {
            match token {
                Token::Mark('{') => depth += 1,
                Token::Mark('}') if depth == 0 => return,
                Token::Mark('}') => depth -= 1,
                _ => {}
            }
            let ends = matches!(token, Token::Mark(';' | '}')) && depth == 0;
            self.take();
            if ends {
                return;
            }
        }
    }

    fn command(&mut self, depth: usize) -> Result<Node, Problem> {
        let mut node = self.node(depth, "a command")?;
        let at = self.at();
        if self.mark('{') {
            self.deeper(at, depth)?;
            node.block = Some(self.block(Some(at), depth + 1));
        } else if !self.mark(';') {
            let (name, next) = (shown(&node.name), self.shown());
            let words = match self.peek() {
                Some(Token::Mark(_)) => format!("`{name}` ends with `;`, but {next} stands here"),
                _ => format!("`;` is missing behind `{name}` and before {next}"),
            };
            return Err(Problem::new(self.end, words));
        }
        Ok(node)
    }

    fn deeper(&mut self, at: Pos, depth: usize) -> Result<(), Problem> {
        if depth < NESTING_MAX {
            return Ok(());
        }
        let words = format!("blocks and tests lie at most {NESTING_MAX} deep in each other");
        Err(Problem::new(at, words))
    }

    /// A word with its arguments and tests.
    fn node(&mut self, depth: usize, wanted: &str) -> Result<Node, Problem> {
        let at = self.at();
        let name = match self.peek() {
            Some(Token::Identifier(name)) => name.clone(),
            _ => {
                let next = self.shown();
                let words = format!("{wanted} is wanted here, not {next}");
                return Err(Problem::new(at, words));
            }
        };
        self.take();
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            self.tokens = Vec::new().into_iter().peekable();
            let words = format!("a script has at most {NODES_MAX} commands and tests");
            return Err(Problem::new(at, words));
        }
        let mut node = Node {
            at,
            name,
            arguments: self.arguments()?,
            tests: Vec::new(),
            listed: false,
            block: None,
            end: self.end,
        };
        let at = self.at();
        match self.peek() {
            Some(Token::Identifier(_)) => {
                self.deeper(at, depth)?;
                node.tests.push(self.node(depth + 1, "a test")?);
            }
            Some(Token::Mark('(')) => {
                self.deeper(at, depth)?;
                node.listed = true;
                node.tests = self.test_list(depth + 1)?;
            }
            _ => {}
        }
        Ok(node)
    }

    fn test_list(&mut self, depth: usize) -> Result<Vec<Node>, Problem> {
        let opened = self.at();
        self.take();
        let mut tests = Vec::new();
        loop {
            tests.push(self.node(depth, "a test")?);
            if self.mark(')') {
                return Ok(tests);
            }
            if !self.mark(',') {
                let next = self.shown();
                let words = format!("`,` or `)` is wanted in the list of tests, not {next}");
                let at = if self.peek().is_none() {
                    opened
                } else {
                    self.at()
                };
                return Err(Problem::new(at, words));
            }
        }
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, Problem> {
        let mut arguments = Vec::new();
        loop {
            let at = self.at();
            let value = match self.peek() {
                Some(Token::Tag(word)) => Value::Tag(word.clone()),
                Some(Token::Number(number)) => Value::Number(*number),
                Some(Token::String(text)) => Value::String(text.clone()),
                Some(Token::Mark('[')) => {
                    let value = Value::Strings(self.strings()?);
                    arguments.push(Argument { at, value });
                    continue;
                }
                _ => return Ok(arguments),
            };
            self.take();
            arguments.push(Argument { at, value });
        }
    }

    fn strings(&mut self) -> Result<Vec<String>, Problem> {
        let opened = self.at();
        self.take();
        let mut strings = Vec::new();
        loop {
            let at = self.at();
            let next = self.shown();
            match self.peek() {
                Some(Token::String(text)) => {
                    strings.push(text.clone());
                    self.take();
                }
                None => return Err(Problem::new(opened, "the list has no end: `]` is missing")),
                Some(Token::Mark(']')) if strings.is_empty() => {
                    let words = "the list is empty; at least one text must stand in it";
                    return Err(Problem::new(opened, words));
                }
                Some(_) => {
                    let words = format!("a text is wanted in the list, not {next}");
                    return Err(Problem::new(at, words));
                }
            }
            if strings.len() > LIST_MAX {
                let words = format!("a list has at most {LIST_MAX} texts");
                return Err(Problem::new(opened, words));
            }
            if self.mark(']') {
                return Ok(strings);
            }
            if !self.mark(',') {
                let (at, next) = (self.at(), self.shown());
                let words = format!("`,` or `]` is wanted in the list, not {next}");
                return Err(Problem::new(at, words));
            }
        }
    }
}
