//! SMTP replies (RFC 5321 §4.2, RFC 2034 §4).

use types::Status;

/// Octets of a reply line with its CRLF (RFC 5321 §4.5.3.1.5).
const LINE_MAX_OCTETS: usize = 512;

/// A reply: a code, perhaps an enhanced status, and lines of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    status: Option<Status>,
    lines: Vec<String>,
}

impl Reply {
    /// A reply of one line with an enhanced status.
    pub fn new(code: u16, status: Status, text: impl Into<String>) -> Self {
        Self {
            code,
            status: Some(status),
            lines: vec![text.into()],
        }
    }

    /// A reply that bears no enhanced status: 220 at the start, 334, 354 (RFC 2034 §4).
    pub fn plain(code: u16, text: impl Into<String>) -> Self {
        Self {
            code,
            status: None,
            lines: vec![text.into()],
        }
    }

    /// The same reply with one more line.
    #[must_use]
    pub fn and(mut self, text: impl Into<String>) -> Self {
        self.lines.push(text.into());
        self
    }

    /// The three-digit code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The octets to send. Whatever the text holds, each line of it stays one line of ASCII.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (index, text) in self.lines.iter().enumerate() {
            let separator = if index + 1 == self.lines.len() {
                ' '
            } else {
                '-'
            };
            let mut line = format!("{}{separator}", self.code);
            if let Some(status) = self.status {
                line.push_str(&format!("{status} "));
            }
            let printable = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
            line.extend(text.chars().map(printable));
            line.truncate(LINE_MAX_OCTETS - 2);
            bytes.extend_from_slice(line.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_joined_by_hyphens() {
        let reply = Reply::plain(250, "mail.example.org")
            .and("PIPELINING")
            .and("HELP");
        let expected = b"250-mail.example.org\r\n250-PIPELINING\r\n250 HELP\r\n";
        assert_eq!(reply.to_bytes(), expected);
        let refusal = Reply::new(550, Status::new(5, 1, 1), "no such mailbox");
        assert_eq!(refusal.to_bytes(), b"550 5.1.1 no such mailbox\r\n");
    }

    #[test]
    fn text_cannot_become_a_second_line() {
        let reply = Reply::plain(250, "a\r\n250 b\0\tž");
        assert_eq!(reply.to_bytes(), b"250 a??250 b???\r\n");
        let long = Reply::plain(250, "a".repeat(LINE_MAX_OCTETS));
        assert_eq!(long.to_bytes().len(), LINE_MAX_OCTETS);
    }
}
