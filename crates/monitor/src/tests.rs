//! Requests over a real service.

use std::sync::Arc;

use service::Command;
use testkit::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const HERE: &str = "127.0.0.1:50000";
const AWAY: &str = "192.0.2.9:50000";

/// All that a client on this machine hears that says this.
async fn heard(world: &World, request: &[u8]) -> String {
    heard_from(world, HERE, request).await
}

async fn heard_from(world: &World, peer: &str, request: &[u8]) -> String {
    let (conn, mut client) = Conn::in_memory_from(peer.parse().unwrap());
    let (_stop, shutdown) = Shutdown::pair();
    let service = world.service.clone();
    let served = tokio::spawn(serve(conn, service, ListenerId(1), shutdown));
    client.write_all(request).await.unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    // The server waits a moment for the client to close too.
    drop(client);
    served.await.unwrap();
    text
}

async fn world() -> Arc<World> {
    Arc::new(World::new(&["ann@example.org"]).await)
}

#[tokio::test]
async fn a_request_is_answered_or_refused() {
    let world = world().await;
    let long = [
        b"GET /".as_slice(),
        &[b'a'; LINE_MAX_OCTETS],
        b" HTTP/1.1\r\n\r\n",
    ]
    .concat();
    let many = [
        b"GET /metrics HTTP/1.1\r\n".as_slice(),
        &b"X: y\r\n".repeat(HEADER_LINES_MAX + 1),
        b"\r\n",
    ]
    .concat();
    let cases: [(&[u8], &str); 11] = [
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "200"),
        (b"GET /readyz HTTP/1.0\r\n\r\n", "200"),
        (b"GET /metrics HTTP/1.1\r\n\r\n", "200"),
        (b"GET / HTTP/1.1\r\n\r\n", "404"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
        (b"EHLO client.example.net\r\n\r\n", "400"),
        (b"\r\n", "400"),
        (b"GET /healthz HTTP/1.1\r\nno field\r\n\r\n", "400"),
        (
            b"GET /healthz HTTP/1.1\r\nAuthorization: Bearer a\r\nauthorization: b\r\n\r\n",
            "400",
        ),
        (&long, "400"),
        (&many, "400"),
    ];
    for (request, status) in cases {
        let text = heard(&world, request).await;
        let shown = request.escape_ascii();
        assert!(
            text.starts_with(&format!("HTTP/1.1 {status} ")),
            "{shown}: {text}"
        );
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}\r\n", body.len())),
            "{head}"
        );
    }
    let head = heard(&world, b"HEAD /healthz HTTP/1.1\r\n\r\n").await;
    assert!(
        head.ends_with("\r\n\r\n") && head.contains("Content-Length: 3\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn without_tls_only_this_machine_is_answered() {
    let world = world().await;
    let token = token(&world, TokenScope::Metrics).await;
    let token = String::from_utf8(token.expose().to_vec()).unwrap();
    for field in [String::new(), format!("Authorization: Bearer {token}\r\n")] {
        let request = format!("GET /healthz HTTP/1.1\r\n{field}\r\n");
        let text = heard_from(&world, AWAY, request.as_bytes()).await;
        assert!(text.starts_with("HTTP/1.1 403 "), "{text}");
    }
    // Behind a proxy on this machine is not on this machine.
    let mut peer = world.peer(Protocol::Http);
    (peer.tls, peer.proxy) = (None, Some("127.0.0.1".parse().unwrap()));
    peer.address = HERE.parse().unwrap();
    assert_eq!(asked(&world, &peer, None).await.0, "403 Forbidden");
}

async fn token(world: &World, scope: TokenScope) -> Secret {
    let command = Command::TokenAdd {
        account: "ann@example.org".parse().unwrap(),
        name: "scraper".to_owned(),
        scopes: vec![scope],
        expires_days: None,
    };
    let made = world.admit(command).await.unwrap().made;
    made[0].secrets[0].0.clone()
}

/// The status, and what a client may do about it.
async fn asked(
    world: &World,
    peer: &Peer,
    authorization: Option<&str>,
) -> (&'static str, Option<(&'static str, String)>) {
    let request = Request {
        line: b"GET /metrics HTTP/1.1".to_vec(),
        authorization: authorization.map(|value| Secret::new(value.into())),
    };
    let answer = answer(&world.service, peer, Some(request)).await;
    let is_told = answer.body.contains("sealpost_connections");
    assert_eq!(is_told, answer.status == "200 OK", "{}", answer.body);
    (answer.status, answer.field)
}

#[tokio::test]
async fn elsewhere_a_token_for_the_figures_is_asked_for() {
    let world = world().await;
    let text = async |scope| {
        let token = token(&world, scope).await;
        String::from_utf8(token.expose().to_vec()).unwrap()
    };
    let good = text(TokenScope::Metrics).await;
    let other = text(TokenScope::Read).await;
    let peer = world.peer(Protocol::Http);
    let invalid = "Bearer realm=\"metrics\", error=\"invalid_token\"";
    let scope = "Bearer realm=\"metrics\", error=\"insufficient_scope\", scope=\"metrics\"";
    for (authorization, status, challenge) in [
        (Some(format!("Bearer {good}")), "200 OK", None),
        (Some(format!("bearer {good}")), "200 OK", None),
        (None, "401 Unauthorized", Some(REALM)),
        (
            Some(format!("Basic {good}")),
            "401 Unauthorized",
            Some(invalid),
        ),
        (
            Some(format!("Bearer {good}x")),
            "401 Unauthorized",
            Some(invalid),
        ),
        (
            Some(format!("Bearer {other}")),
            "403 Forbidden",
            Some(scope),
        ),
    ] {
        let (found, field) = asked(&world, &peer, authorization.as_deref()).await;
        let expected = challenge.map(|value| ("WWW-Authenticate", value.to_owned()));
        assert_eq!((found, field), (status, expected), "{authorization:?}");
    }
    // Without a token nobody learns what there is.
    for line in ["POST /healthz HTTP/1.1", "GET /nothing HTTP/1.1"] {
        let request = Request {
            line: line.into(),
            authorization: None,
        };
        let answer = answer(&world.service, &peer, Some(request)).await;
        assert_eq!(answer.status, "401 Unauthorized", "{line}");
    }
    tokio::time::pause();
    // With the one above they are ten.
    for guess in 0..9 {
        let guess = format!("Bearer spt_99_{guess}");
        let refused = asked(&world, &peer, Some(&guess)).await;
        assert_eq!(refused.0, "401 Unauthorized", "{guess}");
    }
    let last = asked(&world, &peer, Some("Bearer spt_99_z")).await;
    assert_eq!(last.0, "429 Too Many Requests");
    assert!(matches!(last.1, Some(("Retry-After", _))), "{last:?}");
}

#[tokio::test]
async fn the_figures_follow_what_happens_and_name_nobody() {
    let world = world().await;
    let _principal = world.sign_in("ann@example.org").await;
    let text = heard(&world, b"GET /metrics HTTP/1.1\r\n\r\n").await;
    for line in [
        "sealpost_sign_ins_total{protocol=\"imap\",outcome=\"accepted\"} 1\n",
        "sealpost_sign_ins_total{protocol=\"pop3\",outcome=\"refused\"} 0\n",
        "sealpost_ledger_frozen 0\n",
        "sealpost_store_commit_seconds_count",
        "process_resident_memory_bytes",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
    assert!(!text.contains('@') && !text.contains("ann"), "{text}");
}

#[tokio::test]
async fn a_request_that_was_not_made_ends_with_the_server() {
    let world = world().await;
    let (conn, mut client) = Conn::in_memory();
    let (stop, shutdown) = Shutdown::pair();
    let service = world.service.clone();
    let served = tokio::spawn(serve(conn, service, ListenerId(1), shutdown));
    client
        .write_all(b"GET /metrics HTTP/1.1\r\n")
        .await
        .unwrap();
    stop.stop();
    served.await.unwrap();
}
