//! Campaigns: a real server is killed, loses its power or is damaged on the disk, round after
//! round, and is held against what its clients were told.
//!
//! A campaign is bounded by its rounds and repeated by its seed: delays, cuts and damage are
//! thrown from it. What the machine does between two instants is not, so a kill can fall
//! elsewhere in a repetition; cuts and damage cannot, given the same record of writes.

mod dice;
mod mail;

mod said;

mod load;

mod image;
mod strace;

mod damage;
mod kill;
mod power;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, bail};

use said::Compared;

/// Rounds between two words about progress.
const WORD_EVERY: usize = 25;

/// What is done to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its process is killed.
    Kill,
    /// The machine loses its power: what was not synced is lost, in whole or in part.
    Power,
    /// Octets on the disk are changed or lost while it is stopped.
    Damage,
}

impl Kind {
    /// The kind of this name.
    pub fn named(name: &str) -> anyhow::Result<Self> {
        Ok(match name {
            "kill" => Self::Kill,
            "power" => Self::Power,
            "damage" => Self::Damage,
            _ => bail!("no campaign is called {name:?}: kill, power or damage"),
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Power => "power",
            Self::Damage => "damage",
        }
    }
}

/// How a campaign is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is done.
    pub kind: Kind,
    /// How often.
    pub rounds: usize,
    /// What delays, cuts and damage follow from.
    pub seed: u64,
    /// Whether progress is told on standard error.
    pub talks: bool,
}

/// What came of a campaign.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Rounds that were done.
    pub rounds: usize,
    /// Messages and changes that were answered with success.
    pub acknowledged: usize,
    /// Comparisons of an acknowledged thing with what the server had afterwards; none was lost,
    /// else the campaign had failed.
    pub compared: usize,
    /// Messages that were there twice, since their client had no answer and sent them again.
    pub duplicated: usize,
    /// Things that had to be put right after a round.
    pub repaired: usize,
    /// Messages that could not be read any more, each refused in words.
    pub refused: usize,
    /// What else was counted, by name.
    pub notes: BTreeMap<&'static str, usize>,
    /// How long it took.
    pub took_s: f64,
}

impl Report {
    fn compared(&mut self, compared: &Compared) {
        self.compared += compared.acknowledged;
        self.duplicated += compared.duplicated;
    }

    fn note(&mut self, name: &'static str) {
        *self.notes.entry(name).or_insert(0) += 1;
    }

    fn round_done(&mut self, options: &Options) {
        self.rounds += 1;
        if options.talks && self.rounds.is_multiple_of(WORD_EVERY) {
            eprintln!(
                "{} of {} rounds, {} things acknowledged, none lost",
                self.rounds, options.rounds, self.acknowledged
            );
        }
    }

    /// The report in words.
    pub fn words(&self, options: &Options) -> String {
        let mut words = format!(
            "campaign {} --rounds {} --seed {}\n",
            options.kind.name(),
            options.rounds,
            options.seed
        );
        let mut row = |name: &str, value: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(words, "{name:<24} {value:>10}");
        };
        row("rounds", self.rounds.to_string());
        row("acknowledged", self.acknowledged.to_string());
        row("compared afterwards", self.compared.to_string());
        row("lost", "0".to_owned());
        row("duplicated (resent)", self.duplicated.to_string());
        row("repaired", self.repaired.to_string());
        row("refused in words", self.refused.to_string());
        for (name, count) in &self.notes {
            row(name, count.to_string());
        }
        row("seconds", format!("{:.0}", self.took_s));
        words
    }

    /// Writes the words into a file of this folder, named after the campaign.
    pub fn write(&self, options: &Options, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder)?;
        let name = format!("{}-{}.txt", options.kind.name(), options.seed);
        let path = folder.join(name);
        fs::write(&path, self.words(options)).with_context(|| path.display().to_string())
    }
}

/// Runs a campaign; the first thing that is lost, doubled or wrong ends it with an error that
/// names the round and the seed.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let started = Instant::now();
    let mut report = Report::default();
    let outcome = match options.kind {
        Kind::Kill => kill::run(options, &mut report),
        Kind::Power => power::run(options, &mut report),
        Kind::Damage => damage::run(options, &mut report),
    };
    report.took_s = started.elapsed().as_secs_f64();
    outcome.with_context(|| {
        let (kind, seed) = (options.kind.name(), options.seed);
        format!(
            "campaign {kind}, seed {seed}, after {} rounds",
            report.rounds
        )
    })?;
    Ok(report)
}
