//! Several sessions in one mailbox (RFC 9051 §5.5, §7.5.1, RFC 2180).

use super::client::World;

const MESSAGE: &str = "a:b\r\n\r\nx\r\n";

#[tokio::test]
async fn sequence_numbers_hold_while_they_are_in_use() {
    let world = World::new().await;
    let mut one = world.client().await;
    for _ in 0..4 {
        one.append("INBOX", MESSAGE).await;
    }
    one.says("SELECT INBOX").await.ends("OK *");
    let mut two = world.reader().await;
    two.says("UID STORE 2 +FLAGS.SILENT (\\Deleted)")
        .await
        .ends("OK *");
    two.says("EXPUNGE")
        .await
        .is(&["* 2 EXPUNGE", "OK expunged"]);
    // The number 4 still means UID 4 here, whatever happens to 2.
    let answer = one.says("FETCH 4 UID").await;
    answer.is(&["* 4 FETCH (UID 4)", "OK fetched"]);
    let answer = one.says("STORE 4 +FLAGS (\\Seen)").await;
    answer.is(&["* 4 FETCH (UID 4 FLAGS (\\Seen))", "OK stored"]);
    one.says("SEARCH SEEN")
        .await
        .is(&["* SEARCH 4", "OK searched"]);
    one.says("FETCH 2 RFC822.SIZE")
        .await
        .is(&["* 2 FETCH (RFC822.SIZE 10)", "OK fetched"]);
    one.says("STORE 2 +FLAGS (\\Seen)")
        .await
        .ends("NO [EXPUNGEISSUED] *");
    one.says("COPY 2 Trash")
        .await
        .is(&["* 2 EXPUNGE", "NO [EXPUNGEISSUED] *"]);
    one.says("FETCH 3 UID")
        .await
        .is(&["* 3 FETCH (UID 4)", "OK fetched"]);
    one.says("FETCH 4 UID").await.ends("BAD *");
}

#[tokio::test]
async fn the_text_of_an_expunged_message_can_be_read_until_the_client_knows() {
    let world = World::new().await;
    let mut one = world.reader().await;
    one.append("INBOX", MESSAGE).await;
    let mut two = world.reader().await;
    two.says("STORE 1 FLAGS (\\Deleted)").await.ends("OK *");
    two.says("CLOSE").await.ends("OK *");
    let answer = one.says("FETCH 1 (ENVELOPE BODY.PEEK[TEXT])").await;
    answer.ends("OK fetched");
    assert!(answer.lines.iter().any(|line| line == "x"), "{answer:?}");
    one.says("NOOP")
        .await
        .is(&["* 1 EXPUNGE", "OK nothing done"]);
}

#[tokio::test]
async fn news_come_in_order_with_the_next_answer() {
    let world = World::new().await;
    let mut one = world.client().await;
    for _ in 0..3 {
        one.append("INBOX", MESSAGE).await;
    }
    one.says("SELECT INBOX").await.ends("OK *");
    let mut two = world.reader().await;
    two.says("STORE 1 +FLAGS.SILENT (\\Deleted)")
        .await
        .ends("OK *");
    two.says("EXPUNGE").await.ends("OK *");
    two.append("INBOX", MESSAGE).await;
    two.says("UID STORE 3 +FLAGS.SILENT ($x)")
        .await
        .ends("OK *");
    let answer = one.says("NOOP").await;
    answer.is(&[
        "* 4 EXISTS",
        "* FLAGS (*",
        "* OK [PERMANENTFLAGS (*",
        "* 3 FETCH (UID 3 FLAGS ($x))",
        "* 1 EXPUNGE",
        "OK nothing done",
    ]);
    one.says("FETCH 1:* UID").await.is(&[
        "* 1 FETCH (UID 2)",
        "* 2 FETCH (UID 3)",
        "* 3 FETCH (UID 4)",
        "OK fetched",
    ]);
}

#[tokio::test]
async fn an_idle_client_hears_at_once() {
    let world = World::new().await;
    let mut one = world.reader().await;
    one.says("IDLE").await.is(&["+ idling"]);
    let mut two = world.reader().await;
    two.append("INBOX", MESSAGE).await;
    assert_eq!(one.line().await, "* 1 EXISTS");
    two.says("STORE 1 FLAGS (\\Deleted)").await.ends("OK *");
    assert_eq!(one.line().await, "* 1 FETCH (UID 1 FLAGS (\\Deleted))");
    two.says("EXPUNGE").await.ends("OK *");
    assert_eq!(one.line().await, "* 1 EXPUNGE");
    one.goes_on("done").await.ends("OK no longer idling");
    one.says("IDLE").await.is(&["+ idling"]);
    one.goes_on("NOOP").await.ends("BAD expected DONE");
    one.says("NOOP").await.ends("OK *");
}

#[tokio::test]
async fn done_may_come_with_the_command() {
    let world = World::new().await;
    let mut client = world.client().await;
    client.send(b"z IDLE\r\nDONE\r\nz2 NOOP\r\n").await;
    assert_eq!(client.line().await, "+ idling");
    assert!(client.line().await.starts_with("z OK"));
    assert!(client.line().await.starts_with("z2 OK"));
}

#[tokio::test]
async fn a_silent_store_hides_only_what_the_client_expects() {
    let world = World::new().await;
    let mut one = world.client().await;
    one.append("INBOX", MESSAGE).await;
    one.says("SELECT INBOX").await.ends("OK *");
    let mut two = world.reader().await;
    one.says("STORE 1 +FLAGS.SILENT (\\Seen)")
        .await
        .is(&["OK stored"]);
    let answer = two.says("NOOP").await;
    answer.is(&["* 1 FETCH (UID 1 FLAGS (\\Seen))", "OK nothing done"]);
    two.says("STORE 1 -FLAGS.SILENT (\\Seen)")
        .await
        .is(&["OK stored"]);
    one.says("NOOP")
        .await
        .is(&["* 1 FETCH (UID 1 FLAGS ())", "OK nothing done"]);
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order() {
    let world = World::new().await;
    let mut client = world.client().await;
    let append = format!("c APPEND INBOX {{{}+}}\r\n{MESSAGE}\r\n", MESSAGE.len());
    let all = format!("a NOOP\r\nb SELECT INBOX\r\n{append}d FETCH 1 UID\r\ne LOGOUT\r\n");
    client.send(all.as_bytes()).await;
    let mut tagged = Vec::new();
    while tagged.len() < 5 {
        let line = client.line().await;
        assert!(!line.is_empty(), "{tagged:?}");
        if !line.starts_with('*') {
            tagged.push(line);
        }
    }
    let tags: String = tagged.iter().map(|line| &line[..4]).collect();
    assert_eq!(tags, "a OKb OKc OKd OKe OK");
}

#[tokio::test]
async fn a_session_that_cannot_keep_up_finds_its_way_back() {
    let world = World::new().await;
    let mut slow = world.client().await;
    for _ in 0..3 {
        slow.append("INBOX", MESSAGE).await;
    }
    slow.says("SELECT INBOX").await.ends("OK *");
    let mut busy = world.reader().await;
    busy.says("UID STORE 1 +FLAGS.SILENT (\\Deleted)")
        .await
        .ends("OK *");
    busy.says("EXPUNGE").await.ends("OK *");
    for _ in 0..200 {
        busy.says("UID STORE 3 +FLAGS.SILENT (\\Seen)")
            .await
            .ends("OK *");
        busy.says("UID STORE 3 -FLAGS.SILENT (\\Seen)")
            .await
            .ends("OK *");
    }
    busy.append("INBOX", MESSAGE).await;
    busy.says("UID STORE 2 +FLAGS.SILENT (\\Flagged)")
        .await
        .ends("OK *");
    slow.says("NOOP").await.is(&[
        "* 4 EXISTS",
        "* 2 FETCH (UID 2 FLAGS (\\Flagged))",
        "* 1 EXPUNGE",
        "OK nothing done",
    ]);
}
