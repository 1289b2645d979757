//! Scripts of mail programs through the gate: one entry each, and none where nothing changes.

use std::net::IpAddr;

use ledger::{ActorKind, Door, Entry, Outcome};
use policy::{RuleContent, RuleDirection};
use service::{
    Actor, AdmitError, AdmitOptions, Command, Expiry, NewRule, Principal, Protocol, RuleAt,
    ScriptError,
};
use testkit::{PASSWORD, World};
use types::Secret;

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";
const FORWARD: &str = "redirect \"drop@example.net\";\r\n";

fn entries(world: &World) -> Vec<Entry> {
    let db = rusqlite::Connection::open(world.data().join("mail.db")).unwrap();
    let mut query = db
        .prepare("SELECT bytes FROM ledger_entry ORDER BY seq")
        .unwrap();
    let rows = query.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    rows.map(|bytes| Entry::from_bytes(&bytes.unwrap()).unwrap())
        .collect()
}

async fn bob(world: &World) -> Principal {
    let peer = world.peer(Protocol::Managesieve);
    let password = Secret::new(PASSWORD.into());
    let signed_in = world.service.sign_in(&peer, BOB, &password);
    signed_in.await.unwrap()
}

/// The kinds of the entries since there were so many, each checked to be Bob's by this door.
fn since(world: &World, known: usize, bob: &Principal) -> Vec<String> {
    let all = entries(world);
    let new = all[known..].iter().map(|entry| {
        assert_eq!(entry.actor.kind, ActorKind::Account);
        assert_eq!(entry.actor.id, Some(bob.account.to_string()));
        assert_eq!(entry.actor.session, Some(bob.session));
        assert_eq!(entry.actor.sign_in, Some(format!("a{}", bob.sign_in)));
        assert!(entry.actor.credential.is_some());
        assert_eq!(entry.via.door, Door::Managesieve);
        assert_eq!(entry.via.listener, Some(bob.peer.listener));
        assert_eq!(entry.via.tls, Some(ledger::TlsVersion::V1_3));
        assert!(entry.via.peer.is_some());
        entry.kind.clone()
    });
    new.collect()
}

#[tokio::test]
async fn each_change_of_a_script_is_one_entry() {
    let world = World::new(&[ANN, BOB]).await;
    let bob = bob(&world).await;
    let service = &world.service;
    let mut known = entries(&world).len();
    let mut expect = |kinds: &[&str]| {
        assert_eq!(since(&world, known, &bob), kinds);
        known += kinds.len();
    };
    service.script_put(&bob, "a", FORWARD).await.unwrap();
    expect(&["rule.create"]);
    service.script_put(&bob, "a", FORWARD).await.unwrap();
    expect(&[]);
    let told = service.script_activate(&bob, Some("a")).await.unwrap();
    assert!(told.iter().any(|words| words.contains("OUTSIDE")));
    expect(&["rule.resume"]);
    service.script_activate(&bob, Some("a")).await.unwrap();
    expect(&[]);
    service.script_put(&bob, "a", "discard;").await.unwrap();
    expect(&["rule.change"]);
    service.script_put(&bob, "b", "keep;").await.unwrap();
    expect(&["rule.create"]);
    service.script_activate(&bob, Some("b")).await.unwrap();
    expect(&["rule.pause", "rule.resume"]);
    service.script_rename(&bob, "b", "c").await.unwrap();
    expect(&["rule.change"]);
    service.script_activate(&bob, None).await.unwrap();
    expect(&["rule.pause"]);
    service.script_remove(&bob, "a").await.unwrap();
    expect(&["rule.remove"]);
    let left = service.script_list(&bob);
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].name.as_str(), left[0].active), ("c", false));
}

#[tokio::test]
async fn the_entry_tells_the_proxy_apart_from_the_client_behind_it() {
    let world = World::new(&[ANN, BOB]).await;
    let mut bob = bob(&world).await;
    let (client, proxy) = (bob.peer.source(), IpAddr::from([198, 51, 100, 7]));
    for (name, through, peer) in [("a", None, client), ("b", Some(proxy), proxy)] {
        bob.peer.proxy = through;
        world.service.script_put(&bob, name, "keep;").await.unwrap();
        let entry = entries(&world).pop().unwrap();
        let console = World::console();
        let told = world.service.ledger_show(&console, entry.seq);
        let told = told.await.unwrap();
        assert_eq!(told.peer, Some(peer.to_string()), "{name}");
        assert_eq!(told.client, Some(client.to_string()), "{name}");
        let is_one = entry.via.peer == entry.via.client;
        assert_eq!(is_one, through.is_none(), "{name}");
    }
}

#[tokio::test]
async fn an_upload_that_sends_mail_away_says_so_in_its_entry() {
    let world = World::new(&[ANN, BOB]).await;
    let bob = bob(&world).await;
    world.service.script_put(&bob, "a", "keep;").await.unwrap();
    let active = world.service.script_activate(&bob, Some("a"));
    active.await.unwrap();
    let told = world.service.script_put(&bob, "a", FORWARD).await.unwrap();
    assert!(told.iter().any(|words| words.contains("drop@example.net")));
    let entry = entries(&world).pop().unwrap();
    assert_eq!(
        (entry.kind.as_str(), entry.outcome),
        ("rule.change", Outcome::Applied)
    );
    let effects = serde_json::to_string(&entry.effects).unwrap();
    assert!(effects.contains("leaves_organisation"), "{effects}");
    assert!(effects.contains("drop@example.net"), "{effects}");
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let world = World::new(&[ANN, BOB]).await;
    let bob = bob(&world).await;
    let service = &world.service;
    service.script_put(&bob, "a", "keep;").await.unwrap();
    service.script_activate(&bob, Some("a")).await.unwrap();
    let known = entries(&world).len();
    let large = "#".repeat(49_153);
    let put = |text| service.script_put(&bob, "a", text);
    assert_eq!(put(&large).await, Err(ScriptError::TooLarge));
    assert!(matches!(put("kep;").await, Err(ScriptError::Mistakes(_))));
    assert_eq!(
        service.script_remove(&bob, "a").await,
        Err(ScriptError::Active)
    );
    let missing = service.script_rename(&bob, "x", "y").await;
    assert_eq!(missing, Err(ScriptError::Missing));
    assert_eq!(entries(&world).len(), known);
}

#[tokio::test]
async fn a_script_that_its_entry_has_no_room_for_is_too_large_by_every_command() {
    let world = World::new(&[ANN, BOB]).await;
    let bob = bob(&world).await;
    let service = &world.service;
    let known = entries(&world).len();
    for (mark, result) in [("a", Ok(())), ("\"", Err(ScriptError::TooLarge))] {
        let text = format!("#{}\r\nkeep;", mark.repeat(40_000));
        assert_eq!(service.script_check(&text), result, "{mark}");
        let put = service.script_put(&bob, "a", &text).await;
        assert_eq!(put.map(drop), result, "{mark}");
    }
    assert_eq!(since(&world, known, &bob), ["rule.create"]);
}

#[tokio::test]
async fn a_forward_for_somebody_else_is_refused_and_leaves_one_entry() {
    let world = World::new(&[ANN, BOB]).await;
    let bob = bob(&world).await;
    let known = entries(&world).len();
    let rule = NewRule {
        name: "away".to_owned(),
        comment: String::new(),
        enabled: true,
        direction: RuleDirection::In,
        stop: false,
        expires: Expiry::Never,
        is_program_script: true,
        content: RuleContent::Script(FORWARD.to_owned()),
    };
    let command = Command::RuleAdd {
        at: RuleAt::Account(ANN.parse().unwrap()),
        rule,
        before: None,
    };
    let actor = Actor::account(&bob, Door::Managesieve);
    for _ in 0..2 {
        let options = AdmitOptions::default();
        let refused = world.service.admit(&actor, vec![command.clone()], options);
        assert!(matches!(refused.await, Err(AdmitError::NotAllowed(_))));
        assert_eq!(since(&world, known, &bob), ["rule.create"]);
    }
    let entry = entries(&world).pop().unwrap();
    assert_eq!(entry.outcome, Outcome::Refused);
    let effects = serde_json::to_string(&entry.effects).unwrap();
    assert!(effects.contains("drop@example.net"), "{effects}");
}
