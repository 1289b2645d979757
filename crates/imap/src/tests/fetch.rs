//! FETCH, STORE, COPY, MOVE, EXPUNGE of one session.

use super::client::{Client, World};

const MESSAGE: &str = "From: Ann <ann@example.org>\r\nSubject: two parts\r\nDate: Mon, 23 Nov 2026 \
     10:00:00 +0000\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b\r\n\
     Content-Type: message/rfc822\r\n\r\nSubject: inside\r\nTo: bob@example.org\r\n\r\ninner\r\n--b--\r\n";

async fn reader(world: &World, messages: &[&str]) -> Client {
    let mut client = world.client().await;
    for message in messages {
        client.append("INBOX", message).await;
    }
    client.says("SELECT INBOX").await.ends("OK *");
    client
}

/// The octets of the first literal of an answer, with what stands around them.
fn flat(lines: &[String]) -> String {
    lines.join("\r\n")
}

#[tokio::test]
async fn sections_are_exact() {
    let world = World::new().await;
    let mut client = reader(&world, &[MESSAGE]).await;
    for (section, expected) in [
        ("", MESSAGE),
        ("HEADER.FIELDS (SUBJECT x)", "Subject: two parts\r\n\r\n"),
        ("1", "plain"),
        ("1.MIME", "\r\n"),
        ("2.HEADER", "Subject: inside\r\nTo: bob@example.org\r\n\r\n"),
        ("2.HEADER.FIELDS.NOT (To)", "Subject: inside\r\n\r\n"),
        ("2.TEXT", "inner"),
        ("2.1", "inner"),
        ("2.MIME", "Content-Type: message/rfc822\r\n\r\n"),
    ] {
        let answer = client.says(&format!("FETCH 1 BODY.PEEK[{section}]")).await;
        let expected = format!(
            "* 1 FETCH (BODY[{section}] {{{}}}\r\n{expected})\r\n",
            expected.len()
        );
        assert_eq!(flat(&answer.lines), expected + "OK fetched");
    }
    let header_octets = MESSAGE.find("\r\n\r\n").unwrap() + 4;
    let (header, text) = MESSAGE.split_at(header_octets);
    for (item, name, expected) in [
        ("BODY.PEEK[HEADER]", "BODY[HEADER]", header),
        ("BODY.PEEK[TEXT]", "BODY[TEXT]", text),
        ("RFC822.HEADER", "RFC822.HEADER", header),
        ("BODY.PEEK[]<0.4>", "BODY[]<0>", "From"),
        ("BODY.PEEK[TEXT]<3.4>", "BODY[TEXT]<3>", "\r\n\r\n"),
        ("BODY.PEEK[HEADER]<6.3>", "BODY[HEADER]<6>", "Ann"),
        ("BODY.PEEK[1]<3.9>", "BODY[1]<3>", "in"),
        ("BODY.PEEK[]<99999.1>", "BODY[]<99999>", ""),
    ] {
        let answer = client.says(&format!("FETCH 1 {item}")).await;
        let expected = format!(
            "* 1 FETCH ({name} {{{}}}\r\n{expected})\r\n",
            expected.len()
        );
        assert_eq!(flat(&answer.lines), expected + "OK fetched", "{item}");
    }
    for missing in ["3", "1.1", "1.HEADER", "2.2"] {
        let answer = client.says(&format!("FETCH 1 BODY.PEEK[{missing}]")).await;
        answer.is(&[&format!("* 1 FETCH (BODY[{missing}] NIL)"), "OK fetched"]);
    }
}

#[tokio::test]
async fn envelopes_and_structures_are_told() {
    let world = World::new().await;
    let mut client = reader(&world, &[MESSAGE]).await;
    let answer = client.says("FETCH 1 ENVELOPE").await;
    answer.is(&[
        "* 1 FETCH (ENVELOPE (\"Mon, 23 Nov 2026 10:00:00 +0000\" \"two parts\" \
         ((\"Ann\" NIL \"ann\" \"example.org\")) ((\"Ann\" NIL \"ann\" \"example.org\")) *",
        "OK fetched",
    ]);
    let answer = client.says("UID FETCH 1 (BODY BODYSTRUCTURE)").await;
    let body = "((\"TEXT\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 5 0)";
    answer.is(&[
        &format!("* 1 FETCH (UID 1 BODY ({}*", &body[1..]),
        "OK fetched",
    ]);
    assert!(answer.lines[0].contains("BODYSTRUCTURE (("), "{answer:?}");
}

#[tokio::test]
async fn reading_sets_seen_and_peeking_does_not() {
    let world = World::new().await;
    let mut client = reader(&world, &["a:b\r\n\r\nx\r\n", "a:b\r\n\r\ny\r\n"]).await;
    client
        .says("FETCH 1:2 (BODY.PEEK[TEXT] RFC822.HEADER)")
        .await
        .ends("OK *");
    client.says("FETCH 1:2 FLAGS").await.is(&[
        "* 1 FETCH (FLAGS ())",
        "* 2 FETCH (FLAGS ())",
        "OK fetched",
    ]);
    let answer = client.says("FETCH 1 BODY[TEXT]").await;
    answer.is(&[
        "* 1 FETCH (BODY[TEXT] {3}",
        "x",
        " FLAGS (\\Seen))",
        "OK fetched",
    ]);
    let answer = client.says("FETCH 1 BODY[TEXT]").await;
    answer.is(&["* 1 FETCH (BODY[TEXT] {3}", "x", ")", "OK fetched"]);
    let answer = client.says("UID FETCH 2 (RFC822 FLAGS)").await;
    assert_eq!(answer.lines[4], " FLAGS (\\Seen))".to_owned());
    let mut examiner = world.client().await;
    examiner.append("INBOX", "a:b\r\n\r\nz\r\n").await;
    examiner.says("EXAMINE INBOX").await.ends("OK *");
    examiner.says("FETCH 3 RFC822.TEXT").await.ends("OK *");
    examiner
        .says("FETCH 3 FLAGS")
        .await
        .is(&["* 3 FETCH (FLAGS ())", "OK fetched"]);
}

#[tokio::test]
async fn numbers_that_do_not_exist_are_refused_and_uids_passed_over() {
    let world = World::new().await;
    let mut client = reader(&world, &["a:b\r\n\r\n"]).await;
    client
        .dialogue(&[
            ("FETCH 2 UID", "BAD there is no message of this number"),
            ("FETCH 1:2 UID", "BAD *"),
            ("STORE 2 FLAGS ()", "BAD *"),
            ("COPY 2 Trash", "BAD *"),
            ("UID FETCH 7:9 FLAGS", "OK *"),
            ("UID STORE 7 FLAGS ()", "OK *"),
            ("UID COPY 7 Trash", "OK *"),
            ("UID MOVE 7 Trash", "OK *"),
            ("COPY 1 nowhere", "NO [TRYCREATE] *"),
            ("MOVE 1 nowhere", "NO [TRYCREATE] *"),
        ])
        .await;
    client
        .says("FETCH 5:* UID")
        .await
        .is(&["* 1 FETCH (UID 1)", "OK fetched"]);
}

#[tokio::test]
async fn flags_are_stored_and_told() {
    let world = World::new().await;
    let mut client = reader(&world, &["a:b\r\n\r\n", "a:b\r\n\r\n"]).await;
    let answer = client.says("STORE 1:2 +FLAGS (\\Flagged)").await;
    answer.is(&[
        "* 1 FETCH (UID 1 FLAGS (\\Flagged))",
        "* 2 FETCH (UID 2 FLAGS (\\Flagged))",
        "OK stored",
    ]);
    client
        .says("STORE 1 +FLAGS.SILENT (\\Seen)")
        .await
        .is(&["OK stored"]);
    client
        .says("UID STORE 2 -FLAGS (\\Flagged)")
        .await
        .is(&["* 2 FETCH (UID 2 FLAGS ())", "OK stored"]);
    let answer = client.says("STORE 1 FLAGS ($Forwarded \\Draft)").await;
    assert_eq!(
        answer.lines[0],
        "* 1 FETCH (UID 1 FLAGS (\\Draft $Forwarded))"
    );
    assert!(answer.lines[1].starts_with("* FLAGS (") && answer.lines[1].contains("$Forwarded"));
    answer.ends("OK stored");
    client
        .says("STORE 1 -FLAGS.SILENT ($forwarded)")
        .await
        .is(&["OK stored"]);
    client
        .says("FETCH 1 FLAGS")
        .await
        .is(&["* 1 FETCH (FLAGS (\\Draft))", "OK fetched"]);
}

#[tokio::test]
async fn messages_are_copied_moved_and_expunged() {
    let world = World::new().await;
    let mut client = reader(&world, &["n: 1\r\n\r\n", "n: 2\r\n\r\n", "n: 3\r\n\r\n"]).await;
    let answer = client.says("COPY 2:3 Archive").await;
    assert!(answer.lines[0].starts_with("OK [COPYUID "), "{answer:?}");
    assert!(answer.lines[0].contains(" 2:3 1:2]"), "{answer:?}");
    let answer = client.says("MOVE 1 Archive").await;
    answer.is(&["* OK [COPYUID *", "* 1 EXPUNGE", "OK moved"]);
    assert!(answer.lines[0].contains(" 1 3]"), "{answer:?}");
    client
        .says("STORE 1:2 +FLAGS.SILENT (\\Deleted)")
        .await
        .ends("OK *");
    client
        .says("UID EXPUNGE 3")
        .await
        .is(&["* 2 EXPUNGE", "OK expunged"]);
    client
        .says("EXPUNGE")
        .await
        .is(&["* 1 EXPUNGE", "OK expunged"]);
    client.says("EXPUNGE").await.is(&["OK expunged"]);
    let answer = client.says("STATUS Archive (MESSAGES UIDNEXT)").await;
    answer.is(&["* STATUS Archive (MESSAGES 3 UIDNEXT 4)", "OK done"]);
}

#[tokio::test]
async fn close_expunges_without_a_word_and_unselect_does_not() {
    let world = World::new().await;
    let mut client = reader(&world, &["a:b\r\n\r\n", "a:b\r\n\r\n"]).await;
    client
        .says("STORE 1 +FLAGS.SILENT (\\Deleted)")
        .await
        .ends("OK *");
    client.says("UNSELECT").await.is(&["OK left"]);
    client.says("SELECT INBOX").await.ends("OK *");
    client.says("CLOSE").await.is(&["OK closed"]);
    let answer = client.says("STATUS INBOX (MESSAGES)").await;
    answer.is(&["* STATUS INBOX (MESSAGES 1)", "OK done"]);
}
