//! What was acknowledged is there after `kill -9`, whole and once; what was answered was true.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::thread;

use anyhow::{Context as _, ensure};
use e2e::campaign::{self, Kind, Options};
use e2e::dialogue::Dialogue;
use e2e::{Server, clients};

/// Rounds of each campaign here; `cargo xtask campaign` does as many as one likes.
const KILLS: usize = 8;
const CUTS: usize = 5;
const DAMAGES: usize = 6;
/// How often another program opens, reads and closes the databases.
const OUTSIDE_ROUNDS: &str = "100";
/// Messages that follow once that program has closed them for the last time.
const AFTERWARDS: usize = 20;
/// Makes a failure here repeatable.
const SEED: u64 = 20_261_123;

fn text(id: &str) -> String {
    let body = "A line of the body.\r\n".repeat(100);
    format!("Message-ID: {id}\r\nSubject: crash\r\n\r\n{body}")
}

/// Delivers a message with this Message-ID.
fn transaction(client: &mut Dialogue, to: &str, id: &str) -> anyhow::Result<()> {
    client.ask("MAIL FROM:<bob@example.net>", "250")?;
    client.ask(&format!("RCPT TO:<{to}>"), "250")?;
    client.ask("DATA", "354")?;
    client.say(&format!("{}.", text(id)))?;
    client.hears("250").map(drop)
}

fn greeted(port: u16) -> anyhow::Result<Dialogue> {
    let mut client = Dialogue::smtp(port)?;
    client.ask("EHLO client.example.net", "250")?;
    Ok(client)
}

/// A campaign in which something was acknowledged and found again.
fn campaign(kind: Kind, rounds: usize) -> anyhow::Result<()> {
    let (seed, talks) = (SEED, false);
    let options = Options {
        kind,
        rounds,
        seed,
        talks,
    };
    let report = campaign::run(&options)?;
    ensure!(
        report.rounds == rounds && report.acknowledged > 0,
        "{}",
        report.words(&options)
    );
    Ok(())
}

#[test]
fn what_was_acknowledged_survives_kills_under_load() -> anyhow::Result<()> {
    campaign(Kind::Kill, KILLS)
}

#[test]
fn what_was_acknowledged_survives_a_loss_of_power() -> anyhow::Result<()> {
    campaign(Kind::Power, CUTS)
}

#[test]
fn what_is_damaged_is_refused_and_never_given_out() -> anyhow::Result<()> {
    campaign(Kind::Damage, DAMAGES)
}

#[test]
fn sigterm_ends_an_idle_server_and_keeps_its_mail() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let to = server.address(1);
    let mut client = greeted(server.ready().ports.smtp)?;
    transaction(&mut client, &to, "one.crash.test")?;
    server.stop()?;
    server.start_again()?;
    let listed = clients::python(&server, "read_ids.py", &["1"])?.ok()?;
    ensure!(listed.out == "one.crash.test\n", "{}", listed.out);
    Ok(())
}

/// The databases of a running server, logs included.
fn databases(server: &Server) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = vec![server.data().join("mail.db")];
    for entry in fs::read_dir(server.data().join("log"))? {
        found
            .extend(Some(entry?.path()).filter(|path| path.extension().is_some_and(|e| e == "db")));
    }
    ensure!(found.len() >= 3, "{found:?}");
    Ok(found)
}

/// The write-ahead logs, by the numbers of their files.
fn write_ahead_logs(databases: &[PathBuf]) -> anyhow::Result<Vec<u64>> {
    let number = |path: &PathBuf| {
        let log = path.with_extension("db-wal");
        let found = log.metadata().with_context(|| log.display().to_string());
        Ok(found?.ino())
    };
    databases.iter().map(number).collect()
}

/// SQLite removes the write-ahead log with the last connection that it sees. A server whose locks
/// another program does not see would go on writing into a file that is gone.
#[test]
fn another_program_may_read_the_databases_and_no_mail_is_lost() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let to = server.address(1);
    let mut client = greeted(server.ready().ports.smtp)?;
    transaction(&mut client, &to, "first.crash.test")?;
    clients::python(&server, "read_ids.py", &["1"])?.ok()?;
    let databases = databases(&server)?;
    let before = write_ahead_logs(&databases)?;
    let mut args = vec![OUTSIDE_ROUNDS.to_owned()];
    args.extend(databases.iter().map(|path| path.display().to_string()));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();

    let mut sent = vec!["first.crash.test".to_owned()];
    let mut send = |sent: &mut Vec<String>| {
        let id = format!("{}.crash.test", sent.len());
        transaction(&mut client, &to, &id)?;
        sent.push(id);
        anyhow::Ok(())
    };
    thread::scope(|scope| {
        let outsider = scope.spawn(|| clients::python(&server, "outside_sqlite.py", &args)?.ok());
        while !outsider.is_finished() {
            send(&mut sent)?;
        }
        outsider.join().expect("no thread of a test panics")
    })?;
    for _ in 0..AFTERWARDS {
        send(&mut sent)?;
    }
    let after = write_ahead_logs(&databases);
    server.kill()?;
    server.start_again()?;
    let listed = clients::python(&server, "read_ids.py", &["1"])?.ok()?.out;
    let lost: Vec<_> = sent
        .iter()
        .filter(|id| !listed.lines().any(|line| line == *id))
        .collect();
    ensure!(
        lost.is_empty(),
        "{} of {} are lost: {lost:?}",
        lost.len(),
        sent.len()
    );
    ensure!(after? == before, "a write-ahead log was removed");
    server.cli(&["ledger", "verify"])?.ok().map(drop)
}
