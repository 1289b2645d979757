//! A time: what was changed around it, who signed in, and what was changed by nobody.

use ledger::{Entry, Outcome};
use store::LogQuery;
use types::Timestamp;

use super::around::{DAY_S, Wanted, gravity};
use super::{Explanation, Step, count, first_lines, when};
use crate::Service;
use crate::activity::BEAT;
use crate::error::ServiceResult;

/// Seconds before and after a time that count as around it.
const AROUND_S: i64 = 3_600;
/// Entries behind that time that are read at once for the next start.
const LATER_ENTRIES: usize = 500;
/// A start finds what was changed, and is recorded itself, within this time.
const START_S: i64 = 60;
/// The kind of an entry that tells a start of the server.
const BOOT: &str = "system.boot";
/// The kind of an entry that tells a change which no entry had made.
const OUTSIDE_EDIT: &str = "security.oob_edit";

impl Service {
    pub(super) async fn explain_time(&self, at: Timestamp) -> ServiceResult<Explanation> {
        let entries = self.entries_around(at, AROUND_S).await?;
        let later = self.found_later(at).await?;
        let edits: Vec<_> = entries
            .iter()
            .filter(|entry| entry.kind == OUTSIDE_EDIT)
            .chain(&later)
            .collect();
        let mut told: Vec<_> = entries.iter().filter(|entry| tells(entry)).collect();
        // What looks dangerous first, then what is nearest.
        told.sort_by_key(|entry| {
            let distance = (entry.ts.0 - at.0).abs();
            (gravity(entry), distance, entry.seq)
        });
        let around = self.entries_around(at, DAY_S).await?;
        let wanted = Wanted {
            all: true,
            ..Wanted::default()
        };
        let timeline = self.timeline(at, &around, &wanted, Vec::new()).await?;
        let lines = told.iter().map(|entry| {
            let effects = self.entry_view(entry).effects.into_iter().next();
            let effect = effects
                .map(|effect| format!(": {effect}"))
                .unwrap_or_default();
            format!("Entry {}, {}{effect}", entry.seq, self.entry_words(entry))
        });
        let mut who: Vec<_> = told.iter().map(|entry| self.who(entry)).collect();
        who.sort();
        who.dedup();
        let changes = match told.is_empty() {
            true => vec!["No entry within an hour before and after.".to_owned()],
            false => first_lines(lines.collect()),
        };
        let mut explained = Explanation {
            subject: format!("{} UTC", when(at)),
            sentence: format!(
                "Within an hour of {} the configuration was changed by {}.",
                when(at),
                count(told.len(), "entry")
            ),
            what: changes,
            harm: vec!["No evidence of changes past the server in that time.".to_owned()],
            who: first_lines(who),
            timeline: timeline.moments,
            timeline_more: timeline.more,
            confidence: self
                .confidence(told.iter().map(|entry| entry.seq), at)
                .await?,
            not_known: vec![
                "What was read without being changed, beyond the activity log.".to_owned(),
            ],
            steps: steps(&told, &edits),
            ..Explanation::default()
        };
        if !edits.is_empty() {
            self.tell_unknown_actor(&mut explained, &edits);
        }
        Ok(explained)
    }

    /// What a later start found that may have been done in this time, since the server stood still
    /// then: a running server looks each minute.
    async fn found_later(&self, at: Timestamp) -> ServiceResult<Vec<Entry>> {
        let end = at.plus_s(AROUND_S);
        let mut first = self.first_entry_since(Timestamp(end.0 + 1)).await?;
        let mut found = Vec::new();
        let boot = loop {
            let page = self.read_entries(first, LATER_ENTRIES).await?;
            let Some(last) = page.last() else {
                return Ok(Vec::new());
            };
            first = last.seq + 1;
            let boot = page.iter().position(|entry| entry.kind == BOOT);
            let looked = page.into_iter().take(boot.map_or(usize::MAX, |at| at + 1));
            found.extend(looked.filter(|entry| matches!(entry.kind.as_str(), OUTSIDE_EDIT | BOOT)));
            if boot.is_some() {
                break found.pop();
            }
        };
        let Some(boot) = boot else {
            return Ok(Vec::new());
        };
        // What it found is recorded right before it.
        let start = boot.ts.plus_s(-START_S);
        found.retain(|entry| entry.ts >= start);
        let mut query = LogQuery::between(end, start, 1);
        query.kind = Some(BEAT.to_owned());
        match self.inner.store.activity().query(query).await?.is_empty() {
            true => Ok(found),
            false => Ok(Vec::new()),
        }
    }

    /// Says what takes the place of an actor where nobody is known.
    fn tell_unknown_actor(&self, explained: &mut Explanation, edits: &[&Entry]) {
        let found = edits.first().map(|edit| {
            let (at, seq) = (when(edit.ts), edit.seq);
            format!("; the server found it at {at} (entry {seq})")
        });
        let found = found.unwrap_or_default();
        explained.sentence = format!("UNKNOWN ACTOR: state changed with no entry{found}.");
        let effects = edits.iter().flat_map(|edit| self.entry_view(edit).effects);
        explained.harm = first_lines(effects.collect());
        explained.who =
            vec!["UNKNOWN ACTOR: whoever can write the files of this server.".to_owned()];
        explained.how = vec![
            "Look on the machine for a restored backup, an edited file, an upgrade, a disk that \
             fails, and for who was signed in there."
                .to_owned(),
        ];
        explained.not_known = vec![
            "Who did it, and when exactly: between the heartbeat before and that time.".to_owned(),
        ];
    }
}

/// Whether an entry changed anything: not one that the server makes all the time, and not a refusal.
fn tells(entry: &Entry) -> bool {
    let is_routine = matches!(entry.kind.as_str(), "activity.checkpoint" | BOOT);
    !is_routine && entry.outcome == Outcome::Applied
}

fn steps(told: &[&Entry], edits: &[&Entry]) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(entry) = edits.first().or(told.first()) {
        let command = format!("sealpost ledger show {}", entry.seq);
        steps.push(Step::new("the first of them in full", command));
    }
    steps.push(Step::new(
        "whether the record is whole",
        "sealpost ledger verify",
    ));
    if !edits.is_empty() {
        steps.push(Step::new("look at everything", "sealpost doctor"));
    }
    steps
}
