//! Over a limit the message is kept in the inbox and the rule is reported.

use policy::change::{RuleContent, RuleDirection};
use sieve::form::{FormAction, FormRule};

use super::{ANN, BOB, MAIL, Stage, scene};

/// Scripts that others include; each is also a rule that does nothing.
const INCLUDED: [(&str, &str); 5] = [
    ("leaf", "if false { discard; }"),
    (
        "three",
        "require \"include\"; if true { include \"leaf\"; }",
    ),
    ("two", "require \"include\"; include \"three\";"),
    ("one", "require \"include\"; include \"two\";"),
    (
        "circle",
        "require \"include\"; if size :over 1 { include \"circle\"; }",
    ),
];

/// Scripts that begin with a variable `a` as long as one can be, each with the limit that it meets.
// long: one table
fn cases() -> Vec<(&'static str, String, &'static str)> {
    let long = "require [\"variables\", \"fileinto\", \"include\", \"imap4flags\", \"editheader\",
        \"reject\", \"regex\", \"body\"];
        set \"a\" \"aaaaaaaa\";\n"
        .to_owned()
        + &"set \"a\" \"${a}${a}\";\n".repeat(10);
    let many = |count: usize, text: &dyn Fn(usize) -> String| {
        (0..count).map(|n| text(n) + "\n").collect::<String>()
    };
    vec![
        (
            "steps of a wildcard",
            format!(
                "if string :matches \"{}\" \"*${{a}}b\" {{ stop; }}",
                "${a}".repeat(7)
            ),
            "it takes too long: more steps than the limit of 2000000",
        ),
        (
            "steps of regular expressions",
            many(200, &|n| {
                format!("if body :raw :regex \"x.*y{n}$\" {{ stop; }}")
            }),
            "it takes too long: more steps than the limit of 2000000",
        ),
        (
            "octets of a text",
            format!("fileinto \"{}\";", "${a}".repeat(9)),
            "a text with its variables has more octets than the limit of 65536",
        ),
        (
            "variables",
            many(300, &|n| format!("set \"v{n}\" \"x\";")),
            "more variables than the limit of 256",
        ),
        (
            "redirects",
            many(5, &|n| format!("redirect \"a{n}@example.org\";")),
            "more redirects than the limit of 4",
        ),
        (
            "actions",
            many(65, &|n| format!("fileinto \"f{n}\";")),
            "more actions than the limit of 64",
        ),
        (
            "flags",
            many(129, &|n| format!("addflag \"k{n}\";")),
            "more flags than the limit of 128",
        ),
        (
            "edits of the header",
            many(1_025, &|_| "addheader \"X\" \"y\";".to_owned()),
            "more changes of the header than the limit of 1024",
        ),
        (
            "depth of included scripts",
            "include \"one\";".to_owned(),
            "included scripts lie within each other deeper than the limit of 3",
        ),
        (
            "number of included scripts",
            many(16, &|_| "include \"leaf\";".to_owned()),
            "more included scripts than the limit of 15",
        ),
        (
            "a circle of included scripts",
            "include \"circle\";".to_owned(),
            "includes itself",
        ),
        (
            "octets of a reason",
            format!("reject \"{}\";", "${a}".repeat(3)),
            "a text to send has more octets than the limit of 16384",
        ),
    ]
    .into_iter()
    .map(|(name, text, why)| (name, format!("{long}{text}"), why))
    .collect()
}

#[tokio::test]
async fn over_any_limit_mail_is_kept_in_the_inbox_and_the_rule_reported() {
    let mail = format!("{MAIL}{}", "words of a body\n".repeat(65_000));
    for (name, text, why) in cases() {
        let stage = Stage::with(&[]).await;
        for (script, text) in INCLUDED {
            stage.add(ANN, text, script, RuleDirection::In).await;
        }
        // What it asked for before is void, and the rules behind it run.
        let text = text.replacen(";", "; fileinto \"Trash\";", 1) + "discard;";
        stage.add(ANN, &text, "bomb", RuleDirection::In).await;
        let seen = "require [\"editheader\"]; addheader \"X-Behind\" \"ran\";";
        stage.add(ANN, seen, "behind", RuleDirection::In).await;
        stage.send(&["ann@example.org"], &mail).await.unwrap();
        assert_eq!(stage.stored(), ["1 INBOX"], "{name}");
        assert_eq!(stage.sent(), [""; 0], "{name}");
        let told = stage.rows(scene::RULES_OF_FATES).concat();
        assert!(told.contains(why), "{name}: {told}");
        assert!(stage.rows(scene::HEADS)[0].starts_with("X-Behind: ran\r\n"));
    }
}

#[tokio::test]
async fn a_script_as_long_as_one_may_be_is_kept_whole_and_runs() {
    let lines = "# a comment that somebody wrote, \"in quotes\"\r\n".repeat(900);
    let text = format!("require \"editheader\";\r\n{lines}addheader \"X-Long\" \"ran\";\r\n");
    assert!(text.len() > 40_000);
    let stage = Stage::with(&[(ANN, &text)]).await;
    stage.send(&["ann@example.org"], MAIL).await.unwrap();
    assert!(stage.rows(scene::HEADS)[0].starts_with("X-Long: ran\r\n"));
    scene::assert_sound(stage.service(), stage.scene.dir.path()).await;
    let form = RuleContent::Form(FormRule {
        conditions: Vec::new(),
        all: true,
        actions: vec![FormAction::Reply {
            subject: None,
            text: "I am away \u{2708}\n".repeat(600),
            days: 7,
        }],
        stop: false,
    });
    let made = stage.try_add(BOB, form, "away", RuleDirection::In).await;
    made.unwrap();
    scene::assert_sound(stage.service(), stage.scene.dir.path()).await;
}
