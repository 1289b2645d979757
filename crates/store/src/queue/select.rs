//! What waits, for those who ask: lists, totals, what must be looked at, and what somebody holds,
//! releases or wants tried at once.

use types::{QueueId, Timestamp};

use super::lease::distinct;
use super::{
    Queued, Recipient, is_ours, message, path_text, read_recipient, refresh, select_recipient,
};
use crate::error::StoreResult;
use crate::tx::{ReadTx, WriteTx, optional};

/// Which rows are wanted; what is `None` asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those on this way, or for recipients of this domain.
    pub way: Option<String>,
    /// Those with this sender of the envelope; empty for the null path.
    pub sender: Option<String>,
    /// Those for this recipient.
    pub recipient: Option<String>,
    /// Those of the message of this token.
    pub message: Option<String>,
    /// Those that are held, or those that are not.
    pub held: Option<bool>,
    /// Those behind the row of this number.
    pub after: u64,
}

/// Rows with their messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order in which they came.
    pub rows: Vec<(Queued, Recipient)>,
    /// Rows that this server did not write; they are never sent.
    pub changed_outside: Vec<QueueId>,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Recipients.
    pub waiting: u64,
    /// Those of them that are held.
    pub held: u64,
    /// When the oldest message of them was accepted.
    pub oldest: Option<Timestamp>,
}

/// The rows that fit, oldest first.
pub fn list(tx: &ReadTx<'_>, filter: &Filter, limit: usize) -> StoreResult<Page> {
    let sql = select_recipient!(
        "JOIN queue_message m ON m.id = q.message
          WHERE q.id > ?1 AND (?2 IS NULL OR q.way = ?2 COLLATE NOCASE
                 OR substr(q.recipient, -length(?2) - 1) = '@' || ?2 COLLATE NOCASE)
            AND (?3 IS NULL OR m.reverse_path = ?3 COLLATE NOCASE)
            AND (?4 IS NULL OR q.recipient = ?4 COLLATE NOCASE)
            AND (?5 IS NULL OR m.message = ?5)
            AND (?6 IS NULL OR (q.held IS NOT NULL) = ?6)
          ORDER BY q.id LIMIT ?7"
    );
    let wanted = (
        filter.after,
        &filter.way,
        &filter.sender,
        &filter.recipient,
        &filter.message,
        filter.held,
        limit,
    );
    page(tx, tx.all(sql, wanted, read_recipient)?)
}

/// One row; nothing if there is none, or if this server did not write it.
pub fn find(tx: &ReadTx<'_>, id: QueueId) -> StoreResult<Option<(Queued, Recipient)>> {
    let found = tx.one(select_recipient!("WHERE q.id = ?1"), [id.0], read_recipient)?;
    Ok(page(tx, found.into_iter().collect())?.rows.pop())
}

/// The rows that must be looked at by a moment, longest due first.
pub fn looks(tx: &ReadTx<'_>, now: Timestamp, limit: usize) -> StoreResult<Page> {
    let sql =
        select_recipient!("WHERE q.held IS NULL AND q.look_at <= ?1 ORDER BY q.look_at LIMIT ?2");
    page(tx, tx.all(sql, (now.0, limit), read_recipient)?)
}

/// Notes that a row was looked at, whether its sender was told, and when the next look is due.
pub fn looked(
    tx: &mut WriteTx<'_>,
    id: QueueId,
    told: bool,
    look_at: Timestamp,
) -> StoreResult<()> {
    tx.run(
        "UPDATE queue SET told = max(told, ?2), look_at = ?3 WHERE id = ?1",
        (id.0, told, look_at.0),
    )?;
    Ok(())
}

fn page(tx: &ReadTx<'_>, rows: Vec<Recipient>) -> StoreResult<Page> {
    let mut page = Page::default();
    let mut last: Option<Queued> = None;
    for row in rows {
        let of = match last.take() {
            Some(last) if last.id == row.message => Some(last),
            _ => message(tx, row.message)?,
        };
        match of {
            Some(of) if is_ours(tx, &of, &row) => {
                last = Some(of.clone());
                page.rows.push((of, row));
            }
            other => {
                last = other;
                page.changed_outside.push(row.id);
            }
        }
    }
    Ok(page)
}

/// How much waits. It counts through the whole queue.
pub fn total(tx: &ReadTx<'_>) -> StoreResult<Total> {
    let sql = "SELECT COUNT(*), COUNT(held) FROM queue";
    let counts = tx.one(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (waiting, held) = counts.unwrap_or_default();
    let sql =
        "SELECT MIN(created_at) FROM (SELECT created_at FROM queue_message ORDER BY id LIMIT 1)";
    let oldest = tx.one(sql, [], |row| optional(row, 0, Timestamp))?;
    Ok(Total {
        waiting,
        held,
        oldest: oldest.flatten(),
    })
}

/// Holds these rows back, for a reason; says how many were not held before.
pub fn holding(tx: &mut WriteTx<'_>, ids: &[QueueId], why: &str) -> StoreResult<usize> {
    let sql = "UPDATE queue SET held = ?2 WHERE id = ?1 AND held IS NULL RETURNING way";
    let mut ways = Vec::new();
    for id in ids {
        ways.extend(tx.one(sql, (id.0, why), |row| row.get::<_, String>(0))?);
    }
    refreshed(tx, ways)
}

/// Lets these rows go on, to be tried at once; says how many were held.
pub fn unholding(tx: &mut WriteTx<'_>, ids: &[QueueId], now: Timestamp) -> StoreResult<usize> {
    let sql =
        "UPDATE queue SET held = NULL, due_at = CASE WHEN lease IS NULL THEN ?2 ELSE due_at END
                WHERE id = ?1 AND held IS NOT NULL RETURNING way";
    let mut ways = Vec::new();
    for id in ids {
        ways.extend(tx.one(sql, (id.0, now.0), |row| row.get::<_, String>(0))?);
    }
    refreshed(tx, ways)
}

/// Has these rows tried at once, whatever peace their ways were given; says how many. What is being
/// tried just now, or held, stays as it is.
pub fn retrying(tx: &mut WriteTx<'_>, ids: &[QueueId], now: Timestamp) -> StoreResult<usize> {
    let sql = "UPDATE queue SET due_at = ?2
                WHERE id = ?1 AND held IS NULL AND lease IS NULL RETURNING way";
    let mut ways = Vec::new();
    for id in ids {
        ways.extend(tx.one(sql, (id.0, now.0), |row| row.get::<_, String>(0))?);
    }
    let quiet = "UPDATE queue_way SET quiet_until = ?2 WHERE way = ?1 AND quiet_until > ?2";
    for way in distinct(ways.clone()) {
        tx.run(quiet, (way, now.0))?;
    }
    refreshed(tx, ways)
}

fn refreshed(tx: &mut WriteTx<'_>, ways: Vec<String>) -> StoreResult<usize> {
    let count = ways.len();
    for way in distinct(ways) {
        refresh(tx, &way)?;
    }
    Ok(count)
}

/// The sender of a message as [`Filter::sender`] has it.
pub fn sender_text(message: &Queued) -> String {
    path_text(&message.reverse_path)
}
