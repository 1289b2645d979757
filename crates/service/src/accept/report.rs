//! Reports to our own senders about what became of their message (RFC 3461, RFC 3464).
//!
//! A report goes only to who signed in to send the message: to anybody else it could be sent in
//! the name of somebody who never wrote. It is stored before the sender hears that its message was
//! taken, so none is lost.

use std::sync::Arc;

use policy::Config;
use types::{Notify, Ret, ReversePath, Status};

use super::Came;
use super::deliver::{Outcome, Settled};
use super::envelope::Envelope;
use crate::Service;
use crate::message::FinishedBody;
use crate::report::{End, Line, RETURNED_MAX_OCTETS, Report, one_line};

impl Service {
    /// Tells the sender what it asked to be told. Trouble with that is ours, not the message's.
    pub(super) async fn report_to_sender(
        &self,
        config: &Arc<Config>,
        envelope: &Envelope,
        settled: &Settled,
        original: &FinishedBody,
    ) {
        let ReversePath::Address(to) = &envelope.reverse_path else {
            return;
        };
        if envelope.client.principal.is_none() {
            return;
        }
        let lines = reported(envelope, settled);
        if lines.is_empty() {
            return;
        }
        let (id, now) = (self.message_token(), self.clock().now());
        let failed = lines.iter().any(|line| line.end == End::Failed);
        let whole = envelope.wishes.dsn.ret == Some(Ret::Full)
            && failed
            && original.octets() <= RETURNED_MAX_OCTETS;
        let body = whole.then(|| original.body.read_all()).transpose();
        let done = match body {
            Ok(body) => {
                let report = Report {
                    host: &self.host_name(),
                    id: &id,
                    at: now,
                    to,
                    envelope_id: envelope.wishes.dsn.envelope_id.as_ref(),
                    arrived_at: now,
                    foreword: Vec::new(),
                    lines,
                    head: &original.head,
                    body,
                };
                let came = Came::by(&envelope.client);
                self.deliver_own(config, &came, (&id, to), &report.compose())
                    .await
            }
            Err(err) => Err(err.to_string()),
        };
        match done {
            Ok(()) => {
                tracing::info!(message.id = %settled.id, "reported {} to {to} as {id}", settled.id);
            }
            Err(err) => {
                tracing::warn!(message.id = %settled.id, "no report about {} for {to}: {err}", settled.id);
            }
        }
    }
}

/// The recipients that the sender is to hear of: delivered if it asked for that, refused unless it
/// declined (RFC 3461 §5.2). Who hears of each recipient in the session needs no report of refusal.
fn reported(envelope: &Envelope, settled: &Settled) -> Vec<Line> {
    let all = envelope.recipients.iter().zip(&settled.outcomes);
    let is_told = |notify: Option<Notify>| {
        !envelope.wishes.per_recipient && notify.is_none_or(|notify| notify.failure)
    };
    all.filter_map(|(recipient, outcome)| {
        let notify = recipient.dsn.notify;
        let (end, status, words, is_asked) = match outcome {
            Outcome::Stored => (
                End::Delivered,
                Status::new(2, 0, 0),
                "delivered to the mailbox".to_owned(),
                notify.is_some_and(|notify| notify.success),
            ),
            Outcome::Refused => (
                End::Failed,
                Status::new(5, 2, 2),
                "not delivered, the mailbox is full".to_owned(),
                is_told(notify),
            ),
            Outcome::Rejected(reason) => (
                End::Failed,
                Status::new(5, 7, 1),
                format!("not delivered: {}", one_line(reason)),
                is_told(notify),
            ),
            Outcome::Outside => return None,
        };
        let line = Line {
            original: recipient.dsn.original.clone(),
            ..Line::here(&recipient.address, end, status, words)
        };
        is_asked.then_some(line)
    })
    .collect()
}
