//! From an actor and a change to the entry that records both (docs/ledger.md, "Entry").

use std::collections::BTreeMap;

use ledger::entry::ENTRY_VERSION;
use ledger::{
    ActorKind, Batch, Cause, Claimed, Commitment, Credential, CredentialKind, Entry, Origin,
    Outcome,
};
use policy::{Config, Judgement, Payload};
use types::Timestamp;

use crate::actor::{Actor, Who};
use crate::secrets::{NewPersonal, Vault};

/// What all entries of one append have in common.
pub(crate) struct Occasion {
    pub(crate) log: Origin,
    pub(crate) at: Timestamp,
    pub(crate) mono_us: u64,
    pub(crate) boot: String,
    pub(crate) actor: ledger::Actor,
    pub(crate) via: ledger::Via,
    pub(crate) reason: Option<Commitment>,
    pub(crate) cause: Option<Cause>,
}

impl Occasion {
    /// The entry for one change on this occasion.
    pub(crate) fn entry(
        &self,
        seq: u64,
        payload: Payload,
        judgement: &Judgement,
        outcome: Outcome,
        batch: Option<Batch>,
    ) -> Entry {
        Entry {
            v: ENTRY_VERSION,
            log: self.log.clone(),
            seq,
            ts: self.at,
            mono_us: self.mono_us,
            boot: self.boot.clone(),
            kind: payload.kind.to_owned(),
            outcome,
            object: Some(payload.object),
            scope: payload.scope,
            actor: self.actor.clone(),
            via: self.via.clone(),
            before: payload.before,
            after: payload.after,
            objects: payload.objects,
            effects: judgement.effect_values(),
            risk: judgement.risk(),
            analyser: policy::judge::ANALYSER,
            batch,
            cause: self.cause.clone(),
            reason: self.reason,
        }
    }
}

/// The actor as the entry names it: ids in the clear, nothing personal.
pub(crate) fn actor(actor: &Actor, config: &Config) -> ledger::Actor {
    match &actor.who {
        Who::System => ledger::Actor::bare(ActorKind::System),
        Who::UnixUser(facts) => ledger::Actor {
            id: Some(format!("u_{}", facts.uid)),
            unix: Some(*facts),
            ..ledger::Actor::bare(ActorKind::UnixUser)
        },
        Who::Account(principal) => {
            let made = config.opens_mail(principal.account, principal.credential);
            let kind = match config.credential(principal.credential) {
                Some(_) => CredentialKind::AppPassword,
                None => CredentialKind::Password,
            };
            ledger::Actor {
                id: Some(principal.account.to_string()),
                credential: made.map(|made_seq| Credential {
                    kind,
                    id: principal.credential.to_string(),
                    made_seq,
                }),
                session: Some(principal.session),
                sign_in: Some(format!("a{}", principal.sign_in)),
                ..ledger::Actor::bare(ActorKind::Account)
            }
        }
    }
}

/// The way as the entry names it: facts beside claims, addresses and claims as commitments.
pub(crate) fn via(actor: &Actor, vault: &Vault, personal: &mut Vec<NewPersonal>) -> ledger::Via {
    let subject = actor.subject();
    let mut commit = |value: &str| {
        let new = vault.personal(subject, value.as_bytes());
        let commitment = new.commitment;
        personal.push(new);
        commitment
    };
    let peer = actor.via.peer.map(|peer| commit(&peer.to_string()));
    let client = match actor.via.client {
        client if client == actor.via.peer => peer,
        client => client.map(|client| commit(&client.to_string())),
    };
    let claimed: BTreeMap<_, _> = (actor.via.claimed.iter())
        .map(|(claim, value)| (*claim, Claimed::Committed(commit(value))))
        .collect();
    ledger::Via {
        door: actor.via.door,
        listener: actor.via.listener,
        peer,
        client,
        tls: actor.via.tls,
        claimed,
    }
}
