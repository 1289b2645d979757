//! RFC 5293: changes of the header.

use crate::{Place, done, run, table};

const MAIL: &str = "\
Received: from a.test
Delivered-To: bob@example.com
X-Hello: one
Subject: old
X-Hello: two
X-Hello: three

";

#[track_caller]
fn outcome(script: &str) -> String {
    done(script, MAIL, &Place::default())
}

#[test]
fn section_4_addheader() {
    let script = "if not header :contains \"X-Sieve-Filtered\"
            [\"<kim@job.example.com>\", \"<kim@home.example.com>\"] {
          addheader \"X-Sieve-Filtered\" \"<kim@job.example.com>\";
          redirect \"kim@home.example.com\"; }";
    assert_eq!(
        outcome(script),
        "add X-Sieve-Filtered: <kim@job.example.com>; redirect kim@home.example.com"
    );
    assert_eq!(
        done(
            script,
            "X-Sieve-Filtered: <kim@job.example.com>\n\n",
            &Place::default()
        ),
        "keep"
    );
    assert_eq!(
        outcome("addheader :last \"X-End\" \"x\";"),
        "add X-End: x last; keep"
    );
}

#[test]
fn section_5_deleteheader() {
    for (script, expected) in [
        (
            "deleteheader \"x-hello\";",
            "delete x-hello 0; delete x-hello 0; delete x-hello 0; keep",
        ),
        (
            "deleteheader :index 2 \"X-Hello\";",
            "delete X-Hello 1; keep",
        ),
        (
            "deleteheader :index 1 :last \"X-Hello\";",
            "delete X-Hello 2; keep",
        ),
        ("deleteheader :index 4 \"X-Hello\";", "keep"),
        (
            "deleteheader :contains \"X-Hello\" \"o\";",
            "delete X-Hello 0; delete X-Hello 0; keep",
        ),
        (
            "deleteheader :is \"X-Hello\" [\"TWO\", \"none\"];",
            "delete X-Hello 1; keep",
        ),
        (
            "deleteheader :index 1 :contains \"X-Hello\" \"two\";",
            "keep",
        ),
        ("deleteheader \"X-None\";", "keep"),
    ] {
        assert_eq!(outcome(script), expected, "{script}");
    }
}

#[test]
fn section_6_what_may_not_be_changed_stays_silently() {
    let script = "set \"name\" \"received\"; deleteheader \"${name}\";
        if exists \"received\" { fileinto \"A\"; }";
    let outcome = run(script, MAIL, &Place::default()).unwrap();
    assert_eq!(outcome.actions.len(), 1);
    assert_eq!(outcome.notes.len(), 1);
    assert_eq!(
        outcome.notes[0].left.to_string(),
        "the header field \"received\" cannot be changed by rules"
    );
    assert_eq!(
        done(
            "deleteheader \"Subject\"; addheader \"Subject\" \"new\";",
            MAIL,
            &Place::default()
        ),
        "delete Subject 0; add Subject: new; keep"
    );
}

#[test]
fn section_7_later_tests_and_actions_see_the_header_as_it_is_then() {
    for (script, expected) in [
        (
            "addheader \"X-Hello\" \"World\"; deleteheader :index 1 \"X-Hello\";",
            "add X-Hello: World; delete X-Hello 0; keep",
        ),
        (
            "deleteheader :index 1 \"X-Hello\"; deleteheader :index 2 \"X-Hello\";",
            "delete X-Hello 0; delete X-Hello 1; keep",
        ),
        (
            "addheader \"X-Hello\" \"World\";
             if header :contains \"X-Hello\" \"World\" { fileinto \"international\"; }",
            "add X-Hello: World; file international",
        ),
        (
            "deleteheader \"Subject\"; if exists \"subject\" { discard; }",
            "delete Subject 0; keep",
        ),
        (
            "deleteheader :index 1 \"X-Hello\"; deleteheader :index 2 \"X-Hello\";
             if header :is \"X-Hello\" \"two\" { fileinto \"A\"; }",
            "delete X-Hello 0; delete X-Hello 1; file A",
        ),
    ] {
        assert_eq!(outcome(script), expected, "{script}");
    }
    table(
        MAIL,
        &Place::default(),
        &[("header \"X-Hello\" \"three\"", true)],
    );
}

#[test]
fn a_value_from_a_message_stays_on_its_line() {
    let mail = "Subject: =?utf-8?q?a=0D=0ABcc:_victim@example.org?=\n\n";
    let script = "if header :matches \"subject\" \"*\" { addheader \"X-Was\" \"${1}\"; }";
    assert_eq!(
        done(script, mail, &Place::default()),
        "add X-Was: a  Bcc: victim@example.org; keep"
    );
}
