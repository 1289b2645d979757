//! The second copy of the ledger: tile files beside the database, from which it can be healed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use ledger::Checkpoint;
use ledger::note::VerifierKey;
use ledger::tiles::{
    CHECKPOINT_FILE, FILE_MAX_OCTETS, TILE_WIDTH, TileError, TileId, TileKind, TileReader,
    TileWriter, read_entries, read_hashes,
};
use store::Store;
use types::Sha256;

use super::finding::Finding;

/// Octets of a checkpoint file.
const CHECKPOINT_MAX_OCTETS: usize = 16_384;
/// Files that are each recorded as changed from outside; more are counted with the last.
const FINDINGS_MAX: usize = 8;

/// Why the tile files could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TilesError {
    /// A file is missing or not what its name says.
    #[error("the second copy of the ledger: {0}")]
    Tile(#[from] TileError),
    /// The disk.
    #[error("the second copy of the ledger: {0}")]
    Store(#[from] store::StoreError),
}

/// The tile files in a folder.
pub(crate) struct LedgerFiles {
    dir: PathBuf,
}

/// File names with the content that they must have.
type Contents = BTreeMap<String, Vec<u8>>;

impl LedgerFiles {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Each entry of a log of `size`, where it can be read; nothing vouches for it.
    pub(super) fn entries(&self, size: u64) -> Vec<Option<Vec<u8>>> {
        let mut entries = Vec::new();
        for index in 0..size.div_ceil(TILE_WIDTH as u64) {
            let Some(id) = TileId::within(TileKind::Entries, index, size) else {
                break;
            };
            match read_entries(self, id) {
                Ok(bundle) => entries.extend(bundle.into_iter().map(Some)),
                Err(_) => entries.extend(std::iter::repeat_n(None, id.width)),
            }
        }
        entries
    }

    /// The leaf hashes of a log of `size`, if they can be read; nothing vouches for them.
    pub(super) fn leaves(&self, size: u64) -> Option<Vec<Sha256>> {
        let mut leaves = Vec::new();
        for index in 0..size.div_ceil(TILE_WIDTH as u64) {
            let id = TileId::within(TileKind::Hashes { level: 0 }, index, size)?;
            leaves.extend(read_hashes(self, id).ok()?);
        }
        Some(leaves)
    }

    /// The checkpoint that was written behind the last complete set of files, if one is there.
    pub(super) fn checkpoint(&self) -> Option<Vec<u8>> {
        self.read(CHECKPOINT_FILE, CHECKPOINT_MAX_OCTETS).ok()?
    }

    /// Makes the files the copy of `entries`, which were checked against `note`.
    ///
    /// Files that a crash kept from being written are simply written. Those that differ, or that
    /// are missing although their checkpoint says that they were written, were touched by others.
    pub(super) fn check(
        &self,
        store: &Store,
        entries: &[Vec<u8>],
        note: &str,
        key: &VerifierKey,
    ) -> Result<(TileWriter, Vec<Finding>), TilesError> {
        let found = self.checkpoint();
        let size = entries.len() as u64;
        let told = found.and_then(|note| Checkpoint::open(&note, key).ok());
        let told = told.map(|told| told.size).filter(|told| *told <= size);
        let written = told.map_or(entries, |told| {
            &entries[..usize::try_from(told).unwrap_or(entries.len())]
        });
        let (edge, wanted) = contents(entries)?;
        let must_be_there = if written.len() == entries.len() {
            wanted.clone()
        } else {
            contents(written)?.1
        };
        let mut touched = Vec::new();
        let mut missing = Vec::new();
        for (name, octets) in &wanted {
            match self.read(name, FILE_MAX_OCTETS) {
                Ok(Some(found)) if found == *octets => continue,
                Ok(None) if !must_be_there.contains_key(name) => {}
                found => touched.push((name.clone(), found.ok().flatten())),
            }
            missing.push((name.clone(), octets.clone()));
        }
        for (name, octets) in must_be_there
            .iter()
            .filter(|(name, _)| !wanted.contains_key(*name))
        {
            let found = self.read(name, FILE_MAX_OCTETS).ok().flatten();
            if found.as_ref() != Some(octets) {
                touched.push((name.clone(), found));
            }
        }
        if told.is_none() {
            touched.push((CHECKPOINT_FILE.to_owned(), self.checkpoint()));
        }
        if !missing.is_empty() || told != Some(size) {
            missing.push((CHECKPOINT_FILE.to_owned(), note.as_bytes().to_vec()));
            store.write_ledger_files_blocking(&missing)?;
        }
        let rest = touched.len().saturating_sub(FINDINGS_MAX);
        if rest > 0 {
            tracing::error!(rest, "{rest} more files of the second copy were touched");
        }
        let findings = touched.iter().take(FINDINGS_MAX);
        let findings = findings
            .map(|(name, found)| Finding::file(&self.dir.join(name), name, found.as_deref()));
        Ok((edge, findings.collect()))
    }
}

/// The files of a log with these entries, and its right edge.
fn contents(entries: &[Vec<u8>]) -> Result<(TileWriter, Contents), TileError> {
    let mut edge = TileWriter::new();
    let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
    let files = edge.append(&entries)?.into_iter();
    Ok((
        edge,
        files.map(|file| (file.id.path(), file.octets)).collect(),
    ))
}

impl TileReader for LedgerFiles {
    fn read(&self, path: &str, octets_max: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.dir.join(path)) {
            Ok(file) => file,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(err),
        };
        let mut octets = Vec::new();
        file.take(octets_max as u64 + 1).read_to_end(&mut octets)?;
        if octets.len() > octets_max {
            return Err(io::Error::other("the file is larger than it can be"));
        }
        Ok(Some(octets))
    }
}
