//! RFC 5435 and RFC 5436: notifications, by mail only.

use sieve::Action;

use crate::{Place, done, run, table};

const BOSS: &str = "From: boss@example.org\nTo: sievemailinglist@example.org\nSubject: urgent\n\n";

#[test]
fn section_3_the_examples() {
    let boss = "if header :contains \"from\" \"boss@example.org\" {
            notify :importance \"1\" :message \"This is probably very important\"
                \"mailto:alm@example.com\";
            # Don't send any further notifications
            stop;
        }";
    let list = "if header :contains \"to\" \"sievemailinglist@example.org\" {
            # :matches is used to get the value of the Subject header
            if header :matches \"Subject\" \"*\" { set \"subject\" \"${1}\"; }
            if header :matches \"From\" \"*\" { set \"from\" \"${1}\"; }
            notify :importance \"3\" :message \"[SIEVE] ${from}: ${subject}\"
                \"mailto:alm@example.com\";
            fileinto \"INBOX.sieve\";
        }";
    for (script, expected) in [
        (
            boss,
            "notify mailto:alm@example.com This is probably very important; keep",
        ),
        (
            list,
            "notify mailto:alm@example.com [SIEVE] boss@example.org: urgent; file INBOX.sieve",
        ),
        (
            "notify \"mailto:a@example.com\"; discard;",
            "notify mailto:a@example.com ; discard",
        ),
    ] {
        assert_eq!(done(script, BOSS, &Place::default()), expected, "{script}");
    }
}

#[test]
fn section_3_4_importance_is_2_where_nothing_else_is_said() {
    for (script, expected) in [
        ("notify \"mailto:a@example.com\";", 2),
        ("notify :importance \"1\" \"mailto:a@example.com\";", 1),
        ("notify :importance \"3\" \"mailto:a@example.com\";", 3),
    ] {
        let outcome = run(script, "", &Place::default()).unwrap();
        let [
            Action::Notify {
                importance, from, ..
            },
        ] = outcome.actions.as_slice()
        else {
            panic!("one notification is wanted: {outcome:?}");
        };
        assert_eq!((*importance, from.as_deref()), (expected, None), "{script}");
    }
}

/// Only mail, only to whom the script names in the open.
#[test]
fn section_3_8_what_is_no_method_here_is_refused() {
    for script in [
        "notify \"tel:+14085551212\";",
        "notify \"http://192.0.2.1/\";",
        "notify \"${method}\";",
        "notify \"mailto:\";",
        "notify \"mailto:a@example.com%0aBcc:b@example.com\";",
        "notify :from \"a\r\nBcc: b@example.com\" \"mailto:a@example.com\";",
        "notify :importance \"0\" \"mailto:a@example.com\";",
    ] {
        let whole = format!("require [\"enotify\", \"variables\"]; {script}");
        assert!(sieve::parse(&whole).is_err(), "{script}");
    }
}

#[test]
fn section_4_and_5_tests() {
    table(
        "",
        &Place::default(),
        &[
            ("valid_notify_method \"mailto:a@example.com\"", true),
            (
                "valid_notify_method [\"mailto:a@example.com\", \"tel:+1\"]",
                false,
            ),
            ("valid_notify_method \"mailto:\"", false),
            (
                "notify_method_capability \"mailto:a@example.com\" \"Online\" \"maybe\"",
                true,
            ),
            (
                "notify_method_capability \"mailto:a@example.com\" \"online\" [\"yes\", \"no\"]",
                false,
            ),
            (
                "notify_method_capability \"tel:+14085551212\" \"online\" \"maybe\"",
                false,
            ),
            (
                "notify_method_capability \"mailto:a@example.com\" \"other\" \"maybe\"",
                false,
            ),
        ],
    );
}

#[test]
fn section_6_encodeurl() {
    for (value, expected) in [
        ("Safe body&evil=evilbody", "Safe%20body%26evil%3Devilbody"),
        ("a-b_c.d~e1", "a-b_c.d~e1"),
        ("ü", "%C3%BC"),
        ("100%\r\n", "100%25%0D%0A"),
    ] {
        let script = format!(
            "set :encodeurl \"a\" \"{value}\"; if string \"${{a}}\" \"{expected}\" {{ discard; }}"
        );
        assert_eq!(done(&script, "", &Place::default()), "discard", "{value}");
    }
}
