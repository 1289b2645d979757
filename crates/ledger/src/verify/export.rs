//! A log that consists of its files alone, as an export writes it.

use std::io;

use super::Source;
use crate::checkpoint::Checkpoint;
use crate::note::{NOTE_MAX_OCTETS, Note};
use crate::tiles::{CHECKPOINT_FILE, TILE_WIDTH, TileId, TileKind, TileReader, read_entries};

/// Reads entries from bundles up to the size that the checkpoint file claims.
pub struct Export<R> {
    reader: R,
    checkpoint: Vec<u8>,
    size: u64,
}

impl<R: TileReader> Export<R> {
    /// Opens an export; fails if it has no checkpoint that tells its size.
    pub fn open(reader: R) -> io::Result<Self> {
        let checkpoint = reader.read(CHECKPOINT_FILE, NOTE_MAX_OCTETS)?;
        let checkpoint = checkpoint.ok_or(io::ErrorKind::NotFound)?;
        let invalid = |err| io::Error::new(io::ErrorKind::InvalidData, err);
        let note = Note::parse(&checkpoint).map_err(|err| invalid(err.to_string()))?;
        let claimed = note.text().parse::<Checkpoint>();
        let size = claimed.map_err(|err| invalid(err.to_string()))?.size;
        Ok(Self {
            reader,
            checkpoint,
            size,
        })
    }
}

impl<R: TileReader> Source for Export<R> {
    fn entries(&self, from: u64, limit: usize) -> io::Result<Vec<Vec<u8>>> {
        let mut entries: Vec<Vec<u8>> = Vec::new();
        let mut next = from;
        while entries.len() < limit && next < self.size {
            let index = next / TILE_WIDTH as u64;
            let Some(id) = TileId::within(TileKind::Entries, index, self.size) else {
                break;
            };
            let bundle = match read_entries(&self.reader, id) {
                Ok(bundle) => bundle,
                // The next call begins with this bundle and tells.
                Err(_) if !entries.is_empty() => break,
                Err(err) => return Err(io::Error::new(io::ErrorKind::InvalidData, err)),
            };
            let passed = usize::try_from(next % TILE_WIDTH as u64).unwrap_or(TILE_WIDTH);
            let wanted = limit - entries.len();
            let before = entries.len();
            entries.extend(bundle.into_iter().skip(passed).take(wanted));
            next += (entries.len() - before) as u64;
        }
        Ok(entries)
    }

    fn checkpoint(&self) -> io::Result<Vec<u8>> {
        Ok(self.checkpoint.clone())
    }

    fn tiles(&self) -> Option<&dyn TileReader> {
        Some(&self.reader)
    }
}
