//! Strings with variables (RFC 5229) and the places where variables are kept.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::meter::Meter;
use super::{Fault, Limit};
use crate::ast::{Modifier, Piece, Pos, Text};
use crate::limits::{STRING_MAX_OCTETS, VARIABLE_MAX_OCTETS, VARIABLES_MAX};
use crate::pattern;

/// The variables that all scripts of a run share begin with this (RFC 6609 §3.4.2).
const GLOBAL: &str = "global.";

/// What belongs to one script of a run: the one that was run, or one that it includes.
pub(super) struct Frame<'s> {
    /// The name by which it was included.
    pub(super) script: Option<&'s str>,
    /// The extensions that it requires.
    pub(super) require: &'s [String],
    /// The command or test that is looked at.
    pub(super) at: Pos,
    /// How deep blocks and tests lie within each other.
    pub(super) depth: usize,
    /// The part that is the whole message for it (RFC 6609 §3.5).
    pub(super) root: usize,
    /// The parts that the loops around the command are at.
    pub(super) loops: Vec<usize>,
    /// What `${0}`, `${1}`… stand for.
    pub(super) matches: Vec<String>,
    variables: HashMap<String, String>,
    shared: HashSet<&'s str>,
}

impl<'s> Frame<'s> {
    pub(super) fn new(script: Option<&'s str>, require: &'s [String], root: usize) -> Self {
        Self {
            script,
            require,
            at: Pos::default(),
            depth: 0,
            root,
            loops: Vec::new(),
            matches: Vec::new(),
            variables: HashMap::new(),
            shared: HashSet::new(),
        }
    }

    /// The part that tests look at.
    pub(super) fn part(&self) -> usize {
        self.loops.last().copied().unwrap_or(self.root)
    }

    /// Declares a variable as shared (RFC 6609 §3.4.1).
    pub(super) fn share(&mut self, name: &'s str) {
        self.shared.insert(name);
    }

    /// What a string holds now.
    pub(super) fn text<'t>(
        &self,
        text: &'t Text,
        globals: &Globals,
        meter: &Meter,
    ) -> Result<Cow<'t, str>, Fault> {
        let pieces = match text.0.as_slice() {
            [] => return Ok(Cow::Borrowed("")),
            [Piece::Literal(text)] => return Ok(Cow::Borrowed(text)),
            pieces => pieces,
        };
        let mut whole = String::new();
        for piece in pieces {
            let piece = match piece {
                Piece::Literal(text) => text,
                Piece::Variable(name) => self.value(name, globals),
                Piece::Match(number) => self
                    .matches
                    .get(usize::from(*number))
                    .map_or("", String::as_str),
            };
            if whole.len() + piece.len() > STRING_MAX_OCTETS {
                return Err(Fault::Limit(Limit::String));
            }
            meter.read(piece.len())?;
            whole.push_str(piece);
        }
        Ok(Cow::Owned(whole))
    }

    /// What a variable holds; nothing, if it was never set.
    pub(super) fn value<'v>(&'v self, name: &str, globals: &'v Globals) -> &'v str {
        let found = match self.global(name) {
            Some(name) => globals.0.get(name),
            None => self.variables.get(name),
        };
        found.map_or("", String::as_str)
    }

    /// Sets a variable; what is too long is cut (RFC 5229 §6).
    ///
    /// # Errors
    ///
    /// Too many variables.
    pub(super) fn set(
        &mut self,
        name: &str,
        value: &str,
        globals: &mut Globals,
    ) -> Result<(), Fault> {
        let value = cut(value).to_owned();
        let global = self.global(name);
        let (place, name) = match global {
            Some(name) => (&mut globals.0, name),
            None => (&mut self.variables, name),
        };
        if place.len() >= VARIABLES_MAX && !place.contains_key(name) {
            return Err(Fault::Limit(Limit::Variables));
        }
        place.insert(name.to_owned(), value);
        Ok(())
    }

    fn global<'n>(&self, name: &'n str) -> Option<&'n str> {
        let shared = self.shared.contains(name).then_some(name);
        name.strip_prefix(GLOBAL).or(shared)
    }
}

/// The variables that all scripts of a run share.
#[derive(Default)]
pub(super) struct Globals(HashMap<String, String>);

/// As much of a value as a variable holds.
pub(super) fn cut(value: &str) -> &str {
    &value[..value.floor_char_boundary(VARIABLE_MAX_OCTETS)]
}

/// Changes a value as `set` was told (RFC 5229 §4.1).
pub(super) fn modified(value: &str, modifier: Modifier) -> String {
    match modifier {
        Modifier::Lower => value.to_ascii_lowercase(),
        Modifier::Upper => value.to_ascii_uppercase(),
        Modifier::LowerFirst => first_changed(value, |c| c.to_ascii_lowercase()),
        Modifier::UpperFirst => first_changed(value, |c| c.to_ascii_uppercase()),
        Modifier::QuoteWildcard => quoted(value, "*?\\"),
        Modifier::QuoteRegex => quoted(value, pattern::SPECIAL),
        Modifier::EncodeUrl => url_encoded(value),
        Modifier::Length => value.chars().count().to_string(),
    }
}

fn first_changed(value: &str, change: impl Fn(char) -> char) -> String {
    let mut chars = value.chars();
    chars.next().map(change).into_iter().chain(chars).collect()
}

fn quoted(value: &str, special: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if special.contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

/// Octets that a URI does not take as they are become `%` and two digits (RFC 5435 §6).
fn url_encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for octet in value.bytes() {
        match octet {
            b'-' | b'.' | b'_' | b'~' => text.push(char::from(octet)),
            octet if octet.is_ascii_alphanumeric() => text.push(char::from(octet)),
            octet => text.push_str(&format!("%{octet:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_change_ascii_letters_only() {
        for (modifier, value, expected) in [
            (Modifier::Lower, "ÄBC", "Äbc"),
            (Modifier::Upper, "äbc", "äBC"),
            (Modifier::LowerFirst, "ABC", "aBC"),
            (Modifier::UpperFirst, "äbc", "äbc"),
            (Modifier::UpperFirst, "", ""),
            (Modifier::QuoteWildcard, "a*b?\\", "a\\*b\\?\\\\"),
            (Modifier::QuoteRegex, "a.b[", "a\\.b\\["),
            (Modifier::EncodeUrl, "a ä/~", "a%20%C3%A4%2F~"),
            (Modifier::Length, "äb", "2"),
        ] {
            assert_eq!(modified(value, modifier), expected, "{modifier:?}");
        }
    }

    #[test]
    fn values_are_cut_between_characters() {
        let long = "ä".repeat(VARIABLE_MAX_OCTETS);
        assert_eq!(cut(&long).len(), VARIABLE_MAX_OCTETS);
        assert_eq!(cut(&format!("x{long}")).len(), VARIABLE_MAX_OCTETS - 1);
    }
}
