//! What each stage of a session may bring.

use super::peer::{Peer, Script, tls};
use super::*;

/// What becomes of one message for a server of this script.
async fn told_of(script: Script, text: &str, wish: fn(&mut Envelope)) -> (String, Peer) {
    let peer = Peer::start(script).await;
    let office = Office::sending(DNS, peer.at.port()).await;
    let id = office.send_as(&[BOB], text, wish).await;
    (office.told(&id).await, peer)
}

fn saying(start: &'static str, reply: &'static str) -> Script {
    Script {
        says: vec![(start, reply)],
        ..Script::default()
    }
}

fn offering(offers: &[&'static str]) -> Script {
    Script {
        offers: offers.to_vec(),
        ..Script::default()
    }
}

#[tokio::test]
async fn a_message_arrives_as_it_is_and_the_record_says_where() {
    let office = Office::new().await;
    let ca = authority(&office.world);
    let now = office.world.service.clock().now();
    let script = Script {
        tls: Some(tls(&ca, "mx.far.test", now)),
        ..Script::default()
    };
    let peer = Peer::start(script).await;
    let mut office = office;
    office.start(way_out(DNS, peer.at.port()));
    let id = office
        .send_as(&[BOB, "Eve@far.test"], MESSAGE, |envelope| {
            envelope.wishes.dsn.envelope_id = Some("id+7".parse().unwrap());
            envelope.recipients[0].dsn.notify = Some("SUCCESS".parse().unwrap());
        })
        .await;
    let sent = "sent bob@far.test, taken by mx.far.test (127.0.0.1) over TLSv1.3, certificate not \
                checked: 250 2.0.0 queued as 7";
    assert_eq!(office.told(&id).await, sent);
    let mail = peer.mail();
    assert_eq!(mail.len(), 1);
    let (head, body) = mail[0].split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "..At noon?\r\n...\r\nbye\r\n", "dots are stuffed");
    assert!(
        head.starts_with("Received: from client.example.net"),
        "{head}"
    );
    let lines = peer.lines();
    let size = mail[0].len() - 2;
    assert_eq!(
        lines[..6],
        [
            "EHLO mx.example.org".to_owned(),
            "STARTTLS".to_owned(),
            "EHLO mx.example.org".to_owned(),
            format!("MAIL FROM:<ann@example.org> SIZE={size} ENVID=id+2B7"),
            "RCPT TO:<Eve@far.test>".to_owned(),
            "RCPT TO:<bob@far.test> NOTIFY=SUCCESS".to_owned(),
        ]
    );
    office.stop().await;
}

// long: a table of replies.
#[tokio::test]
async fn each_reply_ends_or_puts_off_what_it_is_about() {
    for (script, expected) in [
        (
            saying("RCPT", "550 5.1.1 no such user"),
            "bounce bob@far.test, refused by mx.far.test (127.0.0.1): 550 5.1.1 no such user",
        ),
        (
            saying("RCPT", "450 4.2.0 greylisted"),
            "waits: 450 4.2.0 greylisted",
        ),
        (saying("MAIL", "451 later"), "waits: 451 later"),
        (
            saying("MAIL", "552-too\r\n552 large"),
            "bounce bob@far.test, refused by mx.far.test (127.0.0.1): 552 too large",
        ),
        (
            saying("DATA", "554 no"),
            "bounce bob@far.test, refused by mx.far.test (127.0.0.1): 554 no",
        ),
        (
            Script {
                end: "550 5.7.1 spam",
                ..Script::default()
            },
            "bounce bob@far.test, refused by mx.far.test (127.0.0.1): 550 5.7.1 spam",
        ),
        (
            Script {
                end: "452 4.3.1 full",
                ..Script::default()
            },
            "waits: 452 4.3.1 full",
        ),
        (
            Script {
                greeting: "554 not here",
                ..Script::default()
            },
            "waits: 554 not here",
        ),
        (saying("RCPT", "421 going down"), "waits: 421 going down"),
        (
            saying("RCPT", "garbage"),
            "waits: mx.far.test (127.0.0.1): a line does not begin with a reply code",
        ),
        (
            saying("MAIL", ""),
            "waits: mx.far.test (127.0.0.1): it closed the connection",
        ),
        (
            Script {
                greeting: "",
                ..Script::default()
            },
            "waits: mx.far.test (127.0.0.1): it closed the connection",
        ),
        (
            Script {
                end: "",
                ..Script::default()
            },
            "waits: all of the message was sent, and no reply came, so it is sent again and may \
             arrive twice: it closed the connection",
        ),
        (
            saying("EHLO", "250 mx.example.org"),
            "waits: mx.far.test is this server itself: mail goes in a circle",
        ),
    ] {
        let (told, _) = told_of(script, MESSAGE, |_| {}).await;
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn an_old_server_without_extensions_gets_its_mail_too() {
    let script = Script {
        offers: Vec::new(),
        ..saying("EHLO", "502 what")
    };
    let (told, peer) = told_of(script, MESSAGE, |envelope| {
        envelope.recipients[0].dsn.notify = Some("FAILURE".parse().unwrap());
    })
    .await;
    assert!(told.starts_with("sent "), "{told}");
    assert_eq!(
        peer.lines()[..4],
        [
            "EHLO mx.example.org",
            "HELO mx.example.org",
            "MAIL FROM:<ann@example.org>",
            "RCPT TO:<bob@far.test>",
        ]
    );
}

#[tokio::test]
async fn what_the_other_server_cannot_take_is_told_before_it_is_sent() {
    let eight_bit = "From: ann@example.org\r\n\r\nž\r\n";
    let large = format!(
        "From: ann@example.org\r\n\r\n{}",
        "0123456789\r\n".repeat(1_000)
    );
    let wishes_tls: fn(&mut Envelope) = |envelope| envelope.wishes.require_tls = true;
    let nothing: fn(&mut Envelope) = |_| {};
    for (offers, text, wish, expected) in [
        (
            &["PIPELINING"][..],
            eight_bit,
            nothing,
            "bounce bob@far.test: the message goes beyond ASCII, which the other server does not take",
        ),
        (&["8BITMIME"], eight_bit, nothing, "sent bob@far.test"),
        (
            &["SIZE 1000"],
            &large,
            nothing,
            "bounce bob@far.test: the message has 12",
        ),
        (&["SIZE"], &large, nothing, "sent bob@far.test"),
        (
            &["REQUIRETLS"],
            MESSAGE,
            wishes_tls,
            "waits: mx.far.test does not offer TLS, which is required",
        ),
    ] {
        let (told, peer) = told_of(offering(offers), text, wish).await;
        assert!(told.starts_with(expected), "{told}");
        let sends = told.starts_with("sent");
        assert_eq!(peer.mail().len(), usize::from(sends), "{told}");
    }
}

#[tokio::test]
async fn a_failed_handshake_is_followed_by_the_clear_where_nothing_else_is_demanded() {
    let script = Script {
        offers: vec!["STARTTLS", "8BITMIME"],
        ..saying("STARTTLS", "220 go ahead\r\nthis is no handshake")
    };
    let (told, peer) = told_of(script, MESSAGE, |_| {}).await;
    // More than the yes is no handshake but an injection; nothing is taken into TLS or sent.
    assert!(
        told.starts_with("waits: mx.far.test (127.0.0.1): it said more in the clear"),
        "{told}"
    );
    assert_eq!(peer.mail(), Vec::<String>::new());
    let script = Script {
        offers: vec!["STARTTLS", "8BITMIME"],
        ..saying("STARTTLS", "220 go ahead")
    };
    let (told, peer) = told_of(script, MESSAGE, |_| {}).await;
    assert_eq!(
        told,
        "sent bob@far.test, taken by mx.far.test (127.0.0.1): 250 2.0.0 queued as 7"
    );
    assert_eq!(peer.connections(), 2);
}
