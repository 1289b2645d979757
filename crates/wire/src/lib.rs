//! Grammars of the line protocols: SMTP, IMAP, POP3, ManageSieve and SASL, of the PROXY header before
//! them, and the request line of HTTP.
//!
//! Octets in, checked values out, and back. Nothing here waits, and no input panics; the caller
//! bounds what it hands in. Addresses and names are read by `types` alone.

pub mod proxy;
pub mod sasl;

pub mod http;
pub mod imap;
pub mod managesieve;
pub mod pop3;
pub mod smtp;

#[cfg(test)]
mod seeds;
