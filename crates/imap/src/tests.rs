//! Dialogues: what a client says and what it hears.

mod client;

mod fetch;
mod list;
mod mailboxes;
mod order;
mod quota;
mod search;
mod sessions;
