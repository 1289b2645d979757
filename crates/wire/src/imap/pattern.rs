//! LIST patterns (RFC 9051 §6.3.9): `*` matches all, `%` all but the separator.

use std::fmt::{self, Write};

use types::{MailboxName, SEPARATOR};

use super::limits::LIST_PATTERN_MAX_OCTETS;

/// A reference and a mailbox pattern, joined and decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPattern(Vec<Piece>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// This character.
    Char(char),
    /// `%`
    Level,
    /// `*`
    All,
}

impl ListPattern {
    /// Reads a decoded pattern; `None` if it exceeds [`LIST_PATTERN_MAX_OCTETS`].
    pub fn new(text: &str) -> Option<Self> {
        if text.len() > LIST_PATTERN_MAX_OCTETS {
            return None;
        }
        let mut pieces = Vec::with_capacity(text.len());
        for c in text.chars() {
            let piece = match c {
                '*' => Piece::All,
                '%' => Piece::Level,
                c => Piece::Char(c),
            };
            match (pieces.last(), piece) {
                // A run of wildcards matches what its widest one matches.
                (Some(Piece::All), Piece::All | Piece::Level)
                | (Some(Piece::Level), Piece::Level) => {}
                (Some(Piece::Level), Piece::All) => {
                    pieces.pop();
                    pieces.push(piece);
                }
                _ => pieces.push(piece),
            }
        }
        Some(Self(pieces))
    }

    /// Whether the pattern is empty: LIST then asks for the separator only.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a mailbox name matches; the level `INBOX` at its start matches in any case.
    pub fn matches(&self, name: &MailboxName) -> bool {
        let name = name.as_str();
        let folds = if name == "INBOX" || name.starts_with("INBOX/") {
            "INBOX".len()
        } else {
            0
        };
        self.matches_text(name, folds)
    }

    /// Follows all ways to match at once, one character at a time: work is at most the length of
    /// the name times that of the pattern, whatever both contain.
    fn matches_text(&self, name: &str, folds: usize) -> bool {
        let pieces = &self.0;
        let mut here = vec![false; pieces.len() + 1];
        let mut next = vec![false; pieces.len() + 1];
        here[0] = true;
        skip_wildcards(pieces, &mut here);
        for (i, c) in name.chars().enumerate() {
            next.fill(false);
            for (at, piece) in pieces.iter().enumerate().filter(|(at, _)| here[*at]) {
                match piece {
                    Piece::All => next[at] = true,
                    Piece::Level => next[at] |= c != SEPARATOR,
                    Piece::Char(wanted) if i < folds => {
                        next[at + 1] |= wanted.eq_ignore_ascii_case(&c);
                    }
                    Piece::Char(wanted) => next[at + 1] |= *wanted == c,
                }
            }
            skip_wildcards(pieces, &mut next);
            std::mem::swap(&mut here, &mut next);
        }
        here[pieces.len()]
    }
}

impl fmt::Display for ListPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| {
            f.write_char(match piece {
                Piece::Char(c) => *c,
                Piece::Level => '%',
                Piece::All => '*',
            })
        })
    }
}

/// A wildcard may match nothing: whoever stands before it also stands behind it.
fn skip_wildcards(pieces: &[Piece], states: &mut [bool]) {
    for (at, piece) in pieces.iter().enumerate() {
        if states[at] && !matches!(piece, Piece::Char(_)) {
            states[at + 1] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, word by word; slow.
    fn reference(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('*', rest)) => (0..=name.len()).any(|n| reference(rest, &name[n..])),
            Some(('%', rest)) => (0..=name.len())
                .take_while(|n| *n == 0 || name[n - 1] != SEPARATOR)
                .any(|n| reference(rest, &name[n..])),
            Some((c, rest)) => name.first() == Some(c) && reference(rest, &name[1..]),
        }
    }

    #[test]
    fn wildcards_follow_the_standard() {
        for (pattern, name, expected) in [
            ("*", "a/b", true),
            ("%", "a/b", false),
            ("%", "a", true),
            ("a/%", "a/b", true),
            ("a/%", "a/b/c", false),
            ("%/%", "a/b", true),
            ("a*c", "a/b/c", true),
            ("inbox", "INBOX", true),
            ("InB%", "INBOX", true),
            ("inbox/A", "INBOX/a", false),
            ("inbox/a", "INBOX/a", true),
            ("drafts", "Drafts", false),
            ("%*%", "a/b", true),
            ("", "a", false),
        ] {
            let matched = ListPattern::new(pattern)
                .unwrap()
                .matches(&name.parse().unwrap());
            assert_eq!(matched, expected, "{pattern} on {name}");
        }
        assert_eq!(ListPattern::new(&"a".repeat(513)), None);
    }

    #[test]
    fn many_wildcards_cost_no_more_than_their_length() {
        let pattern = ListPattern::new(&"*a".repeat(255)).unwrap();
        let name = format!("{}b", "a".repeat(511)).parse().unwrap();
        assert!(!pattern.matches(&name));
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_the_definition(pattern in "[ab/*%]{0,8}", name in "[ab/]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = reference(&chars(&pattern), &chars(&name));
            prop_assert_eq!(ListPattern::new(&pattern).unwrap().matches_text(&name, 0), expected);
        }
    }
}
