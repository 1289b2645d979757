//! What happened to credentials: their last use, and the codes that are used up.

use std::collections::BTreeMap;

use rusqlite::Row;
use types::{CredentialId, Timestamp};

use crate::error::StoreResult;
use crate::tx::{ReadTx, WriteTx, time};

/// One use of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// When.
    pub at: Timestamp,
    /// Through which door.
    pub door: String,
    /// Where from.
    pub source: String,
}

/// Notes the last use of a credential.
pub fn used(tx: &mut WriteTx<'_>, credential: CredentialId, last: &Use) -> StoreResult<()> {
    tx.run(
        "INSERT INTO credential_use (credential, at, door, source) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (credential) DO UPDATE SET at = excluded.at, door = excluded.door,
            source = excluded.source",
        (credential.0, last.at.0, &last.door, &last.source),
    )?;
    Ok(())
}

/// The last use of every credential that was used.
pub fn uses(tx: &ReadTx<'_>) -> StoreResult<BTreeMap<CredentialId, Use>> {
    let sql = "SELECT credential, at, door, source FROM credential_use";
    let read = |row: &Row<'_>| {
        let last = Use {
            at: time(row, 1)?,
            door: row.get(2)?,
            source: row.get(3)?,
        };
        Ok((CredentialId(row.get(0)?), last))
    };
    Ok(tx.all(sql, [], read)?.into_iter().collect())
}

/// Uses up the time step of a code: `true` if neither it nor a later one was used up before
/// (RFC 6238 §5.2).
pub fn totp_step_take(
    tx: &mut WriteTx<'_>,
    credential: CredentialId,
    step: u64,
) -> StoreResult<bool> {
    let changed = tx.run(
        "INSERT INTO totp_step (credential, step) VALUES (?1, ?2)
         ON CONFLICT (credential) DO UPDATE SET step = excluded.step
         WHERE excluded.step > totp_step.step",
        (credential.0, step),
    )?;
    Ok(changed == 1)
}

/// Uses up the recovery code at this place of its set: `true` if it was not used up before.
pub fn recovery_code_take(
    tx: &mut WriteTx<'_>,
    credential: CredentialId,
    place: u64,
    at: Timestamp,
) -> StoreResult<bool> {
    let added = tx.run(
        "INSERT INTO recovery_code_use (credential, place, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (credential, place) DO NOTHING",
        (credential.0, place, at.0),
    )?;
    Ok(added == 1)
}

/// How many codes of a set are used up.
pub fn recovery_codes_used(tx: &ReadTx<'_>, credential: CredentialId) -> StoreResult<u64> {
    let sql = "SELECT COUNT(*) FROM recovery_code_use WHERE credential = ?1";
    let count = tx.one(sql, [credential.0], |row| row.get(0))?;
    Ok(count.unwrap_or(0))
}
