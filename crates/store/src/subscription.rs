//! The names that an account subscribed to (RFC 9051 §6.3.7). They are names, not mailboxes: one
//! stays when its mailbox is deleted, and goes along when its mailbox gets another name.

use types::limits::SUBSCRIPTIONS_PER_ACCOUNT_MAX;
use types::{AccountId, MailboxName};

use crate::error::{StoreError, StoreResult};
use crate::tx::{ReadTx, WriteTx, checked};

/// All names, in order.
pub fn list(tx: &ReadTx<'_>, account: AccountId) -> StoreResult<Vec<MailboxName>> {
    let sql = "SELECT name FROM subscription WHERE account = ?1 ORDER BY name";
    tx.all(sql, [account.0], |row| checked(row, 0))
}

/// Subscribes to a name; twice is once.
pub fn add(tx: &mut WriteTx<'_>, account: AccountId, name: &MailboxName) -> StoreResult<()> {
    let sql = "SELECT COUNT(*) FROM subscription WHERE account = ?1 AND name <> ?2";
    let others = tx.one(sql, (account.0, name.as_str()), |row| row.get(0))?;
    if others.unwrap_or(0) >= SUBSCRIPTIONS_PER_ACCOUNT_MAX {
        return Err(StoreError::LimitReached("subscriptions of an account"));
    }
    let sql = "INSERT OR IGNORE INTO subscription (account, name) VALUES (?1, ?2)";
    tx.run(sql, (account.0, name.as_str())).map(drop)
}

/// Takes a name out; whether it was in.
pub fn remove(tx: &mut WriteTx<'_>, account: AccountId, name: &MailboxName) -> StoreResult<bool> {
    let sql = "DELETE FROM subscription WHERE account = ?1 AND name = ?2";
    Ok(tx.run(sql, (account.0, name.as_str()))? > 0)
}

/// Subscribes to the new name of a mailbox in place of the old one, if that was subscribed.
pub(crate) fn rename(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    old: &MailboxName,
    new: &MailboxName,
) -> StoreResult<()> {
    match remove(tx, account, old)? {
        true => add(tx, account, new),
        false => Ok(()),
    }
}
