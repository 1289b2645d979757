//! Things put in the place of others: whole folders from a copy, objects, sidecars, the start file.

use std::fs;
use std::path::Path;

use ledger::Entry;
use net::Clock;
use policy::Role;
use rusqlite::Connection;
use service::{
    AdmitError, AdmitOptions, Command, Password, Pin, Protocol, Service, SignInError, StartError,
};
use tempfile::TempDir;
use testkit::{PASSWORD, World};
use types::{Address, Secret};

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn alias(name: &str) -> Command {
    Command::AliasAdd {
        address: address(&format!("{name}@example.org")),
        targets: vec![address(ANN)],
    }
}

async fn admit(service: &Service, command: Command) -> Result<u64, AdmitError> {
    let (console, options) = (World::console(), AdmitOptions::default());
    let admitted = service.admit(&console, vec![command], options).await?;
    Ok(admitted.seqs[0])
}

fn database(data: &Path) -> Connection {
    Connection::open(data.join("mail.db")).expect("the database opens")
}

fn entries(data: &Path) -> Vec<Entry> {
    let db = database(data);
    let sql = "SELECT bytes FROM ledger_entry ORDER BY seq";
    let mut query = db.prepare(sql).expect("sound SQL");
    let rows = query
        .query_map([], |row| row.get::<_, Vec<u8>>(0))
        .expect("sound SQL");
    rows.map(|bytes| Entry::from_bytes(&bytes.expect("octets")).expect("an entry"))
        .collect()
}

/// What the records of edits from outside say, each with its place.
fn findings(data: &Path) -> Vec<String> {
    let edits = entries(data)
        .into_iter()
        .filter(|entry| entry.kind == "security.oob_edit");
    let text = |entry: Entry| {
        let after = entry.after.expect("it says what was found");
        let word = |key: &str| after[key].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", word("where"), word("what"))
    };
    edits.map(text).collect()
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

fn copy_of(dir: &Path) -> TempDir {
    let target = tempfile::tempdir().expect("a temporary folder");
    copy(dir, target.path());
    target
}

/// Puts `folder` of `from` in the place of the one in `to`.
fn put_back(folder: &str, from: &Path, to: &Path) {
    fs::remove_dir_all(to.join(folder)).expect("our own folder");
    fs::create_dir(to.join(folder)).expect("our own folder");
    let mode = fs::metadata(from.join(folder))
        .expect("a folder")
        .permissions();
    fs::set_permissions(to.join(folder), mode).expect("our own folder");
    copy(&from.join(folder), &to.join(folder));
}

/// An installation and a later state of it, with so many changes in between.
async fn earlier_and_later(changes: u32) -> (TempDir, TempDir, Clock, Pin) {
    let world = World::new(&[ANN]).await;
    let (clock, pin) = (world.clock.clone(), world.pin.clone());
    let earlier = world.stop().await;
    let later = copy_of(earlier.path());
    go_on(later.path(), &clock, &pin, "later", changes).await;
    (earlier, later, clock, pin)
}

async fn go_on(dir: &Path, clock: &Clock, pin: &Pin, name: &str, changes: u32) {
    let service = World::open_at(dir, clock, pin)
        .await
        .expect("nothing is wrong");
    for n in 0..changes {
        admit(&service, alias(&format!("{name}{n}")))
            .await
            .expect("it fits");
    }
    service.close().await;
}

#[tokio::test]
async fn an_older_data_folder_is_refused_with_both_sizes() {
    let (earlier, later, clock, pin) = earlier_and_later(2).await;
    let (old, new) = (
        entries(&earlier.path().join("data")),
        entries(&later.path().join("data")),
    );
    put_back("data", earlier.path(), later.path());
    match World::open_at(later.path(), &clock, &pin).await {
        Err(err @ StartError::RolledBack { .. }) => {
            let sizes = format!(
                "ROLLED BACK to {} entries: {} were signed",
                old.len(),
                new.len()
            );
            assert!(err.to_string().contains(&sizes), "{err}");
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("an older data folder was obeyed"),
    }
}

#[tokio::test]
async fn an_older_keys_folder_takes_up_what_its_own_key_signed() {
    for rows in ["all", "tail cut", "rogue behind"] {
        let (earlier, later, clock, pin) = earlier_and_later(2).await;
        let data = later.path().join("data");
        let signed = entries(&data);
        put_back("keys", earlier.path(), later.path());
        let size = i64::try_from(signed.len()).expect("a small number");
        match rows {
            // The second copy and its checkpoint still prove the whole.
            "tail cut" => database(&data)
                .execute_batch(&format!(
                    "DELETE FROM ledger_entry WHERE seq > {}",
                    size - 3
                ))
                .expect("sound SQL"),
            "rogue behind" => {
                let sql = "INSERT INTO ledger_entry (log, seq, leaf, bytes)
                           SELECT log, ?1, leaf, bytes FROM ledger_entry WHERE seq = 0";
                database(&data).execute(sql, [size]).expect("sound SQL");
            }
            _ => {}
        }
        let service = World::open_at(later.path(), &clock, &pin).await;
        let service = service.unwrap_or_else(|err| panic!("{rows}: {err}"));
        let found = entries(&data);
        assert_eq!(
            found[..signed.len()],
            signed,
            "{rows}: what was signed stays"
        );
        let findings = findings(&data);
        assert!(
            findings.iter().any(|f| f.starts_with("keys/signer-state")),
            "{findings:?}"
        );
        assert_eq!(
            findings.len(),
            if rows == "all" { 1 } else { 2 },
            "{rows}: {findings:?}"
        );
        let verified = service
            .ledger_verify(&World::console())
            .await
            .expect("it can be read");
        assert!(verified.good, "{rows}: {verified:?}");
        let exists = service
            .config()
            .alias_at(&address("later1@example.org"))
            .is_some();
        assert!(exists, "{rows}: the later changes are obeyed");
    }
}

#[tokio::test]
async fn rows_that_no_key_of_ours_signed_are_not_taken_up_with_older_keys() {
    let (earlier, later, clock, pin) = earlier_and_later(2).await;
    let data = later.path().join("data");
    let signed = entries(&earlier.path().join("data"));
    put_back("keys", earlier.path(), later.path());
    // Without the signed notes the rows beyond the signer's memory are anybody's.
    let sql = format!(
        "UPDATE ledger_checkpoint SET bytes = x'00' WHERE size > {}",
        signed.len()
    );
    database(&data).execute_batch(&sql).expect("sound SQL");
    fs::remove_dir_all(data.join("ledger")).expect("our own folder");
    let service = World::open_at(later.path(), &clock, &pin)
        .await
        .expect("the older state holds");
    assert_eq!(entries(&data)[..signed.len()], signed);
    assert!(
        service
            .config()
            .alias_at(&address("later1@example.org"))
            .is_none()
    );
    let findings = findings(&data);
    let rogue = |f: &String| f.ends_with("entries without a signed checkpoint");
    assert!(findings.iter().any(rogue), "{findings:?}");
}

#[tokio::test]
async fn folders_that_went_on_apart_are_never_joined() {
    for (mine, theirs) in [(1, 3), (2, 2), (3, 1)] {
        let (_, later, clock, pin) = earlier_and_later(0).await;
        let other = copy_of(later.path());
        go_on(later.path(), &clock, &pin, "mine", mine).await;
        go_on(other.path(), &clock, &pin, "theirs", theirs).await;
        put_back("keys", other.path(), later.path());
        match World::open_at(later.path(), &clock, &pin).await {
            Err(StartError::Forked { .. }) => assert!(mine > theirs),
            Err(StartError::Damaged { .. }) => assert!(mine == theirs),
            Err(StartError::RolledBack { .. }) => assert!(mine < theirs),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("two histories were joined"),
        }
    }
}

async fn sign_in(service: &Service, world: &World, name: &str) -> Result<(), SignInError> {
    let password = Secret::new(PASSWORD.into());
    let tried = service
        .sign_in(&world.peer(Protocol::Imap), name, &password)
        .await;
    tried.map(|_| ())
}

fn password_object(world: &World, name: &str) -> String {
    let config = world.service.config();
    let account = config
        .account_at(&address(name))
        .expect("the account is there");
    let secret = account.password.expect("it has a password").secret;
    secret
        .0
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

#[tokio::test]
async fn a_password_put_in_the_place_of_another_opens_nothing() {
    for sql in [
        "UPDATE ledger_object SET bytes = (SELECT bytes FROM ledger_object WHERE sha256 = x'ANN')
          WHERE sha256 = x'BOB'",
        "UPDATE ledger_object SET bytes = x'00', secret = 0 WHERE sha256 = x'BOB'",
        "DELETE FROM ledger_object WHERE sha256 = x'BOB'",
    ] {
        let world = World::new(&[ANN, BOB]).await;
        let sql = sql.replace("ANN", &password_object(&world, ANN));
        let sql = sql.replace("BOB", &password_object(&world, BOB));
        database(&world.data())
            .execute_batch(&sql)
            .expect("sound SQL");
        let unavailable = Err(SignInError::Unavailable);
        assert_eq!(
            sign_in(&world.service, &world, BOB).await,
            unavailable,
            "{sql}"
        );
        assert_eq!(sign_in(&world.service, &world, ANN).await, Ok(()), "{sql}");
        for _ in 0..2 {
            world.service.heartbeat().await;
        }
        let found = findings(&world.data());
        assert_eq!(found.len(), 1, "{sql}: {found:?}");
        assert!(
            found[0].contains("the object of password of a_2"),
            "{found:?}"
        );
        let world = world.reopen().await;
        assert_eq!(findings(&world.data()).len(), 2, "a start says it again");
        let again = Command::AccountPassword {
            address: address(BOB),
            password: Password(Secret::new(PASSWORD.into())),
        };
        world
            .admit(again)
            .await
            .expect("the way to put it right is not frozen");
        assert_eq!(sign_in(&world.service, &world, BOB).await, Ok(()), "{sql}");
    }
}

fn certificate(clock: &Clock, name: &str) -> Command {
    let ca = net::OwnCa::new("Test", clock.now()).expect("an authority can be made");
    let names = [name.parse().expect("a domain")];
    let issued = ca
        .issue(&names, &[], clock.now())
        .expect("a certificate can be issued");
    Command::CertificateSet {
        chain_pem: issued.chain_pem,
        key_pem: Password(issued.key_pem),
    }
}

#[tokio::test]
async fn a_certificate_put_in_the_place_of_another_is_not_shown() {
    for object in ["chain", "key"] {
        let world = World::new(&[ANN]).await;
        for name in ["mx.example.org", "other.example.org"] {
            world
                .admit(certificate(&world.clock, name))
                .await
                .expect("it can be used");
        }
        let config = world.service.config();
        let [one, other] = config.certificates().collect::<Vec<_>>()[..] else {
            panic!("there are two certificates");
        };
        let (wrong, right) = match object {
            "chain" => (one.chain, other.chain),
            _ => (one.key, other.key),
        };
        let sql = "UPDATE ledger_object SET bytes =
                          (SELECT bytes FROM ledger_object WHERE sha256 = ?1) WHERE sha256 = ?2";
        database(&world.data())
            .execute(sql, (right.0, wrong.0))
            .expect("sound SQL");
        world.service.heartbeat().await;
        let found = findings(&world.data());
        let named = format!("the object of certificate {} ", one.id);
        assert!(found[0].contains(&named), "{found:?}");
        let world = world.reopen().await;
        assert!(world.service.tls().is_some(), "the other one serves");
        assert_eq!(findings(&world.data()).len(), 2, "a start says it again");
    }
}

#[tokio::test]
async fn a_name_without_its_sidecar_reads_as_erased() {
    for sql in [
        "DELETE FROM ledger_sidecar",
        "UPDATE ledger_sidecar SET bytes = zeroblob(60)",
        "CREATE TEMP TABLE other AS SELECT * FROM ledger_sidecar;
         UPDATE ledger_sidecar SET bytes = (SELECT bytes FROM other
           WHERE other.commitment <> ledger_sidecar.commitment LIMIT 1)",
    ] {
        let world = World::new(&[ANN]).await;
        let named = |name: &str| Command::AccountAdd {
            address: address(&format!("{}@example.org", name.to_lowercase())),
            name: Some(name.to_owned()),
            role: Role::MailboxOwner,
            quota_octets: None,
            password: Password(Secret::new(PASSWORD.into())),
        };
        for name in ["Bob", "Carol"] {
            world.admit(named(name)).await.expect("it fits");
        }
        database(&world.data())
            .execute_batch(sql)
            .expect("sound SQL");
        let world = world.reopen().await;
        let console = World::console();
        let shown = world.service.account_show(&console, &address(BOB)).await;
        assert_eq!(
            shown.expect("bob is there").name.as_deref(),
            Some("(erased)"),
            "{sql}"
        );
        let verified = world.service.ledger_verify(&console).await;
        assert!(
            verified.expect("it can be read").good,
            "an erasure moves no entry"
        );
    }
}

#[tokio::test]
async fn a_changed_start_file_is_named_in_the_entry_of_the_start() {
    let world = World::new(&[ANN]).await;
    let (clock, pin) = (world.clock.clone(), world.pin.clone());
    let dir = world.stop().await;
    let data = dir.path().join("data");
    let cases = [
        ("a = 1\nb = 2\n", Vec::new()),
        ("b = 2\n# a = 1\na = 1\n", Vec::new()),
        ("a = 1\nb = 3\n", vec!["b"]),
        ("a = 1\nc = 4\n", vec!["b", "c"]),
        ("a = 1\nc = 4\n", Vec::new()),
    ];
    for (start_file, differs) in cases {
        let service = World::open_with_start_file(dir.path(), &clock, &pin, start_file).await;
        service
            .expect("a start file of other content is no fault")
            .close()
            .await;
        let boot = entries(&data).pop().expect("there are entries");
        assert_eq!(boot.kind, "system.boot");
        let after = boot.after.expect("it says what was found");
        assert_eq!(
            after["start_file_differs"],
            serde_json::json!(differs),
            "{start_file}"
        );
    }
    assert!(findings(&data).is_empty());
}
