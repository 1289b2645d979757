//! What becomes of scripts.

use super::client::{Client, world};

#[tokio::test]
async fn scripts_are_kept_listed_read_renamed_and_removed() {
    let world = world().await;
    let mut client = Client::signed_in(&world).await;
    let lines: &[(&str, &str)] = &[
        ("LISTSCRIPTS", "OK \"done\""),
        ("HAVESPACE \"Käse\" 100", "OK *"),
        ("PUTSCRIPT \"Käse\" {7+}\r\nkeep;\r\n", "OK \"done\""),
        ("PUTSCRIPT \"b \\\"c\\\"\" \"discard;\"", "OK \"done\""),
        ("LISTSCRIPTS", "\"Käse\"\n\"b \\\"c\\\"\"\nOK \"done\""),
        ("GETSCRIPT \"Käse\"", "{7}\nkeep;\n\nOK \"done\""),
        ("SETACTIVE \"Käse\"", "OK \"done\""),
        ("SETACTIVE \"Käse\"", "OK \"done\""),
        (
            "LISTSCRIPTS",
            "\"Käse\" ACTIVE\n\"b \\\"c\\\"\"\nOK \"done\"",
        ),
        ("DELETESCRIPT \"Käse\"", "NO (ACTIVE) *"),
        (
            "RENAMESCRIPT \"Käse\" \"b \\\"c\\\"\"",
            "NO (ALREADYEXISTS) *",
        ),
        ("RENAMESCRIPT \"Käse\" \"cheese\"", "OK *"),
        ("RENAMESCRIPT \"b \\\"c\\\"\" \"b\"", "OK *"),
        ("LISTSCRIPTS", "\"cheese\" ACTIVE\n\"b\"\nOK \"done\""),
        ("SETACTIVE \"\"", "OK \"done\""),
        ("DELETESCRIPT \"cheese\"", "OK *"),
        ("LISTSCRIPTS", "\"b\"\nOK \"done\""),
        ("CHECKSCRIPT \"keep;\"", "OK *"),
        ("PUTSCRIPT \"b\" \"keep;\"", "OK \"done\""),
        ("GETSCRIPT \"b\"", "{5}\nkeep;\nOK \"done\""),
    ];
    client.dialogue(lines).await;
}

#[tokio::test]
async fn what_does_not_exist_is_said_with_its_code() {
    let mut client = Client::signed_in(&world().await).await;
    for said in [
        "GETSCRIPT \"a\"",
        "SETACTIVE \"a\"",
        "DELETESCRIPT \"a\"",
        "RENAMESCRIPT \"a\" \"b\"",
    ] {
        client.dialogue(&[(said, "NO (NONEXISTENT) *")]).await;
    }
}

#[tokio::test]
async fn a_script_with_a_mistake_is_refused_with_its_line() {
    let mut client = Client::signed_in(&world().await).await;
    let bad = "{20+}\r\nkeep;\r\nfileinto \"x\";";
    for said in [
        format!("CHECKSCRIPT {bad}"),
        format!("PUTSCRIPT \"a\" {bad}"),
    ] {
        let heard = client.asked(&said).await;
        assert!(heard[0].starts_with("NO {"), "{heard:?}");
        assert_eq!(heard[1], "the script has a mistake:");
        assert!(heard[2].contains("line 2"), "{heard:?}");
        assert!(heard[2].contains("fileinto"), "{heard:?}");
    }
    client.dialogue(&[("LISTSCRIPTS", "OK \"done\"")]).await;
}

#[tokio::test]
async fn limits_are_said_with_their_codes() {
    let mut client = Client::signed_in(&world().await).await;
    let large = format!("PUTSCRIPT \"a\" {{49153+}}\r\n{}", "#".repeat(49_153));
    let larger = format!("CHECKSCRIPT {{99999+}}\r\n{}", "LOGOUT\r\n".repeat(12_500));
    let larger = &larger[..larger.len() - 1];
    let name = "é".repeat(128);
    let longest = format!("PUTSCRIPT \"{name}\" \"keep;\"");
    let too_long = format!("PUTSCRIPT \"{name}é\" \"keep;\"");
    let lines: &[(&str, &str)] = &[
        ("HAVESPACE \"a\" 49152", "OK *"),
        ("HAVESPACE \"a\" 49153", "NO (QUOTA/MAXSIZE) *"),
        ("HAVESPACE \"a\" 4294967295", "NO (QUOTA/MAXSIZE) *"),
        (&large, "NO (QUOTA/MAXSIZE) *"),
        (larger, "NO (QUOTA/MAXSIZE) *"),
        (&longest, "OK *"),
        (&too_long, "NO *"),
    ];
    client.dialogue(lines).await;
}

#[tokio::test]
async fn mail_that_leaves_is_told_when_it_begins_to() {
    let mut client = Client::signed_in(&world().await).await;
    let forward = "PUTSCRIPT \"away\" \"redirect \\\"drop@example.net\\\";\"";
    client.dialogue(&[(forward, "OK \"done\"")]).await;
    let heard = client.asked("SETACTIVE \"away\"").await.join("\n");
    assert!(heard.starts_with("OK (WARNINGS) \""), "{heard}");
    assert!(
        heard.contains("OUTSIDE") && heard.contains("drop@example.net"),
        "{heard}"
    );
    client.dialogue(&[("SETACTIVE \"\"", "OK \"done\"")]).await;
}

#[tokio::test]
async fn names_and_texts_never_become_commands_or_responses() {
    let mut client = Client::signed_in(&world().await).await;
    let script = "# \"\r\n# OK \"done\"\r\n# DELETESCRIPT \"a\"\r\nkeep;\r\n";
    let put = format!(
        "PUTSCRIPT \"OK (x) {{3}}\" {{{}+}}\r\n{script}",
        script.len()
    );
    client.dialogue(&[(&put, "OK \"done\"")]).await;
    client.send(b"LISTSCRIPTS\r\n").await;
    assert_eq!(client.line().await.unwrap(), "\"OK (x) {3}\"");
    assert_eq!(client.response().await, ["OK \"done\""]);
    for said in [
        "PUTSCRIPT {6+}\r\na\r\nb\r\n \"keep;\"",
        "PUTSCRIPT \"../a\0\" \"keep;\"",
        "PUTSCRIPT \"a\" {1+}\r\n\u{0}",
    ] {
        let heard = client.asked(said).await;
        assert!(heard[0].starts_with("NO "), "{said:?}: {heard:?}");
    }
}
