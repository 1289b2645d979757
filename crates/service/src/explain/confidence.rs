//! What vouches for an explanation: proofs of its entries, the look at the whole ledger, the doors
//! through which anything could be written, and the records that are missing.

use std::collections::BTreeSet;

use ledger::note::VerifierKey;
use serde::{Deserialize, Serialize};
use store::LogQuery;
use types::Timestamp;

use super::around::DAY_S;
use super::when;
use crate::Service;
use crate::activity::BEAT;
use crate::error::{ServiceError, ServiceResult};
use crate::heartbeat::HEARTBEAT;

/// Heartbeats of two days.
const BEATS_MAX: usize = 3_000;
/// Heartbeats that may be late before the time between them counts as a gap.
const LATE_BEATS: i64 = 3;
/// Entries that one explanation proves.
const PROOFS_MAX: usize = 20;
/// Services whose clients can change rules, beside the command line.
const WRITING_SERVICES: [&str; 1] = ["managesieve"];

/// What vouches for an explanation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Confidence {
    /// The entries that were proven to stand in the signed ledger.
    pub proven: Vec<u64>,
    /// Those that could not be proven.
    pub not_proven: Vec<u64>,
    /// How many more entries were not looked at.
    pub unlooked: usize,
    /// The size of the signed checkpoint that they were proven against.
    pub checkpoint_size: u64,
    /// When the whole ledger was compared with what was signed, RFC 3339; none since the start.
    pub compared_at: Option<String>,
    /// Why the record is in doubt, if it is.
    pub doubt: Option<String>,
    /// Gaps between the heartbeats of that time.
    pub gaps: usize,
    /// Records that were dropped under load.
    pub dropped: u64,
    /// All of it in words.
    pub words: Vec<String>,
}

impl Service {
    /// What vouches for these entries and for the records around a moment.
    pub(super) async fn confidence(
        &self,
        entries: impl IntoIterator<Item = u64>,
        around: Timestamp,
    ) -> ServiceResult<Confidence> {
        let mut told = Confidence {
            checkpoint_size: self.config().size(),
            compared_at: self.inner.beats.last_at().map(Timestamp::to_rfc3339),
            ..Confidence::default()
        };
        // In the order in which they are told, so that what matters most is proven.
        let mut seen = BTreeSet::new();
        let mut wanted: Vec<_> = entries
            .into_iter()
            .filter(|seq| seen.insert(*seq))
            .collect();
        told.unlooked = wanted.len().saturating_sub(PROOFS_MAX);
        wanted.truncate(PROOFS_MAX);
        wanted.sort_unstable();
        for seq in wanted {
            match self.is_proven(seq).await? {
                true => told.proven.push(seq),
                false => told.not_proven.push(seq),
            }
        }
        {
            let admission = self.inner.admission.lock().await;
            told.doubt = admission.frozen(&self.config());
        }
        told.words.extend(self.words_of_ledger(&told));
        told.words.push(self.doors());
        self.look_at_beats(&mut told, around).await?;
        Ok(told)
    }

    /// Whether the stored octets of an entry stand in the ledger that was signed.
    async fn is_proven(&self, seq: u64) -> ServiceResult<bool> {
        let key: VerifierKey = (self.inner.vkey.parse()).map_err(|_| ServiceError::Unavailable)?;
        let log = self.inner.origin.to_string();
        let read = (self.inner.store).read(move |tx| store::ledger::entries(tx, &log, seq, 1));
        let row = read.await?.pop().filter(|row| row.seq == seq);
        let Some(row) = row else { return Ok(false) };
        let proof = match self.proof_of(seq).await {
            Ok(proof) => proof,
            Err(_) => return Ok(false),
        };
        Ok(proof.verify(&row.bytes, &key).is_ok())
    }

    fn words_of_ledger(&self, told: &Confidence) -> Vec<String> {
        let mut words = Vec::new();
        if !told.proven.is_empty() {
            let unlooked = match told.unlooked {
                0 => String::new(),
                more => format!("; {more} more were not looked at"),
            };
            words.push(format!(
                "Proven: {} stands in the {} entries that this server signed{unlooked}.",
                numbers(&told.proven),
                told.checkpoint_size
            ));
        }
        if !told.not_proven.is_empty() {
            let seqs = numbers(&told.not_proven);
            words.push(format!("NOT PROVEN: {seqs} is not as it was signed."));
        }
        let compared = told
            .compared_at
            .as_deref()
            .and_then(Timestamp::from_rfc3339);
        words.push(match (&told.doubt, compared) {
            (Some(why), _) => format!("IN DOUBT: {}.", policy::shown::visible(why)),
            (None, Some(at)) => format!(
                "No evidence of changes past the server: all entries matched at {}.",
                when(at)
            ),
            (None, None) => {
                "No evidence of changes past the server: all entries matched at its start."
                    .to_owned()
            }
        });
        words.push(
            "Against no copy outside: compare with a kept one (ledger verify --checkpoint)."
                .to_owned(),
        );
        words
    }

    /// Through which doors rules can be written now.
    fn doors(&self) -> String {
        let config = self.config();
        let mut doors = vec!["the command line".to_owned()];
        let open: BTreeSet<_> = (config.open_listeners())
            .map(|listener| listener.service.to_string())
            .filter(|service| WRITING_SERVICES.contains(&service.as_str()))
            .collect();
        doors.extend(open);
        format!(
            "Doors that can write rules now: {}; each change leaves an entry.",
            doors.join(", ")
        )
    }

    /// Looks for gaps in the records of the time.
    async fn look_at_beats(&self, told: &mut Confidence, around: Timestamp) -> ServiceResult<()> {
        let (since, until) = (around.plus_s(-DAY_S), around.plus_s(DAY_S));
        let mut query = LogQuery::between(since, until, BEATS_MAX);
        query.kind = Some(BEAT.to_owned());
        let beats = self.inner.store.activity().query(query).await?;
        let late_s = LATE_BEATS * i64::try_from(HEARTBEAT.as_secs()).unwrap_or(i64::MAX);
        // The time that is looked at began with the ledger at the earliest, and ends now.
        let begun = self.read_entry(0).await?.ts.max(since).seconds();
        let ended = self.clock().now().min(until).seconds();
        let recorded = beats.iter().map(|beat| beat.row.at.seconds());
        let moments: Vec<_> = [ended].into_iter().chain(recorded).chain([begun]).collect();
        let is_gap = |pair: &[i64]| pair[0] - pair[1] > late_s;
        told.gaps = moments.windows(2).filter(|pair| is_gap(pair)).count();
        let dropped = |beat: &store::LogRecord| -> Option<u64> {
            serde_json::from_slice::<serde_json::Value>(&beat.row.detail).ok()?["dropped"].as_u64()
        };
        told.dropped = beats.iter().filter_map(dropped).max().unwrap_or(0);
        let just_started = self.clock().now().seconds() - self.inner.started.seconds() < late_s;
        told.words
            .push(match (beats.is_empty(), told.gaps, told.dropped) {
                (true, ..) if just_started => {
                    "No heartbeat is recorded yet: this server has just started.".to_owned()
                }
                (true, ..) => {
                    "No heartbeat of that day is recorded: sign-ins of it may be missing."
                        .to_owned()
                }
                (_, 0, 0) => "Records of that day: no gap, none dropped.".to_owned(),
                (_, gaps, dropped) => format!(
                    "Records of that day: {} (the server stood still), {dropped} dropped.",
                    super::count(gaps, "gap")
                ),
            });
        Ok(())
    }
}

/// Numbers of entries, those that follow each other as `3 to 7`.
fn numbers(seqs: &[u64]) -> String {
    let runs = seqs.chunk_by(|one, next| one + 1 == *next);
    let runs: Vec<_> = runs
        .map(|run| match run {
            [first, .., last] => format!("{first} to {last}"),
            _ => run.iter().map(ToString::to_string).collect(),
        })
        .collect();
    let each = if seqs.len() > 1 {
        "each of entries"
    } else {
        "entry"
    };
    format!("{each} {}", runs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_follow_each_other_are_told_together() {
        for (seqs, words) in [
            (&[7][..], "entry 7"),
            (&[7, 9], "each of entries 7, 9"),
            (&[0, 1, 2, 7, 8], "each of entries 0 to 2, 7 to 8"),
        ] {
            assert_eq!(numbers(seqs), words);
        }
    }
}
