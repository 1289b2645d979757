//! Reports about what became of a message, for people and for programs (RFC 3464, RFC 6522).
//!
//! A report says of each recipient what happened, what the other server said word for word, and what
//! to do. It is marked as written by a program and has no sender, so that nothing answers it.

use std::fmt::Write as _;

use types::{Address, EnvelopeId, OriginalRecipient, Status, Timestamp};

use crate::header;

/// Octets of a message that a report brings back whole, if the sender wants that.
pub(crate) const RETURNED_MAX_OCTETS: u64 = 1_048_576;
/// Characters of a line that people read.
const LINE_CHARS: usize = 76;
/// Characters of what another server said.
const SAID_MAX_CHARS: usize = 2_000;
/// Characters of a subject.
const SUBJECT_MAX_CHARS: usize = 200;

/// What a report is made of.
pub(crate) struct Report<'a> {
    /// The name of this server.
    pub(crate) host: &'a str,
    /// A name for the report.
    pub(crate) id: &'a str,
    /// When it is written.
    pub(crate) at: Timestamp,
    /// To whom.
    pub(crate) to: &'a Address,
    /// The sender's own name for the sending (RFC 3461 §4.4).
    pub(crate) envelope_id: Option<&'a EnvelopeId>,
    /// When the message was accepted.
    pub(crate) arrived_at: Timestamp,
    /// What its reader must know before all else, a paragraph each.
    pub(crate) foreword: Vec<String>,
    /// One for each recipient; at least one.
    pub(crate) lines: Vec<Line>,
    /// The header block of the message.
    pub(crate) head: &'a [u8],
    /// Its body, if the report brings it back.
    pub(crate) body: Option<Vec<u8>>,
}

/// What is told of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) address: Address,
    /// The recipient as the sender knows it.
    pub(crate) original: Option<OriginalRecipient>,
    pub(crate) end: End,
    pub(crate) status: Status,
    /// What happened, in words, without a full stop.
    pub(crate) words: String,
    /// What the other server said, word for word.
    pub(crate) said: Option<String>,
    /// The other server.
    pub(crate) host: Option<String>,
    /// When it was tried last.
    pub(crate) last_at: Option<Timestamp>,
    /// Until when it is tried.
    pub(crate) until: Option<Timestamp>,
}

/// How it ended for a recipient (RFC 3464 §2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Failed,
    Delayed,
    Delivered,
    /// Another server has it that does not report.
    Relayed,
}

impl End {
    fn action(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed => "delayed",
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
        }
    }
}

impl Line {
    /// A line about what happened on this server.
    pub(crate) fn here(address: &Address, end: End, status: Status, words: String) -> Self {
        Self {
            address: address.clone(),
            original: None,
            end,
            status,
            words,
            said: None,
            host: None,
            last_at: None,
            until: None,
        }
    }

    /// What its reader can do about it.
    fn advice(&self) -> Option<&'static str> {
        match (self.end, self.status.subject, self.status.detail) {
            (End::Delivered | End::Relayed, ..) => None,
            (End::Delayed, ..) => Some("You need not do anything: it is tried again by itself."),
            (_, 1, 8) | (_, 7, 7..=29) => Some(
                "The other server does not believe that the message is from you. Show this report to \
                 whoever looks after your mail.",
            ),
            (_, 1, _) => Some(
                "Check the address for a slip of the pen. If it is right, ask the recipient by another \
                 way.",
            ),
            (_, 2, 3) | (_, 3, 4) => {
                Some("Send it again with less in it, such as smaller attachments.")
            }
            (_, 2, _) => Some("Try again later, or tell the recipient by another way."),
            (_, 4, 7) => Some(
                "Their server could not be reached or did not take it in all that time. Send it again \
                 later, or reach the recipient by another way.",
            ),
            (_, 7, _) => Some(
                "It was refused on purpose. The words above may say why; if they do not help, show this \
                 report to whoever looks after your mail.",
            ),
            (_, 4, _) | (_, 3, _) => Some(
                "Something is wrong with mail to that place. Check the part of the address behind the \
                 @; if it is right, try again later.",
            ),
            _ => Some(
                "If the words above do not help, show this report to whoever looks after your mail.",
            ),
        }
    }
}

impl Report<'_> {
    /// The whole message (RFC 3464 §2, RFC 6522 §3).
    pub(crate) fn compose(&self) -> Vec<u8> {
        let (host, id, to) = (self.host, self.id, self.to);
        let boundary = format!("report-{id}");
        let mut text = format!(
            "From: Mail delivery <MAILER-DAEMON@{host}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n\
             Date: {date}\r\nMessage-ID: <{id}@{host}>\r\nAuto-Submitted: auto-replied\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status;\r\n\
             \tboundary=\"{boundary}\"\r\n\r\n",
            subject = self.subject(),
            date = self.at.to_rfc5322(),
        );
        let _ = write!(
            text,
            "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n{}\r\n\
             --{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n{}\r\n",
            self.words(),
            self.fields(),
        );
        let kind = match self.body {
            Some(_) => "message/rfc822",
            None => "text/rfc822-headers",
        };
        let _ = write!(
            text,
            "--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        );
        let mut octets = text.into_bytes();
        octets.extend_from_slice(self.head);
        octets.extend_from_slice(self.body.as_deref().unwrap_or_default());
        octets.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        octets
    }

    fn subject(&self) -> &'static str {
        let failed = |line: &&Line| line.end == End::Failed;
        let delayed = |line: &Line| line.end == End::Delayed;
        match self.lines.iter().filter(failed).count() {
            0 if self.lines.iter().any(delayed) => "Not delivered yet: still being tried",
            0 => "Delivered",
            failed if failed == self.lines.len() => "Not delivered",
            _ => "Not delivered to all recipients",
        }
    }

    /// What a person reads.
    fn words(&self) -> String {
        let mut words = String::new();
        for paragraph in &self.foreword {
            words.push_str(&wrapped(paragraph, ""));
            words.push_str("\r\n");
        }
        let about = subject_of(self.head).map(|subject| format!(" \"{subject}\""));
        let whose = if self.foreword.is_empty() {
            "your"
        } else {
            "the"
        };
        let opening = format!(
            "This is what became of {whose} message{} of {}:",
            about.unwrap_or_default(),
            self.arrived_at.to_rfc5322()
        );
        words.push_str(&wrapped(&opening, ""));
        for line in &self.lines {
            let _ = write!(words, "\r\n  <{}>\r\n", line.address);
            words.push_str(&wrapped(&format!("{}.", line.words), "    "));
            if let Some(said) = &line.said {
                let who = line.host.as_deref().unwrap_or("The other server");
                words.push_str(&wrapped(&format!("{who} said:"), "    "));
                let said: String = said.chars().take(SAID_MAX_CHARS).collect();
                words.push_str(&wrapped(&said, "      "));
            }
            if let Some(until) = line.until {
                let until = format!("It is tried until {}.", until.to_rfc5322());
                words.push_str(&wrapped(&until, "    "));
            }
            if let Some(advice) = line.advice() {
                words.push_str(&wrapped(advice, "    "));
            }
        }
        words
    }

    /// What a program reads (RFC 3464 §2.2, §2.3).
    fn fields(&self) -> String {
        let mut fields = format!("Reporting-MTA: dns; {}\r\n", self.host);
        if let Some(id) = self.envelope_id {
            let _ = write!(fields, "Original-Envelope-Id: {}\r\n", id.as_str());
        }
        let _ = write!(fields, "Arrival-Date: {}\r\n", self.arrived_at.to_rfc5322());
        for line in &self.lines {
            fields.push_str("\r\n");
            if let Some(original) = &line.original {
                let (kind, address) = (original.kind(), in_ascii(original.address()));
                let _ = write!(fields, "Original-Recipient: {kind}; {address}\r\n");
            }
            let address = line.address.to_string();
            let kind = if address.is_ascii() {
                "rfc822"
            } else {
                "utf-8"
            };
            let _ = write!(
                fields,
                "Final-Recipient: {kind}; {}\r\nAction: {}\r\nStatus: {}\r\n",
                in_ascii(&address),
                line.end.action(),
                line.status,
            );
            if let Some(host) = &line.host {
                let _ = write!(fields, "Remote-MTA: dns; {}\r\n", in_ascii(&one_line(host)));
            }
            if let Some(said) = &line.said {
                let said: String = said.chars().take(SAID_MAX_CHARS).collect();
                let code = folded(&in_ascii(&one_line(&said)));
                let _ = write!(fields, "Diagnostic-Code: smtp; {code}\r\n");
            }
            if let Some(at) = line.last_at {
                let _ = write!(fields, "Last-Attempt-Date: {}\r\n", at.to_rfc5322());
            }
            if let Some(until) = line.until {
                let _ = write!(fields, "Will-Retry-Until: {}\r\n", until.to_rfc5322());
            }
        }
        fields
    }
}

/// The subject of a message, if it can be shown as it stands.
fn subject_of(head: &[u8]) -> Option<String> {
    let field = header::fields(head).find(|field| field.is("Subject"))?;
    let value = String::from_utf8(header::unfolded(field.value)).ok()?;
    let value = one_line(value.trim());
    let is_plain = !value.is_empty() && !value.contains("=?");
    is_plain.then(|| value.chars().take(SUBJECT_MAX_CHARS).collect())
}

/// A text that other people or servers wrote, fit for one line.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split(|c: char| c.is_control()).collect();
    words.join(" ")
}

/// The text in lines of [`LINE_CHARS`], each behind `before`; a word that is longer is cut.
fn wrapped(text: &str, before: &str) -> String {
    let room = LINE_CHARS - before.len();
    let mut lines = String::new();
    let mut line = String::new();
    let mut end = |line: &mut String| {
        let _ = write!(lines, "{before}{line}\r\n");
        line.clear();
    };
    for word in one_line(text).split(' ').filter(|word| !word.is_empty()) {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(room) {
            let used = line.chars().count();
            if used > 0 && used + 1 + piece.len() > room {
                end(&mut line);
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.extend(piece);
        }
    }
    end(&mut line);
    lines
}

/// The value of a field in lines of [`LINE_CHARS`] (RFC 5322 §2.2.3).
fn folded(value: &str) -> String {
    let lines = wrapped(value, " ");
    lines.trim().to_owned()
}

/// The text in ASCII: other characters by their numbers (RFC 6533 §3, `utf-8-addr-xtext`).
fn in_ascii(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => written.push(c),
            _ => {
                let _ = write!(written, "\\x{{{:X}}}", u32::from(c));
            }
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(1_795_428_580_000_000);

    fn line(end: End, status: Status) -> Line {
        let address = "bob@example.net".parse().unwrap();
        Line::here(&address, end, status, "not delivered: refused".to_owned())
    }

    fn composed(lines: Vec<Line>) -> String {
        let report = Report {
            host: "mx.example.org",
            id: "1f",
            at: NOON,
            to: &"ann@example.org".parse().unwrap(),
            envelope_id: None,
            arrived_at: NOON,
            foreword: Vec::new(),
            lines,
            head: b"Subject: lunch\r\n\r\n",
            body: None,
        };
        String::from_utf8(report.compose()).unwrap()
    }

    #[test]
    fn a_report_tells_people_and_programs_what_the_other_server_said() {
        let told = composed(vec![Line {
            said: Some("550 5.1.1 no\u{1b}[31m such\r\nX-Evil: user".to_owned()),
            host: Some("mx.example.net [192.0.2.1]".to_owned()),
            last_at: Some(NOON),
            ..line(End::Failed, Status::new(5, 1, 1))
        }]);
        for part in [
            "Subject: Not delivered\r\n",
            "message \"lunch\" of",
            "    mx.example.net [192.0.2.1] said:\r\n      550 5.1.1 no [31m such X-Evil: user\r\n",
            "    Check the address for a slip of the pen.",
            "Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.net [192.0.2.1]\r\n",
            "Diagnostic-Code: smtp; 550 5.1.1 no [31m such X-Evil: user\r\n",
            "Last-Attempt-Date: ",
            "Auto-Submitted: auto-replied\r\n",
            "\r\n\r\nSubject: lunch\r\n\r\n",
        ] {
            assert!(told.contains(part), "{part:?} is missing in\n{told}");
        }
        assert!(!told.contains("\r\nX-Evil"), "{told}");
    }

    #[test]
    fn the_subject_says_how_it_stands() {
        let [failed, delayed, delivered] =
            [End::Failed, End::Delayed, End::Delivered].map(|end| line(end, Status::new(5, 0, 0)));
        for (lines, subject) in [
            (vec![failed.clone()], "Not delivered\r\n"),
            (
                vec![failed, delivered.clone()],
                "Not delivered to all recipients\r\n",
            ),
            (vec![delayed], "Not delivered yet: still being tried\r\n"),
            (vec![delivered], "Delivered\r\n"),
        ] {
            let told = composed(lines);
            assert!(told.contains(&format!("Subject: {subject}")), "{told}");
        }
    }

    #[test]
    fn lines_stay_short_whatever_others_say() {
        let said = format!("550 {} {}", "x".repeat(3_000), "ž ".repeat(900));
        let told = composed(vec![Line {
            said: Some(said),
            ..line(End::Failed, Status::new(5, 0, 0))
        }]);
        let longest = told.split("\r\n").map(str::len).max();
        assert!(longest < Some(998), "{longest:?}");
        assert!(told.len() < 30_000);
    }

    #[test]
    fn nothing_is_advised_about_what_arrived() {
        assert_eq!(line(End::Delivered, Status::new(2, 0, 0)).advice(), None);
        for subject in 0..=7 {
            assert!(
                line(End::Failed, Status::new(5, subject, 0))
                    .advice()
                    .is_some()
            );
        }
    }
}
