//! Texts that people write into rules stay texts: never code, a path, or another header field.

use std::path::Path;

use policy::change::{RuleContent, RuleDirection};
use sieve::form::{Compare, Condition, FormAction, FormRule, Place};

use super::{ANN, MAIL, Stage, scene};
use crate::header;

const EVIL: [&str; 16] = [
    "x\"; discard; #",
    "x\\\"; discard; #",
    "*/ discard; /*",
    "x\r\nBcc: pwned@far.test",
    "x\nBcc: pwned@far.test",
    "x\rBcc: pwned@far.test",
    "x\r\n\r\npwned",
    "text:\r\n.\r\ndiscard;\r\n",
    "\r\n.\r\ndiscard;\r\n",
    "../../pwned",
    "/tmp/pwned",
    "a/../../pwned",
    "$(touch pwned)",
    "`touch pwned`; ${env.pwned} ${1}",
    "pwned\0x",
    "\u{202e}pwned\u{2028}x\u{85}y",
];

/// The rule that has a text in one of its places.
type Made = fn(&str) -> FormRule;

const PLACES: [(&str, Made); 7] = [
    ("the value of a condition", |text| FormRule {
        conditions: vec![Condition::Text {
            place: Place::Subject,
            compare: Compare::Contains,
            values: vec![text.to_owned(), "offer".to_owned()],
        }],
        ..does(FormAction::MarkRead {})
    }),
    ("a pattern", |text| FormRule {
        conditions: vec![Condition::Text {
            place: Place::Subject,
            compare: Compare::NotMatches,
            values: vec![text.to_owned()],
        }],
        ..does(FormAction::MarkRead {})
    }),
    ("the value of a field", |text| {
        does(FormAction::AddHeader {
            name: "X-Rule".to_owned(),
            value: text.to_owned(),
        })
    }),
    ("the name of a field", |text| {
        does(FormAction::AddHeader {
            name: text.to_owned(),
            value: "x".to_owned(),
        })
    }),
    ("the beginning of the subject", |text| {
        does(FormAction::PrefixSubject {
            prefix: text.to_owned(),
        })
    }),
    ("a folder", |text| {
        does(FormAction::MoveTo {
            folder: text.to_owned(),
        })
    }),
    ("an answer", |text| {
        does(FormAction::Reply {
            subject: Some(text.to_owned()),
            text: text.to_owned(),
            days: 7,
        })
    }),
];

fn does(action: FormAction) -> FormRule {
    FormRule {
        conditions: Vec::new(),
        all: true,
        actions: vec![action],
        stop: false,
    }
}

#[tokio::test]
async fn a_text_in_a_rule_never_becomes_code_a_path_or_a_field() {
    for (place, made) in PLACES {
        let rules = EVIL.map(|text| ("rule", made(text)));
        let taken = check(place, &rules).await;
        // The name of a field and a folder may hold next to nothing.
        let strict = matches!(place, "the name of a field" | "a folder");
        assert!(strict || taken >= 5, "{place}: only {taken} are taken");
    }
}

#[tokio::test]
async fn a_name_of_a_rule_never_becomes_code_a_path_or_a_field() {
    let rules = EVIL.map(|text| (text, does(FormAction::Flag {})));
    assert!(check("the name of the rule", &rules).await >= 5);
}

/// How many of the rules are taken; a message that meets these comes to harm in no way.
async fn check(place: &str, rules: &[(&str, FormRule)]) -> usize {
    let stage = Stage::with(&[]).await;
    let mut taken = 0;
    for (name, form) in rules {
        let content = RuleContent::Form(form.clone());
        let made = stage.try_add(ANN, content, name, RuleDirection::In).await;
        if made.is_err() {
            continue;
        }
        taken += 1;
        let shown = sieve::print(&form.to_script());
        let again = sieve::print(&sieve::parse(&shown).unwrap());
        assert_eq!(shown, again, "{place}: what is shown is what runs");
    }
    stage.send(&["ann@example.org"], MAIL).await.unwrap();
    assert!(!stage.stored().is_empty(), "{place}");
    assert!(stage.rows(scene::REMOVALS).is_empty(), "{place}");
    assert!(
        !stage.sent().iter().any(|to| to.contains("pwned")),
        "{place}"
    );
    let head = stage.rows(scene::HEADS).remove(0);
    let known = ["Return-Path", "Received", "From", "To", "Subject", "X-Rule"];
    let is_own = |name: &[u8]| {
        place == "the name of a field" && EVIL.iter().any(|text| text.as_bytes() == name)
    };
    for field in header::fields(head.as_bytes()) {
        let is_known = known.iter().any(|name| field.is(name));
        assert!(is_known || is_own(field.name), "{place}: {head}");
    }
    assert_eq!(
        head.find("\r\n\r\n"),
        Some(head.len() - 4),
        "{place}: {head}"
    );
    assert_no_file_is_named(stage.scene.dir.path(), "pwned");
    taken
}

fn assert_no_file_is_named(dir: &Path, part: &str) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(!name.contains(part), "{name}");
        if entry.file_type().unwrap().is_dir() {
            assert_no_file_is_named(&entry.path(), part);
        }
    }
}

#[tokio::test]
async fn scripts_cannot_name_paths_lines_or_strangers() {
    for text in [
        "require \"include\"; include \"../bob\";",
        "require \"include\"; include \"a\r\nb\";",
        "require [\"include\", \"variables\"]; set \"x\" \"y\"; include \"${x}\";",
        "require \"include\"; include :global \"x\";",
        "require \"enotify\"; notify \"http://192.0.2.1/\";",
        "require \"enotify\"; notify \"mailto:a@[192.0.2.1]\";",
        "require \"enotify\"; notify \"mailto:a@far.test%0d%0aBcc:b@far.test\";",
        "require [\"enotify\", \"variables\"]; set \"x\" \"y\"; notify \"mailto:${x}@far.test\";",
        "redirect \"a@far.test\r\nRCPT TO:<b@far.test>\";",
        "redirect \"a@[192.0.2.1]\";",
        "redirect \"|/bin/sh\";",
        "require \"variables\"; set \"x\" \"y\"; redirect \"${x}@far.test\";",
        "require \"fileinto\"; fileinto \"../x\";",
        "require \"fileinto\"; fileinto \"a\r\nb\";",
        "require \"editheader\"; addheader \"X\\r\\nBcc\" \"x\";"
            .replace("\\r\\n", "\r\n")
            .as_str(),
        "require \"vnd.dovecot.execute\"; execute \"x\";",
        "require \"vnd.dovecot.pipe\"; pipe \"x\";",
    ] {
        let stage = Stage::with(&[]).await;
        let content = RuleContent::Script(text.to_owned());
        let made = stage.try_add(ANN, content, "rule", RuleDirection::In).await;
        let err = made.expect_err(text).to_string();
        assert!(err.contains("line "), "{text}: {err}");
    }
}
