//! Looking after what waits: who must hear that it takes long, what is given up, what a start finds
//! leased to the dead, what a clock that was wrong has put off.

use std::collections::BTreeMap;

use store::WriteTx;
use store::queue::{self, Queued, Recipient};
use types::{QueueId, Status, Timestamp};

use super::telling::{BOUNCE, EXPIRED, Ending, Subject, given_up, is_asked};
use crate::Service;
use crate::accept::AcceptError;
use crate::error::ServiceResult;
use crate::queued::{MessageParams, RecipientParams, Schedule, TRIES_MIN};
use crate::report::{End, Line};

/// Rows that are looked at together.
const ROWS_AT_ONCE: usize = 500;
/// Rounds of that in one beat.
const ROUNDS_MAX: usize = 40;
/// When something is looked at again that is over its time and has not been tried often enough.
const AGAIN_S: i64 = 600;
/// For how long a place that nothing waits for is remembered as failing.
const FORGET_S: i64 = 86_400;

/// One recipient of a message that is looked at, with what is known of its way.
struct Seen {
    row: Recipient,
    failures: u32,
    last_at: Option<Timestamp>,
    last_reply: Option<String>,
}

/// What is done about a row.
enum Look {
    /// It is given up.
    Over,
    /// Its sender hears that it takes long, if it wants to; it is looked at again then.
    Tell(Timestamp),
    /// Nothing yet; it is looked at again then.
    Later(Timestamp),
}

impl Seen {
    /// Attempts that concerned it: its own, or those of its way.
    fn tries(&self) -> u32 {
        self.row.attempts.max(self.failures)
    }

    fn look(&self, message: &Queued, now: Timestamp) -> Look {
        let is_over = now >= message.expires_at;
        match (is_over, self.row.lease.is_some(), self.tries()) {
            (true, false, TRIES_MIN..) => Look::Over,
            (true, ..) => Look::Later(now.plus_s(AGAIN_S)),
            (false, _, 0) => Look::Later(now.plus_s(AGAIN_S).min(message.expires_at)),
            (false, ..) if self.row.told => Look::Later(message.expires_at),
            (false, ..) => Look::Tell(message.expires_at),
        }
    }

    fn line(&self, end: End, message: &Queued, now: Timestamp) -> Option<Line> {
        let params = RecipientParams::from_json(&self.row.params);
        if !is_asked(params.notify(), end) {
            return None;
        }
        let (status, words) = match end {
            End::Failed => (EXPIRED, given_up(self.tries(), now, message.created_at)),
            _ => {
                let words = format!("not delivered yet, after {} attempts", self.tries());
                (Status::new(4, 4, 1), words)
            }
        };
        // The row may know what was said to it, else what was said to others on its way.
        let reply = self.row.last_reply.clone().or(self.last_reply.clone());
        let is_reply = |said: &String| said.bytes().take(3).filter(u8::is_ascii_digit).count() == 3;
        let (said, words) = match reply {
            Some(reply) if is_reply(&reply) => (Some(reply), words),
            Some(reply) => (None, format!("{words}; the last time: {reply}")),
            None => (None, words),
        };
        Some(Line {
            original: params.original(),
            said,
            last_at: self.row.last_at.or(self.last_at),
            until: (end == End::Delayed).then_some(message.expires_at),
            ..Line::here(&self.row.address, end, status, words)
        })
    }
}

impl Service {
    /// Before the first mail is sent: what was leased by a start that is no more is due again.
    pub(crate) async fn take_back_leases(&self) -> ServiceResult<()> {
        let now = self.clock().now();
        let release = move |tx: &mut WriteTx<'_>| queue::release_leases(tx, now);
        let count = self.inner.store.write_small(release).await?;
        if count > 0 {
            tracing::warn!(
                "{count} deliveries were under way when the server ended; they are tried again, \
                 and may arrive twice where the other server had taken them"
            );
        }
        Ok(())
    }

    /// Puts right what a clock that was ahead has put off.
    pub(crate) async fn mend_queue_times(&self) {
        let now = self.clock().now();
        let furthest = Schedule::new(self.config().settings()).furthest(now);
        let mend = move |tx: &mut WriteTx<'_>| queue::mend_times(tx, now, furthest);
        match self.inner.store.write_small(mend).await {
            Ok(0) => {}
            Ok(count) => {
                tracing::warn!("the clock was ahead: {count} waiting messages are due now");
            }
            Err(err) => tracing::warn!(error = %err, "the queue was not put right: {err}"),
        }
        self.inner.flights.wake();
    }

    /// Looks after what has waited long. Called at every beat.
    pub(crate) async fn look_after_queue(&self) {
        for _ in 0..ROUNDS_MAX {
            match self.look_once().await {
                Ok(ROWS_AT_ONCE) => {}
                Ok(_) => break,
                Err(err) => {
                    tracing::warn!(error = %err, "the queue was not looked after: {err}");
                    return;
                }
            }
        }
        let since = self.clock().now().plus_s(-FORGET_S);
        let forget = move |tx: &mut WriteTx<'_>| queue::forget_ways(tx, since);
        if let Err(err) = self.inner.store.write_small(forget).await {
            tracing::warn!(error = %err, "old places of the queue stay: {err}");
        }
    }

    /// One round; gives how many rows there were.
    async fn look_once(&self) -> ServiceResult<usize> {
        let now = self.clock().now();
        let read = self.inner.store.read(move |tx| {
            let page = queue::looks(tx, now, ROWS_AT_ONCE)?;
            let mut ways = BTreeMap::new();
            for (_, row) in &page.rows {
                if !ways.contains_key(&row.way) {
                    ways.insert(row.way.clone(), queue::way_state(tx, &row.way)?);
                }
            }
            Ok((page, ways))
        });
        let (page, ways) = read.await?;
        let found = page.rows.len() + page.changed_outside.len();
        let mut by_message: BTreeMap<i64, (Queued, Vec<Seen>)> = BTreeMap::new();
        for (message, row) in page.rows {
            // What was said before the message came is no reason to give it up.
            let way = ways.get(&row.way).cloned().flatten();
            let way = way.filter(|way| way.last_at > Some(message.created_at));
            let seen = Seen {
                failures: way.as_ref().map_or(0, |way| way.failures),
                last_at: way.as_ref().and_then(|way| way.last_at),
                last_reply: way.and_then(|way| way.last_reply),
                row,
            };
            let (_, rows) = by_message
                .entry(message.id)
                .or_insert_with(|| (message, Vec::new()));
            rows.push(seen);
        }
        for (message, rows) in by_message.into_values() {
            self.look_at_queued(message, rows, now).await?;
        }
        self.hold_forged(page.changed_outside).await?;
        Ok(found)
    }

    async fn look_at_queued(
        &self,
        message: Queued,
        rows: Vec<Seen>,
        now: Timestamp,
    ) -> ServiceResult<()> {
        let config = self.config();
        let (mut over, mut looked, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for seen in &rows {
            match seen.look(&message, now) {
                Look::Over => {
                    lines.extend(seen.line(End::Failed, &message, now));
                    let through = RecipientParams::from_json(&seen.row.params).through;
                    let why = seen.row.last_reply.as_ref().or(seen.last_reply.as_ref());
                    let words = format!(
                        "{}, given up after {} attempts: {}",
                        seen.row.address,
                        seen.tries(),
                        why.map_or("nobody answered", String::as_str)
                    );
                    let ending = Ending::by_hand(through, BOUNCE, &words);
                    over.push((seen.row.id, seen.row.way.clone(), ending));
                }
                Look::Tell(next) => {
                    // Who can end a rule hears of copies that fail, not of each that takes long.
                    let is_copy = MessageParams::from_json(&message.params).rule.is_some();
                    let line = seen.line(End::Delayed, &message, now);
                    lines.extend(line.filter(|_| !is_copy));
                    looked.push((seen.row.id, true, next));
                }
                Look::Later(next) => looked.push((seen.row.id, false, next)),
            }
        }
        let subject = Subject::of_queued(message);
        for seen in &rows {
            if over.iter().any(|(id, ..)| *id == seen.row.id) {
                self.count_bounce(&subject, &seen.row.address);
            }
        }
        let reports = self.reports(&config, &subject, lines).await;
        let size = config.size();
        let write = move |tx: &mut WriteTx<'_>| {
            for (id, way, ending) in &over {
                queue::remove(tx, *id, now)?;
                subject.record(tx, ending, (now, size))?;
                queue::refresh(tx, way)?;
            }
            for (id, told, next) in &looked {
                queue::looked(tx, *id, *told, *next)?;
            }
            for report in &reports {
                report.store(tx)?;
            }
            Ok::<_, AcceptError>(())
        };
        let written = self.inner.store.try_write_small(write).await;
        written.map_err(|_| crate::ServiceError::Unavailable)?;
        self.inner.flights.wake();
        Ok(())
    }

    /// Rows that somebody wrote past the server are not looked at again and again.
    async fn hold_forged(&self, ids: Vec<QueueId>) -> ServiceResult<()> {
        if ids.is_empty() {
            return Ok(());
        }
        for id in &ids {
            let text = format!("{id} in the queue was changed past the server; it is never sent");
            self.alarm("queue", &text);
        }
        let hold =
            move |tx: &mut WriteTx<'_>| queue::holding(tx, &ids, "it was changed past the server");
        self.inner.store.write_small(hold).await?;
        Ok(())
    }
}
