//! SASL exchanges as every door leads them: who gets in by SCRAM, and who does not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use service::{Command, Peer, Protocol, SaslExchange, SaslRefusal, SaslStep, SignInError};
use testkit::{Link, PASSWORD, ScramClient, World};
use wire::sasl::{Mechanism, SaslError};

const ANN: &str = "ann@example.org";
/// The value of `tls-exporter` of every connection of a world.
const EXPORTED: [u8; 32] = [7; 32];

/// A header, the octets that follow it, and the mechanism that goes with both.
const BOUND: (&str, &[u8], Mechanism) = ("p=tls-exporter,,", &EXPORTED, Mechanism::ScramSha256Plus);
const UNBOUND: (&str, &[u8], Mechanism) = ("n,,", b"", Mechanism::ScramSha256);

/// Leads an exchange up to the server's proof.
async fn prove(
    world: &World,
    peer: &Peer,
    (header, binding, mechanism): (&str, &[u8], Mechanism),
    name: &str,
    password: &str,
) -> Result<SaslExchange, SaslRefusal> {
    let service = &world.service;
    let mut client = ScramClient::new(header, binding, name, password);
    let first = client.first();
    let step = service
        .sasl_start(peer, mechanism, Some(first.as_bytes()))
        .await?;
    let SaslStep::Challenge(exchange) = step else {
        panic!("{step:?}");
    };
    let last = client.last(&exchange.challenge());
    let step = service
        .sasl_respond(peer, exchange, last.as_bytes())
        .await?;
    let SaslStep::Proven(principal, exchange) = step else {
        panic!("{step:?}");
    };
    assert_eq!(principal.address.to_string(), ANN);
    assert!(client.is_proof(&exchange.challenge()));
    Ok(exchange)
}

/// The reasons of all refused sign-ins.
async fn reasons(world: World) -> Vec<String> {
    let dir = world.stop().await;
    let log = dir.path().join("data/log/activity-2026-11-23.db");
    let db = Connection::open(log).expect("the log opens");
    let sql = "SELECT json_extract(CAST(detail AS TEXT), '$.why') FROM record
                WHERE kind = 'sign_in.refused' ORDER BY seq";
    let mut query = db.prepare(sql).expect("sound SQL");
    let rows = query.query_map([], |row| row.get(0)).expect("sound SQL");
    rows.collect::<Result<_, _>>().expect("rows of one text")
}

#[tokio::test]
async fn a_client_that_knows_the_password_gets_in_and_knows_the_server() {
    let world = World::new(&[ANN]).await;
    let peer = world.peer(Protocol::Imap);
    for how in [BOUND, UNBOUND] {
        for name in [ANN, "ANN@Example.ORG"] {
            let exchange = prove(&world, &peer, how, name, PASSWORD).await.expect(name);
            let step = world.service.sasl_respond(&peer, exchange, b"").await;
            assert!(matches!(step, Ok(SaslStep::Confirmed)), "{step:?}");
        }
    }
    let exchange = prove(&world, &peer, BOUND, ANN, PASSWORD)
        .await
        .expect("it is right");
    let step = world.service.sasl_respond(&peer, exchange, b"*").await;
    assert_eq!(step.map(drop), Err(SaslError::Cancelled.into()));
}

#[tokio::test]
async fn a_wrong_proof_is_refused_like_a_wrong_password() {
    let world = World::new(&[ANN]).await;
    let peer = world.peer(Protocol::Imap);
    let refused = SaslRefusal::SignIn(SignInError::Refused);
    for (name, password) in [
        (ANN, "lamp river quilt ostric"),
        ("nobody@example.org", PASSWORD),
        ("ann@far.test", PASSWORD),
        ("ann", PASSWORD),
    ] {
        let heard = prove(&world, &peer, BOUND, name, password).await;
        assert_eq!(heard.map(drop), Err(refused), "{name}");
    }
    assert_eq!(reasons(world).await, ["password"; 4]);
}

#[tokio::test]
async fn an_unknown_name_has_a_salt_that_stays() {
    let world = World::new(&[ANN]).await;
    let peer = world.peer(Protocol::Imap);
    let mut salts = Vec::new();
    for name in [
        ANN,
        "nobody@example.org",
        "other@example.org",
        "nobody@example.org",
        ANN,
    ] {
        let client = ScramClient::new("n,,", b"", name, PASSWORD);
        let first = client.first();
        let step = world
            .service
            .sasl_start(&peer, Mechanism::ScramSha256, Some(first.as_bytes()))
            .await;
        let Ok(SaslStep::Challenge(exchange)) = step else {
            panic!("{step:?}");
        };
        let said = STANDARD.decode(exchange.challenge()).expect("base64");
        let said = String::from_utf8(said).expect("text");
        let (_, salt) = said.split_once(",s=").expect("a salt");
        salts.push(salt.to_owned());
    }
    assert_eq!(salts[1], salts[3]);
    assert_eq!(salts[0], salts[4]);
    let lengths: Vec<_> = salts.iter().map(String::len).collect();
    assert_eq!(lengths, [lengths[0]; 5], "none is told from the others");
    salts.sort();
    salts.dedup();
    assert_eq!(salts.len(), 3);
}

#[tokio::test]
async fn somebody_between_client_and_server_is_noticed_and_recorded() {
    let world = World::new(&[ANN]).await;
    let peer = world.peer(Protocol::Imap);
    let downgraded = SaslRefusal::Sasl(SaslError::Downgraded);
    let other = SaslRefusal::Sasl(SaslError::OtherBinding);
    let plus = Mechanism::ScramSha256Plus;
    for (how, refusal) in [
        // The offer of -PLUS was taken away on its way to the client.
        (("y,,", &b""[..], Mechanism::ScramSha256), downgraded),
        // The client has another TLS connection than we have: it ends at somebody else.
        (("p=tls-exporter,,", &[8; 32], plus), other),
        (("p=tls-exporter,,", b"", plus), other),
        (("p=tls-unique,,", &EXPORTED, plus), other),
        (("p=tls-server-end-point,,", &EXPORTED, plus), other),
    ] {
        let heard = prove(&world, &peer, how, ANN, PASSWORD).await;
        assert_eq!(heard.map(drop), Err(refusal), "{how:?}");
    }
    assert_eq!(reasons(world).await, ["channel binding"; 5]);
}

#[tokio::test]
async fn an_answer_counts_in_its_own_exchange_only() {
    let world = World::new(&[ANN]).await;
    let (peer, service) = (world.peer(Protocol::Imap), &world.service);
    let mut client = ScramClient::new("n,,", b"", ANN, PASSWORD);
    let first = client.first();
    let mut answer = String::new();
    for round in 0..2 {
        let step = service
            .sasl_start(&peer, Mechanism::ScramSha256, Some(first.as_bytes()))
            .await;
        let Ok(SaslStep::Challenge(exchange)) = step else {
            panic!("{step:?}");
        };
        if round == 0 {
            answer = client.last(&exchange.challenge());
        }
        let step = service
            .sasl_respond(&peer, exchange, answer.as_bytes())
            .await;
        if round == 0 {
            assert!(matches!(step, Ok(SaslStep::Proven(..))), "{step:?}");
        } else {
            assert_eq!(step.map(drop), Err(SaslError::Malformed.into()));
        }
    }
}

#[tokio::test]
async fn what_is_offered_follows_the_connection() {
    use Mechanism::{Login, Plain, ScramSha256, ScramSha256Plus};
    let world = World::new(&[ANN]).await;
    let secured = world.peer(Protocol::Submission);
    let mut unbound = secured.clone();
    if let Some(tls) = &mut unbound.tls {
        tls.bindings = net::ChannelBindings::default();
    }
    let clear = world.peer_over(Link::Clear, Protocol::Submission);
    for (peer, offered) in [
        (&secured, &[ScramSha256Plus, ScramSha256, Plain, Login][..]),
        (&unbound, &[ScramSha256, Plain, Login]),
        (&clear, &[]),
    ] {
        assert_eq!(world.service.sasl_mechanisms(peer), offered);
        for mechanism in Mechanism::ALL {
            let step = world.service.sasl_start(peer, mechanism, None).await;
            let refused = matches!(step, Err(SaslRefusal::NotOffered));
            assert_eq!(refused, !offered.contains(&mechanism), "{mechanism:?}");
        }
    }
    // Without an offer the flag of a client that could bind is no lie.
    let how = ("y,,", &b""[..], ScramSha256);
    prove(&world, &unbound, how, ANN, PASSWORD)
        .await
        .expect("it is right");
    let off = Command::SettingSet {
        key: "channel_binding".to_owned(),
        value: "off".to_owned(),
    };
    world.admit(off).await.expect("a value in its range");
    let offered = world.service.sasl_mechanisms(&secured);
    assert_eq!(offered, [ScramSha256, Plain, Login]);
    prove(&world, &secured, how, ANN, PASSWORD)
        .await
        .expect("it is right");
}
