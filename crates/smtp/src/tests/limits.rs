//! How sessions end that get nowhere.

use std::time::Duration;

use service::Protocol;
use testkit::Link;
use tokio::time::Instant;

use super::client::{Client, world};

#[tokio::test]
async fn bad_commands_end_the_session() {
    let mut client = Client::server(&world().await).await;
    for _ in 1..10 {
        client.dialogue(&[("FOO", "500 5.5.1 *")]).await;
    }
    client.dialogue(&[("FOO", "421 4.7.0 *")]).await;
    client.hears_the_end().await;
}

#[tokio::test]
async fn commands_without_mail_end_the_session() {
    for said in ["NOOP", "RSET", "VRFY x", "EHLO client.example.net"] {
        let mut client = Client::server(&world().await).await;
        // The EHLO of the start was the first.
        for _ in 2..100 {
            client.dialogue(&[(said, "25*")]).await;
        }
        client.dialogue(&[(said, "421 4.7.0 *")]).await;
        client.hears_the_end().await;
    }
}

#[tokio::test]
async fn guessing_recipients_is_slow_and_ends() {
    let mut client = Client::server(&world().await).await;
    client.dialogue(&[("MAIL FROM:<>", "250 *")]).await;
    tokio::time::pause();
    let start = Instant::now();
    for _ in 1..20 {
        client
            .dialogue(&[("RCPT TO:<guess@example.org>", "550 5.1.1 *")])
            .await;
    }
    client
        .dialogue(&[("RCPT TO:<guess@example.org>", "421 4.7.0 *")])
        .await;
    client.hears_the_end().await;
    assert!(start.elapsed() > Duration::from_secs(60));
}

#[tokio::test]
async fn guessing_over_many_connections_is_slow_too_and_ends() {
    let world = world().await;
    let guess = "RCPT TO:<guess@example.org>";
    tokio::time::pause();
    let start = Instant::now();
    for number in 1..=100 {
        let mut client = Client::server(&world).await;
        let heard = if number < 100 {
            "550 5.1.1 *"
        } else {
            "421 4.7.0 *"
        };
        client
            .dialogue(&[("MAIL FROM:<>", "250 *"), (guess, heard)])
            .await;
    }
    assert!(start.elapsed() > Duration::from_secs(600));
    // Who guesses no more is served as always, and after a while all is forgotten.
    let mut client = Client::server(&world).await;
    let good = [
        ("MAIL FROM:<>", "250 *"),
        ("RCPT TO:<ann@example.org>", "250 *"),
    ];
    client.dialogue(&good).await;
    world.clock.advance(Duration::from_secs(1_200));
    client.dialogue(&[(guess, "550 5.1.1 *")]).await;
}

#[tokio::test]
async fn recipients_beyond_the_limit_are_put_off() {
    let mut client = Client::user(&world().await).await;
    client.dialogue(super::submission::SIGN_IN).await;
    client
        .dialogue(&[("MAIL FROM:<ann@example.org>", "250 *")])
        .await;
    for number in 0..100 {
        let rcpt = format!("RCPT TO:<r{number}@example.net>");
        client.dialogue(&[(&rcpt, "250 2.1.5 *")]).await;
    }
    client
        .dialogue(&[("RCPT TO:<more@example.net>", "452 4.5.3 *")])
        .await;
}

#[tokio::test]
async fn the_same_recipient_again_counts_as_one_more() {
    let mut client = Client::server(&world().await).await;
    client.dialogue(&[("MAIL FROM:<>", "250 *")]).await;
    let rcpt = "RCPT TO:<ann@example.org>";
    for _ in 0..100 {
        client.dialogue(&[(rcpt, "250 2.1.5 *")]).await;
    }
    client.dialogue(&[(rcpt, "452 4.5.3 *")]).await;
}

#[tokio::test]
async fn lines_that_cannot_be_commands_are_refused() {
    let mut client = Client::server(&world().await).await;
    client
        .dialogue(&[(&"a".repeat(100_000), "500 5.5.6 *"), ("NOOP", "250 *")])
        .await;
    client.send(b"NO\0OP\r\nNO\rOP\r\n").await;
    client.hears("500 5.5.2 *").await;
    client.hears("500 5.5.2 *").await;
    client.send(b"NOOP\nQUIT\r\n").await;
    client.hears("500 5.5.2 *").await;
    client.hears_the_end().await;
}

#[tokio::test]
async fn silence_ends_the_session() {
    let mut client = Client::connect(&world().await, Protocol::Smtp, Link::Clear).await;
    tokio::time::pause();
    client.hears("421 4.4.2 *").await;
    client.hears_the_end().await;
}

#[tokio::test]
async fn slow_octets_end_the_session() {
    let mut client = Client::server(&world().await).await;
    let slowly: &[(&str, &str)] = &[
        ("MAIL FROM:<>", "250 *"),
        ("RCPT TO:<ann@example.org>", "250 *"),
        ("DATA", "354 *"),
    ];
    client.dialogue(slowly).await;
    tokio::time::pause();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3_600) {
        client.send(b"a").await;
        tokio::time::sleep(Duration::from_secs(240)).await;
    }
    client.hears_the_end().await;
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let mut client = Client::server(&world().await).await;
    client.stop_server();
    client.hears("421 4.3.2 *").await;
    client.hears_the_end().await;
}
