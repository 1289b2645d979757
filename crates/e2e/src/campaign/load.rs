//! Clients that keep a server busy until it goes away: mail comes by SMTP and by IMAP, is flagged
//! and expunged, and the configuration is changed, all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::mail::{self, Imap};
use super::said::{Compared, Said};
use crate::dialogue::Dialogue;
use crate::{Server, Site};

/// SMTP connections that send at once.
const SENDERS: usize = 3;
/// Most time until something is acknowledged.
const LOAD_PATIENCE: Duration = Duration::from_secs(30);
/// Exit code of a command whose server went away: what became of it is not known.
const NOT_KNOWN: i32 = 8;
/// Changes of one round: the server takes 60 an hour.
const CHANGES_MAX: usize = 40;
/// Where the IMAP client puts its mail; the other mail goes to INBOX.
const FOLDER: &str = "Kept";

/// All that was said to one server, by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) sent: Said,
    pub(crate) appended: Said,
    pub(crate) added: Said,
}

impl Known {
    pub(crate) fn extend(&mut self, other: Self) {
        self.sent.extend(other.sent);
        self.appended.extend(other.appended);
        self.added.extend(other.added);
    }

    /// What was known at a moment.
    pub(crate) fn until(&self, moment: SystemTime) -> Self {
        Self {
            sent: self.sent.until(moment),
            appended: self.appended.until(moment),
            added: self.added.until(moment),
        }
    }

    /// Compares all that the server has with what was said to it.
    pub(crate) fn compare(&self, server: &Server) -> anyhow::Result<Compared> {
        let mut imap = signed_in(server)?;
        let sent = self.sent.messages("INBOX", &imap.all("INBOX")?)?;
        let appended = self.appended.messages(FOLDER, &imap.all(FOLDER)?)?;
        let added = self.added.names("domains", &domains(server)?)?;
        Ok(Compared {
            acknowledged: sent.acknowledged + appended.acknowledged + added.acknowledged,
            duplicated: sent.duplicated,
        })
    }
}

/// A server that was set up for a campaign and runs.
pub(crate) fn prepared() -> anyhow::Result<Server> {
    let server = Server::serve(Site::new()?)?;
    server
        .cli(&["config", "set", "plain_sign_in_on_loopback", "on", "--yes"])?
        .ok()?;
    let port = server.ready().ports.imap.to_string();
    let here = ["listen", "add", "imap", "127.0.0.1", &port, "--yes"];
    for change in [&here[..], &["on", "imap", "--yes"]] {
        server.cli(&[&["service"], change].concat())?.ok()?;
    }
    open_soon(server.ready().ports.imap)?;
    signed_in(&server)?.ask(&format!("CREATE {FOLDER}"))?;
    Ok(server)
}

/// Waits for a port that was just switched on.
fn open_soon(port: u16) -> anyhow::Result<()> {
    let started = Instant::now();
    while let Err(err) = Dialogue::connect(port) {
        if started.elapsed() > LOAD_PATIENCE {
            return Err(err);
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// The owner's IMAP connection.
pub(crate) fn signed_in(server: &Server) -> anyhow::Result<Imap> {
    Imap::sign_in(server.ready().ports.imap, &server.address(1))
}

/// The domains that campaigns have added.
fn domains(server: &Server) -> anyhow::Result<BTreeMap<String, usize>> {
    let listed = server.cli(&["domain", "list", "--json"])?.ok()?.out;
    let mut found = BTreeMap::new();
    for line in listed.lines() {
        let domain: Value = serde_json::from_str(line)?;
        let name = domain["name"].as_str().context("a domain without name")?;
        if name.ends_with(".campaign.test") {
            *found.entry(name.to_owned()).or_insert(0) += 1;
        }
    }
    Ok(found)
}

/// How long the clients go on, and how many answers all have heard.
#[derive(Clone, Default)]
struct Pace {
    stop: Arc<AtomicBool>,
    heard: Arc<AtomicUsize>,
}

impl Pace {
    /// Says one thing after the other until the connection breaks or the round is over.
    fn go_on(
        &self,
        ids: impl Iterator<Item = String>,
        mut say: impl FnMut(&str) -> anyhow::Result<()>,
    ) -> Said {
        let mut said = Said::default();
        for id in ids {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            if say(&id).is_err() {
                said.open.insert(id);
                break;
            }
            said.acknowledged.insert(id, SystemTime::now());
            self.heard.fetch_add(1, Ordering::Relaxed);
        }
        said
    }

    /// Waits for the first answer, then for `delay`.
    fn wait(&self, delay: Duration) {
        let started = Instant::now();
        while self.heard.load(Ordering::Relaxed) == 0 && started.elapsed() < LOAD_PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(delay);
    }
}

fn ids(name: String) -> impl Iterator<Item = String> {
    (0..).map(move |number| format!("{name}-{number}.campaign.test"))
}

/// Keeps the server busy; `delay` after the first answer `strike` ends it. `before` is what was
/// left open earlier: it is said again first, as a sending server does.
pub(crate) fn busy(
    server: &mut Server,
    name: &str,
    before: &Known,
    delay: Duration,
    strike: impl FnOnce(&mut Server) -> anyhow::Result<()>,
) -> anyhow::Result<Known> {
    let pace = Pace::default();
    let (smtp, to) = (server.ready().ports.smtp, server.address(1));
    let imap_port = server.ready().ports.imap;
    let site = server.commands();
    let known = thread::scope(|scope| -> anyhow::Result<Known> {
        let mut again = before.sent.open.clone();
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let again = std::mem::take(&mut again);
                let (name, to, pace) = (format!("{name}s{sender}"), to.clone(), pace.clone());
                scope.spawn(move || sender_says(&pace, smtp, &to, &name, again))
            })
            .collect();
        let appender = scope.spawn(|| append(&pace, imap_port, &to, &format!("{name}a")));
        let changer = scope.spawn(|| {
            let mut wrong = None;
            let said = pace.go_on(ids(format!("{name}c")).take(CHANGES_MAX), |domain| {
                let ran = site.run(&["domain", "add", domain, "--yes"])?;
                if !matches!(ran.status, Some(0 | NOT_KNOWN)) {
                    wrong = Some(format!("{ran:?}"));
                }
                ran.ok().map(drop)
            });
            match wrong {
                Some(answer) => bail!("a change was refused: {answer}"),
                None => Ok(said),
            }
        });
        pace.wait(delay);
        let struck = strike(server);
        pace.stop.store(true, Ordering::Relaxed);
        let mut known = Known::default();
        for sender in senders {
            known
                .sent
                .extend(sender.join().ok().context("a sender panicked")?);
        }
        known.appended = appender.join().ok().context("the appender panicked")?;
        known.added = changer.join().ok().context("the changer panicked")??;
        struck.map(|()| known)
    })?;
    ensure!(
        pace.heard.load(Ordering::Relaxed) > 0,
        "nothing was acknowledged: {}",
        server.talk()
    );
    Ok(known)
}

/// One that the end met before it could begin said nothing.
fn sender_says(pace: &Pace, port: u16, to: &str, name: &str, again: BTreeSet<String>) -> Said {
    let Ok(mut client) = mail::greeted(port) else {
        return Said::default();
    };
    let all = again.iter().cloned().chain(ids(name.to_owned()));
    let mut said = pace.go_on(all, |id| mail::send(&mut client, to, id));
    said.resent = again;
    said
}

/// Appends; of every four messages flags the first and expunges the second.
fn append(pace: &Pace, port: u16, user: &str, name: &str) -> Said {
    let Ok(mut imap) = Imap::sign_in(port, user) else {
        return Said::default();
    };
    if imap.select(FOLDER).is_err() {
        return Said::default();
    }
    let (mut flagged, mut removed) = (BTreeMap::new(), BTreeMap::new());
    let mut number = 0;
    let mut said = pace.go_on(ids(name.to_owned()), |id| {
        let uid = imap.append(FOLDER, id)?;
        number += 1;
        match number % 4 {
            0 => {
                let done = imap.ask(&format!("UID STORE {uid} +FLAGS (\\Flagged)"));
                flagged.extend(done.ok().map(|_| (id.to_owned(), SystemTime::now())));
            }
            1 => {
                removed.insert(id.to_owned(), None);
                let marked = imap.ask(&format!("UID STORE {uid} +FLAGS (\\Deleted)"));
                if marked.is_ok() && imap.ask(&format!("UID EXPUNGE {uid}")).is_ok() {
                    removed.insert(id.to_owned(), Some(SystemTime::now()));
                }
            }
            _ => {}
        }
        Ok(())
    });
    said.flagged = flagged;
    said.removed = removed;
    said
}
