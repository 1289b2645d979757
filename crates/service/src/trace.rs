//! What happened to messages: the fates of every message and recipient, searched and told.

use std::collections::HashMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use store::fate::{self, Fate, FateKey};
use store::{LogQuery, StoreResult};
use types::{AccountId, Address, CredentialId, RuleId, Timestamp};

use crate::Service;
use crate::error::ServiceResult;
use crate::looks::{self, RuleLook, Texts};

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
    /// A rule that had a part in it, also one that is gone.
    #[serde(default)]
    pub rule: Option<RuleId>,
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
    /// What was done: `store`, `refuse`, `quarantine`, `sink`; by rules `discard`, `redirect`,
    /// `reject`; for other servers `queue`, and then `sent`, `bounce` or `drop`.
    pub action: String,
    /// Where it went, or why not.
    pub target: String,
    /// The rules that touched it, as `id@seq`.
    pub rules: Vec<String>,
    /// What the rules that looked at it did, and why others did nothing, in words.
    pub told: Vec<RuleLook>,
    /// Every rule that looked at it: `rule`, what it `did`, or the `line` of the test that decided
    /// and whether it `held`.
    pub looked: Vec<serde_json::Value>,
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
        let wanted = Wanted {
            account: (query.to.as_ref())
                .and_then(|to| self.config().account_at(to).map(|account| account.id)),
            to: query.to.map(|to| to.folded().to_string()),
            from: query.from.map(|from| from.to_string()),
            id: query.id,
            rule: query.rule,
        };
        let until = Timestamp(i64::MAX);
        let fates = self.inner.store.read(move |tx| {
            let find = |key: FateKey<'_>| fate::find(tx, key, since, until, ROWS_MAX);
            let mut fates = wanted.find(&find)?;
            fates.retain(|fate| wanted.fits(fate));
            fates.truncate(limit);
            Ok(fates)
        });
        let mut rows: Vec<_> = fates.await?.into_iter().map(TraceRow::from).collect();
        let (config, no_texts) = (self.config(), Texts::new());
        for row in &mut rows {
            row.told = looks::looks(&config, &row.looked, &no_texts);
        }
        self.add_sources(&mut rows).await?;
        Ok(rows)
    }

    /// The address that a message came from, while the trace of that day is kept.
    pub(crate) async fn source_of(&self, fate: &Fate) -> ServiceResult<Option<IpAddr>> {
        let mut rows = [TraceRow::from(fate.clone())];
        self.add_sources(&mut rows).await?;
        let [row] = rows;
        Ok(row.source.and_then(|source| source.parse().ok()))
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

/// What a person looks for, in the spellings that are stored.
struct Wanted {
    id: Option<String>,
    rule: Option<RuleId>,
    from: Option<String>,
    to: Option<String>,
    /// The account with the address `to`, which gets mail by other addresses too.
    account: Option<AccountId>,
}

impl Wanted {
    fn find(
        &self,
        find: &impl Fn(FateKey<'_>) -> StoreResult<Vec<Fate>>,
    ) -> StoreResult<Vec<Fate>> {
        if let Some(rule) = self.rule {
            return find(FateKey::Rule(&rule.to_string()));
        }
        match (&self.id, &self.to, &self.from) {
            (Some(id), ..) => {
                // People leave the angle brackets out, and shells take them for redirections.
                let bare = id.trim_start_matches('<').trim_end_matches('>');
                let by_token = find(FateKey::Message(bare))?;
                let by_message_id = find(FateKey::MessageId(&format!("<{bare}>")))?;
                let found = joined(by_token, by_message_id);
                match found.is_empty() {
                    true => find(FateKey::MessageId(id)),
                    false => Ok(found),
                }
            }
            (None, Some(to), _) => {
                let by_address = find(FateKey::Recipient(to))?;
                let by_account = self.account.map(|id| find(FateKey::Account(id)));
                let here = joined(by_address, by_account.transpose()?.unwrap_or_default());
                Ok(joined(here, find(FateKey::SentTo(to))?))
            }
            (None, None, Some(from)) => {
                let found = find(FateKey::Sender(from))?;
                match found.is_empty() {
                    // It is stored as it was said; this looks through all.
                    true => find(FateKey::SenderInAnyCase(from)),
                    false => Ok(found),
                }
            }
            (None, None, None) => find(FateKey::Any),
        }
    }

    fn fits(&self, fate: &Fate) -> bool {
        let from = self.from.as_ref();
        let to = self.to.as_ref();
        from.is_none_or(|from| fate.reverse_path.eq_ignore_ascii_case(from))
            && to.is_none_or(|to| {
                fate.recipient == *to || (fate.account.is_some() && fate.account == self.account)
            })
    }
}

/// Both lists, newest first, each fate once.
fn joined(mut one: Vec<Fate>, other: Vec<Fate>) -> Vec<Fate> {
    for fate in other {
        if !one.contains(&fate) {
            one.push(fate);
        }
    }
    one.sort_by_key(|fate| std::cmp::Reverse(fate.at));
    one
}

impl From<Fate> for TraceRow {
    fn from(fate: Fate) -> Self {
        let looked: Vec<serde_json::Value> =
            serde_json::from_slice(&fate.rules).unwrap_or_default();
        let acted = looked.iter().filter(|look| look["did"].is_array());
        let rules = acted.filter_map(|look| look["rule"].as_str().map(str::to_owned));
        Self {
            rules: rules.collect(),
            told: Vec::new(),
            looked,
            id: fate.message,
            at: fate.at.to_rfc3339(),
            from: fate.reverse_path,
            to: fate.recipient,
            account: fate.account,
            action: fate.action,
            target: fate.target,
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
