//! The last steps of a change: sign, store, publish. What is signed is stored before all else.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ledger::tiles::TileWriter;
use ledger::tree::leaf_hash;
use ledger::{Door, Entry};
use policy::{Class, Config, ConfigBuilder};
use store::ledger::{NewEntry, ObjectKind};
use types::Timestamp;

use super::{AdmitError, Budgets, Item};
use crate::Service;
use crate::fault::{self, Step};
use crate::secrets::{NewObject, NewPersonal};
use crate::signer::{SignedGrowth, Signer};
use crate::start::{Finding, ObjectRound, StartError, TilesError, examine};

/// Refused attempts that are remembered so that they fold into one entry.
const REFUSALS_MAX: usize = 1_000;
const REFUSAL_FOLD_S: i64 = 60;
/// Edits from outside that wait for their entries; more are only in the log.
const FOUND_MAX: usize = 100;

/// Everything that only one change at a time may touch.
pub(crate) struct Admission {
    pub(crate) signer: Signer,
    pub(crate) tiles: TileWriter,
    /// Whether files of the second copy could not be written and wait for the next beat.
    pub(crate) copy_is_behind: bool,
    pub(crate) budgets: Budgets,
    pub(crate) refusals: Refusals,
    /// Why the ledger could not be compared the last time.
    doubt: Option<Doubt>,
    /// Edits from outside that have no entry yet.
    found: VecDeque<Finding>,
    pub(crate) objects: ObjectRound,
}

impl Admission {
    pub(crate) fn new(signer: Signer, tiles: TileWriter) -> Self {
        Self {
            signer,
            tiles,
            copy_is_behind: false,
            budgets: Budgets::default(),
            refusals: Refusals::default(),
            doubt: None,
            found: VecDeque::new(),
            objects: ObjectRound::default(),
        }
    }

    /// Takes note of an edit from outside: it is put right already and is to be recorded. If it
    /// touched the record, changes of class C2 and C3 wait from now on.
    pub(crate) fn find(&mut self, finding: Finding) {
        if self.found.len() >= FOUND_MAX
            && finding.freezes()
            && let Some(place) = self.found.iter().rposition(|found| !found.freezes())
        {
            // What freezes must be recorded, or a restart would end the freeze.
            self.found.remove(place);
        }
        if self.found.len() < FOUND_MAX {
            self.found.push_back(finding);
        }
    }

    /// Why changes of class C2 and C3 wait under this configuration: the ledger cannot be put
    /// right, or nobody has acknowledged what was changed past the server.
    pub(crate) fn frozen(&self, config: &Config) -> Option<String> {
        if let Some(doubt) = &self.doubt {
            return Some(doubt.why.clone());
        }
        if let Some(finding) = self.found.iter().find(|finding| finding.freezes()) {
            return Some(finding.what.clone());
        }
        let edits = config.outside_edits();
        let first = edits.listed().first()?;
        let more = match edits.count() {
            1 => String::new(),
            count => format!("; {} more", count - 1),
        };
        Some(format!("entry #{}: {}{more}", first.seq, first.what))
    }

    /// `after` is the configuration that the items lead to: one of them may be what ends the wait.
    pub(super) fn is_open_for(&self, items: &[Item], after: &Config) -> Result<(), AdmitError> {
        match self.frozen(after) {
            Some(why) if items.iter().any(|item| item.judgement.class >= Class::C2) => {
                Err(AdmitError::Frozen(why))
            }
            _ => Ok(()),
        }
    }
}

/// A ledger that cannot be compared with what was signed, or cannot be put right.
struct Doubt {
    why: String,
    /// Whether it is other than it was signed; else it could not be read.
    is_damage: bool,
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
            .map_err(|err| unavailable(&err))?;
        fault::reached(Step::ObjectsStored);
        Ok(())
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
        fault::reached(Step::Signed);
        self.store_growth(admission, growth).await?;
        self.publish(builder.finish());
        fault::reached(Step::Published);
        for entry in entries {
            let (seq, what) = (entry.seq, &entry.kind);
            tracing::info!(ledger.seq = seq, change = %what, "entry {seq}: {what}");
        }
        Ok(())
    }

    /// Stores what the signer signed and nobody stored, before anything new is thought of; and
    /// looks at the ledger first if somebody else has written to the database.
    pub(crate) async fn roll_forward(&self, admission: &mut Admission) -> Result<(), AdmitError> {
        if let Some(growth) = admission.signer.pending().cloned() {
            let mut builder = ConfigBuilder::from((*self.config()).clone());
            for bytes in &growth.entries {
                let entry = Entry::from_bytes(bytes).map_err(|err| unavailable(&err))?;
                builder
                    .fold_entry(&entry)
                    .map_err(|err| unavailable(&err))?;
            }
            self.store_growth(admission, growth).await?;
            self.publish(builder.finish());
        }
        self.look_for_edits(admission).await;
        Ok(())
    }

    /// Looks at the ledger if somebody else has written to the database.
    pub(super) async fn look_for_edits(&self, admission: &mut Admission) {
        if self.inner.store.foreign_commit_seen()
            && let Err(err) = self.compare(admission).await
        {
            // The gate is closed now for changes of class C2 and C3; tightening must still get through.
            tracing::error!(error = %err, "the ledger could not be checked: {err}");
        }
    }

    /// Stores what is pending, writes the second copy, and tells the signer.
    ///
    /// Until the signer was told, the caller does not know what became of the growth: it stays
    /// pending and is tried again before the next change, which finds what is stored already.
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
        let stored = match appended.await {
            // Other rows than ours stand there, or it is stored already: the comparison knows.
            Err(store::StoreError::LedgerMoved { .. }) => {
                let compared = self.compare_rows(admission).await;
                compared.map(|_| ()).map_err(|err| err.to_string())
            }
            other => other.map_err(|err| err.to_string()),
        };
        if let Err(err) = stored {
            tracing::error!(error = %err, "signed entries could not be stored yet: {err}");
            return Err(AdmitError::NotKnownYet);
        }
        fault::reached(Step::Committed);
        // Before the signer forgets the bytes, so that two places have them at any moment.
        if let Err(err) = self.write_tiles(admission, &growth) {
            // The change is made; the copy is completed from the database at the next beat.
            tracing::error!(error = %err, "the second copy is behind: {err}");
            admission.copy_is_behind = true;
        }
        fault::reached(Step::TilesWritten);
        if let Err(err) = admission.signer.confirm() {
            tracing::error!(error = %err, "the signer could not note what is stored: {err}");
            return Err(AdmitError::NotKnownYet);
        }
        fault::reached(Step::Confirmed);
        Ok(())
    }

    /// The second copy of the ledger, beside the database.
    fn write_tiles(
        &self,
        admission: &mut Admission,
        growth: &SignedGrowth,
    ) -> Result<(), TilesError> {
        if admission.tiles.size() != growth.from {
            // They were written before, and only the signer's confirmation failed.
            return Ok(());
        }
        let entries: Vec<&[u8]> = growth.entries.iter().map(Vec::as_slice).collect();
        let files = admission.tiles.append(&entries)?;
        if admission.copy_is_behind {
            // Later files must not stand there before earlier ones.
            return Ok(());
        }
        let mut named: Vec<_> = files
            .into_iter()
            .map(|file| (file.id.path(), file.octets))
            .collect();
        named.push((
            ledger::tiles::CHECKPOINT_FILE.to_owned(),
            growth.checkpoint.clone().into_bytes(),
        ));
        self.inner.store.write_ledger_files_blocking(&named)?;
        Ok(())
    }

    /// Compares database and second copy with what was signed; what was put right waits to be
    /// recorded. Nothing is pending when this is called.
    pub(crate) async fn compare(&self, admission: &mut Admission) -> Result<(), StartError> {
        let edge = self.compare_rows(admission).await?;
        // The tree is the same; the edge is taken as it was computed from checked entries.
        admission.tiles = edge;
        admission.copy_is_behind = false;
        Ok(())
    }

    async fn compare_rows(&self, admission: &mut Admission) -> Result<TileWriter, StartError> {
        let (store, log) = (self.inner.store.clone(), self.inner.origin.to_string());
        let (signed, key) = (
            admission.signer.signed(),
            admission.signer.verifier().clone(),
        );
        let task = tokio::task::spawn_blocking(move || examine(&store, &log, &signed, &key));
        match task.await.unwrap_or(Err(StartError::BrokenOff)) {
            Ok(examined) => {
                if let Some(doubt) = admission.doubt.take()
                    && doubt.is_damage
                {
                    admission.find(Finding::mended(&doubt.why));
                }
                examined
                    .findings
                    .into_iter()
                    .for_each(|finding| admission.find(finding));
                Ok(examined.edge)
            }
            Err(err) => {
                self.alarm("I1", &err.to_string());
                // Damage that was seen is not forgotten over a disk that did not answer.
                if admission
                    .doubt
                    .as_ref()
                    .is_none_or(|doubt| !doubt.is_damage)
                {
                    admission.doubt = Some(Doubt {
                        why: err.to_string(),
                        is_damage: err.is_damage(),
                    });
                }
                Err(err)
            }
        }
    }

    /// Makes an entry of each edit from outside that was found and put right.
    pub(crate) async fn record_found(&self, admission: &mut Admission) -> Result<(), AdmitError> {
        while let Some(finding) = admission.found.pop_front() {
            let (what, place) = (&finding.what, &finding.place);
            self.alarm("I1", &format!("changed from outside ({place}): {what}"));
            let evidence = self.inner.vault.plain_object(&finding.evidence);
            let change = policy::Change::OutsideEdit(finding.change(evidence.id));
            let recorded = self
                .admit_own(admission, Door::Boot, vec![change], vec![evidence])
                .await;
            if let Err(err) = recorded {
                tracing::error!(error = %err, "an edit from outside is not recorded yet: {err}");
                // What was signed will be stored; only what was not is to be tried again.
                if !matches!(err, AdmitError::NotKnownYet) {
                    admission.found.push_front(finding);
                }
                return Err(err);
            }
        }
        Ok(())
    }

    pub(crate) fn publish(&self, config: Config) {
        let size = config.size();
        if let Err(err) = self.show_certificates(&config) {
            tracing::error!(error = %err, "the certificates in force stay: {err}");
        }
        *crate::write_lock(&self.inner.config) = Arc::new(config);
        self.end_invalid();
        self.inner.config_size.send_replace(size);
        let now_s = self.clock().now().seconds();
        self.inner.metrics.checkpoint_at.set(now_s);
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
        self.admit_own(&mut admission, door, vec![change], objects)
            .await
    }
}

fn unavailable(err: &dyn std::error::Error) -> AdmitError {
    tracing::error!(error = %err, "the ledger cannot be written: {err}");
    AdmitError::Unavailable(err.to_string())
}
