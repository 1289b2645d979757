//! What SEARCH asks for (RFC 9051 §6.4.4, RFC 4731).
//!
//! Depth and number of keys are bounded while reading, before anything is built.

use types::{FlagSet, Keyword};

use super::fetch::field_name;
use super::{begins_sequence_set, sequence_set, spaced, tracking};
use crate::imap::command::{SearchDate, SearchKey, SearchRequest, SearchReturn};
use crate::imap::cursor::{Cursor, Result, SyntaxKind, utf8};
use crate::imap::limits::{SEARCH_DEPTH_MAX, SEARCH_KEYS_MAX};
use crate::imap::object::ObjectId;
use crate::imap::section::FieldName;

/// `[RETURN (…)] [CHARSET …] keys`, behind the space that follows `SEARCH`.
pub(super) fn request(cursor: &mut Cursor<'_>) -> Result<SearchRequest> {
    let mut returns = None;
    if next_word_is(cursor, "RETURN") {
        returns = Some(return_options(cursor)?);
        cursor.space()?;
    }
    if next_word_is(cursor, "CHARSET") {
        charset(cursor)?;
        cursor.space()?;
    }
    let mut keys = Keys {
        left: SEARCH_KEYS_MAX,
    };
    let key = keys.all_up_to(cursor, None, SEARCH_DEPTH_MAX)?;
    Ok(SearchRequest { returns, key })
}

/// Whether this word and a space come next.
fn next_word_is(cursor: &Cursor<'_>, word: &str) -> bool {
    let (start, after) = match cursor.rest().split_at_checked(word.len()) {
        Some(split) => split,
        None => return false,
    };
    start.eq_ignore_ascii_case(word.as_bytes()) && after.first() == Some(&b' ')
}

fn return_options(cursor: &mut Cursor<'_>) -> Result<SearchReturn> {
    cursor.word("RETURN")?;
    cursor.space()?;
    cursor.expect(b'(', "(")?;
    let mut returns = SearchReturn::default();
    let named = cursor.list(SEARCH_KEYS_MAX, "return options", |cursor| {
        match cursor.word("a return option")?.as_str() {
            "MIN" => returns.min = true,
            "MAX" => returns.max = true,
            "ALL" => returns.all = true,
            "COUNT" => returns.count = true,
            "SAVE" => returns.save = true,
            _ => return Err(SyntaxKind::Expected("MIN, MAX, ALL, COUNT or SAVE")),
        }
        Ok(())
    })?;
    returns.all |= named.is_empty();
    Ok(returns)
}

/// Text is read as UTF-8 in any case; of that US-ASCII is a part.
fn charset(cursor: &mut Cursor<'_>) -> Result<()> {
    cursor.word("CHARSET")?;
    cursor.space()?;
    let name = cursor.astring("a character set")?;
    let known = [&b"UTF-8"[..], b"US-ASCII"];
    if known.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
        Ok(())
    } else {
        Err(SyntaxKind::Charset)
    }
}

/// How many keys the search may still have.
struct Keys {
    left: usize,
}

impl Keys {
    /// Keys with spaces between them, up to `close` or to the end of the command.
    fn all_up_to(
        &mut self,
        cursor: &mut Cursor<'_>,
        close: Option<u8>,
        depth: usize,
    ) -> Result<SearchKey> {
        let first = self.one(cursor, depth)?;
        let mut keys = vec![first];
        while cursor.peek() != close {
            cursor.space()?;
            keys.push(self.one(cursor, depth)?);
        }
        match <[SearchKey; 1]>::try_from(keys) {
            Ok([only]) => Ok(only),
            Err(keys) => Ok(SearchKey::And(keys)),
        }
    }

    fn one(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Result<SearchKey> {
        let deeper = depth
            .checked_sub(1)
            .ok_or(SyntaxKind::TooMany("levels in a search"))?;
        if cursor.take(b'(') {
            let keys = self.all_up_to(cursor, Some(b')'), deeper)?;
            cursor.expect(b')', ")")?;
            return Ok(keys);
        }
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(SyntaxKind::TooMany("search keys"))?;
        if begins_sequence_set(cursor.peek()) {
            return Ok(SearchKey::Sequence(sequence_set(cursor)?));
        }
        let name = cursor.word("a search key")?;
        if let Some(key) = flag_key(&name) {
            return Ok(key);
        }
        cursor.space()?;
        match name.as_str() {
            "NOT" => Ok(SearchKey::Not(Box::new(self.one(cursor, deeper)?))),
            "OR" => {
                let left = self.one(cursor, deeper)?;
                cursor.space()?;
                let right = self.one(cursor, deeper)?;
                Ok(SearchKey::Or(Box::new(left), Box::new(right)))
            }
            _ => with_argument(cursor, &name),
        }
    }
}

/// Keys without an argument.
fn flag_key(name: &str) -> Option<SearchKey> {
    Some(match name {
        // All mailboxes have the day of saving (RFC 8514 §4.2).
        "ALL" | "SAVEDATESUPPORTED" => SearchKey::All,
        "NEW" => SearchKey::New,
        "OLD" => SearchKey::Old,
        "RECENT" => SearchKey::Recent,
        "ANSWERED" => SearchKey::Flag(FlagSet::ANSWERED),
        "DELETED" => SearchKey::Flag(FlagSet::DELETED),
        "DRAFT" => SearchKey::Flag(FlagSet::DRAFT),
        "FLAGGED" => SearchKey::Flag(FlagSet::FLAGGED),
        "SEEN" => SearchKey::Flag(FlagSet::SEEN),
        "UNANSWERED" => SearchKey::NoFlag(FlagSet::ANSWERED),
        "UNDELETED" => SearchKey::NoFlag(FlagSet::DELETED),
        "UNDRAFT" => SearchKey::NoFlag(FlagSet::DRAFT),
        "UNFLAGGED" => SearchKey::NoFlag(FlagSet::FLAGGED),
        "UNSEEN" => SearchKey::NoFlag(FlagSet::SEEN),
        _ => return None,
    })
}

/// Keys with one argument, and `HEADER` with two; the space behind the name is already gone.
fn with_argument(cursor: &mut Cursor<'_>, name: &str) -> Result<SearchKey> {
    Ok(match name {
        "BCC" | "CC" | "FROM" | "SUBJECT" | "TO" => {
            let field = FieldName::new(name.as_bytes()).ok_or(SyntaxKind::UnknownCommand)?;
            SearchKey::Header(field, text(cursor)?)
        }
        "HEADER" => SearchKey::Header(field_name(cursor)?, spaced(cursor, text)?),
        "BODY" => SearchKey::Body(text(cursor)?),
        "TEXT" => SearchKey::Text(text(cursor)?),
        "KEYWORD" => SearchKey::Keyword(keyword(cursor)?),
        "UNKEYWORD" => SearchKey::NoKeyword(keyword(cursor)?),
        "BEFORE" => SearchKey::Before(date(cursor)?),
        "ON" => SearchKey::On(date(cursor)?),
        "SINCE" => SearchKey::Since(date(cursor)?),
        "SENTBEFORE" => SearchKey::SentBefore(date(cursor)?),
        "SENTON" => SearchKey::SentOn(date(cursor)?),
        "SENTSINCE" => SearchKey::SentSince(date(cursor)?),
        "OLDER" => SearchKey::Older(cursor.nz_number()?),
        "YOUNGER" => SearchKey::Younger(cursor.nz_number()?),
        "LARGER" => SearchKey::Larger(cursor.number64()?),
        "SMALLER" => SearchKey::Smaller(cursor.number64()?),
        "UID" => SearchKey::Uid(sequence_set(cursor)?),
        "EMAILID" => SearchKey::EmailId(object_id(cursor)?),
        "THREADID" => SearchKey::ThreadId(object_id(cursor)?),
        "SAVEDBEFORE" => SearchKey::SavedBefore(date(cursor)?),
        "SAVEDON" => SearchKey::SavedOn(date(cursor)?),
        "SAVEDSINCE" => SearchKey::SavedSince(date(cursor)?),
        "MODSEQ" => SearchKey::ModSeq(tracking::search(cursor)?),
        _ => return Err(SyntaxKind::Expected("a known search key")),
    })
}

fn text(cursor: &mut Cursor<'_>) -> Result<String> {
    utf8(&cursor.astring("a text")?)
}

fn object_id(cursor: &mut Cursor<'_>) -> Result<ObjectId> {
    let octets = cursor.astring("an object id")?;
    ObjectId::new(&octets).ok_or(SyntaxKind::Expected("an object id"))
}

fn keyword(cursor: &mut Cursor<'_>) -> Result<Keyword> {
    let keyword = cursor.atom("a keyword")?.parse();
    keyword.map_err(|_| SyntaxKind::Expected("a shorter keyword"))
}

/// `1-Feb-1994`, perhaps in quotes.
fn date(cursor: &mut Cursor<'_>) -> Result<SearchDate> {
    let text = utf8(&cursor.astring("a date")?)?;
    SearchDate::parse(&text).ok_or(SyntaxKind::Expected("a date such as 1-Feb-1994"))
}
