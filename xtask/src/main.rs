//! Checks and chores of the project:
//! `cargo xtask ci | tidy | licences | rfc | bench | campaign | dist`.

mod tree;

mod rust_text;
mod workspace;

mod floors;
mod sizes;
mod sql_fence;
mod text_rules;

mod dist;
mod licences;
mod rfc;
mod tidy;

mod bench;
mod campaign;
mod ci;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

const USAGE: &str = "\
cargo xtask COMMAND

  ci        everything below, then format, clippy, build and tests
  tidy      floors, fences, sizes and words
  licences  the licence of every dependency
  rfc       every citation of an RFC, and what is still open
  bench     instructions of the inner parts, compared with those written down; needs valgrind.
            `bench --write` writes them down
  campaign kill|power|damage [--rounds N] [--seed S]
            a server is killed, loses its power or is damaged, round after round, in release mode
  dist      man pages, completions, the Debian package and its test; not part of ci";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(err) => {
            eprintln!("{err:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask has no parent")?;
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bench"] => bench::run(root, false)?,
        ["bench", "--write"] => bench::run(root, true)?,
        ["campaign", ref words @ ..] => campaign::run(root, words)?,
        ["ci"] => ci::run(root)?,
        ["tidy"] => tidy::run(root, &tree::read(root)?)?,
        ["licences"] => licences::run(root)?,
        ["rfc"] => rfc::run(root, &tree::read(root)?)?,
        ["dist", ref args @ ..] => {
            if !dist::run(root, args)? {
                return Ok(ExitCode::from(2));
            }
        }
        _ => {
            eprintln!("{USAGE}");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}
