//! Random octets: from the cryptographic generator in the server, from a seed in tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of random octets; clones share it.
#[derive(Clone, Debug)]
pub struct Random(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Seeded(Arc<AtomicU64>),
}

/// The step between two states of SplitMix64: 2^64 divided by the golden ratio.
const SPLITMIX_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// The generator of AWS-LC, fit for keys and nonces.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A sequence that `seed` alone decides. For tests: anyone can foretell it.
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(AtomicU64::new(seed))))
    }

    /// Fills all of `octets`.
    pub fn fill(&self, octets: &mut [u8]) {
        match &self.0 {
            Source::System => aws_lc_rs::rand::fill(octets)
                .expect("AWS-LC ends the process rather than report a failed generator"),
            Source::Seeded(state) => {
                for chunk in octets.chunks_mut(8) {
                    let word = next_word(state).to_le_bytes();
                    chunk.copy_from_slice(&word[..chunk.len()]);
                }
            }
        }
    }

    /// A fresh array.
    pub fn array<const N: usize>(&self) -> [u8; N] {
        let mut octets = [0; N];
        self.fill(&mut octets);
        octets
    }

    /// A number, all 64 bits of it random.
    pub fn number(&self) -> u64 {
        u64::from_le_bytes(self.array())
    }
}

fn next_word(state: &AtomicU64) -> u64 {
    let mut z = state
        .fetch_add(SPLITMIX_STEP, Ordering::SeqCst)
        .wrapping_add(SPLITMIX_STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_replays_exactly() {
        let (one, two) = (Random::seeded(7), Random::seeded(7));
        assert_eq!(one.array::<13>(), two.array::<13>());
        assert_eq!(one.number(), two.number());
        assert_ne!(one.number(), Random::seeded(8).number());
    }

    #[test]
    fn the_seeded_sequence_is_that_of_splitmix64() {
        // The first output for state 0 in the reference implementation.
        assert_eq!(Random::seeded(0).number(), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn the_system_does_not_repeat_itself() {
        let random = Random::system();
        assert_ne!(random.array::<16>(), random.array::<16>());
    }
}
