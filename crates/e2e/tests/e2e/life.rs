//! A server that was set up: started, filled, stopped, started again, checked.

use std::fs;

use anyhow::{Context as _, ensure};
use e2e::dialogue::Dialogue;
use e2e::{PASSWORD, Server, Site, clients};
use serde_json::Value;

/// Exit codes that scripts rely on (`sealpost` manual).
const USAGE: i32 = 2;
const NOT_FOUND: i32 = 3;
const NOT_ALLOWED: i32 = 4;
const UNVERIFIED: i32 = 6;
const CONFLICT: i32 = 7;
const UNREACHABLE: i32 = 8;

/// A user id that owns nothing here.
const NOBODY: &str = "65534";

/// Gives a server that was set up a second account and the doors that its clients need.
fn furnish(server: &Server) -> anyhow::Result<()> {
    let password = format!("{PASSWORD}\n");
    let account = [
        "account",
        "add",
        "u0002@demo.test",
        "--password-file",
        "-",
        "--yes",
    ];
    server.cli_with_input(&account, password.as_bytes())?.ok()?;
    server
        .cli(&["domain", "add", "second.test", "--yes"])?
        .ok()?;
    let pop3s = server.ready().ports.pop3s.to_string();
    let listen = [
        "service",
        "listen",
        "add",
        "pop3s",
        "127.0.0.1",
        &pop3s,
        "--yes",
    ];
    server.cli(&listen)?.ok()?;
    server
        .cli(&["service", "on", "pop3s", "--yes"])?
        .ok()
        .map(drop)
}

/// The one message in the second account, read by IMAP and by POP3.
fn is_read(server: &Server, subject: &str) -> anyhow::Result<()> {
    let ports = &server.ready().ports;
    for (scheme, port, path) in [
        ("imaps", ports.imaps, "/INBOX;MAILINDEX=1"),
        ("pop3s", ports.pop3s, "/1"),
    ] {
        let read = clients::curl(server, (scheme, port), path, 2, &[])?.ok()?;
        ensure!(read.out.contains(subject), "{scheme} gave\n{}", read.out);
    }
    Ok(())
}

#[test]
fn a_server_lives_from_setup_to_verified_ledger() -> anyhow::Result<()> {
    let mut server = Server::serve(Site::new()?)?;
    ensure!(
        server.talk().contains(" ready"),
        "the log does not say ready: {}",
        server.talk()
    );
    furnish(&server)?;
    let file = server.scratch().join("message.eml");
    fs::write(
        &file,
        "From: <u0001@demo.test>\r\nSubject: whole life\r\n\r\nHello.\r\n",
    )?;
    let upload = file.display().to_string();
    let to = server.address(2);
    let envelope = [
        "--mail-from",
        "u0001@demo.test",
        "--mail-rcpt",
        &to,
        "--upload-file",
        &upload,
    ];
    let submissions = ("smtps", server.ready().ports.submissions);
    clients::curl(&server, submissions, "/client.test", 1, &envelope)?.ok()?;
    is_read(&server, "Subject: whole life")?;

    // What is not ours is refused at once: `serve` sends nothing outside yet.
    let mut client = Dialogue::smtp(server.ready().ports.smtp)?;
    client.ask("EHLO client.example.net", "250")?;
    client.ask("MAIL FROM:<bob@example.net>", "250")?;
    client.ask("RCPT TO:<ann@example.org>", "550")?;

    let running = sound_size(&server)?;
    server.stop()?;
    // A server that stops signs its two logs a last time, and tells the ledger so.
    let stopped = sound_size(&server)?;
    ensure!(stopped == running + 2, "{running} entries, then {stopped}");
    server.start_again()?;
    is_read(&server, "Subject: whole life")?;
    let listed = server.cli(&["domain", "list", "--json"])?.ok()?;
    ensure!(listed.out.contains("second.test"), "{}", listed.out);
    let again = sound_size(&server)?;
    ensure!(
        again == stopped + 1,
        "one start is one entry: {stopped} to {again}"
    );
    server.stop()
}

/// How many entries a ledger has, running or stopped, that verifies as whole.
fn sound_size(server: &Server) -> anyhow::Result<u64> {
    let said = server.cli(&["ledger", "verify", "--json"])?.ok()?;
    let report: Value = serde_json::from_str(&said.out)?;
    ensure!(report["good"] == true, "{report}");
    report["size"].as_u64().context("no size")
}

#[test]
fn sigterm_lets_a_message_end_and_takes_no_other() -> anyhow::Result<()> {
    let mut server = Server::serve(Site::new()?)?;
    let port = server.ready().ports.smtp;
    let mut client = Dialogue::smtp(port)?;
    client.ask("EHLO client.example.net", "250")?;
    client.ask("MAIL FROM:<bob@example.net>", "250")?;
    client.ask("RCPT TO:<u0001@demo.test>", "250")?;
    client.ask("DATA", "354")?;
    client.say("Message-ID: <drained@demo.test>\r\n\r\nThe first half")?;
    let mut idle = Dialogue::smtp(port)?;
    server.terminate()?;
    // Whoever does nothing is told to go at once; whoever sends may end.
    idle.hears("421")?;
    client.say("and the second.\r\n.")?;
    client.hears("250")?;
    client.hears("421")?;
    ensure!(client.rest()?.is_empty());
    server.ended()?;
    ensure!(Dialogue::connect(port).is_err(), "somebody listens still");
    server.start_again()?;
    let listed = clients::python(&server, "read_ids.py", &["1"])?.ok()?;
    ensure!(listed.out == "<drained@demo.test>\n", "{}", listed.out);
    Ok(())
}

#[test]
fn exit_codes_say_what_went_wrong() -> anyhow::Result<()> {
    let mut server = Server::serve(Site::new()?)?;
    let cases: [(&[&str], i32); 8] = [
        (&["status"], 0),
        (&["version-of-nothing"], USAGE),
        (&["domain", "show", "nowhere.test"], NOT_FOUND),
        (&["account", "show", "nobody@demo.test"], NOT_FOUND),
        (&["ledger", "show", "99999"], NOT_FOUND),
        (&["config", "get", "nothing"], NOT_FOUND),
        (&["domain", "add", "demo.test", "--yes"], CONFLICT),
        (&["trace"], USAGE),
    ];
    for (args, status) in cases {
        let ran = server
            .cli(args)?
            .exits(status)
            .with_context(|| args.join(" "))?;
        ensure!((status == 0) == ran.err.is_empty(), "{args:?}: {}", ran.err);
    }
    // A second setup over an installation, and commands for a server that is not there.
    let ran = server.site().setup()?.exits(CONFLICT)?;
    ensure!(ran.err.contains("never overwritten"), "{}", ran.err);
    server.stop()?;
    for args in [["status"].as_slice(), &["domain", "add", "a.test", "--yes"]] {
        let ran = server.cli(args)?.exits(UNREACHABLE)?;
        ensure!(ran.err.contains("Start it with"), "{}", ran.err);
    }
    let path = server.data().join("mail.db");
    let mut octets = fs::read(&path)?;
    let name = b"\"name\":\"demo.test\"";
    let places: Vec<usize> = (0..octets.len() - name.len())
        .filter(|at| octets[*at..].starts_with(name))
        .collect();
    ensure!(!places.is_empty(), "the entry is not in the database");
    for at in places {
        octets[at + name.len() - 3] = b'x';
    }
    fs::write(&path, octets)?;
    server
        .cli(&["ledger", "verify"])?
        .exits(UNVERIFIED)
        .map(drop)
}

#[test]
fn a_checkpoint_kept_elsewhere_and_a_proof_hold_the_ledger() -> anyhow::Result<()> {
    let mut server = Server::serve(Site::new()?)?;
    let checkpoint = server.cli(&["ledger", "checkpoint"])?.ok()?.out;
    let origin = &server.ready().ledger.origin;
    ensure!(
        checkpoint.starts_with(&format!("{origin}\n")),
        "{checkpoint}"
    );
    let proof = server.cli(&["ledger", "proof", "1"])?.ok()?.out;
    ensure!(proof.contains(checkpoint.trim_end()), "{proof}");
    let kept = server.scratch().join("checkpoint");
    fs::write(&kept, &checkpoint)?;
    server
        .cli(&["domain", "add", "second.test", "--yes"])?
        .ok()?;
    server.stop()?;
    let kept = kept.display().to_string();
    server
        .cli(&["ledger", "verify", "--checkpoint", &kept])?
        .ok()?;
    // A key that is not the server's proves nothing.
    let other = Server::serve(Site::new()?)?;
    let vkey = &other.ready().ledger.vkey;
    let ran = server.cli(&["ledger", "verify", "--vkey", vkey])?;
    ensure!(ran.status == Some(UNVERIFIED), "{ran:?}");
    Ok(())
}

#[test]
fn another_user_may_not_use_the_console() -> anyhow::Result<()> {
    crate::start::needs_root("runs a command as another user")?;
    let server = Server::serve(Site::new()?)?;
    crate::start::open_to_others(server.scratch())?;
    let program = server.scratch().join("sealpost");
    fs::copy(server.site().binary(), &program)?;
    let config = server.site().start_file().display().to_string();
    let program = program.display().to_string();
    let as_nobody = [
        "--reuid",
        NOBODY,
        "--regid",
        NOBODY,
        "--clear-groups",
        &program,
    ];
    let command = ["domain", "add", "evil.test", "--yes", "--config", &config];
    let args = as_nobody.iter().chain(&command);
    let ran = e2e::program::run("setpriv", args, b"")?.exits(NOT_ALLOWED)?;
    ensure!(
        ran.err.contains("as root or as the server's user"),
        "{}",
        ran.err
    );
    let listed = server.cli(&["domain", "list"])?.ok()?;
    ensure!(!listed.out.contains("evil.test"), "{}", listed.out);
    Ok(())
}
