//! Runs all that the project checks, and says how long each part took.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::{licences, rfc, tidy, tree};

/// The steps that are Cargo commands, in order. The binary is built before the tests, because the
/// end-to-end tests start it.
const CARGO_STEPS: [(&str, &[&str]); 4] = [
    ("format", &["fmt", "--all", "--check"]),
    (
        "clippy",
        &[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ],
    ),
    (
        "build",
        &["build", "--locked", "--workspace", "--bins", "--quiet"],
    ),
    (
        "tests",
        &[
            "nextest",
            "run",
            "--locked",
            "--workspace",
            "--profile",
            "ci",
        ],
    ),
];

/// Runs every step, also after a failed one, and fails if one failed.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let mut report = Vec::new();
    let files = tree::read(root)?;
    step("tidy", &mut report, || tidy::run(root, &files));
    step("licences", &mut report, || licences::run(root));
    step("rfc", &mut report, || rfc::run(root, &files));
    for (name, args) in CARGO_STEPS {
        step(name, &mut report, || cargo(root, args));
    }
    println!();
    for (name, passed, took) in &report {
        let verdict = if *passed { "ok" } else { "FAILED" };
        println!("{name:<10} {verdict:<6} {:>7.1} s", took.as_secs_f64());
    }
    if report.iter().any(|(_, passed, _)| !passed) {
        bail!("not every step passed");
    }
    Ok(())
}

fn step(
    name: &'static str,
    report: &mut Vec<(&'static str, bool, Duration)>,
    work: impl FnOnce() -> anyhow::Result<()>,
) {
    println!("== {name}");
    let started = Instant::now();
    let outcome = work();
    if let Err(err) = &outcome {
        eprintln!("{err:#}");
    }
    report.push((name, outcome.is_ok(), started.elapsed()));
}

fn cargo(root: &Path, args: &[&str]) -> anyhow::Result<()> {
    let command = format!("cargo {}", args.join(" "));
    let status = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(args)
        .status()
        .with_context(|| format!("starting {command}"))?;
    if !status.success() {
        bail!("{command}: {status}");
    }
    Ok(())
}
