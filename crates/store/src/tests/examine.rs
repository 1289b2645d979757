//! What is damaged is found and named; what can be put right from what exists is put right.

use std::fs;
use std::os::unix::fs::FileExt as _;

use types::MailboxId;

use super::world::{ANN, HEAD, NOON, World, deliver};
use crate::examine::FAULTS_MAX;
use crate::{DAMAGED_MAILBOX, Fault, Part, Repair, StoreError, email, mailbox};

pub(super) fn examine(world: &World) -> Vec<Fault> {
    world.store.examine_blocking(&mut |_, _, _| {}).unwrap()
}

pub(super) fn repair(world: &World, faults: &[Fault]) {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    for repair in faults.iter().filter_map(|fault| fault.repair.clone()) {
        runtime.block_on(world.store.repair(repair, NOON)).unwrap();
    }
}

/// Three messages in INBOX; the first and the third have the same body.
pub(super) fn filled() -> (World, MailboxId) {
    let world = World::new();
    let inbox = world.inbox();
    for text in ["the same", "another", "the same"] {
        world.deliver(inbox, text);
    }
    (world, inbox)
}

/// Changes an octet of the first body that has this text.
fn flip(world: &World, text: &[u8]) {
    let path = world.dir.path().join("pack/000001");
    let octets = fs::read(&path).unwrap();
    let at = octets
        .windows(text.len())
        .position(|window| window == text)
        .unwrap();
    let pack = fs::File::options().write(true).open(path).unwrap();
    pack.write_all_at(&[octets[at] ^ 4], at as u64).unwrap();
}

/// The texts that can be read in a mailbox; `None` for those that cannot.
fn texts(world: &World, mailbox: MailboxId) -> Vec<Option<String>> {
    let read = |id| {
        let body = world
            .store
            .read_blocking(|tx| tx.read_blob(&email::body(tx, id)?));
        body.ok().map(|body| String::from_utf8(body).unwrap())
    };
    world
        .rows(mailbox)
        .iter()
        .map(|row| read(row.email))
        .collect()
}

#[test]
fn a_sound_store_has_no_fault_and_is_told_of_to_the_end() {
    let (world, inbox) = filled();
    world.expunge(inbox, &[2]);
    let mut ends = Vec::new();
    let mut tell = |part, done, all| {
        if done == all && all > 0 {
            ends.push(part);
        }
    };
    assert_eq!(world.store.examine_blocking(&mut tell).unwrap(), []);
    assert_eq!(
        ends,
        [
            Part::Tables,
            Part::Bodies,
            Part::Messages,
            Part::Counters,
            Part::Guarded
        ]
    );
}

#[test]
fn a_damaged_body_is_replaced_by_its_twin() {
    let (world, inbox) = filled();
    flip(&world, b"the same");
    assert_eq!(
        texts(&world, inbox)
            .iter()
            .filter(|text| text.is_none())
            .count(),
        1
    );
    let faults = examine(&world);
    assert!(
        matches!(
            faults[..],
            [Fault {
                repair: Some(Repair::Replace(..)),
                ..
            }]
        ),
        "{faults:?}"
    );
    assert_eq!(faults[0].place, "message UID 1 in INBOX of account a_7");
    repair(&world, &faults);
    assert_eq!(examine(&world), []);
    assert_eq!(texts(&world, inbox)[0].as_deref(), Some("the same"));
}

#[test]
fn a_damaged_message_without_a_twin_is_set_aside_and_stays() {
    let (world, inbox) = filled();
    flip(&world, b"another");
    let faults = examine(&world);
    assert!(matches!(
        faults[..],
        [Fault {
            repair: Some(Repair::SetAside(ANN, _)),
            is_aside: false,
            ..
        }]
    ));
    repair(&world, &faults);
    repair(&world, &faults);
    assert!(texts(&world, inbox).iter().all(Option::is_some));
    let aside = world.mailbox(DAMAGED_MAILBOX);
    assert_eq!(texts(&world, aside), [None]);
    let id = world.rows(aside)[0].email;
    let head = world.store.read_blocking(|tx| email::find(tx, id)).unwrap();
    assert_eq!(head.unwrap().octets, (HEAD.len() + "another".len()) as u64);
    let again = examine(&world);
    assert!(
        matches!(
            again[..],
            [Fault {
                repair: None,
                is_aside: true,
                ..
            }]
        ),
        "{again:?}"
    );
}

#[test]
fn rows_that_do_not_fit_are_found_and_put_right() {
    for (sql, part) in [
        (
            "UPDATE mailbox SET messages = 99, unseen = 0",
            Part::Counters,
        ),
        ("UPDATE mailbox SET uidnext = 2", Part::Counters),
        ("UPDATE mailbox SET modseq = 0", Part::Counters),
        (
            "UPDATE account_state SET octets = 1, modseq = 0",
            Part::Counters,
        ),
        (
            "UPDATE account_state SET recoverable_octets = 5",
            Part::Counters,
        ),
        ("UPDATE blob SET dead_at = 1 WHERE id = 2", Part::Bodies),
        (
            "UPDATE email SET octets = octets + 1 WHERE id = 2",
            Part::Messages,
        ),
        ("DELETE FROM arrival WHERE uid = 2", Part::Messages),
    ] {
        let (world, inbox) = filled();
        let status = |world: &World| {
            let status = world
                .store
                .read_blocking(|tx| mailbox::status(tx, inbox))
                .unwrap();
            (status.messages, status.uid_next.0)
        };
        world.intruder().execute_batch(sql).unwrap();
        let faults = examine(&world);
        assert_eq!(faults[0].part, part, "{sql}: {faults:?}");
        // What was set aside changes counters, which the next look brings to light.
        repair(&world, &faults);
        repair(&world, &examine(&world));
        let left = examine(&world);
        assert!(
            left.iter().all(|fault| fault.repair.is_none()),
            "{sql}: {left:?}"
        );
        let aside = part == Part::Messages;
        assert_eq!(status(&world), (if aside { 2 } else { 3 }, 4), "{sql}");
        assert_eq!(deliver(&world.store, inbox, "next").uid.0, 4, "{sql}");
    }
}

#[test]
fn a_damaged_page_is_told_and_the_rest_goes_on() {
    let (world, inbox) = filled();
    let world = world.reopen(|dir| {
        let conn = rusqlite::Connection::open(dir.join("mail.db")).unwrap();
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'session'";
        let page: u64 = conn.query_row(sql, [], |row| row.get(0)).unwrap();
        drop(conn);
        let file = fs::File::options()
            .write(true)
            .open(dir.join("mail.db"))
            .unwrap();
        file.write_all_at(&[0xa5; 4_096], (page - 1) * 4_096)
            .unwrap();
    });
    let faults = examine(&world);
    assert!(
        faults
            .iter()
            .any(|fault| fault.place == "table session of mail.db"),
        "{faults:?}"
    );
    let touched = world
        .store
        .write_blocking(|tx| tx.run("DELETE FROM session WHERE id = 1", []));
    assert!(
        matches!(touched, Err(StoreError::Damaged(_))),
        "{touched:?}"
    );
    assert_eq!(world.store.failure(), None);
    world.deliver(inbox, "still");
    assert_eq!(texts(&world, inbox).len(), 4);
    assert!(texts(&world, inbox).iter().all(Option::is_some));
}

#[test]
fn what_lies_behind_a_thousand_faults_is_said_to_be_unseen() {
    let (world, _) = filled();
    let orphans = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                   INSERT INTO blob (sha256, octets, segment, start)
                   SELECT zeroblob(32), 1, 1, 8 FROM n";
    let insert = move |tx: &mut crate::WriteTx<'_>| tx.run(orphans, [FAULTS_MAX + 1]).map(drop);
    world.store.write_blocking(insert).unwrap();
    let faults = examine(&world);
    assert_eq!(faults.len(), FAULTS_MAX + 1);
    let rest = faults.iter().filter(|fault| fault.part == Part::Rest);
    assert_eq!(rest.count(), 1);
}

#[test]
fn a_look_ends_when_the_server_stops() {
    for part in [Part::Tables, Part::Bodies, Part::Messages, Part::Counters] {
        let (world, _) = filled();
        let mut told = Vec::new();
        let broken_off = world.store.examine_blocking(&mut |now, _, _| {
            told.push(now);
            if now == part {
                world.store.end_look();
            }
        });
        assert!(matches!(broken_off, Err(StoreError::Stopped)), "{part:?}");
        assert_eq!(told.last(), Some(&part));
    }
}
