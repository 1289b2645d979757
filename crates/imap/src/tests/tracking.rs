//! CONDSTORE and QRESYNC (RFC 7162).

use super::client::{Answer, Client, World};

const MESSAGE: &str = "a:b\r\n\r\nx\r\n";

/// A client with this many messages in INBOX, which it has selected.
async fn reader(world: &World, messages: usize) -> Client {
    let mut client = world.client().await;
    for _ in 0..messages {
        client.append("INBOX", MESSAGE).await;
    }
    client.says("SELECT INBOX").await.ends("OK *");
    client
}

/// The number behind a word in an answer.
pub(super) fn number(answer: &Answer, word: &str) -> u64 {
    let lines = answer.lines.join("\n");
    let (_, rest) = lines
        .split_once(word)
        .unwrap_or_else(|| panic!("no {word} in {lines}"));
    let rest = rest.trim_start_matches([' ', '(']);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("no number behind {word} in {lines}"))
}

#[tokio::test]
async fn every_select_and_status_names_the_highest_mod_sequence() {
    let world = World::new().await;
    let mut client = reader(&world, 1).await;
    let before = number(&client.says("EXAMINE INBOX").await, "HIGHESTMODSEQ");
    assert!(before > 0);
    client.append("INBOX", MESSAGE).await;
    let answer = client.says("STATUS INBOX (HIGHESTMODSEQ MESSAGES)").await;
    assert!(number(&answer, "HIGHESTMODSEQ") > before);
    let answer = client.says("SELECT Trash (CONDSTORE)").await;
    assert!(
        number(&answer, "[HIGHESTMODSEQ") > 0,
        "an empty one has it too"
    );
}

#[tokio::test]
async fn the_first_command_that_asks_turns_condstore_on() {
    for command in [
        "ENABLE CONDSTORE",
        "STATUS Trash (HIGHESTMODSEQ)",
        "FETCH 1 MODSEQ",
        "FETCH 1 FLAGS (CHANGEDSINCE 1)",
        "SEARCH MODSEQ 1",
        "STORE 1 (UNCHANGEDSINCE 1) +FLAGS.SILENT ()",
    ] {
        let world = World::new().await;
        let mut client = reader(&world, 1).await;
        let answer = client.says("STORE 1 +FLAGS (\\Answered)").await;
        answer.is(&["* 1 FETCH (UID 1 FLAGS (\\Answered))", "OK stored"]);
        let first = client.says(command).await;
        let told = |line: &String| line.starts_with("* OK [HIGHESTMODSEQ ");
        assert!(first.lines.iter().any(told), "{command}: {first:?}");
        first.ends("OK *");
        let answer = client.says("STORE 1 +FLAGS (\\Seen)").await;
        answer.is(&["* 1 FETCH (UID 1 FLAGS (*", "OK stored"]);
        assert!(number(&answer, "MODSEQ (") > 0);
        let again = client.says("SEARCH MODSEQ 1").await;
        assert!(
            again.lines[0].starts_with("* SEARCH 1 (MODSEQ "),
            "{again:?}"
        );
    }
    let world = World::new().await;
    let mut client = reader(&world, 1).await;
    client.says("SELECT INBOX (CONDSTORE)").await.ends("OK *");
    let answer = client.says("STORE 1 +FLAGS.SILENT (\\Seen)").await;
    answer.is(&["* 1 FETCH (UID 1 MODSEQ (*", "OK stored"]);
}

#[tokio::test]
async fn enabling_names_what_is_new() {
    let world = World::new().await;
    let mut client = world.client().await;
    for (command, enabled) in [
        ("ENABLE X-NONE", "* ENABLED"),
        ("ENABLE QRESYNC condstore", "* ENABLED QRESYNC CONDSTORE"),
    ] {
        client.says(command).await.is(&[enabled, "OK done"]);
    }
}

#[tokio::test]
async fn only_what_changed_since_is_fetched_and_found() {
    let world = World::new().await;
    let mut client = reader(&world, 3).await;
    let answer = client
        .says("STORE 2 (UNCHANGEDSINCE 1000) +FLAGS (\\Seen)")
        .await;
    let modseq = number(&answer, "MODSEQ (");
    let fetched = format!("* 2 FETCH (FLAGS (\\Seen) MODSEQ ({modseq}))");
    for (since, found) in [
        (modseq - 1, true),
        (modseq, false),
        (i64::MAX as u64, false),
    ] {
        let answer = client
            .says(&format!("FETCH 1:* FLAGS (CHANGEDSINCE {since})"))
            .await;
        match found {
            true => answer.is(&[&fetched, "OK fetched"]),
            false => answer.is(&["OK fetched"]),
        }
    }
    let answer = client.says("FETCH 1:* UID (CHANGEDSINCE 0)").await;
    assert_eq!(answer.lines.len(), 4, "{answer:?}");
    for (search, found) in [
        (
            format!("MODSEQ {modseq}"),
            format!("* SEARCH 2 (MODSEQ {modseq})"),
        ),
        (
            format!("MODSEQ \"/flags/\\\\seen\" all {modseq} SEEN"),
            format!("* SEARCH 2 (MODSEQ {modseq})"),
        ),
        (format!("MODSEQ {}", modseq + 1), "* SEARCH".to_owned()),
        (
            format!("NOT MODSEQ {modseq}"),
            format!("* SEARCH 1 3 (MODSEQ {})", modseq - 1),
        ),
    ] {
        let answer = client.says(&format!("SEARCH {search}")).await;
        answer.is(&[&found, "OK searched"]);
    }
    for (returns, found) in [
        ("", format!(" ALL 1:3 MODSEQ {modseq}")),
        ("MIN", format!(" MIN 1 MODSEQ {}", modseq - 3)),
        ("MAX", format!(" MAX 3 MODSEQ {}", modseq - 1)),
        ("MIN COUNT", format!(" MIN 1 COUNT 3 MODSEQ {modseq}")),
    ] {
        let answer = client
            .says(&format!("SEARCH RETURN ({returns}) MODSEQ 0"))
            .await;
        let last = &answer.lines[0];
        assert_eq!(
            last.split_once(')').map(|(_, rest)| rest),
            Some(&*found),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_conditional_store_leaves_alone_what_was_changed() {
    let world = World::new().await;
    let mut one = reader(&world, 4).await;
    let since = number(&one.says("SELECT INBOX (CONDSTORE)").await, "HIGHESTMODSEQ");
    let mut two = world.reader().await;
    two.says("STORE 2,4 +FLAGS.SILENT (\\Seen)")
        .await
        .ends("OK *");
    let store = |set: &str, by: &str| {
        format!("{by}STORE {set} (UNCHANGEDSINCE {since}) +FLAGS.SILENT (\\Deleted)")
    };
    let answer = one.says(&store("1:*", "")).await;
    answer.is(&[
        "* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (*",
        "* 4 FETCH (UID 4 FLAGS (\\Seen) MODSEQ (*",
        "* 1 FETCH (UID 1 MODSEQ (*",
        "* 3 FETCH (UID 3 MODSEQ (*",
        "OK [MODIFIED 2,4] stored but *",
    ]);
    // What was set the first time has a newer mod-sequence now.
    let answer = one.says(&store("1:2", "UID ")).await;
    answer.is(&["OK [MODIFIED 1:2] stored but *"]);
    two.says("SEARCH DELETED").await.ends("OK searched");
    two.says("UID STORE 3 +FLAGS.SILENT (\\Deleted)")
        .await
        .ends("OK *");
    two.says("UID EXPUNGE 3").await.ends("OK *");
    let answer = one.says(&store("3:4", "")).await;
    answer.is(&["NO [MODIFIED 4] some of the messages are no longer there, *"]);
    let answer = one.says("STORE 1 (UNCHANGEDSINCE 0) FLAGS ($new)").await;
    answer.is(&["OK [MODIFIED 1] *"]);
}

#[tokio::test]
async fn a_fetch_that_marks_as_seen_tells_the_mod_sequence() {
    let world = World::new().await;
    let mut client = reader(&world, 2).await;
    client.says("ENABLE CONDSTORE").await.ends("OK *");
    let answer = client.says("FETCH 1 BODY[TEXT]").await;
    assert!(
        answer.lines[2].starts_with(" FLAGS (\\Seen) MODSEQ ("),
        "{answer:?}"
    );
    client.says("ENABLE QRESYNC").await.ends("OK *");
    let answer = client.says("FETCH 2 BODY[TEXT]").await;
    assert!(
        answer.lines[2].starts_with(" UID 2 FLAGS (\\Seen) MODSEQ ("),
        "{answer:?}"
    );
}

#[tokio::test]
async fn nobody_resynchronizes_before_qresync_is_enabled() {
    let world = World::new().await;
    let mut client = reader(&world, 1).await;
    let select = "SELECT Trash (QRESYNC (1 1))";
    client
        .dialogue(&[
            (select, "BAD not allowed before QRESYNC is enabled"),
            ("UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)", "BAD *"),
            ("FETCH 1 UID", "OK *"),
            ("ENABLE QRESYNC", "OK *"),
            ("FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)", "BAD *"),
            ("UID FETCH 1 FLAGS (VANISHED)", "BAD *"),
            (select, "OK *"),
            ("SELECT INBOX (QRESYNC (1 9223372036854775808))", "BAD *"),
            ("SELECT INBOX (QRESYNC (1 18446744073709551616))", "BAD *"),
            ("SELECT INBOX (QRESYNC (1 1 1:*))", "BAD *"),
        ])
        .await;
}

/// A client that has QRESYNC, and the UIDVALIDITY and HIGHESTMODSEQ of INBOX.
async fn resynchronizer(world: &World) -> (Client, u64, u64) {
    let mut client = world.client().await;
    client.says("ENABLE QRESYNC").await.ends("OK *");
    let answer = client.says("SELECT INBOX").await;
    let (validity, modseq) = (
        number(&answer, "UIDVALIDITY"),
        number(&answer, "HIGHESTMODSEQ"),
    );
    (client, validity, modseq)
}

/// Removes these messages.
async fn delete(client: &mut Client, set: &str) {
    let store = format!("STORE {set} +FLAGS.SILENT (\\Deleted)");
    client.says(&store).await.ends("OK *");
    client.says("EXPUNGE").await.ends("OK *");
}

/// The news are these, as far as they are written out.
fn is_told(answer: &Answer, expected: &[&str]) {
    let heard = news(answer);
    let right = heard
        .iter()
        .zip(expected)
        .all(|(line, start)| line.starts_with(start));
    assert!(right && heard.len() == expected.len(), "{answer:#?}");
}

/// What an answer says of messages.
fn news(answer: &Answer) -> Vec<&str> {
    let lines = answer.lines.iter().map(String::as_str);
    let news = |line: &&str| line.contains("VANISHED") || line.contains(" FETCH (");
    lines.filter(news).collect()
}

#[tokio::test]
// long: a table of what a client may know, over one mailbox
async fn a_client_that_comes_back_hears_what_it_missed() {
    let world = World::new().await;
    let mut busy = reader(&world, 6).await;
    let (mut client, validity, modseq) = resynchronizer(&world).await;
    delete(&mut busy, "2:3,5").await;
    busy.says("UID STORE 4 +FLAGS.SILENT (\\Seen)")
        .await
        .ends("OK *");
    busy.append("INBOX", MESSAGE).await;
    let gone = "* VANISHED (EARLIER) 2:3,5";
    let seen = "* 2 FETCH (UID 4 FLAGS (\\Seen) MODSEQ (";
    let new = "* 4 FETCH (UID 7 FLAGS () MODSEQ (";
    for (known, expected) in [
        (format!("{validity} {modseq}"), &[gone, seen, new][..]),
        (format!("{validity} {modseq} 1:6"), &[gone, seen]),
        (
            format!("{validity} {modseq} 1:2,6"),
            &["* VANISHED (EARLIER) 2"],
        ),
        (format!("{validity} {modseq} 1:6 (1 1)"), &[gone, seen]),
        (format!("{validity} 9223372036854775807"), &[]),
        (format!("{} {modseq}", validity + 1), &[]),
        // Nothing is remembered from before the mailbox was: all that is not there is gone.
        (
            format!("{validity} 0 1:9"),
            &[gone, "* 1 FETCH (UID 1 ", seen, "* 3 FETCH (UID 6 ", new],
        ),
        (
            format!("{validity} 0 4:7 (1:2 1,4)"),
            &["* VANISHED (EARLIER) 5", seen, "* 3 FETCH (UID 6 ", new],
        ),
    ] {
        client.says("UNSELECT").await;
        let answer = client
            .says(&format!("SELECT INBOX (QRESYNC ({known}))"))
            .await;
        answer.ends("OK [READ-WRITE] open");
        is_told(&answer, expected);
    }
    for (command, expected) in [
        (
            format!("UID FETCH 1:* UID (CHANGEDSINCE {modseq} VANISHED)"),
            &[gone, "* 2 ", "* 4 "][..],
        ),
        (
            format!("UID FETCH 3:4 UID (CHANGEDSINCE {modseq} VANISHED)"),
            &["* VANISHED (EARLIER) 3", "* 2 "],
        ),
        (
            format!("UID FETCH 1:* UID (CHANGEDSINCE {modseq})"),
            &["* 2 ", "* 4 "],
        ),
    ] {
        let answer = client.says(&command).await;
        is_told(&answer, expected);
    }
}

#[tokio::test]
async fn the_last_messages_are_missed_too() {
    let world = World::new().await;
    let mut busy = reader(&world, 3).await;
    let (mut client, _, modseq) = resynchronizer(&world).await;
    delete(&mut busy, "2:3").await;
    client
        .says("NOOP")
        .await
        .is(&["* VANISHED 2:3", "OK nothing done"]);
    let answer = client
        .says(&format!(
            "UID FETCH 1:* FLAGS (CHANGEDSINCE {modseq} VANISHED)"
        ))
        .await;
    answer.is(&["* VANISHED (EARLIER) 2:3", "OK fetched"]);
}

#[tokio::test]
async fn expunges_are_told_as_uids_and_not_while_numbers_are_in_use() {
    let world = World::new().await;
    let mut busy = reader(&world, 5).await;
    let (mut client, _, before) = resynchronizer(&world).await;
    delete(&mut busy, "1,3:4").await;
    // Nor is a message told as long gone that this client still counts.
    let answer = client
        .says(&format!(
            "UID FETCH 1:4 UID (CHANGEDSINCE {before} VANISHED)"
        ))
        .await;
    assert_eq!(
        news(&answer).last(),
        Some(&"* VANISHED 1,3:4"),
        "{answer:?}"
    );
    assert!(
        !news(&answer).iter().any(|line| line.contains("EARLIER")),
        "{answer:?}"
    );
    delete(&mut busy, "1").await;
    let answer = client.says("FETCH 2 UID").await;
    assert!(
        !answer.lines.iter().any(|line| line.contains("VANISHED")),
        "{answer:?}"
    );
    let answer = client.says("UID STORE 5 +FLAGS.SILENT (\\Deleted)").await;
    assert!(
        answer.lines.iter().any(|line| line == "* VANISHED 2"),
        "{answer:?}"
    );
    let answer = client.says("EXPUNGE").await;
    answer.is(&["* VANISHED 5", "OK [HIGHESTMODSEQ *"]);
    client.says("EXPUNGE").await.is(&["OK expunged"]);
}

#[tokio::test]
async fn a_withheld_expunge_keeps_the_mod_sequence_to_come_back_with() {
    let world = World::new().await;
    let mut busy = reader(&world, 5).await;
    let (mut client, validity, before) = resynchronizer(&world).await;
    delete(&mut busy, "2").await;
    busy.says("UID STORE 4 +FLAGS.SILENT (\\Seen)")
        .await
        .ends("OK *");
    let coded = format!("OK [HIGHESTMODSEQ {before}] *");
    let apart = format!("* OK [HIGHESTMODSEQ {before}] *");
    for command in [
        "FETCH 4 MODSEQ",
        "SEARCH MODSEQ 1",
        "STORE 5 +FLAGS (\\Seen)",
    ] {
        client.says(command).await.ends(&coded);
    }
    // Where the answer has another code it stands before it.
    for (command, code) in [
        (
            "STORE 4 (UNCHANGEDSINCE 1) +FLAGS ($x)",
            "OK [MODIFIED 4] *",
        ),
        ("STORE 2,5 +FLAGS ($x)", "NO [EXPUNGEISSUED] *"),
    ] {
        let answer = client.says(command).await;
        let [.., last_but_one, _] = answer.lines.as_slice() else {
            panic!("{answer:?}");
        };
        assert!(testkit::matches(last_but_one, &apart), "{answer:?}");
        answer.ends(code);
    }
    let mut again = world.client().await;
    again.says("ENABLE QRESYNC").await.ends("OK *");
    let select = format!("SELECT INBOX (QRESYNC ({validity} {before}))");
    let answer = again.says(&select).await;
    assert_eq!(news(&answer)[0], "* VANISHED (EARLIER) 2");
    client
        .says("NOOP")
        .await
        .is(&["* VANISHED 2", "OK nothing done"]);
    client.says("FETCH 1 MODSEQ").await.ends("OK fetched");
    // Who does not resynchronize has no use for it.
    let mut plain = world.client().await;
    plain.says("SELECT INBOX (CONDSTORE)").await.ends("OK *");
    delete(&mut busy, "1").await;
    plain.says("FETCH 2 MODSEQ").await.ends("OK fetched");
}

#[tokio::test]
async fn move_and_close_name_the_mod_sequence_for_who_tracks_changes() {
    let world = World::new().await;
    let mut busy = reader(&world, 4).await;
    let (mut client, validity, _) = resynchronizer(&world).await;
    let answer = client.says("MOVE 1 Archive").await;
    answer.is(&["* OK [COPYUID *", "* VANISHED 1", "OK [HIGHESTMODSEQ *"]);
    client
        .says("STORE 1 +FLAGS.SILENT (\\Deleted)")
        .await
        .ends("OK *");
    busy.says("UID STORE 3 +FLAGS.SILENT (\\Deleted)")
        .await
        .ends("OK *");
    busy.says("UID EXPUNGE 3").await.ends("OK *");
    // The expunge of the other session is told; the own one is what CLOSE means.
    let answer = client.says("CLOSE").await;
    answer.ends("OK [HIGHESTMODSEQ *");
    assert_eq!(news(&answer), ["* VANISHED 3"]);
    let modseq = number(&answer, "HIGHESTMODSEQ");
    let answer = client
        .says(&format!("SELECT INBOX (QRESYNC ({validity} {modseq}))"))
        .await;
    assert!(news(&answer).is_empty(), "{answer:?}");
    client.says("CLOSE").await.is(&["OK closed"]);
}
