//! Debian's ClamAV and rspamd look at mail: what they find is refused, put into Junk, or kept in
//! quarantine and released; what they do not answer for is put off or taken, as it is said.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use e2e::daemon::Daemon;
use e2e::{Server, clients, program};
use serde_json::Value;

/// The test file of the antivirus industry.
const EICAR: &str = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
/// What rspamd takes for spam with certainty.
const GTUBE: &str = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";
/// Exit status of swaks when the content was refused.
const DATA_REFUSED: i32 = 26;

/// A scanner and where it answers.
struct Scanner {
    _daemon: Daemon,
    address: String,
}

fn made(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    fs::create_dir_all(&path)?;
    Ok(path)
}

/// ClamAV's daemon with one signature of ours, which needs no download.
fn clamd(server: &Server) -> anyhow::Result<Scanner> {
    let folder = made(server.scratch(), "clamd")?;
    let hex: String = EICAR[..34]
        .bytes()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    let signatures = made(&folder, "signatures")?;
    fs::write(
        signatures.join("local.ndb"),
        format!("Local.Eicar:0:*:{hex}\n"),
    )?;
    let socket = folder.join("clamd.ctl");
    let config = folder.join("clamd.conf");
    let text = format!(
        "LocalSocket {}\nDatabaseDirectory {}\nTemporaryDirectory {}\nForeground yes\n",
        socket.display(),
        signatures.display(),
        made(&folder, "tmp")?.display(),
    );
    fs::write(&config, text)?;
    let config = format!("--config-file={}", config.display());
    let address = format!("unix:{}", socket.display());
    let answers = || UnixStream::connect(&socket).is_ok();
    Ok(Scanner {
        _daemon: Daemon::start("clamd", [config], answers)?,
        address,
    })
}

/// Rspamd without any rule but for the test text.
fn rspamd(server: &Server, port: u16) -> anyhow::Result<Scanner> {
    let folder = made(server.scratch(), "rspamd")?;
    let shown = folder.display();
    let config = folder.join("rspamd.conf");
    let text = format!(
        "options {{ pidfile = \"{shown}/pid\"; filters = \"regexp\"; dns {{ nameserver = [\"127.0.0.1:9\"]; }} }}\n\
         logging {{ type = \"file\"; filename = \"{shown}/log\"; }}\n\
         actions {{ reject = 15; add_header = 6; }}\n\
         regexp {{ OFFER {{ re = 'Subject=/^Offer/H'; score = 7.5; }} }}\n\
         worker \"normal\" {{ bind_socket = \"127.0.0.1:{port}\"; count = 1; }}\n"
    );
    fs::write(&config, text)?;
    let (config, shown) = (config.display().to_string(), shown.to_string());
    let vars = [
        format!("--var=DBDIR={shown}"),
        format!("--var=RUNDIR={shown}"),
    ];
    let args = ["-f", "-i", "-c", &config, &vars[0], &vars[1]];
    let at = format!("127.0.0.1:{port}");
    let ping = format!("http://{at}/ping");
    let answers =
        || program::run("curl", ["-s", &ping], b"").is_ok_and(|ran| ran.out.contains("pong"));
    Ok(Scanner {
        _daemon: Daemon::start("rspamd", args, answers)?,
        address: at.clone(),
    })
}

fn send(server: &Server, subject: &str, body: &str) -> anyhow::Result<program::Ran> {
    let (to, subject) = (server.address(1), format!("Subject: {subject}"));
    let message = [
        "--from",
        "a@far.test",
        "--to",
        &to,
        "--header",
        &subject,
        "--body",
        body,
    ];
    clients::swaks(server, server.ready().ports.smtp, &message)
}

fn lines(server: &Server, args: &[&str]) -> anyhow::Result<Vec<Value>> {
    let ran = server.cli(args)?.ok()?;
    let lines = ran.out.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

/// What was done with the newest message.
fn newest(server: &Server) -> anyhow::Result<Value> {
    let rows = lines(
        server,
        &["trace", "--from", "a@far.test", "--limit", "1", "--json"],
    )?;
    rows.into_iter().next().context("no message in the trace")
}

#[test]
fn a_virus_is_refused_and_a_silent_scanner_puts_mail_off_or_not() -> anyhow::Result<()> {
    let server = Server::start()?;
    let scanner = clamd(&server)?;
    let set = ["scanner", "set", "clamd", &scanner.address, "--yes"];
    let said = server.cli(&set)?.ok()?;
    let sentence = "Refuses mail in which clamd finds a virus.";
    ensure!(
        (said.out.clone() + &said.err).contains(sentence),
        "{said:?}"
    );
    send(&server, "plain", "nothing in it")?.ok()?;
    let row = newest(&server)?;
    ensure!(row["came"]["scanned"][0] == "clamd: nothing found", "{row}");
    let refused = send(&server, "bad", EICAR)?.exits(DATA_REFUSED)?;
    let reply = "550 5.7.1 the message contains a virus: Local.Eicar.UNOFFICIAL";
    ensure!(refused.out.contains(reply), "{}", refused.out);
    let row = newest(&server)?;
    ensure!(row["action"] == "reject", "{row}");
    let listed = lines(&server, &["scanner", "list", "--json"])?;
    let state = listed[0]["state"].as_str().unwrap_or_default();
    ensure!(
        listed[0]["used"] == true && state.starts_with("ClamAV"),
        "{listed:?}"
    );

    let address = scanner.address.clone();
    drop(scanner);
    let waits = send(&server, "later", "x")?.exits(DATA_REFUSED)?;
    ensure!(waits.out.contains("451 4.3.0"), "{}", waits.out);
    let health = server.cli(&["health"])?;
    let words = "clamd does not answer, so mail has to wait";
    ensure!(
        (health.out.clone() + &health.err).contains(words),
        "{health:?}"
    );
    server
        .cli(&[
            "scanner",
            "set",
            "clamd",
            &address,
            "--if-silent",
            "accept",
            "--yes",
        ])?
        .ok()?;
    send(&server, "unseen", "x")?.ok()?;
    let row = newest(&server)?;
    let told = row["came"]["scanned"][0].as_str().unwrap_or_default();
    ensure!(told.starts_with("clamd: did not look"), "{row}");
    server.cli(&["scanner", "rm", "clamd", "--yes"])?.ok()?;
    Ok(())
}

#[test]
fn spam_goes_to_junk_or_to_quarantine_and_rules_see_its_weight() -> anyhow::Result<()> {
    let server = Server::start()?;
    let scanner = rspamd(&server, server.site().port(80))?;
    server
        .cli(&["scanner", "set", "rspamd", &scanner.address, "--yes"])?
        .ok()?;
    let account = server.address(1);

    send(&server, "Offer", "cheap")?.ok()?;
    let row = newest(&server)?;
    ensure!(row["action"] == "store" && row["target"] == "Junk", "{row}");
    send(&server, "plain", "hello")?.ok()?;
    ensure!(newest(&server)?["target"] == "INBOX");

    send(&server, "sure", GTUBE)?.ok()?;
    let row = newest(&server)?;
    ensure!(row["action"] == "quarantine", "{row}");
    let held = lines(&server, &["quarantine", "list", "--json"])?;
    let why = held[0]["why"].as_str().unwrap_or_default();
    ensure!(held.len() == 1 && why.contains("GTUBE"), "{held:?}");
    let id = held[0]["id"].to_string();
    server
        .cli(&["quarantine", "release", &account, &id])?
        .ok()?;
    ensure!(lines(&server, &["quarantine", "list", "--json"])?.is_empty());

    // A rule of the mailbox sees the weight, and goes before the folder that the scanner chose.
    let script = "require [\"fileinto\", \"mailbox\", \"spamtestplus\", \"relational\", \"comparator-i;ascii-numeric\"];\n\
                  if spamtest :percent :value \"ge\" :comparator \"i;ascii-numeric\" \"50\" { fileinto :create \"Offers\"; }\n";
    let file = server.scratch().join("weight.sieve");
    fs::write(&file, script)?;
    let file = file.display().to_string();
    server
        .cli(&[
            "rules",
            "add",
            "--account",
            &account,
            "--name",
            "Offers",
            "--script",
            &file,
            "--yes",
        ])?
        .ok()?;
    send(&server, "Offer", "cheap")?.ok()?;
    let row = newest(&server)?;
    ensure!(row["target"] == "Offers", "{row}");
    let filed = clients::python(&server, "read_ids.py", &["1", "Offers"])?.ok()?;
    ensure!(filed.out.lines().count() == 1, "{}", filed.out);
    Ok(())
}
