//! Mail on its way out: what is given to whoever sends, and what it costs to find it.

use std::collections::BTreeSet;

use rusqlite::{Connection, StatementStatus};
use types::{Address, QueueId, ReversePath, Timestamp};

use super::world::{ANN, HEAD, NOON, World, body, open};
use crate::migrate::MAIL;
use crate::queue::{
    Claim, Claimed, Deferral, Filter, NewQueued, NewRecipient, claim, defer, failed, find,
    give_back, holding, insert, keep, list, looks, mend_times, next_at, refresh, release_leases,
    remove, retrying, total, unholding, way_state, ways_due, works,
};
use crate::{Store, WriteTx, fate};

const LEASE: &str = "boot-1";
const WAY: &str = "example.net";

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn new_queued(recipients: &[(&str, &str)]) -> NewQueued {
    NewQueued {
        message: "token".to_owned(),
        account: Some(ANN),
        reverse_path: ReversePath::Address(address("ann@example.org")),
        blob: types::BlobId(0),
        head: HEAD.to_vec(),
        params: b"{}".to_vec(),
        created_at: NOON,
        expires_at: NOON.plus_s(100),
        look_at: NOON.plus_s(50),
        recipients: recipients
            .iter()
            .map(|(recipient, way)| NewRecipient {
                address: address(recipient),
                params: b"{}".to_vec(),
                way: (*way).to_owned(),
                due_at: NOON,
                held: None,
            })
            .collect(),
    }
}

fn queue(world: &World, new: NewQueued) -> Vec<QueueId> {
    let text = body(&world.store, "text");
    let write = move |tx: &mut WriteTx<'_>| {
        let blob = tx.put_blob(&text)?;
        let new = NewQueued {
            blob,
            ..new.clone()
        };
        insert(tx, &new)
    };
    world.store.write_blocking(write).unwrap()
}

pub(super) fn queue_one(world: &World, recipient: &str) -> QueueId {
    queue(world, new_queued(&[(recipient, WAY)]))[0]
}

/// What a way gives at a moment, with the rows that were not written by the server.
fn take(store: &Store, way: &'static str, at: Timestamp) -> (Option<Claimed>, Vec<QueueId>) {
    let write = move |tx: &mut WriteTx<'_>| {
        let mut forged = Vec::new();
        let wanted = Claim {
            way,
            due: at,
            lease: LEASE,
            until: at.plus_s(900),
            recipients_max: 2,
        };
        let claimed = claim(tx, &wanted, &mut forged)?;
        refresh(tx, way)?;
        Ok((claimed, forged))
    };
    store.write_blocking(write).unwrap()
}

fn ids(claimed: &Claimed) -> Vec<u64> {
    claimed.recipients.iter().map(|row| row.id.0).collect()
}

fn write<T: Send + 'static>(
    world: &World,
    work: impl Fn(&mut WriteTx<'_>) -> crate::StoreResult<T> + Send + 'static,
) -> T {
    world.store.write_blocking(work).unwrap()
}

fn due(world: &World, at: Timestamp) -> Vec<String> {
    let both = |tx: &crate::ReadTx<'_>| {
        let mut ways = ways_due(tx, at, false, 9)?;
        ways.extend(ways_due(tx, at, true, 9)?);
        Ok(ways)
    };
    world.store.read_blocking(both).unwrap()
}

#[test]
fn a_message_is_taken_with_those_that_go_its_way_and_comes_back_with_the_lease() {
    let world = World::new();
    let to = [
        ("a@example.net", WAY),
        ("b@example.net", WAY),
        ("c@example.net", WAY),
        ("d@other.test", "other.test"),
    ];
    queue(&world, new_queued(&to));
    assert_eq!(due(&world, NOON.plus_s(-1)), Vec::<String>::new());
    assert_eq!(due(&world, NOON), [WAY, "other.test"]);
    let first = take(&world.store, WAY, NOON).0.unwrap();
    assert_eq!(
        (ids(&first), first.message.head.as_slice()),
        (vec![1, 2], HEAD)
    );
    assert_eq!(ids(&take(&world.store, WAY, NOON).0.unwrap()), [3]);
    assert_eq!(take(&world.store, WAY, NOON).0, None);
    assert_eq!(due(&world, NOON), ["other.test"]);
    let after = NOON.plus_s(900);
    assert_eq!(due(&world, after), ["other.test", WAY]);
    assert_eq!(ids(&take(&world.store, WAY, after).0.unwrap()), [1, 2]);
}

#[test]
fn only_who_has_the_lease_says_what_became_of_a_row() {
    let world = World::new();
    let id = queue_one(&world, "bob@example.net");
    take(&world.store, WAY, NOON);
    let deferral = |due_s| Deferral {
        at: NOON,
        reply: "451 later",
        due_at: NOON.plus_s(due_s),
    };
    write(&world, move |tx| {
        defer(tx, id, "boot-2", &deferral(1))?;
        give_back(tx, id, "boot-2", NOON)?;
        keep(tx, id, "boot-2", NOON)
    });
    assert_eq!(take(&world.store, WAY, NOON.plus_s(899)).0, None);
    write(&world, move |tx| {
        defer(tx, id, LEASE, &deferral(300))?;
        refresh(tx, WAY)
    });
    let (_, row) = (world.store)
        .read_blocking(|tx| find(tx, id))
        .unwrap()
        .unwrap();
    assert_eq!((row.attempts, row.lease), (1, None));
    assert_eq!(row.last_reply.as_deref(), Some("451 later"));
    assert_eq!(take(&world.store, WAY, NOON.plus_s(299)).0, None);
    assert!(take(&world.store, WAY, NOON.plus_s(300)).0.is_some());
}

#[test]
fn the_last_recipient_takes_the_message_with_it() {
    let world = World::new();
    let to = [("a@example.net", WAY), ("b@example.net", WAY)];
    queue(&world, new_queued(&to));
    let left = "SELECT (SELECT COUNT(*) FROM queue_message) * 10
                     + (SELECT COUNT(*) FROM blob WHERE dead_at IS NOT NULL)";
    for (id, there, after) in [(1, true, 10), (1, false, 10), (2, true, 1), (9, false, 1)] {
        let was = write(&world, move |tx| remove(tx, QueueId(id), NOON));
        let left: u64 = world
            .intruder()
            .query_row(left, [], |row| row.get(0))
            .unwrap();
        assert_eq!((was, left), (there, after), "{id}");
    }
    write(&world, |tx| refresh(tx, WAY));
    let way = world.store.read_blocking(|tx| way_state(tx, WAY)).unwrap();
    assert_eq!(way, None, "nothing waits and nothing is wrong");
}

#[test]
fn a_row_changed_from_outside_is_never_given_and_holds_nobody_up() {
    for change in [
        "UPDATE queue SET recipient = 'eve@example.com' WHERE id = 1",
        "UPDATE queue SET params = x'7b7d20' WHERE id = 1",
        "UPDATE queue SET mac = x'00' WHERE id = 1",
        // The recipient of one message is given another one.
        "UPDATE queue SET message = 2 WHERE id = 1",
        "UPDATE queue_message SET reverse_path = '' WHERE id = 1",
        "UPDATE queue_message SET head = x'00' WHERE id = 1",
        "UPDATE queue_message SET account = 9 WHERE id = 1",
        "UPDATE queue_message SET params = x'7b7d20' WHERE id = 1",
        "UPDATE queue_message SET expires_at = expires_at + 1 WHERE id = 1",
        "UPDATE blob SET sha256 = zeroblob(32) WHERE id = 1",
        "DELETE FROM queue_message WHERE id = 1",
    ] {
        let world = World::new();
        let id = queue_one(&world, "bob@example.net");
        let mut other = new_queued(&[("carl@example.net", WAY)]);
        other.message = "other".to_owned();
        queue(&world, other);
        world.intruder().execute(change, []).unwrap();
        let (claimed, forged) = take(&world.store, WAY, NOON);
        assert_eq!(
            claimed.map(|claimed| ids(&claimed)),
            Some(vec![2]),
            "{change}"
        );
        assert_eq!(forged, [id], "{change}");
        let found = super::examine::examine(&world);
        let guarded = |fault: &&crate::Fault| fault.place == "queued message 1";
        assert_eq!(
            found.iter().filter(guarded).count(),
            1,
            "{change}: {found:?}"
        );
        assert_eq!(world.store.read_blocking(|tx| find(tx, id)).unwrap(), None);
        // Nobody can send it on by hand either: it is held again as soon as it is looked at.
        write(&world, move |tx| unholding(tx, &[id], NOON));
        assert_eq!(take(&world.store, WAY, NOON), (None, vec![id]), "{change}");
    }
}

#[test]
fn a_way_that_fails_is_left_in_peace_until_somebody_says_otherwise() {
    let world = World::new();
    let id = queue_one(&world, "bob@example.net");
    queue_one(&world, "carl@example.net");
    take(&world.store, WAY, NOON);
    write(&world, |tx| {
        failed(tx, WAY, (NOON, "no answer"), NOON.plus_s(600))?;
        failed(tx, WAY, (NOON, "no answer"), NOON.plus_s(600))?;
        refresh(tx, WAY)
    });
    let state = || world.store.read_blocking(|tx| way_state(tx, WAY)).unwrap();
    let known = state().unwrap();
    assert_eq!((known.failures, known.next_at), (2, Some(NOON.plus_s(600))));
    assert_eq!(known.last_reply.as_deref(), Some("no answer"));
    // More mail for it changes nothing.
    queue_one(&world, "dora@example.net");
    assert_eq!(due(&world, NOON.plus_s(599)), Vec::<String>::new());
    assert_eq!(due(&world, NOON.plus_s(600)), [WAY]);
    let next = world.store.read_blocking(|tx| next_at(tx, NOON)).unwrap();
    assert_eq!(next, Some(NOON.plus_s(600)));
    // What is being tried stays with who tries it.
    let retried = write(&world, move |tx| retrying(tx, &[id, QueueId(2)], NOON));
    assert_eq!((retried, due(&world, NOON)), (1, vec![WAY.to_owned()]));
    assert!(write(&world, |tx| works(tx, WAY)));
    assert!(!write(&world, |tx| works(tx, WAY)));
    assert_eq!(state().unwrap().failures, 0);
}

#[test]
fn held_rows_wait_until_they_are_released() {
    let world = World::new();
    let id = queue_one(&world, "bob@example.net");
    assert_eq!(
        write(&world, move |tx| holding(tx, &[id], "a look first")),
        1
    );
    assert_eq!(write(&world, move |tx| holding(tx, &[id], "again")), 0);
    let later = NOON.plus_s(1_000_000);
    assert_eq!(due(&world, later), Vec::<String>::new());
    assert_eq!(take(&world.store, WAY, later).0, None);
    let looked = world.store.read_blocking(|tx| looks(tx, later, 9)).unwrap();
    assert_eq!(looked.rows, [], "and does not grow old meanwhile");
    let counted = world.store.read_blocking(total).unwrap();
    assert_eq!(
        (counted.waiting, counted.held, counted.oldest),
        (1, 1, Some(NOON))
    );
    assert_eq!(write(&world, move |tx| unholding(tx, &[id], later)), 1);
    assert_eq!(write(&world, move |tx| unholding(tx, &[id], later)), 0);
    assert_eq!(due(&world, later), [WAY]);
}

#[test]
fn a_start_takes_back_what_was_leased_to_the_dead() {
    let world = World::new();
    queue_one(&world, "bob@example.net");
    take(&world.store, WAY, NOON);
    assert_eq!(write(&world, |tx| release_leases(tx, NOON)), 1);
    assert_eq!(write(&world, |tx| release_leases(tx, NOON)), 0);
    assert!(take(&world.store, WAY, NOON).0.is_some());
}

#[test]
fn a_clock_that_was_ahead_puts_nothing_off() {
    let world = World::new();
    let (a_year, a_day) = (31_536_000, 86_400);
    let mut ahead = new_queued(&[("bob@example.net", WAY)]);
    ahead.recipients[0].due_at = NOON.plus_s(a_year);
    queue(&world, ahead);
    write(&world, move |tx| {
        failed(tx, WAY, (NOON, "no answer"), NOON.plus_s(a_year))
    });
    assert_eq!(due(&world, NOON.plus_s(a_day)), Vec::<String>::new());
    let mended = write(&world, move |tx| mend_times(tx, NOON, NOON.plus_s(a_day)));
    assert_eq!((mended, due(&world, NOON)), (1, vec![WAY.to_owned()]));
    assert_eq!(
        write(&world, move |tx| mend_times(tx, NOON, NOON.plus_s(a_day))),
        0
    );
}

// long: a table of questions.
#[test]
fn rows_are_listed_by_what_is_asked() {
    let world = World::new();
    queue(
        &world,
        new_queued(&[("a@example.net", WAY), ("b@other.test", "other.test")]),
    );
    let null = NewQueued {
        message: "second".to_owned(),
        reverse_path: ReversePath::Null,
        ..new_queued(&[("c@example.net", WAY)])
    };
    queue(&world, null);
    write(&world, |tx| holding(tx, &[QueueId(3)], "why"));
    let text = |text: &str| Some(text.to_owned());
    let any = Filter::default();
    for (filter, expected) in [
        (any.clone(), &[1, 2, 3][..]),
        (
            Filter {
                way: text(WAY),
                ..any.clone()
            },
            &[1, 3],
        ),
        (
            Filter {
                sender: text("ANN@example.org"),
                ..any.clone()
            },
            &[1, 2],
        ),
        (
            Filter {
                sender: text(""),
                ..any.clone()
            },
            &[3],
        ),
        (
            Filter {
                recipient: text("B@other.test"),
                ..any.clone()
            },
            &[2],
        ),
        (
            Filter {
                message: text("second"),
                ..any.clone()
            },
            &[3],
        ),
        (
            Filter {
                held: Some(false),
                ..any.clone()
            },
            &[1, 2],
        ),
        (
            Filter {
                after: 2,
                ..any.clone()
            },
            &[3],
        ),
    ] {
        let page = world
            .store
            .read_blocking(|tx| list(tx, &filter, 9))
            .unwrap();
        let found: Vec<_> = page.rows.iter().map(|(_, row)| row.id.0).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}

/// A queue of 100,000 messages for 1,000 places, each with as many.
fn crowd(world: &World) {
    let text = body(&world.store, "text");
    let write = move |tx: &mut WriteTx<'_>| {
        let blob = tx.put_blob(&text)?;
        for number in 0..100_000 {
            let way = format!("d{}.test", number % 1_000);
            let recipient = format!("u{number}@{way}");
            let new = NewQueued {
                blob,
                message: format!("token{number}"),
                ..new_queued(&[(recipient.as_str(), way.as_str())])
            };
            insert(tx, &new)?;
        }
        // 900 of them do not answer.
        for number in 100..1_000 {
            let way = format!("d{number}.test");
            failed(tx, &way, (NOON, "no answer"), NOON.plus_s(3_600))?;
            refresh(tx, &way)?;
        }
        Ok(())
    };
    world.store.write_blocking(write).unwrap();
}

#[test]
fn nine_hundred_dead_places_cost_the_living_nothing() {
    let world = World::new();
    crowd(&world);
    let living = |tx: &crate::ReadTx<'_>| ways_due(tx, NOON, false, 1_000);
    let ways = world.store.read_blocking(living).unwrap();
    let expected: BTreeSet<_> = (0..100).map(|number| format!("d{number}.test")).collect();
    assert_eq!(ways.into_iter().collect::<BTreeSet<_>>(), expected);
    let dead = |tx: &crate::ReadTx<'_>| ways_due(tx, NOON, true, 1_000);
    assert_eq!(
        world.store.read_blocking(dead).unwrap(),
        Vec::<String>::new()
    );
    // The database counts itself what it looks through: none of these questions looks through all.
    let conn = world.intruder();
    for (sql, rows) in [
        (
            "SELECT way FROM queue_way WHERE failures = 0 AND next_at <= ?1 ORDER BY next_at LIMIT 100",
            100,
        ),
        (
            "SELECT due_at, message FROM queue WHERE way = 'd7.test' AND held IS NULL AND due_at <= ?1 ORDER BY due_at, message LIMIT 1",
            1,
        ),
        (
            "SELECT due_at FROM queue WHERE way = 'd7.test' AND held IS NULL AND ?1 > 0 ORDER BY due_at LIMIT 1",
            1,
        ),
        (
            "SELECT id FROM queue WHERE held IS NULL AND look_at <= ?1 - 1 ORDER BY look_at LIMIT 9",
            0,
        ),
    ] {
        assert_eq!(steps(&conn, sql), (rows, 0, 0), "{sql}");
    }
    // What was handed out is not looked through again.
    let work = |conn: &Connection, at: Timestamp| {
        let sql = "SELECT id FROM queue WHERE way = 'd7.test' AND held IS NULL AND due_at <= ?1 ORDER BY due_at, message LIMIT 1";
        let mut statement = conn.prepare(sql).unwrap();
        let _: Vec<i64> = statement
            .query_map([at.0], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        statement.get_status(StatementStatus::VmStep)
    };
    let at_first = work(&conn, NOON);
    for way in ["d7.test", "d8.test"] {
        for _ in 0..100 {
            assert!(take(&world.store, way, NOON).0.is_some());
        }
        assert_eq!(take(&world.store, way, NOON).0, None);
    }
    assert!(
        work(&conn, NOON) <= at_first + 10,
        "what is leased is not looked through"
    );
}

/// Rows given, full-scan steps and sorts of a question.
fn steps(conn: &Connection, sql: &str) -> (usize, i32, i32) {
    let mut statement = conn.prepare(sql).unwrap();
    let found = statement.query_map([NOON.0], |_| Ok(())).unwrap().count();
    (
        found,
        statement.get_status(StatementStatus::FullscanStep),
        statement.get_status(StatementStatus::Sort),
    )
}

#[test]
fn the_format_before_is_opened_with_its_empty_queue() {
    let dir = tempfile::tempdir().unwrap();
    let conn = Connection::open(dir.path().join("mail.db")).unwrap();
    for (_, sql) in &MAIL.steps[..12] {
        conn.execute_batch(sql).unwrap();
    }
    conn.execute_batch(
        "INSERT INTO fate (message, at, config_size, account, recipient, action, target, rules,
                session, size, reverse_path, message_id, settled)
         VALUES ('old', 5, 40, NULL, 'ann@example.org', 'sink', 'drop@webmail.test', x'5b5d', 3, 900,
                '', '', 1);
         PRAGMA application_id = 0x5345414c; PRAGMA user_version = 12;",
    )
    .unwrap();
    drop(conn);
    let store = open(dir.path());
    assert_eq!(store.migrated().first(), Some(&"0013_outbound"));
    let read = |tx: &crate::ReadTx<'_>| {
        let key = fate::FateKey::SentTo("DROP@webmail.test");
        Ok((
            fate::find(tx, key, Timestamp(0), Timestamp(9), 10)?,
            total(tx)?.waiting,
        ))
    };
    let (found, waiting) = store.read_blocking(read).unwrap();
    assert_eq!(
        (found.len(), found[0].outcome.as_ref(), waiting),
        (1, None, 0)
    );
}
