//! Replies as a client reads them (RFC 5321 §4.2), and what a server offers (§4.1.1.1).

use types::Status;

/// Octets of a line without its end; more than the 512 of RFC 5321 §4.5.3.1.5, since many servers
/// write longer ones.
pub const ANSWER_LINE_MAX_OCTETS: usize = 2_048;
/// Lines of one reply.
pub const ANSWER_LINES_MAX: usize = 200;
/// Octets of one reply that are kept; what is beyond is read and let go.
const TEXT_MAX_OCTETS: usize = 8_192;

/// A reply of another server. Its text is never trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The three digits, 200 to 599.
    pub code: u16,
    /// The enhanced status of its first line, if it has one of the same class (RFC 2034 §4).
    pub status: Option<Status>,
    /// The words behind both, a line each; octets that are no UTF-8 are shown as replaced.
    pub lines: Vec<String>,
}

/// Why something is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// No code, or one that no reply has.
    #[error("a line does not begin with a reply code")]
    NoCode,
    /// The lines of one reply differ in their codes.
    #[error("the lines of a reply have different codes")]
    MixedCodes,
    /// More than [`ANSWER_LINES_MAX`] lines.
    #[error("a reply has too many lines")]
    TooManyLines,
}

/// Reads the lines of one reply.
#[derive(Debug, Default)]
pub struct AnswerReader {
    code: Option<u16>,
    status: Option<Status>,
    lines: Vec<String>,
    count: usize,
    octets: usize,
}

impl AnswerReader {
    /// Takes a line without its end; gives the reply when this is its last line.
    pub fn line(&mut self, line: &[u8]) -> Result<Option<Answer>, AnswerError> {
        let (code, is_last, text) = split(line).ok_or(AnswerError::NoCode)?;
        if self.code.is_some_and(|known| known != code) {
            return Err(AnswerError::MixedCodes);
        }
        self.count += 1;
        if self.count > ANSWER_LINES_MAX {
            return Err(AnswerError::TooManyLines);
        }
        let text = String::from_utf8_lossy(text);
        let (status, words) = split_status(&text, code);
        if self.code.is_none() {
            self.status = status;
        }
        self.code = Some(code);
        if self.octets + words.len() <= TEXT_MAX_OCTETS {
            self.octets += words.len();
            self.lines.push(words.to_owned());
        }
        if !is_last {
            return Ok(None);
        }
        let done = std::mem::take(self);
        Ok(Some(Answer {
            code,
            status: done.status,
            lines: done.lines,
        }))
    }
}

/// Code, whether it is the last line, text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !(b'2'..=b'5').contains(&digits[0]) {
        return None;
    }
    let code = digits
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Some((code, true, b"")),
        Some((b' ', text)) => Some((code, true, text)),
        Some((b'-', text)) => Some((code, false, text)),
        Some(_) => None,
    }
}

/// The enhanced status at the beginning of a text, if its class is that of the code, and the rest.
fn split_status(text: &str, code: u16) -> (Option<Status>, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match status(word).filter(|status| u16::from(status.class) == code / 100) {
        Some(status) => (Some(status), rest),
        None => (None, text),
    }
}

/// `class.subject.detail` (RFC 3463 §2).
fn status(word: &str) -> Option<Status> {
    let mut parts = word.split('.').map(|part| {
        let is_number = (1..=3).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_digit());
        is_number.then(|| part.parse::<u16>().ok()).flatten()
    });
    let (class, subject, detail) = (parts.next()??, parts.next()??, parts.next()??);
    let class = u8::try_from(class)
        .ok()
        .filter(|class| matches!(class, 2 | 4 | 5))?;
    parts
        .next()
        .is_none()
        .then_some(Status::new(class, subject, detail))
}

impl Answer {
    /// Whether it says yes (2yz).
    pub fn is_yes(&self) -> bool {
        self.code / 100 == 2
    }

    /// Whether it says never (5yz).
    pub fn is_never(&self) -> bool {
        self.code / 100 == 5
    }
}

/// What a server offers in its answer to EHLO, as far as this client uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// RFC 3207
    pub start_tls: bool,
    /// RFC 1870: the largest message, if it says one.
    pub size_max: Option<u64>,
    /// RFC 1870: whether MAIL may say `SIZE=`.
    pub size: bool,
    /// RFC 2920
    pub pipelining: bool,
    /// RFC 6152
    pub eight_bit: bool,
    /// RFC 6531
    pub smtp_utf8: bool,
    /// RFC 3461
    pub dsn: bool,
    /// RFC 8689
    pub require_tls: bool,
    /// RFC 4954: the names of its mechanisms, in capitals.
    pub auth: Vec<String>,
}

impl Capabilities {
    /// Reads an answer to EHLO; its first line is a greeting.
    pub fn of(answer: &Answer) -> Self {
        let mut offered = Self::default();
        for line in answer.lines.iter().skip(1) {
            let mut words = line.split_ascii_whitespace();
            let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
            match keyword.as_str() {
                "STARTTLS" => offered.start_tls = true,
                "SIZE" => {
                    offered.size = true;
                    let most = words.next().and_then(|most| most.parse().ok());
                    // 0 says that there is no fixed limit (RFC 1870 §4).
                    offered.size_max = most.filter(|most| *most > 0);
                }
                "PIPELINING" => offered.pipelining = true,
                "8BITMIME" => offered.eight_bit = true,
                "SMTPUTF8" => offered.smtp_utf8 = true,
                "DSN" => offered.dsn = true,
                "REQUIRETLS" => offered.require_tls = true,
                "AUTH" => offered.auth.extend(words.map(str::to_ascii_uppercase)),
                _ => {}
            }
        }
        offered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Answer, AnswerError> {
        let mut reader = AnswerReader::default();
        let mut last = None;
        for line in text.lines() {
            assert_eq!(last, None, "{text:?} goes on behind its end");
            last = reader.line(line.as_bytes())?;
        }
        Ok(last.unwrap_or_else(|| panic!("{text:?} has no end")))
    }

    fn answer(code: u16, status: Option<(u8, u16, u16)>, lines: &[&str]) -> Answer {
        Answer {
            code,
            status: status.map(|(class, subject, detail)| Status::new(class, subject, detail)),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    #[test]
    fn replies_of_servers_are_read() {
        for (text, expected) in [
            ("250 ok", answer(250, None, &["ok"])),
            ("250", answer(250, None, &[""])),
            ("250 ", answer(250, None, &[""])),
            (
                "550-5.1.1 no\n550 5.1.1 such user",
                answer(550, Some((5, 1, 1)), &["no", "such user"]),
            ),
            // A status of another class is none (RFC 2034 §4).
            ("550 4.7.1 x", answer(550, None, &["4.7.1 x"])),
            ("451 4.7.1", answer(451, Some((4, 7, 1)), &[""])),
            ("250 2.0.0.1 ip", answer(250, None, &["2.0.0.1 ip"])),
            ("250 2.0.1000 long", answer(250, None, &["2.0.1000 long"])),
            ("220-a\n220 b", answer(220, None, &["a", "b"])),
        ] {
            assert_eq!(read(text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for (text, err) in [
            ("", AnswerError::NoCode),
            ("hello", AnswerError::NoCode),
            ("25", AnswerError::NoCode),
            ("2500 x", AnswerError::NoCode),
            ("150 x", AnswerError::NoCode),
            ("650 x", AnswerError::NoCode),
            ("250_x", AnswerError::NoCode),
        ] {
            let mut reader = AnswerReader::default();
            assert_eq!(reader.line(text.as_bytes()), Err(err), "{text:?}");
        }
        assert_eq!(read("250-a\n251 b"), Err(AnswerError::MixedCodes));
        let endless = "250-x\n".repeat(ANSWER_LINES_MAX + 1);
        assert_eq!(read(&endless), Err(AnswerError::TooManyLines));
    }

    #[test]
    fn a_long_reply_is_cut_and_octets_beyond_utf_8_are_replaced() {
        let line = format!("250-{}\n", "x".repeat(2_000));
        let text = format!("{}250 end", line.repeat(100));
        let kept = read(&text).unwrap().lines;
        assert!(kept.concat().len() <= TEXT_MAX_OCTETS, "{}", kept.len());
        let mut reader = AnswerReader::default();
        let odd = reader.line(b"250 \xff").unwrap().unwrap();
        assert_eq!(odd.lines, ["\u{fffd}"]);
    }

    #[test]
    fn what_is_offered_is_known_in_any_case() {
        let text = "250-mx.example.net hello\n250-starttls\n250-SIZE 1000\n250-Pipelining\n\
                    250-8BITMIME\n250-AUTH plain LOGIN\n250-XODD\n250-\n250 REQUIRETLS";
        let offered = Capabilities::of(&read(text).unwrap());
        let expected = Capabilities {
            start_tls: true,
            size: true,
            size_max: Some(1_000),
            pipelining: true,
            eight_bit: true,
            require_tls: true,
            auth: vec!["PLAIN".to_owned(), "LOGIN".to_owned()],
            ..Capabilities::default()
        };
        assert_eq!(offered, expected);
        for (text, most) in [("SIZE", None), ("SIZE 0", None), ("SIZE x", None)] {
            let offered = Capabilities::of(&read(&format!("250-x\n250 {text}")).unwrap());
            assert_eq!((offered.size, offered.size_max), (true, most), "{text}");
        }
        // The greeting of a server is no offer.
        assert_eq!(
            Capabilities::of(&read("250 STARTTLS").unwrap()),
            Capabilities::default()
        );
    }
}
