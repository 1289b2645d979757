//! How mailbox names are spelled on a connection: modified UTF-7 until the client has enabled
//! IMAP4rev2 or UTF8=ACCEPT, UTF-8 from then on (RFC 9051 §5.1, RFC 6855 §3).

use types::MailboxName;

use super::cursor::{Result, is_astring_char, utf8};
use super::text::push_astring;
use super::utf7;

/// The spelling of mailbox names, in commands and in responses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// Modified UTF-7 (RFC 3501 §5.1.3).
    #[default]
    Utf7,
    /// UTF-8 in quoted strings and literals.
    Utf8,
}

impl Spelling {
    /// The text that the octets of a name or a pattern spell.
    pub(super) fn decode(self, octets: &[u8]) -> Result<String> {
        match self {
            Self::Utf7 => Ok(utf7::decode(octets)?),
            Self::Utf8 => utf8(octets),
        }
    }

    /// Writes a mailbox name.
    pub(super) fn push_mailbox(self, out: &mut Vec<u8>, mailbox: &MailboxName) {
        match self {
            Self::Utf7 => push_astring(out, utf7::encode(mailbox.as_str()).as_bytes()),
            Self::Utf8 => push_utf8(out, mailbox.as_str()),
        }
    }
}

/// A name is never empty; what looks like `NIL` is quoted.
fn push_utf8(out: &mut Vec<u8>, name: &str) {
    if name.bytes().all(is_astring_char) && !name.eq_ignore_ascii_case("NIL") {
        out.extend_from_slice(name.as_bytes());
    } else {
        push_quoted(out, name);
    }
}

/// Mailbox names are short and have no control characters, so all of them can be quoted.
fn push_quoted(out: &mut Vec<u8>, name: &str) {
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
    out.push(b'"');
    out.extend_from_slice(escaped.as_bytes());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_has_a_spelling_of_each_kind() {
        for (name, old, new) in [
            ("Sent", "Sent", "Sent"),
            ("Entwürfe", "Entw&APw-rfe", "\"Entwürfe\""),
            ("a&b", "a&-b", "a&b"),
            ("a b", "\"a b\"", "\"a b\""),
            ("a\"ü", "\"a\\\"&APw-\"", "\"a\\\"ü\""),
            ("nil", "\"nil\"", "\"nil\""),
        ] {
            let mailbox: MailboxName = name.parse().unwrap();
            for (spelling, expected) in [(Spelling::Utf7, old), (Spelling::Utf8, new)] {
                let mut out = Vec::new();
                spelling.push_mailbox(&mut out, &mailbox);
                assert_eq!(String::from_utf8(out).unwrap(), expected);
                let mut cursor = super::super::cursor::Cursor::new(expected.as_bytes());
                let octets = cursor.astring("a name").unwrap();
                assert_eq!(spelling.decode(&octets).as_deref(), Ok(name));
            }
        }
        assert!(Spelling::Utf7.decode("Entwürfe".as_bytes()).is_err());
        assert!(Spelling::Utf8.decode(b"\xff").is_err());
    }
}
