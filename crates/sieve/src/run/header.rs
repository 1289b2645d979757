//! Header fields as tests see them: those of the message with the edits so far, those of parts, and
//! what MIME puts into them (RFC 5703 §4.2).

use std::borrow::Cow;
use std::ops::Deref;
use std::rc::Rc;

use super::Fault;
use super::meter::Meter;
use crate::ast::{Index, MimeOf};
use crate::message::Field;

/// Octets that looking at the name of a field counts as.
const NAME_OCTETS: usize = 8;
/// Pieces of one parameter (RFC 2231 §3).
const PIECES_MAX: usize = 64;

/// The fields of the message, or of one of its parts.
pub(super) enum Header<'m> {
    Message(Rc<Vec<Field>>),
    Part(&'m [Field]),
}

impl Deref for Header<'_> {
    type Target = [Field];

    fn deref(&self) -> &[Field] {
        match self {
            Self::Message(fields) => fields,
            Self::Part(fields) => fields,
        }
    }
}

/// The fields of these names: header by header, then in the order of the names. An index counts all
/// of them (RFC 5260 §6).
pub(super) fn select<'h>(
    headers: &'h [Header],
    names: &[Cow<str>],
    index: Option<Index>,
    meter: &Meter,
) -> Result<Vec<&'h Field>, Fault> {
    let mut found = Vec::new();
    for header in headers {
        for name in names {
            meter.read(header.len().saturating_mul(NAME_OCTETS))?;
            found.extend(header.iter().filter(|field| is_named(field, name)));
        }
    }
    let Some(index) = index else {
        return Ok(found);
    };
    let place = place(index, found.len());
    Ok(place
        .and_then(|place| found.get(place).copied())
        .into_iter()
        .collect())
}

/// Whether a field has this name (RFC 5228 §2.4.2.2).
pub(super) fn is_named(field: &Field, name: &str) -> bool {
    field.name.eq_ignore_ascii_case(name)
}

/// The place, from 0, that an index means among so many.
pub(super) fn place(index: Index, among: usize) -> Option<usize> {
    let number = usize::try_from(index.number).ok()?;
    let place = match index.last {
        false => number.checked_sub(1),
        true => among.checked_sub(number),
    }?;
    (number > 0 && place < among).then_some(place)
}

/// What of a field is compared.
pub(super) fn values<'f>(field: &'f Field, of: &MimeOf, params: &[Cow<str>]) -> Vec<Cow<'f, str>> {
    let type_of = is_named(field, "Content-Type");
    let disposition = is_named(field, "Content-Disposition");
    let whole = first_word(&field.raw);
    let (kind, subtype) = whole.split_once('/').unwrap_or((whole, ""));
    let value = match of {
        MimeOf::Value => return vec![Cow::Borrowed(&field.decoded)],
        MimeOf::Param(_) => return params_of(field, params),
        MimeOf::Type if type_of => kind,
        MimeOf::Subtype if type_of => subtype,
        MimeOf::ContentType if type_of => whole,
        MimeOf::Type | MimeOf::ContentType if disposition => whole,
        MimeOf::Type | MimeOf::Subtype | MimeOf::ContentType => "",
    };
    vec![Cow::Borrowed(value)]
}

fn first_word(value: &str) -> &str {
    value
        .split([';', ' ', '\t', '('])
        .next()
        .unwrap_or_default()
}

fn params_of(field: &Field, names: &[Cow<str>]) -> Vec<Cow<'static, str>> {
    let raw = Params::of(&field.raw);
    // Encoded words have no place in parameters, and are found there all the same.
    let decoded = || Params::of(&field.decoded);
    let value = |name: &Cow<str>| {
        let value = raw.value(name)?;
        match value.contains("=?") {
            true => decoded().value(name).or(Some(value)),
            false => Some(value),
        }
    };
    names.iter().filter_map(value).map(Cow::Owned).collect()
}

/// The parameters of a field (RFC 2045 §5.1), their names in small letters.
struct Params(Vec<(String, String)>);

impl Params {
    fn of(value: &str) -> Self {
        let mut params = Vec::new();
        let mut rest = value;
        while let Some(at) = next_sign(rest, ';') {
            rest = &rest[at + 1..];
            let end = next_sign(rest, ';').unwrap_or(rest.len());
            if let Some((name, value)) = rest[..end].split_once('=') {
                params.push((name.trim().to_ascii_lowercase(), unquoted(value.trim())));
            }
            rest = &rest[end..];
        }
        Self(params)
    }

    fn plain(&self, name: &str) -> Option<&String> {
        let mut all = self.0.iter();
        all.find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The value of a parameter, put together and decoded (RFC 2231 §4.1).
    fn value(&self, name: &str) -> Option<String> {
        let name = name.to_ascii_lowercase();
        if let Some(extended) = self.plain(&format!("{name}*")) {
            let (charset, text) = charset_of(extended);
            return Some(decoded(&charset, text));
        }
        if let Some(plain) = self.plain(&name) {
            return Some(plain.clone());
        }
        let mut charset = String::new();
        let mut whole = None;
        for number in 0..PIECES_MAX {
            let plain = self.plain(&format!("{name}*{number}"));
            let extended = self.plain(&format!("{name}*{number}*"));
            let piece = match (extended, plain) {
                (Some(extended), _) if number == 0 => {
                    let text;
                    (charset, text) = charset_of(extended);
                    decoded(&charset, text)
                }
                (Some(extended), _) => decoded(&charset, extended),
                (None, Some(plain)) => plain.clone(),
                (None, None) => break,
            };
            whole.get_or_insert_with(String::new).push_str(&piece);
        }
        whole
    }
}

/// Where a sign stands outside of quotes.
fn next_sign(text: &str, sign: char) -> Option<usize> {
    let mut quoted = false;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => {
                chars.next();
            }
            c if c == sign && !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else {
        return first_word(value).to_owned();
    };
    let mut text = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => text.extend(chars.next()),
            c => text.push(c),
        }
    }
    text
}

/// `charset'language'text` taken apart; the character set in small letters.
fn charset_of(extended: &str) -> (String, &str) {
    let mut parts = extended.splitn(3, '\'');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(charset), Some(_), Some(text)) => (charset.to_ascii_lowercase(), text),
        _ => (String::new(), extended),
    }
}

/// Undoes percent signs. What is not Latin 1 is read as UTF-8.
fn decoded(charset: &str, text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let pair = behind
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let octet = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, octet) {
            (b'%', Some(octet)) => {
                octets.push(octet);
                rest = &behind[2..];
            }
            _ => {
                octets.push(*first);
                rest = behind;
            }
        }
    }
    match charset {
        "iso-8859-1" | "latin1" | "windows-1252" => octets.iter().map(|o| char::from(*o)).collect(),
        _ => String::from_utf8_lossy(&octets).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> Field {
        Field {
            name: name.to_owned(),
            raw: value.to_owned(),
            decoded: value.to_owned(),
        }
    }

    #[test]
    fn an_index_means_one_place() {
        for (number, last, among, expected) in [
            (1, false, 3, Some(0)),
            (3, false, 3, Some(2)),
            (4, false, 3, None),
            (1, true, 3, Some(2)),
            (3, true, 3, Some(0)),
            (4, true, 3, None),
            (0, false, 3, None),
            (0, true, 3, None),
            (1, true, 0, None),
            (u32::MAX, true, 1, None),
        ] {
            assert_eq!(
                place(Index { number, last }, among),
                expected,
                "{number} {last}"
            );
        }
    }

    #[test]
    fn types_and_dispositions_are_taken_apart() {
        let content = field("content-type", "Text/HTML; charset=utf-8");
        let disposition = field("Content-Disposition", "attachment; filename=a.pdf");
        let other = field("Content-ID", "<x/y>");
        for (field, of, expected) in [
            (&content, MimeOf::Type, "Text"),
            (&content, MimeOf::Subtype, "HTML"),
            (&content, MimeOf::ContentType, "Text/HTML"),
            (&disposition, MimeOf::Type, "attachment"),
            (&disposition, MimeOf::Subtype, ""),
            (&disposition, MimeOf::ContentType, "attachment"),
            (&other, MimeOf::Type, ""),
            (&other, MimeOf::Value, "<x/y>"),
        ] {
            assert_eq!(values(field, &of, &[]), [expected], "{field:?} {of:?}");
        }
    }

    #[test]
    fn parameters_are_read_in_every_spelling() {
        for (value, expected) in [
            ("attachment; filename=a.pdf", Some("a.pdf")),
            (
                "attachment; FileName = \"a; \\\"b\\\".pdf\" ; size=3",
                Some("a; \"b\".pdf"),
            ),
            ("attachment; filename*=utf-8'de'%C3%A4.pdf", Some("ä.pdf")),
            ("attachment; filename*=iso-8859-1''%E4.pdf", Some("ä.pdf")),
            (
                "attachment; filename*0=\"in\"; filename*1=voice.pdf",
                Some("invoice.pdf"),
            ),
            (
                "attachment; filename*0*=utf-8''%C3%A4; filename*1*=%C3%B6; filename*2=.x",
                Some("äö.x"),
            ),
            (
                "attachment; filename=plain; filename*=utf-8''better",
                Some("better"),
            ),
            ("attachment; filename*=%zz%", Some("%zz%")),
            ("attachment; filename", None),
            ("attachment", None),
            ("", None),
        ] {
            let field = field("Content-Disposition", value);
            let names = [Cow::Borrowed("filename")];
            let found = values(&field, &MimeOf::Param(Vec::new()), &names);
            assert_eq!(found.first().map(AsRef::as_ref), expected, "{value}");
        }
    }

    #[test]
    fn encoded_words_in_parameters_are_decoded() {
        let field = Field {
            name: "Content-Type".to_owned(),
            raw: "application/pdf; name=\"=?utf-8?q?=C3=A4?=.pdf\"".to_owned(),
            decoded: "application/pdf; name=\"ä.pdf\"".to_owned(),
        };
        let names = [Cow::Borrowed("charset"), Cow::Borrowed("name")];
        assert_eq!(
            values(&field, &MimeOf::Param(Vec::new()), &names),
            ["ä.pdf"]
        );
    }
}
