//! ManageSieve as other people's programs speak it, and what the record says of it.

use std::fs;

use anyhow::{Context as _, ensure};
use e2e::{PASSWORD, Server, clients, program};
use serde_json::Value;

const FORWARD: &str = "redirect \"drop@webmail.test\";\r\n";

/// Runs sieve-connect, signed in as the first account, with its password at standard input.
fn sieve_connect(server: &Server, args: &[&str]) -> anyhow::Result<program::Ran> {
    program::run_with("sieve-connect", PASSWORD.as_bytes(), |command| {
        command
            .args(["--server", "localhost", "--passwordfd", "0"])
            .args(["--port", &server.ready().ports.managesieve.to_string()])
            .args(["--user", &server.address(1), "--authmech", "PLAIN"])
            .arg("--tlscafile")
            .arg(&server.ready().ca)
            .args(args);
    })
}

/// The entries about rules as `ledger show` tells them, oldest first.
fn entries(server: &Server) -> anyhow::Result<Vec<Value>> {
    let listed = server.cli(&["ledger", "list", "--json"])?.ok()?.out;
    let mut entries = Vec::new();
    for line in listed.lines().filter(|line| line.contains("\"rule.")) {
        let row: Value = serde_json::from_str(line)?;
        let seq = row["seq"].as_u64().context("a number")?.to_string();
        let shown = server.cli(&["ledger", "show", &seq, "--json"])?.ok()?.out;
        entries.push(serde_json::from_str(&shown)?);
    }
    entries.sort_by_key(|entry: &Value| entry["seq"].as_u64());
    Ok(entries)
}

#[test]
fn sievelib_keeps_scripts() -> anyhow::Result<()> {
    let server = Server::start()?;
    clients::python_with_packages(&server, "lib_managesieve.py", &[])?
        .ok()
        .map(drop)
}

#[test]
fn the_same_forward_by_each_door_is_one_entry() -> anyhow::Result<()> {
    let server = Server::start()?;
    let file = server.scratch().join("forward.sieve");
    fs::write(&file, FORWARD)?;
    let path = file.display().to_string();
    // Another account: where mail leaves already, the same forward again changes nothing.
    let (owner, other) = (server.address(1), server.address(2));
    let by_console = ["rules", "add", "--account", &other, "--name", "away"];
    let by_console = [&by_console[..], &["--script", &path, "--yes"]].concat();
    server.cli(&by_console)?.ok()?;
    let upload = ["--localsieve", &path, "--remotesieve", "sent away"];
    sieve_connect(&server, &[&upload[..], &["--upload"]].concat())?.ok()?;
    sieve_connect(&server, &["--remotesieve", "sent away", "--activate"])?.ok()?;
    let entries = entries(&server)?;
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry["type"].as_str(), entry["door"].as_str()))
        .collect();
    let expected = [
        (Some("rule.create"), Some("cli")),
        (Some("rule.create"), Some("managesieve")),
        (Some("rule.resume"), Some("managesieve")),
    ];
    ensure!(told == expected, "{told:?}");
    for (at, actor) in [(0, "unix_user"), (2, "account")] {
        let entry = &entries[at]["entry"];
        ensure!(entry["actor"]["kind"] == actor, "{entry}");
        let effects = entry["effects"].to_string();
        ensure!(effects.contains("leaves_organisation"), "{entry}");
        ensure!(effects.contains("drop@webmail.test"), "{entry}");
    }
    ensure!(entries[2]["peer"] == "127.0.0.1", "{}", entries[2]);
    ensure!(entries[2]["who"] == owner.as_str(), "{}", entries[2]);
    let listed = sieve_connect(&server, &["--list"])?.ok()?.out;
    ensure!(listed.contains("\"sent away\" ACTIVE"), "{listed}");
    Ok(())
}
