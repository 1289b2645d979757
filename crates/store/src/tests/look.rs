//! A look at the folder of a stopped server: it sees everything and leaves every file as it is.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use rustix::process::geteuid;

use super::world::{World, open};
use crate::migrate::MAIL;
use crate::{OpenError, Store, StoreError};

/// A user id that owns nothing.
const NOBODY: u32 = 65_534;

/// Name, owner, mode and octets of everything in a folder, in order.
fn state(dir: &Path) -> Vec<(String, u32, u32, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = path.metadata().unwrap();
        let octets = if meta.is_dir() {
            found.extend(state(&path));
            Vec::new()
        } else {
            fs::read(&path).unwrap()
        };
        let name = path.display().to_string();
        found.push((name, meta.uid(), meta.mode(), octets));
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// A server stopped well, one of another user whose folder stands open, and one that crashed with
/// mail that lies in its write-ahead log only.
#[test]
fn a_look_sees_all_and_changes_no_file() {
    let world = World::new();
    let inbox = world.inbox();
    let dir = world.dir.path().to_owned();
    let parent = tempfile::tempdir().unwrap();
    let crashed = parent.path().join("a 100% odd?name#");
    world.deliver_many(inbox, "body", 3);
    copy(&dir, &crashed);
    assert!(crashed.join("mail.db-wal").metadata().unwrap().len() > 0);
    drop(world.store);
    fs::write(dir.join("spool/left"), "left by a crash").unwrap();
    for (folder, theirs) in [(&dir, false), (&dir, true), (&crashed, false)] {
        if theirs {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o770)).unwrap();
            if geteuid().is_root() {
                chown(folder, Some(NOBODY), None).unwrap();
            }
        }
        let before = state(folder);
        let store = Store::open_to_look(folder).unwrap();
        assert!(!store.is_of_older_format());
        assert_eq!(store.examine_blocking(&mut |_, _, _| {}).unwrap(), []);
        let count = "SELECT COUNT(*) FROM email";
        let messages = store.read_blocking(|tx| tx.one(count, [], |row| row.get::<_, u32>(0)));
        assert_eq!(messages.unwrap(), Some(3), "{}", folder.display());
        let written = store.write_blocking(|tx| tx.run("DELETE FROM email", []));
        assert!(matches!(written, Err(StoreError::Failed(_))));
        drop(store);
        assert!(
            state(folder) == before,
            "a look changed {}",
            folder.display()
        );
    }
}

#[test]
fn an_older_format_stays_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mail.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    old.pragma_update(None, "journal_mode", "WAL").unwrap();
    old.execute_batch(MAIL.steps[0].1).unwrap();
    old.pragma_update(None, "application_id", 0x5345_414c)
        .unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);
    let before = state(dir.path());
    assert!(
        Store::open_to_look(dir.path())
            .unwrap()
            .is_of_older_format()
    );
    assert!(state(dir.path()) == before, "a look changed the format");
}

#[test]
fn a_look_and_a_server_keep_each_other_out() {
    let world = World::new();
    let dir = world.dir.path();
    assert!(matches!(
        Store::open_to_look(dir),
        Err(OpenError::InUse { .. })
    ));
    drop(world.store);
    let looks = [(); 2].map(|()| Store::open_to_look(dir).unwrap());
    let server = Store::open(dir, &super::world::options());
    assert!(matches!(server, Err(OpenError::InUse { .. })));
    drop(looks);
    drop(open(dir));
    let nowhere = Store::open_to_look(&dir.join("nowhere"));
    assert!(matches!(nowhere, Err(OpenError::Io { .. })));
}
