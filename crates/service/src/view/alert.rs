//! Changes of rules and ways out that detections matched when they were made, newest first.
//!
//! Nobody is told of them yet; this is the list that somebody has to look at.

use ledger::{Entry, Object, Outcome};
use policy::detection_words;
use serde::{Deserialize, Serialize};
use types::{SessionId, Timestamp};

use super::words;
use crate::Service;
use crate::actor::Actor;
use crate::error::{ServiceError, ServiceResult};

/// Alerts that one question gives.
const ALERTS_MAX: usize = 1_000;
/// Entries that are read at once.
const PAGE_ENTRIES: usize = 200;
/// Detections of rules and ways out begin so; others are about access and protection.
const RULE_DETECTIONS: char = 'R';

/// Which alerts are wanted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AlertQuery {
    /// Seconds since 1970 from which on; without it, of all time.
    pub since_s: Option<i64>,
    /// At most so many; 1,000 at most.
    pub limit: usize,
}

/// A change that detections matched.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AlertView {
    /// The entry.
    pub entry: u64,
    /// When, RFC 3339.
    pub at: String,
    /// The detections, such as `R1`.
    pub codes: Vec<String>,
    /// What each of them says.
    pub reasons: Vec<String>,
    /// What the change does, one sentence each; the gravest is not always the first.
    pub effects: Vec<String>,
    /// Who made it.
    pub who: String,
    /// Through which door, in words.
    pub door: String,
    /// The address that it came from; none at the console.
    pub from: Option<String>,
    /// The session that made it.
    pub session: Option<SessionId>,
    /// What it is about, such as `rule` and `r_1`.
    pub kind: String,
    /// Its id.
    pub object: String,
    /// `in force`, `changed since, entry 20`, `paused`, `gone`, or `refused` for what was never in
    /// force.
    pub standing: String,
    /// The command that tells all that is known.
    pub explain: String,
}

impl Service {
    /// The alerts, newest first.
    pub async fn alert_list(
        &self,
        actor: &Actor,
        query: AlertQuery,
    ) -> ServiceResult<Vec<AlertView>> {
        self.may_read_server(actor)?;
        let limit = query.limit.min(ALERTS_MAX);
        let since = query
            .since_s
            .map_or(Timestamp(i64::MIN), |seconds| Timestamp(0).plus_s(seconds));
        let mut alerts = Vec::new();
        let mut before = self.config().size();
        loop {
            let page = self.detected(before).await?;
            for entry in &page {
                if entry.ts < since || alerts.len() >= limit {
                    return Ok(alerts);
                }
                if rule_codes(entry).next().is_some() {
                    alerts.push(self.alert_view(entry).await);
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE_ENTRIES => before = last.seq,
                _ => return Ok(alerts),
            }
        }
    }

    /// A page of the entries below this number in which any detection matched, newest first.
    async fn detected(&self, before: u64) -> ServiceResult<Vec<Entry>> {
        let log = self.inner.origin.to_string();
        let read = self
            .inner
            .store
            .read(move |tx| store::ledger::detected(tx, &log, before, PAGE_ENTRIES));
        let entries = read.await?;
        entries
            .iter()
            .map(|row| Entry::from_bytes(&row.bytes))
            .collect::<Result<_, _>>()
            .map_err(|err| {
                tracing::error!(error = %err, "a stored entry cannot be read: {err}");
                ServiceError::Unavailable
            })
    }

    /// The entry that gave the object of a change another form later, if one did.
    fn changed_since(&self, entry: &Entry, object: &Object) -> Option<u64> {
        let config = self.config();
        let newest = match object.kind.as_str() {
            // A rule that was moved, or paused and resumed, says what it said.
            "rule" => config.rule(object.id.parse().ok()?)?.content_seq,
            kind => config.last_entry(kind, &object.id)?.0,
        };
        (newest > entry.seq).then_some(newest)
    }

    async fn alert_view(&self, entry: &Entry) -> AlertView {
        let line = self.entry_view(entry);
        let object = entry.object.as_ref();
        let (kind, id) = object.map_or_else(Default::default, |object| {
            (object.kind.clone(), object.id.clone())
        });
        let standing = match entry.outcome {
            Outcome::Applied => object.and_then(|it| words::standing(&self.config(), it)),
            Outcome::Refused | Outcome::Failed => Some("refused"),
        };
        let newest = object.and_then(|object| self.changed_since(entry, object));
        let standing = match (standing, newest) {
            (None | Some("in force"), Some(seq)) => format!("changed since, entry {seq}"),
            (standing, _) => standing.unwrap_or("in force").to_owned(),
        };
        AlertView {
            entry: entry.seq,
            explain: match kind.as_str() {
                "rule" => format!("sealpost explain rule {id}"),
                _ => format!("sealpost explain time {}", line.at),
            },
            at: line.at,
            codes: rule_codes(entry).map(str::to_owned).collect(),
            reasons: rule_codes(entry)
                .filter_map(detection_words)
                .map(str::to_owned)
                .collect(),
            effects: line.effects,
            who: line.who,
            door: words::door(entry.via.door).to_owned(),
            from: self.entry_source(entry).await,
            session: entry.actor.session,
            kind,
            object: id,
            standing,
        }
    }
}

/// The detections of rules and ways out that matched.
pub(crate) fn rule_codes(entry: &Entry) -> impl Iterator<Item = &str> {
    let detections = entry.risk.detections.iter().map(String::as_str);
    detections.filter(|code| code.starts_with(RULE_DETECTIONS))
}
