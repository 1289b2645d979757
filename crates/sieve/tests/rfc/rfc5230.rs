//! RFC 5230 and RFC 6131: automatic answers.

use sieve::{Action, VacationReply};

use crate::{Place, done, run};

const DAY: u64 = 86_400;

#[track_caller]
fn reply(script: &str, mail: &str) -> VacationReply {
    let outcome = run(script, mail, &Place::default()).expect(script);
    assert!(outcome.implicit_keep, "an answer leaves the implicit keep");
    match outcome.actions.as_slice() {
        [Action::Vacation(reply)] => reply.clone(),
        other => panic!("one answer is wanted: {other:?}"),
    }
}

#[test]
fn section_4_1_days_and_rfc_6131_seconds() {
    for (script, seconds) in [
        ("vacation \"r\";", 7 * DAY),
        ("vacation :days 0 \"r\";", DAY),
        ("vacation :days 30 \"r\";", 30 * DAY),
        ("vacation :days 100000 \"r\";", 365 * DAY),
        ("vacation :seconds 1800 \"r\";", 1_800),
        ("vacation :seconds 0 \"r\";", 0),
        ("vacation :seconds 18446744073709551615 \"r\";", 365 * DAY),
    ] {
        assert_eq!(reply(script, "").seconds, seconds, "{script}");
    }
    // RFC 6131 §2: only one of both; §5: its capability brings `vacation` too.
    assert!(sieve::parse("require \"vacation-seconds\"; vacation :days 1 \"r\";").is_ok());
    assert!(sieve::parse("require \"vacation\"; vacation :seconds 1 \"r\";").is_err());
    let both = "require \"vacation-seconds\"; vacation :days 1 :seconds 1 \"r\";";
    assert!(sieve::parse(both).is_err());
}

#[test]
fn section_4_2_what_makes_two_answers_the_same() {
    let cyrus = "if header :contains \"subject\" \"cyrus\" {
            vacation \"I'm out -- send mail to cyrus-bugs\";
        } else {
            vacation \"I'm out -- call me at +1 304 555 0123\";
        }";
    let subject = "if header :matches \"subject\" \"*\" {
            vacation :subject \"Automatic response to: ${1}\"
                \"I'm away -- send mail to foo in my absence\";
        }";
    let handle = "if header :contains \"subject\" \"lunch\" {
            vacation :handle \"ran-away\" \"I'm out and can't meet for lunch\";
        } else {
            vacation :handle \"ran-away\" \"I'm out\";
        }";
    for (script, one, other, same) in [
        (
            cyrus,
            "Subject: Cyrus bug\n\n",
            "Subject: come over for dinner\n\n",
            false,
        ),
        (
            cyrus,
            "Subject: cyrus\n\n",
            "Subject: cyrus again\n\n",
            true,
        ),
        (subject, "Subject: one\n\n", "Subject: two\n\n", true),
        (handle, "Subject: lunch?\n\n", "Subject: dinner?\n\n", true),
    ] {
        let (one, other) = (reply(script, one), reply(script, other));
        assert_eq!(one.handle == other.handle, same, "{script}");
    }
    // The same string as another argument is another answer.
    let handles: std::collections::BTreeSet<String> = [
        "vacation \"a\";",
        "vacation :subject \"a\" \"\";",
        "vacation :mime \"a\";",
        "vacation :from \"a@example.org\" \"\";",
        "vacation :subject \"a@example.org\" \"\";",
    ]
    .map(|script| reply(script, "").handle)
    .into();
    assert_eq!(handles.len(), 5);
}

#[test]
fn section_4_3_to_4_5_arguments_come_through() {
    let script = "vacation :mime :from \"Ann <ann@example.org>\" :subject \"Grüße ${a}\"
        :addresses [\"ann@example.net\", \"a@example.net\"] :handle \"h\" \"Content-Type: text/plain\";";
    let expected = VacationReply {
        seconds: 7 * DAY,
        subject: Some("Grüße ".to_owned()),
        from: Some("Ann <ann@example.org>".to_owned()),
        addresses: vec!["ann@example.net".to_owned(), "a@example.net".to_owned()],
        mime: true,
        handle: "h".to_owned(),
        reason: "Content-Type: text/plain".to_owned(),
        fcc: None,
    };
    assert_eq!(reply(script, ""), expected);
}

#[test]
fn section_4_7_and_4_8_one_answer_and_no_reject_beside_it() {
    for script in [
        "vacation \"a\"; vacation \"b\";",
        "vacation \"a\"; reject \"b\";",
        "ereject \"b\"; vacation \"a\";",
    ] {
        assert!(run(script, "", &Place::default()).is_err(), "{script}");
    }
    for (script, expected) in [
        ("vacation \"a\"; discard;", "answer a; discard"),
        ("vacation \"a\"; fileinto \"b\";", "answer a; file b"),
        (
            "vacation \"a\"; redirect \"b@example.org\";",
            "answer a; redirect b@example.org",
        ),
    ] {
        assert_eq!(done(script, "", &Place::default()), expected, "{script}");
    }
}

/// The text of an answer cannot bring header fields with it.
#[test]
fn section_6_lines_stay_in_the_text() {
    for script in [
        "vacation :subject \"a\r\nBcc: b@example.org\" \"r\";",
        "vacation :from \"a@example.org\r\nBcc: b@example.org\" \"r\";",
        "vacation :from \"not an address\" \"r\";",
        "vacation :from \"${computed}\" \"r\";",
        "vacation :addresses \"a@example.org\r\nBcc: b@example.org\" \"r\";",
    ] {
        let whole = format!("require [\"vacation\", \"variables\"]; {script}");
        assert!(sieve::parse(&whole).is_err(), "{script}");
    }
}
