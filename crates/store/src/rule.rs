//! What rules remember: whom they answered, which messages they met, how often they acted.

use rusqlite::Row;
use types::Timestamp;

use crate::error::StoreResult;
use crate::tx::{ReadTx, WriteTx, time};

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;
/// Days for which it is known how often a rule acted.
pub const DAYS_KEPT: i64 = 366;

/// Sorts of what is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoryKind {
    /// Somebody who was answered (RFC 5230 §4.2).
    Reply,
    /// A message that was met (RFC 7352 §3).
    Seen,
}

impl MemoryKind {
    fn word(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Seen => "seen",
        }
    }
}

/// What is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Memory {
    /// Whose rules: `server`, or the id of a domain or an account.
    pub owner: String,
    /// Which sort.
    pub kind: MemoryKind,
    /// What the rule calls it.
    pub handle: String,
    /// The sender, or the mark of the message.
    pub mark: String,
}

/// How often a rule acted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Times since the moment that was asked for, by whole days.
    pub count: u64,
    /// The last time of all that is known.
    pub last: Option<Timestamp>,
}

/// Remembers something until a moment; a later one takes the place of an earlier one.
pub fn remember(tx: &mut WriteTx<'_>, memory: &Memory, until: Timestamp) -> StoreResult<()> {
    tx.run(
        "INSERT INTO rule_memory (owner, kind, handle, mark, until) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (owner, kind, handle, mark) DO UPDATE SET until = max(until, excluded.until)",
        (
            &memory.owner,
            memory.kind.word(),
            &memory.handle,
            &memory.mark,
            until.0,
        ),
    )?;
    Ok(())
}

/// Whether something is remembered at a moment.
pub fn remembers(tx: &ReadTx<'_>, memory: &Memory, now: Timestamp) -> StoreResult<bool> {
    let sql = "SELECT until FROM rule_memory
                WHERE owner = ?1 AND kind = ?2 AND handle = ?3 AND mark = ?4";
    let key = (
        &memory.owner,
        memory.kind.word(),
        &memory.handle,
        &memory.mark,
    );
    let until = tx.one(sql, key, |row| time(row, 0))?;
    Ok(until.is_some_and(|until| until.0 > now.0))
}

/// Forgets at most `limit` things whose time is over, and all counts that are too old.
pub fn forget(tx: &mut WriteTx<'_>, now: Timestamp, limit: usize) -> StoreResult<usize> {
    tx.run(
        "DELETE FROM rule_day WHERE day < ?1",
        [day(now) - DAYS_KEPT],
    )?;
    tx.run(
        "DELETE FROM rule_memory WHERE (owner, kind, handle, mark) IN
            (SELECT owner, kind, handle, mark FROM rule_memory WHERE until < ?1 LIMIT ?2)",
        (now.0, limit),
    )
}

/// Counts that a rule acted.
pub fn acted(tx: &mut WriteTx<'_>, rule: &str, at: Timestamp) -> StoreResult<()> {
    tx.run(
        "INSERT INTO rule_day (rule, day, matches, last) VALUES (?1, ?2, 1, ?3)
         ON CONFLICT (rule, day) DO UPDATE SET matches = matches + 1,
            last = max(last, excluded.last)",
        (rule, day(at), at.0),
    )?;
    Ok(())
}

/// How often a rule acted since a moment.
pub fn matches(tx: &ReadTx<'_>, rule: &str, since: Timestamp) -> StoreResult<Matches> {
    let sql = "SELECT COALESCE(SUM(CASE WHEN day >= ?2 THEN matches ELSE 0 END), 0), MAX(last)
                 FROM rule_day WHERE rule = ?1";
    let read = |row: &Row<'_>| {
        Ok(Matches {
            count: row.get(0)?,
            last: row.get::<_, Option<i64>>(1)?.map(Timestamp),
        })
    };
    Ok(tx.one(sql, (rule, day(since)), read)?.unwrap_or_default())
}

fn day(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY_US)
}
