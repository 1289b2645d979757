//! Activity and trace: what is recorded is found, by every key, until its day is pruned.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tokio::runtime::{Builder, Runtime};
use types::{SessionId, Timestamp};

use super::examine::examine;
use super::world::{ANN, BOB, NOON, World};
use crate::{FoundRow, LogDays, LogQuery, LogRecord, LogRow, Part, Store, Synced};

const DAY_S: i64 = 24 * 60 * 60;

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn row(at: Timestamp, kind: &str) -> LogRow {
    LogRow {
        at,
        kind: kind.to_owned(),
        account: Some(ANN),
        session: Some(SessionId(3)),
        source: "192.0.2.7".to_owned(),
        message: Some("token".to_owned()),
        detail: b"{}".to_vec(),
    }
}

fn all() -> LogQuery {
    LogQuery::between(NOON.plus_s(-9 * DAY_S), NOON.plus_s(9 * DAY_S), 100)
}

fn search(store: &Store, query: LogQuery) -> Vec<LogRecord> {
    runtime().block_on(store.activity().query(query)).unwrap()
}

#[test]
fn rows_are_found_by_every_key_and_newest_first() {
    let world = World::new();
    let log = world.store.activity();
    log.append(row(NOON, "sign_in"));
    log.append(row(NOON.plus_s(DAY_S), "sign_out"));
    let mut other = row(NOON.plus_s(1), "sign_in");
    (other.account, other.session, other.message) = (Some(BOB), Some(SessionId(4)), None);
    log.append(other);
    let seqs = |query| -> Vec<u64> {
        let found = search(&world.store, query);
        found.into_iter().map(|record| record.seq).collect()
    };
    assert_eq!(seqs(all()), [1, 2, 0]);
    type Condition<'a> = (&'a dyn Fn(&mut LogQuery), &'a [u64]);
    let conditions: [Condition<'_>; 6] = [
        (&|query| query.account = Some(ANN), &[1, 0]),
        (&|query| query.session = Some(SessionId(4)), &[2]),
        (&|query| query.kind = Some("sign_in".to_owned()), &[2, 0]),
        (&|query| query.message = Some("token".to_owned()), &[1, 0]),
        (&|query| query.until = NOON.plus_s(1), &[0]),
        (&|query| query.limit = 1, &[1]),
    ];
    for (set, expected) in conditions {
        let mut query = all();
        set(&mut query);
        assert_eq!(seqs(query), expected);
    }
    let trace = runtime()
        .block_on(world.store.trace().query(all()))
        .unwrap();
    assert_eq!(trace, []);
    assert_eq!(log.dropped(), 0);
}

#[test]
fn numbers_go_on_after_a_restart_and_durable_rows_are_there() {
    let world = World::new();
    let first = runtime()
        .block_on(world.store.activity().append_durable(row(NOON, "sign_in")))
        .unwrap();
    world.store.activity().append(row(NOON, "late"));
    let world = world.reopen(|_| {});
    let third = runtime()
        .block_on(world.store.activity().append_durable(row(NOON, "sign_in")))
        .unwrap();
    assert_eq!((first, third), (0, 2));
    let found = search(&world.store, all());
    assert_eq!(found[2].row, row(NOON, "sign_in"));
}

#[test]
fn pruning_unlinks_whole_days() {
    let world = World::new();
    let log = world.store.activity();
    for days in -3..=0 {
        log.append(row(NOON.plus_s(days * DAY_S), "sign_in"));
    }
    let pruned = runtime().block_on(log.prune(&NOON.plus_s(-DAY_S).day()));
    let expected = [NOON.plus_s(-3 * DAY_S).day(), NOON.plus_s(-2 * DAY_S).day()];
    assert_eq!(pruned.unwrap(), expected);
    assert_eq!(search(&world.store, all()).len(), 2);
    assert!(runtime().block_on(log.prune("../../etc")).is_err());
    log.append(row(NOON.plus_s(-3 * DAY_S), "late"));
    assert_eq!(search(&world.store, all()).len(), 3);
}

#[test]
fn what_cannot_be_written_is_counted_and_the_asker_told() {
    let world = World::new();
    let blocked = world.dir.path().join("log/activity-2026-11-23.db");
    std::fs::create_dir(blocked).unwrap();
    let log = world.store.activity();
    log.append(row(NOON, "lost"));
    let refused = runtime().block_on(log.append_durable(row(NOON, "sign_in")));
    assert!(refused.is_err());
    assert_eq!(log.dropped(), 2);
    assert!(log.failing().is_some());
    let next_day = row(NOON.plus_s(DAY_S), "sign_in");
    assert_eq!(runtime().block_on(log.append_durable(next_day)).unwrap(), 0);
    assert_eq!(log.failing(), None);
}

/// The runs of numbers in all files, and the days that cannot be read.
fn runs(store: &Store) -> (Vec<Range<u64>>, Vec<String>) {
    let mut rows = store.activity().rows_blocking(LogDays::All).unwrap();
    let runs = rows.runs().unwrap();
    (runs, rows.damaged().to_vec())
}

fn sync(store: &Store) -> Synced {
    runtime().block_on(store.activity().sync()).unwrap()
}

fn day_file(world: &World, at: Timestamp) -> PathBuf {
    world
        .dir
        .path()
        .join(format!("log/activity-{}.db", at.day()))
}

#[test]
fn rows_are_read_by_number_through_days_that_interleave() {
    let world = World::new();
    let days = [0, 1, 0, 2, 1].map(|days| NOON.plus_s(days * DAY_S));
    for at in days {
        world.store.activity().append(row(at, "x"));
    }
    assert_eq!(sync(&world.store).next, 5);
    assert_eq!(runs(&world.store).0, [0..1, 2..3, 1..2, 4..5, 3..4]);
    let mut rows = world.store.activity().rows_blocking(LogDays::All).unwrap();
    for (seqs, at) in [(0..5, &days[..]), (3..9, &days[3..]), (7..9, &[])] {
        let first = seqs.start;
        let found = rows.read(seqs).unwrap();
        let expected = (first..).zip(at).map(|(seq, at)| FoundRow {
            seq,
            row: Some(row(*at, "x")),
        });
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
    let mut newest = world
        .store
        .activity()
        .rows_blocking(LogDays::Newest(1))
        .unwrap();
    assert_eq!(newest.read(0..5).unwrap().len(), 1);
    assert_eq!(newest.spans().collect::<Vec<_>>(), [(3, 3)]);
    let day = NOON.day();
    let only = LogDays::Only(&day);
    let mut only = world.store.activity().rows_blocking(only).unwrap();
    assert_eq!(only.runs().unwrap(), [0..1, 2..3]);
    let other = Connection::open(day_file(&world, NOON)).unwrap();
    let sql = "UPDATE record SET at = at + 86400000000 WHERE seq = 2";
    other.execute(sql, []).unwrap();
    let moved = only.read(2..3).unwrap();
    assert_eq!(moved, [FoundRow { seq: 2, row: None }], "not of its day");
}

#[test]
fn numbers_used_by_others_are_stepped_over_and_told() {
    let world = World::new();
    world.store.activity().append(row(NOON, "ours"));
    sync(&world.store);
    let other = Connection::open(day_file(&world, NOON)).unwrap();
    for seq in [1, 2, 4, 900_000_000_000_i64, -1] {
        let sql = "INSERT INTO record (seq, at, kind, source, detail) VALUES (?1, 0, 'x', '', x'')";
        other.execute(sql, [seq]).unwrap();
    }
    let durable = |kind| {
        let appended = world.store.activity().append_durable(row(NOON, kind));
        runtime().block_on(appended).unwrap()
    };
    assert_eq!((durable("a"), durable("b")), (3, 5));
    let synced = sync(&world.store);
    assert_eq!((synced.next, synced.foreign), (6, vec![1..2, 2..3, 4..5]));
    assert_eq!(world.store.activity().dropped(), 0);
    let world = world.reopen(|_| {});
    world.store.activity().continue_from_blocking(3).unwrap();
    assert_eq!(sync(&world.store).next, 6, "a number out of all bounds");
    world.store.activity().continue_from_blocking(70).unwrap();
    assert_eq!(sync(&world.store).next, 70, "rows are missing");
}

#[test]
fn a_day_that_cannot_be_read_is_named_and_the_others_are_read() {
    let world = World::new();
    for days in 0..4 {
        let log = world.store.activity();
        log.append(row(NOON.plus_s(days * DAY_S), "x"));
    }
    sync(&world.store);
    let path = day_file(&world, NOON);
    std::fs::remove_file(path.with_extension("db-wal")).ok();
    std::fs::write(&path, vec![7; 8_192]).unwrap();
    let (runs, damaged) = runs(&world.store);
    assert_eq!((runs, damaged), (vec![1..2, 2..3, 3..4], vec![NOON.day()]));
    assert_eq!(sync(&world.reopen(|_| {}).store).next, 4);
}

#[test]
fn a_closed_log_takes_nothing_more() {
    let world = World::new();
    let log = world.store.activity();
    log.append(row(NOON, "last"));
    assert_eq!(runtime().block_on(log.close()).unwrap().next, 1);
    log.append(row(NOON, "late"));
    let late = runtime().block_on(log.append_durable(row(NOON, "late")));
    assert!(late.is_err());
    let numbers = runs(&world.store).0.into_iter().flatten().count();
    assert_eq!((log.dropped(), numbers), (1, 1));
}

/// Overwrites the beginning of an index of a log's file.
fn damage_index(path: &Path, index: &str) {
    let conn = Connection::open(path).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let page: u64 = conn.query_row(sql, [index], |row| row.get(0)).unwrap();
    let octets: u64 = conn
        .query_row("PRAGMA page_size", [], |row| row.get(0))
        .unwrap();
    conn.close().unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(&[0xa5; 200], (page - 1) * octets)
        .unwrap();
}

#[test]
fn a_damaged_index_of_a_log_is_found_though_its_rows_can_be_read() {
    let world = World::new();
    for _ in 0..200 {
        world.store.activity().append(row(NOON, "sign_in"));
    }
    sync(&world.store);
    assert_eq!(examine(&world), []);
    let path = day_file(&world, NOON);
    let world = world.reopen(|_| damage_index(&path, "record_by_message"));
    let (numbers, damaged) = runs(&world.store);
    assert!(numbers == [Range { start: 0, end: 200 }] && damaged.is_empty());
    let faults = examine(&world);
    let first = faults.first().expect("it is found");
    let place = (first.part, first.place.as_str());
    assert_eq!(place, (Part::Logs, "log/activity-2026-11-23.db"));
    assert!(
        faults.iter().all(|fault| fault.repair.is_none()),
        "{faults:?}"
    );
}

/// Octets that are no database.
const GARBAGE: [u8; 4_096] = [0x5a; 4_096];

/// The days that stand aside, by the names of their files.
fn aside(store: &Store) -> Vec<String> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let aside = store.activity().set_aside();
    aside.iter().map(|it| name(&it.path)).collect()
}

#[test]
fn a_day_that_cannot_be_written_is_set_aside_and_begun_anew() {
    let world = World::new();
    let durable = |days, kind| {
        let appended =
            (world.store.activity()).append_durable(row(NOON.plus_s(days * DAY_S), kind));
        runtime().block_on(appended).unwrap()
    };
    let broken: [fn(&Path); 3] = [
        |file| std::fs::write(file, GARBAGE).unwrap(),
        |file| {
            let other = Connection::open(file).unwrap();
            other.execute_batch("CREATE TABLE other (x)").unwrap();
        },
        |file| {
            let ours = Connection::open(file).unwrap();
            ours.execute_batch("DROP TABLE record").unwrap();
        },
    ];
    for (days, damage) in (0_u64..).zip(broken) {
        let at = i64::try_from(days).unwrap();
        if days == 2 {
            durable(at, "before");
        }
        damage(&day_file(&world, NOON.plus_s(at * DAY_S)));
        let written = durable(at, "sign_in");
        assert_eq!(written, days + u64::from(days == 2));
    }
    assert_eq!(world.store.activity().dropped(), 0);
    assert_eq!(world.store.activity().failing(), None);
    let named = |days| format!("activity-{}.damaged-1", NOON.plus_s(days * DAY_S).day());
    let names = [0, 1, 2].map(named);
    assert_eq!(aside(&world.store), names);
    let kinds: Vec<_> = search(&world.store, all())
        .into_iter()
        .map(|it| it.row.kind)
        .collect();
    assert_eq!(kinds, ["sign_in"; 3], "what can be read is found");
    let world = world.reopen(|_| {});
    assert_eq!(aside(&world.store), names, "they are not forgotten");
    std::fs::remove_file(world.dir.path().join("log").join(&names[1])).unwrap();
    assert_eq!(aside(&world.store).len(), 2);
}

#[test]
fn a_start_sets_damaged_days_aside() {
    let world = World::new();
    world.store.activity().append(row(NOON, "sign_in"));
    sync(&world.store);
    let file = day_file(&world, NOON);
    let world = world.reopen(|_| std::fs::write(&file, GARBAGE).unwrap());
    let name = format!("activity-{}.damaged-1", NOON.day());
    assert_eq!(aside(&world.store), std::slice::from_ref(&name));
    let kept = std::fs::read(file.with_file_name(name)).unwrap();
    assert_eq!(kept, GARBAGE);
    let durable = world.store.activity().append_durable(row(NOON, "anew"));
    runtime().block_on(durable).unwrap();
    assert_eq!(search(&world.store, all()).len(), 1);
}
