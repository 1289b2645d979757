//! Addresses of header fields and of the envelope, as tests take them apart (RFC 5228 §2.7.4,
//! RFC 5233). What is no address list in the strict sense is read as far as a person would: mail
//! comes as it comes, and a test that sees nothing is a rule that does not act.

use std::borrow::Cow;

use crate::ast::AddressPart;

/// Comments within comments; what lies deeper ends the field.
const COMMENT_DEPTH_MAX: usize = 32;
/// Divides user and detail (RFC 5233 §4).
const DETAIL_SEPARATOR: char = '+';

/// One address; its local part without quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    local: String,
    domain: Option<String>,
}

impl Address {
    /// An address of the envelope; `None` for the null path.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let path = path.trim();
        let path = path
            .strip_prefix('<')
            .and_then(|inner| inner.strip_suffix('>'))
            .unwrap_or(path);
        list(path).into_iter().next()
    }

    /// One part of it; `None` if it has no such part.
    pub(crate) fn part(&self, part: AddressPart) -> Option<String> {
        let divided = self.local.split_once(DETAIL_SEPARATOR);
        match part {
            AddressPart::All => Some(match &self.domain {
                Some(domain) => format!("{}@{domain}", quoted(&self.local)),
                None => self.local.clone(),
            }),
            AddressPart::LocalPart => Some(self.local.clone()),
            AddressPart::Domain => self.domain.clone(),
            AddressPart::User => Some(divided.map_or(self.local.as_str(), |(user, _)| user).into()),
            AddressPart::Detail => divided.map(|(_, detail)| detail.to_owned()),
        }
    }
}

/// The addresses of a header field as texts, those of groups among them, in their order: `local@domain`
/// with quoting undone.
pub fn addresses(field: &str) -> Vec<String> {
    let all = list(field).into_iter();
    all.filter_map(|address| address.part(AddressPart::All))
        .collect()
}

/// A local part as it stands before `@`: in quotes where it needs them (RFC 5322 §3.4.1), so that
/// none looks like another address.
fn quoted(local: &str) -> Cow<'_, str> {
    let atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii();
    let plain = local
        .split('.')
        .all(|atoms| !atoms.is_empty() && atoms.chars().all(atom));
    match plain {
        true => Cow::Borrowed(local),
        false => Cow::Owned(format!(
            "\"{}\"",
            local.replace('\\', "\\\\").replace('"', "\\\"")
        )),
    }
}

/// The addresses of a field, those of groups among them, in their order (RFC 5322 §3.4).
pub(crate) fn list(field: &str) -> Vec<Address> {
    let mut found = Vec::new();
    let mut words: Vec<Token> = Vec::new();
    let mut angle: Option<Vec<Token>> = None;
    let mut inside = false;
    for token in Tokens::of(field) {
        match token {
            Token::Special('<') if angle.is_none() => {
                angle = Some(Vec::new());
                inside = true;
            }
            Token::Special('>') => inside = false,
            Token::Special(',' | ';') if !inside => {
                found.extend(mailbox(&words, angle.as_deref()));
                words.clear();
                angle = None;
            }
            // What stands before is the name of a group.
            Token::Special(':') if !inside => words.clear(),
            token if inside => angle.get_or_insert_default().push(token),
            token => words.push(token),
        }
    }
    found.extend(mailbox(&words, angle.as_deref()));
    found
}

/// The address of one mailbox: what stands in angle brackets, else all of it.
fn mailbox(words: &[Token], angle: Option<&[Token]>) -> Option<Address> {
    let tokens = match angle {
        Some(tokens) => without_route(tokens),
        None => words,
    };
    let at = tokens
        .iter()
        .rposition(|token| *token == Token::Special('@'));
    let (local, domain) = match at {
        Some(at) => (&tokens[..at], Some(joined(&tokens[at + 1..]))),
        None => (tokens, None),
    };
    let quoted = local.iter().any(|token| matches!(token, Token::Quoted(_)));
    let local = local_part(local);
    // `<>` and a display name without address are none.
    let named_only = domain.is_none() && angle.is_none() && words.len() > 1;
    let empty = local.is_empty() && !quoted && domain.is_none();
    (!named_only && !empty).then_some(Address { local, domain })
}

/// An address without its source route (RFC 5322 §4.4).
fn without_route(tokens: &[Token]) -> &[Token] {
    let colon = tokens
        .iter()
        .position(|token| *token == Token::Special(':'));
    match (tokens.first(), colon) {
        (Some(Token::Special('@')), Some(colon)) => &tokens[colon + 1..],
        _ => tokens,
    }
}

/// The last words that dots hold together.
fn local_part(tokens: &[Token]) -> String {
    let mut start = tokens.len();
    while start > 0 {
        let joined = start == tokens.len()
            || tokens[start].text().starts_with('.')
            || tokens[start - 1].text().ends_with('.');
        if !joined {
            break;
        }
        start -= 1;
    }
    joined(&tokens[start..])
}

fn joined(tokens: &[Token]) -> String {
    tokens.iter().map(Token::text).collect()
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Special(char),
    Quoted(String),
    Word(String),
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Special(_) => "",
            Self::Quoted(text) | Self::Word(text) => text,
        }
    }
}

/// Divides a field into words and signs; spaces and comments are left out.
struct Tokens<'f> {
    rest: &'f str,
}

impl<'f> Tokens<'f> {
    fn of(rest: &'f str) -> Self {
        Self { rest }
    }

    /// Skips spaces and comments (RFC 5322 §3.2.2).
    fn skip(&mut self) {
        loop {
            self.rest = self
                .rest
                .trim_start_matches(|c: char| c.is_ascii_whitespace() || c.is_ascii_control());
            if !self.rest.starts_with('(') {
                return;
            }
            self.rest = after_comment(self.rest);
        }
    }

    /// Reads up to `end`, with backslashes undone; `rest` starts behind the opening sign.
    fn until(&mut self, end: char) -> String {
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == end => {
                    self.rest = &self.rest[at + c.len_utf8()..];
                    return text;
                }
                '\\' => text.extend(chars.next().map(|(_, c)| c)),
                c => text.push(c),
            }
        }
        self.rest = "";
        text
    }
}

/// What follows the comment with which a text begins.
pub(crate) fn after_comment(text: &str) -> &str {
    let mut depth = 0;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '(' if depth == COMMENT_DEPTH_MAX => return "",
            '(' => depth += 1,
            ')' if depth == 1 => return &text[at + 1..],
            ')' => depth -= 1,
            '\\' => {
                chars.next();
            }
            _ => {}
        }
    }
    ""
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip();
        let first = self.rest.chars().next()?;
        if first == '"' {
            self.rest = &self.rest[1..];
            return Some(Token::Quoted(self.until('"')));
        }
        if first == '[' {
            self.rest = &self.rest[1..];
            return Some(Token::Word(format!("[{}]", self.until(']'))));
        }
        if is_special(first) {
            self.rest = &self.rest[first.len_utf8()..];
            return Some(Token::Special(first));
        }
        let end = self
            .rest
            .find(|c: char| {
                is_special(c) || c.is_ascii_whitespace() || matches!(c, '"' | '(' | '[')
            })
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(Token::Word(word.to_owned()))
    }
}

fn is_special(c: char) -> bool {
    matches!(c, '<' | '>' | '@' | ',' | ';' | ':' | ')' | ']' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(field: &str) -> Vec<String> {
        list(field)
            .iter()
            .filter_map(|address| address.part(AddressPart::All))
            .collect()
    }

    #[test]
    fn lists_are_read_as_people_write_them() {
        for (field, expected) in [
            ("a@example.org", vec!["a@example.org"]),
            (
                "Ann <a@example.org>, b@example.org",
                vec!["a@example.org", "b@example.org"],
            ),
            ("\"Last, First\" <a@example.org>", vec!["a@example.org"]),
            (
                "Friends: a@example.org, B <b@example.org>;, c@example.org",
                vec!["a@example.org", "b@example.org", "c@example.org"],
            ),
            ("undisclosed-recipients:;", vec![]),
            (
                "a (not <b@example.org>, (really)) @example.org",
                vec!["a@example.org"],
            ),
            (
                "<@relay.test,@two.test:a@example.org>",
                vec!["a@example.org"],
            ),
            (
                "john . q . public@example.org",
                vec!["john.q.public@example.org"],
            ),
            (
                "\"odd \\\" one\"@example.org",
                vec!["\"odd \\\" one\"@example.org"],
            ),
            ("a@[192.0.2.1]", vec!["a@[192.0.2.1]"]),
            ("Ann a@example.org", vec!["a@example.org"]),
            (
                "=?utf-8?q?=C3=84nn?= <a@example.org>",
                vec!["a@example.org"],
            ),
            ("postmaster", vec!["postmaster"]),
            ("just a name", vec![]),
            ("", vec![]),
            (",,;;<>", vec![]),
            ("\"a@b\"@example.org", vec!["\"a@b\"@example.org"]),
            ("((((", vec![]),
        ] {
            assert_eq!(all(field), expected, "{field}");
        }
    }

    #[test]
    fn parts_follow_their_rules() {
        let parts = |path: &str| {
            let address = Address::of_path(path).unwrap();
            [
                AddressPart::LocalPart,
                AddressPart::Domain,
                AddressPart::User,
                AddressPart::Detail,
            ]
            .map(|part| address.part(part))
        };
        let owned = |text: &str| Some(text.to_owned());
        assert_eq!(
            parts("ken+sieve@example.org"),
            [
                owned("ken+sieve"),
                owned("example.org"),
                owned("ken"),
                owned("sieve")
            ]
        );
        assert_eq!(parts("<ken@example.org>")[3], None);
        assert_eq!(parts("ken+@example.org")[3], owned(""));
        assert_eq!(
            parts("ken+a+b@example.org")[2..],
            [owned("ken"), owned("a+b")]
        );
        assert_eq!(parts("postmaster")[1], None);
        assert_eq!(Address::of_path("<>"), None);
        assert_eq!(Address::of_path(""), None);
    }

    #[test]
    fn deep_comments_end_the_field() {
        let field = format!("{}a@example.org", "(".repeat(100_000));
        assert_eq!(all(&field), Vec::<String>::new());
    }
}
