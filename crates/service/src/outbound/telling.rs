//! What is told of mail that left, or could not: to the record, and to who must hear it.

use std::sync::Arc;

use policy::Config;
use serde_json::json;
use store::fate::{self, Fate};
use store::{BlobRef, StoreResult, WriteTx};
use types::{Address, Notify, Ret, RuleId, Status, Timestamp};

use super::job::{Attempt, Cause, Job, JobRecipient, Outcome};
use crate::Service;
use crate::accept::{Came, OwnMail, postmaster};
use crate::queued::MessageParams;
use crate::report::{End, Line, RETURNED_MAX_OCTETS, Report};

/// Words of a fate for what was done.
pub(super) const SENT: &str = "sent";
pub(super) const BOUNCE: &str = "bounce";
pub(super) const DROP: &str = "drop";
/// Octets of what a fate says about its end.
const TARGET_MAX_OCTETS: usize = 500;
/// What programs read of mail that was given up (RFC 3463 §3.5).
pub(super) const EXPIRED: Status = Status::new(5, 4, 7);

/// A message that something became of.
#[derive(Clone)]
pub(super) struct Subject {
    pub(super) message: String,
    pub(super) reverse_path: String,
    pub(super) params: MessageParams,
    pub(super) head: Vec<u8>,
    pub(super) body: BlobRef,
    pub(super) accepted_at: Timestamp,
}

/// How it ended for one recipient, for the record.
#[derive(Clone)]
pub(super) struct Ending {
    /// The recipient of the envelope through which it was reached.
    pub(super) through: String,
    pub(super) action: &'static str,
    /// In words.
    pub(super) target: String,
    /// For programs.
    pub(super) outcome: serde_json::Value,
}

impl Subject {
    pub(super) fn of_job(job: &Job) -> Self {
        Self {
            message: job.message.clone(),
            reverse_path: (job.reverse_path.address())
                .map(ToString::to_string)
                .unwrap_or_default(),
            params: job.ticket.params.clone(),
            head: job.head.clone(),
            body: job.body,
            accepted_at: job.accepted_at,
        }
    }

    pub(super) fn of_queued(queued: store::queue::Queued) -> Self {
        Self {
            reverse_path: store::queue::sender_text(&queued),
            params: MessageParams::from_json(&queued.params),
            message: queued.message,
            head: queued.head,
            body: queued.body,
            accepted_at: queued.created_at,
        }
    }

    /// Records how it ended for a recipient.
    pub(super) fn record(
        &self,
        tx: &mut WriteTx<'_>,
        ending: &Ending,
        (at, config_size): (Timestamp, u64),
    ) -> StoreResult<()> {
        let fate = Fate {
            message: self.message.clone(),
            at,
            config_size,
            account: None,
            recipient: ending.through.clone(),
            action: ending.action.to_owned(),
            target: ending.target.clone(),
            rules: b"[]".to_vec(),
            session: self.params.session,
            credential: self.params.credential,
            size: self.head.len() as u64 + self.body.octets(),
            reverse_path: self.reverse_path.clone(),
            message_id: self.params.message_id.clone(),
            params: None,
            outcome: Some(ending.outcome.to_string().into_bytes()),
        };
        let rules: Vec<_> = self.params.rule.iter().cloned().collect();
        fate::insert(tx, &fate, &rules)
    }

    /// The rule that made it.
    pub(super) fn rule(&self) -> Option<RuleId> {
        let (id, _) = self.params.rule.as_deref()?.split_once('@')?;
        id.parse().ok()
    }
}

impl Ending {
    /// How an attempt ended that is not made again.
    pub(super) fn of(attempt: &Attempt, recipient: &JobRecipient, given_up: bool) -> Self {
        let to = &recipient.address;
        let by = server(attempt).map(|server| format!(" by {server}"));
        let by = by.unwrap_or_default();
        let over = attempt.tls.as_ref().map(|tls| format!(" over {tls}"));
        let over = over.unwrap_or_default();
        let (action, target) = match &attempt.outcome {
            Outcome::Delivered(reply) => (SENT, format!("{to}, taken{by}{over}: {reply}")),
            Outcome::Refused(failure) => match &failure.cause {
                Cause::Reply(reply) => (BOUNCE, format!("{to}, refused{by}{over}: {reply}")),
                Cause::Local { words, .. } => (BOUNCE, format!("{to}: {words}")),
            },
            Outcome::Deferred(failure) => {
                let times = recipient.attempts + 1;
                let words = format!("{to}, given up after {times} attempts: {}", failure.cause);
                (BOUNCE, words)
            }
        };
        Self {
            through: recipient.through.clone(),
            action,
            target: cut(&target),
            outcome: json!({
                "to": to,
                "host": attempt.host,
                "address": attempt.address,
                "tls": attempt.tls,
                "reply": said(&attempt.outcome),
                "status": attempt.outcome.status().to_string(),
                "attempts": recipient.attempts + 1,
                "before": recipient.last_reply,
                "given_up": given_up,
            }),
        }
    }

    /// How it ended without an attempt, such as by somebody's hand.
    pub(super) fn by_hand(through: String, action: &'static str, words: &str) -> Self {
        Self {
            through,
            action,
            outcome: json!({ "why": words }),
            target: cut(words),
        }
    }
}

/// What the other server said, or else why there was none.
fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered(reply) => reply.to_string(),
        Outcome::Refused(failure) | Outcome::Deferred(failure) => failure.cause.to_string(),
    }
}

/// The other server, as people read it.
fn server(attempt: &Attempt) -> Option<String> {
    match (&attempt.host, attempt.address) {
        (Some(host), Some(address)) => Some(format!("{host} ({address})")),
        (Some(host), None) => Some(host.clone()),
        (None, Some(address)) => Some(address.to_string()),
        (None, None) => None,
    }
}

fn cut(text: &str) -> String {
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= TARGET_MAX_OCTETS).last();
    text[..end.unwrap_or(0)].to_owned()
}

/// Whether a failure is to be reported, or a delay, or success (RFC 3461 §4.1).
pub(super) fn is_asked(notify: Option<Notify>, end: End) -> bool {
    match end {
        End::Failed => notify.is_none_or(|notify| notify.failure),
        End::Delayed => notify.is_none_or(|notify| notify.delay),
        End::Delivered | End::Relayed => notify.is_some_and(|notify| notify.success),
    }
}

/// What the sender reads of an attempt that ended it, if it asked for that.
pub(super) fn line(
    attempt: &Attempt,
    recipient: &JobRecipient,
    at: Timestamp,
    accepted_at: Timestamp,
) -> Option<Line> {
    let (end, status, words, cause) = match &attempt.outcome {
        Outcome::Delivered(_) if attempt.reports => return None,
        Outcome::Delivered(_) => (
            End::Relayed,
            Status::new(2, 0, 0),
            "handed on to a server that does not report whether it reaches the mailbox".to_owned(),
            None,
        ),
        Outcome::Refused(failure) => {
            let words = match &failure.cause {
                Cause::Reply(_) => "not delivered: the other server refused it".to_owned(),
                Cause::Local { words, .. } => format!("not delivered: {words}"),
            };
            let status = attempt.outcome.status();
            (End::Failed, status, words, Some(&failure.cause))
        }
        Outcome::Deferred(failure) => {
            let times = recipient.attempts + 1;
            let words = given_up(times, at, accepted_at);
            (End::Failed, EXPIRED, words, Some(&failure.cause))
        }
    };
    if !is_asked(recipient.notify, end) {
        return None;
    }
    let (said, words) = match cause {
        Some(Cause::Reply(reply)) => (Some(reply.to_string()), words),
        Some(Cause::Local { words: why, .. }) if status == EXPIRED => {
            (None, format!("{words}; the last time: {why}"))
        }
        _ => (None, words),
    };
    Some(Line {
        original: recipient.original.clone(),
        said,
        host: server(attempt),
        last_at: Some(at),
        ..Line::here(&recipient.address, end, status, words)
    })
}

/// That it was given up, in words.
pub(super) fn given_up(times: u32, at: Timestamp, accepted_at: Timestamp) -> String {
    let hours = at.seconds().saturating_sub(accepted_at.seconds()) / 3_600;
    let time = match hours {
        0..=47 => format!("{hours} hours"),
        _ => format!("{} days", hours / 24),
    };
    format!("not delivered: it was tried {times} times within {time}, and is given up")
}

impl Service {
    /// The reports about what became of a message, for those who must hear it; none for what has no
    /// sender, so that no report answers a report.
    pub(super) async fn reports(
        &self,
        config: &Arc<Config>,
        subject: &Subject,
        lines: Vec<Line>,
    ) -> Vec<OwnMail> {
        let Some(first) = subject.params.report_to.clone() else {
            return Vec::new();
        };
        if lines.is_empty() {
            return Vec::new();
        }
        let mut to = vec![first];
        let foreword = self.foreword(config, subject);
        if subject.rule().is_some() {
            let admins = postmaster(to[0].domain()).filter(|admins| *admins != to[0]);
            to.extend(admins);
        }
        let failed = lines.iter().any(|line| line.end == End::Failed);
        let whole = failed
            && subject.params.ret() == Some(Ret::Full)
            && foreword.is_empty()
            && subject.body.octets() <= RETURNED_MAX_OCTETS;
        let body = match whole {
            true => self.inner.store.read_blob(subject.body).await.ok(),
            false => None,
        };
        let came = Came {
            session: subject.params.session,
            ..Came::default()
        };
        let (mut reports, envelope_id) = (Vec::new(), subject.params.envelope_id());
        for to in &to {
            let id = self.message_token();
            let report = Report {
                host: &self.host_name(),
                id: &id,
                at: self.clock().now(),
                to,
                envelope_id: envelope_id.as_ref(),
                arrived_at: subject.accepted_at,
                foreword: foreword.clone(),
                lines: lines.clone(),
                head: &subject.head,
                body: body.clone(),
            };
            match self.own_mail(config, &came, (&id, to), &report.compose()) {
                Ok(own) => reports.push(own),
                Err(err) => {
                    let about = &subject.message;
                    tracing::warn!(message.id = %about, "no report about {about} for {to}: {err}");
                }
            }
        }
        reports
    }

    /// What the reader of a report must know first, if it did not write the message.
    fn foreword(&self, config: &Config, subject: &Subject) -> Vec<String> {
        let reader = subject.params.report_to.as_ref();
        if let Some(id) = subject.rule() {
            let name = config.rule(id).map(|rule| format!(" (\"{}\")", rule.name));
            return vec![format!(
                "Rule {id}{} of this server sent a copy of a message on. This is about that copy; \
                 who wrote the message is not told. To see or change the rule: sealpost explain rule \
                 {id}",
                name.unwrap_or_default()
            )];
        }
        let is_own = reader.map(Address::to_string).as_deref() == Some(&subject.reverse_path);
        if is_own {
            return Vec::new();
        }
        vec![format!(
            "A message from <{}> was to be passed on to an address outside. You are told as the \
             postmaster: its sender did not sign in here and may be forged, so nothing is written \
             there.",
            subject.reverse_path
        )]
    }

    /// Counts a copy of a rule that came back, and says aloud if there are too many.
    pub(super) fn count_bounce(&self, subject: &Subject, to: &Address) {
        let Some(rule) = subject.rule() else { return };
        if self.inner.bounces.count(rule, to, self.clock().now()) {
            let text = format!(
                "copies that rule {rule} sends to {to} come back, five within this hour; \
                 sealpost explain rule {rule}"
            );
            self.alarm("R8", &text);
        }
    }
}
