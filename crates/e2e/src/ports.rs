//! Blocks of loopback ports, one for each server that runs at the same time.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::Context as _;

/// What a server adds to the base of its block.
const OFFSETS: [u16; 10] = [25, 80, 110, 143, 443, 465, 587, 993, 995, 4190];

/// Bases of the blocks. Every port of every block is below the range from which Linux takes the
/// ports of outgoing connections, and no two blocks share one.
const BASES: std::ops::RangeInclusive<u16> = 11..=28;
const BASE_STEP: u16 = 1_000;

/// A block that is ours until this value is dropped.
pub(crate) struct Block {
    pub(crate) base: u16,
    /// The base itself serves nobody: listening on it keeps other tests away from the block.
    _claim: TcpListener,
}

impl Block {
    /// Claims a block of which no port is in use.
    pub(crate) fn claim() -> anyhow::Result<Self> {
        BASES
            .map(|thousand| thousand * BASE_STEP)
            .find_map(|base| {
                let claim = listen(base)?;
                let free = OFFSETS.iter().all(|offset| listen(base + offset).is_some());
                free.then_some(Self {
                    base,
                    _claim: claim,
                })
            })
            .context("no free block of loopback ports: are servers of earlier tests still there?")
    }
}

fn listen(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_blocks_share_no_port() {
        let (one, two) = (Block::claim().unwrap(), Block::claim().unwrap());
        let of = |block: &Block| OFFSETS.map(|offset| block.base + offset);
        assert!(of(&one).iter().all(|port| !of(&two).contains(port)));
    }

    #[test]
    fn a_dropped_block_can_be_claimed_again() {
        let base = Block::claim().unwrap().base;
        assert!(listen(base).is_some());
    }
}
