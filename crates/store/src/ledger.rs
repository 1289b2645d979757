//! The rows of the ledger: entries, checkpoints, the objects that entries name, sidecars.
//!
//! What the bytes mean, and whether a row is to be believed, is for those who hold the verifier key.

use rusqlite::Row;
use types::Sha256;

use crate::error::{StoreError, StoreResult};
use crate::mac::sha256;
use crate::tx::{ReadTx, WriteTx};

/// An entry to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// Its leaf hash.
    pub leaf: Sha256,
}

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its number in the log, from 0.
    pub seq: u64,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// The leaf hash that was stored with it.
    pub leaf: Sha256,
}

/// Appends entries and the checkpoint that covers them all, if the log has exactly `expected_size`
/// entries; otherwise [`StoreError::LedgerMoved`].
pub fn append_entries(
    tx: &mut WriteTx<'_>,
    log: &str,
    expected_size: u64,
    entries: &[NewEntry],
    checkpoint: &[u8],
) -> StoreResult<()> {
    let found = size(tx, log)?;
    if found != expected_size {
        return Err(StoreError::LedgerMoved {
            expected: expected_size,
            size: found,
        });
    }
    for (seq, entry) in (expected_size..).zip(entries) {
        tx.run(
            "INSERT INTO ledger_entry (log, seq, leaf, bytes) VALUES (?1, ?2, ?3, ?4)",
            (log, seq, entry.leaf.0, &entry.bytes),
        )?;
    }
    tx.run(
        "INSERT INTO ledger_checkpoint (log, size, bytes) VALUES (?1, ?2, ?3)",
        (log, expected_size + entries.len() as u64, checkpoint),
    )?;
    Ok(())
}

/// How many entries the log has: one more than the highest number.
pub fn size(tx: &ReadTx<'_>, log: &str) -> StoreResult<u64> {
    let sql = "SELECT COALESCE(MAX(seq) + 1, 0) FROM ledger_entry WHERE log = ?1";
    Ok(tx.one(sql, [log], |row| row.get(0))?.unwrap_or(0))
}

/// At most `limit` entries from number `first` on, in order. Missing numbers are simply not there.
pub fn entries(
    tx: &ReadTx<'_>,
    log: &str,
    first: u64,
    limit: usize,
) -> StoreResult<Vec<StoredEntry>> {
    let sql = "SELECT seq, bytes, leaf FROM ledger_entry WHERE log = ?1 AND seq >= ?2
                ORDER BY seq LIMIT ?3";
    tx.all(sql, (log, first, limit), read_entry)
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<StoredEntry> {
    Ok(StoredEntry {
        seq: row.get(0)?,
        bytes: row.get(1)?,
        leaf: Sha256(row.get(2)?),
    })
}

/// At most `limit` entries below number `before` in which detections matched, newest first.
pub fn detected(
    tx: &ReadTx<'_>,
    log: &str,
    before: u64,
    limit: usize,
) -> StoreResult<Vec<StoredEntry>> {
    // The condition as the index has it, letter by letter, since only then it is used.
    let sql = "SELECT seq, bytes, leaf FROM ledger_entry
                WHERE log = ?1 AND seq < ?2
                  AND instr(bytes, x'22646574656374696f6e73223a5b22') > 0
                ORDER BY seq DESC LIMIT ?3";
    tx.all(sql, (log, before, limit), read_entry)
}

/// At most `limit` stored leaf hashes from number `first` on, in order.
pub fn leaves(
    tx: &ReadTx<'_>,
    log: &str,
    first: u64,
    limit: usize,
) -> StoreResult<Vec<(u64, Sha256)>> {
    let sql = "SELECT seq, leaf FROM ledger_entry WHERE log = ?1 AND seq >= ?2
                ORDER BY seq LIMIT ?3";
    tx.all(sql, (log, first, limit), |row| {
        Ok((row.get(0)?, Sha256(row.get(1)?)))
    })
}

/// The checkpoint of the largest size, and that size.
pub fn latest_checkpoint(tx: &ReadTx<'_>, log: &str) -> StoreResult<Option<(u64, Vec<u8>)>> {
    let sql = "SELECT size, bytes FROM ledger_checkpoint WHERE log = ?1
                ORDER BY size DESC LIMIT 1";
    tx.one(sql, [log], sized_bytes)
}

/// The checkpoint of exactly this size.
pub fn checkpoint(tx: &ReadTx<'_>, log: &str, size: u64) -> StoreResult<Option<Vec<u8>>> {
    let sql = "SELECT bytes FROM ledger_checkpoint WHERE log = ?1 AND size = ?2";
    tx.one(sql, (log, size), |row| row.get(0))
}

fn sized_bytes(row: &Row<'_>) -> rusqlite::Result<(u64, Vec<u8>)> {
    Ok((row.get(0)?, row.get(1)?))
}

/// Whether an object may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A large value.
    Plain,
    /// A secret behind its nonce: never listed, shown or exported.
    Secret,
}

/// Stores an object under its id; an object that is there already stays as it is.
///
/// The id of a plain object is the SHA-256 of what is stored; a secret one is stored sealed, so
/// that only whoever opens it can compare it with its id.
pub fn put_object(
    tx: &mut WriteTx<'_>,
    kind: ObjectKind,
    id: &Sha256,
    stored: &[u8],
) -> StoreResult<()> {
    if kind == ObjectKind::Plain && sha256(stored) != *id {
        return Err(StoreError::Damaged(format!("new ledger object {id}")));
    }
    tx.run(
        "INSERT INTO ledger_object (sha256, secret, bytes) VALUES (?1, ?2, ?3)
         ON CONFLICT (sha256) DO NOTHING",
        (id.0, kind == ObjectKind::Secret, stored),
    )?;
    Ok(())
}

/// What is stored under an id; a plain object is checked against it.
pub fn object(tx: &ReadTx<'_>, id: &Sha256) -> StoreResult<Option<Vec<u8>>> {
    let sql = "SELECT secret, bytes FROM ledger_object WHERE sha256 = ?1";
    let found: Option<(bool, Vec<u8>)> =
        tx.one(sql, [id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    match found {
        Some((false, bytes)) if sha256(&bytes) != *id => {
            Err(StoreError::Damaged(format!("ledger object {id}")))
        }
        found => Ok(found.map(|(_, bytes)| bytes)),
    }
}

/// Takes out all entries and checkpoints of a log beyond `size`: rows that nobody signed.
pub fn cut(tx: &mut WriteTx<'_>, log: &str, size: u64) -> StoreResult<()> {
    tx.run(
        "DELETE FROM ledger_entry WHERE log = ?1 AND seq >= ?2",
        (log, size),
    )?;
    tx.run(
        "DELETE FROM ledger_checkpoint WHERE log = ?1 AND size > ?2",
        (log, size),
    )?;
    Ok(())
}

/// Writes an entry again as it was signed, over whatever stands at its number.
pub fn put_back(tx: &mut WriteTx<'_>, log: &str, seq: u64, entry: &NewEntry) -> StoreResult<()> {
    tx.run(
        "INSERT INTO ledger_entry (log, seq, leaf, bytes) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (log, seq) DO UPDATE SET leaf = excluded.leaf, bytes = excluded.bytes",
        (log, seq, entry.leaf.0, &entry.bytes),
    )?;
    Ok(())
}

/// Stores the sealed opening of a commitment under its subject's key id.
pub fn put_sidecar(
    tx: &mut WriteTx<'_>,
    commitment: &Sha256,
    subject: &str,
    sealed: &[u8],
) -> StoreResult<()> {
    tx.run(
        "INSERT INTO ledger_sidecar (commitment, subject, bytes) VALUES (?1, ?2, ?3)
         ON CONFLICT (commitment) DO NOTHING",
        (commitment.0, subject, sealed),
    )?;
    Ok(())
}

/// The subject and the sealed opening of a commitment; `None` once erased.
pub fn sidecar(tx: &ReadTx<'_>, commitment: &Sha256) -> StoreResult<Option<(String, Vec<u8>)>> {
    let sql = "SELECT subject, bytes FROM ledger_sidecar WHERE commitment = ?1";
    tx.one(sql, [commitment.0], |row| Ok((row.get(0)?, row.get(1)?)))
}
