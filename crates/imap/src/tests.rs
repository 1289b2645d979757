//! Dialogues: what a client says and what it hears.

mod client;

mod fetch;
mod list;
mod mailboxes;
mod order;
mod quota;
mod resync;
mod search;
mod sessions;
mod tracking;
