//! Octets of one command, as [`super::CommandReader`] cut them, become a [`Tagged`] command.
//!
//! Pure; returns `Err` for every input that is no command and never panics. Recursion exists only
//! in searches and is bounded there.

mod fetch;
mod list;
mod search;
mod tracking;

use std::num::NonZeroU32;

use types::{FlagSet, MailboxName, Secret, SpecialUse, Timestamp};

use super::command::{
    AppendHead, AppendMessage, Command, FlagList, Numbering, StoreAction, StoreRequest, Tag, Tagged,
};
use super::cursor::{
    Cursor, Result, SyntaxError, SyntaxKind, is_astring_char, is_atom_char, printable, utf8,
};
use super::limits::{
    CREATE_USES_MAX, ENABLE_MAX, FLAGS_MAX, ID_FIELDS_MAX, ID_NAME_MAX_OCTETS, ID_VALUE_MAX_OCTETS,
    QUOTA_RESOURCES_MAX, SEQUENCE_RANGES_MAX, USER_NAME_MAX_OCTETS,
};
use super::sequence::{Bound, SequenceRange, SequenceSet};
use super::spelling::Spelling;

/// Parses one command without its last line end, with mailbox names in modified UTF-7.
pub fn command(octets: &[u8]) -> std::result::Result<Tagged, SyntaxError> {
    command_spelled(octets, Spelling::Utf7)
}

/// Parses one command of a client that spells mailbox names so.
pub fn command_spelled(
    octets: &[u8],
    spelling: Spelling,
) -> std::result::Result<Tagged, SyntaxError> {
    let mut cursor = Cursor::new(octets);
    cursor.spelling = spelling;
    let untagged = SyntaxError {
        tag: None,
        kind: SyntaxKind::Tag,
    };
    let tag = Tag::new(cursor.take_while(is_astring_char)).ok_or(untagged)?;
    match tagged(&mut cursor) {
        Ok(command) => Ok(Tagged { tag, command }),
        Err(kind) => Err(SyntaxError {
            tag: Some(tag),
            kind,
        }),
    }
}

fn tagged(cursor: &mut Cursor<'_>) -> Result<Command> {
    cursor.space()?;
    let verb = cursor.word("a command")?;
    let command = match verb.as_str() {
        "UID" => {
            cursor.space()?;
            let verb = cursor.word("a command")?;
            match verb.as_str() {
                "EXPUNGE" => Command::UidExpunge(spaced(cursor, sequence_set)?),
                _ => numbered(cursor, &verb, Numbering::Uid)?,
            }
        }
        "LOGIN" => login(cursor)?,
        "AUTHENTICATE" => authenticate(cursor)?,
        "ID" => Command::Id(id(cursor)?),
        "COMPRESS" => Command::Compress(spaced(cursor, |cursor| cursor.word("a mechanism"))?),
        "ENABLE" => Command::Enable(enable(cursor)?),
        "LIST" => list::list(cursor)?,
        "LSUB" => Command::Lsub(list::one_pattern(cursor)?),
        "STATUS" => list::status(cursor)?,
        "GETQUOTA" => Command::GetQuota(spaced(cursor, quota_root)?),
        "GETQUOTAROOT" => Command::GetQuotaRoot(spaced(cursor, mailbox)?),
        "SETQUOTA" => set_quota(cursor)?,
        "APPEND" => Command::Append(append(cursor)?),
        "RENAME" => Command::Rename {
            from: spaced(cursor, mailbox)?,
            to: spaced(cursor, mailbox)?,
        },
        "CREATE" => create(cursor)?,
        "SELECT" => Command::Select(tracking::select(cursor)?),
        "EXAMINE" => Command::Examine(tracking::select(cursor)?),
        "DELETE" => Command::Delete(spaced(cursor, mailbox)?),
        "SUBSCRIBE" => Command::Subscribe(spaced(cursor, mailbox)?),
        "UNSUBSCRIBE" => Command::Unsubscribe(spaced(cursor, mailbox)?),
        other => match bare(other) {
            Some(command) => command,
            None => numbered(cursor, other, Numbering::Sequence)?,
        },
    };
    cursor.end()?;
    Ok(command)
}

/// Commands without arguments.
fn bare(verb: &str) -> Option<Command> {
    Some(match verb {
        "CAPABILITY" => Command::Capability,
        "NOOP" => Command::Noop,
        "LOGOUT" => Command::Logout,
        "STARTTLS" => Command::StartTls,
        "NAMESPACE" => Command::Namespace,
        "IDLE" => Command::Idle,
        "CHECK" => Command::Check,
        "CLOSE" => Command::Close,
        "UNSELECT" => Command::Unselect,
        "EXPUNGE" => Command::Expunge,
        _ => return None,
    })
}

/// Commands that exist with and without `UID` in front.
fn numbered(cursor: &mut Cursor<'_>, verb: &str, by: Numbering) -> Result<Command> {
    match verb {
        "SEARCH" => {
            cursor.space()?;
            Ok(Command::Search(by, search::request(cursor)?))
        }
        "FETCH" => Ok(Command::Fetch {
            by,
            set: spaced(cursor, sequence_set)?,
            items: spaced(cursor, fetch::items)?,
            modifiers: tracking::fetch_modifiers(cursor)?,
        }),
        "STORE" => store(cursor, by),
        "COPY" => Ok(Command::Copy {
            by,
            set: spaced(cursor, sequence_set)?,
            mailbox: spaced(cursor, mailbox)?,
        }),
        "MOVE" => Ok(Command::Move {
            by,
            set: spaced(cursor, sequence_set)?,
            mailbox: spaced(cursor, mailbox)?,
        }),
        _ => Err(SyntaxKind::UnknownCommand),
    }
}

/// A space and what follows it.
fn spaced<'a, T>(
    cursor: &mut Cursor<'a>,
    parse: impl FnOnce(&mut Cursor<'a>) -> Result<T>,
) -> Result<T> {
    cursor.space()?;
    parse(cursor)
}

fn login(cursor: &mut Cursor<'_>) -> Result<Command> {
    cursor.space()?;
    let user = printable(&cursor.astring("a user name")?, USER_NAME_MAX_OCTETS)?;
    cursor.space()?;
    let password = Secret::new(cursor.astring("a password")?.into_owned());
    Ok(Command::Login { user, password })
}

fn authenticate(cursor: &mut Cursor<'_>) -> Result<Command> {
    let mechanism = spaced(cursor, |cursor| cursor.word("a mechanism"))?;
    let base64 = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'=');
    let initial = if cursor.take(b' ') {
        match cursor.take_while(base64) {
            [] => return Err(SyntaxKind::Expected("base64 or =")),
            response => Some(Secret::new(response.to_vec())),
        }
    } else {
        None
    };
    Ok(Command::Authenticate { mechanism, initial })
}

/// `NIL`, or names and values (RFC 2971 §3.1).
fn id(cursor: &mut Cursor<'_>) -> Result<Vec<(String, Option<String>)>> {
    cursor.space()?;
    if !cursor.take(b'(') {
        let nil = cursor.word("NIL or (")?;
        return match nil.as_str() {
            "NIL" => Ok(Vec::new()),
            _ => Err(SyntaxKind::Expected("NIL or (")),
        };
    }
    cursor.list(ID_FIELDS_MAX, "ID fields", |cursor| {
        let name = printable(&cursor.string()?, ID_NAME_MAX_OCTETS)?;
        cursor.space()?;
        let value = cursor.nstring()?;
        let value = value.map(|value| printable(&value, ID_VALUE_MAX_OCTETS));
        Ok((name, value.transpose()?))
    })
}

fn enable(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    let mut names = vec![spaced(cursor, |cursor| cursor.word("a capability"))?];
    while cursor.take(b' ') {
        if names.len() == ENABLE_MAX {
            return Err(SyntaxKind::TooMany("capabilities"));
        }
        names.push(cursor.word("a capability")?);
    }
    Ok(names)
}

/// A mailbox name.
fn mailbox(cursor: &mut Cursor<'_>) -> Result<MailboxName> {
    Ok(decoded_mailbox(cursor)?.parse()?)
}

/// The name of a mailbox to create; one separator at its end says that it will have children,
/// which every mailbox may (RFC 9051 §6.3.4).
fn new_mailbox(cursor: &mut Cursor<'_>) -> Result<MailboxName> {
    let text = decoded_mailbox(cursor)?;
    Ok(text
        .strip_suffix(types::SEPARATOR)
        .unwrap_or(&text)
        .parse()?)
}

fn decoded_mailbox(cursor: &mut Cursor<'_>) -> Result<String> {
    let octets = cursor.astring("a mailbox name")?;
    cursor.spelling.decode(&octets)
}

/// GETQUOTA and SETQUOTA name a quota root.
fn quota_root(cursor: &mut Cursor<'_>) -> Result<String> {
    printable(&cursor.astring("a quota root")?, USER_NAME_MAX_OCTETS)
}

fn set_quota(cursor: &mut Cursor<'_>) -> Result<Command> {
    let root = spaced(cursor, quota_root)?;
    cursor.space()?;
    cursor.expect(b'(', "(")?;
    cursor.list(QUOTA_RESOURCES_MAX, "resources", |cursor| {
        cursor.word("a resource")?;
        cursor.space()?;
        cursor.number64()
    })?;
    Ok(Command::SetQuota(root))
}

/// The name of a mailbox to create, perhaps with what it is for (RFC 6154 §3).
fn create(cursor: &mut Cursor<'_>) -> Result<Command> {
    let mailbox = spaced(cursor, new_mailbox)?;
    let mut uses = Vec::new();
    if cursor.take(b' ') {
        cursor.expect(b'(', "(")?;
        if cursor.word("USE")? != "USE" {
            return Err(SyntaxKind::Expected("USE"));
        }
        cursor.space()?;
        cursor.expect(b'(', "(")?;
        uses = cursor.list(CREATE_USES_MAX, "special uses", special_use)?;
        cursor.expect(b')', ")")?;
    }
    let mut uses = uses.into_iter();
    match (uses.next(), uses.next()) {
        (special_use, None) => Ok(Command::Create {
            mailbox,
            special_use,
        }),
        _ => Err(SyntaxKind::SpecialUse),
    }
}

fn special_use(cursor: &mut Cursor<'_>) -> Result<SpecialUse> {
    cursor.expect(b'\\', "\\ before a special use")?;
    let name = format!("\\{}", cursor.atom("a special use")?);
    let mut known = SpecialUse::ALL.iter();
    let found = known.find(|(_, attribute, _)| attribute.eq_ignore_ascii_case(&name));
    found
        .map(|(special_use, ..)| *special_use)
        .ok_or(SyntaxKind::SpecialUse)
}

/// APPEND up to the header of its first message's literal, which ends the octets.
fn append(cursor: &mut Cursor<'_>) -> Result<AppendHead> {
    Ok(AppendHead {
        mailbox: spaced(cursor, mailbox)?,
        first: spaced(cursor, append_message)?,
    })
}

/// Parses what stands between two messages of an APPEND, up to the header of the second one's
/// literal (RFC 3502 §6.3.11); `None` if the APPEND ends here.
pub fn append_next(octets: &[u8]) -> Result<Option<AppendMessage>> {
    if octets.is_empty() {
        return Ok(None);
    }
    let mut cursor = Cursor::new(octets);
    // IMAPClient 4.1 (2026) writes a second space where one literal follows the other.
    if octets.starts_with(b"  {") {
        cursor.space()?;
    }
    let message = spaced(&mut cursor, append_message)?;
    cursor.end()?;
    Ok(Some(message))
}

fn append_message(cursor: &mut Cursor<'_>) -> Result<AppendMessage> {
    let mut flags = FlagList::default();
    if cursor.take(b'(') {
        flags = flag_list(cursor)?;
        cursor.space()?;
    }
    let mut date = None;
    if cursor.peek() == Some(b'"') {
        date = Some(date_time(cursor)?);
        cursor.space()?;
    }
    let utf8 = matches!(cursor.peek(), Some(b'U' | b'u'));
    if utf8 {
        if cursor.word("UTF8")? != "UTF8" {
            return Err(SyntaxKind::Expected("UTF8"));
        }
        cursor.space()?;
        cursor.expect(b'(', "(")?;
    }
    let literal = cursor.literal_header()?;
    if utf8 && !literal.binary {
        return Err(SyntaxKind::Expected("~ before the literal"));
    }
    Ok(AppendMessage {
        flags,
        date,
        literal,
        utf8,
    })
}

/// `date-time`: quoted, with a day of two digits or a space and one.
fn date_time(cursor: &mut Cursor<'_>) -> Result<Timestamp> {
    let broken = SyntaxKind::Expected("a date such as \" 1-Feb-1994 21:52:25 +0100\"");
    let text = utf8(&cursor.string()?)?;
    Timestamp::from_imap(&text).ok_or(broken)
}

fn store(cursor: &mut Cursor<'_>, by: Numbering) -> Result<Command> {
    let set = spaced(cursor, sequence_set)?;
    cursor.space()?;
    let unchanged_since = tracking::unchanged_since(cursor)?;
    let action = match cursor.peek() {
        Some(b'+') => StoreAction::Add,
        Some(b'-') => StoreAction::Remove,
        _ => StoreAction::Replace,
    };
    if action != StoreAction::Replace {
        cursor.take_while(|c| c == b'+' || c == b'-');
    }
    let silent = match cursor.word("FLAGS")?.as_str() {
        "FLAGS" => false,
        "FLAGS.SILENT" => true,
        _ => return Err(SyntaxKind::Expected("FLAGS")),
    };
    cursor.space()?;
    let flags = if cursor.take(b'(') {
        flag_list(cursor)?
    } else {
        bare_flags(cursor)?
    };
    Ok(Command::Store(StoreRequest {
        by,
        set,
        unchanged_since,
        action,
        silent,
        flags,
    }))
}

/// Flags up to the closing parenthesis.
fn flag_list(cursor: &mut Cursor<'_>) -> Result<FlagList> {
    let mut flags = FlagList::default();
    cursor.list(FLAGS_MAX, "flags", |cursor| flag(cursor, &mut flags))?;
    Ok(flags)
}

/// At least one flag, without parentheses.
fn bare_flags(cursor: &mut Cursor<'_>) -> Result<FlagList> {
    let mut flags = FlagList::default();
    flag(cursor, &mut flags)?;
    for _ in 1..FLAGS_MAX {
        if !cursor.take(b' ') {
            return Ok(flags);
        }
        flag(cursor, &mut flags)?;
    }
    if cursor.peek() == Some(b' ') {
        return Err(SyntaxKind::TooMany("flags"));
    }
    Ok(flags)
}

fn flag(cursor: &mut Cursor<'_>, flags: &mut FlagList) -> Result<()> {
    if cursor.take(b'\\') {
        let name = format!("\\{}", cursor.atom("a flag")?);
        let system = FlagSet::system_by_name(&name).ok_or(SyntaxKind::Flag)?;
        flags.system = flags.system.union(system);
        return Ok(());
    }
    let keyword = cursor.atom("a flag")?.parse();
    let keyword = keyword.map_err(|_| SyntaxKind::Expected("a shorter keyword"))?;
    if !flags.keywords.contains(&keyword) {
        flags.keywords.push(keyword);
    }
    Ok(())
}

/// Numbers and ranges, at most [`SEQUENCE_RANGES_MAX`], and perhaps `$` behind them.
fn sequence_set(cursor: &mut Cursor<'_>) -> Result<SequenceSet> {
    let mut ranges = Vec::new();
    loop {
        if ranges.len() == SEQUENCE_RANGES_MAX {
            return Err(SyntaxKind::TooMany("numbers in a sequence set"));
        }
        if cursor.take(b'$') {
            let saved = true;
            return Ok(SequenceSet { ranges, saved });
        }
        let first = bound(cursor)?;
        let last = if cursor.take(b':') {
            bound(cursor)?
        } else {
            first
        };
        ranges.push(SequenceRange { first, last });
        if !cursor.take(b',') {
            let saved = false;
            return Ok(SequenceSet { ranges, saved });
        }
    }
}

fn bound(cursor: &mut Cursor<'_>) -> Result<Bound> {
    if cursor.take(b'*') {
        return Ok(Bound::Last);
    }
    cursor.nz_number().map(Bound::Number)
}

/// Whether an octet may begin a sequence set.
fn begins_sequence_set(octet: Option<u8>) -> bool {
    octet.is_some_and(|c| matches!(c, b'*' | b'$') || c.is_ascii_digit())
}

/// A number above 0 as it stands in sections and partials.
fn nz_number(cursor: &mut Cursor<'_>) -> Result<u32> {
    cursor.nz_number().map(NonZeroU32::get)
}

/// A word of the grammar that may hold dots, such as `HEADER.FIELDS`, in capitals.
fn dotted_word(cursor: &mut Cursor<'_>) -> String {
    let octets = cursor.take_while(|c| is_atom_char(c) && !matches!(c, b'[' | b'<' | b']'));
    String::from_utf8_lossy(octets).to_ascii_uppercase()
}

#[cfg(test)]
mod tests;
