//! RFC 5429: refusing a message.

use crate::{Place, done, run};

const MAIL: &str = "From: coyote@desert.example.org\n\n";

#[test]
fn section_2_1_and_2_2_both_actions() {
    for (script, expected) in [
        (
            "if header :contains \"from\" \"coyote@desert.example.org\" { reject \"no\"; }",
            "reject no",
        ),
        (
            "ereject \"I no longer accept mail from this address\";",
            "ereject I no longer accept mail from this address",
        ),
        (
            "set \"who\" \"you\"; reject \"not from ${who}\";",
            "reject not from you",
        ),
        ("discard; ereject \"x\";", "discard; ereject x"),
    ] {
        assert_eq!(done(script, MAIL, &Place::default()), expected, "{script}");
    }
}

#[test]
fn section_2_4_a_message_is_refused_or_delivered() {
    for (script, words) in [
        (
            "reject \"a\"; reject \"a\";",
            "reject and another reject cannot both be done to one message",
        ),
        (
            "ereject \"a\"; reject \"b\";",
            "reject and another reject cannot both be done to one message",
        ),
        (
            "keep; reject \"a\";",
            "reject and keep cannot both be done to one message",
        ),
        (
            "fileinto :copy \"A\"; ereject \"a\";",
            "ereject and fileinto cannot both be done to one message",
        ),
        (
            "reject \"a\"; redirect \"a@example.org\";",
            "redirect and reject cannot both be done to one message",
        ),
        (
            "reject \"a\"; vacation \"b\";",
            "vacation and reject cannot both be done to one message",
        ),
    ] {
        let error = run(script, MAIL, &Place::default()).unwrap_err();
        assert_eq!(error.fault.to_string(), words, "{script}");
    }
}
