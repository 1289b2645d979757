//! Whether the lists of senders can be as a change wants them.

use super::{Checked, account, changes, domain};
use crate::change::{SENDERS_PER_CHANGE_MAX, SenderList, SendersChange, SendersOf};
use crate::check::ChangeError;
use crate::config::Config;

/// Senders of one list.
pub const SENDERS_MAX: usize = 1_000;

pub(super) fn check(config: &Config, change: &SendersChange) -> Checked {
    match change.id {
        SendersOf::Domain(id) => domain(config, id).map(drop)?,
        SendersOf::Account(id) => account(config, id).map(drop)?,
    }
    let place = format!("the {} senders of {}", change.list.as_str(), change.id);
    changes(!(change.add.is_empty() && change.remove.is_empty()), &place)?;
    let at_most = |count: usize, max: usize, place: &str| {
        let things = "senders";
        let place = place.to_owned();
        (count <= max)
            .then_some(())
            .ok_or(ChangeError::TooMany { things, place, max })
    };
    let moved = change.add.len() + change.remove.len();
    at_most(moved, SENDERS_PER_CHANGE_MAX, "one change")?;
    let lists = config.senders(change.id).cloned().unwrap_or_default();
    let left = lists.list(change.list).len() + change.add.len() - change.remove.len();
    at_most(left, SENDERS_MAX, &place)?;
    let other = match change.list {
        SenderList::Trusted => SenderList::Blocked,
        SenderList::Blocked => SenderList::Trusted,
    };
    match change
        .add
        .iter()
        .find(|sender| lists.list(other).contains(*sender))
    {
        None => Ok(()),
        Some(both) => Err(ChangeError::InOtherList {
            sender: both.clone(),
            list: other,
        }),
    }
}

/// Only what really comes or goes, sorted, each once.
pub(super) fn normalise(config: &Config, change: &mut SendersChange) {
    let lists = config.senders(change.id);
    let stands = |sender: &_| lists.is_some_and(|lists| lists.list(change.list).contains(sender));
    change.add.retain(|sender| !stands(sender));
    change.remove.retain(stands);
    super::sort_once(&mut change.add);
    super::sort_once(&mut change.remove);
}
