//! Dialogues: what a client says and what it hears.

mod client;

mod fetch;
mod mailboxes;
mod order;
mod search;
mod sessions;
