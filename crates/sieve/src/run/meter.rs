//! Counts what a run costs, so that none takes longer than it may.

use std::cell::Cell;

use super::{Fault, Limit};
use crate::limits::STEPS_MAX;

/// Octets that a comparison reads for one step.
const OCTETS_PER_STEP: u64 = 64;

/// What a run may still spend.
pub(super) struct Meter {
    /// In octets: a step is [`OCTETS_PER_STEP`] of them.
    left: Cell<u64>,
}

impl Meter {
    /// A meter of [`STEPS_MAX`] steps.
    pub(super) fn new() -> Self {
        let left = Cell::new(STEPS_MAX * OCTETS_PER_STEP);
        Self { left }
    }

    /// Counts one step.
    pub(super) fn step(&self) -> Result<(), Fault> {
        self.spend(OCTETS_PER_STEP)
    }

    /// Counts steps.
    pub(super) fn steps(&self, number: usize) -> Result<(), Fault> {
        self.spend((number as u64).saturating_mul(OCTETS_PER_STEP))
    }

    /// Counts octets that are read.
    pub(super) fn read(&self, octets: usize) -> Result<(), Fault> {
        self.spend(octets as u64)
    }

    fn spend(&self, octets: u64) -> Result<(), Fault> {
        let left = self.left.get().checked_sub(octets);
        self.left.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Fault::Limit(Limit::Steps))
    }
}
