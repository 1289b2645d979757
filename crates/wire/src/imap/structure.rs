//! ENVELOPE, BODY and BODYSTRUCTURE as values and on the wire (RFC 9051 §7.5.2).
//!
//! Whoever has read the MIME structure of a message fills these. Texts are the octets of the
//! message itself: encoded words are not decoded, folding is removed. Depth and number of parts
//! are the builder's to bound ([`types::limits::MIME_DEPTH_MAX`], [`types::limits::MIME_PARTS_MAX`]).

use super::text::{push, push_joined, push_nstring, push_string};

/// The header fields that a list of messages shows.
///
/// `sender` and `reply_to` are those of the message; where it has none the builder repeats `from`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `Date`, as it stands in the message.
    pub date: Option<Vec<u8>>,
    /// `Subject`
    pub subject: Option<Vec<u8>>,
    /// `From`
    pub from: Vec<EnvelopeAddress>,
    /// `Sender`
    pub sender: Vec<EnvelopeAddress>,
    /// `Reply-To`
    pub reply_to: Vec<EnvelopeAddress>,
    /// `To`
    pub to: Vec<EnvelopeAddress>,
    /// `Cc`
    pub cc: Vec<EnvelopeAddress>,
    /// `Bcc`
    pub bcc: Vec<EnvelopeAddress>,
    /// `In-Reply-To`
    pub in_reply_to: Option<Vec<u8>>,
    /// `Message-ID`
    pub message_id: Option<Vec<u8>>,
}

/// An address of an envelope, or the start or end of a group.
///
/// A group starts with an address that has its name as `mailbox` and no `host`, and ends with one
/// that has neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvelopeAddress {
    /// The display name.
    pub name: Option<Vec<u8>>,
    /// The local part.
    pub mailbox: Option<Vec<u8>>,
    /// The domain.
    pub host: Option<Vec<u8>>,
}

/// Names and values of a header field's parameters.
pub type Parameters = Vec<(Vec<u8>, Vec<u8>)>;

/// What every part but a multipart has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyFields {
    /// Parameters of `Content-Type`.
    pub parameters: Parameters,
    /// `Content-ID`
    pub id: Option<Vec<u8>>,
    /// `Content-Description`
    pub description: Option<Vec<u8>>,
    /// `Content-Transfer-Encoding`, `7BIT` where there is none.
    pub encoding: Vec<u8>,
    /// Octets of the part as it is encoded in the message.
    pub octets: u64,
}

/// What BODYSTRUCTURE tells beyond BODY.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extension {
    /// `Content-MD5`; a multipart has none.
    pub md5: Option<Vec<u8>>,
    /// `Content-Disposition`
    pub disposition: Option<Disposition>,
    /// `Content-Language`
    pub language: Vec<Vec<u8>>,
    /// `Content-Location`
    pub location: Option<Vec<u8>>,
}

/// `Content-Disposition`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// `inline`, `attachment` or another word.
    pub kind: Vec<u8>,
    /// Its parameters, such as `filename`.
    pub parameters: Parameters,
}

/// The MIME structure of a message or part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyStructure {
    /// `text/*`
    Text {
        /// The subtype.
        subtype: Vec<u8>,
        /// Common fields.
        fields: BodyFields,
        /// Lines of the part as it is encoded.
        lines: u64,
        /// For BODYSTRUCTURE.
        extension: Extension,
    },
    /// `message/rfc822` or `message/global`, looked into.
    Message {
        /// The subtype.
        subtype: Vec<u8>,
        /// Common fields.
        fields: BodyFields,
        /// The envelope of the message inside.
        envelope: Box<Envelope>,
        /// The structure of the message inside.
        body: Box<BodyStructure>,
        /// Lines of the part as it is encoded.
        lines: u64,
        /// For BODYSTRUCTURE.
        extension: Extension,
    },
    /// Any other part that is no multipart.
    Basic {
        /// The type.
        kind: Vec<u8>,
        /// The subtype.
        subtype: Vec<u8>,
        /// Common fields.
        fields: BodyFields,
        /// For BODYSTRUCTURE.
        extension: Extension,
    },
    /// `multipart/*`
    Multipart {
        /// The parts in their order. Where there is none, an empty text is shown, since the grammar
        /// wants one.
        parts: Vec<BodyStructure>,
        /// The subtype.
        subtype: Vec<u8>,
        /// Parameters of `Content-Type`.
        parameters: Parameters,
        /// For BODYSTRUCTURE.
        extension: Extension,
    },
}

/// Which of the two spellings of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `BODY`: without extension data.
    Body,
    /// `BODYSTRUCTURE`: with it.
    BodyStructure,
}

impl Envelope {
    /// The value of ENVELOPE, ready to send.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.push(&mut out);
        out
    }

    fn push(&self, out: &mut Vec<u8>) {
        out.push(b'(');
        push_nstring(out, self.date.as_ref());
        out.push(b' ');
        push_nstring(out, self.subject.as_ref());
        let lists = [
            &self.from,
            &self.sender,
            &self.reply_to,
            &self.to,
            &self.cc,
            &self.bcc,
        ];
        for list in lists {
            out.push(b' ');
            push_addresses(out, list);
        }
        out.push(b' ');
        push_nstring(out, self.in_reply_to.as_ref());
        out.push(b' ');
        push_nstring(out, self.message_id.as_ref());
        out.push(b')');
    }
}

fn push_addresses(out: &mut Vec<u8>, addresses: &[EnvelopeAddress]) {
    if addresses.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    for address in addresses {
        out.push(b'(');
        push_nstring(out, address.name.as_ref());
        out.extend_from_slice(b" NIL ");
        push_nstring(out, address.mailbox.as_ref());
        out.push(b' ');
        push_nstring(out, address.host.as_ref());
        out.push(b')');
    }
    out.push(b')');
}

impl BodyStructure {
    /// The value of BODY or BODYSTRUCTURE, ready to send.
    pub fn to_bytes(&self, form: Form) -> Vec<u8> {
        let mut out = Vec::new();
        self.push(&mut out, form);
        out
    }

    fn push(&self, out: &mut Vec<u8>, form: Form) {
        out.push(b'(');
        match self {
            Self::Text {
                subtype,
                fields,
                lines,
                extension,
            } => {
                fields.push(out, b"TEXT", subtype);
                push(out, format_args!(" {lines}"));
                extension.push(out, form);
            }
            Self::Message {
                subtype,
                fields,
                envelope,
                body,
                lines,
                extension,
            } => {
                fields.push(out, b"MESSAGE", subtype);
                out.push(b' ');
                envelope.push(out);
                out.push(b' ');
                body.push(out, form);
                push(out, format_args!(" {lines}"));
                extension.push(out, form);
            }
            Self::Basic {
                kind,
                subtype,
                fields,
                extension,
            } => {
                fields.push(out, kind, subtype);
                extension.push(out, form);
            }
            Self::Multipart {
                parts,
                subtype,
                parameters,
                extension,
            } => {
                push_parts(out, parts, form);
                out.push(b' ');
                push_string(out, subtype);
                if form == Form::BodyStructure {
                    out.push(b' ');
                    push_parameters(out, parameters);
                    extension.push_common(out);
                }
            }
        }
        out.push(b')');
    }
}

fn push_parts(out: &mut Vec<u8>, parts: &[BodyStructure], form: Form) {
    if parts.is_empty() {
        out.extend_from_slice(b"(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 0 0)");
    }
    for part in parts {
        part.push(out, form);
    }
}

impl BodyFields {
    fn push(&self, out: &mut Vec<u8>, kind: &[u8], subtype: &[u8]) {
        push_string(out, kind);
        out.push(b' ');
        push_string(out, subtype);
        out.push(b' ');
        push_parameters(out, &self.parameters);
        out.push(b' ');
        push_nstring(out, self.id.as_ref());
        out.push(b' ');
        push_nstring(out, self.description.as_ref());
        out.push(b' ');
        push_string(out, &self.encoding);
        push(out, format_args!(" {}", self.octets));
    }
}

impl Extension {
    fn push(&self, out: &mut Vec<u8>, form: Form) {
        if form == Form::BodyStructure {
            out.push(b' ');
            push_nstring(out, self.md5.as_ref());
            self.push_common(out);
        }
    }

    /// What a multipart has as well.
    fn push_common(&self, out: &mut Vec<u8>) {
        out.push(b' ');
        match &self.disposition {
            None => out.extend_from_slice(b"NIL"),
            Some(disposition) => {
                out.push(b'(');
                push_string(out, &disposition.kind);
                out.push(b' ');
                push_parameters(out, &disposition.parameters);
                out.push(b')');
            }
        }
        out.push(b' ');
        if self.language.is_empty() {
            out.extend_from_slice(b"NIL");
        } else {
            out.push(b'(');
            push_joined(out, &self.language, |out, tag| push_string(out, tag));
            out.push(b')');
        }
        out.push(b' ');
        push_nstring(out, self.location.as_ref());
    }
}

fn push_parameters(out: &mut Vec<u8>, parameters: &Parameters) {
    if parameters.is_empty() {
        out.extend_from_slice(b"NIL");
        return;
    }
    out.push(b'(');
    push_joined(out, parameters, |out, (name, value)| {
        push_string(out, name);
        out.push(b' ');
        push_string(out, value);
    });
    out.push(b')');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(octets: u64) -> BodyStructure {
        BodyStructure::Text {
            subtype: b"PLAIN".to_vec(),
            fields: BodyFields {
                parameters: vec![(b"CHARSET".to_vec(), b"UTF-8".to_vec())],
                id: None,
                description: None,
                encoding: b"7BIT".to_vec(),
                octets,
            },
            lines: 2,
            extension: Extension::default(),
        }
    }

    #[test]
    fn an_envelope_is_ten_fields() {
        let ann = EnvelopeAddress {
            name: Some(b"Ann \"A\" Lee".to_vec()),
            mailbox: Some(b"ann".to_vec()),
            host: Some(b"example.org".to_vec()),
        };
        let envelope = Envelope {
            subject: Some("Grüße\r\n* BYE".as_bytes().to_vec()),
            from: vec![ann.clone(), ann],
            ..Envelope::default()
        };
        let expected = "(NIL {14}\r\nGrüße\r\n* BYE \
             ((\"Ann \\\"A\\\" Lee\" NIL \"ann\" \"example.org\")\
             (\"Ann \\\"A\\\" Lee\" NIL \"ann\" \"example.org\")) NIL NIL NIL NIL NIL NIL NIL)";
        assert_eq!(String::from_utf8(envelope.to_bytes()).unwrap(), expected);
    }

    #[test]
    fn body_and_bodystructure_differ_by_the_extension() {
        let mixed = BodyStructure::Multipart {
            parts: vec![text(5), text(6)],
            subtype: b"MIXED".to_vec(),
            parameters: vec![(b"BOUNDARY".to_vec(), b"x".to_vec())],
            extension: Extension {
                disposition: Some(Disposition {
                    kind: b"inline".to_vec(),
                    parameters: Vec::new(),
                }),
                language: vec![b"de".to_vec(), b"fr".to_vec()],
                ..Extension::default()
            },
        };
        let part = |octets: u64, more: &str| {
            format!(
                "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"UTF-8\") NIL NIL \"7BIT\" {octets} 2{more})"
            )
        };
        assert_eq!(
            String::from_utf8(mixed.to_bytes(Form::Body)).unwrap(),
            format!("({}{} \"MIXED\")", part(5, ""), part(6, ""))
        );
        let nils = " NIL NIL NIL NIL";
        assert_eq!(
            String::from_utf8(mixed.to_bytes(Form::BodyStructure)).unwrap(),
            format!(
                "({}{} \"MIXED\" (\"BOUNDARY\" \"x\") (\"inline\" NIL) (\"de\" \"fr\") NIL)",
                part(5, nils),
                part(6, nils)
            )
        );
    }

    #[test]
    fn a_message_part_shows_what_is_inside() {
        let fields = BodyFields {
            parameters: Vec::new(),
            id: None,
            description: None,
            encoding: b"8BIT".to_vec(),
            octets: 90,
        };
        let outer = BodyStructure::Message {
            subtype: b"RFC822".to_vec(),
            fields,
            envelope: Box::default(),
            body: Box::new(text(5)),
            lines: 7,
            extension: Extension::default(),
        };
        let expected = "(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"8BIT\" 90 \
             (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) \
             (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"UTF-8\") NIL NIL \"7BIT\" 5 2) 7)";
        assert_eq!(
            String::from_utf8(outer.to_bytes(Form::Body)).unwrap(),
            expected
        );
    }
}
