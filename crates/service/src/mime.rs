//! The MIME structure of a message: where its parts lie and what they are (RFC 2045, RFC 2046).
//!
//! This is the only reading of MIME in the server, so what a filter, a search and a client see is
//! the same. Pure; every input has a structure. What always holds:
//!
//! * A part lies inside its parent; a boundary of the parent ends it whatever the part itself says.
//! * At most [`MIME_PARTS_MAX`] parts are described, nested at most [`MIME_DEPTH_MAX`] deep; what
//!   lies deeper is one opaque part. Work is at most depth times size.
//! * Of several header fields of one name the first counts.
//! * A multipart without a usable boundary is text, so that nothing in it is hidden.

use std::ops::Range;

use types::limits::{MIME_DEPTH_MAX, MIME_PARTS_MAX};

use crate::header::{Field, fields, head_end};

mod decode;

mod parameter;

mod content_type;
mod envelope;
mod subset;

mod structure;
mod text;

mod filterable;

pub mod fuzzing;

use content_type::ContentType;
pub use decode::TransferEncoding;
pub use envelope::{envelope, sent_day};
pub use filterable::Filterable;
pub use subset::{Wanted, header_subset};
pub use text::{decoded_header, matches_header};

/// The parts of a message as octet ranges of it.
#[derive(Clone, Debug)]
pub struct Mime {
    root: Part,
}

/// A message or a part of one.
#[derive(Clone, Debug)]
struct Part {
    /// The header block with its blank line.
    header: Range<usize>,
    body: Range<usize>,
    content: ContentType,
    /// `Content-Transfer-Encoding` in capitals.
    encoding: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Nothing is inside, or nothing that is looked into.
    Leaf,
    /// At least one part.
    Multipart(Vec<Part>),
    /// A message (RFC 2046 §5.2.1).
    Message(Box<Part>),
}

/// Which octets of a message or part (RFC 9051 §6.4.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionKind {
    /// The body of a part; the whole of a message where no part is named.
    Whole,
    /// The header block of a message.
    Header,
    /// A message without its header block.
    Text,
    /// The header block of a part.
    Mime,
}

/// Where the content of a part lies, and how it is encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoded {
    /// In this range of the message, encoded so.
    Known(Range<usize>, TransferEncoding),
    /// Its encoding is not one that is known.
    Unknown,
    /// The message has no such part.
    Missing,
}

impl Mime {
    /// Reads the structure of a message.
    pub fn parse(message: &[u8]) -> Self {
        let mut reader = Reader {
            message,
            parts_left: MIME_PARTS_MAX,
        };
        Self {
            root: reader.part(0..message.len(), false, MIME_DEPTH_MAX),
        }
    }

    /// Where a section lies; `None` if the message has no such part.
    ///
    /// `part` names it as IMAP does: part numbers from the outermost multipart inwards.
    pub fn section(&self, part: &[u32], kind: SectionKind) -> Option<Range<usize>> {
        if part.is_empty() {
            return match kind {
                SectionKind::Whole => Some(self.root.header.start..self.root.body.end),
                SectionKind::Header => Some(self.root.header.clone()),
                SectionKind::Text => Some(self.root.body.clone()),
                SectionKind::Mime => None,
            };
        }
        let part = self.find(part)?;
        match (kind, &part.kind) {
            (SectionKind::Whole, _) => Some(part.body.clone()),
            (SectionKind::Mime, _) => Some(part.header.clone()),
            (SectionKind::Header, Kind::Message(inner)) => Some(inner.header.clone()),
            (SectionKind::Text, Kind::Message(inner)) => Some(inner.body.clone()),
            _ => None,
        }
    }

    /// Where the content of a part lies and how it is encoded (RFC 3516 §4.2); without part
    /// numbers that of the message. What contains other parts has no encoding of its own.
    pub fn encoded(&self, part: &[u32]) -> Encoded {
        if part.is_empty() {
            let whole = self.root.header.start..self.root.body.end;
            return Encoded::Known(whole, TransferEncoding::Identity);
        }
        let Some(part) = self.find(part) else {
            return Encoded::Missing;
        };
        let encoding = match part.kind {
            Kind::Leaf => TransferEncoding::named(&part.encoding),
            Kind::Multipart(_) | Kind::Message(_) => Some(TransferEncoding::Identity),
        };
        match encoding {
            Some(encoding) => Encoded::Known(part.body.clone(), encoding),
            None => Encoded::Unknown,
        }
    }

    fn find(&self, numbers: &[u32]) -> Option<&Part> {
        let (first, rest) = numbers.split_first()?;
        let mut found = self.root.numbered(*first)?;
        for number in rest {
            found = match &found.kind {
                Kind::Leaf => None,
                Kind::Multipart(_) => found.numbered(*number),
                Kind::Message(inner) => inner.numbered(*number),
            }?;
        }
        Some(found)
    }
}

impl Part {
    /// The part with this number in a message: what is no multipart is its own part 1.
    fn numbered(&self, number: u32) -> Option<&Self> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        match &self.kind {
            Kind::Multipart(parts) => parts.get(index),
            _ => (index == 0).then_some(self),
        }
    }

    /// All parts in their order, the containers before what they contain.
    fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match &self.kind {
            Kind::Leaf => {}
            Kind::Multipart(parts) => parts.iter().for_each(|part| part.walk(visit)),
            Kind::Message(inner) => inner.walk(visit),
        }
    }

    fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Leaf) && self.content.is("text")
    }
}

struct Reader<'a> {
    message: &'a [u8],
    parts_left: usize,
}

impl Reader<'_> {
    /// The part in this range. `in_digest`: without a `Content-Type` it is a message.
    fn part(&mut self, range: Range<usize>, in_digest: bool, depth: usize) -> Part {
        self.parts_left = self.parts_left.saturating_sub(1);
        let octets = &self.message[range.clone()];
        let body_start = range.start + head_end(octets, 0).unwrap_or(octets.len());
        let (header, body) = (range.start..body_start, body_start..range.end);
        let head = &self.message[header.clone()];
        let content = match value_of(head, "Content-Type") {
            Some(value) => ContentType::parse(value),
            None if in_digest => ContentType::message(),
            None => ContentType::plain_text(),
        };
        let mut part = Part {
            header,
            body,
            content,
            encoding: encoding(head),
            kind: Kind::Leaf,
        };
        if part.content.is("multipart") || part.content.is_message() {
            self.look_into(&mut part, depth);
        }
        part
    }

    fn look_into(&mut self, part: &mut Part, depth: usize) {
        let Some(deeper) = depth.checked_sub(1) else {
            part.content = ContentType::opaque();
            return;
        };
        if part.content.is_message() {
            // Only these encodings are allowed (RFC 2046 §5.2.1); another one hides a message.
            if matches!(part.encoding.as_str(), "7BIT" | "8BIT" | "BINARY") {
                let inner = self.part(part.body.clone(), false, deeper);
                part.kind = Kind::Message(Box::new(inner));
            } else {
                part.content = ContentType::opaque();
            }
            return;
        }
        let in_digest = part.content.subtype.eq_ignore_ascii_case(b"digest");
        let ranges = match part.content.parameter("boundary") {
            Some(boundary) => self.split(part.body.clone(), &boundary),
            None => Vec::new(),
        };
        let mut parts = Vec::with_capacity(ranges.len());
        for range in ranges {
            if self.parts_left == 0 {
                break;
            }
            parts.push(self.part(range, in_digest, deeper));
        }
        if parts.is_empty() {
            part.content = ContentType::plain_text();
        } else {
            part.kind = Kind::Multipart(parts);
        }
    }

    /// The ranges between the delimiter lines of a multipart (RFC 2046 §5.1.1); the line end before
    /// a delimiter belongs to it. Without a closing delimiter the last part ends with the parent.
    fn split(&self, body: Range<usize>, boundary: &[u8]) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let mut open: Option<usize> = None;
        let mut at = body.start;
        while at < body.end && parts.len() < self.parts_left {
            let line = &self.message[at..body.end];
            let length = line.iter().position(|c| *c == b'\n');
            let next = length.map_or(body.end, |length| at + length + 1);
            if let Some(closing) = delimiter(&self.message[at..next], boundary) {
                if let Some(start) = open.take() {
                    parts.push(start..self.before_line_end(start, at));
                }
                if closing {
                    return parts;
                }
                open = Some(next);
            }
            at = next;
        }
        if let Some(start) = open.filter(|_| at >= body.end) {
            parts.push(start..body.end);
        }
        parts
    }

    /// `end` without the line end in front of it, but not before `start`.
    fn before_line_end(&self, start: usize, end: usize) -> usize {
        let octets = &self.message[start..end.max(start)];
        let octets = octets.strip_suffix(b"\n").unwrap_or(octets);
        start + octets.strip_suffix(b"\r").unwrap_or(octets).len()
    }
}

/// Whether a line is a delimiter of this boundary, and if so whether it is the closing one.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let (rest, closing) = match rest.strip_prefix(b"--") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    rest.iter().all(u8::is_ascii_whitespace).then_some(closing)
}

/// The folded value of the first field of this name.
fn value_of<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    fields(head)
        .find(|field| field.is(name))
        .map(|field: Field<'a>| field.value)
}

fn encoding(head: &[u8]) -> String {
    let value = value_of(head, "Content-Transfer-Encoding");
    let word = value.map(|value| content_type::word(value).to_ascii_uppercase());
    let word = word.and_then(|word| String::from_utf8(word).ok());
    word.filter(|word| !word.is_empty())
        .unwrap_or_else(|| "7BIT".to_owned())
}

#[cfg(test)]
mod tests;
