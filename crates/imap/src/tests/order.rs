//! States, sign-in, limits: what is refused, and when a connection ends.

use testkit::ScramClient;

use super::client::{ANN, PASSWORD, World};
use crate::limits::{BAD_COMMANDS_BEFORE_LOGIN_MAX, BAD_COMMANDS_MAX, SIGN_INS_FAILED_MAX};

#[tokio::test]
async fn commands_out_of_order_are_refused() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    client
        .dialogue(&[
            ("CAPABILITY", "OK *"),
            ("NOOP", "OK *"),
            ("SELECT INBOX", "BAD not allowed before sign-in"),
            ("FETCH 1 UID", "BAD *"),
            ("IDLE", "BAD *"),
            ("STARTTLS", "BAD TLS cannot be started now"),
            (&format!("LOGIN {ANN} \"{PASSWORD}\""), "OK [CAPABILITY *"),
            (
                &format!("LOGIN {ANN} \"{PASSWORD}\""),
                "BAD not allowed after sign-in",
            ),
            ("STARTTLS", "BAD *"),
            (
                "FETCH 1 UID",
                "BAD not allowed before a mailbox is selected",
            ),
            ("CLOSE", "BAD *"),
            ("EXPUNGE", "BAD *"),
            ("SELECT nowhere", "NO [NONEXISTENT] *"),
            ("SELECT INBOX", "OK [READ-WRITE] *"),
            ("CHECK", "OK *"),
            ("SELECT nowhere", "NO [NONEXISTENT] *"),
            ("CHECK", "BAD not allowed before a mailbox is selected"),
            ("EXAMINE INBOX", "OK [READ-ONLY] *"),
            ("STORE 1 FLAGS ()", "NO [READ-ONLY] *"),
            ("EXPUNGE", "NO [READ-ONLY] *"),
            ("UNSELECT", "OK *"),
            ("CHECK", "BAD *"),
        ])
        .await;
    client.says("LOGOUT").await.is(&["* BYE *", "OK *"]);
    client.leaves().await;
}

#[tokio::test]
async fn capabilities_follow_the_state() {
    let world = World::new().await;
    let common = "* CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE \
                  CHILDREN LIST-EXTENDED LIST-STATUS STATUS=SIZE SPECIAL-USE CREATE-SPECIAL-USE \
                  UNSELECT UIDPLUS MOVE ESEARCH SEARCHRES WITHIN MULTIAPPEND UTF8=ACCEPT QUOTA \
                  QUOTA=RES-STORAGE CONDSTORE QRESYNC BINARY OBJECTID SAVEDATE PREVIEW APPENDLIMIT=52428800";
    let mut clear = world.stranger_in_the_clear().await;
    let answer = clear.says("CAPABILITY").await;
    answer.is(&[&format!("{common} STARTTLS LOGINDISABLED"), "OK done"]);
    let mut stranger = world.stranger().await;
    let answer = stranger.says("CAPABILITY").await;
    answer.is(&[
        &format!("{common} AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=PLAIN"),
        "OK done",
    ]);
    let mut client = world.client().await;
    let answer = client.says("CAPABILITY").await;
    answer.is(&[&format!("{common} COMPRESS=DEFLATE"), "OK done"]);
}

#[tokio::test]
async fn compression_begins_once_after_sign_in() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    client.says("COMPRESS DEFLATE").await.ends("BAD *");
    let mut client = world.client().await;
    client.says("COMPRESS LZW").await.ends("NO [CANNOT] *");
    client.says("compress deflate").await.ends("OK *");
    // What comes now is DEFLATE or nothing.
    client.send(b"a9 NOOP\r\n").await;
    client.leaves().await;
    // What was sent before the OK was heard is never taken for anything.
    let mut client = world.client().await;
    client.send(b"a1 COMPRESS DEFLATE\r\na2 NOOP\r\n").await;
    let heard = [client.line().await, client.line().await];
    assert!(!heard.concat().contains("a2"), "{heard:?}");
}

#[tokio::test]
async fn no_password_is_taken_in_the_clear() {
    let world = World::new().await;
    let mut client = world.stranger_in_the_clear().await;
    client
        .dialogue(&[
            (
                &format!("LOGIN {ANN} \"{PASSWORD}\""),
                "NO [PRIVACYREQUIRED] *",
            ),
            ("AUTHENTICATE PLAIN", "NO [PRIVACYREQUIRED] *"),
            ("AUTHENTICATE PLAIN =", "NO [PRIVACYREQUIRED] *"),
            ("SELECT INBOX", "BAD *"),
        ])
        .await;
}

#[tokio::test]
async fn what_follows_starttls_in_the_clear_is_never_obeyed() {
    let world = World::new().await;
    let mut client = world.stranger_in_the_clear().await;
    client.send(b"a1 STARTTLS\r\na2 CAPABILITY\r\n").await;
    let heard = [client.line().await, client.line().await];
    assert!(!heard.concat().contains("CAPABILITY"), "{heard:?}");
}

#[tokio::test]
async fn plain_is_spoken_in_one_turn_or_two() {
    let world = World::new().await;
    // NUL ann@example.org NUL lamp river quilt ostrich
    let response = "AGFubkBleGFtcGxlLm9yZwBsYW1wIHJpdmVyIHF1aWx0IG9zdHJpY2g=";
    let mut client = world.stranger().await;
    let answer = client.says(&format!("AUTHENTICATE PLAIN {response}")).await;
    answer.ends("OK [CAPABILITY *");
    let mut client = world.stranger().await;
    client.says("AUTHENTICATE plain").await.is(&["+ "]);
    client.goes_on(response).await.ends("OK [CAPABILITY *");
    let mut client = world.stranger().await;
    client.says("AUTHENTICATE PLAIN").await.is(&["+ "]);
    client.goes_on("*").await.ends("BAD *");
    client.says("AUTHENTICATE PLAIN ====").await.ends("BAD *");
    client
        .says("AUTHENTICATE CRAM-MD5")
        .await
        .ends("NO [CANNOT] *");
    client.says("SELECT INBOX").await.ends("BAD *");
}

#[tokio::test]
async fn names_and_passwords_are_taken_as_literals() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    let command = format!("LOGIN {{{}}}", ANN.len());
    client.says(&command).await.is(&["+ go on"]);
    let rest = format!("{ANN} {{{}}}", PASSWORD.len());
    client.goes_on(&rest).await.is(&["+ go on"]);
    client.goes_on(PASSWORD).await.ends("OK [CAPABILITY *");
}

#[tokio::test]
async fn literals_of_strangers_are_bounded_before_they_are_read() {
    let world = World::new().await;
    for command in [
        "a1 LOGIN {4294967295}",
        "a1 SEARCH TEXT {1048576}",
        "a1 LOGIN {4097}",
    ] {
        let mut client = world.stranger().await;
        client.send(format!("{command}\r\n").as_bytes()).await;
        let line = client.line().await;
        assert!(line.starts_with("a1 NO [TOOBIG]"), "{command}: {line}");
        client.says("NOOP").await.ends("OK *");
    }
    for command in [
        "a1 LOGIN {4294967295+}",
        "a1 X {1+}\r\na {1+}\r\na {1+}\r\na",
    ] {
        let mut client = world.stranger().await;
        client.send(format!("{command}\r\n").as_bytes()).await;
        let line = client.line().await;
        assert!(line.starts_with("* BYE"), "{command}: {line}");
        client.leaves().await;
    }
    let mut client = world.stranger().await;
    client
        .send(format!("a1 {}\r\n", "x".repeat(9_000)).as_bytes())
        .await;
    assert!(client.line().await.starts_with("a1 BAD"));
}

#[tokio::test]
async fn an_append_of_a_stranger_is_not_heard() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    client.says("APPEND INBOX {5}").await.ends("BAD *");
    client.says("APPEND INBOX {5+}").await.ends("BAD *");
    assert!(client.line().await.starts_with("* BYE"));
    client.leaves().await;
}

#[tokio::test]
async fn whoever_does_not_stop_making_mistakes_is_sent_away() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    for _ in 0..BAD_COMMANDS_BEFORE_LOGIN_MAX {
        client.says("FROB").await.ends("BAD unknown command");
    }
    assert!(client.line().await.starts_with("* BYE"));
    client.leaves().await;
    let mut client = world.client().await;
    for _ in 0..BAD_COMMANDS_MAX {
        client.says("FROB").await.ends("BAD unknown command");
    }
    assert!(client.line().await.starts_with("* BYE"));
    client.leaves().await;
}

#[tokio::test]
async fn whoever_guesses_passwords_is_sent_away() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    for guess in 0..SIGN_INS_FAILED_MAX {
        let answer = client.says(&format!("LOGIN {ANN} guess{guess}")).await;
        answer.ends("NO [*");
    }
    assert!(client.line().await.starts_with("* BYE"));
    client.leaves().await;
}

#[tokio::test]
async fn the_server_says_good_bye_when_it_stops() {
    let world = World::new().await;
    let client = &mut world.client().await;
    client.stop_server();
    assert!(
        client
            .line()
            .await
            .starts_with("* BYE this service stops here")
    );
    let client = &mut world.reader().await;
    client.says("IDLE").await.is(&["+ idling"]);
    client.stop_server();
    assert!(
        client
            .line()
            .await
            .starts_with("* BYE this service stops here")
    );
}

#[tokio::test]
async fn silence_ends_a_connection() {
    let world = World::new().await;
    let mut stranger = world.stranger().await;
    let mut idler = world.client().await;
    idler.says("IDLE").await.is(&["+ idling"]);
    tokio::time::pause();
    assert!(stranger.line().await.starts_with("* BYE time is over"));
    assert!(idler.line().await.starts_with("* BYE time is over"));
}

#[tokio::test]
async fn a_client_may_name_itself() {
    let world = World::new().await;
    let mut client = world.stranger().await;
    let answer = client.says("ID (\"name\" \"x\" \"version\" NIL)").await;
    answer.is(&["* ID (\"name\" \"Sealpost\")", "OK done"]);
    client
        .says("ID (\"name\" {4+}\r\na\r\nb)")
        .await
        .ends("BAD *");
    client.says("ID NIL").await.ends("OK done");
}

#[tokio::test]
async fn scram_signs_in_and_a_client_that_does_not_confirm_is_gone() {
    let world = World::new().await;
    for (answer, heard) in [
        ("", "OK [CAPABILITY *"),
        ("*", "* BYE *"),
        ("eA==", "* BYE *"),
    ] {
        let mut client = world.stranger().await;
        let mut scram = ScramClient::new("p=tls-exporter,,", &[7; 32], ANN, PASSWORD);
        let begin = format!("AUTHENTICATE SCRAM-SHA-256-PLUS {}", scram.first());
        let challenge = client.says(&begin).await.lines.remove(0);
        let last = scram.last(challenge.strip_prefix("+ ").unwrap());
        let proof = client.goes_on(&last).await.lines.remove(0);
        assert!(scram.is_proof(proof.strip_prefix("+ ").unwrap()));
        client.goes_on(answer).await.ends(heard);
        if answer.is_empty() {
            client.dialogue(&[("SELECT INBOX", "OK *")]).await;
        } else {
            client.leaves().await;
        }
    }
    let mut client = world.stranger().await;
    let mut scram = ScramClient::new("n,,", b"", ANN, "wrong horse wrong horse");
    let begin = format!("AUTHENTICATE SCRAM-SHA-256 {}", scram.first());
    let challenge = client.says(&begin).await.lines.remove(0);
    let last = scram.last(challenge.strip_prefix("+ ").unwrap());
    client
        .goes_on(&last)
        .await
        .ends("NO [AUTHENTICATIONFAILED] *");
    client.dialogue(&[("SELECT INBOX", "BAD *")]).await;
}
