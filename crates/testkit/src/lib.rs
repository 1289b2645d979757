//! For tests only: a server's inside in a folder of its own, with virtual time.

pub mod seeds;
mod world;

pub use world::{PASSWORD, World};
