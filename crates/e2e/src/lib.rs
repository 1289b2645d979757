//! What the end-to-end tests share: a server of their own, and other people's clients to drive it.
//!
//! A server is the built `sealpost` binary in a process of its own, on loopback ports that nobody
//! else uses, with a data folder that goes away with it.

mod binary;
mod ports;
mod ready;

pub mod daemon;
pub mod dialogue;
pub mod disk;
pub mod dns;
pub mod program;

mod site;

mod server;

pub mod clients;

pub mod campaign;

pub use ready::{Account, Ledger, Ports, Ready};
pub use server::{Commands, Server};
pub use site::{PASSWORD, Site};
