//! `alerts` and `explain` at the command line: a stranger learns what happened, to which messages, by
//! whom and how, and what to do.

use anyhow::ensure;
use e2e::{Server, clients};

/// The two rules of the thief.
const RULES: &[&[&str]] = &[
    &[
        "--name",
        "Cleanup",
        "--when",
        "subject-or-body contains tucows",
        "--then",
        "delete",
    ],
    &[
        "--name",
        "Orders",
        "--when",
        "subject contains Checkout Notice",
        "--then",
        "copy drop@webmail.test",
    ],
];

/// Columns of a screen that everybody has.
const COLUMNS: usize = 80;
/// Lines of one.
const LINES: usize = 45;

/// What a stranger asks, and what the screen says.
const SCREENS: &[(&[&str], &[&str])] = &[
    (
        &["rule", "r_1"],
        &[
            "made rule \"Cleanup\" (r_1) at",
            "Nobody will see it.",
            "1 message, of 1 mailbox: 1 deleted, 0 sent outside.",
            "first message deleted",
            "rule r_2 \"Orders\" made",
            "Proven: entry",
            "NOT KNOWN   Which person it was",
            "sealpost recoverable restore --rule r_1 --data ",
        ],
    ),
    (
        &["message", "order@far.test"],
        &[
            "copied to drop@webmail.test, OUTSIDE, by rule \"Orders\"",
            "left alone by rule \"Cleanup\" (r_1, entry",
            "Every recipient has it; 1 copy went outside.",
            "sealpost explain rule r_2 --data ",
        ],
    ),
    (
        &["account", "u0001@demo.test"],
        &["Its mail is touched by 2 rules above it and 0 of its own."],
    ),
    (
        &["address", "drop@webmail.test"],
        &[
            "is OUTSIDE your organisation",
            "rule r_2 of demo.test sends there",
        ],
    ),
    (
        &["address", "127.0.0.1"],
        &["0 sign-ins", "sealpost block add 127.0.0.1"],
    ),
    (
        &["time", "1m"],
        &[
            "rule r_2 \"Orders\" made",
            "No evidence of changes past the server",
        ],
    ),
];

fn robbed() -> anyhow::Result<Server> {
    let server = Server::start()?;
    for rule in RULES {
        let add = ["rules", "add", "--domain", "demo.test", "--yes"];
        server.cli(&[&add, *rule].concat())?.ok()?;
    }
    let to = server.address(1);
    for (subject, id) in [
        ("Your tucows renewal", "renewal"),
        ("Checkout Notice 4412", "order"),
        ("Lunch", "lunch"),
    ] {
        let header = format!("Subject: {subject}");
        let id = format!("Message-Id: <{id}@far.test>");
        let args = [
            "--from",
            "shop@far.test",
            "--to",
            &to,
            "--header",
            &header,
            "--header",
            &id,
        ];
        clients::swaks(&server, server.ready().ports.smtp, &args)?.ok()?;
    }
    Ok(server)
}

/// Whether every line but commands, which are pasted whole, fits a screen.
fn fits(text: &str) -> bool {
    let wide = |line: &&str| line.chars().count() > COLUMNS && !line.contains("sealpost ");
    !text.lines().any(|line| wide(&line))
}

#[test]
fn alerts_lead_to_the_rule_that_copies_mail_outside() -> anyhow::Result<()> {
    let server = robbed()?;
    let told = server.cli(&["alerts"])?.ok()?;
    let (newest, older) = told.out.split_once("\n\n").unwrap_or_default();
    for (part, words) in [
        (newest, "R1 R5 R7  IN FORCE: rule r_2"),
        (newest, "OUTSIDE your organisation"),
        (newest, "sealpost explain rule r_2 --data "),
        (older, "R6 R7  IN FORCE: rule r_1"),
        (older, "Nobody will see it."),
        (&*told.err, "tells nobody of alerts"),
    ] {
        ensure!(part.contains(words), "{words}: {}{}", told.out, told.err);
    }
    ensure!(fits(&told.out), "{}", told.out);
    let json = server.cli(&["alerts", "--json", "--limit", "1"])?.ok()?.out;
    let alert: serde_json::Value = serde_json::from_str(&json)?;
    ensure!(
        alert["object"] == "r_2" && alert["standing"] == "in force",
        "{json}"
    );
    server.cli(&["rules", "rm", "r_2", "--yes"])?.ok()?;
    let gone = server.cli(&["alerts", "--since", "1h"])?.ok()?.out;
    ensure!(gone.contains("GONE: rule r_2"), "{gone}");
    let none = server.cli(&["alerts", "--since", "2099-01-01"])?.ok()?;
    ensure!(
        none.out.is_empty() && none.err.contains("No alert"),
        "{}",
        none.err
    );
    Ok(())
}

#[test]
fn one_screen_explains_what_happened_and_what_to_do() -> anyhow::Result<()> {
    let server = robbed()?;
    for (question, words) in SCREENS {
        let told = server.cli(&[&["explain"], *question].concat())?.ok()?.out;
        let flat = told.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in *words {
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            ensure!(flat.contains(&words), "{question:?}: {words}\n{told}");
        }
        ensure!(fits(&told) && told.lines().count() <= LINES, "{told}");
        for section in [
            "\nWHAT ",
            "\nHARM ",
            "\nCONFIDENCE ",
            "\nNOT KNOWN ",
            "\nDO ",
        ] {
            ensure!(told.contains(section), "{question:?}: {section}\n{told}");
        }
        let json = server
            .cli(&[&["explain"], *question, &["--json"]].concat())?
            .ok()?
            .out;
        let facts: serde_json::Value = serde_json::from_str(&json)?;
        ensure!(facts["not_known"][0].is_string(), "{json}");
    }
    let looked = server.cli(&["activity", "--kind", "explained"])?.ok()?.out;
    ensure!(looked.contains("order@far.test"), "{looked}");
    for (args, status) in [
        (["explain", "rule", "r_9"], 3),
        (["explain", "message", "never@far.test"], 3),
        (["explain", "session", "s_9"], 3),
        (["explain", "time", "noon"], 2),
    ] {
        let refused = server.cli(&args)?;
        ensure!(refused.status == Some(status), "{args:?}: {}", refused.err);
    }
    Ok(())
}

#[test]
fn a_rule_that_is_gone_is_explained_and_undone_by_the_commands_on_the_screen() -> anyhow::Result<()>
{
    let server = robbed()?;
    server.cli(&["rules", "rm", "r_1", "--yes"])?.ok()?;
    let gone = server.cli(&["explain", "rule", "r_1"])?.ok()?.out;
    ensure!(
        gone.contains("REMOVED by entry") && gone.contains("1 deleted"),
        "{gone}"
    );
    let restore = gone.lines().find_map(|line| line.trim().strip_prefix("DO"));
    let restore = restore.unwrap_or_default().trim();
    let args: Vec<_> = restore.split_whitespace().skip(1).take(4).collect();
    ensure!(args[..2] == ["recoverable", "restore"], "{gone}");
    server.cli(&args)?.ok()?;
    let after = server.cli(&["explain", "rule", "r_1"])?.ok()?.out;
    ensure!(after.contains("or all of it was"), "{after}");
    let trace = server
        .cli(&["trace", "--id", "order@far.test", "-v"])?
        .ok()?
        .out;
    ensure!(
        trace.contains("left alone by rule \"Cleanup\" (r_1"),
        "{trace}"
    );
    let trace = server
        .cli(&["trace", "--id", "renewal@far.test"])?
        .ok()?
        .out;
    ensure!(
        trace.contains("deleted by rule \"Cleanup\" (r_1, entry"),
        "{trace}"
    );
    Ok(())
}
