//! One pass over the entries: each is checked by itself, appended to the tree, and compared with
//! the tile files as soon as it fills one.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread;

use types::Sha256;

use super::{Fault, FaultKind, Source};
use crate::entry::Entry;
use crate::origin::Origin;
use crate::tiles::{self, TileError, TileFile, TileId, TileReader, TileWriter};
use crate::tree::leaf_hash;

/// Entries that are held in memory at a time.
const CHUNK_ENTRIES: usize = 2_048;

/// What to read, and what to look for.
pub(super) struct Stream<'a> {
    pub(super) source: &'a dyn Source,
    /// The log that every entry must name; unknown only without key and checkpoint.
    pub(super) origin: Option<&'a Origin>,
    /// Size by the checkpoint, if there is a good one.
    pub(super) end: Option<u64>,
    /// Sizes at which the root is wanted.
    pub(super) marks: BTreeSet<u64>,
    pub(super) threads: NonZeroUsize,
}

/// What the pass found.
pub(super) struct Streamed {
    /// Entries before the first fault.
    pub(super) size: u64,
    /// The root over them.
    pub(super) root: Sha256,
    /// Roots at the wanted sizes that were reached.
    pub(super) marks: BTreeMap<u64, Sha256>,
    /// The first entry that is wrong by itself; the pass ended there.
    pub(super) entry_fault: Option<Fault>,
    /// The first entry that differs from the tile files.
    pub(super) tile_fault: Option<Fault>,
}

impl Stream<'_> {
    pub(super) fn run(&self) -> Streamed {
        let mut writer = TileWriter::new();
        let mut marks = BTreeMap::new();
        let mut tile_fault = None;
        let entry_fault = loop {
            self.mark(&writer, &mut marks);
            let chunk = match self.source.entries(writer.size(), CHUNK_ENTRIES) {
                Ok(chunk) => chunk,
                Err(err) => break Some(fault(writer.size(), FaultKind::Unreadable(err))),
            };
            if chunk.is_empty() {
                break None;
            }
            let checked = self.check_chunk(writer.size(), &chunk);
            if let Err(fault) =
                self.append(&mut writer, &chunk, checked, &mut marks, &mut tile_fault)
            {
                break Some(fault);
            }
        };
        // Without a checkpoint nothing says how wide the last files should be.
        if self.end.is_some() {
            self.compare(&writer, &writer.unfinished(), &mut tile_fault);
        }
        Streamed {
            size: writer.size(),
            root: writer.tree().root(),
            marks,
            entry_fault,
            tile_fault,
        }
    }

    /// Appends a chunk up to its first fault.
    fn append(
        &self,
        writer: &mut TileWriter,
        chunk: &[Vec<u8>],
        checked: Vec<Result<Sha256, FaultKind>>,
        marks: &mut BTreeMap<u64, Sha256>,
        tile_fault: &mut Option<Fault>,
    ) -> Result<(), Fault> {
        let mut files = Vec::new();
        for (entry, checked) in chunk.iter().zip(checked) {
            let seq = writer.size();
            if self.end.is_some_and(|end| seq >= end) {
                return Err(fault(seq, FaultKind::Uncovered));
            }
            let leaf = checked.map_err(|kind| fault(seq, kind))?;
            writer
                .push(entry, leaf, &mut files)
                .map_err(|err| fault(seq, FaultKind::TileUnreadable(err.to_string())))?;
            self.mark(writer, marks);
            if !files.is_empty() {
                self.compare(writer, &files, tile_fault);
                files.clear();
            }
        }
        Ok(())
    }

    /// Checks the entries from `first` on, each by itself, on all threads.
    fn check_chunk(&self, first: u64, chunk: &[Vec<u8>]) -> Vec<Result<Sha256, FaultKind>> {
        let share = chunk.len().div_ceil(self.threads.get()).max(1);
        let origin = self.origin;
        thread::scope(|scope| {
            let starts = (first..).step_by(share);
            let workers: Vec<_> = starts
                .zip(chunk.chunks(share))
                .map(|(start, entries)| {
                    scope.spawn(move || {
                        let numbered = (start..).zip(entries);
                        let checked = numbered.map(|(seq, entry)| check_entry(origin, seq, entry));
                        checked.collect::<Vec<_>>()
                    })
                })
                .collect();
            let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
            joined
                .flat_map(|checked| checked.unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        })
    }

    fn mark(&self, writer: &TileWriter, marks: &mut BTreeMap<u64, Sha256>) {
        if self.marks.contains(&writer.size()) {
            marks.insert(writer.size(), writer.tree().root());
        }
    }

    /// Compares what the tile files should hold with what they hold; keeps the first difference.
    ///
    /// Where the log was cut, the files may be wider than what is left; they must begin with it.
    fn compare(&self, writer: &TileWriter, files: &[TileFile], first: &mut Option<Fault>) {
        let Some(reader) = self.source.tiles() else {
            return;
        };
        let size = self.end.unwrap_or(writer.size());
        for expected in files {
            let TileId { kind, index, .. } = expected.id;
            let Some(stored) = TileId::within(kind, index, size) else {
                continue;
            };
            let Some(found) = difference(reader, expected, stored) else {
                continue;
            };
            // A hash high up says nothing new where an entry below it is known to differ.
            let behind = found.seq.saturating_add(stored.item_entries());
            if first.as_ref().is_none_or(|first| first.seq >= behind) {
                *first = Some(found);
            }
        }
    }
}

/// What an entry says about itself must be true in its place; gives its leaf hash.
fn check_entry(origin: Option<&Origin>, seq: u64, bytes: &[u8]) -> Result<Sha256, FaultKind> {
    let entry = Entry::from_bytes(bytes)?;
    if entry.seq != seq {
        return Err(FaultKind::Seq(entry.seq));
    }
    if origin.is_some_and(|origin| entry.log != *origin) {
        return Err(FaultKind::Log(entry.log));
    }
    Ok(leaf_hash(bytes))
}

fn fault(seq: u64, kind: FaultKind) -> Fault {
    Fault { seq, kind }
}

/// The first entry for which the stored tile does not begin with the expected one.
fn difference(reader: &dyn TileReader, expected: &TileFile, stored: TileId) -> Option<Fault> {
    let position = match tiles::first_difference(reader, expected, stored) {
        Ok(position) => position?,
        Err(TileError::Malformed(path)) => {
            return Some(fault(stored.first_seq(0), FaultKind::TileDiffers(path)));
        }
        Err(err) => {
            let kind = FaultKind::TileUnreadable(err.to_string());
            return Some(fault(stored.first_seq(0), kind));
        }
    };
    let kind = FaultKind::TileDiffers(stored.path());
    Some(fault(stored.first_seq(position), kind))
}
