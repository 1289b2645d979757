//! What changes for a client that has enabled IMAP4rev2, and for nobody else (RFC 9051 Appendix E).

use super::client::{Client, World};

async fn modern(world: &World) -> Client {
    let mut client = world.client().await;
    let answer = client.says("ENABLE IMAP4rev2").await;
    answer.is(&["* ENABLED IMAP4rev2", "OK done"]);
    client
}

#[tokio::test]
async fn select_names_the_mailbox_and_says_nothing_of_recent() {
    let world = World::new().await;
    let mut client = modern(&world).await;
    client.append("Drafts", "a:b\r\n").await;
    let expected = [
        "* FLAGS *",
        "* OK [PERMANENTFLAGS *",
        "* 1 EXISTS",
        "* LIST () \"/\" Drafts",
        "* OK [UIDVALIDITY *",
        "* OK [UIDNEXT 2] *",
        "* OK [MAILBOXID (F*",
        "* OK [HIGHESTMODSEQ *",
        "OK [READ-WRITE] *",
    ];
    client.says("SELECT Drafts").await.is(&expected);
    let answer = client.says("SELECT INBOX").await;
    assert!(answer.lines[0].starts_with("* OK [CLOSED] "), "{answer:?}");
    let answer = client.says("SELECT nowhere").await;
    answer.is(&["* OK [CLOSED] *", "NO [NONEXISTENT] *"]);
    let answer = client.says("SELECT nowhere").await;
    answer.is(&["NO [NONEXISTENT] *"]);
}

#[tokio::test]
async fn a_search_is_answered_by_esearch() {
    let world = World::new().await;
    let mut client = modern(&world).await;
    client.append("INBOX", "a:b\r\n").await;
    client.says("SELECT INBOX").await.ends("OK *");
    for (command, found) in [
        ("SEARCH ALL", ") ALL 1"),
        ("UID SEARCH ALL", ") UID ALL 1"),
        ("SEARCH SEEN", ")"),
        ("SEARCH CHARSET UTF-8 SUBJECT \"\u{fc}\"", ")"),
    ] {
        let answer = client.says(command).await;
        let line = &answer.lines[0];
        assert!(line.starts_with("* ESEARCH (TAG \"a"), "{answer:?}");
        assert!(line.ends_with(found), "{answer:?}");
        answer.ends("OK searched");
    }
}

#[tokio::test]
async fn names_are_utf8_and_a_rename_is_told() {
    let world = World::new().await;
    let mut client = modern(&world).await;
    client.says("CREATE \"Entw\u{fc}rfe/x\"").await.ends("OK *");
    let answer = client.says("RENAME \"Entw\u{fc}rfe\" R&D").await;
    answer.is(&[
        "* LIST () \"/\" R&D (\"OLDNAME\" (\"Entw\u{fc}rfe\"))",
        "OK renamed",
    ]);
    client.says("DELETE R&D").await.ends("OK *");
    let answer = client.says("LIST \"\" R%").await;
    answer.is(&["* LIST (\\NonExistent \\HasChildren) \"/\" R&D", "OK done"]);
    client.says("CREATE \"\u{fc}\"").await.ends("OK *");
    let answer = client.says("STATUS \"\u{fc}\" (DELETED SIZE)").await;
    answer.is(&["* STATUS \"\u{fc}\" (DELETED 0 SIZE 0)", "OK done"]);
    // INBOX keeps its name when its messages go.
    client.says("RENAME INBOX Kept").await.is(&["OK renamed"]);
    let mut old = world.client().await;
    let answer = old.says("LIST \"\" %").await;
    for name in ["R&-D", "&APw-"] {
        assert!(
            answer.lines.iter().any(|line| line.ends_with(name)),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn what_was_dropped_is_refused_and_others_keep_it() {
    let world = World::new().await;
    let mut client = modern(&world).await;
    let mut old = world.client().await;
    for one in [&mut client, &mut old] {
        one.append("INBOX", "a:b\r\n").await;
        one.says("SELECT INBOX").await.ends("OK *");
    }
    for command in [
        "CHECK",
        "LSUB \"\" *",
        "STATUS INBOX (RECENT)",
        "LIST \"\" INBOX RETURN (STATUS (RECENT))",
        "SEARCH OLD",
        "SEARCH NOT (OR SEEN NEW)",
        "FETCH 1 RFC822.HEADER",
        "FETCH 1 (UID RFC822)",
    ] {
        client
            .says(command)
            .await
            .ends("BAD not allowed in IMAP4rev2");
        old.says(command).await.ends("OK *");
    }
    client.says("FETCH 1 FULL").await.ends("OK fetched");
}
