//! What happened to messages: the fates of every message and recipient, searched and told.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use store::LogQuery;
use store::fate::{self, Fate, FateKey};
use types::{AccountId, Address, CredentialId, Timestamp};

use crate::Service;
use crate::error::ServiceResult;

/// The kind of the trace record that says how a message came.
pub(crate) const RECEIVED: &str = "received";
/// Rows that one search gives.
const ROWS_MAX: usize = 1_000;
/// Rows of an answer whose asker does not say how many.
const ROWS_DEFAULT: usize = 100;
/// Trace records that are looked through for the sources of those rows.
const RECORDS_MAX: usize = 100_000;
/// A trace record is written after the fate that it belongs to.
const SLACK_S: i64 = 60;

/// Which messages are looked for: by id or Message-ID, recipient, sender, or all since a time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TraceQuery {
    /// Envelope sender.
    pub from: Option<Address>,
    /// Envelope recipient.
    pub to: Option<Address>,
    /// The id of the reply to the client, or a Message-ID.
    pub id: Option<String>,
    /// Seconds since 1970 from which on.
    pub since_s: Option<i64>,
    /// At most so many rows; 100 if not said, 1,000 at most.
    pub limit: Option<usize>,
}

/// What became of one message for one recipient.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TraceRow {
    /// The id of the message here.
    pub id: String,
    /// When it was decided, RFC 3339.
    pub at: String,
    /// Envelope sender; empty for notifications.
    pub from: String,
    /// Envelope recipient.
    pub to: String,
    /// The account that it was for.
    pub account: Option<AccountId>,
    /// What was done: `store`, `refuse`, `sink`.
    pub action: String,
    /// Where it went, or why not.
    pub target: String,
    /// The rules that touched it, as `id@seq`.
    pub rules: Vec<String>,
    /// Size of the configuration ledger that decided it.
    pub config_size: u64,
    /// The session that brought it.
    pub session: Option<String>,
    /// With what its sender signed in.
    pub credential: Option<CredentialId>,
    /// The address that it came from, while the trace of that day is kept.
    pub source: Option<String>,
    /// How it came: the name in HELO, the protocol, TLS.
    pub came: Option<serde_json::Value>,
    /// Its size.
    pub octets: u64,
    /// Its Message-ID.
    pub message_id: String,
    /// What the sender asked of it beside the delivery, such as `notify` or `require_tls`.
    pub asked: Option<serde_json::Value>,
}

impl Service {
    /// The fates that fit, newest first.
    pub async fn trace(&self, query: TraceQuery) -> ServiceResult<Vec<TraceRow>> {
        let limit = query.limit.unwrap_or(ROWS_DEFAULT).min(ROWS_MAX);
        let since = Timestamp(0).plus_s(query.since_s.unwrap_or(0));
        let (to, id) = (query.to.map(|to| to.folded().to_string()), query.id);
        let from = query.from.map(|from| from.to_string());
        let until = Timestamp(i64::MAX);
        let fates = self.inner.store.read(move |tx| {
            let find = |key| fate::find(tx, key, since, until, limit);
            match (&id, &to, &from) {
                (Some(id), ..) => {
                    let found = find(FateKey::Message(id))?;
                    if found.is_empty() {
                        find(FateKey::MessageId(id))
                    } else {
                        Ok(found)
                    }
                }
                (None, Some(to), _) => find(FateKey::Recipient(to)),
                (None, None, Some(from)) => find(FateKey::Sender(from)),
                (None, None, None) => find(FateKey::Any),
            }
            .map(|fates| narrowed(fates, from.as_deref(), to.as_deref()))
        });
        let mut rows: Vec<_> = fates.await?.into_iter().map(TraceRow::from).collect();
        self.add_sources(&mut rows).await?;
        Ok(rows)
    }

    /// Adds to each row how its message came, as far as the days of the trace still know.
    async fn add_sources(&self, rows: &mut [TraceRow]) -> ServiceResult<()> {
        let days = rows
            .iter()
            .filter_map(|row| Timestamp::from_rfc3339(&row.at));
        let (Some(first), Some(last)) = (days.clone().min(), days.max()) else {
            return Ok(());
        };
        let mut query = LogQuery::between(first.plus_s(-1), last.plus_s(SLACK_S), RECORDS_MAX);
        query.kind = Some(RECEIVED.to_owned());
        if let [only] = rows {
            query.message = Some(only.id.clone());
        }
        let records = self.inner.store.trace().query(query).await?;
        let by_message: HashMap<_, _> = records
            .iter()
            .filter_map(|found| Some((found.row.message.as_deref()?, &found.row)))
            .collect();
        for row in rows {
            if let Some(found) = by_message.get(row.id.as_str()) {
                row.source = Some(found.source.clone());
                row.came = serde_json::from_slice(&found.detail).ok();
            }
        }
        Ok(())
    }
}

fn narrowed(fates: Vec<Fate>, from: Option<&str>, to: Option<&str>) -> Vec<Fate> {
    let fits = |fate: &Fate| {
        from.is_none_or(|from| fate.reverse_path == from)
            && to.is_none_or(|to| fate.recipient == to)
    };
    fates.into_iter().filter(fits).collect()
}

impl From<Fate> for TraceRow {
    fn from(fate: Fate) -> Self {
        Self {
            id: fate.message,
            at: fate.at.to_rfc3339(),
            from: fate.reverse_path,
            to: fate.recipient,
            account: fate.account,
            action: fate.action,
            target: fate.target,
            rules: serde_json::from_slice(&fate.rules).unwrap_or_default(),
            config_size: fate.config_size,
            session: fate.session.map(|session| session.to_string()),
            credential: fate.credential,
            source: None,
            came: None,
            octets: fate.size,
            message_id: fate.message_id,
            asked: (fate.params.as_deref()).and_then(|params| serde_json::from_slice(params).ok()),
        }
    }
}
