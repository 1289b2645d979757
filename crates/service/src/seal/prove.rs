//! Hash tiles of a log, each proved by the edge that the signer holds.
//!
//! A full tile is right if the root over its hashes stands in the tile above it, and so on up to
//! the edge. One that is missing or wrong is made again from what is below it, if that leads to
//! the same hash; else nothing vouches for its rows.

use std::collections::HashMap;
use std::ops::Range;

use ledger::HashTiles;
use ledger::tiles::{TILE_WIDTH, TileFile, TileId, TileKind, read_hashes, tile_root};
use policy::change::SealedLog;
use store::{LogRows, Store, StoreResult};
use types::Sha256;

use super::leaf;
use crate::start::LedgerFiles;

/// Levels of tiles above 2^64 leaves.
const LEVELS_MAX: u32 = 8;

/// Hashes of a full tile.
type Full = Box<[Sha256; TILE_WIDTH]>;

/// Reads the leaves of a log with proof.
pub(super) struct Prover<'a> {
    store: &'a Store,
    log: SealedLog,
    tiles: &'a HashTiles,
    files: LedgerFiles,
    /// The tile of each level that was proved last.
    proved: HashMap<u32, (u64, Full)>,
    /// Files that had to be made again.
    pub(super) put_back: Vec<String>,
}

impl<'a> Prover<'a> {
    pub(super) fn new(store: &'a Store, log: SealedLog, tiles: &'a HashTiles) -> Self {
        Self {
            store,
            log,
            tiles,
            files: LedgerFiles::new(store.log_folder(log.as_str())),
            proved: HashMap::new(),
            put_back: Vec::new(),
        }
    }

    /// The leaves of one tile; `None` if nothing vouches for them any more.
    pub(super) fn leaves(
        &mut self,
        index: u64,
        rows: &mut LogRows,
    ) -> StoreResult<Option<Vec<Sha256>>> {
        self.proven(0, index, rows)
    }

    fn proven(
        &mut self,
        level: u32,
        index: u64,
        rows: &mut LogRows,
    ) -> StoreResult<Option<Vec<Sha256>>> {
        if let Some(hashes) = self.tiles.unfinished_hashes(level, index) {
            return Ok(Some(hashes.to_vec()));
        }
        if let Some((at, hashes)) = self.proved.get(&level)
            && *at == index
        {
            return Ok(Some(hashes.to_vec()));
        }
        if level >= LEVELS_MAX {
            return Ok(None);
        }
        let above = self.proven(level + 1, index / TILE_WIDTH as u64, rows)?;
        let position = usize::try_from(index % TILE_WIDTH as u64).unwrap_or(TILE_WIDTH);
        let Some(expected) = above.and_then(|above| above.get(position).copied()) else {
            return Ok(None);
        };
        let right = |hashes: &Full| tile_root(hashes) == expected;
        let mut hashes = self.stored(level, index).filter(right);
        if hashes.is_none() {
            hashes = self.below(level, index, rows)?.filter(right);
            if let Some(hashes) = &hashes {
                self.put_back(level, index, hashes);
            }
        }
        let Some(hashes) = hashes else {
            return Ok(None);
        };
        let proven = hashes.to_vec();
        self.proved.insert(level, (index, hashes));
        Ok(Some(proven))
    }

    /// A full tile as its file has it.
    fn stored(&self, level: u32, index: u64) -> Option<Full> {
        let hashes = read_hashes(&self.files, full(level, index)).ok()?;
        hashes.into_boxed_slice().try_into().ok()
    }

    /// A full tile as it follows from the rows, or from the tiles below it.
    fn below(&self, level: u32, index: u64, rows: &mut LogRows) -> StoreResult<Option<Full>> {
        let first = index * TILE_WIDTH as u64;
        let items = first..first + TILE_WIDTH as u64;
        let Some(lower) = level.checked_sub(1) else {
            return Ok(leaves_of(rows, items)?.into_boxed_slice().try_into().ok());
        };
        let mut hashes = Vec::with_capacity(TILE_WIDTH);
        for item in items {
            let tile = match self.stored(lower, item) {
                Some(tile) => Some(tile),
                None => self.below(lower, item, rows)?,
            };
            let Some(tile) = tile else {
                return Ok(None);
            };
            hashes.push(tile_root(&tile));
        }
        Ok(hashes.into_boxed_slice().try_into().ok())
    }

    fn put_back(&mut self, level: u32, index: u64, hashes: &Full) {
        let file = TileFile::of_hashes(full(level, index), hashes.as_slice());
        let file = (file.id.path(), file.octets);
        let files = std::slice::from_ref(&file);
        match self
            .store
            .write_log_files_blocking(self.log.as_str(), files)
        {
            Ok(()) => self.put_back.push(file.0),
            Err(err) => {
                tracing::error!(error = %err, "hash tile {} cannot be put back: {err}", file.0);
            }
        }
    }
}

fn full(level: u32, index: u64) -> TileId {
    TileId {
        kind: TileKind::Hashes { level },
        index,
        width: TILE_WIDTH,
    }
}

/// The leaves of rows as they are now; nothing vouches for them.
pub(super) fn leaves_of(rows: &mut LogRows, seqs: Range<u64>) -> StoreResult<Vec<Sha256>> {
    let found = rows.read(seqs.clone())?;
    let mut found = found.iter().peekable();
    let mut leaves = Vec::new();
    for seq in seqs {
        let mut leaf = leaf::void(seq);
        while let Some(row) = found.next_if(|row| row.seq == seq) {
            if let Some(row) = &row.row {
                leaf = leaf::of_row(seq, row);
            }
        }
        leaves.push(leaf);
    }
    Ok(leaves)
}
