//! Fates: what became of one message for one recipient, and by which rule.
//!
//! The row commits in the transaction that delivers, sends on or discards; without it none of these
//! happens. The indexes that lead to it are filled later, many fates at a time ([`settle`]): six
//! pages for each message were the largest part of what the disk had to write. Until then a fate
//! is found by looking through those that are not settled.

use rusqlite::Row;
use rusqlite::types::Value;
use types::{AccountId, CredentialId, SessionId, Timestamp};

use crate::error::{StoreError, StoreResult};
use crate::tx::{ReadTx, WriteTx, optional, time};

/// What became of a message for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fate {
    /// The token of the message, the same for all its recipients.
    pub message: String,
    /// When it was decided.
    pub at: Timestamp,
    /// The size of the configuration ledger that decided it.
    pub config_size: u64,
    /// The account it was for, if any.
    pub account: Option<AccountId>,
    /// The recipient of the envelope, as compared.
    pub recipient: String,
    /// What was done: `store`, `redirect`, `refuse` and so on.
    pub action: String,
    /// Where it went: a mailbox, an address.
    pub target: String,
    /// How the rules came to that, as JSON.
    pub rules: Vec<u8>,
    /// The session that brought it.
    pub session: Option<SessionId>,
    /// With what the sender signed in, if anybody did.
    pub credential: Option<CredentialId>,
    /// Octets of the message.
    pub size: u64,
    /// The sender of the envelope; empty for the null path.
    pub reverse_path: String,
    /// The Message-ID field, as found.
    pub message_id: String,
    /// What the sender asked of it, as JSON, if anything.
    pub params: Option<Vec<u8>>,
    /// How it ended at another server, as JSON, if it got that far.
    pub outcome: Option<Vec<u8>>,
}

/// Which fates are wanted.
#[derive(Clone, Copy, Debug)]
pub enum FateKey<'a> {
    /// Those of one message, by its token.
    Message(&'a str),
    /// Those of messages with this Message-ID.
    MessageId(&'a str),
    /// Those for this recipient, as compared.
    Recipient(&'a str),
    /// Those of what went out to this address, in capitals or small letters.
    SentTo(&'a str),
    /// Those of messages with this sender of the envelope.
    Sender(&'a str),
    /// As [`Self::Sender`], in capitals or small letters; it looks through all fates.
    SenderInAnyCase(&'a str),
    /// Those for this account.
    Account(AccountId),
    /// Those that this rule had a part in, in whatever form it had then, by its id.
    Rule(&'a str),
    /// All.
    Any,
}

/// Records a fate. `rule_ids` are the rules that had a part in it, each as `id@seq`.
pub fn insert(tx: &mut WriteTx<'_>, fate: &Fate, rule_ids: &[String]) -> StoreResult<()> {
    let id = tx.insert(
        "INSERT INTO fate (message, at, config_size, account, recipient, action, target, rules,
                session, size, reverse_path, message_id, params, credential, outcome, settled)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0)",
        (
            &fate.message,
            fate.at.0,
            fate.config_size,
            fate.account.map(|account| account.0),
            &fate.recipient,
            &fate.action,
            &fate.target,
            &fate.rules,
            fate.session.map(|session| session.0),
            fate.size,
            &fate.reverse_path,
            &fate.message_id,
            &fate.params,
            fate.credential.map(|credential| credential.0),
            &fate.outcome,
        ),
    )?;
    for rule in rule_ids {
        tx.run(
            "INSERT INTO fate_rule (rule, fate) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            (rule, id),
        )?;
    }
    Ok(())
}

/// Fills the indexes for the oldest fates that are not in them yet, at most `max` of them; gives
/// how many that were.
pub fn settle(tx: &mut WriteTx<'_>, max: usize) -> StoreResult<usize> {
    let sql = "UPDATE fate SET settled = 1
                WHERE id IN (SELECT id FROM fate WHERE id > ?1 ORDER BY id LIMIT ?2)
               RETURNING id";
    let ids: Vec<i64> = tx.all(sql, (settled(tx)?, max), |row| row.get(0))?;
    if let Some(last) = ids.iter().max() {
        tx.run(
            "UPDATE meta SET value = ?1 WHERE key = 'fates_settled'",
            [last.to_string()],
        )?;
    }
    Ok(ids.len())
}

/// The id up to which all fates are in the indexes.
fn settled(tx: &ReadTx<'_>) -> StoreResult<i64> {
    let sql = "SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'fates_settled'";
    tx.one(sql, [], |row| row.get(0))?
        .ok_or(StoreError::NotFound("mark of the settled fates"))
}

/// Two questions with the same condition: of the fates in the indexes, and of those behind `?5`.
macro_rules! select_fate {
    ($from:literal, $condition:literal) => {
        [
            select_fate!(@ $from, $condition, "f.settled = 1 AND ?5 = ?5"),
            select_fate!(@ $from, $condition, "f.settled = 0 AND f.id > ?5"),
        ]
    };
    (@ $from:literal, $condition:literal, $settled:literal) => {
        concat!(
            "SELECT f.message, f.at, f.config_size, f.account, f.recipient, f.action, f.target,
                    f.rules, f.session, f.size, f.reverse_path, f.message_id, f.params,
                    f.credential, f.outcome, f.id FROM ",
            $from, " WHERE ", $condition, " AND ", $settled,
            " AND f.at >= ?2 AND f.at < ?3 ORDER BY f.at DESC, f.id DESC LIMIT ?4"
        )
    };
}

/// The fates with this key from `since` to before `until`, newest first.
pub fn find(
    tx: &ReadTx<'_>,
    key: FateKey<'_>,
    since: Timestamp,
    until: Timestamp,
    limit: usize,
) -> StoreResult<Vec<Fate>> {
    let (questions, value) = match key {
        FateKey::Message(token) => (select_fate!("fate f", "f.message = ?1"), text(token)),
        FateKey::MessageId(id) => (select_fate!("fate f", "f.message_id = ?1"), text(id)),
        FateKey::Recipient(address) => (select_fate!("fate f", "f.recipient = ?1"), text(address)),
        FateKey::SentTo(address) => (
            select_fate!(
                "fate f",
                "f.action IN ('sink', 'queue') AND f.target = ?1 COLLATE NOCASE"
            ),
            text(address),
        ),
        FateKey::Sender(address) => (select_fate!("fate f", "f.reverse_path = ?1"), text(address)),
        FateKey::SenderInAnyCase(address) => (
            select_fate!("fate f", "f.reverse_path = ?1 COLLATE NOCASE"),
            text(address),
        ),
        FateKey::Rule(rule) => (
            // An id is followed by `@` and the number of an entry; `A` is the next letter.
            select_fate!(
                "fate f",
                "f.id IN (SELECT fate FROM fate_rule
                           WHERE rule >= ?1 || '@' AND rule < ?1 || 'A')"
            ),
            text(rule),
        ),
        // The parameter stands in each of these questions; here it asks nothing.
        FateKey::Any => (select_fate!("fate f", "?1 = ?1"), text("")),
        FateKey::Account(account) => (
            select_fate!("fate f", "f.account = ?1"),
            Value::from(i64::try_from(account.0).unwrap_or(i64::MAX)),
        ),
    };
    let settled = settled(tx)?;
    let mut found = Vec::new();
    for sql in questions {
        let params = (&value, since.0, until.0, limit, settled);
        found.append(&mut tx.all(sql, params, read)?);
    }
    found.sort_by_key(|fate: &(i64, Fate)| std::cmp::Reverse((fate.1.at, fate.0)));
    found.truncate(limit);
    Ok(found.into_iter().map(|(_, fate)| fate).collect())
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn read(row: &Row<'_>) -> rusqlite::Result<(i64, Fate)> {
    let fate = Fate {
        message: row.get(0)?,
        at: time(row, 1)?,
        config_size: row.get(2)?,
        account: optional(row, 3, AccountId)?,
        recipient: row.get(4)?,
        action: row.get(5)?,
        target: row.get(6)?,
        rules: row.get(7)?,
        session: optional(row, 8, SessionId)?,
        size: row.get(9)?,
        reverse_path: row.get(10)?,
        message_id: row.get(11)?,
        params: row.get(12)?,
        credential: optional(row, 13, CredentialId)?,
        outcome: row.get(14)?,
    };
    Ok((row.get(15)?, fate))
}
