//! Removed messages that can still be brought back.

use rusqlite::Row;
use types::{AccountId, EmailId, MailboxId, MailboxName, Timestamp};

use crate::account;
use crate::email::{self, NewEmail};
use crate::error::{StoreError, StoreResult};
use crate::message::{self, Delivered, Reason, Removal};
use crate::tx::{ReadTx, WriteTx, checked, time, word};

/// A removed message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recoverable {
    /// Its number in this store.
    pub id: i64,
    /// Whose it is.
    pub account: AccountId,
    /// The stored message.
    pub email: EmailId,
    /// The name of the mailbox it was in, or was meant for.
    pub mailbox: MailboxName,
    /// RFC822.SIZE.
    pub octets: u64,
    /// Why it was removed.
    pub reason: Reason,
    /// The rule as `id@seq`, where one did it; of mail in quarantine what the scanner said.
    pub rule: Option<String>,
    /// When it was removed.
    pub removed_at: Timestamp,
    /// Until when it is kept.
    pub until: Timestamp,
}

/// One page of [`list`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoverablePage {
    /// The rows that this server wrote.
    pub rows: Vec<Recoverable>,
    /// Rows whose MAC is wrong; they are not used.
    pub changed_outside: Vec<i64>,
}

macro_rules! select_recoverable {
    ($tail:literal) => {
        concat!(
            "SELECT id, account, email, mailbox, octets, reason, rule, removed_at, until, mac
               FROM recoverable ",
            $tail
        )
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<(Recoverable, Vec<u8>)> {
    let found = Recoverable {
        id: row.get(0)?,
        account: AccountId(row.get(1)?),
        email: EmailId(row.get(2)?),
        mailbox: checked(row, 3)?,
        octets: row.get(4)?,
        reason: word(row, 5, Reason::from_word)?,
        rule: row.get(6)?,
        removed_at: time(row, 7)?,
        until: time(row, 8)?,
    };
    Ok((found, row.get(9)?))
}

/// The removed messages of an account, newest first; those behind the one that [`time_of`] gives
/// with its number continue a page.
pub fn list(
    tx: &ReadTx<'_>,
    account: AccountId,
    behind: Option<(Timestamp, i64)>,
    limit: usize,
) -> StoreResult<RecoverablePage> {
    let sql = select_recoverable!(
        "WHERE account = ?1 AND (removed_at, id) < (?2, ?3)
         ORDER BY removed_at DESC, id DESC LIMIT ?4"
    );
    let (time, id) = behind.unwrap_or((Timestamp(i64::MAX), i64::MAX));
    let mut page = RecoverablePage::default();
    for (found, mac) in tx.all(sql, (account.0, time.0, id, limit), read)? {
        if verify(tx, &found, &mac) {
            page.rows.push(found);
        } else {
            page.changed_outside.push(found.id);
        }
    }
    Ok(page)
}

/// The messages of an account that a rule of this id removed, in whatever form it had then, newest
/// first; and how many there are.
pub fn of_rule(
    tx: &ReadTx<'_>,
    account: AccountId,
    rule: &str,
    limit: usize,
) -> StoreResult<(RecoverablePage, u64)> {
    // An id is followed by `@` and the number of an entry; `A` is the next letter.
    let sql = select_recoverable!(
        "WHERE account = ?1 AND rule >= ?2 || '@' AND rule < ?2 || 'A'
         ORDER BY removed_at DESC, id DESC LIMIT ?3"
    );
    let mut page = RecoverablePage::default();
    for (found, mac) in tx.all(sql, (account.0, rule, limit), read)? {
        if verify(tx, &found, &mac) {
            page.rows.push(found);
        } else {
            page.changed_outside.push(found.id);
        }
    }
    let sql = "SELECT count(*) FROM recoverable
                WHERE account = ?1 AND rule >= ?2 || '@' AND rule < ?2 || 'A'";
    let count = tx.one(sql, (account.0, rule), |row| row.get(0))?;
    Ok((page, count.unwrap_or(0)))
}

/// The messages in quarantine of these accounts, newest first.
pub fn in_quarantine(
    tx: &ReadTx<'_>,
    accounts: &[AccountId],
    limit: usize,
) -> StoreResult<RecoverablePage> {
    let sql = select_recoverable!(
        "WHERE reason = 'quarantine' AND removed_at <= ?1 ORDER BY removed_at DESC"
    );
    let mut page = RecoverablePage::default();
    for (found, mac) in tx.all(sql, [i64::MAX], read)? {
        if page.rows.len() + page.changed_outside.len() == limit {
            break;
        }
        if !accounts.contains(&found.account) {
            continue;
        }
        if verify(tx, &found, &mac) {
            page.rows.push(found);
        } else {
            page.changed_outside.push(found.id);
        }
    }
    Ok(page)
}

/// When the message of this number was removed, if the account has it, whoever wrote the row.
pub fn time_of(tx: &ReadTx<'_>, account: AccountId, id: i64) -> StoreResult<Option<Timestamp>> {
    let sql = "SELECT removed_at FROM recoverable WHERE id = ?1 AND account = ?2";
    tx.one(sql, (id, account.0), |row| time(row, 0))
}

/// The removed message of this number, if the account has it.
pub fn find(tx: &ReadTx<'_>, account: AccountId, id: i64) -> StoreResult<Option<Recoverable>> {
    let sql = select_recoverable!("WHERE id = ?1 AND account = ?2");
    match tx.one(sql, (id, account.0), read)? {
        Some((found, mac)) if !verify(tx, &found, &mac) => Err(StoreError::BadMac {
            table: "recoverable",
            id: id.unsigned_abs(),
        }),
        found => Ok(found.map(|(found, _)| found)),
    }
}

/// The rows of these ids that this server did not write.
pub(crate) fn forged(tx: &ReadTx<'_>, first: i64, last: i64) -> StoreResult<Vec<i64>> {
    let rows = tx.all(
        select_recoverable!("WHERE id BETWEEN ?1 AND ?2"),
        (first, last),
        read,
    )?;
    let forged = rows.iter().filter(|(row, mac)| !verify(tx, row, mac));
    Ok(forged.map(|(row, _)| row.id).collect())
}

/// Puts a removed message into a mailbox of its account.
pub fn restore(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    id: i64,
    mailbox: MailboxId,
    now: Timestamp,
) -> StoreResult<Delivered> {
    let found = find(tx, account, id)?.ok_or(StoreError::NotFound("recoverable message"))?;
    remove(tx, &found)?;
    message::put_back(tx, account, found.email, mailbox, now)
}

/// Keeps a message that no mailbox of the account was to hold, such as one that was refused for
/// this recipient only.
pub fn keep(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    mailbox: &MailboxName,
    new: &NewEmail,
    removal: &Removal,
) -> StoreResult<EmailId> {
    account::ensure(tx, account)?;
    let (email, octets) = email::insert(tx, account, new)?;
    insert(tx, account, email, octets, mailbox.as_str(), removal)?;
    count(tx, account, octets, 1)?;
    Ok(email)
}

/// Forgets these messages of an account before their time; gives how many of them were there.
pub fn purge_these(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    ids: &[i64],
    now: Timestamp,
) -> StoreResult<usize> {
    let mut purged = 0;
    for id in ids {
        if let Some(found) = find(tx, account, *id)? {
            remove(tx, &found)?;
            email::release(tx, found.email, now)?;
            purged += 1;
        }
    }
    Ok(purged)
}

/// Forgets at most `limit` messages whose time is over; gives how many there were.
pub fn purge(tx: &mut WriteTx<'_>, now: Timestamp, limit: usize) -> StoreResult<usize> {
    let sql = select_recoverable!("WHERE until < ?1 ORDER BY until LIMIT ?2");
    let over = tx.all(sql, (now.0, limit), read)?;
    for (found, _) in &over {
        remove(tx, found)?;
        email::release(tx, found.email, now)?;
    }
    Ok(over.len())
}

/// Adds the row. The account's octets are counted by the caller.
pub(crate) fn insert(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    email: EmailId,
    octets: u64,
    mailbox: &str,
    removal: &Removal,
) -> StoreResult<()> {
    let mac = tx.key().sign(
        "recoverable",
        &[
            &account.0.to_be_bytes(),
            &email.0.to_be_bytes(),
            mailbox.as_bytes(),
            removal.reason.word().as_bytes(),
            removal.rule.as_deref().unwrap_or_default().as_bytes(),
            &removal.at.0.to_be_bytes(),
            &removal.until.0.to_be_bytes(),
        ],
    );
    tx.run(
        "INSERT INTO recoverable (account, email, mailbox, octets, reason, rule, removed_at, until,
                mac)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (
            account.0,
            email.0,
            mailbox,
            octets,
            removal.reason.word(),
            &removal.rule,
            removal.at.0,
            removal.until.0,
            mac,
        ),
    )?;
    Ok(())
}

fn verify(tx: &ReadTx<'_>, row: &Recoverable, mac: &[u8]) -> bool {
    let fields: [&[u8]; 7] = [
        &row.account.0.to_be_bytes(),
        &row.email.0.to_be_bytes(),
        row.mailbox.as_str().as_bytes(),
        row.reason.word().as_bytes(),
        row.rule.as_deref().unwrap_or_default().as_bytes(),
        &row.removed_at.0.to_be_bytes(),
        &row.until.0.to_be_bytes(),
    ];
    tx.key().verify("recoverable", &fields, mac)
}

fn remove(tx: &mut WriteTx<'_>, row: &Recoverable) -> StoreResult<()> {
    tx.run("DELETE FROM recoverable WHERE id = ?1", [row.id])?;
    count(tx, row.account, row.octets, -1)
}

fn count(tx: &mut WriteTx<'_>, account: AccountId, octets: u64, sign: i64) -> StoreResult<()> {
    let octets = i64::try_from(octets).unwrap_or(i64::MAX);
    account::count_recoverable(tx, account, sign * octets)
}
