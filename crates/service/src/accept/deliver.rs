//! The transaction of a delivery: message rows, refused copies and fates, all or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy::Config;
use store::fate::{self, Fate};
use store::{NewEmail, Reason, Removal, WriteTx};
use types::{AccountId, Address, FlagSet, MailboxName, SessionId, Timestamp};

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
    reverse_path: String,
    message_id: String,
    /// Accounts with the envelope recipient and the quota of each.
    accounts: Vec<(AccountId, Address, Option<u64>)>,
    outside: BTreeMap<Address, Address>,
    again: BTreeMap<Address, Reached>,
    recoverable_until: Timestamp,
    head: Vec<u8>,
    message: FinishedBody,
}

/// What became of a message.
#[derive(Clone, Default)]
pub(super) struct Settled {
    pub(super) id: String,
    pub(super) octets: u64,
    pub(super) stored: Vec<(AccountId, Address)>,
    pub(super) refused: Vec<(AccountId, Address)>,
    pub(super) outside: BTreeMap<Address, Address>,
}

impl Arrival {
    pub(super) fn new(
        service: &Service,
        config: &Config,
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
        Self {
            id,
            at,
            config_size: config.size(),
            session: envelope.client.peer.session,
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
        }
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
        let new = self.new_email(tx, &settled, described)?;
        for (account, recipient) in &settled.stored {
            let inbox = mailbox::inbox(tx, *account)?;
            if let Some(new) = &new {
                store::message::deliver(tx, *account, inbox, new)?;
            }
            self.fate(tx, recipient, &Reached::Account(*account), STORE)?;
        }
        for (account, recipient) in &settled.refused {
            if let Some(new) = &new {
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
            size: self.octets(),
            reverse_path: self.reverse_path.clone(),
            message_id: self.message_id.clone(),
        };
        Ok(fate::insert(tx, &fate, &[])?)
    }
}

impl Service {
    /// Stores a message and waits until it is durable.
    pub(super) async fn deliver(&self, arrival: Arrival) -> Result<Settled, AcceptError> {
        let arrival = Arc::new(arrival);
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
