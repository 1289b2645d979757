//! Attacks × positions × what the log is checked against, each with the verdict it must get.

use std::num::NonZeroUsize;

use types::Timestamp;

use super::world::{LOG, World, entry, key, key_of};
use crate::checkpoint::CheckpointError;
use crate::note::NoteError;
use crate::tree::Tree;
use crate::verify::{Against, Copy, Export, FaultKind, Report, Verdict, VerifyError, verify};
use crate::{SigningKey, VerifierKey};

const SIZES: [usize; 6] = [1, 2, 255, 256, 257, 600];
const NOW: Timestamp = Timestamp(1_795_500_000_000_000);
const AN_HOUR_AGO: Timestamp = Timestamp(1_795_496_400_000_000);

fn against(copies: &[Vec<u8>]) -> Against {
    let copy = |checkpoint: &Vec<u8>| Copy {
        checkpoint: checkpoint.clone(),
        seen: AN_HOUR_AGO,
    };
    Against {
        key: Some(key(1).verifier().clone()),
        copies: copies.iter().map(copy).collect(),
        now: NOW,
        copy_age_max_s: None,
        threads: NonZeroUsize::new(2).unwrap(),
    }
}

fn report(world: &World, copies: &[Vec<u8>]) -> Report {
    verify(world, &against(copies)).unwrap()
}

fn verdict(world: &World, copies: &[Vec<u8>]) -> Verdict {
    report(world, copies).verdict
}

/// Positions at both ends, at tile edges, and spread between.
fn positions(size: usize) -> Vec<usize> {
    let near = [0, 1, 2, 127, 128, 254, 255, 256, 257, 400, 511, 512, 513];
    let end = [size.saturating_sub(2), size - 1];
    let mut positions: Vec<usize> = near.into_iter().chain(end).collect();
    positions.retain(|place| *place < size);
    positions.sort_unstable();
    positions.dedup();
    positions
}

fn tampered(seq: usize) -> Verdict {
    Verdict::Tampered { seq: seq as u64 }
}

fn rolled_back(to: usize, lost: usize) -> Verdict {
    Verdict::RolledBack {
        to: to as u64,
        lost: lost as u64,
    }
}

fn damaged(seq: usize) -> Verdict {
    Verdict::Damaged { seq: seq as u64 }
}

fn rogue(seq: usize) -> Vec<u8> {
    entry(LOG, seq as u64, "rogue").to_bytes().unwrap()
}

/// The log with entries from `place` on written otherwise, and all of it published with `key`.
fn rewritten(world: &World, place: usize, key: &SigningKey) -> World {
    let mut world = world.clone();
    for seq in place..world.entries.len() {
        world.entries[seq] = rogue(seq);
    }
    world.publish(key);
    world
}

#[test]
fn an_untouched_log_is_signed_and_no_more() {
    for size in SIZES.into_iter().chain([0, 5_000]) {
        let world = World::new(size as u64);
        let found = report(&world, &[]);
        assert_eq!(
            (found.verdict, found.size, found.root),
            (Verdict::Signed, size as u64, world.root())
        );
        assert!(found.fault.is_none() && found.verdict.is_good());
        assert_eq!(verdict(&world.without_files(), &[]), Verdict::Signed);
        let unpinned = Against {
            key: None,
            ..against(&[])
        };
        assert_eq!(
            verify(&world, &unpinned).unwrap().verdict,
            Verdict::Consistent
        );
    }
}

#[test]
fn a_changed_row_is_named() {
    for size in SIZES {
        let world = World::new(size as u64);
        for place in positions(size) {
            let mut edited = world.clone();
            edited.entries[place] = rogue(place);
            assert_eq!(
                verdict(&edited, &[]),
                tampered(place),
                "edit {place} of {size}"
            );
            // Without a second copy the root tells that, a kept checkpoint from where on.
            let alone = edited.without_files();
            assert_eq!(verdict(&alone, &[]), tampered(0), "edit {place} of {size}");
            let kept = world.checkpoint_at(place, &key(1));
            assert_eq!(
                verdict(&alone, &[kept]),
                tampered(place),
                "edit {place} of {size}"
            );

            let mut flipped = world.clone();
            flipped.entries[place][40] ^= 1;
            assert_eq!(
                verdict(&flipped, &[]),
                tampered(place),
                "flip {place} of {size}"
            );

            let mut torn = world.clone();
            torn.entries[place].truncate(100);
            assert_eq!(
                verdict(&torn, &[]),
                tampered(place),
                "torn {place} of {size}"
            );
            assert_eq!(verdict(&torn.without_files(), &[]), tampered(place));

            let mut foreign = world.clone();
            let log = "mail.example.org/4f1c90aa/config/2";
            foreign.entries[place] = entry(log, place as u64, "first").to_bytes().unwrap();
            let found = report(&foreign.without_files(), &[]);
            assert_eq!(found.verdict, tampered(place));
            assert!(matches!(found.fault.unwrap().kind, FaultKind::Log(_)));
        }
    }
}

#[test]
fn a_row_that_is_gone_or_added_or_moved_is_named() {
    for size in SIZES {
        let world = World::new(size as u64);
        for place in positions(size) {
            let mut deleted = world.clone();
            deleted.entries.remove(place);
            let wanted = if place == size - 1 {
                rolled_back(place, 1)
            } else {
                tampered(place)
            };
            assert_eq!(verdict(&deleted, &[]), wanted, "delete {place} of {size}");
            assert_eq!(verdict(&deleted.without_files(), &[]), wanted);

            let mut inserted = world.clone();
            inserted.entries.insert(place, rogue(place));
            assert_eq!(
                verdict(&inserted, &[]),
                tampered(place),
                "insert {place} of {size}"
            );
            assert_eq!(verdict(&inserted.without_files(), &[]), tampered(place + 1));

            if place + 1 < size {
                let mut swapped = world.clone();
                swapped.entries.swap(place, place + 1);
                assert_eq!(
                    verdict(&swapped, &[]),
                    tampered(place),
                    "swap {place} of {size}"
                );
                let mut swapped = world.clone();
                swapped.entries.swap(place, size - 1);
                assert_eq!(
                    verdict(&swapped, &[]),
                    tampered(place),
                    "swap {place} with the end"
                );
            }
        }
        let mut appended = world.clone();
        appended.entries.push(rogue(size));
        let found = report(&appended, &[]);
        assert_eq!(found.verdict, tampered(size));
        assert!(matches!(found.fault.unwrap().kind, FaultKind::Uncovered));
    }
}

#[test]
fn a_cut_log_is_rolled_back() {
    for size in SIZES {
        let world = World::new(size as u64);
        for left in positions(size) {
            let mut cut = world.clone();
            cut.entries.truncate(left);
            let wanted = rolled_back(left, size - left);
            assert_eq!(verdict(&cut, &[]), wanted, "{left} of {size}");
            assert_eq!(verdict(&cut.without_files(), &[]), wanted);
            if left > 0 {
                cut.entries[left - 1] = rogue(left - 1);
                let kept = [left - 1, left].map(|size| world.checkpoint_at(size, &key(1)));
                assert_eq!(verdict(&cut.without_files(), &kept), tampered(left - 1));
                assert_eq!(verdict(&cut, &[]), tampered(left - 1), "{left} of {size}");
            }
        }
    }
}

#[test]
fn an_older_backup_shows_only_against_a_copy() {
    for size in SIZES {
        let world = World::new(size as u64);
        let newest = world.checkpoint.clone();
        for left in positions(size) {
            let mut older = world.clone();
            older.entries.truncate(left);
            older.publish(&key(1));
            assert_eq!(verdict(&older, &[]), Verdict::Signed);
            let older_copy = older.checkpoint.clone();
            assert_eq!(
                verdict(&older, &[older_copy, newest.clone()]),
                rolled_back(left, size - left)
            );
        }
    }
}

#[test]
fn the_past_rewritten_with_the_key_shows_only_against_a_later_copy() {
    for size in SIZES {
        let world = World::new(size as u64);
        for place in positions(size) {
            let forged = rewritten(&world, place, &key(1));
            assert_eq!(verdict(&forged, &[]), Verdict::Signed);
            let before = world.checkpoint_at(place, &key(1));
            let after = world.checkpoint_at(place + 1, &key(1));
            let anchored = Verdict::Anchored { n: 1, age_s: 3_600 };
            assert_eq!(verdict(&forged, std::slice::from_ref(&before)), anchored);
            assert_eq!(
                verdict(&forged, &[before, after]),
                Verdict::Forked,
                "{place} of {size}"
            );
        }
    }
}

#[test]
fn another_key_vouches_for_nothing() {
    for size in SIZES {
        let world = World::new(size as u64);
        for place in positions(size) {
            let forged = rewritten(&world, place, &key(2));
            assert_eq!(verdict(&forged, &[]), tampered(0));
            let kept = world.checkpoint_at(place, &key(1));
            assert_eq!(
                verdict(&forged, &[kept]),
                tampered(place),
                "{place} of {size}"
            );
        }
        let mut unsigned = world.clone();
        unsigned.checkpoint = b"nothing".to_vec();
        let found = report(&unsigned, &[]);
        assert_eq!(found.verdict, tampered(0));
        assert!(matches!(
            found.fault.unwrap().kind,
            FaultKind::Checkpoint(_)
        ));
        unsigned.checkpoint.clear();
        assert_eq!(
            verdict(&unsigned, &[]),
            damaged(0),
            "an unreadable checkpoint"
        );
        let mut edited = unsigned.clone();
        edited.entries[size - 1] = b"{}".to_vec();
        assert_eq!(verdict(&edited, &[]), tampered(size - 1));
    }
}

#[test]
fn a_damaged_second_copy_is_damage_and_not_tampering() {
    for size in SIZES {
        let world = World::new(size as u64);
        let files = world.files.clone().unwrap();
        for (path, octets) in &files.0 {
            if path == "checkpoint" {
                continue;
            }
            let first = match path.split(['/', '.']).nth(2) {
                Some("000") => 0,
                Some("001") => 256,
                Some("002") => 512,
                other => panic!("{other:?}"),
            };
            let level_1 = path.starts_with("tile/1/");
            let mut missing = world.clone();
            missing.files.as_mut().unwrap().0.remove(path);
            assert_eq!(verdict(&missing, &[]), damaged(first), "{path}");

            let mut short = world.clone();
            short
                .files
                .as_mut()
                .unwrap()
                .0
                .insert(path.clone(), octets[..octets.len() - 1].to_vec());
            assert_eq!(verdict(&short, &[]), damaged(first), "{path}");

            let mut flipped = world.clone();
            let last = octets.len() - 1;
            flipped.files.as_mut().unwrap().0.get_mut(path).unwrap()[last] ^= 1;
            let items = if level_1 {
                size / 256
            } else {
                size.min(first + 256) - first
            };
            let wanted = if level_1 {
                (items - 1) * 256
            } else {
                first + items - 1
            };
            assert_eq!(verdict(&flipped, &[]), damaged(wanted), "{path} of {size}");
        }
    }
}

#[test]
fn an_entry_that_cannot_be_read_is_damage() {
    let mut world = World::new(600);
    for broken in [0, 1, 256, 599] {
        world.broken_from = Some(broken);
        let found = report(&world, &[]);
        assert_eq!(
            (found.verdict, found.size),
            (Verdict::Damaged { seq: broken }, broken)
        );
        assert!(matches!(
            found.fault.unwrap().kind,
            FaultKind::Unreadable(_)
        ));
    }
}

#[test]
fn copies_that_agree_are_counted_and_aged() {
    let world = World::new(300);
    let copy_at = |size: usize, seen| Copy {
        checkpoint: world.checkpoint_at(size, &key(1)),
        seen,
    };
    let copies = vec![copy_at(300, AN_HOUR_AGO), copy_at(7, NOW), copy_at(0, NOW)];
    let mut against = Against {
        copies,
        ..against(&[])
    };
    // The age is that of the copy that vouches for the most.
    let anchored = Verdict::Anchored { n: 3, age_s: 3_600 };
    assert_eq!(verify(&world, &against).unwrap().verdict, anchored);
    against.copy_age_max_s = Some(3_600);
    assert_eq!(verify(&world, &against).unwrap().verdict, anchored);
    against.copy_age_max_s = Some(3_599);
    let too_old = verify(&world, &against).unwrap().verdict;
    assert_eq!(too_old, Verdict::CannotTellSince { time: AN_HOUR_AGO });
    assert!(!too_old.is_good());
}

#[test]
fn a_copy_must_be_of_this_log_and_key() {
    let world = World::new(3);
    let foreign = world.checkpoint_at(3, &key(2));
    let good = world.checkpoint.clone();
    let refused = verify(&world, &against(&[good.clone(), foreign])).unwrap_err();
    let cause = CheckpointError::Note(NoteError::NotSigned);
    assert_eq!(refused, VerifyError::Copy { number: 2, cause });
    let unpinned = Against {
        key: None,
        ..against(std::slice::from_ref(&good))
    };
    assert_eq!(
        verify(&world, &unpinned).unwrap_err(),
        VerifyError::CopiesNeedKey
    );
    let many = against(&vec![good; 1_001]);
    assert_eq!(
        verify(&world, &many).unwrap_err(),
        VerifyError::TooManyCopies
    );
}

#[test]
fn another_epoch_breaks_and_another_log_is_no_epoch() {
    let mut world = World::new(3);
    world.checkpoint = world.checkpoint_at(3, &key_of("mail.example.org/4f1c90aa/config/2", 1));
    assert_eq!(verdict(&world, &[]), Verdict::EpochBreak { at: 2 });
    world.checkpoint = world.checkpoint_at(3, &key_of("mail.example.org/4f1c90aa/trace/2", 1));
    assert_eq!(verdict(&world, &[]), tampered(0));
}

#[test]
fn an_export_is_verified_from_its_files_alone() {
    let world = World::new(600);
    let files = world.files.clone().unwrap();
    let verdict = |files: &super::world::Files| {
        let export = Export::open(files.clone()).unwrap();
        verify(&export, &against(&[])).unwrap().verdict
    };
    assert_eq!(verdict(&files), Verdict::Signed);
    for (path, seq) in [
        ("tile/entries/000", 0),
        ("tile/entries/001", 256),
        ("tile/entries/002.p/88", 512),
    ] {
        let mut missing = files.clone();
        missing.0.remove(path);
        assert_eq!(verdict(&missing), damaged(seq));
        let mut flipped = files.clone();
        flipped.0.get_mut(path).unwrap()[60] ^= 1;
        assert_eq!(verdict(&flipped), tampered(seq));
    }
    let mut leaf = files.clone();
    leaf.0.get_mut("tile/0/001").unwrap()[32 * 7] ^= 1;
    assert_eq!(verdict(&leaf), damaged(263));
    let mut none = files.clone();
    none.0.remove("checkpoint");
    assert!(Export::open(none).is_err());
}

#[test]
fn verdicts_are_written_as_the_manual_has_them() {
    for (verdict, text) in [
        (Verdict::Consistent, "CONSISTENT"),
        (Verdict::Signed, "SIGNED"),
        (Verdict::Anchored { n: 2, age_s: 60 }, "ANCHORED(2, 60 s)"),
        (tampered(7), "TAMPERED(7)"),
        (rolled_back(7, 3), "ROLLED-BACK(7, 3)"),
        (Verdict::Forked, "FORKED"),
        (Verdict::EpochBreak { at: 2 }, "EPOCH-BREAK(2)"),
        (damaged(7), "DAMAGED(7)"),
        (
            Verdict::CannotTellSince { time: Timestamp(0) },
            "CANNOT TELL SINCE(1970-01-01T00:00:00.000000Z)",
        ),
    ] {
        assert_eq!(verdict.to_string(), text);
    }
}

#[test]
fn the_number_of_threads_does_not_show() {
    let world = World::new(600);
    let pinned: VerifierKey = key(1).verifier().clone();
    for threads in [1, 3, 64] {
        let threads = NonZeroUsize::new(threads).unwrap();
        let against = Against {
            key: Some(pinned.clone()),
            threads,
            ..against(&[])
        };
        let found = verify(&world, &against).unwrap();
        assert_eq!((found.verdict, found.size), (Verdict::Signed, 600));
    }
    assert_eq!(report(&World::new(0), &[]).root, Tree::new().root());
}
