//! A reader that stays for long beside a busy writer, as a backup or a look at everything does.

use std::fs;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use types::MailboxId;

use super::world::{ANN, World, body, new_email};
use crate::message;

/// Messages that are written while the reader stays, and how many in one transaction.
const WRITTEN: u32 = 4_000;
const AT_ONCE: u32 = 100;
/// Longest wait for one transaction, which holds of a disk that is busy with other things too.
const WRITE_MAX: Duration = Duration::from_secs(10);

#[test]
fn a_long_reader_sees_one_picture_stops_nobody_and_leaves_no_log_behind() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver(inbox, "before");
    let wal = world.dir.path().join("mail.db-wal");
    let (go, gone) = channel::<()>();
    let (begun, begins) = channel();
    thread::scope(|scope| {
        let store = &world.store;
        let reader = scope.spawn(move || {
            let picture = store.read_blocking(|tx| {
                let first = message::uids(tx, inbox)?;
                begun.send(()).unwrap();
                // Ends when the other side is dropped.
                let _closed = gone.recv();
                Ok((first, message::uids(tx, inbox)?))
            });
            picture.unwrap()
        });
        begins.recv().unwrap();
        write_much(&world, inbox);
        let seen = world.store.read_blocking(|tx| message::uids(tx, inbox));
        assert_eq!(seen.unwrap().len(), WRITTEN as usize + 1);
        let held_back = fs::metadata(&wal).unwrap().len();
        assert!(held_back > 0, "nothing was held back");
        drop(go);
        let (first, last) = reader.join().unwrap();
        assert_eq!((first.len(), &first), (1, &last), "the picture moved");
    });
    let deadline = Instant::now() + Duration::from_secs(60);
    while fs::metadata(&wal).unwrap().len() > 0 {
        assert!(Instant::now() < deadline, "the log was never emptied");
        thread::park_timeout(Duration::from_millis(20));
    }
    let world = world.reopen(|_| {});
    assert_eq!(world.rows(inbox).len(), WRITTEN as usize + 1);
}

fn write_much(world: &World, inbox: MailboxId) {
    for round in 0..WRITTEN / AT_ONCE {
        let text = body(&world.store, &format!("round {round}"));
        let started = Instant::now();
        let written = world.store.write_blocking(move |tx| {
            let blob = tx.put_blob(&text)?;
            for _ in 0..AT_ONCE {
                message::deliver(tx, ANN, inbox, &new_email(blob))?;
            }
            Ok(())
        });
        written.unwrap();
        assert!(started.elapsed() < WRITE_MAX, "the reader stops the writer");
    }
}
