//! What was acknowledged is there after `kill -9`, whole and once; what was answered was true.

use anyhow::ensure;
use e2e::campaign::{self, Kind, Options};
use e2e::dialogue::Dialogue;
use e2e::{Server, clients};

/// Rounds of each campaign here; `cargo xtask campaign` does as many as one likes.
const KILLS: usize = 8;
const CUTS: usize = 5;
const DAMAGES: usize = 6;
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
