//! The grammar of POP3: commands, replies and multi-line responses.
//!
//! RFC 1939 with CAPA (RFC 2449), STLS (RFC 2595), AUTH (RFC 5034) and response codes
//! (RFC 2449 §8, RFC 3206). APOP is not read: it needs passwords that are stored in the clear.

pub mod parse;

pub mod fuzzing;

mod command;
mod multiline;
mod reply;

pub use command::{Command, MessageNumber, Verb};
pub use multiline::{DotStuffer, TopCut};
pub use reply::{Reply, ResponseCode};
