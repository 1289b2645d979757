//! For tests only: worlds, virtual time, scripted peers, generators.

pub mod seeds;
