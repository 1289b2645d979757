//! Which host is spoken to, how often, and hosts that the configuration would name.

use net::TlsClient;
use service::{HostSignIn, Job, Room, RouteTls};
use types::Secret;

use super::peer::{Peer, Script, tls};
use super::*;
use crate::client::Content;
use crate::dial::Dial;
use crate::end::Broken;

#[tokio::test]
async fn the_next_host_is_tried_where_the_first_is_down() {
    let peer = Peer::start_at("127.0.0.2:0", Script::default()).await;
    let dns = r#"{"far.test": {"MX": ["10 a.far.test", "20 b.far.test"]},
                  "a.far.test": {"A": ["127.0.0.3"]}, "b.far.test": {"A": ["127.0.0.2"]}}"#;
    let office = Office::sending(dns, peer.at.port()).await;
    let id = office.send(&[BOB]).await;
    let told = office.told(&id).await;
    assert!(told.contains("taken by b.far.test (127.0.0.2)"), "{told}");
}

#[tokio::test]
async fn domains_without_a_server_are_told_for_good_or_for_now() {
    let dns = r#"{"null.test": {"MX": ["0 ."]}, "sick.test": "SERVFAIL",
                  "bare.test": {"TXT": ["x"]}, "loop.test": {"MX": ["10 mx.example.org"]}}"#;
    let office = Office::sending(dns, 1).await;
    for (to, expected) in [
        (
            "x@null.test",
            "bounce x@null.test: null.test: the domain says in DNS that it takes no mail",
        ),
        (
            "x@none.test",
            "bounce x@none.test: none.test: the domain does not exist",
        ),
        (
            "x@bare.test",
            "bounce x@bare.test: bare.test: the domain has no server for mail",
        ),
        (
            "x@loop.test",
            "bounce x@loop.test: loop.test: DNS names this very server",
        ),
        (
            "x@sick.test",
            "waits: sick.test: DNS did not answer: SERVFAIL",
        ),
    ] {
        let id = office.send(&[to]).await;
        let told = office.told(&id).await;
        assert!(told.starts_with(expected), "{told}");
    }
}

#[tokio::test]
async fn many_messages_share_connections_and_a_dead_place_delays_nobody() {
    let peer = Peer::start(Script::default()).await;
    let dns = r#"{"far.test": {"A": ["127.0.0.1"]}, "dead.test": {"A": ["127.0.0.9"]}}"#;
    let mut office = Office::new().await;
    let mut ids = Vec::new();
    for number in 0..40 {
        ids.push(office.send(&[BOB]).await);
        office.send(&[&format!("x{number}@dead.test")]).await;
    }
    office.start(way_out(dns, peer.at.port()));
    for id in &ids {
        let told = office.told(id).await;
        assert!(told.starts_with("sent "), "{told}");
    }
    assert_eq!(peer.mail().len(), 40);
    assert!(peer.connections() <= 10, "{}", peer.connections());
    // The end does not wait for what cannot be reached.
    office.stop().await;
}

#[tokio::test]
async fn what_waits_goes_once_the_place_is_back() {
    let script = Script {
        says: vec![("RCPT", "450 later")],
        ..Script::default()
    };
    let peer = Peer::start(script).await;
    let mut office = Office::sending(DNS, peer.at.port()).await;
    let id = office.send(&[BOB]).await;
    assert_eq!(office.told(&id).await, "waits: 450 later");
    office.stop().await;
    let peer = Peer::start(Script::default()).await;
    office.world.clock.advance(Duration::from_secs(3_600));
    office.start(way_out(DNS, peer.at.port()));
    for _ in 0..400 {
        if !peer.mail().is_empty() && office.waiting(&id).await.is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(office.told(&id).await.starts_with("sent "));
}

/// The only job of an office that sends by itself nothing.
async fn job(office: &Office, to: &[&str]) -> Job {
    office.send(to).await;
    let room = Room {
        jobs: 1,
        probes: 0,
        per_way: 1,
    };
    let mut jobs = office.world.service.outbound().claim(room).await.unwrap();
    jobs.pop().unwrap()
}

/// A body of one piece.
struct Piece(Vec<u8>);

impl Content for Piece {
    async fn next(&mut self, _max_octets: usize) -> Result<Vec<u8>, String> {
        Ok(std::mem::take(&mut self.0))
    }
}

fn dial<'a>(peer: &Peer, tls: RouteTls, sign_in: Option<&'a HostSignIn>) -> Dial<'a> {
    Dial {
        host: "mx.far.test",
        address: peer.at,
        tls,
        sign_in,
        lmtp: false,
        own_name: "mx.example.org",
    }
}

#[tokio::test]
async fn a_certificate_is_checked_where_that_is_demanded() {
    let office = Office::new().await;
    let ca = authority(&office.world);
    let now = office.world.service.clock().now();
    for (name, implicit, demand, expected) in [
        (
            "mx.far.test",
            false,
            RouteTls::StartTls,
            "TLSv1.3, certificate checked",
        ),
        (
            "mx.far.test",
            true,
            RouteTls::Implicit,
            "TLSv1.3, certificate checked",
        ),
        ("other.test", false, RouteTls::StartTls, "TLS failed"),
        ("other.test", true, RouteTls::Implicit, "TLS failed"),
        (
            "other.test",
            false,
            RouteTls::Opportunistic,
            "TLSv1.3, certificate not checked",
        ),
        ("mx.far.test", false, RouteTls::None, "in the clear"),
    ] {
        let script = Script {
            tls: Some(tls(&ca, name, now)),
            implicit,
            ..Script::default()
        };
        let peer = Peer::start(script).await;
        let trusted = TlsClient::trusting(ca.certificate_pem()).unwrap();
        let out = way_out("{}", 1).trusting(trusted);
        let found = match dial(&peer, demand, None).open(&out).await {
            Ok(session) => session.tls_words().unwrap_or("in the clear".to_owned()),
            Err(Broken::Conn(err)) => err.to_string(),
            Err(err) => format!("{err:?}"),
        };
        assert!(found.starts_with(expected), "{name} {demand:?}: {found}");
    }
}

// long: a table of servers.
#[tokio::test]
async fn a_password_is_only_sent_under_tls_and_only_to_who_asks_for_it() {
    let office = Office::new().await;
    let ca = authority(&office.world);
    let now = office.world.service.clock().now();
    let sign_in = HostSignIn {
        user: "us".to_owned(),
        password: Secret::new(b"secret".to_vec()),
    };
    // \0us\0secret, and the two parts alone.
    let (plain, user, secret) = ("AHVzAHNlY3JldA==", "dXM=", "c2VjcmV0");
    for (secured, offers, says, expected, heard) in [
        (
            true,
            &["AUTH PLAIN LOGIN"][..],
            vec![("AUTH", "235 ok")],
            "ok",
            plain,
        ),
        (
            true,
            &["AUTH LOGIN"],
            vec![
                ("AUTH", "334 VXNlcg=="),
                (user, "334 UGFzcw=="),
                (secret, "235 ok"),
            ],
            "ok",
            secret,
        ),
        (
            true,
            &["AUTH PLAIN"],
            vec![("AUTH", "535 5.7.8 no")],
            "535 5.7.8 no",
            plain,
        ),
        (
            true,
            &["AUTH GSSAPI"],
            vec![],
            "neither PLAIN nor LOGIN",
            "",
        ),
        (true, &[], vec![], "neither PLAIN nor LOGIN", ""),
        (false, &["AUTH PLAIN"], vec![], "does not encrypt", ""),
    ] {
        let script = Script {
            offers: offers.to_vec(),
            says,
            tls: secured.then(|| tls(&ca, "mx.far.test", now)),
            ..Script::default()
        };
        let peer = Peer::start(script).await;
        let opened = dial(&peer, RouteTls::Opportunistic, Some(&sign_in))
            .open(&way_out("{}", 1))
            .await;
        let found = match opened {
            Ok(_) => "ok".to_owned(),
            Err(broken) => broken.failure("").cause.to_string(),
        };
        assert!(found.contains(expected), "{offers:?}: {found}");
        let lines = peer.lines().join("\n");
        assert_eq!(lines.contains("AUTH"), !heard.is_empty(), "{lines}");
        assert!(lines.contains(heard), "{lines}");
    }
}

#[tokio::test]
async fn lmtp_has_an_end_for_each_recipient() {
    let script = Script {
        end: "250 kept\r\n452 4.2.2 full",
        ..Script::default()
    };
    let peer = Peer::start(script).await;
    let office = Office::new().await;
    let job = job(&office, &["a@far.test", "b@far.test"]).await;
    let dial = Dial {
        lmtp: true,
        ..dial(&peer, RouteTls::None, None)
    };
    let mut session = dial.open(&way_out("{}", 1)).await.unwrap();
    let envelope = session.envelope(&job, 1).await.unwrap();
    let content = Piece(MESSAGE.as_bytes().to_vec());
    let ends = session.content(content, &envelope.accepted).await.unwrap();
    let told: Vec<_> = ends
        .iter()
        .map(|(_, end)| end.status().to_string())
        .collect();
    assert_eq!(told, ["2.0.0", "4.2.2"]);
    assert!(peer.lines()[0].starts_with("LHLO mx.example.org"));
}

#[tokio::test]
async fn content_with_a_bare_line_end_never_gets_its_dot() {
    let peer = Peer::start(Script::default()).await;
    let office = Office::new().await;
    let job = job(&office, &[BOB]).await;
    let mut session = dial(&peer, RouteTls::None, None)
        .open(&way_out("{}", 1))
        .await
        .unwrap();
    let envelope = session.envelope(&job, 1).await.unwrap();
    let content = Piece(b"a\n.\nMAIL FROM:<>\r\n".to_vec());
    let err = session
        .content(content, &envelope.accepted)
        .await
        .unwrap_err();
    assert!(matches!(err, Broken::Own(..)), "{err:?}");
    drop(session);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(peer.mail(), Vec::<String>::new());
}
