//! Damage on the disk: octets are changed, cut off or overwritten while the server is stopped.
//!
//! Afterwards it starts or says why not; it gives out what was stored or refuses in words, never
//! other octets; it does not crash; the doctor finds what cannot be read and sets it aside.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::dice::Dice;
use super::load::{self, Known};
use super::{Options, Report};
use crate::Server;

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

/// Runs the campaign.
pub(super) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut server = load::prepared()?;
    let known = load::busy(&mut server, "d", &Known::default(), FILL, Server::stop)?;
    report.acknowledged += known.sent.acknowledged.len() + known.appended.acknowledged.len();
    let folders = [server.data(), server.scratch().join("keys")];
    let before = Before::of(&folders)?;
    let mut kinds: BTreeMap<&'static str, Vec<&PathBuf>> = BTreeMap::new();
    let data = |path: &&PathBuf| {
        path.starts_with(&folders[0]) && !path.ends_with("lock") && !path.ends_with("ca.pem")
    };
    for path in before.0.keys().filter(data) {
        kinds.entry(kind_of(path)).or_default().push(path);
    }
    let kinds: Vec<_> = kinds.into_iter().collect();
    for round in 0..options.rounds {
        let mut dice = Dice::of_round(options.seed, round);
        let (kind, paths) = &kinds[dice.place(kinds.len())];
        let path = paths[dice.place(paths.len())];
        let what = damage(path, &mut dice)?;
        report.note(kind);
        let told = || format!("round {round}: {what} in {}", path.display());
        check(&mut server, &known, report).with_context(told)?;
        before.put_back(&folders)?;
        report.round_done(options);
    }
    Ok(())
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

fn check(server: &mut Server, known: &Known, report: &mut Report) -> anyhow::Result<()> {
    let _ = fs::remove_file(server.scratch().join("talk"));
    if let Err(err) = server.start_again() {
        let words = server.talk();
        no_panic(&words)?;
        ensure!(
            words.contains("sealpost: "),
            "it did not start, without a word: {err:#}\n{words}"
        );
        report.note("starts refused in words");
        return Ok(());
    }
    let refused = read_all(server, known)?;
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
    let after = read_all(server, known)?;
    ensure!(
        after <= refused,
        "worse after the repair: {after} instead of {refused}"
    );
    no_panic(&server.talk())?;
    server.kill()
}

fn no_panic(words: &str) -> anyhow::Result<()> {
    ensure!(!words.contains("panicked"), "the server panicked: {words}");
    Ok(())
}

/// Reads every message that can be read; none may be other than it was sent. Gives how many
/// commands were refused.
fn read_all(server: &Server, known: &Known) -> anyhow::Result<usize> {
    let mut refused = 0;
    for mailbox in ["INBOX", "Kept"] {
        let mut imap = match load::signed_in(server) {
            Ok(imap) => imap,
            // Where the rows of sign-ins are damaged nobody signs in, and hears it.
            Err(err) => {
                ensure!(format!("{err:#}").contains(" NO "), "signing in: {err:#}");
                return Ok(refused + 1);
            }
        };
        let (answer, _) = imap.say(&format!("SELECT {mailbox}"))?;
        if !answer.starts_with("OK") {
            refused += 1;
            continue;
        }
        let (answer, found) = imap.say("UID FETCH 1:* (UID FLAGS BODY.PEEK[])")?;
        refused += usize::from(!answer.starts_with("OK"));
        for message in found {
            let id = message.checked_id()?;
            let said = [&known.sent, &known.appended];
            let is_known = said
                .iter()
                .any(|said| said.acknowledged.contains_key(&id) || said.open.contains(&id));
            ensure!(is_known, "nobody said {id}");
        }
    }
    Ok(refused)
}
