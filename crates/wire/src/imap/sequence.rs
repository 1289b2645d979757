//! Sequence sets and the numbers they stand for (RFC 9051 §9, `sequence-set`).

use std::fmt::{self, Write};
use std::num::NonZeroU32;

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A sequence number or a UID.
    Number(NonZeroU32),
    /// `*`: the largest number in use.
    Last,
}

/// A number (both ends equal) or a range; the ends may stand in either order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceRange {
    /// The end that was written first.
    pub first: Bound,
    /// The end that was written last.
    pub last: Bound,
}

/// A sequence set as the client wrote it, with at least one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceSet {
    pub(super) ranges: Vec<SequenceRange>,
    /// Whether `$` stands at the end.
    pub(super) saved: bool,
}

/// Numbers as ascending ranges that neither touch nor overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberRanges(Vec<(u32, u32)>);

impl SequenceSet {
    /// The elements in the order in which they were written.
    pub fn ranges(&self) -> &[SequenceRange] {
        &self.ranges
    }

    /// Whether the result of the last saved search is meant too: `$` (RFC 9051 §6.4.4.1).
    pub fn has_saved(&self) -> bool {
        self.saved
    }

    /// The numbers meant, without those of `$`, when `last` is the largest in use; 0 says that none
    /// is in use.
    ///
    /// `*` is `last`; in a mailbox without messages it stands for nothing.
    pub fn resolve(&self, last: u32) -> NumberRanges {
        let number = |bound: Bound| match bound {
            Bound::Number(number) => number.get(),
            Bound::Last => last,
        };
        let mut ranges: Vec<(u32, u32)> = self
            .ranges
            .iter()
            .map(|range| (number(range.first), number(range.last)))
            .filter(|(first, last)| *first > 0 && *last > 0)
            .map(|(first, last)| (first.min(last), first.max(last)))
            .collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some(open) if first <= open.1.saturating_add(1) => open.1 = open.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        NumberRanges(merged)
    }
}

impl NumberRanges {
    /// The ranges, ascending, both ends included.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        let lengths = self.0.iter();
        lengths
            .map(|(first, last)| u64::from(last - first) + 1)
            .sum()
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for range in &self.ranges {
            write!(f, "{separator}{}", range.first)?;
            if range.first != range.last {
                write!(f, ":{}", range.last)?;
            }
            separator = ",";
        }
        if self.saved {
            write!(f, "{separator}$")?;
        }
        Ok(())
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Last => f.write_char('*'),
        }
    }
}

/// Writes numbers in their order as a sequence set; runs that ascend by one become ranges.
pub fn write_numbers(out: &mut String, numbers: impl IntoIterator<Item = u32>) {
    let mut numbers = numbers.into_iter().peekable();
    let runs = std::iter::from_fn(|| {
        let first = numbers.next()?;
        let mut last = first;
        while let Some(next) = numbers.next_if(|next| last.checked_add(1) == Some(*next)) {
            last = next;
        }
        Some((first, last))
    });
    write_ranges(out, runs);
}

/// Writes ranges, both ends included, in their order as a sequence set.
pub(super) fn write_ranges(out: &mut String, ranges: impl IntoIterator<Item = (u32, u32)>) {
    let mut separator = "";
    for (first, last) in ranges {
        let written = if first == last {
            write!(out, "{separator}{first}")
        } else {
            write!(out, "{separator}{first}:{last}")
        };
        debug_assert!(written.is_ok(), "writing to a String does not fail");
        separator = ",";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(ranges: &[(u32, u32)]) -> SequenceSet {
        let bound = |n| NonZeroU32::new(n).map_or(Bound::Last, Bound::Number);
        let range = |(first, last): &(u32, u32)| SequenceRange {
            first: bound(*first),
            last: bound(*last),
        };
        SequenceSet {
            ranges: ranges.iter().map(range).collect(),
            saved: false,
        }
    }

    #[test]
    fn star_is_the_largest_number_in_use() {
        type Ranges = &'static [(u32, u32)];
        let cases: [(Ranges, u32, Ranges); 6] = [
            (&[(0, 0)], 7, &[(7, 7)]),
            (&[(9, 0)], 7, &[(7, 9)]),
            (&[(1, 0)], 0, &[]),
            (&[(5, 2), (3, 8), (9, 9)], 100, &[(2, 9)]),
            (&[(4, 4), (1, 2)], 100, &[(1, 2), (4, 4)]),
            (&[(u32::MAX, 1)], 1, &[(1, u32::MAX)]),
        ];
        for (written, last, expected) in cases {
            assert_eq!(set(written).resolve(last).ranges(), expected);
        }
    }

    #[test]
    fn numbers_are_written_as_ranges_in_their_order() {
        let mut out = String::new();
        write_numbers(&mut out, [1, 2, 3, 7, 9, 10, 4, u32::MAX]);
        assert_eq!(out, "1:3,7,9:10,4,4294967295");
    }

    proptest! {
        #[test]
        fn resolved_sets_contain_what_was_written(
            ranges in prop::collection::vec((0_u32..40, 0_u32..40), 1..8), last in 0_u32..40, probe in 1_u32..40,
        ) {
            let named = ranges.iter().any(|(a, b)| {
                let (a, b) = (if *a == 0 { last } else { *a }, if *b == 0 { last } else { *b });
                a > 0 && b > 0 && (a.min(b)..=a.max(b)).contains(&probe)
            });
            let resolved = set(&ranges).resolve(last);
            let found = resolved.ranges().iter().any(|(a, b)| (a..=b).contains(&&probe));
            prop_assert_eq!(found, named);
        }
    }
}
