//! What rules want besides the delivery, done once the message is taken: answers (RFC 5230) and
//! notices by mail (RFC 5436). Trouble with them is ours, never the message's.

use std::sync::Arc;

use policy::{Config, RuleLevel};
use types::{Address, ReversePath};

use super::deliver::{Arrival, Settled};
use super::envelope::Envelope;
use super::{Recipients, received};
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
        for target in to {
            if config.domain(target.domain()).is_some() {
                self.deliver_own(config, envelope, (id, target), text)
                    .await?;
                continue;
            }
            // Who wrote to us may be answered; anybody else must be an approved target.
            if matches!(errand.wish, Wish::Notify { .. }) {
                self.may_leave(config, errand.level, target)?;
            }
            self.send_outside(&errand.rule, target, text)?;
        }
        Ok(())
    }

    fn send_outside(&self, rule: &RuleAt, to: &Address, text: &[u8]) -> Result<(), String> {
        let Outside::Sink(show) = &self.inner.outside else {
            return Err("this server does not send to others yet".to_owned());
        };
        let head = header::head_end(text, 0).map_or(text, |end| &text[..end]);
        show(Outgoing {
            from: ReversePath::Null,
            to: to.clone(),
            rule: Some(rule.to_string()),
            head: head.to_vec(),
            octets: text.len() as u64,
        });
        Ok(())
    }

    /// Stores a message of the server's own, with the null path, for the accounts behind an
    /// address. No rules look at it.
    pub(super) async fn deliver_own(
        &self,
        config: &Arc<Config>,
        envelope: &Envelope,
        (id, to): (&str, &Address),
        text: &[u8],
    ) -> Result<(), String> {
        let expansion = config.expand(to).map_err(|err| err.to_string())?;
        let mut recipients = Recipients::default();
        recipients.add(to, expansion);
        recipients.outside.clear();
        recipients.again.clear();
        let mut sink = self.body_sink();
        sink.write(text).map_err(|err| err.to_string())?;
        let message = sink.finish().map_err(|err| err.to_string())?;
        let client = envelope.client.clone();
        let envelope = Envelope::new(client, ReversePath::Null, vec![to.clone()]);
        let head = received::delivered_head(&ReversePath::Null, "", &message.head);
        let arrival = Arrival::new(
            self,
            config,
            id.to_owned(),
            &envelope,
            recipients,
            head,
            message,
        );
        let stored = self.deliver(Arc::new(arrival)).await;
        stored.map(drop).map_err(|err| err.to_string())
    }
}
