//! The grammar of ManageSieve: commands, strings and responses (RFC 5804).
//!
//! [`CommandReader`] cuts the stream into commands, [`parse`] reads one, [`Response`] is printed.

pub mod limits;
pub mod parse;

pub mod fuzzing;

mod command;
mod reader;
mod response;
mod string;

pub use command::{Command, ScriptName, ScriptNameError, Verb};
pub use reader::{CommandReader, Event, ReadRefusal, ReaderLimits};
pub use response::{Capability, Code, Response, Word, capabilities, script_content, script_line};
pub use string::string;
