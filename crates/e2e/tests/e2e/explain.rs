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
