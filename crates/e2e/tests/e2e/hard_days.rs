//! Many at once, disks that fail, readers that are slow, and what must never be kept in the clear.

use std::collections::HashSet;
use std::fs;
use std::thread;

use anyhow::{Context as _, ensure};
use e2e::dialogue::Dialogue;
use e2e::{PASSWORD, Server, Site, clients, program};
use serde_json::Value;

/// People at the console at once.
const PEOPLE: usize = 20;
/// After how many syncs of a thread all further ones fail.
const SYNCS: [u32; 2] = [20, 25];
/// More messages than there are syncs until then.
const MESSAGES: usize = 60;

#[test]
fn changes_of_twenty_people_at_once_have_one_order() -> anyhow::Result<()> {
    let server = Server::start()?;
    let entries = || -> anyhow::Result<Vec<Value>> {
        let listed = server.cli(&["ledger", "list", "--json"])?.ok()?.out;
        let entries = listed.lines().map(serde_json::from_str);
        Ok(entries.collect::<Result<_, _>>()?)
    };
    let before = entries()?.len();
    let people = (0..PEOPLE).map(|n| {
        let console = server.commands();
        thread::spawn(move || {
            let alias = format!("alias{n}@demo.test");
            let words = ["alias", "add", &alias, "u0001@demo.test", "--yes", "--json"];
            console.run(&words)?.ok()
        })
    });
    let people: Vec<_> = people.collect();
    let mut told = Vec::new();
    for person in people {
        let ran = person.join().expect("no thread of a test panics")?;
        let answer: Value = serde_json::from_str(&ran.out)?;
        let seqs = answer["seqs"].as_array().context("no seqs")?;
        ensure!(seqs.len() == 1, "{answer}");
        told.extend(seqs.iter().filter_map(Value::as_u64));
    }
    told.sort_unstable();
    let first = before as u64;
    ensure!(
        told == Vec::from_iter(first..first + PEOPLE as u64),
        "{told:?}"
    );
    let after = entries()?;
    ensure!(after.len() == before + PEOPLE, "{} entries", after.len());
    let made: HashSet<_> = after[before..]
        .iter()
        .map(|e| e["object"].to_string())
        .collect();
    ensure!(
        made.len() == PEOPLE && after[before..].iter().all(|e| e["type"] == "alias.create"),
        "{made:?}"
    );
    let listed = server.cli(&["alias", "list"])?.ok()?.out;
    ensure!(
        (0..PEOPLE).all(|n| listed.contains(&format!("alias{n}@demo.test"))),
        "{listed}"
    );
    server.cli(&["ledger", "verify"])?.ok().map(drop)
}

#[test]
fn no_secret_is_kept_or_told_in_the_clear() -> anyhow::Result<()> {
    let mut server = Server::serve(Site::new()?)?;
    let other = "a quite other password 7";
    let owner = server.address(1);
    let set = ["account", "passwd", &owner, "--password-file", "-", "--yes"];
    for password in [other, PASSWORD] {
        let input = format!("{password}\n");
        server.cli_with_input(&set, input.as_bytes())?.ok()?;
    }
    let path = |name: &str| server.scratch().join(name).display().to_string();
    let (chain, key) = (path("new.chain"), path("new.key"));
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
                 -subj /CN=localhost -addext subjectAltName=DNS:localhost";
    let places = ["-keyout", &key, "-out", &chain];
    program::run("openssl", words.split_whitespace().chain(places), b"")?.ok()?;
    server
        .cli(&[
            "certificate",
            "set",
            "--chain",
            &chain,
            "--key",
            &key,
            "--yes",
        ])?
        .ok()?;
    let made = made_secrets(&server, &owner)?;
    let said = server.scratch().join("said");
    fs::create_dir(&said)?;
    for (name, command) in [
        ("entries", ["ledger", "list", "--json"].as_slice()),
        ("activity", &["activity", "--json"]),
        (
            "accounts",
            &["account", "show", "u0001@demo.test", "--json"],
        ),
        ("status", &["status", "--json"]),
    ] {
        fs::write(said.join(name), server.cli(command)?.ok()?.out)?;
    }
    let place = server.scratch().display().to_string();
    let mut secrets = vec![place.as_str(), &key, other];
    secrets.extend(made.iter().map(String::as_str));
    let search = |server: &Server| clients::python(server, "find_secrets.py", &secrets);
    search(&server)?.ok()?;
    server.stop()?;
    // The script finds what is there: a secret that lies in the data folder is named.
    search(&server)?.ok()?;
    let careless = server.data().join("spool/careless");
    for kept in [
        PASSWORD.to_owned(),
        hex(PASSWORD),
        hex(other).to_uppercase(),
    ] {
        fs::write(&careless, format!("xx{kept}yy"))?;
        let found = search(&server)?.exits(1)?.err;
        ensure!(found.contains("spool/careless"), "{kept}: {found}");
    }
    Ok(())
}

/// An app password and a token, as they are shown this once.
fn made_secrets(server: &Server, owner: &str) -> anyhow::Result<[String; 2]> {
    let made = |command: &str, name: &str, further: &[&str]| -> anyhow::Result<String> {
        let words = [
            command,
            "add",
            "--account",
            owner,
            "--name",
            "phone",
            "--yes",
            "--json",
        ];
        let words: Vec<_> = words.iter().chain(further).copied().collect();
        let told: Value = serde_json::from_str(&server.cli(&words)?.ok()?.out)?;
        let secret = told[name].as_str().context("no secret was shown")?;
        ensure!(secret.len() > 10, "{} letters", secret.len());
        Ok(secret.to_owned())
    };
    Ok([
        made("app-password", "password", &[])?,
        made("token", "token", &["--scope", "read"])?,
    ])
}

fn hex(text: &str) -> String {
    text.bytes().map(|octet| format!("{octet:02x}")).collect()
}

/// A program that makes syncs fail from the given one of each thread on, and becomes the server.
fn failing_syncs(from: u32) -> Vec<String> {
    let inject = format!("inject=fdatasync:error=EIO:when={from}+");
    let words = [
        "strace",
        "-D",
        "-f",
        "--seccomp-bpf",
        "-e",
        "trace=fdatasync",
        "-e",
        &inject,
    ];
    let rest = ["-e", "signal=none", "-o", "/dev/null", "--"];
    words
        .iter()
        .chain(&rest)
        .map(|word| (*word).to_owned())
        .collect()
}

/// Sends messages until the server goes; how many it took.
fn sent_until_it_goes(port: u16, round: u32) -> anyhow::Result<usize> {
    let mut client = Dialogue::smtp(port)?;
    client.ask("EHLO client.example.net", "250")?;
    for n in 0..MESSAGES {
        let id = format!("<sync{round}.{n}@disk.test>");
        let mut talk = || -> anyhow::Result<()> {
            client.ask("MAIL FROM:<bob@example.net>", "250")?;
            client.ask("RCPT TO:<u0001@demo.test>", "250")?;
            client.ask("DATA", "354")?;
            client.ask(&format!("Message-ID: {id}\r\n\r\nHello {n}.\r\n."), "250")?;
            Ok(())
        };
        if talk().is_err() {
            return Ok(n);
        }
    }
    anyhow::bail!("no sync failed in {MESSAGES} messages")
}

#[test]
fn a_failed_sync_ends_the_server_and_loses_nothing_that_was_taken() -> anyhow::Result<()> {
    let mut server = Server::serve(Site::new()?)?;
    let mut all = 0;
    for from in SYNCS {
        server.stop()?;
        server.start_again_under(&failing_syncs(from))?;
        let taken = sent_until_it_goes(server.ready().ports.smtp, from)?;
        ensure!(taken > 0, "nothing was taken before");
        server.gives_up()?;
        ensure!(
            server.talk().contains("the disk failed"),
            "{}",
            server.talk()
        );
        server.start_again()?;
        let listed = clients::python(&server, "read_ids.py", &["1"])?.ok()?.out;
        let found: Vec<_> = listed.lines().skip(all).collect();
        let expected: Vec<_> = (0..found.len())
            .map(|n| format!("<sync{from}.{n}@disk.test>"))
            .collect();
        // The one that was under way may be there or not.
        ensure!(
            found == expected && (taken..=taken + 1).contains(&found.len()),
            "{taken} were taken: {listed}"
        );
        all += found.len();
        server.cli(&["ledger", "verify"])?.ok()?;
    }
    server.stop()
}

#[test]
fn a_body_that_is_being_read_comes_whole_though_it_is_expunged() -> anyhow::Result<()> {
    let server = Server::start()?;
    clients::python(&server, "expunge_while_read.py", &["1"])?
        .ok()
        .map(drop)
}
