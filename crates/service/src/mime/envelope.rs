//! The envelope of a message for IMAP: header fields and addresses as they lie (RFC 9051 §7.5.2).

use wire::imap::{Envelope, EnvelopeAddress, SearchDate};

use super::value_of;
use crate::header::unfolded;

/// Addresses of one field that are listed; the header itself still has all.
const ADDRESSES_MAX: usize = 1_000;
/// Octets of a text field that are shown; the header itself still has all.
const TEXT_MAX_OCTETS: usize = 16_384;

/// Reads the envelope from a header block.
pub fn envelope(head: &[u8]) -> Envelope {
    let text = |name| {
        let mut text = value_of(head, name).map(unfolded)?;
        text.truncate(TEXT_MAX_OCTETS);
        Some(text)
    };
    let list = |name| value_of(head, name).map_or_else(Vec::new, addresses);
    let from = list("From");
    let or_from = |list: Vec<EnvelopeAddress>| if list.is_empty() { from.clone() } else { list };
    Envelope {
        date: text("Date"),
        subject: text("Subject"),
        sender: or_from(list("Sender")),
        reply_to: or_from(list("Reply-To")),
        to: list("To"),
        cc: list("Cc"),
        bcc: list("Bcc"),
        in_reply_to: text("In-Reply-To"),
        message_id: text("Message-ID"),
        from,
    }
}

/// The day of the `Date` field as it was written, without regard to its zone (RFC 9051 §6.4.4).
pub fn sent_day(head: &[u8]) -> Option<SearchDate> {
    let value = unfolded(value_of(head, "Date")?);
    let text = String::from_utf8(value).ok()?;
    // `[day-name ","] day month year`: all else is of no interest here (RFC 5322 §3.3, §4.3).
    let after_name = text.split_once(',').map_or(text.as_str(), |(_, rest)| rest);
    let mut words = after_name.split_ascii_whitespace();
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let year = match (year.len(), year.parse::<u32>().ok()?) {
        (2, short @ ..50) => 2_000 + short,
        (2 | 3, short) => 1_900 + short,
        (_, year) => year,
    };
    SearchDate::parse(&format!("{day}-{month}-{year}"))
}

/// Reads an address list; what is none of its own kind becomes an address without a domain.
fn addresses(value: &[u8]) -> Vec<EnvelopeAddress> {
    let mut found = Vec::new();
    let mut item = Item::default();
    let mut in_group = false;
    let mut state = State::Phrase;
    let mut octets = value
        .iter()
        .copied()
        .filter(|c| !matches!(c, b'\r' | b'\n'));
    while let Some(octet) = octets.next() {
        if found.len() >= ADDRESSES_MAX {
            return found;
        }
        match (state, octet) {
            (State::Quoted, b'\\') | (State::Phrase, b'\\') => {
                item.phrase.push(octet);
                item.phrase.extend(octets.next());
            }
            (State::Quoted, _) => {
                item.phrase.push(octet);
                if octet == b'"' {
                    state = State::Phrase;
                }
            }
            (State::Comment(depth), _) => state = item.comment(depth, octet, &mut octets),
            (State::Angle, b'>') => state = State::Phrase,
            (State::Angle, _) => item.angle.get_or_insert_default().push(octet),
            (State::Phrase, b'"') => {
                item.phrase.push(octet);
                state = State::Quoted;
            }
            (State::Phrase, b'(') => state = State::Comment(1),
            (State::Phrase, b'<') => {
                item.angle = Some(Vec::new());
                state = State::Angle;
            }
            (State::Phrase, b',') => found.extend(item.take()),
            (State::Phrase, b':') if !in_group => {
                in_group = true;
                found.push(group(Some(unquoted(&std::mem::take(&mut item).phrase))));
            }
            (State::Phrase, b';') => {
                found.extend(item.take());
                if std::mem::take(&mut in_group) {
                    found.push(group(None));
                }
            }
            (State::Phrase, _) => item.phrase.push(octet),
        }
    }
    found.extend(item.take());
    if in_group {
        found.push(group(None));
    }
    found
}

#[derive(Clone, Copy)]
enum State {
    Phrase,
    Quoted,
    Comment(usize),
    Angle,
}

/// What has been read of one address.
#[derive(Default)]
struct Item {
    /// All outside brackets and comments, quotes included.
    phrase: Vec<u8>,
    /// What stands between the brackets.
    angle: Option<Vec<u8>>,
    /// What stands in comments: old mail has the name there.
    comment: Vec<u8>,
}

impl Item {
    fn comment(&mut self, depth: usize, octet: u8, rest: &mut impl Iterator<Item = u8>) -> State {
        match octet {
            b'\\' => self.comment.extend(rest.next()),
            b'(' => return State::Comment(depth + 1),
            b')' if depth == 1 => return State::Phrase,
            b')' => return State::Comment(depth - 1),
            other => self.comment.push(other),
        }
        State::Comment(depth)
    }

    /// The address, if there was any, and a clean slate.
    fn take(&mut self) -> Option<EnvelopeAddress> {
        let item = std::mem::take(self);
        let (spec, name) = match item.angle {
            Some(spec) => (spec, unquoted(&item.phrase)),
            None => (item.phrase, item.comment.trim_ascii().to_vec()),
        };
        let spec = without_route(spec.trim_ascii());
        if spec.is_empty() && name.is_empty() {
            return None;
        }
        let (mailbox, host) = match spec.iter().rposition(|c| *c == b'@') {
            Some(at) => (&spec[..at], &spec[at + 1..]),
            None => (spec, &b""[..]),
        };
        Some(EnvelopeAddress {
            name: (!name.is_empty()).then_some(name),
            mailbox: Some(unquoted(mailbox)),
            host: Some(host.trim_ascii().to_vec()),
        })
    }
}

/// `@a,@b:ann@example.org` is an address with a route that nobody follows (RFC 5322 §4.4).
fn without_route(spec: &[u8]) -> &[u8] {
    match spec.iter().position(|c| *c == b':') {
        Some(colon) if spec.starts_with(b"@") => &spec[colon + 1..],
        _ => spec,
    }
}

/// The start of a group, which has a name, or its end.
fn group(name: Option<Vec<u8>>) -> EnvelopeAddress {
    EnvelopeAddress {
        mailbox: name,
        ..EnvelopeAddress::default()
    }
}

/// A phrase without quotes and backslashes; white space outside quotes becomes single spaces.
fn unquoted(phrase: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(phrase.len());
    let mut quoted = false;
    let mut octets = phrase.trim_ascii().iter().copied();
    while let Some(octet) = octets.next() {
        match octet {
            b'"' => quoted = !quoted,
            b'\\' => text.extend(octets.next()),
            b' ' | b'\t' if !quoted => {
                if text.last() != Some(&b' ') {
                    text.push(b' ');
                }
            }
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> String {
        let text = |part: &Option<Vec<u8>>| match part {
            Some(octets) => String::from_utf8_lossy(octets).into_owned(),
            None => "NIL".to_owned(),
        };
        let one = |a: &EnvelopeAddress| {
            format!("{}/{}/{}", text(&a.name), text(&a.mailbox), text(&a.host))
        };
        addresses(value.as_bytes())
            .iter()
            .map(one)
            .collect::<Vec<_>>()
            .join(" | ")
    }

    #[test]
    fn addresses_are_read_as_real_mail_writes_them() {
        for (value, expected) in [
            ("ann@example.org", "NIL/ann/example.org"),
            (" <ann@example.org>", "NIL/ann/example.org"),
            ("Ann  Lee <ann@example.org>", "Ann Lee/ann/example.org"),
            (
                "\"Lee, \\\"A\\\"\" <ann@example.org>",
                "Lee, \"A\"/ann/example.org",
            ),
            ("ann@example.org (Ann (x) Lee)", "Ann x Lee/ann/example.org"),
            (
                "=?utf-8?q?J=C3=BCrg?= <j@example.org>",
                "=?utf-8?q?J=C3=BCrg?=/j/example.org",
            ),
            ("\"a b\"@example.org", "NIL/a b/example.org"),
            ("<@a.test,@b.test:ann@example.org>", "NIL/ann/example.org"),
            ("a@x.test,,\r\n b@y.test,", "NIL/a/x.test | NIL/b/y.test"),
            (
                "Team: a@x.test, B <b@y.test>; c@z.test",
                "NIL/Team/NIL | NIL/a/x.test | B/b/y.test | NIL/NIL/NIL | NIL/c/z.test",
            ),
            (
                "undisclosed-recipients:;",
                "NIL/undisclosed-recipients/NIL | NIL/NIL/NIL",
            ),
            (
                "open: a@x.test",
                "NIL/open/NIL | NIL/a/x.test | NIL/NIL/NIL",
            ),
            ("root", "NIL/root/"),
            ("\"open <a@x.test>", "NIL/open <a/x.test>"),
            ("", ""),
        ] {
            assert_eq!(shown(value), expected, "{value}");
        }
    }

    #[test]
    fn an_endless_list_is_cut() {
        let many = "a@x.test,".repeat(500_000);
        assert_eq!(addresses(many.as_bytes()).len(), ADDRESSES_MAX);
        assert_eq!(addresses("(".repeat(1_000_000).as_bytes()).len(), 0);
        let long = format!("Subject: {}\r\n\r\n", "x".repeat(1_000_000));
        let subject = envelope(long.as_bytes()).subject.unwrap();
        assert_eq!(subject.len(), TEXT_MAX_OCTETS);
    }

    #[test]
    fn sender_and_reply_to_repeat_from() {
        let read = envelope(b"From: a@x.test\r\nReply-To: \r\nFrom: second@x.test\r\n\r\n");
        assert_eq!(read.from.len(), 1);
        assert_eq!((&read.sender, &read.reply_to), (&read.from, &read.from));
    }

    #[test]
    fn the_day_sent_is_the_day_written() {
        for (date, expected) in [
            ("Thu, 1 Jan 1970 23:59:59 -1200", Some(0)),
            ("2 Jan 70 00:00 +0000", Some(1)),
            ("Thu,\r\n 01 Jan 1970", Some(0)),
            ("32 Jan 1970", None),
            ("yesterday", None),
        ] {
            let head = format!("Date: {date}\r\n\r\n");
            assert_eq!(
                sent_day(head.as_bytes()).map(|day| day.days),
                expected,
                "{date}"
            );
        }
    }
}
