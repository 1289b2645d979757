//! The queue for those who look after the server: what waits and why, and what can be done about it.

use std::sync::Arc;

use policy::Right;
use serde::{Deserialize, Serialize};
use store::queue::{self, Filter, Queued, Recipient, WayState};
use store::{NewEmail, ReadTx, Reason, Removal, WriteTx};
use types::{Address, FlagSet, MailboxName, QueueId, Status, Timestamp};

use super::telling::{BOUNCE, DROP, Ending, Subject, is_asked};
use crate::Service;
use crate::accept::AcceptError;
use crate::activity::{About, Record};
use crate::actor::Actor;
use crate::error::{ServiceError, ServiceResult};
use crate::explain::when;
use crate::mailbox::describe;
use crate::queued::{MessageParams, RecipientParams};
use crate::report::{End, Line};

/// Rows that one question lists, and that one step of an act touches.
pub const QUEUE_ROWS_MAX: usize = 1_000;
/// Octets of a dropped message that is kept; a larger one is let go for good.
const KEPT_MAX_OCTETS: u64 = 64 * 1_048_576;
const DAY_S: i64 = 86_400;

/// Which rows of the queue; what is not said asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueWanted {
    /// Those of these numbers, such as `q_12`.
    #[serde(default)]
    pub ids: Vec<QueueId>,
    /// Those of the message of this id, which its sender was told.
    pub message: Option<String>,
    /// Those that go there: a domain, or the host and port of a route.
    pub destination: Option<String>,
    /// Those with this sender of the envelope; `<>` for what has none.
    pub sender: Option<String>,
    /// Those for this recipient.
    pub recipient: Option<Address>,
    /// Only those that are held.
    #[serde(default)]
    pub held: bool,
    /// Those behind the row of this number.
    pub after: Option<QueueId>,
}

/// One recipient that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueRow {
    /// Its number.
    pub id: QueueId,
    /// The id of the message.
    pub message: String,
    /// The sender of the envelope; empty if it has none.
    pub from: String,
    /// The recipient.
    pub to: Address,
    /// Where it goes.
    pub destination: String,
    /// `waiting`, `trying` or `held`.
    pub state: String,
    /// When it was accepted, RFC 3339.
    pub accepted: String,
    /// When it is tried next, RFC 3339; none while it is tried or held.
    pub next: Option<String>,
    /// When it is given up, RFC 3339.
    pub until: String,
    /// Attempts so far.
    pub attempts: u32,
    /// What was said last.
    pub reply: Option<String>,
    /// Why it is held.
    pub held: Option<String>,
    /// Size of the message.
    pub octets: u64,
    /// The rule that made it.
    pub rule: Option<String>,
}

/// Why something waits, in words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueWhy {
    /// What waits.
    pub row: QueueRow,
    /// One sentence each.
    pub why: Vec<String>,
}

/// What can be done with what waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueAct {
    /// It is not tried until somebody releases it, for this reason.
    Hold(String),
    /// What is held goes on.
    Release,
    /// It is tried at once.
    Retry,
    /// It is given up, and its sender told.
    Fail,
    /// It is taken out, and nobody told.
    Drop,
}

/// What an act came to, or would.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct QueueActed {
    /// Recipients that it concerns.
    pub count: usize,
    /// Their messages.
    pub messages: usize,
    /// Of these recipients, those that are being tried just now and stay as they are.
    pub under_way: usize,
    /// Of the messages, those that belong to no account, so that dropping them is for good.
    pub of_nobody: usize,
    /// Some of the recipients.
    pub some: Vec<String>,
}

/// Recipients that an act names.
const NAMED_MAX: usize = 5;

impl QueueAct {
    /// The word for the record.
    fn word(&self) -> &'static str {
        match self {
            Self::Hold(_) => "hold",
            Self::Release => "release",
            Self::Retry => "retry",
            Self::Fail => "fail",
            Self::Drop => "drop",
        }
    }

    /// Whether it concerns a row at all, and whether it must wait because it is being tried.
    fn concerns(&self, row: &Recipient) -> bool {
        match self {
            Self::Hold(_) | Self::Retry => row.held.is_none(),
            Self::Release => row.held.is_some(),
            Self::Fail | Self::Drop => true,
        }
    }

    fn waits_for(&self, row: &Recipient) -> bool {
        row.lease.is_some() && matches!(self, Self::Retry | Self::Fail | Self::Drop)
    }
}

impl QueueWanted {
    fn filter(&self) -> Filter {
        Filter {
            way: self.destination.clone(),
            sender: (self.sender.as_deref())
                .map(|sender| sender.trim_matches(['<', '>']).to_owned()),
            recipient: self.recipient.as_ref().map(ToString::to_string),
            message: self.message.clone(),
            held: self.held.then_some(true),
            after: self.after.map_or(0, |id| id.0),
        }
    }

    /// The rows, [`QUEUE_ROWS_MAX`] at most; a number that is not there is an error.
    fn read(&self, tx: &ReadTx<'_>) -> ServiceResult<Vec<(Queued, Recipient)>> {
        if self.ids.is_empty() {
            return Ok(queue::list(tx, &self.filter(), QUEUE_ROWS_MAX)?.rows);
        }
        let mut rows = Vec::new();
        let after = self.after.map_or(0, |id| id.0);
        for id in self.ids.iter().take(QUEUE_ROWS_MAX) {
            let found = queue::find(tx, *id)?;
            let found = found.ok_or(ServiceError::NotFound(
                "message of this number in the queue",
            ))?;
            rows.push(found);
        }
        rows.retain(|(_, row)| row.id.0 > after);
        Ok(rows)
    }
}

impl Service {
    /// What waits, oldest first, at most [`QUEUE_ROWS_MAX`] recipients.
    pub async fn queue_list(
        &self,
        actor: &Actor,
        wanted: QueueWanted,
    ) -> ServiceResult<Vec<QueueRow>> {
        self.may_on_server(actor, &Right::ManageServer)?;
        let read = (self.inner.store).read(move |tx| Ok(wanted.read(tx)));
        let rows = read.await??;
        Ok(rows.iter().map(|(of, row)| queue_row(of, row)).collect())
    }

    /// Why something waits.
    pub async fn queue_why(
        &self,
        actor: &Actor,
        wanted: QueueWanted,
    ) -> ServiceResult<Vec<QueueWhy>> {
        self.may_on_server(actor, &Right::ManageServer)?;
        let read = self.inner.store.read(move |tx| {
            let rows = match wanted.read(tx) {
                Ok(rows) => rows,
                Err(err) => return Ok(Err(err)),
            };
            let mut found = Vec::new();
            for (of, row) in rows {
                let way = queue::way_state(tx, &row.way)?;
                found.push((of, row, way));
            }
            Ok(Ok(found))
        });
        let now = self.clock().now();
        let rows = read.await??.into_iter();
        Ok(rows
            .map(|(of, row, way)| QueueWhy {
                why: why(&of, &row, way.as_ref(), now),
                row: queue_row(&of, &row),
            })
            .collect())
    }

    /// Does something with what waits, or says what that would concern. The record of it is durable
    /// before it is done.
    pub async fn queue_act(
        &self,
        actor: &Actor,
        act: QueueAct,
        wanted: QueueWanted,
        dry_run: bool,
    ) -> ServiceResult<QueueActed> {
        self.may_on_server(actor, &Right::ManageServer)?;
        let acted = self.queue_count(&act, wanted.clone()).await?;
        if dry_run || acted.count == 0 {
            return Ok(acted);
        }
        let record = Record::QueueActed {
            act: act.word(),
            count: acted.count,
            some: acted.some.clone(),
            by: actor.name(),
        };
        self.record_first(&About::default(), &record).await?;
        let mut wanted = wanted;
        loop {
            let (step, asked) = (act.clone(), wanted.clone());
            let read = (self.inner.store).read(move |tx| Ok(asked.read(tx)));
            let mut rows = match read.await? {
                Ok(rows) => rows,
                // Somebody else was faster, or it has arrived meanwhile.
                Err(ServiceError::NotFound(_)) => break,
                Err(err) => return Err(err),
            };
            let last = rows.last().map(|(_, row)| row.id);
            rows.retain(|(_, row)| step.concerns(row) && !step.waits_for(row));
            self.queue_step(&step, rows).await?;
            match last {
                Some(last) => wanted.after = Some(last),
                None => break,
            }
        }
        self.inner.flights.wake();
        Ok(acted)
    }

    /// What an act would concern.
    async fn queue_count(&self, act: &QueueAct, wanted: QueueWanted) -> ServiceResult<QueueActed> {
        let act = act.clone();
        let read = self.inner.store.read(move |tx| {
            let mut acted = QueueActed::default();
            let mut wanted = wanted;
            let mut messages = std::collections::BTreeSet::new();
            loop {
                let rows = match wanted.read(tx) {
                    Ok(rows) => rows,
                    Err(err) => return Ok(Err(err)),
                };
                let Some((_, last)) = rows.last() else { break };
                wanted.after = Some(last.id);
                for (of, row) in rows.iter().filter(|(_, row)| act.concerns(row)) {
                    if act.waits_for(row) {
                        acted.under_way += 1;
                        continue;
                    }
                    acted.count += 1;
                    let is_new = messages.insert(of.id);
                    acted.of_nobody += usize::from(is_new && of.account.is_none());
                    if acted.some.len() < NAMED_MAX {
                        acted.some.push(format!("{} to {}", row.id, row.address));
                    }
                }
            }
            acted.messages = messages.len();
            Ok(Ok(acted))
        });
        read.await?
    }

    async fn queue_step(
        &self,
        act: &QueueAct,
        rows: Vec<(Queued, Recipient)>,
    ) -> ServiceResult<()> {
        let now = self.clock().now();
        let ids: Vec<_> = rows.iter().map(|(_, row)| row.id).collect();
        let act = act.clone();
        let store = &self.inner.store;
        match act {
            QueueAct::Hold(why) => {
                let hold = move |tx: &mut WriteTx<'_>| queue::holding(tx, &ids, &why);
                store.write_small(hold).await?;
            }
            QueueAct::Release => {
                let release = move |tx: &mut WriteTx<'_>| queue::unholding(tx, &ids, now);
                store.write_small(release).await?;
            }
            QueueAct::Retry => {
                let retry = move |tx: &mut WriteTx<'_>| queue::retrying(tx, &ids, now);
                store.write_small(retry).await?;
            }
            QueueAct::Fail | QueueAct::Drop => {
                let tells = act == QueueAct::Fail;
                // Rows of one message lie together, since they are in the order of their numbers.
                let mut rows = rows.into_iter().peekable();
                while let Some((of, row)) = rows.next() {
                    let mut together = vec![row];
                    while let Some((_, row)) = rows.next_if(|(next, _)| next.id == of.id) {
                        together.push(row);
                    }
                    self.take_out(of, together, tells).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes recipients of a message out of the queue: its sender is told, or the message is kept
    /// among the removed mail of its account.
    async fn take_out(&self, of: Queued, rows: Vec<Recipient>, tells: bool) -> ServiceResult<()> {
        let (config, now) = (self.config(), self.clock().now());
        let kept = match (tells, of.account) {
            (false, Some(account)) if of.octets() <= KEPT_MAX_OCTETS => {
                Some((account, self.as_removed_mail(&of, now).await?))
            }
            _ => None,
        };
        let days = i64::try_from(config.settings().recoverable_operator_days).unwrap_or(i64::MAX);
        let removal = Removal {
            reason: Reason::Operator,
            rule: None,
            at: now,
            until: now.plus_s(days.saturating_mul(DAY_S)),
        };
        let subject = Subject::of_queued(of);
        let lines = rows.iter().filter(|_| tells).filter_map(failed_by_hand);
        let reports = self.reports(&config, &subject, lines.collect()).await;
        let size = config.size();
        let (subject, reports) = (Arc::new(subject), Arc::new(reports));
        let write = move |tx: &mut WriteTx<'_>| {
            if let Some((account, new)) = &kept {
                store::recoverable::keep(tx, *account, &MailboxName::inbox(), new, &removal)?;
            }
            for row in &rows {
                queue::remove(tx, row.id, now)?;
                let through = RecipientParams::from_json(&row.params).through;
                let (action, words) = match tells {
                    true => (BOUNCE, format!("{}, given up by hand", row.address)),
                    false => (
                        DROP,
                        format!("{}, taken out of the queue by hand", row.address),
                    ),
                };
                let ending = Ending::by_hand(through, action, &words);
                subject.record(tx, &ending, (now, size))?;
                queue::refresh(tx, &row.way)?;
            }
            for report in reports.iter() {
                report.store(tx)?;
            }
            Ok::<_, AcceptError>(())
        };
        let written = self.inner.store.try_write_small(write).await;
        written.map_err(|_| ServiceError::Unavailable)
    }

    /// A message of the queue as one of the removed mail of its account.
    async fn as_removed_mail(&self, of: &Queued, now: Timestamp) -> ServiceResult<NewEmail> {
        let body = self.inner.store.read_blob(of.body).await?;
        let whole = [of.head.as_slice(), &body].concat();
        let described = tokio::task::spawn_blocking(move || describe(&whole)).await;
        let described = described.map_err(|_| ServiceError::Unavailable)?;
        Ok(NewEmail {
            blob: of.body.id,
            head: of.head.clone(),
            received_at: of.created_at,
            saved_at: now,
            thread: None,
            envelope: described.envelope,
            bodystructure: described.bodystructure,
            preview: described.preview,
            flags: FlagSet::default(),
            keywords: Vec::new(),
        })
    }
}

fn failed_by_hand(row: &Recipient) -> Option<Line> {
    let params = RecipientParams::from_json(&row.params);
    let words = "not delivered: whoever runs this server has stopped it";
    let status = Status::new(5, 0, 0);
    let line = Line {
        original: params.original(),
        last_at: row.last_at,
        ..Line::here(&row.address, End::Failed, status, words.to_owned())
    };
    is_asked(params.notify(), End::Failed).then_some(line)
}

fn queue_row(of: &Queued, row: &Recipient) -> QueueRow {
    let state = match (&row.held, &row.lease) {
        (Some(_), _) => "held",
        (None, Some(_)) => "trying",
        (None, None) => "waiting",
    };
    QueueRow {
        id: row.id,
        message: of.message.clone(),
        from: queue::sender_text(of),
        to: row.address.clone(),
        destination: row.way.clone(),
        state: state.to_owned(),
        accepted: of.created_at.to_rfc3339(),
        next: (state == "waiting").then(|| row.due_at.to_rfc3339()),
        until: of.expires_at.to_rfc3339(),
        attempts: row.attempts,
        reply: row.last_reply.clone(),
        held: row.held.clone(),
        octets: of.octets(),
        rule: MessageParams::from_json(&of.params).rule,
    }
}

/// Why a row waits, one sentence each.
fn why(of: &Queued, row: &Recipient, way: Option<&WayState>, now: Timestamp) -> Vec<String> {
    let mut lines = vec![format!("Accepted {}.", when(of.created_at))];
    if let Some(rule) = MessageParams::from_json(&of.params).rule {
        lines.push(format!("Rule {rule} made this copy."));
    }
    let quiet = way.filter(|way| way.failures > 0);
    if let Some(way) = quiet {
        let said = way.last_reply.as_deref().unwrap_or("nothing");
        let last = way.last_at.map(when).unwrap_or_default();
        lines.push(format!(
            "{} failed for all mail {}, last {last}: {said}",
            way.way,
            times(way.failures)
        ));
    }
    match (row.attempts, row.last_at) {
        (0, _) | (_, None) => lines.push("This message was not tried yet.".to_owned()),
        (tried, Some(last)) => {
            let said = row.last_reply.as_deref().unwrap_or("nothing");
            let tried = times(tried);
            lines.push(format!("Tried {tried}, last {}: {said}", when(last)));
        }
    }
    if let Some(held) = &row.held {
        let id = row.id;
        lines.push(format!(
            "Held back: {held}. To let it go on: sealpost queue release {id}"
        ));
        return lines;
    }
    let rests = quiet.filter(|way| way.quiet_until > now);
    lines.push(match (&row.lease, rests) {
        (Some(_), _) => "It is being tried just now.".to_owned(),
        (None, Some(way)) => format!(
            "Left in peace until {}; then one message finds out whether it is back. To try at once: \
             sealpost queue retry --destination {}",
            when(way.quiet_until),
            way.way
        ),
        (None, None) if row.due_at <= now => "It is due and waits for its turn.".to_owned(),
        (None, None) => format!("Tried next {}.", when(row.due_at)),
    });
    let told = match MessageParams::from_json(&of.params).report_to {
        Some(to) => format!("{to} is told"),
        None => "nobody is told".to_owned(),
    };
    lines.push(format!("Given up {}; {told} then.", when(of.expires_at)));
    lines
}

fn times(number: u32) -> String {
    match number {
        1 => "once".to_owned(),
        number => format!("{number} times"),
    }
}
