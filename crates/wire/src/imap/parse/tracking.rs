//! Mod-sequences and the parameters that carry them (RFC 7162 §7).
//!
//! A mod-sequence is below 2^63. Where the grammar wants one above 0, 0 is read as well: it says
//! that the client knows nothing yet, and the answer is right.

use types::{ModSeq, UidValidity};

use super::{mailbox, nz_number, sequence_set, spaced};
use crate::imap::cursor::{Cursor, Result, SyntaxKind};
use crate::imap::sequence::{Bound, SequenceSet};
use crate::imap::tracking::{FetchModifiers, Qresync, SelectRequest, SequenceMatch};

/// `mod-sequence-valzer`
pub(super) fn modseq(cursor: &mut Cursor<'_>) -> Result<ModSeq> {
    let number = cursor.number64()?;
    match i64::try_from(number) {
        Ok(_) => Ok(ModSeq(number)),
        Err(_) => Err(SyntaxKind::Expected("a mod-sequence below 2^63")),
    }
}

/// What follows `SELECT` or `EXAMINE`.
pub(super) fn select(cursor: &mut Cursor<'_>) -> Result<SelectRequest> {
    let mut request = SelectRequest {
        mailbox: spaced(cursor, mailbox)?,
        condstore: false,
        qresync: None,
    };
    if !cursor.take(b' ') {
        return Ok(request);
    }
    cursor.expect(b'(', "(")?;
    let parameters = cursor.list(2, "parameters", |cursor| {
        match cursor.word("a parameter")?.as_str() {
            "CONDSTORE" if !request.condstore => request.condstore = true,
            "QRESYNC" if request.qresync.is_none() => {
                request.qresync = Some(spaced(cursor, qresync)?);
            }
            _ => return Err(SyntaxKind::Expected("CONDSTORE or QRESYNC")),
        }
        Ok(())
    })?;
    match parameters.is_empty() {
        true => Err(SyntaxKind::Expected("a parameter")),
        false => Ok(request),
    }
}

/// `(uidvalidity mod-sequence [known-uids] [(known-sequence-set known-uid-set)])`
fn qresync(cursor: &mut Cursor<'_>) -> Result<Qresync> {
    cursor.expect(b'(', "(")?;
    let mut qresync = Qresync {
        uid_validity: UidValidity(nz_number(cursor)?),
        modseq: spaced(cursor, modseq)?,
        known_uids: None,
        matches: None,
    };
    if cursor.take(b' ') {
        if cursor.peek() == Some(b'(') {
            qresync.matches = Some(sequence_match(cursor)?);
        } else {
            qresync.known_uids = Some(plain_set(cursor)?);
            if cursor.take(b' ') {
                qresync.matches = Some(sequence_match(cursor)?);
            }
        }
    }
    cursor.expect(b')', ")")?;
    Ok(qresync)
}

fn sequence_match(cursor: &mut Cursor<'_>) -> Result<SequenceMatch> {
    cursor.expect(b'(', "(")?;
    let numbers = plain_set(cursor)?;
    let uids = spaced(cursor, plain_set)?;
    cursor.expect(b')', ")")?;
    if numbers.resolve(0).count() != uids.resolve(0).count() {
        return Err(SyntaxKind::Expected("as many UIDs as numbers"));
    }
    Ok(SequenceMatch { numbers, uids })
}

/// A set without `*` and `$`.
fn plain_set(cursor: &mut Cursor<'_>) -> Result<SequenceSet> {
    let set = sequence_set(cursor)?;
    let open = |bound| matches!(bound, Bound::Last);
    let mut ranges = set.ranges().iter();
    if set.has_saved() || ranges.any(|range| open(range.first) || open(range.last)) {
        return Err(SyntaxKind::Expected("numbers without * and $"));
    }
    Ok(set)
}

/// `(CHANGEDSINCE n [VANISHED])` behind the items of FETCH, if it is there.
pub(super) fn fetch_modifiers(cursor: &mut Cursor<'_>) -> Result<FetchModifiers> {
    let mut modifiers = FetchModifiers::default();
    if !cursor.take(b' ') {
        return Ok(modifiers);
    }
    cursor.expect(b'(', "(")?;
    cursor.list(2, "modifiers", |cursor| {
        match cursor.word("a modifier")?.as_str() {
            "CHANGEDSINCE" if modifiers.changed_since.is_none() => {
                modifiers.changed_since = Some(spaced(cursor, modseq)?);
            }
            "VANISHED" if !modifiers.vanished => modifiers.vanished = true,
            _ => return Err(SyntaxKind::Expected("CHANGEDSINCE or VANISHED")),
        }
        Ok(())
    })?;
    match modifiers.changed_since {
        None => Err(SyntaxKind::Expected("CHANGEDSINCE")),
        Some(_) => Ok(modifiers),
    }
}

/// `(UNCHANGEDSINCE n) ` in front of what STORE does, if it is there.
pub(super) fn unchanged_since(cursor: &mut Cursor<'_>) -> Result<Option<ModSeq>> {
    if !cursor.take(b'(') {
        return Ok(None);
    }
    if cursor.word("a modifier")? != "UNCHANGEDSINCE" {
        return Err(SyntaxKind::Expected("UNCHANGEDSINCE"));
    }
    let since = spaced(cursor, modseq)?;
    cursor.expect(b')', ")")?;
    cursor.space()?;
    Ok(Some(since))
}

/// What follows the search key `MODSEQ`. A flag may be named; the mod-sequence of a message is one
/// for all its flags here, so the name says nothing more (RFC 7162 §3.1.5).
pub(super) fn search(cursor: &mut Cursor<'_>) -> Result<ModSeq> {
    if cursor.peek() == Some(b'"') {
        cursor.string()?;
        let kind = spaced(cursor, |cursor| cursor.word("all, priv or shared"))?;
        if !matches!(kind.as_str(), "ALL" | "PRIV" | "SHARED") {
            return Err(SyntaxKind::Expected("all, priv or shared"));
        }
        cursor.space()?;
    }
    modseq(cursor)
}
