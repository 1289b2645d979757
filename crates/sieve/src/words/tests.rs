//! Words for people: each kind of test and its opposite, and that nothing typed breaks them.

use super::*;
use crate::ast::{
    AddressPart, BodyTransform, DatePart, Fields, MatchKind, Matching, Mime, MimeOf, Piece,
    Relation, Zone,
};
use crate::item;

fn texts(texts: &[&str]) -> Vec<Text> {
    texts.iter().map(|text| Text::from(*text)).collect()
}

fn matching(kind: MatchKind) -> Matching {
    Matching {
        kind,
        ..Matching::default()
    }
}

fn header(name: &str, kind: MatchKind, keys: &[&str]) -> Test {
    TestKind::Header {
        fields: Fields::default(),
        matching: matching(kind),
        headers: texts(&[name]),
        keys: texts(keys),
    }
    .into()
}

fn body(kind: MatchKind, keys: &[&str]) -> Test {
    TestKind::Body {
        transform: BodyTransform::Text,
        matching: matching(kind),
        keys: texts(keys),
    }
    .into()
}

fn address(part: AddressPart, headers: &[&str], keys: &[&str]) -> Test {
    TestKind::Address {
        part,
        fields: Fields::default(),
        matching: Matching::default(),
        headers: texts(headers),
        keys: texts(keys),
    }
    .into()
}

fn item(name: &str, kind: MatchKind, keys: &[&str]) -> Test {
    TestKind::Environment {
        matching: matching(kind),
        name: name.into(),
        keys: texts(keys),
    }
    .into()
}

fn parameter(field: &str, parameter: &str) -> Test {
    let mime = Some(Mime {
        any_child: true,
        of: MimeOf::Param(texts(&[parameter])),
    });
    TestKind::Header {
        fields: Fields { index: None, mime },
        matching: matching(MatchKind::Matches),
        headers: texts(&[field]),
        keys: texts(&["*.exe"]),
    }
    .into()
}

fn day(relation: Relation) -> Test {
    TestKind::CurrentDate {
        zone: Zone::Local,
        matching: matching(MatchKind::Value(relation)),
        part: DatePart::Date,
        keys: texts(&["2026-05-01"]),
    }
    .into()
}

fn any(tests: impl Into<Vec<Test>>) -> Test {
    TestKind::AnyOf(tests.into()).into()
}

fn all(tests: impl Into<Vec<Test>>) -> Test {
    TestKind::AllOf(tests.into()).into()
}

#[test]
fn a_test_and_its_opposite_are_words_for_people() {
    use MatchKind::{Contains, Is, Matches, Value};
    let large = |over| {
        Test::from(TestKind::Size {
            over,
            octets: 1 << 20,
        })
    };
    let exists = |headers: &[&str]| {
        Test::from(TestKind::Exists {
            fields: Fields::default(),
            headers: texts(headers),
        })
    };
    #[rustfmt::skip]
    let cases = [
        (header("Subject", Contains, &["tucows"]),
            r#"the subject contains "tucows""#, r#"the subject does not contain "tucows""#),
        (header("X-Spam", Is, &["a", "b", "c", "d", "e"]),
            r#"the field "X-Spam" is "a", "b", "c" or 2 more"#,
            r#"the field "X-Spam" is not "a", "b", "c" or 2 more"#),
        (address(AddressPart::All, &["from"], &["ann@example.org"]),
            r#"the sender is "ann@example.org""#, r#"the sender is not "ann@example.org""#),
        (address(AddressPart::Domain, &["to", "cc"], &["example.org"]),
            r#"the domain of an address in To or Cc is "example.org""#,
            r#"the domain of no address in To or Cc is "example.org""#),
        (any([header("subject", Contains, &["x"]), body(Contains, &["x"])]),
            r#"the subject or the text contains "x""#, r#"neither the subject nor the text contains "x""#),
        (any([parameter("content-disposition", "filename"), parameter("Content-Type", "name")]),
            r#"the name of an attachment is like "*.exe""#, r#"the name of no attachment is like "*.exe""#),
        (item(item::TRUSTED_SENDER, Is, &["true"]), "the sender is trusted", "the sender is not trusted"),
        (item(item::HAS_ATTACHMENT, Is, &["false"]), "the message has no attachment", "the message has an attachment"),
        (item(item::PRIORITY, Is, &["high"]), r#"the priority is "high""#, r#"the priority is not "high""#),
        (item(item::LARGEST_ATTACHMENT, Value(Relation::Gt), &["2048"]),
            "the size of the largest attachment is more than 2 KiB",
            "the size of the largest attachment is not more than 2 KiB"),
        (large(true), "the message is larger than 1 MiB", "the message is not larger than 1 MiB"),
        (exists(&["from"]), "the message has the field From", "the message has no field From"),
        (exists(&["from", "X-A"]), r#"the message has the fields From and "X-A""#,
            r#"the message lacks one of the fields From and "X-A""#),
        (day(Relation::Ge), "it comes from 1 May 2026 on", "it comes before 1 May 2026"),
        (day(Relation::Le), "it comes until 1 May 2026", "it comes after 1 May 2026"),
        (all([header("subject", Contains, &["a"]), any([large(true), day(Relation::Le)])]),
            r#"the subject contains "a" and (the message is larger than 1 MiB or it comes until 1 May 2026)"#,
            r#"the subject does not contain "a" or (the message is not larger than 1 MiB and it comes after 1 May 2026)"#),
        (header("Subject", Matches, &["a*"]), r#"the subject is like "a*""#, r#"the subject is not like "a*""#),
    ];
    for (test, yes, no) in cases {
        assert_eq!(whole(&test, true), yes);
        assert_eq!(whole(&test, false), no);
        assert_eq!(whole(&TestKind::Not(Box::new(test)).into(), true), no);
    }
}

#[test]
fn a_value_cannot_end_its_quotes_and_is_cut() {
    let test = header("subject", MatchKind::Is, &["x\" or always \\"]);
    assert_eq!(whole(&test, true), r#"the subject is "x\" or always \\""#);
    let test = header("subject", MatchKind::Is, &["a".repeat(1_000).as_str()]);
    let shown = "a".repeat(VALUE_SHOWN_MAX_CHARS);
    assert_eq!(whole(&test, true), format!("the subject is \"{shown}…\""));
    let test = TestKind::Header {
        fields: Fields::default(),
        matching: Matching::default(),
        headers: vec![Text(vec![Piece::Variable("n".to_owned())])],
        keys: vec![Text(vec![Piece::Match(1)])],
    };
    assert_eq!(
        whole(&test.into(), true),
        "the field of a computed name is a computed value"
    );
}

#[test]
fn many_conditions_and_deep_ones_are_counted() {
    let leaf = |n: usize| header("subject", MatchKind::Is, &[n.to_string().as_str()]);
    let seven: Vec<_> = (0..7).map(leaf).collect();
    let words = whole(&all(seven), true);
    assert!(
        words.ends_with(r#"the subject is "3" and 3 more conditions"#),
        "{words}"
    );
    let mut deep = leaf(0);
    for n in 0..31 {
        deep = all([leaf(n), any([deep, TestKind::True.into()]), leaf(n)]);
    }
    let words = whole(&deep, true);
    assert!(words.chars().count() < 2_000, "{words}");
    assert!(words.contains(" conditions"), "{words}");
}
