//! Messages that wait to be moved into the table of their mailbox.

use types::{EmailId, FlagSet, MailboxId, ModSeq, Uid};

use super::world::{ANN, NOON, World, by_client, numbers, open};
use crate::migrate::MAIL;
use crate::{FlagsChange, IndexRow, StoreResult, WriteTx, arrival, mailbox, message};

/// Rows of `arrival` and of `mailbox_email`.
fn counts(world: &World) -> (u32, u32) {
    let sql = "SELECT (SELECT COUNT(*) FROM arrival), (SELECT COUNT(*) FROM mailbox_email)";
    let read = world
        .store
        .read_blocking(|tx| tx.one(sql, [], |row| Ok((row.get(0)?, row.get(1)?))));
    read.unwrap().unwrap()
}

fn set_id(world: &World, id: i64) {
    let sql = format!("UPDATE sqlite_sequence SET seq = {id} WHERE name = 'email'");
    world.intruder().execute_batch(&sql).unwrap();
}

/// What is read of a mailbox from the database in all ways there are.
fn all_reads(world: &World, inbox: MailboxId) -> impl PartialEq + std::fmt::Debug + use<> {
    let uids = numbers(&[1, 2, 3, 4, 9]);
    let read = world.store.read_blocking(|tx| {
        Ok((
            message::uids(tx, inbox)?,
            message::newest(tx, inbox, NOON, 2)?,
            message::saved_at(tx, inbox, Uid(2))?,
            message::saved_at(tx, inbox, Uid(9))?,
            message::places(tx, EmailId(2))?,
            message::deleted_octets(tx, inbox)?,
            message::changed_since(tx, inbox, &uids, ModSeq(2))?,
            message::index_state(tx, inbox)?,
        ))
    });
    read.unwrap()
}

#[test]
fn what_waits_is_read_like_what_was_moved() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver_many(inbox, "text", 3);
    assert_eq!(counts(&world), (3, 0));
    let waiting = all_reads(&world, inbox);
    let other = world.mailbox("Other");
    world.deliver(other, "text");
    let copy = move |tx: &mut WriteTx<'_>| arrival::settle(tx, inbox);
    world.store.write_blocking(copy).unwrap();
    assert_eq!(counts(&world), (1, 3));
    assert_eq!(all_reads(&world, inbox), waiting);
}

#[test]
fn a_mailbox_part_of_which_waits_is_read_in_order() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver_many(inbox, "text", 2);
    let copy = move |tx: &mut WriteTx<'_>| message::copy(tx, ANN, inbox, &[Uid(1)], inbox, NOON);
    world.store.write_blocking(copy).unwrap();
    world.deliver(inbox, "text");
    assert_eq!(counts(&world), (1, 3));
    let moved = world.mailbox("Moved");
    let put = move |tx: &mut WriteTx<'_>| message::copy(tx, ANN, inbox, &[Uid(4)], moved, NOON);
    world.deliver(moved, "waits");
    world.store.write_blocking(put).unwrap();
    assert_eq!(counts(&world), (1, 5));
    let world = world.reopen(|_| {});
    let uids = |mailbox| -> Vec<u32> { world.rows(mailbox).iter().map(|row| row.uid.0).collect() };
    assert_eq!(uids(inbox), [1, 2, 3, 4]);
    assert_eq!(uids(moved), [1, 2]);
}

#[test]
fn whatever_changes_a_mailbox_finds_what_waits_in_it() {
    type Change = fn(&mut WriteTx<'_>, MailboxId, MailboxId) -> StoreResult<usize>;
    let changes: [(&str, Change, (u32, u32)); 4] = [
        (
            "flags",
            |tx, inbox, _| {
                let change = FlagsChange::Add(FlagSet::SEEN);
                Ok(message::set_flags(tx, ANN, inbox, &[Uid(2)], change)?.len())
            },
            (0, 3),
        ),
        (
            "copy",
            |tx, inbox, to| Ok(message::copy(tx, ANN, inbox, &[Uid(2)], to, NOON)?.len()),
            (0, 4),
        ),
        (
            "move",
            |tx, inbox, to| Ok(message::move_(tx, ANN, inbox, &[Uid(2)], to, NOON)?.len()),
            (0, 3),
        ),
        (
            "expunge",
            |tx, inbox, _| Ok(message::expunge(tx, ANN, inbox, &[Uid(2)], &by_client())?.len()),
            (0, 2),
        ),
    ];
    for (what, change, expected) in changes {
        let world = World::new();
        let (inbox, to) = (world.inbox(), world.mailbox("To"));
        world.deliver_many(inbox, "text", 3);
        let changed = world.store.write_blocking(move |tx| change(tx, inbox, to));
        assert_eq!(changed.unwrap(), 1, "{what}");
        assert_eq!(counts(&world), expected, "{what}");
        let known = (world.rows(inbox), world.rows(to));
        let world = world.reopen(|_| {});
        assert_eq!((world.rows(inbox), world.rows(to)), known, "{what}");
    }
}

#[test]
fn one_message_of_many_moves_all_that_wait() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver_many(inbox, "text", 2);
    set_id(&world, 2_046);
    world.deliver(inbox, "the last before");
    assert_eq!(counts(&world), (3, 0));
    world.deliver(inbox, "the one that is due");
    assert_eq!(counts(&world), (1, 3));
    assert_eq!(world.rows(inbox).len(), 4);
}

#[test]
fn a_question_reads_no_more_of_a_table_than_it_is_about() {
    let world = World::new();
    for question in [
        "SELECT uid, email FROM in_mailbox WHERE mailbox = 1 ORDER BY uid",
        "SELECT uid FROM in_mailbox WHERE mailbox = 1 AND received_at >= 5 ORDER BY uid DESC LIMIT 3",
        "SELECT saved_at FROM in_mailbox WHERE mailbox = 1 AND uid = 2",
        "SELECT SUM(octets) FROM in_mailbox WHERE mailbox = 1 AND flags & 8 <> 0",
        "SELECT mailbox, uid FROM in_mailbox WHERE email = 1 ORDER BY mailbox, uid",
        "SELECT m.name FROM in_mailbox me JOIN mailbox m ON m.id = me.mailbox WHERE me.email = 1",
        "SELECT EXISTS (SELECT 1 FROM in_mailbox m WHERE m.email = e.id AND m.octets <> e.octets)
           FROM email e WHERE e.id >= 1 AND e.id <= 9",
        "DELETE FROM email WHERE id = 1 AND NOT EXISTS (SELECT 1 FROM in_mailbox WHERE email = 1)",
    ] {
        let plan = format!("EXPLAIN QUERY PLAN {question}");
        let steps: Vec<String> = world
            .store
            .read_blocking(|tx| tx.all(&plan, [], |row| row.get(3)))
            .unwrap();
        let scans = |step: &String| step.starts_with("SCAN mailbox_email");
        assert!(!steps.iter().any(scans), "{question}: {steps:?}");
    }
}

#[test]
fn mailboxes_of_an_earlier_format_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let conn = rusqlite::Connection::open(dir.path().join("mail.db")).unwrap();
    for (_, sql) in &MAIL.steps[..8] {
        conn.execute_batch(sql).unwrap();
    }
    conn.execute_batch(
        "INSERT INTO mailbox (account, name, uidvalidity, uidnext, modseq, tombstone_floor,
                special_use, messages, unseen, deleted, octets)
         VALUES (7, 'INBOX', 3, 7, 5, 2, NULL, 2, 1, 0, 9);
         INSERT INTO mailbox_email VALUES (1, 4, 11, 1, 4, 3, 50, 4, 60), (1, 6, 12, 0, 5, 5, 51, 5, 61);
         PRAGMA application_id = 0x5345414c; PRAGMA user_version = 8;",
    )
    .unwrap();
    drop(conn);
    let store = open(dir.path());
    let read = store.read_blocking(|tx| {
        let inbox = mailbox::find(tx, ANN, &"INBOX".parse().unwrap())?.unwrap();
        Ok((
            message::index_state(tx, inbox.id)?.rows,
            message::saved_at(tx, inbox.id, Uid(6))?,
        ))
    });
    let (rows, saved_at) = read.unwrap();
    let known = |row: &IndexRow| (row.uid.0, row.email.0, row.modseq.0, row.octets);
    let rows: Vec<_> = rows.iter().map(known).collect();
    assert_eq!(rows, [(4, 11, 4, 4), (6, 12, 5, 5)]);
    assert_eq!(saved_at.map(|at| at.0), Some(51));
}
