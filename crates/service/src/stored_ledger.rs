//! The ledger as the database and the files beside it hold it, for the verifier.

use std::io;

use ledger::tiles::TileReader;
use ledger::verify::Source;
use ledger::{Entry, Origin};
use policy::{Config, ConfigBuilder};
use store::{ReadTx, Store, StoreResult};

use crate::start::LedgerFiles;

/// Entries that are read at once.
const ENTRIES_MAX: usize = 256;

/// A ledger that is checked where it is stored, octet by octet, past every cache.
pub struct StoredLedger {
    store: Store,
    log: String,
    files: LedgerFiles,
}

impl StoredLedger {
    /// The ledger of this name in a data folder; of a running server, or of a stopped one.
    pub fn new(store: Store, origin: &Origin) -> Self {
        Self {
            log: origin.to_string(),
            files: LedgerFiles::new(store.ledger_folder()),
            store,
        }
    }

    /// The configuration that the stored entries make, if all of them can be read and obeyed.
    /// Whether they are what was signed is not asked.
    pub fn config(&self) -> Option<Config> {
        let mut builder = ConfigBuilder::new();
        loop {
            let entries = self.entries(builder.config().size(), ENTRIES_MAX).ok()?;
            if entries.is_empty() {
                return Some(builder.finish());
            }
            for entry in entries {
                builder.fold_entry(&Entry::from_bytes(&entry).ok()?).ok()?;
            }
        }
    }

    fn read<T>(&self, question: impl FnOnce(&ReadTx<'_>) -> StoreResult<T>) -> io::Result<T> {
        self.store
            .read_fresh_blocking(question)
            .map_err(io::Error::other)
    }
}

impl Source for StoredLedger {
    fn entries(&self, from: u64, limit: usize) -> io::Result<Vec<Vec<u8>>> {
        let rows = self.read(|tx| store::ledger::entries(tx, &self.log, from, limit))?;
        let in_order = rows
            .into_iter()
            .zip(from..)
            .take_while(|(row, seq)| row.seq == *seq);
        Ok(in_order.map(|(row, _)| row.bytes).collect())
    }

    fn checkpoint(&self) -> io::Result<Vec<u8>> {
        let latest = self.read(|tx| store::ledger::latest_checkpoint(tx, &self.log))?;
        latest
            .map(|(_, note)| note)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn tiles(&self) -> Option<&dyn TileReader> {
        Some(&self.files)
    }
}
