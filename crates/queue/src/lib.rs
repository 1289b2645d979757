//! The door outwards: mail of the queue goes to other servers, by SMTP (RFC 5321) and LMTP
//! (RFC 2033).
//!
//! The queue hands out jobs, each a message with recipients that go the same way. A job goes to the
//! hosts that DNS names, one after the other, or to the host that the configuration names; what each
//! recipient's end was goes back to the queue. Nothing of the record or the schedule is decided here.

mod end;

mod client;
mod dial;

mod sender;

#[cfg(test)]
mod tests;

pub use dial::{Times, WayOut};
pub use sender::run;
