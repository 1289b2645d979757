//! The gate for changes: what it records, what it refuses, and what a crash or a stranger can do.

use ledger::{Entry, Outcome};
use policy::Role;
use service::{AdmitError, AdmitOptions, Command, Password, StartError};
use testkit::{PASSWORD, World};
use types::{Address, Secret};

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn account(text: &str) -> Command {
    Command::AccountAdd {
        address: address(text),
        name: Some("Bob Low".to_owned()),
        role: Role::MailboxOwner,
        quota_octets: Some(1_000_000),
        password: Password(Secret::new(PASSWORD.into())),
    }
}

/// The stored entries, read by a program that is not the server.
fn entries(data: &std::path::Path) -> Vec<Entry> {
    let db = rusqlite::Connection::open(data.join("mail.db")).unwrap();
    let mut query = db
        .prepare("SELECT bytes FROM ledger_entry ORDER BY seq")
        .unwrap();
    let rows = query.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    rows.map(|bytes| Entry::from_bytes(&bytes.unwrap()).unwrap())
        .collect()
}

#[tokio::test]
async fn every_command_leaves_its_entries_with_actor_door_and_effects() {
    let world = World::new(&["ann@example.org"]).await;
    let before = entries(&world.data()).len() as u64;
    let admitted = world.admit(account("bob@example.org")).await.unwrap();
    assert_eq!(admitted.seqs, [before, before + 1]);
    let told = admitted.effects.join(" ");
    assert!(told.contains("bob@example.org sign in"), "{told}");
    let admitted = world
        .admit(Command::AliasAdd {
            address: address("sales@example.org"),
            targets: vec![address("bob@example.org"), address("drop@example.net")],
        })
        .await
        .unwrap();
    assert_eq!(
        admitted.class, "C2",
        "an alias that leaves the organisation"
    );
    assert!(
        admitted
            .effects
            .iter()
            .any(|words| words.contains("OUTSIDE")),
        "{admitted:?}"
    );
    let last = admitted.effects.last().unwrap();
    assert!(last.contains("does not send to others"), "{last}");
    let entries = entries(&world.data());
    let last = entries.last().unwrap();
    assert_eq!(last.kind, "alias.create");
    assert_eq!(last.outcome, Outcome::Applied);
    assert_eq!(last.actor.unix.unwrap().login_uid, Some(1_000));
    assert_eq!(serde_json::json!(last.via.door), "cli");
    assert_eq!(last.effects[0]["kind"], "leaves_organisation");
    assert!(last.risk.detections.contains(&"R1".to_owned()));
    let batch: Vec<_> = entries[entries.len() - 3..]
        .iter()
        .map(|e| e.kind.as_str())
        .collect();
    assert_eq!(
        batch,
        ["account.create", "credential.password.set", "alias.create"]
    );
}

#[tokio::test]
async fn no_secret_and_no_name_stands_in_an_entry() {
    let world = World::new(&["ann@example.org"]).await;
    let options = AdmitOptions {
        reason: Some("he asked me to".to_owned()),
        dry_run: false,
        ..AdmitOptions::default()
    };
    let commands = vec![account("bob@example.org")];
    world
        .service
        .admit(&World::console(), commands, options)
        .await
        .unwrap();
    for entry in entries(&world.data()) {
        let text = String::from_utf8(entry.to_bytes().unwrap()).unwrap();
        for hidden in [PASSWORD, "argon2", "Bob Low", "he asked me to"] {
            assert!(!text.contains(hidden), "{hidden} stands in {text}");
        }
    }
    let console = World::console();
    let bob = world
        .service
        .account_show(&console, &address("bob@example.org"))
        .await
        .unwrap();
    assert_eq!(bob.name.as_deref(), Some("Bob Low"));
    let shown = world
        .service
        .ledger_show(&console, world.service.config().size() - 1)
        .await;
    assert_eq!(shown.unwrap().reason.as_deref(), Some("he asked me to"));
}

#[tokio::test]
async fn a_dry_run_and_a_refused_command_change_nothing() {
    let world = World::new(&["ann@example.org"]).await;
    let size = world.service.config().size();
    let dry = AdmitOptions {
        reason: None,
        dry_run: true,
        ..AdmitOptions::default()
    };
    let commands = vec![account("bob@example.org")];
    let tried = world
        .service
        .admit(&World::console(), commands, dry)
        .await
        .unwrap();
    assert!(tried.seqs.is_empty() && tried.dry_run);
    for (command, kind) in [
        (account("ann@example.org"), "conflict"),
        (account("ann@example.net"), "not found"),
        (
            Command::AccountRemove {
                address: address("no@example.org"),
            },
            "not found",
        ),
        (
            Command::AccountRemove {
                address: address("ann@example.org"),
            },
            "conflict",
        ),
        (setting("message_size_max_octets", "1"), "invalid"),
        (setting("colour", "red"), "not found"),
    ] {
        let found = match world.admit(command).await.unwrap_err() {
            AdmitError::Conflict(_) => "conflict",
            AdmitError::NotFound(_) => "not found",
            AdmitError::Invalid(_) => "invalid",
            other => panic!("{other:?}"),
        };
        assert_eq!(found, kind);
    }
    assert_eq!(world.service.config().size(), size);
}

fn setting(key: &str, value: &str) -> Command {
    Command::SettingSet {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

#[tokio::test]
async fn what_an_account_may_not_do_is_refused_and_recorded_once() {
    let world = World::new(&["ann@example.org", "bob@example.org"]).await;
    let bob = world.sign_in("bob@example.org").await;
    let actor = service::Actor {
        who: service::Who::Account(Box::new(bob)),
        via: World::console().via,
    };
    let size = world.service.config().size();
    for _ in 0..3 {
        let take_over = Command::AccountRole {
            address: address("bob@example.org"),
            role: Role::Owner,
        };
        let refused = world
            .service
            .admit(&actor, vec![take_over], AdmitOptions::default())
            .await;
        assert!(matches!(refused, Err(AdmitError::NotAllowed(_))));
    }
    // What could not be done anyway, since it is so or is not there, is refused in the same words.
    for name in ["bob@example.org", "nobody@example.org"] {
        let nothing_new = Command::AccountRole {
            address: address(name),
            role: Role::MailboxOwner,
        };
        let refused = world
            .service
            .admit(&actor, vec![nothing_new], AdmitOptions::default())
            .await;
        assert!(matches!(refused, Err(AdmitError::NotAllowed(_))), "{name}");
    }
    assert_eq!(
        world.service.config().size(),
        size + 1,
        "one entry for three attempts"
    );
    let last = entries(&world.data()).pop().unwrap();
    assert_eq!(
        (last.kind.as_str(), last.outcome),
        ("account.role.set", Outcome::Refused)
    );
    assert!(last.actor.session.is_some() && last.actor.sign_in.is_some());
    let config = world.service.config();
    assert_eq!(
        config.account_at(&address("bob@example.org")).unwrap().role,
        Role::MailboxOwner
    );
}

#[tokio::test]
async fn a_refusal_names_things_as_people_do() {
    let world = World::new(&["ann@example.org"]).await;
    let last_owner = Command::AccountRemove {
        address: address("ann@example.org"),
    };
    let words = world.admit(last_owner).await.unwrap_err().to_string();
    assert!(
        words.starts_with("ann@example.org is the last owner"),
        "{words}"
    );
    let domain = "example.org".parse().unwrap();
    let again = Command::DomainEnable {
        domain,
        enabled: true,
    };
    let words = world.admit(again).await.unwrap_err().to_string();
    assert!(words.starts_with("example.org "), "{words}");
}

#[tokio::test]
async fn a_common_password_is_refused_before_anything_is_hashed() {
    let world = World::new(&["ann@example.org"]).await;
    for weak in ["short words", "password1234567890", "example.org ann ann"] {
        let password = Password(Secret::new(weak.into()));
        let set = Command::AccountPassword {
            address: address("ann@example.org"),
            password,
        };
        let refused = world.admit(set).await;
        assert!(
            matches!(refused, Err(AdmitError::Invalid(_))),
            "{weak}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn changes_of_many_at_once_get_one_order() {
    let world = World::new(&["ann@example.org"]).await;
    let first = world.service.config().size();
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let (service, console) = (world.service.clone(), World::console());
            let command = Command::AliasAdd {
                address: address(&format!("alias{n}@example.org")),
                targets: vec![address("ann@example.org")],
            };
            tokio::spawn(async move {
                service
                    .admit(&console, vec![command], AdmitOptions::default())
                    .await
                    .unwrap()
                    .seqs
            })
        })
        .collect();
    let mut seqs = Vec::new();
    for task in tasks {
        seqs.extend(task.await.unwrap());
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (first..first + 20).collect::<Vec<_>>());
    assert!(
        world
            .service
            .ledger_verify(&World::console())
            .await
            .unwrap()
            .good
    );
}

#[tokio::test]
async fn the_budget_ends_a_flood_but_not_a_batch() {
    let world = World::new(&["ann@example.org"]).await;
    let many = (0..70).map(alias).collect();
    let batch = world
        .service
        .admit(&World::console(), many, AdmitOptions::default())
        .await;
    assert_eq!(batch.unwrap().seqs.len(), 70);
    let mut refused = None;
    for n in 100..200 {
        if let Err(err) = world.admit(alias(n)).await {
            refused = Some(err);
            break;
        }
    }
    assert!(
        matches!(refused, Some(AdmitError::OverBudget(_))),
        "{refused:?}"
    );
}

fn alias(n: u32) -> Command {
    Command::AliasAdd {
        address: address(&format!("alias{n}@example.org")),
        targets: vec![address("ann@example.org")],
    }
}

#[tokio::test]
async fn a_restart_finds_the_same_configuration_and_records_itself() {
    let world = World::new(&["ann@example.org"]).await;
    world.admit(account("bob@example.org")).await.unwrap();
    let size = world.service.config().size();
    let world = world.reopen().await;
    assert_eq!(world.service.config().size(), size + 1);
    assert_eq!(entries(&world.data()).pop().unwrap().kind, "system.boot");
    world.sign_in("bob@example.org").await;
    assert!(
        world
            .service
            .ledger_verify(&World::console())
            .await
            .unwrap()
            .good
    );
}

#[tokio::test]
async fn rows_from_outside_are_never_obeyed_and_never_signed() {
    let world = World::new(&["ann@example.org"]).await;
    world.admit(account("bob@example.org")).await.unwrap();
    let exit = Command::AliasAdd {
        address: address("sales@example.org"),
        targets: vec![address("bob@example.org"), address("drop@example.net")],
    };
    world.admit(exit).await.unwrap();
    let (clock, pin) = (world.clock.clone(), world.pin.clone());
    let rogue = rogue_entry(&entries(&world.data()));
    let dir = world.stop().await;
    append_row(&dir.path().join("data"), &rogue);
    let service = World::open_at(dir.path(), &clock, &pin).await.unwrap();
    let config = service.config();
    assert_eq!(
        config.account_at(&address("bob@example.org")).unwrap().role,
        Role::MailboxOwner
    );
    let found = entries(&dir.path().join("data"));
    assert!(found.iter().all(|entry| entry.to_bytes().unwrap() != rogue));
    let kinds: Vec<_> = found
        .iter()
        .rev()
        .take(2)
        .map(|entry| entry.kind.as_str())
        .collect();
    assert_eq!(kinds, ["system.boot", "security.oob_edit"]);
    let frozen = service
        .admit(
            &World::console(),
            vec![Command::AccountRole {
                address: address("bob@example.org"),
                role: Role::Owner,
            }],
            AdmitOptions::default(),
        )
        .await;
    assert!(matches!(frozen, Err(AdmitError::Frozen(_))), "{frozen:?}");
    let tightening = Command::AliasTargets {
        address: address("sales@example.org"),
        targets: vec![address("bob@example.org")],
    };
    let tightened = service
        .admit(&World::console(), vec![tightening], AdmitOptions::default())
        .await;
    assert_eq!(
        tightened.unwrap().class,
        "C0",
        "an exit can be closed at any time"
    );
}

/// Adds a row behind the last entry, past the server.
fn append_row(data: &std::path::Path, bytes: &[u8]) {
    let db = rusqlite::Connection::open(data.join("mail.db")).unwrap();
    db.execute(
        "INSERT INTO ledger_entry (log, seq, leaf, bytes)
         SELECT log, (SELECT MAX(seq) + 1 FROM ledger_entry), leaf, ?1
         FROM ledger_entry WHERE seq = 0",
        [bytes],
    )
    .unwrap();
}

/// A well-formed entry that makes bob an owner, as somebody with the database would write it.
fn rogue_entry(entries: &[Entry]) -> Vec<u8> {
    let mut rogue = entries.last().unwrap().clone();
    rogue.seq += 1;
    rogue.kind = "account.role.set".to_owned();
    rogue.object = Some(ledger::Object {
        kind: "account".into(),
        id: "a_2".into(),
        rev: 2,
    });
    rogue.after = Some(serde_json::json!({"role": "owner"}));
    rogue.before = None;
    rogue.objects = Vec::new();
    rogue.batch = None;
    rogue.to_bytes().unwrap()
}

#[tokio::test]
async fn an_edited_entry_is_put_right_from_the_second_copy() {
    let world = World::new(&["ann@example.org", "bob@example.org"]).await;
    let (clock, pin) = (world.clock.clone(), world.pin.clone());
    let before = entries(&world.data());
    let dir = world.stop().await;
    let db = rusqlite::Connection::open(dir.path().join("data/mail.db")).unwrap();
    let mut edited = before[3].clone();
    edited.boot = "edited".to_owned();
    let bytes = edited.to_bytes().unwrap();
    db.execute("UPDATE ledger_entry SET bytes = ?1 WHERE seq = 3", [&bytes])
        .unwrap();
    drop(db);
    let service = World::open_at(dir.path(), &clock, &pin).await.unwrap();
    let after = entries(&dir.path().join("data"));
    assert_eq!(after[..before.len()], before);
    assert_eq!(after[before.len()].kind, "security.oob_edit");
    assert!(service.ledger_verify(&World::console()).await.unwrap().good);
}

#[tokio::test]
async fn a_data_folder_cut_back_to_an_older_state_is_refused() {
    let world = World::new(&["ann@example.org"]).await;
    let (clock, pin) = (world.clock.clone(), world.pin.clone());
    world.admit(account("bob@example.org")).await.unwrap();
    let dir = world.stop().await;
    let data = dir.path().join("data");
    let db = rusqlite::Connection::open(data.join("mail.db")).unwrap();
    db.execute("DELETE FROM ledger_entry WHERE seq >= 4", [])
        .unwrap();
    db.execute("DELETE FROM ledger_checkpoint WHERE size > 4", [])
        .unwrap();
    drop(db);
    std::fs::remove_dir_all(data.join("ledger/tile")).unwrap();
    match World::open_at(dir.path(), &clock, &pin).await {
        Err(StartError::RolledBack { found: 4, signed }) => assert!(signed > 4),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a rolled back ledger was obeyed"),
    }
}

#[tokio::test]
async fn another_ledger_and_another_mode_are_refused() {
    let one = World::new(&["ann@example.org"]).await;
    let other = World::new(&["ann@example.org"]).await;
    let (clock, pin) = (one.clock.clone(), other.pin.clone());
    let dir = one.stop().await;
    let refused = World::open_at(dir.path(), &clock, &pin).await;
    assert!(matches!(refused, Err(StartError::OtherLedger { .. })));
}

#[tokio::test]
async fn a_running_server_notices_a_foreign_row_at_the_next_beat() {
    let world = World::new(&["ann@example.org"]).await;
    let size = world.service.config().size();
    append_row(&world.data(), &rogue_entry(&entries(&world.data())));
    world.service.heartbeat().await;
    let found = entries(&world.data());
    assert_eq!(found.last().unwrap().kind, "security.oob_edit");
    assert_eq!(found.len() as u64, size + 1);
}

#[tokio::test]
async fn a_certificate_that_ran_out_is_still_shown_and_can_be_replaced() {
    let world = World::new(&["ann@example.org"]).await;
    let issue = |world: &World| {
        let now = world.clock.now();
        let ca = net::OwnCa::new("Test", now).unwrap();
        let issued = ca
            .issue(&["mx.example.org".parse().unwrap()], &[], now)
            .unwrap();
        Command::CertificateSet {
            chain_pem: issued.chain_pem,
            key_pem: Password(issued.key_pem),
        }
    };
    let old = issue(&world);
    world.admit(old.clone()).await.unwrap();
    world
        .clock
        .advance(std::time::Duration::from_secs(500 * 86_400));
    let world = world.reopen().await;
    assert!(
        world.service.tls().is_some(),
        "a server that does not answer helps nobody"
    );
    assert!(matches!(
        world.admit(old).await,
        Err(AdmitError::Invalid(_))
    ));
    world.admit(issue(&world)).await.unwrap();
}
