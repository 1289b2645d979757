//! Parameter values that may hold any octet: xtext (RFC 3461 §4).

/// Writes a text so that it is one parameter value.
pub(super) fn xtext(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'+' | b'=' => written.push_str(&format!("+{octet:02X}")),
            b'!'..=b'~' => written.push(char::from(octet)),
            _ => written.push_str(&format!("+{octet:02X}")),
        }
    }
    written
}

/// Reads a parameter value; octets beyond ASCII may stand as they are (RFC 6533 §3).
///
/// `None` if it is not xtext or does not hold UTF-8. What it holds may be any text at all.
pub(super) fn decoded(value: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(octet) = rest.next() {
        match octet {
            b'+' => octets.push(16 * hex_digit(rest.next()?)? + hex_digit(rest.next()?)?),
            b'!'..=b'~' if octet != b'=' => octets.push(octet),
            _ if !octet.is_ascii() => octets.push(octet),
            _ => return None,
        }
    }
    String::from_utf8(octets).ok()
}

fn hex_digit(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        _ => None,
    }
}
