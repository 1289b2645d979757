//! Signing in: who gets in, who waits, and what is recorded of both.

use std::net::SocketAddr;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;
use service::{
    Actor, AdmitError, AdmitOptions, Command, Password, Peer, Protocol, SignInError, Who,
};
use testkit::{PASSWORD, World};
use types::{Address, Secret};

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn from(world: &World, source: [u8; 4]) -> Peer {
    Peer {
        address: SocketAddr::from((source, 40_000)),
        proxy: None,
        ..world.peer(Protocol::Imap)
    }
}

/// Signs in from the usual place.
async fn try_in(world: &World, name: &str, password: &str) -> Result<(), SignInError> {
    let peer = world.peer(Protocol::Imap);
    let tried = world.service.sign_in(&peer, name, &secret(password)).await;
    tried.map(|_| ())
}

async fn set(world: &World, key: &str, value: &str) {
    let command = Command::SettingSet {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    world.admit(command).await.expect("a value in its range");
}

async fn enable(world: &World, enabled: bool) {
    let address = address(BOB);
    let command = Command::AccountEnable { address, enabled };
    world.admit(command).await.expect("bob is no owner");
}

/// What the activity log has by now, oldest first: kind, account, source and detail.
async fn activity(world: &World) -> Vec<(String, Option<i64>, String, Value)> {
    // A sign-in is answered only when it, and all before it, is in the file.
    world.sign_in(ANN).await;
    let path = world.data().join("log/activity-2026-11-23.db");
    let db = Connection::open(path).expect("the day has a file");
    let sql = "SELECT kind, account, source, detail FROM record ORDER BY seq";
    let mut query = db.prepare(sql).expect("sound SQL");
    let row = |row: &rusqlite::Row<'_>| {
        let detail: Vec<u8> = row.get(3)?;
        let detail = serde_json::from_slice(&detail).expect("JSON");
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, detail))
    };
    let rows = query.query_map([], row).expect("sound SQL");
    rows.collect::<Result<_, _>>().expect("rows")
}

#[tokio::test]
async fn only_the_right_password_of_a_working_account_gets_in() {
    let world = World::new(&[ANN, BOB]).await;
    let second = Command::DomainAliasAdd {
        alias: "second.test".parse().expect("a domain"),
        domain: "example.org".parse().expect("a domain"),
    };
    world.admit(second).await.expect("it fits");
    let long = "x".repeat(300);
    let refused = Err(SignInError::Refused);
    for (name, password, expected) in [
        (ANN, PASSWORD, Ok(())),
        ("Ann@EXAMPLE.org", PASSWORD, Ok(())),
        ("ann@second.test", PASSWORD, Ok(())),
        (ANN, "wrong", refused),
        (ANN, "", refused),
        (ANN, &long, refused),
        ("ann", PASSWORD, refused),
        ("ann+x@example.org", PASSWORD, refused),
        ("nobody@example.org", PASSWORD, refused),
        ("postmaster@example.org", PASSWORD, refused),
        ("not an address", PASSWORD, refused),
        ("", PASSWORD, refused),
    ] {
        let peer = from(&world, [198, 51, 100, 7]);
        let tried = world.service.sign_in(&peer, name, &secret(password)).await;
        assert_eq!(tried.map(|_| ()), expected, "{name} {password}");
        // Each begins with a clean record, so that none of them waits for the others.
        world.clock.advance(Duration::from_secs(4_000));
    }
    enable(&world, false).await;
    assert_eq!(try_in(&world, BOB, PASSWORD).await, refused);
    enable(&world, true).await;
    assert_eq!(try_in(&world, BOB, PASSWORD).await, Ok(()));
}

#[tokio::test]
async fn a_password_is_taken_only_over_tls_or_where_the_setting_says_so() {
    let world = World::new(&[ANN]).await;
    let clear = |source: &str| Peer {
        address: source.parse().expect("an address and a port"),
        proxy: None,
        tls: None,
        ..world.peer(Protocol::Pop3)
    };
    let sources = [
        "192.0.2.9:1",
        "127.0.0.1:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
        "[::ffff:192.0.2.9]:1",
    ];
    for (on_loopback, allowed) in [
        ("off", [false; 5]),
        ("on", [false, true, true, true, false]),
    ] {
        if on_loopback == "on" {
            set(&world, "plain_sign_in_on_loopback", on_loopback).await;
        }
        for (source, allowed) in sources.into_iter().zip(allowed) {
            let peer = clear(source);
            assert_eq!(
                world.service.plain_sign_in_allowed(&peer),
                allowed,
                "{source}"
            );
            let tried = world.service.sign_in(&peer, ANN, &secret(PASSWORD)).await;
            assert_eq!(tried.is_ok(), allowed, "{on_loopback} {source}");
        }
    }
}

#[tokio::test]
async fn guesses_at_an_account_wait_longer_and_longer_and_then_are_not_looked_at() {
    let world = World::new(&[ANN, BOB]).await;
    set(&world, "sign_in_failures_per_account_max", "6").await;
    tokio::time::pause();
    let mut waits = Vec::new();
    for guess in 0..6 {
        // Each from another network, so that only the account is what they have in common.
        let peer = from(&world, [192, 0, guess, 1]);
        let before = tokio::time::Instant::now();
        let tried = world
            .service
            .sign_in(&peer, BOB, &secret(&guess.to_string()))
            .await;
        assert_eq!(tried.map(|_| ()), Err(SignInError::Refused));
        // The timer rounds up to whole milliseconds.
        waits.push(before.elapsed().as_millis() / 10 * 10);
    }
    assert_eq!(waits, [0, 0, 0, 0, 500, 1_000]);
    let throttled = |retry_after_s| Err(SignInError::Throttled { retry_after_s });
    assert_eq!(
        try_in(&world, BOB, PASSWORD).await,
        throttled(60),
        "even the right one"
    );
    assert_eq!(
        try_in(&world, ANN, PASSWORD).await,
        Ok(()),
        "others are not touched"
    );
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(try_in(&world, BOB, PASSWORD).await, throttled(1));
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(try_in(&world, BOB, PASSWORD).await, Ok(()));
    let before = tokio::time::Instant::now();
    assert_eq!(
        try_in(&world, BOB, "one more").await,
        Err(SignInError::Refused)
    );
    assert!(
        before.elapsed().is_zero(),
        "the right password forgives the account"
    );
}

#[tokio::test]
async fn another_name_of_its_domain_gives_an_account_no_second_memory() {
    let world = World::new(&[ANN, BOB]).await;
    let second = Command::DomainAliasAdd {
        alias: "second.test".parse().expect("a domain"),
        domain: "example.org".parse().expect("a domain"),
    };
    world.admit(second).await.expect("it fits");
    set(&world, "sign_in_failures_per_account_max", "2").await;
    for (guess, name) in [(1, BOB), (2, "bob@second.test")] {
        let peer = from(&world, [192, 0, guess, 1]);
        let tried = world
            .service
            .sign_in(&peer, name, &secret(&guess.to_string()))
            .await;
        assert_eq!(tried.map(|_| ()), Err(SignInError::Refused));
    }
    for name in [BOB, "bob@second.test", "BOB@Second.Test"] {
        let tried = try_in(&world, name, PASSWORD).await;
        assert!(
            matches!(tried, Err(SignInError::Throttled { .. })),
            "{name}: {tried:?}"
        );
    }
}

#[tokio::test]
async fn a_source_that_guesses_at_many_accounts_is_refused_for_all() {
    let world = World::new(&[ANN]).await;
    set(&world, "sign_in_failures_per_source_max", "4").await;
    tokio::time::pause();
    for name in 0..4 {
        let name = format!("nobody{name}@example.org");
        assert_eq!(
            try_in(&world, &name, "same guess").await,
            Err(SignInError::Refused)
        );
    }
    for (source, refused) in [([192, 0, 2, 77], true), ([198, 51, 100, 1], false)] {
        let peer = from(&world, source);
        let tried = world.service.sign_in(&peer, ANN, &secret(PASSWORD)).await;
        let throttled = matches!(tried, Err(SignInError::Throttled { .. }));
        assert_eq!(
            (throttled, tried.is_err()),
            (refused, refused),
            "the network counts"
        );
    }
}

#[tokio::test]
async fn a_device_that_repeats_its_old_password_is_counted_once() {
    let world = World::new(&[ANN]).await;
    set(&world, "sign_in_failures_per_account_max", "2").await;
    for _ in 0..4 {
        assert_eq!(
            try_in(&world, ANN, "the old one").await,
            Err(SignInError::Refused)
        );
    }
    assert_eq!(try_in(&world, ANN, PASSWORD).await, Ok(()));
}

#[tokio::test]
async fn a_new_password_ends_the_old_one_at_once() {
    let world = World::new(&[ANN]).await;
    for _ in 0..2 {
        assert_eq!(
            try_in(&world, ANN, PASSWORD).await,
            Ok(()),
            "the second is remembered"
        );
    }
    let new = "ostrich quilt river lamp";
    let command = Command::AccountPassword {
        address: address(ANN),
        password: Password(secret(new)),
    };
    world.admit(command).await.expect("it is long enough");
    assert_eq!(
        try_in(&world, ANN, PASSWORD).await,
        Err(SignInError::Refused)
    );
    assert_eq!(try_in(&world, ANN, new).await, Ok(()));
}

#[tokio::test]
async fn both_outcomes_are_recorded_and_a_name_cannot_write_lines() {
    let world = World::new(&[ANN, BOB]).await;
    let forged = "x\r\n{\"kind\":\"sign_in\"}\u{0}@example.org";
    for name in [forged, BOB] {
        assert_eq!(
            try_in(&world, name, "wrong").await,
            Err(SignInError::Refused)
        );
    }
    world.sign_in(BOB).await;
    let found = activity(&world).await;
    let kinds: Vec<_> = found
        .iter()
        .map(|(kind, account, ..)| (kind.as_str(), *account))
        .collect();
    let expected = [
        ("sign_in.refused", None),
        ("sign_in.refused", Some(2)),
        ("sign_in", Some(2)),
        ("sign_in", Some(1)),
    ];
    assert_eq!(kinds, expected);
    assert!(found.iter().all(|(_, _, source, _)| source == "192.0.2.9"));
    assert_eq!(
        found[0].3["name"], forged,
        "kept as it was given, inside its field"
    );
    assert_eq!(found[1].3["why"], "password");
    assert_eq!(found[2].3["protocol"], "imap");
    let text = format!("{found:?}");
    assert!(!text.contains("wrong") && !text.contains(PASSWORD));
    let endless = "x".repeat(100_000);
    assert_eq!(
        try_in(&world, &endless, "guess").await,
        Err(SignInError::Refused)
    );
    let found = activity(&world).await;
    let longest = found
        .iter()
        .map(|(.., detail)| detail.to_string().len())
        .max();
    assert!(longest < Some(1_000), "a name is cut");
}

fn session(world: &World, what: &str) -> Vec<String> {
    let db = Connection::open(world.data().join("mail.db")).expect("the database opens");
    let sql = format!("SELECT {what} FROM session ORDER BY id");
    let mut query = db.prepare(&sql).expect("sound SQL");
    let rows = query.query_map([], |row| row.get(0)).expect("sound SQL");
    rows.collect::<Result<_, _>>().expect("rows of one text")
}

#[tokio::test]
async fn a_session_has_a_mac_and_names_its_sign_in() {
    let world = World::new(&[ANN]).await;
    let principal = world.sign_in(ANN).await;
    let begun = "account || ' ' || door || ' ' || source || ' ' || sign_in || ' ' || length(mac)
                 || ' ' || (ended_at IS NULL)";
    assert_eq!(
        session(&world, begun),
        [format!("1 imap 192.0.2.9 {} 32 1", principal.sign_in)]
    );
    let mac = session(&world, "hex(mac)");
    world.service.sign_out(&principal).await;
    assert_eq!(session(&world, "CAST(ended_at IS NULL AS TEXT)"), ["0"]);
    assert_ne!(
        session(&world, "hex(mac)"),
        mac,
        "the end is under the MAC too"
    );
}

#[tokio::test]
async fn a_session_that_ended_or_was_changed_from_outside_makes_no_changes() {
    let set = "ended_at = NULL, account";
    for (sql, allowed) in [
        ("", true),
        ("sign out", false),
        (&format!("UPDATE session SET {set} = 2"), false),
        ("UPDATE session SET sign_in = sign_in + 1", false),
        ("UPDATE session SET started_at = started_at + 1", false),
        ("UPDATE session SET mac = zeroblob(32)", false),
        ("DELETE FROM session", false),
    ] {
        let world = World::new(&[ANN]).await;
        let principal = world.sign_in(ANN).await;
        let actor = Actor {
            who: Who::Account(Box::new(principal.clone())),
            via: World::console().via,
        };
        match sql {
            "sign out" => world.service.sign_out(&principal).await,
            sql => {
                let db = Connection::open(world.data().join("mail.db")).expect("it opens");
                db.execute_batch(sql).expect("sound SQL");
            }
        }
        let exit = Command::AliasAdd {
            address: address("exit@example.org"),
            targets: vec![address("drop@far.test")],
        };
        let size = world.service.config().size();
        let options = AdmitOptions::default();
        let made = world.service.admit(&actor, vec![exit], options).await;
        assert_eq!(made.is_ok(), allowed, "{sql}: {made:?}");
        if !allowed {
            assert!(
                matches!(made, Err(AdmitError::NotAllowed(_))),
                "{sql}: {made:?}"
            );
            assert_eq!(world.service.config().size(), size, "{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_guesses_at_once_are_no_way_round_the_bound() {
    let world = World::new(&[ANN, BOB]).await;
    set(&world, "sign_in_failures_per_account_max", "3").await;
    let mut guesses = Vec::new();
    for n in 0..12 {
        let (service, peer) = (world.service.clone(), from(&world, [198, 51, 100, n]));
        guesses.push(tokio::spawn(async move {
            let guess = secret(&format!("wrong guess {n}"));
            service.sign_in(&peer, BOB, &guess).await.err()
        }));
    }
    let mut looked_at = 0;
    for guess in guesses {
        match guess.await.expect("no panic") {
            Some(SignInError::Refused) => looked_at += 1,
            Some(SignInError::Throttled { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(looked_at, 3);
}

#[tokio::test]
async fn a_source_that_guesses_is_blocked_longer_than_it_is_throttled() {
    let world = World::new(&[ANN, BOB]).await;
    set(&world, "sign_in_failures_per_source_max", "2").await;
    let guesser = from(&world, [198, 51, 100, 7]);
    let right = || async {
        (world.service)
            .sign_in(&guesser, ANN, &secret(PASSWORD))
            .await
    };
    for n in 0..2 {
        let guess = secret(&format!("wrong guess {n}"));
        let refused = world.service.sign_in(&guesser, BOB, &guess).await;
        assert_eq!(refused.err(), Some(SignInError::Refused));
    }
    let blocked = SignInError::Throttled { retry_after_s: 600 };
    assert_eq!(right().await.err(), Some(blocked));
    let records = activity(&world).await;
    let (_, _, source, detail) = (records.iter())
        .find(|(kind, ..)| kind == "blocked")
        .expect("a record of the block");
    assert_eq!(source, "198.51.100.7");
    assert_eq!(detail["rule"], "sign_in_guessing");
    assert_eq!(detail["what"], "sign_ins");
    let list = world
        .service
        .block_list(&World::console())
        .await
        .expect("the console may");
    assert_eq!((list.len(), list[0].times), (1, Some(1)));
    let source = "198.51.100.7".parse().expect("a network");
    world
        .admit(Command::BlockLift { source })
        .await
        .expect("it stands");
    assert_eq!(
        world
            .service
            .block_list(&World::console())
            .await
            .expect("the console may")
            .len(),
        0
    );
    let again = world.admit(Command::BlockLift { source }).await;
    assert!(matches!(again, Err(AdmitError::NotFound(_))), "{again:?}");
}

#[tokio::test]
async fn one_typo_of_a_neighbour_blocks_the_guesser_only_when_he_goes_on() {
    let world = World::new(&[ANN, BOB]).await;
    set(&world, "sign_in_failures_per_source_max", "3").await;
    let fails = async |host: u8, guess: &str| {
        let peer = from(&world, [198, 51, 100, host]);
        let refused = world.service.sign_in(&peer, BOB, &secret(guess)).await;
        assert_eq!(refused.err(), Some(SignInError::Refused), "{host} {guess}");
    };
    let blocked = async || {
        let list = world.service.block_list(&World::console()).await;
        let list = list.expect("the console may").into_iter();
        list.map(|block| block.source).collect::<Vec<_>>()
    };
    fails(1, "one").await;
    fails(1, "two").await;
    fails(2, "a typo").await;
    assert!(blocked().await.is_empty(), "{:?}", blocked().await);
    // The refusal of their whole network is over.
    world.clock.advance(Duration::from_secs(61));
    fails(1, "three").await;
    assert_eq!(blocked().await, ["198.51.100.1"]);
}

#[tokio::test]
async fn the_place_of_an_admin_is_blocked_by_force_only() {
    let world = World::new(&[ANN, BOB]).await;
    let own = from(&world, [198, 51, 100, 7]);
    let signed_in = world.service.sign_in(&own, ANN, &secret(PASSWORD)).await;
    signed_in.expect("the right password");
    set(&world, "sign_in_failures_per_source_max", "2").await;
    for n in 0..4 {
        let guess = secret(&format!("wrong guess {n}"));
        let _ = world.service.sign_in(&own, BOB, &guess).await;
    }
    let list = async || {
        world
            .service
            .block_list(&World::console())
            .await
            .expect("the console may")
            .len()
    };
    assert_eq!(list().await, 0, "the server blocked an admin's place");
    let block = |source: &str, force| Command::BlockAdd {
        source: source.parse().expect("a network"),
        what: policy::change::Blocked::Connections,
        seconds: 3_600,
        force,
    };
    for (source, words) in [
        ("198.51.100.0/24", ANN),
        ("127.0.0.1", "this machine itself"),
        ("::/0", "this machine itself"),
    ] {
        let refused = world
            .admit(block(source, false))
            .await
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains(words) && refused.contains("--force"),
            "{refused}"
        );
    }
    let done = world
        .admit(block("198.51.100.0/24", true))
        .await
        .expect("by force");
    assert!(
        done.effects.iter().any(|effect| effect.contains(ANN)),
        "{:?}",
        done.effects
    );
    assert_eq!(list().await, 1);
}
