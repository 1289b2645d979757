//! Fields by which others speak in the name of this server.

use crate::header::{Field, unfolded};

/// Whether a field says what this server is said to have found out: `Authentication-Results` with its
/// name (RFC 8601 §5), or `Received-SPF` of it (RFC 7208 §9.1).
pub(super) fn is_in_name_of(host: &str, field: &Field<'_>) -> bool {
    let is_host = |word: &str| word.trim_end_matches('.').eq_ignore_ascii_case(host);
    if field.is("Authentication-Results") {
        return first_word(&plain(field.value)).is_some_and(|word| is_host(&word));
    }
    if !field.is("Received-SPF") {
        return false;
    }
    let text = plain(field.value);
    let mut pairs = text.split(|c: char| c == ';' || c.is_whitespace());
    pairs.any(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or_default();
        key.eq_ignore_ascii_case("receiver") && is_host(value)
    })
}

/// The name at the begin; behind it stand a version or results.
fn first_word(text: &str) -> Option<String> {
    let end = |c: char| c == ';' || c.is_whitespace();
    let word = text.trim_start().split(end).next()?;
    Some(word.to_owned())
}

/// The value without comments and quotation marks (RFC 5322 §3.2): how a program reads it.
fn plain(value: &[u8]) -> String {
    let value = unfolded(value);
    let text = String::from_utf8_lossy(&value);
    let (mut out, mut depth, mut quoted) = (String::with_capacity(text.len()), 0_usize, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if depth > 0 => {
                chars.next();
            }
            '\\' if quoted => out.extend(chars.next()),
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                out.push(' ');
            }
            _ if depth > 0 => {}
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::fields;

    #[test]
    fn what_is_said_in_our_name_is_found_however_it_is_written() {
        for (text, ours) in [
            ("Authentication-Results: mx.example.org; spf=pass", true),
            (
                "authentication-results:\r\n\tMX.Example.ORG 1;\r\n\tdkim=pass",
                true,
            ),
            (
                "Authentication-Results: (by (us\\)) ) mx.example.org; spf=pass",
                true,
            ),
            (
                "Authentication-Results: \"mx.exam\\ple.org\"; spf=pass",
                true,
            ),
            ("Authentication-Results: mx.example.org.; spf=pass", true),
            ("Authentication-Results: mx.example.org(x); spf=pass", true),
            ("Authentication-Results: mx.example.org", true),
            ("Authentication-Results: mx.example.net; spf=pass", false),
            ("Authentication-Results: a.mx.example.org; spf=pass", false),
            (
                "Authentication-Results: (mx.example.org) mx.test; spf=pass",
                false,
            ),
            ("Authentication-Results:", false),
            (
                "Received-SPF: pass (mx.example.org: fine) receiver=mx.example.org; x=y",
                true,
            ),
            ("Received-SPF: pass receiver=\"mx.example.org\"", true),
            (
                "Received-SPF: pass receiver=mx.example.net; client-ip=192.0.2.1",
                false,
            ),
            ("Subject: mx.example.org; spf=pass", false),
        ] {
            let head = format!("{text}\r\n\r\n");
            let field = fields(head.as_bytes()).next().unwrap();
            assert_eq!(is_in_name_of("mx.example.org", &field), ours, "{text}");
        }
    }
}
