//! What is refused before anything is opened, and in which words.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::geteuid;
use types::{MailboxName, Timestamp};

use super::world::{ANN, BOB, World, open, options};
use crate::fate::{self, FateKey};
use crate::migrate::MAIL;
use crate::{OpenError, Store, ledger, mailbox, subscription};

/// Set for the child process of [`a_read_only_folder_is_refused_with_words`].
const CHILD_DIR: &str = "SEALPOST_TEST_OPEN_DIR";
/// A user id that owns nothing.
const NOBODY: u32 = 65_534;

fn refusal(dir: &Path) -> String {
    match Store::open(dir, &options()) {
        Ok(_) => panic!("opened {}", dir.display()),
        Err(err) => err.to_string(),
    }
}

#[test]
fn a_second_opener_is_told_who_is_first() {
    let world = World::new();
    let said = refusal(world.dir.path());
    let pid = std::process::id();
    assert!(
        said.contains(&format!("in use by process {pid};")),
        "{said}"
    );
}

#[test]
fn a_missing_folder_is_made_only_when_asked() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    assert!(refusal(&dir).contains("does not exist"));
    let mut create = options();
    create.create = true;
    Store::open(&dir, &create).unwrap();
    let mode = fs::metadata(&dir).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let mode = fs::metadata(dir.join("mail.db"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_folder_open_to_others_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o775)).unwrap();
    assert!(refusal(dir.path()).contains("chmod 700"));
}

#[test]
fn a_folder_of_somebody_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let theirs = if geteuid().is_root() {
        chown(dir.path(), Some(NOBODY), None).unwrap();
        dir.path()
    } else {
        Path::new("/usr")
    };
    let said = refusal(theirs);
    assert!(said.contains("belongs to user id"), "{said}");
    assert!(said.contains("chown -R"), "{said}");
}

#[test]
fn a_read_only_folder_is_refused_with_words() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "tests::folder::child_opens", "--nocapture"])
        .env(CHILD_DIR, dir.path());
    if geteuid().is_root() {
        // No permission stops root, so the folder is given to one whom it stops.
        chown(dir.path(), Some(NOBODY), None).unwrap();
        child.uid(NOBODY);
    }
    let said = String::from_utf8(child.output().unwrap().stdout).unwrap();
    assert!(said.contains("cannot be written by user id"), "{said}");
    assert!(said.contains("chown -R"), "{said}");
}

/// The child process of the test above; on its own it has nothing to open.
#[test]
fn child_opens() {
    if let Some(dir) = std::env::var_os(CHILD_DIR) {
        println!("{}", refusal(Path::new(&dir)));
    }
}

#[test]
fn a_newer_format_is_refused_and_names_its_maker() {
    let world = World::new();
    world.intruder()
        .execute_batch(
            "UPDATE meta SET value = 'Sealpost 9.1' WHERE key = 'made_by'; PRAGMA user_version = 99;",
        )
        .unwrap();
    drop(world.store);
    let said = refusal(world.dir.path());
    for word in [
        "newer data format",
        "format 99",
        "Sealpost 9.1",
        "install that version",
    ] {
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn a_newer_log_is_refused_too() {
    let world = World::new();
    let log = world.dir.path().join("log/activity-2026-11-23.db");
    drop(world.store);
    let conn = rusqlite::Connection::open(log).unwrap();
    conn.execute_batch("PRAGMA application_id = 0x5345414c; PRAGMA user_version = 99;")
        .unwrap();
    assert!(refusal(world.dir.path()).contains("newer data format"));
}

#[test]
fn somebody_elses_file_is_never_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mail.db");
    let text =
        b"not a database, but longer than the header of one would have to be, by far and by far.";
    fs::write(&path, text.repeat(3)).unwrap();
    assert!(refusal(dir.path()).contains("is not a Sealpost database"));
    assert_eq!(fs::read(&path).unwrap(), text.repeat(3));
    fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE recipe (name TEXT)")
        .unwrap();
    assert!(matches!(
        Store::open(dir.path(), &options()),
        Err(OpenError::Foreign { .. })
    ));
}

#[test]
fn migrations_are_reported_once() {
    let world = World::new();
    let steps: Vec<_> = MAIL.steps.iter().map(|(name, _)| *name).collect();
    assert_eq!(world.store.migrated(), steps);
    let world = world.reopen(|_| {});
    assert!(world.store.migrated().is_empty());
}

/// The database of version 0.1.0 as it lies, with one fate.
fn first_light(path: &Path) {
    let conn = rusqlite::Connection::open(path).unwrap();
    conn.execute_batch(MAIL.steps[0].1).unwrap();
    conn.execute_batch(
        "INSERT INTO fate (message, at, config_size, account, recipient, action, target, rules,
                session, size, reverse_path, message_id)
         VALUES ('old', 5, 40, 1, 'ann@example.org', 'store', 'INBOX', x'5b5d', 3, 900, '', '');
         PRAGMA application_id = 0x5345414c; PRAGMA user_version = 1;",
    )
    .unwrap();
}

#[test]
fn the_first_format_is_opened_and_keeps_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mail.db");
    first_light(&path);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let store = open(dir.path());
    assert_eq!(store.migrated().len(), MAIL.steps.len() - 1);
    let (since, until) = (Timestamp(0), Timestamp(9));
    let found = store
        .read_blocking(|tx| fate::find(tx, FateKey::Message("old"), since, until, 10))
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].size, &found[0].params), (900, &None));
    let settled = store.write_blocking(|tx| fate::settle(tx, 9));
    assert_eq!(settled.unwrap(), 0, "its fates are in the indexes");
    assert_eq!(found[0].credential, None);
}

#[test]
fn subscriptions_of_an_earlier_format_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let conn = rusqlite::Connection::open(dir.path().join("mail.db")).unwrap();
    for (_, sql) in &MAIL.steps[..6] {
        conn.execute_batch(sql).unwrap();
    }
    conn.execute_batch(
        "INSERT INTO mailbox (account, name, uidvalidity, uidnext, modseq, tombstone_floor,
                special_use, subscribed, messages, unseen, deleted, octets)
         VALUES (7, 'INBOX', 3, 5, 2, 2, NULL, 1, 0, 0, 0, 0),
                (7, 'Quiet', 4, 5, 2, 2, NULL, 0, 0, 0, 0, 0),
                (8, 'Sent', 1, 5, 2, 2, '\\Sent', 1, 0, 0, 0, 0);
         PRAGMA application_id = 0x5345414c; PRAGMA user_version = 6;",
    )
    .unwrap();
    drop(conn);
    let store = open(dir.path());
    assert_eq!(store.migrated().first(), Some(&"0007_subscriptions"));
    for (account, names, subscribed) in [
        (ANN, &["INBOX", "Quiet"][..], &["INBOX"][..]),
        (BOB, &["Sent"], &["Sent"]),
    ] {
        let read = store.read_blocking(|tx| {
            Ok((
                mailbox::list(tx, account)?,
                subscription::list(tx, account)?,
            ))
        });
        let (mailboxes, found) = read.unwrap();
        let listed: Vec<_> = mailboxes.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(listed, names);
        assert!(mailboxes.iter().all(|mailbox| mailbox.uid_next.0 == 5));
        assert!(
            found
                .iter()
                .map(MailboxName::as_str)
                .eq(subscribed.iter().copied())
        );
    }
}

#[test]
fn entries_and_sessions_of_an_earlier_format_are_found_by_the_new_indexes() {
    let dir = tempfile::tempdir().unwrap();
    let conn = rusqlite::Connection::open(dir.path().join("mail.db")).unwrap();
    for (_, sql) in &MAIL.steps[..8] {
        conn.execute_batch(sql).unwrap();
    }
    conn.execute_batch(
        r#"INSERT INTO ledger_entry (log, seq, leaf, bytes)
           VALUES ('log', 0, zeroblob(32), CAST('{"detections":[]}' AS BLOB)),
                  ('log', 1, zeroblob(32), CAST('{"detections":["R3"]}' AS BLOB));
           PRAGMA application_id = 0x5345414c; PRAGMA user_version = 8;"#,
    )
    .unwrap();
    drop(conn);
    let store = open(dir.path());
    assert_eq!(store.migrated().first(), Some(&"0009_detected"));
    let found = store.read_blocking(|tx| ledger::detected(tx, "log", 9, 9));
    let seqs: Vec<_> = found.unwrap().iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [1]);
}

#[test]
fn the_reserve_is_made_at_once_and_the_spool_is_emptied() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("spool")).unwrap();
    fs::write(dir.path().join("spool/body-1-1"), "left by a crash").unwrap();
    let store = open(dir.path());
    assert_eq!(fs::read_dir(dir.path().join("spool")).unwrap().count(), 0);
    store.write_blocking(|_| Ok(())).unwrap();
    let reserve = fs::metadata(dir.path().join("ledger/reserve")).unwrap();
    assert_eq!(reserve.len(), options().reserve_octets);
}
