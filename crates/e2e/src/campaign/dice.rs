//! Chance that repeats itself: the same seed gives the same throws (SplitMix64).

/// A source of throws.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Throws that follow from this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Throws of a part of a campaign, which do not depend on what other parts have thrown.
    pub(crate) fn of_round(seed: u64, round: usize) -> Self {
        let mut dice = Self(seed ^ (round as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.throw();
        dice
    }

    /// Any number.
    pub(crate) fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if there is none.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.throw().checked_rem(end).unwrap_or(0)
    }

    /// A place in a list of this length; 0 if it is empty.
    pub(crate) fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// True `percent` times out of 100.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_rounds_differ() {
        let throws = |mut dice: Dice| -> Vec<u64> { (0..8).map(|_| dice.below(1_000)).collect() };
        assert_eq!(throws(Dice::new(7)), throws(Dice::new(7)));
        let rounds: Vec<_> = (0..50)
            .map(|round| throws(Dice::of_round(7, round)))
            .collect();
        let unlike = |one: usize| rounds.iter().filter(|other| **other == rounds[one]).count() == 1;
        assert!((0..50).all(unlike));
        assert_eq!((Dice::new(1).below(0), Dice::new(1).place(0)), (0, 0));
    }
}
