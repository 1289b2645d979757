//! What changes how far a log is sealed: rows are signed, days are let go, and a signer whose
//! state is older than what it signed takes that up again.

use std::ops::Range;

use ledger::tiles::{CHECKPOINT_FILE, TILE_WIDTH, TileId, TileKind, TileReader as _, read_hashes};
use ledger::{Checkpoint, HashTiles};
use store::{FoundRow, LogDays, LogRows, Store, StoreError, StoreResult, Synced};
use types::Sha256;

use super::check::{Fault, Report, check_day};
use super::prove::leaves_of;
use super::signer::LogSigner;
use super::{SealError, leaf, of};
use crate::start::LedgerFiles;

/// Rows under one more signature.
const PORTION_ROWS: u64 = 16_384;
/// Rows that are in memory at a time.
const CHUNK_ROWS: u64 = 1_024;
/// Days in which new rows are looked for first.
const NEW_DAYS: usize = 2;
/// Octets of a checkpoint file.
const CHECKPOINT_MAX_OCTETS: usize = 16_384;

/// Signs the rows up to `synced`, in portions.
pub(super) fn seal(
    store: &Store,
    signer: &mut LogSigner,
    synced: &Synced,
) -> Result<Report, SealError> {
    let log = signer.log();
    let mut report = Report::new();
    if let Some(signed) = signer.forked {
        return Err(SealError::Forked { log, signed });
    }
    if signer.size() >= synced.next {
        return Ok(report);
    }
    let mut new = NewRows {
        rows: of(store, log).rows_blocking(LogDays::Newest(NEW_DAYS))?,
        all: false,
        foreign: synced.foreign.clone(),
    };
    if let Some(end) = signer.after_close {
        new.foreign.push(signer.size()..end);
    }
    while signer.size() < synced.next {
        let portion = signer.size()..synced.next.min(signer.size() + PORTION_ROWS);
        let leaves = new.leaves(store, signer, portion, &mut report)?;
        sign(store, signer, &leaves)?;
    }
    Ok(report)
}

/// Writes the tiles, signs, and writes the checkpoint. A crash leaves tiles that are wider than
/// the checkpoint says, which is harmless, or a checkpoint that is older than the signer's.
fn sign(store: &Store, signer: &mut LogSigner, leaves: &[Sha256]) -> Result<(), SealError> {
    let log = signer.log().as_str();
    let before = signer.tiles().unfinished();
    let growth = signer.grow(leaves);
    let files: Vec<_> = growth
        .files
        .iter()
        .map(|file| (file.id.path(), file.octets.clone()))
        .collect();
    store.write_log_files_blocking(log, &files)?;
    signer.sign(growth)?;
    write_checkpoint(store, signer)?;
    let now: Vec<_> = signer.tiles().unfinished();
    let narrower = before
        .iter()
        .filter(|file| now.iter().all(|now| now.id != file.id));
    let narrower: Vec<_> = narrower.map(|file| file.id.path()).collect();
    store.remove_log_files_blocking(log, &narrower)?;
    Ok(())
}

fn write_checkpoint(store: &Store, signer: &LogSigner) -> StoreResult<()> {
    let Some(note) = signer.note() else {
        return Ok(());
    };
    let file = (CHECKPOINT_FILE.to_owned(), note.as_bytes().to_vec());
    store.write_log_files_blocking(signer.log().as_str(), &[file])
}

/// Reads rows that are not signed yet.
struct NewRows {
    rows: LogRows,
    /// Whether all days are read.
    all: bool,
    /// Numbers whose rows are not ours.
    foreign: Vec<Range<u64>>,
}

impl NewRows {
    fn leaves(
        &mut self,
        store: &Store,
        signer: &LogSigner,
        seqs: Range<u64>,
        report: &mut Report,
    ) -> StoreResult<Vec<Sha256>> {
        let mut leaves = Vec::new();
        let mut start = seqs.start;
        while start < seqs.end {
            let chunk = start..seqs.end.min(start + CHUNK_ROWS);
            start = chunk.end;
            let mut found = self.rows.read(chunk.clone())?;
            if found.len() as u64 != chunk.end - chunk.start && !self.all {
                self.rows = of(store, signer.log()).rows_blocking(LogDays::All)?;
                self.all = true;
                found = self.rows.read(chunk.clone())?;
            }
            self.add_leaves(&found, chunk, &mut leaves, report);
        }
        Ok(leaves)
    }

    /// One leaf for each number: that of its row, or a void one where there is no row of ours.
    fn add_leaves(
        &self,
        found: &[FoundRow],
        seqs: Range<u64>,
        leaves: &mut Vec<Sha256>,
        report: &mut Report,
    ) {
        let mut found = found.iter().peekable();
        for seq in seqs {
            let mut first = None;
            let mut more = None;
            while let Some(row) = found.next_if(|row| row.seq == seq) {
                *(if first.is_none() {
                    &mut first
                } else {
                    &mut more
                }) = Some(row);
            }
            let foreign = self.foreign.iter().any(|run| run.contains(&seq));
            let row = first
                .filter(|_| !foreign)
                .and_then(|first| first.row.as_ref());
            leaves.push(row.map_or_else(|| leaf::void(seq), |row| leaf::of_row(seq, row)));
            match (first, more) {
                (Some(_), Some(_)) => report.add(seq, Fault::Inserted, more),
                (Some(_), None) if foreign => report.add(seq, Fault::Inserted, first),
                (Some(_), None) if row.is_none() => report.add(seq, Fault::Changed, first),
                (None, _) if !foreign => report.add(seq, Fault::Missing, None),
                _ => {}
            }
        }
    }
}

/// Lets go the oldest days before `before` whose rows are all signed: remembers their rows, and
/// gives the day before which the files may be removed.
pub(super) fn release(
    store: &Store,
    signer: &mut LogSigner,
    before: &str,
) -> Result<(Option<String>, Report), SealError> {
    let log = of(store, signer.log());
    let mut report = Report::new();
    let mut days = log.days_blocking()?.into_iter();
    let mut released = false;
    for day in days.by_ref().take_while(|day| day.as_str() < before) {
        let mut rows = log.rows_blocking(LogDays::Only(&day))?;
        let runs = rows.runs()?;
        let end = runs.iter().map(|run| run.end).max().unwrap_or(0);
        let readable = rows.damaged().is_empty();
        let mut may_go = readable && end <= signer.size();
        if may_go {
            let (right, found) = check_day(store, &signer.view(), &mut rows, &runs)?;
            report.join(found);
            may_go = signer.let_go(&right)?;
        }
        if !may_go {
            tracing::warn!(
                "{day} of the {} log stays: not all of it is signed",
                signer.log()
            );
            return Ok((released.then_some(day), report));
        }
        released = true;
    }
    Ok((released.then(|| before.to_owned()), report))
}

/// Looks whether this signer's key signed more than its state says, and takes that up; whether it
/// did. Then sees to the checkpoint file, which a crash may have left behind.
pub(super) fn take_up(
    store: &Store,
    signer: &mut LogSigner,
    in_ledger: Option<String>,
) -> Result<bool, SealError> {
    let files = LedgerFiles::new(store.log_folder(signer.log().as_str()));
    let stored = files.read(CHECKPOINT_FILE, CHECKPOINT_MAX_OCTETS);
    let stored = stored
        .map_err(StoreError::from)?
        .and_then(|note| String::from_utf8(note).ok());
    let mut newest: Option<(Checkpoint, String)> = None;
    for note in stored.iter().cloned().chain(in_ledger) {
        let Ok(found) = Checkpoint::open(note.as_bytes(), signer.verifier()) else {
            continue;
        };
        let least = newest
            .as_ref()
            .map_or(signer.size(), |(newest, _)| newest.size);
        if found.size > least {
            newest = Some((found, note));
        }
    }
    let mut taken_up = false;
    if let Some((signed, note)) = newest {
        let log = signer.log();
        for from in [Leaves::Tiles, Leaves::Rows] {
            let grown = grown(store, signer.tiles(), signed.size, &files, log, from)?;
            if let Some(tiles) = grown {
                taken_up = signer.adopt(tiles, note.clone())?;
            }
            if taken_up {
                break;
            }
        }
        if !taken_up {
            let signed = signed.size;
            signer.forked = Some(signed);
            return Err(SealError::Forked { log, signed });
        }
    } else if signer.is_closed() {
        let rows = of(store, signer.log()).rows_blocking(LogDays::All)?;
        let last = rows
            .spans()
            .filter_map(|(_, last)| u64::try_from(last).ok())
            .max();
        signer.after_close = last.map(|last| last + 1).filter(|end| *end > signer.size());
    }
    if stored.as_deref() != signer.note() {
        write_checkpoint(store, signer)?;
    }
    Ok(taken_up)
}

/// Writes again the unfinished tiles that are missing or changed; gives their names.
pub(super) fn complete_edge(store: &Store, signer: &LogSigner) -> StoreResult<Vec<String>> {
    let log = signer.log().as_str();
    let files = LedgerFiles::new(store.log_folder(log));
    let mut wrong = Vec::new();
    for file in signer.tiles().unfinished() {
        let path = file.id.path();
        let stored = files.read(&path, file.octets.len()).ok().flatten();
        if stored.as_ref() != Some(&file.octets) {
            wrong.push((path, file.octets));
        }
    }
    store.write_log_files_blocking(log, &wrong)?;
    Ok(wrong.into_iter().map(|(path, _)| path).collect())
}

/// Where leaves come from that the signer has forgotten.
#[derive(Clone, Copy)]
enum Leaves {
    Tiles,
    Rows,
}

/// The tree grown to `size`; `None` if its leaves are not there.
fn grown(
    store: &Store,
    tiles: &HashTiles,
    size: u64,
    files: &LedgerFiles,
    log: policy::change::SealedLog,
    from: Leaves,
) -> StoreResult<Option<HashTiles>> {
    let mut tiles = tiles.clone();
    let mut rows = of(store, log).rows_blocking(LogDays::All)?;
    while tiles.size() < size {
        let (at, width) = (tiles.size(), TILE_WIDTH as u64);
        let end = size.min((at / width + 1) * width);
        let leaves = match from {
            Leaves::Rows => leaves_of(&mut rows, at..end)?,
            Leaves::Tiles => {
                let kind = TileKind::Hashes { level: 0 };
                let tile = TileId::within(kind, at / width, size);
                let hashes = tile.and_then(|id| read_hashes(files, id).ok());
                let position = usize::try_from(at % width).unwrap_or(TILE_WIDTH);
                match hashes.as_deref().and_then(|hashes| hashes.get(position..)) {
                    Some(leaves) => leaves.to_vec(),
                    None => return Ok(None),
                }
            }
        };
        tiles.append(&leaves);
    }
    Ok(Some(tiles))
}
