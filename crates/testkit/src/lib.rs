//! For tests only: a server's inside in a folder of its own with virtual time, clients that speak
//! to its doors, and kept seeds.

pub mod seeds;

mod world;

mod client;
mod scram;

pub use client::{Client, matches};
pub use scram::ScramClient;
pub use world::{Link, PASSWORD, World};
