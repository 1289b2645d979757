//! The rows and files of the ledger.

use std::fs;

use types::Sha256;

use super::world::World;
use crate::StoreError;
use crate::ledger::{self, NewEntry, ObjectKind};
use crate::mac::sha256;

const LOG: &str = "mail.example.org/1/config/1";

fn entry(text: &str) -> NewEntry {
    NewEntry {
        bytes: text.as_bytes().to_vec(),
        leaf: sha256(text.as_bytes()),
    }
}

fn append(world: &World, expected: u64, texts: &[&str]) -> Result<(), StoreError> {
    let entries: Vec<NewEntry> = texts.iter().map(|text| entry(text)).collect();
    world.store.write_ledger_blocking(move |tx| {
        let checkpoint = format!("size {}", expected + entries.len() as u64);
        ledger::append_entries(tx, LOG, expected, &entries, checkpoint.as_bytes())
    })
}

#[test]
fn entries_are_appended_only_at_the_expected_size() {
    let world = World::new();
    append(&world, 0, &["zero"]).unwrap();
    append(&world, 1, &["one", "two"]).unwrap();
    for stale in [0, 2, 4] {
        let refusal = append(&world, stale, &["other"]);
        assert!(
            matches!(refusal, Err(StoreError::LedgerMoved { size: 3, .. })),
            "{refusal:?}"
        );
    }
    let (size, page, leaves, latest, second) = world
        .store
        .read_blocking(|tx| {
            Ok((
                ledger::size(tx, LOG)?,
                ledger::entries(tx, LOG, 1, 9)?,
                ledger::leaves(tx, LOG, 2, 9)?,
                ledger::latest_checkpoint(tx, LOG)?,
                ledger::checkpoint(tx, LOG, 1)?,
            ))
        })
        .unwrap();
    assert_eq!(size, 3);
    assert_eq!(
        page.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(page[1].bytes, b"two");
    assert_eq!(leaves, [(2, sha256(b"two"))]);
    assert_eq!(latest, Some((3, b"size 3".to_vec())));
    assert_eq!(second, Some(b"size 1".to_vec()));
    let other = world.store.read_blocking(|tx| ledger::size(tx, "other"));
    assert_eq!(other.unwrap(), 0);
}

#[test]
fn entries_with_detections_are_found_by_their_index() {
    let world = World::new();
    let with = r#"{"risk":{"detections":["R1","R7"]}}"#;
    // A text that somebody typed has its quotes escaped.
    let typed = r#"{"name":"\"detections\":[\"R1","risk":{"detections":[]}}"#;
    append(&world, 0, &[with, typed, with, "other", with]).unwrap();
    for (before, limit, expected) in [
        (u64::from(u32::MAX), 9, &[4, 2, 0][..]),
        (4, 9, &[2, 0]),
        (4, 1, &[2]),
        (0, 9, &[]),
    ] {
        let found = (world.store).read_blocking(|tx| ledger::detected(tx, LOG, before, limit));
        let seqs: Vec<_> = found.unwrap().iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, expected, "before {before}, at most {limit}");
    }
    let plan = "EXPLAIN QUERY PLAN SELECT seq FROM ledger_entry WHERE log = ?1 AND seq < ?2
                  AND instr(bytes, x'22646574656374696f6e73223a5b22') > 0 ORDER BY seq DESC LIMIT 9";
    let plan: Vec<String> = world
        .store
        .read_blocking(|tx| tx.all(plan, (LOG, 9), |row| row.get(3)))
        .unwrap();
    assert!(plan.join(" ").contains("ledger_entry_detected"), "{plan:?}");
}

#[test]
fn of_two_writers_one_wins() {
    let world = World::new();
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let store = world.store.clone();
            std::thread::spawn(move || {
                store.write_ledger_blocking(move |tx| {
                    let entries = [entry(&number.to_string())];
                    ledger::append_entries(tx, LOG, 0, &entries, b"size 1")
                })
            })
        })
        .collect();
    let won = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .filter(Result::is_ok);
    assert_eq!(won.count(), 1);
}

#[test]
fn an_object_that_was_exchanged_is_not_given_out() {
    let world = World::new();
    let id = sha256(b"a large value");
    let put = |kind, stored: &'static [u8]| {
        world
            .store
            .write_blocking(move |tx| ledger::put_object(tx, kind, &id, stored))
    };
    let other = put(ObjectKind::Plain, b"another value");
    assert!(matches!(other, Err(StoreError::Damaged(_))));
    put(ObjectKind::Plain, b"a large value").unwrap();
    let read = || world.store.read_blocking(|tx| ledger::object(tx, &id));
    assert_eq!(read().unwrap().as_deref(), Some(&b"a large value"[..]));
    world
        .intruder()
        .execute("UPDATE ledger_object SET bytes = x'00'", [])
        .unwrap();
    assert!(matches!(read(), Err(StoreError::Damaged(_))));
    let missing = Sha256([0; 32]);
    let missing = world.store.read_blocking(|tx| ledger::object(tx, &missing));
    assert_eq!(missing.unwrap(), None);
}

#[test]
fn a_sealed_secret_is_given_out_as_it_was_stored() {
    let world = World::new();
    let id = sha256(b"nonce and value");
    let found = world
        .store
        .write_blocking(move |tx| {
            ledger::put_object(tx, ObjectKind::Secret, &id, b"sealed")?;
            ledger::object(tx, &id)
        })
        .unwrap();
    assert_eq!(found.as_deref(), Some(&b"sealed"[..]));
}

#[test]
fn rows_that_nobody_signed_can_be_cut_and_signed_ones_put_back() {
    let world = World::new();
    append(&world, 0, &["zero", "one"]).unwrap();
    world
        .intruder()
        .execute_batch(
            "INSERT INTO ledger_entry SELECT log, 2, leaf, bytes FROM ledger_entry WHERE seq = 0;
             INSERT INTO ledger_checkpoint SELECT log, 3, bytes FROM ledger_checkpoint;
             UPDATE ledger_entry SET bytes = x'00' WHERE seq = 1;",
        )
        .unwrap();
    let (entries, latest) = world
        .store
        .write_blocking(|tx| {
            ledger::cut(tx, LOG, 2)?;
            ledger::put_back(tx, LOG, 1, &entry("one"))?;
            let entries = ledger::entries(tx, LOG, 0, 9)?;
            Ok((entries, ledger::latest_checkpoint(tx, LOG)?))
        })
        .unwrap();
    let texts: Vec<&[u8]> = entries.iter().map(|entry| entry.bytes.as_slice()).collect();
    assert_eq!(texts, [&b"zero"[..], b"one"]);
    assert_eq!(latest, Some((2, b"size 2".to_vec())));
}

#[test]
fn a_sidecar_stays_as_first_written() {
    let world = World::new();
    let commitment = Sha256([4; 32]);
    for sealed in ["first", "second"] {
        world
            .store
            .write_blocking(move |tx| {
                ledger::put_sidecar(tx, &commitment, "p_9", sealed.as_bytes())
            })
            .unwrap();
    }
    let found = world
        .store
        .read_blocking(|tx| ledger::sidecar(tx, &commitment))
        .unwrap();
    assert_eq!(found, Some(("p_9".to_owned(), b"first".to_vec())));
}

#[test]
fn tile_files_are_written_below_the_ledger_folder_only() {
    let world = World::new();
    let files = [("tile/0/000.p/1".to_owned(), b"tile".to_vec())];
    world.store.write_ledger_files_blocking(&files).unwrap();
    let path = world.store.ledger_folder().join("tile/0/000.p/1");
    assert_eq!(fs::read(path).unwrap(), b"tile");
    let outside = [("../mail.db".to_owned(), Vec::new())];
    assert!(world.store.write_ledger_files_blocking(&outside).is_err());
}
