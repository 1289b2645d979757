//! A script as values: what is executed, shown and judged is always this, never text.
//!
//! The types hold only what the grammar allows, so whoever matches on them meets every case.

use std::fmt;

/// A place in the text of a script, counted from 1; `0:0` for what was not read from text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pos {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

impl fmt::Display for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A whole script.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Script {
    /// The extensions that it requires, as written and in their order (RFC 5228 §3.2).
    pub require: Vec<String>,
    /// What it does.
    pub block: Block,
}

/// Commands that run one after the other.
pub type Block = Vec<Command>;

/// One command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Command {
    /// Where it stands.
    pub at: Pos,
    /// What it does.
    pub kind: CommandKind,
}

impl From<CommandKind> for Command {
    fn from(kind: CommandKind) -> Self {
        let at = Pos::default();
        Self { at, kind }
    }
}

/// A string, whose value may depend on variables (RFC 5229 §3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text(pub Vec<Piece>);

/// A part of a string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// Characters as they are.
    Literal(String),
    /// What a variable holds, by its name in small letters.
    Variable(String),
    /// What a wildcard of the last match held (RFC 5229 §3.2).
    Match(u8),
}

impl Text {
    /// The value, if it is the same at every run.
    pub fn constant(&self) -> Option<String> {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => Some(text.as_str()),
                Piece::Variable(_) | Piece::Match(_) => None,
            })
            .collect()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(match text {
            "" => Vec::new(),
            text => vec![Piece::Literal(text.to_owned())],
        })
    }
}

/// Commands: controls and actions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CommandKind {
    /// `if`, `elsif`, `else` (RFC 5228 §3.1).
    If {
        /// Tests with what is done where the first of them holds.
        arms: Vec<(Test, Block)>,
        /// What is done where none holds; `None` without `else`.
        otherwise: Option<Block>,
    },
    /// `stop` (RFC 5228 §3.3).
    Stop,
    /// `keep` (RFC 5228 §4.3).
    Keep {
        /// `:flags` (RFC 5232 §5).
        flags: Option<Vec<Text>>,
    },
    /// `discard` (RFC 5228 §4.4).
    Discard,
    /// `fileinto` (RFC 5228 §4.1).
    FileInto(FileInto),
    /// `redirect` (RFC 5228 §4.2).
    Redirect {
        /// To whom.
        address: Text,
        /// `:copy` (RFC 3894).
        copy: bool,
    },
    /// `reject` and `ereject` (RFC 5429).
    Reject {
        /// What the sender is told.
        reason: Text,
        /// Whether it is `ereject`.
        extended: bool,
    },
    /// `setflag`, `addflag`, `removeflag` (RFC 5232 §3).
    Flag {
        /// Which of them.
        change: FlagChange,
        /// The variable that holds the flags; `None` for the internal one.
        variable: Option<String>,
        /// The flags; each text may hold several, divided by spaces.
        flags: Vec<Text>,
    },
    /// `set` (RFC 5229 §4).
    Set {
        /// Modifiers, in the order in which they are applied.
        modifiers: Vec<Modifier>,
        /// The variable, in small letters.
        name: String,
        /// Its value.
        value: Text,
    },
    /// `addheader` (RFC 5293 §4).
    AddHeader {
        /// `:last`
        last: bool,
        /// Name of the field.
        name: Text,
        /// Its value.
        value: Text,
    },
    /// `deleteheader` (RFC 5293 §5).
    DeleteHeader {
        /// Which one of that name.
        index: Option<Index>,
        /// How values are compared.
        matching: Matching,
        /// Name of the fields.
        name: Text,
        /// Patterns of values; none: all fields of the name.
        patterns: Vec<Text>,
    },
    /// `vacation` (RFC 5230).
    Vacation(Box<Vacation>),
    /// `notify` (RFC 5435).
    Notify(Box<Notify>),
    /// `include` (RFC 6609 §3.2).
    Include {
        /// Whose script.
        location: Location,
        /// `:once`
        once: bool,
        /// `:optional`
        optional: bool,
        /// Name of the script; a constant, which the check makes sure of.
        name: Text,
    },
    /// `return` (RFC 6609 §3.3).
    Return,
    /// `global` (RFC 6609 §3.4.1): variables, in small letters.
    Global(Vec<String>),
    /// `foreverypart` (RFC 5703 §3).
    ForEveryPart {
        /// `:name`
        name: Option<String>,
        /// What is done for each part.
        block: Block,
    },
    /// `break` (RFC 5703 §3.2).
    Break {
        /// `:name`
        name: Option<String>,
    },
    /// `error` (RFC 5463 §5).
    Error {
        /// What is wrong.
        message: Text,
    },
}

/// `fileinto` with what extensions add.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileInto {
    /// The folder.
    pub mailbox: Text,
    /// `:copy` (RFC 3894).
    pub copy: bool,
    /// `:create` (RFC 5490 §3.2).
    pub create: bool,
    /// `:flags` (RFC 5232 §5).
    pub flags: Option<Vec<Text>>,
    /// `:specialuse` (RFC 8579 §4).
    pub special_use: Option<Text>,
}

/// What is done to a list of flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlagChange {
    /// `setflag`
    Set,
    /// `addflag`
    Add,
    /// `removeflag`
    Remove,
}

/// What is done to the value of a variable (RFC 5229 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Modifier {
    /// `:lower`
    Lower,
    /// `:upper`
    Upper,
    /// `:lowerfirst`
    LowerFirst,
    /// `:upperfirst`
    UpperFirst,
    /// `:quotewildcard`
    QuoteWildcard,
    /// `:quoteregex` (draft-ietf-sieve-regex-01 §6)
    QuoteRegex,
    /// `:encodeurl` (RFC 5435 §6)
    EncodeUrl,
    /// `:length`
    Length,
}

/// An automatic answer (RFC 5230).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vacation {
    /// Seconds in which a sender is answered once: `:days` or `:seconds` (RFC 6131).
    pub seconds: Option<u64>,
    /// `:subject`
    pub subject: Option<Text>,
    /// `:from`; a constant, which the check makes sure of.
    pub from: Option<Text>,
    /// `:addresses`
    pub addresses: Vec<Text>,
    /// `:mime`: the reason is a MIME entity.
    pub mime: bool,
    /// `:handle`
    pub handle: Option<Text>,
    /// The text.
    pub reason: Text,
    /// `:fcc` (RFC 8580).
    pub fcc: Option<FileInto>,
}

/// A notification (RFC 5435).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Notify {
    /// `:from`
    pub from: Option<Text>,
    /// `:importance`: `1` to `3`.
    pub importance: Option<Text>,
    /// `:options`
    pub options: Vec<Text>,
    /// `:message`
    pub message: Option<Text>,
    /// `:fcc` (RFC 8580).
    pub fcc: Option<FileInto>,
    /// The URI that says to whom; a constant `mailto:`, which the check makes sure of.
    pub method: Text,
}

/// Whose scripts an `include` means (RFC 6609 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// `:personal`
    Personal,
    /// `:global`
    Global,
}

/// `:index` with `:last` (RFC 5260 §6), or `addheader` positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Index {
    /// From 1.
    pub number: u32,
    /// Counted from the end.
    pub last: bool,
}

/// A test.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Test {
    /// Where it stands.
    pub at: Pos,
    /// What it asks.
    pub kind: TestKind,
}

impl From<TestKind> for Test {
    fn from(kind: TestKind) -> Self {
        let at = Pos::default();
        Self { at, kind }
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TestKind {
    /// `true`
    True,
    /// `false`
    False,
    /// `not`
    Not(Box<Test>),
    /// `allof`
    AllOf(Vec<Test>),
    /// `anyof`
    AnyOf(Vec<Test>),
    /// `address` (RFC 5228 §5.1).
    Address {
        /// Which part of each address.
        part: AddressPart,
        /// In which parts of the message, and which field.
        fields: Fields,
        /// How.
        matching: Matching,
        /// Names of header fields.
        headers: Vec<Text>,
        /// Keys.
        keys: Vec<Text>,
    },
    /// `envelope` (RFC 5228 §5.4).
    Envelope {
        /// Which part of each address.
        part: AddressPart,
        /// How.
        matching: Matching,
        /// `from`, `to`, `auth`.
        parts: Vec<Text>,
        /// Keys.
        keys: Vec<Text>,
    },
    /// `header` (RFC 5228 §5.7).
    Header {
        /// In which parts of the message, which field, and what of it.
        fields: Fields,
        /// How.
        matching: Matching,
        /// Names of header fields.
        headers: Vec<Text>,
        /// Keys.
        keys: Vec<Text>,
    },
    /// `exists` (RFC 5228 §5.5).
    Exists {
        /// In which parts of the message.
        fields: Fields,
        /// Names of header fields.
        headers: Vec<Text>,
    },
    /// `size` (RFC 5228 §5.9).
    Size {
        /// `:over`, else `:under`.
        over: bool,
        /// Octets.
        octets: u64,
    },
    /// `body` (RFC 5173).
    Body {
        /// What of the body.
        transform: BodyTransform,
        /// How.
        matching: Matching,
        /// Keys.
        keys: Vec<Text>,
    },
    /// `hasflag` (RFC 5232 §4).
    HasFlag {
        /// Variables that hold flags, in small letters; none: the internal one.
        variables: Vec<String>,
        /// How.
        matching: Matching,
        /// Flags.
        flags: Vec<Text>,
    },
    /// `string` (RFC 5229 §5).
    String {
        /// How.
        matching: Matching,
        /// What is looked at.
        source: Vec<Text>,
        /// Keys.
        keys: Vec<Text>,
    },
    /// `date` (RFC 5260 §4).
    Date {
        /// Which field of the name.
        index: Option<Index>,
        /// The zone in which the date is told.
        zone: Zone,
        /// How.
        matching: Matching,
        /// Name of the header field.
        header: Text,
        /// Which part of the date.
        part: DatePart,
        /// Keys.
        keys: Vec<Text>,
    },
    /// `currentdate` (RFC 5260 §5).
    CurrentDate {
        /// The zone in which the date is told; never [`Zone::Original`].
        zone: Zone,
        /// How.
        matching: Matching,
        /// Which part of the date.
        part: DatePart,
        /// Keys.
        keys: Vec<Text>,
    },
    /// `environment` (RFC 5183).
    Environment {
        /// How.
        matching: Matching,
        /// The item.
        name: Text,
        /// Keys.
        keys: Vec<Text>,
    },
    /// `mailboxexists` (RFC 5490 §3.1).
    MailboxExists(Vec<Text>),
    /// `specialuse_exists` (RFC 8579 §3).
    SpecialUseExists {
        /// The folder that must have them; `None`: some folder.
        mailbox: Option<Text>,
        /// Special uses.
        uses: Vec<Text>,
    },
    /// `spamtest` (RFC 5235 §2).
    SpamTest {
        /// `:percent`
        percent: bool,
        /// How.
        matching: Matching,
        /// The value.
        value: Text,
    },
    /// `virustest` (RFC 5235 §3).
    VirusTest {
        /// How.
        matching: Matching,
        /// The value.
        value: Text,
    },
    /// `ihave` (RFC 5463 §4).
    Ihave(Vec<Text>),
    /// `valid_notify_method` (RFC 5435 §4).
    ValidNotifyMethod(Vec<Text>),
    /// `notify_method_capability` (RFC 5435 §5).
    NotifyMethodCapability {
        /// How.
        matching: Matching,
        /// The method.
        uri: Text,
        /// What of it.
        capability: Text,
        /// Keys.
        keys: Vec<Text>,
    },
    /// `duplicate` (RFC 7352).
    Duplicate {
        /// `:handle`
        handle: Option<Text>,
        /// What makes two messages the same.
        unique: Unique,
        /// `:seconds`
        seconds: Option<u64>,
        /// `:last`
        last: bool,
    },
}

/// Which fields a test looks at, and what of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Fields {
    /// `:index` (RFC 5260 §6).
    pub index: Option<Index>,
    /// `:mime` (RFC 5703 §4); `None`: the header of the message.
    pub mime: Option<Mime>,
}

/// `:mime` and its options (RFC 5703 §4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mime {
    /// `:anychild`
    pub any_child: bool,
    /// What of the field.
    pub of: MimeOf,
}

/// What of a MIME field is compared (RFC 5703 §4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum MimeOf {
    /// The whole value.
    #[default]
    Value,
    /// `:type`
    Type,
    /// `:subtype`
    Subtype,
    /// `:contenttype`
    ContentType,
    /// `:param`
    Param(Vec<Text>),
}

/// Which part of an address (RFC 5228 §2.7.4, RFC 5233).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AddressPart {
    /// `:all`
    #[default]
    All,
    /// `:localpart`
    LocalPart,
    /// `:domain`
    Domain,
    /// `:user`
    User,
    /// `:detail`
    Detail,
}

/// How values and keys are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Matching {
    /// By which letters (RFC 5228 §2.7.3).
    pub comparator: Comparator,
    /// In which sense (RFC 5228 §2.7.1).
    pub kind: MatchKind,
}

/// Comparators (RFC 4790).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Comparator {
    /// `i;ascii-casemap`
    #[default]
    AsciiCasemap,
    /// `i;octet`
    Octet,
    /// `i;ascii-numeric`
    AsciiNumeric,
}

/// Match types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MatchKind {
    /// `:is`
    #[default]
    Is,
    /// `:contains`
    Contains,
    /// `:matches`
    Matches,
    /// `:regex` (draft-ietf-sieve-regex-01)
    Regex,
    /// `:value` (RFC 5231 §4.1)
    Value(Relation),
    /// `:count` (RFC 5231 §4.2)
    Count(Relation),
}

/// Relations (RFC 5231 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// `gt`
    Gt,
    /// `ge`
    Ge,
    /// `lt`
    Lt,
    /// `le`
    Le,
    /// `eq`
    Eq,
    /// `ne`
    Ne,
}

/// What of the body is compared (RFC 5173 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum BodyTransform {
    /// `:raw`
    Raw,
    /// `:content`
    Content(Vec<Text>),
    /// `:text`
    #[default]
    Text,
}

/// Zones of `date` (RFC 5260 §4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Zone {
    /// The zone of the server.
    #[default]
    Local,
    /// `:originalzone`
    Original,
    /// `:zone`: minutes east of UTC.
    Offset(i32),
}

/// Parts of a date (RFC 5260 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatePart {
    /// `year`
    Year,
    /// `month`
    Month,
    /// `day`
    Day,
    /// `date`
    Date,
    /// `julian`
    Julian,
    /// `hour`
    Hour,
    /// `minute`
    Minute,
    /// `second`
    Second,
    /// `time`
    Time,
    /// `iso8601`
    Iso8601,
    /// `std11`
    Std11,
    /// `zone`
    Zone,
    /// `weekday`
    Weekday,
}

/// What makes two messages the same for `duplicate` (RFC 7352 §3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Unique {
    /// The Message-ID.
    #[default]
    MessageId,
    /// `:header`
    Header(Text),
    /// `:uniqueid`
    Id(Text),
}
