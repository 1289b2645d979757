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

mod day;
mod erase;
mod message;
mod outcome;
mod words;

pub mod effect;
pub mod form;

pub use ast::{Pos, Script};
pub use day::{Day, DayError};
pub use message::{Field, Message, Part, World};
pub use outcome::{Action, Decision, Outcome, VacationReply};
