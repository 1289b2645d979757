//! What was acknowledged is there after `kill -9`, whole and once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::ensure;
use e2e::dialogue::Dialogue;
use e2e::{Server, clients};

const ROUNDS: usize = 10;
const SENDERS: usize = 4;

/// The kill comes this long after the first acknowledged message of its round, growing by round.
const KILL_STEP: Duration = Duration::from_millis(37);

/// Most time until the first message of a round is acknowledged.
const LOAD_PATIENCE: Duration = Duration::from_secs(30);

/// What one sender knows after the server was killed.
struct Sent {
    acknowledged: Vec<String>,
    /// Sent, without an answer: it may be there or not.
    open: Option<String>,
}

/// Sends messages one after the other until the connection breaks or `stop` is set.
fn send(port: u16, to: &str, name: &str, count: &AtomicUsize, stop: &AtomicBool) -> Sent {
    let mut sent = Sent {
        acknowledged: Vec::new(),
        open: None,
    };
    let Ok(mut client) = Dialogue::smtp(port) else {
        return sent;
    };
    if client.ask("EHLO client.example.net", "250").is_err() {
        return sent;
    }
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("<{name}.{number}@crash.test>");
        if transaction(&mut client, to, &id).is_err() {
            sent.open = Some(id);
            break;
        }
        sent.acknowledged.push(id);
        count.fetch_add(1, Ordering::Relaxed);
    }
    sent
}

fn transaction(client: &mut Dialogue, to: &str, id: &str) -> anyhow::Result<()> {
    client.ask("MAIL FROM:<bob@example.net>", "250")?;
    client.ask(&format!("RCPT TO:<{to}>"), "250")?;
    client.ask("DATA", "354")?;
    let text = "A line of the body.\r\n".repeat(100);
    client.say(&format!(
        "Message-ID: {id}\r\nSubject: crash\r\n\r\n{text}."
    ))?;
    client.hears("250").map(drop)
}

/// Sends under load, kills the server in the midst, and returns what the senders know.
fn round(server: &mut Server, number: usize) -> anyhow::Result<Vec<Sent>> {
    let (count, stop) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let port = server.ready().ports.smtp;
    let senders: Vec<JoinHandle<Sent>> = (0..SENDERS)
        .map(|sender| {
            let (to, name) = (server.address(1), format!("{number}.{sender}"));
            let (count, stop) = (Arc::clone(&count), Arc::clone(&stop));
            thread::spawn(move || send(port, &to, &name, &count, &stop))
        })
        .collect();
    let started = Instant::now();
    while count.load(Ordering::Relaxed) == 0 && started.elapsed() < LOAD_PATIENCE {
        thread::yield_now();
    }
    let steps = u32::try_from(number)?;
    thread::sleep(KILL_STEP * steps);
    server.kill()?;
    stop.store(true, Ordering::Relaxed);
    let sent: Vec<Sent> = senders
        .into_iter()
        .filter_map(|sender| sender.join().ok())
        .collect();
    ensure!(sent.len() == SENDERS, "a sender panicked");
    ensure!(
        count.load(Ordering::Relaxed) > 0,
        "no message was acknowledged: {}",
        server.talk()
    );
    Ok(sent)
}

#[test]
fn acknowledged_mail_survives_kills_under_load() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let (mut certain, mut possible) = (BTreeSet::new(), BTreeSet::new());
    for number in 1..=ROUNDS {
        for sent in round(&mut server, number)? {
            certain.extend(sent.acknowledged);
            possible.extend(sent.open);
        }
        server.start_again()?;
        let listed = clients::python(&server, "read_ids.py", &["1"])?.ok()?;
        let ids: Vec<&str> = listed.out.lines().collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        ensure!(
            unique.len() == ids.len(),
            "round {number}: a message is there twice"
        );
        let lost: Vec<&String> = certain
            .iter()
            .filter(|id| !unique.contains(id.as_str()))
            .collect();
        ensure!(
            lost.is_empty(),
            "round {number}: acknowledged and lost: {lost:?}"
        );
        let strange = ids
            .iter()
            .find(|id| !certain.contains(**id) && !possible.contains(**id));
        ensure!(strange.is_none(), "round {number}: never sent: {strange:?}");
        server.cli(&["ledger", "verify"])?.ok()?;
    }
    Ok(())
}

#[test]
fn sigterm_ends_an_idle_server_and_keeps_its_mail() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    let to = server.address(1);
    let mut client = Dialogue::smtp(server.ready().ports.smtp)?;
    client.ask("EHLO client.example.net", "250")?;
    transaction(&mut client, &to, "<one@crash.test>")?;
    server.stop()?;
    server.start_again()?;
    let listed = clients::python(&server, "read_ids.py", &["1"])?.ok()?;
    ensure!(listed.out == "<one@crash.test>\n", "{}", listed.out);
    Ok(())
}
