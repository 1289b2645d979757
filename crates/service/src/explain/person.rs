//! An account or one of its sessions: from where it was used, what it changed, who touches its mail.

use std::collections::BTreeMap;

use ledger::Entry;
use policy::{Config, RuleLevel};
use store::LogQuery;
use store::session::Session;
use types::{AccountId, Address, SessionId, Timestamp};

use super::around::{DAY_S, Wanted};
use super::{Explanation, Step, at_least, count, first_lines, when};
use crate::Service;
use crate::error::{ServiceError, ServiceResult};
use crate::shell::quoted;
use crate::view::words;

/// Days for which sessions and failures are counted.
const DAYS: i64 = 30;
/// Sessions and failures that are counted.
const COUNTED_MAX: usize = 1_000;
/// The record of a sign-in is made this long before its session at most.
const SIGN_IN_SLACK_S: i64 = 60;

impl Service {
    // long: one screen, section by section
    pub(super) async fn explain_account(&self, address: &Address) -> ServiceResult<Explanation> {
        let config = self.config();
        let id = config.account_at(address).map(|account| account.id);
        let id = id.or_else(|| config.former_owner(address));
        let id = id.ok_or(ServiceError::NotFound("account"))?;
        let now = self.clock().now();
        let since = now.plus_s(-DAYS * DAY_S);
        let read = self.inner.store.read(move |tx| {
            store::session::of_account(tx, id, (since, Timestamp(i64::MAX)), COUNTED_MAX)
        });
        let sessions = read.await?;
        let failures = self.failures(Some(id), None, since).await?;
        let around = self.entries_around(now, DAY_S).await?;
        let wanted = Wanted {
            object: Some(("account".to_owned(), id.to_string())),
            actor: Some(id.to_string()),
            account: Some(id),
            ..Wanted::default()
        };
        let timeline = self.timeline(now, &around, &wanted, Vec::new()).await?;
        let name = words::account_name(&config, id);
        let made = config.account(id).map(|account| account.made_seq);
        let made = made.or_else(|| {
            config
                .last_entry("account", &id.to_string())
                .map(|(seq, _)| seq)
        });
        let entry = self
            .read_entry(made.ok_or(ServiceError::Unavailable)?)
            .await?;
        let own = own_rules(&config, id);
        Ok(Explanation {
            subject: format!("account {name} ({id})"),
            sentence: format!(
                "{name} signed in {} in {DAYS} days, {} failed; it has made {}.",
                at_least(sessions.len(), COUNTED_MAX, "time"),
                at_least(failures, COUNTED_MAX, "sign-in"),
                count(own.len(), "rule"),
            ),
            what: what(&config, id),
            harm: match own.is_empty() {
                true => vec!["None found: no rule that stands was made by it.".to_owned()],
                false => first_lines(own.iter().map(|rule| format!("It made {rule}.")).collect()),
            },
            who: vec![format!(
                "{} by {}, {}, entry {}.",
                if config.account(id).is_some() {
                    "Made"
                } else {
                    "Removed"
                },
                self.who(&entry),
                when(entry.ts),
                entry.seq
            )],
            how: from_where(&sessions, failures),
            timeline: timeline.moments,
            timeline_more: timeline.more,
            also: also(&around, &id.to_string(), |entry| self.entry_words(entry)),
            confidence: self.confidence([entry.seq], now).await?,
            not_known: vec!["Who knows its password beside its owner.".to_owned()],
            steps: account_steps(&config, id),
            ..Explanation::default()
        })
    }

    // long: one screen, section by section
    pub(super) async fn explain_session(&self, id: SessionId) -> ServiceResult<Explanation> {
        let read = self
            .inner
            .store
            .read(move |tx| store::session::find(tx, id));
        let session = read.await?.ok_or(ServiceError::NotFound("session"))?;
        let (begin, config) = (&session.begin, self.config());
        let end = session.ended_at.unwrap_or_else(|| self.clock().now());
        let name = words::account_name(&config, begin.account);
        let around = self.entries_around(begin.started_at, DAY_S).await?;
        let made: Vec<_> = around
            .iter()
            .filter(|entry| entry.actor.session == Some(id))
            .collect();
        let wanted = Wanted {
            session: Some(id),
            account: Some(begin.account),
            source: Some(begin.source.clone()),
            ..Wanted::default()
        };
        let timeline = self
            .timeline(begin.started_at, &around, &wanted, Vec::new())
            .await?;
        let minutes = (end.seconds() - begin.started_at.seconds()) / 60;
        let state = match session.ended_at {
            Some(at) => format!("ended at {}, after {minutes} minutes", when(at)),
            None => "has no recorded end: it is open, or the server stopped before it".to_owned(),
        };
        let effects = made.iter().flat_map(|entry| {
            let lead = format!("Entry {}, {}", entry.seq, self.entry_words(entry));
            let effects = self.entry_view(entry).effects;
            std::iter::once(format!("{lead}: {}", effects.join(" ")))
        });
        let what = match made.is_empty() {
            true => vec!["It changed nothing within a day of its begin.".to_owned()],
            false => first_lines(effects.collect()),
        };
        Ok(Explanation {
            subject: format!("session {id}"),
            sentence: format!(
                "{name} signed in at {} from {} and made {}; the session {state}.",
                when(begin.started_at),
                begin.source,
                count(made.len(), "change"),
            ),
            what,
            harm: self.read_in(&session).await?,
            who: vec![format!("{name} ({}).", begin.account)],
            how: self.how_of(&session).await?,
            timeline: timeline.moments,
            timeline_more: timeline.more,
            also: self
                .others_from(&begin.source, Some(begin.account), begin.started_at)
                .await?,
            confidence: {
                let entries = made.iter().map(|entry| entry.seq);
                self.confidence(entries, begin.started_at).await?
            },
            not_known: vec!["Whether it was the owner of the account who signed in.".to_owned()],
            steps: session_steps(&config, &session),
            ..Explanation::default()
        })
    }

    /// What was read and removed in a session, as its records tell.
    async fn read_in(&self, session: &Session) -> ServiceResult<Vec<String>> {
        let begin = &session.begin;
        let start = begin.started_at.plus_s(-SIGN_IN_SLACK_S);
        let mut query = LogQuery::between(start, begin.started_at.plus_s(1), COUNTED_MAX);
        query.account = Some(begin.account);
        query.kind = Some("sign_in".to_owned());
        let records = self.inner.store.activity().query(query).await?;
        let record = records.iter().find(|record| record.seq == begin.sign_in);
        let Some(connection) = record.and_then(|record| record.row.session) else {
            return Ok(vec![
                "Not known: the record of its sign-in is gone.".to_owned(),
            ]);
        };
        let end = session
            .ended_at
            .map_or(Timestamp(i64::MAX), |at| at.plus_s(SIGN_IN_SLACK_S));
        let mut query = LogQuery::between(start, end, COUNTED_MAX);
        query.session = Some(connection);
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for record in self.inner.store.activity().query(query).await? {
            let detail: serde_json::Value =
                serde_json::from_slice(&record.row.detail).unwrap_or_default();
            let what = match record.row.kind.as_str() {
                "mail.given_out" => "read",
                "mail.expunged" => "removed",
                _ => continue,
            };
            *counts.entry(what).or_default() += detail["count"].as_u64().unwrap_or(0);
        }
        Ok(vec![match counts.is_empty() {
            true => "None found: no message was read or removed in it.".to_owned(),
            false => {
                let counts = counts.iter().map(|(what, count)| format!("{count} {what}"));
                format!("Messages: {}.", counts.collect::<Vec<_>>().join(", "))
            }
        }])
    }

    async fn how_of(&self, session: &Session) -> ServiceResult<Vec<String>> {
        let (begin, id) = (session.begin.clone(), session.id);
        let (source, account) = (begin.source.clone(), begin.account);
        let read = self.inner.store.read(move |tx| {
            let span = (Timestamp(i64::MIN), begin.started_at.plus_s(1));
            store::session::from_source(tx, &begin.source, span, COUNTED_MAX)
        });
        let known = read
            .await?
            .into_iter()
            .any(|other| other.begin.account == account && other.id != id);
        let known = if known {
            "known"
        } else {
            "NEW, this account had never come from there"
        };
        let credential = session.begin.credential.map(|id| format!(" with {id}"));
        Ok(vec![format!(
            "Over {} from {source}: {known}. Signed in{} (record {} of the activity log).",
            session.begin.door,
            credential.unwrap_or_default(),
            session.begin.sign_in
        )])
    }

    /// How many sign-ins of an account or from a source failed since a moment, up to a bound.
    pub(super) async fn failures(
        &self,
        account: Option<AccountId>,
        source: Option<String>,
        since: Timestamp,
    ) -> ServiceResult<usize> {
        let mut query = LogQuery::between(since, Timestamp(i64::MAX), COUNTED_MAX);
        query.kind = Some("sign_in.refused".to_owned());
        (query.account, query.source) = (account, source);
        Ok(self.inner.store.activity().query(query).await?.len())
    }

    /// Who else came from a source within [`DAYS`] of a moment, and how often sign-ins failed.
    pub(super) async fn others_from(
        &self,
        source: &str,
        but: Option<AccountId>,
        at: Timestamp,
    ) -> ServiceResult<Vec<String>> {
        let span = (at.plus_s(-DAYS * DAY_S), at.plus_s(DAYS * DAY_S));
        let wanted = source.to_owned();
        let read = self
            .inner
            .store
            .read(move |tx| store::session::from_source(tx, &wanted, span, COUNTED_MAX));
        let others = read.await?.into_iter().map(|session| session.begin.account);
        let names = self.names(others.filter(|id| Some(*id) != but));
        let failures = self.failures(None, Some(source.to_owned()), span.0).await?;
        let who = match names.is_empty() {
            true => format!("From {source} no other account signed in within {DAYS} days"),
            false => format!("From {source} also: {}", first_lines(names).join(", ")),
        };
        Ok(vec![format!(
            "{who}; {} failed there.",
            at_least(failures, COUNTED_MAX, "sign-in")
        )])
    }
}

/// What an account is, and who touches its mail.
fn what(config: &Config, id: AccountId) -> Vec<String> {
    let Some(account) = config.account(id) else {
        return vec!["It is gone: nobody signs in, no mail is taken for it.".to_owned()];
    };
    let state = if config.is_active(account) {
        "works"
    } else {
        "is switched off"
    };
    let factor = match config.totp(account) {
        Some(_) => "with a second factor",
        None => "without a second factor",
    };
    let above = config
        .levels_of(id)
        .into_iter()
        .filter(|level| *level != RuleLevel::Account(id));
    let above = above.flat_map(|level| config.rules_of(level)).count();
    let own = config.rules_of(RuleLevel::Account(id)).count();
    vec![
        format!("A {} that {state}, {factor}.", account.role.label()),
        format!(
            "Its mail is touched by {} above it and {own} of its own.",
            count(above, "rule")
        ),
    ]
}

/// The rules that an account made or changed and that still stand.
fn own_rules(config: &Config, id: AccountId) -> Vec<String> {
    let by = |authorship: &policy::Authorship| authorship.by.account() == Some(id);
    let rules = config
        .rules()
        .filter(|rule| by(&rule.made) || by(&rule.changed));
    let name = |rule: &std::sync::Arc<policy::Rule>| {
        let (name, about) = (
            policy::shown::visible(&rule.name),
            words::level(config, rule.level),
        );
        format!(
            "rule \"{name}\" ({}) for {about}, entry {}",
            rule.id, rule.revision
        )
    };
    rules.map(name).collect()
}

/// From where an account signed in, the most frequent first.
fn from_where(sessions: &[Session], failures: usize) -> Vec<String> {
    let mut sources: BTreeMap<&str, (usize, Timestamp)> = BTreeMap::new();
    for session in sessions {
        let known = sources
            .entry(&session.begin.source)
            .or_insert((0, Timestamp(i64::MIN)));
        *known = (known.0 + 1, known.1.max(session.begin.started_at));
    }
    let mut sources: Vec<_> = sources.into_iter().collect();
    sources.sort_by_key(|(_, (times, _))| std::cmp::Reverse(*times));
    let mut lines: Vec<_> = sources
        .into_iter()
        .map(|(source, (times, last))| {
            format!(
                "From {source}: {}, last {}.",
                count(times, "sign-in"),
                when(last)
            )
        })
        .collect();
    if lines.is_empty() {
        lines.push(format!("No sign-in in {DAYS} days."));
    }
    let mut lines = first_lines(lines);
    if sessions.len() == COUNTED_MAX {
        let newest = count(COUNTED_MAX, "sign-in");
        lines.push(format!("Only the newest {newest} are counted here."));
    }
    lines.push(format!(
        "Failed in {DAYS} days: {}.",
        at_least(failures, COUNTED_MAX, "sign-in")
    ));
    lines
}

/// What the account changed around now.
fn also(around: &[Entry], id: &str, words: impl Fn(&Entry) -> String) -> Vec<String> {
    let own = around
        .iter()
        .filter(|entry| entry.actor.id.as_deref() == Some(id));
    let lines: Vec<_> = own
        .map(|entry| format!("Entry {}, {}", entry.seq, words(entry)))
        .collect();
    match lines.is_empty() {
        true => vec!["It changed nothing in the last day.".to_owned()],
        false => first_lines(lines),
    }
}

fn account_steps(config: &Config, id: AccountId) -> Vec<Step> {
    let Some(account) = config.account(id) else {
        return vec![Step::new(
            "rules that are gone",
            "sealpost rules list --removed",
        )];
    };
    let address = quoted(&account.address.to_string());
    vec![
        Step::new(
            "another password",
            format!("sealpost account passwd {address}"),
        ),
        Step::new(
            "end its sessions",
            format!("sealpost session end --account {address}"),
        ),
        Step::new(
            "stop it for now",
            format!("sealpost account disable {address}"),
        ),
        Step::new(
            "what it did, in full",
            format!("sealpost activity --account {address} --since 30d"),
        ),
    ]
}

fn session_steps(config: &Config, session: &Session) -> Vec<Step> {
    let mut steps = Vec::new();
    if session.ended_at.is_none() {
        steps.push(Step::new(
            "end it",
            format!("sealpost session end {}", session.id),
        ));
    }
    if let Some(account) = config.account(session.begin.account) {
        let command = format!(
            "sealpost account passwd {}",
            quoted(&account.address.to_string())
        );
        steps.push(Step::new("another password", command));
    }
    let source = &session.begin.source;
    steps.push(Step::new(
        "refuse what comes from there for a day",
        format!("sealpost block add {source}"),
    ));
    steps
}
