//! `Content-Type` and `Content-Disposition`: words and parameters (RFC 2045 §5.1, RFC 2183 §2).

use wire::imap::Parameters;

use super::parameter;

/// Parameters of one field that are read.
const PARAMETERS_MAX: usize = 64;
/// Octets of a parameter's value; a longer one is passed over.
const PARAMETER_MAX_OCTETS: usize = 4_096;
/// Octets of a boundary (RFC 2046 §5.1.1 allows 70).
const BOUNDARY_MAX_OCTETS: usize = 200;

/// A media type as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContentType {
    pub(super) kind: Vec<u8>,
    pub(super) subtype: Vec<u8>,
    /// Names and values; those that came in pieces are joined (RFC 2231 §3).
    pub(super) parameters: Parameters,
}

impl ContentType {
    fn new(kind: &str, subtype: &str) -> Self {
        Self {
            kind: kind.into(),
            subtype: subtype.into(),
            parameters: Vec::new(),
        }
    }

    /// The type of what does not say its type (RFC 2045 §5.2).
    pub(super) fn plain_text() -> Self {
        Self {
            parameters: vec![(b"charset".to_vec(), b"us-ascii".to_vec())],
            ..Self::new("text", "plain")
        }
    }

    /// The type of a part of a digest that does not say its type (RFC 2046 §5.1.5).
    pub(super) fn message() -> Self {
        Self::new("message", "rfc822")
    }

    /// The type of what is not looked into.
    pub(super) fn opaque() -> Self {
        Self::new("application", "octet-stream")
    }

    /// Reads a folded field value; what has no type and subtype is plain text.
    pub(super) fn parse(value: &[u8]) -> Self {
        let mut rest = Scanner { rest: value };
        rest.white();
        let kind = rest.token().to_vec();
        rest.white();
        let slash = rest.take(b'/');
        rest.white();
        let subtype = rest.token().to_vec();
        if !slash || kind.is_empty() || subtype.is_empty() {
            return Self::plain_text();
        }
        Self {
            kind,
            subtype,
            parameters: rest.parameters(),
        }
    }

    /// `type/subtype` in small letters.
    pub(super) fn name(&self) -> String {
        let octets = [self.kind.as_slice(), b"/", &self.subtype].concat();
        String::from_utf8_lossy(&octets).to_lowercase()
    }

    /// Whether this is the type, whatever the subtype.
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind.as_bytes())
    }

    /// Whether a message is inside.
    pub(super) fn is_message(&self) -> bool {
        let inside = [&b"rfc822"[..], b"global"];
        let subtype = inside
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&self.subtype));
        self.is("message") && subtype
    }

    /// The first parameter of this name, unless it is empty or no boundary could be as long.
    pub(super) fn parameter(&self, name: &str) -> Option<Vec<u8>> {
        let value = parameter::octets(&self.parameters, name)?;
        (!value.is_empty() && value.len() <= BOUNDARY_MAX_OCTETS).then_some(value)
    }
}

/// A word with parameters, such as a disposition; `None` if there is no word.
pub(super) fn word_and_parameters(value: &[u8]) -> Option<(Vec<u8>, Parameters)> {
    let mut rest = Scanner { rest: value };
    rest.white();
    let word = rest.token().to_vec();
    (!word.is_empty()).then(|| (word, rest.parameters()))
}

/// The first word of a field value.
pub(super) fn word(value: &[u8]) -> &[u8] {
    let mut rest = Scanner { rest: value };
    rest.white();
    rest.token()
}

struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    fn take(&mut self, octet: u8) -> bool {
        match self.rest.split_first() {
            Some((first, rest)) if *first == octet => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Steps over white space and comments.
    fn white(&mut self) {
        let mut depth = 0_usize;
        while let Some((first, rest)) = self.rest.split_first() {
            match first {
                b'(' => depth += 1,
                b')' if depth > 0 => depth -= 1,
                c if depth > 0 || c.is_ascii_whitespace() => {}
                _ => return,
            }
            self.rest = rest;
        }
    }

    /// A token; 8-bit octets, which real mail has here, pass.
    fn token(&mut self) -> &'a [u8] {
        let special = |c: &u8| c.is_ascii_control() || b" ()<>@,;:\\\"/[]?=".contains(c);
        self.split(|c| !special(c))
    }

    fn split(&mut self, wanted: impl Fn(&u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().take_while(|c| wanted(c)).count();
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn parameters(&mut self) -> Parameters {
        let mut parameters = Vec::new();
        while parameters.len() < PARAMETERS_MAX && !self.rest.is_empty() {
            self.white();
            self.split(|c| *c != b';');
            self.take(b';');
            self.white();
            let name = self.token().to_vec();
            self.white();
            if name.is_empty() || !self.take(b'=') {
                continue;
            }
            self.white();
            let value = self.value();
            if value.len() <= PARAMETER_MAX_OCTETS {
                parameters.push((name, value));
            }
        }
        parameter::joined(&parameters, PARAMETER_MAX_OCTETS)
    }

    /// A quoted string without its quotes, or all up to white space or a semicolon: real mail has
    /// unquoted boundaries with characters that no token may have.
    fn value(&mut self) -> Vec<u8> {
        if !self.take(b'"') {
            return self
                .split(|c| !c.is_ascii_whitespace() && *c != b';')
                .to_vec();
        }
        let mut value = Vec::new();
        while let Some((first, rest)) = self.rest.split_first() {
            self.rest = rest;
            match first {
                b'"' => break,
                b'\r' | b'\n' => {}
                b'\\' => match rest.split_first() {
                    Some((escaped, rest)) => {
                        value.push(*escaped);
                        self.rest = rest;
                    }
                    None => break,
                },
                plain => value.push(*plain),
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_parameters_are_read_as_real_mail_writes_them() {
        let plain = ("text", "plain", "charset=us-ascii");
        for (value, expected) in [
            (
                "text/html; charset=utf-8",
                ("text", "html", "charset=utf-8"),
            ),
            (
                " Text / HTML (x;y=z) ;\r\n charset = \"a\\\"b;c\"",
                ("Text", "HTML", "charset=a\"b;c"),
            ),
            (
                "multipart/mixed; boundary=a=b_?c",
                ("multipart", "mixed", "boundary=a=b_?c"),
            ),
            ("a/b; ;; x; y=1", ("a", "b", "y=1")),
            ("a/b; n*0*=utf-8''a; n*1=b", ("a", "b", "n*=utf-8''ab")),
            ("a/b; x=\"open", ("a", "b", "x=open")),
            ("text", plain),
            ("", plain),
            ("/", plain),
            ("text/;x=y", plain),
        ] {
            let parsed = ContentType::parse(value.as_bytes());
            let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
            let pairs = parsed.parameters.iter();
            let pairs: Vec<_> = pairs
                .map(|(n, v)| format!("{}={}", text(n), text(v)))
                .collect();
            let seen = (text(&parsed.kind), text(&parsed.subtype), pairs.join("|"));
            let (kind, subtype, parameters) = expected;
            assert_eq!(
                seen,
                (kind.into(), subtype.into(), parameters.into()),
                "{value}"
            );
        }
    }

    #[test]
    fn parameters_are_bounded() {
        let many = format!("a/b{}", "; x=y".repeat(100_000));
        assert_eq!(
            ContentType::parse(many.as_bytes()).parameters.len(),
            PARAMETERS_MAX
        );
        let pieces: String = (0..100_000).map(|n| format!("; f*{n}=.exe")).collect();
        let joined = ContentType::parse(format!("a/b{pieces}").as_bytes()).parameters;
        assert_eq!(joined, [(b"f".to_vec(), b".exe".repeat(PARAMETERS_MAX))]);
        let long = format!("a/b; x={}; y=z", "v".repeat(PARAMETER_MAX_OCTETS + 1));
        assert_eq!(ContentType::parse(long.as_bytes()).parameters.len(), 1);
    }
}
