//! BODYSTRUCTURE of a message for IMAP (RFC 9051 §7.5.2).

use wire::imap::{BodyFields, BodyStructure, Disposition, Extension};

use super::content_type::{word, word_and_parameters};
use super::{Kind, Mime, Part, envelope, value_of};
use crate::header::unfolded;

/// Languages of one part that are listed.
const LANGUAGES_MAX: usize = 16;
/// Octets of an id, a description or a location that are shown.
const TEXT_MAX_OCTETS: usize = 4_096;

impl Mime {
    /// Describes the parts of the message that this was read from.
    pub fn body_structure(&self, message: &[u8]) -> BodyStructure {
        self.root.structure(message)
    }
}

impl Part {
    fn structure(&self, message: &[u8]) -> BodyStructure {
        let head = octets(message, &self.header);
        let subtype = self.content.subtype.clone();
        let extension = extension(head);
        match &self.kind {
            Kind::Multipart(parts) => BodyStructure::Multipart {
                parts: parts.iter().map(|part| part.structure(message)).collect(),
                subtype,
                parameters: self.content.parameters.clone(),
                extension,
            },
            Kind::Message(inner) => BodyStructure::Message {
                subtype,
                fields: self.fields(head),
                envelope: Box::new(envelope(octets(message, &inner.header))),
                body: Box::new(inner.structure(message)),
                lines: self.lines(message),
                extension,
            },
            Kind::Leaf if self.is_text() => BodyStructure::Text {
                subtype,
                fields: self.fields(head),
                lines: self.lines(message),
                extension,
            },
            Kind::Leaf => BodyStructure::Basic {
                kind: self.content.kind.clone(),
                subtype,
                fields: self.fields(head),
                extension,
            },
        }
    }

    fn fields(&self, head: &[u8]) -> BodyFields {
        BodyFields {
            parameters: self.content.parameters.clone(),
            id: text(head, "Content-ID"),
            description: text(head, "Content-Description"),
            encoding: self.encoding.clone().into_bytes(),
            octets: self.body.len() as u64,
        }
    }

    fn lines(&self, message: &[u8]) -> u64 {
        let body = octets(message, &self.body);
        body.iter().filter(|c| **c == b'\n').count() as u64
    }
}

/// The octets of a range; none where the message is not the one that was read.
fn octets<'a>(message: &'a [u8], range: &std::ops::Range<usize>) -> &'a [u8] {
    message.get(range.clone()).unwrap_or_default()
}

fn text(head: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut text = unfolded(value_of(head, name)?);
    text.truncate(TEXT_MAX_OCTETS);
    Some(text)
}

fn extension(head: &[u8]) -> Extension {
    let disposition = value_of(head, "Content-Disposition").and_then(word_and_parameters);
    let languages = value_of(head, "Content-Language").map(unfolded);
    let languages = languages.unwrap_or_default();
    let tags = languages.split(|c| *c == b',').map(word);
    Extension {
        md5: text(head, "Content-MD5"),
        disposition: disposition.map(|(kind, parameters)| Disposition { kind, parameters }),
        language: tags
            .filter(|tag| !tag.is_empty())
            .take(LANGUAGES_MAX)
            .map(<[u8]>::to_vec)
            .collect(),
        location: text(head, "Content-Location"),
    }
}
