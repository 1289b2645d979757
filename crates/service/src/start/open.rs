//! An installation that exists: its ledger is checked against the signer before a word is obeyed.

use ledger::Entry;
use ledger::tiles::TileWriter;
use ledger::tree::leaf_hash;
use policy::change::Mode;
use policy::{Change, Config, ConfigBuilder};
use store::Store;
use store::ledger::NewEntry;

use super::boot::BootFacts;
use super::files::LedgerFiles;
use super::heal::{self, Checked, Signed};
use super::{CHECKPOINT_FILE, Pin, Start, StartError, TilesError};
use crate::Service;
use crate::admit::Admission;
use crate::keys::Keys;
use crate::signer::{SignedGrowth, Signer};

impl Service {
    /// Opens an installation: finishes what a crash left half done, checks every entry against
    /// what was signed, heals what somebody else changed, and records this start.
    ///
    /// `pin` and `mode` are what the caller expects; another ledger is refused.
    pub async fn open(
        start: Start,
        pin: &Pin,
        mode: Mode,
        facts: BootFacts,
    ) -> Result<Self, StartError> {
        let keys = Keys::open(&start.paths.keys, start.random.clone())?;
        let signer = Signer::open(&start.paths.keys)?;
        check_pin(pin, &signer)?;
        let service = Self::assemble(start, keys, signer)?;
        let loading = service.clone();
        let task = tokio::task::spawn_blocking(move || {
            loading.load(&mut loading.inner.admission.blocking_lock())
        });
        let findings = task.await.unwrap_or(Err(StartError::BrokenOff))?;
        service.check_mode(mode)?;
        for finding in findings {
            service.record_finding(&finding).await?;
        }
        service.record_boot(facts).await?;
        Ok(service)
    }

    /// Reads, checks and folds the ledger.
    fn load(&self, admission: &mut Admission) -> Result<Vec<heal::Finding>, StartError> {
        let (store, log) = (&self.inner.store, self.inner.origin.to_string());
        if let Some(pending) = admission.signer.pending().cloned() {
            finish(store, &log, pending)?;
            admission.signer.confirm()?;
        }
        let Some(checkpoint) = admission.signer.confirmed_checkpoint() else {
            return Err(StartError::RolledBack {
                found: 0,
                signed: 0,
            });
        };
        let signed = Signed {
            size: checkpoint.size,
            root: checkpoint.root,
        };
        let files = LedgerFiles::new(store.ledger_folder());
        let Checked { entries, findings } = heal::check(store, &files, &log, signed)?;
        admission.tiles = match files.edge(signed.size, signed.root) {
            Some(edge) => edge,
            None => self.rebuild_files(&entries)?,
        };
        let note = admission
            .signer
            .confirmed()
            .unwrap_or_default()
            .as_bytes()
            .to_vec();
        let checkpoint = [(CHECKPOINT_FILE.to_owned(), note)];
        store
            .write_ledger_files_blocking(&checkpoint)
            .map_err(TilesError::from)?;
        self.publish(fold(&entries)?);
        Ok(findings)
    }

    /// Writes the second copy anew from checked entries.
    fn rebuild_files(&self, entries: &[Vec<u8>]) -> Result<TileWriter, TilesError> {
        tracing::warn!("the second copy of the ledger was not whole; it is written anew");
        let mut writer = TileWriter::new();
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let files = writer.append(&entries)?;
        let named: Vec<_> = files
            .into_iter()
            .map(|file| (file.id.path(), file.octets))
            .collect();
        self.inner.store.write_ledger_files_blocking(&named)?;
        Ok(writer)
    }

    fn check_mode(&self, mode: Mode) -> Result<(), StartError> {
        let config = self.config();
        match config.genesis() {
            Some(genesis) if genesis.mode == mode => Ok(()),
            found => Err(StartError::Mode {
                data: self.inner.store.ledger_folder().display().to_string(),
                mode: match found.map(|genesis| genesis.mode) {
                    Some(Mode::Demo) => "demo",
                    _ => "setup",
                },
            }),
        }
    }

    /// Records what was found and put right, and closes the gate for all but tightening.
    pub(crate) async fn record_finding(&self, finding: &heal::Finding) -> Result<(), StartError> {
        let (what, place) = (&finding.what, &finding.place);
        tracing::error!(%what, %place, "the ledger was changed from outside ({place}): {what}");
        let evidence = self.inner.vault.plain_object(&finding.evidence);
        let change = Change::OutsideEdit(finding.change(evidence.id));
        self.record_own(ledger::Door::Boot, change, vec![evidence])
            .await?;
        self.inner.admission.lock().await.frozen = Some(what.clone());
        Ok(())
    }
}

fn check_pin(pin: &Pin, signer: &Signer) -> Result<(), StartError> {
    let found = signer.verifier().to_string();
    if pin.vkey == found && pin.origin == signer.verifier().name().to_string() {
        return Ok(());
    }
    Err(StartError::OtherLedger {
        pinned: pin.vkey.clone(),
        found,
    })
}

/// Stores what was signed before a crash, unless the crash came after it was stored.
fn finish(store: &Store, log: &str, pending: SignedGrowth) -> Result<(), StartError> {
    let size = store.read_blocking(|tx| store::ledger::size(tx, log))?;
    let stored = store.read_blocking(|tx| store::ledger::checkpoint(tx, log, pending.to()))?;
    if stored.as_deref() == Some(pending.checkpoint.as_bytes()) {
        return Ok(());
    }
    if size > pending.from {
        // Somebody wrote rows after the signed size; they must not keep the signed ones out.
        let owned_log = log.to_owned();
        store.write_blocking(move |tx| store::ledger::cut(tx, &owned_log, pending.from))?;
    }
    let owned_log = log.to_owned();
    let new: Vec<_> = (pending.entries.iter())
        .map(|bytes| NewEntry {
            bytes: bytes.clone(),
            leaf: leaf_hash(bytes),
        })
        .collect();
    store.write_blocking(move |tx| {
        let checkpoint = pending.checkpoint.as_bytes();
        store::ledger::append_entries(tx, &owned_log, pending.from, &new, checkpoint)
    })?;
    Ok(())
}

fn fold(entries: &[Vec<u8>]) -> Result<Config, StartError> {
    let mut builder = ConfigBuilder::new();
    for (seq, bytes) in (0..).zip(entries) {
        let not_understood = |why: String| StartError::NotUnderstood { seq, why };
        let entry = Entry::from_bytes(bytes).map_err(|err| not_understood(err.to_string()))?;
        builder
            .fold_entry(&entry)
            .map_err(|err| not_understood(err.to_string()))?;
    }
    Ok(builder.finish())
}
