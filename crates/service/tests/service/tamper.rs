//! What hands from outside can do to the record, on a stopped and on a running server: it is never
//! obeyed, it leaves evidence, and it is put right from the second copy. Where there is
//! nothing to put it right from, the server says which entry is lost.

use std::fs;
use std::path::Path;

use ledger::Entry;
use net::Clock;
use policy::Role;
use rusqlite::Connection;
use service::{AdmitError, AdmitOptions, Command, Pin, Service, StartError};
use tempfile::TempDir;
use testkit::World;
use types::Address;

const BOB: &str = "bob@example.org";

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn alias(n: u32) -> Command {
    Command::AliasAdd {
        address: address(&format!("alias{n}@example.org")),
        targets: vec![address("ann@example.org")],
    }
}

/// An address through which mail may leave.
fn partner(targets: &[&str]) -> Command {
    Command::AliasAdd {
        address: address("partner@example.org"),
        targets: targets.iter().map(|target| address(target)).collect(),
    }
}

async fn admit(service: &Service, command: Command) -> Result<u64, AdmitError> {
    let (console, options) = (World::console(), AdmitOptions::default());
    let admitted = service.admit(&console, vec![command], options).await?;
    Ok(admitted.seqs[0])
}

fn database(dir: &Path) -> Connection {
    Connection::open(dir.join("data/mail.db")).expect("the database opens")
}

fn run(dir: &Path, sql: &str) {
    database(dir).execute_batch(sql).expect("sound SQL");
}

/// The stored entries as bytes, read past the server.
fn stored(dir: &Path) -> Vec<Vec<u8>> {
    let db = database(dir);
    let sql = "SELECT bytes FROM ledger_entry ORDER BY seq";
    let mut query = db.prepare(sql).expect("sound SQL");
    let rows = query.query_map([], |row| row.get(0)).expect("sound SQL");
    rows.collect::<Result<_, _>>().expect("rows of octets")
}

fn entry(bytes: &[u8]) -> Entry {
    Entry::from_bytes(bytes).expect("an entry")
}

fn kinds(dir: &Path) -> Vec<String> {
    stored(dir).iter().map(|bytes| entry(bytes).kind).collect()
}

fn copy(from: &Path, to: &Path) {
    for found in fs::read_dir(from).expect("a folder") {
        let found = found.expect("an entry of a folder");
        let target = to.join(found.file_name());
        if found.path().is_dir() {
            fs::create_dir(&target).expect("a new folder");
            let mode = found.metadata().expect("a folder").permissions();
            fs::set_permissions(&target, mode).expect("our own folder");
            copy(&found.path(), &target);
        } else if found.file_name() != "reserve" {
            fs::copy(found.path(), target).expect("a file");
        }
    }
}

/// A stopped installation that is copied for each attack.
struct Original {
    dir: TempDir,
    clock: Clock,
    pin: Pin,
    entries: Vec<Vec<u8>>,
}

impl Original {
    /// Entries 0 to 5 are of the setup, each one behind them was signed by itself, and the last
    /// three together.
    async fn new() -> Self {
        let world = World::new(&["ann@example.org", BOB]).await;
        for command in [
            alias(0),
            alias(1),
            partner(&["ann@example.org", "drop@far.test"]),
        ] {
            world.admit(command).await.expect("it fits");
        }
        let three = (10..13).map(alias).collect();
        world.admit_all(three).await.expect("they fit");
        let (clock, pin) = (world.clock.clone(), world.pin.clone());
        let dir = world.stop().await;
        let entries = stored(dir.path());
        assert_eq!(entries.len(), 12);
        Self {
            dir,
            clock,
            pin,
            entries,
        }
    }

    fn copy(&self) -> TempDir {
        let target = tempfile::tempdir().expect("a temporary folder");
        copy(self.dir.path(), target.path());
        target
    }

    async fn open(&self, dir: &Path) -> Result<Service, StartError> {
        World::open_at(dir, &self.clock, &self.pin).await
    }

    /// The server is whole again, obeys nothing new, and knows that somebody was there.
    async fn assert_healed(&self, service: &Service, dir: &Path, what: &str) {
        let found = stored(dir);
        assert!(
            found.starts_with(&self.entries),
            "{what}: all is as it was signed"
        );
        let kinds = kinds(dir);
        assert!(
            kinds.contains(&"security.oob_edit".to_owned()),
            "{what}: {kinds:?}"
        );
        let seqs = found.iter().map(|bytes| entry(bytes).seq);
        assert!(seqs.eq(0..found.len() as u64), "{what}");
        let verified = service
            .ledger_verify(&World::console())
            .await
            .expect("it can be read");
        assert!(verified.good, "{what}: {verified:?}");
        let config = service.config();
        let bob = config.account_at(&address(BOB)).expect("bob is there");
        assert_eq!(bob.role, Role::MailboxOwner, "{what}");
        let frozen = admit(service, exit()).await;
        assert!(
            matches!(frozen, Err(AdmitError::Frozen(_))),
            "{what}: {frozen:?}"
        );
    }
}

/// A change of class C2: mail leaves the organisation.
fn exit() -> Command {
    Command::AliasAdd {
        address: address("exit@example.org"),
        targets: vec![address("drop@far.test")],
    }
}

/// Makes bob an owner, in the words of a true entry.
fn rogue(template: &[u8], seq: u64) -> Vec<u8> {
    let mut rogue = entry(template);
    rogue.seq = seq;
    rogue.kind = "account.role.set".to_owned();
    rogue.object = Some(ledger::Object {
        kind: "account".into(),
        id: "a_2".into(),
        rev: 2,
    });
    rogue.after = Some(serde_json::json!({"role": "owner"}));
    (rogue.before, rogue.objects, rogue.batch) = (None, Vec::new(), None);
    rogue.to_bytes().expect("an entry")
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// What somebody with the database does, with the entry that is lost if there is no second copy.
fn attacks(entries: &[Vec<u8>]) -> Vec<(String, StartError)> {
    let size = entries.len() as u64;
    let damaged = |seq| StartError::Damaged { seq };
    let cut = |found| StartError::RolledBack {
        found,
        signed: size,
    };
    let mut attacks = Vec::new();
    for seq in [0, 7, size - 1] {
        let bytes = rogue(entries.last().expect("there are entries"), seq);
        let (leaf, bytes) = (hex(&ledger::tree::leaf_hash(&bytes).0), hex(&bytes));
        let behind_last = if seq == size - 1 {
            cut(seq)
        } else {
            damaged(seq)
        };
        // The last three entries have one checkpoint: no older one vouches for a part of them.
        let vouched = if seq == size - 1 { size - 3 } else { seq };
        for (sql, lost) in [
            (format!("SET bytes = x'{bytes}'"), damaged(seq)),
            (
                format!("SET bytes = x'{bytes}', leaf = x'{leaf}'"),
                damaged(vouched),
            ),
        ] {
            attacks.push((format!("UPDATE ledger_entry {sql} WHERE seq = {seq}"), lost));
        }
        let unreadable = format!("UPDATE ledger_entry SET leaf = x'00' WHERE seq = {seq}");
        attacks.push((
            unreadable,
            if seq == size - 1 {
                cut(seq)
            } else {
                damaged(seq)
            },
        ));
        attacks.push((
            format!("DELETE FROM ledger_entry WHERE seq = {seq}"),
            behind_last,
        ));
    }
    for (one, other) in [(1, 2), (6, size - 1)] {
        let swap = format!(
            "UPDATE ledger_entry SET seq = -1 WHERE seq = {one};
             UPDATE ledger_entry SET seq = {one} WHERE seq = {other};
             UPDATE ledger_entry SET seq = {other} WHERE seq = -1"
        );
        attacks.push((swap, damaged(one)));
    }
    for left in [0, 7, size - 1] {
        let entries = format!("DELETE FROM ledger_entry WHERE seq >= {left}");
        let checkpoints = format!("DELETE FROM ledger_checkpoint WHERE size > {left}");
        attacks.push((format!("{entries}; {checkpoints}"), cut(left)));
        attacks.push((entries, cut(left)));
    }
    attacks
}

/// Edits that the database alone can put right.
fn edits(entries: &[Vec<u8>]) -> Vec<String> {
    let size = entries.len() as u64;
    let insert = |seq: u64| {
        let bytes = rogue(entries.last().expect("there are entries"), seq);
        let (leaf, bytes) = (hex(&ledger::tree::leaf_hash(&bytes).0), hex(&bytes));
        format!(
            "INSERT INTO ledger_entry (log, seq, leaf, bytes)
             SELECT log, {seq}, x'{leaf}', x'{bytes}' FROM ledger_entry WHERE seq = 0"
        )
    };
    let checkpoint = |size: u64| {
        format!(
            "INSERT INTO ledger_checkpoint (log, size, bytes)
             SELECT log, {size}, bytes FROM ledger_checkpoint ORDER BY size DESC LIMIT 1"
        )
    };
    vec![
        insert(size),
        insert(size + 5),
        format!("{}; {}", insert(size), insert(size + 1)),
        format!("{}; {}", insert(size), checkpoint(size + 1)),
        checkpoint(1 << 40),
        format!("DELETE FROM ledger_checkpoint WHERE size = {size}"),
        format!("UPDATE ledger_checkpoint SET bytes = x'00' WHERE size = {size}"),
        "DELETE FROM ledger_checkpoint".to_owned(),
    ]
}

/// Attacks the stopped server and starts it.
async fn stopped(attacks_of: impl Fn(&[Vec<u8>]) -> Vec<String>) {
    let original = Original::new().await;
    for sql in attacks_of(&original.entries) {
        let dir = original.copy();
        run(dir.path(), &sql);
        let service = original.open(dir.path()).await;
        let service = service.unwrap_or_else(|err| panic!("{sql}: {err}"));
        original.assert_healed(&service, dir.path(), &sql).await;
    }
}

/// Attacks the running server, which looks at the next beat, or when somebody changes something.
async fn running(attacks_of: impl Fn(&[Vec<u8>]) -> Vec<String>) {
    let original = Original::new().await;
    for nth in 0..attacks_of(&original.entries).len() {
        let dir = original.copy();
        let service = original
            .open(dir.path())
            .await
            .expect("nothing happened yet");
        let sql = attacks_of(&stored(dir.path())).swap_remove(nth);
        run(dir.path(), &sql);
        // A checkpoint alone is looked at only while it is the newest: a change replaces it.
        if nth % 2 == 0 || !sql.contains("ledger_entry") {
            service.heartbeat().await;
        } else {
            admit(&service, alias(99))
                .await
                .expect("it is not of class C2");
        }
        original.assert_healed(&service, dir.path(), &sql).await;
    }
}

fn attacks_in_sql(entries: &[Vec<u8>]) -> Vec<String> {
    attacks(entries).into_iter().map(|(sql, _)| sql).collect()
}

#[tokio::test]
async fn a_stopped_server_gets_its_entries_back_at_its_start() {
    stopped(attacks_in_sql).await;
}

#[tokio::test]
async fn a_stopped_server_gets_rid_of_foreign_rows_at_its_start() {
    stopped(edits).await;
}

#[tokio::test]
async fn a_running_server_gets_its_entries_back() {
    running(attacks_in_sql).await;
}

#[tokio::test]
async fn a_running_server_gets_rid_of_foreign_rows() {
    running(edits).await;
}

#[tokio::test]
async fn without_a_second_copy_the_lost_entry_is_named() {
    let original = Original::new().await;
    fs::remove_dir_all(original.dir.path().join("data/ledger")).expect("it is there");
    for (sql, expected) in attacks(&original.entries) {
        let dir = original.copy();
        run(dir.path(), &sql);
        match original.open(dir.path()).await {
            Ok(_) => panic!("obeyed: {sql}"),
            Err(refused) => assert_eq!(refused.to_string(), expected.to_string(), "{sql}"),
        }
    }
    for sql in edits(&original.entries) {
        let dir = original.copy();
        run(dir.path(), &sql);
        let service = original
            .open(dir.path())
            .await
            .expect("every entry is still there");
        original.assert_healed(&service, dir.path(), &sql).await;
    }
}

#[tokio::test]
async fn a_running_server_that_cannot_be_put_right_lets_only_tightening_through() {
    let original = Original::new().await;
    let dir = original.copy();
    let service = original
        .open(dir.path())
        .await
        .expect("nothing happened yet");
    fs::remove_dir_all(dir.path().join("data/ledger/tile")).expect("it is there");
    run(dir.path(), "DELETE FROM ledger_entry WHERE seq = 7");
    service.heartbeat().await;
    let refused = admit(&service, exit()).await;
    let Err(AdmitError::Frozen(why)) = refused else {
        panic!("{refused:?}");
    };
    assert!(why.contains("DAMAGED at entry 7"), "{why}");
    let shut = Command::AliasTargets {
        address: address("partner@example.org"),
        targets: vec![address("ann@example.org")],
    };
    let shut = admit(&service, shut).await;
    shut.expect("an exit can be closed at any time");
}

/// Every file of the second copy, as a path below the folder.
fn files_of(dir: &Path, below: &Path, files: &mut Vec<String>) {
    for found in fs::read_dir(dir.join(below)).expect("a folder") {
        let path = below.join(found.expect("an entry of a folder").file_name());
        if dir.join(&path).is_dir() {
            files_of(dir, &path, files);
        } else {
            files.push(path.to_string_lossy().into_owned());
        }
    }
}

fn newest_copy(dir: &Path, size: usize) -> Vec<String> {
    let mut files = Vec::new();
    files_of(&dir.join("data/ledger"), Path::new("tile"), &mut files);
    let newest = format!(".p/{size}");
    files.retain(|path| path.ends_with(&newest) || !path.contains(".p/"));
    files.push("checkpoint".to_owned());
    files
}

#[tokio::test]
async fn a_touched_second_copy_is_written_anew_from_the_first() {
    let original = Original::new().await;
    for (running, nth, touch) in [
        (false, 0, "flip"),
        (false, 1, "cut"),
        (false, 2, "remove"),
        (true, 0, "cut"),
        (true, 1, "remove"),
        (true, 2, "flip"),
    ] {
        let size = original.entries.len() + usize::from(running);
        let dir = original.copy();
        let before = match running {
            true => Some(
                original
                    .open(dir.path())
                    .await
                    .expect("nothing happened yet"),
            ),
            false => None,
        };
        let files = newest_copy(dir.path(), size);
        assert_eq!(files.len(), 3, "{files:?}");
        let path = dir.path().join("data/ledger").join(&files[nth]);
        let right = fs::read(&path).expect("the file is there");
        let mut wrong = right.clone();
        wrong[9] ^= 1;
        match touch {
            "flip" => fs::write(&path, wrong).expect("our own file"),
            "cut" => fs::write(&path, &right[..9]).expect("our own file"),
            _ => fs::remove_file(&path).expect("our own file"),
        }
        let what = format!("{touch} {} running={running}", files[nth]);
        let service = match before {
            Some(service) => {
                service.heartbeat().await;
                service
            }
            None => (original.open(dir.path()).await).unwrap_or_else(|err| panic!("{what}: {err}")),
        };
        original.assert_healed(&service, dir.path(), &what).await;
        if files[nth] != "checkpoint" {
            assert_eq!(fs::read(&path).expect("it is back"), right, "{what}");
        }
        service.heartbeat().await;
        let found = kinds(dir.path());
        let found = found.iter().filter(|kind| *kind == "security.oob_edit");
        assert_eq!(found.count(), 1, "{what}: one finding is recorded once");
    }
}

#[tokio::test]
async fn full_files_of_a_long_ledger_are_compared_too() {
    let world = World::new(&["ann@example.org"]).await;
    let many = (0..300).map(alias).collect();
    world.admit_all(many).await.expect("they fit");
    let bundle = world.data().join("ledger/tile/entries/000");
    let right = fs::read(&bundle).expect("more than 256 entries");
    let mut wrong = right.clone();
    wrong[5_000] ^= 1;
    fs::write(&bundle, wrong).expect("our own file");
    world.service.heartbeat().await;
    assert_eq!(fs::read(&bundle).expect("it is there"), right);
    let db = Connection::open(world.data().join("mail.db")).expect("the database opens");
    let sql = "UPDATE ledger_entry SET bytes = x'00' WHERE seq IN (3, 255, 256, 300)";
    db.execute_batch(sql).expect("sound SQL");
    world.service.heartbeat().await;
    let verified = world.service.ledger_verify(&World::console()).await;
    assert!(verified.expect("it can be read").good);
}

#[tokio::test]
async fn each_copy_gives_the_entries_that_the_other_lost() {
    let original = Original::new().await;
    let size = original.entries.len();
    let hashes = format!("data/ledger/tile/0/000.p/{size}");
    let bundle = format!("data/ledger/tile/entries/000.p/{size}");
    let edit = "UPDATE ledger_entry SET bytes = x'00' WHERE seq = 7";
    for (touched, lost) in [(&hashes, None), (&bundle, Some(7))] {
        let dir = original.copy();
        run(dir.path(), edit);
        fs::write(dir.path().join(touched), b"nothing").expect("our own file");
        match (original.open(dir.path()).await, lost) {
            (Ok(service), None) => original.assert_healed(&service, dir.path(), touched).await,
            (Err(StartError::Damaged { seq }), Some(lost)) => assert_eq!(seq, lost),
            (Err(err), _) => panic!("{touched}: {err}"),
            (Ok(_), Some(_)) => panic!("{touched}: an entry came from nowhere"),
        }
    }
    // Rows and bundle are each wrong somewhere else: what was signed is there all the same.
    let dir = original.copy();
    run(dir.path(), edit);
    let path = dir.path().join(&bundle);
    let mut octets = fs::read(&path).expect("the file is there");
    octets[9] ^= 1;
    fs::write(&path, octets).expect("our own file");
    let service = original
        .open(dir.path())
        .await
        .expect("row 0 and bundle 7 are right");
    original.assert_healed(&service, dir.path(), "both").await;
}

#[tokio::test]
async fn octets_flipped_below_the_database_are_noticed() {
    let original = Original::new().await;
    let dir = original.copy();
    let path = dir.path().join("data/mail.db");
    let mut octets = fs::read(&path).expect("the file is there");
    let boot = entry(&original.entries[7]).boot.into_bytes();
    let mut flipped = 0;
    for at in 0..octets.len() - boot.len() {
        if octets[at..].starts_with(&boot) {
            octets[at] = b'!';
            flipped += 1;
        }
    }
    assert!(flipped > 5, "most entries lie in one piece");
    fs::write(&path, octets).expect("our own file");
    let service = original
        .open(dir.path())
        .await
        .expect("the second copy is whole");
    original
        .assert_healed(&service, dir.path(), "flipped")
        .await;
}
