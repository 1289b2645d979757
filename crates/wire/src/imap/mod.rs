//! IMAP4rev1 and IMAP4rev2 as bytes and values (RFC 3501, RFC 9051).
//!
//! Understood besides: UIDPLUS (RFC 4315), MOVE (RFC 6851), IDLE (RFC 2177), ID (RFC 2971),
//! NAMESPACE (RFC 2342), SPECIAL-USE (RFC 6154), UNSELECT (RFC 3691), ENABLE (RFC 5161),
//! ESEARCH (RFC 4731), SEARCHRES (RFC 5182), WITHIN (RFC 5032), CONDSTORE and QRESYNC (RFC 7162),
//! BINARY (RFC 3516), OBJECTID (RFC 8474),
//! SAVEDATE (RFC 8514), PREVIEW (RFC 8970),
//! LITERAL+ within limits (RFC 7888), CHILDREN (RFC 3348), LIST-EXTENDED (RFC 5258),
//! LIST-STATUS (RFC 5819), STATUS=SIZE (RFC 8438), MULTIAPPEND (RFC 3502), APPENDLIMIT (RFC 7889),
//! UTF8=ACCEPT (RFC 6855), QUOTA (RFC 9208), COMPRESS (RFC 4978) and SASL-IR (RFC 4959).
//!
//! [`CommandReader`] cuts the octets of a client into commands, [`parse::command`] makes each a
//! [`Command`], and [`Responses`] writes what the server says. What always holds: no input makes
//! any of it panic, each kind of growth has a limit in [`limits`], and no value that came from a
//! message or a client can end a line of a response or begin another one.

pub mod limits;

mod pattern;
mod sequence;
mod utf7;

mod object;
mod tracking;

mod command;
mod list;
mod print;
mod section;
mod text;
mod verb;

mod spelling;

mod cursor;
pub mod parse;
mod reader;

mod response;
mod structure;

pub mod fuzzing;

pub use command::{
    AppendHead, AppendMessage, Command, FetchItem, FlagList, Numbering, Partial, SearchDate,
    SearchKey, SearchRequest, SearchReturn, StatusItem, StoreAction, StoreRequest, Tag, Tagged,
};
pub use cursor::{SyntaxError, SyntaxKind};
pub use list::{ListRequest, ListReturn, ListSelect};
pub use object::ObjectId;
pub use pattern::ListPattern;
pub use reader::{
    CommandReader, Event, Line, LineScanner, LiteralHeader, ReadRefusal, ReaderLimits,
    literal_at_end,
};
pub use response::{Code, Condition, ListData, ListName, Nul, Responses, SearchResult, Vanished};
pub use section::{FieldName, Section, SectionText};
pub use sequence::{Bound, NumberRanges, SequenceRange, SequenceSet, write_numbers};
pub use spelling::Spelling;
pub use structure::{
    BodyFields, BodyStructure, Disposition, Envelope, EnvelopeAddress, Extension, Form, Parameters,
};
pub use tracking::{FetchModifiers, Qresync, SelectRequest, SequenceMatch};
pub use utf7::{Utf7Error, decode as utf7_decode, encode as utf7_encode};
