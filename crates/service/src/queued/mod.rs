//! What the queue of outgoing mail goes by: what is remembered of a message, in whose turn it goes,
//! which way, and when it is tried again.

mod params;
mod schedule;
mod turn;
mod way;

pub(crate) use params::{MessageParams, RecipientParams};
pub(crate) use schedule::{Schedule, TRIES_MIN};
pub(crate) use turn::{AHEAD_S, Turns};
pub(crate) use way::{Lead, Way, way};
