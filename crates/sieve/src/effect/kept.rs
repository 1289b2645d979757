//! Where the message is after a part of a run, on all ways that lead there.

use std::collections::BTreeMap;

/// Where the message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kept {
    /// The implicit keep is still to be done (RFC 5228 §2.10.2).
    pub implicit: bool,
    /// `keep` was done.
    pub explicit: bool,
    /// It was put into a folder.
    pub filed: bool,
}

impl Kept {
    /// At the start of a run.
    pub(super) const START: Self = Self {
        implicit: true,
        explicit: false,
        filed: false,
    };

    /// Whether it is in the folder where it would be without any rule.
    pub(super) fn at_home(self) -> bool {
        self.implicit || self.explicit
    }

    /// Whether it is in some folder.
    pub(super) fn anywhere(self) -> bool {
        self.at_home() || self.filed
    }
}

/// A set of numbers: the actions that were done on a way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks(Vec<u64>);

impl Marks {
    pub(super) fn insert(&mut self, mark: usize) {
        let word = mark / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (mark % 64);
    }

    fn add(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    pub(super) fn contains(&self, mark: usize) -> bool {
        let word = self.0.get(mark / 64);
        word.is_some_and(|word| word & (1 << (mark % 64)) != 0)
    }
}

/// All ways to a place in a script: for each place where the message can be, the actions that were
/// done on some way that left it there. What comes after depends on nothing else, so ways that left
/// it at the same place are one. Empty where no way leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ways(BTreeMap<Kept, Marks>);

impl Ways {
    /// The start of a run.
    pub(super) fn start() -> Self {
        Self(BTreeMap::from([(Kept::START, Marks::default())]))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These ways or those.
    pub(super) fn add(&mut self, other: &Self) {
        for (kept, marks) in &other.0 {
            self.0.entry(*kept).or_default().add(marks);
        }
    }

    /// The ways behind an action that does this and leaves these marks.
    pub(super) fn after(&self, then: impl Fn(Kept) -> Kept, new: &[usize]) -> Self {
        let mut after = Self::default();
        for (kept, marks) in &self.0 {
            let entry = after.0.entry(then(*kept)).or_default();
            entry.add(marks);
            new.iter().for_each(|mark| entry.insert(*mark));
        }
        after
    }

    /// Each place where the message can be, with the actions done on the ways there.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Kept, &Marks)> {
        self.0.iter().map(|(kept, marks)| (*kept, marks))
    }
}
