//! The POP3 door: port 110 with STLS, port 995 under TLS at once.
//!
//! RFC 1939 with CAPA (RFC 2449), STLS (RFC 2595), AUTH PLAIN (RFC 5034), TOP and UIDL.
//!
//! What always holds:
//! * One session at a time holds the maildrop, and sees it as it was at its start.
//! * A message leaves the maildrop at QUIT and at no other moment; it stays recoverable.
//! * No password is taken where it could be seen.

mod error;

mod maildrop;
mod session;

mod conn;

#[cfg(test)]
mod tests;

pub use conn::{TOO_MANY_CONNECTIONS, serve};
