//! Runs one campaign and prints its report: `campaign kill|power|damage [--rounds N] [--seed S]`.

use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use e2e::campaign::{self, Kind, Options};

/// Rounds, where nobody says how many.
const ROUNDS: usize = 100;
/// Where the reports go, below the folder of the project.
const REPORTS: &str = "target/campaigns";

fn main() -> ExitCode {
    match options(std::env::args().skip(1)).and_then(|options| carry_out(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("campaign: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut words: impl Iterator<Item = String>) -> anyhow::Result<Options> {
    let kind = words
        .next()
        .context("which campaign? kill, power or damage")?;
    // Any number will do: it is printed, so that the campaign can be repeated.
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let mut options = Options {
        kind: Kind::named(&kind)?,
        rounds: ROUNDS,
        seed: u64::from(now.subsec_micros()),
        talks: true,
    };
    while let Some(word) = words.next() {
        let value = words
            .next()
            .with_context(|| format!("{word} needs a number"))?;
        match word.as_str() {
            "--rounds" => options.rounds = value.parse()?,
            "--seed" => options.seed = value.parse()?,
            _ => bail!("unknown word {word}; there are --rounds N and --seed S"),
        }
    }
    Ok(options)
}

fn carry_out(options: &Options) -> anyhow::Result<()> {
    eprintln!("seed {}", options.seed);
    let report = campaign::run(options)?;
    print!("{}", report.words(options));
    report.write(options, Path::new(REPORTS))
}
