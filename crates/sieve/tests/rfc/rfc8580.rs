//! RFC 8580: copies of what is sent are filed.

use sieve::Action;

use crate::{Place, run};

/// In which words the copy of an answer or of a notification is filed.
#[track_caller]
fn copy(script: &str) -> Option<String> {
    let outcome = run(script, "", &Place::default()).expect(script);
    let fcc = match outcome.actions.as_slice() {
        [Action::Vacation(reply)] => reply.fcc.clone(),
        [Action::Notify { fcc, .. }] => fcc.clone(),
        other => panic!("one action is wanted: {other:?}"),
    };
    fcc.map(|action| crate::words_of(&action))
}

#[test]
fn section_3_copies_are_filed_as_fileinto_would() {
    for (script, expected) in [
        (
            "vacation :days 7 :from \"hemingway@example.com\" :fcc \"INBOX.Sent\" \"Gone fishing.\";",
            Some("file INBOX.Sent"),
        ),
        (
            "notify :fcc \"INBOX.Sent\" :message \"You got mail!\" \"mailto:ken@example.com\";",
            Some("file INBOX.Sent"),
        ),
        (
            "vacation :days 7 :from \"hemingway@example.com\" :flags [\"\\\\Seen\"]
                :fcc \"INBOX.Sent\" \"Gone fishing.\";",
            Some("file INBOX.Sent (\\Seen)"),
        ),
        (
            "vacation :specialuse \"\\\\Sent\" :create :fcc \"INBOX.Sent\" \"Gone fishing.\";",
            Some("file INBOX.Sent or \\Sent made"),
        ),
        (
            "set \"a\" \"Sent\"; vacation :fcc \"${a}/x\" \"r\";",
            Some("file Sent/x"),
        ),
        ("vacation \"r\";", None),
    ] {
        assert_eq!(copy(script).as_deref(), expected, "{script}");
    }
}

#[test]
fn section_3_what_belongs_to_the_copy_needs_it() {
    for script in [
        "require [\"vacation\", \"fcc\", \"mailbox\"]; vacation :create \"r\";",
        "require [\"vacation\", \"fcc\", \"imap4flags\"]; vacation :flags \"a\" \"r\";",
        "require [\"vacation\", \"fcc\"]; vacation :fcc \"../x\" \"r\";",
        "require [\"vacation\", \"fcc\"]; vacation :fcc [\"a\", \"b\"] \"r\";",
        "require [\"vacation\", \"fcc\"]; vacation :fcc \"a\" :create \"r\";",
        "require [\"vacation\"]; vacation :fcc \"a\" \"r\";",
    ] {
        assert!(sieve::parse(script).is_err(), "{script}");
    }
}
