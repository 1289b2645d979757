//! Reports to our own senders about what became of their message (RFC 3461, RFC 3464).
//!
//! A report goes only to who signed in to send the message: to anybody else it could be sent in
//! the name of somebody who never wrote, and this server sends nothing to others yet. It is stored
//! before the sender hears that its message was taken, so none is lost.

use std::fmt::Write as _;
use std::sync::Arc;

use policy::Config;
use types::{Address, Notify, Ret, ReversePath, Timestamp};

use super::deliver::{Outcome, Settled};
use super::envelope::{Envelope, EnvelopeRecipient};
use crate::Service;
use crate::error::ServiceResult;
use crate::message::FinishedBody;

/// Octets of a message that a report of failure brings back whole, if the sender wants that.
const RETURNED_MAX_OCTETS: u64 = 1_048_576;

/// What a report is made of.
struct Report<'a> {
    host: &'a str,
    id: &'a str,
    at: Timestamp,
    to: &'a Address,
    envelope: &'a Envelope,
    lines: Vec<(&'a EnvelopeRecipient, Fate)>,
}

/// What the sender is told about one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    Delivered,
    /// Its mailbox is full.
    Full,
    /// A rule says no, for this reason.
    Rejected(String),
}

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
        let id = self.message_token();
        let report = Report {
            host: &self.host_name(),
            id: &id,
            at: self.clock().now(),
            to,
            envelope,
            lines,
        };
        let done = match report.compose(original) {
            Ok(text) => self.deliver_own(config, envelope, (&id, to), &text).await,
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
fn reported<'a>(envelope: &'a Envelope, settled: &Settled) -> Vec<(&'a EnvelopeRecipient, Fate)> {
    let all = envelope.recipients.iter().zip(&settled.outcomes);
    let is_told = |notify: Option<Notify>| {
        !envelope.wishes.per_recipient && notify.is_none_or(|notify| notify.failure)
    };
    all.filter_map(|(recipient, outcome)| {
        let notify = recipient.dsn.notify;
        let (fate, is_asked) = match outcome {
            Outcome::Stored => (Fate::Delivered, notify.is_some_and(|notify| notify.success)),
            Outcome::Refused => (Fate::Full, is_told(notify)),
            Outcome::Rejected(reason) => (Fate::Rejected(reason.clone()), is_told(notify)),
            Outcome::Outside => return None,
        };
        is_asked.then_some((recipient, fate))
    })
    .collect()
}

impl Report<'_> {
    fn is_failure(&self) -> bool {
        self.lines.iter().any(|(_, fate)| *fate != Fate::Delivered)
    }

    /// The whole message (RFC 3464 §2, RFC 6522 §3).
    fn compose(&self, original: &FinishedBody) -> ServiceResult<Vec<u8>> {
        let (host, id, to) = (self.host, self.id, self.to);
        let subject = if self.is_failure() {
            "Not delivered to all recipients"
        } else {
            "Delivered"
        };
        let boundary = format!("report-{id}");
        let mut text = format!(
            "From: Mail delivery <MAILER-DAEMON@{host}>\r\nTo: <{to}>\r\nSubject: {subject}\r\n\
             Date: {date}\r\nMessage-ID: <{id}@{host}>\r\nAuto-Submitted: auto-replied\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status;\r\n\
             \tboundary=\"{boundary}\"\r\n\r\n",
            date = self.at.to_rfc5322(),
        );
        let _ = write!(
            text,
            "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n{}\r\n\
             --{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n{}\r\n",
            self.words(),
            self.fields(),
        );
        let whole = self.envelope.wishes.dsn.ret == Some(Ret::Full)
            && self.is_failure()
            && original.octets() <= RETURNED_MAX_OCTETS;
        let kind = if whole {
            "message/rfc822"
        } else {
            "text/rfc822-headers"
        };
        let _ = write!(
            text,
            "--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        );
        let mut octets = text.into_bytes();
        octets.extend_from_slice(&original.head);
        if whole {
            octets.extend_from_slice(&original.body.read_all()?);
        }
        octets.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        Ok(octets)
    }

    /// What a person reads.
    fn words(&self) -> String {
        let mut words = String::from("This is what became of your message:\r\n\r\n");
        for (recipient, fate) in &self.lines {
            let what = match fate {
                Fate::Full => "not delivered, the mailbox is full".to_owned(),
                Fate::Rejected(reason) => format!("not delivered: {}", one_line(reason)),
                Fate::Delivered => "delivered to the mailbox".to_owned(),
            };
            let _ = write!(words, "  <{}>: {what}\r\n", recipient.address);
        }
        words
    }

    /// What a program reads (RFC 3464 §2.2, §2.3).
    fn fields(&self) -> String {
        let mut fields = format!("Reporting-MTA: dns; {}\r\n", self.host);
        if let Some(id) = &self.envelope.wishes.dsn.envelope_id {
            let _ = write!(fields, "Original-Envelope-Id: {}\r\n", id.as_str());
        }
        let _ = write!(fields, "Arrival-Date: {}\r\n", self.at.to_rfc5322());
        for (recipient, fate) in &self.lines {
            fields.push_str("\r\n");
            if let Some(original) = &recipient.dsn.original {
                let (kind, address) = (original.kind(), in_ascii(original.address()));
                let _ = write!(fields, "Original-Recipient: {kind}; {address}\r\n");
            }
            let address = recipient.address.to_string();
            let kind = if address.is_ascii() {
                "rfc822"
            } else {
                "utf-8"
            };
            let (action, status) = match fate {
                Fate::Full => ("failed", "5.2.2"),
                Fate::Rejected(_) => ("failed", "5.7.1"),
                Fate::Delivered => ("delivered", "2.0.0"),
            };
            let _ = write!(
                fields,
                "Final-Recipient: {kind}; {}\r\nAction: {action}\r\nStatus: {status}\r\n",
                in_ascii(&address)
            );
        }
        fields
    }
}

/// A text that people wrote, fit for one line.
fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split(|c: char| c.is_control()).collect();
    words.join(" ")
}

/// The address in ASCII: other characters by their numbers (RFC 6533 §3, `utf-8-addr-xtext`).
fn in_ascii(address: &str) -> String {
    let mut written = String::with_capacity(address.len());
    for c in address.chars() {
        match c {
            ' '..='~' => written.push(c),
            _ => {
                let _ = write!(written, "\\x{{{:X}}}", u32::from(c));
            }
        }
    }
    written
}
