//! The second copy of the ledger: tile files beside the database, from which it can be healed.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

use ledger::tiles::{TileError, TileId, TileKind, TileReader, TileWriter, read_entries};
use ledger::tree::{Tree, leaf_hash};
use types::Sha256;

/// The newest signed checkpoint, in the folder of the tile files.
pub(crate) const CHECKPOINT_FILE: &str = "checkpoint";
/// Entries of one bundle file.
const BUNDLE_ENTRIES: u64 = 256;

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

impl LedgerFiles {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// All entries of a log of `size`, if they lead to `root`; `None` if these files do not.
    pub(crate) fn entries(&self, size: u64, root: Sha256) -> Option<Vec<Vec<u8>>> {
        let (mut entries, mut tree) = (Vec::new(), Tree::new());
        for index in 0..size.div_ceil(BUNDLE_ENTRIES) {
            let id = TileId::within(TileKind::Entries, index, size)?;
            for entry in read_entries(self, id).ok()? {
                tree.append(leaf_hash(&entry));
                entries.push(entry);
            }
        }
        (tree.size() == size && tree.root() == root).then_some(entries)
    }

    /// The right edge of a log of `size` with this `root`; `None` if the files lead elsewhere.
    pub(crate) fn edge(&self, size: u64, root: Sha256) -> Option<TileWriter> {
        let edge = TileWriter::resume(size, self).ok()?;
        let tree = edge.tree();
        (tree.size() == size && tree.root() == root).then_some(edge)
    }
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
