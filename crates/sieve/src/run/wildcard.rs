//! `:matches`: `*` stands for any characters, `?` for one, a backslash takes their meaning away
//! (RFC 5228 §2.7.1). Wildcards match as little as possible (RFC 5229 §3.2).

use std::ops::Range;

use super::Fault;
use super::meter::Meter;
use crate::limits::MATCH_VARIABLES_MAX;

/// Octets that one comparison of characters counts as.
const CHAR_OCTETS: usize = 8;

#[derive(Clone, Copy)]
enum Token {
    Char(char),
    One,
    Any,
}

/// Where each wildcard of the pattern lies in the value; `None` if they do not match.
///
/// It is enough to go back to the last `*`: what lies before it was placed as early as possible,
/// and no later place would leave more room.
pub(super) fn matches(
    pattern: &str,
    value: &str,
    meter: &Meter,
) -> Result<Option<Vec<Range<usize>>>, Fault> {
    let tokens = tokens(pattern);
    let mut found: Vec<Range<usize>> = Vec::new();
    // The last `*`: its token, and how many wildcards there are with it.
    let mut star: Option<(usize, usize)> = None;
    let (mut token, mut at) = (0, 0);
    loop {
        meter.read(CHAR_OCTETS)?;
        let next = value[at..].chars().next();
        let after = at + next.map_or(0, char::len_utf8);
        match (tokens.get(token), next) {
            (None, None) => break,
            (Some(Token::Any), _) => {
                found.push(at..at);
                token += 1;
                star = Some((token, found.len()));
                continue;
            }
            (Some(Token::One), Some(_)) => {
                found.push(at..after);
                (token, at) = (token + 1, after);
                continue;
            }
            (Some(Token::Char(wanted)), Some(c)) if *wanted == c => {
                (token, at) = (token + 1, after);
                continue;
            }
            _ => {}
        }
        let Some((behind, wildcards)) = star else {
            return Ok(None);
        };
        found.truncate(wildcards);
        let Some(last) = found.last_mut() else {
            return Ok(None);
        };
        let Some(longer) = value[last.end..].chars().next() else {
            return Ok(None);
        };
        last.end += longer.len_utf8();
        (token, at) = (behind, last.end);
    }
    found.truncate(MATCH_VARIABLES_MAX);
    Ok(Some(found))
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut chars = pattern.chars();
    let mut tokens = Vec::with_capacity(pattern.len());
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Any,
            '?' => Token::One,
            '\\' => Token::Char(chars.next().unwrap_or('\\')),
            c => Token::Char(c),
        });
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'v>(pattern: &str, value: &'v str) -> Option<Vec<&'v str>> {
        matches(pattern, value, &Meter::new())
            .unwrap()
            .map(|found| found.into_iter().map(|range| &value[range]).collect())
    }

    #[test]
    fn wildcards_take_as_little_as_they_can() {
        for (pattern, value, expected) in [
            ("*", "", Some(vec![""])),
            ("", "", Some(vec![])),
            ("", "a", None),
            ("a*b*c", "aXbYbZc", Some(vec!["X", "YbZ"])),
            (
                "coyote@**.com",
                "coyote@ACME.Example.com",
                Some(vec!["", "ACME.Example"]),
            ),
            ("[*] *", "[a] [b] c", Some(vec!["a", "[b] c"])),
            ("*<*@*", "x <a@b@c>", Some(vec!["x ", "a", "b@c>"])),
            ("?", "ä", Some(vec!["ä"])),
            ("??", "ä", None),
            ("a\\*b", "a*b", Some(vec![])),
            ("a\\*b", "axb", None),
            ("\\?\\\\", "?\\", Some(vec![])),
            ("a\\", "a\\", Some(vec![])),
            ("*a?b", "xaaab", Some(vec!["xa", "a"])),
            ("*?", "ab", Some(vec!["a", "b"])),
            ("*ab", "abab", Some(vec!["ab"])),
            ("a*", "b", None),
        ] {
            assert_eq!(parts(pattern, value), expected, "{pattern} on {value}");
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_ends_at_the_limit() {
        let value = "a".repeat(100_000);
        let pattern = format!("*{}b", "a".repeat(10_000));
        assert!(matches(&pattern, &value, &Meter::new()).is_err());
    }
}
