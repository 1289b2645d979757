//! Strings on the wire: quoted where that is safe, a literal where it is not (RFC 9051 §4.3).
//!
//! Everything that a message or a client supplied goes through here, so no value can end the line
//! it stands in.

use std::io::Write;

use super::cursor::is_astring_char;

/// Octets of the longest string that is written in quotes.
const QUOTED_MAX_OCTETS: usize = 1_024;

/// Writes a string. NUL octets, which no string may hold, are left out.
pub(super) fn push_string(out: &mut Vec<u8>, octets: &[u8]) {
    let plain = |c: &u8| matches!(c, b' '..=b'~');
    if octets.len() <= QUOTED_MAX_OCTETS && octets.iter().all(plain) {
        out.push(b'"');
        for octet in octets {
            if matches!(octet, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(*octet);
        }
        out.push(b'"');
    } else {
        let nuls = octets.iter().filter(|c| **c == 0).count();
        push(out, format_args!("{{{}}}\r\n", octets.len() - nuls));
        out.extend(octets.iter().filter(|c| **c != 0));
    }
}

/// Writes a string, or `NIL` if there is none.
pub(super) fn push_nstring<T: AsRef<[u8]>>(out: &mut Vec<u8>, octets: Option<T>) {
    match octets {
        Some(octets) => push_string(out, octets.as_ref()),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Writes an atom where the octets are one, else a string.
pub(super) fn push_astring(out: &mut Vec<u8>, octets: &[u8]) {
    let nil = octets.eq_ignore_ascii_case(b"NIL");
    if octets.is_empty() || nil || !octets.iter().copied().all(is_astring_char) {
        push_string(out, octets);
    } else {
        out.extend_from_slice(octets);
    }
}

/// Writes `items` with single spaces between them.
pub(super) fn push_joined<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut push_one: impl FnMut(&mut Vec<u8>, T),
) {
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        push_one(out, item);
    }
}

/// Writes formatted text that is known to be safe: numbers and our own words.
pub(super) fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a Vec does not fail");
}
