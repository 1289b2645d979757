//! What holds for every run, on scripts that no check has seen. What each RFC says is tested by its
//! own file below `tests/rfc`.

use std::borrow::Cow;

use super::*;
use crate::ast::{
    BodyTransform, Command, CommandKind, FileInto, FlagChange, Location, MatchKind, Matching,
    Piece, Pos, Test, TestKind, Vacation,
};
use crate::limits;
use crate::message::Part;
use crate::outcome::Action;

struct Mail(Vec<Part>, &'static str);

impl Mail {
    fn with(fields: &[(&str, &str)]) -> Self {
        let field = |(name, value): &(&str, &str)| Field {
            name: (*name).to_owned(),
            raw: (*value).to_owned(),
            decoded: (*value).to_owned(),
        };
        let part = Part {
            parent: None,
            content_type: "text/plain".to_owned(),
            fields: fields.iter().map(field).collect(),
        };
        Self(vec![part], "body")
    }
}

impl Message for Mail {
    fn size(&self) -> u64 {
        1_000
    }
    fn parts(&self) -> &[Part] {
        &self.0
    }
    fn text(&self, _: usize) -> Cow<'_, str> {
        Cow::Borrowed(self.1)
    }
    fn words(&self, _: usize) -> Cow<'_, str> {
        Cow::Borrowed(self.1)
    }
    fn raw_body(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.1.as_bytes())
    }
}

/// Knows nothing but scripts.
#[derive(Default)]
struct Scripts(Vec<(&'static str, Script)>);

impl World for Scripts {
    fn now(&self) -> i64 {
        0
    }
    fn local_offset(&self, _: i64) -> i32 {
        0
    }
    fn envelope(&self, _: &str) -> Option<String> {
        None
    }
    fn environment(&self, _: &str) -> Option<String> {
        None
    }
    fn mailbox_exists(&self, _: &str) -> bool {
        false
    }
    fn special_use(&self, _: &str) -> Option<String> {
        None
    }
    fn spam_percent(&self) -> Option<u8> {
        None
    }
    fn virus_level(&self) -> Option<u8> {
        None
    }
    fn is_duplicate(&self, _: &str, _: &str, _: u64) -> bool {
        false
    }
    fn script(&self, name: &str) -> Option<&Script> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, script)| script)
    }
}

fn script(kinds: Vec<CommandKind>) -> Script {
    Script {
        require: Vec::new(),
        block: kinds.into_iter().map(Command::from).collect(),
    }
}

fn ran(kinds: Vec<CommandKind>) -> Result<Outcome, Fault> {
    let mail = Mail::with(&[("Subject", "Hello")]);
    run(&script(kinds), &mail, &Scripts::default()).map_err(|error| error.fault)
}

fn file_into(mailbox: &str, copy: bool) -> CommandKind {
    CommandKind::FileInto(FileInto {
        mailbox: mailbox.into(),
        copy,
        ..FileInto::default()
    })
}

fn redirect(address: &str) -> CommandKind {
    let (address, copy) = (address.into(), false);
    CommandKind::Redirect { address, copy }
}

fn reject() -> CommandKind {
    CommandKind::Reject {
        reason: "no".into(),
        extended: false,
    }
}

fn vacation() -> CommandKind {
    CommandKind::Vacation(Box::default())
}

fn set(name: &str, value: Vec<Piece>) -> CommandKind {
    CommandKind::Set {
        modifiers: Vec::new(),
        name: name.to_owned(),
        value: Text(value),
    }
}

fn variable(name: &str) -> Piece {
    Piece::Variable(name.to_owned())
}

fn include(name: Text, once: bool, optional: bool) -> CommandKind {
    CommandKind::Include {
        location: Location::Personal,
        once,
        optional,
        name,
    }
}

fn when(test: TestKind, then: CommandKind) -> CommandKind {
    let arms = vec![(Test::from(test), vec![Command::from(then)])];
    CommandKind::If {
        arms,
        otherwise: None,
    }
}

#[test]
fn the_implicit_keep_stays_unless_an_action_cancels_it() {
    let keep = || CommandKind::Keep { flags: None };
    for (commands, kept) in [
        (vec![], true),
        (vec![keep()], false),
        (vec![CommandKind::Discard], false),
        (vec![CommandKind::Stop, CommandKind::Discard], true),
        (vec![file_into("A", false)], false),
        (vec![file_into("A", true)], true),
        (vec![file_into("A", true), file_into("A", false)], false),
        (vec![redirect("a@example.org")], false),
        (vec![reject()], false),
        (vec![vacation()], true),
    ] {
        assert_eq!(
            ran(commands.clone()).unwrap().implicit_keep,
            kept,
            "{commands:?}"
        );
    }
}

#[test]
fn the_same_action_is_done_once_and_the_last_flags_win() {
    let flagged = |flags: &str| {
        let flags = vec![Text::from(flags)];
        CommandKind::Flag {
            change: FlagChange::Set,
            variable: None,
            flags,
        }
    };
    let outcome = ran(vec![
        flagged("one"),
        file_into("A", true),
        redirect("a@example.org"),
        flagged("two"),
        file_into("A", false),
        redirect("a@example.org"),
        CommandKind::Discard,
        CommandKind::Discard,
    ])
    .unwrap();
    let [
        Action::FileInto {
            copy: false, flags, ..
        },
        Action::Redirect { .. },
        Action::Discard,
    ] = outcome.actions.as_slice()
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(flags, &["two"]);
    assert_eq!(outcome.flags.as_deref(), Some(&["two".to_owned()][..]));
}

#[test]
fn what_cannot_be_done_together_is_an_error() {
    let keep = || CommandKind::Keep { flags: None };
    for (first, second) in [
        (reject(), reject()),
        (reject(), keep()),
        (reject(), file_into("A", true)),
        (redirect("a@example.org"), reject()),
        (vacation(), reject()),
        (reject(), vacation()),
        (vacation(), vacation()),
    ] {
        let refused = ran(vec![first.clone(), second.clone()]).unwrap_err();
        assert!(
            matches!(refused, Fault::Conflict(..)),
            "{first:?} {second:?}: {refused}"
        );
    }
    assert!(ran(vec![CommandKind::Discard, reject()]).is_ok());
}

#[test]
fn what_a_check_would_refuse_ends_the_run_with_words() {
    let name = || Text(vec![variable("x")]);
    let from = Vacation {
        from: Some(name()),
        ..Vacation::default()
    };
    let global = CommandKind::Include {
        location: Location::Global,
        once: false,
        optional: true,
        name: "a".into(),
    };
    let header = |name: &str| CommandKind::AddHeader {
        last: false,
        name: name.into(),
        value: "x".into(),
    };
    for command in [
        CommandKind::Redirect {
            address: name(),
            copy: true,
        },
        CommandKind::Vacation(Box::new(from)),
        CommandKind::Notify(Box::default()),
        include(name(), false, true),
        include(Text::default(), false, true),
        global,
        CommandKind::Break { name: None },
        header(""),
        header("a b"),
        header("Bcc: x"),
        header("X-Ä"),
    ] {
        let refused = ran(vec![command.clone()]).unwrap_err();
        assert!(
            matches!(refused, Fault::Unchecked(_)),
            "{command:?}: {refused}"
        );
    }
}

// long: one line for each bound
#[test]
fn bounds_end_the_run_and_are_named() {
    let many =
        |count: usize, command: &dyn Fn(usize) -> CommandKind| (0..count).map(command).collect();
    let numbered = |n: usize| set(&format!("v{n}"), Vec::new());
    let mut doubling = vec![set(
        "a",
        vec![Piece::Literal("x".repeat(VARIABLE_MAX_OCTETS))],
    )];
    doubling.push(CommandKind::Discard);
    doubling.push(CommandKind::FileInto(FileInto {
        mailbox: Text(vec![variable("a"); 9]),
        ..FileInto::default()
    }));
    let long = Text::from("x".repeat(limits::REASON_MAX_OCTETS + 1).as_str());
    let mut deep = TestKind::True;
    for _ in 0..200 {
        deep = TestKind::Not(Box::new(deep.into()));
    }
    let slow = TestKind::String {
        matching: Matching {
            kind: MatchKind::Matches,
            ..Matching::default()
        },
        source: vec!["a".repeat(40_000).as_str().into()],
        keys: vec![format!("*{}b", "a".repeat(9_000)).as_str().into()],
    };
    for (commands, limit) in [
        (many(limits::VARIABLES_MAX + 1, &numbered), Limit::Variables),
        (doubling, Limit::String),
        (
            many(65, &|n| file_into(&n.to_string(), false)),
            Limit::Actions,
        ),
        (
            many(5, &|n| redirect(&format!("{n}@example.org"))),
            Limit::Redirects,
        ),
        (
            vec![CommandKind::Reject {
                reason: long,
                extended: true,
            }],
            Limit::Reason,
        ),
        (vec![when(deep, CommandKind::Discard)], Limit::Nesting),
        (vec![when(slow, CommandKind::Discard)], Limit::Steps),
        (
            many(16, &|_| include("leaf".into(), false, false)),
            Limit::Includes,
        ),
        (
            vec![include("one".into(), false, false)],
            Limit::IncludeDepth,
        ),
    ] {
        let chain = |name: &str| script(vec![include(name.into(), false, false)]);
        let world = Scripts(vec![
            ("leaf", Script::default()),
            ("one", chain("two")),
            ("two", chain("three")),
            ("three", chain("leaf")),
        ]);
        let error = run(&script(commands), &Mail::with(&[]), &world).unwrap_err();
        assert_eq!(error.fault, Fault::Limit(limit), "{error}");
    }
}

#[test]
fn a_list_of_words_fits_into_the_steps_of_a_long_body() {
    let body: &'static str = Box::leak("word ".repeat(209_715).into_boxed_str());
    let mail = Mail(Mail::with(&[]).0, body);
    let listed = |number: usize| Text::from(format!("wanted{number}").as_str());
    let kind = MatchKind::Contains;
    let test = TestKind::Body {
        transform: BodyTransform::Text,
        matching: Matching {
            kind,
            ..Matching::default()
        },
        keys: (0..limits::LIST_MAX).map(listed).collect(),
    };
    let script = script(vec![when(test, CommandKind::Discard)]);
    assert!(run(&script, &mail, &Scripts::default()).is_ok());
}

#[test]
fn patterns_made_to_be_slow_end() {
    for pattern in [
        "(a+)+$",
        "(a|aa)+b",
        "(a*)*b",
        "(.*)(.*)(.*)(.*)(.*)c",
        "(a{1,20}){1,5}b",
    ] {
        let test = TestKind::String {
            matching: Matching {
                kind: MatchKind::Regex,
                ..Matching::default()
            },
            source: vec![("a".repeat(4_000) + "!").as_str().into()],
            keys: vec![pattern.into()],
        };
        let outcome = ran(vec![when(test, CommandKind::Discard)]).unwrap();
        assert!(outcome.implicit_keep, "{pattern}");
    }
    let costly = TestKind::String {
        matching: Matching {
            kind: MatchKind::Regex,
            ..Matching::default()
        },
        source: vec!["a".repeat(40_000).as_str().into()],
        keys: vec!["(a{1,200}){1,5}b".into()],
    };
    assert_eq!(
        ran(vec![when(costly, CommandKind::Discard)]),
        Err(Fault::Limit(Limit::Steps))
    );
}

/// Scripts as deep as they may be, included as deep as they may be, on half the usual stack.
#[test]
fn the_deepest_run_fits_on_a_small_stack() {
    let deep = |inner: CommandKind| {
        let mut inner = inner;
        for _ in 0..limits::NESTING_MAX {
            let mut test = TestKind::True;
            for _ in 0..limits::NESTING_MAX {
                test = TestKind::Not(Box::new(test.into()));
            }
            inner = when(test, inner);
        }
        script(vec![inner])
    };
    let next = |name: &str| deep(include(name.into(), false, false));
    let world = Scripts(vec![
        ("one", next("two")),
        ("two", next("three")),
        ("three", deep(CommandKind::Discard)),
    ]);
    let outer = next("one");
    let small = std::thread::Builder::new().stack_size(1_048_576);
    let ran = small.spawn(move || run(&outer, &Mail::with(&[]), &world).map(|ran| ran.actions));
    let actions = ran.unwrap().join().unwrap().unwrap();
    assert_eq!(actions, [Action::Discard]);
}

#[test]
fn errors_say_which_script_and_where() {
    let at = Pos { line: 3, column: 5 };
    let error = Command {
        at,
        kind: CommandKind::Error {
            message: "stop here".into(),
        },
    };
    let inner = Script {
        require: Vec::new(),
        block: vec![error],
    };
    let world = Scripts(vec![("inner", inner)]);
    let outer = script(vec![include("inner".into(), false, false)]);
    let error = run(&outer, &Mail::with(&[]), &world).unwrap_err();
    assert_eq!(error.script.as_deref(), Some("inner"));
    assert_eq!(
        error.to_string(),
        "line 3, column 5 of the script \"inner\": the script says: stop here"
    );
}

#[test]
fn included_scripts_are_found_once_or_not_at_all() {
    let itself = script(vec![include("self".into(), false, false)]);
    let once = script(vec![
        include("once".into(), true, false),
        file_into("A", false),
    ]);
    let world = Scripts(vec![("self", itself), ("once", once)]);
    let fault =
        |command| run(&script(vec![command]), &Mail::with(&[]), &world).map_err(|e| e.fault);
    assert_eq!(
        fault(include("self".into(), false, false)),
        Err(Fault::Recursion("self".to_owned()))
    );
    assert_eq!(
        fault(include("none".into(), false, false)),
        Err(Fault::NoScript("none".to_owned()))
    );
    assert!(
        fault(include("none".into(), false, true))
            .unwrap()
            .implicit_keep
    );
    assert_eq!(
        fault(include("once".into(), true, false))
            .unwrap()
            .actions
            .len(),
        1
    );
}

#[test]
fn a_header_field_never_becomes_two() {
    let evil = Mail::with(&[("Subject", "a\r\nBcc: victim@example.org\0")]);
    let everything = Matching {
        kind: MatchKind::Matches,
        ..Matching::default()
    };
    let catch = TestKind::Header {
        fields: crate::ast::Fields::default(),
        matching: everything,
        headers: vec!["subject".into()],
        keys: vec!["*".into()],
    };
    let add = CommandKind::AddHeader {
        last: false,
        name: "X-Copy".into(),
        value: Text(vec![Piece::Match(1)]),
    };
    let outcome = run(&script(vec![when(catch, add)]), &evil, &Scripts::default()).unwrap();
    let [Action::AddHeader { value, .. }] = outcome.actions.as_slice() else {
        panic!("{outcome:?}");
    };
    assert_eq!(value, "a  Bcc: victim@example.org");
}

#[test]
fn protected_header_fields_stay_and_a_note_says_so() {
    let delete = |name: &str| CommandKind::DeleteHeader {
        index: None,
        matching: Matching::default(),
        name: name.into(),
        patterns: Vec::new(),
    };
    let mail = Mail::with(&[("Received", "x"), ("X-Own", "y")]);
    let world = Scripts::default();
    let mut runner = Runner::new(&mail, &world);
    let outcome = runner
        .run(&script(vec![delete("RECEIVED"), delete("x-own")]))
        .unwrap();
    assert_eq!(outcome.actions.len(), 1);
    assert_eq!(outcome.notes[0].left, Left::Header("RECEIVED".to_owned()));
    assert_eq!(runner.header().len(), 1);
    // An error takes back what its script did to the header.
    let add = CommandKind::AddHeader {
        last: false,
        name: "X".into(),
        value: "".into(),
    };
    let failing = script(vec![add, CommandKind::Error { message: "".into() }]);
    assert!(runner.run(&failing).is_err());
    assert_eq!(runner.header().len(), 1);
}

#[test]
fn a_computed_pattern_that_is_none_matches_nothing_and_is_noted() {
    let regex = Matching {
        kind: MatchKind::Regex,
        ..Matching::default()
    };
    let test = |keys: Vec<Text>| TestKind::Body {
        transform: BodyTransform::Text,
        matching: regex,
        keys,
    };
    let outcome = ran(vec![
        set("p", vec![Piece::Literal("(".to_owned())]),
        when(test(vec![Text(vec![variable("p")])]), CommandKind::Discard),
        when(test(vec!["b.dy".into()]), file_into("A", false)),
    ])
    .unwrap();
    assert_eq!(outcome.actions.len(), 1);
    assert!(
        matches!(outcome.notes[0].left, Left::Pattern(_)),
        "{:?}",
        outcome.notes
    );
}

#[test]
fn the_tests_that_were_asked_are_told() {
    let any = TestKind::AnyOf(vec![
        TestKind::Size {
            over: true,
            octets: 5_000,
        }
        .into(),
        TestKind::Not(Box::new(TestKind::False.into())).into(),
        TestKind::True.into(),
    ]);
    let outcome = ran(vec![when(any, CommandKind::Discard)]).unwrap();
    let held: Vec<bool> = outcome
        .decisions
        .iter()
        .map(|decision| decision.held)
        .collect();
    assert_eq!(held, [false, false]);
}
