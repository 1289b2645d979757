//! What the check refuses, with which words, and what it lets through.

use crate::ast::{Command, CommandKind, Index, Matching, Script, Test, TestKind, Text};
use crate::{check, parse, required};

fn refusals(text: &str) -> Vec<String> {
    let problems = parse(text).expect_err(text);
    problems.list().iter().map(ToString::to_string).collect()
}

// long: one table
#[test]
fn what_is_used_must_be_required() {
    for (text, needed) in [
        ("fileinto \"a\";", "fileinto"),
        ("keep :flags \"a\";", "imap4flags"),
        ("redirect :copy \"a@b.test\";", "copy"),
        ("reject \"a\";", "reject"),
        ("ereject \"a\";", "ereject"),
        ("setflag \"a\";", "imap4flags"),
        ("set \"a\" \"b\";", "variables"),
        ("addheader \"a\" \"b\";", "editheader"),
        ("deleteheader \"a\";", "editheader"),
        ("vacation \"a\";", "vacation"),
        ("vacation :seconds 9 \"a\";", "vacation-seconds"),
        ("notify \"mailto:a@b.test\";", "enotify"),
        ("include \"a\";", "include"),
        ("return;", "include"),
        ("foreverypart {}", "foreverypart"),
        ("error \"a\";", "ihave"),
        ("if envelope \"to\" \"a\" {}", "envelope"),
        ("if address :user \"to\" \"a\" {}", "subaddress"),
        ("if address :detail \"to\" \"a\" {}", "subaddress"),
        ("if header :regex \"a\" \"a\" {}", "regex"),
        ("if header :count \"gt\" \"a\" \"1\" {}", "relational"),
        ("if header :index 1 \"a\" \"1\" {}", "index"),
        ("if exists :mime \"a\" {}", "mime"),
        (
            "if header :comparator \"i;ascii-numeric\" \"a\" \"1\" {}",
            "comparator-i;ascii-numeric",
        ),
        ("if body \"a\" {}", "body"),
        ("if hasflag \"a\" {}", "imap4flags"),
        ("if string \"a\" \"a\" {}", "variables"),
        ("if date \"date\" \"year\" \"2030\" {}", "date"),
        ("if currentdate \"year\" \"2030\" {}", "date"),
        ("if environment \"a\" \"b\" {}", "environment"),
        ("if mailboxexists \"a\" {}", "mailbox"),
        ("if specialuse_exists \"\\\\Junk\" {}", "special-use"),
        ("if spamtest \"1\" {}", "spamtest"),
        ("if virustest \"1\" {}", "virustest"),
        ("if ihave \"copy\" {}", "ihave"),
        ("if valid_notify_method \"a\" {}", "enotify"),
        (
            "if notify_method_capability \"a\" \"b\" \"c\" {}",
            "enotify",
        ),
        ("if duplicate {}", "duplicate"),
    ] {
        let said = refusals(text);
        let expected = format!("needs `require \"{needed}\";` at the top");
        assert!(
            said.iter().any(|said| said.contains(&expected)),
            "{text}: {said:?}"
        );
        let enough = format!("require \"{needed}\";{text}");
        assert!(parse(&enough).is_ok(), "{enough}");
    }
    // Where several do, each is enough; and each that is missing is told once.
    for text in [
        "require \"vacation-seconds\"; vacation \"a\";",
        "require \"spamtestplus\"; if spamtest \"1\" {}",
        "require [\"comparator-i;octet\", \"comparator-i;ascii-casemap\"];",
    ] {
        parse(text).unwrap();
    }
    assert_eq!(
        refusals("require \"spamtest\"; if spamtest :percent \"1\" {}").len(),
        1
    );
    assert_eq!(refusals("fileinto \"a\"; fileinto \"b\";").len(), 1);
    assert_eq!(
        refusals("require \"imapflags\";"),
        ["line 1, column 9: this server has no extension \"imapflags\"; is \"imap4flags\" meant?"]
    );
}

// long: one table
#[test]
fn values_that_are_known_are_judged() {
    let head = "require [\"body\", \"comparator-i;ascii-numeric\", \"editheader\", \"enotify\", \
        \"envelope\", \"fileinto\", \"foreverypart\", \"ihave\", \"imap4flags\", \"include\", \
        \"mailbox\", \"regex\", \"reject\", \"special-use\", \"vacation\", \"variables\"];\n";
    for (text, expected) in [
        (
            "redirect \"a\";",
            "the address of `redirect` \"a\": an address needs",
        ),
        (
            "redirect \"${x}\";",
            "the address of `redirect` cannot hold variables",
        ),
        (
            "redirect \"a@b.test, c@b.test\";",
            "the address of `redirect`",
        ),
        (
            "redirect \"a@b.test\r\nBcc: c@d.test\";",
            "the address of `redirect`",
        ),
        (
            "vacation :from \"${x}\" \"r\";",
            "the `:from` of `vacation` cannot hold variables",
        ),
        (
            "vacation :from \"a\" \"r\";",
            "the `:from` of `vacation` \"a\"",
        ),
        (
            "vacation :addresses [\"a@b.test\", \"x\"] \"r\";",
            "the address in `:addresses` \"x\"",
        ),
        ("vacation :subject \"a\nb\" \"r\";", "stands on one line"),
        (
            "notify \"${x}\";",
            "whom `notify` tells cannot hold variables",
        ),
        ("notify \"xmpp:a@b.test\";", "nobody whom `notify` can tell"),
        (
            "notify :from \"x\" \"mailto:a@b.test\";",
            "the `:from` of `notify` \"x\"",
        ),
        (
            "notify :importance \"4\" \"mailto:a@b.test\";",
            "`:importance` is",
        ),
        (
            "include :global \"a\";",
            "there are no scripts of `:global` here",
        ),
        ("include \"${a}\";", "cannot hold variables"),
        ("include \"../a\";", "\"../a\" is no name of a script"),
        ("include \"\";", "\"\" is no name of a script"),
        ("break;", "`break` stands within"),
        (
            "foreverypart :name \"a\" { break :name \"b\"; }",
            "is named \"b\"",
        ),
        (
            "set \"a\" \"b\"; global \"a\";",
            "`global` must stand before `set \"a\"`",
        ),
        (
            "fileinto \"\";",
            "\"\" is no name of a folder: a mailbox name has no empty levels",
        ),
        ("fileinto \"../x\";", "is no name of a folder"),
        (
            "fileinto \"a\nb\";",
            "\"a\\u{d}\\u{a}b\" is no name of a folder",
        ),
        (
            "fileinto :specialuse \"Junk\" \"a\";",
            "\"Junk\" is no special use",
        ),
        (
            "addheader \"a:\" \"b\";",
            "\"a:\" is no name of a header field (without a colon)",
        ),
        (
            "addheader \"a b\" \"b\";",
            "\"a b\" is no name of a header field",
        ),
        ("addheader \"a\" \"b\r\nBcc: c\";", "stands on one line"),
        (
            "addheader \"Received\" \"b\";",
            "\"Received\" cannot be changed by a script",
        ),
        (
            "deleteheader \"ARC-Seal\";",
            "\"ARC-Seal\" cannot be changed by a script",
        ),
        (
            "deleteheader \"auto-submitted\";",
            "\"Auto-Submitted\" cannot be removed",
        ),
        ("if header \"Subject:\" \"b\" {}", "(without a colon)"),
        (
            "if envelope \"subject\" \"b\" {}",
            "an envelope has \"from\" and \"to\"",
        ),
        (
            "if header :contains :comparator \"i;ascii-numeric\" \"a\" \"1\" {}",
            "it cannot be with `:contains`",
        ),
        (
            "if body :matches :comparator \"i;ascii-numeric\" \"1\" {}",
            "it cannot be with `:matches`",
        ),
        ("if ihave \"${x}\" {}", "`ihave` cannot hold variables"),
        ("if mailboxexists \"a//b\" {}", "is no name of a folder"),
    ] {
        let said = refusals(&format!("{head}{text}"));
        assert!(
            said.iter().any(|said| said.contains(expected)),
            "{text}: {said:?}"
        );
    }
    for text in [
        "fileinto \"${x}\"; addheader \"X-${x}\" \"${x}\"; setflag \"${x}\";",
        "foreverypart :name \"a\" { foreverypart { break :name \"a\"; } }",
        "global \"a\"; set \"a\" \"b\";",
        "fileinto \"Entwürfe/Ämter\"; fileinto \"inbox\";",
        "setflag \"\\\\Seen $Work  x\"; removeflag \"\"; addflag [\"\\\\\", \"a (b)\"];",
        "vacation :addresses [\"Ann <a@b.test>\", \"${x}\"] \"r\";",
        "if envelope [\"FROM\", \"auth\"] \"b\" {}",
        "redirect \"jürgen@bücher.example\";",
    ] {
        let text = format!("{head}{text}");
        parse(&text).unwrap_or_else(|problems| panic!("{text}: {problems}"));
    }
}

#[test]
fn a_reason_has_a_bound() {
    let text = |octets: usize| format!("require \"reject\"; reject \"{}\";", "x".repeat(octets));
    parse(&text(crate::limits::REASON_MAX_OCTETS)).unwrap();
    assert!(refusals(&text(crate::limits::REASON_MAX_OCTETS + 1))[0].contains("at most 16384 fit"));
}

fn script(kind: CommandKind) -> Script {
    let block = vec![Command::from(kind)];
    let require = required(&block);
    Script { require, block }
}

/// What the grammar rules out, values made otherwise may hold.
// long: one table
#[test]
fn scripts_that_were_not_text_are_judged_too() {
    let header = |fields, keys| TestKind::Header {
        fields,
        matching: Matching::default(),
        headers: vec![Text::from("a")],
        keys,
    };
    let test = |kind: TestKind| CommandKind::If {
        arms: vec![(Test::from(kind), Vec::new())],
        otherwise: None,
    };
    let index = crate::ast::Fields {
        index: Some(Index {
            number: 0,
            last: false,
        }),
        mime: None,
    };
    let mut deep = TestKind::True;
    for _ in 0..100 {
        deep = TestKind::Not(Box::new(deep.into()));
    }
    let empty = CommandKind::If {
        arms: Vec::new(),
        otherwise: None,
    };
    for (kind, expected) in [
        (
            test(header(index, vec![Text::from("b")])),
            "`:index` counts from 1",
        ),
        (
            test(header(crate::ast::Fields::default(), Vec::new())),
            "is missing",
        ),
        (test(TestKind::AnyOf(Vec::new())), "need at least one test"),
        (
            test(TestKind::Exists {
                fields: crate::ast::Fields::default(),
                headers: Vec::new(),
            }),
            "a list without a text",
        ),
        (test(deep), "at most 32 deep"),
        (empty, "`if` needs a test"),
    ] {
        let said = check(&script(kind)).unwrap_err().to_string();
        assert!(said.contains(expected), "{expected}: {said}");
    }
    let many = Script {
        require: Vec::new(),
        block: vec![CommandKind::Stop.into(); 10_000],
    };
    assert!(
        check(&many)
            .unwrap_err()
            .to_string()
            .contains("at most 4096")
    );
}

#[test]
fn a_text_that_would_be_read_as_a_variable_is_refused_only_beside_variables() {
    let keep = CommandKind::Keep { flags: None };
    let set = CommandKind::Set {
        modifiers: Vec::new(),
        name: "a".into(),
        value: Text::from("b ${c}"),
    };
    check(&script(keep)).unwrap();
    let said = check(&script(set)).unwrap_err().to_string();
    assert!(
        said.contains("cannot stand in a text where variables are used"),
        "{said}"
    );
    let reject = CommandKind::Reject {
        reason: Text::from("b ${c}"),
        extended: false,
    };
    let script = script(reject);
    check(&script).unwrap();
    assert_eq!(parse(&crate::print(&script)).unwrap().erased(), script);
}
