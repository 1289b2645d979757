//! An installation that exists: its ledger is checked against the signer before a word is obeyed.

use std::io;
use std::path::Path;

use ledger::Entry;
use ledger::note::VerifierKey;
use ledger::tiles::TileWriter;
use policy::change::Mode;
use policy::{Config, ConfigBuilder};
use store::Store;

use super::boot::BootFacts;
use super::files::LedgerFiles;
use super::finding::Finding;
use super::{Pin, Start, StartError, heal, unfinished};
use crate::Service;
use crate::admit::Admission;
use crate::keys::Keys;
use crate::signer::{Signed, Signer};

impl Service {
    /// Opens an installation: finishes what a crash left half done, checks every entry against
    /// what was signed, heals what somebody else changed, and records this start.
    ///
    /// `pin` and `mode` are what the caller expects; another ledger is refused. `facts` are waited
    /// for when all else is done.
    pub async fn open(
        start: Start,
        pin: &Pin,
        mode: Mode,
        facts: impl Future<Output = io::Result<BootFacts>>,
    ) -> Result<Self, StartError> {
        unfinished::refuse(&start.paths.data)?;
        let keys = Keys::open(&start.paths.keys, start.random.clone())?;
        let signer = Signer::open(&start.paths.keys)?;
        check_pin(pin, &signer)?;
        let service = Self::assemble(start, keys, signer)?;
        let loading = service.clone();
        let task = tokio::task::spawn_blocking(move || {
            loading.load(&mut loading.inner.admission.blocking_lock())
        });
        task.await.unwrap_or(Err(StartError::BrokenOff))?;
        service.check_mode(mode)?;
        service.open_logs().await?;
        service.look_at_time_since_last_start().await?;
        service.load_blocks().await?;
        if let Err(err) = service.take_back_leases().await {
            tracing::warn!(error = %err, "what was under way comes back when its leases end: {err}");
        }
        let mut admission = service.inner.admission.lock().await;
        service.check_objects(&mut admission).await;
        service.record_found(&mut admission).await?;
        drop(admission);
        let facts = facts.await.map_err(StartError::Facts)?;
        service.record_boot(facts).await?;
        Ok(service)
    }

    /// Reads, checks and folds the ledger; what was found waits to be recorded.
    pub(crate) fn load(&self, admission: &mut Admission) -> Result<(), StartError> {
        let (store, log) = (&self.inner.store, self.inner.origin.to_string());
        let files = LedgerFiles::new(store.ledger_folder());
        let adopted = heal::adopt(store, &files, &log, &mut admission.signer)?;
        let signed = admission.signer.signed();
        if signed.newest_note().is_none() {
            let data = store.ledger_folder().parent().map(Path::to_owned);
            return Err(StartError::SetupUnfinished {
                data: data.unwrap_or_default(),
            });
        }
        let examined = examine(store, &log, &signed, admission.signer.verifier())?;
        admission.signer.confirm()?;
        admission.tiles = examined.edge;
        let found = adopted.into_iter().flat_map(|adopted| adopted.findings);
        for finding in found.chain(examined.findings) {
            admission.find(finding);
        }
        self.publish(fold(&examined.entries)?);
        Ok(())
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
}

/// The ledger as it was signed, and what had to be put right.
pub(crate) struct Examined {
    entries: Vec<Vec<u8>>,
    pub(crate) edge: TileWriter,
    pub(crate) findings: Vec<Finding>,
}

/// Holds the database and the second copy against what was signed, and heals both.
pub(crate) fn examine(
    store: &Store,
    log: &str,
    signed: &Signed,
    key: &VerifierKey,
) -> Result<Examined, StartError> {
    let files = LedgerFiles::new(store.ledger_folder());
    let checked = heal::check(store, &files, log, signed, key)?;
    let note = signed.newest_note().unwrap_or_default();
    let (edge, touched) = files.check(store, &checked.entries, note, key)?;
    let mut findings = checked.findings;
    findings.extend(touched);
    Ok(Examined {
        entries: checked.entries,
        edge,
        findings,
    })
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
