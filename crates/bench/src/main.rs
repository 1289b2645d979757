//! Measures the inner parts of the server one by one.
//!
//! `bench time` says how long a round of each takes, as the median of several. `bench run NAME N`
//! prepares and does N rounds in silence: `cargo xtask bench` starts it under valgrind, once with 0
//! rounds and once with more, so that the difference is what the rounds cost in instructions. That
//! figure hardly moves with the machine or its load, so it can be compared with an earlier one.
//! `bench verify ENTRIES` makes a ledger of that length and says how long verifying it takes.

mod mail;
mod message;
mod plan;
mod protocol;
mod rules;

mod audit;

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Rounds that are timed; the median of them is told.
const TIMED_ROUNDS: usize = 15;

const USAGE: &str = "\
bench list             the names, and what a round of each does
bench time [NAME ...]  how long a round takes
bench run NAME ROUNDS  prepares and does the rounds, and says nothing
bench verify ENTRIES   how long it takes to verify a ledger of this length from nothing";

/// One round of what is measured.
type Round = Box<dyn FnMut()>;

/// Something that is measured.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    /// What one round does.
    what: &'static str,
    prepare: fn() -> Round,
}

impl Case {
    const fn new(name: &'static str, what: &'static str, prepare: fn() -> Round) -> Self {
        Self {
            name,
            what,
            prepare,
        }
    }
}

fn cases() -> Vec<Case> {
    let mut cases = protocol::CASES.to_vec();
    cases.extend(message::CASES);
    cases.extend(plan::CASES);
    cases.extend(rules::CASES);
    cases.extend(mail::CASES);
    cases
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let cases = cases();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["list"] => cases
            .iter()
            .for_each(|case| println!("{:<20} {}", case.name, case.what)),
        ["time", ref names @ ..] => cases
            .iter()
            .filter(|case| names.is_empty() || names.contains(&case.name))
            .for_each(time),
        ["run", name, rounds] => {
            let case = cases.iter().find(|case| case.name == name);
            let (Some(case), Ok(rounds)) = (case, rounds.parse::<u32>()) else {
                return usage();
            };
            let mut round = (case.prepare)();
            (0..rounds).for_each(|_| round());
        }
        ["verify", entries] => match entries.parse().ok().and_then(audit::time) {
            Some(said) => println!("{said}"),
            None => return usage(),
        },
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

/// Says how long a round takes: the median, with the fastest and the slowest.
fn time(case: &Case) {
    let mut round = (case.prepare)();
    round();
    let timed = |_| {
        let started = Instant::now();
        round();
        started.elapsed()
    };
    let mut took: Vec<Duration> = (0..TIMED_ROUNDS).map(timed).collect();
    took.sort_unstable();
    let us = |at: usize| took[at].as_secs_f64() * 1e6;
    println!(
        "{:<20} {:>10.1} us ({:.1} to {:.1})  {}",
        case.name,
        us(TIMED_ROUNDS / 2),
        us(0),
        us(TIMED_ROUNDS - 1),
        case.what
    );
}
