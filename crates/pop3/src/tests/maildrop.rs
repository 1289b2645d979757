//! Reading and deleting.

use std::sync::Arc;

use testkit::{Link, World};

use super::client::{Client, SIGN_IN, deliver, world};

/// A service whose account has three messages; the second has lines that begin with dots.
async fn with_mail() -> Arc<World> {
    let world = world().await;
    deliver(&world, "Subject: one\r\n\r\nfirst\r\n").await;
    deliver(&world, "Subject: two\r\n\r\n.\r\n..b\r\nc\r\n").await;
    deliver(&world, "Subject: three\r\n\r\n").await;
    world
}

/// The lines of a message from its subject on; before it stand our trace fields.
fn from_subject(lines: &[String]) -> Vec<&str> {
    let lines = lines.iter().map(String::as_str);
    lines
        .skip_while(|line| !line.starts_with("Subject: "))
        .collect()
}

#[tokio::test]
async fn messages_are_listed_and_read() {
    let world = with_mail().await;
    let mut client = Client::signed_in(&world).await;

    let sizes = client.multiline("LIST").await;
    let octets: Vec<usize> = sizes
        .iter()
        .map(|line| line.split_once(' ').unwrap().1.parse().unwrap())
        .collect();
    assert_eq!(octets.len(), 3);
    let stat = format!("+OK 3 {}", octets.iter().sum::<usize>());
    let second = format!("+OK {}", sizes[1]);
    client
        .dialogue(&[("STAT", &stat), ("LIST 2", &second)])
        .await;

    let read = client.multiline("RETR 2").await;
    assert_eq!(from_subject(&read), ["Subject: two", "", ".", "..b", "c"]);
    assert_eq!(
        read.iter().map(|line| line.len() + 2).sum::<usize>(),
        octets[1]
    );
}

#[tokio::test]
async fn top_gives_the_header_and_so_many_lines() {
    let world = with_mail().await;
    let mut client = Client::signed_in(&world).await;
    let whole = ["Subject: two", "", ".", "..b", "c"];
    for (lines, expected) in [
        ("0", &whole[..2]),
        ("1", &whole[..3]),
        ("3", &whole),
        ("2147483647", &whole),
        ("99999999999999999999", &whole),
    ] {
        let read = client.multiline(&format!("TOP 2 {lines}")).await;
        assert_eq!(from_subject(&read), expected, "{lines} lines");
    }
}

#[tokio::test]
async fn unique_ids_stay_when_numbers_change() {
    let world = with_mail().await;
    let mut client = Client::signed_in(&world).await;
    let before = client.multiline("UIDL").await;
    let first = format!("+OK {}", before[0]);
    client
        .dialogue(&[("UIDL 1", &first), ("DELE 1", "+OK *")])
        .await;
    assert_eq!(client.multiline("UIDL").await, before[1..]);
    client
        .dialogue(&[("UIDL 1", "-ERR *"), ("QUIT", "+OK *")])
        .await;
    client.hears_the_end().await;

    let mut client = Client::signed_in(&world).await;
    let after = client.multiline("UIDL").await;
    let ids = |lines: &[String]| -> Vec<String> {
        lines
            .iter()
            .map(|line| line.split_once(' ').unwrap().1.to_owned())
            .collect()
    };
    assert_eq!(ids(&after), ids(&before[1..]));
    assert!(after[0].starts_with("1 "));
}

#[tokio::test]
async fn only_quit_deletes() {
    let world = with_mail().await;
    let mut client = Client::signed_in(&world).await;
    client
        .dialogue(&[("DELE 1", "+OK *"), ("STAT", "+OK 2 *")])
        .await;
    client.vanish().await;

    let mut client = Client::signed_in(&world).await;
    let marks: &[(&str, &str)] = &[
        ("STAT", "+OK 3 *"),
        ("DELE 1", "+OK *"),
        ("DELE 1", "-ERR no such message"),
        ("RETR 1", "-ERR no such message"),
        ("TOP 1 0", "-ERR no such message"),
        ("LIST 1", "-ERR no such message"),
        ("RSET", "+OK *"),
        ("STAT", "+OK 3 *"),
        ("DELE 3", "+OK *"),
        ("NOOP", "+OK *"),
        ("QUIT", "+OK *"),
    ];
    client.dialogue(marks).await;
    client.hears_the_end().await;
    Client::signed_in(&world)
        .await
        .dialogue(&[("STAT", "+OK 2 *")])
        .await;
}

#[tokio::test]
async fn numbers_that_do_not_exist_are_refused() {
    let world = with_mail().await;
    let mut client = Client::signed_in(&world).await;
    for number in ["0", "4", "4294967295", "18446744073709551616"] {
        for verb in ["RETR", "DELE", "LIST", "UIDL"] {
            client
                .dialogue(&[(&format!("{verb} {number}"), "-ERR no such message")])
                .await;
        }
        client
            .dialogue(&[(&format!("TOP {number} 1"), "-ERR no such message")])
            .await;
    }
}

#[tokio::test]
async fn one_session_holds_the_maildrop() {
    let world = with_mail().await;
    let mut first = Client::signed_in(&world).await;
    let mut second = Client::connect(&world, Link::Secured).await;
    let in_use: &[(&str, &str)] = &[
        ("USER ann@example.org", "+OK *"),
        ("PASS lamp river quilt ostrich", "-ERR [IN-USE] *"),
    ];
    second.dialogue(in_use).await;

    // What arrives meanwhile is not seen before the next session.
    deliver(&world, "Subject: four\r\n\r\n").await;
    first
        .dialogue(&[("STAT", "+OK 3 *"), ("QUIT", "+OK *")])
        .await;
    first.hears_the_end().await;
    second.dialogue(SIGN_IN).await;
    second.dialogue(&[("STAT", "+OK 4 *")]).await;
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order() {
    let world = with_mail().await;
    let mut client = Client::signed_in(&world).await;
    client.send(b"DELE 1\r\nDELE 2\r\nSTAT\r\nQUIT\r\n").await;
    for heard in ["+OK message 1", "+OK message 2", "+OK 1 ", "+OK goodbye"] {
        let line = client.line().await.unwrap();
        assert!(line.starts_with(heard), "{line}");
    }
    client.hears_the_end().await;
}

#[tokio::test]
async fn a_long_message_is_sent_whole() {
    let world = world().await;
    let body = ".a line of text\r\n".repeat(3_000);
    deliver(&world, &format!("Subject: long\r\n\r\n{body}")).await;
    let mut client = Client::signed_in(&world).await;
    let read = client.multiline("RETR 1").await;
    assert_eq!(from_subject(&read)[2..].join("\r\n") + "\r\n", body);
}
