//! The trace fields that this server puts before a message (RFC 5321 §4.4).

use std::fmt::Write as _;

use types::{Address, ReversePath, Timestamp};

use super::claims;
use crate::header;

/// What a `Received` field tells of one step.
pub(super) struct Step<'a> {
    /// The name that the client gave in HELO or EHLO; already checked by the grammar.
    pub helo: &'a str,
    /// Where the connection came from.
    pub source: std::net::IpAddr,
    /// Our host name.
    pub by: &'a str,
    /// How it was sent (RFC 3848, RFC 6531 §4.3).
    pub with: &'static str,
    /// Version and cipher, where the connection was secured.
    pub tls: Option<String>,
    /// The id that the reply to the client names too.
    pub id: &'a str,
    /// The recipient, only where there is one: more would tell recipients of each other.
    pub recipient: Option<&'a Address>,
    /// When the message was taken.
    pub at: Timestamp,
}

/// The value of the `with` clause.
pub(super) fn protocol(
    esmtp: bool,
    secured: bool,
    signed_in: bool,
    smtp_utf8: bool,
) -> &'static str {
    match (esmtp, smtp_utf8, secured, signed_in) {
        (false, ..) => "SMTP",
        (true, false, false, false) => "ESMTP",
        (true, false, true, false) => "ESMTPS",
        (true, false, false, true) => "ESMTPA",
        (true, false, true, true) => "ESMTPSA",
        (true, true, false, false) => "UTF8SMTP",
        (true, true, true, false) => "UTF8SMTPS",
        (true, true, false, true) => "UTF8SMTPA",
        (true, true, true, true) => "UTF8SMTPSA",
    }
}

impl Step<'_> {
    /// The whole field with its line ends.
    pub(super) fn to_field(&self) -> String {
        let source = match self.source {
            std::net::IpAddr::V4(address) => format!("[{address}]"),
            std::net::IpAddr::V6(address) => format!("[IPv6:{address}]"),
        };
        let mut field = format!(
            "Received: from {} ({source})\r\n\tby {} with {} id {}",
            self.helo, self.by, self.with, self.id
        );
        if let Some(tls) = &self.tls {
            let _ = write!(field, "\r\n\t({tls})");
        }
        if let Some(recipient) = self.recipient {
            let _ = write!(field, "\r\n\tfor <{recipient}>");
        }
        let _ = write!(field, "; {}\r\n", self.at.to_rfc5322());
        field
    }
}

/// Digits of the ids that this server gives, in base 16.
const ID_DIGITS: usize = 24;

/// The id in the first trace field of a stored message: the one that the reply to the client named,
/// if this server wrote the field.
pub(crate) fn received_id(head: &[u8]) -> Option<String> {
    let field = header::fields(head).find(|field| field.is("Received"))?;
    let value = header::unfolded(field.value);
    let text = String::from_utf8_lossy(&value).into_owned();
    let words: Vec<_> = text.split_ascii_whitespace().take(9).collect();
    let ["from", _, _, "by", _, "with", _, "id", id] = words.as_slice() else {
        return None;
    };
    let id = id.trim_end_matches(';');
    let is_digit = |octet: u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
    (id.len() == ID_DIGITS && id.bytes().all(is_digit)).then(|| id.to_owned())
}

/// The header block of a delivered message: our trace fields first; gone are foreign `Return-Path`
/// and what others say in our name (RFC 8601 §5).
pub(super) fn delivered_head(
    return_path: &ReversePath,
    host: &str,
    received: &str,
    head: &[u8],
) -> Vec<u8> {
    let mut delivered = format!("Return-Path: {return_path}\r\n{received}").into_bytes();
    let mut kept_from = 0;
    let goes =
        |field: &header::Field<'_>| field.is("Return-Path") || claims::is_in_name_of(host, field);
    for field in header::fields(head).filter(goes) {
        delivered.extend_from_slice(&head[kept_from..field.range.start]);
        kept_from = field.range.end;
    }
    delivered.extend_from_slice(&head[kept_from..]);
    delivered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_fields_follow_the_rfc() {
        let ann: Address = "ann@example.org".parse().unwrap();
        let step = Step {
            helo: "client.example.net",
            source: "2001:db8::9".parse().unwrap(),
            by: "mx.example.org",
            with: protocol(true, true, false, false),
            tls: Some("TLS 1.3".to_owned()),
            id: "s_7-1",
            recipient: Some(&ann),
            at: Timestamp(1_795_428_580_000_000),
        };
        let head = b"Return-Path: <x@example.net>\r\nSubject: hi\r\n\r\n";
        let delivered =
            delivered_head(&ReversePath::Null, "mx.example.org", &step.to_field(), head);
        assert_eq!(
            String::from_utf8(delivered).unwrap(),
            "Return-Path: <>\r\n\
             Received: from client.example.net ([IPv6:2001:db8::9])\r\n\
             \tby mx.example.org with ESMTPS id s_7-1\r\n\
             \t(TLS 1.3)\r\n\
             \tfor <ann@example.org>; Mon, 23 Nov 2026 10:09:40 +0000\r\n\
             Subject: hi\r\n\r\n"
        );
    }
    #[test]
    fn only_an_id_in_its_place_and_of_our_form_is_taken() {
        let id = "6922df440123456789abcdef";
        let field = |helo: &str, id: &str| {
            format!(
                "Received: from {helo} ([192.0.2.9])\r\n\tby mx.example.org with ESMTP id {id}; Mon\r\n\r\n"
            )
        };
        for (head, found) in [
            (field("client.example.net", id), Some(id)),
            (field("id", id), Some(id)),
            (field("with", id), Some(id)),
            (field("x", &"a".repeat(100_000)), None),
            (field("x", "r_1@17"), None),
            (field("x", &id.to_uppercase()), None),
            (format!("Received: id {id}\r\n\r\n"), None),
            ("Received:\r\n\r\n".to_owned(), None),
            ("Subject: id x\r\n\r\n".to_owned(), None),
        ] {
            assert_eq!(received_id(head.as_bytes()).as_deref(), found);
        }
    }

    /// What a stranger chooses of the trace fields can neither end a line nor begin one.
    #[test]
    fn no_name_or_address_writes_a_field_of_its_own() {
        let evil = [
            "a\r\nX-Evil: 1",
            "a\nX",
            "a\rX",
            "a\0b",
            "a\u{85}b",
            "a\u{2028}b",
            "a\tb",
            "a b",
            "a; b",
            "a)(b",
            "a\\\"b",
            "a>b",
            "a\r\n b",
            "\u{7f}",
        ];
        for local in evil {
            for spelling in [
                local.to_owned(),
                format!("\"{local}\""),
                format!("\"\\{local}\""),
            ] {
                let Ok(address) = format!("{spelling}@example.org").parse::<Address>() else {
                    continue;
                };
                let step = Step {
                    helo: "client.example.net",
                    source: "192.0.2.9".parse().unwrap(),
                    by: "mx.example.org",
                    with: protocol(true, false, false, true),
                    tls: None,
                    id: "1",
                    recipient: Some(&address),
                    at: Timestamp(0),
                };
                let path = ReversePath::Address(address.clone());
                let head = delivered_head(
                    &path,
                    "mx.example.org",
                    &step.to_field(),
                    b"Subject: x\r\n\r\n",
                );
                let names: Vec<_> = header::fields(&head).map(|f| f.name.to_vec()).collect();
                assert_eq!(
                    names,
                    [&b"Return-Path"[..], b"Received", b"Subject"],
                    "{spelling:?}"
                );
                let text = String::from_utf8(head).unwrap();
                let bare = text.replace("\r\n", "");
                let tame = |c: char| !c.is_control() || c == '\t';
                assert!(bare.chars().all(tame), "{text:?}");
            }
            assert!(local.parse::<wire::smtp::HeloName>().is_err(), "{local:?}");
        }
    }
}
