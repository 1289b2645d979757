//! RFC 5463: asking for extensions.

use crate::{Mail, Place};

/// What a script with `ihave` alone in its `require` leads to.
#[track_caller]
fn done(text: &str) -> String {
    let script = sieve::parse(&format!("require \"ihave\"; {text}"))
        .unwrap_or_else(|problems| panic!("{text}\n{problems}"));
    match sieve::run(&script, &Mail::read(""), &Place::default()) {
        Ok(outcome) => {
            let words: Vec<String> = outcome.actions.iter().map(crate::words_of).collect();
            words.join("; ")
        }
        Err(error) => format!("error: {}", error.fault),
    }
}

#[test]
fn section_4_what_is_there_can_be_used_from_then_on() {
    for (script, expected) in [
        ("if ihave \"fileinto\" { fileinto \"A\"; }", "file A"),
        ("if ihave \"fileinto\" {} fileinto \"A\";", "file A"),
        (
            "if ihave [\"fileinto\", \"copy\"] { fileinto :copy \"A\"; }",
            "file A",
        ),
        (
            "if allof (ihave \"envelope\", envelope \"to\" \"a\") {} else { discard; }",
            "discard",
        ),
        (
            "if ihave [\"fileinto\", \"vnd.x\"] { fileinto \"A\"; } else { discard; }",
            "discard",
        ),
        ("if not ihave \"vnd.x\" { discard; }", "discard"),
        (
            "if ihave \"comparator-i;ascii-numeric\" { discard; }",
            "discard",
        ),
        (
            "if ihave \"comparator-i;unknown\" {} else { discard; }",
            "discard",
        ),
    ] {
        assert_eq!(done(script), expected, "{script}");
    }
    // A capability that only a failed test asked for is not there.
    let failed = "if ihave [\"fileinto\", \"vnd.x\"] {} if true { redirect :copy \"a@b.test\"; }";
    assert!(sieve::parse(&format!("require \"ihave\"; {failed}")).is_err());
    assert!(sieve::parse("if ihave \"copy\" {}").is_err());
}

#[test]
fn section_4_what_is_not_there_stands_in_blocks_that_never_run() {
    for (script, expected) in [
        (
            "if ihave \"vnd.example.sort\" { sort :by [\"a\"] 5 { deep; } } else { discard; }",
            "discard",
        ),
        (
            "if allof (ihave \"vnd.example.moon\", moon :phase \"full\") { keep; } else { discard; }",
            "discard",
        ),
        (
            "if anyof (not ihave \"vnd.example.moon\", moon :phase \"full\") { discard; }",
            "discard",
        ),
    ] {
        assert_eq!(done(script), expected, "{script}");
    }
    // The grammar holds there too.
    assert!(sieve::parse("require \"ihave\"; if ihave \"vnd.x\" { sort }").is_err());
}

#[test]
fn section_4_strings_keep_their_meaning() {
    for name in ["variables", "encoded-character"] {
        let script = format!("if ihave \"{name}\" {{ keep; }} else {{ discard; }}");
        assert_eq!(done(&script), "discard", "{name}");
        let required =
            format!("require [\"ihave\", \"{name}\"]; if ihave \"{name}\" {{ discard; }}");
        let script = sieve::parse(&required).unwrap();
        let outcome = sieve::run(&script, &Mail::read(""), &Place::default()).unwrap();
        assert_eq!(outcome.actions.len(), 1, "{name}");
    }
    let computed = "require [\"ihave\", \"variables\"]; if ihave \"${a}\" {}";
    assert!(sieve::parse(computed).is_err());
}

#[test]
fn section_5_error_ends_the_run() {
    let script = "if not ihave \"vnd.x\" { error \"vnd.x is wanted\"; } discard;";
    assert!(done(script).contains("vnd.x is wanted"), "{}", done(script));
}
