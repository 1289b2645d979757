//! What rules want besides the delivery, done once the message is taken: answers (RFC 5230) and
//! notices by mail (RFC 5436). Trouble with them is ours, never the message's.

use std::sync::Arc;

use policy::{Config, Expansion, RuleLevel};
use store::WriteTx;
use types::{Address, DsnRecipient, ReversePath, Timestamp};

use super::deliver::{Arrival, Parcel, Settled};
use super::envelope::{Came, Envelope, EnvelopeRecipient, Wishes};
use super::{AcceptError, Recipients, received};
use crate::mailbox::Described;
use crate::message::FinishedBody;
use crate::rules::{Answer, Errand, Notice, RuleAt, Wish};
use crate::{Outgoing, Outside, Service, header};

impl Service {
    /// Does what rules want besides.
    pub(super) async fn run_errands(
        &self,
        config: &Arc<Config>,
        envelope: &Envelope,
        settled: &Settled,
        original: &FinishedBody,
    ) {
        for errand in &settled.errands {
            let done = self.run_errand(config, envelope, errand, original).await;
            let (id, rule) = (&settled.id, &errand.rule);
            match done {
                Ok(()) => tracing::info!(message.id = %id, %rule, "{rule} wrote about {id}"),
                Err(err) => {
                    tracing::warn!(message.id = %id, %rule, "{rule} could not write about {id}: {err}");
                }
            }
        }
    }

    async fn run_errand(
        &self,
        config: &Arc<Config>,
        envelope: &Envelope,
        errand: &Errand,
        original: &FinishedBody,
    ) -> Result<(), String> {
        let (id, host) = (self.message_token(), self.host_name());
        let owner = match errand.level {
            RuleLevel::Account(id) => config.account(id).map(|account| account.address.clone()),
            RuleLevel::Server | RuleLevel::Domain(_) => None,
        };
        let from = owner.unwrap_or_else(|| errand.recipient.clone());
        let (to, text) = match &errand.wish {
            Wish::Reply(reply) => {
                let sender = envelope.reverse_path.address().cloned();
                let to = sender.ok_or("there is nobody to answer")?;
                let answer = Answer {
                    reply,
                    head: &original.head,
                    from: &from,
                    to: &to,
                    id: &id,
                    host: &host,
                    at: self.clock().now(),
                };
                (vec![to.clone()], answer.text())
            }
            Wish::Notify {
                method,
                message,
                importance,
            } => {
                let notice = Notice {
                    method,
                    message: message.as_deref(),
                    importance: *importance,
                    head: &original.head,
                    from: &from,
                    id: &id,
                    host: &host,
                    at: self.clock().now(),
                };
                notice.text()?
            }
            Wish::Redirect { .. } | Wish::Remember { .. } => return Ok(()),
        };
        let written = (id.as_str(), text.as_slice());
        self.post(config, envelope, errand, &to, written).await
    }

    /// Delivers what was written for an errand to each of these.
    async fn post(
        &self,
        config: &Arc<Config>,
        envelope: &Envelope,
        errand: &Errand,
        to: &[Address],
        (id, text): (&str, &[u8]),
    ) -> Result<(), String> {
        let came = Came {
            session: Some(envelope.client.peer.session),
            ..Came::default()
        };
        for target in to {
            let is_outside = config.domain(target.domain()).is_none();
            // Who wrote to us may be answered; anybody else must be an approved target.
            if is_outside && matches!(errand.wish, Wish::Notify { .. }) {
                self.may_leave(config, errand.level, target)?;
            }
            match &self.inner.outside {
                Outside::Sink(show) if is_outside => {
                    let head = header::head_end(text, 0).map_or(text, |end| &text[..end]);
                    show(Outgoing {
                        from: ReversePath::Null,
                        to: target.clone(),
                        rule: Some(errand.rule.to_string()),
                        head: head.to_vec(),
                        octets: text.len() as u64,
                    });
                }
                Outside::Refuse if is_outside => {
                    return Err("this server does not send to others".to_owned());
                }
                _ => {
                    let own = self.own_mail(config, &came, (id, target), text)?;
                    let own = own.written_by(errand.rule.clone());
                    self.deliver_own_mail(own).await?;
                }
            }
        }
        Ok(())
    }

    /// Delivers a message of the server's own, with the null path, to an address.
    pub(super) async fn deliver_own(
        &self,
        config: &Arc<Config>,
        came: &Came,
        (id, to): (&str, &Address),
        text: &[u8],
    ) -> Result<(), String> {
        let own = self.own_mail(config, came, (id, to), text)?;
        self.deliver_own_mail(own).await
    }

    async fn deliver_own_mail(&self, own: OwnMail) -> Result<(), String> {
        let stored = (self.inner.store).try_write(move |tx: &mut WriteTx<'_>| own.store(tx));
        stored.await.map_err(|err| err.to_string())?;
        self.inner.flights.wake();
        Ok(())
    }

    /// Makes a message of the server's own ready, with the null path, for those behind an address:
    /// accounts, and addresses outside if the server sends. No rules look at it.
    pub(crate) fn own_mail(
        &self,
        config: &Arc<Config>,
        came: &Came,
        (id, to): (&str, &Address),
        text: &[u8],
    ) -> Result<OwnMail, String> {
        let expansion = match config.expand(to) {
            Err(policy::ExpandError::NotLocal) => Expansion {
                outside: [to.clone()].into(),
                ..Expansion::default()
            },
            other => other.map_err(|err| err.to_string())?,
        };
        let mut recipients = Recipients::default();
        recipients.add(to, expansion);
        if !matches!(self.inner.outside, Outside::Queue) {
            recipients.outside.clear();
        }
        recipients.again.clear();
        if recipients.accounts.is_empty() && recipients.outside.is_empty() {
            return Err("it leads to nobody here".to_owned());
        }
        let mut sink = self.body_sink();
        sink.write(text).map_err(|err| err.to_string())?;
        let message = sink.finish().map_err(|err| err.to_string())?;
        let head =
            received::delivered_head(&ReversePath::Null, &self.host_name(), "", &message.head);
        let recipient = EnvelopeRecipient {
            address: to.clone(),
            dsn: DsnRecipient::default(),
        };
        let parcel = Parcel {
            came: *came,
            reverse_path: &ReversePath::Null,
            recipients: &[recipient],
            wishes: &Wishes::default(),
            written_by: None,
        };
        let id = id.to_owned();
        let arrival = Arrival::new(self, config, id, parcel, recipients, head, message);
        Ok(OwnMail {
            turn: self.turn_of(&arrival),
            described: arrival.describe().map_err(|err| err.to_string())?,
            arrival,
        })
    }
}

/// A message of the server's own that is ready to be stored.
pub(crate) struct OwnMail {
    arrival: Arrival,
    described: Described,
    turn: Timestamp,
}

impl OwnMail {
    /// The same, written as a rule wants it.
    fn written_by(mut self, rule: RuleAt) -> Self {
        self.arrival.written_by = Some(rule);
        self
    }

    /// Stores it in a transaction that does something else besides.
    pub(crate) fn store(&self, tx: &mut WriteTx<'_>) -> Result<(), AcceptError> {
        self.arrival.store(tx, &self.described, self.turn).map(drop)
    }
}
