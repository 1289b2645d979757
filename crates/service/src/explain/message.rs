//! A message: what became of it for each recipient, and what every rule that looked at it did or why
//! it did nothing.

use std::collections::BTreeSet;

use policy::{Change, RuleContent};
use types::{RuleId, Timestamp};

use super::around::{DAY_S, Wanted};
use super::{Explanation, Step, count, first_lines, when};
use crate::Service;
use crate::error::{ServiceError, ServiceResult};
use crate::looks::{self, RuleLook, Texts};
use crate::shell::quoted;
use crate::trace::{TraceQuery, TraceRow};
use crate::view::words;

/// Recipients of which all is told.
const RECIPIENTS_MAX: usize = 3;
/// Rules of one recipient that are told.
const LOOKS_MAX: usize = 4;
/// Texts of rules that are gone, which are read from their entries.
const TEXTS_MAX: usize = 16;
/// Rows of one message that are looked at.
const ROWS_MAX: usize = 200;

impl Service {
    // long: one screen, section by section
    pub(super) async fn explain_message(&self, id: String) -> ServiceResult<Explanation> {
        let query = TraceQuery {
            id: Some(id),
            limit: Some(ROWS_MAX),
            ..TraceQuery::default()
        };
        let mut rows = self.trace(query).await?;
        let others = others_of_name(&mut rows);
        let first = rows.first().ok_or(ServiceError::NotFound("message"))?;
        let at = Timestamp::from_rfc3339(&first.at).ok_or(ServiceError::Unavailable)?;
        let mut looks = Vec::with_capacity(rows.len());
        for row in &rows {
            looks.push(self.looks_with_texts(row).await?);
        }
        let what = (rows.iter().zip(&looks).take(RECIPIENTS_MAX))
            .flat_map(|(row, looks)| self.of_recipient(row, looks))
            .chain(
                rows.len()
                    .checked_sub(RECIPIENTS_MAX)
                    .filter(|more| *more > 0)
                    .map(|more| format!("… and {} more.", count(more, "outcome"))),
            )
            .collect();
        let acted: BTreeSet<(RuleId, u64)> = (looks.iter().flatten())
            .filter(|look| look.acted)
            .map(|look| (look.rule, look.entry))
            .collect();
        let around = self.entries_around(at, DAY_S).await?;
        let wanted = Wanted {
            source: first.source.clone(),
            ..Wanted::default()
        };
        let timeline = self.timeline(at, &around, &wanted, moments(&rows)).await?;
        Ok(Explanation {
            subject: format!(
                "message {} ({})",
                policy::shown::visible(&first.message_id),
                first.id
            ),
            sentence: self.sentence_of(&rows, acted.len(), at),
            what,
            harm: harm(&rows),
            who: who(first),
            how: how(first),
            timeline: timeline.moments,
            timeline_more: timeline.more,
            also: first_lines(others),
            confidence: {
                let entries = acted.iter().map(|(_, entry)| *entry);
                let mut told = self.confidence(entries, at).await?;
                told.words.push(
                    "What became of the message is a row beside the ledger: kept, not signed."
                        .to_owned(),
                );
                told
            },
            not_known: vec![
                "Whether its owner has seen it, and what was done with copies outside.".to_owned(),
            ],
            steps: self.message_steps(&rows, &acted),
            ..Explanation::default()
        })
    }

    /// The rules that looked, with what the texts of those that are gone said.
    async fn looks_with_texts(&self, row: &TraceRow) -> ServiceResult<Vec<RuleLook>> {
        let config = self.config();
        let mut texts = Texts::new();
        let at = row.looked.iter().filter_map(looks::rule_at);
        for (rule, entry) in at.take(TEXTS_MAX) {
            let former = config.former_rule(rule).map(|former| former.content_seq);
            if let Some(seq) = former.filter(|seq| *seq <= entry)
                && let Some(text) = self.text_of(seq).await?
            {
                texts.insert((rule, entry), text);
            }
        }
        Ok(looks::looks(&config, &row.looked, &texts))
    }

    /// The text of a rule that an entry holds.
    async fn text_of(&self, seq: u64) -> ServiceResult<Option<RuleContent>> {
        let entry = self.read_entry(seq).await?;
        Ok(match Change::from_entry(&entry) {
            Ok(Change::RuleCreate(set) | Change::RuleChange(set)) => Some(set.content),
            _ => None,
        })
    }

    fn of_recipient(&self, row: &TraceRow, looks: &[RuleLook]) -> Vec<String> {
        let mut lines = vec![format!(
            "For {}: {}.",
            policy::shown::visible(&row.to),
            outcome(row)
        )];
        let told = looks.iter().take(LOOKS_MAX);
        lines.extend(told.map(|look| format!("- {}", look.words)));
        if looks.len() > LOOKS_MAX {
            lines.push(format!("- … and {} more looked.", looks.len() - LOOKS_MAX));
        }
        if looks.is_empty() {
            lines.push("- no rule looked at it".to_owned());
        }
        lines
    }

    fn sentence_of(&self, rows: &[TraceRow], acted: usize, at: Timestamp) -> String {
        let outcomes: BTreeSet<_> = rows.iter().map(|row| plain(row).to_owned()).collect();
        let outcomes: Vec<_> = outcomes.into_iter().collect();
        let from = match rows[0].from.as_str() {
            "" => "another server (a notification)".to_owned(),
            from => policy::shown::visible(from),
        };
        let rules = match acted {
            0 => "no rule acted on it".to_owned(),
            acted => format!("{} acted on it", count(acted, "rule")),
        };
        format!(
            "It came from {from} at {} and was {}; {rules}.",
            when(at),
            outcomes.join(" and ")
        )
    }

    fn message_steps(&self, rows: &[TraceRow], acted: &BTreeSet<(RuleId, u64)>) -> Vec<Step> {
        let config = self.config();
        let mut steps: Vec<_> = (acted.iter().take(RECIPIENTS_MAX))
            .map(|(rule, _)| {
                Step::new(
                    "all about the rule",
                    format!("sealpost explain rule {rule}"),
                )
            })
            .collect();
        let deleted = rows.iter().filter(|row| row.action == "discard");
        let owners: BTreeSet<_> = deleted
            .filter_map(|row| config.account(row.account?))
            .map(|account| account.address.to_string())
            .collect();
        steps.extend(owners.into_iter().take(RECIPIENTS_MAX).map(|owner| {
            Step::new(
                "find it among the removed mail",
                format!("sealpost recoverable list {}", quoted(&owner)),
            )
        }));
        if rows.iter().any(|row| row.action == "quarantine") {
            let list = "sealpost quarantine list".to_owned();
            steps.push(Step::new("find it in quarantine, with its number", list));
        }
        let id = rows[0].id.clone();
        steps.push(Step::new(
            "the same as a table",
            format!("sealpost trace --id {}", quoted(&id)),
        ));
        steps
    }
}

/// Leaves the rows of the first message that came, where several bear the name that was asked for;
/// gives a line for each of the others.
fn others_of_name(rows: &mut Vec<TraceRow>) -> Vec<String> {
    let Some(first) = rows.last().map(|row| row.id.clone()) else {
        return Vec::new();
    };
    let mut seen = BTreeSet::from([first.clone()]);
    let others = rows.iter().rev().filter(|row| seen.insert(row.id.clone()));
    let lines = others.map(|row| {
        let at = Timestamp::from_rfc3339(&row.at).map(when);
        format!(
            "Another message bears the same Message-ID: {}, {}, from {}.",
            row.id,
            at.unwrap_or_default(),
            policy::shown::visible(&row.from)
        )
    });
    let lines = lines.collect();
    rows.retain(|row| row.id == first);
    lines
}

/// What was done for a recipient.
fn outcome(row: &TraceRow) -> String {
    let target = policy::shown::visible(&row.target);
    match row.action.as_str() {
        "store" => format!("delivered into {target}"),
        "discard" => "deleted, which can be undone for a while".to_owned(),
        "redirect" => "sent on; nobody here keeps a copy".to_owned(),
        "reject" => format!("refused with the words: {target}"),
        "refuse" => format!("refused: {target}"),
        "quarantine" => format!("kept in quarantine, since {target}"),
        "sink" => format!("went to {target}, OUTSIDE (this demo keeps it)"),
        "queue" => format!("put into the queue for {target}, OUTSIDE"),
        "sent" => format!("went OUTSIDE to {target}"),
        "bounce" => format!("not delivered OUTSIDE to {target}"),
        "drop" => format!("taken out of the queue: {target}"),
        other => format!("{other} {target}"),
    }
}

/// The same in one word.
fn plain(row: &TraceRow) -> &str {
    match row.action.as_str() {
        "store" => "delivered",
        "discard" => "deleted",
        "redirect" => "sent on",
        "reject" | "refuse" => "refused",
        "quarantine" => "kept in quarantine",
        "sink" => "sent OUTSIDE",
        "queue" => "queued for OUTSIDE",
        "sent" => "sent OUTSIDE",
        "bounce" => "not delivered OUTSIDE",
        "drop" => "taken out of the queue",
        other => other,
    }
}

fn harm(rows: &[TraceRow]) -> Vec<String> {
    let lost = |row: &&TraceRow| {
        matches!(
            row.action.as_str(),
            "discard" | "redirect" | "reject" | "refuse" | "quarantine" | "bounce" | "drop"
        )
    };
    let left = |row: &&TraceRow| matches!(row.action.as_str(), "sink" | "queue");
    match (
        rows.iter().filter(lost).count(),
        rows.iter().filter(left).count(),
    ) {
        (0, 0) => vec!["None: every recipient has it.".to_owned()],
        (0, left) => vec![format!(
            "Every recipient has it; {} went outside.",
            count(left, "copy")
        )],
        (lost, left) => vec![format!(
            "{} did not get it; {} went outside.",
            count(lost, "recipient"),
            count(left, "copy")
        )],
    }
}

fn who(row: &TraceRow) -> Vec<String> {
    let from = match row.from.as_str() {
        "" => "nobody (a notification)".to_owned(),
        from => policy::shown::visible(from),
    };
    vec![match row.credential {
        Some(credential) => format!("{from}, signed in with {credential}."),
        None => format!("{from}, as it says: another server brought it and nobody signed in."),
    }]
}

fn how(row: &TraceRow) -> Vec<String> {
    let mut line = match &row.source {
        Some(source) => format!("From {source}"),
        None => "From an address that is not recorded any more".to_owned(),
    };
    if let Some(came) = &row.came {
        let word = |key: &str| came[key].as_str().map(policy::shown::visible);
        let words = [("helo", "as"), ("protocol", "over"), ("tls", "with")];
        for (key, before) in words {
            line.extend(word(key).map(|word| format!(", {before} {word}")));
        }
    }
    line.extend(
        row.session
            .as_ref()
            .map(|session| format!(", connection {session}")),
    );
    let mut lines = vec![format!("{line}. {} octets.", row.octets)];
    let said = row
        .came
        .iter()
        .filter_map(|came| came["scanned"].as_array());
    let said = said.flatten().filter_map(serde_json::Value::as_str);
    lines.extend(said.map(policy::shown::visible));
    lines
}

/// A moment for each outcome.
fn moments(rows: &[TraceRow]) -> Vec<super::Moment> {
    let moment = |row: &TraceRow| super::Moment {
        at: row.at.clone(),
        what: format!("{} for {}", plain(row), policy::shown::visible(&row.to)),
        who: None,
        from: None,
        entry: None,
        times: 1,
        marked: true,
    };
    rows.iter().take(RECIPIENTS_MAX).map(moment).collect()
}

impl Service {
    /// Accounts by the names that people know, each once.
    pub(super) fn names(&self, ids: impl IntoIterator<Item = types::AccountId>) -> Vec<String> {
        let ids: BTreeSet<_> = ids.into_iter().collect();
        let config = self.config();
        ids.into_iter()
            .map(|id| words::account_name(&config, id))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_that_a_recipient_did_not_get_is_harm() {
        for (action, words) in [
            ("store", "None: every recipient has it."),
            ("sink", "Every recipient has it; 1 copy went outside."),
            (
                "refuse",
                "1 recipient did not get it; 0 copies went outside.",
            ),
            (
                "discard",
                "1 recipient did not get it; 0 copies went outside.",
            ),
        ] {
            let row = serde_json::json!({
                "id": "", "at": "", "from": "", "to": "", "action": action, "target": "",
                "rules": [], "told": [], "looked": [], "config_size": 0, "octets": 0,
                "message_id": "",
            });
            let row: TraceRow = serde_json::from_value(row).unwrap();
            assert_eq!(harm(&[row]), [words], "{action}");
        }
    }
}
