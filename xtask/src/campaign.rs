//! Starts a campaign of `e2e` against a server that is built for release.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

/// Builds both programs and hands the words on; the report goes to `target/campaigns/`.
pub(crate) fn run(root: &Path, words: &[&str]) -> anyhow::Result<()> {
    let server = [
        "build",
        "--locked",
        "--release",
        "--quiet",
        "-p",
        "sealpost",
    ];
    let campaign = [
        "run",
        "--locked",
        "--release",
        "--quiet",
        "-p",
        "e2e",
        "--bin",
        "campaign",
        "--",
    ];
    for args in [&server[..], &[&campaign[..], words].concat()] {
        let status = Command::new(env!("CARGO"))
            .current_dir(root)
            .args(args)
            .status()
            .context("starting cargo")?;
        if !status.success() {
            bail!("cargo {}: {status}", args.join(" "));
        }
    }
    Ok(())
}
