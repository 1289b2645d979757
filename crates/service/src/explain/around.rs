//! What happened around a moment: entries of the ledger and records of sign-ins, in the order of time.
//!
//! Entries are found by their times without reading them all: their numbers grow with time, but for
//! clocks that were set back, which an alarm tells.

use ledger::{Entry, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{LogQuery, LogRecord};
use types::{AccountId, SessionId, Timestamp};

use super::count;
use crate::Service;
use crate::error::ServiceResult;
use crate::view::{self, words};

/// Seconds of a day: a timeline reaches that far back and forth.
pub(super) const DAY_S: i64 = 86_400;
/// Moments of a timeline.
const MOMENTS_MAX: usize = 8;
/// Entries that are looked through on each side of the moment.
const ENTRIES_MAX: usize = 500;
/// Records of the activity log that are looked through for one condition.
const RECORDS_MAX: usize = 500;
/// Kinds of entries that the server makes by itself all the time.
const QUIET_KINDS: [&str; 1] = ["activity.checkpoint"];

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// When, RFC 3339.
    pub at: String,
    /// What, in words.
    pub what: String,
    /// Who, as far as it is known.
    pub who: Option<String>,
    /// Where from.
    pub from: Option<String>,
    /// The entry that tells it.
    pub entry: Option<u64>,
    /// How often, one right after the other.
    pub times: u64,
    /// Whether it is what is being explained.
    pub marked: bool,
}

/// Which moments are wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Entries about this thing, by kind and id: they are what is being explained.
    pub(super) object: Option<(String, String)>,
    /// Entries of this session.
    pub(super) session: Option<SessionId>,
    /// Entries of this actor, by its id, and records of it.
    pub(super) actor: Option<String>,
    pub(super) account: Option<AccountId>,
    /// Records of this source.
    pub(super) source: Option<String>,
    /// All entries.
    pub(super) all: bool,
}

/// A timeline: its moments in their order, and how many had no room.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pub(super) moments: Vec<Moment>,
    pub(super) more: usize,
}

/// A moment with what decides whether it has room: first what is nearest to the matter.
struct Found {
    weight: u8,
    at: Timestamp,
    moment: Moment,
}

impl Service {
    /// The entries from `span_s` before a moment to as long after it, at most [`ENTRIES_MAX`] on
    /// each side.
    pub(super) async fn entries_around(
        &self,
        at: Timestamp,
        span_s: i64,
    ) -> ServiceResult<Vec<Entry>> {
        let middle = self.first_entry_since(at).await?;
        let side = ENTRIES_MAX as u64;
        let first = self.first_entry_since(at.plus_s(-span_s)).await?;
        let first = first.max(middle.saturating_sub(side));
        let mut entries = self.read_entries(first, 2 * ENTRIES_MAX).await?;
        let (last, end) = (middle + side, at.plus_s(span_s));
        entries.retain(|entry| entry.seq < last && entry.ts <= end);
        Ok(entries)
    }

    /// The number of the first entry that is not older than a moment.
    pub(super) async fn first_entry_since(&self, at: Timestamp) -> ServiceResult<u64> {
        let (mut low, mut high) = (0, self.config().size());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.read_entry(middle).await?.ts < at {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// The timeline of these entries and of the records around a moment, with further moments.
    pub(super) async fn timeline(
        &self,
        at: Timestamp,
        entries: &[Entry],
        wanted: &Wanted,
        further: Vec<Moment>,
    ) -> ServiceResult<Timeline> {
        let mut found: Vec<Found> = Vec::new();
        for entry in entries {
            if let Some(weight) = wanted.weight(entry) {
                found.push(self.entry_moment(entry, weight).await);
            }
        }
        found.extend(self.records(at, wanted).await?);
        found.extend(further.into_iter().filter_map(|moment| {
            let at = Timestamp::from_rfc3339(&moment.at)?;
            let weight = 0;
            Some(Found { weight, at, moment })
        }));
        Ok(chosen(found, at))
    }

    async fn entry_moment(&self, entry: &Entry, weight: u8) -> Found {
        let refused = match entry.outcome {
            Outcome::Applied => "",
            Outcome::Refused => "REFUSED: ",
            Outcome::Failed => "FAILED: ",
        };
        Found {
            weight,
            at: entry.ts,
            moment: Moment {
                at: entry.ts.to_rfc3339(),
                what: format!("{refused}{}", self.entry_words(entry)),
                who: Some(self.who(entry)),
                from: self.entry_source(entry).await,
                entry: Some(entry.seq),
                times: 1,
                marked: weight == 0,
            },
        }
    }

    /// What an entry did, in a few words such as `rule r_2 "Orders" made`.
    pub(super) fn entry_words(&self, entry: &Entry) -> String {
        let (kind, verb) = entry.kind.split_once('.').unwrap_or((&entry.kind, ""));
        match entry.kind.as_str() {
            "security.oob_edit" => {
                return "DATA CHANGED PAST THE SERVER, no actor known".to_owned();
            }
            "security.acknowledge" => return "changes past the server acknowledged".to_owned(),
            "system.boot" => return "server started".to_owned(),
            "system.genesis" => return "installation made".to_owned(),
            _ => {}
        }
        let config = self.config();
        let id = entry.object.as_ref().map(|object| object.id.clone());
        let id = id.unwrap_or_default();
        let name = match kind {
            "rule" => {
                let rule = id.parse().ok();
                let live = rule.and_then(|id| config.rule(id)).map(|rule| &rule.name);
                let former = rule.and_then(|id| config.former_rule(id));
                let name = live.or(former.map(|former| &former.name));
                name.map(|name| format!("{id} \"{}\"", policy::shown::visible(name)))
            }
            "account" => id.parse().ok().map(|id| words::account_name(&config, id)),
            _ => None,
        };
        let thing = policy::shown::visible(&name.unwrap_or(id));
        format!("{} {thing} {}", kind.replace('_', " "), past(verb))
    }

    /// Records of the account and of the source.
    async fn records(&self, at: Timestamp, wanted: &Wanted) -> ServiceResult<Vec<Found>> {
        let span = || LogQuery::between(at.plus_s(-DAY_S), at.plus_s(DAY_S), RECORDS_MAX);
        let mut queries = Vec::new();
        if wanted.account.is_some() {
            let mut query = span();
            query.account = wanted.account;
            queries.push(query);
        }
        if wanted.source.is_some() {
            for kind in ["sign_in.refused", "sign_in"] {
                let mut query = span();
                query.source.clone_from(&wanted.source);
                query.kind = Some(kind.to_owned());
                queries.push(query);
            }
        }
        if wanted.all {
            for kind in ["sign_in.refused", "sign_in", "alarm", "blocked", "repaired"] {
                let mut query = span();
                query.kind = Some(kind.to_owned());
                queries.push(query);
            }
        }
        let mut records: Vec<LogRecord> = Vec::new();
        for query in queries {
            records.extend(self.inner.store.activity().query(query).await?);
        }
        records.sort_by_key(|record| record.seq);
        records.dedup_by_key(|record| record.seq);
        let moments = records
            .iter()
            .filter_map(|record| self.record_moment(record));
        Ok(moments.collect())
    }

    fn record_moment(&self, record: &LogRecord) -> Option<Found> {
        let row = &record.row;
        let detail: Value = serde_json::from_slice(&row.detail).unwrap_or_default();
        let (weight, what) = record_words(&row.kind, &detail)?;
        let name = |id| words::account_name(&self.config(), id);
        let said = detail["name"].as_str().map(policy::shown::visible);
        Some(Found {
            weight,
            at: row.at,
            moment: Moment {
                at: row.at.to_rfc3339(),
                what,
                who: row.account.map(name).or(said),
                from: Some(row.source.clone()).filter(|source| !source.is_empty()),
                entry: None,
                times: 1,
                marked: false,
            },
        })
    }
}

impl Wanted {
    /// How near an entry is to the matter; `None` if it has nothing to do with it.
    fn weight(&self, entry: &Entry) -> Option<u8> {
        let is_object = |(kind, id): &(String, String)| {
            let object = entry.object.as_ref();
            object.is_some_and(|object| object.kind == *kind && object.id == *id)
        };
        let is_quiet = QUIET_KINDS.contains(&entry.kind.as_str());
        if self.object.as_ref().is_some_and(is_object) || entry.kind == "security.oob_edit" {
            Some(0)
        } else if self.session.is_some() && entry.actor.session == self.session {
            Some(1)
        } else if self.actor.is_some() && entry.actor.id == self.actor {
            Some(3)
        } else {
            (self.all && !is_quiet).then(|| gravity(entry))
        }
    }
}

/// How soon an entry is told among all: what looks dangerous for mail first, then what looks
/// dangerous at all.
pub(super) fn gravity(entry: &Entry) -> u8 {
    match entry.risk.detections.is_empty() {
        _ if view::rule_codes(entry).next().is_some() => 1,
        false => 2,
        true => 3,
    }
}

/// How many messages a record is about.
fn messages(detail: &Value) -> String {
    let number = detail["count"].as_u64().unwrap_or(0);
    count(usize::try_from(number).unwrap_or(usize::MAX), "message")
}

/// What a record says, and how near it is; `None` for what tells nothing here.
fn record_words(kind: &str, detail: &Value) -> Option<(u8, String)> {
    let word = |key: &str| {
        detail[key]
            .as_str()
            .map(policy::shown::visible)
            .unwrap_or_default()
    };
    Some(match kind {
        "sign_in" => (2, format!("signed in ({})", word("protocol"))),
        "sign_in.refused" => (2, format!("sign-in failed ({})", word("why"))),
        "sign_out" => (4, "signed out".to_owned()),
        "session.ended" => (2, format!("session ended by {}", word("by"))),
        "mail.expunged" => (3, format!("{} removed", messages(detail))),
        "mail.given_out" => (4, format!("{} read", messages(detail))),
        "mail.restored" => (2, format!("{} brought back", messages(detail))),
        "queue.changed" => (
            2,
            format!("queue {}: {} recipients", word("act"), detail["count"]),
        ),
        "alarm" => (1, format!("ALARM: {}", word("text"))),
        "blocked" => (2, format!("{} blocked", word("source"))),
        "repaired" => (2, format!("repaired: {}", word("text"))),
        _ => return None,
    })
}

/// The end of a sentence for the second word of an entry's type.
fn past(verb: &str) -> &str {
    match verb {
        "create" => "made",
        "remove" => "removed",
        "pause" => "paused",
        "resume" => "resumed",
        "move" => "moved",
        "expire" => "switched off, its time is over",
        "disable" | "off" => "switched off",
        "enable" | "on" => "switched on",
        "allow" => "allowed",
        "revoke" => "taken back",
        "grant" => "granted",
        "add" => "added",
        _ => "changed",
    }
}

/// Those that have room, in the order of time; equal ones in a row count as one.
fn chosen(mut found: Vec<Found>, center: Timestamp) -> Timeline {
    found.sort_by_key(|found| found.at);
    let mut rows: Vec<Found> = Vec::new();
    for next in found {
        let same = |last: &&mut Found| {
            (&last.moment.what, &last.moment.who, &last.moment.from)
                == (&next.moment.what, &next.moment.who, &next.moment.from)
                && last.moment.entry.is_none()
        };
        match rows.last_mut().filter(same) {
            Some(last) => last.moment.times += 1,
            None => rows.push(next),
        }
    }
    rows.sort_by_key(|found| (found.weight, (found.at.0 - center.0).abs()));
    let more = rows.len().saturating_sub(MOMENTS_MAX);
    rows.truncate(MOMENTS_MAX);
    rows.sort_by_key(|found| (found.at, found.moment.entry));
    Timeline {
        moments: rows.into_iter().map(|found| found.moment).collect(),
        more,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(second: i64, weight: u8, what: &str) -> Found {
        let at = Timestamp(0).plus_s(second);
        Found {
            weight,
            at,
            moment: Moment {
                at: at.to_rfc3339(),
                what: what.to_owned(),
                who: None,
                from: None,
                entry: None,
                times: 1,
                marked: false,
            },
        }
    }

    #[test]
    fn equal_moments_in_a_row_count_as_one_and_the_nearest_have_room() {
        let mut all = vec![
            found(1, 2, "failed"),
            found(2, 2, "failed"),
            found(3, 2, "in"),
        ];
        all.push(found(4, 2, "failed"));
        let told = chosen(all, Timestamp(0));
        let words: Vec<_> = (told.moments.iter())
            .map(|moment| format!("{} x{}", moment.what, moment.times))
            .collect();
        assert_eq!(words, ["failed x2", "in x1", "failed x1"]);
        let many = (0..40).map(|at| found(at, u8::from(at != 30), &at.to_string()));
        let told = chosen(many.collect(), Timestamp(0));
        assert_eq!(
            (told.moments.len(), told.more),
            (MOMENTS_MAX, 40 - MOMENTS_MAX)
        );
        assert_eq!(told.moments.last().unwrap().what, "30");
    }
}
