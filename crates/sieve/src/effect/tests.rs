//! Effects by tables: what a script announces, under which words.

use super::*;
use crate::ast::{
    Block, Command, CommandKind, FileInto, FlagChange, MatchKind, Test, TestKind, Text,
};
use crate::ast::{Fields, Matching, Piece, Vacation, Zone};
use crate::limits;

fn script(block: impl IntoIterator<Item = CommandKind>) -> Script {
    Script {
        require: Vec::new(),
        block: commands(block),
    }
}

fn commands(block: impl IntoIterator<Item = CommandKind>) -> Block {
    block.into_iter().map(Command::from).collect()
}

fn subject(key: &str) -> Test {
    let key = format!("word {key}");
    header("subject", MatchKind::Contains, &key)
}

fn header(name: &str, kind: MatchKind, key: &str) -> Test {
    TestKind::Header {
        fields: Fields::default(),
        matching: Matching {
            kind,
            ..Matching::default()
        },
        headers: vec![name.into()],
        keys: vec![key.into()],
    }
    .into()
}

fn not(test: Test) -> Test {
    TestKind::Not(Box::new(test)).into()
}

fn all(tests: impl Into<Vec<Test>>) -> Test {
    TestKind::AllOf(tests.into()).into()
}

fn any(tests: impl Into<Vec<Test>>) -> Test {
    TestKind::AnyOf(tests.into()).into()
}

fn exists(name: &str) -> Test {
    TestKind::Exists {
        fields: Fields::default(),
        headers: vec![name.into()],
    }
    .into()
}

fn ihave() -> Test {
    TestKind::Ihave(vec!["copy".into()]).into()
}

fn holds() -> Test {
    TestKind::True.into()
}

fn when_if(test: Test, block: impl IntoIterator<Item = CommandKind>) -> CommandKind {
    CommandKind::If {
        arms: vec![(test, commands(block))],
        otherwise: None,
    }
}

fn chain<const N: usize>(arms: [(Test, CommandKind); N], otherwise: CommandKind) -> CommandKind {
    let arms = arms.map(|(test, then)| (test, commands([then])));
    CommandKind::If {
        arms: arms.into(),
        otherwise: Some(commands([otherwise])),
    }
}

fn keep() -> CommandKind {
    CommandKind::Keep { flags: None }
}

fn redirect(copy: bool) -> CommandKind {
    let address = "drop@example.net".into();
    CommandKind::Redirect { address, copy }
}

fn file(copy: bool) -> CommandKind {
    CommandKind::FileInto(FileInto {
        mailbox: "A".into(),
        copy,
        ..FileInto::default()
    })
}

fn include(name: &str, once: bool) -> CommandKind {
    CommandKind::Include {
        location: crate::ast::Location::Personal,
        once,
        optional: false,
        name: name.into(),
    }
}

fn each_part(block: impl IntoIterator<Item = CommandKind>) -> CommandKind {
    CommandKind::ForEveryPart {
        name: None,
        block: commands(block),
    }
}

/// An effect as a short line, such as `discards if the subject contains "word a"`.
fn line(effect: &Effect) -> String {
    let copy = |keeps| if keeps { "+copy" } else { "" };
    let what = match &effect.kind {
        EffectKind::Redirects {
            address,
            keeps_copy,
        } => format!("redirects{} {address}", copy(*keeps_copy)),
        EffectKind::Files {
            mailbox,
            keeps_copy,
            ..
        } => format!(
            "files{} {}",
            copy(*keeps_copy),
            mailbox.as_deref().unwrap_or("anywhere")
        ),
        EffectKind::Flags(flag) => format!("flags {}", flag.as_deref().unwrap_or("anything")),
        EffectKind::Alters { header } => {
            format!("alters {}", header.as_deref().unwrap_or("anything"))
        }
        other => format!("{other:?}").to_lowercase(),
    };
    match &effect.when {
        When::Always => what,
        When::Unforeseen(words) => format!("{what} perhaps {words}"),
        When::If(words) => format!("{what} if {words}"),
    }
}

/// The effects as lines, the last of which says whether nothing may be kept.
fn lines_with<'a>(script: &'a Script, included: &Included<'a>) -> Vec<String> {
    let effects = effects(script, included);
    let mut lines: Vec<_> = effects.list.iter().map(line).collect();
    if effects.may_keep_nothing {
        lines.push("nothing kept".to_owned());
    }
    lines
}

fn lines(block: impl IntoIterator<Item = CommandKind>) -> Vec<String> {
    lines_with(&script(block), &|_| None)
}

#[test]
fn where_the_message_is_at_the_end_decides_what_is_told() {
    use CommandKind::{Discard, Stop};
    let a = || subject("a");
    #[rustfmt::skip]
    let cases: Vec<(Vec<CommandKind>, &[&str])> = vec![
        (vec![], &[]),
        (vec![keep()], &[]),
        (vec![Discard], &["discards", "nothing kept"]),
        (vec![Discard, keep()], &[]),
        (vec![Discard, file(true)], &["files A"]),
        (vec![redirect(false)], &["redirects drop@example.net", "nothing kept"]),
        (vec![redirect(true)], &["redirects+copy drop@example.net"]),
        (vec![redirect(false), keep()], &["redirects+copy drop@example.net"]),
        (vec![keep(), redirect(false)], &["redirects+copy drop@example.net"]),
        (vec![redirect(false), file(false)], &["redirects+copy drop@example.net", "files A"]),
        (vec![redirect(true), Discard], &["redirects drop@example.net", "discards", "nothing kept"]),
        (vec![file(true)], &["files+copy A"]),
        (vec![file(false)], &["files A"]),
        (vec![file(false), keep()], &["files+copy A"]),
        (vec![Stop, Discard], &["stops"]),
        (vec![redirect(false), Stop, keep()], &["redirects drop@example.net", "stops", "nothing kept"]),
        (vec![CommandKind::Error { message: "no".into() }, Discard], &[]),
        // A copy is kept on the way that sends, whatever happens on others.
        (vec![when_if(a(), [redirect(false), keep()]), when_if(subject("b"), [Discard])],
            &[r#"redirects+copy drop@example.net if the subject contains "word a""#,
              r#"discards if the subject contains "word b""#, "nothing kept"]),
        (vec![redirect(false), when_if(a(), [keep()])],
            &["redirects drop@example.net", "nothing kept"]),
        (vec![CommandKind::Reject { reason: "no".into(), extended: false }], &["rejects", "nothing kept"]),
    ];
    for (block, expected) in cases {
        let words = format!("{block:?}");
        assert_eq!(lines(block), expected, "{words}");
    }
}

#[test]
fn conditions_are_told_as_words() {
    use CommandKind::{Discard, Stop};
    let b = || subject("b");
    #[rustfmt::skip]
    let cases: Vec<(Vec<CommandKind>, &[&str])> = vec![
        (vec![when_if(subject("a"), [Discard])], &[r#"discards if the subject contains "word a""#]),
        (vec![when_if(all([subject("a"), b()]), [Discard])],
            &[r#"discards if the subject contains "word a" and the subject contains "word b""#]),
        (vec![when_if(subject("a"), [when_if(b(), [Discard])])],
            &[r#"discards if the subject contains "word a" and the subject contains "word b""#]),
        (vec![when_if(subject("a"), [Discard]), when_if(b(), [Discard])],
            &[r#"discards if the subject contains "word a" or the subject contains "word b""#]),
        (vec![chain([(subject("a"), keep()), (b(), Discard)], redirect(false))],
            &[r#"discards if the subject contains "word b" and the subject does not contain "word a""#,
              r#"redirects drop@example.net if the subject does not contain "word a" and the subject does not contain "word b""#]),
        // What comes behind an arm that stops is under the opposite condition.
        (vec![when_if(subject("a"), [keep(), Stop]), Discard],
            &[r#"stops if the subject contains "word a""#, r#"discards if the subject does not contain "word a""#]),
        (vec![chain([(subject("a"), keep())], Stop), Discard],
            &[r#"stops if the subject does not contain "word a""#]),
        (vec![when_if(ihave(), [Discard])], &[r#"discards perhaps the server knows "copy""#]),
        (vec![when_if(all([ihave(), subject("a")]), [Discard])],
            &[r#"discards if the server knows "copy" and the subject contains "word a""#]),
        (vec![when_if(any([ihave(), subject("a")]), [Discard])],
            &[r#"discards perhaps (the server knows "copy" or the subject contains "word a")"#]),
    ];
    for (block, expected) in cases {
        let words = format!("{block:?}");
        let mut told = lines(block);
        told.retain(|line| line != "nothing kept");
        assert_eq!(told, expected, "{words}");
    }
}

#[test]
fn what_holds_for_every_message_is_no_condition() {
    let a = || subject("a b");
    let body = |key: &str| {
        Test::from(TestKind::Body {
            transform: crate::ast::BodyTransform::Text,
            matching: MatchKind::Contains.into(),
            keys: vec![key.into()],
        })
    };
    let envelope = Test::from(TestKind::Envelope {
        part: crate::ast::AddressPart::All,
        matching: MatchKind::Matches.into(),
        parts: vec!["to".into()],
        keys: vec!["*".into()],
    });
    let size = |over, octets| Test::from(TestKind::Size { over, octets });
    for test in [
        holds(),
        not(TestKind::False.into()),
        any([holds(), a()]),
        all([holds(), exists("from")]),
        any([a(), not(a())]),
        size(true, 0),
        size(true, 1),
        not(size(false, 10)),
        size(false, 1 << 40),
        exists("From"),
        not(not(exists("to"))),
        header("subject", MatchKind::Contains, ""),
        header("from", MatchKind::Contains, "@"),
        header("to", MatchKind::Matches, "*@*"),
        header("subject", MatchKind::Matches, "*"),
        header("subject", MatchKind::Regex, "^.*$"),
        body("e"),
        envelope,
    ] {
        let words = format!("{test:?}");
        let told = lines([when_if(test, [CommandKind::Discard])]);
        assert_eq!(told[0], "discards", "{words}");
    }
    for test in [
        a(),
        any([a(), subject("other")]),
        exists("X-Spam"),
        header("X-Spam", MatchKind::Contains, ""),
        size(true, 1 << 20),
        not(exists("from")),
    ] {
        let words = format!("{test:?}");
        let told = lines([when_if(test, [CommandKind::Discard])]);
        assert!(told[0].starts_with("discards if "), "{words}: {told:?}");
    }
}

/// A condition and its opposite, however they are dressed, make no condition.
#[test]
fn ways_that_together_are_all_ways_are_no_condition() {
    use CommandKind::Discard;
    let (a, b) = (|| subject("a b"), || subject("c d"));
    let nested = when_if(a(), [chain([(b(), Discard)], Discard)]);
    for block in [
        vec![chain([(a(), Discard)], Discard)],
        vec![chain([(a(), Discard), (b(), Discard)], Discard)],
        vec![when_if(a(), [Discard]), when_if(not(a()), [Discard])],
        vec![nested, when_if(not(a()), [Discard])],
        vec![when_if(a(), [Discard]), Discard],
    ] {
        assert_eq!(lines(block)[0], "discards");
    }
    let many = (0..200).map(|n| (subject(&format!("{n} {n}")), commands([Discard])));
    let long = CommandKind::If {
        arms: many.collect(),
        otherwise: Some(commands([Discard])),
    };
    assert_eq!(lines([long]), ["discards", "nothing kept"]);
}

#[test]
fn what_never_runs_is_not_told() {
    let never = || Test::from(TestKind::False);
    for test in [
        never(),
        not(holds()),
        all([never(), subject("a")]),
        not(any([holds()])),
    ] {
        assert_eq!(lines([when_if(test, [CommandKind::Discard])]), [""; 0]);
    }
    let block = chain(
        [(holds(), keep()), (subject("a"), CommandKind::Discard)],
        redirect(false),
    );
    assert_eq!(lines([block]), [""; 0]);
}

#[test]
fn what_is_computed_is_anything() {
    let computed = || Text(vec![Piece::Variable("v".to_owned())]);
    let flags = |variable: Option<&str>, flags| CommandKind::Flag {
        change: FlagChange::Add,
        variable: variable.map(str::to_owned),
        flags: vec![flags],
    };
    let special = CommandKind::FileInto(FileInto {
        mailbox: "A".into(),
        special_use: Some(computed()),
        ..FileInto::default()
    });
    let flagged = CommandKind::FileInto(FileInto {
        mailbox: computed(),
        flags: Some(vec!["\\seen $Done".into()]),
        copy: true,
        ..FileInto::default()
    });
    let add = |name: Text| CommandKind::AddHeader {
        last: false,
        name,
        value: "v".into(),
    };
    let reply = CommandKind::Vacation(Box::new(Vacation {
        reason: computed(),
        fcc: Some(FileInto {
            mailbox: "Sent".into(),
            ..FileInto::default()
        }),
        ..Vacation::default()
    }));
    #[rustfmt::skip]
    let cases: Vec<(CommandKind, &[&str])> = vec![
        (special, &["files anywhere"]),
        (flagged, &["flags \\Seen", "flags $Done", "files+copy anywhere"]),
        (flags(None, computed()), &["flags anything"]),
        (flags(None, "\\DELETED".into()), &["flags \\Deleted"]),
        (flags(Some("v"), "\\Deleted".into()), &[]),
        (add("X-A".into()), &["alters X-A"]),
        (add(computed()), &["alters anything"]),
        (reply, &["replies { from: none, text: none }", r#"filesanswer { mailbox: some("sent") }"#]),
    ];
    for (command, expected) in cases {
        assert_eq!(lines([command]), expected);
    }
}

#[test]
fn what_cannot_be_told_before_counts_as_always() {
    let test = TestKind::String {
        matching: Matching::default(),
        source: vec![Text(vec![Piece::Variable("v".to_owned())])],
        keys: vec!["x".into()],
    };
    let told = lines([when_if(test.into(), [CommandKind::Discard])]);
    assert_eq!(told[0], r#"discards perhaps the variable "v" is "x""#);
    let day = TestKind::CurrentDate {
        zone: Zone::Local,
        matching: MatchKind::Value(crate::ast::Relation::Ge).into(),
        part: crate::ast::DatePart::Date,
        keys: vec!["2026-05-01".into()],
    };
    let told = lines([when_if(day.into(), [CommandKind::Discard])]);
    assert_eq!(told[0], "discards perhaps it comes from 1 May 2026 on");
}

#[test]
fn includes_are_followed() {
    let nice = script([keep(), CommandKind::Return, CommandKind::Discard]);
    let bad = script([when_if(
        subject("a"),
        [CommandKind::Discard, CommandKind::Stop],
    )]);
    let again = script([include("again", false)]);
    let included = |name: &str| match name {
        "nice" => Some(&nice),
        "bad" => Some(&bad),
        "again" => Some(&again),
        _ => None,
    };
    let stop = r#"stops if the subject contains "word a""#;
    let discard = r#"discards if the subject contains "word a""#;
    let drop = "redirects drop@example.net";
    let copy = "redirects+copy drop@example.net";
    #[rustfmt::skip]
    let cases: Vec<(Vec<CommandKind>, Vec<&str>)> = vec![
        (vec![redirect(false), include("nice", false)], vec![copy]),
        (vec![redirect(false), include("nice", true)], vec![copy]),
        (vec![include("bad", false)], vec![discard, stop, "nothing kept"]),
        (vec![include("missing", false), redirect(false)], vec![]),
        (vec![include("again", false), redirect(false)], vec![]),
        // Perhaps it was included before, on a way that kept the message; the worse is told.
        (vec![when_if(subject("b"), [include("nice", true), CommandKind::Discard]), redirect(false), include("nice", true)],
            vec![drop, "nothing kept"]),
        (vec![include("bad", true), redirect(false), include("bad", true)],
            vec![discard, stop, drop, "nothing kept"]),
    ];
    let cases: Vec<_> = (cases.into_iter())
        .map(|(block, expected)| (script(block), expected))
        .collect();
    for (script, expected) in &cases {
        assert_eq!(lines_with(script, &included), *expected, "{script:?}");
    }
    assert_eq!(
        lines([CommandKind::Return, CommandKind::Discard]),
        ["stops"]
    );
}

#[test]
fn loops_are_followed_until_nothing_is_new() {
    let end = || CommandKind::Break { name: None };
    let a = r#"if the subject contains "word a b""#;
    #[rustfmt::skip]
    let cases: Vec<(Vec<CommandKind>, Vec<String>)> = vec![
        (vec![each_part([redirect(false), keep()])], vec!["redirects+copy drop@example.net".into()]),
        (vec![each_part([when_if(subject("a b"), [CommandKind::Discard, end()])])],
            vec![format!("discards {a}"), "nothing kept".into()]),
        // Sent in one round, not kept in a later one.
        (vec![each_part([redirect(true), when_if(subject("a b"), [CommandKind::Discard])])],
            vec!["redirects drop@example.net".into(), format!("discards {a}"), "nothing kept".into()]),
        (vec![each_part([end(), CommandKind::Discard])], vec![]),
        (vec![each_part([each_part([CommandKind::Break { name: Some("x".into()) }]), keep()]), redirect(false)],
            vec!["redirects drop@example.net".into(), "nothing kept".into()]),
    ];
    for (block, expected) in cases {
        let words = format!("{block:?}");
        assert_eq!(lines(block), expected, "{words}");
    }
}

#[test]
fn a_script_too_large_to_follow_does_all_that_stands_in_it() {
    let mut deep = commands([when_if(subject("a"), [redirect(true)]), CommandKind::Return]);
    for _ in 0..limits::NESTING_MAX {
        let mut block = vec![when_if(subject("b"), [CommandKind::Discard]).into(); 3];
        block.push(
            CommandKind::ForEveryPart {
                name: None,
                block: deep,
            }
            .into(),
        );
        deep = block;
    }
    let told = lines(deep.into_iter().map(|command| command.kind));
    let everything = [
        "discards",
        "redirects drop@example.net",
        "stops",
        "nothing kept",
    ];
    assert_eq!(told.len(), everything.len(), "{told:?}");
    for line in everything {
        assert!(
            told.iter().any(|told| told.starts_with(line)),
            "{line}: {told:?}"
        );
    }
}

#[test]
fn many_conditions_are_counted_and_words_are_bounded() {
    let long = "x".repeat(900);
    let tests: Vec<_> = (0..100).map(|n| subject(&format!("{n}{long}"))).collect();
    let told = lines([when_if(all(tests), [CommandKind::Discard])]);
    assert!(told[0].ends_with(" more conditions"), "{told:?}");
    assert!(told[0].chars().count() < 1_000, "{told:?}");
    let many = (0..1_000).map(|n| when_if(subject(&format!("{n} x")), [CommandKind::Discard]));
    let told = lines(many);
    assert!(told[0].ends_with("or 996 more conditions"), "{told:?}");
    // Behind a thousand arms that stop.
    let stops = (0..1_000).map(|n| when_if(subject(&format!("{n} x")), [CommandKind::Stop]));
    let told = lines(stops.chain([CommandKind::Discard]));
    assert!(told[1].ends_with("and 996 more conditions"), "{told:?}");
}
