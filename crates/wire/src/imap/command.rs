//! The commands of a client as values.

use std::fmt;
use std::num::NonZeroU32;

use types::{FlagSet, Keyword, MailboxName, ModSeq, Secret, SpecialUse, Timestamp};

use super::limits::TAG_MAX_OCTETS;
use super::list::ListRequest;
use super::object::ObjectId;
use super::pattern::ListPattern;
use super::reader::LiteralHeader;
use super::section::Section;
use super::sequence::SequenceSet;
use super::tracking::{FetchModifiers, SelectRequest};

/// The client's name for a command, repeated in the answer (RFC 9051 §2.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

impl Tag {
    /// Checks the characters and the length ([`TAG_MAX_OCTETS`]).
    pub fn new(octets: &[u8]) -> Option<Self> {
        let allowed = |c: &u8| super::cursor::is_astring_char(*c) && *c != b'+';
        if octets.is_empty() || octets.len() > TAG_MAX_OCTETS || !octets.iter().all(allowed) {
            return None;
        }
        String::from_utf8(octets.to_vec()).ok().map(Self)
    }

    /// The tag as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A command with its tag.
#[derive(Clone, Debug)]
pub struct Tagged {
    /// What the answer repeats.
    pub tag: Tag,
    /// What the client asks for.
    pub command: Command,
}

/// One client command that obeys the grammar (RFC 9051 §6, RFC 3501 §6).
///
/// There is no `PartialEq`, since passwords are not compared outside constant-time code.
#[derive(Clone, Debug)]
pub enum Command {
    /// `CAPABILITY`
    Capability,
    /// `NOOP`
    Noop,
    /// `LOGOUT`
    Logout,
    /// `STARTTLS`
    StartTls,
    /// `ID`: names and values, none for `NIL`. Neither holds control characters.
    Id(Vec<(String, Option<String>)>),
    /// `LOGIN`
    Login {
        /// UTF-8 without control characters.
        user: String,
        /// Without NUL.
        password: Secret,
    },
    /// `AUTHENTICATE`
    Authenticate {
        /// The SASL mechanism in capitals.
        mechanism: String,
        /// The initial response as it was written: base64, or `=` for an empty one (RFC 4959 §3).
        initial: Option<Secret>,
    },
    /// `COMPRESS`: the mechanism in capitals (RFC 4978 §3).
    Compress(String),
    /// `ENABLE`: capabilities in capitals.
    Enable(Vec<String>),
    /// `SELECT`
    Select(SelectRequest),
    /// `EXAMINE`
    Examine(SelectRequest),
    /// `CREATE`
    Create {
        /// The new name; a separator at its end is already removed.
        mailbox: MailboxName,
        /// What the mailbox is for (RFC 6154 §3).
        special_use: Option<SpecialUse>,
    },
    /// `DELETE`
    Delete(MailboxName),
    /// `RENAME`
    Rename {
        /// The present name.
        from: MailboxName,
        /// The name it shall have.
        to: MailboxName,
    },
    /// `SUBSCRIBE`
    Subscribe(MailboxName),
    /// `UNSUBSCRIBE`
    Unsubscribe(MailboxName),
    /// `LIST`
    List(ListRequest),
    /// `LSUB`
    Lsub(ListPattern),
    /// `NAMESPACE`
    Namespace,
    /// `STATUS`
    Status {
        /// The mailbox asked about.
        mailbox: MailboxName,
        /// At least one item, each once.
        items: Vec<StatusItem>,
    },
    /// `GETQUOTA` with the name of a quota root (RFC 9208 §4.1.1).
    GetQuota(String),
    /// `GETQUOTAROOT` (RFC 9208 §4.1.2)
    GetQuotaRoot(MailboxName),
    /// `SETQUOTA` with the name of a quota root; what it would set is read and dropped.
    SetQuota(String),
    /// `APPEND` up to the header of its message's literal.
    Append(AppendHead),
    /// `IDLE`
    Idle,
    /// `CHECK`
    Check,
    /// `CLOSE`
    Close,
    /// `UNSELECT`
    Unselect,
    /// `EXPUNGE`
    Expunge,
    /// `UID EXPUNGE`
    UidExpunge(SequenceSet),
    /// `SEARCH`, `UID SEARCH`
    Search(Numbering, SearchRequest),
    /// `FETCH`, `UID FETCH`
    Fetch {
        /// What the numbers of `set` are.
        by: Numbering,
        /// Which messages.
        set: SequenceSet,
        /// At least one item; macros are already replaced by their items.
        items: Vec<FetchItem>,
        /// Which of the messages, and what else.
        modifiers: FetchModifiers,
    },
    /// `STORE`, `UID STORE`
    Store(StoreRequest),
    /// `COPY`, `UID COPY`
    Copy {
        /// What the numbers of `set` are.
        by: Numbering,
        /// Which messages.
        set: SequenceSet,
        /// Where to.
        mailbox: MailboxName,
    },
    /// `MOVE`, `UID MOVE`
    Move {
        /// What the numbers of `set` are.
        by: Numbering,
        /// Which messages.
        set: SequenceSet,
        /// Where to.
        mailbox: MailboxName,
    },
}

/// What STATUS may ask for (RFC 3501 §6.3.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusItem {
    /// `MESSAGES`
    Messages,
    /// `RECENT`
    Recent,
    /// `UIDNEXT`
    UidNext,
    /// `UIDVALIDITY`
    UidValidity,
    /// `UNSEEN`
    Unseen,
    /// `DELETED`: messages with `\Deleted` (RFC 9051 §6.3.11).
    Deleted,
    /// `SIZE`: octets of all messages (RFC 8438 §2).
    Size,
    /// `DELETED-STORAGE`: octets of the messages with `\Deleted` (RFC 9208 §4.1.4).
    DeletedStorage,
    /// `APPENDLIMIT`: octets that a message may have (RFC 7889 §4).
    AppendLimit,
    /// `HIGHESTMODSEQ` (RFC 7162 §3.1.7)
    HighestModSeq,
    /// `MAILBOXID` (RFC 8474 §4.3)
    MailboxId,
}

impl StatusItem {
    /// Each item with its name.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::Messages, "MESSAGES"),
        (Self::Recent, "RECENT"),
        (Self::UidNext, "UIDNEXT"),
        (Self::UidValidity, "UIDVALIDITY"),
        (Self::Unseen, "UNSEEN"),
        (Self::Deleted, "DELETED"),
        (Self::Size, "SIZE"),
        (Self::DeletedStorage, "DELETED-STORAGE"),
        (Self::AppendLimit, "APPENDLIMIT"),
        (Self::HighestModSeq, "HIGHESTMODSEQ"),
        (Self::MailboxId, "MAILBOXID"),
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Messages => "MESSAGES",
            Self::Recent => "RECENT",
            Self::UidNext => "UIDNEXT",
            Self::UidValidity => "UIDVALIDITY",
            Self::Unseen => "UNSEEN",
            Self::Deleted => "DELETED",
            Self::Size => "SIZE",
            Self::DeletedStorage => "DELETED-STORAGE",
            Self::AppendLimit => "APPENDLIMIT",
            Self::HighestModSeq => "HIGHESTMODSEQ",
            Self::MailboxId => "MAILBOXID",
        }
    }
}

/// All that APPEND says before its first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendHead {
    /// Where the messages go.
    pub mailbox: MailboxName,
    /// The first message.
    pub first: AppendMessage,
}

/// What stands before one message of APPEND.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendMessage {
    /// The flags it shall have.
    pub flags: FlagList,
    /// The internal date it shall have.
    pub date: Option<Timestamp>,
    /// The message that follows.
    pub literal: LiteralHeader,
    /// Written as `UTF8 (…)`, whose closing parenthesis stands behind the message (RFC 6855 §4).
    pub utf8: bool,
}

/// Flags by name, as a client gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagList {
    /// The system flags.
    pub system: FlagSet,
    /// The keywords, each once.
    pub keywords: Vec<Keyword>,
}

/// What the numbers of a command or an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// Message sequence numbers.
    Sequence,
    /// Unique identifiers: the command was written with `UID`.
    Uid,
}

/// A change of flags as it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreRequest {
    /// What the numbers of `set` are.
    pub by: Numbering,
    /// Which messages.
    pub set: SequenceSet,
    /// Only messages whose mod-sequence is at most this (RFC 7162 §3.1.3).
    pub unchanged_since: Option<ModSeq>,
    /// What happens with the flags.
    pub action: StoreAction,
    /// Whether the client wants no FETCH responses for it.
    pub silent: bool,
    /// The flags.
    pub flags: FlagList,
}

/// What STORE does with the flags it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreAction {
    /// `FLAGS`: these and no others.
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// A part of a body: `<start.length>` (RFC 9051 §6.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// The first octet, counted from 0.
    pub start: u32,
    /// The most octets wanted, at least 1.
    pub length: u32,
}

/// One thing that FETCH may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchItem {
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    InternalDate,
    /// `RFC822.SIZE`
    Rfc822Size,
    /// `UID`
    Uid,
    /// `MODSEQ` (RFC 7162 §3.1.4.2)
    ModSeq,
    /// `EMAILID` (RFC 8474 §5.1)
    EmailId,
    /// `THREADID` (RFC 8474 §5.2)
    ThreadId,
    /// `SAVEDATE` (RFC 8514 §4.1)
    SaveDate,
    /// `PREVIEW`
    Preview {
        /// Whether the client takes `NIL` rather than wait (RFC 8970 §3.1).
        lazy: bool,
    },
    /// `BINARY[…]` or `BINARY.PEEK[…]`: a part without its transfer encoding (RFC 3516 §4.2).
    Binary {
        /// Its part numbers; none for the whole message as it is.
        part: Vec<u32>,
        /// Which octets of it.
        partial: Option<Partial>,
        /// Whether `\Seen` is left alone.
        peek: bool,
    },
    /// `BINARY.SIZE[…]`: octets of a part without its transfer encoding.
    BinarySize(Vec<u32>),
    /// `ENVELOPE`
    Envelope,
    /// `BODY` without a section
    Body,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `RFC822`: the message, and `\Seen` is set.
    Rfc822,
    /// `RFC822.HEADER`
    Rfc822Header,
    /// `RFC822.TEXT`: the text, and `\Seen` is set.
    Rfc822Text,
    /// `BODY[…]` or `BODY.PEEK[…]`
    Section {
        /// Which part of the message.
        section: Section,
        /// Which octets of it.
        partial: Option<Partial>,
        /// Whether `\Seen` is left alone.
        peek: bool,
    },
}

impl FetchItem {
    /// Whether to fetch this sets `\Seen`.
    pub fn sets_seen(&self) -> bool {
        matches!(
            self,
            Self::Rfc822
                | Self::Rfc822Text
                | Self::Section { peek: false, .. }
                | Self::Binary { peek: false, .. }
        )
    }
}

/// A search as it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchRequest {
    /// What ESEARCH shall return; `None` asks for the plain SEARCH response (RFC 4731 §3.1).
    pub returns: Option<SearchReturn>,
    /// What a message must fulfil.
    pub key: SearchKey,
}

/// What ESEARCH shall return; `RETURN ()` is read as `RETURN (ALL)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchReturn {
    /// The lowest number.
    pub min: bool,
    /// The highest number.
    pub max: bool,
    /// All numbers.
    pub all: bool,
    /// How many there are.
    pub count: bool,
    /// Nothing: `$` shall mean what is found from now on (RFC 9051 §6.4.4.1).
    pub save: bool,
}

impl SearchReturn {
    /// Whether nothing is to be told: only to be saved (RFC 5182 §2.1).
    pub fn is_silent(self) -> bool {
        self.save && !(self.min || self.max || self.all || self.count)
    }
}

/// A day without time and zone (RFC 9051 §9, `date`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchDate {
    /// Days since 1970-01-01.
    pub days: i64,
}

const SECONDS_PER_DAY: i64 = 86_400;

impl SearchDate {
    /// Reads `1-Feb-1994`, without quotes.
    pub fn parse(text: &str) -> Option<Self> {
        if text.starts_with(' ') {
            return None;
        }
        // A day of one digit is filled up.
        Timestamp::from_imap(&format!("{text:>11} 00:00:00 +0000")).map(Self::of)
    }

    /// The UTC day of a point in time.
    pub fn of(time: Timestamp) -> Self {
        Self {
            days: time.seconds().div_euclid(SECONDS_PER_DAY),
        }
    }
}

impl fmt::Display for SearchDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let midnight = Timestamp(0).plus_s(self.days.saturating_mul(SECONDS_PER_DAY));
        let text = midnight.to_imap();
        f.write_str(text.split(' ').next().unwrap_or_default())
    }
}

/// What a message must fulfil to be found (RFC 9051 §6.4.4).
///
/// `FROM`, `TO`, `CC`, `BCC` and `SUBJECT` are searches in the header field of that name. Texts are
/// UTF-8 and match as substrings without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchKey {
    /// `ALL`
    All,
    /// `SEEN`, `ANSWERED` and so on: the flag is set.
    Flag(FlagSet),
    /// `UNSEEN`, `UNANSWERED` and so on: the flag is not set.
    NoFlag(FlagSet),
    /// `KEYWORD`
    Keyword(Keyword),
    /// `UNKEYWORD`
    NoKeyword(Keyword),
    /// `RECENT`
    Recent,
    /// `NEW`: recent and not seen.
    New,
    /// `OLD`: not recent.
    Old,
    /// `HEADER`: an empty text asks only whether the field exists.
    Header(super::section::FieldName, String),
    /// `BODY`
    Body(String),
    /// `TEXT`: header or body.
    Text(String),
    /// `BEFORE`, by internal date.
    Before(SearchDate),
    /// `ON`, by internal date.
    On(SearchDate),
    /// `SINCE`, by internal date.
    Since(SearchDate),
    /// `SENTBEFORE`, by the `Date` field.
    SentBefore(SearchDate),
    /// `SENTON`, by the `Date` field.
    SentOn(SearchDate),
    /// `SENTSINCE`, by the `Date` field.
    SentSince(SearchDate),
    /// `OLDER`: seconds from the internal date to now, at least (RFC 5032 §3).
    Older(NonZeroU32),
    /// `YOUNGER`: seconds from the internal date to now, at most.
    Younger(NonZeroU32),
    /// `LARGER`, in octets.
    Larger(u64),
    /// `SMALLER`, in octets.
    Smaller(u64),
    /// Message sequence numbers.
    Sequence(SequenceSet),
    /// `UID`
    Uid(SequenceSet),
    /// `EMAILID` (RFC 8474 §6)
    EmailId(ObjectId),
    /// `THREADID` (RFC 8474 §6)
    ThreadId(ObjectId),
    /// `SAVEDBEFORE`, by the day of saving (RFC 8514 §4.2).
    SavedBefore(SearchDate),
    /// `SAVEDON`
    SavedOn(SearchDate),
    /// `SAVEDSINCE`
    SavedSince(SearchDate),
    /// `MODSEQ`: changed at this mod-sequence or later (RFC 7162 §3.1.5).
    ModSeq(ModSeq),
    /// `NOT`
    Not(Box<SearchKey>),
    /// `OR`
    Or(Box<SearchKey>, Box<SearchKey>),
    /// All of at least two keys.
    And(Vec<SearchKey>),
}

impl SearchKey {
    /// Whether mod-sequences are asked about, so that the answer names one (RFC 7162 §3.1.5).
    /// The depth of keys is bounded by the grammar.
    pub fn asks_modseq(&self) -> bool {
        match self {
            Self::ModSeq(_) => true,
            Self::Not(key) => key.asks_modseq(),
            Self::Or(left, right) => left.asks_modseq() || right.asks_modseq(),
            Self::And(keys) => keys.iter().any(Self::asks_modseq),
            _ => false,
        }
    }
}
