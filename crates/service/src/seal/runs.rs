//! Sets of row numbers that mostly follow each other.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Runs of one set; what would need more is refused.
const RUNS_MAX: usize = 1_000;

/// A set of numbers as runs, ascending, with gaps between them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub(super) struct Runs(Vec<Range<u64>>);

impl Runs {
    /// Adds numbers; `false`, and nothing is changed, if that would make too many runs.
    pub(super) fn insert(&mut self, added: Range<u64>) -> bool {
        if added.is_empty() {
            return true;
        }
        let first = self.0.partition_point(|run| run.end < added.start);
        let behind = self.0.partition_point(|run| run.start <= added.end);
        if first == behind && self.0.len() == RUNS_MAX {
            return false;
        }
        let touched = &self.0[first..behind];
        let start = touched
            .first()
            .map_or(added.start, |run| run.start.min(added.start));
        let end = touched
            .last()
            .map_or(added.end, |run| run.end.max(added.end));
        self.0.splice(first..behind, std::iter::once(start..end));
        true
    }

    /// Adds all numbers of another set, as far as there is room.
    pub(super) fn extend(&mut self, other: &Self) {
        for run in &other.0 {
            self.insert(run.clone());
        }
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        let at = self.0.partition_point(|run| run.end <= number);
        self.0.get(at).is_some_and(|run| run.contains(&number))
    }

    /// The first number that the other set does not have.
    pub(super) fn first_not_in(&self, other: &Self) -> Option<u64> {
        self.0.iter().find_map(|run| {
            let at = other.0.partition_point(|known| known.end <= run.start);
            let known = other.0.get(at).filter(|known| known.start <= run.start);
            let first = known.map_or(run.start, |known| known.end);
            (first < run.end).then_some(first)
        })
    }
}

impl From<Runs> for Vec<(u64, u64)> {
    fn from(runs: Runs) -> Self {
        runs.0.into_iter().map(|run| (run.start, run.end)).collect()
    }
}

impl TryFrom<Vec<(u64, u64)>> for Runs {
    type Error = &'static str;

    fn try_from(pairs: Vec<(u64, u64)>) -> Result<Self, Self::Error> {
        let mut runs = Self::default();
        for (start, end) in &pairs {
            if start >= end || !runs.insert(*start..*end) {
                return Err("not runs of numbers");
            }
        }
        let same = Vec::from(runs.clone()) == pairs;
        same.then_some(runs).ok_or("not runs of numbers in order")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(pairs: &[(u64, u64)]) -> Runs {
        pairs.to_vec().try_into().unwrap()
    }

    #[test]
    fn runs_that_touch_become_one() {
        let mut set = Runs::default();
        for (start, end, expected) in [
            (5, 7, &[(5, 7)][..]),
            (9, 10, &[(5, 7), (9, 10)]),
            (9, 9, &[(5, 7), (9, 10)]),
            (7, 9, &[(5, 10)]),
            (0, 2, &[(0, 2), (5, 10)]),
            (1, 6, &[(0, 10)]),
            (3, 4, &[(0, 10)]),
        ] {
            assert!(set.insert(start..end));
            assert_eq!(set, runs(expected), "{start}..{end}");
        }
    }

    #[test]
    fn what_another_set_does_not_have_is_found() {
        let known = runs(&[(2, 4), (6, 8)]);
        for (set, first) in [
            (&[(2, 4)][..], None),
            (&[(2, 4), (7, 8)], None),
            (&[(1, 3)], Some(1)),
            (&[(3, 5)], Some(4)),
            (&[(2, 3), (7, 9)], Some(8)),
            (&[(9, 10)], Some(9)),
        ] {
            assert_eq!(runs(set).first_not_in(&known), first, "{set:?}");
        }
        let has: Vec<u64> = (0..10).filter(|n| known.contains(*n)).collect();
        assert_eq!(has, [2, 3, 6, 7]);
    }

    #[test]
    fn a_set_is_bounded_and_read_back_only_as_it_was_written() {
        let mut set = Runs::default();
        for n in 0..RUNS_MAX as u64 {
            assert!(set.insert(2 * n..2 * n + 1));
        }
        assert!(!set.insert(5_000..5_001));
        assert!(set.insert(1..2), "this one joins two");
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<Runs>(&text).unwrap(), set);
        for wrong in ["[[2,1]]", "[[1,1]]", "[[1,2],[2,3]]", "[[5,6],[1,2]]"] {
            assert!(serde_json::from_str::<Runs>(wrong).is_err(), "{wrong}");
        }
    }
}
