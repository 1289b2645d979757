//! RFC 7352: messages met before.

use crate::{Place, done, run};

const MAIL: &str = "\
Message-ID: <1@example.org>
Subject: ALERT: disk full
X-Event-ID: e7
X-Event-ID: e8

";

#[test]
fn section_3_1_what_makes_the_mark() {
    let met = Place {
        met: vec![("", "<1@example.org>", 60)],
        ..Place::default()
    };
    for test in [
        "duplicate",
        "duplicate :header \"message-id\"",
        "allof (header :matches \"message-id\" \"*\", duplicate :uniqueid \"${0}\")",
    ] {
        assert_eq!(
            done(&format!("if {test} {{ discard; }}"), MAIL, &met),
            "discard",
            "{test}"
        );
        assert_eq!(
            done(
                &format!("if {test} {{ discard; }}"),
                MAIL,
                &Place::default()
            ),
            "remember /<1@example.org> 604800; keep",
            "{test}"
        );
    }
    for (test, expected) in [
        (
            "duplicate :header \"x-event-id\"",
            "remember /e7 604800; keep",
        ),
        ("duplicate :header \"X-None\"", "keep"),
        ("duplicate :header \"${unset} no name\"", "keep"),
        (
            "duplicate :uniqueid \"<1@EXAMPLE.org>\"",
            "remember /<1@EXAMPLE.org> 604800; keep",
        ),
    ] {
        assert_eq!(
            done(&format!("if {test} {{ discard; }}"), MAIL, &met),
            expected,
            "{test}"
        );
    }
}

#[test]
fn section_3_2_handles_keep_lists_apart() {
    let met = Place {
        met: vec![("notifier", "e7", 60)],
        ..Place::default()
    };
    for (test, expected) in [
        (
            "duplicate :header \"X-Event-ID\" :handle \"notifier\"",
            "discard",
        ),
        (
            "duplicate :header \"X-Event-ID\" :handle \"support\"",
            "remember support/e7 604800; keep",
        ),
        (
            "duplicate :header \"X-Event-ID\"",
            "remember /e7 604800; keep",
        ),
    ] {
        assert_eq!(
            done(&format!("if {test} {{ discard; }}"), MAIL, &met),
            expected,
            "{test}"
        );
    }
}

#[test]
fn section_3_3_seconds_and_last() {
    let met = Place {
        met: vec![("", "disk full", 90)],
        ..Place::default()
    };
    for (arguments, expected) in [
        (":seconds 60", "remember /disk full 60; file Alerts"),
        (":seconds 120", "file Alerts (\\Seen)"),
        (
            ":seconds 120 :last",
            "file Alerts (\\Seen); remember /disk full 120",
        ),
        (":seconds 0", "file Alerts"),
        (":seconds 99999999", "file Alerts (\\Seen)"),
    ] {
        let script = format!(
            "if header :matches \"subject\" \"ALERT: *\" {{
               if duplicate {arguments} :uniqueid \"${{1}}\" {{ setflag \"\\\\seen\"; }}
               fileinto \"Alerts\"; }}"
        );
        let done = done(&script, MAIL, &met);
        let mut expected: Vec<&str> = expected.split("; ").collect();
        expected.sort_unstable();
        let mut words: Vec<&str> = done.split("; ").collect();
        words.sort_unstable();
        assert_eq!(words, expected, "{arguments}");
    }
}

#[test]
fn section_3_a_run_that_fails_marks_nothing_and_one_run_marks_once() {
    assert!(run("if duplicate {} error \"x\";", MAIL, &Place::default()).is_err());
    assert_eq!(
        done(
            "if duplicate {} if duplicate { discard; }",
            MAIL,
            &Place::default()
        ),
        "remember /<1@example.org> 604800; keep"
    );
}
