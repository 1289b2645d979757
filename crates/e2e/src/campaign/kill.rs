//! `kill -9` under load, round after round: what was acknowledged is there, whole and once.

use std::time::Duration;

use anyhow::Context as _;

use super::dice::Dice;
use super::load::{self, Known};
use super::{Options, Report};
use crate::Server;

/// Rounds on one installation; then a new one is made, so that comparing all of it stays cheap.
const ROUNDS_PER_SITE: usize = 12;
/// The kill comes within this time after the first answer of its round.
const KILL_WITHIN_MS: u64 = 250;

/// Runs the campaign.
pub(super) fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut site: Option<(Server, Known)> = None;
    for round in 0..options.rounds {
        let (mut server, mut known) = match site.take() {
            Some(running) if round % ROUNDS_PER_SITE != 0 => running,
            Some((mut server, _)) => {
                sound(&server, report).with_context(|| format!("before round {round}"))?;
                server.stop()?;
                (load::prepared()?, Known::default())
            }
            None => (load::prepared()?, Known::default()),
        };
        let mut dice = Dice::of_round(options.seed, round);
        let delay = Duration::from_millis(dice.below(KILL_WITHIN_MS));
        let said = load::busy(
            &mut server,
            &format!("r{round}"),
            &known,
            delay,
            Server::kill,
        )?;
        report.acknowledged += said.sent.acknowledged.len();
        report.acknowledged += said.appended.acknowledged.len() + said.added.acknowledged.len();
        known.extend(said);
        let again = server.start_again().and_then(|()| known.compare(&server));
        let compared = again.with_context(|| format!("after the kill of round {round}"))?;
        report.compared(&compared);
        report.round_done(options);
        site = Some((server, known));
    }
    match site {
        Some((mut server, _)) => {
            sound(&server, report)?;
            server.stop()
        }
        None => Ok(()),
    }
}

/// The record is whole, and nothing had to be taken for an edit from outside.
pub(super) fn sound(server: &Server, report: &mut Report) -> anyhow::Result<()> {
    let verified = server.cli(&["ledger", "verify"])?.ok();
    verified.with_context(|| format!("the server said:\n{}", server.talk()))?;
    let entries = server.cli(&["ledger", "list", "--limit", "10000", "--json"])?;
    let edits = entries.ok()?.out.matches("\"security.oob_edit\"").count();
    report.repaired += edits;
    anyhow::ensure!(edits == 0, "a crash was taken for an edit from outside");
    Ok(())
}
