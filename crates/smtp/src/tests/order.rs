//! Which command is heard when.

use service::Protocol;
use testkit::Link;

use super::client::{Client, world};
use crate::session::{Heard, Session};

const ORDER: &[(&str, &str)] = &[
    ("MAIL FROM:<bob@example.net>", "503 5.5.1 *"),
    ("AUTH PLAIN", "502 5.5.1 *"),
    ("EHLO client.example.net", "250 HELP"),
    ("RCPT TO:<ann@example.org>", "503 5.5.1 *"),
    ("DATA", "503 5.5.1 *"),
    ("MAIL FROM:<bob@example.net>", "250 2.1.0 *"),
    ("MAIL FROM:<bob@example.net>", "503 5.5.1 *"),
    ("DATA", "554 5.5.1 *"),
    ("RCPT TO:<ann@example.org>", "250 2.1.5 *"),
    ("STARTTLS", "503 5.5.1 *"),
    ("RSET", "250 2.0.0 *"),
    ("RCPT TO:<ann@example.org>", "503 5.5.1 *"),
];

const ANSWERS: &[(&str, &str)] = &[
    ("MAIL FROM:<>", "250 2.1.0 *"),
    ("RCPT TO:<nobody@example.org>", "550 5.1.1 *"),
    ("RCPT TO:<ann@example.net>", "550 5.7.1 *"),
    ("RCPT TO:<postmaster>", "250 2.1.5 *"),
    ("RCPT TO:<ann@example.org> HOLDFOR=9", "555 5.5.4 *"),
    ("RCPT TO:<ann@example.org> NOTIFY=SOMETIMES", "501 5.5.4 *"),
    ("RCPT TO:<ann>", "501 5.1.3 *"),
    ("EHLO again.example.net", "250 HELP"),
    ("MAIL FROM:<ann>", "501 5.1.7 *"),
    ("MAIL FROM:<> SIZE=65537", "552 5.3.4 *"),
    ("MAIL FROM:<> SIZE=99999999999999999999", "552 5.3.4 *"),
    ("MAIL FROM:<> SIZE=x", "501 5.5.4 *"),
    ("MAIL FROM:<> RET=HALF", "501 5.5.4 *"),
    ("MAIL FROM:<> BODY=BINARYMIME", "501 5.5.4 *"),
    ("MAIL FROM:<> REQUIRETLS", "530 5.7.10 *"),
    ("MAIL FROM:<> BODY=8BITMIME SIZE=65536", "250 2.1.0 *"),
    ("HELO client.example.net", "250 mx.example.org"),
    ("NOOP x", "250 2.0.0 *"),
    ("HELP", "214 2.0.0 *"),
    ("ETRN example.org", "500 5.5.1 *"),
    ("QUIT", "221 2.0.0 *"),
];

const INTERNATIONAL: &[(&str, &str)] = &[
    ("MAIL FROM:<žofie@example.net>", "550 5.6.7 *"),
    ("MAIL FROM:<>", "250 2.1.0 *"),
    ("RCPT TO:<žena@example.org>", "553 5.6.7 *"),
    ("RCPT TO:<ann@bücher.example.org>", "553 5.6.7 *"),
    (
        "RCPT TO:<ann@example.org> ORCPT=utf-8;ž@x.test",
        "553 5.6.7 *",
    ),
    ("RSET", "250 *"),
    ("MAIL FROM:<žofie@example.net> SMTPUTF8", "250 2.1.0 *"),
    (
        "RCPT TO:<žena@example.org> ORCPT=utf-8;ž@x.test",
        "250 2.1.5 *",
    ),
    ("RCPT TO:<ŽENA@example.org>", "250 2.1.5 *"),
    // The same letter as two characters.
    ("RCPT TO:<z\u{30c}ena@example.org>", "250 2.1.5 *"),
    ("RCPT TO:<zena@example.org>", "550 5.1.1 *"),
    ("RCPT TO:<žena@bücher.test>", "250 2.1.5 *"),
    ("RCPT TO:<žena@xn--bcher-kva.test>", "250 2.1.5 *"),
];

#[tokio::test]
async fn commands_out_of_order_are_refused() {
    let mut client = Client::connect(&world().await, Protocol::Smtp, Link::Clear).await;
    client.dialogue(ORDER).await;
}

#[tokio::test]
async fn each_command_has_its_answers() {
    let mut client = Client::server(&world().await).await;
    client.dialogue(ANSWERS).await;
    client.hears_the_end().await;
}

#[tokio::test]
async fn addresses_beyond_ascii_need_smtputf8() {
    Client::server(&world().await)
        .await
        .dialogue(INTERNATIONAL)
        .await;
}

#[tokio::test]
async fn ehlo_offers_exactly_what_there_is() {
    let always = ["PIPELINING", "SIZE 65536", "8BITMIME", "SMTPUTF8"];
    for (protocol, link, starttls, auth) in [
        (Protocol::Smtp, Link::Clear, true, false),
        (Protocol::Smtp, Link::Secured, false, false),
        (Protocol::Submission, Link::Clear, true, false),
        (Protocol::Submission, Link::Secured, false, true),
    ] {
        let mut expected: Vec<&str> = ["mx.example.org"].into_iter().chain(always).collect();
        expected.extend(starttls.then_some("STARTTLS"));
        expected.extend(["ENHANCEDSTATUSCODES", "CHUNKING", "DSN", "PRDR"]);
        expected.extend((link == Link::Secured).then_some("REQUIRETLS"));
        expected.extend(auth.then_some("AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"));
        expected.push("HELP");

        let mut client = Client::connect(&world().await, protocol, link).await;
        client.send(b"EHLO client.example.net\r\n").await;
        let reply = client.reply().await;
        let offered: Vec<&str> = reply.iter().map(|line| &line[4..]).collect();
        assert_eq!(offered, expected);
    }
}

#[tokio::test]
async fn vrfy_and_expn_tell_nothing() {
    let mut client = Client::server(&world().await).await;
    let mut replies = Vec::new();
    for name in ["ann", "nobody", "ann@example.org", "x@example.net", ""] {
        client
            .send(format!("VRFY {name}\r\nEXPN {name}\r\n").as_bytes())
            .await;
        replies.push([client.reply().await, client.reply().await]);
    }
    assert!(replies[0][0][0].starts_with("252 2.5.0 "));
    assert!(replies[0][1][0].starts_with("502 5.5.1 "));
    replies.dedup();
    assert_eq!(replies.len(), 1);
}

#[tokio::test]
async fn plaintext_behind_starttls_closes_the_connection() {
    for protocol in [Protocol::Smtp, Protocol::Submission] {
        let mut client = Client::connect(&world().await, protocol, Link::Clear).await;
        client
            .dialogue(&[("EHLO client.example.net", "250 HELP")])
            .await;
        client
            .send(b"STARTTLS\r\nMAIL FROM:<eve@example.net>\r\n")
            .await;
        client.hears_the_end().await;
    }
}

#[tokio::test]
async fn starttls_is_offered_once() {
    let mut client = Client::connect(&world().await, Protocol::Smtp, Link::Secured).await;
    let refused: &[(&str, &str)] = &[
        ("STARTTLS", "503 5.5.1 *"),
        ("EHLO client.example.net", "250 HELP"),
        ("STARTTLS", "503 5.5.1 *"),
    ];
    client.dialogue(refused).await;
    let mut client = Client::server(&world().await).await;
    client.dialogue(&[("STARTTLS", "220 2.0.0 *")]).await;
}

#[tokio::test]
async fn what_was_said_before_tls_does_not_count_under_it() {
    let world = world().await;
    let clear = world.peer_over(Link::Clear, Protocol::Smtp);
    let tls = world.peer(Protocol::Smtp).tls;
    let mut session = Session::new(world.service.clone(), clear, true);
    for (said, code) in [("EHLO client.example.net", 250), ("STARTTLS", 220)] {
        assert_eq!(code_of(&mut session, said).await, code);
    }
    session.secured(tls);
    for (said, code) in [
        ("MAIL FROM:<bob@example.net>", 503),
        ("STARTTLS", 503),
        ("EHLO client.example.net", 250),
        ("MAIL FROM:<bob@example.net>", 250),
    ] {
        assert_eq!(code_of(&mut session, said).await, code, "{said}");
    }
}

async fn code_of(session: &mut Session, said: &str) -> u16 {
    match session.handle(said.as_bytes()).await {
        Heard::Step(step) => step.reply.code(),
        Heard::Chunk { .. } | Heard::Discard { .. } => panic!("{said:?} is no chunk"),
    }
}
