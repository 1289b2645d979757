//! Changes of a header block (RFC 5293).

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::header;

/// Octets of text in one encoded word, which has 75 at most.
const ENCODED_OCTETS: usize = 45;
/// Octets of a line that is folded where it has a space (RFC 5322 §2.1.1).
const LINE_OCTETS: usize = 78;

/// The header block with a field added: above all others, or below them.
pub(super) fn added(head: &[u8], name: &str, value: &str, last: bool) -> Vec<u8> {
    let field = folded(name, value);
    let end = header::fields(head)
        .last()
        .map_or(0, |field| field.range.end);
    let at = if last { end } else { 0 };
    [&head[..at], field.as_bytes(), &head[at..]].concat()
}

/// The header block without the field of this name at this place among those of the name.
pub(super) fn removed(head: &[u8], name: &str, index: usize) -> Vec<u8> {
    let mut named = header::fields(head).filter(|field| field.is(name));
    match named.nth(index) {
        Some(field) => [&head[..field.range.start], &head[field.range.end..]].concat(),
        None => head.to_vec(),
    }
}

/// The field with its line ends: what would end it early is left out, what is not ASCII is encoded,
/// long values are folded.
fn folded(name: &str, value: &str) -> String {
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    let mut field = format!("{name}:");
    let mut line = field.len();
    for word in encoded(&value) {
        if line + 1 + word.len() > LINE_OCTETS && line > name.len() + 1 {
            field.push_str("\r\n");
            line = 0;
        }
        field.push(' ');
        field.push_str(&word);
        line += 1 + word.len();
    }
    field.push_str("\r\n");
    field
}

/// The words of a value, those beyond ASCII as encoded words (RFC 2047 §2); neighbours that are
/// encoded hold the space between them, since readers drop it (§6.2).
fn encoded(value: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut beyond: Vec<&str> = Vec::new();
    for word in value.split(' ').filter(|word| !word.is_empty()) {
        if !word.is_ascii() {
            beyond.push(word);
            continue;
        }
        words.extend(encoded_words(&std::mem::take(&mut beyond).join(" ")));
        words.push(word.to_owned());
    }
    words.extend(encoded_words(&beyond.join(" ")));
    words
}

fn encoded_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(ENCODED_OCTETS);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, after) = rest.split_at(end);
        words.push(format!("=?utf-8?B?{}?=", BASE64_STANDARD.encode(piece)));
        rest = after;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"A: 1\r\nB: 2\r\n\tfolded\r\nA: 3\r\n\r\n";

    #[test]
    fn fields_come_above_or_below_the_others() {
        let first = added(HEAD, "X", "new value", false);
        assert_eq!(first, [b"X: new value\r\n", HEAD].concat());
        let last = added(HEAD, "X", "v", true);
        assert_eq!(last, b"A: 1\r\nB: 2\r\n\tfolded\r\nA: 3\r\nX: v\r\n\r\n");
        assert_eq!(added(b"\r\n", "X", "v", true), b"X: v\r\n\r\n");
    }

    #[test]
    fn the_field_at_a_place_goes_whole() {
        assert_eq!(removed(HEAD, "a", 1), b"A: 1\r\nB: 2\r\n\tfolded\r\n\r\n");
        assert_eq!(removed(HEAD, "B", 0), b"A: 1\r\nA: 3\r\n\r\n");
        assert_eq!(removed(HEAD, "B", 1), HEAD);
        assert_eq!(removed(HEAD, "C", 0), HEAD);
    }

    #[test]
    fn a_value_cannot_begin_another_field() {
        let head = added(HEAD, "X", "a\r\nBcc: x@example.org\r\n\r\nbody\0", false);
        assert_eq!(header::fields(&head).count(), 4);
        assert!(head.starts_with(b"X: aBcc: x@example.orgbody\r\n"));
    }

    #[test]
    fn long_values_are_folded_between_words() {
        let head = added(b"\r\n", "Subject", &"word ".repeat(60), false);
        let text = String::from_utf8(head.clone()).unwrap();
        assert!(text.lines().all(|line| line.len() <= LINE_OCTETS), "{text}");
        let value = header::unfolded(header::fields(&head).next().unwrap().value);
        assert_eq!(value, "word ".repeat(60).trim().as_bytes());
    }

    #[test]
    fn what_is_not_ascii_is_encoded_and_read_back() {
        for value in [
            "café",
            "a café über b",
            "[Žluť] x",
            &"é".repeat(90),
            "Jürg <j@example.org>",
        ] {
            let head = added(b"\r\n", "Subject", value, false);
            assert!(head.is_ascii(), "{value}");
            let read = crate::mime::decoded_header(&head);
            assert_eq!(read, format!("Subject: {value}\n"));
        }
    }
}
