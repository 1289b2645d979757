//! Blocks: kept, replaced, forgotten, and there again after a restart.

use types::Timestamp;

use super::world::World;
use crate::block::{self, Block};

fn block(source: &str, times: u32, until_s: i64) -> Block {
    Block {
        source: source.parse().unwrap(),
        what: "sign_ins".to_owned(),
        rule: "harvesting".to_owned(),
        times,
        since: Timestamp(0),
        until: Timestamp(0).plus_s(until_s),
    }
}

#[test]
fn blocks_outlive_a_restart_and_are_forgotten_when_told() {
    let world = World::new();
    let (first, other) = (block("192.0.2.7", 1, 10), block("2001:db8::/64", 1, 20));
    let again = block("192.0.2.7", 2, 30);
    let kept = [first, other.clone(), again.clone()];
    world
        .store
        .write_blocking(move |tx| kept.iter().try_for_each(|one| block::put(tx, one)))
        .unwrap();
    let world = world.reopen(|_| {});
    let all = || world.store.read_blocking(block::all).unwrap();
    assert_eq!(all(), [again.clone(), other]);
    let before = Timestamp(0).plus_s(25);
    (world.store)
        .write_blocking(move |tx| block::forget(tx, before))
        .unwrap();
    assert_eq!(all(), std::slice::from_ref(&again));
    (world.store)
        .write_blocking(move |tx| block::remove(tx, &again.source))
        .unwrap();
    assert_eq!(all(), []);
}
