//! Whatever moment the process dies at, every acknowledged message is there, whole.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::world::{HEAD, World, deliver, open};
use crate::{email, mailbox, message};

/// Set for the child process: the folder it delivers into.
const CHILD_DIR: &str = "SEALPOST_TEST_CRASH_DIR";
const ROUNDS: usize = 6;
const CHILD_THREADS: usize = 4;

fn text_of(round: &str, number: usize) -> String {
    format!("message {round}-{number} ").repeat(number % 400 + 1)
}

/// The child process of [`acknowledged_mail_survives_kill`]; on its own it has nothing to do.
#[test]
fn child_delivers_until_killed() {
    let Ok(dir) = std::env::var(CHILD_DIR) else {
        return;
    };
    let store = open(Path::new(&dir));
    let inbox = store
        .write_blocking(|tx| mailbox::open_or_create(tx, super::world::ANN, &inbox_name(), None))
        .unwrap();
    let threads: Vec<_> = (0..CHILD_THREADS)
        .map(|thread| {
            let store = store.clone();
            let round = format!("{}-{thread}", std::process::id());
            std::thread::spawn(move || {
                for number in 0.. {
                    let delivered = deliver(&store, inbox, &text_of(&round, number));
                    println!("ack {} {round} {number}", delivered.uid);
                }
            })
        })
        .collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

fn inbox_name() -> types::MailboxName {
    types::MailboxName::inbox()
}

fn start_child(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "tests::crash::child_delivers_until_killed",
            "--nocapture",
        ])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets a child deliver, kills it after `acks` acknowledgements; all that it acknowledged.
fn run_and_kill(dir: &Path, acks: usize) -> HashMap<u32, String> {
    let mut child = start_child(dir);
    let mut known = HashMap::new();
    let output = BufReader::new(child.stdout.take().unwrap());
    for line in output.lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        // The line that was being printed when the process died may be cut off.
        if let ["ack", uid, round, number] = words[..]
            && let (Ok(uid), Ok(number)) = (uid.parse(), number.parse())
            && known.len() < acks
        {
            known.insert(uid, text_of(round, number));
            if known.len() == acks {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    assert_eq!(known.len(), acks, "the child died early");
    known
}

#[test]
fn acknowledged_mail_survives_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut known = HashMap::new();
    for round in 0..ROUNDS {
        known.extend(run_and_kill(dir.path(), 20 + 37 * round));
        check(dir.path(), &known);
    }
}

/// Opens the folder and compares everything with what was acknowledged.
fn check(dir: &Path, known: &HashMap<u32, String>) {
    let store = open(dir);
    let inbox = store
        .write_blocking(|tx| mailbox::open_or_create(tx, super::world::ANN, &inbox_name(), None))
        .unwrap();
    let index = store.index_blocking(inbox).unwrap();
    for (uid, text) in known {
        let row = index
            .row(types::Uid(*uid))
            .expect("an acknowledged message is lost");
        assert_eq!(row.octets, (HEAD.len() + text.len()) as u64);
        let body = store
            .read_blocking(|tx| tx.read_blob(&email::body(tx, row.email)?))
            .unwrap();
        assert_eq!(String::from_utf8(body).unwrap(), *text);
    }
    // What was stored but not acknowledged any more is whole as well.
    for row in index.rows() {
        store
            .read_blocking(|tx| tx.read_blob(&email::body(tx, row.email)?))
            .unwrap();
    }
    let status = store
        .read_blocking(|tx| mailbox::status(tx, inbox))
        .unwrap();
    assert_eq!(status.messages, index.rows().len() as u64);
}

#[test]
fn a_copy_of_the_folder_taken_between_two_writes_opens() {
    let world = World::new();
    let inbox = world.inbox();
    world.deliver(inbox, "first");
    let copy = tempfile::tempdir().unwrap();
    copy_folder(world.dir.path(), copy.path());
    world.deliver(inbox, "second");
    let store = open(copy.path());
    let uids = store.read_blocking(|tx| message::uids(tx, inbox)).unwrap();
    assert_eq!(uids, [types::Uid(1)]);
    assert_eq!(deliver(&store, inbox, "other").uid, types::Uid(2));
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
