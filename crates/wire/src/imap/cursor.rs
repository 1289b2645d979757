//! The small words of the grammar: atoms, numbers, strings (RFC 9051 §9), and what is wrong with them.

use std::borrow::Cow;
use std::num::NonZeroU32;

use types::MailboxNameError;

use super::command::Tag;
use super::reader::LiteralHeader;
use super::spelling::Spelling;
use super::utf7::Utf7Error;

/// Why octets are not a command, with the tag if it could be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct SyntaxError {
    /// The tag for the answer; without it the answer is untagged.
    pub tag: Option<Tag>,
    /// What is wrong.
    pub kind: SyntaxKind,
}

/// What is wrong with a command; the text is fit for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxKind {
    /// No tag, or one with a wrong character.
    #[error("a command begins with a tag and a space")]
    Tag,
    /// The command's name is not known.
    #[error("unknown command")]
    UnknownCommand,
    /// Something else stands where this should.
    #[error("expected {0}")]
    Expected(&'static str),
    /// More of something than a command may have.
    #[error("too many {0}")]
    TooMany(&'static str),
    /// The name could not be the name of a mailbox.
    #[error(transparent)]
    MailboxName(#[from] MailboxNameError),
    /// The mailbox name is not modified UTF-7.
    #[error(transparent)]
    Utf7(#[from] Utf7Error),
    /// A flag that a client cannot set, such as `\Recent`.
    #[error("this flag cannot be set")]
    Flag,
    /// A mailbox cannot have this special use, or not several (RFC 6154 §3).
    #[error("a mailbox has one special use of \\Archive, \\Drafts, \\Junk, \\Sent and \\Trash")]
    SpecialUse,
    /// The search has a character set other than US-ASCII and UTF-8.
    #[error("the search character set is not supported")]
    Charset,
}

pub(super) type Result<T> = std::result::Result<T, SyntaxKind>;

/// A place in a command.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    /// How this client spells mailbox names.
    pub(super) spelling: Spelling,
}

/// `ATOM-CHAR` (RFC 9051 §9).
pub(super) fn is_atom_char(c: u8) -> bool {
    c.is_ascii_graphic() && !b"(){%*\"\\]".contains(&c)
}

/// `ASTRING-CHAR`: also the closing bracket.
pub(super) fn is_astring_char(c: u8) -> bool {
    is_atom_char(c) || c == b']'
}

/// `list-char`: also the closing bracket and the wildcards.
pub(super) fn is_list_char(c: u8) -> bool {
    is_astring_char(c) || c == b'%' || c == b'*'
}

impl<'a> Cursor<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        let spelling = Spelling::default();
        Self { rest, spelling }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Steps over one octet if it is this one.
    pub(super) fn take(&mut self, octet: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == octet => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    pub(super) fn expect(&mut self, octet: u8, name: &'static str) -> Result<()> {
        if self.take(octet) {
            Ok(())
        } else {
            Err(SyntaxKind::Expected(name))
        }
    }

    pub(super) fn space(&mut self) -> Result<()> {
        self.expect(b' ', "a space")
    }

    pub(super) fn end(&self) -> Result<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(SyntaxKind::Expected("the end of the command"))
        }
    }

    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().take_while(|c| wanted(**c)).count();
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn text_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        std::str::from_utf8(self.take_while(|c| c.is_ascii() && wanted(c))).unwrap_or_default()
    }

    pub(super) fn atom(&mut self, name: &'static str) -> Result<&'a str> {
        match self.text_while(is_atom_char) {
            "" => Err(SyntaxKind::Expected(name)),
            atom => Ok(atom),
        }
    }

    /// An atom in capitals: a word of the grammar.
    pub(super) fn word(&mut self, name: &'static str) -> Result<String> {
        self.atom(name).map(str::to_ascii_uppercase)
    }

    /// `number64`; leading zeros are allowed.
    pub(super) fn number64(&mut self) -> Result<u64> {
        let digits = self.text_while(|c| c.is_ascii_digit());
        digits.parse().map_err(|_| SyntaxKind::Expected("a number"))
    }

    /// `number`
    pub(super) fn number(&mut self) -> Result<u32> {
        let number = self.number64()?;
        u32::try_from(number).map_err(|_| SyntaxKind::Expected("a number below 4294967296"))
    }

    /// `nz-number`
    pub(super) fn nz_number(&mut self) -> Result<NonZeroU32> {
        NonZeroU32::new(self.number()?).ok_or(SyntaxKind::Expected("a number above 0"))
    }

    /// `string`: quoted or literal, without NUL.
    pub(super) fn string(&mut self) -> Result<Cow<'a, [u8]>> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal().map(Cow::Borrowed),
            _ => Err(SyntaxKind::Expected("a string")),
        }
    }

    /// `astring`
    pub(super) fn astring(&mut self, name: &'static str) -> Result<Cow<'a, [u8]>> {
        self.string_or(is_astring_char, name)
    }

    /// A string, or at least one of the wanted characters.
    pub(super) fn string_or(
        &mut self,
        wanted: impl Fn(u8) -> bool,
        name: &'static str,
    ) -> Result<Cow<'a, [u8]>> {
        if matches!(self.peek(), Some(b'"' | b'{')) {
            return self.string();
        }
        match self.take_while(wanted) {
            [] => Err(SyntaxKind::Expected(name)),
            octets => Ok(Cow::Borrowed(octets)),
        }
    }

    /// `nstring`
    pub(super) fn nstring(&mut self) -> Result<Option<Cow<'a, [u8]>>> {
        if matches!(self.peek(), Some(b'"' | b'{')) {
            return self.string().map(Some);
        }
        if self.atom("a string or NIL")?.eq_ignore_ascii_case("NIL") {
            Ok(None)
        } else {
            Err(SyntaxKind::Expected("a string or NIL"))
        }
    }

    /// The inside of a quoted string. Octets above 127 pass: whoever needs text checks for UTF-8.
    fn quoted(&mut self) -> Result<Cow<'a, [u8]>> {
        self.expect(b'"', "a quote")?;
        let plain = |c: u8| !matches!(c, b'"' | b'\\' | b'\r' | b'\n' | 0);
        let mut text = Cow::Borrowed(self.take_while(plain));
        loop {
            if self.take(b'"') {
                return Ok(text);
            }
            self.expect(b'\\', "the end of a quoted string")?;
            match self.rest.split_first() {
                Some((escaped @ (b'"' | b'\\'), rest)) => {
                    self.rest = rest;
                    text.to_mut().push(*escaped);
                    text.to_mut().extend_from_slice(self.take_while(plain));
                }
                _ => return Err(SyntaxKind::Expected("\\\" or \\\\ in a quoted string")),
            }
        }
    }

    fn literal(&mut self) -> Result<&'a [u8]> {
        let broken = SyntaxKind::Expected("a literal");
        let octets = self.literal_header()?.octets;
        self.expect(b'\r', "a line end")?;
        self.expect(b'\n', "a line end")?;
        let length = usize::try_from(octets).map_err(|_| broken)?;
        let (literal, rest) = self.rest.split_at_checked(length).ok_or(broken)?;
        self.rest = rest;
        if literal.contains(&0) {
            return Err(SyntaxKind::Expected("a literal without NUL"));
        }
        Ok(literal)
    }

    /// `{42}`, `{42+}` or `~{42}` without the line end.
    pub(super) fn literal_header(&mut self) -> Result<LiteralHeader> {
        let binary = self.take(b'~');
        self.expect(b'{', "a literal")?;
        let octets = self.number64()?;
        let synchronizing = !self.take(b'+');
        self.expect(b'}', "the end of a literal's header")?;
        Ok(LiteralHeader {
            octets,
            synchronizing,
            binary,
        })
    }

    /// Items with single spaces between them up to the closing parenthesis, whose opening one is
    /// already gone.
    pub(super) fn list<T>(
        &mut self,
        max: usize,
        name: &'static str,
        mut one: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut items = Vec::new();
        if self.take(b')') {
            return Ok(items);
        }
        loop {
            if items.len() == max {
                return Err(SyntaxKind::TooMany(name));
            }
            items.push(one(self)?);
            if self.take(b')') {
                return Ok(items);
            }
            self.space()?;
        }
    }
}

/// Text without control characters, at most `max` octets.
pub(super) fn printable(octets: &[u8], max: usize) -> Result<String> {
    let text = utf8(octets)?;
    if text.len() > max || text.chars().any(char::is_control) {
        return Err(SyntaxKind::Expected(
            "a shorter text without control characters",
        ));
    }
    Ok(text)
}

/// Text in UTF-8.
pub(super) fn utf8(octets: &[u8]) -> Result<String> {
    String::from_utf8(octets.to_vec()).map_err(|_| SyntaxKind::Expected("UTF-8"))
}
