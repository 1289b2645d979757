//! RFC 5229: variables.

use crate::{Place, done, holds};

const MAIL: &str = "\
Subject: [acme-users] [fwd] version 1.0 is out
List-ID: Dev list <dev.list@example.org>
To: coyote@ACME.Example.COM
Cc: x@example.com

";

/// What a string is once its variables are in place.
#[track_caller]
fn expanded(before: &str, string: &str) -> String {
    let script = format!("{before} reject \"<{string}>\";");
    let done = done(&script, MAIL, &Place::default());
    let inner = done
        .strip_prefix("reject <")
        .and_then(|text| text.strip_suffix('>'));
    inner.unwrap_or_else(|| panic!("{done}")).to_owned()
}

#[test]
fn section_3_interpretation_of_strings() {
    let company = "set \"company\" \"ACME\";";
    for (string, expected) in [
        ("&%${}!", "&%${}!"),
        ("${doh!}", "${doh!}"),
        ("${full}", ""),
        ("${company}", "ACME"),
        ("${COMPANY}", "ACME"),
        ("${BAD${Company}", "${BADACME"),
        ("${President, ${Company} Inc.}", "${President, ACME Inc.}"),
    ] {
        assert_eq!(expanded(company, string), expected, "{string}");
    }
}

#[test]
fn section_3_1_quoting_comes_before_variables() {
    let foo = "set \"foo\" \"bar\"; set \"dollar\" \"$\";";
    for (string, expected) in [
        ("${fo\\o}", "bar"),
        ("${fo\\\\o}", "${fo\\o}"),
        ("\\${foo}", "bar"),
        ("\\\\${foo}", "\\bar"),
        ("regarding ${dollar}{beep}", "regarding ${beep}"),
        ("${hex:24}{foo}", "bar"),
    ] {
        assert_eq!(expanded(foo, string), expected, "{string}");
    }
}

#[test]
fn section_3_2_match_variables() {
    for (test, string, expected) in [
        ("header :matches \"List-ID\" \"*<*@*\"", "${2}", "dev.list"),
        (
            "header :matches \"Subject\" \"[*] *\"",
            "${1}|${2}|${3}",
            "acme-users|[fwd] version 1.0 is out|",
        ),
        (
            "address :matches [\"To\", \"Cc\"] [\"coyote@**.com\", \"wile@**.com\"]",
            "${0}|${1}|${2}|${002}",
            "coyote@ACME.Example.COM||ACME.Example|ACME.Example",
        ),
        (
            "anyof (true, address :domain :matches \"To\" \"*.com\")",
            "${1}",
            "",
        ),
        (
            "header :matches \"subject\" \"[????-*] *\"",
            "${1}${2}${3}${4}${5}",
            "acmeusers",
        ),
        ("not header :matches \"subject\" \"zzz*\"", "${1}", ""),
    ] {
        assert_eq!(
            expanded(&format!("if not {test} {{ stop; }}"), string),
            expected,
            "{test}"
        );
    }
}

#[test]
fn section_3_2_a_match_that_fails_leaves_the_variables() {
    let before = "if header :matches \"subject\" \"[*] *\" {}
        if header :matches \"subject\" \"nothing*\" {}
        if header :contains \"subject\" \"version\" {}";
    assert_eq!(expanded(before, "${1}"), "acme-users");
}

#[test]
fn section_4_set_and_its_modifiers() {
    for (set, expected) in [
        ("set \"b\" \"${a}\";", "juMBlEd lETteRS"),
        ("set :length \"b\" \"${a}\";", "15"),
        ("set :lower \"b\" \"${a}\";", "jumbled letters"),
        ("set :upper \"b\" \"${a}\";", "JUMBLED LETTERS"),
        ("set :upperfirst \"b\" \"${a}\";", "JuMBlEd lETteRS"),
        ("set :upperfirst :lower \"b\" \"${a}\";", "Jumbled letters"),
        ("set :lowerfirst :upper \"b\" \"${a}\";", "jUMBLED LETTERS"),
        ("set :quotewildcard \"b\" \"Rock*\";", "Rock\\*"),
        ("set :quotewildcard :length \"b\" \"Rock*\";", "6"),
        ("set \"b\" \"x\"; set \"B\" \"${b}y\";", "xy"),
        ("set :length \"b\" \"äöü\";", "3"),
    ] {
        let before = format!("set \"a\" \"juMBlEd lETteRS\"; {set}");
        assert_eq!(expanded(&before, "${b}"), expected, "{set}");
    }
}

#[test]
fn section_5_string() {
    let none = Place::default();
    for (test, expected) in [
        ("string :matches \" a pending b \" \"* pending *\"", true),
        ("string :is \" a \" \"a\"", false),
        ("string [\"a\", \"b\"] [\"c\", \"B\"]", true),
        (
            "string :count \"eq\" :comparator \"i;ascii-numeric\" [\"a\", \"\", \"${x}\", \"b\"] \"2\"",
            true,
        ),
    ] {
        assert_eq!(holds(test, MAIL, &none), expected, "{test}");
    }
}

#[test]
fn section_6_values_are_cut_and_no_error() {
    let long = "a".repeat(4_000);
    let before = format!(
        "set \"a\" \"{long}\"; set \"b\" \"${{a}}${{a}}${{a}}\"; set :length \"n\" \"${{b}}\";"
    );
    assert_eq!(expanded(&before, "${n}"), "8192");
}
