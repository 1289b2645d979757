//! SEARCH and ESEARCH.

use super::client::{Client, World};

const MESSAGES: [(&str, &str); 4] = [
    (
        "(\\Seen) \"01-Jan-2026 23:30:00 +0000\"",
        "From: Ann <ann@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
         Date: Thu, 1 Jan 2026 23:00:00 -0500\r\n\r\nA plain Text\r\n",
    ),
    (
        "(\\Flagged $x) \"02-Jan-2026 00:00:00 +0000\"",
        "From: Bob <bob@example.org>\r\nSubject: second\r\nDate: 5 Jan 2026 00:00 +0000\r\n\
         Content-Transfer-Encoding: base64\r\n\r\naGlkZGVuIHdvcmQ=\r\n",
    ),
    (
        "(\\Deleted) \"03-Jan-2026 12:00:00 +0000\"",
        "To: ann@example.org\r\nX-Empty:\r\n\r\nlonger than the others, so that its size is larger \
         than two hundred octets: ......................................................... \
         ......................................................................\r\n",
    ),
    (
        "\"04-Jan-2026 12:00:00 +0000\"",
        "Subject: last\r\n\r\nplain\r\n",
    ),
];

async fn searcher(world: &World) -> Client {
    let mut client = world.client().await;
    for (how, message) in MESSAGES {
        let command = format!("APPEND INBOX {how} {{{}+}}\r\n{message}", message.len());
        client.says(&command).await.ends("OK *");
    }
    client.says("SELECT INBOX").await.ends("OK *");
    client
}

#[tokio::test]
async fn keys_find_what_they_name() {
    let world = World::new().await;
    let mut client = searcher(&world).await;
    for (keys, found) in [
        ("ALL", " 1 2 3 4"),
        ("SEEN", " 1"),
        ("UNSEEN", " 2 3 4"),
        ("DELETED FLAGGED", ""),
        ("KEYWORD $X", " 2"),
        ("UNKEYWORD $x", " 1 3 4"),
        ("KEYWORD unknown", ""),
        ("UNKEYWORD unknown 1:2", " 1 2"),
        ("NEW", ""),
        ("RECENT", ""),
        ("OLD", " 1 2 3 4"),
        ("2:3", " 2 3"),
        ("*", " 4"),
        ("9", ""),
        ("UID 3:99", " 3 4"),
        ("BEFORE 2-Jan-2026", " 1"),
        ("ON 2-Jan-2026", " 2"),
        ("SINCE 3-Jan-2026", " 3 4"),
        ("SENTON 1-Jan-2026", " 1"),
        ("SENTSINCE 2-Jan-2026", " 2"),
        ("SENTBEFORE 2-Jan-2026", " 1"),
        ("LARGER 200", " 3"),
        ("SMALLER 200", " 1 2 4"),
        ("FROM bob", " 2"),
        ("TO ANN@", " 3"),
        ("SUBJECT \"\"", " 1 2 4"),
        ("HEADER X-Empty \"\"", " 3"),
        ("HEADER X-Empty a", ""),
        ("BODY \"plain text\"", " 1"),
        ("BODY \"HIDDEN word\"", " 2"),
        ("BODY second", ""),
        ("TEXT second", " 2"),
        ("CHARSET UTF-8 SUBJECT {7+}\r\nGR\u{dc}\u{df}E", " 1"),
        ("NOT FROM bob", " 1 3 4"),
        ("OR FROM bob OR SEEN DELETED", " 1 2 3"),
        ("OR (SEEN BODY plain) (UNSEEN BODY plain)", " 1 4"),
        ("NOT (OR SEEN FLAGGED) BODY plain", " 4"),
    ] {
        let answer = client.says(&format!("SEARCH {keys}")).await;
        answer.is(&[&format!("* SEARCH{found}"), "OK searched"]);
    }
    client
        .says("SEARCH CHARSET KOI8-R ALL")
        .await
        .ends("NO [BADCHARSET (US-ASCII UTF-8)] *");
    let many = "BODY x ".repeat(33);
    client
        .says(&format!("SEARCH {many}ALL"))
        .await
        .ends("NO [LIMIT] *");
}

#[tokio::test]
async fn esearch_returns_what_was_asked() {
    let world = World::new().await;
    let mut client = searcher(&world).await;
    client
        .says("STORE 1 +FLAGS.SILENT (\\Deleted)")
        .await
        .ends("OK *");
    client.says("EXPUNGE").await.ends("OK *");
    for (command, found) in [
        ("SEARCH RETURN () ALL", " ALL 1:2"),
        ("UID SEARCH RETURN () ALL", " UID ALL 2,4"),
        (
            "UID SEARCH RETURN (MIN MAX COUNT) ALL",
            " UID MIN 2 MAX 4 COUNT 2",
        ),
        ("SEARCH RETURN (COUNT ALL) SEEN", " COUNT 0"),
        ("SEARCH RETURN (MIN) SEEN", ""),
    ] {
        let answer = client.says(command).await;
        let last = &answer.lines[0];
        let rest = last.split_once(')').map(|(_, rest)| rest);
        assert!(
            last.starts_with("* ESEARCH (TAG \"a") && rest == Some(found),
            "{answer:?}"
        );
        answer.ends("OK searched");
    }
    client
        .says("UID SEARCH ALL")
        .await
        .is(&["* SEARCH 2 4", "OK searched"]);
}

#[tokio::test]
async fn a_saved_result_stands_wherever_a_set_may_stand() {
    let world = World::new().await;
    let mut client = searcher(&world).await;
    // Nothing is saved at first.
    client.says("FETCH $ UID").await.is(&["OK fetched"]);
    client
        .says("SEARCH RETURN (SAVE) OR SEEN FLAGGED")
        .await
        .is(&["OK searched"]);
    client
        .says("FETCH $ UID")
        .await
        .is(&["* 1 FETCH (UID 1)", "* 2 FETCH (UID 2)", "OK fetched"]);
    client
        .says("UID FETCH 4,$ RFC822.SIZE")
        .await
        .ends("OK fetched");
    client
        .says("SEARCH NOT $")
        .await
        .is(&["* SEARCH 3 4", "OK searched"]);
    client
        .says("SEARCH UID 4,$")
        .await
        .is(&["* SEARCH 1 2 4", "OK searched"]);
    // The new result may be made of the old one.
    let answer = client.says("UID SEARCH RETURN (SAVE COUNT) $ SEEN").await;
    assert!(answer.lines[0].ends_with(" UID COUNT 1"), "{answer:?}");
    client.says("COPY $ Trash").await.ends("OK [COPYUID *");
    client
        .says("STORE $ +FLAGS.SILENT (\\Deleted)")
        .await
        .ends("OK stored");
    client
        .says("UID EXPUNGE $")
        .await
        .is(&["* 1 EXPUNGE", "OK expunged"]);
    // What was expunged means nothing any more.
    client.says("FETCH $ UID").await.is(&["OK fetched"]);
    client.says("MOVE $ Trash").await.ends("OK nothing to move");
}

#[tokio::test]
async fn what_is_saved_follows_the_return_options_and_is_lost_when_it_should() {
    let world = World::new().await;
    let mut client = searcher(&world).await;
    for (returns, saved) in [
        ("SAVE", "1:4"),
        ("SAVE MIN", "1"),
        ("SAVE MAX", "4"),
        ("MAX SAVE MIN", "1,4"),
        ("SAVE MIN COUNT", "1:4"),
        ("SAVE ALL", "1:4"),
    ] {
        let command = format!("SEARCH RETURN ({returns}) ALL");
        client.says(&command).await.ends("OK searched");
        let answer = client.says("SEARCH RETURN (ALL) $").await;
        assert!(
            answer.lines[0].ends_with(&format!(" ALL {saved}")),
            "{returns}: {answer:?}"
        );
    }
    let count = |answer: &super::client::Answer| answer.lines[0].ends_with(" COUNT 0");
    // A search without SAVE and one that is not understood change nothing.
    client.says("SEARCH SEEN").await.ends("OK searched");
    client
        .says("SEARCH RETURN (SAVE) BOGUS")
        .await
        .ends("BAD *");
    client.says("FETCH $ UID").await.ends("OK fetched");
    assert!(!count(&client.says("SEARCH RETURN (COUNT) $").await));
    // One that fails, and selecting a mailbox, leave nothing.
    let many = "BODY x ".repeat(33);
    let command = format!("SEARCH RETURN (SAVE) {many}ALL");
    client.says(&command).await.ends("NO [LIMIT] *");
    assert!(count(&client.says("SEARCH RETURN (COUNT) $").await));
    client
        .says("SEARCH RETURN (SAVE) ALL")
        .await
        .ends("OK searched");
    client.says("SELECT INBOX").await.ends("OK *");
    assert!(count(&client.says("SEARCH RETURN (COUNT) $").await));
}

#[tokio::test]
async fn age_is_counted_in_seconds_to_now() {
    let world = World::new().await;
    let mut client = world.client().await;
    // The time of the test world is 2026-11-23 10:09:40.
    for date in [
        "23-Nov-2026 10:09:30",
        "23-Nov-2026 10:08:40",
        "24-Nov-2026 00:00:00",
    ] {
        let command = format!("APPEND INBOX \"{date} +0000\" {{5+}}\r\na:b\r\n");
        client.says(&command).await.ends("OK *");
    }
    client.says("SELECT INBOX").await.ends("OK *");
    for (keys, found) in [
        ("YOUNGER 10", " 1 3"),
        ("OLDER 10", " 1 2"),
        ("YOUNGER 9", " 3"),
        ("OLDER 11", " 2"),
        ("OLDER 60 YOUNGER 60", " 2"),
        ("NOT OLDER 4294967295", " 1 2 3"),
    ] {
        let answer = client.says(&format!("SEARCH {keys}")).await;
        answer.is(&[&format!("* SEARCH{found}"), "OK searched"]);
    }
}
