//! How content comes in, by DATA and by BDAT.

use super::client::{Client, inbox, world};

const OPEN: &[(&str, &str)] = &[
    ("MAIL FROM:<bob@example.net>", "250 *"),
    ("RCPT TO:<ann@example.org>", "250 *"),
];

#[tokio::test]
async fn a_pipelined_message_is_delivered_once_with_its_dots_unstuffed() {
    let world = world().await;
    let mut client = Client::server(&world).await;
    client
        .send(
            b"MAIL FROM:<bob@example.net> SIZE=20\r\nRCPT TO:<nobody@example.org>\r\n\
              RCPT TO:<ann@example.org>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n",
        )
        .await;
    for heard in ["250 *", "550 *", "250 *", "250 *", "354 *"] {
        client.hears(heard).await;
    }
    client
        .send(b"From: bob@example.net\r\nSubject: hi\r\n\r\n..\r\n.b\r\n.\r\nNOOP\r\nQUIT\r\n")
        .await;
    for heard in ["250 2.0.0 queued as *", "250 *", "221 *"] {
        client.hears(heard).await;
    }
    let inbox = inbox(&world).await;
    assert_eq!(inbox.len(), 1);
    assert!(
        inbox[0].ends_with("Subject: hi\r\n\r\n.\r\nb\r\n"),
        "{}",
        inbox[0]
    );
}

#[tokio::test]
async fn a_smuggled_message_is_refused_and_its_commands_are_not_heard() {
    let world = world().await;
    for end in [
        "\n.\n",
        "\r.\r",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r\n",
        "\r\n.\r",
        "\r\n\0.\r\n",
    ] {
        let mut client = Client::server(&world).await;
        client.dialogue(OPEN).await;
        client.dialogue(&[("DATA", "354 *")]).await;
        let said = format!(
            "From: bob@example.net\r\n\r\nhello{end}MAIL FROM:<eve@example.net>\r\n\
             RCPT TO:<ann@example.org>\r\nDATA\r\nevil\r\n.\r\n"
        );
        client.send(said.as_bytes()).await;
        client.hears("550 5.6.0 *").await;
        client.dialogue(&[("QUIT", "221 *")]).await;
        client.hears_the_end().await;
    }
    assert!(inbox(&world).await.is_empty());
}

#[tokio::test]
async fn a_message_that_is_too_large_is_read_to_its_end() {
    let world = world().await;
    let mut client = Client::server(&world).await;
    let line = [b"a".repeat(998).as_slice(), b"\r\n"].concat();
    client.dialogue(OPEN).await;
    client.dialogue(&[("DATA", "354 *")]).await;
    client.send(&line.repeat(100)).await;
    client.send(b".\r\nNOOP\r\n").await;
    client.hears("552 5.3.4 *").await;
    client.hears("250 *").await;
    assert!(inbox(&world).await.is_empty());
}

#[tokio::test]
async fn chunks_make_one_message() {
    let world = world().await;
    for chunks in [
        &["From: bob@example.net\r\n\r\n.\r\nhello\r\n"][..],
        &["From: bob@example.net\r\n\r\n.\r", "\nhello\r\n", ""],
        &["From: bob@example.net\r\n", "\r\n.\r\nhello"],
    ] {
        let mut client = Client::server(&world).await;
        client.dialogue(OPEN).await;
        for (index, chunk) in chunks.iter().enumerate() {
            let last = index + 1 == chunks.len();
            let word = if last { " LAST" } else { "" };
            client
                .send(format!("BDAT {}{word}\r\n{chunk}", chunk.len()).as_bytes())
                .await;
            client
                .hears(if last {
                    "250 2.0.0 queued *"
                } else {
                    "250 2.0.0 *"
                })
                .await;
        }
        client
            .dialogue(&[("DATA", "503 *"), ("QUIT", "221 *")])
            .await;
    }
    let inbox = inbox(&world).await;
    assert_eq!(inbox.len(), 3);
    assert!(
        inbox
            .iter()
            .all(|message| message.ends_with("\r\n\r\n.\r\nhello\r\n"))
    );
}

#[tokio::test]
async fn a_refused_chunk_is_never_read_as_commands() {
    let world = world().await;
    let mut client = Client::server(&world).await;
    let chunk = "QUIT\r\n";
    // Before MAIL, before RCPT, and again after a fault ended the transaction.
    client
        .send(format!("BDAT 6 LAST\r\n{chunk}").as_bytes())
        .await;
    client.hears("503 5.5.1 *").await;
    client
        .dialogue(&[("MAIL FROM:<bob@example.net>", "250 *")])
        .await;
    client.send(format!("BDAT 6\r\n{chunk}").as_bytes()).await;
    client.hears("554 5.5.1 *").await;
    client
        .dialogue(&[("RCPT TO:<ann@example.org>", "250 *")])
        .await;
    client
        .send(format!("BDAT 7\r\na\nb\r\n\r\nBDAT 6 LAST\r\n{chunk}").as_bytes())
        .await;
    client.hears("550 5.6.0 *").await;
    client.hears("503 5.5.1 *").await;
    client.dialogue(OPEN).await;
    client.dialogue(&[("QUIT", "221 *")]).await;
    assert!(inbox(&world).await.is_empty());
}

#[tokio::test]
async fn chunks_and_data_do_not_mix() {
    let mut client = Client::server(&world().await).await;
    client.dialogue(OPEN).await;
    client.send(b"BDAT 2\r\na\n").await;
    client.hears("550 5.6.0 *").await;
    client.dialogue(OPEN).await;
    client.send(b"BDAT 3\r\na\r\n").await;
    client.hears("250 *").await;
    let refused: &[(&str, &str)] = &[
        ("DATA", "503 5.5.1 *"),
        ("RCPT TO:<bob@example.org>", "503 5.5.1 *"),
        ("MAIL FROM:<bob@example.net>", "503 5.5.1 *"),
        ("RSET", "250 *"),
        ("BDAT 0 LAST", "503 5.5.1 *"),
    ];
    client.dialogue(refused).await;
}

#[tokio::test]
async fn odd_sequences_of_chunks_stay_in_step() {
    let world = world().await;
    let mut client = Client::server(&world).await;
    // An empty message is one chunk of nothing, as it is one dot after DATA.
    client.dialogue(OPEN).await;
    client
        .dialogue(&[
            ("BDAT 0 LAST", "250 2.0.0 queued *"),
            ("BDAT 0 LAST", "503 5.5.1 *"),
        ])
        .await;
    // After a message by DATA there is nothing that a chunk could belong to.
    client.dialogue(OPEN).await;
    client
        .dialogue(&[("DATA", "354 *"), ("Subject: x\r\n\r\n.", "250 *")])
        .await;
    client.send(b"BDAT 6 LAST\r\nQUIT\r\n").await;
    client.hears("503 5.5.1 *").await;
    // All chunks together are over the limit: the one that passes it is refused, and its
    // successors, which are on their way already, are read over.
    client.dialogue(OPEN).await;
    let chunk = [b"BDAT 40000\r\n".as_slice(), &b"a".repeat(40_000)].concat();
    client.send(&chunk.repeat(3)).await;
    client.send(b"BDAT 6 LAST\r\nRSET\r\nRSET\r\n").await;
    for heard in ["250 *", "552 5.3.4 *", "503 *", "503 *", "250 2.0.0 reset"] {
        client.hears(heard).await;
    }
    // RSET between chunks forgets the message; the next one begins anew.
    client.dialogue(OPEN).await;
    client.send(b"BDAT 7\r\nlost\r\n\nRSET\r\n").await;
    client.hears("550 5.6.0 *").await;
    client.hears("250 2.0.0 reset").await;
    client.dialogue(OPEN).await;
    client.send(b"BDAT 6\r\nlost\r\nRSET\r\n").await;
    client.hears("250 *").await;
    client.hears("250 2.0.0 reset").await;
    client.dialogue(OPEN).await;
    client.send(b"BDAT 6 LAST\r\nkept\r\n").await;
    client.hears("250 2.0.0 queued *").await;
    // Chunks pipelined behind a recipient that was refused are read over.
    client
        .send(
            b"MAIL FROM:<bob@example.net>\r\nRCPT TO:<nobody@example.org>\r\n\
              BDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nRSET\r\n",
        )
        .await;
    for heard in [
        "250 *",
        "550 5.1.1 *",
        "554 5.5.1 *",
        "554 5.5.1 *",
        "250 2.0.0 reset",
    ] {
        client.hears(heard).await;
    }
    let inbox = inbox(&world).await;
    assert_eq!(inbox.len(), 3);
    assert!(inbox.iter().all(|message| !message.contains("lost")));
}

#[tokio::test]
async fn a_connection_that_breaks_leaves_no_message() {
    let world = world().await;
    for said in [
        &b"BDAT 100 LAST\r\nFrom: bob@example.net\r\n\r\nhal"[..],
        b"BDAT 6\r\nwhole\n",
        b"BDAT 7\r\nwhole\r\n",
        b"BDAT 7\r\nwhole\r\nBDAT 100 LA",
        b"DATA\r\nFrom: bob@example.net\r\n\r\nhalf\r\n.\r",
        b"DATA\r\nFrom: bob@example.net\r\n\r\nhalf\r\n.",
    ] {
        let mut client = Client::server(&world).await;
        client.dialogue(OPEN).await;
        client.send(said).await;
        client.vanishes().await;
    }
    assert!(inbox(&world).await.is_empty());
}

#[tokio::test]
async fn chunks_without_bounds_end_the_session() {
    for (said, heard) in [
        ("BDAT 18446744073709551615", "552 5.3.4 *"),
        ("BDAT 99999999999999999999 LAST", "552 5.3.4 *"),
        ("BDAT x", "501 5.5.4 *"),
        ("BDAT", "501 5.5.4 *"),
    ] {
        let mut client = Client::server(&world().await).await;
        client.dialogue(OPEN).await;
        client.dialogue(&[(said, heard)]).await;
        client.hears_the_end().await;
    }
    let mut client = Client::server(&world().await).await;
    client.dialogue(OPEN).await;
    client.send(b"BDAT 70000 LAST\r\n").await;
    client.send(&b"a".repeat(70_000)).await;
    client.hears("552 5.3.4 *").await;
    client.dialogue(&[("NOOP", "250 *")]).await;
}
