//! Scripts by examples: what is read, and what is refused where and with which words.

use proptest::prelude::*;

use crate::{parse, print};

/// Reads a script, and makes sure that its printed form is the same script.
fn accepted(text: &str) -> crate::Script {
    let script = parse(text).unwrap_or_else(|problems| panic!("{text}\n{problems}"));
    let printed = print(&script);
    let again = parse(&printed).unwrap_or_else(|problems| panic!("{printed}\n{problems}"));
    assert_eq!(again.erased(), script.erased(), "{text}\n{printed}");
    script
}

fn refusals(text: &str) -> Vec<String> {
    let problems = parse(text).expect_err(text);
    problems.list().iter().map(ToString::to_string).collect()
}

const ALL: &str = "require [\"body\", \"comparator-i;ascii-numeric\", \"copy\", \"date\", \
    \"duplicate\", \"editheader\", \"enotify\", \"envelope\", \"environment\", \"ereject\", \
    \"fcc\", \"fileinto\", \"foreverypart\", \"ihave\", \"imap4flags\", \"include\", \"index\", \
    \"mailbox\", \"mime\", \"regex\", \"reject\", \"relational\", \"spamtestplus\", \
    \"special-use\", \"subaddress\", \"vacation-seconds\", \"variables\", \"virustest\"];\n";

// long: one table
#[test]
fn commands_have_one_spelling() {
    for (written, expected) in [
        ("stop;", "stop;"),
        ("KEEP ;", "keep;"),
        ("keep :flags [\"\\\\Seen\"];", "keep :flags \"\\\\Seen\";"),
        ("discard;return;", "discard;\r\nreturn;"),
        ("fileinto\"a\";", "fileinto \"a\";"),
        (
            "fileinto :specialuse \"\\\\Junk\" :create :flags \"a b\" :copy \"x/y\";",
            "fileinto :copy :create :flags \"a b\" :specialuse \"\\\\Junk\" \"x/y\";",
        ),
        (
            "redirect :copy \"Ann <ann@example.org>\";",
            "redirect :copy \"ann@example.org\";",
        ),
        ("reject text:\n..a\n.\n;", "reject text:\r\n..a\r\n.\r\n;"),
        ("ereject \"no\";", "ereject \"no\";"),
        ("setflag [\"a\"];", "setflag \"a\";"),
        (
            "addflag \"V\" [\"a\",\"b\"];",
            "addflag \"v\" [\"a\", \"b\"];",
        ),
        (
            "set :length :upperfirst :lower \"Name\" \"${1} ${X}\";",
            "set :lower :upperfirst :length \"name\" \"${1} ${x}\";",
        ),
        (
            "set :quotewildcard :encodeurl \"global.A\" \"\";",
            "set :quotewildcard :encodeurl \"global.a\" \"\";",
        ),
        (
            "addheader :last \"X-A\" \"b\";",
            "addheader :last \"X-A\" \"b\";",
        ),
        ("deleteheader \"X-A\";", "deleteheader :is \"X-A\";"),
        (
            "deleteheader :last :index 2 :contains \"X-A\" [\"b\"];",
            "deleteheader :index 2 :last :contains \"X-A\" \"b\";",
        ),
        (
            "vacation :mime :days 7 :handle \"h\" :addresses [\"a@b.test\"] :subject \"s\" :from \"A <a@b.test>\" \"r\";",
            "vacation :days 7 :subject \"s\" :from \"A <a@b.test>\" :addresses \"a@b.test\" :mime :handle \"h\" \"r\";",
        ),
        ("vacation :days 0 \"r\";", "vacation :days 1 \"r\";"),
        ("vacation :seconds 86400 \"r\";", "vacation :days 1 \"r\";"),
        ("vacation :seconds 90 \"r\";", "vacation :seconds 90 \"r\";"),
        ("vacation :days 4000 \"r\";", "vacation :days 3650 \"r\";"),
        (
            "vacation :create :fcc \"Sent\" \"r\";",
            "vacation :fcc \"Sent\" :create \"r\";",
        ),
        (
            "notify :message \"m\" :importance \"1\" :options [\"a=b\"] :from \"a@b.test\" \"mailto:c@b.test\";",
            "notify :from \"a@b.test\" :importance \"1\" :options \"a=b\" :message \"m\" \"mailto:c@b.test\";",
        ),
        (
            "include :optional :once \"s\";",
            "include :personal :once :optional \"s\";",
        ),
        ("global [\"A\",\"b\"];", "global [\"a\", \"b\"];"),
        ("error \"x\";", "error \"x\";"),
        (
            "foreverypart :name \"p\" { break :name \"p\"; break; }",
            "foreverypart :name \"p\" {\r\n    break :name \"p\";\r\n    break;\r\n}",
        ),
        (
            "if true {stop;} elsif false {} else {keep;}",
            "if true {\r\n    stop;\r\n} elsif false {\r\n} else {\r\n    keep;\r\n}",
        ),
    ] {
        let script = accepted(&format!("{ALL}{written}"));
        let printed = print(&script);
        let (_, body) = printed.split_once("\r\n\r\n").unwrap();
        assert_eq!(body.trim_end(), expected, "{written}");
    }
}

// long: one table
#[test]
fn tests_have_one_spelling() {
    for (written, expected) in [
        ("not not true", "not not true"),
        (
            "anyof(true,not false)",
            "anyof (\r\n    true,\r\n    not false\r\n)",
        ),
        ("address \"from\" \"a\"", "address :is \"from\" \"a\""),
        (
            "address :domain :comparator \"i;octet\" :contains [\"to\",\"cc\"] [\"a\",\"b\"]",
            "address :domain :contains :comparator \"i;octet\" [\"to\", \"cc\"] [\"a\", \"b\"]",
        ),
        (
            "address :mime :anychild :detail :index 1 :last \"to\" \"a\"",
            "address :detail :index 1 :last :mime :anychild :is \"to\" \"a\"",
        ),
        ("envelope :all \"From\" \"\"", "envelope :is \"From\" \"\""),
        (
            "header :value \"GE\" :comparator \"i;ascii-numeric\" \"x-score\" \"5\"",
            "header :value \"ge\" :comparator \"i;ascii-numeric\" \"x-score\" \"5\"",
        ),
        (
            "header :mime :anychild :param \"filename\" :matches \"Content-Disposition\" \"*.exe\"",
            "header :mime :anychild :param \"filename\" :matches \"Content-Disposition\" \"*.exe\"",
        ),
        (
            "header :mime :contenttype \"content-type\" \"text/plain\"",
            "header :mime :contenttype :is \"content-type\" \"text/plain\"",
        ),
        ("exists :mime [\"a\",\"b\"]", "exists :mime [\"a\", \"b\"]"),
        ("size :over 1024", "size :over 1K"),
        ("size :under 1G", "size :under 1G"),
        ("size :under 0", "size :under 0"),
        ("body :raw :contains \"a\"", "body :raw :contains \"a\""),
        (
            "body :content \"text\" \"a\"",
            "body :content \"text\" :is \"a\"",
        ),
        ("body :text :contains \"a\"", "body :contains \"a\""),
        ("hasflag \"a\"", "hasflag :is \"a\""),
        (
            "hasflag :count \"gt\" [\"V\"] \"1\"",
            "hasflag :count \"gt\" \"v\" \"1\"",
        ),
        ("string \"${a}\" \"b\"", "string :is \"${a}\" \"b\""),
        (
            "date :originalzone :index 2 \"date\" \"Weekday\" \"0\"",
            "date :index 2 :originalzone :is \"date\" \"weekday\" \"0\"",
        ),
        (
            "currentdate :zone \"-0130\" :value \"ge\" \"date\" \"2030-05-01\"",
            "currentdate :zone \"-0130\" :value \"ge\" \"date\" \"2030-05-01\"",
        ),
        (
            "environment \"name\" \"x\"",
            "environment :is \"name\" \"x\"",
        ),
        ("mailboxexists \"a\"", "mailboxexists \"a\""),
        (
            "specialuse_exists \"\\\\Junk\"",
            "specialuse_exists \"\\\\Junk\"",
        ),
        (
            "specialuse_exists \"a\" [\"\\\\Junk\"]",
            "specialuse_exists \"a\" \"\\\\Junk\"",
        ),
        (
            "spamtest :percent :value \"gt\" \"5\"",
            "spamtest :percent :value \"gt\" \"5\"",
        ),
        ("virustest \"5\"", "virustest :is \"5\""),
        ("ihave [\"copy\"]", "ihave \"copy\""),
        (
            "valid_notify_method \"mailto:a@b.test\"",
            "valid_notify_method \"mailto:a@b.test\"",
        ),
        (
            "notify_method_capability \"mailto:\" \"online\" \"yes\"",
            "notify_method_capability :is \"mailto:\" \"online\" \"yes\"",
        ),
        ("duplicate", "duplicate"),
        (
            "duplicate :last :seconds 60 :uniqueid \"x\" :handle \"h\"",
            "duplicate :handle \"h\" :uniqueid \"x\" :seconds 60 :last",
        ),
        ("duplicate :header \"X-Id\"", "duplicate :header \"X-Id\""),
    ] {
        let script = accepted(&format!("{ALL}if {written} {{}}"));
        let printed = print(&script);
        let (_, body) = printed.split_once("\r\n\r\nif ").unwrap();
        assert_eq!(body.trim_end(), format!("{expected} {{\r\n}}"), "{written}");
    }
}

// long: one table
#[test]
fn mistakes_of_the_grammar_are_told_where_they_are() {
    for (text, expected) in [
        (
            "keep\nstop;",
            "line 1, column 5: `;` is missing behind `keep` and before `stop`",
        ),
        (
            "keep",
            "line 1, column 5: `;` is missing behind `keep` and before the end of the script",
        ),
        (
            "keep)",
            "line 1, column 5: `keep` ends with `;`, but `)` stands here",
        ),
        (
            "if true {",
            "line 1, column 9: the block that begins here has no end",
        ),
        ("stop; }", "line 1, column 7: `}` closes no block"),
        (
            "; stop;",
            "line 1, column 1: a command is wanted here, not `;`",
        ),
        (
            "\"a\";",
            "line 1, column 1: a command is wanted here, not the text \"a\"",
        ),
        ("if {}", "line 1, column 3: `if` needs a test"),
        ("if true;", "line 1, column 1: `if` needs a block"),
        (
            "if (true, false) {}",
            "`if` needs one test; several stand in `anyof (…)`",
        ),
        (
            "if true {} else if false {}",
            "line 1, column 12: `else if` is written `elsif`",
        ),
        (
            "else {}",
            "`else` stands directly behind the block of an `if`",
        ),
        (
            "if true {} else {} elsif true {}",
            "`elsif` stands behind `else`",
        ),
        ("if true {} else true {}", "`else` takes no test"),
        ("if anyof true {}", "`anyof` needs tests in parentheses"),
        ("if not (true) {}", "`not` needs one test"),
        ("if anyof () {}", "a test is wanted here, not `)`"),
        (
            "if anyof (true true) {}",
            "`,` or `{` is wanted behind `true`, not `true`",
        ),
        (
            "if anyof (true; {}",
            "`,` or `)` is wanted in the list of tests, not `;`",
        ),
        (
            "redirect [\"a\";",
            "`,` or `]` is wanted in the list, not `;`",
        ),
        ("redirect [];", "the list is empty"),
        (
            "redirect [1];",
            "a text is wanted in the list, not the number 1",
        ),
        (
            "redirect [\"a\"",
            "`,` or `]` is wanted in the list, not the end of the script",
        ),
        ("redirect [", "the list has no end"),
        (
            "fileinto {}",
            "line 1, column 9: `fileinto` needs the name of a folder",
        ),
        ("stop {}", "`stop` takes no block"),
        ("foreverypart;", "`foreverypart` needs a block"),
    ] {
        let said = refusals(text);
        assert!(
            said.iter().any(|said| said.contains(expected)),
            "{text}: {said:?}"
        );
    }
}

// long: one table
#[test]
fn wrong_words_and_arguments_are_told_with_what_is_meant() {
    for (text, expected) in [
        (
            "filinto \"a\";",
            "there is no command `filinto`; is `fileinto` meant?",
        ),
        (
            "forward \"a\";",
            "line 2, column 1: there is no command `forward`",
        ),
        (
            "header \"a\" \"b\";",
            "`header` is a test; it stands behind `if`",
        ),
        ("if keep {}", "a test is wanted here; `keep` is a command"),
        (
            "if adress \"a\" \"b\" {}",
            "there is no test `adress`; is `address` meant?",
        ),
        ("stop; require \"copy\";", "`require` stands at the top"),
        (
            "keep :flag \"a\";",
            "`keep` has no `:flag`; is `:flags` meant?",
        ),
        (
            "keep :flags;",
            "line 2, column 12: `keep` needs flags behind `:flags`",
        ),
        (
            "fileinto :copy :copy \"a\";",
            "column 16: `:copy` stands here twice",
        ),
        (
            "fileinto \"a\" :copy;",
            "`:copy` must stand directly behind `fileinto`",
        ),
        (
            "fileinto \"a\" \"b\";",
            "`fileinto` does not take the text \"b\" here",
        ),
        (
            "fileinto 5;",
            "column 10: `fileinto` needs the name of a folder, such as \"Work\" here, not the number 5",
        ),
        ("fileinto [\"a\", \"b\"];", "here, not a list"),
        (
            "fileinto :flags :copy \"a\";",
            "here, not `:copy`; tags stand before",
        ),
        ("if size 5 {}", "`size` needs `:over` or `:under`"),
        (
            "if size :over \"5\" {}",
            "`size` needs a number, such as 100K here, not the text \"5\"",
        ),
        (
            "if header :is :contains \"a\" \"b\" {}",
            "`:contains` excludes another tag",
        ),
        (
            "if header \"a\" {}",
            "`header` needs a text to compare with",
        ),
        (
            "if header :comparator \"i;unicode\" \"a\" \"b\" {}",
            "there is no comparator \"i;unicode\"",
        ),
        (
            "if header :value \"x\" \"a\" \"b\" {}",
            "\"x\" is no relation",
        ),
        (
            "if header :index 0 \"a\" \"b\" {}",
            "`:index` counts from 1",
        ),
        ("if header :last \"a\" \"b\" {}", "`:last` needs `:index`"),
        (
            "if header :anychild \"a\" \"b\" {}",
            "this needs `:mime` beside it",
        ),
        ("if exists :type \"a\" {}", "`exists` has no `:type`"),
        (
            "if currentdate :originalzone \"date\" \"b\" {}",
            "`currentdate` has no `:originalzone`",
        ),
        (
            "if date :zone \"+0060\" \"date\" \"date\" \"b\" {}",
            "\"+0060\" is no time zone",
        ),
        (
            "if date :zone \"+1é0\" \"date\" \"date\" \"b\" {}",
            "is no time zone",
        ),
        (
            "if date :zone \"é\" \"date\" \"date\" \"b\" {}",
            "is no time zone",
        ),
        (
            "if date \"date\" \"dat\" \"b\" {}",
            "a date has no part \"dat\"; its parts are year,",
        ),
        (
            "if duplicate :header \"a\" :uniqueid \"b\" {}",
            "`:uniqueid` excludes another tag",
        ),
        (
            "set :lower :upper \"a\" \"b\";",
            "`:lower` and `:upper` exclude each other",
        ),
        ("set \"1\" \"b\";", "`1` is no name of a variable"),
        ("set \"a b\" \"b\";", "`a b` is no name of a variable"),
        (
            "set \"vnd.x\" \"b\";",
            "there are no variables named `vnd.…`",
        ),
        (
            "global \"global.x\";",
            "`global` takes names without `global.`",
        ),
        (
            "vacation :days 1 :seconds 1 \"r\";",
            "`:seconds` excludes another tag",
        ),
        (
            "vacation :days 99999999999999999999 \"r\";",
            "the number is too large",
        ),
        ("vacation :create \"r\";", "this needs `:fcc` beside it"),
        ("keep :flags \"${33}\";", "goes up to `${32}`"),
    ] {
        let said = refusals(&format!("{ALL}{text}"));
        assert!(
            said.iter().any(|said| said.contains(expected)),
            "{text}: {said:?}"
        );
    }
}

#[test]
fn bounds_are_told() {
    let nested = |depth: usize| format!("{}{}", "if true {".repeat(depth), "}".repeat(depth));
    accepted(&nested(crate::limits::NESTING_MAX - 1));
    let nots = |depth: usize| format!("if {}true {{}}", "not ".repeat(depth));
    accepted(&nots(crate::limits::NESTING_MAX - 1));
    let list = |length: usize| {
        let texts = vec!["\"a\""; length].join(",");
        format!("if exists [{texts}] {{}}")
    };
    accepted(&list(crate::limits::LIST_MAX));
    accepted(&"stop;".repeat(crate::limits::NODES_MAX));
    for (text, expected) in [
        (nested(33), "at most 32 deep"),
        (nested(4_000), "at most 32 deep"),
        (nots(33), "at most 32 deep"),
        (
            format!("if {} {{}}", "allof(".repeat(8_000)),
            "at most 32 deep",
        ),
        (list(crate::limits::LIST_MAX + 1), "at most 1024 texts"),
        (
            "stop;".repeat(crate::limits::NODES_MAX + 1),
            "at most 4096 commands",
        ),
        (
            " ".repeat(crate::limits::SCRIPT_MAX_OCTETS + 1),
            "at most 49152 octets",
        ),
        ("}".repeat(40_000), "`}` closes no block"),
    ] {
        let said = refusals(&text);
        assert!(said.len() <= crate::limits::PROBLEMS_MAX);
        assert!(said.iter().any(|said| said.contains(expected)), "{said:?}");
    }
}

#[test]
fn one_look_finds_several_mistakes() {
    let said = refusals("redirect [];\nif true { fileinto [1]; }\nstop\n");
    assert_eq!(said.len(), 3, "{said:?}");
    let said = refusals("foo;\nif tru {\n  filinto \"a\";\n}\nstop 1;\n");
    assert_eq!(said.len(), 4, "{said:?}");
    let lines: Vec<&str> = said.iter().map(|said| &said[..7]).collect();
    assert_eq!(lines, ["line 1,", "line 2,", "line 3,", "line 5,"]);
}

/// RFC 5463 §4
#[test]
fn what_ihave_rules_out_is_no_part_of_the_script() {
    let head = "require [\"ihave\"];";
    for (written, expected) in [
        (
            "if ihave \"vnd.x\" { frobnicate :now 1; }",
            "if ihave \"vnd.x\" {\r\n}",
        ),
        (
            "if allof (ihave \"vnd.x\", frobnicated) { keep; }",
            "if allof (\r\n    ihave \"vnd.x\"\r\n) {\r\n}",
        ),
        (
            "if not ihave \"vnd.x\" { keep; } elsif frobnicated { stop; } else { frobnicate; }",
            "if not ihave \"vnd.x\" {\r\n    keep;\r\n} else {\r\n}",
        ),
        (
            "if anyof (not ihave \"vnd.x\", frobnicated) { keep; }",
            "if anyof (\r\n    not ihave \"vnd.x\"\r\n) {\r\n    keep;\r\n}",
        ),
        // Strings cannot change their meaning in the midst of a script.
        (
            "if ihave \"variables\" { frobnicate; }",
            "if ihave \"variables\" {\r\n}",
        ),
        (
            "if ihave \"copy\" {} redirect :copy \"a@b.test\";",
            "if ihave \"copy\" {\r\n}\r\nredirect :copy \"a@b.test\";",
        ),
    ] {
        let printed = print(&parse(&format!("{head}{written}")).unwrap());
        let (_, body) = printed.split_once("\r\n\r\n").unwrap();
        assert_eq!(body.trim_end(), expected, "{written}");
    }
    for text in [
        "if not ihave \"vnd.x\" { frobnicate; }",
        "if ihave \"copy\" { frobnicate; }",
        "redirect :copy \"a@b.test\"; if ihave \"copy\" {}",
        "if ihave \"vnd.x\" { ; }",
    ] {
        refusals(&format!("{head}{text}"));
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_text_of_the_languages_words_panics(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "if", "elsif", "else", "not", "anyof", "allof", "(", ")", "{", "}", "[", "]", ",",
                ";", "\"a\"", "\"${1}\"", ":is", ":flags", ":comparator", "10K", "keep", "header",
                "fileinto", "require", "text:\n", "\n.\n", "# x\n", "/*", "*/", "vacation",
            ]),
            0..60,
        ),
    ) {
        let text = words.join(" ");
        if let Ok(script) = parse(&text) {
            prop_assert_eq!(parse(&print(&script)).unwrap().erased(), script.erased());
        }
    }
}
