//! Session, recoverable and fate rows; rows that somebody else wrote.

use types::{AccountId, CredentialId, SessionId, Timestamp};

use super::queued::queue_one;
use super::world::{ANN, NOON, World};
use crate::fate::{Fate, FateKey};
use crate::session::NewSession;
use crate::{ReadTx, StoreError, WriteTx, fate, recoverable, session};

fn new_session() -> NewSession {
    NewSession {
        account: ANN,
        door: "imap".to_owned(),
        source: "192.0.2.7".to_owned(),
        credential: None,
        sign_in: 12,
        started_at: NOON,
    }
}

#[test]
fn a_session_ends_once() {
    let world = World::new();
    let id = world
        .store
        .write_blocking(|tx| session::insert(tx, &new_session()))
        .unwrap();
    for at in [NOON.plus_s(5), NOON.plus_s(9)] {
        world
            .store
            .write_blocking(move |tx| session::end(tx, id, at))
            .unwrap();
    }
    let found = world
        .store
        .read_blocking(|tx| session::find(tx, id))
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.begin, found.ended_at),
        (new_session(), Some(NOON.plus_s(5)))
    );
    let none = world
        .store
        .read_blocking(|tx| session::find(tx, SessionId(99)))
        .unwrap();
    assert_eq!(none, None);
}

#[test]
fn sessions_are_found_by_source_and_account_and_forged_ones_left_out() {
    let world = World::new();
    let begin = |tx: &mut WriteTx<'_>, at: Timestamp, source: &str| {
        let new = NewSession {
            source: source.to_owned(),
            started_at: at,
            ..new_session()
        };
        session::insert(tx, &new)
    };
    let make = move |tx: &mut WriteTx<'_>| {
        begin(tx, NOON, "192.0.2.7")?;
        begin(tx, NOON.plus_s(5), "192.0.2.8")?;
        begin(tx, NOON.plus_s(9), "192.0.2.7")
    };
    world.store.write_blocking(make).unwrap();
    let change = "UPDATE session SET source = '192.0.2.7' WHERE source = '192.0.2.8'";
    world.intruder().execute(change, []).unwrap();
    for (span, limit, expected) in [
        ((NOON, NOON.plus_s(60)), 9, &[3, 1][..]),
        ((NOON, NOON.plus_s(9)), 9, &[1]),
        ((NOON, NOON.plus_s(60)), 1, &[3]),
    ] {
        let read = (world.store).read_blocking(|tx| {
            Ok((
                session::from_source(tx, "192.0.2.7", span, limit)?,
                session::of_account(tx, ANN, span, limit)?,
            ))
        });
        let (by_source, by_account) = read.unwrap();
        let ids = |found: &[session::Session]| found.iter().map(|s| s.id.0).collect::<Vec<_>>();
        assert_eq!(ids(&by_source), expected, "{span:?}");
        assert_eq!(ids(&by_account), expected, "{span:?}");
    }
}

#[test]
fn the_first_session_of_an_account_from_a_source_is_found_behind_those_of_others() {
    let world = World::new();
    let begin = |tx: &mut WriteTx<'_>, account, at: i64| {
        let new = NewSession {
            account,
            started_at: NOON.plus_s(at),
            ..new_session()
        };
        session::insert(tx, &new)
    };
    let make = move |tx: &mut WriteTx<'_>| {
        let first = begin(tx, ANN, 0)?;
        let own = begin(tx, ANN, 5)?;
        for at in 10..1_200 {
            begin(tx, AccountId(9), at)?;
        }
        Ok((first, own))
    };
    let (first, own) = world.store.write_blocking(make).unwrap();
    let found = |until: i64, but| {
        let bounds = (NOON.plus_s(until), but);
        let read = |tx: &ReadTx<'_>| session::first_from(tx, ANN, "192.0.2.7", bounds);
        let found = world.store.read_blocking(read).unwrap();
        found.map(|session| session.id)
    };
    assert_eq!(found(2_000, None), Some(first));
    assert_eq!(found(2_000, Some(first)), Some(own));
    assert_eq!(found(0, None), None);
}

#[test]
fn a_session_row_changed_from_outside_is_an_error() {
    for change in [
        "UPDATE session SET account = 8",
        "UPDATE session SET sign_in = 13",
        "UPDATE session SET ended_at = NULL",
        "UPDATE session SET id = 5",
        "INSERT INTO session SELECT 5, account, door, source, credential, sign_in, started_at,
                ended_at, mac FROM session",
    ] {
        let world = World::new();
        let id = world
            .store
            .write_blocking(|tx| {
                let id = session::insert(tx, &new_session())?;
                session::end(tx, id, NOON)?;
                Ok(id)
            })
            .unwrap();
        world.intruder().execute(change, []).unwrap();
        let forged = if change.contains('5') {
            SessionId(5)
        } else {
            id
        };
        let found = world.store.read_blocking(|tx| session::find(tx, forged));
        assert!(matches!(found, Err(StoreError::BadMac { .. })), "{change}");
    }
}

#[test]
fn a_recoverable_row_changed_from_outside_is_not_restored() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver(inbox, "text");
    world.expunge(inbox, &[1]);
    world
        .intruder()
        .execute("UPDATE recoverable SET mailbox = 'Elsewhere'", [])
        .unwrap();
    let page = world
        .store
        .read_blocking(|tx| recoverable::list(tx, ANN, None, 9))
        .unwrap();
    assert_eq!((page.rows.len(), page.changed_outside.len()), (0, 1));
    let id = page.changed_outside[0];
    let restored = world
        .store
        .write_blocking(move |tx| recoverable::restore(tx, ANN, id, inbox, NOON));
    assert!(matches!(restored, Err(StoreError::BadMac { .. })));
}

fn some_fate(recipient: &str, at: Timestamp) -> Fate {
    Fate {
        message: "token".to_owned(),
        at,
        config_size: 40,
        account: Some(ANN),
        recipient: recipient.to_owned(),
        action: "store".to_owned(),
        target: "INBOX".to_owned(),
        rules: b"[]".to_vec(),
        session: Some(SessionId(3)),
        credential: Some(CredentialId(5)),
        size: 900,
        reverse_path: "bob@example.net".to_owned(),
        message_id: "<1@example.net>".to_owned(),
        params: Some(b"{}".to_vec()),
        outcome: Some(b"[]".to_vec()),
    }
}

#[test]
fn fates_are_found_by_every_key() {
    let world = World::new();
    let first = some_fate("ann@example.org", NOON);
    let second = Fate {
        action: "sink".to_owned(),
        target: "Drop@webmail.test".to_owned(),
        ..some_fate("sales@example.org", NOON.plus_s(1))
    };
    let rows = [first.clone(), second.clone()];
    world
        .store
        .write_blocking(move |tx| {
            fate::insert(tx, &rows[0], &["r_1@5".to_owned(), "r_1@5".to_owned()])?;
            fate::insert(tx, &rows[1], &[])
        })
        .unwrap();
    let both = [second, first];
    let find = |key, since, limit| {
        let find = |tx: &ReadTx<'_>| fate::find(tx, key, since, NOON.plus_s(9), limit);
        world.store.read_blocking(find).unwrap()
    };
    // The same before, while and after the indexes are filled.
    for max in [0, 1, 1] {
        let settled = world.store.write_blocking(move |tx| fate::settle(tx, max));
        assert_eq!(settled.unwrap(), max);
        for (key, expected) in [
            (FateKey::Message("token"), &both[..]),
            (FateKey::MessageId("<1@example.net>"), &both),
            (FateKey::Account(ANN), &both),
            (FateKey::Sender("bob@example.net"), &both),
            (FateKey::Any, &both),
            (FateKey::Recipient("ann@example.org"), &both[1..]),
            (FateKey::SentTo("drop@webmail.test"), &both[..1]),
            (FateKey::SentTo("INBOX"), &[]),
            (FateKey::Rule("r_1"), &both[1..]),
            (FateKey::Rule("r_11"), &[]),
        ] {
            assert_eq!(find(key, NOON, 10), expected, "{key:?}");
        }
        assert_eq!(find(FateKey::Account(ANN), NOON, 1), both[..1]);
        assert_eq!(find(FateKey::Account(ANN), NOON.plus_s(1), 10), both[..1]);
    }
    let again = world.store.write_blocking(|tx| fate::settle(tx, 1));
    assert_eq!(again.unwrap(), 0);
}

#[test]
fn rows_changed_from_outside_are_found_by_a_look_at_everything() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver(inbox, "text");
    world.expunge(inbox, &[1]);
    queue_one(&world, "bob@example.net");
    let begin = |tx: &mut WriteTx<'_>| session::insert(tx, &new_session());
    world.store.write_blocking(begin).unwrap();
    assert_eq!(super::examine::examine(&world), []);
    world
        .intruder()
        .execute_batch(
            "UPDATE session SET source = '192.0.2.8'; UPDATE recoverable SET until = until + 1;
             UPDATE queue SET recipient = 'eve@example.com'",
        )
        .unwrap();
    let found = super::examine::examine(&world);
    let places: Vec<_> = found.iter().map(|fault| fault.place.as_str()).collect();
    assert_eq!(
        places,
        ["session 1", "removed message 1", "queued message 1"]
    );
    assert!(found.iter().all(|fault| fault.repair.is_none()));
    world
        .intruder()
        .execute("UPDATE recoverable SET reason = 'whim'", [])
        .unwrap();
    let found = super::examine::examine(&world);
    assert!(
        found
            .iter()
            .any(|fault| fault.place.contains("of table recoverable")),
        "{found:?}"
    );
}
