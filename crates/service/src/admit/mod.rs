//! The one gate for every change of the configuration.
//!
//! Whatever the door, a change takes these steps in this order: authorise, validate, judge the
//! difference in outcome, build the entries, sign the growth, commit entries and checkpoint in one
//! transaction, fold and publish, tell. What fails before the signature changes nothing; what was
//! signed is stored before anything else is. Nothing but this module makes a new configuration.

mod budget;
mod commit;
mod credentials;
mod draft;
mod entry;
mod prepare;
mod rule;
mod signing;
mod source;

#[cfg(test)]
mod crash;

use std::collections::BTreeSet;

use ledger::{Batch, Cause, Door, Outcome};
use policy::{
    Authority, Authorship, Change, ChangeError, ChangeErrorKind, Class, Config, Effect, Right,
    Viewer,
};
use serde::{Deserialize, Serialize};
use types::CredentialId;

pub(crate) use budget::Budgets;
use budget::Purse;
pub(crate) use commit::Admission;
use draft::{Draft, Item};
use entry::Occasion;
use prepare::Prepared;
pub(crate) use prepare::Purge;

use crate::Service;
use crate::actor::{Actor, Who};
use crate::command::{Command, Password};

/// Commands of one append.
const COMMANDS_MAX: usize = 2_000;
/// Octets of the words that an actor gives.
const REASON_MAX_OCTETS: usize = 2_000;

/// Said beside an exit of a server that sends nothing.
const CANNOT_SEND: &str = "This server does not send to others: mail to an address with a target \
                           outside is refused, also for targets here.";

/// The type of change whose plan lists the edits that it is about.
const ACKNOWLEDGE: &str = "security.acknowledge";

/// How a change is asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AdmitOptions {
    /// Why, in the actor's own words.
    pub reason: Option<String>,
    /// Say what would happen; change nothing.
    pub dry_run: bool,
    /// Sessions of the listeners that the change closes end with them; else they go on.
    #[serde(default)]
    pub end_sessions: bool,
}

/// What became of a change that was allowed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Admitted {
    /// The entries, in order; empty for a dry run.
    pub seqs: Vec<u64>,
    /// What the change does, one sentence each.
    pub effects: Vec<String>,
    /// The highest class of all changes, `C0` to `C3`.
    pub class: String,
    /// The highest score.
    pub score: u32,
    /// Detections that matched, such as `R1`.
    pub detections: Vec<String>,
    /// Secrets that were made, told this once.
    pub made: Vec<Made>,
    /// Whether it was only tried.
    pub dry_run: bool,
}

/// A credential whose secrets the server has just made; it does not keep them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Made {
    /// The credential's id.
    pub id: CredentialId,
    /// The password, the token, or the codes.
    pub secrets: Vec<Password>,
}

/// Why nothing was changed; the text is for the person who asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum AdmitError {
    /// The actor has no right to it.
    #[error("not allowed: {0}")]
    NotAllowed(String),
    /// It speaks of something that does not exist.
    #[error("{0}")]
    NotFound(String),
    /// It does not fit what exists.
    #[error("{0}")]
    Conflict(String),
    /// A value cannot be accepted.
    #[error("{0}")]
    Invalid(String),
    /// The actor has added enough for now.
    #[error("{0}")]
    OverBudget(String),
    /// The record was tampered with; changes of class C2 and C3 wait until that is acknowledged.
    #[error(
        "changes are frozen, since data were changed past the server ({0}): look at `sealpost ledger list`, find out who did it, then say so with `sealpost ledger acknowledge`"
    )]
    Frozen(String),
    /// It was signed, but the disk did not answer: it will be in force or not, ask again.
    #[error("it is not known yet whether the change took effect; look at `sealpost ledger list`")]
    NotKnownYet,
    /// As [`Self::NotKnownYet`], of credentials whose secrets were to be told with the success.
    #[error(
        "it is not known yet whether the change took effect; look at `sealpost ledger list`. If it \
         did, nobody knows the secrets of {}: make others and remove these",
        listed(.0)
    )]
    MadeNotKnownYet(Vec<CredentialId>),
    /// Our own trouble; nothing was changed.
    #[error("the change could not be recorded, so it was not made: {0}")]
    Unavailable(String),
}

impl AdmitError {
    /// The error with the credentials that the change was to make, where they may come to be.
    fn about_made(self, made: &[Made]) -> Self {
        match self {
            Self::NotKnownYet if !made.is_empty() => {
                Self::MadeNotKnownYet(made.iter().map(|made| made.id).collect())
            }
            other => other,
        }
    }

    /// The words of a check, with the names that people know in the place of ids.
    fn from_check(err: &ChangeError, config: &Config) -> Self {
        let words = named(&err.to_string(), config);
        match err.kind() {
            ChangeErrorKind::NotFound => Self::NotFound(words),
            ChangeErrorKind::Conflict => Self::Conflict(words),
            ChangeErrorKind::Invalid => Self::Invalid(words),
        }
    }
}

impl Service {
    /// Makes the changes that the commands ask for: all of them in one append, or none.
    ///
    /// Once the growth is signed the append completes even if the caller goes away.
    pub async fn admit(
        &self,
        actor: &Actor,
        commands: Vec<Command>,
        options: AdmitOptions,
    ) -> Result<Admitted, AdmitError> {
        let (service, actor) = (self.clone(), actor.clone());
        let task = tokio::spawn(async move {
            let admitted = service.admit_all(&actor, &commands, &options).await?;
            if !admitted.dry_run {
                service.wait_for_doors().await;
            }
            Ok(admitted)
        });
        task.await.unwrap_or(Err(AdmitError::NotKnownYet))
    }

    async fn admit_all(
        &self,
        actor: &Actor,
        commands: &[Command],
        options: &AdmitOptions,
    ) -> Result<Admitted, AdmitError> {
        check_size(commands, options)?;
        // What a start has not looked at yet may be what freezes this change.
        self.check_newest_days().await;
        // Only who may change the server hears whose an address is.
        let warnings = match policy::may(&self.authority(actor)?, &Right::ManageServer) {
            true => self.check_blocks(commands).await?,
            false => Vec::new(),
        };
        let prepared = self.prepare(actor, commands, options.dry_run).await?;
        let mut admission = self.inner.admission.lock().await;
        let mut outcome = self
            .admit_prepared(&mut admission, actor, &prepared, options)
            .await;
        if let Ok(admitted) = &mut outcome {
            admitted.effects.extend(warnings);
            if !admitted.dry_run {
                self.lift_blocks(commands).await;
                let failed = self.purge_recorded(&prepared).await;
                admitted.effects.extend(failed);
            }
        }
        if admission.signer.pending().is_none() {
            // The transaction may be what showed that others had written before it.
            self.look_for_edits(&mut admission).await;
        }
        // What the attempt came upon is recorded also where it failed; what cannot be recorded
        // now is kept and tried again.
        let _logged = self.record_found(&mut admission).await;
        outcome
    }

    /// Deletes the removed mail that the record now says is gone; tells what could not be.
    async fn purge_recorded(&self, prepared: &[Prepared<'_>]) -> Vec<String> {
        let mut told = Vec::new();
        for purge in prepared.iter().filter_map(|it| it.purge.as_ref()) {
            told.extend(self.purge(purge).await);
        }
        told
    }

    async fn admit_prepared(
        &self,
        admission: &mut Admission,
        actor: &Actor,
        prepared: &[Prepared<'_>],
        options: &AdmitOptions,
    ) -> Result<Admitted, AdmitError> {
        self.roll_forward(admission).await?;
        let authority = self.authority(actor)?;
        self.look_again_for(admission, &authority, prepared).await?;
        let config = self.config();
        let made = self.authorship(actor, &config);
        let mut draft = Draft::new(authority, &self.inner.vault, &config, made);
        for command in prepared {
            draft.add(command)?;
        }
        if let Some((item, err)) = draft.refused.take() {
            self.record_refusal(admission, actor, item).await;
            return Err(err);
        }
        let ahead = self.bind_ahead(&config, &draft.config).await;
        let mut ahead = ahead.map_err(|err| AdmitError::Conflict(err.to_string()))?;
        let mut admitted = self.summary(&draft, options.dry_run).await?;
        if options.dry_run || draft.items.is_empty() {
            return Ok(admitted);
        }
        self.check_session(actor, &draft.items).await?;
        admission.is_open_for(&draft.items, &draft.config)?;
        let Draft {
            config: after,
            items,
            objects,
            mut personal,
            made,
            steps,
            ..
        } = draft;
        let occasion = self.occasion(actor, options.reason.as_deref(), &mut personal);
        let purse = purse(&items);
        let entries = self.entries(&occasion, items, Outcome::Applied)?;
        expect_room(&entries)?;
        let octets = objects.iter().map(|object| object.stored.len()).sum();
        self.spend(admission, actor, purse, &entries, octets)?;
        self.use_up(steps).await?;
        self.keep_beside(objects, personal).await?;
        admitted.seqs = entries.iter().map(|entry| entry.seq).collect();
        if options.end_sessions {
            ahead.end_sessions_of_closing(&config, &after);
        }
        let appended = self.append(admission, &entries).await;
        appended.map_err(|err| err.about_made(&made))?;
        ahead.hand_over();
        admitted.made = made;
        Ok(admitted)
    }

    /// What is acknowledged must be whole, and all that is wrong must be on record.
    async fn look_again_for(
        &self,
        admission: &mut Admission,
        authority: &Authority,
        prepared: &[Prepared<'_>],
    ) -> Result<(), AdmitError> {
        let acknowledges =
            |it: &Prepared<'_>| matches!(it.command, Command::LedgerAcknowledge { .. });
        if !prepared.iter().any(acknowledges) || !policy::may(authority, &Right::ManageServer) {
            return Ok(());
        }
        let whole = self.compare(admission).await;
        whole.map_err(|err| AdmitError::Conflict(format!("nothing was acknowledged: {err}")))?;
        self.record_found(admission).await
    }

    /// Records something that the server itself did or found.
    pub(crate) async fn admit_own(
        &self,
        admission: &mut Admission,
        door: Door,
        changes: Vec<Change>,
        objects: Vec<crate::secrets::NewObject>,
    ) -> Result<(), AdmitError> {
        let config = self.config();
        let actor = Actor::system(door);
        let mut personal = Vec::new();
        let occasion = self.occasion(&actor, None, &mut personal);
        let made = Authorship::system(occasion.at);
        let mut draft = Draft::new(Authority::Console, &self.inner.vault, &config, made);
        for change in changes {
            draft.push(change)?;
        }
        let items = std::mem::take(&mut draft.items);
        let entries = self.entries(&occasion, items, Outcome::Applied)?;
        self.keep_beside(objects, personal).await?;
        self.append(admission, &entries).await
    }

    /// Switches off, each by an entry, the rules whose time is over.
    pub(crate) async fn expire_rules(&self) {
        let mut admission = self.inner.admission.lock().await;
        if let Err(err) = self.roll_forward(&mut admission).await {
            tracing::error!(error = %err, "rules whose time is over still work: {err}");
            return;
        }
        let over = rule::expired(&self.config(), self.clock().now());
        if over.is_empty() {
            return;
        }
        let ended = self.admit_own(&mut admission, Door::Schedule, over, Vec::new());
        if let Err(err) = ended.await {
            tracing::error!(error = %err, "rules whose time is over still work: {err}");
        }
    }

    /// What the entries of an actor's changes will say of who and when.
    fn authorship(&self, actor: &Actor, config: &Config) -> Authorship {
        Authorship {
            at: self.clock().now(),
            by: (&entry::actor(actor, config)).into(),
        }
    }

    fn authority(&self, actor: &Actor) -> Result<Authority, AdmitError> {
        let gone = || AdmitError::NotAllowed("this account no longer works".to_owned());
        actor.authority(&self.config()).ok_or_else(gone)
    }

    /// Whether the session of an account is one that this server began and did not end; looked at
    /// before any change of class C1 or higher.
    async fn check_session(&self, actor: &Actor, items: &[Item]) -> Result<(), AdmitError> {
        let Who::Account(principal) = &actor.who else {
            return Ok(());
        };
        if items.iter().all(|item| item.judgement.class < Class::C1) {
            return Ok(());
        }
        let id = principal.session;
        let read = self
            .inner
            .store
            .read(move |tx| store::session::find(tx, id));
        let holds = match read.await {
            Ok(Some(session)) => {
                let begin = &session.begin;
                session.ended_at.is_none()
                    && (begin.account, begin.sign_in) == (principal.account, principal.sign_in)
            }
            Ok(None) => false,
            Err(err @ store::StoreError::BadMac { .. }) => {
                self.alarm("I1", &format!("changed from outside: {err}"));
                false
            }
            Err(err) => return Err(AdmitError::Unavailable(err.to_string())),
        };
        let gone = || AdmitError::NotAllowed("this session is not valid; sign in again".to_owned());
        holds.then_some(()).ok_or_else(gone)
    }

    fn occasion(
        &self,
        actor: &Actor,
        reason: Option<&str>,
        personal: &mut Vec<crate::secrets::NewPersonal>,
    ) -> Occasion {
        let vault = &self.inner.vault;
        let reason = reason.map(|words| vault.personal(actor.subject(), words.as_bytes()));
        let commitment = reason.as_ref().map(|reason| reason.commitment);
        personal.extend(reason);
        Occasion {
            log: self.inner.origin.clone(),
            at: self.clock().now(),
            mono_us: self.clock().monotonic_us(),
            boot: self.inner.boot.clone(),
            actor: entry::actor(actor, &self.config()),
            via: entry::via(actor, vault, personal),
            reason: commitment,
            cause: None::<Cause>,
        }
    }

    fn entries(
        &self,
        occasion: &Occasion,
        items: Vec<Item>,
        outcome: Outcome,
    ) -> Result<Vec<ledger::Entry>, AdmitError> {
        let first = self.config().size();
        let of =
            u32::try_from(items.len()).map_err(|_| AdmitError::Invalid("too much".to_owned()))?;
        let batch = |n| {
            (of > 1).then(|| Batch {
                id: format!("b_{first}"),
                n,
                of,
            })
        };
        let numbered = (1..).zip(first..).zip(items);
        Ok(numbered
            .map(|((n, seq), item)| {
                occasion.entry(seq, item.payload, &item.judgement, outcome, batch(n))
            })
            .collect())
    }

    /// Charges the actor; the server itself is never refused.
    fn spend(
        &self,
        admission: &mut Admission,
        actor: &Actor,
        purse: Purse,
        entries: &[ledger::Entry],
        object_octets: usize,
    ) -> Result<(), AdmitError> {
        if matches!(actor.who, Who::System) {
            return Ok(());
        }
        let bytes = entries
            .iter()
            .map(|entry| entry.to_bytes().map_or(0, |bytes| bytes.len()));
        let octets = (bytes.sum::<usize>() + object_octets) as u64;
        let spent =
            admission
                .budgets
                .spend(&actor.key(), purse, octets, self.clock().monotonic_us());
        spent.map_err(|err| AdmitError::OverBudget(err.to_string()))
    }

    /// An attempt of class C1 or higher that was refused leaves an entry; the same attempt again
    /// within a minute only counts.
    async fn record_refusal(&self, admission: &mut Admission, actor: &Actor, item: Item) {
        if item.judgement.class < Class::C1 {
            return;
        }
        let now = self.clock().now();
        let what = format!(
            "{} {} {}",
            actor.key(),
            item.payload.kind,
            item.payload.object.id
        );
        if !admission.refusals.is_news(&what, now) {
            return;
        }
        let mut personal = Vec::new();
        let occasion = self.occasion(actor, None, &mut personal);
        let done = match self.entries(&occasion, vec![item], Outcome::Refused) {
            Ok(entries) => match self.keep_beside(Vec::new(), personal).await {
                Ok(()) => self.append(admission, &entries).await,
                Err(err) => Err(err),
            },
            Err(err) => Err(err),
        };
        if let Err(err) = done {
            tracing::error!(error = %err, "a refused change could not be recorded: {err}");
        }
    }

    /// Says whose new limit is below what they keep already.
    async fn over_quota(&self, draft: &Draft<'_>) -> Result<Vec<String>, AdmitError> {
        let mut told = Vec::new();
        for (id, limit) in draft.items.iter().filter_map(|item| item.limits) {
            let read = self
                .inner
                .store
                .read(move |tx| store::account::usage(tx, id));
            let usage = read.await;
            let usage = usage.map_err(|err| AdmitError::Unavailable(err.to_string()))?;
            if usage.octets > limit
                && let Some(account) = draft.config.account(id)
            {
                let who = policy::shown::address(&account.address);
                let has = policy::shown::octets(usage.octets);
                told.push(format!(
                    "{who} has {has} already, more than that: new mail for it is refused until it \
                     has removed some. Nothing is deleted."
                ));
            }
        }
        Ok(told)
    }

    async fn summary(&self, draft: &Draft<'_>, dry_run: bool) -> Result<Admitted, AdmitError> {
        let over_quota = self.over_quota(draft).await?;
        let (config, items) = (self.config(), &draft.items);
        // What goes has its name before the change, what comes has it after.
        let sentence = |effect: &Effect| {
            let names = match effect {
                Effect::CreatesAccess { .. } => &draft.config,
                _ => &config,
            };
            named(
                &policy::sentence(effect, names, Viewer::Server),
                &draft.config,
            )
        };
        let effects = items.iter().flat_map(|item| &item.judgement.effects);
        let told = items.iter().flat_map(|item| told(item, &sentence));
        let leaves = |effect: &Effect| matches!(effect, Effect::LeavesOrganisation { .. });
        let sends = self.inner.outside.sends();
        let edits = (items.iter())
            .filter(|item| item.payload.kind == ACKNOWLEDGE)
            .flat_map(|_| config.outside_edits().listed())
            .map(|edit| {
                let place = policy::shown::visible(&edit.place);
                format!(
                    "#{}: {} ({place})",
                    edit.seq,
                    policy::shown::visible(&edit.what)
                )
            });
        let cannot_send = (!sends && effects.clone().any(leaves)).then(|| CANNOT_SEND.to_owned());
        let class = items
            .iter()
            .map(|item| item.judgement.class)
            .max()
            .unwrap_or(Class::C0);
        Ok(Admitted {
            seqs: Vec::new(),
            effects: told
                .chain(edits)
                .chain(cannot_send)
                .chain(over_quota)
                .collect(),
            class: format!("{class:?}"),
            score: items
                .iter()
                .map(|item| item.judgement.score)
                .max()
                .unwrap_or(0),
            detections: detections(items),
            made: Vec::new(),
            dry_run,
        })
    }
}

/// What a change does, one sentence each.
fn told(item: &Item, sentence: &dyn Fn(&Effect) -> String) -> Vec<String> {
    let effects = item.judgement.effects.iter().enumerate();
    let sentences = effects.map(|(place, effect)| {
        let words = sentence(effect);
        match item.judgement.behind.get(&place) {
            Some(rule) => rule::of_another(item.payload.kind, *rule, &words),
            None => words,
        }
    });
    sentences.chain(item.plainly.clone()).collect()
}

/// All detections that match, each once.
fn detections(items: &[Item]) -> Vec<String> {
    let all = items.iter().flat_map(|item| &item.judgement.detections);
    let all: BTreeSet<_> = all.copied().collect();
    all.into_iter().map(str::to_owned).collect()
}

/// Out of which budget an append is paid.
fn purse(items: &[Item]) -> Purse {
    let mut judgements = items.iter().map(|item| &item.judgement);
    if judgements.clone().all(|judgement| judgement.only_removes) {
        Purse::Removal
    } else if judgements.all(|judgement| judgement.class == Class::C0) {
        Purse::Harmless
    } else {
        Purse::Ordinary
    }
}

/// The text of a rule and what is said about it stand in one entry.
fn expect_room(entries: &[ledger::Entry]) -> Result<(), AdmitError> {
    for entry in entries {
        let made = entry.to_bytes().map(drop);
        made.map_err(|err| {
            AdmitError::Invalid(format!(
                "{} does not fit into one entry of the record ({err}); make it shorter",
                entry.kind
            ))
        })?;
    }
    Ok(())
}

fn listed(ids: &[CredentialId]) -> String {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    ids.join(", ")
}

fn check_size(commands: &[Command], options: &AdmitOptions) -> Result<(), AdmitError> {
    if commands.len() > COMMANDS_MAX {
        let why = format!("more than {COMMANDS_MAX} changes in one command; split it");
        return Err(AdmitError::Invalid(why));
    }
    if options
        .reason
        .as_ref()
        .is_some_and(|reason| reason.len() > REASON_MAX_OCTETS)
    {
        let why = format!("the reason has more than {REASON_MAX_OCTETS} octets");
        return Err(AdmitError::Invalid(why));
    }
    Ok(())
}

/// A text with each id of an account, alias or domain replaced by the name of the thing.
pub(crate) fn named(text: &str, config: &Config) -> String {
    let name = |word: &str| {
        let account = word.parse().ok().and_then(|id| config.account(id));
        let alias = word.parse().ok().and_then(|id| config.alias(id));
        let domain = word.parse().ok().and_then(|id| config.domain_by_id(id));
        account
            .map(|account| account.address.to_string())
            .or_else(|| alias.map(|alias| alias.address.to_string()))
            .or_else(|| domain.map(|domain| domain.name.to_string()))
    };
    let words = text.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .map(|piece| {
            let word = piece.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            match name(word) {
                Some(name) => format!("{name}{}", &piece[word.len()..]),
                None => piece.to_owned(),
            }
        })
        .collect()
}
