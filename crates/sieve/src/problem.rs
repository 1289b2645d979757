//! What is wrong with a script, in words for the person who wrote it.

use std::fmt;

use crate::ast::Pos;
use crate::limits::PROBLEMS_MAX;

/// Characters of somebody's text that a problem repeats.
const SHOWN_MAX_CHARS: usize = 60;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub at: Pos,
    /// What is wrong, and often what to write instead. Text of the script in it is cut, and its
    /// control characters are shown as escapes.
    pub words: String,
}

impl Problem {
    pub(crate) fn new(at: Pos, words: impl Into<String>) -> Self {
        let words = words.into();
        Self { at, words }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.words)
    }
}

/// All that was found wrong, in the order of the text: at least one, at most
/// [`PROBLEMS_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Nothing, if nothing was found.
    pub(crate) fn found(mut list: Vec<Problem>) -> Result<(), Self> {
        if list.is_empty() {
            return Ok(());
        }
        list.sort_by_key(|problem| problem.at);
        list.dedup();
        list.truncate(PROBLEMS_MAX);
        Err(Self(list))
    }

    /// Each of them.
    pub fn list(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problems {
    /// One a line, without a line end behind the last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

/// Somebody's text as a problem may repeat it: cut, nothing invisible left in it.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = String::new();
    let mut chars = text.chars();
    for c in chars.by_ref().take(SHOWN_MAX_CHARS) {
        let bidi = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || bidi {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// The known word that somebody most likely meant: at most two letters differ, or only their case.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    // Longer ones are no slip of the pen, and the distance costs the product of both lengths.
    if word.len() > SHOWN_MAX_CHARS {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let allowed = if word.len() < 4 { 1 } else { 2 };
    known
        .iter()
        .map(|candidate| (distance(&word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out or changed to make one word the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, b) in other.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(a != *b))
                .min(above + 1)
                .min(row[j] + 1);
            diagonal = above;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_word_and_another_word_finds_none() {
        let known = ["fileinto", "redirect", "keep", "imap4flags"];
        for (word, expected) in [
            ("filinto", Some("fileinto")),
            ("FileInto", Some("fileinto")),
            ("rediretc", Some("redirect")),
            ("imapflags", Some("imap4flags")),
            ("kep", Some("keep")),
            ("forward", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), expected, "{word}");
        }
        assert_eq!(nearest(&"k".repeat(10_000), &known), None);
    }

    #[test]
    fn text_of_the_script_is_cut_and_nothing_in_it_is_invisible() {
        assert_eq!(shown("a\r\n\u{202e}b"), "a\\u{d}\\u{a}\\u{202e}b");
        assert_eq!(shown(&"x".repeat(100)).chars().count(), 61);
    }
}
