//! BINARY (RFC 3516), OBJECTID (RFC 8474), SAVEDATE (RFC 8514), PREVIEW (RFC 8970).

use super::client::{Client, World};
use super::tracking::number;

const PARTS: &str = "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
     Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
     <p>Hello=20<b>w=C3=B6rld</b></p>\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n\
     AGFiAGM=\r\n--b\r\nContent-Transfer-Encoding: x-odd\r\n\r\nodd\r\n--b--\r\n";

async fn reader(world: &World, messages: &[&str]) -> Client {
    let mut client = world.client().await;
    for message in messages {
        client.append("INBOX", message).await;
    }
    client.says("SELECT INBOX").await.ends("OK *");
    client
}

#[tokio::test]
async fn parts_come_without_their_encoding() {
    let world = World::new().await;
    let mut client = reader(&world, &[PARTS]).await;
    for (items, expected) in [
        ("BINARY.SIZE[2]", "BINARY.SIZE[2] 5"),
        ("BINARY.SIZE[1]", "BINARY.SIZE[1] 26"),
        ("BINARY.SIZE[9]", "BINARY.SIZE[9] 0"),
        ("BINARY.PEEK[9]", "BINARY[9] NIL"),
        ("BINARY.PEEK[2]", "BINARY[2] ~{5}\r\n\0ab\0c"),
        ("BINARY.PEEK[2]<1.2>", "BINARY[2]<1> {2}\r\nab"),
        ("BINARY.PEEK[2]<9.2>", "BINARY[2]<9> {0}\r\n"),
        ("BINARY.PEEK[1]<3.6>", "BINARY[1]<3> {6}\r\nHello "),
        (
            "(BINARY.SIZE[2] BINARY.PEEK[2]<1.1>)",
            "BINARY.SIZE[2] 5 BINARY[2]<1> {1}\r\na",
        ),
    ] {
        let answer = client.says(&format!("FETCH 1 {items}")).await;
        assert_eq!(
            answer.lines.join("\r\n"),
            format!("* 1 FETCH ({expected})\r\nOK fetched"),
            "{items}"
        );
    }
    client
        .dialogue(&[
            ("FETCH 1 BINARY.PEEK[3]", "NO [UNKNOWN-CTE] *"),
            ("FETCH 1 BINARY.SIZE[3]", "NO [UNKNOWN-CTE] *"),
            ("FETCH 1 FLAGS", "OK fetched"),
            ("FETCH 1 BINARY[TEXT]", "BAD *"),
            ("FETCH 1 BINARY.SIZE[1]<0.1>", "BAD *"),
        ])
        .await;
    let whole = client.says("FETCH 1 BINARY[]").await;
    let literal = format!("* 1 FETCH (BINARY[] {{{}}}", PARTS.len());
    assert_eq!(whole.lines[0], literal);
    assert!(
        whole.lines.iter().any(|line| line == " FLAGS (\\Seen))"),
        "{whole:?}"
    );
}

#[tokio::test]
async fn messages_in_messages_are_not_copied_for_each_of_them() {
    const NESTED: &str = "Content-Type: message/rfc822\r\n\r\n";
    const DEPTH: usize = 31;
    let inner = format!("a:b\r\n\r\n{}", "text\r\n".repeat(1_000));
    let message = NESTED.repeat(DEPTH) + &inner;
    let world = World::new().await;
    let mut client = reader(&world, &[&message]).await;
    let (mut items, mut sizes) = (Vec::new(), Vec::new());
    for depth in 1..=DEPTH {
        let part = vec!["1"; depth].join(".");
        let octets = message.len() - depth * NESTED.len();
        items.push(format!("BINARY.SIZE[{part}]"));
        sizes.push(format!("BINARY.SIZE[{part}] {octets}"));
    }
    let answer = client.says(&format!("FETCH 1 ({})", items.join(" "))).await;
    answer.is(&[&format!("* 1 FETCH ({})", sizes.join(" ")), "OK fetched"]);
    let whole = items.join(" ").replace(".SIZE", ".PEEK");
    let answer = client.says(&format!("FETCH 1 ({whole})")).await;
    answer.ends("OK fetched");
    let text = answer.lines.iter().filter(|line| line.starts_with("text"));
    assert_eq!(text.count(), DEPTH * 1_000);
}

#[tokio::test]
async fn a_literal_with_nul_is_refused_and_the_session_goes_on() {
    let world = World::new().await;
    let mut client = world.client().await;
    client
        .says("APPEND INBOX ~{9+}\r\na:b\r\n\r\n\0\0")
        .await
        .ends("NO [UNKNOWN-CTE] *");
    client
        .says("APPEND INBOX ~{9+}\r\na:b\r\n\r\nxy")
        .await
        .ends("OK [APPENDUID *");
}

#[tokio::test]
async fn ids_outlive_names_and_places() {
    let world = World::new().await;
    let mut client = reader(&world, &["a:b\r\n\r\n", "a:c\r\n\r\n"]).await;
    let created = client.says("CREATE one").await;
    created.ends("OK [MAILBOXID (F*");
    let id = number(&created, "MAILBOXID (F");
    client.says("RENAME one two").await.ends("OK *");
    let status = client.says("STATUS two (MAILBOXID MESSAGES)").await;
    status.is(&[
        &format!("* STATUS two (MAILBOXID (F{id}) MESSAGES 0)"),
        "OK done",
    ]);
    let email = number(&client.says("FETCH 1 EMAILID").await, "EMAILID (M");
    let thread = number(&client.says("FETCH 1 THREADID").await, "THREADID (T");
    client.says("COPY 1 two").await.ends("OK *");
    client.says("MOVE 2 two").await.ends("OK *");
    let answer = client.says(&format!("SEARCH EMAILID M{email}")).await;
    answer.is(&["* SEARCH 1", "OK searched"]);
    let selected = client.says("SELECT two").await;
    assert_eq!(number(&selected, "[MAILBOXID (F"), id);
    let both = format!("* 1 FETCH (EMAILID (M{email}) THREADID (T{thread}))");
    client
        .says("FETCH 1 (EMAILID THREADID)")
        .await
        .is(&[&both, "OK fetched"]);
    for (search, found) in [
        (format!("EMAILID M{email}"), " 1"),
        (format!("THREADID T{thread}"), " 1"),
        (format!("NOT THREADID T{thread}"), " 2"),
        ("EMAILID no-such_id".to_owned(), ""),
        ("THREADID M1".to_owned(), ""),
    ] {
        let answer = client.says(&format!("SEARCH {search}")).await;
        answer.is(&[&format!("* SEARCH{found}"), "OK searched"]);
    }
    client.says("SEARCH EMAILID a.b").await.ends("BAD *");
}

#[tokio::test]
async fn the_day_of_saving_is_that_of_this_mailbox() {
    let world = World::new().await;
    let mut client = world.client().await;
    let command = "APPEND INBOX \"01-Feb-1994 21:52:25 +0000\" {7+}\r\na:b\r\n\r\n";
    client.says(command).await.ends("OK *");
    client.says("SELECT INBOX").await.ends("OK *");
    let answer = client.says("FETCH 1 SAVEDATE").await;
    answer.is(&[
        "* 1 FETCH (SAVEDATE \"23-Nov-2026 10:09:40 +0000\")",
        "OK fetched",
    ]);
    for (search, found) in [
        ("SAVEDON 23-Nov-2026", " 1"),
        ("SAVEDSINCE 23-Nov-2026", " 1"),
        ("SAVEDBEFORE 24-Nov-2026", " 1"),
        ("SAVEDBEFORE 23-Nov-2026", ""),
        ("SAVEDSINCE 24-Nov-2026", ""),
        ("SAVEDON 1-Feb-1994", ""),
        ("SAVEDATESUPPORTED", " 1"),
    ] {
        let answer = client.says(&format!("SEARCH {search}")).await;
        answer.is(&[&format!("* SEARCH{found}"), "OK searched"]);
    }
    let mut other = world.reader().await;
    other.says("STORE 1 +FLAGS (\\Deleted)").await.ends("OK *");
    other.says("EXPUNGE").await.ends("OK *");
    let answer = client.says("FETCH 1 (SAVEDATE PREVIEW)").await;
    assert_eq!(answer.lines.last().map(String::as_str), Some("OK fetched"));
    assert!(
        answer
            .lines
            .iter()
            .any(|line| line.contains("(SAVEDATE NIL PREVIEW \"\")")),
        "{answer:?}"
    );
}

#[tokio::test]
async fn the_first_words_are_shown() {
    let world = World::new().await;
    let mut client = reader(&world, &[PARTS, "a:b\r\n\r\n one\r\n two \r\n"]).await;
    let answer = client.says("FETCH 1:2 (PREVIEW (LAZY))").await;
    answer.is(&[
        "* 1 FETCH (PREVIEW {12}",
        "Hello w\u{f6}rld)",
        "* 2 FETCH (PREVIEW \"one two\")",
        "OK fetched",
    ]);
    client.says("FETCH 2 PREVIEW").await.ends("OK fetched");
    client.says("FETCH 2 PREVIEW (EAGER)").await.ends("BAD *");
}
