//! Tests of the crate as a whole; `world` is a log in memory that they share.

mod canonical;
mod cross;
mod entry;
mod fuzz;
mod note;
mod proof;
mod tiles;
mod tree;
mod verdicts;
mod world;
