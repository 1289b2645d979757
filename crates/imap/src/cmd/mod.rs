//! Command handlers, one file for each family.

mod append;
mod auth;
mod binary;
mod copy;
mod expunge;
mod fetch;
mod list;
mod mailbox;
mod part;
mod quota;
mod search;
mod select;
mod store;

pub(crate) use append::append;
pub(crate) use part::Parsed;
