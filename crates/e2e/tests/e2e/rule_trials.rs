//! Rules on mail that is here: what one would have matched, what it would do to a message and why,
//! and running it over a folder.

use anyhow::ensure;
use e2e::{Server, clients};

/// Subjects of mail to the first account.
const SUBJECTS: [&str; 3] = ["Offer one", "Offer two", "Lunch"];

/// A server on which this mail came.
fn with_mail() -> anyhow::Result<Server> {
    let server = Server::start()?;
    let to = server.address(1);
    for (number, subject) in SUBJECTS.iter().enumerate() {
        let header = format!("Subject: {subject}");
        let id = format!("Message-Id: <{number}@far.test>");
        let from = ["--from", "shop@far.test", "--to", &to];
        let args = [&from[..], &["--header", &header, "--header", &id]].concat();
        clients::swaks(&server, server.ready().ports.smtp, &args)?.ok()?;
    }
    Ok(server)
}

fn said(server: &Server, args: &[&str]) -> anyhow::Result<String> {
    let ran = server.cli(args)?.ok()?;
    Ok(ran.out + &ran.err)
}

#[test]
fn saving_a_rule_says_what_it_would_have_matched() -> anyhow::Result<()> {
    let server = with_mail()?;
    for (when, words) in [
        (
            "subject contains Offer",
            "Would have matched 2 messages in the last 30 days",
        ),
        (
            "subject contains Nothing",
            "Would have matched none of the 3 messages",
        ),
        (
            "received from 2099-01-01",
            "cannot tell: it comes from 1 January 2099 on",
        ),
    ] {
        let rule = [
            "--domain",
            "demo.test",
            "--name",
            "offers",
            "--when",
            when,
            "--then",
            "delete",
        ];
        let add = [&["rules", "add"][..], &rule, &["--dry-run"]].concat();
        let told = said(&server, &add)?;
        ensure!(told.contains(words), "{when}: {told}");
    }
    let add = [
        "rules",
        "add",
        "--domain",
        "demo.test",
        "--name",
        "offers",
        "--yes",
    ];
    let content = ["--when", "subject contains Offer", "--then", "delete"];
    let told = said(&server, &[&add[..], &content].concat())?;
    ensure!(told.contains("Would have matched 2 messages"), "{told}");
    let shown = said(&server, &["rules", "show", "r_1"])?;
    ensure!(shown.contains("Would have matched 2 messages"), "{shown}");
    let edit = [
        "rules",
        "edit",
        "r_1",
        "--when",
        "subject is Lunch",
        "--then",
        "delete",
    ];
    let told = said(&server, &[&edit[..], &["--dry-run", "--json"]].concat())?;
    let told: serde_json::Value = serde_json::from_str(told.lines().next().unwrap_or_default())?;
    ensure!(told["preview"]["matched"] == 1, "{told}");
    Ok(())
}

/// A server with this mail and a rule of its first account that deletes offers, as `r_1`.
fn with_rule() -> anyhow::Result<Server> {
    let server = with_mail()?;
    let to = server.address(1);
    let add = [
        "rules",
        "add",
        "--account",
        &to,
        "--name",
        "offers",
        "--yes",
    ];
    let content = ["--when", "subject contains Offer", "--then", "delete"];
    said(&server, &[&add[..], &content].concat())?;
    Ok(server)
}

#[test]
fn a_rule_is_tried_on_a_message() -> anyhow::Result<()> {
    let server = with_rule()?;
    let to = server.address(1);
    let from = [
        "--account",
        &to,
        "--when",
        "sending-ip is 127.0.0.1",
        "--then",
        "move Near",
    ];
    let contains = "the subject contains \"Offer\"";
    let contains_not = "the subject does not contain \"Offer\"";
    for (rule, message, expected) in [
        (&["r_1"][..], "0@far.test", ["would delete it", contains]),
        (&["r_1"], "2@far.test", ["do nothing", contains_not]),
        (
            &from,
            "2@far.test",
            ["into the folder \"Near\"", "is \"127.0.0.1\""],
        ),
    ] {
        let told = said(
            &server,
            &[&["rules", "test"], rule, &["--id", message]].concat(),
        )?;
        for words in expected {
            ensure!(told.contains(words), "{rule:?} {message}: {told}");
        }
    }
    let message = format!("To: {to}\nSubject: An Offer\n\nbody\n");
    let given = ["rules", "test", "r_1", "--message", "-"];
    let told = server.cli_with_input(&given, message.as_bytes())?.ok()?.out;
    ensure!(told.contains("would delete it"), "{told}");
    let looked = said(&server, &["activity", "--kind", "rule.looked"])?;
    ensure!(looked.matches("test on a message").count() == 3, "{looked}");
    Ok(())
}

#[test]
fn what_cannot_be_tried_is_refused_with_a_reason() -> anyhow::Result<()> {
    let server = with_rule()?;
    let (to, other) = (server.address(1), server.address(2));
    for (args, words) in [
        (&["test", "r_1"][..], "--message FILE"),
        (&["test", "--id", "x"], "which rule?"),
        (&["test", "r_9", "--id", "0@far.test"], "rule"),
        (
            &["test", "r_1", "--id", "none@far.test"],
            "message of this id",
        ),
        (
            &["run", "r_1", "--account", &other, "--yes"],
            "not about the mail",
        ),
        (
            &["run", "r_1", "--account", &to, "--folder", "None", "--yes"],
            "folder",
        ),
        (&["run", "r_1", "--account", &to, "--no-input"], "--yes"),
    ] {
        let refused = server.cli(&[&["rules"], args].concat())?;
        ensure!(
            refused.status != Some(0) && refused.err.contains(words),
            "{args:?}: {refused:?}"
        );
    }
    Ok(())
}

#[test]
fn a_rule_is_run_over_a_folder() -> anyhow::Result<()> {
    let server = with_rule()?;
    let to = server.address(1);
    let run = ["rules", "run", "r_1", "--account", &to];
    let dry = said(&server, &[&run[..], &["--dry-run"]].concat())?;
    ensure!(dry.contains("3 messages; would be: 2 removed"), "{dry}");
    let done = said(&server, &[&run[..], &["--yes"]].concat())?;
    ensure!(done.contains("3 messages: 2 removed"), "{done}");
    // As on arrival, the record names the rule, and the mail can be brought back.
    let traced = said(&server, &["trace", "--rule", "r_1", "--json"])?;
    ensure!(
        traced.matches("\"action\":\"discard\"").count() == 2,
        "{traced}"
    );
    let looked = said(&server, &["activity", "--kind", "rule.looked"])?;
    for what in ["run over a folder, dry", "run over a folder\""] {
        ensure!(looked.contains(what), "{what}: {looked}");
    }
    said(&server, &["recoverable", "restore", &to, "--since", "1h"])?;
    let again = said(&server, &[&run[..], &["--dry-run"]].concat())?;
    ensure!(again.contains("2 removed"), "{again}");
    Ok(())
}
