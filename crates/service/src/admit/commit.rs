//! The last steps of a change: sign, store, publish. What is signed is stored before all else.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::tiles::TileWriter;
use ledger::tree::leaf_hash;
use ledger::{Door, Entry};
use policy::{Class, ConfigBuilder};
use store::ledger::{NewEntry, ObjectKind};
use types::Timestamp;

use super::{AdmitError, Budgets, Item};
use crate::Service;
use crate::secrets::{NewObject, NewPersonal};
use crate::signer::{SignedGrowth, Signer};

/// Refused attempts that are remembered so that they fold into one entry.
const REFUSALS_MAX: usize = 1_000;
const REFUSAL_FOLD_S: i64 = 60;

/// Everything that only one change at a time may touch.
pub(crate) struct Admission {
    pub(crate) signer: Signer,
    pub(crate) tiles: TileWriter,
    pub(crate) budgets: Budgets,
    pub(crate) refusals: Refusals,
    /// Why only tightening is let through, while the record's integrity is in doubt.
    pub(crate) frozen: Option<String>,
}

impl Admission {
    pub(crate) fn new(signer: Signer, tiles: TileWriter) -> Self {
        let (budgets, refusals) = (Budgets::default(), Refusals::default());
        Self {
            signer,
            tiles,
            budgets,
            refusals,
            frozen: None,
        }
    }

    pub(super) fn is_open_for(&self, items: &[Item]) -> Result<(), AdmitError> {
        match &self.frozen {
            Some(why) if items.iter().any(|item| item.judgement.class >= Class::C2) => {
                Err(AdmitError::Frozen(why.clone()))
            }
            _ => Ok(()),
        }
    }
}

/// Refused attempts of the last minute.
#[derive(Default)]
pub(crate) struct Refusals(HashMap<String, Timestamp>);

impl Refusals {
    /// Whether this attempt is to be recorded: it was not refused within the last minute.
    pub(super) fn is_news(&mut self, what: &str, now: Timestamp) -> bool {
        self.0.retain(|_, at| now < at.plus_s(REFUSAL_FOLD_S));
        if self.0.contains_key(what) || self.0.len() >= REFUSALS_MAX {
            return false;
        }
        self.0.insert(what.to_owned(), now);
        true
    }
}

impl Service {
    /// Stores what entries will name. Nothing refers to it yet, so a crash here leaves no trace.
    pub(super) async fn keep_beside(
        &self,
        objects: Vec<NewObject>,
        personal: Vec<NewPersonal>,
    ) -> Result<(), AdmitError> {
        if objects.is_empty() && personal.is_empty() {
            return Ok(());
        }
        let vault = &self.inner.vault;
        let sealed: Result<Vec<_>, _> = personal
            .iter()
            .map(|new| Ok((new.commitment, vault.seal_personal(new)?)))
            .collect();
        let sealed = sealed.map_err(|err: crate::keys::KeysError| unavailable(&err))?;
        let store = move |tx: &mut store::WriteTx<'_>| {
            for object in &objects {
                let kind = if object.secret {
                    ObjectKind::Secret
                } else {
                    ObjectKind::Plain
                };
                store::ledger::put_object(tx, kind, &object.id, &object.stored)?;
            }
            for (commitment, sealed) in &sealed {
                store::ledger::put_sidecar(tx, &commitment.c, &commitment.k.to_string(), sealed)?;
            }
            Ok::<_, store::StoreError>(())
        };
        self.inner
            .store
            .write_ledger(store)
            .await
            .map_err(|err| unavailable(&err))
    }

    /// Signs the entries, stores them with their checkpoint, and puts them in force.
    pub(super) async fn append(
        &self,
        admission: &mut Admission,
        entries: &[Entry],
    ) -> Result<(), AdmitError> {
        let bytes: Result<Vec<_>, _> = entries.iter().map(Entry::to_bytes).collect();
        let bytes = bytes.map_err(|err| AdmitError::Invalid(err.to_string()))?;
        // Folded before anything is signed: what cannot be folded must never be signed.
        let mut builder = ConfigBuilder::from((*self.config()).clone());
        for entry in entries {
            builder
                .fold_entry(entry)
                .map_err(|err| AdmitError::Invalid(err.to_string()))?;
        }
        let tree = admission.tiles.tree();
        let signed = admission.signer.sign(&tree, bytes);
        let growth = signed.map_err(|err| unavailable(&err))?.clone();
        self.store_growth(admission, growth).await?;
        self.publish(builder.finish());
        for entry in entries {
            let (seq, what) = (entry.seq, &entry.kind);
            tracing::info!(ledger.seq = seq, change = %what, "entry {seq}: {what}");
        }
        Ok(())
    }

    /// Stores what the signer signed and nobody stored, before anything new is thought of.
    pub(crate) async fn roll_forward(&self, admission: &mut Admission) -> Result<(), AdmitError> {
        let Some(growth) = admission.signer.pending().cloned() else {
            return Ok(());
        };
        let mut builder = ConfigBuilder::from((*self.config()).clone());
        for bytes in &growth.entries {
            let entry = Entry::from_bytes(bytes).map_err(|err| unavailable(&err))?;
            builder
                .fold_entry(&entry)
                .map_err(|err| unavailable(&err))?;
        }
        self.store_growth(admission, growth).await?;
        self.publish(builder.finish());
        Ok(())
    }

    async fn store_growth(
        &self,
        admission: &mut Admission,
        growth: SignedGrowth,
    ) -> Result<(), AdmitError> {
        let log = self.inner.origin.to_string();
        let (from, checkpoint) = (growth.from, growth.checkpoint.clone().into_bytes());
        let new: Vec<_> = (growth.entries.iter())
            .map(|bytes| NewEntry {
                bytes: bytes.clone(),
                leaf: leaf_hash(bytes),
            })
            .collect();
        let appended = self.inner.store.write_ledger(move |tx| {
            store::ledger::append_entries(tx, &log, from, &new, &checkpoint)?;
            Ok::<_, store::StoreError>(())
        });
        if let Err(err) = appended.await {
            tracing::error!(error = %err, "signed entries could not be stored yet: {err}");
            return Err(AdmitError::NotKnownYet);
        }
        admission
            .signer
            .confirm()
            .map_err(|err| unavailable(&err))?;
        self.write_tiles(admission, &growth)
            .map_err(|err| unavailable(&err))
    }

    /// The second copy of the ledger, beside the database.
    fn write_tiles(
        &self,
        admission: &mut Admission,
        growth: &SignedGrowth,
    ) -> Result<(), crate::start::TilesError> {
        let entries: Vec<&[u8]> = growth.entries.iter().map(Vec::as_slice).collect();
        let files = admission.tiles.append(&entries)?;
        let mut named: Vec<_> = files
            .into_iter()
            .map(|file| (file.id.path(), file.octets))
            .collect();
        named.push((
            crate::start::CHECKPOINT_FILE.to_owned(),
            growth.checkpoint.clone().into_bytes(),
        ));
        self.inner.store.write_ledger_files_blocking(&named)?;
        Ok(())
    }

    pub(crate) fn publish(&self, config: policy::Config) {
        let size = config.size();
        if let Err(err) = self.show_certificates(&config) {
            tracing::error!(error = %err, "the certificates in force stay: {err}");
        }
        *crate::write_lock(&self.inner.config) = Arc::new(config);
        self.inner.config_size.send_replace(size);
    }

    /// Appends the record of something the server found, outside of any command.
    pub(crate) async fn record_own(
        &self,
        door: Door,
        change: policy::Change,
        objects: Vec<NewObject>,
    ) -> Result<(), AdmitError> {
        let mut admission = self.inner.admission.lock().await;
        self.roll_forward(&mut admission).await?;
        self.admit_own(&mut admission, door, change, objects).await
    }
}

fn unavailable(err: &dyn std::error::Error) -> AdmitError {
    tracing::error!(error = %err, "the ledger cannot be written: {err}");
    AdmitError::Unavailable(err.to_string())
}
