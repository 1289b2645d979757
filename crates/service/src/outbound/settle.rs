//! Taking back: how each recipient of a job ended, in one transaction with the record and the reports.

use std::sync::Arc;
use std::time::Duration;

use policy::Config;
use store::WriteTx;
use store::queue::{self, Deferral};
use types::{QueueId, Timestamp};

use super::Outbound;
use super::job::{Attempt, Job, JobRecipient, Outcome, Scope};
use super::telling::{BOUNCE, Ending, Subject, line};
use crate::accept::{AcceptError, OwnMail};
use crate::error::{ServiceError, ServiceResult};
use crate::metrics;
use crate::queued::{Schedule, TRIES_MIN};

/// How often what became of a job is written again if the disk has no room, and after how long.
const TRIES: u32 = 60;
const PAUSE: Duration = Duration::from_secs(1);
/// Characters of a reply that a row keeps.
const REPLY_MAX_CHARS: usize = 1_000;

/// What is written of a job.
struct Settlement {
    lease: String,
    now: Timestamp,
    config_size: u64,
    way: String,
    way_state: WayState,
    subject: Subject,
    endings: Vec<(QueueId, Ending)>,
    deferred: Vec<(QueueId, String, Timestamp)>,
    untried: Vec<QueueId>,
}

/// What the attempts say of the way.
enum WayState {
    Works,
    Failed {
        reply: String,
        /// Until when it is left in peace, by how often it failed before in a row.
        rest: Vec<Timestamp>,
    },
    Unknown,
}

impl Settlement {
    fn write(&self, tx: &mut WriteTx<'_>, reports: &[OwnMail]) -> Result<(), AcceptError> {
        for (id, ending) in &self.endings {
            queue::remove(tx, *id, self.now)?;
            let at = (self.now, self.config_size);
            self.subject.record(tx, ending, at)?;
        }
        for (id, reply, due_at) in &self.deferred {
            let deferral = Deferral {
                at: self.now,
                reply,
                due_at: *due_at,
            };
            queue::defer(tx, *id, &self.lease, &deferral)?;
        }
        for id in &self.untried {
            queue::give_back(tx, *id, &self.lease, self.now)?;
        }
        match &self.way_state {
            WayState::Unknown => {}
            WayState::Works => {
                queue::works(tx, &self.way)?;
            }
            WayState::Failed { reply, rest } => self.rest_way(tx, reply, rest)?,
        }
        queue::refresh(tx, &self.way)?;
        for report in reports {
            report.store(tx)?;
        }
        Ok(())
    }

    /// Leaves the way in peace, unless another job that was under way has brought that about already.
    fn rest_way(
        &self,
        tx: &mut WriteTx<'_>,
        reply: &str,
        rest: &[Timestamp],
    ) -> Result<(), AcceptError> {
        let known = queue::way_state(tx, &self.way)?;
        let rests = known.as_ref().is_some_and(|way| way.quiet_until > self.now);
        let failures = known.map_or(0, |way| way.failures) as usize;
        if let (false, Some(until)) = (rests, rest.get(failures.min(rest.len().saturating_sub(1))))
        {
            queue::failed(tx, &self.way, (self.now, reply), *until)?;
        }
        Ok(())
    }
}

impl Outbound {
    /// Takes back a job with how its recipients ended; those of which nothing is said were not
    /// tried and are due at once. When this returns, what became of them, the record of it and the
    /// reports about it are durable together.
    pub async fn settle(&self, job: Job, attempts: Vec<Attempt>) -> ServiceResult<()> {
        let service = &self.service;
        let config = service.config();
        let (settlement, lines) = self.settlement(&config, &job, &attempts);
        let reports = service.reports(&config, &settlement.subject, lines).await;
        for (id, ending) in &settlement.endings {
            let recipient = job.recipients.iter().find(|one| one.id == *id);
            let message = &job.message;
            tracing::info!(message.id = %message, "{message} {}: {}", ending.action, ending.target);
            if let (BOUNCE, Some(recipient)) = (ending.action, recipient) {
                service.count_bounce(&settlement.subject, &recipient.address);
            }
        }
        let (settlement, reports) = (Arc::new(settlement), Arc::new(reports));
        self.write(settlement, reports).await
    }

    async fn write(
        &self,
        settlement: Arc<Settlement>,
        mut reports: Arc<Vec<OwnMail>>,
    ) -> ServiceResult<()> {
        let mut tries = 0;
        loop {
            let (now, told) = (Arc::clone(&settlement), Arc::clone(&reports));
            let write = move |tx: &mut WriteTx<'_>| now.write(tx, &told);
            let store = &self.service.inner.store;
            match store.try_write_small(write).await {
                Ok(()) => return Ok(()),
                // What was sent must not be sent again because there is no room to note it.
                Err(AcceptError::NoSpace | AcceptError::Unavailable)
                    if tries < TRIES && self.service.failure().is_none() =>
                {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(err) if !reports.is_empty() => {
                    let about = &settlement.subject.message;
                    tracing::warn!(message.id = %about, "no report about {about}: {err}");
                    reports = Arc::default();
                }
                Err(_) => return Err(ServiceError::Unavailable),
            }
        }
    }

    /// What is to be written of a job, and what its sender is to read.
    fn settlement(
        &self,
        config: &Config,
        job: &Job,
        attempts: &[Attempt],
    ) -> (Settlement, Vec<crate::report::Line>) {
        let service = &self.service;
        let now = service.clock().now();
        let schedule = Schedule::new(config.settings());
        let random = &service.inner.random;
        let mut settlement = Settlement {
            lease: self.lease(),
            now,
            config_size: config.size(),
            way: job.way.clone(),
            way_state: way_state(attempts, |failures| schedule.next(now, failures, random)),
            subject: Subject::of_job(job),
            endings: Vec::new(),
            deferred: Vec::new(),
            untried: Vec::new(),
        };
        let mut lines = Vec::new();
        // Recipients of one message that wait together are tried together again.
        let mut due_by_attempts = std::collections::BTreeMap::new();
        for recipient in &job.recipients {
            let Some(attempt) = attempts.iter().find(|attempt| attempt.id == recipient.id) else {
                settlement.untried.push(recipient.id);
                continue;
            };
            count(service.metrics(), &attempt.outcome);
            let tried = recipient.attempts.saturating_add(1);
            match &attempt.outcome {
                Outcome::Deferred(failure) if !is_over(job, recipient, now) => {
                    let due_at = *due_by_attempts
                        .entry(tried)
                        .or_insert_with(|| schedule.next(now, tried, random));
                    let said = failure.cause.to_string();
                    let said: String = said.chars().take(REPLY_MAX_CHARS).collect();
                    settlement.deferred.push((recipient.id, said, due_at));
                }
                outcome => {
                    let given_up = matches!(outcome, Outcome::Deferred(_));
                    let ending = Ending::of(attempt, recipient, given_up);
                    settlement.endings.push((recipient.id, ending));
                    lines.extend(line(attempt, recipient, now, job.accepted_at));
                }
            }
        }
        (settlement, lines)
    }
}

/// Whether a message is given up for a recipient whom another attempt has failed to reach.
fn is_over(job: &Job, recipient: &JobRecipient, now: Timestamp) -> bool {
    now >= job.ticket.expires_at && recipient.attempts.saturating_add(1) >= TRIES_MIN
}

fn way_state(attempts: &[Attempt], rest: impl Fn(u32) -> Timestamp) -> WayState {
    /// Failures in a row after which the rest grows no longer.
    const FAILURES_MAX: u32 = 20;
    let scope = |attempt: &Attempt| match &attempt.outcome {
        Outcome::Delivered(_) => (Scope::Message, None),
        Outcome::Refused(failure) | Outcome::Deferred(failure) => {
            (failure.scope, Some(failure.cause.to_string()))
        }
    };
    let mut found = WayState::Unknown;
    for attempt in attempts {
        match scope(attempt) {
            (Scope::Message, _) => return WayState::Works,
            (Scope::Destination, reply) => {
                found = WayState::Failed {
                    reply: reply
                        .unwrap_or_default()
                        .chars()
                        .take(REPLY_MAX_CHARS)
                        .collect(),
                    rest: (1..=FAILURES_MAX).map(&rest).collect(),
                };
            }
        }
    }
    found
}

fn count(metrics: &crate::Metrics, outcome: &Outcome) {
    metrics.sent(match outcome {
        Outcome::Delivered(_) => metrics::Outcome::Accepted,
        Outcome::Refused(_) => metrics::Outcome::Refused,
        Outcome::Deferred(_) => metrics::Outcome::Deferred,
    });
}
