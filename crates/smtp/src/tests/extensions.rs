//! DSN, PRDR, REQUIRETLS and SMTPUTF8 from the command to the mailbox.

use service::{Protocol, TraceQuery};
use testkit::{Link, World};

use super::client::{Client, inbox, world};
use super::submission::SIGN_IN;

/// Leaves full@example.org without room for a second one.
const FILLS: &str = "From: ann@example.org\r\nSubject: a first one\r\n\r\nhello\r\n.";

/// What the record keeps of the wishes of the newest message, by recipient.
async fn asked(world: &World) -> Vec<(String, serde_json::Value)> {
    let rows = world.service.trace(TraceQuery::default()).await.unwrap();
    let newest = rows[0].id.clone();
    let rows = rows.into_iter().filter(|row| row.id == newest);
    let mut asked: Vec<_> = rows
        .map(|row| (row.to, row.asked.unwrap_or_default()))
        .collect();
    asked.sort_by(|a, b| a.0.cmp(&b.0));
    asked
}

#[tokio::test]
async fn what_a_sender_asks_is_kept_for_each_recipient() {
    let world = world().await;
    let mut client = Client::connect(&world, Protocol::Smtp, Link::Secured).await;
    let said: &[(&str, &str)] = &[
        ("EHLO client.example.net", "250 HELP"),
        (
            "MAIL FROM:<eve@example.net> RET=HDRS ENVID=QQ+2B1 REQUIRETLS",
            "250 *",
        ),
        (
            "RCPT TO:<ann@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Ann+2Bx@far.test",
            "250 *",
        ),
        ("RCPT TO:<bob@example.org> NOTIFY=NEVER", "250 *"),
        ("DATA", "354 *"),
        ("TLS-Required: No\r\n\r\nhello\r\n.", "250 2.0.0 queued *"),
    ];
    client.dialogue(said).await;
    let expected = [
        (
            "ann@example.org",
            r#"{"envid":"QQ+1","notify":"SUCCESS,DELAY","orcpt":"rfc822;Ann+x@far.test","require_tls":true,"ret":"HDRS"}"#,
        ),
        (
            "bob@example.org",
            r#"{"envid":"QQ+1","notify":"NEVER","require_tls":true,"ret":"HDRS"}"#,
        ),
    ];
    let kept = asked(&world).await;
    let kept: Vec<_> = kept
        .iter()
        .map(|(to, asked)| (to.as_str(), asked.to_string()))
        .collect();
    assert_eq!(kept, expected.map(|(to, asked)| (to, asked.to_owned())));
    let waived: &[(&str, &str)] = &[
        ("MAIL FROM:<eve@example.net>", "250 *"),
        ("RCPT TO:<ann@example.org>", "250 *"),
        ("DATA", "354 *"),
        ("tls-required:\r\n no\r\n\r\nhello\r\n.", "250 *"),
        ("MAIL FROM:<eve@example.net>", "250 *"),
        ("RCPT TO:<ann@example.org>", "250 *"),
        ("DATA", "354 *"),
        ("TLS-Required: yes\r\n\r\nhello\r\n.", "250 *"),
    ];
    client.dialogue(&waived[..4]).await;
    assert_eq!(
        asked(&world).await[0].1.to_string(),
        r#"{"tls_required":"no"}"#
    );
    world.clock.advance(std::time::Duration::from_secs(1));
    client.dialogue(&waived[4..]).await;
    assert_eq!(asked(&world).await[0].1, serde_json::Value::Null);
}

#[tokio::test]
async fn tls_cannot_be_required_of_others() {
    let mut client = Client::user(&world().await).await;
    client.dialogue(SIGN_IN).await;
    let said: &[(&str, &str)] = &[
        ("MAIL FROM:<ann@example.org> REQUIRETLS", "250 *"),
        ("RCPT TO:<eve@example.net>", "550 5.7.30 *"),
        ("RCPT TO:<bob@example.org>", "250 *"),
    ];
    client.dialogue(said).await;
}

#[tokio::test]
async fn each_recipient_is_answered_apart_with_prdr() {
    let world = world().await;
    let mut client = Client::server(&world).await;
    let fill: &[(&str, &str)] = &[
        ("MAIL FROM:<eve@example.net>", "250 *"),
        ("RCPT TO:<full@example.org>", "250 *"),
        ("DATA", "354 *"),
        (FILLS, "250 *"),
    ];
    client.dialogue(fill).await;
    let mixed: &[(&str, &str)] = &[
        ("MAIL FROM:<eve@example.net> PRDR", "250 *"),
        ("RCPT TO:<full@example.org>", "250 *"),
        ("RCPT TO:<ann@example.org>", "250 *"),
        ("RCPT TO:<full@example.org>", "250 *"),
    ];
    let long = format!("Subject: long\r\n\r\n{}\r\n", "a".repeat(600));
    let replies = [
        "353 *",
        "452 4.2.2 *",
        "250 2.1.5 *",
        "452 4.2.2 *",
        "250 2.0.0 queued *",
    ];
    client.dialogue(mixed).await;
    client.dialogue(&[("DATA", "354 *")]).await;
    client.send(format!("{long}.\r\nNOOP\r\n").as_bytes()).await;
    for heard in replies.iter().chain(&["250 *"]) {
        client.hears(heard).await;
    }
    client.dialogue(mixed).await;
    client
        .send(format!("BDAT {} LAST\r\n{long}", long.len()).as_bytes())
        .await;
    for heard in replies {
        client.hears(heard).await;
    }
    // One that nobody gets, and one that is refused for what it is, have one reply.
    let none: &[(&str, &str)] = &[
        ("MAIL FROM:<eve@example.net> PRDR", "250 *"),
        ("RCPT TO:<full@example.org>", "250 *"),
        ("DATA", "354 *"),
        (&format!("{long}."), "452 4.2.2 *"),
        ("MAIL FROM:<eve@example.net> PRDR", "250 *"),
        ("RCPT TO:<ann@example.org>", "250 *"),
        ("DATA", "354 *"),
        ("a\rb\r\n.", "550 5.6.0 *"),
    ];
    client.dialogue(none).await;
    assert_eq!(inbox(&world).await.len(), 2);
}

#[tokio::test]
async fn an_international_message_arrives_as_it_was_sent() {
    let world = world().await;
    let mut client = Client::server(&world).await;
    let header = "From: Žofie <žofie@bücher.example>\r\nSubject: Grüße ✉";
    let said: &[(&str, &str)] = &[
        (
            "MAIL FROM:<žofie@bücher.example> SMTPUTF8 BODY=8BITMIME",
            "250 *",
        ),
        ("RCPT TO:<žena@bücher.test>", "250 *"),
        ("DATA", "354 *"),
        (&format!("{header}\r\n\r\n☃\r\n."), "250 *"),
    ];
    client.dialogue(said).await;
    let inbox = inbox(&world).await;
    assert!(
        inbox[0].starts_with("Return-Path: <žofie@xn--bcher-kva.example>\r\n"),
        "{}",
        inbox[0]
    );
    assert!(inbox[0].contains("with UTF8SMTP id "), "{}", inbox[0]);
    assert!(
        inbox[0].contains("for <žena@xn--bcher-kva.test>;"),
        "{}",
        inbox[0]
    );
    assert!(
        inbox[0].ends_with(&format!("{header}\r\n\r\n☃\r\n")),
        "{}",
        inbox[0]
    );
}

#[tokio::test]
async fn a_sender_who_signed_in_is_told_of_the_delivery() {
    let world = world().await;
    let mut client = Client::user(&world).await;
    client.dialogue(SIGN_IN).await;
    let said: &[(&str, &str)] = &[
        ("MAIL FROM:<bob@example.org> ENVID=one+20more", "250 *"),
        (
            "RCPT TO:<full@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@far.test",
            "250 *",
        ),
        ("DATA", "354 *"),
        (FILLS, "250 *"),
    ];
    client.dialogue(said).await;
    let inbox = inbox(&world).await;
    assert_eq!(inbox.len(), 1);
    let report = &inbox[0];
    assert!(report.starts_with("Return-Path: <>\r\nFrom: "), "{report}");
    for part in [
        "To: <bob@example.org>\r\nSubject: Delivered\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "  <full@example.org>\r\n    delivered to the mailbox.\r\n",
        "Reporting-MTA: dns; mx.example.org\r\nOriginal-Envelope-Id: one more\r\n",
        "\r\n\r\nOriginal-Recipient: rfc822; x@far.test\r\nFinal-Recipient: rfc822; \
         full@example.org\r\nAction: delivered\r\nStatus: 2.0.0\r\n",
        "Content-Type: text/rfc822-headers\r\n",
        "Subject: a first one\r\n",
    ] {
        assert!(report.contains(part), "{part:?} is not in {report}");
    }
    assert!(
        !report.contains("hello"),
        "a report of success brings no body back"
    );
}
