//! SMTP replies (RFC 5321 §4.2, RFC 2034 §4).

use types::Status;

/// Octets of a reply line with its CRLF (RFC 5321 §4.5.3.1.5).
const LINE_MAX_OCTETS: usize = 512;

/// Lines of a reply whose text somebody wrote.
const LINES_MAX: usize = 20;
/// Octets before the text of a line: code, hyphen, enhanced status and a space.
const PREFIX_MAX_OCTETS: usize = "550-5.123.123 ".len();

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

    /// A reply with a text that somebody wrote: a line for each of its lines that is not empty, long
    /// ones folded at a space (RFC 5321 §4.2.1). What goes beyond 20 lines is cut off.
    pub fn of_text(code: u16, status: Status, text: &str) -> Self {
        let lines = text.split(['\r', '\n']).map(str::trim);
        let folded = lines.filter(|line| !line.is_empty()).flat_map(folded);
        let mut lines: Vec<_> = folded.take(LINES_MAX + 1).map(str::to_owned).collect();
        if lines.len() > LINES_MAX {
            lines.truncate(LINES_MAX - 1);
            lines.push("...".to_owned());
        }
        if lines.is_empty() {
            lines.push(String::new());
        }
        Self {
            code,
            status: Some(status),
            lines,
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

/// A line in pieces that fit a line of a reply, cut at a space where one is in the second half.
fn folded(line: &str) -> impl Iterator<Item = &str> {
    const MOST: usize = LINE_MAX_OCTETS - 2 - PREFIX_MAX_OCTETS;
    let mut rest = line;
    std::iter::from_fn(move || {
        if rest.len() <= MOST {
            let last = std::mem::take(&mut rest);
            return (!last.is_empty()).then_some(last);
        }
        let end = rest.floor_char_boundary(MOST);
        let space = rest[..end].rfind(' ').filter(|at| *at > MOST / 2);
        let (piece, after) = rest.split_at(space.unwrap_or(end));
        rest = after.trim_start();
        Some(piece)
    })
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

    #[test]
    fn a_text_of_somebody_has_bounded_clean_lines() {
        let status = Status::new(5, 7, 1);
        let said = |text: &str| {
            let bytes = Reply::of_text(550, status, text).to_bytes();
            String::from_utf8(bytes).expect("a reply is ASCII")
        };
        for (text, expected) in [
            ("no", "550 5.7.1 no\r\n"),
            ("no\r\nthanks\n", "550-5.7.1 no\r\n550 5.7.1 thanks\r\n"),
            (
                "a\rb\n\n\r\n c ",
                "550-5.7.1 a\r\n550-5.7.1 b\r\n550 5.7.1 c\r\n",
            ),
            ("\n\r", "550 5.7.1 \r\n"),
            ("", "550 5.7.1 \r\n"),
            ("250 ok\0\u{85}\u{2028}ž\tx", "550 5.7.1 250 ok?????x\r\n"),
        ] {
            assert_eq!(said(text), expected, "{text:?}");
        }
        for text in ["word ".repeat(300), "x".repeat(1_500), "ž".repeat(800)] {
            let reply = said(&text);
            let lines: Vec<_> = reply.split_terminator("\r\n").collect();
            assert!((3..=4).contains(&lines.len()), "{reply}");
            assert!(lines.iter().all(|line| line.len() <= LINE_MAX_OCTETS - 2));
            let (last, before) = lines.split_last().expect("there are lines");
            assert!(last.starts_with("550 5.7.1 "));
            assert!(before.iter().all(|line| line.starts_with("550-5.7.1 ")));
            let octets = text.chars().filter(|c| *c != ' ').count();
            let told = lines.iter().map(|line| line[10..].replace(' ', "").len());
            assert_eq!(told.sum::<usize>(), octets, "nothing is lost");
        }
        let reply = said(&"line\n".repeat(1_000));
        assert_eq!(reply.lines().count(), LINES_MAX);
        assert!(reply.ends_with("550 5.7.1 ...\r\n"));
    }
}
