//! Mailboxes: names, UIDVALIDITY, counts (RFC 9051 §2.3.1, §6.3).

use rusqlite::Row;
use types::limits::MAILBOXES_PER_ACCOUNT_MAX;
use types::{
    AccountId, MailboxId, MailboxName, ModSeq, SEPARATOR, SpecialUse, Timestamp, Uid, UidValidity,
};

use crate::account;
use crate::change::Effect;
use crate::error::{StoreError, StoreResult};
use crate::message::{self, Removal};
use crate::subscription;
use crate::tx::{ReadTx, WriteTx, checked};

/// A mailbox with everything that LIST and STATUS tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Its id, the same under a new name.
    pub id: MailboxId,
    /// Whose it is.
    pub account: AccountId,
    /// Its name.
    pub name: MailboxName,
    /// The generation of its UIDs.
    pub uid_validity: UidValidity,
    /// The UID that the next message gets.
    pub uid_next: Uid,
    /// HIGHESTMODSEQ.
    pub modseq: ModSeq,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Messages in it.
    pub messages: u64,
    /// Those without `\Seen`.
    pub unseen: u64,
    /// Those with `\Deleted`.
    pub deleted: u64,
    /// Octets of all its messages.
    pub octets: u64,
}

/// What a change adds to or takes from a mailbox.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) messages: i64,
    pub(crate) unseen: i64,
    pub(crate) deleted: i64,
    pub(crate) octets: i64,
}

macro_rules! select_mailbox {
    ($tail:literal) => {
        concat!(
            "SELECT id, account, name, uidvalidity, uidnext, modseq, special_use,
                    messages, unseen, deleted, octets FROM mailbox ",
            $tail
        )
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<Mailbox> {
    let special_use: Option<String> = row.get(6)?;
    Ok(Mailbox {
        id: MailboxId(row.get(0)?),
        account: AccountId(row.get(1)?),
        name: checked(row, 2)?,
        uid_validity: UidValidity(row.get(3)?),
        uid_next: Uid(row.get(4)?),
        modseq: ModSeq(row.get(5)?),
        special_use: special_use.and_then(|text| special_use_of(&text)),
        messages: row.get(7)?,
        unseen: row.get(8)?,
        deleted: row.get(9)?,
        octets: row.get(10)?,
    })
}

fn special_use_of(attribute: &str) -> Option<SpecialUse> {
    SpecialUse::ALL
        .iter()
        .find(|(_, known, _)| *known == attribute)
        .map(|(special_use, _, _)| *special_use)
}

/// All mailboxes of an account, by name.
pub fn list(tx: &ReadTx<'_>, account: AccountId) -> StoreResult<Vec<Mailbox>> {
    let sql = select_mailbox!("WHERE account = ?1 ORDER BY name");
    tx.all(sql, [account.0], read)
}

/// The mailbox of this name.
pub fn find(
    tx: &ReadTx<'_>,
    account: AccountId,
    name: &MailboxName,
) -> StoreResult<Option<Mailbox>> {
    let sql = select_mailbox!("WHERE account = ?1 AND name = ?2");
    tx.one(sql, (account.0, name.as_str()), read)
}

/// A mailbox with its counts.
pub fn status(tx: &ReadTx<'_>, mailbox: MailboxId) -> StoreResult<Mailbox> {
    let found = tx.one(select_mailbox!("WHERE id = ?1"), [mailbox.0], read)?;
    found.ok_or(StoreError::NoSuchMailbox(mailbox))
}

/// The account's mailbox that has this use.
pub fn find_special(
    tx: &ReadTx<'_>,
    account: AccountId,
    special_use: SpecialUse,
) -> StoreResult<Option<Mailbox>> {
    let sql = select_mailbox!("WHERE account = ?1 AND special_use = ?2 ORDER BY id LIMIT 1");
    tx.one(sql, (account.0, special_use.attribute()), read)
}

/// The mailbox of this name; made, subscribed and with this use, if there is none.
pub fn open_or_create(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    name: &MailboxName,
    special_use: Option<SpecialUse>,
) -> StoreResult<MailboxId> {
    let sql = "SELECT id FROM mailbox WHERE account = ?1 AND name = ?2";
    let found = tx.one(sql, (account.0, name.as_str()), |row| row.get(0))?;
    match found {
        Some(id) => Ok(MailboxId(id)),
        None => insert_subscribed(tx, account, name, special_use),
    }
}

/// Makes a mailbox; refuses a name that exists (RFC 9051 §6.3.4).
pub fn create(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    name: &MailboxName,
    special_use: Option<SpecialUse>,
) -> StoreResult<MailboxId> {
    if find(tx, account, name)?.is_some() {
        return Err(StoreError::MailboxExists);
    }
    insert(tx, account, name, special_use)
}

/// Makes a mailbox nobody asked for by its name, so its owner would not know to subscribe.
fn insert_subscribed(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    name: &MailboxName,
    special_use: Option<SpecialUse>,
) -> StoreResult<MailboxId> {
    match subscription::add(tx, account, name) {
        // Mail must not fail for it.
        Ok(()) | Err(StoreError::LimitReached(_)) => insert(tx, account, name, special_use),
        Err(err) => Err(err),
    }
}

fn insert(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    name: &MailboxName,
    special_use: Option<SpecialUse>,
) -> StoreResult<MailboxId> {
    let sql = "SELECT COUNT(*) FROM mailbox WHERE account = ?1";
    let existing: usize = tx.one(sql, [account.0], |row| row.get(0))?.unwrap_or(0);
    if existing >= MAILBOXES_PER_ACCOUNT_MAX {
        return Err(StoreError::LimitReached("mailboxes of an account"));
    }
    account::ensure(tx, account)?;
    let modseq = account::next_modseq(tx, account, account::UsageChange::default())?;
    let uid_validity = account::next_uid_validity(tx, account)?;
    tx.insert(
        "INSERT INTO mailbox (account, name, uidvalidity, uidnext, modseq, tombstone_floor,
                special_use, messages, unseen, deleted, octets)
         VALUES (?1, ?2, ?3, 1, ?4, ?4, ?5, 0, 0, 0, 0)",
        (
            account.0,
            name.as_str(),
            uid_validity.0,
            modseq.0,
            special_use.map(SpecialUse::attribute),
        ),
    )
    .map(MailboxId)
}

/// Renames a mailbox and those below it; ids, UIDs and subscriptions stay (RFC 9051 §6.3.6).
///
/// Renaming `INBOX` moves its messages into a new mailbox and leaves it empty, with those below it
/// where they are. A name inside the mailbox itself is refused as taken.
pub fn rename(
    tx: &mut WriteTx<'_>,
    mailbox: MailboxId,
    new_name: &MailboxName,
    now: Timestamp,
) -> StoreResult<()> {
    let old = status(tx, mailbox)?;
    if find(tx, old.account, new_name)?.is_some() || new_name.below(&old.name).is_some() {
        return Err(StoreError::MailboxExists);
    }
    if old.name.is_inbox() {
        let target = insert_subscribed(tx, old.account, new_name, None)?;
        let uids = message::uids(tx, mailbox)?;
        message::move_(tx, old.account, mailbox, &uids, target, now)?;
        return Ok(());
    }
    for child in list(tx, old.account)? {
        if let Some(rest) = child.name.below(&old.name) {
            let moved = format!("{new_name}{SEPARATOR}{rest}")
                .parse()
                .map_err(|_| StoreError::LimitReached("length of a mailbox name"))?;
            if find(tx, old.account, &moved)?.is_some() {
                return Err(StoreError::MailboxExists);
            }
            set_name(tx, &child, &moved)?;
        }
    }
    set_name(tx, &old, new_name)
}

fn set_name(tx: &mut WriteTx<'_>, mailbox: &Mailbox, name: &MailboxName) -> StoreResult<()> {
    let sql = "UPDATE mailbox SET name = ?2 WHERE id = ?1";
    tx.run(sql, (mailbox.id.0, name.as_str()))?;
    subscription::rename(tx, mailbox.account, &mailbox.name, name)
}

/// Removes a mailbox; its messages go to the recoverable store. Those below it stay, and so does
/// the subscription.
pub fn delete(tx: &mut WriteTx<'_>, mailbox: MailboxId, removal: &Removal) -> StoreResult<()> {
    let account = status(tx, mailbox)?.account;
    let uids = message::uids(tx, mailbox)?;
    message::expunge(tx, account, mailbox, &uids, removal)?;
    tx.run("DELETE FROM tombstone WHERE mailbox = ?1", [mailbox.0])?;
    tx.run(
        "DELETE FROM mailbox_keyword WHERE mailbox = ?1",
        [mailbox.0],
    )?;
    tx.run("DELETE FROM mailbox WHERE id = ?1", [mailbox.0])?;
    tx.effect(mailbox, Effect::Gone);
    Ok(())
}

/// Takes `new_messages` UIDs and counts a change; gives the first UID.
pub(crate) fn count(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    mailbox: MailboxId,
    modseq: ModSeq,
    new_messages: usize,
    counts: Counts,
) -> StoreResult<u64> {
    tx.one(
        "UPDATE mailbox SET uidnext = uidnext + ?3, modseq = ?4, messages = messages + ?5,
                unseen = unseen + ?6, deleted = deleted + ?7, octets = octets + ?8
          WHERE id = ?1 AND account = ?2 RETURNING uidnext - ?3",
        (
            mailbox.0,
            account.0,
            new_messages,
            modseq.0,
            counts.messages,
            counts.unseen,
            counts.deleted,
            counts.octets,
        ),
        |row| row.get(0),
    )?
    .ok_or(StoreError::NoSuchMailbox(mailbox))
}
