//! Submission: who may send, and as whom.

use service::Protocol;
use testkit::{Link, PASSWORD, ScramClient};

use super::client::{Client, inbox, world};

/// `\0ann@example.org\0lamp river quilt ostrich`
pub(super) const SIGN_IN: &[(&str, &str)] = &[(
    "AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBsYW1wIHJpdmVyIHF1aWx0IG9zdHJpY2g=",
    "235 2.7.0 *",
)];

const MAIL: (&str, &str) = ("MAIL FROM:<ann@example.org>", "250 2.1.0 *");

#[tokio::test]
async fn nothing_is_submitted_and_no_password_taken_in_the_clear() {
    let mut client = Client::connect(&world().await, Protocol::Submission, Link::Clear).await;
    let refused: &[(&str, &str)] = &[
        ("EHLO client.example.net", "250 HELP"),
        ("MAIL FROM:<ann@example.org>", "530 5.7.0 *"),
        (
            "AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBsYW1wIHJpdmVyIHF1aWx0IG9zdHJpY2g=",
            "538 5.7.11 *",
        ),
        ("AUTH LOGIN", "538 5.7.11 *"),
    ];
    client.dialogue(refused).await;
}

#[tokio::test]
async fn every_way_to_sign_in_works_once() {
    let plain: &[(&str, &str)] = &[
        ("AUTH PLAIN", "334 "),
        (
            "AGFubkBleGFtcGxlLm9yZwBsYW1wIHJpdmVyIHF1aWx0IG9zdHJpY2g=",
            "235 2.7.0 *",
        ),
        MAIL,
    ];
    let login: &[(&str, &str)] = &[
        ("AUTH LOGIN", "334 VXNlcm5hbWU6"),
        ("YW5uQGV4YW1wbGUub3Jn", "334 UGFzc3dvcmQ6"),
        ("bGFtcCByaXZlciBxdWlsdCBvc3RyaWNo", "235 2.7.0 *"),
        MAIL,
    ];
    let initial: &[(&str, &str)] = &[SIGN_IN[0], ("AUTH PLAIN", "503 5.5.1 *"), MAIL];
    for way in [plain, login, initial] {
        Client::user(&world().await).await.dialogue(way).await;
    }
}

/// Leads SCRAM up to the server's proof.
async fn proves_itself(client: &mut Client, password: &str) -> Vec<String> {
    let mut scram = ScramClient::new("p=tls-exporter,,", &[7; 32], "ann@example.org", password);
    let first = format!("AUTH SCRAM-SHA-256-PLUS {}\r\n", scram.first());
    client.send(first.as_bytes()).await;
    let challenge = client.reply().await;
    let challenge = challenge[0].strip_prefix("334 ").expect("a challenge");
    client
        .send(format!("{}\r\n", scram.last(challenge)).as_bytes())
        .await;
    let answer = client.reply().await;
    if let Some(proof) = answer[0].strip_prefix("334 ") {
        assert!(scram.is_proof(proof), "{answer:?}");
    }
    answer
}

#[tokio::test]
async fn scram_signs_in_and_a_client_that_does_not_confirm_is_gone() {
    let world = world().await;
    for (line, answer) in [
        ("", "235 2.7.0 *"),
        ("*", "501 5.7.0 *"),
        ("eA==", "501 5.5.2 *"),
    ] {
        let mut client = Client::user(&world).await;
        assert!(proves_itself(&mut client, PASSWORD).await[0].starts_with("334 "));
        client.dialogue(&[(line, answer)]).await;
        if line.is_empty() {
            client.dialogue(&[MAIL]).await;
        } else {
            client.hears_the_end().await;
        }
    }
    let mut client = Client::user(&world).await;
    assert!(proves_itself(&mut client, PASSWORD).await[0].starts_with("334 "));
    client
        .dialogue(&[(&"A".repeat(3_000), "500 5.5.6 *")])
        .await;
    client.hears_the_end().await;
    let mut client = Client::user(&world).await;
    let refused = proves_itself(&mut client, "wrong horse wrong horse").await;
    assert!(refused[0].starts_with("535 5.7.8 "), "{refused:?}");
    client
        .dialogue(&[
            ("MAIL FROM:<ann@example.org>", "530 5.7.0 *"),
            SIGN_IN[0],
            MAIL,
        ])
        .await;
}

#[tokio::test]
async fn what_is_no_sign_in_is_refused_and_few_are_tried() {
    let wrong: &[(&str, &str)] = &[
        ("MAIL FROM:<ann@example.org>", "530 5.7.0 *"),
        ("AUTH CRAM-MD5", "504 5.5.4 *"),
        ("AUTH PLAIN", "334 "),
        ("*", "501 5.7.0 *"),
        ("AUTH PLAIN !", "501 5.5.2 *"),
        // \0ann@example.org\0wrong
        ("AUTH PLAIN AGFubkBleGFtcGxlLm9yZwB3cm9uZw==", "535 5.7.8 *"),
    ];
    let mut client = Client::user(&world().await).await;
    client.dialogue(wrong).await;
    client.hears_the_end().await;

    // root\0ann@example.org\0lamp river quilt ostrich
    let other: &[(&str, &str)] = &[
        (
            "AUTH PLAIN cm9vdABhbm5AZXhhbXBsZS5vcmcAbGFtcCByaXZlciBxdWlsdCBvc3RyaWNo",
            "535 5.7.8 *",
        ),
        ("AUTH PLAIN", "334 "),
        (&"A".repeat(3_000), "500 5.5.6 *"),
        ("MAIL FROM:<ann@example.org>", "530 5.7.0 *"),
        SIGN_IN[0],
    ];
    Client::user(&world().await).await.dialogue(other).await;
}

#[tokio::test]
async fn a_user_sends_only_as_itself() {
    let world = world().await;
    let mut client = Client::user(&world).await;
    client.dialogue(SIGN_IN).await;
    let senders: &[(&str, &str)] = &[
        ("MAIL FROM:<carol@example.org>", "550 5.7.1 *"),
        ("MAIL FROM:<eve@example.net>", "550 5.7.1 *"),
        // An alias that leads to the account.
        ("MAIL FROM:<bob@example.org>", "250 2.1.0 *"),
        ("RSET", "250 *"),
    ];
    client.dialogue(senders).await;
    for (header, heard) in [
        ("From: eve@example.net", "550 5.7.1 *"),
        (
            "From: ann@example.org\r\nSender: eve@example.net",
            "550 5.7.1 *",
        ),
        (
            "From: ann@example.org\r\nFrom: eve@example.net",
            "550 5.6.0 *",
        ),
        ("From: <ann@example.org>eve@example.net", "550 5.6.0 *"),
        ("Subject: no sender", "550 5.6.0 *"),
        ("From: Ann <ann@example.org>", "250 2.0.0 queued as *"),
    ] {
        let message = format!("{header}\r\n\r\nhi\r\n.");
        let dialogue: &[(&str, &str)] = &[
            MAIL,
            ("RCPT TO:<ann@example.org>", "250 2.1.5 *"),
            ("DATA", "354 *"),
            (&message, heard),
        ];
        client.dialogue(dialogue).await;
    }
    assert_eq!(inbox(&world).await.len(), 1);
}
