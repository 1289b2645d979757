//! The signatures of mail that leaves, and the keys for those who look after a domain.

use std::sync::Arc;

use policy::change::{DkimName, DkimUse};
use policy::{Config, DkimKey};
use serde::{Deserialize, Serialize};
use types::Domain;

use super::{Job, Outbound};
use crate::Service;
use crate::actor::Actor;
use crate::dkim::{self, BodyHash, Signing, SigningKey};
use crate::error::ServiceResult;

/// Octets of a body that are read at a time.
const PIECE_OCTETS: usize = 256 * 1024;

/// A key with which mail is signed, was, or can be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DkimView {
    /// The name of its record in DNS.
    pub name: String,
    /// `rsa-sha256` or `ed25519-sha256`.
    pub algorithm: String,
    /// `waits`, `signs` or `rests`.
    pub state: String,
    /// The text of its record.
    pub record: String,
    /// The entry that made it what it is.
    pub entry: Option<u64>,
}

impl Outbound {
    /// The signatures of a job, to be sent before its header block; empty for what is not signed.
    /// Mail that is to be signed and cannot be is not sent: the words say why.
    pub async fn signatures(&self, job: &Job) -> Result<Vec<u8>, String> {
        let config = self.service.config();
        let keys = signs_for(&config, job);
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut hash = BodyHash::new();
        let mut at = 0;
        loop {
            let piece = self.body(job, at, PIECE_OCTETS).await;
            let piece = piece.map_err(|err| format!("the message cannot be read here: {err}"))?;
            if piece.is_empty() {
                break;
            }
            at += piece.len() as u64;
            hash.update(&piece);
        }
        let body_hash = hash.finish();
        let mut signatures = Vec::new();
        for key in keys {
            let name = &key.made.id;
            let signing = Signing {
                name,
                head: &job.head,
                body_hash: &body_hash,
                at: self.service.clock().now(),
            };
            let ready = self.ready(key).await;
            let signed = ready.and_then(|key| key.sign(&signing).ok());
            let Some(signed) = signed else {
                let words = format!("the key {name} cannot be used");
                self.service.alarm("queue", &format!("mail waits: {words}"));
                return Err(words);
            };
            signatures.extend(signed);
        }
        Ok(signatures)
    }

    /// A key, opened if it was not used lately.
    async fn ready(&self, key: &DkimKey) -> Option<Arc<SigningKey>> {
        let inner = &self.service.inner;
        let (id, algorithm) = (key.made.secret, key.made.algorithm);
        if let Some(ready) = inner.signing_keys.get(&id) {
            return Some(ready);
        }
        let read = inner.store.read(move |tx| store::ledger::object(tx, &id));
        let sealed = read.await.ok()??;
        let secret = inner.vault.open_secret(id, &sealed)?;
        let opened = SigningKey::open(algorithm, secret.expose())?;
        Some(inner.signing_keys.keep(id, opened))
    }
}

/// The keys that sign a job: those of its author's domain, if what it says of its author is known to
/// be true. What a stranger wrote and a rule sends on is never signed.
fn signs_for<'a>(config: &'a Config, job: &Job) -> Vec<&'a DkimKey> {
    let params = &job.ticket.params;
    if !params.own {
        return Vec::new();
    }
    let Some(domain) = dkim::author_domain(&job.head) else {
        return Vec::new();
    };
    let is_author = match job.reverse_path.address() {
        // Whoever signed in may use this address; the author's may be anybody's.
        Some(sender) => *sender.domain() == domain,
        None => params.credential.is_none(),
    };
    if !is_author || config.domain(&domain).is_none() {
        return Vec::new();
    }
    let keys = config.dkim_keys(&domain);
    keys.filter(|key| key.state == DkimUse::Signs).collect()
}

impl Service {
    /// The keys of a domain.
    pub fn dkim_list(&self, actor: &Actor, domain: &Domain) -> ServiceResult<Vec<DkimView>> {
        self.domain_show(actor, domain)?;
        let config = self.config();
        Ok(config
            .dkim_keys(domain)
            .map(|key| view(&config, key))
            .collect())
    }
}

fn view(config: &Config, key: &DkimKey) -> DkimView {
    let id: &DkimName = &key.made.id;
    let name = id.to_string();
    DkimView {
        algorithm: key.made.algorithm.as_str().to_owned(),
        state: match key.state {
            DkimUse::Waits => "waits",
            DkimUse::Signs => "signs",
            DkimUse::Rests => "rests",
        }
        .to_owned(),
        record: key.made.record(),
        entry: config.last_entry("dkim", &name).map(|(seq, _)| seq),
        name,
    }
}
