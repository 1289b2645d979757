//! The grammar by examples: what is read, and what is refused with which words.

use super::*;
use crate::imap::command::{FetchItem, SearchDate, SearchKey};
use crate::imap::fuzzing::command_round_trip;
use crate::imap::limits::{LIST_PATTERNS_MAX, SEARCH_DEPTH_MAX, SEARCH_KEYS_MAX};

fn parsed(text: &str) -> Command {
    command_round_trip(text.as_bytes());
    let tagged = command(text.as_bytes()).unwrap_or_else(|err| panic!("{text}: {err}"));
    tagged.command
}

fn refusal(text: &str) -> SyntaxError {
    match command(text.as_bytes()) {
        Ok(accepted) => panic!("accepted {text}: {accepted:?}"),
        Err(err) => err,
    }
}

/// The command as the printer spells it.
fn normal(text: &str) -> String {
    let tagged = command(text.as_bytes()).unwrap_or_else(|err| panic!("{text}: {err}"));
    String::from_utf8(tagged.to_bytes()).unwrap()
}

// long: one table
#[test]
fn commands_have_one_normal_spelling() {
    for (written, expected) in [
        ("a noop", "a NOOP"),
        ("A.1 Select INBOX", "A.1 SELECT INBOX"),
        ("a select \"inbox\"", "a SELECT INBOX"),
        ("a SELECT {6}\r\nin box", "a SELECT \"in box\""),
        ("a create foo/", "a CREATE foo"),
        ("a LIST foo/ \"*%\"", "a LIST \"\" \"foo/*\""),
        ("a LIST foo \"\"", "a LIST \"\" \"\""),
        (
            "a LIST () foo/ (% \"*\")",
            "a LIST () \"\" (\"foo/%\" \"foo/*\") RETURN ()",
        ),
        (
            "a list (recursivematch remote subscribed) \"\" * return (status (size size) children subscribed)",
            "a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (\"*\") RETURN (SUBSCRIBED STATUS (SIZE))",
        ),
        (
            "a search return (save min) older 5 $ uid 1,$ younger 7",
            "a SEARCH RETURN (MIN SAVE) CHARSET UTF-8 OLDER 5 $ UID 1,$ YOUNGER 7",
        ),
        ("a uid move 1:2,$ x", "a UID MOVE 1:2,$ x"),
        ("a fetch $ uid", "a FETCH $ (UID)"),
        ("a create x/ (use (\\sent))", "a CREATE x (USE (\\Sent))"),
        ("a create x (use ())", "a CREATE x"),
        ("a setquota r (x 1 y 2)", "a SETQUOTA \"r\" ()"),
        ("a STATUS x (MESSAGES MESSAGES)", "a STATUS x (MESSAGES)"),
        (
            "a fetch 1 fast",
            "a FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)",
        ),
        (
            "a fetch 1 all",
            "a FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
        ),
        ("a fetch 1 body[]", "a FETCH 1 (BODY[])"),
        (
            "a fetch 1 (body body.peek[text]<0.5> bodystructure)",
            "a FETCH 1 (BODY BODY.PEEK[TEXT]<0.5> BODYSTRUCTURE)",
        ),
        (
            "a uid fetch 1:* body[1.2.header.fields.not (to \"x-y\")]",
            "a UID FETCH 1:* (BODY[1.2.HEADER.FIELDS.NOT (to x-y)])",
        ),
        ("a STORE 1 +flags \\seen", "a STORE 1 +FLAGS (\\Seen)"),
        (
            "a uid store 7 (unchangedsince 0) +flags.silent \\seen",
            "a UID STORE 7 (UNCHANGEDSINCE 0) +FLAGS.SILENT (\\Seen)",
        ),
        (
            "a fetch 1:* modseq (changedsince 9223372036854775807)",
            "a FETCH 1:* (MODSEQ) (CHANGEDSINCE 9223372036854775807)",
        ),
        (
            "a uid fetch 1 (flags) (vanished changedsince 5)",
            "a UID FETCH 1 (FLAGS) (CHANGEDSINCE 5 VANISHED)",
        ),
        ("a select x (condstore)", "a SELECT x (CONDSTORE)"),
        (
            "a examine x (qresync (67890007 90060115194045000 41,43:211 (1,3 2,4)))",
            "a EXAMINE x (QRESYNC (67890007 90060115194045000 41,43:211 (1,3 2,4)))",
        ),
        (
            "a select x (qresync (1 0 (1 2)) condstore)",
            "a SELECT x (CONDSTORE QRESYNC (1 0 (1 2)))",
        ),
        (
            "a search modseq \"/flags/\\\\draft\" all 620162338 seen",
            "a SEARCH CHARSET UTF-8 MODSEQ 620162338 SEEN",
        ),
        ("a status x (highestmodseq)", "a STATUS x (HIGHESTMODSEQ)"),
        ("a status x (mailboxid)", "a STATUS x (MAILBOXID)"),
        (
            "a fetch 1 (emailid threadid savedate preview preview (lazy))",
            "a FETCH 1 (EMAILID THREADID SAVEDATE PREVIEW PREVIEW (LAZY))",
        ),
        (
            "a fetch 1 preview (changedsince 1)",
            "a FETCH 1 (PREVIEW) (CHANGEDSINCE 1)",
        ),
        (
            "a fetch 1 (binary[] binary.peek[1.2]<0.9> binary.size[3])",
            "a FETCH 1 (BINARY[] BINARY.PEEK[1.2]<0.9> BINARY.SIZE[3])",
        ),
        (
            "a search emailid m1-_ threadid \"T2\" savedon 1-feb-1994",
            "a SEARCH CHARSET UTF-8 EMAILID m1-_ THREADID T2 SAVEDON 01-Feb-1994",
        ),
        (
            "a STORE 1 FLAGS $x \\Draft $X",
            "a STORE 1 FLAGS (\\Draft $x)",
        ),
        ("a STORE 1 FLAGS ()", "a STORE 1 FLAGS ()"),
        (
            "a SEARCH unseen from \"x\" (1:2)",
            "a SEARCH CHARSET UTF-8 UNSEEN HEADER FROM \"x\" 1:2",
        ),
        (
            "a search return () ((all))",
            "a SEARCH RETURN (ALL) CHARSET UTF-8 ALL",
        ),
        (
            "a search charset us-ascii not (seen old)",
            "a SEARCH CHARSET UTF-8 NOT (SEEN OLD)",
        ),
        (
            "a search on \"01-feb-1994\"",
            "a SEARCH CHARSET UTF-8 ON 01-Feb-1994",
        ),
        ("a id nil", "a ID NIL"),
        ("a append x {0}", "a APPEND x () {0}"),
        ("a append x ~{3+}", "a APPEND x () ~{3+}"),
        ("a append x utf8 (~{3}", "a APPEND x () UTF8 (~{3}"),
        (
            "a append x \"01-Feb-1994 21:52:25 +0100\" {1+}",
            "a APPEND x () \"01-Feb-1994 20:52:25 +0000\" {1+}",
        ),
    ] {
        assert_eq!(normal(written), expected);
        command_round_trip(written.as_bytes());
    }
}

#[test]
fn passwords_are_exact_and_never_printed() {
    let Command::Login { user, password } = parsed("a LOGIN ann \"p\\\\w\"") else {
        panic!("no LOGIN");
    };
    assert_eq!((user.as_str(), password.expose()), ("ann", &b"p\\w"[..]));
    assert!(!format!("{:?}", parsed("a LOGIN ann hunter2")).contains("hunter2"));
}

#[test]
fn peeking_leaves_seen_alone() {
    let Command::Fetch { items, .. } =
        parsed("a FETCH 1 (BODY.PEEK[] BODY[] RFC822.HEADER RFC822)")
    else {
        panic!("no FETCH");
    };
    let sets: Vec<bool> = items.iter().map(FetchItem::sets_seen).collect();
    assert_eq!(sets, [false, true, false, true]);
}

#[test]
fn dates_are_days() {
    let Command::Search(_, request) = parsed("a SEARCH BEFORE 2-Jan-1970") else {
        panic!("no SEARCH");
    };
    assert_eq!(request.key, SearchKey::Before(SearchDate { days: 1 }));
}

const NO_COMMANDS: &[&str] = &[
    "",
    " ",
    "a",
    "a ",
    "a  NOOP",
    "a NOOP ",
    "a NOOP x",
    "+ NOOP",
    "a+ NOOP",
    "(a NOOP",
    "a\0 NOOP",
    "a NOOP\r",
    "a UID NOOP",
    "a UID UID FETCH 1 FLAGS",
    "a LOGIN ann",
    "a LOGIN ann p w",
    "a LOGIN \"ann pw",
    "a LOGIN \"a\\nn\" pw",
    "a LOGIN \"a\r\nn\" pw",
    "a LOGIN {5}\r\na\r\nbc pw",
    "a LOGIN {3}\r\na\0b pw",
    "a LOGIN {9}\r\nann pw",
    "a LOGIN {99999999999999999999}\r\nann pw",
    "a AUTHENTICATE PLAIN *",
    "a SELECT",
    "a SELECT \"\"",
    "a SELECT a%",
    "a SELECT \"a/../b\"",
    "a SELECT {4}\r\na\r\nb",
    "a SELECT &AGE-",
    "a SELECT \"caf\u{e9}\"",
    "a CREATE /",
    "a CREATE foo//",
    "a LIST (RECURSIVEMATCH) \"\" *",
    "a LIST (RECURSIVEMATCH REMOTE) \"\" *",
    "a LIST (SUBSCRIBE) \"\" *",
    "a LIST (SUBSCRIBED)\"\" *",
    "a LIST \"\" ()",
    "a LIST \"\" * RETURN",
    "a LIST \"\" * RETURN (MYRIGHTS)",
    "a LIST \"\" * RETURN (STATUS ())",
    "a LIST \"\" * RETURN () ()",
    "a COMPRESS",
    "a COMPRESS DEFLATE 9",
    "a CREATE x (USE)",
    "a CREATE x (USE (Sent))",
    "a CREATE x (USE (\\Sent)",
    "a CREATE x ()",
    "a GETQUOTA",
    "a GETQUOTA {2}\r\n\r\n",
    "a SETQUOTA \"\"",
    "a SETQUOTA \"\" (STORAGE)",
    "a SETQUOTA \"\" (STORAGE -1)",
    "a SELECT x ()",
    "a SELECT x CONDSTORE",
    "a SELECT x (CONDSTORE CONDSTORE)",
    "a SELECT x (QRESYNC)",
    "a SELECT x (QRESYNC ())",
    "a SELECT x (QRESYNC (1))",
    "a SELECT x (QRESYNC (0 1))",
    "a SELECT x (QRESYNC (1 9223372036854775808))",
    "a SELECT x (QRESYNC (1 -1))",
    "a SELECT x (QRESYNC (1 1 1:*))",
    "a SELECT x (QRESYNC (1 1 0))",
    "a SELECT x (QRESYNC (1 1 1,$))",
    "a SELECT x (QRESYNC (1 1 (1)))",
    "a SELECT x (QRESYNC (1 1 (1 *)))",
    "a SELECT x (QRESYNC (1 1 (1:3 1:2)))",
    "a SELECT x (QRESYNC (1 1 1 (1 1) 1))",
    "a FETCH 1 BINARY",
    "a FETCH 1 BINARY[HEADER]",
    "a FETCH 1 BINARY[1.MIME]",
    "a FETCH 1 BINARY[1]<0.0>",
    "a FETCH 1 BINARY.SIZE[1]<0.1>",
    "a FETCH 1 (PREVIEW (NOW))",
    "a SEARCH EMAILID",
    "a SEARCH EMAILID a.b",
    "a SEARCH THREADID \"\"",
    "a SEARCH SAVEDON",
    "a FETCH 1 FLAGS ()",
    "a FETCH 1 FLAGS (CHANGEDSINCE)",
    "a FETCH 1 FLAGS (CHANGEDSINCE 9223372036854775808)",
    "a FETCH 1 FLAGS (CHANGEDSINCE 18446744073709551616)",
    "a FETCH 1 FLAGS (VANISHED)",
    "a FETCH 1 FLAGS CHANGEDSINCE 1",
    "a STORE 1 () FLAGS ()",
    "a STORE 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS ()",
    "a STORE 1 (UNCHANGEDSINCE 1)",
    "a SEARCH MODSEQ",
    "a SEARCH MODSEQ \"/flags/x\" 1",
    "a SEARCH MODSEQ \"/flags/x\" every 1",
    "a SEARCH MODSEQ 9223372036854775808",
    "a STATUS x ()",
    "a STATUS x (SIZES)",
    "a STATUS x MESSAGES",
    "a FETCH 0 FLAGS",
    "a FETCH 4294967296 FLAGS",
    "a FETCH 1: FLAGS",
    "a FETCH 1,,2 FLAGS",
    "a FETCH 1 ()",
    "a FETCH 1 (ALL)",
    "a FETCH 1 BODY[MIME]",
    "a FETCH 1 BODY[1.]",
    "a FETCH 1 BODY[0]",
    "a FETCH 1 BODY[]<1.0>",
    "a FETCH 1 BODY[]<1>",
    "a FETCH 1 BODY[HEADER.FIELDS ()]",
    "a FETCH 1 BODY[HEADER.FIELDS (\"a\r\nb\")]",
    "a STORE 1 FLAGS",
    "a STORE 1 FLAGS \\Recent",
    "a STORE 1 FLAGS (\\Seen",
    "a STORE 1 FLAGS (a]b)",
    "a STORE 1 FLAGS \\",
    "a SEARCH",
    "a SEARCH ()",
    "a SEARCH (ALL",
    "a SEARCH ALL)",
    "a SEARCH NOT",
    "a SEARCH OR SEEN",
    "a SEARCH ON 31-Feb-1994",
    "a SEARCH ON 1-Feb-19940",
    "a SEARCH RETURN (SAVES) ALL",
    "a SEARCH OLDER 0",
    "a SEARCH YOUNGER -1",
    "a FETCH $,1 FLAGS",
    "a FETCH $:2 FLAGS",
    "a FETCH 1$ FLAGS",
    "a SEARCH SUBJECT {1}\r\n\u{e9}",
    "a ID (\"a\")",
    "a ID (\"a\" {2}\r\n\r\n)",
    "a APPEND x",
    "a APPEND x (\\Seen){1}",
    "a APPEND x \"1-Feb-1994 21:52:25 +0100\" {1}",
    "a APPEND x {1}\r\nz",
    "a APPEND x UTF8 ({1}",
    "a APPEND x UTF8 ~{1}",
    "a APPEND x UTF7 (~{1}",
];

#[test]
fn what_is_no_command_is_refused() {
    for text in NO_COMMANDS {
        refusal(text);
    }
}

#[test]
fn refusals_say_what_is_wrong_and_for_whom() {
    assert_eq!(refusal("+ NOOP").tag, None);
    for (text, kind) in [
        ("a FROB", SyntaxKind::UnknownCommand),
        ("a STORE 1 FLAGS \\Recent", SyntaxKind::Flag),
        ("a SEARCH CHARSET KOI8-R ALL", SyntaxKind::Charset),
        ("a CREATE x (USE (\\All))", SyntaxKind::SpecialUse),
        ("a CREATE x (USE (\\Sent \\Junk))", SyntaxKind::SpecialUse),
        (
            "a SELECT a%b",
            SyntaxKind::Expected("the end of the command"),
        ),
        (
            "a SELECT \"a%b\"",
            SyntaxKind::MailboxName(types::MailboxNameError::BadLevel),
        ),
        ("a SELECT &AGE-", SyntaxKind::Utf7(crate::imap::Utf7Error)),
    ] {
        let err = refusal(text);
        assert_eq!((err.tag, err.kind), (Tag::new(b"a"), kind), "{text}");
    }
}

#[test]
fn names_are_read_in_the_spelling_that_is_agreed() {
    let select = |name: &str, spelling| {
        let octets = format!("a SELECT {name}");
        command_spelled(octets.as_bytes(), spelling).map(|tagged| tagged.command)
    };
    for (name, utf7, utf8) in [
        ("\"caf\u{e9}\"", None, Some("caf\u{e9}")),
        ("caf&AOk-", Some("caf\u{e9}"), Some("caf&AOk-")),
        ("{5}\r\ncaf\u{e9}", None, Some("caf\u{e9}")),
        ("a&b", None, Some("a&b")),
        ("caf\u{e9}", None, None),
        ("\"a\u{2028}b\"", None, None),
    ] {
        for (spelling, expected) in [(Spelling::Utf7, utf7), (Spelling::Utf8, utf8)] {
            let read = match select(name, spelling) {
                Ok(Command::Select(request)) => Some(request.mailbox.as_str().to_owned()),
                _ => None,
            };
            assert_eq!(read.as_deref(), expected, "{name}, {spelling:?}");
        }
    }
}

#[test]
fn an_append_goes_on_or_ends() {
    assert_eq!(append_next(b""), Ok(None));
    let next = append_next(b" (\\Seen) ~{3+}").unwrap().unwrap();
    assert_eq!(next.flags.system, FlagSet::SEEN);
    assert!(next.literal.binary && !next.literal.synchronizing);
    assert_eq!(append_next(b"  {3}"), append_next(b" {3}"));
    for bad in [
        " ",
        "x",
        " {3} ",
        " ()",
        " x {3}",
        "   {3}",
        "  (a) {3}",
        "{3}",
        ") {3}",
    ] {
        assert!(append_next(bad.as_bytes()).is_err(), "accepted {bad:?}");
    }
}

#[test]
fn nothing_grows_beyond_its_limit() {
    let parens = |n: usize| format!("a SEARCH {}ALL{}", "(".repeat(n), ")".repeat(n));
    let nots = |n: usize| format!("a SEARCH {}ALL", "NOT ".repeat(n));
    let keys = |n: usize| format!("a SEARCH{}", " SEEN".repeat(n));
    let numbers = |n: usize| format!("a FETCH {}1 FLAGS", "*:*,".repeat(n));
    let items = |n: usize| format!("a FETCH 1 (UID{})", " UID".repeat(n));
    let flags = |n: usize| format!("a STORE 1 FLAGS (a{})", " a".repeat(n));
    let bare = |n: usize| format!("a STORE 1 FLAGS a{}", " a".repeat(n));
    let parts = |n: usize| format!("a FETCH 1 BODY[1{}]", ".1".repeat(n));
    let patterns = |n: usize| format!("a LIST \"\" ({})", vec!["%"; n].join(" "));
    let long = |n: usize| format!("a LIST {} (% * %)", "x".repeat(n));
    let cases: [(&dyn Fn(usize) -> String, usize); 10] = [
        (&patterns, LIST_PATTERNS_MAX),
        (&long, 340),
        (&parens, SEARCH_DEPTH_MAX - 1),
        (&nots, SEARCH_DEPTH_MAX - 1),
        (&keys, SEARCH_KEYS_MAX),
        (&numbers, SEQUENCE_RANGES_MAX - 1),
        (&items, 63),
        (&flags, FLAGS_MAX - 1),
        (&bare, FLAGS_MAX - 1),
        (&parts, types::limits::MIME_DEPTH_MAX - 1),
    ];
    for (build, most) in cases {
        parsed(&build(most));
        let kind = refusal(&build(most + 1)).kind;
        assert!(matches!(kind, SyntaxKind::TooMany(_)), "{kind}");
    }
    refusal(&parens(10_000));
    refusal(&nots(10_000));
    refusal(&format!("{} NOOP", "a".repeat(65)));
}
