//! Every change by the command line is one entry, and rows from elsewhere are never obeyed.

use std::fs;

use anyhow::{Context as _, ensure};
use e2e::{Server, clients};
use serde_json::Value;

/// Exit status when the ledger does not verify.
const VERIFICATION_FAILED: i32 = 6;

/// Exit status of changes that are not allowed now.
const NOT_ALLOWED: i32 = 4;

/// Exit status of what does not fit what is there.
const CONFLICT: i32 = 7;

/// Password that the changes of [`CHANGES`] give.
const PASSWORD: &[u8] = b"three pale lanterns 42\n";

/// A change by the command line, the entry that it leaves, and how its effects begin.
struct Change {
    said: &'static str,
    kind: &'static str,
    effects: &'static [&'static str],
}

const fn change(
    said: &'static str,
    kind: &'static str,
    effects: &'static [&'static str],
) -> Change {
    Change {
        said,
        kind,
        effects,
    }
}

/// Every command that changes something, in an order in which each can be carried out.
/// PORT, CHAIN and KEY are filled in.
const CHANGES: &[Change] = &[
    change(
        "domain add second.test",
        "domain.create",
        &["Delivers all mail to second.test here"],
    ),
    change(
        "domain alias add also.test second.test",
        "domain_alias.create",
        &["Delivers all mail to also.test here"],
    ),
    change(
        "domain alias rm also.test",
        "domain_alias.remove",
        &["Refuses all mail for also.test"],
    ),
    change(
        "domain catch-all set second.test u0001@demo.test",
        "catch_all.set",
        &["Delivers all mail for addresses of second.test that nobody has to u0001@demo.test"],
    ),
    change(
        "domain catch-all clear second.test",
        "catch_all.clear",
        &["Refuses mail for addresses of second.test that nobody has"],
    ),
    change(
        "domain plus second.test off",
        "domain.plus_addressing.set",
        &["Refuses mail for addresses of second.test with details"],
    ),
    change(
        "domain plus second.test on",
        "domain.plus_addressing.set",
        &["Delivers mail for name+detail@second.test"],
    ),
    change(
        "domain disable second.test",
        "domain.disable",
        &["Refuses all mail for second.test"],
    ),
    change(
        "domain enable second.test",
        "domain.enable",
        &["Delivers all mail to second.test here"],
    ),
    change(
        "account passwd u0002@demo.test --password-file -",
        "credential.password.set",
        &["Lets u0002@demo.test sign in with password"],
    ),
    change("account name u0002@demo.test Ann", "account.name.set", &[]),
    change(
        "account role u0002@demo.test auditor",
        "account.role.set",
        &["Lets u0002@demo.test read all settings and records"],
    ),
    change(
        "account quota u0002@demo.test 20M",
        "account.quota.set",
        &["Lets u0002@demo.test keep "],
    ),
    change(
        "account disable u0003@demo.test",
        "account.disable",
        &["Refuses all mail for u0003@demo.test"],
    ),
    change(
        "account enable u0003@demo.test",
        "account.enable",
        &["Lets u0003@demo.test sign in"],
    ),
    change(
        "alias add team@second.test u0001@demo.test",
        "alias.create",
        &["Delivers "],
    ),
    change(
        "alias set team@second.test u0001@demo.test bob@example.net",
        "alias.members.change",
        &["Copies all mail for team@second.test to bob@example.net, OUTSIDE your organisation"],
    ),
    change(
        "account send-as grant u0002@demo.test team@second.test",
        "send_as.grant",
        &["Lets u0002@demo.test send as team@second.test"],
    ),
    change(
        "account send-as revoke u0002@demo.test team@second.test",
        "send_as.revoke",
        &["Lets u0002@demo.test no longer send as team@second.test"],
    ),
    change(
        "alias rm team@second.test",
        "alias.remove",
        &["Refuses all mail for team@second.test"],
    ),
    change(
        "account rm u0003@demo.test",
        "account.remove",
        &[
            "Refuses all mail for u0003@demo.test",
            "Deletes all mail of u0003@demo.test",
        ],
    ),
    change(
        "domain rm second.test",
        "domain.remove",
        &["Refuses all mail for second.test"],
    ),
    change(
        "service off pop3",
        "service.off",
        &["Refuses all connections to pop3 at 127.0.0.1"],
    ),
    change(
        "service on pop3",
        "service.on",
        &["Opens pop3 at 127.0.0.1"],
    ),
    change(
        "service listen add pop3 127.0.0.1 PORT",
        "listener.create",
        &["Opens pop3 at 127.0.0.1:PORT"],
    ),
    change(
        "service listen rm pop3 127.0.0.1 PORT",
        "listener.remove",
        &["Refuses all connections to pop3 at 127.0.0.1:PORT"],
    ),
    change(
        "certificate set --chain CHAIN --key KEY",
        "certificate.set",
        &["Shows this certificate to clients of "],
    ),
    change(
        "config set recipients_max 500",
        "setting.set",
        &[
            "Refuses what passes the lower limit of recipients_max",
            "Sets recipients_max to 500, before: 1000",
        ],
    ),
];

/// All entries, as `ledger list --json` gives them: one object a line.
fn entries(server: &Server) -> anyhow::Result<Vec<Value>> {
    lines(&server.cli(&["ledger", "list", "--json"])?.ok()?.out)
}

fn lines(text: &str) -> anyhow::Result<Vec<Value>> {
    text.lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("reading {line}")))
        .collect()
}

/// Looks at entry `seq` as a whole: one deed of this user at the command line, with its reason.
fn is_ours(server: &Server, seq: usize, reason: &str) -> anyhow::Result<()> {
    let shown = server.cli(&["ledger", "show", &seq.to_string(), "--json"])?;
    let shown: Value = serde_json::from_str(&shown.ok()?.out)?;
    let entry = &shown["entry"];
    let unix = &entry["actor"]["unix"];
    ensure!(entry["actor"]["kind"] == "unix_user", "{entry}");
    ensure!(unix["uid"] == rustix::process::geteuid().as_raw(), "{unix}");
    ensure!(unix["pid"].as_u64().is_some_and(|pid| pid > 1), "{unix}");
    ensure!(entry["via"]["door"] == "cli", "{entry}");
    ensure!(entry["outcome"] == "applied", "{entry}");
    ensure!(shown["reason"] == reason, "{}", shown["reason"]);
    Ok(())
}

#[test]
fn each_change_leaves_exactly_one_entry() -> anyhow::Result<()> {
    let server = Server::start()?;
    let (chain, key) = certificate(&server, "new")?;
    let port = server.site().port(111).to_string();
    for Change {
        said,
        kind,
        effects,
    } in CHANGES
    {
        let fill = |text: &str| {
            let text = text.replace("PORT", &port);
            text.replace("CHAIN", &chain).replace("KEY", &key)
        };
        let said = fill(said);
        let mut command: Vec<&str> = said.split(' ').collect();
        command.extend(["--yes", "--json", "--reason", kind]);
        let before = entries(&server)?.len();
        let ran = server.cli_with_input(&command, PASSWORD)?.ok();
        let answer: Value = serde_json::from_str(&ran.with_context(|| said.clone())?.out)?;
        ensure!(
            answer["seqs"] == serde_json::json!([before]),
            "{said}: {answer}"
        );
        let after = entries(&server)?;
        ensure!(
            after.len() == before + 1,
            "{said}: {before} to {}",
            after.len()
        );
        ensure!(after[before]["type"] == *kind, "{said}: {}", after[before]);
        let told = answer["effects"].as_array().context("no effects")?;
        // Where nothing warns, one sentence still says what the change does.
        ensure!(told.len() == effects.len().max(1), "{said}: {told:?}");
        for (told, expected) in told.iter().zip(*effects) {
            let told = told.as_str().unwrap_or_default();
            ensure!(told.starts_with(&fill(expected)), "{said}: {told}");
        }
        is_ours(&server, before, kind)?;
    }
    server.cli(&["ledger", "verify"])?.ok().map(drop)
}

#[test]
fn a_new_account_and_its_password_are_one_append() -> anyhow::Result<()> {
    let server = Server::start()?;
    let before = entries(&server)?.len();
    let add = [
        "account",
        "add",
        "ann@demo.test",
        "--password-file",
        "-",
        "--yes",
        "--json",
    ];
    server.cli_with_input(&add, PASSWORD)?.ok()?;
    let added = entries(&server)?.split_off(before);
    let kinds: Vec<&str> = added
        .iter()
        .filter_map(|entry| entry["type"].as_str())
        .collect();
    ensure!(
        kinds == ["account.create", "credential.password.set"],
        "{kinds:?}"
    );
    let mut batches = Vec::new();
    for seq in [before, before + 1] {
        let shown = server
            .cli(&["ledger", "show", &seq.to_string(), "--json"])?
            .ok()?;
        ensure!(
            !shown.out.contains("lanterns"),
            "a password in the ledger: {}",
            shown.out
        );
        let shown: Value = serde_json::from_str(&shown.out)?;
        batches.push(shown["entry"]["batch"]["id"].clone());
    }
    ensure!(
        batches[0].is_string() && batches[0] == batches[1],
        "{batches:?}"
    );
    Ok(())
}

#[test]
fn a_dry_run_tells_the_effects_and_changes_nothing() -> anyhow::Result<()> {
    let server = Server::start()?;
    let before = entries(&server)?.len();
    let disable = [
        "account",
        "disable",
        "u0003@demo.test",
        "--dry-run",
        "--json",
    ];
    let ran = server.cli(&disable)?.ok()?;
    ensure!(
        ran.out.contains("Refuses all mail for u0003@demo.test"),
        "{}",
        ran.out
    );
    // Without a terminal nobody can be asked.
    server
        .cli(&["account", "disable", "u0003@demo.test"])?
        .exits(2)?;
    ensure!(entries(&server)?.len() == before);
    Ok(())
}

/// Makes a certificate and its key with openssl.
fn certificate(server: &Server, name: &str) -> anyhow::Result<(String, String)> {
    let path = |end| {
        server
            .scratch()
            .join(format!("{name}.{end}"))
            .display()
            .to_string()
    };
    let (chain, key) = (path("chain"), path("key"));
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
                 -subj /CN=mail.second.test -addext subjectAltName=DNS:mail.second.test";
    let places = ["-keyout", &key, "-out", &chain];
    let args = words.split_whitespace().chain(places);
    e2e::program::run("openssl", args, b"")?.ok()?;
    Ok((chain, key))
}

#[test]
fn a_certificate_with_another_key_is_refused() -> anyhow::Result<()> {
    let server = Server::start()?;
    let before = entries(&server)?.len();
    let ((chain, _), (_, key)) = (certificate(&server, "one")?, certificate(&server, "two")?);
    let broken = server.scratch().join("broken").display().to_string();
    fs::write(
        &broken,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )?;
    for (chain, words) in [(&chain, "does not belong to"), (&broken, "broken")] {
        let set = [
            "certificate",
            "set",
            "--chain",
            chain,
            "--key",
            &key,
            "--yes",
        ];
        let ran = server.cli(&set)?.exits(1)?;
        ensure!(ran.err.contains(words), "{}", ran.err);
    }
    ensure!(entries(&server)?.len() == before, "the ledger grew");
    // The server still shows the old certificate.
    let args = ["-starttls", "smtp"];
    clients::s_client(&server, server.ready().ports.smtp, &args, "")?.ok()?;
    Ok(())
}

#[test]
fn a_refused_change_changes_nothing() -> anyhow::Result<()> {
    let server = Server::start()?;
    let before = entries(&server)?.len();
    for (command, status) in [
        ("domain add demo.test", 7),
        ("domain enable demo.test", 7),
        ("domain rm demo.test", 7),
        ("domain add -x.test", 2),
        ("alias rm nobody@demo.test", 3),
        ("alias add u0001@demo.test u0002@demo.test", 7),
        ("account add ann@nowhere.test --generate", 3),
        ("account rm nobody@demo.test", 3),
        ("config set recipients_max 0", 2),
        ("config set no_such_setting 1", 3),
        ("service off gopher", 2),
    ] {
        let words = command.split(' ').chain(["--yes"]);
        let ran = server.cli(&words.collect::<Vec<_>>())?.exits(status);
        let ran = ran.with_context(|| command.to_owned())?;
        ensure!(!ran.err.is_empty(), "{command}: no word of why");
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
fn grave_changes_wait_until_an_edit_from_outside_is_acknowledged() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    server
        .cli(&["domain", "add", "second.test", "--yes"])?
        .ok()?;
    server
        .cli(&["ledger", "acknowledge", "--yes"])?
        .exits(CONFLICT)?;
    server.stop()?;
    let data = server.data().display().to_string();
    clients::python(&server, "rogue_row.py", &[&data])?.ok()?;
    server.start_again()?;
    let grave = ["account", "rm", "u0002@demo.test", "--yes"];
    server.cli(&grave)?.exits(NOT_ALLOWED)?;
    server.stop()?;
    server.start_again()?;
    let refused = server.cli(&grave)?.exits(NOT_ALLOWED)?;
    ensure!(
        refused.err.contains("sealpost ledger acknowledge"),
        "no word of what to do: {}",
        refused.err
    );
    let tried = server.cli(&["ledger", "acknowledge", "--dry-run"])?.ok()?;
    ensure!(tried.err.contains("ledger_entry"), "{}", tried.err);
    server.cli(&grave)?.exits(NOT_ALLOWED)?;
    let reason = ["--reason", "a test of ours", "--yes"];
    server
        .cli(&[["ledger", "acknowledge"].as_slice(), &reason].concat())?
        .ok()?;
    server.cli(&grave)?.ok()?;
    server.cli(&["ledger", "verify"])?.ok()?;
    server
        .cli(&["ledger", "acknowledge", "--yes"])?
        .exits(CONFLICT)
        .map(drop)
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
