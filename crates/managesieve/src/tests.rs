//! Dialogues: what a client says and what it hears.

mod client;

mod scripts;
mod session;
