//! LIST, CREATE, DELETE, RENAME, STATUS, SUBSCRIBE, SELECT, APPEND.

use super::client::World;
use crate::limits::APPEND_MESSAGES_MAX;

#[tokio::test]
async fn an_account_begins_with_its_special_mailboxes() {
    let world = World::new().await;
    let mut client = world.client().await;
    let defaults = [
        "* LIST (\\HasNoChildren \\Archive) \"/\" Archive",
        "* LIST (\\HasNoChildren \\Drafts) \"/\" Drafts",
        "* LIST (\\HasNoChildren) \"/\" INBOX",
        "* LIST (\\HasNoChildren \\Junk) \"/\" Junk",
        "* LIST (\\HasNoChildren \\Sent) \"/\" Sent",
        "* LIST (\\HasNoChildren \\Trash) \"/\" Trash",
        "OK done",
    ];
    client.says("LIST \"\" *").await.is(&defaults);
    let uses: Vec<&str> = defaults
        .into_iter()
        .filter(|line| !line.ends_with("INBOX"))
        .collect();
    client.says("LIST (SPECIAL-USE) \"\" *").await.is(&uses);
    let answer = client.says("LIST \"\" inB%").await;
    answer.is(&["* LIST (\\HasNoChildren) \"/\" INBOX", "OK done"]);
    let answer = client.says("LIST \"\" \"\"").await;
    answer.is(&["* LIST (\\Noselect) \"/\" \"\"", "OK done"]);
    let answer = client.says("NAMESPACE").await;
    answer.is(&["* NAMESPACE ((\"\" \"/\")) NIL NIL", "OK done"]);
}

#[tokio::test]
async fn mailboxes_are_made_renamed_and_deleted() {
    let world = World::new().await;
    let mut client = world.client().await;
    client
        .dialogue(&[
            ("CREATE a/b/", "OK *"),
            ("CREATE a/b", "NO [ALREADYEXISTS] *"),
            ("CREATE inbox", "NO [CANNOT] *"),
            ("CREATE \"a%b\"", "NO [CANNOT] *"),
            ("CREATE {6+}\r\na\r\n* b", "NO [CANNOT] *"),
            ("CREATE \"../x\"", "NO [CANNOT] *"),
            ("CREATE &AGE-", "NO [CANNOT] *"),
            ("CREATE Entw&APw-rfe", "OK *"),
            ("DELETE inbox", "NO [CANNOT] *"),
            ("DELETE nowhere", "NO [NONEXISTENT] *"),
            ("RENAME nowhere x", "NO [NONEXISTENT] *"),
            ("RENAME a x", "OK *"),
        ])
        .await;
    let answer = client.says("LIST x *").await;
    answer.is(&[
        "* LIST (\\HasChildren) \"/\" x",
        "* LIST (\\HasNoChildren) \"/\" x/b",
        "OK done",
    ]);
    let answer = client.says("LIST \"\" E*").await;
    answer.is(&["* LIST (\\HasNoChildren) \"/\" Entw&APw-rfe", "OK done"]);
    client.says("DELETE x").await.ends("OK *");
    let answer = client.says("LIST \"\" x%").await;
    answer.is(&["* LIST (\\Noselect \\HasChildren) \"/\" x", "OK done"]);
    client.says("UNSUBSCRIBE INBOX").await.ends("OK *");
    client.says("SUBSCRIBE x/b").await.ends("OK *");
    let answer = client.says("LSUB \"\" %").await;
    assert!(
        !answer.lines.iter().any(|line| line.ends_with("INBOX")),
        "{answer:?}"
    );
    assert!(
        answer
            .lines
            .contains(&"* LSUB (\\Noselect) \"/\" x".to_owned()),
        "{answer:?}"
    );
    client
        .says("SUBSCRIBE nowhere")
        .await
        .ends("NO [NONEXISTENT] *");
}

#[tokio::test]
async fn a_subscription_outlives_its_mailbox() {
    let world = World::new().await;
    let mut client = world.client().await;
    for command in ["CREATE a/b", "SUBSCRIBE a/b", "DELETE a/b"] {
        client.says(command).await.ends("OK *");
    }
    let gone = "(\\NonExistent \\HasNoChildren \\Subscribed) \"/\" a/b";
    for (command, expected) in [
        ("LIST (SUBSCRIBED) \"\" a*", vec![format!("* LIST {gone}")]),
        (
            "LIST (SUBSCRIBED) \"\" a* RETURN (STATUS (MESSAGES))",
            vec![format!("* LIST {gone}")],
        ),
        (
            "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" a",
            vec!["* LIST (\\HasNoChildren) \"/\" a (\"CHILDINFO\" (\"SUBSCRIBED\"))".to_owned()],
        ),
        (
            "LIST \"\" a* RETURN (SUBSCRIBED)",
            vec!["* LIST (\\HasNoChildren) \"/\" a".to_owned()],
        ),
        (
            "LSUB \"\" *b",
            vec!["* LSUB (\\NonExistent) \"/\" a/b".to_owned()],
        ),
        (
            "LSUB \"\" a%",
            vec!["* LSUB (\\Noselect) \"/\" a".to_owned()],
        ),
    ] {
        let answer = client.says(command).await;
        let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        expected.push("OK done");
        answer.is(&expected);
    }
    client
        .says("SUBSCRIBE a/b")
        .await
        .ends("NO [NONEXISTENT] *");
    client.says("CREATE a/b").await.ends("OK *");
    let answer = client.says("LIST (SUBSCRIBED) \"\" a*").await;
    answer.is(&["* LIST (\\HasNoChildren \\Subscribed) \"/\" a/b", "OK done"]);
    for command in ["DELETE a/b", "UNSUBSCRIBE a/b"] {
        client.says(command).await.ends("OK *");
    }
    client.says("LSUB \"\" a*").await.is(&["OK done"]);
    client
        .says("UNSUBSCRIBE a/b")
        .await
        .ends("NO [NONEXISTENT] *");
}

#[tokio::test]
async fn select_says_all_that_a_client_must_know() {
    let world = World::new().await;
    let mut client = world.client().await;
    client.append("INBOX", "Subject: x\r\n\r\ny\r\n").await;
    let answer = client.says("SELECT INBOX").await;
    answer.is(&[
        "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)",
        "* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] *",
        "* 1 EXISTS",
        "* 0 RECENT",
        "* OK [UNSEEN 1] *",
        "* OK [UIDVALIDITY *",
        "* OK [UIDNEXT 2] *",
        "* OK [MAILBOXID (F*",
        "* OK [HIGHESTMODSEQ *",
        "OK [READ-WRITE] *",
    ]);
    let answer = client.says("EXAMINE INBOX").await;
    assert_eq!(
        answer.lines[2],
        "* OK [PERMANENTFLAGS ()] these flags are kept"
    );
    let answer = client
        .says("STATUS INBOX (MESSAGES UNSEEN RECENT UIDNEXT)")
        .await;
    answer.is(&[
        "* STATUS INBOX (MESSAGES 1 UNSEEN 1 RECENT 0 UIDNEXT 2)",
        "OK done",
    ]);
    client
        .says("STATUS nowhere (MESSAGES)")
        .await
        .ends("NO [NONEXISTENT] *");
}

#[tokio::test]
async fn append_keeps_flags_and_date() {
    let world = World::new().await;
    let mut client = world.reader().await;
    let command = "APPEND INBOX (\\Seen $x) \"01-Feb-1994 21:52:25 +0100\" {5}";
    client.says(command).await.is(&["+ send the message"]);
    let answer = client.goes_on("a:b\r\n").await;
    answer.is(&[
        "* 1 EXISTS",
        "* FLAGS *",
        "* OK [PERMANENTFLAGS *",
        "OK [APPENDUID *",
    ]);
    let answer = client
        .says("FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)")
        .await;
    answer.is(&[
        "* 1 FETCH (FLAGS (\\Seen $x) INTERNALDATE \"01-Feb-1994 20:52:25 +0000\" RFC822.SIZE 5)",
        "OK fetched",
    ]);
}

#[tokio::test]
async fn append_is_refused_before_the_message_comes_or_heard_to_its_end() {
    let world = World::new().await;
    let mut client = world.client().await;
    let settings = world.0.service.config();
    let too_large = settings.settings().message_size_max_octets + 1;
    client
        .dialogue(&[
            ("APPEND nowhere {5}", "NO [TRYCREATE] *"),
            (&format!("APPEND INBOX {{{too_large}}}"), "NO [TOOBIG] *"),
            ("APPEND INBOX (\\Recent) {5}", "BAD *"),
            ("APPEND nowhere {5+}\r\na:b\r\n", "NO [TRYCREATE] *"),
            ("APPEND INBOX bogus {5+}\r\na:b\r\n", "BAD *"),
            ("APPEND INBOX {5+}\r\na:\0\r\n", "NO [UNKNOWN-CTE] *"),
            ("APPEND INBOX {0}", "NO [CANNOT] *"),
            ("APPEND INBOX {5+}\r\na:b\r\n nonsense", "BAD *"),
            (
                "APPEND INBOX UTF8 (~{5}",
                "BAD not allowed before UTF8=ACCEPT *",
            ),
        ])
        .await;
    let answer = client.says("STATUS INBOX (MESSAGES)").await;
    answer.is(&["* STATUS INBOX (MESSAGES 0)", "OK done"]);
}

#[tokio::test]
async fn a_deleted_mailbox_ends_the_sessions_in_it_but_not_the_one_that_did_it() {
    let world = World::new().await;
    let mut one = world.client().await;
    one.dialogue(&[("CREATE x", "OK *"), ("SELECT x", "OK *")])
        .await;
    let mut two = world.client().await;
    two.dialogue(&[
        ("SELECT x", "OK *"),
        ("DELETE x", "OK *"),
        ("CHECK", "BAD *"),
    ])
    .await;
    one.send(b"z NOOP\r\n").await;
    assert!(one.line().await.starts_with("* BYE the selected mailbox"));
    one.leaves().await;
}

#[tokio::test]
async fn several_messages_are_appended_at_once() {
    let world = World::new().await;
    let mut client = world.client().await;
    // RFC 3502 §6.3.11, with a continuation for the second message only.
    let two = "APPEND Drafts (\\Seen) {5+}\r\na:b\r\n ($x) \"01-Feb-1994 21:52:25 +0100\" {5}";
    client.says(two).await.is(&["+ send the message"]);
    let answer = client.goes_on("c:d\r\n").await;
    answer.ends("OK [APPENDUID *");
    assert!(answer.lines[0].ends_with(" 1:2] appended"), "{answer:?}");
    client.says("SELECT Drafts").await.ends("OK *");
    client.says("FETCH 1:* (FLAGS RFC822.SIZE)").await.is(&[
        "* 1 FETCH (FLAGS (\\Seen) RFC822.SIZE 5)",
        "* 2 FETCH (FLAGS ($x) RFC822.SIZE 5)",
        "OK fetched",
    ]);
}

#[tokio::test]
async fn one_bad_message_of_several_undoes_them_all() {
    let world = World::new().await;
    let mut client = world.client().await;
    let settings = world.0.service.config();
    let too_large = settings.settings().message_size_max_octets + 1;
    let one = "APPEND INBOX {5+}\r\na:b\r\n";
    let many = format!("{one}{}", " {2+}\r\na:".repeat(APPEND_MESSAGES_MAX));
    client
        .dialogue(&[
            // What comes uninvited behind the mistake is read and thrown away.
            (
                &format!("{one} {{5+}}\r\na:\0\r\n {{3+}}\r\nc:d"),
                "NO [UNKNOWN-CTE] *",
            ),
            (&format!("{one} (\\Recent) {{3+}}\r\nc:d {{3}}"), "BAD *"),
            (&format!("{one} {{0}}"), "NO [CANNOT] *"),
            (&format!("{one} {{{too_large}}}"), "NO [TOOBIG] *"),
            (&format!("{one} {{67108864}}"), "NO [TOOBIG] *"),
            (&many, "NO [LIMIT] *"),
            (
                "APPEND nowhere {5+}\r\na:b\r\n {5+}\r\nc:d\r\n",
                "NO [TRYCREATE] *",
            ),
            (&format!("{one}{}", "x".repeat(9_000)), "BAD *"),
        ])
        .await;
    assert!(client.line().await.starts_with("* BYE"));
    let mut client = world.client().await;
    let answer = client.says("STATUS INBOX (MESSAGES)").await;
    answer.is(&["* STATUS INBOX (MESSAGES 0)", "OK done"]);
}

#[tokio::test]
async fn names_are_utf8_once_that_is_enabled() {
    let world = World::new().await;
    let mut client = world.client().await;
    client
        .says("CREATE \"Entw\u{fc}rfe\"")
        .await
        .ends("NO [CANNOT] *");
    let answer = client
        .says("ENABLE UTF8=ACCEPT X-UNKNOWN utf8=accept")
        .await;
    answer.is(&["* ENABLED UTF8=ACCEPT", "OK done"]);
    client
        .dialogue(&[
            ("CREATE \"Entw\u{fc}rfe\"", "OK *"),
            ("CREATE {6+}\r\nR&D \u{fc}", "OK *"),
            ("CREATE \"\u{85}\"", "NO [CANNOT] *"),
            ("CREATE {2+}\r\n\u{fc}", "OK *"),
            ("CREATE {1+}\r\n\u{fc}", "BAD *"),
        ])
        .await;
}
