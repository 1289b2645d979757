//! Signing in, order, limits and the end of sessions.

use testkit::{Link, PASSWORD, ScramClient};

use super::client::{ANN, Client, SIGN_IN, world};

const BEFORE_SIGN_IN: &[(&str, &str)] = &[
    ("STAT", "-ERR *"),
    ("RETR 1", "-ERR *"),
    ("NOOP", "-ERR *"),
    ("PASS lamp river quilt ostrich", "-ERR *"),
    ("APOP ann 00", "-ERR *"),
    ("AUTH LOGIN", "-ERR *"),
    ("AUTH CRAM-MD5", "-ERR *"),
    ("USER ann@example.org", "+OK *"),
    ("PASS lamp river quilt ostrich", "+OK 0 messages, 0 octets"),
    ("USER ann@example.org", "-ERR *"),
    ("STLS", "-ERR *"),
    ("STAT", "+OK 0 0"),
    ("QUIT", "+OK *"),
];

#[tokio::test]
async fn commands_out_of_order_are_refused() {
    let mut client = Client::connect(&world().await, Link::Secured).await;
    client.dialogue(BEFORE_SIGN_IN).await;
    client.hears_the_end().await;
}

#[tokio::test]
async fn capa_tells_what_can_be_done_now() {
    let always = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"];
    for (line, more) in [
        (Link::Clear, &["STLS"][..]),
        (
            Link::Secured,
            &["USER", "SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN"],
        ),
    ] {
        let mut client = Client::connect(&world().await, line).await;
        let expected = [&always, more].concat();
        assert_eq!(client.multiline("CAPA").await, expected);
    }
}

#[tokio::test]
async fn no_password_is_taken_in_the_clear() {
    let mut client = Client::connect(&world().await, Link::Clear).await;
    let refused: &[(&str, &str)] = &[
        ("USER ann@example.org", "-ERR encryption *"),
        ("PASS lamp river quilt ostrich", "-ERR encryption *"),
        ("AUTH PLAIN", "-ERR encryption *"),
    ];
    client.dialogue(refused).await;
}

#[tokio::test]
async fn plaintext_behind_stls_closes_the_connection() {
    let world = world().await;
    let mut client = Client::connect(&world, Link::Clear).await;
    client.send(b"STLS\r\nUSER ann@example.org\r\n").await;
    client.hears_the_end().await;
    let mut client = Client::connect(&world, Link::Clear).await;
    client.dialogue(&[("STLS", "+OK *")]).await;
}

#[tokio::test]
async fn auth_plain_signs_in_with_and_without_an_initial_response() {
    // \0ann@example.org\0lamp river quilt ostrich
    let response = "AGFubkBleGFtcGxlLm9yZwBsYW1wIHJpdmVyIHF1aWx0IG9zdHJpY2g=";
    let initial = format!("AUTH PLAIN {response}");
    let at_once: &[(&str, &str)] = &[(&initial, "+OK *"), ("QUIT", "+OK *")];
    let asked: &[(&str, &str)] = &[("AUTH PLAIN", "+ "), (response, "+OK *"), ("QUIT", "+OK *")];
    let world = world().await;
    for way in [at_once, asked] {
        let mut client = Client::connect(&world, Link::Secured).await;
        client.dialogue(way).await;
        client.hears_the_end().await;
    }
}

#[tokio::test]
async fn few_sign_ins_are_tried() {
    let mut client = Client::connect(&world().await, Link::Secured).await;
    let tries: &[(&str, &str)] = &[
        ("AUTH PLAIN", "+ "),
        ("*", "-ERR *"),
        ("USER ann@example.org", "+OK *"),
        ("PASS wrong", "-ERR [AUTH] *"),
        ("PASS lamp river quilt ostrich", "-ERR *"),
        ("USER nobody@example.org", "+OK *"),
        ("PASS lamp river quilt ostrich", "-ERR [AUTH] *"),
    ];
    client.dialogue(tries).await;
    client.hears_the_end().await;
}

#[tokio::test]
async fn bad_and_idle_commands_end_the_session() {
    let mut client = Client::connect(&world().await, Link::Secured).await;
    for _ in 1..10 {
        client.dialogue(&[("FOO", "-ERR the command *")]).await;
    }
    client.dialogue(&[("FOO", "-ERR too many *")]).await;
    client.hears_the_end().await;

    let mut client = Client::connect(&world().await, Link::Secured).await;
    for _ in 0..50 {
        client.dialogue(&[("USER ann@example.org", "+OK *")]).await;
    }
    client
        .dialogue(&[("USER ann@example.org", "-ERR too many *")])
        .await;
    client.hears_the_end().await;
}

#[tokio::test]
async fn lines_that_cannot_be_commands_are_refused() {
    let mut client = Client::connect(&world().await, Link::Secured).await;
    let long = "a".repeat(10_000);
    client
        .dialogue(&[(&long, "-ERR the line *"), ("ST\0AT", "-ERR *")])
        .await;
    client.send(b"QUIT\n").await;
    assert!(
        client
            .line()
            .await
            .is_some_and(|line| line.starts_with("-ERR "))
    );
    client.dialogue(SIGN_IN).await;
}

#[tokio::test]
async fn silence_closes_without_a_word() {
    let world = world().await;
    let stranger = Client::connect(&world, Link::Secured).await;
    let user = Client::signed_in(&world).await;
    tokio::time::pause();
    stranger.hears_the_end().await;
    user.hears_the_end().await;
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let mut client = Client::signed_in(&world().await).await;
    client.stop_server();
    assert!(
        client
            .line()
            .await
            .is_some_and(|line| line.starts_with("-ERR "))
    );
    client.hears_the_end().await;
}

#[tokio::test]
async fn scram_signs_in_and_a_client_that_does_not_confirm_is_gone() {
    let world = world().await;
    for (answer, heard) in [("", "+OK 0 messages*"), ("*", "-ERR *"), ("eA==", "-ERR *")] {
        let mut client = Client::connect(&world, Link::Secured).await;
        let mut scram = ScramClient::new("p=tls-exporter,,", &[7; 32], ANN, PASSWORD);
        let begin = format!("AUTH SCRAM-SHA-256-PLUS {}\r\n", scram.first());
        client.send(begin.as_bytes()).await;
        let challenge = client.line().await.unwrap();
        let last = scram.last(challenge.strip_prefix("+ ").unwrap());
        client.send(format!("{last}\r\n").as_bytes()).await;
        let proof = client.line().await.unwrap();
        assert!(scram.is_proof(proof.strip_prefix("+ ").unwrap()));
        client.dialogue(&[(answer, heard)]).await;
        if answer.is_empty() {
            client
                .dialogue(&[("STAT", "+OK 0 0"), ("QUIT", "+OK *")])
                .await;
        }
        client.hears_the_end().await;
    }
    let mut client = Client::connect(&world, Link::Secured).await;
    let mut scram = ScramClient::new("n,,", b"", ANN, "wrong horse wrong horse");
    let begin = format!("AUTH SCRAM-SHA-256 {}\r\n", scram.first());
    client.send(begin.as_bytes()).await;
    let challenge = client.line().await.unwrap();
    let last = scram.last(challenge.strip_prefix("+ ").unwrap());
    client
        .dialogue(&[(&last, "-ERR [AUTH] *"), ("STAT", "-ERR *")])
        .await;
}
