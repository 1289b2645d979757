//! draft-ietf-sieve-regex-01: regular expressions.

use crate::{Place, done, run, table};

const MAIL: &str = "\
Subject: LOUD [list] 12 apples
To: me+detail@company.example
X-Path: a.b[c]

";

#[test]
fn examples_of_the_draft() {
    table(
        MAIL,
        &Place::default(),
        &[
            (
                "address :regex [\"to\", \"cc\", \"bcc\"] \"me(\\\\+.*)?@company\\\\.example\"",
                true,
            ),
            (
                "header :regex :comparator \"i;octet\" \"subject\" \"^[^[:lower:]]+$\"",
                false,
            ),
            (
                "header :regex :comparator \"i;octet\" \"subject\" \"^[[:upper:]]+ \"",
                true,
            ),
            ("header :regex \"subject\" \"^loud\"", true),
            (
                "header :regex :comparator \"i;octet\" \"subject\" \"^loud\"",
                false,
            ),
            (
                "header :regex \"subject\" [\"never\", \"[0-9]{2} apples?$\"]",
                true,
            ),
        ],
    );
}

#[test]
fn groups_become_match_variables() {
    for (pattern, string, expected) in [
        (
            "\\\\[([a-z]+)\\\\] ([0-9]+)",
            "${0}|${1}|${2}",
            "file [list] 12|list|12",
        ),
        ("(x)?loud( )?", "<${1}>${2}|", "file <> |"),
    ] {
        let script =
            format!("if header :regex \"subject\" \"{pattern}\" {{ fileinto \"{string}\"; }}");
        assert_eq!(
            done(&script, MAIL, &Place::default()),
            expected,
            "{pattern}"
        );
    }
}

#[test]
fn quoteregex_makes_a_text_match_itself() {
    let script = "if header :matches \"x-path\" \"*\" { set :quoteregex \"q\" \"${1}\"; }
        if header :regex \"x-path\" \"^${q}$\" { fileinto \"${q}\"; }";
    assert_eq!(done(script, MAIL, &Place::default()), "file a\\.b\\[c\\]");
}

#[test]
fn a_pattern_from_a_message_that_is_none_is_noted() {
    let script = "if header :matches \"x-path\" \"*[*\" { set \"q\" \"[${2}\"; }
        if header :regex \"x-path\" \"${q}[\" { discard; }";
    let outcome = run(script, MAIL, &Place::default()).unwrap();
    assert!(outcome.implicit_keep);
    assert_eq!(
        outcome.notes[0].left.to_string(),
        "a regular expression matched nothing, because a `[` is not closed"
    );
}
