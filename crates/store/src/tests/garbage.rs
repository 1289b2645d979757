//! When a body's room is given back, and when not.

use std::fs;
use std::os::unix::fs::MetadataExt;

use tokio::runtime::{Builder, Runtime};
use types::{EmailId, Timestamp};

use super::world::{ANN, NOON, World, body, by_client, new_email};
use crate::{BlobRef, Garbage, StoreError, email, message, recoverable};

const DAY_S: i64 = 24 * 60 * 60;

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn collect(world: &World, now: Timestamp) -> Garbage {
    runtime()
        .block_on(world.store.collect_garbage(now))
        .unwrap()
}

fn blob_of(world: &World, email: EmailId) -> BlobRef {
    world
        .store
        .read_blocking(|tx| email::body(tx, email))
        .unwrap()
}

#[test]
fn a_body_is_freed_a_day_after_its_last_message_has_gone_for_good() {
    let world = World::new();
    let inbox = world.inbox();
    let text = "x".repeat(100_000);
    let blob = blob_of(&world, world.deliver(inbox, &text).email);
    world.expunge(inbox, &[1]);
    let over = by_client().until.plus_s(1);
    assert_eq!(collect(&world, NOON.plus_s(DAY_S)), Garbage::default());
    let purged = collect(&world, over);
    assert_eq!((purged.messages, purged.bodies), (1, 0));
    assert_eq!(collect(&world, over.plus_s(DAY_S - 1)), Garbage::default());
    let lease = world.store.lease();
    assert_eq!(collect(&world, over.plus_s(DAY_S)), Garbage::default());
    drop(lease);
    let pack = world.dir.path().join("pack/000001");
    let blocks = fs::metadata(&pack).unwrap().blocks();
    let freed = collect(&world, over.plus_s(DAY_S));
    assert_eq!((freed.bodies, freed.octets), (1, 100_000));
    assert!(fs::metadata(&pack).unwrap().blocks() < blocks);
    let gone = world.store.read_blocking(|tx| tx.read_blob(&blob));
    assert!(matches!(gone, Err(StoreError::Damaged(_))));
    world.deliver(inbox, "the pack goes on");
    let world = world.reopen(|_| {});
    let found = blob_of(&world, world.rows(inbox)[0].email);
    let read = world
        .store
        .read_blocking(|tx| tx.read_blob(&found))
        .unwrap();
    assert_eq!(read, b"the pack goes on");
}

#[test]
fn a_shared_body_lives_as_long_as_one_message_does() {
    let world = World::new();
    let inbox = world.inbox();
    let text = body(&world.store, "shared");
    let second = world
        .store
        .write_blocking(move |tx| {
            let blob = tx.put_blob(&text)?;
            message::deliver(tx, ANN, inbox, &new_email(blob))?;
            message::deliver(tx, ANN, inbox, &new_email(blob))
        })
        .unwrap();
    world.expunge(inbox, &[1]);
    let over = by_client().until.plus_s(1);
    assert_eq!(collect(&world, over).messages, 1);
    assert_eq!(collect(&world, over.plus_s(2 * DAY_S)), Garbage::default());
    let blob = blob_of(&world, second.email);
    let read = world.store.read_blocking(|tx| tx.read_blob(&blob)).unwrap();
    assert_eq!(read, b"shared");
}

#[test]
fn a_message_brought_back_is_not_purged() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver(inbox, "text");
    world.expunge(inbox, &[1]);
    let page = world
        .store
        .read_blocking(|tx| recoverable::list(tx, ANN, None, 9))
        .unwrap();
    let id = page.rows[0].id;
    world
        .store
        .write_blocking(move |tx| recoverable::restore(tx, ANN, id, inbox, NOON))
        .unwrap();
    assert_eq!(
        collect(&world, NOON.plus_s(100 * DAY_S)),
        Garbage::default()
    );
    assert_eq!(world.rows(inbox).len(), 1);
}

#[test]
fn a_sealed_segment_without_bodies_is_unlinked() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver(inbox, "text");
    world.expunge(inbox, &[1]);
    // A torn tail makes the store begin a second segment.
    let world = world.reopen(|dir| {
        let path = dir.join("pack/000001");
        let torn = [fs::read(&path).unwrap(), b"body\0".to_vec()].concat();
        fs::write(path, torn).unwrap();
    });
    let over = by_client().until.plus_s(1);
    collect(&world, over);
    assert!(world.dir.path().join("pack/000001").exists());
    collect(&world, over.plus_s(DAY_S));
    assert!(!world.dir.path().join("pack/000001").exists());
    assert!(world.dir.path().join("pack/000002").exists());
}
