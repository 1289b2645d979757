//! The head of a request of HTTP/1.1 (RFC 9112 §3, §5), as far as a door for monitors needs it: no
//! body, no query, no other form of target than a path; and the token of who asks (RFC 6750 §2.1).

/// A request line that was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine<'a> {
    /// The method, in upper case as it must be sent.
    pub method: &'a str,
    /// The path, without what follows a `?`.
    pub path: &'a str,
}

/// Reads a request line without its line end; `None` if it is none of HTTP/1.0 or HTTP/1.1.
pub fn request_line(line: &[u8]) -> Option<RequestLine<'_>> {
    let text = std::str::from_utf8(line).ok()?;
    let mut words = text.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let is_method = !method.is_empty() && method.bytes().all(|c| c.is_ascii_uppercase());
    let is_target = target.starts_with('/') && target.bytes().all(|c| c.is_ascii_graphic());
    let is_version = matches!(version, "HTTP/1.0" | "HTTP/1.1");
    if words.next().is_some() || !is_method || !is_target || !is_version {
        return None;
    }
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    Some(RequestLine { method, path })
}

/// A field line of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLine<'a> {
    name: &'a str,
    /// The value, without blanks around it.
    pub value: &'a [u8],
}

impl FieldLine<'_> {
    /// Whether the field has this name; letters count as equal in both cases.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Reads a field line without its line end; `None` if it is none, or goes on with the line before
/// it, which nobody may send any more (RFC 9112 §5.2).
pub fn field_line(line: &[u8]) -> Option<FieldLine<'_>> {
    let colon = line.iter().position(|c| *c == b':')?;
    let name = std::str::from_utf8(&line[..colon]).ok()?;
    let value = line[colon + 1..].trim_ascii();
    let is_name = !name.is_empty() && name.bytes().all(is_token_octet);
    let is_value = value.iter().all(|c| *c == b'\t' || !c.is_ascii_control());
    (is_name && is_value).then_some(FieldLine { name, value })
}

/// The token in the value of an `Authorization` field; `None` for another scheme, and for what
/// cannot be a token.
pub fn bearer_token(value: &[u8]) -> Option<&[u8]> {
    let scheme_end = value.iter().position(|c| *c == b' ')?;
    let (scheme, rest) = value.split_at(scheme_end);
    let token = rest.trim_ascii_start();
    // Letters, then any number of `=` that fill up.
    let letters_end = token.iter().position(|c| *c == b'=').unwrap_or(token.len());
    let (letters, filling) = token.split_at(letters_end);
    let is_letter = |c: &u8| c.is_ascii_alphanumeric() || b"-._~+/".contains(c);
    let is_token =
        !letters.is_empty() && letters.iter().all(is_letter) && filling.iter().all(|c| *c == b'=');
    (scheme.eq_ignore_ascii_case(b"Bearer") && is_token).then_some(token)
}

/// An octet of a `token` (RFC 9110 §5.6.2).
fn is_token_octet(c: u8) -> bool {
    c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_line_is_a_name_and_a_value() {
        type Field = Option<(&'static str, &'static [u8])>;
        let cases: [(&[u8], Field); 10] = [
            (b"Host: localhost", Some(("host", b"localhost"))),
            (
                b"authorization:Bearer a",
                Some(("Authorization", b"Bearer a")),
            ),
            (b"X: \t a b\xff \t", Some(("x", b"a b\xff"))),
            (b"X:", Some(("x", b""))),
            (b"X :y", None),
            (b" X: folded", None),
            (b": y", None),
            (b"no colon", None),
            (b"X\xc3\xa9: y", None),
            (b"X: a\0b", None),
        ];
        for (line, expected) in cases {
            let found = field_line(line);
            let shown = line.escape_ascii();
            assert_eq!(found.is_some(), expected.is_some(), "{shown}");
            if let Some((field, (name, value))) = found.zip(expected) {
                assert!(field.is(name) && field.value == value, "{shown}");
            }
        }
    }

    #[test]
    fn a_bearer_token_is_one_word_of_its_letters() {
        let cases: [(&[u8], Option<&[u8]>); 9] = [
            (b"Bearer spt_12_abc", Some(b"spt_12_abc")),
            (b"bearer   aB9-._~+/==", Some(b"aB9-._~+/==")),
            (b"Bearer", None),
            (b"Bearer ", None),
            (b"Bearer ==", None),
            (b"Bearer a b", None),
            (b"Bearer a=b", None),
            (b"Basic YTpi", None),
            (b"Bearer \xff", None),
        ];
        for (value, expected) in cases {
            assert_eq!(bearer_token(value), expected, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn a_request_line_has_three_words() {
        type Words = Option<(&'static str, &'static str)>;
        let cases: [(&[u8], Words); 11] = [
            (b"GET /metrics HTTP/1.1", Some(("GET", "/metrics"))),
            (b"HEAD /healthz?full=1 HTTP/1.0", Some(("HEAD", "/healthz"))),
            (b"POST / HTTP/1.1", Some(("POST", "/"))),
            (b"GET /metrics HTTP/2.0", None),
            (b"GET /metrics", None),
            (b"get /metrics HTTP/1.1", None),
            (b"GET metrics HTTP/1.1", None),
            (b"GET  /metrics HTTP/1.1", None),
            (b"GET /a b HTTP/1.1", None),
            (b"GET /\xff HTTP/1.1", None),
            (b"", None),
        ];
        for (line, expected) in cases {
            let expected = expected.map(|(method, path)| RequestLine { method, path });
            assert_eq!(request_line(line), expected, "{}", line.escape_ascii());
        }
    }
}
