//! Every change by the command line is one entry, and rows from elsewhere are never obeyed.

use std::fs;

use anyhow::{Context as _, ensure};
use e2e::{Server, clients};
use serde_json::Value;

/// Exit status when the ledger does not verify.
const VERIFICATION_FAILED: i32 = 6;

/// All entries, as `ledger list --json` gives them: one object a line.
fn entries(server: &Server) -> anyhow::Result<Vec<Value>> {
    let listed = server
        .cli(&["ledger", "list", "--limit", "10000", "--json"])?
        .ok()?;
    listed
        .out
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("reading {line}")))
        .collect()
}

#[test]
fn each_change_leaves_exactly_one_entry() -> anyhow::Result<()> {
    let server = Server::start()?;
    let password = b"three pale lanterns 42\n";
    let changes: [(&[&str], &str); 6] = [
        (&["domain", "add", "second.test"], "domain.create"),
        (
            &["alias", "add", "team@second.test", "u0001@demo.test"],
            "alias.create",
        ),
        (&["alias", "rm", "team@second.test"], "alias.remove"),
        (&["config", "set", "recipients_max", "50"], "setting.set"),
        (
            &["account", "disable", "u0003@demo.test"],
            "account.disable",
        ),
        (&["account", "enable", "u0003@demo.test"], "account.enable"),
    ];
    for (command, expected) in changes {
        let before = entries(&server)?.len();
        server
            .cli_with_input(&[command, &["--yes", "--json"]].concat(), password)?
            .ok()?;
        let after = entries(&server)?;
        ensure!(
            after.len() == before + 1,
            "{command:?}: {before} to {}",
            after.len()
        );
        let text = after[before].to_string();
        ensure!(text.contains(expected), "{command:?}: {text}");
        ensure!(
            text.contains("cli") && text.contains("unix_user"),
            "{command:?}: {text}"
        );
    }
    server.cli(&["ledger", "verify"])?.ok().map(drop)
}

#[test]
fn a_refused_change_changes_nothing() -> anyhow::Result<()> {
    let server = Server::start()?;
    let before = entries(&server)?.len();
    for command in [
        ["domain", "add", "demo.test"].as_slice(),
        &["alias", "rm", "nobody@demo.test"],
        &["config", "set", "recipients_max", "-1"],
        &["config", "set", "no_such_setting", "1"],
    ] {
        let ran = server.cli(&[command, &["--yes"]].concat())?;
        ensure!(
            ran.status != Some(0) && !ran.err.is_empty(),
            "{command:?}: {ran:?}"
        );
    }
    ensure!(entries(&server)?.len() == before);
    Ok(())
}

#[test]
fn a_row_added_while_stopped_is_neither_obeyed_nor_signed() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    server
        .cli(&["domain", "add", "second.test", "--yes"])?
        .ok()?;
    let size = entries(&server)?.len();
    server.stop()?;
    server.cli(&["ledger", "verify"])?.ok()?;
    let data = server.data().display().to_string();
    clients::python(&server, "rogue_row.py", &[&data])?.ok()?;
    server
        .cli(&["ledger", "verify"])?
        .exits(VERIFICATION_FAILED)?;
    // Whether it starts, heals and says so, or refuses to start: the row is never obeyed.
    if server.start_again().is_ok() {
        let listed = server.cli(&["domain", "list", "--json"])?.ok()?;
        ensure!(listed.out.contains("second.test"), "{}", listed.out);
        ensure!(
            !listed.out.contains("rogue0.test"),
            "obeyed: {}",
            listed.out
        );
        ensure!(
            entries(&server)?.iter().skip(size).all(|entry| {
                !(entry.to_string().contains("domain.create")
                    && entry.to_string().contains("rogue0.test"))
            }),
            "signed"
        );
    } else {
        ensure!(server.talk().contains("ledger"), "{}", server.talk());
    }
    Ok(())
}

#[test]
fn a_flipped_octet_in_an_entry_is_found() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    server
        .cli(&["domain", "add", "second.test", "--yes"])?
        .ok()?;
    server.stop()?;
    let path = server.data().join("mail.db");
    let mut octets = fs::read(&path)?;
    let name = b"second.test";
    let places: Vec<usize> = (0..octets.len() - name.len())
        .filter(|at| octets[*at..].starts_with(name))
        .collect();
    ensure!(!places.is_empty(), "the entry is not in the database");
    for at in places {
        octets[at] = b'x';
    }
    fs::write(&path, octets)?;
    server
        .cli(&["ledger", "verify"])?
        .exits(VERIFICATION_FAILED)
        .map(drop)
}
