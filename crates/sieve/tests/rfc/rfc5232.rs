//! RFC 5232: flags.

use crate::{Place, done, table};

const MAIL: &str = "Subject: x\nFrom: boss@frobnitzm.example.edu\n\n";

#[track_caller]
fn outcome(script: &str) -> String {
    done(script, MAIL, &Place::default())
}

#[test]
fn section_2_lists_are_cleaned() {
    for (script, expected) in [
        ("setflag [\"\", \" a  b \", \"A\"];", "keep (a b)"),
        ("setflag \"\\\\Recent \\\\Seen \\\\Odd\";", "keep (\\Seen)"),
        (
            "set \"f\" \"ümlaut good\"; setflag \"${f}\";",
            "keep (good)",
        ),
        ("setflag \"\";", "keep"),
    ] {
        assert_eq!(outcome(script), expected, "{script}");
    }
}

#[test]
fn section_3_1_setflag() {
    let script = "if header :contains \"from\" \"boss@frobnitzm.example.edu\" {
        setflag \"flagvar\" \"\\\\Flagged\"; fileinto :flags \"${flagvar}\" \"INBOX.From Boss\"; }";
    assert_eq!(outcome(script), "file INBOX.From Boss (\\Flagged)");
    assert_eq!(outcome("setflag \"a\"; setflag \"b\";"), "keep (b)");
}

#[test]
fn section_3_2_addflag_adds_up() {
    for script in [
        "addflag \"flagvar\" \"\\\\Deleted\"; addflag \"flagvar\" \"\\\\Answered\";",
        "addflag \"flagvar\" [\"\\\\Deleted\", \"\\\\Answered\"];",
        "addflag \"flagvar\" \"\\\\Deleted \\\\Answered\";",
    ] {
        let script = format!("{script} keep :flags \"${{flagvar}}\";");
        assert_eq!(
            outcome(&script),
            "explicit keep (\\Deleted \\Answered)",
            "{script}"
        );
    }
}

#[test]
fn section_3_3_removeflag() {
    assert_eq!(
        outcome("addflag \"$MDNRequired a\"; removeflag [\"\", \"$mdnrequired\", \"never\"];"),
        "keep (a)"
    );
}

#[test]
fn section_4_hasflag() {
    let with = |test: &str, expected| {
        let script = format!(
            "setflag \"A B\"; set \"MyFlags\" \"A B\";
             set \"MyVar\" \"NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded $Junk $NotJunk\";
             if {test} {{ discard; }} else {{ stop; }}"
        );
        let done = outcome(&script);
        assert_eq!(done == "discard", expected, "{test}: {done}");
    };
    for (test, expected) in [
        ("hasflag :is \"b A\"", true),
        ("hasflag [\"b\", \"A\"]", true),
        ("hasflag \"c\"", false),
        ("hasflag :contains \"MyVar\" \"Junk\"", true),
        ("hasflag :contains \"MyVar\" \"forward\"", true),
        ("hasflag :contains \"MyVar\" [\"label\", \"forward\"]", true),
        ("hasflag :contains \"MyVar\" \"forward junk\"", true),
        ("hasflag :contains \"MyVar\" \"label\"", false),
        (
            "hasflag :contains \"MyVar\" [\"label1\", \"label2\"]",
            false,
        ),
        (
            "hasflag :count \"ge\" :comparator \"i;ascii-numeric\" \"MyFlags\" \"2\"",
            true,
        ),
        (
            "hasflag :count \"ge\" :comparator \"i;ascii-numeric\" [\"MyFlags\", \"MyVar\"] \"10\"",
            true,
        ),
        ("hasflag \"unset\" \"a\"", false),
    ] {
        with(test, expected);
    }
}

#[test]
fn section_5_flags_of_an_action_come_before_the_internal_ones() {
    for (script, expected) in [
        ("setflag \"a\"; keep;", "explicit keep (a)"),
        ("setflag \"a\"; keep :flags \"b\";", "explicit keep (b)"),
        ("setflag \"a\"; fileinto :flags \"\" \"A\";", "file A"),
        (
            "setflag \"a\"; fileinto \"A\"; setflag \"b\"; fileinto \"A\";",
            "file A (b)",
        ),
        (
            "setflag \"a\"; fileinto :copy \"A\"; setflag \"b\";",
            "file A (a); keep (b)",
        ),
    ] {
        assert_eq!(outcome(script), expected, "{script}");
    }
    table(MAIL, &Place::default(), &[("hasflag \"a\"", false)]);
}
