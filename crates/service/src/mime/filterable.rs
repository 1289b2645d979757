//! A message as rules see it (RFC 5228 §2.4, RFC 5173, RFC 5703).

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;

use sieve::{Field, Message, Part};

use super::text::{decoded_value, without_markup};
use super::{Kind, Mime, decode};
use crate::header::{fields, unfolded};

/// A whole message, read once for all rules that look at it.
pub struct Filterable<'a> {
    message: Cow<'a, [u8]>,
    body: Range<usize>,
    parts: Vec<Part>,
    contents: Vec<Content>,
}

/// Where the content of a part lies and how it becomes text.
struct Content {
    body: Range<usize>,
    encoding: String,
    charset: Option<Vec<u8>>,
    /// `None` for what holds other parts or is no text.
    text: Option<Markup>,
    is_attachment: bool,
    /// What a person reads, once somebody asked.
    words: OnceCell<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Markup {
    Plain,
    Html,
}

impl<'a> Filterable<'a> {
    /// Reads a message. Work grows with its size: not for a thread of the runtime.
    pub fn new(message: impl Into<Cow<'a, [u8]>>) -> Self {
        let message = message.into();
        let mime = Mime::parse(&message);
        let mut found = Self {
            message,
            body: mime.root.body.clone(),
            parts: Vec::new(),
            contents: Vec::new(),
        };
        found.add(&mime.root, None);
        found
    }

    fn add(&mut self, part: &super::Part, parent: Option<usize>) {
        let head = self.message.get(part.header.clone()).unwrap_or_default();
        let is_html = part.content.subtype.eq_ignore_ascii_case(b"html");
        let markup = if is_html { Markup::Html } else { Markup::Plain };
        let place = self.parts.len();
        self.parts.push(Part {
            parent,
            content_type: part.content.name(),
            fields: fields(head).map(|field| field_of(&field)).collect(),
        });
        self.contents.push(Content {
            body: part.body.clone(),
            encoding: part.encoding.clone(),
            charset: part.content.parameter("charset"),
            text: part.is_text().then_some(markup),
            is_attachment: matches!(part.kind, Kind::Leaf)
                && (part.is_attached(&self.message) || part.has_any_file_name(head)),
            words: OnceCell::new(),
        });
        match &part.kind {
            Kind::Leaf => {}
            Kind::Multipart(parts) => parts.iter().for_each(|part| self.add(part, Some(place))),
            Kind::Message(inner) => self.add(inner, Some(place)),
        }
    }

    /// Octets of the decoded content of the largest attached file; `None` without any.
    pub fn largest_attachment(&self) -> Option<u64> {
        let attached = self.contents.iter().filter(|content| content.is_attachment);
        attached
            .map(|content| self.decoded(content).len() as u64)
            .max()
    }

    fn decoded(&self, content: &Content) -> Vec<u8> {
        let body = self.message.get(content.body.clone()).unwrap_or_default();
        decode::transfer(&content.encoding, body)
    }

    fn text_of(&self, content: &Content) -> String {
        decode::charset(content.charset.as_deref(), &self.decoded(content))
    }
}

fn field_of(field: &crate::header::Field<'_>) -> Field {
    Field {
        name: String::from_utf8_lossy(field.name).into_owned(),
        raw: String::from_utf8_lossy(&unfolded(field.value)).into_owned(),
        decoded: decoded_value(field.value).trim().to_owned(),
    }
}

impl Message for Filterable<'_> {
    fn size(&self) -> u64 {
        self.message.len() as u64
    }

    fn parts(&self) -> &[Part] {
        &self.parts
    }

    fn text(&self, part: usize) -> Cow<'_, str> {
        match self.contents.get(part) {
            Some(content) if content.text.is_some() => Cow::Owned(self.text_of(content)),
            _ => Cow::Borrowed(""),
        }
    }

    fn words(&self, part: usize) -> Cow<'_, str> {
        match self.contents.get(part) {
            Some(content) if content.text.is_some() => {
                let read = || match content.text {
                    Some(Markup::Html) => without_markup(&self.text_of(content)),
                    _ => self.text_of(content),
                };
                Cow::Borrowed(content.words.get_or_init(read))
            }
            _ => Cow::Borrowed(""),
        }
    }

    fn raw_body(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.message.get(self.body.clone()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &[u8] = b"Subject: =?utf-8?q?caf=C3=A9?=\r\n folded\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        PHA+dHVjPCEtLXgtLT5vd3M8L3A+\r\n\
        --b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nQUJDREU=\r\n\
        --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ndeep\r\n--b--\r\n";

    #[test]
    fn parts_texts_and_files_are_seen() {
        let seen = Filterable::new(MIXED);
        let kinds: Vec<_> = seen
            .parts()
            .iter()
            .map(|part| (part.content_type.as_str(), part.parent))
            .collect();
        assert_eq!(
            kinds,
            [
                ("multipart/mixed", None),
                ("text/html", Some(0)),
                ("application/pdf", Some(0)),
                ("message/rfc822", Some(0)),
                ("text/plain", Some(3)),
            ]
        );
        let subject = &seen.parts()[0].fields[0];
        assert_eq!(subject.raw, "=?utf-8?q?caf=C3=A9?= folded");
        assert_eq!(subject.decoded, "café folded");
        assert_eq!(seen.text(1), "<p>tuc<!--x-->ows</p>");
        assert_eq!(seen.words(1).trim(), "tucows");
        assert_eq!(seen.text(2), "", "a file is no text");
        assert_eq!(seen.text(4), "deep");
        assert_eq!(seen.largest_attachment(), Some(5));
        assert_eq!(seen.size(), MIXED.len() as u64);
        assert!(seen.raw_body().starts_with(b"--b\r\n"));
    }

    #[test]
    fn what_is_no_message_is_seen_too() {
        for octets in [
            &b""[..],
            b"\r\n",
            b"no header",
            b"\xff\x00: \xff\r\n\r\n\xff",
        ] {
            let seen = Filterable::new(octets);
            assert_eq!(seen.parts().len(), 1);
            assert_eq!(seen.largest_attachment(), None);
            assert_eq!(seen.text(7), "");
        }
    }
}
