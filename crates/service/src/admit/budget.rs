//! How much one actor may add to the ledger, which is kept for ever.
//!
//! Time is monotonic here: setting the clock back makes nobody wait longer, forward nobody shorter.
//! An append of several entries counts as one change. Removals of exits, access and credentials have
//! a larger budget of their own, so that an intruder who used up an admin's budget cannot keep the
//! admin from closing the doors. What else is of class C0 has one too.

use std::collections::HashMap;

/// Changes of one actor in an hour, and as many again of class C0.
const CHANGES_PER_HOUR_MAX: u32 = 60;
/// Removals of one actor in an hour.
const REMOVALS_PER_HOUR_MAX: u32 = 600;
/// Octets of entries and objects of one actor in a day, for each purse.
const OCTETS_PER_DAY_MAX: u64 = 1_048_576;
/// Octets of removals: each of them is small, and there can be many.
const REMOVAL_OCTETS_PER_DAY_MAX: u64 = 16_777_216;
/// Actors whose use is remembered; beyond it whoever was idle longest is forgotten.
const ACTORS_MAX: usize = 10_000;
const HOUR_US: u64 = 3_600_000_000;
const DAY_US: u64 = 24 * HOUR_US;

/// What the budget is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purse {
    /// Changes that only take exits, access or credentials away.
    Removal,
    /// Others of class C0.
    Harmless,
    /// All others.
    Ordinary,
}

impl Purse {
    fn changes_per_hour_max(self) -> u32 {
        match self {
            Self::Removal => REMOVALS_PER_HOUR_MAX,
            Self::Harmless | Self::Ordinary => CHANGES_PER_HOUR_MAX,
        }
    }

    fn octets_per_day_max(self) -> u64 {
        match self {
            Self::Removal => REMOVAL_OCTETS_PER_DAY_MAX,
            Self::Harmless | Self::Ordinary => OCTETS_PER_DAY_MAX,
        }
    }
}

/// Why the budget says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OverBudget {
    /// Too many changes.
    #[error(
        "more than {0} changes of this sort in an hour; wait, or put all into one file and use `sealpost config apply FILE`. Removing access has a budget of its own"
    )]
    Changes(u32),
    /// Too many octets.
    #[error("more octets of changes than one may make in a day; wait until tomorrow")]
    Octets,
}

#[derive(Clone, Copy)]
struct Spent {
    hour_began_us: u64,
    changes: u32,
    day_began_us: u64,
    octets: u64,
}

/// The use of all actors since the start.
#[derive(Default)]
pub(crate) struct Budgets {
    spent: HashMap<(String, Purse), Spent>,
}

impl Budgets {
    /// Takes one change of `octets` from the actor's purse, or says why not.
    pub(crate) fn spend(
        &mut self,
        actor: &str,
        purse: Purse,
        octets: u64,
        now_us: u64,
    ) -> Result<(), OverBudget> {
        let key = (actor.to_owned(), purse);
        let fresh = Spent {
            hour_began_us: now_us,
            changes: 0,
            day_began_us: now_us,
            octets: 0,
        };
        let mut spent = self.spent.get(&key).copied().unwrap_or(fresh);
        if now_us >= spent.hour_began_us + HOUR_US {
            spent = Spent {
                hour_began_us: now_us,
                changes: 0,
                ..spent
            };
        }
        if now_us >= spent.day_began_us + DAY_US {
            spent = Spent {
                day_began_us: now_us,
                octets: 0,
                ..spent
            };
        }
        let changes_max = purse.changes_per_hour_max();
        if spent.changes >= changes_max {
            return Err(OverBudget::Changes(changes_max));
        }
        if spent.octets.saturating_add(octets) > purse.octets_per_day_max() {
            return Err(OverBudget::Octets);
        }
        spent.changes += 1;
        spent.octets += octets;
        self.make_room(&key);
        self.spent.insert(key, spent);
        Ok(())
    }

    fn make_room(&mut self, key: &(String, Purse)) {
        if self.spent.len() < ACTORS_MAX || self.spent.contains_key(key) {
            return;
        }
        let idlest = self
            .spent
            .iter()
            .min_by_key(|(_, spent)| spent.hour_began_us);
        if let Some(idlest) = idlest.map(|(key, _)| key.clone()) {
            self.spent.remove(&idlest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_000_000_000;

    #[test]
    fn changes_are_counted_by_the_hour_and_removals_apart() {
        let mut budgets = Budgets::default();
        for _ in 0..CHANGES_PER_HOUR_MAX {
            assert_eq!(budgets.spend("a_1", Purse::Ordinary, 1, START), Ok(()));
        }
        let over = Err(OverBudget::Changes(CHANGES_PER_HOUR_MAX));
        assert_eq!(
            budgets.spend("a_1", Purse::Ordinary, 1, START + HOUR_US - 1),
            over
        );
        assert_eq!(budgets.spend("a_1", Purse::Harmless, 1, START), Ok(()));
        for _ in 0..REMOVALS_PER_HOUR_MAX {
            assert_eq!(budgets.spend("a_1", Purse::Removal, 1_024, START), Ok(()));
        }
        assert_eq!(
            budgets.spend("a_1", Purse::Removal, 1, START),
            Err(OverBudget::Changes(REMOVALS_PER_HOUR_MAX))
        );
        assert_eq!(budgets.spend("a_2", Purse::Ordinary, 1, START), Ok(()));
        assert_eq!(
            budgets.spend("a_1", Purse::Ordinary, 1, START + HOUR_US),
            Ok(())
        );
    }

    #[test]
    fn octets_are_counted_by_the_day() {
        let mut budgets = Budgets::default();
        let big = OCTETS_PER_DAY_MAX - 1;
        assert_eq!(budgets.spend("a_1", Purse::Ordinary, big, START), Ok(()));
        let over = Err(OverBudget::Octets);
        assert_eq!(
            budgets.spend("a_1", Purse::Ordinary, 2, START + 2 * HOUR_US),
            over
        );
        assert_eq!(
            budgets.spend("a_1", Purse::Ordinary, 2, START + DAY_US),
            Ok(())
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut budgets = Budgets::default();
        for n in 0..ACTORS_MAX + 10 {
            budgets
                .spend(&n.to_string(), Purse::Ordinary, 1, START)
                .unwrap();
        }
        assert_eq!(budgets.spent.len(), ACTORS_MAX);
    }
}
