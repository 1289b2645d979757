//! The grammar of SMTP: commands, replies and the framing of message content.
//!
//! RFC 5321 with the parameters of SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531),
//! AUTH (RFC 4954), STARTTLS (RFC 3207), BDAT (RFC 3030), DSN (RFC 3461), REQUIRETLS (RFC 8689) and
//! PRDR (draft-hall-prdr-00). Content has exactly one kind of line
//! end: a bare CR or LF, which two servers could read differently, is a fault of the whole message.

pub mod parse;

pub mod fuzzing;

mod xtext;

mod answer;
mod command;
mod content;
mod reply;
mod stuffing;

pub use answer::{
    ANSWER_LINE_MAX_OCTETS, ANSWER_LINES_MAX, Answer, AnswerError, AnswerReader, Capabilities,
};
pub use command::{BodyType, Command, ForwardPath, HeloName, MailParams, Verb};
pub use content::{ChunkReader, ContentFault, DataReader, Progress};
pub use reply::Reply;
pub use stuffing::DataWriter;
