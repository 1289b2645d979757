//! LIST, LSUB and STATUS (RFC 9051 §6.3.9, §6.3.11, RFC 5258, RFC 5819).

use super::{decoded_mailbox, mailbox, spaced};
use crate::imap::command::{Command, StatusItem};
use crate::imap::cursor::{Cursor, Result, SyntaxKind, is_list_char};
use crate::imap::limits::{LIST_OPTIONS_MAX, LIST_PATTERNS_MAX, LIST_PATTERNS_MAX_OCTETS};
use crate::imap::list::{ListRequest, ListReturn, ListSelect};
use crate::imap::pattern::ListPattern;

/// LIST in its plain and its extended form.
pub(super) fn list(cursor: &mut Cursor<'_>) -> Result<Command> {
    let mut extended = false;
    let mut select = ListSelect::default();
    if cursor.rest().starts_with(b" (") {
        extended = true;
        select = spaced(cursor, selection)?;
    }
    let reference = spaced(cursor, decoded_mailbox)?;
    cursor.space()?;
    let patterns = if cursor.take(b'(') {
        extended = true;
        patterns(cursor, &reference)?
    } else {
        vec![pattern(cursor, &reference)?]
    };
    let mut returns = ListReturn::default();
    if cursor.take(b' ') {
        extended = true;
        returns = return_options(cursor)?;
    }
    Ok(Command::List(ListRequest {
        extended,
        select,
        patterns,
        returns,
    }))
}

/// The reference and the pattern of LSUB.
pub(super) fn one_pattern(cursor: &mut Cursor<'_>) -> Result<ListPattern> {
    let reference = spaced(cursor, decoded_mailbox)?;
    spaced(cursor, |cursor| pattern(cursor, &reference))
}

/// The name is the pattern behind the reference (RFC 9051 §6.3.9).
fn pattern(cursor: &mut Cursor<'_>, reference: &str) -> Result<ListPattern> {
    let pattern = cursor.string_or(is_list_char, "a mailbox pattern")?;
    let long = SyntaxKind::Expected("a shorter mailbox pattern");
    if pattern.is_empty() {
        return ListPattern::new("").ok_or(long);
    }
    let text = reference.to_owned() + &cursor.spelling.decode(&pattern)?;
    ListPattern::new(&text).ok_or(long)
}

/// Several patterns up to the closing parenthesis.
fn patterns(cursor: &mut Cursor<'_>, reference: &str) -> Result<Vec<ListPattern>> {
    let mut octets = 0;
    let patterns = cursor.list(LIST_PATTERNS_MAX, "mailbox patterns", |cursor| {
        let pattern = pattern(cursor, reference)?;
        octets += pattern.to_string().len();
        match octets <= LIST_PATTERNS_MAX_OCTETS {
            true => Ok(pattern),
            false => Err(SyntaxKind::TooMany("octets of mailbox patterns")),
        }
    })?;
    match patterns.is_empty() {
        true => Err(SyntaxKind::Expected("a mailbox pattern")),
        false => Ok(patterns),
    }
}

fn selection(cursor: &mut Cursor<'_>) -> Result<ListSelect> {
    cursor.expect(b'(', "(")?;
    let mut select = ListSelect::default();
    cursor.list(LIST_OPTIONS_MAX, "selection options", |cursor| {
        match cursor.word("a selection option")?.as_str() {
            "SUBSCRIBED" => select.subscribed = true,
            "SPECIAL-USE" => select.special_use = true,
            "RECURSIVEMATCH" => select.recursive = true,
            // There are no mailboxes on other servers to add.
            "REMOTE" => {}
            _ => return Err(SyntaxKind::Expected("a known selection option")),
        }
        Ok(())
    })?;
    if select.recursive && select.criteria().next().is_none() {
        return Err(SyntaxKind::Expected(
            "an option that RECURSIVEMATCH can apply to",
        ));
    }
    Ok(select)
}

fn return_options(cursor: &mut Cursor<'_>) -> Result<ListReturn> {
    if cursor.word("RETURN")? != "RETURN" {
        return Err(SyntaxKind::Expected("RETURN"));
    }
    cursor.space()?;
    cursor.expect(b'(', "(")?;
    let mut returns = ListReturn::default();
    cursor.list(LIST_OPTIONS_MAX, "return options", |cursor| {
        match cursor.word("a return option")?.as_str() {
            "SUBSCRIBED" => returns.subscribed = true,
            "CHILDREN" | "SPECIAL-USE" => {}
            "STATUS" => returns.status = spaced(cursor, status_items)?,
            _ => return Err(SyntaxKind::Expected("a known return option")),
        }
        Ok(())
    })?;
    Ok(returns)
}

/// STATUS
pub(super) fn status(cursor: &mut Cursor<'_>) -> Result<Command> {
    Ok(Command::Status {
        mailbox: spaced(cursor, mailbox)?,
        items: spaced(cursor, status_items)?,
    })
}

/// At least one item, each once.
fn status_items(cursor: &mut Cursor<'_>) -> Result<Vec<StatusItem>> {
    cursor.expect(b'(', "(")?;
    let named = cursor.list(StatusItem::ALL.len(), "status items", |cursor| {
        let name = cursor.word("a status item")?;
        let known = StatusItem::ALL.iter().find(|(_, known)| *known == name);
        known
            .map(|(item, _)| *item)
            .ok_or(SyntaxKind::Expected("a known status item"))
    })?;
    let mut items = Vec::with_capacity(named.len());
    for item in named {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    match items.is_empty() {
        true => Err(SyntaxKind::Expected("a status item")),
        false => Ok(items),
    }
}
