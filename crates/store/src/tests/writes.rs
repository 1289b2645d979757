//! Group commit: who is answered what, and what remains.

use std::fs;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::world::{ANN, HEAD, World, body, new_email, open, options};
use crate::writer::Urgency;
use crate::{Change, Store, StoreError, StoreResult, WriteTx, mailbox, message};

type Answer<T> = oneshot::Receiver<StoreResult<T>>;

fn submit<T: Send + 'static>(
    store: &Store,
    closure: impl FnMut(&mut WriteTx<'_>) -> StoreResult<T> + Send + 'static,
) -> Answer<T> {
    store.submit(closure, Urgency::Ordinary).unwrap()
}

/// Keeps the writer busy, so that what is submitted meanwhile becomes one group.
fn hold(store: &Store) -> impl FnOnce() + use<> {
    let (release, released) = channel::<()>();
    let (begun, begins) = channel();
    let held = submit(store, move |_| {
        begun.send(()).unwrap();
        // Ends when the other side is dropped.
        let _closed = released.recv();
        Ok(())
    });
    begins.recv().unwrap();
    move || {
        drop(release);
        held.blocking_recv().unwrap().unwrap();
    }
}

fn note(tx: &mut WriteTx<'_>, key: &str) -> StoreResult<()> {
    tx.run("INSERT INTO meta (key, value) VALUES (?1, '')", [key])?;
    Ok(())
}

fn noted(store: &Store) -> Vec<String> {
    let sql = "SELECT key FROM meta WHERE key NOT IN ('made_by', 'fates_settled') ORDER BY key";
    store
        .read_blocking(|tx| tx.all(sql, [], |row| row.get(0)))
        .unwrap()
}

#[test]
fn a_failing_job_leaves_its_neighbours_untouched() {
    let world = World::new();
    let release = hold(&world.store);
    let first = submit(&world.store, |tx| note(tx, "first"));
    let refused = submit(&world.store, |tx| {
        note(tx, "refused")?;
        Err::<(), _>(StoreError::MailboxExists)
    });
    let broken = submit(&world.store, |tx| {
        note(tx, "broken")?;
        note(tx, "broken")
    });
    let panicked = submit(&world.store, |tx| {
        note(tx, "panicked")?;
        note(tx, "panicked").unwrap();
        Ok(())
    });
    let last = submit(&world.store, |tx| note(tx, "last"));
    release();
    assert!(first.blocking_recv().unwrap().is_ok());
    let refused = refused.blocking_recv().unwrap();
    assert!(matches!(refused, Err(StoreError::MailboxExists)));
    assert!(matches!(
        broken.blocking_recv().unwrap(),
        Err(StoreError::Sql(_))
    ));
    assert!(matches!(
        panicked.blocking_recv().unwrap(),
        Err(StoreError::Panicked)
    ));
    assert!(last.blocking_recv().unwrap().is_ok());
    assert_eq!(noted(&world.store), ["first", "last"]);
}

#[test]
fn a_refused_delivery_leaves_no_octets_no_row_and_no_news() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver(inbox, "kept");
    let index = world.store.index_blocking(inbox).unwrap();
    let mut watcher = world.store.watch(inbox);
    let pack = world.dir.path().join("pack/000001");
    let octets = fs::metadata(&pack).unwrap().len();
    let refused = body(&world.store, "refused");
    let answer: StoreResult<()> = world.store.write_blocking(move |tx| {
        let blob = tx.put_blob(&refused)?;
        message::deliver(tx, ANN, inbox, &new_email(blob))?;
        Err(StoreError::NoSpace)
    });
    assert!(matches!(answer, Err(StoreError::NoSpace)));
    assert_eq!(watcher.try_recv(), Ok(None));
    assert_eq!(index.rows().len(), 1);
    assert_eq!(fs::metadata(&pack).unwrap().len(), octets);
    assert_eq!(world.deliver(inbox, "next").uid.0, 2);
}

#[test]
fn deliveries_of_one_group_become_one_change_in_commit_order() {
    let world = World::new();
    let inbox = world.inbox();
    let mut watcher = world.store.watch(inbox);
    let release = hold(&world.store);
    let answers: Vec<_> = (0..3)
        .map(|_| {
            let text = body(&world.store, "text");
            submit(&world.store, move |tx| {
                let blob = tx.put_blob(&text)?;
                message::deliver(tx, ANN, inbox, &new_email(blob))
            })
        })
        .collect();
    release();
    for answer in answers {
        answer.blocking_recv().unwrap().unwrap();
    }
    let Ok(Some(Change::Added { uids, .. })) = watcher.try_recv() else {
        panic!("no change was told");
    };
    assert_eq!(uids.iter().map(|uid| uid.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(watcher.try_recv(), Ok(None));
}

#[test]
fn a_full_queue_refuses() {
    let world = World::new();
    let release = hold(&world.store);
    let mut waiting = Vec::new();
    let refusal = loop {
        match world.store.submit(|_| Ok(()), Urgency::Ordinary) {
            Ok(answer) => waiting.push(answer),
            Err(err) => break err,
        }
    };
    release();
    assert!(matches!(refusal, StoreError::Busy));
    for answer in waiting {
        let answer: StoreResult<()> = answer.blocking_recv().unwrap();
        answer.unwrap();
    }
}

#[test]
fn with_little_space_mail_is_refused_but_the_ledger_is_not() {
    let world = World::new();
    world.store.write_blocking(|_| Ok(())).unwrap();
    let reserve = world.dir.path().join("ledger/reserve");
    assert!(reserve.exists());
    drop(world.store);
    let mut full = options();
    full.margin_octets = u64::MAX;
    let store = Store::open(world.dir.path(), &full).unwrap();
    let refused = store.write_blocking(|tx| note(tx, "mail"));
    assert!(matches!(refused, Err(StoreError::NoSpace)));
    assert!(store.is_low_on_space());
    assert!(reserve.exists());
    store
        .write_ledger_blocking(|tx| note(tx, "ledger"))
        .unwrap();
    assert!(reserve.exists(), "there is room enough without it");
    let small: StoreResult<()> = store
        .submit(|tx| note(tx, "small"), Urgency::Small)
        .unwrap()
        .blocking_recv()
        .unwrap();
    small.unwrap();
    assert_eq!(noted(&store), ["ledger", "small"]);
    assert!(store.failure().is_none());
    drop(store);
    let store = open(world.dir.path());
    store.write_blocking(|tx| note(tx, "mail")).unwrap();
}

#[test]
fn a_disk_that_fills_up_refuses_the_group_and_goes_on() {
    let world = World::new();
    let inbox = world.inbox();
    let pages = |limit: u64| {
        let sql = format!("PRAGMA max_page_count = {limit}");
        move |tx: &mut WriteTx<'_>| tx.one(&sql, [], |_| Ok(())).map(drop)
    };
    world.store.write_blocking(pages(1)).unwrap();
    let release = hold(&world.store);
    let small = submit(&world.store, |tx| note(tx, "small"));
    let large = submit(&world.store, |tx| note(tx, &"large".repeat(100_000)));
    release();
    for answer in [small, large] {
        let answer = answer.blocking_recv().unwrap();
        assert!(matches!(answer, Err(StoreError::NoSpace)), "{answer:?}");
    }
    assert!(world.store.failure().is_none());
    assert!(noted(&world.store).is_empty());
    world.store.write_blocking(pages(1 << 30)).unwrap();
    assert_eq!(world.deliver(inbox, "text").uid.0, 1);
}

#[test]
fn a_job_that_holds_the_last_handle_closes_the_store() {
    let World { dir, store } = World::new();
    let release = hold(&store);
    let held = store.clone();
    let answer = submit(&store, move |tx| {
        let _until_done = &held;
        note(tx, "last")
    });
    drop(store);
    release();
    answer.blocking_recv().unwrap().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let store = loop {
        match Store::open(dir.path(), &options()) {
            Ok(store) => break store,
            Err(err) => assert!(Instant::now() < deadline, "{err}"),
        }
    };
    assert_eq!(noted(&store), ["last"]);
}

#[test]
fn a_failed_sync_ends_the_store() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver(inbox, "kept");
    let lost = body(&world.store, "lost");
    let answer = world.store.write_blocking(move |tx| {
        tx.fail_next_sync();
        let blob = tx.put_blob(&lost)?;
        message::deliver(tx, ANN, inbox, &new_email(blob))
    });
    assert!(matches!(answer, Err(StoreError::Failed(_))));
    let later = world.store.write_blocking(|tx| note(tx, "later"));
    assert!(matches!(later, Err(StoreError::Failed(_))));
    let read = world.store.read_blocking(|tx| message::uids(tx, inbox));
    assert!(matches!(read, Err(StoreError::Failed(_))));
    assert!(world.store.failure().unwrap().contains("fdatasync"));
    let world = world.reopen(|_| {});
    assert_eq!(world.rows(inbox).len(), 1);
    assert_eq!(world.deliver(inbox, "next").uid.0, 2);
}

#[test]
fn a_foreign_commit_is_noticed_and_our_own_are_not() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver(inbox, "text");
    let wal = world.dir.path().join("mail.db-wal");
    let deadline = Instant::now() + Duration::from_secs(20);
    while fs::metadata(&wal).unwrap().len() > 0 {
        assert!(Instant::now() < deadline, "the log was never emptied");
        thread::park_timeout(Duration::from_millis(20));
    }
    world.deliver(inbox, "text");
    assert!(!world.store.foreign_commit_seen());
    world
        .intruder()
        .execute("UPDATE mailbox SET name = 'x' WHERE 0 = 1", [])
        .unwrap();
    world
        .intruder()
        .execute("UPDATE mailbox SET special_use = 'x'", [])
        .unwrap();
    world.deliver(inbox, "text");
    assert!(world.store.foreign_commit_seen());
    assert!(!world.store.foreign_commit_seen());
}

#[test]
fn only_a_fresh_connection_sees_octets_changed_below_the_database() {
    let world = World::new();
    world
        .store
        .write_blocking(|tx| note(tx, "a-rather-rare-word"))
        .unwrap();
    let world = world.reopen(|_| {});
    assert_eq!(noted(&world.store), ["a-rather-rare-word"]);
    let mut octets = fs::read(world.database()).unwrap();
    let places: Vec<usize> = (0..octets.len() - 18)
        .filter(|at| octets[*at..].starts_with(b"a-rather-rare-word"))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        octets[at..at + 18].copy_from_slice(b"a-rather-mean-word");
    }
    fs::write(world.database(), octets).unwrap();
    let sql = "SELECT key FROM meta WHERE key NOT IN ('made_by', 'fates_settled')";
    let fresh: Option<String> = world
        .store
        .read_fresh_blocking(|tx| tx.one(sql, [], |row| row.get(0)))
        .unwrap();
    assert_eq!(fresh.as_deref(), Some("a-rather-mean-word"));
}

#[test]
fn async_and_blocking_ways_give_the_same() {
    let world = World::new();
    let inbox = world.inbox();
    let delivered = world.deliver(inbox, "the body");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = &world.store;
        let found = store
            .read(move |tx| mailbox::status(tx, inbox))
            .await
            .unwrap();
        assert_eq!(found.messages, 1);
        let blob = store
            .read(move |tx| crate::email::body(tx, delivered.email))
            .await
            .unwrap();
        assert_eq!(store.read_blob(blob).await.unwrap(), b"the body");
        assert_eq!(store.read_blob_range(blob, 4, 2).await.unwrap(), b"bo");
        let index = store.index(inbox).await.unwrap();
        let octets = HEAD.len() as u64 + blob.octets();
        assert_eq!(index.row(delivered.uid).unwrap().octets, octets);
        let refused: Result<(), StoreError> =
            store.try_write(|_| Err(StoreError::MailboxExists)).await;
        assert!(matches!(refused, Err(StoreError::MailboxExists)));
        let mut watcher = store.watch(inbox);
        let set = crate::FlagsChange::Add(types::FlagSet::SEEN);
        store
            .write(move |tx| message::set_flags(tx, ANN, inbox, &[delivered.uid], set))
            .await
            .unwrap();
        assert!(matches!(watcher.recv().await, Ok(Change::Flags { .. })));
    });
}
