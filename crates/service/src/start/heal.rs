//! What the database holds of the ledger, compared with what was signed; what differs is evidence.
//!
//! Rows that no signed checkpoint covers are never obeyed and never signed: they are taken out.
//! Rows that are not what was signed are written again from the second copy. If that copy cannot
//! prove itself against the signed root, there is nothing to go on from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger::tree::{Tree, leaf_hash};
use policy::change::OutsideEdit;
use serde_json::json;
use store::Store;
use store::ledger::{NewEntry, StoredEntry};
use types::Sha256;

use super::{LedgerFiles, StartError};

/// Entries read at a time.
const CHUNK_ENTRIES: usize = 1_000;
/// Rogue rows whose bytes are kept as evidence; more are counted.
const EVIDENCE_ROWS_MAX: usize = 100;

/// What was signed last.
#[derive(Clone, Copy)]
pub(crate) struct Signed {
    pub(crate) size: u64,
    pub(crate) root: Sha256,
}

/// Something that did not come from this server.
pub(crate) struct Finding {
    pub(crate) what: String,
    pub(crate) place: String,
    pub(crate) evidence: Vec<u8>,
}

impl Finding {
    fn new(what: &str, rows: &[StoredEntry]) -> Self {
        let first = rows.first().map_or(0, |row| row.seq);
        let kept: Vec<_> = rows
            .iter()
            .take(EVIDENCE_ROWS_MAX)
            .map(|row| json!({"seq": row.seq.to_string(), "b64": STANDARD.encode(&row.bytes)}))
            .collect();
        let evidence = json!({"rows": rows.len(), "first_rows": kept});
        Self {
            what: what.to_owned(),
            place: format!("ledger_entry {first}"),
            evidence: evidence.to_string().into_bytes(),
        }
    }

    /// The record of it, once its evidence is stored under `evidence`.
    pub(crate) fn change(&self, evidence: Sha256) -> OutsideEdit {
        OutsideEdit {
            what: self.what.clone(),
            place: self.place.clone(),
            evidence: Some(evidence),
        }
    }
}

/// The entries that were signed, with what had to be put right to get them.
pub(crate) struct Checked {
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) findings: Vec<Finding>,
}

/// Reads the log as it was signed; heals the database where it differs.
pub(crate) fn check(
    store: &Store,
    files: &LedgerFiles,
    log: &str,
    signed: Signed,
) -> Result<Checked, StartError> {
    let mut rows = read_rows(store, log)?;
    let tail = rows.split_off(rows.partition_point(|row| row.seq < signed.size));
    let mut findings = Vec::new();
    let mut tree = Tree::new();
    rows.iter()
        .for_each(|row| tree.append(leaf_hash(&row.bytes)));
    let in_order = rows.iter().zip(0..).all(|(row, seq)| row.seq == seq);
    let whole = in_order && tree.size() == signed.size && tree.root() == signed.root;
    let entries = if whole {
        rows.into_iter().map(|row| row.bytes).collect()
    } else {
        let (entries, finding) = restore(store, files, log, signed, &rows)?;
        findings.push(finding);
        entries
    };
    if !tail.is_empty() {
        let owned_log = log.to_owned();
        store.write_blocking(move |tx| store::ledger::cut(tx, &owned_log, signed.size))?;
        findings.push(Finding::new("entries without a signed checkpoint", &tail));
    }
    Ok(Checked { entries, findings })
}

/// Writes again from the second copy what is not as it was signed.
fn restore(
    store: &Store,
    files: &LedgerFiles,
    log: &str,
    signed: Signed,
    rows: &[StoredEntry],
) -> Result<(Vec<Vec<u8>>, Finding), StartError> {
    let Some(entries) = files.entries(signed.size, signed.root) else {
        let found = rows.len() as u64;
        let contiguous = rows.iter().zip(0..).all(|(row, seq)| row.seq == seq);
        return Err(if contiguous && found < signed.size {
            StartError::RolledBack {
                found,
                signed: signed.size,
            }
        } else {
            let gap = rows.iter().zip(0..).find(|(row, seq)| row.seq != *seq);
            StartError::Damaged {
                seq: gap.map_or(first_wrong(rows), |(_, seq)| seq),
            }
        });
    };
    let rogue: Vec<_> = rows
        .iter()
        .filter(|row| is_rogue(row, &entries))
        .cloned()
        .collect();
    let (owned_log, whole) = (log.to_owned(), entries.clone());
    store.write_blocking(move |tx| {
        for (seq, bytes) in (0..).zip(&whole) {
            let entry = NewEntry {
                bytes: bytes.clone(),
                leaf: leaf_hash(bytes),
            };
            store::ledger::put_back(tx, &owned_log, seq, &entry)?;
        }
        Ok(())
    })?;
    let what = "entries that are missing or not as they were signed";
    Ok((entries, Finding::new(what, &rogue)))
}

fn is_rogue(row: &StoredEntry, entries: &[Vec<u8>]) -> bool {
    let index = usize::try_from(row.seq).ok();
    index.and_then(|index| entries.get(index)) != Some(&row.bytes)
}

/// The first row whose bytes no longer have the leaf hash that was stored with them.
fn first_wrong(rows: &[StoredEntry]) -> u64 {
    let wrong = rows.iter().find(|row| leaf_hash(&row.bytes) != row.leaf);
    wrong.map_or(0, |row| row.seq)
}

/// All rows of the log in order, also those that nobody signed.
fn read_rows(store: &Store, log: &str) -> Result<Vec<StoredEntry>, StartError> {
    let mut rows: Vec<StoredEntry> = Vec::new();
    loop {
        let first = rows.last().map_or(0, |row| row.seq + 1);
        let chunk = store
            .read_fresh_blocking(|tx| store::ledger::entries(tx, log, first, CHUNK_ENTRIES))?;
        if chunk.is_empty() {
            return Ok(rows);
        }
        rows.extend(chunk);
    }
}
