//! Requests over a real service.

use std::sync::Arc;

use testkit::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// All that a client hears that says this.
async fn heard(world: &World, request: &[u8]) -> String {
    let (conn, mut client) = Conn::in_memory();
    let (_stop, shutdown) = Shutdown::pair();
    let served = tokio::spawn(serve(conn, world.service.clone(), shutdown));
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
    let cases: [(&[u8], &str); 9] = [
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "200"),
        (b"GET /readyz HTTP/1.0\r\n\r\n", "200"),
        (b"GET /metrics HTTP/1.1\r\n\r\n", "200"),
        (b"GET / HTTP/1.1\r\n\r\n", "404"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
        (b"EHLO client.example.net\r\n\r\n", "400"),
        (b"\r\n", "400"),
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
    let served = tokio::spawn(serve(conn, world.service.clone(), shutdown));
    client
        .write_all(b"GET /metrics HTTP/1.1\r\n")
        .await
        .unwrap();
    stop.stop();
    served.await.unwrap();
}
