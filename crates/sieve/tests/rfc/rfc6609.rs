//! RFC 6609: included scripts, as they run.

use sieve::Script;

use crate::{Place, done, run, script};

fn with(scripts: &[(&'static str, &str)]) -> Place {
    let parsed =
        |(name, text): &(&'static str, &str)| -> (&'static str, Script) { (*name, script(text)) };
    Place {
        scripts: scripts.iter().map(parsed).collect(),
        ..Place::default()
    }
}

#[test]
fn section_3_2_return_and_stop() {
    let place = with(&[
        ("returns", "if true { return; } fileinto \"never\";"),
        ("stops", "stop;"),
        ("files", "fileinto \"B\";"),
    ]);
    for (text, expected) in [
        ("include \"returns\"; fileinto \"A\";", "file A"),
        ("include \"stops\"; fileinto \"A\";", "keep"),
        (
            "include :personal \"files\"; include :once \"files\"; fileinto \"A\";",
            "file B; file A",
        ),
        ("include :optional \"none\";", "keep"),
        ("return; discard;", "keep"),
    ] {
        assert_eq!(done(text, "", &place), expected, "{text}");
    }
    let missing = run("include \"none\";", "", &place).unwrap_err();
    assert_eq!(
        missing.fault.to_string(),
        "there is no script \"none\" to include"
    );
}

#[test]
fn section_3_1_nothing_includes_itself() {
    let place = with(&[
        ("a", "include \"b\";"),
        ("b", "include \"a\";"),
        ("once", "include :once \"once\"; keep;"),
    ]);
    let error = run("include \"a\";", "", &place).unwrap_err();
    assert_eq!(error.fault.to_string(), "the script \"a\" includes itself");
    assert_eq!(error.script.as_deref(), Some("b"));
    assert_eq!(done("include :once \"once\";", "", &place), "explicit keep");
}

#[test]
fn section_3_4_variables_are_private_unless_global() {
    let tests = "global [\"test\", \"test_mailbox\"];
        if header :contains \"Subject\" \"${test}\" { set \"test_mailbox\" \"spam-${test}\"; }";
    let main = "global \"test\"; global \"test_mailbox\";
        set \"test\" \"$$\"; include \"subject_tests\";
        set \"test\" \"Make money\"; include \"subject_tests\";
        if string :count \"eq\" :comparator \"i;ascii-numeric\" \"${test_mailbox}\" \"1\"
          { fileinto \"${test_mailbox}\"; stop; }";
    let place = with(&[("subject_tests", tests)]);
    assert_eq!(
        done(main, "Subject: make money\n\n", &place),
        "file spam-Make money"
    );
    assert_eq!(done(main, "Subject: other\n\n", &place), "keep");

    let place = with(&[
        ("own", "set \"a\" \"theirs\"; set \"global.g\" \"${a}\";"),
        (
            "matches",
            "if header :matches \"subject\" \"*\" {} fileinto \"${1}\";",
        ),
    ]);
    let private = "set \"a\" \"mine\"; include \"own\"; fileinto \"${a}/${global.g}\";";
    assert_eq!(done(private, "", &place), "file mine/theirs");
    let matched = "include \"matches\"; fileinto \"<${1}>\";";
    assert_eq!(done(matched, "Subject: s\n\n", &place), "file s; file <>");
}

#[test]
fn section_3_5_edits_and_parts_go_both_ways() {
    let place = with(&[
        (
            "edits",
            "if exists \"X-A\" { deleteheader \"X-A\"; addheader \"X-B\" \"b\"; }",
        ),
        (
            "part",
            "if header :is \"X-Part\" \"yes\" { fileinto \"seen\"; } return;",
        ),
        ("rejects", "reject \"no\";"),
    ]);
    assert_eq!(
        done(
            "addheader \"X-A\" \"a\"; include \"edits\"; if exists \"X-B\" { fileinto \"B\"; }",
            "",
            &place
        ),
        "add X-A: a; delete X-A 0; add X-B: b; file B"
    );
    let mail = "Content-Type: multipart/mixed; boundary=b\n\n--b\nX-Part: yes\n\nx\n--b--\n";
    assert_eq!(
        done("foreverypart { include \"part\"; }", mail, &place),
        "file seen"
    );
    assert_eq!(done("include \"part\";", mail, &place), "keep");
    assert_eq!(done("include \"rejects\";", mail, &place), "reject no");
}
