//! LIST in its extended form, with counts, and special uses (RFC 5258, RFC 5819, RFC 6154).

use super::client::{Client, World};

/// The mailboxes of RFC 5258 §5, subscribed where it says so; the default ones are out of the way.
async fn grocer(world: &World) -> Client {
    let mut client = world.client().await;
    for name in ["Archive", "Drafts", "Junk", "Sent", "Trash"] {
        for verb in ["DELETE", "UNSUBSCRIBE"] {
            client.says(&format!("{verb} {name}")).await.ends("OK *");
        }
    }
    for name in [
        "Fruit/Apple",
        "Fruit/Banana",
        "Tofu",
        "Vegetable/Broccoli",
        "Vegetable/Corn",
        "Food/Local/Cheese",
    ] {
        client.says(&format!("CREATE {name}")).await.ends("OK *");
    }
    client.says("DELETE Food/Local").await.ends("OK *");
    for name in [
        "Fruit/Banana",
        "Vegetable",
        "Vegetable/Broccoli",
        "Food/Local/Cheese",
    ] {
        client.says(&format!("SUBSCRIBE {name}")).await.ends("OK *");
    }
    client
}

// long: one table
#[tokio::test]
async fn subscribed_mailboxes_and_those_above_them_are_listed() {
    let world = World::new().await;
    let mut client = grocer(&world).await;
    for (command, expected) in [
        (
            "LIST (SUBSCRIBED) \"\" *",
            &[
                "* LIST (\\HasNoChildren \\Subscribed) \"/\" Food/Local/Cheese",
                "* LIST (\\HasNoChildren \\Subscribed) \"/\" Fruit/Banana",
                "* LIST (\\HasNoChildren \\Subscribed) \"/\" INBOX",
                "* LIST (\\HasChildren \\Subscribed) \"/\" Vegetable",
                "* LIST (\\HasNoChildren \\Subscribed) \"/\" Vegetable/Broccoli",
            ][..],
        ),
        (
            "LIST (SUBSCRIBED) \"\" %",
            &[
                "* LIST (\\HasNoChildren \\Subscribed) \"/\" INBOX",
                "* LIST (\\HasChildren \\Subscribed) \"/\" Vegetable",
            ],
        ),
        (
            "LIST (RECURSIVEMATCH SUBSCRIBED) \"\" %",
            &[
                "* LIST (\\HasChildren) \"/\" Food (\"CHILDINFO\" (\"SUBSCRIBED\"))",
                "* LIST (\\HasChildren) \"/\" Fruit (\"CHILDINFO\" (\"SUBSCRIBED\"))",
                "* LIST (\\HasNoChildren \\Subscribed) \"/\" INBOX",
                "* LIST (\\HasChildren \\Subscribed) \"/\" Vegetable (\"CHILDINFO\" (\"SUBSCRIBED\"))",
            ],
        ),
        (
            "LIST (SUBSCRIBED RECURSIVEMATCH) Food/ %",
            &[
                "* LIST (\\NonExistent \\HasChildren) \"/\" Food/Local (\"CHILDINFO\" (\"SUBSCRIBED\"))",
            ],
        ),
        (
            "LIST \"\" % RETURN (SUBSCRIBED)",
            &[
                "* LIST (\\HasChildren) \"/\" Food",
                "* LIST (\\HasChildren) \"/\" Fruit",
                "* LIST (\\HasNoChildren \\Subscribed) \"/\" INBOX",
                "* LIST (\\HasNoChildren) \"/\" Tofu",
                "* LIST (\\HasChildren \\Subscribed) \"/\" Vegetable",
            ],
        ),
        (
            "LIST () \"\" (\"Fruit/%\" Tofu Vegetable/C*) RETURN (CHILDREN)",
            &[
                "* LIST (\\HasNoChildren) \"/\" Fruit/Apple",
                "* LIST (\\HasNoChildren) \"/\" Fruit/Banana",
                "* LIST (\\HasNoChildren) \"/\" Tofu",
                "* LIST (\\HasNoChildren) \"/\" Vegetable/Corn",
            ],
        ),
        // In the extended form an empty pattern names nothing.
        ("LIST () \"\" \"\"", &[]),
        (
            "LIST (REMOTE) \"\" (Tofu \"\")",
            &["* LIST (\\HasNoChildren) \"/\" Tofu"],
        ),
    ] {
        let mut expected = expected.to_vec();
        expected.push("OK done");
        client.says(command).await.is(&expected);
    }
    client
        .dialogue(&[
            ("LIST (RECURSIVEMATCH) \"\" *", "BAD *"),
            ("LIST \"\" * RETURN (MYRIGHTS)", "BAD *"),
        ])
        .await;
    let many = format!("LIST \"\" ({})", vec!["*"; 33].join(" "));
    client.says(&many).await.ends("NO [LIMIT] *");
}

#[tokio::test]
async fn counts_come_with_the_list() {
    let world = World::new().await;
    let mut client = grocer(&world).await;
    let message = "a:b\r\n\r\n123";
    client.append("Tofu", message).await;
    client.append("Tofu", message).await;
    client.says("SELECT Tofu").await.ends("OK *");
    client
        .says("STORE 1 +FLAGS.SILENT (\\Deleted \\Seen)")
        .await
        .ends("OK *");
    let all = "MESSAGES UNSEEN DELETED DELETED-STORAGE SIZE APPENDLIMIT";
    let values = "MESSAGES 2 UNSEEN 1 DELETED 1 DELETED-STORAGE 10 SIZE 20 APPENDLIMIT 52428800";
    client
        .says(&format!("LIST \"\" (Tofu Food/%) RETURN (STATUS ({all}))"))
        .await
        .is(&[
            // What is no mailbox has no counts.
            "* LIST (\\NonExistent \\HasChildren) \"/\" Food/Local",
            "* LIST (\\HasNoChildren) \"/\" Tofu",
            &format!("* STATUS Tofu ({values})"),
            "OK done",
        ]);
    client
        .says(&format!("STATUS Tofu ({all})"))
        .await
        .is(&[&format!("* STATUS Tofu ({values})"), "OK done"]);
    // Fruit is listed for what is below it, and does not meet the selection itself.
    let command = "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" Fruit* RETURN (STATUS (MESSAGES))";
    client.says(command).await.is(&[
        "* LIST (\\HasChildren) \"/\" Fruit (\"CHILDINFO\" (\"SUBSCRIBED\"))",
        "* LIST (\\HasNoChildren \\Subscribed) \"/\" Fruit/Banana",
        "* STATUS Fruit/Banana (MESSAGES 0)",
        "OK done",
    ]);
}

#[tokio::test]
async fn a_mailbox_is_made_for_one_use_that_no_other_has() {
    let world = World::new().await;
    let mut client = world.client().await;
    client
        .dialogue(&[
            (
                "CREATE Post (USE (\\Sent))",
                "NO [USEATTR] the mailbox Sent is the one *",
            ),
            ("DELETE Sent", "OK *"),
            (
                "CREATE \"Gesendete Post\" (USE (\\SENT))",
                "OK [MAILBOXID *",
            ),
            ("CREATE x (USE (\\All))", "NO [USEATTR] *"),
            ("CREATE x (USE (\\Junk \\Trash))", "NO [USEATTR] *"),
            ("CREATE x (USE (Trash))", "BAD *"),
            ("CREATE x (USE ())", "OK [MAILBOXID *"),
            ("CREATE inbox (USE (\\Archive))", "NO [CANNOT] *"),
        ])
        .await;
    let answer = client
        .says("LIST (SPECIAL-USE) \"\" G* RETURN (SPECIAL-USE)")
        .await;
    answer.is(&[
        "* LIST (\\HasNoChildren \\Sent) \"/\" \"Gesendete Post\"",
        "OK done",
    ]);
    client
        .says("RENAME \"Gesendete Post\" a/b")
        .await
        .ends("OK *");
    let answer = client
        .says("LIST (SPECIAL-USE SUBSCRIBED RECURSIVEMATCH) \"\" (a Drafts)")
        .await;
    answer.is(&[
        "* LIST (\\HasNoChildren \\Subscribed \\Drafts) \"/\" Drafts",
        "OK done",
    ]);
    let answer = client
        .says("LIST (SPECIAL-USE RECURSIVEMATCH) \"\" a")
        .await;
    answer.is(&[
        "* LIST (\\HasChildren) \"/\" a (\"CHILDINFO\" (\"SPECIAL-USE\"))",
        "OK done",
    ]);
}
