//! Dialogues: what a client says and what it hears.

mod client;

mod fetch;
mod items;
mod list;
mod mailboxes;
mod order;
mod quota;
mod resync;
mod rev2;
mod search;
mod sessions;
mod tracking;
