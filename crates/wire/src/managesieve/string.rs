//! Strings as they are written: quoted where that is possible, else as a literal (RFC 5804 §4).

use super::limits::QUOTED_MAX_OCTETS;

/// A string; what a client sends writes the octets of a literal as `{n+}`, what a server sends as
/// `{n}`.
pub fn string(text: &str, from_client: bool) -> Vec<u8> {
    let quotable = text.len() <= QUOTED_MAX_OCTETS && !text.contains(['\0', '\r', '\n']);
    if quotable {
        let mut quoted = String::with_capacity(text.len() + 2);
        quoted.push('"');
        for c in text.chars() {
            if matches!(c, '"' | '\\') {
                quoted.push('\\');
            }
            quoted.push(c);
        }
        quoted.push('"');
        return quoted.into_bytes();
    }
    let plus = if from_client { "+" } else { "" };
    format!("{{{}{plus}}}\r\n{text}", text.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_where_that_is_possible() {
        let long = "a".repeat(QUOTED_MAX_OCTETS + 1);
        for (text, written) in [
            ("", "\"\"".to_owned()),
            ("a\"b\\c", "\"a\\\"b\\\\c\"".to_owned()),
            ("Käse", "\"Käse\"".to_owned()),
            ("a\r\nOK", "{5}\r\na\r\nOK".to_owned()),
            (&long, format!("{{1025}}\r\n{long}")),
        ] {
            assert_eq!(string(text, false), written.as_bytes(), "{text:?}");
        }
        assert_eq!(string("a\nb", true), b"{3+}\r\na\nb");
    }
}
