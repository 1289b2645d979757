//! What the database holds of the ledger, compared with what was signed; what differs is evidence.
//!
//! Rows that no signed checkpoint covers are never obeyed and never signed: they are taken out.
//! Rows that are not what was signed are written again, each from whatever has it: the row itself
//! or the second copy. Which bytes are right is decided by leaf hashes that lead to the signed
//! root; without such hashes there is nothing to go on from.

use ledger::Checkpoint;
use ledger::note::VerifierKey;
use ledger::tree::{Tree, leaf_hash};
use store::Store;
use store::ledger::{NewEntry, StoredEntry};
use types::Sha256;

use super::finding::Finding;
use super::{LedgerFiles, StartError};
use crate::signer::{Signed, Signer};

/// Entries read at a time.
const CHUNK_ENTRIES: usize = 1_000;
/// Rows beyond an old signer's memory that are looked at for a newer checkpoint.
const ADOPTED_MAX: usize = 100_000;

/// The entries that were signed, with what had to be put right to get them.
pub(crate) struct Checked {
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) findings: Vec<Finding>,
}

/// Makes the database hold exactly what was signed, pending growth included.
pub(crate) fn check(
    store: &Store,
    files: &LedgerFiles,
    log: &str,
    signed: &Signed,
    key: &VerifierKey,
) -> Result<Checked, StartError> {
    let mut rows = read_rows(store, log)?;
    let tail = rows.split_off(rows.partition_point(|row| row.seq < signed.size));
    let mut findings = Vec::new();
    let mut entries = if is_whole(&rows, signed) {
        rows.into_iter().map(|row| row.bytes).collect()
    } else {
        let (entries, finding) = restore(store, files, log, signed, key, &rows)?;
        findings.push(finding);
        entries
    };
    findings.extend(check_end(store, log, signed, entries.last(), &tail)?);
    let pending = signed.pending.iter().flat_map(|growth| &growth.entries);
    entries.extend(pending.cloned());
    Ok(Checked { entries, findings })
}

/// Whether the rows are all that the confirmed checkpoint covers, as they were signed.
fn is_whole(rows: &[StoredEntry], signed: &Signed) -> bool {
    let in_order = rows.iter().zip(0..).all(|(row, seq)| row.seq == seq);
    let hashes = rows.iter().map(|row| leaf_hash(&row.bytes));
    in_order && leads_to(hashes, signed)
}

fn leads_to(leaves: impl IntoIterator<Item = Sha256>, signed: &Signed) -> bool {
    let mut tree = Tree::new();
    leaves.into_iter().for_each(|leaf| tree.append(leaf));
    (tree.size(), tree.root()) == (signed.size, signed.root)
}

/// Compares what stands behind the confirmed entries, and the newest checkpoint, with what was
/// signed, and puts both right.
fn check_end(
    store: &Store,
    log: &str,
    signed: &Signed,
    last: Option<&Vec<u8>>,
    tail: &[StoredEntry],
) -> Result<Vec<Finding>, StartError> {
    let pending: &[Vec<u8>] = signed
        .pending
        .as_ref()
        .map_or(&[], |growth| &growth.entries);
    let is_pending = |row: &StoredEntry| {
        let at = row.seq - signed.size;
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        pending.get(at) == Some(&row.bytes)
    };
    let rogue: Vec<_> = tail.iter().filter(|row| !is_pending(row)).collect();
    let stored = store.read_fresh_blocking(|tx| store::ledger::latest_checkpoint(tx, log))?;
    let wanted = signed.newest_note().map(|note| (signed.to(), note.into()));
    if rogue.is_empty() && tail.len() == pending.len() && stored == wanted {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    if !rogue.is_empty() {
        let what = "entries without a signed checkpoint";
        findings.push(Finding::rows(store, what, rogue[0].seq, &rogue));
    }
    let confirmed = signed
        .note
        .as_ref()
        .map(|note| (signed.size, note.as_bytes().to_vec()));
    let before_crash = signed.pending.is_some() && stored == confirmed;
    if stored != wanted && !before_crash {
        findings.push(Finding::checkpoint(store, stored));
    }
    let (from, entries, note) = match (&signed.pending, last) {
        (Some(growth), _) => (growth.from, growth.entries.clone(), &growth.checkpoint),
        (None, Some(last)) => {
            let note = signed.note.as_ref().ok_or(StartError::BrokenOff)?;
            (signed.size - 1, vec![last.clone()], note)
        }
        (None, None) => (0, Vec::new(), &String::new()),
    };
    write_end(store, log, from, &entries, note)?;
    Ok(findings)
}

/// Makes the log end with these entries and this checkpoint, whatever stands there.
fn write_end(
    store: &Store,
    log: &str,
    from: u64,
    entries: &[Vec<u8>],
    note: &str,
) -> Result<(), StartError> {
    let (log, note) = (log.to_owned(), note.as_bytes().to_vec());
    let new: Vec<_> = entries.iter().map(|bytes| new_entry(bytes)).collect();
    let written = store.write_ledger_blocking(move |tx| {
        store::ledger::cut(tx, &log, from)?;
        if !new.is_empty() {
            store::ledger::append_entries(tx, &log, from, &new, &note)?;
        }
        Ok::<_, store::StoreError>(())
    });
    Ok(written?)
}

fn new_entry(bytes: &[u8]) -> NewEntry {
    NewEntry {
        bytes: bytes.to_vec(),
        leaf: leaf_hash(bytes),
    }
}

/// Writes again what is missing or not as it was signed.
fn restore(
    store: &Store,
    files: &LedgerFiles,
    log: &str,
    signed: &Signed,
    key: &VerifierKey,
    rows: &[StoredEntry],
) -> Result<(Vec<Vec<u8>>, Finding), StartError> {
    let copies = files.entries(signed.size);
    let Some(leaves) = signed_leaves(files, signed, rows, &copies) else {
        let doubtful = first_doubtful(files, signed, rows);
        let seq = doubtful.map_or_else(|| vouched(store, log, key, rows), Ok)?;
        return Err(lost(signed, rows, seq));
    };
    let mut by_seq = rows.iter().peekable();
    let mut entries = Vec::with_capacity(leaves.len());
    let mut wrong = Vec::new();
    for ((seq, leaf), copy) in (0..).zip(&leaves).zip(&copies) {
        let row = by_seq.next_if(|row| row.seq == seq);
        let right = |bytes: &&Vec<u8>| leaf_hash(bytes) == *leaf;
        if let Some(bytes) = row.map(|row| &row.bytes).filter(right) {
            entries.push(bytes.clone());
            continue;
        }
        let copy = copy.as_ref().filter(right);
        entries.push(copy.ok_or_else(|| lost(signed, rows, seq))?.clone());
        wrong.push((seq, row));
    }
    let again: Vec<_> = wrong
        .iter()
        .filter_map(|(seq, _)| Some((*seq, new_entry(entries.get(usize::try_from(*seq).ok()?)?))))
        .collect();
    let owned_log = log.to_owned();
    let written = store.write_ledger_blocking(move |tx| {
        again
            .iter()
            .try_for_each(|(seq, entry)| store::ledger::put_back(tx, &owned_log, *seq, entry))
    });
    let written: Result<(), store::StoreError> = written;
    written?;
    let first = wrong.first().map_or(0, |(seq, _)| *seq);
    let rogue: Vec<_> = wrong.iter().filter_map(|(_, row)| *row).collect();
    let what = "entries that are missing or not as they were signed";
    Ok((entries, Finding::rows(store, what, first, &rogue)))
}

/// The leaf hashes under the signed root, from whoever still has them all.
fn signed_leaves(
    files: &LedgerFiles,
    signed: &Signed,
    rows: &[StoredEntry],
    copies: &[Option<Vec<u8>>],
) -> Option<Vec<Sha256>> {
    let of_files = || files.leaves(signed.size);
    let of_rows = || Some(rows.iter().map(|row| row.leaf).collect());
    let of_copies = || {
        let hashes = copies.iter().map(|copy| copy.as_deref().map(leaf_hash));
        hashes.collect::<Option<Vec<_>>>()
    };
    [of_files(), of_rows(), of_copies()]
        .into_iter()
        .flatten()
        .find(|leaves: &Vec<Sha256>| leads_to(leaves.iter().copied(), signed))
}

/// Names what cannot be had back: a log that ends too early was rolled back, else it is damaged.
fn lost(signed: &Signed, rows: &[StoredEntry], seq: u64) -> StartError {
    let found = rows.len() as u64;
    let in_order = rows.iter().zip(0..).all(|(row, seq)| row.seq == seq);
    if in_order && found < signed.size {
        StartError::RolledBack {
            found,
            signed: signed.to(),
        }
    } else {
        StartError::Damaged { seq }
    }
}

/// The first row that its place, its stored hash or the second copy speak against.
fn first_doubtful(files: &LedgerFiles, signed: &Signed, rows: &[StoredEntry]) -> Option<u64> {
    let copied = files.leaves(signed.size).unwrap_or_default();
    let doubtful = |(at, row): &(u64, &StoredEntry)| {
        let hash = leaf_hash(&row.bytes);
        let copied = usize::try_from(*at).ok().and_then(|at| copied.get(at));
        row.seq != *at || hash != row.leaf || copied.is_some_and(|copied| *copied != hash)
    };
    (0..).zip(rows).find(doubtful).map(|(at, _)| at)
}

/// How many entries from the first on the older checkpoints in the database vouch for.
fn vouched(
    store: &Store,
    log: &str,
    key: &VerifierKey,
    rows: &[StoredEntry],
) -> Result<u64, StartError> {
    let (mut tree, mut vouched) = (Tree::new(), 0);
    for row in rows {
        tree.append(leaf_hash(&row.bytes));
        let size = tree.size();
        let note = store.read_fresh_blocking(|tx| store::ledger::checkpoint(tx, log, size))?;
        match note.and_then(|note| opened(note, key)) {
            Some((_, checkpoint)) if checkpoint.root == tree.root() => vouched = size,
            Some(_) => break,
            None => {}
        }
    }
    Ok(vouched)
}

/// All rows of the log in order, also those that nobody signed. A row that cannot be read counts
/// as missing.
fn read_rows(store: &Store, log: &str) -> Result<Vec<StoredEntry>, StartError> {
    let read = |first: u64, limit: usize| {
        store.read_fresh_blocking(|tx| store::ledger::entries(tx, log, first, limit))
    };
    let (mut rows, mut first) = (Vec::new(), 0);
    loop {
        let chunk = match read(first, CHUNK_ENTRIES) {
            Ok(chunk) if chunk.is_empty() => return Ok(rows),
            Ok(chunk) => chunk,
            Err(_) => {
                let behind = first + CHUNK_ENTRIES as u64;
                let one_by_one = (first..behind).filter_map(|seq| read(seq, 1).ok()?.pop());
                let mut chunk: Vec<_> = one_by_one.collect();
                chunk.dedup_by_key(|row| row.seq);
                rows.extend(
                    chunk
                        .into_iter()
                        .filter(|row: &StoredEntry| row.seq < behind),
                );
                first = behind;
                continue;
            }
        };
        first = chunk.last().map_or(first, |row| row.seq + 1);
        rows.extend(chunk);
    }
}

/// Takes up what this signer's own key signed after the state that it is in: the keys folder was
/// put back from a copy, the ledger was not. Anything else beyond the signer's memory is rogue.
pub(crate) fn adopt(
    store: &Store,
    files: &LedgerFiles,
    log: &str,
    signer: &mut Signer,
) -> Result<Option<Checked>, StartError> {
    let known = signer.signed();
    let beyond = store.read_fresh_blocking(|tx| {
        let rows = store::ledger::entries(tx, log, known.to(), ADOPTED_MAX)?;
        let in_order = rows
            .iter()
            .zip(known.to()..)
            .take_while(|(row, seq)| row.seq == *seq);
        let sizes = in_order.map(|(row, _)| row.seq + 1);
        sizes
            .map(|size| store::ledger::checkpoint(tx, log, size))
            .collect::<Result<Vec<_>, store::StoreError>>()
    });
    // Rows that cannot be read are for the check to find; a copy beside them may still speak.
    let notes = beyond.unwrap_or_default().into_iter().flatten();
    let newest = notes
        .chain(files.checkpoint())
        .filter_map(|note| opened(note, signer.verifier()))
        .filter(|(_, checkpoint)| checkpoint.size > known.to())
        .max_by_key(|(_, checkpoint)| checkpoint.size);
    let Some((note, checkpoint)) = newest else {
        return Ok(None);
    };
    let signed = Signed {
        size: checkpoint.size,
        root: checkpoint.root,
        note: Some(note.clone()),
        pending: None,
    };
    let key = signer.verifier().clone();
    let mut checked = check(store, files, log, &signed, &key)?;
    signer
        .adopt(&note, &checked.entries)
        .map_err(|_| StartError::Forked {
            signed: known.to(),
            found: checkpoint.size,
        })?;
    let finding = Finding::older_keys(store, known.to(), checkpoint.size);
    checked.findings.push(finding);
    Ok(Some(checked))
}

fn opened(note: Vec<u8>, key: &VerifierKey) -> Option<(String, Checkpoint)> {
    let checkpoint = Checkpoint::open(&note, key).ok()?;
    Some((String::from_utf8(note).ok()?, checkpoint))
}
