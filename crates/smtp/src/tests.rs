//! Dialogues: what a client says and what it hears.

mod client;

mod content;
mod extensions;
mod limits;
mod order;
mod rules;
mod submission;
