//! The mail filtering language Sieve (RFC 5228) with its extensions.
//!
//! A script is parsed and checked when it is saved, judged by its [`effect::Effects`], and run on
//! messages. Only the [`Script`] is ever executed, shown or judged. This crate knows no clock, no
//! disk and no mail octets: a [`Message`] and a [`World`] are given to it, and a run ends in an
//! [`Outcome`] that others carry out.

pub mod ast;
pub mod field;
pub mod item;
pub mod limits;
pub mod mailbox;

mod address_list;
mod date;
mod day;
mod erase;
mod mailto;
mod message;
mod outcome;
mod pattern;
mod problem;
mod walk;
mod words;

pub mod effect;

mod keyword;
mod text;

mod circumstance;
mod folders;

mod extension;

pub mod form;

mod check;

mod parse;
mod print;

mod run;

pub mod fuzzing;
#[cfg(test)]
mod sample;

pub use address_list::addresses;
pub use ast::{Pos, Script};
pub use check::check;
pub use circumstance::{Assumed, Circumstances, assume};
pub use day::{Day, DayError};
pub use extension::{CAPABILITIES, required};
pub use folders::folders;
pub use mailto::Mailto;
pub use message::{Field, Message, Part, World};
pub use outcome::{Action, Decision, Left, Note, Outcome, VacationReply};
pub use parse::parse;
pub use print::print;
pub use problem::{Problem, Problems};
pub use run::{Fault, Limit, RunError, Runner, run};
pub use words::condition_at;
