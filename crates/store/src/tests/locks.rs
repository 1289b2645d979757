//! Whatever the store does, other programs see that its databases are in use.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tokio::runtime::Builder;

use super::world::{NOON, World, body};
use crate::{LogDays, LogQuery, LogRow};

const DAY_S: i64 = 24 * 60 * 60;

/// Looks at the system's list; one look may miss a lock while other processes change the list.
const LOOKS_MAX: usize = 20;

/// Whether the system knows of a POSIX lock of this process on the file. One that is lost stays so.
fn is_locked(path: &Path) -> bool {
    let inode = path.metadata().unwrap().ino();
    let pid = std::process::id().to_string();
    (0..LOOKS_MAX).any(|_| {
        let locks = fs::read_to_string("/proc/locks").unwrap();
        locks.lines().any(|line| {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            words[1] == "POSIX" && words[4] == pid && words[5].ends_with(&format!(":{inode}"))
        })
    })
}

fn row(day: i64) -> LogRow {
    LogRow {
        at: NOON.plus_s(day * DAY_S),
        kind: "sign_in".to_owned(),
        account: None,
        session: None,
        source: "192.0.2.7".to_owned(),
        message: None,
        detail: b"{}".to_vec(),
    }
}

#[test]
fn no_lock_is_lost_by_anything_that_the_store_does() {
    let world = World::new().reopen(|_| {});
    let (store, dir) = (&world.store, world.dir.path());
    let inbox = world.inbox();
    let runtime = Builder::new_current_thread().build().unwrap();
    let log = store.activity();
    runtime.block_on(log.append_durable(row(0))).unwrap();
    let all = || LogQuery::between(NOON.plus_s(-DAY_S), NOON.plus_s(9 * DAY_S), 100);
    type Deed<'a> = (&'a str, &'a dyn Fn());
    let deeds: [Deed<'_>; 12] = [
        ("open", &|| {}),
        ("deliver", &|| world.deliver_many(inbox, "text", 3)),
        ("spool", &|| drop(body(store, "text"))),
        ("index", &|| drop(world.rows(inbox))),
        ("read afresh", &|| {
            store.read_fresh_blocking(|_| Ok(())).unwrap();
        }),
        ("examine", &|| {
            store.examine_blocking(&mut |_, _, _| {}).unwrap();
        }),
        ("look into the logs", &|| {
            runtime.block_on(log.query(all())).unwrap();
            runtime.block_on(log.last_of_kind("sign_in")).unwrap();
            log.rows_blocking(LogDays::All).unwrap().runs().unwrap();
        }),
        ("sync the logs", &|| {
            log.append(row(0));
            runtime.block_on(log.sync()).unwrap();
        }),
        ("write other days", &|| {
            for day in [-1, 1, 0] {
                runtime.block_on(log.append_durable(row(day))).unwrap();
            }
        }),
        ("remove a day", &|| {
            let removed = runtime.block_on(log.prune(&NOON.day())).unwrap();
            assert_eq!(removed.len(), 1);
        }),
        ("write files", &|| {
            let files = [("checkpoint".to_owned(), Vec::new())];
            store.write_ledger_files_blocking(&files).unwrap();
            store.write_log_files_blocking("activity", &files).unwrap();
        }),
        ("see an outsider come and go", &|| {
            let outsider = world.intruder();
            outsider.execute_batch("SELECT * FROM email").unwrap();
        }),
    ];
    let today = format!("log/activity-{}.db", NOON.day());
    for (deed, run) in deeds {
        run();
        for name in ["mail.db", "mail.db-shm", &today] {
            assert!(is_locked(&dir.join(name)), "{deed}: {name} is not locked");
        }
    }
}

#[test]
fn rows_of_a_log_are_on_the_disk_once_synced_and_an_idle_log_writes_nothing() {
    let world = World::new();
    let runtime = Builder::new_current_thread().build().unwrap();
    let log = world.store.activity();
    let beside = format!("log/activity-{}.db-wal", NOON.day());
    let octets = || {
        let next = runtime.block_on(log.sync()).unwrap().next;
        let beside = world.dir.path().join(&beside);
        (next, beside.metadata().unwrap().len())
    };
    log.append(row(0));
    let synced = octets();
    assert_eq!(synced.0, 1);
    assert_eq!(octets(), synced);
    log.append(row(0));
    assert!(octets() > synced);
}
