//! Counts the instructions of every measurement of the `bench` crate and compares them with those
//! that were written down. Times move with the machine and its load; these counts hardly do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

/// The counts that were written down, in instructions a round.
const BASELINE: &str = "crates/bench/baseline.toml";
const HEADER: &str = "\
# Instructions that a round of each measurement takes, in release mode under valgrind.
# Written by `cargo xtask bench --write`; `cargo xtask bench` fails above one tenth more.
";
/// Rounds whose instructions are counted.
const ROUNDS: u64 = 4;
/// Hundredths above the written count that are too many.
const TOLERANCE_PERCENT: u64 = 10;

/// Measurements with their instructions a round.
type Counts = BTreeMap<String, u64>;

/// Counts, and either compares with the baseline or writes it anew.
pub(crate) fn run(root: &Path, write: bool) -> anyhow::Result<()> {
    let program = build(root)?;
    let mut found = Counts::new();
    for name in names(&program)? {
        let prepared = instructions(&program, &name, 0)?;
        let done = instructions(&program, &name, ROUNDS)?;
        found.insert(name, done.saturating_sub(prepared) / ROUNDS);
    }
    let path = root.join(BASELINE);
    if write {
        let text = toml::to_string(&found).context("the counts as TOML")?;
        return fs::write(&path, format!("{HEADER}{text}")).context(BASELINE);
    }
    let text = fs::read_to_string(&path).context(BASELINE)?;
    let worse = compare(&toml::from_str(&text).context(BASELINE)?, &found);
    ensure!(
        worse == 0,
        "{worse} measurements take more instructions than before or have no count; mend them, or \
         write new counts with `cargo xtask bench --write` and say why in the commit"
    );
    Ok(())
}

/// Prints all counts beside the earlier ones; gives how many are too high or new.
fn compare(before: &Counts, found: &Counts) -> usize {
    let mut worse = 0;
    for (name, now) in found {
        let Some(then) = before.get(name) else {
            println!("{name:<20} {now:>12}  NOT WRITTEN DOWN");
            worse += 1;
            continue;
        };
        let too_many = is_worse(*then, *now);
        worse += usize::from(too_many);
        let verdict = if too_many { "MORE" } else { "ok" };
        println!("{name:<20} {now:>12}  before {then:>12}  {verdict}");
    }
    worse
}

fn is_worse(then: u64, now: u64) -> bool {
    now.saturating_mul(100) > then.saturating_mul(100 + TOLERANCE_PERCENT)
}

/// The program, built for release with the target folder that cargo uses.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let args = ["build", "--locked", "--release", "--quiet", "-p", "bench"];
    let status = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(args)
        .status()
        .context("starting cargo")?;
    ensure!(status.success(), "cargo {}: {status}", args.join(" "));
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join("release/bench"))
}

fn names(program: &Path) -> anyhow::Result<Vec<String>> {
    let said = output(Command::new(program).arg("list"))?.0;
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    Ok(said.lines().filter_map(first).collect())
}

/// All instructions of a process that prepares a measurement and does this many rounds.
fn instructions(program: &Path, name: &str, rounds: u64) -> anyhow::Result<u64> {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["run", name, &rounds.to_string()]);
    let said = output(&mut command)?.1;
    let count = said
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .and_then(|(_, count)| count.trim().parse().ok());
    count.with_context(|| format!("valgrind said no count of {name}:\n{said}"))
}

/// What a program says and what it complains of.
fn output(command: &mut Command) -> anyhow::Result<(String, String)> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command
        .output()
        .with_context(|| format!("starting {name}; on Debian: apt-get install valgrind"))?;
    let text = |octets| String::from_utf8_lossy(octets).into_owned();
    let (out, err) = (text(&done.stdout), text(&done.stderr));
    if !done.status.success() {
        bail!("{name}: {}\n{err}", done.status);
    }
    Ok((out, err))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_more_passes_and_what_is_above_or_new_does_not() {
        for (then, now, expected) in [(100, 110, false), (100, 111, true), (100, 1, false)] {
            assert_eq!(is_worse(then, now), expected, "{then} {now}");
        }
        let counts = |pairs: &[(&str, u64)]| -> Counts {
            let owned = pairs
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count));
            owned.collect()
        };
        let before = counts(&[("a", 100), ("b", 100), ("gone", 1)]);
        let found = counts(&[("a", 200), ("b", 105), ("c", 1)]);
        assert_eq!(compare(&before, &found), 2);
    }
}
