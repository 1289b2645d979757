//! When each credential was last used: kept in memory and written with each heartbeat.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use store::StoreResult;
use store::credential::Use;
use types::{CredentialId, Timestamp};

use crate::actor::Peer;
use crate::{Service, lock};

/// Uses that are not written yet, the newest of each credential.
#[derive(Default)]
pub(crate) struct Uses(Mutex<HashMap<CredentialId, Use>>);

impl Uses {
    /// Notes a use by this client.
    pub(crate) fn note(&self, id: CredentialId, peer: &Peer, at: Timestamp) {
        let last = Use {
            at,
            door: peer.protocol.as_str().to_owned(),
            source: peer.source().to_string(),
        };
        lock(&self.0).insert(id, last);
    }
}

impl Service {
    /// Writes what was noted; what cannot be written waits for the next time.
    pub(crate) async fn store_uses(&self) {
        let noted = lock(&self.inner.uses.0).clone();
        if noted.is_empty() {
            return;
        }
        let write = noted.clone();
        let written = self.inner.store.write_small(move |tx| {
            let mut all = write.iter();
            all.try_for_each(|(id, last)| store::credential::used(tx, *id, last))
        });
        if let Err(err) = written.await {
            tracing::warn!(error = %err, "the last uses of credentials wait to be written: {err}");
            return;
        }
        lock(&self.inner.uses.0).retain(|id, last| noted.get(id) != Some(last));
    }

    /// The last use of every credential that was used.
    pub(crate) async fn last_uses(&self) -> StoreResult<BTreeMap<CredentialId, Use>> {
        let mut uses = self.inner.store.read(store::credential::uses).await?;
        let noted = lock(&self.inner.uses.0);
        uses.extend(noted.iter().map(|(id, last)| (*id, last.clone())));
        Ok(uses)
    }
}
