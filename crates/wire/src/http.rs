//! The request line of HTTP/1.1 (RFC 9112 §3), as far as a door for monitors needs it: no body, no
//! query, no other form of target than a path.

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

#[cfg(test)]
mod tests {
    use super::*;

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
