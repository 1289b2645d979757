//! What rules remember outlives a restart, and only as long as it was to.

use types::Timestamp;

use super::world::World;
use crate::rule::{self, Matches, Memory, MemoryKind};

const DAY_S: i64 = 86_400;

fn memory(owner: &str, kind: MemoryKind, mark: &str) -> Memory {
    Memory {
        owner: owner.to_owned(),
        kind,
        handle: "h".to_owned(),
        mark: mark.to_owned(),
    }
}

#[test]
fn what_is_remembered_ends_at_its_time() {
    let world = World::new();
    let known = memory("a_000001", MemoryKind::Reply, "x@example.org");
    let at = |s| Timestamp(0).plus_s(s);
    let kept = known.clone();
    world
        .store
        .write_blocking(move |tx| {
            rule::remember(tx, &kept, at(100))?;
            // A shorter time does not end the longer one.
            rule::remember(tx, &kept, at(50))
        })
        .unwrap();
    let world = world.reopen(|_| {});
    for (asked, now, expected) in [
        (known.clone(), 99, true),
        (known.clone(), 100, false),
        (
            memory("a_000001", MemoryKind::Seen, "x@example.org"),
            1,
            false,
        ),
        (
            memory("a_000002", MemoryKind::Reply, "x@example.org"),
            1,
            false,
        ),
        (
            memory("a_000001", MemoryKind::Reply, "y@example.org"),
            1,
            false,
        ),
    ] {
        let found = (world.store).read_blocking(|tx| rule::remembers(tx, &asked, at(now)));
        assert_eq!(found.unwrap(), expected, "{asked:?} at {now}");
    }
    let forgotten = |now| {
        (world.store)
            .write_blocking(move |tx| rule::forget(tx, at(now), 10))
            .unwrap()
    };
    assert_eq!((forgotten(100), forgotten(101), forgotten(101)), (0, 1, 0));
}

#[test]
fn matches_are_counted_by_day_and_kept_for_a_year() {
    let world = World::new();
    let at = |day| Timestamp(0).plus_s(day * DAY_S + 7);
    for day in [1, 5, 5, 400] {
        world
            .store
            .write_blocking(move |tx| rule::acted(tx, "r_000001", at(day)))
            .unwrap();
    }
    let matches = |since| {
        (world.store)
            .read_blocking(move |tx| rule::matches(tx, "r_000001", at(since)))
            .unwrap()
    };
    let last = Some(at(400));
    assert_eq!(matches(0), Matches { count: 4, last });
    assert_eq!(matches(5), Matches { count: 3, last });
    assert_eq!(matches(401), Matches { count: 0, last });
    world
        .store
        .write_blocking(move |tx| rule::forget(tx, at(400), 10))
        .unwrap();
    assert_eq!(matches(0), Matches { count: 1, last });
    let nothing = world
        .store
        .read_blocking(move |tx| rule::matches(tx, "r_000002", at(0)));
    assert_eq!(nothing.unwrap(), Matches::default());
}
