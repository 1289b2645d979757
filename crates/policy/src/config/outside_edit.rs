//! Edits from outside that wait for somebody to say that they were looked at.

use crate::change::OutsideEdit;

/// Open edits that are kept with their words; later ones are counted.
const LISTED_MAX: usize = 20;

/// The edits from outside that freeze grave changes, in the order of their entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutsideEdits {
    listed: Vec<OpenEdit>,
    last: Option<u64>,
    count: u64,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenEdit {
    /// The number of its entry.
    pub seq: u64,
    /// What was found.
    pub what: String,
    /// Where.
    pub place: String,
}

impl OutsideEdits {
    /// The first ones; there can be more of them.
    pub fn listed(&self) -> &[OpenEdit] {
        &self.listed
    }

    /// The entry of the first.
    pub fn first(&self) -> Option<u64> {
        self.listed.first().map(|edit| edit.seq)
    }

    /// The entry of the newest; none if there is nothing to acknowledge.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn add(&mut self, seq: u64, edit: &OutsideEdit) {
        if self.listed.len() < LISTED_MAX {
            self.listed.push(OpenEdit {
                seq,
                what: edit.what.clone(),
                place: edit.place.clone(),
            });
        }
        self.last = Some(seq);
        self.count += 1;
    }

    /// All of them were looked at, unless there is one behind `through`: then all stay open.
    pub(super) fn acknowledge(&mut self, through: u64) {
        if self.last.is_some_and(|last| last <= through) {
            *self = Self::default();
        }
    }
}
