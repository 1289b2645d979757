//! Text to tokens (RFC 5228 §8.1). Lines may end in CRLF or LF; in strings both become CRLF.

use crate::ast::Pos;
use crate::problem::{Problem, shown};

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lexed {
    /// Its first character.
    pub(super) at: Pos,
    /// Behind its last character.
    pub(super) end: Pos,
    pub(super) token: Token,
}

/// The smallest parts of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A word, in small letters.
    Identifier(String),
    /// A word behind a colon, in small letters.
    Tag(String),
    Number(u64),
    /// A quoted or multi-line string: quotes, backslashes and stuffed dots undone.
    String(String),
    /// One of `[ ] ( ) { } , ;`.
    Mark(char),
}

impl Token {
    /// How a problem names it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Identifier(word) => format!("`{}`", shown(word)),
            Self::Tag(word) => format!("`:{}`", shown(word)),
            Self::Number(number) => format!("the number {number}"),
            Self::String(text) => format!("the text \"{}\"", shown(text)),
            Self::Mark(mark) => format!("`{mark}`"),
        }
    }
}

/// All tokens of a text, or what no token can be made of.
pub(super) fn tokens(text: &str) -> Result<Vec<Lexed>, Vec<Problem>> {
    let mut lexer = Lexer {
        rest: text.strip_prefix('\u{feff}').unwrap_or(text),
        at: Pos { line: 1, column: 1 },
    };
    let mut tokens = Vec::new();
    let mut problems = Vec::new();
    loop {
        match lexer.token() {
            Ok(Some(lexed)) => tokens.push(lexed),
            Ok(None) if problems.is_empty() => return Ok(tokens),
            Ok(None) => return Err(problems),
            Err(problem) => {
                problems.push(problem);
                if problems.len() >= crate::limits::PROBLEMS_MAX {
                    return Err(problems);
                }
                lexer.skip_while(|c| !c.is_whitespace() && !"\"[](){},;".contains(c));
            }
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    at: Pos,
}

impl<'a> Lexer<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        if c == '\n' {
            self.at.line = self.at.line.saturating_add(1);
            self.at.column = 1;
        } else {
            self.at.column = self.at.column.saturating_add(1);
        }
        Some(c)
    }

    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.bump();
        }
    }

    /// Takes the characters that are wanted.
    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let before = self.rest;
        self.skip_while(wanted);
        &before[..before.len() - self.rest.len()]
    }

    /// The next token; `None` at the end.
    fn token(&mut self) -> Result<Option<Lexed>, Problem> {
        self.skip_blanks()?;
        let at = self.at;
        let Some(c) = self.peek() else {
            return Ok(None);
        };
        let token = match c {
            '[' | ']' | '(' | ')' | '{' | '}' | ',' | ';' => {
                self.bump();
                Token::Mark(c)
            }
            '"' => self.quoted(at)?,
            ':' => self.tag(at)?,
            '0'..='9' => self.number(at)?,
            c if is_word_start(c) => self.word(at)?,
            c => return Err(self.stray(at, c)),
        };
        let end = self.at;
        Ok(Some(Lexed { at, end, token }))
    }

    /// White space and comments (RFC 5228 §2.3).
    fn skip_blanks(&mut self) -> Result<(), Problem> {
        loop {
            let at = self.at;
            match self.peek() {
                Some(' ' | '\t' | '\n') => {
                    self.bump();
                }
                Some('\r') => self.line_end(at)?,
                Some('#') => self.skip_while(|c| c != '\n'),
                Some('/') if self.rest.starts_with("/*") => {
                    let Some(octets) = self.rest.find("*/") else {
                        self.rest = "";
                        return Err(Problem::new(at, "the comment has no end: `*/` is missing"));
                    };
                    let after = &self.rest[octets + 2..];
                    while self.rest.len() > after.len() {
                        self.bump();
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    /// A carriage return, which only a line feed may follow.
    fn line_end(&mut self, at: Pos) -> Result<(), Problem> {
        self.bump();
        if self.peek() == Some('\n') {
            self.bump();
            return Ok(());
        }
        let words = "a carriage return stands here without the line feed that ends a line";
        Err(Problem::new(at, words))
    }

    fn stray(&mut self, at: Pos, c: char) -> Problem {
        self.bump();
        let words = match c {
            '“' | '”' | '„' | '«' | '»' | '‘' | '’' | '\'' => {
                format!("texts stand between straight double quotes (\"), not {c}")
            }
            c => format!("`{}` cannot stand here", shown(&c.to_string())),
        };
        Problem::new(at, words)
    }

    fn tag(&mut self, at: Pos) -> Result<Token, Problem> {
        self.bump();
        if !self.peek().is_some_and(is_word_start) {
            let words = "a word is wanted behind `:`, as in `:contains`";
            return Err(Problem::new(at, words));
        }
        let word = self.take_while(is_word);
        Ok(Token::Tag(word.to_ascii_lowercase()))
    }

    fn word(&mut self, at: Pos) -> Result<Token, Problem> {
        let word = self.take_while(is_word).to_ascii_lowercase();
        if word == "text" && self.peek() == Some(':') {
            self.bump();
            return self.multi_line(at);
        }
        Ok(Token::Identifier(word))
    }

    /// RFC 5228 §2.4.1
    fn number(&mut self, at: Pos) -> Result<Token, Problem> {
        let written = self.take_while(is_word);
        let digits = written.trim_end_matches(|c: char| !c.is_ascii_digit());
        let factor: Option<u64> = match &written[digits.len()..] {
            "" => Some(1),
            "k" | "K" => Some(1 << 10),
            "m" | "M" => Some(1 << 20),
            "g" | "G" => Some(1 << 30),
            _ => None,
        };
        if factor.is_none() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            let written = shown(written);
            let words = format!("`{written}` is no number; a number looks like 100, 20K, 5M or 1G");
            return Err(Problem::new(at, words));
        }
        let number = digits.parse::<u64>().ok().zip(factor);
        match number.and_then(|(number, factor)| number.checked_mul(factor)) {
            Some(number) => Ok(Token::Number(number)),
            None => Err(Problem::new(at, "the number is too large")),
        }
    }

    fn quoted(&mut self, at: Pos) -> Result<Token, Problem> {
        self.bump();
        let mut text = String::new();
        loop {
            let here = self.at;
            match self.bump() {
                None => {
                    let words =
                        "the text that begins here has no end: its closing quote is missing";
                    return Err(Problem::new(at, words));
                }
                Some('"') => return Ok(Token::String(text)),
                Some('\\') => match self.peek() {
                    // A backslash before a line end means nothing.
                    None | Some('\r' | '\n') => {}
                    Some(_) => {
                        let at = self.at;
                        let c = self.bump().unwrap_or_default();
                        push(&mut text, c, at)?;
                    }
                },
                Some('\r') if self.peek() == Some('\n') => {}
                Some('\n') => text.push_str("\r\n"),
                Some(c) => push(&mut text, c, here)?,
            }
        }
    }

    /// RFC 5228 §2.4.2: behind `text:`.
    fn multi_line(&mut self, at: Pos) -> Result<Token, Problem> {
        self.skip_while(|c| c == ' ' || c == '\t');
        if self.peek() == Some('#') {
            self.skip_while(|c| c != '\n' && c != '\r');
        }
        let here = self.at;
        match self.peek() {
            Some('\r') => self.line_end(here)?,
            Some('\n') => {
                self.bump();
            }
            _ => {
                let words = "behind `text:` the line ends, and the text begins on the next";
                return Err(Problem::new(here, words));
            }
        }
        let mut text = String::new();
        while !self.rest.is_empty() {
            if self.ends_multi_line() {
                return Ok(Token::String(text));
            }
            if self.rest.starts_with("..") {
                self.bump();
            }
            self.text_line(&mut text)?;
        }
        let words = "the text that begins here has no end: a line with only a dot is missing";
        Err(Problem::new(at, words))
    }

    /// Takes a line with only a dot, if this is one.
    fn ends_multi_line(&mut self) -> bool {
        let Some(after) = self.rest.strip_prefix('.') else {
            return false;
        };
        let ends = after.is_empty() || after.starts_with('\n') || after.starts_with("\r\n");
        if ends {
            self.bump();
            self.skip_while(|c| c == '\r');
            self.bump();
        }
        ends
    }

    /// Takes the rest of a line.
    fn text_line(&mut self, text: &mut String) -> Result<(), Problem> {
        loop {
            let at = self.at;
            match self.bump() {
                None => return Ok(()),
                Some('\r') if self.peek() == Some('\n') => {}
                Some('\n') => {
                    text.push_str("\r\n");
                    return Ok(());
                }
                Some(c) => push(text, c, at)?,
            }
        }
    }
}

/// Adds a character of a string, unless it may not stand in one (RFC 5228 §8.1).
fn push(text: &mut String, c: char, at: Pos) -> Result<(), Problem> {
    if c == '\0' || c == '\r' {
        let c = shown(&c.to_string());
        let words = format!("the character {c} cannot stand in a text");
        return Err(Problem::new(at, words));
    }
    text.push(c);
    Ok(())
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexed(text: &str) -> Vec<Token> {
        let tokens = tokens(text).unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        tokens.into_iter().map(|lexed| lexed.token).collect()
    }

    fn refusal(text: &str) -> String {
        let problems = tokens(text).unwrap_err();
        problems[0].to_string()
    }

    #[test]
    fn strings_are_unquoted_and_their_lines_end_in_crlf() {
        for (written, expected) in [
            (r#""""#, ""),
            (r#""a\"b\\c\d""#, "a\"b\\cd"),
            ("\"a\nb\r\nc\"", "a\r\nb\r\nc"),
            ("\"a\\\nb\"", "a\r\nb"),
            ("\"naïve ✓\"", "naïve ✓"),
            ("text:\n.\n", ""),
            ("text:\r\na\r\n..b\r\n.c\r\n.\r\n", "a\r\n.b\r\n.c\r\n"),
            ("TEXT: \t# why\nx\n.", "x\r\n"),
            ("\u{feff}\"after a mark\"", "after a mark"),
        ] {
            assert_eq!(
                lexed(written),
                [Token::String(expected.to_owned())],
                "{written}"
            );
        }
    }

    #[test]
    fn numbers_have_quantifiers() {
        for (written, expected) in [
            ("0", 0),
            ("007", 7),
            ("1k", 1024),
            ("20M", 20 << 20),
            ("3G", 3 << 30),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(lexed(written), [Token::Number(expected)], "{written}");
        }
    }

    #[test]
    fn words_have_small_letters_and_comments_are_blanks() {
        let word = |word: &str| Token::Identifier(word.to_owned());
        let text = "IF # a \"comment\"\r\n/* x\n * ; ** */ Not_2 :Over;text/**/:is";
        let tag = |word: &str| Token::Tag(word.to_owned());
        let expected = [
            word("if"),
            word("not_2"),
            tag("over"),
            Token::Mark(';'),
            word("text"),
            tag("is"),
        ];
        assert_eq!(lexed(text), expected);
    }

    #[test]
    fn what_is_no_token_is_refused_where_it_stands() {
        for (text, expected) in [
            (
                "keep\n  \"abc",
                "line 2, column 3: the text that begins here has no end",
            ),
            (
                "a text:\nb\n..\n",
                "line 1, column 3: the text that begins here has no end",
            ),
            (
                "text: x\n.\n",
                "line 1, column 7: behind `text:` the line ends",
            ),
            ("/* a", "line 1, column 1: the comment has no end"),
            ("a / b", "line 1, column 3: `/` cannot stand here"),
            ("keep “x”", "line 1, column 6: texts stand between straight"),
            ("a\rb", "line 1, column 2: a carriage return"),
            ("\"a\rb\"", "line 1, column 3: the character \\u{d}"),
            ("\"a\\\0\"", "line 1, column 4: the character \\u{0}"),
            ("10x", "line 1, column 1: `10x` is no number"),
            ("1KB", "line 1, column 1: `1KB` is no number"),
            (
                "18446744073709551616",
                "line 1, column 1: the number is too large",
            ),
            ("17179869184G", "line 1, column 1: the number is too large"),
            (": x", "line 1, column 1: a word is wanted"),
            (":1", "line 1, column 1: a word is wanted"),
        ] {
            let said = refusal(text);
            assert!(said.starts_with(expected), "{text}: {said}");
        }
    }

    #[test]
    fn each_stray_sign_is_told_and_they_are_bounded() {
        assert_eq!(tokens("a @ b % c").unwrap_err().len(), 2);
        let many = "@ ".repeat(1000);
        assert_eq!(
            tokens(&many).unwrap_err().len(),
            crate::limits::PROBLEMS_MAX
        );
    }
}
