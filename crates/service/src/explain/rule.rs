//! A rule: what it does, what it did to which mail, who made it and how; also when it is gone.

use std::collections::{BTreeMap, BTreeSet};

use ledger::Entry;
use policy::{Change, Config, RuleContent};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::fate::{self, Fate, FateKey};
use store::recoverable;
use types::{AccountId, RuleId, Timestamp};

use super::around::{DAY_S, Moment, Wanted};
use super::made::MadeBy;
use super::{Explanation, Step, count, first_lines, when};
use crate::Service;
use crate::error::{ServiceError, ServiceResult};
use crate::looks;
use crate::recover::RECOVERABLE_MAX;
use crate::view::words;

/// Messages that a rule touched of which the newest are counted.
const FATES_MAX: usize = 5_000;

/// What a rule did to mail.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Touched {
    /// Messages.
    pub messages: usize,
    /// Whether there are more: only the newest were counted.
    pub and_more: bool,
    /// Messages that it deleted.
    pub deleted: usize,
    /// Messages of which something went outside.
    pub outside: usize,
    /// Mailboxes whose mail it was.
    pub mailboxes: usize,
    /// The first time, RFC 3339.
    pub first: Option<String>,
    /// The last time.
    pub last: Option<String>,
    /// Deleted copies that can be brought back.
    pub recoverable: usize,
    /// Until when the first of them is kept.
    pub kept_until: Option<String>,
}

/// What stays known of a rule, in force or gone.
struct Known {
    made_seq: u64,
    content_seq: u64,
    /// The entry that removed it.
    removed_seq: Option<u64>,
    standing: &'static str,
    name: String,
    about: String,
}

impl Service {
    pub(super) async fn explain_rule(&self, id: RuleId) -> ServiceResult<Explanation> {
        let config = self.config();
        let known = known(&config, id).ok_or(ServiceError::NotFound("rule"))?;
        // What it does is the work of whoever gave it its text, not of whoever made it before.
        let entry = self.read_entry(known.content_seq).await?;
        let made = self.made(&entry).await?;
        let touched = self.touched(id).await?;
        let (touched, restore) = self.with_recoverable(id, touched).await?;
        let around = self.entries_around(entry.ts, DAY_S).await?;
        let wanted = wanted(&entry, &made, Some(("rule".to_owned(), id.to_string())));
        let further = first_act(&touched).into_iter().collect();
        let timeline = self.timeline(entry.ts, &around, &wanted, further).await?;
        let mut who = made.who_lines(entry.actor.kind);
        who.extend(self.other_hands(&known).await?);
        let subject = format!("rule \"{}\" ({id})", known.name);
        Ok(Explanation {
            sentence: sentence(&subject, &known, &made, &touched),
            subject,
            what: self.what(&entry, &known),
            harm: harm(&touched),
            who,
            how: made.how_lines(),
            timeline: timeline.moments,
            timeline_more: timeline.more,
            also: self.also(&entry, &made, &around).await?,
            confidence: {
                let entries = [known.content_seq, known.made_seq];
                let entries = entries.into_iter().chain(known.removed_seq);
                self.confidence(entries, entry.ts).await?
            },
            not_known: not_known(&made, &touched),
            steps: steps(id, &known, &made, restore),
            touched: Some(touched),
            made: Some(made),
        })
    }

    fn what(&self, content: &Entry, known: &Known) -> Vec<String> {
        let mut what = self.entry_view(content).effects;
        if what.is_empty()
            && let Ok(Change::RuleCreate(set) | Change::RuleChange(set)) =
                Change::from_entry(content)
        {
            what.push(match &set.content {
                RuleContent::Form(form) => policy::shown::visible(&form.words()),
                RuleContent::Script(text) => {
                    format!("Runs a script of {}.", count(text.lines().count(), "line"))
                }
            });
        }
        let mut what = first_lines(what);
        what.push(match known.removed_seq {
            Some(seq) => format!("Stood for {}; REMOVED by entry {seq}.", known.about),
            None => format!(
                "Stands for {}: {}.",
                known.about,
                known.standing.to_uppercase()
            ),
        });
        what
    }

    /// Who made it, where its text came later, and who removed it.
    async fn other_hands(&self, known: &Known) -> ServiceResult<Vec<String>> {
        let mut lines = Vec::new();
        let made = (known.content_seq != known.made_seq).then_some(known.made_seq);
        for (seq, verb) in [(made, "First made"), (known.removed_seq, "Removed")] {
            let Some(seq) = seq else { continue };
            let entry = self.read_entry(seq).await?;
            let (at, who) = (when(entry.ts), self.who(&entry));
            lines.push(format!("{verb} {at} by {who}, entry {seq}."));
        }
        Ok(lines)
    }

    /// What a rule did, as the fates of messages tell.
    async fn touched(&self, id: RuleId) -> ServiceResult<Touched> {
        let read = self.inner.store.read(move |tx| {
            let (key, all) = (id.to_string(), Timestamp(i64::MAX));
            fate::find(tx, FateKey::Rule(&key), Timestamp(0), all, FATES_MAX)
        });
        let fates = read.await?;
        let mut messages: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
        let mut mailboxes = BTreeSet::new();
        for fate in &fates {
            let (deleted, outside) = acts(fate, id);
            let known = messages.entry(&fate.message).or_default();
            *known = (known.0 || deleted, known.1 || outside);
            mailboxes.extend(fate.account);
        }
        let time = |fate: Option<&Fate>| fate.map(|fate| fate.at.to_rfc3339());
        let and_more = fates.len() == FATES_MAX;
        let touched = Touched {
            messages: messages.len(),
            and_more,
            deleted: messages.values().filter(|(deleted, _)| *deleted).count(),
            outside: messages.values().filter(|(_, outside)| *outside).count(),
            mailboxes: mailboxes.len(),
            first: time(fates.last()).filter(|_| !and_more),
            last: time(fates.first()),
            ..Touched::default()
        };
        Ok(touched)
    }

    /// Adds what of it can be brought back, in all accounts, with the command that does.
    async fn with_recoverable(
        &self,
        id: RuleId,
        mut touched: Touched,
    ) -> ServiceResult<(Touched, Option<Step>)> {
        let config = self.config();
        let accounts: Vec<AccountId> = config.accounts().map(|account| account.id).collect();
        let rule = id.to_string();
        let read = self.inner.store.read(move |tx| {
            let (mut copies, mut left, mut first) = (0, 0, None::<Timestamp>);
            for account in accounts {
                let (page, count) = recoverable::of_rule(tx, account, &rule, RECOVERABLE_MAX)?;
                let read = page.rows.len() + page.changed_outside.len();
                copies += page.rows.len();
                left += usize::try_from(count)
                    .unwrap_or(usize::MAX)
                    .saturating_sub(read);
                let until = page.rows.iter().map(|row| row.until);
                first = first.into_iter().chain(until).min();
            }
            Ok((copies, left, first))
        });
        let (copies, left, first) = read.await?;
        touched.recoverable = copies + left;
        // Those that were not read are older, and their time is over earlier.
        touched.kept_until = first.filter(|_| left == 0).map(Timestamp::to_rfc3339);
        let step = (touched.recoverable > 0).then(|| {
            let at_once = match touched.recoverable > RECOVERABLE_MAX {
                true => format!(", {RECOVERABLE_MAX} at a time"),
                false => String::new(),
            };
            Step::new(
                format!(
                    "bring back {}{at_once}",
                    count(touched.recoverable, "message")
                ),
                format!("sealpost recoverable restore --rule {id}"),
            )
        });
        Ok((touched, step))
    }

    /// What else the same session or actor did to rules around it, and who else came from there.
    pub(super) async fn also(
        &self,
        entry: &Entry,
        made: &MadeBy,
        around: &[Entry],
    ) -> ServiceResult<Vec<String>> {
        let same = |other: &&Entry| {
            let object = |of: &Entry| of.object.as_ref().map(|object| object.id.clone());
            let by_same = match entry.actor.session {
                Some(session) => other.actor.session == Some(session),
                None => other.actor.id == entry.actor.id && other.kind.starts_with("rule."),
            };
            by_same && object(other) != object(entry)
        };
        let mut lines: Vec<_> = around
            .iter()
            .filter(same)
            .map(|other| {
                let effect = self.entry_view(other).effects.into_iter().next();
                let effect = effect
                    .map(|effect| format!(": {effect}"))
                    .unwrap_or_default();
                format!("Entry {}, {}{effect}", other.seq, self.entry_words(other))
            })
            .collect();
        let hand = if made.session.is_some() {
            "session"
        } else {
            "actor"
        };
        if lines.is_empty() {
            lines.push(format!(
                "Nothing else by this {hand} within a day before and after."
            ));
        }
        let mut lines = first_lines(lines);
        if let Some(from) = &made.from {
            lines.extend(self.others_from(from, made.account, entry.ts).await?);
        }
        Ok(lines)
    }
}

/// What is known of a rule.
fn known(config: &Config, id: RuleId) -> Option<Known> {
    if let Some(rule) = config.rule(id) {
        return Some(Known {
            made_seq: rule.made_seq,
            content_seq: rule.content_seq,
            removed_seq: None,
            standing: if rule.enabled { "in force" } else { "paused" },
            name: policy::shown::visible(&rule.name),
            about: words::level(config, rule.level),
        });
    }
    let former = config.former_rule(id)?;
    Some(Known {
        made_seq: former.made_seq,
        content_seq: former.content_seq,
        removed_seq: Some(former.removed_seq),
        standing: "gone",
        name: policy::shown::visible(&former.name),
        about: words::level(config, former.level),
    })
}

/// Which moments belong to what an entry made.
pub(super) fn wanted(entry: &Entry, made: &MadeBy, object: Option<(String, String)>) -> Wanted {
    Wanted {
        object,
        session: entry.actor.session,
        actor: entry.actor.id.clone().filter(|_| made.account.is_some()),
        account: made.account,
        source: made.from.clone(),
        all: false,
    }
}

/// Whether a rule deleted a message, and whether it sent something of it outside.
fn acts(fate: &Fate, id: RuleId) -> (bool, bool) {
    let looked: Vec<Value> = serde_json::from_slice(&fate.rules).unwrap_or_default();
    let own = looked
        .iter()
        .filter(|look| looks::rule_at(look).is_some_and(|(rule, _)| rule == id));
    let acts: Vec<_> = own.flat_map(looks::did).collect();
    // A target inside may lead outside, and not all that was to go did: the fate of what went says so.
    let sends = acts.iter().any(|act| act.starts_with("redirect"));
    (
        acts.contains(&"discard"),
        (fate.action == "sink" || fate.action == "queue") && sends,
    )
}

fn first_act(touched: &Touched) -> Option<Moment> {
    let what = match (touched.deleted, touched.outside) {
        (0, 0) => "first message touched",
        (0, _) => "first message sent outside",
        (..) => "first message deleted",
    };
    Some(Moment {
        at: touched.first.clone()?,
        what: what.to_owned(),
        who: None,
        from: None,
        entry: None,
        times: 1,
        marked: true,
    })
}

fn sentence(subject: &str, known: &Known, made: &MadeBy, touched: &Touched) -> String {
    let at = Timestamp::from_rfc3339(&made.at)
        .map(when)
        .unwrap_or_default();
    let did = match (touched.messages, touched.deleted, touched.outside) {
        (0, ..) => "it has touched no message".to_owned(),
        (all, 0, 0) => format!("it touched {}", count(all, "message")),
        (_, deleted, 0) => format!("it deleted {}", count(deleted, "message")),
        (_, 0, outside) => format!("it sent {} OUTSIDE", count(outside, "message")),
        (_, deleted, outside) => {
            format!(
                "it deleted {} and sent {outside} OUTSIDE",
                count(deleted, "message")
            )
        }
    };
    let more = if touched.and_more { " and more" } else { "" };
    let standing = known.standing;
    let made_it = match known.content_seq == known.made_seq {
        true => "made",
        false => "gave its present text to",
    };
    format!(
        "{} {made_it} {subject} at {at}; {did}{more}; it is {standing}.",
        made.who
    )
}

fn harm(touched: &Touched) -> Vec<String> {
    if touched.messages == 0 {
        return vec!["None: no message that came was touched by it.".to_owned()];
    }
    let moment = |text: &Option<String>| {
        let at = text.as_deref().and_then(Timestamp::from_rfc3339);
        at.map_or_else(|| "unknown".to_owned(), when)
    };
    let more = if touched.and_more { " at least" } else { "" };
    let mut lines = vec![format!(
        "{}{more}, of {}: {} deleted, {} sent outside. First {}, last {}.",
        count(touched.messages, "message"),
        count(touched.mailboxes, "mailbox"),
        touched.deleted,
        touched.outside,
        moment(&touched.first),
        moment(&touched.last),
    )];
    if touched.deleted > 0 {
        lines.push(match touched.recoverable {
            0 => "Nothing of it can be brought back any more, or all of it was.".to_owned(),
            copies => {
                let until = touched
                    .kept_until
                    .as_ref()
                    .map(|_| moment(&touched.kept_until));
                let until = until.map(|until| format!(", the first until {until}"));
                format!(
                    "{} can be brought back{}: see DO.",
                    count(copies, "deleted copy"),
                    until.unwrap_or_default()
                )
            }
        });
    }
    lines
}

fn not_known(made: &MadeBy, touched: &Touched) -> Vec<String> {
    let mut lines = made.not_known();
    if touched.outside > 0 {
        lines.push("Who read the copies outside, and where they went from there.".to_owned());
    }
    lines
}

fn steps(id: RuleId, known: &Known, made: &MadeBy, restore: Option<Step>) -> Vec<Step> {
    let mut steps = Vec::new();
    if known.removed_seq.is_none() {
        steps.push(Step::new("end it", format!("sealpost rules rm {id}")));
    }
    steps.extend(restore);
    steps.extend(made.steps());
    steps.push(Step::new(
        "every message that it touched",
        format!("sealpost trace --rule {id}"),
    ));
    steps
}
