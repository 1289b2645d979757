//! The transaction of a delivery: message rows, refused copies and fates, all or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy::Config;
use store::fate::{self, Fate};
use store::{NewEmail, Reason, Removal, WriteTx};
use types::{AccountId, Address, CredentialId, FlagSet, MailboxName, SessionId, Timestamp};

use super::{AcceptError, Envelope, Reached, Recipients};
use crate::error::ServiceResult;
use crate::mailbox::{self, Described};
use crate::message::FinishedBody;
use crate::{Service, header};

/// Words of a fate for what was done.
const STORE: &str = "store";
const REFUSE: &str = "refuse";
const SINK: &str = "sink";
/// Messages up to this size are looked into on the thread that has them.
const SMALL_OCTETS: u64 = 65_536;
/// Octets of a Message-ID that the record keeps.
const MESSAGE_ID_MAX_OCTETS: usize = 250;

/// A message that is ready to be stored.
pub(super) struct Arrival {
    id: String,
    at: Timestamp,
    config_size: u64,
    session: SessionId,
    credential: Option<CredentialId>,
    reverse_path: String,
    message_id: String,
    /// Accounts with the envelope recipient and the quota of each.
    accounts: Vec<(AccountId, Address, Option<u64>)>,
    outside: BTreeMap<Address, Address>,
    again: BTreeMap<Address, Reached>,
    recoverable_until: Timestamp,
    head: Vec<u8>,
    message: FinishedBody,
    /// The recipients as the envelope has them, for an outcome of each.
    envelope_recipients: Vec<Address>,
    /// What was asked for each recipient that something was asked for, by its compared address.
    params: BTreeMap<Address, Vec<u8>>,
    /// Whether a copy that is refused is kept nowhere, since the sender hears of it.
    per_recipient: bool,
    config: Arc<Config>,
}

/// What became of a message.
#[derive(Clone, Default)]
pub(super) struct Settled {
    pub(super) id: String,
    pub(super) octets: u64,
    pub(super) stored: Vec<(AccountId, Address)>,
    pub(super) refused: Vec<(AccountId, Address)>,
    /// Those of the refused whose copy can be brought back.
    pub(super) kept: BTreeSet<AccountId>,
    pub(super) outside: BTreeMap<Address, Address>,
    /// One for each recipient of the envelope, in their order.
    pub(super) outcomes: Vec<Outcome>,
}

/// What became of a message for one recipient of the envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// At least one account got it.
    Stored,
    /// It only goes to addresses outside.
    Outside,
    /// It would only go to mailboxes that are full.
    Refused,
}

impl Arrival {
    pub(super) fn new(
        service: &Service,
        config: &Arc<Config>,
        id: String,
        envelope: &Envelope,
        recipients: Recipients,
        head: Vec<u8>,
        message: FinishedBody,
    ) -> Self {
        let at = service.clock().now();
        let days = i64::try_from(config.settings().recoverable_operator_days).unwrap_or(i64::MAX);
        let quota = |id| config.account(id).and_then(|account| account.quota_octets);
        let accounts = recipients.accounts.into_iter();
        let mut params = BTreeMap::new();
        for recipient in &envelope.recipients {
            if let Some(asked) = envelope.params(recipient, &message.head) {
                params.entry(recipient.address.folded()).or_insert(asked);
            }
        }
        Self {
            id,
            at,
            config_size: config.size(),
            session: envelope.client.peer.session,
            credential: (envelope.client.principal.as_ref()).map(|principal| principal.credential),
            reverse_path: envelope
                .reverse_path
                .address()
                .map(ToString::to_string)
                .unwrap_or_default(),
            message_id: message_id(&message.head),
            accounts: accounts
                .map(|(id, recipient)| (id, recipient, quota(id)))
                .collect(),
            outside: recipients.outside,
            again: recipients.again,
            recoverable_until: at.plus_s(days.saturating_mul(86_400)),
            head,
            message,
            envelope_recipients: (envelope.recipients.iter())
                .map(|recipient| recipient.address.clone())
                .collect(),
            params,
            per_recipient: envelope.wishes.per_recipient,
            config: Arc::clone(config),
        }
    }

    /// The message as it came.
    pub(super) fn message(&self) -> &FinishedBody {
        &self.message
    }

    fn octets(&self) -> u64 {
        self.head.len() as u64 + self.message.body.octets()
    }

    fn describe(&self) -> ServiceResult<Described> {
        let body = self.message.body.read_all()?;
        Ok(mailbox::describe(&[self.head.as_slice(), &body].concat()))
    }

    /// Stores what fits; refuses the whole if nothing does.
    fn store(&self, tx: &mut WriteTx<'_>, described: &Described) -> Result<Settled, AcceptError> {
        let mut settled = Settled {
            id: self.id.clone(),
            octets: self.octets(),
            outside: self.outside.clone(),
            ..Settled::default()
        };
        for (account, recipient, quota) in &self.accounts {
            let used = match quota {
                Some(_) => store::account::usage(tx, *account)?.octets,
                None => 0,
            };
            let fits = quota.is_none_or(|quota| used.saturating_add(settled.octets) <= quota);
            let list = if fits {
                &mut settled.stored
            } else {
                &mut settled.refused
            };
            list.push((*account, recipient.clone()));
        }
        if settled.stored.is_empty() && settled.outside.is_empty() {
            return Err(AcceptError::OverQuota);
        }
        settled.outcomes = self.outcomes(&settled);
        let new = self.new_email(tx, &settled, described)?;
        for (account, recipient) in &settled.stored {
            let inbox = mailbox::inbox(tx, *account)?;
            if let Some(new) = &new {
                store::message::deliver(tx, *account, inbox, new)?;
            }
            self.fate(tx, recipient, &Reached::Account(*account), STORE)?;
        }
        settled.kept = self.kept_refusals(&settled);
        for (account, recipient) in &settled.refused {
            if let Some(new) = new.as_ref().filter(|_| settled.kept.contains(account)) {
                let removal = self.refusal();
                store::recoverable::keep(tx, *account, &MailboxName::inbox(), new, &removal)?;
            }
            self.fate(tx, recipient, &Reached::Account(*account), REFUSE)?;
        }
        for (target, recipient) in &settled.outside {
            self.fate(tx, recipient, &Reached::Outside(target.clone()), SINK)?;
        }
        self.fates_again(tx, &settled)?;
        Ok(settled)
    }

    /// What becomes of each recipient of the envelope, now that it is known who has room.
    fn outcomes(&self, settled: &Settled) -> Vec<Outcome> {
        if settled.refused.is_empty() && settled.outside.is_empty() {
            return vec![Outcome::Stored; self.envelope_recipients.len()];
        }
        let has_it = |account| settled.stored.iter().any(|(stored, _)| *stored == account);
        let outcome = |recipient| {
            let reached = self.config.expand(recipient).unwrap_or_default();
            if reached.accounts.iter().any(|account| has_it(*account)) {
                Outcome::Stored
            } else if reached.accounts.is_empty() || !reached.outside.is_empty() {
                Outcome::Outside
            } else {
                Outcome::Refused
            }
        };
        self.envelope_recipients.iter().map(outcome).collect()
    }

    /// The accounts for which a refused copy is kept: not those that are reached only through
    /// recipients who are told to have been refused, because of these the sender keeps the message.
    fn kept_refusals(&self, settled: &Settled) -> BTreeSet<AccountId> {
        let refused = settled.refused.iter().map(|(account, _)| *account);
        if !self.per_recipient {
            return refused.collect();
        }
        let told = self.envelope_recipients.iter().zip(&settled.outcomes);
        let taken = told.filter(|(_, outcome)| **outcome != Outcome::Refused);
        let reached: BTreeSet<_> = taken
            .flat_map(|(recipient, _)| self.config.expand(recipient).unwrap_or_default().accounts)
            .collect();
        refused
            .filter(|account| reached.contains(account))
            .collect()
    }

    /// The fates of recipients whose mail is the copy that an earlier recipient brought.
    fn fates_again(&self, tx: &mut WriteTx<'_>, settled: &Settled) -> Result<(), AcceptError> {
        let refused: BTreeSet<_> = settled
            .refused
            .iter()
            .map(|(account, _)| *account)
            .collect();
        for (recipient, reached) in &self.again {
            let action = match reached {
                Reached::Account(account) if refused.contains(account) => REFUSE,
                Reached::Account(_) => STORE,
                Reached::Outside(_) => SINK,
            };
            self.fate(tx, recipient, reached, action)?;
        }
        Ok(())
    }

    /// The message row of each account; `None` where no account gets it.
    fn new_email(
        &self,
        tx: &mut WriteTx<'_>,
        settled: &Settled,
        described: &Described,
    ) -> Result<Option<NewEmail>, AcceptError> {
        if settled.stored.is_empty() && settled.refused.is_empty() {
            return Ok(None);
        }
        Ok(Some(NewEmail {
            blob: tx.put_blob(&self.message.body)?,
            head: self.head.clone(),
            received_at: self.at,
            saved_at: self.at,
            thread: None,
            envelope: described.envelope.clone(),
            bodystructure: described.bodystructure.clone(),
            preview: described.preview.clone(),
            flags: FlagSet::default(),
            keywords: Vec::new(),
        }))
    }

    fn refusal(&self) -> Removal {
        Removal {
            reason: Reason::Refused,
            rule: None,
            at: self.at,
            until: self.recoverable_until,
        }
    }

    fn fate(
        &self,
        tx: &mut WriteTx<'_>,
        recipient: &Address,
        reached: &Reached,
        action: &str,
    ) -> Result<(), AcceptError> {
        let (account, target) = match reached {
            Reached::Account(account) if action == REFUSE => {
                (Some(*account), "over quota".to_owned())
            }
            Reached::Account(account) => (Some(*account), MailboxName::inbox().to_string()),
            Reached::Outside(target) => (None, target.to_string()),
        };
        let fate = Fate {
            message: self.id.clone(),
            at: self.at,
            config_size: self.config_size,
            account,
            recipient: recipient.folded().to_string(),
            action: action.to_owned(),
            target,
            rules: b"[]".to_vec(),
            session: Some(self.session),
            credential: self.credential,
            size: self.octets(),
            reverse_path: self.reverse_path.clone(),
            message_id: self.message_id.clone(),
            params: self.params.get(recipient).cloned(),
        };
        Ok(fate::insert(tx, &fate, &[])?)
    }
}

impl Service {
    /// Stores a message and waits until it is durable.
    pub(super) async fn deliver(&self, arrival: Arc<Arrival>) -> Result<Settled, AcceptError> {
        let described = if arrival.octets() <= SMALL_OCTETS {
            arrival.describe()?
        } else {
            let arrival = Arc::clone(&arrival);
            let task = tokio::task::spawn_blocking(move || arrival.describe());
            task.await.map_err(|_| AcceptError::Unavailable)??
        };
        let store = move |tx: &mut WriteTx<'_>| arrival.store(tx, &described);
        self.inner.store.try_write(store).await
    }
}

/// The Message-ID as it stands, cut to what a record keeps; empty if there is none.
fn message_id(head: &[u8]) -> String {
    let field = header::fields(head).find(|field| field.is("Message-ID"));
    let value = field
        .map(|field| header::unfolded(field.value))
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&value[..value.len().min(MESSAGE_ID_MAX_OCTETS)]);
    text.into_owned()
}
