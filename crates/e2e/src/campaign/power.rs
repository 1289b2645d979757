//! Loss of power: a busy server's writes are written down, and disks are made as they would have
//! been at many moments, without what was not synced. A server must start on each of them and have
//! all that was acknowledged before its moment.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::dice::Dice;
use super::image::Disk;
use super::load::{self, Known};
use super::strace::{self, Event};
use super::{Options, Report, kill};
use crate::Server;

/// Images that are made from one record of writes.
const IMAGES_PER_RECORD: usize = 25;
/// How long the server is kept busy for a record; it is slow while it is watched.
const BUSY: Duration = Duration::from_millis(2_500);
/// Longest wait for the end of a record; it has come when nothing was added for so many looks.
const RECORD_PATIENCE: Duration = Duration::from_secs(30);
const RECORD_PULSE: Duration = Duration::from_millis(100);
const RECORD_STILL: u32 = 4;

/// Runs the campaign.
pub(super) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    while report.rounds < options.rounds {
        let number = report.rounds;
        let mut server = load::prepared()?;
        let folders = [server.data(), server.scratch().join("keys")];
        let mut known = fill(&mut server, number)?;
        let mut disk = Disk::of(&folders)?;
        let events = watched(&mut server, number, &mut known, &folders)?;
        report.acknowledged += known.sent.acknowledged.len();
        report.acknowledged += known.appended.acknowledged.len() + known.added.acknowledged.len();
        let images = IMAGES_PER_RECORD.min(options.rounds - number);
        let mut dice = Dice::of_round(options.seed, number);
        let mut cuts: Vec<usize> = (0..images).map(|_| dice.place(events.len())).collect();
        cuts.sort_unstable();
        let mut taken = 0;
        for cut in cuts {
            events[taken..cut].iter().for_each(|event| disk.take(event));
            taken = cut;
            disk.cut(&mut dice, &folders)?;
            let heard = known.until(events[cut].at);
            let told = || format!("cut {cut} of {} in record {number}", events.len());
            check(&mut server, &heard, report).with_context(told)?;
            report.round_done(options);
        }
    }
    Ok(())
}

/// Gives the server some mail before it is watched, so that there is something to lose.
fn fill(server: &mut Server, number: usize) -> anyhow::Result<Known> {
    let name = format!("p{number}f");
    let delay = Duration::from_millis(200);
    let known = load::busy(server, &name, &Known::default(), delay, Server::stop)?;
    Ok(known)
}

/// Keeps the server busy while its writes are written down, and ends it.
fn watched(
    server: &mut Server,
    number: usize,
    known: &mut Known,
    folders: &[PathBuf],
) -> anyhow::Result<Vec<Event>> {
    let record = server.scratch().join("writes");
    server
        .start_again_under(&strace::wrapper(&record))
        .context("strace (Debian: strace) starts the server")?;
    let busy = load::busy(server, &format!("p{number}w"), known, BUSY, Server::kill)?;
    known.extend(busy);
    complete(&record)?;
    let events = strace::read(&record, folders)?;
    fs::remove_file(record)?;
    if events.is_empty() {
        bail!("the server wrote nothing");
    }
    Ok(events)
}

/// Waits until strace has written down all that it saw of a server that has ended.
fn complete(record: &Path) -> anyhow::Result<()> {
    let (started, mut before, mut still) = (Instant::now(), 0, 0);
    while started.elapsed() < RECORD_PATIENCE {
        thread::sleep(RECORD_PULSE);
        let octets = fs::metadata(record)?.len();
        still = if octets == before { still + 1 } else { 0 };
        if still == RECORD_STILL {
            return Ok(());
        }
        before = octets;
    }
    bail!("strace did not end its record")
}

/// A server on the disk that is left has all that was acknowledged, and its record is whole.
fn check(server: &mut Server, heard: &Known, report: &mut Report) -> anyhow::Result<()> {
    server.start_again()?;
    let compared = heard.compare(server)?;
    report.compared(&compared);
    kill::sound(server, report)?;
    server.kill()
}
