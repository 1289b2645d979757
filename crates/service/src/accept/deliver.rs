//! The transaction of a delivery: message rows, what rules removed or refused, what they remember,
//! and fates; all or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy::Config;
use store::rule::{Memory, MemoryKind};
use store::{NewEmail, Reason, Removal, WriteTx};
use types::{
    AccountId, Address, BlobId, DsnRecipient, FlagSet, MailboxId, MailboxName, ReversePath,
    Timestamp,
};

use super::envelope::Came;
use super::filing::{flags, folder};
use super::record::{Note, QUARANTINE, QUEUE, REFUSE, REJECT, SINK, STORE};
use super::{AcceptError, EnvelopeRecipient, Reached, RecipientRefusal, Recipients, Wishes};
use crate::error::ServiceResult;
use crate::mailbox::{self, Described};
use crate::message::FinishedBody;
use crate::rules::{
    Above, Copy, Errand, Filing, Gone, Leaving, Look, Place, Plan, Planned, RuleAt, Wish,
};
use crate::{Outside, Service, header};

/// Messages up to this size are looked into on the thread that has them.
const SMALL_OCTETS: u64 = 65_536;
/// Octets of a Message-ID that the record keeps.
const MESSAGE_ID_MAX_OCTETS: usize = 250;

/// A message that is ready to be stored.
pub(super) struct Arrival {
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(super) config_size: u64,
    pub(super) came: Came,
    pub(super) reverse_path: ReversePath,
    pub(super) message_id: String,
    copies: Vec<AccountCopy>,
    pub(super) outside: BTreeMap<Address, Leaving>,
    /// Whether what goes outside is put into the queue; otherwise it is only shown.
    queues: bool,
    /// The rule that had the server write it.
    pub(super) written_by: Option<RuleAt>,
    /// Recipients that lead only outside and whose mail rules stopped.
    stopped: Vec<Copy>,
    errands: Vec<Errand>,
    /// What rules above the mailboxes said for each recipient of the envelope; empty without rules.
    above: BTreeMap<Address, Above>,
    again: Vec<Again>,
    recoverable_until: Timestamp,
    pub(super) head: Vec<u8>,
    pub(super) message: FinishedBody,
    /// The recipients as the envelope has them, for an outcome of each.
    envelope_recipients: Vec<Address>,
    /// What was asked for each recipient that something was asked for, by its compared address.
    pub(super) params: BTreeMap<Address, Vec<u8>>,
    /// What each recipient's reports are to say, by its compared address.
    pub(super) dsn: BTreeMap<Address, DsnRecipient>,
    pub(super) wishes: Wishes,
    pub(super) config: Arc<Config>,
}

/// A message on its way in, apart from its content.
pub(super) struct Parcel<'a> {
    pub(super) came: Came,
    pub(super) reverse_path: &'a ReversePath,
    pub(super) recipients: &'a [EnvelopeRecipient],
    pub(super) wishes: &'a Wishes,
    pub(super) written_by: Option<RuleAt>,
}

/// What becomes of the message for one account.
struct AccountCopy {
    account: AccountId,
    /// The recipient of the envelope through which it was reached.
    recipient: Address,
    quota_octets: Option<u64>,
    place: Place,
    /// The header block and what follows from it, where rules changed it.
    changed: Option<(Vec<u8>, Described)>,
    looks: Vec<Look>,
}

/// A recipient of the envelope that has no copy of its own: those whom it reaches get theirs through
/// another one, or rules stopped it.
struct Again {
    recipient: Address,
    reached: Reached,
    /// Where rules above the mailboxes left it.
    place: Place,
    looks: Vec<Look>,
}

/// What became of a message.
#[derive(Clone, Default)]
pub(super) struct Settled {
    /// Whether the sender hears that it was taken, by somebody at least.
    taken: bool,
    pub(super) id: String,
    pub(super) octets: u64,
    pub(super) stored: Vec<(AccountId, Address)>,
    pub(super) refused: Vec<(AccountId, Address)>,
    /// Accounts whose rules, or those above them, removed it or sent it on.
    pub(super) gone: Vec<(AccountId, Address)>,
    /// Accounts whose rules, or those above them, rejected it, with the reason.
    pub(super) rejected: Vec<(AccountId, Address, String)>,
    /// Those of the refused and rejected whose copy can be brought back.
    pub(super) kept: BTreeSet<AccountId>,
    pub(super) outside: BTreeMap<Address, Leaving>,
    /// One for each recipient of the envelope, in their order.
    pub(super) outcomes: Vec<Outcome>,
    /// Errands that are to be done now that the message is taken.
    pub(super) errands: Vec<Errand>,
}

/// What became of a message for one recipient of the envelope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// At least one account got it, or its rules disposed of it.
    Stored,
    /// It only goes to addresses outside.
    Outside,
    /// It would only go to mailboxes that are full.
    Refused,
    /// Rules say no, for this reason.
    Rejected(String),
}

impl Settled {
    /// Why nobody gets it, where rules of all recipients say no.
    pub(super) fn rejection(&self) -> Option<String> {
        if self.taken {
            return None;
        }
        let rejected = |outcome: &Outcome| match outcome {
            Outcome::Rejected(reason) => Some(reason.clone()),
            Outcome::Stored | Outcome::Outside | Outcome::Refused => None,
        };
        let reasons: Option<Vec<_>> = self.outcomes.iter().map(rejected).collect();
        reasons?.into_iter().next()
    }

    /// The recipients that do not get it, by their places in the envelope.
    pub(super) fn refusals(&self) -> BTreeMap<usize, RecipientRefusal> {
        let refusal = |outcome: &Outcome| match outcome {
            Outcome::Stored | Outcome::Outside => None,
            Outcome::Refused => Some(RecipientRefusal::Full),
            Outcome::Rejected(reason) => Some(RecipientRefusal::Rejected(reason.clone())),
        };
        let all = self.outcomes.iter().enumerate();
        all.filter_map(|(place, outcome)| Some((place, refusal(outcome)?)))
            .collect()
    }
}

impl Arrival {
    pub(super) fn new(
        service: &Service,
        config: &Arc<Config>,
        id: String,
        parcel: Parcel<'_>,
        recipients: Recipients,
        head: Vec<u8>,
        message: FinishedBody,
    ) -> Self {
        let at = service.clock().now();
        let days = i64::try_from(config.settings().recoverable_operator_days).unwrap_or(i64::MAX);
        let (mut params, mut dsn) = (BTreeMap::new(), BTreeMap::new());
        for recipient in parcel.recipients {
            if let Some(asked) = parcel.wishes.params(recipient, &message.head) {
                params.entry(recipient.address.folded()).or_insert(asked);
                dsn.entry(recipient.address.folded())
                    .or_insert_with(|| recipient.dsn.clone());
            }
        }
        let leaving = |recipient| Leaving {
            recipient,
            looks: Vec::new(),
            head: None,
            sent_by: None,
        };
        let accounts = recipients.accounts.into_iter();
        let outside = recipients.outside.into_iter();
        Self {
            id,
            at,
            config_size: config.size(),
            came: parcel.came,
            reverse_path: parcel.reverse_path.clone(),
            queues: matches!(service.inner.outside, Outside::Queue),
            written_by: parcel.written_by,
            message_id: message_id(&message.head),
            copies: accounts
                .map(|(account, recipient)| AccountCopy::new(config, account, recipient))
                .collect(),
            outside: outside
                .map(|(target, recipient)| (target, leaving(recipient)))
                .collect(),
            stopped: Vec::new(),
            errands: Vec::new(),
            above: BTreeMap::new(),
            again: recipients.again.into_iter().map(Again::unruled).collect(),
            recoverable_until: at.plus_s(days.saturating_mul(86_400)),
            head,
            message,
            envelope_recipients: (parcel.recipients.iter())
                .map(|recipient| recipient.address.clone())
                .collect(),
            params,
            dsn,
            wishes: parcel.wishes.clone(),
            config: Arc::clone(config),
        }
    }

    /// The same delivery as rules want it.
    pub(super) fn ruled(mut self, mut planned: Planned) -> Self {
        let plan = planned.plan;
        self.again = without_copy(&plan);
        self.copies = plan
            .copies
            .into_iter()
            .map(|(account, copy)| {
                let described = planned.described.remove(&account);
                AccountCopy {
                    place: copy.place,
                    changed: copy.head.zip(described),
                    looks: copy.looks,
                    ..AccountCopy::new(&self.config, account, copy.recipient)
                }
            })
            .collect();
        self.outside = plan.outside;
        self.stopped = plan.stopped;
        self.errands = plan.errands;
        self.above = plan.above;
        self
    }

    /// The sender of the envelope; empty for the null path.
    pub(super) fn sender_text(&self) -> String {
        let sender = self.reverse_path.address();
        sender.map(ToString::to_string).unwrap_or_default()
    }

    /// The message as it came.
    pub(super) fn message(&self) -> &FinishedBody {
        &self.message
    }

    pub(super) fn octets(&self) -> u64 {
        self.head.len() as u64 + self.message.body.octets()
    }

    pub(super) fn describe(&self) -> ServiceResult<Described> {
        let body = self.message.body.read_all()?;
        Ok(mailbox::describe(&[self.head.as_slice(), &body].concat()))
    }

    /// Stores what fits; refuses the whole if nothing does. What goes outside gets this place in the
    /// line.
    pub(super) fn store(
        &self,
        tx: &mut WriteTx<'_>,
        described: &Described,
        turn: Timestamp,
    ) -> Result<Settled, AcceptError> {
        let mut settled = self.sorted(tx)?;
        if !settled.taken && !settled.refused.is_empty() {
            return Err(AcceptError::OverQuota);
        }
        settled.outcomes = self.outcomes(&settled);
        if settled.taken {
            settled.kept = self.kept_refusals(&settled);
        }
        let mut mail = Mail {
            arrival: self,
            described,
            blob: None,
        };
        for copy in &self.copies {
            self.store_copy(tx, copy, &mut mail, &settled)?;
        }
        for (target, leaving) in &self.outside {
            let reached = Reached::Outside(target.clone());
            let note = Note::new(&leaving.recipient, &reached, self.leaving_word());
            self.note(tx, &note.looks(&leaving.looks))?;
        }
        if self.queues {
            self.depart(tx, &mut mail, turn)?;
        }
        for copy in &self.stopped {
            self.note_stopped(tx, copy)?;
        }
        self.notes_again(tx, &settled)?;
        for rule in self.acted() {
            store::rule::acted(tx, &rule, self.at)?;
        }
        if settled.taken {
            settled.errands = self.remember(tx)?;
        }
        Ok(settled)
    }

    /// What a fate calls it that a copy goes outside.
    fn leaving_word(&self) -> &'static str {
        if self.queues { QUEUE } else { SINK }
    }

    /// The ids of the rules that acted on the message, for whomever.
    fn acted(&self) -> BTreeSet<String> {
        let copies = self.copies.iter().map(|copy| &copy.looks);
        let outside = self.outside.values().map(|leaving| &leaving.looks);
        let stopped = self.stopped.iter().map(|copy| &copy.looks);
        let again = self.again.iter().map(|again| &again.looks);
        let looks = copies.chain(outside).chain(stopped).chain(again).flatten();
        let acted = looks.filter(|look| look.acted());
        acted.map(|look| look.rule.id.to_string()).collect()
    }

    /// Which copies are stored, refused for want of room, removed or rejected.
    fn sorted(&self, tx: &mut WriteTx<'_>) -> Result<Settled, AcceptError> {
        let mut settled = Settled {
            id: self.id.clone(),
            octets: self.octets(),
            outside: self.outside.clone(),
            ..Settled::default()
        };
        for copy in &self.copies {
            let who = (copy.account, copy.recipient.clone());
            match &copy.place {
                Place::Gone { .. } | Place::Held { .. } => settled.gone.push(who),
                Place::Rejected { reason, .. } => {
                    settled.rejected.push((who.0, who.1, reason.clone()));
                }
                Place::Kept(filings) => {
                    let octets = settled.octets.saturating_mul(filings.len() as u64);
                    if copy.has_room(tx, octets)? {
                        settled.stored.push(who);
                    } else {
                        settled.refused.push(who);
                    }
                }
            }
        }
        let is_gone = |place: &Place| matches!(place, Place::Gone { .. } | Place::Held { .. });
        settled.taken = !settled.stored.is_empty()
            || !settled.gone.is_empty()
            || !settled.outside.is_empty()
            || self.stopped.iter().any(|copy| is_gone(&copy.place));
        Ok(settled)
    }

    fn store_copy(
        &self,
        tx: &mut WriteTx<'_>,
        copy: &AccountCopy,
        mail: &mut Mail<'_>,
        settled: &Settled,
    ) -> Result<(), AcceptError> {
        let (account, reached) = (copy.account, Reached::Account(copy.account));
        let note = |action| Note::new(&copy.recipient, &reached, action).looks(&copy.looks);
        let kept = settled.kept.contains(&account);
        match &copy.place {
            Place::Kept(_) if settled.refused.iter().any(|(full, _)| *full == account) => {
                if kept {
                    let removal = self.removal(Reason::Refused, None);
                    mail.keep(tx, copy, &removal)?;
                }
                self.note(tx, &note(REFUSE))
            }
            Place::Kept(filings) => {
                for filing in filings {
                    let (folder, name) = folder(tx, account, filing)?;
                    let new = mail.new_email(tx, copy, Some((folder, filing)))?;
                    store::message::deliver(tx, account, folder, &new)?;
                    self.note(tx, &note(STORE).target(name.as_str()))?;
                }
                Ok(())
            }
            Place::Gone { by, how } => {
                if *how == Gone::Deleted {
                    let removal = self.removal(Reason::Rule, Some(by));
                    mail.keep(tx, copy, &removal)?;
                }
                self.note(tx, &note(how.action()).target(&by.to_string()))
            }
            Place::Held { why } => {
                let removal = Removal {
                    rule: Some(why.clone()),
                    ..self.removal(Reason::Quarantine, None)
                };
                mail.keep(tx, copy, &removal)?;
                self.note(tx, &note(QUARANTINE).target(why))
            }
            Place::Rejected { by, reason } => {
                if kept {
                    let removal = self.removal(Reason::Refused, by.as_ref());
                    mail.keep(tx, copy, &removal)?;
                }
                self.note(tx, &note(REJECT).target(reason))
            }
        }
    }

    /// What rules remember, and the errands that are left: nobody is answered twice.
    fn remember(&self, tx: &mut WriteTx<'_>) -> Result<Vec<Errand>, AcceptError> {
        let mut left = Vec::new();
        for errand in &self.errands {
            let (kind, handle, mark, seconds) = match &errand.wish {
                Wish::Remember {
                    handle,
                    mark,
                    seconds,
                } => (MemoryKind::Seen, handle, mark, *seconds),
                Wish::Reply(reply) => (
                    MemoryKind::Reply,
                    &reply.handle,
                    &self.sender_text(),
                    reply.seconds,
                ),
                Wish::Notify { .. } | Wish::Redirect { .. } => {
                    left.push(errand.clone());
                    continue;
                }
            };
            let memory = Memory {
                owner: errand.level.to_string(),
                kind,
                handle: handle.clone(),
                mark: mark.clone(),
            };
            let known = store::rule::remembers(tx, &memory, self.at)?;
            if kind == MemoryKind::Reply && known {
                continue;
            }
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            store::rule::remember(tx, &memory, self.at.plus_s(seconds))?;
            if kind == MemoryKind::Reply {
                left.push(errand.clone());
            }
        }
        Ok(left)
    }

    /// What becomes of each recipient of the envelope, now that it is known who has room.
    fn outcomes(&self, settled: &Settled) -> Vec<Outcome> {
        let plain =
            settled.refused.is_empty() && settled.outside.is_empty() && self.above.is_empty();
        if plain {
            return vec![Outcome::Stored; self.envelope_recipients.len()];
        }
        let outcome = |recipient| self.outcome(settled, recipient);
        self.envelope_recipients.iter().map(outcome).collect()
    }

    fn outcome(&self, settled: &Settled, recipient: &Address) -> Outcome {
        let above = self.above.get(&recipient.folded());
        match above.map(|above| &above.place) {
            Some(Place::Rejected { reason, .. }) => return Outcome::Rejected(reason.clone()),
            Some(Place::Gone { .. } | Place::Held { .. }) => return Outcome::Stored,
            Some(Place::Kept(_)) | None => {}
        }
        let has_it = |account: &AccountId| {
            let mut taken = settled.stored.iter().chain(&settled.gone);
            taken.any(|(stored, _)| stored == account)
        };
        let leaves = |target: &Address| settled.outside.contains_key(target);
        let reached = self.config.expand(recipient).unwrap_or_default();
        let mut rejected = settled.rejected.iter();
        let no = rejected.find(|(id, ..)| reached.accounts.contains(id));
        if reached.accounts.iter().any(has_it) {
            Outcome::Stored
        } else if leaves(recipient) || reached.outside.iter().any(leaves) {
            Outcome::Outside
        } else if let Some((.., reason)) = no {
            Outcome::Rejected(reason.clone())
        } else {
            Outcome::Refused
        }
    }

    /// The accounts for which a refused copy is kept: not those that are reached only through
    /// recipients who are told to have been refused, because of these the sender keeps the message.
    /// What a rule sent on to an account is nobody else's to keep.
    fn kept_refusals(&self, settled: &Settled) -> BTreeSet<AccountId> {
        let refused = settled.refused.iter().map(|(account, _)| *account);
        let refused = refused.chain(settled.rejected.iter().map(|(account, ..)| *account));
        if !self.wishes.per_recipient {
            return refused.collect();
        }
        let (mut told_no, mut told_yes) = (BTreeSet::new(), BTreeSet::new());
        for (recipient, outcome) in self.envelope_recipients.iter().zip(&settled.outcomes) {
            let reached = self.config.expand(recipient).unwrap_or_default().accounts;
            match outcome {
                Outcome::Stored | Outcome::Outside => told_yes.extend(reached),
                Outcome::Refused | Outcome::Rejected(_) => told_no.extend(reached),
            }
        }
        refused
            .filter(|account| told_yes.contains(account) || !told_no.contains(account))
            .collect()
    }

    /// The fates of recipients that have no copy of their own.
    fn notes_again(&self, tx: &mut WriteTx<'_>, settled: &Settled) -> Result<(), AcceptError> {
        for again in &self.again {
            let (action, target) = match &again.place {
                Place::Kept(_) => match &again.reached {
                    Reached::Account(account) => (self.action_for(*account, settled), None),
                    Reached::Outside(_) => (self.leaving_word(), None),
                },
                Place::Gone { by, how } => (how.action(), Some(by.to_string())),
                Place::Held { why } => (QUARANTINE, Some(why.clone())),
                Place::Rejected { reason, .. } => (REJECT, Some(reason.clone())),
            };
            let note = Note::new(&again.recipient, &again.reached, action).looks(&again.looks);
            let note = match &target {
                Some(target) => note.target(target),
                None => note,
            };
            self.note(tx, &note)?;
        }
        Ok(())
    }

    /// What is done with the copy of an account.
    fn action_for(&self, account: AccountId, settled: &Settled) -> &'static str {
        let copy = self.copies.iter().find(|copy| copy.account == account);
        match copy.map(|copy| &copy.place) {
            Some(Place::Gone { how, .. }) => how.action(),
            Some(Place::Held { .. }) => QUARANTINE,
            Some(Place::Rejected { .. }) => REJECT,
            Some(Place::Kept(_)) if settled.refused.iter().any(|(full, _)| *full == account) => {
                REFUSE
            }
            Some(Place::Kept(_)) | None => STORE,
        }
    }

    fn removal(&self, reason: Reason, rule: Option<&RuleAt>) -> Removal {
        Removal {
            reason,
            rule: rule.map(ToString::to_string),
            at: self.at,
            until: self.recoverable_until,
        }
    }
}

impl AccountCopy {
    /// A copy as it is where no rule says otherwise.
    fn new(config: &Config, account: AccountId, recipient: Address) -> Self {
        Self {
            account,
            recipient,
            quota_octets: config
                .account(account)
                .and_then(|account| account.quota_octets),
            place: Place::Kept(vec![Filing::inbox()]),
            changed: None,
            looks: Vec::new(),
        }
    }

    fn has_room(&self, tx: &WriteTx<'_>, octets: u64) -> Result<bool, AcceptError> {
        let Some(quota) = self.quota_octets else {
            return Ok(true);
        };
        let used = store::account::usage(tx, self.account)?.octets;
        Ok(used.saturating_add(octets) <= quota)
    }
}

impl Again {
    /// A recipient of whom no rule says anything.
    fn unruled((recipient, reached): (Address, Reached)) -> Self {
        Self {
            recipient,
            reached,
            place: Place::Kept(vec![Filing::inbox()]),
            looks: Vec::new(),
        }
    }
}

/// The recipients of the envelope through which nobody got a copy, as rules left them.
fn without_copy(plan: &Plan) -> Vec<Again> {
    let copies = plan.copies.values().chain(&plan.stopped);
    let through = copies.map(|copy| &copy.recipient);
    let leaving = plan.outside.values().map(|leaving| &leaving.recipient);
    let have: BTreeSet<_> = through.chain(leaving).collect();
    let without = plan
        .above
        .iter()
        .filter(|(recipient, _)| !have.contains(recipient));
    let again = without.filter_map(|(recipient, above)| {
        Some(Again {
            recipient: recipient.clone(),
            reached: above.first.clone()?,
            place: above.place.clone(),
            looks: above.looks.clone(),
        })
    });
    again.collect()
}

/// The message while it is stored; its body is written once, when the first copy needs it.
pub(super) struct Mail<'a> {
    arrival: &'a Arrival,
    described: &'a Described,
    blob: Option<BlobId>,
}

impl Mail<'_> {
    /// The body in the pack.
    pub(super) fn blob(&mut self, tx: &mut WriteTx<'_>) -> Result<BlobId, AcceptError> {
        Ok(match self.blob {
            Some(blob) => blob,
            None => *self.blob.insert(tx.put_blob(&self.arrival.message.body)?),
        })
    }

    fn keep(
        &mut self,
        tx: &mut WriteTx<'_>,
        copy: &AccountCopy,
        removal: &Removal,
    ) -> Result<(), AcceptError> {
        let new = self.new_email(tx, copy, None)?;
        store::recoverable::keep(tx, copy.account, &MailboxName::inbox(), &new, removal)?;
        Ok(())
    }

    fn new_email(
        &mut self,
        tx: &mut WriteTx<'_>,
        copy: &AccountCopy,
        into: Option<(MailboxId, &Filing)>,
    ) -> Result<NewEmail, AcceptError> {
        let arrival = self.arrival;
        let blob = self.blob(tx)?;
        let (head, described) = match &copy.changed {
            Some((head, described)) => (head, described),
            None => (&arrival.head, self.described),
        };
        let flags = match into {
            Some((folder, filing)) => flags(tx, folder, filing)?,
            None => FlagSet::default(),
        };
        Ok(NewEmail {
            blob,
            head: head.clone(),
            received_at: arrival.at,
            saved_at: arrival.at,
            thread: None,
            envelope: described.envelope.clone(),
            bodystructure: described.bodystructure.clone(),
            preview: described.preview.clone(),
            flags,
            keywords: Vec::new(),
        })
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
        let leaves = arrival.queues && !arrival.outside.is_empty();
        let turn = self.turn_of(&arrival);
        let store = move |tx: &mut WriteTx<'_>| arrival.store(tx, &described, turn);
        let settled = self.inner.store.try_write(store).await;
        if leaves && settled.is_ok() {
            self.inner.flights.wake();
        }
        settled
    }
}

impl Service {
    /// The place in the line of what goes outside.
    pub(super) fn turn_of(&self, arrival: &Arrival) -> Timestamp {
        match arrival.queues && !arrival.outside.is_empty() {
            true => (self.inner.turns).take(&arrival.sender_text(), arrival.at),
            false => arrival.at,
        }
    }
}

/// The Message-ID as it stands, cut to what a record keeps; empty if there is none.
pub(crate) fn message_id(head: &[u8]) -> String {
    let field = header::fields(head).find(|field| field.is("Message-ID"));
    let value = field
        .map(|field| header::unfolded(field.value))
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&value[..value.len().min(MESSAGE_ID_MAX_OCTETS)]);
    text.into_owned()
}
