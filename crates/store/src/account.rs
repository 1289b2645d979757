//! The counters of an account: mod-sequence, UIDVALIDITY, used octets.

use types::{AccountId, ModSeq, UidValidity};

use crate::error::{StoreError, StoreResult};
use crate::tx::{ReadTx, WriteTx};

/// UIDVALIDITY values set apart for each account. A re-made address is a new account, and its
/// mailboxes must not look like the old ones to a client that remembers them.
const UIDVALIDITY_BLOCK: u64 = 4_096;

/// What an account holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Messages in all its mailboxes.
    pub messages: u64,
    /// Octets of these messages; this is what a quota limits.
    pub octets: u64,
    /// Octets of its removed messages that can be brought back; outside the quota.
    pub recoverable_octets: u64,
}

/// A difference to [`Usage`].
#[derive(Clone, Copy, Default)]
pub(crate) struct UsageChange {
    pub(crate) messages: i64,
    pub(crate) octets: i64,
    pub(crate) recoverable_octets: i64,
}

/// What the account holds now; zeros before its first mailbox.
pub fn usage(tx: &ReadTx<'_>, account: AccountId) -> StoreResult<Usage> {
    let sql = "SELECT messages, octets, recoverable_octets FROM account_state WHERE account = ?1";
    let found = tx.one(sql, [account.0], |row| {
        Ok(Usage {
            messages: row.get(0)?,
            octets: row.get(1)?,
            recoverable_octets: row.get(2)?,
        })
    })?;
    Ok(found.unwrap_or_default())
}

/// Makes the account's counters, unless they exist.
pub(crate) fn ensure(tx: &mut WriteTx<'_>, account: AccountId) -> StoreResult<()> {
    let block = account.0.wrapping_mul(UIDVALIDITY_BLOCK) & u64::from(u32::MAX);
    tx.run(
        "INSERT INTO account_state (account, modseq, uidvalidity, messages, octets, recoverable_octets)
         VALUES (?1, 0, ?2, 0, 0, 0) ON CONFLICT (account) DO NOTHING",
        (account.0, block),
    )?;
    Ok(())
}

/// Takes the next mod-sequence of an account and counts what the change adds and removes.
///
/// One counter serves all its mailboxes, so changes have one order (RFC 7162 §3.1, RFC 8620 §5.2).
pub(crate) fn next_modseq(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    change: UsageChange,
) -> StoreResult<ModSeq> {
    let UsageChange {
        messages,
        octets,
        recoverable_octets,
    } = change;
    tx.one(
        "UPDATE account_state SET modseq = modseq + 1, messages = messages + ?2,
                octets = octets + ?3, recoverable_octets = recoverable_octets + ?4
          WHERE account = ?1 RETURNING modseq",
        (account.0, messages, octets, recoverable_octets),
        |row| row.get(0).map(ModSeq),
    )?
    .ok_or(StoreError::NoSuchAccount(account))
}

/// Counts octets that came into or left the recoverable store; no mailbox changes.
pub(crate) fn count_recoverable(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    octets: i64,
) -> StoreResult<()> {
    tx.run(
        "UPDATE account_state SET recoverable_octets = recoverable_octets + ?2 WHERE account = ?1",
        (account.0, octets),
    )?;
    Ok(())
}

/// Takes the next UIDVALIDITY of an account; never 0, and never from a clock.
pub(crate) fn next_uid_validity(
    tx: &mut WriteTx<'_>,
    account: AccountId,
) -> StoreResult<UidValidity> {
    let wraps_at = i64::from(u32::MAX);
    tx.one(
        "UPDATE account_state SET uidvalidity = uidvalidity % ?2 + 1
          WHERE account = ?1 RETURNING uidvalidity",
        (account.0, wraps_at),
        |row| row.get(0).map(UidValidity),
    )?
    .ok_or(StoreError::NoSuchAccount(account))
}
