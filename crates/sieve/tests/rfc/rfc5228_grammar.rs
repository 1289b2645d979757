//! RFC 5228: the grammar of section 8 and the rules of section 2 that are known when a script is
//! saved.

/// Whether a script is accepted as it stands.
fn accepted(script: &str) -> bool {
    sieve::parse(script).is_ok()
}

#[test]
fn section_2_2_to_2_4_blanks_comments_and_literals() {
    for (script, expected) in [
        (
            "if size :over 100k { # this is a comment\n  discard;\n}",
            true,
        ),
        (
            "if size :over 100K { /* this is a comment\n   this is still a comment */ discard /* this is a comment\n   */ ;\n}",
            true,
        ),
        ("keep/* a comment in a */ /* row */;", true),
        ("/* comments /* do not nest */ keep;", true),
        ("/* comments /* do not nest */ */ keep;", false),
        ("KEEP; Keep; kEEp;", true),
        (
            "if header :contains \"a\" \"one \\\"two\\\" \\\\ three\" { stop; }",
            true,
        ),
        ("if header :contains \"a\" 'b' { stop; }", false),
        ("if size :over 1.5M { stop; }", false),
        ("if size :over -1 { stop; }", false),
        ("if size :over 4294967296 { stop; }", true),
    ] {
        assert_eq!(accepted(script), expected, "{script}");
    }
}

#[test]
fn section_2_4_2_multi_line_texts() {
    let head = "require \"reject\"; ";
    for (script, expected) in [
        (
            "reject text:\nThis is one line.\n..\n.\n;",
            Some("This is one line.\r\n.\r\n"),
        ),
        ("reject text: # why\r\na\r\n.\r\n;", Some("a\r\n")),
        ("reject text:\n.\n;", Some("")),
        ("reject text: a\n.\n;", None),
        ("reject text:\na\n. \n;", None),
    ] {
        let reason = sieve::parse(&format!("{head}{script}"))
            .ok()
            .and_then(|script| {
                let [command] = script.block.as_slice() else {
                    panic!("one command is wanted: {script:?}");
                };
                let sieve::ast::CommandKind::Reject { reason, .. } = &command.kind else {
                    panic!("a reject is wanted: {script:?}");
                };
                reason.constant()
            });
        assert_eq!(reason.as_deref(), expected, "{script}");
    }
}

#[test]
fn section_2_6_arguments() {
    for (script, expected) in [
        // Tagged arguments stand before the others, in any order among themselves.
        ("if header :is :comparator \"i;octet\" \"a\" \"b\" {}", true),
        ("if header :comparator \"i;octet\" :is \"a\" \"b\" {}", true),
        ("if header \"a\" :is \"b\" {}", false),
        ("if header \"a\" \"b\" :is {}", false),
        // A list of one is a text, but a text is wanted where a text is wanted.
        ("if header [\"a\"] [\"b\"] {}", true),
        ("redirect [\"a@example.org\"];", false),
        ("redirect \"a@example.org\" \"b@example.org\";", false),
        ("redirect 1;", false),
    ] {
        assert_eq!(accepted(script), expected, "{script}");
    }
}

#[test]
fn section_3_1_and_3_2_controls() {
    for (script, expected) in [
        ("if true {} elsif true {} elsif true {} else {}", true),
        ("if true {} else {} else {}", false),
        ("elsif true {}", false),
        ("if true {} keep; else {}", false),
        ("if true {} /* a comment */ else {}", true),
        ("if true {};", false),
        (
            "require [\"fileinto\", \"reject\"];\nrequire \"fileinto\";\nrequire \"vacation\";",
            true,
        ),
        ("require \"fileinto\"; keep; require \"reject\";", false),
        ("if true { require \"fileinto\"; }", false),
        ("require \"comparator-i;octet\";", true),
        ("require \"Fileinto\";", false),
        ("require \"vnd.example.unknown\";", false),
        ("require;", false),
        ("fileinto \"INBOX\";", false),
    ] {
        assert_eq!(accepted(script), expected, "{script}");
    }
}

/// Section 9, its extended example.
// long: the script stands in it
#[test]
fn section_9_the_example_is_accepted() {
    let script = "#
# Example Sieve Filter
# Declare any optional features or extension used by the script
#
require [\"fileinto\"];

#
# Handle messages from known mailing lists
# Move messages from IETF filter discussion list to filter mailbox
#
if header :is \"Sender\" \"owner-ietf-mta-filters@imc.example.org\"
        {
        fileinto \"filter\";  # move to \"filter\" mailbox
        }
#
# Keep all messages to or from people in my company
#
elsif address :DOMAIN :is [\"From\", \"To\"] \"example.com\"
        {
        keep;               # keep in \"In\" mailbox
        }
#
# Try and catch unsolicited email.
#
elsif anyof (NOT address :all :contains
               [\"To\", \"Cc\", \"Bcc\"] \"me@example.com\",
             header :matches \"subject\"
               [\"*make*money*fast*\", \"*university*dipl*mas*\"])
        {
        fileinto \"spam\";   # move to \"spam\" mailbox
        }
else
        {
        # Move all other (non-company) mail to \"personal\" mailbox.
        fileinto \"personal\";
        }
";
    let place = crate::Place::default();
    for (mail, expected) in [
        (
            "Sender: owner-ietf-mta-filters@imc.example.org\n\n",
            "file filter",
        ),
        ("From: ann@example.com\n\n", "explicit keep"),
        (
            "From: bob@example.org\nTo: me@example.com\n\n",
            "explicit keep",
        ),
        (
            "From: bob@example.org\nTo: me@example.com.test\n\n",
            "file personal",
        ),
        (
            "From: bob@example.org\nTo: you@example.com.test\n\n",
            "file spam",
        ),
        (
            "From: a@example.org\nCc: me@example.com\nSubject: make money real fast!\n\n",
            "file spam",
        ),
    ] {
        let script = sieve::parse(script).expect("the example of the RFC");
        let outcome = sieve::run(&script, &crate::Mail::read(mail), &place).expect(mail);
        let [action] = outcome.actions.as_slice() else {
            panic!("one action is wanted: {outcome:?}");
        };
        assert_eq!(crate::words_of(action), expected, "{mail}");
    }
}
