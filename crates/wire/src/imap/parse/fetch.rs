//! What FETCH asks for (RFC 9051 §6.4.5).

use types::limits::MIME_DEPTH_MAX;

use super::{dotted_word, nz_number};
use crate::imap::command::{FetchItem, Partial};
use crate::imap::cursor::{Cursor, Result, SyntaxKind};
use crate::imap::limits::{FETCH_ITEMS_MAX, HEADER_FIELDS_MAX};
use crate::imap::section::{FieldName, Section, SectionText};

/// A macro, one item, or items in parentheses.
pub(super) fn items(cursor: &mut Cursor<'_>) -> Result<Vec<FetchItem>> {
    if cursor.take(b'(') {
        let items = cursor.list(FETCH_ITEMS_MAX, "items", |cursor| {
            let name = dotted_word(cursor);
            item(cursor, &name)
        })?;
        return match items.is_empty() {
            true => Err(SyntaxKind::Expected("an item to fetch")),
            false => Ok(items),
        };
    }
    let name = dotted_word(cursor);
    match macro_items(&name) {
        Some(items) => Ok(items),
        None => Ok(vec![item(cursor, &name)?]),
    }
}

fn macro_items(name: &str) -> Option<Vec<FetchItem>> {
    let mut items = vec![
        FetchItem::Flags,
        FetchItem::InternalDate,
        FetchItem::Rfc822Size,
    ];
    match name {
        "FAST" => {}
        "ALL" => items.push(FetchItem::Envelope),
        "FULL" => items.extend([FetchItem::Envelope, FetchItem::Body]),
        _ => return None,
    }
    Some(items)
}

fn item(cursor: &mut Cursor<'_>, name: &str) -> Result<FetchItem> {
    Ok(match name {
        "FLAGS" => FetchItem::Flags,
        "INTERNALDATE" => FetchItem::InternalDate,
        "RFC822.SIZE" => FetchItem::Rfc822Size,
        "UID" => FetchItem::Uid,
        "MODSEQ" => FetchItem::ModSeq,
        "EMAILID" => FetchItem::EmailId,
        "THREADID" => FetchItem::ThreadId,
        "SAVEDATE" => FetchItem::SaveDate,
        "PREVIEW" => FetchItem::Preview {
            lazy: lazy(cursor)?,
        },
        "BINARY" => binary(cursor, false)?,
        "BINARY.PEEK" => binary(cursor, true)?,
        "BINARY.SIZE" => FetchItem::BinarySize(section_binary(cursor)?),
        "ENVELOPE" => FetchItem::Envelope,
        "BODYSTRUCTURE" => FetchItem::BodyStructure,
        "RFC822" => FetchItem::Rfc822,
        "RFC822.HEADER" => FetchItem::Rfc822Header,
        "RFC822.TEXT" => FetchItem::Rfc822Text,
        "BODY" if cursor.peek() != Some(b'[') => FetchItem::Body,
        "BODY" => body(cursor, false)?,
        "BODY.PEEK" => body(cursor, true)?,
        _ => return Err(SyntaxKind::Expected("a known item to fetch")),
    })
}

fn body(cursor: &mut Cursor<'_>, peek: bool) -> Result<FetchItem> {
    cursor.expect(b'[', "[")?;
    let section = section(cursor)?;
    cursor.expect(b']', "]")?;
    Ok(FetchItem::Section {
        section,
        partial: partial(cursor)?,
        peek,
    })
}

fn partial(cursor: &mut Cursor<'_>) -> Result<Option<Partial>> {
    if !cursor.take(b'<') {
        return Ok(None);
    }
    let start = cursor.number()?;
    cursor.expect(b'.', "a dot")?;
    let length = nz_number(cursor)?;
    cursor.expect(b'>', ">")?;
    Ok(Some(Partial { start, length }))
}

fn binary(cursor: &mut Cursor<'_>, peek: bool) -> Result<FetchItem> {
    Ok(FetchItem::Binary {
        part: section_binary(cursor)?,
        partial: partial(cursor)?,
        peek,
    })
}

/// Part numbers in brackets, perhaps none.
fn section_binary(cursor: &mut Cursor<'_>) -> Result<Vec<u32>> {
    cursor.expect(b'[', "[")?;
    let section = section(cursor)?;
    cursor.expect(b']', "]")?;
    match section.text {
        None => Ok(section.part),
        Some(_) => Err(SyntaxKind::Expected("part numbers")),
    }
}

/// Whether `(LAZY)` follows; of other items in parentheses the first is none of its names.
fn lazy(cursor: &mut Cursor<'_>) -> Result<bool> {
    let start = cursor.rest().get(..b" (LAZY)".len());
    let lazy = start.is_some_and(|start| start.eq_ignore_ascii_case(b" (LAZY)"));
    if lazy {
        cursor.space()?;
        cursor.expect(b'(', "(")?;
        cursor.word("LAZY")?;
        cursor.expect(b')', ")")?;
    }
    Ok(lazy)
}

/// Part numbers with dots between them, then perhaps a text, up to the closing bracket.
fn section(cursor: &mut Cursor<'_>) -> Result<Section> {
    let mut part = Vec::new();
    while cursor.peek().is_some_and(|c| c.is_ascii_digit()) {
        if part.len() == MIME_DEPTH_MAX {
            return Err(SyntaxKind::TooMany("part numbers"));
        }
        part.push(nz_number(cursor)?);
        if !cursor.take(b'.') {
            return Ok(Section { part, text: None });
        }
    }
    if part.is_empty() && cursor.peek() == Some(b']') {
        return Ok(Section::default());
    }
    let text = match dotted_word(cursor).as_str() {
        "HEADER" => SectionText::Header,
        "HEADER.FIELDS" => SectionText::Fields(fields(cursor)?),
        "HEADER.FIELDS.NOT" => SectionText::FieldsNot(fields(cursor)?),
        "TEXT" => SectionText::Text,
        "MIME" if !part.is_empty() => SectionText::Mime,
        _ => return Err(SyntaxKind::Expected("a known section")),
    };
    let text = Some(text);
    Ok(Section { part, text })
}

fn fields(cursor: &mut Cursor<'_>) -> Result<Vec<FieldName>> {
    cursor.space()?;
    cursor.expect(b'(', "(")?;
    let fields = cursor.list(HEADER_FIELDS_MAX, "header fields", field_name)?;
    if fields.is_empty() {
        return Err(SyntaxKind::Expected("a header field name"));
    }
    Ok(fields)
}

/// The name of a header field as an astring.
pub(super) fn field_name(cursor: &mut Cursor<'_>) -> Result<FieldName> {
    let name = cursor.astring("a header field name")?;
    FieldName::new(&name).ok_or(SyntaxKind::Expected("a header field name"))
}
