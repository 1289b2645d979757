//! After an edit from outside grave changes wait, also through restarts, until somebody who may
//! change the server says that they looked; that is possible once all is whole again.

use std::fs;
use std::path::Path;

use policy::Role;
use rusqlite::Connection;
use service::{Actor, AdmitError, AdmitOptions, Admitted, Command, Who};
use testkit::World;
use types::Address;

/// The owner of the server.
const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// A change of class C2: mail leaves the organisation.
fn exit(name: &str) -> Command {
    Command::AliasAdd {
        address: address(&format!("{name}@example.org")),
        targets: vec![address("drop@far.test")],
    }
}

fn run(world: &World, sql: &str) {
    let db = Connection::open(world.data().join("mail.db")).expect("the database opens");
    db.execute_batch(sql).expect("sound SQL");
}

/// What somebody with the database changes, and a beat that finds it and puts it right.
async fn meddle(world: &World) {
    run(world, "UPDATE ledger_entry SET bytes = x'00' WHERE seq = 2");
    world.service.heartbeat().await;
}

async fn acknowledge(
    world: &World,
    actor: &Actor,
    through: u64,
    dry_run: bool,
) -> Result<Admitted, AdmitError> {
    let options = AdmitOptions {
        dry_run,
        ..AdmitOptions::default()
    };
    let command = Command::LedgerAcknowledge { through };
    world.service.admit(actor, vec![command], options).await
}

fn newest(world: &World) -> u64 {
    let config = world.service.config();
    let edits = config.outside_edits();
    edits.last().expect("an edit from outside is open")
}

async fn assert_frozen(world: &World, what: &str) {
    let refused = world.admit(exit("sales")).await;
    assert!(
        matches!(refused, Err(AdmitError::Frozen(_))),
        "{what}: {refused:?}"
    );
    let status = world.service.status(&World::console()).await;
    assert!(status.expect("it answers").frozen.is_some(), "{what}");
    let metrics = world.service.metrics_text();
    assert!(metrics.contains("sealpost_ledger_frozen 1"), "{what}");
    assert!(!world.service.health().warnings.is_empty(), "{what}");
}

#[tokio::test]
async fn an_acknowledgement_ends_the_freeze_and_a_restart_does_not() {
    let world = World::new(&[ANN]).await;
    let console = World::console();
    let nothing = acknowledge(&world, &console, 0, false).await;
    assert!(
        matches!(nothing, Err(AdmitError::Conflict(_))),
        "{nothing:?}"
    );
    meddle(&world).await;
    assert_frozen(&world, "found").await;
    let world = world.reopen().await;
    assert_frozen(&world, "started again").await;

    let last = newest(&world);
    let planned = acknowledge(&world, &console, last, true).await;
    let planned = planned.expect("it can be tried");
    let found = format!("#{last}: ");
    assert!(
        planned.effects.iter().any(|line| line.starts_with(&found)),
        "{planned:?}"
    );
    assert_frozen(&world, "only tried").await;
    let done = acknowledge(&world, &console, last, false).await;
    assert_eq!(done.expect("it was looked at").class, "C3");
    let made = world.admit(exit("sales")).await;
    made.expect("grave changes go on without a restart");
    let world = world.reopen().await;
    let made = world.admit(exit("shop")).await;
    made.expect("and after one");
    let status = world.service.status(&console).await.expect("it answers");
    assert_eq!((status.frozen, status.unacknowledged_edit), (None, None));

    meddle(&world).await;
    let newer = newest(&world);
    assert!(newer > last, "the earlier one stays acknowledged");
    let stale = acknowledge(&world, &console, last, false).await;
    assert!(matches!(stale, Err(AdmitError::Conflict(_))), "{stale:?}");
    let verified = world.service.ledger_verify(&console).await;
    assert!(verified.expect("it can be read").good);
}

#[tokio::test]
async fn what_was_found_meanwhile_is_not_acknowledged_unseen() {
    let world = World::new(&[ANN]).await;
    meddle(&world).await;
    let seen = newest(&world);
    run(
        &world,
        "UPDATE ledger_entry SET bytes = x'00' WHERE seq = 1",
    );
    let refused = acknowledge(&world, &World::console(), seen, false).await;
    let Err(AdmitError::Conflict(why)) = refused else {
        panic!("{refused:?}");
    };
    let newer = newest(&world);
    assert!(newer > seen && why.contains(&format!("#{newer}")), "{why}");
}

#[tokio::test]
async fn only_who_may_change_the_server_acknowledges() {
    let world = World::new(&[ANN, BOB]).await;
    meddle(&world).await;
    let through = newest(&world);
    let bob = Actor {
        who: Who::Account(Box::new(world.sign_in(BOB).await)),
        via: World::console().via,
    };
    let refused = acknowledge(&world, &bob, through, false).await;
    assert!(
        matches!(refused, Err(AdmitError::NotAllowed(_))),
        "{refused:?}"
    );
    assert_frozen(&world, "refused").await;
    let raise = Command::AccountRole {
        address: address(BOB),
        role: Role::Owner,
    };
    let refused = world.admit(raise).await;
    assert!(matches!(refused, Err(AdmitError::Frozen(_))), "{refused:?}");
}

fn copy_tiles(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for found in fs::read_dir(from).expect("a folder") {
        let found = found.expect("an entry of a folder");
        let target = to.join(found.file_name());
        if found.path().is_dir() {
            copy_tiles(&found.path(), &target);
        } else {
            fs::copy(found.path(), target).expect("a file");
        }
    }
}

#[tokio::test]
async fn a_ledger_that_is_not_whole_cannot_be_acknowledged() {
    let world = World::new(&[ANN]).await;
    let console = World::console();
    meddle(&world).await;
    let (tiles, kept) = (world.data().join("ledger/tile"), world.data().join("kept"));
    copy_tiles(&tiles, &kept);
    fs::remove_dir_all(&tiles).expect("it is there");
    run(&world, "DELETE FROM ledger_entry WHERE seq = 2");
    let refused = acknowledge(&world, &console, newest(&world), false).await;
    let Err(AdmitError::Conflict(why)) = refused else {
        panic!("{refused:?}");
    };
    assert!(why.contains("DAMAGED at entry 2"), "{why}");
    assert_frozen(&world, "damaged").await;

    copy_tiles(&kept, &tiles);
    world.service.heartbeat().await;
    assert_frozen(&world, "whole again").await;
    let last = newest(&world);
    let done = acknowledge(&world, &console, last, false).await;
    done.expect("all is whole again");
    world
        .admit(exit("sales"))
        .await
        .expect("grave changes go on");
}
