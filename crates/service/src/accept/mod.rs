//! Mail in: who may send what to whom, and the one transaction that makes an accepted message
//! delivered.
//!
//! For local mail, accepted *is* delivered: message rows and one fate row for each recipient commit
//! together, and the reply leaves after the commit. After DATA there is one reply for all
//! recipients: if every copy is refused it is an error; if only some are, the refused copies go to
//! the recoverable store of their accounts, so that nothing is lost without a trace. A sender that
//! asked for a reply for each recipient (PRDR) is told of each, and keeps what was refused.

mod claims;

mod received;
mod sender;

mod envelope;

mod check;
mod deliver;
mod departure;
mod filing;
mod record;

mod outgoing;

mod errand;

mod report;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use policy::{Config, Expansion};
use store::LogRow;
use types::{AccountId, Address};

pub use check::{RecipientError, SenderError};
pub(crate) use check::{RefusedRecipients, SentLately};
pub(crate) use envelope::Came;
pub use envelope::{Envelope, EnvelopeRecipient, SmtpClient, Wishes};

use crate::error::ServiceError;
use crate::message::FinishedBody;
use crate::metrics;
use crate::rules::{Arrived, Case};
use crate::scan::Verdict;
use crate::trace::RECEIVED;
use crate::{Outside, Service, header};
pub(crate) use deliver::message_id;
use deliver::{Arrival, Parcel, Settled};
pub(crate) use errand::OwnMail;
pub(crate) use filing::{flags, folder};
pub(crate) use outgoing::postmaster;
use received::Step;
pub(crate) use received::received_id;
pub(crate) use record::{DISCARD, STORE, rules_json};

/// A message that is stored for all its recipients, or for some where each is answered apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The name under which the record knows it.
    pub id: String,
    /// The recipients that do not get it, by their places in the envelope, and why. Only with
    /// [`Wishes::per_recipient`]; nothing is kept for them.
    pub refused: BTreeMap<usize, RecipientRefusal>,
}

/// Why one recipient does not get a message that others get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecipientRefusal {
    /// The mailbox is full.
    Full,
    /// A rule says no, for this reason.
    Rejected(String),
}

/// Why a message was not taken; nothing of it is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// A field says that somebody else sends it.
    #[error("the {header} field names an address that is not yours")]
    SenderNotYours {
        /// Which field.
        header: &'static str,
    },
    /// Its header cannot be read in exactly one way.
    #[error("{0}")]
    Malformed(String),
    /// It has passed too many servers.
    #[error("the message has passed too many servers")]
    Loop,
    /// It is larger than the server takes.
    #[error("the message is larger than {max_octets} octets")]
    TooLarge {
        /// The limit.
        max_octets: u64,
    },
    /// Rules of all recipients say no.
    #[error("{0}")]
    Rejected(String),
    /// Every recipient's mailbox is full.
    #[error("the mailbox is full")]
    OverQuota,
    /// The disk is full; try again later.
    #[error("no space")]
    NoSpace,
    /// Too much at once, or our own trouble; try again.
    #[error("not available")]
    Unavailable,
}

impl AcceptError {
    /// Whether the same message may be taken later.
    fn is_temporary(&self) -> bool {
        matches!(self, Self::OverQuota | Self::NoSpace | Self::Unavailable)
    }
}

impl From<ServiceError> for AcceptError {
    fn from(err: ServiceError) -> Self {
        match err {
            ServiceError::OverQuota => Self::OverQuota,
            ServiceError::NoSpace => Self::NoSpace,
            ServiceError::TooLarge { max_octets } => Self::TooLarge { max_octets },
            _ => Self::Unavailable,
        }
    }
}

impl From<store::StoreError> for AcceptError {
    fn from(err: store::StoreError) -> Self {
        ServiceError::from(err).into()
    }
}

/// Who gets a message in the end: one copy for each account, one for each address outside.
#[derive(Default)]
pub(crate) struct Recipients {
    /// Accounts with the envelope recipient through which each was reached first.
    pub(crate) accounts: BTreeMap<AccountId, Address>,
    /// Addresses outside, likewise.
    pub(crate) outside: BTreeMap<Address, Address>,
    /// Envelope recipients whose mail all reaches somebody who gets it through an earlier one,
    /// with one whom they reach: they have a fate too.
    pub(crate) again: BTreeMap<Address, Reached>,
}

/// Where mail for an envelope recipient ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// With an account here.
    Account(AccountId),
    /// Outside.
    Outside(Address),
}

impl Recipients {
    /// Adds where one envelope recipient leads.
    fn add(&mut self, recipient: &Address, expansion: Expansion) {
        let recipient = recipient.folded();
        let mut first = None;
        let mut is_first_of_any = false;
        for account in expansion.accounts {
            let through = self.accounts.entry(account);
            is_first_of_any |= *through.or_insert_with(|| recipient.clone()) == recipient;
            first = first.or(Some(Reached::Account(account)));
        }
        for target in expansion.outside {
            let through = self.outside.entry(target.clone());
            is_first_of_any |= *through.or_insert_with(|| recipient.clone()) == recipient;
            first = first.or(Some(Reached::Outside(target)));
        }
        if let Some(reached) = first.filter(|_| !is_first_of_any) {
            self.again.insert(recipient, reached);
        }
    }
}

impl Service {
    /// Takes a message: when this returns it is stored for every recipient, or for none.
    pub async fn accept(
        &self,
        envelope: Envelope,
        message: FinishedBody,
    ) -> Result<Accepted, AcceptError> {
        let (protocol, started) = (envelope.client.peer.protocol, Instant::now());
        let accepted = self.settle(envelope, message).await;
        let outcome = match &accepted {
            Ok(_) => metrics::Outcome::Accepted,
            Err(err) if err.is_temporary() => metrics::Outcome::Deferred,
            Err(_) => metrics::Outcome::Refused,
        };
        let took = started.elapsed();
        self.inner.metrics.message(protocol, outcome, took);
        accepted
    }

    async fn settle(
        &self,
        envelope: Envelope,
        message: FinishedBody,
    ) -> Result<Accepted, AcceptError> {
        let config = self.config();
        if let Some(principal) = &envelope.client.principal {
            self.check_originators(principal, &message.head)?;
        }
        let hops = header::fields(&message.head)
            .filter(|field| field.is("Received"))
            .count();
        if hops as u64 > config.settings().received_hops_max {
            return Err(AcceptError::Loop);
        }
        let recipients = self.final_recipients(&config, &envelope)?;
        let id = self.message_token();
        let verdict = self.verdict(&config, &envelope, &id, &message).await?;
        let head = self.delivered_head(&envelope, &id, &verdict.fields, &message.head);
        let told = verdict.told.clone();
        let case = match config.looks_at_mail() || verdict.place.is_some() {
            true => Some(self.case(&config, &envelope, &head, (&message, verdict))?),
            false => None,
        };
        let parcel = Parcel {
            came: Came::by(&envelope.client),
            reverse_path: &envelope.reverse_path,
            recipients: &envelope.recipients,
            wishes: &envelope.wishes,
            written_by: None,
        };
        let mut arrival = Arrival::new(self, &config, id, parcel, recipients, head, message);
        if let Some(case) = case {
            arrival = arrival.ruled(self.plan(case).await?);
        }
        let arrival = Arc::new(arrival);
        let settled = self.deliver(Arc::clone(&arrival)).await?;
        self.tell(&config, &envelope, &arrival.message().head, &settled, told);
        if let Some(reason) = settled.rejection() {
            return Err(AcceptError::Rejected(reason));
        }
        self.report_to_sender(&config, &envelope, &settled, arrival.message())
            .await;
        self.run_errands(&config, &envelope, &settled, arrival.message())
            .await;
        Ok(Accepted {
            refused: if envelope.wishes.per_recipient {
                settled.refusals()
            } else {
                BTreeMap::new()
            },
            id: settled.id,
        })
    }

    /// What DNS and scanners say of a message.
    async fn verdict(
        &self,
        config: &Config,
        envelope: &Envelope,
        id: &str,
        message: &FinishedBody,
    ) -> Result<Verdict, AcceptError> {
        let listed = self.listed(config, &envelope.client).await;
        let mut verdict = self.authenticity(config, envelope, message).await?;
        verdict.told.splice(0..0, listed.told);
        if config.scanners().next().is_none() || verdict.refuses() {
            return Ok(verdict);
        }
        let head = self.delivered_head(envelope, id, &verdict.fields, &message.head);
        let body = message.body.read_all()?;
        self.scan(config, envelope, id, (&head, &body), verdict)
            .await
    }

    /// What rules look at.
    fn case(
        &self,
        config: &Arc<Config>,
        envelope: &Envelope,
        head: &[u8],
        (message, verdict): (&FinishedBody, Verdict),
    ) -> Result<Case, AcceptError> {
        let client = &envelope.client;
        let account = client.principal.as_ref().map(|principal| principal.account);
        let account = account.and_then(|id| config.account(id));
        Ok(Case {
            config: Arc::clone(config),
            arrived: Arrived {
                from: envelope
                    .reverse_path
                    .address()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                signed_in: account.map(|account| account.address.clone()),
                source: client.peer.source(),
                helo: client.helo.clone(),
                host: self.host_name(),
                at: self.clock().now(),
                verdict,
            },
            head: head.to_vec(),
            body: message.body.read_all()?,
            recipients: (envelope.recipients.iter())
                .map(|recipient| recipient.address.clone())
                .collect(),
        })
    }

    /// All recipients resolved again at the moment of delivery. An address that was good at RCPT
    /// and no longer is makes the sender try again, so that it hears the reason.
    fn final_recipients(
        &self,
        config: &Config,
        envelope: &Envelope,
    ) -> Result<Recipients, AcceptError> {
        let mut found = Recipients::default();
        for recipient in &envelope.recipients {
            let recipient = &recipient.address;
            let expansion = match config.expand(recipient) {
                Ok(expansion) => expansion,
                Err(policy::ExpandError::NotLocal) => Expansion {
                    outside: [recipient.clone()].into(),
                    ..Expansion::default()
                },
                Err(_) => return Err(AcceptError::Unavailable),
            };
            tracing::debug!(
                "{recipient} reaches {} mailboxes and {} addresses outside, by {} aliases",
                expansion.accounts.len(),
                expansion.outside.len(),
                expansion.via.len()
            );
            found.add(recipient, expansion);
        }
        if !found.outside.is_empty() && !self.inner.outside.sends() {
            return Err(AcceptError::Unavailable);
        }
        Ok(found)
    }

    /// A name for the message that nobody can guess and that fits a log line. It begins with the
    /// time, so that messages of one time are neighbours in the indexes.
    pub(crate) fn message_token(&self) -> String {
        let now_s = u32::try_from(self.clock().now().seconds()).unwrap_or(0);
        format!("{now_s:08x}{:016x}", self.inner.random.number())
    }

    /// The header block as it is stored; `said` are fields of this server behind its trace field.
    fn delivered_head(&self, envelope: &Envelope, id: &str, said: &str, head: &[u8]) -> Vec<u8> {
        let client = &envelope.client;
        let signed_in = client.principal.is_some();
        let at = self.clock().now();
        let step = Step {
            helo: &client.helo,
            source: client.peer.source(),
            by: &self.host_name(),
            with: received::protocol(
                client.esmtp,
                client.peer.tls.is_some(),
                signed_in,
                envelope.wishes.smtp_utf8,
            ),
            tls: client
                .peer
                .tls
                .as_ref()
                .map(|tls| format!("{} {}", tls.version, tls.cipher)),
            id,
            recipient: match envelope.recipients.as_slice() {
                [only] => Some(&only.address),
                _ => None,
            },
            at,
        };
        let mut field = step.to_field();
        field.push_str(said);
        if signed_in {
            // RFC 6409 §8.1 and §8.3: a submission server completes what a client left out.
            let lacks = |name: &str| !header::fields(head).any(|field| field.is(name));
            if lacks("Date") {
                field.push_str(&format!("Date: {}\r\n", at.to_rfc5322()));
            }
            if lacks("Message-ID") {
                field.push_str(&format!("Message-ID: <{id}@{}>\r\n", step.by));
            }
        }
        received::delivered_head(&envelope.reverse_path, step.by, &field, head)
    }

    /// How the message came, for the trace; the fates say what became of it.
    fn received_row(&self, envelope: &Envelope, settled: &Settled, scanned: Vec<String>) -> LogRow {
        let client = &envelope.client;
        let mut detail = serde_json::json!({
            "helo": client.helo,
            "tls": client.peer.tls.as_ref().map(|tls| &tls.version),
            "protocol": client.peer.protocol.as_str(),
        });
        if !scanned.is_empty() {
            detail["scanned"] = scanned.into();
        }
        LogRow {
            at: self.clock().now(),
            kind: RECEIVED.to_owned(),
            account: client.principal.as_ref().map(|principal| principal.account),
            session: Some(client.peer.session),
            source: client.peer.source().to_string(),
            message: Some(settled.id.clone()),
            detail: detail.to_string().into_bytes(),
        }
    }

    /// What others want to know, after the commit.
    fn tell(
        &self,
        config: &Config,
        envelope: &Envelope,
        original: &[u8],
        settled: &Settled,
        scanned: Vec<String>,
    ) {
        let (id, from, octets) = (&settled.id, &envelope.reverse_path, settled.octets);
        for (account, recipient) in &settled.stored {
            tracing::info!(message.id = %id, %account, "stored {id} from {from} for {recipient}");
        }
        for (account, recipient) in &settled.gone {
            tracing::info!(message.id = %id, %account, "{id} from {from} for {recipient} was disposed of by a rule");
        }
        for (account, recipient, _) in &settled.rejected {
            tracing::info!(message.id = %id, %account, "{id} from {from} for {recipient} was rejected by a rule");
        }
        for (account, recipient) in &settled.refused {
            let what = match settled.kept.contains(account) {
                true => "kept as recoverable",
                false => "refused to the sender",
            };
            tracing::warn!(message.id = %id, "{id} did not fit the mailbox of {recipient}; {what}");
        }
        for target in settled.outside.keys() {
            tracing::info!(message.id = %id, "{id} from {from} is to be sent to {target}");
        }
        self.inner
            .store
            .trace()
            .append(self.received_row(envelope, settled, scanned));
        if let Outside::Sink(show) = &self.inner.outside {
            for (target, leaving) in &settled.outside {
                show(outgoing::of(
                    config,
                    from,
                    (target, leaving),
                    original,
                    octets,
                ));
            }
        }
    }
}
