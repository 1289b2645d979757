//! Messages in mailboxes: deliver, copy, move, flags, expunge (RFC 9051 §6.4, RFC 6851).

use rusqlite::Row;
use types::{AccountId, EmailId, FlagSet, Keyword, MailboxId, ModSeq, Timestamp, Uid};

use crate::account::{self, UsageChange};
use crate::arrival;
use crate::change::{Effect, IndexRow};
use crate::email::{self, NewEmail};
use crate::error::{StoreError, StoreResult};
use crate::index::IndexState;
use crate::keyword;
use crate::mailbox::{self, Counts};
use crate::recoverable;
use crate::tx::{ReadTx, WriteTx, time};

/// Where a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its UID.
    pub uid: Uid,
    /// Its mod-sequence.
    pub modseq: ModSeq,
    /// The stored message.
    pub email: EmailId,
}

/// Which message became which: the content of COPYUID (RFC 9051 §7.1). Source UIDs ascend.
pub type Copied = Vec<(Uid, Uid)>;

/// Why a message left its mailbox, in the recoverable store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A client expunged it (IMAP) or deleted it (POP3).
    Client,
    /// A rule threw it away.
    Rule,
    /// An operator removed it.
    Operator,
    /// It was never in a mailbox: this recipient refused it after it was accepted for others.
    Refused,
    /// It was never in a mailbox: a scanner is sure that it is spam.
    Quarantine,
}

impl Reason {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Client, "client"),
        (Self::Rule, "rule"),
        (Self::Operator, "operator"),
        (Self::Refused, "refused"),
        (Self::Quarantine, "quarantine"),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Rule => "rule",
            Self::Operator => "operator",
            Self::Refused => "refused",
            Self::Quarantine => "quarantine",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(reason, _)| *reason)
    }
}

/// How messages are removed, and until when they can be brought back.
#[derive(Clone, Debug)]
pub struct Removal {
    /// Why.
    pub reason: Reason,
    /// The rule as `id@seq`, where one did it; of mail in quarantine what the scanner said.
    pub rule: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Until when they are kept.
    pub until: Timestamp,
}

/// How flags are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagsChange {
    /// Sets these in addition.
    Add(FlagSet),
    /// Clears these.
    Remove(FlagSet),
    /// Sets exactly these.
    Replace(FlagSet),
}

impl FlagsChange {
    fn of(self, old: FlagSet) -> FlagSet {
        match self {
            Self::Add(flags) => old.union(flags),
            Self::Remove(flags) => old.without(flags),
            Self::Replace(flags) => flags,
        }
    }

    /// The same for SQL: which flags are cleared, then which are set.
    fn cleared_and_set(self) -> (FlagSet, FlagSet) {
        match self {
            Self::Add(flags) => (FlagSet::default(), flags),
            Self::Remove(flags) => (flags, FlagSet::default()),
            // All that a row can hold: its integers have a sign.
            Self::Replace(flags) => (FlagSet(i64::MAX.unsigned_abs()), flags),
        }
    }
}

/// A message on its way into or out of a mailbox.
#[derive(Clone, Copy)]
struct Moving {
    email: EmailId,
    flags: FlagSet,
    octets: u64,
    received_at: Timestamp,
}

impl Counts {
    fn of(messages: &[Moving]) -> Self {
        messages.iter().fold(Self::default(), |sum, message| Self {
            messages: sum.messages + 1,
            unseen: sum.unseen + i64::from(!message.flags.contains(FlagSet::SEEN)),
            deleted: sum.deleted + i64::from(message.flags.contains(FlagSet::DELETED)),
            octets: sum.octets.saturating_add_unsigned(message.octets),
        })
    }

    fn negated(self) -> Self {
        Self {
            messages: -self.messages,
            unseen: -self.unseen,
            deleted: -self.deleted,
            octets: -self.octets,
        }
    }

    fn usage(self) -> UsageChange {
        UsageChange {
            messages: self.messages,
            octets: self.octets,
            recoverable_octets: 0,
        }
    }
}

/// Stores a message in a mailbox of the account.
pub fn deliver(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    mailbox: MailboxId,
    new: &NewEmail,
) -> StoreResult<Delivered> {
    let flags = keyword::define(tx, mailbox, &new.keywords)?.union(new.flags);
    let (email, octets) = email::insert(tx, account, new)?;
    let message = Moving {
        email,
        flags,
        octets,
        received_at: new.received_at,
    };
    place_counted(tx, ARRIVE, (account, mailbox), message, new.saved_at)
}

/// Puts messages of one mailbox into another of the same account as well (RFC 9051 §6.4.7).
/// UIDs that are not there are passed over.
pub fn copy(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    from: MailboxId,
    uids: &[Uid],
    to: MailboxId,
    now: Timestamp,
) -> StoreResult<Copied> {
    same_account(tx, account, from)?;
    arrival::settle(tx, from)?;
    let sql = "SELECT uid, email, flags, octets, received_at FROM mailbox_email
                WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3";
    let (found, mut messages) = take(tx, from, uids, sql)?;
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    translate(tx, from, to, &mut messages)?;
    let counts = Counts::of(&messages);
    let modseq = account::next_modseq(tx, account, counts.usage())?;
    let copies = place(tx, INSERT, (account, to), modseq, now, &messages)?;
    Ok(found.into_iter().zip(copies).collect())
}

/// Moves messages to another mailbox of the same account, all or none (RFC 6851 §3.3).
/// UIDs that are not there are passed over.
pub fn move_(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    from: MailboxId,
    uids: &[Uid],
    to: MailboxId,
    now: Timestamp,
) -> StoreResult<Copied> {
    same_account(tx, account, from)?;
    arrival::settle(tx, from)?;
    let (found, mut messages) = take(tx, from, uids, REMOVE)?;
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let modseq = account::next_modseq(tx, account, UsageChange::default())?;
    let before = Counts::of(&messages);
    translate(tx, from, to, &mut messages)?;
    let copies = place(tx, INSERT, (account, to), modseq, now, &messages)?;
    bury(tx, (account, from), modseq, found.clone(), before)?;
    Ok(found.into_iter().zip(copies).collect())
}

/// Removes messages from a mailbox; they can be brought back from the recoverable store.
///
/// Gives the UIDs that were there, ascending.
pub fn expunge(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    mailbox: MailboxId,
    uids: &[Uid],
    removal: &Removal,
) -> StoreResult<Vec<Uid>> {
    let name = same_account(tx, account, mailbox)?;
    arrival::settle(tx, mailbox)?;
    let (found, messages) = take(tx, mailbox, uids, REMOVE)?;
    if messages.is_empty() {
        return Ok(Vec::new());
    }
    let counts = Counts::of(&messages);
    let change = UsageChange {
        recoverable_octets: counts.octets,
        ..counts.negated().usage()
    };
    let modseq = account::next_modseq(tx, account, change)?;
    for message in &messages {
        recoverable::insert(tx, account, message.email, message.octets, &name, removal)?;
    }
    bury(tx, (account, mailbox), modseq, found.clone(), counts)?;
    Ok(found)
}

/// Puts a stored message that is in no mailbox (any more) into one.
pub(crate) fn put_back(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    email: EmailId,
    mailbox: MailboxId,
    now: Timestamp,
) -> StoreResult<Delivered> {
    let sql = "SELECT octets, received_at FROM email WHERE id = ?1 AND account = ?2";
    let message = tx
        .one(sql, (email.0, account.0), |row| {
            Ok(Moving {
                email,
                flags: FlagSet::default(),
                octets: row.get(0)?,
                received_at: time(row, 1)?,
            })
        })?
        .ok_or(StoreError::NotFound("message"))?;
    place_counted(tx, INSERT, (account, mailbox), message, now)
}

/// Puts one message that is in no mailbox into one, and counts it for its account.
fn place_counted(
    tx: &mut WriteTx<'_>,
    insert: &str,
    (account, mailbox): (AccountId, MailboxId),
    message: Moving,
    now: Timestamp,
) -> StoreResult<Delivered> {
    let usage = Counts::of(&[message]).usage();
    let modseq = account::next_modseq(tx, account, usage)?;
    let uids = place(tx, insert, (account, mailbox), modseq, now, &[message])?;
    let uid = uids.first().copied().ok_or(StoreError::NotFound("UID"))?;
    let email = message.email;
    Ok(Delivered { uid, modseq, email })
}

/// Changes flags; gives the messages whose flags are different now, UIDs ascending.
///
/// One change has one mod-sequence. UIDs that are not there are passed over.
pub fn set_flags(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    mailbox: MailboxId,
    uids: &[Uid],
    change: FlagsChange,
) -> StoreResult<Vec<(Uid, FlagSet)>> {
    arrival::settle(tx, mailbox)?;
    let mut changed = Vec::new();
    let mut counts = Counts::default();
    for (first, last) in ranges(&ascending(uids)) {
        let sql = "SELECT uid, flags FROM mailbox_email
                    WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 ORDER BY uid";
        let found = tx.all(sql, (mailbox.0, first.0, last.0), |row| {
            Ok((Uid(row.get(0)?), FlagSet(row.get(1)?)))
        })?;
        for (uid, old) in found {
            let new = change.of(old);
            if new != old {
                let step = |flag| i64::from(new.contains(flag)) - i64::from(old.contains(flag));
                counts.unseen -= step(FlagSet::SEEN);
                counts.deleted += step(FlagSet::DELETED);
                changed.push((uid, new));
            }
        }
    }
    if changed.is_empty() {
        return Ok(changed);
    }
    let modseq = account::next_modseq(tx, account, UsageChange::default())?;
    mailbox::count(tx, account, mailbox, modseq, 0, counts)?;
    let (cleared, set) = change.cleared_and_set();
    let uids: Vec<Uid> = changed.iter().map(|(uid, _)| *uid).collect();
    for (first, last) in ranges(&uids) {
        tx.run(
            "UPDATE mailbox_email SET flags = flags & ~?4 | ?5, modseq = ?6
              WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3",
            (mailbox.0, first.0, last.0, cleared.0, set.0, modseq.0),
        )?;
    }
    let flags = changed.clone();
    tx.effect(mailbox, Effect::Flags { flags, modseq });
    Ok(changed)
}

/// Those of these messages whose mod-sequence is greater, ascending (RFC 7162 §3.1.3).
pub fn changed_since(
    tx: &ReadTx<'_>,
    mailbox: MailboxId,
    uids: &[Uid],
    modseq: ModSeq,
) -> StoreResult<Vec<Uid>> {
    let wanted = ascending(uids);
    // Those are looked through as a whole, so once for all ranges.
    let sql = "SELECT uid FROM arrival WHERE mailbox = ?1 AND modseq > ?2";
    let arrived = tx.all(sql, (mailbox.0, modseq.0), |row| row.get(0).map(Uid))?;
    let arrived = arrived.into_iter();
    let mut changed: Vec<Uid> = arrived
        .filter(|uid| wanted.binary_search(uid).is_ok())
        .collect();
    for (first, last) in ranges(&wanted) {
        let sql = "SELECT uid FROM mailbox_email
                    WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND modseq > ?4";
        let params = (mailbox.0, first.0, last.0, modseq.0);
        changed.extend(tx.all(sql, params, |row| row.get(0).map(Uid))?);
    }
    changed.sort_unstable();
    Ok(changed)
}

/// When a message came into this mailbox (RFC 8514 §4.1); `None` if it is not in it.
pub fn saved_at(tx: &ReadTx<'_>, mailbox: MailboxId, uid: Uid) -> StoreResult<Option<Timestamp>> {
    let sql = "SELECT saved_at FROM in_mailbox WHERE mailbox = ?1 AND uid = ?2";
    tx.one(sql, (mailbox.0, uid.0), |row| time(row, 0))
}

/// The newest messages of a mailbox that came since a moment, by INTERNALDATE; newest UID first.
pub fn newest(
    tx: &ReadTx<'_>,
    mailbox: MailboxId,
    since: Timestamp,
    limit: usize,
) -> StoreResult<Vec<IndexRow>> {
    let sql = "SELECT uid, email, flags, modseq, octets, received_at FROM in_mailbox
                WHERE mailbox = ?1 AND received_at >= ?2 ORDER BY uid DESC LIMIT ?3";
    tx.all(sql, (mailbox.0, since.0, limit), index_row)
}

/// The newest messages of a mailbox below a UID, or of all; newest UID first.
pub fn below(
    tx: &ReadTx<'_>,
    mailbox: MailboxId,
    below: Option<Uid>,
    limit: usize,
) -> StoreResult<Vec<IndexRow>> {
    let sql = "SELECT uid, email, flags, modseq, octets, received_at FROM in_mailbox
                WHERE mailbox = ?1 AND uid < ?2 ORDER BY uid DESC LIMIT ?3";
    let below = below.map_or(i64::MAX, |uid| i64::from(uid.0));
    tx.all(sql, (mailbox.0, below, limit), index_row)
}

fn index_row(row: &Row<'_>) -> rusqlite::Result<IndexRow> {
    Ok(IndexRow {
        uid: Uid(row.get(0)?),
        email: EmailId(row.get(1)?),
        flags: FlagSet(row.get(2)?),
        modseq: ModSeq(row.get(3)?),
        octets: row.get(4)?,
        received_at: time(row, 5)?,
    })
}

/// The UIDs of a mailbox, ascending.
pub fn uids(tx: &ReadTx<'_>, mailbox: MailboxId) -> StoreResult<Vec<Uid>> {
    let sql = "SELECT uid FROM in_mailbox WHERE mailbox = ?1 ORDER BY uid";
    tx.all(sql, [mailbox.0], |row| row.get(0).map(Uid))
}

/// Octets of the messages of a mailbox that have `\Deleted`.
pub fn deleted_octets(tx: &ReadTx<'_>, mailbox: MailboxId) -> StoreResult<u64> {
    let sql = "SELECT COALESCE(SUM(octets), 0) FROM in_mailbox
                WHERE mailbox = ?1 AND flags & ?2 <> 0";
    let found = tx.one(sql, (mailbox.0, FlagSet::DELETED.0), |row| row.get(0))?;
    Ok(found.unwrap_or(0))
}

/// The mailboxes and UIDs under which a stored message can be found now.
pub fn places(tx: &ReadTx<'_>, email: EmailId) -> StoreResult<Vec<(MailboxId, Uid)>> {
    let sql = "SELECT mailbox, uid FROM in_mailbox WHERE email = ?1 ORDER BY mailbox, uid";
    tx.all(sql, [email.0], |row| {
        Ok((MailboxId(row.get(0)?), Uid(row.get(1)?)))
    })
}

/// The ranges of UIDs expunged after a mod-sequence (RFC 7162 §3.2.5.1); `None` when that is too
/// long ago to tell.
pub fn vanished_since(
    tx: &ReadTx<'_>,
    mailbox: MailboxId,
    modseq: ModSeq,
) -> StoreResult<Option<Vec<(Uid, Uid)>>> {
    let sql = "SELECT tombstone_floor FROM mailbox WHERE id = ?1";
    let floor: u64 = tx
        .one(sql, [mailbox.0], |row| row.get(0))?
        .ok_or(StoreError::NoSuchMailbox(mailbox))?;
    if modseq.0 < floor {
        return Ok(None);
    }
    let sql = "SELECT first_uid, last_uid FROM tombstone WHERE mailbox = ?1 AND modseq > ?2
                ORDER BY modseq, first_uid";
    tx.all(sql, (mailbox.0, modseq.0), |row| {
        Ok((Uid(row.get(0)?), Uid(row.get(1)?)))
    })
    .map(Some)
}

/// Forgets the oldest expunged ranges of mailboxes that remember more than `keep`.
pub(crate) fn prune_tombstones(tx: &mut WriteTx<'_>, keep: usize) -> StoreResult<()> {
    let sql = "SELECT mailbox FROM tombstone GROUP BY mailbox HAVING COUNT(*) > ?1";
    for mailbox in tx.all(sql, [keep], |row| row.get(0).map(MailboxId))? {
        let sql = "SELECT modseq FROM tombstone WHERE mailbox = ?1
                    ORDER BY modseq DESC LIMIT 1 OFFSET ?2";
        let floor: Option<u64> = tx.one(sql, (mailbox.0, keep), |row| row.get(0))?;
        if let Some(floor) = floor {
            let sql = "DELETE FROM tombstone WHERE mailbox = ?1 AND modseq <= ?2";
            tx.run(sql, (mailbox.0, floor))?;
            let sql = "UPDATE mailbox SET tombstone_floor = ?2 WHERE id = ?1";
            tx.run(sql, (mailbox.0, floor))?;
        }
    }
    Ok(())
}

/// Reads what [`crate::index`] keeps in memory.
pub(crate) fn index_state(tx: &ReadTx<'_>, mailbox: MailboxId) -> StoreResult<IndexState> {
    let found = mailbox::status(tx, mailbox)?;
    // Two questions: one about both would compare each row of the mailbox with those that wait.
    let mut rows = Vec::new();
    for sql in [
        "SELECT uid, email, flags, modseq, octets, received_at FROM mailbox_email
          WHERE mailbox = ?1 ORDER BY uid",
        "SELECT uid, email, flags, modseq, octets, received_at FROM arrival WHERE mailbox = ?1",
    ] {
        rows.extend(tx.all(sql, [mailbox.0], index_row)?);
    }
    rows.sort_by_key(|row| row.uid);
    Ok(IndexState {
        rows,
        modseq: found.modseq,
        uid_next: found.uid_next,
        gone: false,
    })
}

/// For a message that no mailbox has held yet: see [`crate::arrival`].
const ARRIVE: &str =
    "INSERT INTO arrival (mailbox, uid, email, flags, modseq, saved_at, octets, received_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const INSERT: &str =
    "INSERT INTO mailbox_email (mailbox, uid, email, flags, modseq, created_modseq,
                             saved_at, octets, received_at)
                      VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8)";
const REMOVE: &str = "DELETE FROM mailbox_email WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3
                      RETURNING uid, email, flags, octets, received_at";

fn same_account(tx: &ReadTx<'_>, account: AccountId, mailbox: MailboxId) -> StoreResult<String> {
    let sql = "SELECT name FROM mailbox WHERE id = ?1 AND account = ?2";
    tx.one(sql, (mailbox.0, account.0), |row| row.get(0))?
        .ok_or(StoreError::NoSuchMailbox(mailbox))
}

fn ascending(uids: &[Uid]) -> Vec<Uid> {
    let mut sorted = uids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

/// The ranges of consecutive UIDs of an ascending list, as first and last.
fn ranges(uids: &[Uid]) -> impl Iterator<Item = (Uid, Uid)> {
    uids.chunk_by(|before, next| before.0.checked_add(1) == Some(next.0))
        .filter_map(|range| Some((*range.first()?, *range.last()?)))
}

/// Runs `sql` for each range of UIDs; gives those that were there, ascending, and what they are.
fn take(
    tx: &ReadTx<'_>,
    mailbox: MailboxId,
    uids: &[Uid],
    sql: &str,
) -> StoreResult<(Vec<Uid>, Vec<Moving>)> {
    let mut taken = Vec::new();
    for (first, last) in ranges(&ascending(uids)) {
        taken.extend(tx.all(sql, (mailbox.0, first.0, last.0), |row| {
            let message = Moving {
                email: EmailId(row.get(1)?),
                flags: FlagSet(row.get(2)?),
                octets: row.get(3)?,
                received_at: time(row, 4)?,
            };
            Ok((Uid(row.get(0)?), message))
        })?);
    }
    // RETURNING promises no order.
    taken.sort_unstable_by_key(|(uid, _)| *uid);
    Ok(taken.into_iter().unzip())
}

/// Puts the keywords of messages into the words of the mailbox that they go to.
fn translate(
    tx: &mut WriteTx<'_>,
    from: MailboxId,
    to: MailboxId,
    messages: &mut [Moving],
) -> StoreResult<()> {
    let has_keywords = |message: &Moving| message.flags.keyword_indexes().next().is_some();
    if from == to || !messages.iter().any(has_keywords) {
        return Ok(());
    }
    let known: Vec<Keyword> = keyword::list(tx, from)?;
    for message in messages {
        message.flags = keyword::translate(tx, message.flags, &known, to)?;
    }
    Ok(())
}

/// Gives messages UIDs in a mailbox, each by `insert`, and tells of them.
fn place(
    tx: &mut WriteTx<'_>,
    insert: &str,
    (account, mailbox): (AccountId, MailboxId),
    modseq: ModSeq,
    saved_at: Timestamp,
    messages: &[Moving],
) -> StoreResult<Vec<Uid>> {
    let counts = Counts::of(messages);
    let first = mailbox::count(tx, account, mailbox, modseq, messages.len(), counts)?;
    let mut rows = Vec::with_capacity(messages.len());
    for (uid, message) in (first..).zip(messages) {
        let uid = u32::try_from(uid).map_err(|_| StoreError::LimitReached("UIDs of a mailbox"))?;
        tx.run(
            insert,
            (
                mailbox.0,
                uid,
                message.email.0,
                message.flags.0,
                modseq.0,
                saved_at.0,
                message.octets,
                message.received_at.0,
            ),
        )?;
        rows.push(IndexRow {
            uid: Uid(uid),
            email: message.email,
            flags: message.flags,
            modseq,
            octets: message.octets,
            received_at: message.received_at,
        });
    }
    let uids = rows.iter().map(|row| row.uid).collect();
    tx.effect(mailbox, Effect::Added { rows, modseq });
    Ok(uids)
}

/// Writes tombstones for messages that were removed, counts them off and tells of it.
fn bury(
    tx: &mut WriteTx<'_>,
    (account, mailbox): (AccountId, MailboxId),
    modseq: ModSeq,
    uids: Vec<Uid>,
    removed: Counts,
) -> StoreResult<()> {
    mailbox::count(tx, account, mailbox, modseq, 0, removed.negated())?;
    for (first, last) in ranges(&uids) {
        tx.run(
            "INSERT INTO tombstone (mailbox, modseq, first_uid, last_uid)
             VALUES (?1, ?2, ?3, ?4)",
            (mailbox.0, modseq.0, first.0, last.0),
        )?;
    }
    tx.effect(mailbox, Effect::Expunged { uids, modseq });
    Ok(())
}
