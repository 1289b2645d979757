//! What was acknowledged is there after `kill -9`, whole and once; what was answered was true.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use e2e::dialogue::Dialogue;
use e2e::{PASSWORD, Server, clients};

const ROUNDS: usize = 10;
const SENDERS: usize = 4;

/// The kill comes this long after the first acknowledged message of its round, growing by round.
const KILL_STEP: Duration = Duration::from_millis(37);

/// Most time until the first message of a round is acknowledged.
const LOAD_PATIENCE: Duration = Duration::from_secs(30);

/// Exit code of a command whose server went away: what became of it is not known.
const NOT_KNOWN: i32 = 8;

/// What one client knows after the server was killed.
#[derive(Default)]
struct Said {
    acknowledged: BTreeSet<String>,
    /// Said, without an answer: it may be there or not.
    open: BTreeSet<String>,
}

impl Said {
    fn extend(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.open.extend(other.open);
    }

    /// All that was acknowledged is among these, once, and nothing that nobody said.
    fn holds_in(&self, what: &str, found: &[&str]) -> anyhow::Result<()> {
        let unique: BTreeSet<&str> = found.iter().copied().collect();
        ensure!(
            unique.len() == found.len(),
            "{what}: something is there twice"
        );
        let lost: Vec<_> = self
            .acknowledged
            .iter()
            .filter(|id| !unique.contains(id.as_str()))
            .collect();
        ensure!(lost.is_empty(), "{what}: acknowledged and lost: {lost:?}");
        let strange = found
            .iter()
            .find(|id| !self.acknowledged.contains(**id) && !self.open.contains(**id));
        ensure!(strange.is_none(), "{what}: nobody said {strange:?}");
        Ok(())
    }
}

/// How long a client goes on, and how many answers all have heard.
#[derive(Clone, Default)]
struct Pace {
    stop: Arc<AtomicBool>,
    heard: Arc<AtomicUsize>,
}

impl Pace {
    /// Says one thing after the other until the connection breaks or the round is over.
    fn go_on(&self, name: &str, mut say: impl FnMut(&str) -> anyhow::Result<()>) -> Said {
        let mut said = Said::default();
        for number in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let id = format!("{name}-{number}.crash.test");
            if say(&id).is_err() {
                said.open.insert(id);
                break;
            }
            said.acknowledged.insert(id);
            self.heard.fetch_add(1, Ordering::Relaxed);
        }
        said
    }
}

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

/// Says an IMAP command and waits for its OK.
fn imap(client: &mut Dialogue, tag: &str, rest: &str) -> anyhow::Result<()> {
    client.say(&format!("{tag} {rest}"))?;
    loop {
        let line = client.line()?;
        if let Some(answer) = line.strip_prefix(tag) {
            ensure!(answer.starts_with(" OK"), "{rest:?}: {line}");
            return Ok(());
        }
    }
}

fn signed_in(port: u16, user: &str) -> anyhow::Result<Dialogue> {
    let mut client = Dialogue::connect(port)?;
    ensure!(client.line()?.starts_with("* OK"));
    imap(&mut client, "a0", &format!("LOGIN {user} \"{PASSWORD}\""))?;
    Ok(client)
}

/// What all clients said in one round.
struct Round {
    sent: Said,
    appended: Said,
    added: Said,
}

/// Adds domains until the server is gone; every answer but "not known" must be a success.
fn change(server: &Server, pace: &Pace, name: &str) -> anyhow::Result<Said> {
    let mut wrong = None;
    let said = pace.go_on(name, |domain| {
        let ran = server.cli(&["domain", "add", domain, "--yes"])?;
        if !matches!(ran.status, Some(0 | NOT_KNOWN)) {
            wrong = Some(format!("{ran:?}"));
        }
        ran.ok().map(drop)
    });
    match wrong {
        Some(answer) => anyhow::bail!("a change was refused: {answer}"),
        None => Ok(said),
    }
}

/// Sends, appends and changes at once, kills the server in the midst, and returns what the
/// clients know.
fn round(server: &mut Server, number: usize) -> anyhow::Result<Round> {
    let pace = Pace::default();
    let (smtp, imap_port) = (server.ready().ports.smtp, server.ready().ports.imap);
    let pid = i32::try_from(server.ready().pid)?;
    let pid = rustix::process::Pid::from_raw(pid).context("no process")?;
    let steps = u32::try_from(number)?;
    let shared: &Server = server;
    let round = thread::scope(|scope| -> anyhow::Result<Round> {
        // A client that the kill met before it could begin said nothing.
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let (to, name) = (shared.address(1), format!("r{number}s{sender}"));
                let pace = pace.clone();
                scope.spawn(move || match greeted(smtp) {
                    Ok(mut client) => pace.go_on(&name, |id| transaction(&mut client, &to, id)),
                    Err(_) => Said::default(),
                })
            })
            .collect();
        let appender = scope.spawn(|| match signed_in(imap_port, &shared.address(2)) {
            Ok(mut client) => pace.go_on(&format!("r{number}a"), |id| {
                let text = text(id);
                let length = text.len();
                imap(
                    &mut client,
                    "a1",
                    &format!("APPEND INBOX {{{length}+}}\r\n{text}"),
                )
            }),
            Err(_) => Said::default(),
        });
        let changer = scope.spawn(|| change(shared, &pace, &format!("r{number}c")));
        let started = Instant::now();
        while pace.heard.load(Ordering::Relaxed) == 0 && started.elapsed() < LOAD_PATIENCE {
            thread::yield_now();
        }
        thread::sleep(KILL_STEP * steps);
        rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
        pace.stop.store(true, Ordering::Relaxed);
        let mut sent = Said::default();
        for sender in senders {
            sent.extend(sender.join().ok().context("a sender panicked")?);
        }
        let appended = appender.join().ok().context("the appender panicked")?;
        let added = changer.join().ok().context("the changer panicked")??;
        Ok(Round {
            sent,
            appended,
            added,
        })
    })?;
    server.kill()?;
    ensure!(
        pace.heard.load(Ordering::Relaxed) > 0,
        "nothing was acknowledged: {}",
        server.talk()
    );
    Ok(round)
}

/// The messages of an account, in a mailbox that is sound.
fn holds(server: &Server, number: &str, said: &Said) -> anyhow::Result<()> {
    let listed = clients::python(server, "read_ids.py", &[number])?.ok()?;
    said.holds_in("mail", &listed.out.lines().collect::<Vec<_>>())
}

#[test]
fn what_was_acknowledged_survives_kills_under_load() -> anyhow::Result<()> {
    let mut server = Server::start()?;
    server
        .cli(&["config", "set", "plain_sign_in_on_loopback", "on", "--yes"])?
        .ok()?;
    let (mut sent, mut appended, mut added) = (Said::default(), Said::default(), Said::default());
    for number in 1..=ROUNDS {
        let round = round(&mut server, number)?;
        sent.extend(round.sent);
        appended.extend(round.appended);
        added.extend(round.added);
        server
            .start_again()
            .with_context(|| format!("after round {number}"))?;
        holds(&server, "1", &sent)?;
        holds(&server, "2", &appended)?;
        let domains = server.cli(&["domain", "list", "--json"])?.ok()?.out;
        let mut found = Vec::new();
        for line in domains.lines() {
            let domain: serde_json::Value = serde_json::from_str(line)?;
            let name = domain["name"].as_str().context("no name")?.to_owned();
            found.extend(name.ends_with(".crash.test").then_some(name));
        }
        added.holds_in(
            "domains",
            &found.iter().map(String::as_str).collect::<Vec<_>>(),
        )?;
        server.cli(&["ledger", "verify"])?.ok()?;
    }
    for (what, said) in [("mail", &sent), ("APPEND", &appended), ("change", &added)] {
        ensure!(
            !said.acknowledged.is_empty(),
            "no {what} was ever acknowledged"
        );
    }
    server.stop()?;
    server.cli(&["ledger", "verify"])?.ok().map(drop)
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
