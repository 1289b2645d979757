//! The SMTP door: receive (port 25) and submission (587 with STARTTLS, 465 under TLS at once).
//!
//! RFC 5321 and RFC 6409 with PIPELINING (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152),
//! SMTPUTF8 (RFC 6531), STARTTLS (RFC 3207), ENHANCEDSTATUSCODES (RFC 2034), CHUNKING (RFC 3030),
//! DSN (RFC 3461), PRDR (draft-hall-prdr-00), REQUIRETLS (RFC 8689) and, for submission, AUTH
//! (RFC 4954).
//!
//! What always holds:
//! * A 250 after the content leaves only after `service` has committed the message.
//! * Content ends where the client's framing ends and nowhere else; a message that two servers
//!   could read differently is refused whole.
//! * Nothing said in the clear, a name or a transaction, outlives STARTTLS.
//! * A session ends: by bad commands, by refusals, by loitering, or by its time.

mod error;

mod patience;
mod phase;

mod intake;
mod transaction;

mod session;

mod conn;

#[cfg(test)]
mod tests;

pub use conn::{Door, TOO_MANY_CONNECTIONS, serve};
