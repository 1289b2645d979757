//! Damage on the disk: octets are changed, cut off or overwritten while the server is stopped.
//!
//! Of three rounds one hits the body of a chosen message, one its row, one anything at random.
//! Afterwards it starts or says why not; it gives out what was stored or refuses in words, never
//! other octets; it does not crash; the doctor finds what cannot be read and sets it aside. A chosen message alone is refused: every other one
//! is read as it was sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::dice::Dice;
use super::load::{self, Known};
use super::mail;
use super::{Options, Report};
use crate::Server;

/// Names that are tried until the text of one stands in one piece on the disk.
const CHOICES_MAX: usize = 100;
/// How long mail comes in before anything is damaged.
const FILL: Duration = Duration::from_millis(500);
/// Octets that are overwritten at once, at most.
const RUN_MAX_OCTETS: u64 = 600;

/// The files of an installation as they were before the damage.
struct Before(BTreeMap<PathBuf, Vec<u8>>);

impl Before {
    fn of(folders: &[PathBuf]) -> anyhow::Result<Self> {
        let mut files = BTreeMap::new();
        for folder in folders {
            take_in(folder, &mut files)?;
        }
        Ok(Self(files))
    }

    /// Puts every file back and removes those that came since.
    fn put_back(&self, folders: &[PathBuf]) -> anyhow::Result<()> {
        let mut now = BTreeMap::new();
        for folder in folders {
            take_in(folder, &mut now)?;
        }
        for path in now.keys().filter(|path| !self.0.contains_key(*path)) {
            fs::remove_file(path)?;
        }
        for (path, octets) in &self.0 {
            if now.get(path) != Some(octets) {
                fs::create_dir_all(path.parent().context("a file in no folder")?)?;
                fs::write(path, octets)?;
            }
        }
        Ok(())
    }
}

fn take_in(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            take_in(&path, files)?;
        } else if path.is_file() && !path.ends_with("reserve") {
            files.insert(path.clone(), fs::read(&path)?);
        }
    }
    Ok(())
}

/// What is damaged, so that the report can count by it.
fn kind_of(path: &Path) -> &'static str {
    let text = path.to_string_lossy();
    match () {
        () if text.contains("/pack/") => "packs damaged",
        () if text.ends_with("mail.db") => "database damaged",
        () if text.contains("/ledger/") => "second copy damaged",
        () if text.ends_with(".db") => "log rows damaged",
        () => "log tiles damaged",
    }
}

/// The mail of a server, and its files.
struct Sound {
    known: Known,
    /// The names of all messages that can be read.
    readable: BTreeSet<String>,
    folders: [PathBuf; 2],
    before: Before,
}

impl Sound {
    /// Fills a server and stops it.
    fn fill(server: &mut Server) -> anyhow::Result<Self> {
        let known = load::busy(server, "d", &Known::default(), FILL, Server::stop)?;
        server.start_again()?;
        let read = read_all(server, &known)?;
        ensure!(read.refused == 0, "refused before any damage");
        server.stop()?;
        let folders = [server.data(), server.scratch().join("keys")];
        Ok(Self {
            known,
            readable: read.names,
            before: Before::of(&folders)?,
            folders,
        })
    }

    /// The files of mail and logs, by kind.
    fn kinds(&self) -> Vec<(&'static str, Vec<&PathBuf>)> {
        let mut kinds: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let data = |path: &&PathBuf| {
            path.starts_with(&self.folders[0])
                && !path.ends_with("lock")
                && !path.ends_with("ca.pem")
        };
        for path in self.before.0.keys().filter(data) {
            kinds.entry(kind_of(path)).or_default().push(path);
        }
        kinds.into_iter().collect()
    }

    /// Flips a bit of what the files of this kind hold of a message; gives its name.
    fn hit(&self, what: Chosen, dice: &mut Dice) -> anyhow::Result<String> {
        for _ in 0..CHOICES_MAX {
            let choice = self.readable.iter().nth(dice.place(self.readable.len()));
            let name = choice.context("no message can be read")?;
            let text = mail::text(name);
            let (head, body) = text.split_once("\r\n\r\n").context("no empty line")?;
            let (part, kind) = match what {
                // Each line of a body names its message, so it stands there once.
                Chosen::Body => (body, "packs damaged"),
                Chosen::Row => (head, "database damaged"),
            };
            if !part.is_empty() && self.flip(kind, part.as_bytes(), dice)? {
                return Ok(name.clone());
            }
        }
        anyhow::bail!("no message stands in one piece in the files")
    }

    /// Flips the same bit of this text wherever it stands: a page may hold octets of old.
    fn flip(&self, kind: &str, text: &[u8], dice: &mut Dice) -> anyhow::Result<bool> {
        let (offset, bit) = (dice.place(text.len()), 1 << dice.below(8));
        let files = self.before.0.iter();
        let mut is_hit = false;
        for (path, octets) in files.filter(|(path, _)| kind_of(path) == kind) {
            for at in places(octets, text) {
                let file = File::options().write(true).open(path)?;
                file.write_all_at(&[text[offset] ^ bit], (at + offset) as u64)?;
                is_hit = true;
            }
        }
        Ok(is_hit)
    }
}

/// What is hit of a chosen message.
#[derive(Clone, Copy)]
enum Chosen {
    Body,
    Row,
}

/// Where this text begins.
fn places(octets: &[u8], text: &[u8]) -> Vec<usize> {
    let starts = octets.windows(text.len()).enumerate();
    let same = starts.filter(|(_, window)| *window == text);
    same.map(|(at, _)| at).collect()
}

/// Runs the campaign.
pub(super) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut server = load::prepared()?;
    let sound = Sound::fill(&mut server)?;
    let known = &sound.known;
    report.acknowledged += known.sent.acknowledged.len() + known.appended.acknowledged.len();
    for round in 0..options.rounds {
        let mut dice = Dice::of_round(options.seed, round);
        match round % 3 {
            0 => choose(&mut server, &sound, Chosen::Body, &mut dice, report),
            1 => choose(&mut server, &sound, Chosen::Row, &mut dice, report),
            _ => hit_anything(&mut server, &sound, &mut dice, report),
        }
        .with_context(|| format!("round {round}"))?;
        sound.before.put_back(&sound.folders)?;
        report.round_done(options);
    }
    Ok(())
}

/// Damages one message: it is refused, and every other one is read.
fn choose(
    server: &mut Server,
    sound: &Sound,
    what: Chosen,
    dice: &mut Dice,
    report: &mut Report,
) -> anyhow::Result<()> {
    let name = sound.hit(what, dice)?;
    report.note(match what {
        Chosen::Body => "chosen bodies damaged",
        Chosen::Row => "chosen rows damaged",
    });
    let read = check(server, &sound.known, report).with_context(|| format!("{name} is hit"))?;
    let read = read.with_context(|| format!("{name} is hit: it did not start"))?;
    ensure!(
        read.refused == 1,
        "{} refused, not {name} alone",
        read.refused
    );
    let missing: Vec<_> = sound.readable.difference(&read.names).collect();
    ensure!(missing == [&name], "{name} is hit, not read: {missing:?}");
    report.compared += read.names.len();
    Ok(())
}

fn hit_anything(
    server: &mut Server,
    sound: &Sound,
    dice: &mut Dice,
    report: &mut Report,
) -> anyhow::Result<()> {
    let kinds = sound.kinds();
    let (kind, paths) = &kinds[dice.place(kinds.len())];
    let path = paths[dice.place(paths.len())];
    let what = damage(path, dice)?;
    report.note(kind);
    let told = || format!("{what} in {}", path.display());
    check(server, &sound.known, report)
        .with_context(told)
        .map(drop)
}

/// Damages a file; says how.
fn damage(path: &Path, dice: &mut Dice) -> anyhow::Result<String> {
    let file = File::options().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let at = dice.below(length);
    match dice.below(6) {
        0 => {
            file.set_len(at)?;
            Ok(format!("cut off at {at} of {length}"))
        }
        1 => {
            let octets = dice.below(RUN_MAX_OCTETS).min(length - at) + 1;
            let run: Vec<u8> = (0..octets).map(|_| dice.throw().to_le_bytes()[0]).collect();
            file.write_all_at(&run, at)?;
            Ok(format!("{octets} octets overwritten at {at} of {length}"))
        }
        _ => {
            let mut octet = [0];
            file.read_at(&mut octet, at)?;
            octet[0] ^= 1 << dice.below(8);
            file.write_all_at(&octet, at)?;
            Ok(format!("a bit flipped at {at} of {length}"))
        }
    }
}

/// Starts the damaged server, reads, lets the doctor look and repair, and reads again. Gives what
/// was read first; nothing if it did not start.
fn check(
    server: &mut Server,
    known: &Known,
    report: &mut Report,
) -> anyhow::Result<Option<Reading>> {
    let _ = fs::remove_file(server.scratch().join("talk"));
    if let Err(err) = server.start_again() {
        let words = server.talk();
        no_panic(&words)?;
        ensure!(
            words.contains("sealpost: "),
            "it did not start, without a word: {err:#}\n{words}"
        );
        report.note("starts refused in words");
        return Ok(None);
    }
    let read = read_all(server, known)?;
    let refused = read.refused;
    report.refused += refused;
    let looked = server.cli(&["doctor"])?;
    ensure!(
        matches!(looked.status, Some(0 | 1 | 6)),
        "the doctor gave up: {looked:?}"
    );
    ensure!(
        refused == 0 || looked.status != Some(0),
        "the doctor finds nothing: {}",
        looked.out
    );
    if looked.status != Some(0) {
        report.note("found by the doctor");
    }
    let fixed = server.cli(&["doctor", "--fix", "--json"])?;
    report.repaired += fixed.out.matches("\"repaired\":true").count();
    let after = read_all(server, known)?.refused;
    ensure!(
        after <= refused,
        "worse after the repair: {after} instead of {refused}"
    );
    no_panic(&server.talk())?;
    server.kill()?;
    Ok(Some(read))
}

fn no_panic(words: &str) -> anyhow::Result<()> {
    ensure!(!words.contains("panicked"), "the server panicked: {words}");
    Ok(())
}

/// What a reading of all mailboxes gave.
#[derive(Default)]
struct Reading {
    /// Commands that were refused.
    refused: usize,
    /// The messages that were given out, each as it was sent.
    names: BTreeSet<String>,
}

/// Reads every message that can be read; none may be other than it was sent.
fn read_all(server: &Server, known: &Known) -> anyhow::Result<Reading> {
    let mut read = Reading::default();
    for mailbox in ["INBOX", "Kept"] {
        let mut imap = match load::signed_in(server) {
            Ok(imap) => imap,
            // Where the rows of sign-ins are damaged nobody signs in, and hears it.
            Err(err) => {
                ensure!(format!("{err:#}").contains(" NO "), "signing in: {err:#}");
                read.refused += 1;
                return Ok(read);
            }
        };
        let (answer, _) = imap.say(&format!("SELECT {mailbox}"))?;
        if !answer.starts_with("OK") {
            read.refused += 1;
            continue;
        }
        let (answer, found) = imap.say("UID FETCH 1:* (UID FLAGS BODY.PEEK[])")?;
        read.refused += usize::from(!answer.starts_with("OK"));
        for message in found {
            let id = message.checked_id()?;
            let said = [&known.sent, &known.appended];
            let is_known = said
                .iter()
                .any(|said| said.acknowledged.contains_key(&id) || said.open.contains(&id));
            ensure!(is_known, "nobody said {id}");
            read.names.insert(id);
        }
    }
    Ok(read)
}
