//! Sections of a message: what stands between the brackets of `BODY[…]` (RFC 9051 §6.4.5).

use std::fmt::{self, Write};

use super::limits::FIELD_NAME_MAX_OCTETS;

/// Which part of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Part numbers from the outermost multipart inwards; none for the message itself.
    pub part: Vec<u32>,
    /// Which text of that part; `None` for all of it.
    pub text: Option<SectionText>,
}

/// Which text of a message or part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionText {
    /// `HEADER`: the header block of a message.
    Header,
    /// `HEADER.FIELDS`: only these fields.
    Fields(Vec<FieldName>),
    /// `HEADER.FIELDS.NOT`: all but these fields.
    FieldsNot(Vec<FieldName>),
    /// `TEXT`: a message without its header block.
    Text,
    /// `MIME`: the header block of a part. Never without part numbers.
    Mime,
}

/// The name of a header field: printable ASCII without a colon (RFC 5322 §2.2).
#[derive(Clone, Debug)]
pub struct FieldName(String);

impl FieldName {
    /// Checks the characters and the length ([`FIELD_NAME_MAX_OCTETS`]).
    pub fn new(octets: &[u8]) -> Option<Self> {
        let allowed = |c: &u8| c.is_ascii_graphic() && *c != b':';
        if octets.is_empty() || octets.len() > FIELD_NAME_MAX_OCTETS || !octets.iter().all(allowed)
        {
            return None;
        }
        String::from_utf8(octets.to_vec()).ok().map(Self)
    }

    /// The name as it was written; compare it without regard to case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for FieldName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for FieldName {}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&dotted(&self.part))?;
        let separator = if self.part.is_empty() { "" } else { "." };
        match &self.text {
            None => Ok(()),
            Some(SectionText::Header) => write!(f, "{separator}HEADER"),
            Some(SectionText::Text) => write!(f, "{separator}TEXT"),
            Some(SectionText::Mime) => write!(f, "{separator}MIME"),
            Some(SectionText::Fields(fields)) => {
                write!(f, "{separator}HEADER.FIELDS ")?;
                write_fields(f, fields)
            }
            Some(SectionText::FieldsNot(fields)) => {
                write!(f, "{separator}HEADER.FIELDS.NOT ")?;
                write_fields(f, fields)
            }
        }
    }
}

/// Part numbers with dots between them.
pub(super) fn dotted(part: &[u32]) -> String {
    let numbers: Vec<String> = part.iter().map(u32::to_string).collect();
    numbers.join(".")
}

fn write_fields(f: &mut fmt::Formatter<'_>, fields: &[FieldName]) -> fmt::Result {
    f.write_char('(')?;
    for (i, field) in fields.iter().enumerate() {
        if i > 0 {
            f.write_char(' ')?;
        }
        if field.0.bytes().all(super::cursor::is_astring_char) {
            f.write_str(&field.0)?;
        } else {
            let escaped = field.0.replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "\"{escaped}\"")?;
        }
    }
    f.write_char(')')
}
