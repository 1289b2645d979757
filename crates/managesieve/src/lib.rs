//! The ManageSieve door: port 4190 with STARTTLS (RFC 5804).
//!
//! Mail programs keep their scripts by it. A script is a rule of the account, and every change of one
//! goes through the gate of all changes.
//!
//! What always holds:
//! * No password is taken where it could be seen.
//! * One change is one entry, with the account, this door and the client's address; the reply comes
//!   after it.
//! * A stranger cannot make the server hold more than one short command.

mod error;
mod session;

mod conn;

#[cfg(test)]
mod tests;

pub use conn::{TOO_MANY_CONNECTIONS, serve};
