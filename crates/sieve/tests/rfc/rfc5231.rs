//! RFC 5231: relational tests.

use crate::{Place, done, table};

/// The message of section 6.
const MAIL: &str = "\
received: from a.test
received: from b.test
subject: example
to: foo@example.com, baz@example.com
cc: qux@example.com

";

#[test]
fn section_4_1_value() {
    table(
        "X-Priority: 2\nX-Priority: 7\nFrom: n@example.com\n\n",
        &Place::default(),
        &[
            (
                "header :value \"lt\" :comparator \"i;ascii-numeric\" \"x-priority\" \"3\"",
                true,
            ),
            (
                "header :value \"gt\" :comparator \"i;ascii-numeric\" \"x-priority\" \"3\"",
                true,
            ),
            (
                "header :value \"gt\" :comparator \"i;ascii-numeric\" \"x-priority\" \"7\"",
                false,
            ),
            (
                "header :value \"ge\" :comparator \"i;ascii-numeric\" \"x-priority\" \"7\"",
                true,
            ),
            (
                "header :value \"eq\" :comparator \"i;ascii-numeric\" \"x-priority\" \"02\"",
                true,
            ),
            (
                "header :value \"ne\" :comparator \"i;ascii-numeric\" \"x-priority\" \"2\"",
                true,
            ),
            (
                "header :value \"le\" :comparator \"i;ascii-numeric\" \"x-missing\" \"9\"",
                false,
            ),
            (
                "address :value \"gt\" :all :comparator \"i;ascii-casemap\" \"from\" \"M\"",
                true,
            ),
            (
                "address :value \"gt\" :comparator \"i;octet\" \"from\" \"z\"",
                false,
            ),
        ],
    );
}

#[test]
fn section_6_count() {
    table(
        MAIL,
        &Place::default(),
        &[
            (
                "address :count \"ge\" :comparator \"i;ascii-numeric\" [\"to\", \"cc\"] \"3\"",
                true,
            ),
            (
                "anyof (address :count \"ge\" :comparator \"i;ascii-numeric\" \"to\" \"3\",
                 address :count \"ge\" :comparator \"i;ascii-numeric\" \"cc\" \"3\")",
                false,
            ),
            (
                "header :count \"ge\" :comparator \"i;ascii-numeric\" \"received\" \"3\"",
                false,
            ),
            (
                "header :count \"ge\" :comparator \"i;ascii-numeric\" [\"received\", \"subject\"] \"3\"",
                true,
            ),
            (
                "header :count \"ge\" :comparator \"i;ascii-numeric\" [\"to\", \"cc\"] \"3\"",
                false,
            ),
            (
                "header :count \"eq\" :comparator \"i;ascii-numeric\" \"missing\" \"0\"",
                true,
            ),
        ],
    );
}

#[test]
fn section_4_2_addresses_count_whatever_part_is_asked_for() {
    table(
        "To: a+x@example.org, b@example.org\n\n",
        &Place::default(),
        &[(
            "address :detail :count \"eq\" :comparator \"i;ascii-numeric\" \"to\" \"2\"",
            true,
        )],
    );
}

#[test]
fn section_4_2_the_null_path_counts_nothing() {
    for (from, count) in [("", "0"), ("a@example.org", "1")] {
        let place = Place {
            envelope: vec![("from", from)],
            ..Place::default()
        };
        let test =
            format!("envelope :count \"eq\" :comparator \"i;ascii-numeric\" \"from\" \"{count}\"");
        table(MAIL, &place, &[(&test, true)]);
    }
}

#[test]
fn section_7_extended_example() {
    let script = "if header :value \"lt\" :comparator \"i;ascii-numeric\" [\"x-priority\"] [\"3\"]
           { fileinto \"Priority\"; }
        elsif address :count \"gt\" :comparator \"i;ascii-numeric\" [\"to\"] [\"5\"]
           { fileinto \"SPAM\"; }
        elsif address :value \"gt\" :all :comparator \"i;ascii-casemap\" [\"from\"] [\"M\"]
           { fileinto \"From N-Z\"; }
        else { fileinto \"From A-M\"; }
        if allof (address :count \"eq\" :comparator \"i;ascii-numeric\" [\"to\", \"cc\"] [\"1\"],
                  address :all :comparator \"i;ascii-casemap\" [\"to\", \"cc\"] [\"me@foo.example.com\"])
           { fileinto \"Only me\"; }";
    for (mail, expected) in [
        ("X-Priority: 1\n\n", "file Priority"),
        (
            "To: a@b.test, b@b.test, c@b.test, d@b.test, e@b.test, f@b.test\n\n",
            "file SPAM",
        ),
        (
            "From: zoe@example.org\nTo: me@foo.example.com\n\n",
            "file From N-Z; file Only me",
        ),
        (
            "From: ann@example.org\nTo: me@foo.example.com, x@b.test\n\n",
            "file From A-M",
        ),
    ] {
        assert_eq!(done(script, mail, &Place::default()), expected, "{mail}");
    }
}
