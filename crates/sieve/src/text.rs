//! Strings to [`Text`]: encoded characters (RFC 5228 §2.4.2.4), then variables (RFC 5229 §3).

use crate::ast::{Piece, Pos, Text};
use crate::limits::{MATCH_VARIABLES_MAX, VARIABLE_NAME_MAX_OCTETS};
use crate::problem::{Problem, shown};

/// What strings of a script mean, by what it requires.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    /// `${hex:…}` and `${unicode:…}` are characters.
    pub(crate) encoded: bool,
    /// `${name}` is a variable.
    pub(crate) variables: bool,
}

impl Reading {
    /// As these extensions say; `ihave` cannot switch it on (RFC 5463 §4).
    pub(crate) fn of(require: &[String]) -> Self {
        let requires = |name: &str| require.iter().any(|required| required == name);
        Self {
            encoded: requires("encoded-character"),
            variables: requires("variables"),
        }
    }

    /// What a string means.
    pub(crate) fn text(self, string: &str, at: Pos) -> Result<Text, Problem> {
        let decoded = self.constant(string, at)?;
        if !self.variables {
            return Ok(Text::from(decoded.as_str()));
        }
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = decoded.as_str();
        while let Some(dollar) = rest.find("${") {
            let (before, reference) = rest.split_at(dollar);
            literal.push_str(before);
            if let Some((name, after)) = variable(reference) {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(piece(name, at)?);
                rest = after;
            } else {
                literal.push_str("${");
                rest = &reference[2..];
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Text(pieces))
    }

    /// The string with encoded characters decoded; what looks like variables stays as it is.
    pub(crate) fn constant(self, string: &str, at: Pos) -> Result<String, Problem> {
        if !self.encoded {
            return Ok(string.to_owned());
        }
        let mut octets = Vec::with_capacity(string.len());
        let mut rest = string;
        while let Some(dollar) = rest.find("${") {
            let (before, encoded) = rest.split_at(dollar);
            octets.extend_from_slice(before.as_bytes());
            if let Some(after) = decode(encoded, &mut octets, at)? {
                rest = after;
            } else {
                octets.extend_from_slice(b"${");
                rest = &encoded[2..];
            }
        }
        octets.extend_from_slice(rest.as_bytes());
        String::from_utf8(octets)
            .map_err(|_| Problem::new(at, "what `${hex:…}` gives here is no text in UTF-8"))
    }
}

/// Whether some of this text would be read as a variable.
pub(crate) fn holds_variable(text: &str) -> bool {
    text.match_indices("${")
        .any(|(at, _)| variable(&text[at..]).is_some())
}

/// The name in a well-formed reference to a variable at the beginning, and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix("${")?.split_once('}')?;
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let mut parts = name.split('.');
    let first = parts.next()?;
    let rest_is_fine = parts.all(|part| number(part) || is_identifier(part));
    let only_number = number(first) && first.len() == name.len();
    (rest_is_fine && (only_number || is_identifier(first))).then_some((name, after))
}

fn piece(name: &str, at: Pos) -> Result<Piece, Problem> {
    if name.bytes().all(|b| b.is_ascii_digit()) {
        return match name.parse() {
            Ok(number) if usize::from(number) <= MATCH_VARIABLES_MAX => Ok(Piece::Match(number)),
            _ => {
                let name = shown(name);
                let words = format!(
                    "`${{{name}}}`: what wildcards matched goes up to `${{{MATCH_VARIABLES_MAX}}}`"
                );
                Err(Problem::new(at, words))
            }
        };
    }
    variable_name(name, at).map(Piece::Variable)
}

/// The name of a variable in small letters, if it is one; `global.` may stand before it.
pub(crate) fn variable_name(name: &str, at: Pos) -> Result<String, Problem> {
    let name = name.to_ascii_lowercase();
    let (space, last) = match name.split_once('.') {
        Some((space, last)) => (Some(space), last),
        None => (None, name.as_str()),
    };
    let words = if !is_identifier(last) {
        match space {
            Some("global") | None => format!("`{}` is no name of a variable", shown(&name)),
            Some(space) => format!("there are no variables named `{}.…`", shown(space)),
        }
    } else if space.is_some_and(|space| space != "global") {
        format!(
            "there are no variables named `{}.…`",
            shown(space.unwrap_or_default())
        )
    } else if name.len() > VARIABLE_NAME_MAX_OCTETS {
        format!("the name of a variable has at most {VARIABLE_NAME_MAX_OCTETS} characters")
    } else {
        return Ok(name);
    };
    Err(Problem::new(at, words))
}

/// Whether this is a word of the language (RFC 5228 §8.1).
pub(crate) fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Decodes well-formed encoded characters at the beginning, and gives what follows them.
fn decode<'a>(text: &'a str, octets: &mut Vec<u8>, at: Pos) -> Result<Option<&'a str>, Problem> {
    let Some((inside, after)) = text[2..].split_once('}') else {
        return Ok(None);
    };
    let Some((kind, digits)) = inside.split_once(':') else {
        return Ok(None);
    };
    let hex = kind.eq_ignore_ascii_case("hex");
    if !hex && !kind.eq_ignore_ascii_case("unicode") {
        return Ok(None);
    }
    let words: Vec<&str> = digits.split_ascii_whitespace().collect();
    let well_formed =
        |word: &&str| word.bytes().all(|b| b.is_ascii_hexdigit()) && (!hex || word.len() <= 2);
    if words.is_empty() || !words.iter().all(well_formed) {
        return Ok(None);
    }
    for word in words {
        let number = u32::from_str_radix(word.trim_start_matches('0'), 16);
        let number = if word.bytes().all(|b| b == b'0') {
            Ok(0)
        } else {
            number
        };
        match number {
            Ok(octet) if hex => octets.extend(u8::try_from(octet)),
            number => match number.ok().and_then(char::from_u32) {
                Some(c) => octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => {
                    let words = format!("there is no character {} in Unicode", shown(word));
                    return Err(Problem::new(at, words));
                }
            },
        }
    }
    Ok(Some(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Reading = Reading {
        encoded: true,
        variables: true,
    };

    /// RFC 5228 §2.4.2.4
    #[test]
    fn encoded_characters_are_decoded_as_the_examples_say() {
        for (written, expected) in [
            ("$${hex:40}", "$@"),
            ("${hex: 40 }", "@"),
            ("${HEX: 40}", "@"),
            ("${hex:40", "${hex:40"),
            ("${hex:400}", "${hex:400}"),
            ("${hex:4${hex:30}}", "${hex:40}"),
            ("${unicode:40}", "@"),
            ("${ unicode:40}", "${ unicode:40}"),
            ("${UNICODE:40}", "@"),
            ("${UnICoDE:0000040}", "@"),
            ("${Unicode:40}", "@"),
            ("${Unicode:Cool}", "${Unicode:Cool}"),
            ("${hex:}", "${hex:}"),
            ("${hex:c3}${hex:A9 0}", "é\0"),
            ("${unicode: 1F600\r\n 0}", "😀\0"),
        ] {
            let encoded = Reading {
                encoded: true,
                variables: false,
            };
            let text = encoded.text(written, Pos::default());
            assert_eq!(text, Ok(Text::from(expected)), "{written}");
        }
        for written in [
            "${unicode:200000}",
            "${Unicode:DF01}",
            "${hex:ff}",
            "${unicode:fffffffff}",
        ] {
            assert!(BOTH.text(written, Pos::default()).is_err(), "{written}");
        }
    }

    // long: one table
    #[test]
    fn references_to_variables_become_pieces_and_all_else_stays() {
        let literal = |text: &str| Piece::Literal(text.to_owned());
        let variable = |name: &str| Piece::Variable(name.to_owned());
        for (written, expected) in [
            ("", vec![]),
            ("&%${}!", vec![literal("&%${}!")]),
            ("${doh!}", vec![literal("${doh!}")]),
            ("${Company}", vec![variable("company")]),
            (
                "${President, ${Company} Inc.}",
                vec![
                    literal("${President, "),
                    variable("company"),
                    literal(" Inc.}"),
                ],
            ),
            ("$${a}", vec![literal("$"), variable("a")]),
            ("${fo\\o}", vec![literal("${fo\\o}")]),
            ("${007}x", vec![Piece::Match(7), literal("x")]),
            ("${0}", vec![Piece::Match(0)]),
            ("${global.X}", vec![variable("global.x")]),
            ("${1a}${a.}${.a}", vec![literal("${1a}${a.}${.a}")]),
            // RFC 5229 §3.1: decoded first.
            (
                "dear${hex:20 24 7b 4e}ame}",
                vec![literal("dear "), variable("name")],
            ),
        ] {
            assert_eq!(
                BOTH.text(written, Pos::default()),
                Ok(Text(expected)),
                "{written}"
            );
        }
        for written in [
            "${33}",
            "${99999999999}",
            "${vnd.x}",
            "${global.1}",
            "${global.a.b}",
        ] {
            assert!(BOTH.text(written, Pos::default()).is_err(), "{written}");
        }
    }

    #[test]
    fn without_the_extensions_every_string_is_itself() {
        let text = Reading::default().text("${a}${hex:40}", Pos::default());
        assert_eq!(text, Ok(Text::from("${a}${hex:40}")));
    }
}
