//! Activity and trace: what is recorded is found, by every key, until its day is pruned.

use tokio::runtime::{Builder, Runtime};
use types::{SessionId, Timestamp};

use super::world::{ANN, BOB, NOON, World};
use crate::{LogQuery, LogRecord, LogRow, Store};

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
    assert_eq!(seqs(all()), [2, 3, 1]);
    type Condition<'a> = (&'a dyn Fn(&mut LogQuery), &'a [u64]);
    let conditions: [Condition<'_>; 6] = [
        (&|query| query.account = Some(ANN), &[2, 1]),
        (&|query| query.session = Some(SessionId(4)), &[3]),
        (&|query| query.kind = Some("sign_in".to_owned()), &[3, 1]),
        (&|query| query.message = Some("token".to_owned()), &[2, 1]),
        (&|query| query.until = NOON.plus_s(1), &[1]),
        (&|query| query.limit = 1, &[2]),
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
    assert_eq!((first, third), (1, 3));
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
    let next_day = row(NOON.plus_s(DAY_S), "sign_in");
    assert_eq!(runtime().block_on(log.append_durable(next_day)).unwrap(), 1);
}
