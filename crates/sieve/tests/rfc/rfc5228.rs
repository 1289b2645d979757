//! RFC 5228: tests, actions and the rules of runs.

use crate::{Place, done, run, table};

const COYOTE: &str = "\
Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)
From: coyote@desert.example.org
To: roadrunner@acme.example.com
Subject: I have a present for you

Look, I'm sorry about the whole anvil thing.
";

const MIXED: &str = "\
Subject:   $$$ =?utf-8?q?=C3=84rger?= $$$\t
From: Tim <Tim@example.com>
To: \"Last, First\" <a+list@example.org>, Group: b@Example.NET, c@example.org;
Cc:
X-Empty:
X-Folded: one
 two
Broken: no address here

";

fn nowhere() -> Place {
    Place::default()
}

#[test]
fn section_2_4_2_header_names_know_no_case_and_values_no_outer_space() {
    table(
        MIXED,
        &nowhere(),
        &[
            ("header :is \"SUBJECT\" \"$$$ Ärger $$$\"", true),
            ("header :is \"subject\" \" $$$ Ärger $$$\"", false),
            ("header :is \"x-folded\" \"one two\"", true),
            ("header :is \"X-Empty\" \"\"", true),
            ("header :is \"X-Missing\" \"\"", false),
        ],
    );
}

#[test]
fn section_2_7_1_match_types() {
    table(
        COYOTE,
        &nowhere(),
        &[
            ("header \"subject\" \"i HAVE a present for you\"", true),
            ("header :is \"subject\" \"I have\"", false),
            ("header :contains \"subject\" \"PRESENT\"", true),
            ("header :contains \"subject\" \"\"", true),
            ("header :contains \"missing\" \"\"", false),
            ("header :matches \"subject\" \"I * you\"", true),
            ("header :matches \"subject\" \"? have*\"", true),
            ("header :matches \"subject\" \"?? have*\"", false),
            ("header :matches \"subject\" \"have\"", false),
            ("header :matches \"subject\" \"\"", false),
            ("header :matches \"subject\" \"I \\\\have*\"", true),
            ("header :matches \"subject\" \"\\\\*\"", false),
        ],
    );
}

#[test]
fn section_2_7_3_comparators() {
    table(
        COYOTE,
        &nowhere(),
        &[
            (
                "header :contains :comparator \"i;octet\" \"subject\" \"PRESENT\"",
                false,
            ),
            (
                "header :contains :comparator \"i;octet\" \"subject\" \"present\"",
                true,
            ),
            (
                "header :contains :comparator \"i;ascii-casemap\" \"subject\" \"PRESENT\"",
                true,
            ),
        ],
    );
}

#[test]
fn section_2_10_2_implicit_keep() {
    for (script, expected) in [
        ("", "keep"),
        ("keep;", "explicit keep"),
        ("discard;", "discard"),
        ("fileinto \"A\";", "file A"),
        (
            "redirect \"bart@example.com\";",
            "redirect bart@example.com",
        ),
        ("if false { discard; }", "keep"),
        ("stop; discard;", "keep"),
    ] {
        assert_eq!(done(script, COYOTE, &nowhere()), expected, "{script}");
    }
}

#[test]
fn section_2_10_3_a_message_comes_into_a_folder_once() {
    assert_eq!(
        done(
            "fileinto \"A\"; fileinto \"B\"; fileinto \"A\"; keep; keep;",
            COYOTE,
            &nowhere()
        ),
        "file A; file B; explicit keep"
    );
}

#[test]
fn section_2_10_6_an_error_ends_the_run_and_says_where() {
    let error = run(
        "if true {\n  fileinto \"A\";\n  error \"enough\";\n}",
        COYOTE,
        &nowhere(),
    );
    let error = error.unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 4, column 3: the script says: enough"
    );
}

#[test]
fn section_3_1_the_first_arm_that_holds_is_the_only_one() {
    let script = "if header :contains \"from\" \"coyote\" { discard; }
        elsif header :contains [\"subject\"] [\"$$$\"] { discard; }
        else { fileinto \"INBOX\"; }";
    assert_eq!(done(script, COYOTE, &nowhere()), "discard");
    assert_eq!(done(script, MIXED, &nowhere()), "discard");
    assert_eq!(done(script, "Subject: x\n\n", &nowhere()), "file INBOX");
    let nested = "if true { if false { discard; } else { fileinto \"A\"; } } else { discard; }";
    assert_eq!(done(nested, COYOTE, &nowhere()), "file A");
}

#[test]
fn section_5_1_address() {
    table(
        MIXED,
        &nowhere(),
        &[
            ("address :is :all \"from\" \"tim@example.com\"", true),
            ("address :is :localpart \"from\" \"tim\"", true),
            ("address :is :domain \"from\" \"EXAMPLE.com\"", true),
            ("address \"to\" \"a+list@example.org\"", true),
            ("address :domain [\"to\", \"cc\"] \"example.net\"", true),
            ("address :localpart \"to\" \"c\"", true),
            ("address :contains \"from\" \"<\"", false),
            ("address :contains \"to\" \"Last\"", false),
            ("address :contains \"cc\" \"\"", false),
            ("address :is \"bcc\" \"\"", false),
        ],
    );
}

#[test]
fn section_5_2_and_5_3_allof_and_anyof_stop_early() {
    table(
        COYOTE,
        &nowhere(),
        &[
            ("allof (true, true)", true),
            ("allof (true, false)", false),
            ("anyof (false, false)", false),
            ("anyof (false, true)", true),
            ("not anyof (false, not true)", true),
        ],
    );
    let script = "if anyof (true, header :matches \"subject\" \"I *\") { fileinto \"x${1}\"; }";
    assert_eq!(done(script, COYOTE, &nowhere()), "file x");
}

#[test]
fn section_5_4_envelope() {
    let place = Place {
        envelope: vec![
            ("from", "Tim+x@Example.com"),
            ("to", "me@example.org"),
            ("auth", "tim"),
        ],
        ..Place::default()
    };
    table(
        COYOTE,
        &place,
        &[
            ("envelope :all :is \"from\" \"tim+x@example.com\"", true),
            ("envelope :domain \"from\" \"example.com\"", true),
            ("envelope :user \"from\" \"tim\"", true),
            ("envelope [\"from\", \"TO\"] \"me@example.org\"", true),
            ("envelope \"auth\" \"tim\"", true),
            ("envelope \"from\" \"coyote@desert.example.org\"", false),
        ],
    );
    let bounce = Place {
        envelope: vec![("from", "")],
        ..Place::default()
    };
    table(
        COYOTE,
        &bounce,
        &[
            ("envelope \"from\" \"\"", true),
            ("envelope :domain \"from\" \"\"", true),
            ("envelope :detail \"from\" \"\"", true),
            ("envelope :contains \"from\" \"@\"", false),
            ("envelope :is \"to\" \"\"", false),
        ],
    );
}

#[test]
fn section_5_5_exists() {
    table(
        MIXED,
        &nowhere(),
        &[
            ("exists \"subject\"", true),
            ("exists [\"From\", \"x-empty\"]", true),
            ("exists [\"From\", \"Date\"]", false),
            ("not exists [\"Date\"]", true),
        ],
    );
}

#[test]
fn section_5_9_size_is_of_the_whole_message() {
    let octets = COYOTE.replace('\n', "\r\n").len();
    for (test, expected) in [
        (format!("size :over {octets}"), false),
        (format!("size :over {}", octets - 1), true),
        (format!("size :under {octets}"), false),
        (format!("size :under {}", octets + 1), true),
        ("size :over 1K".to_owned(), false),
    ] {
        table(COYOTE, &nowhere(), &[(&test, expected)]);
    }
}
