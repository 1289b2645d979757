//! Leases: whoever sends takes rows for a while, and says what became of them.
//!
//! While a row is leased its `due_at` is the end of the lease, so that it comes back by itself if
//! nobody says anything.

use types::{QueueId, Timestamp};

use super::{Queued, Recipient, is_ours, message, read_recipient, refresh, select_recipient};
use crate::error::StoreResult;
use crate::tx::WriteTx;

/// Why a row that somebody wrote past the server is not tried.
const CHANGED_OUTSIDE: &str = "it was changed past the server";

/// What is wanted of a way.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Its name.
    pub way: &'a str,
    /// Rows that are due at this moment.
    pub due: Timestamp,
    /// Who takes them.
    pub lease: &'a str,
    /// When they come back.
    pub until: Timestamp,
    /// Recipients of one message at most.
    pub recipients_max: usize,
}

/// A message and those of its recipients that were taken together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The message.
    pub message: Queued,
    /// At least one.
    pub recipients: Vec<Recipient>,
}

/// Takes the message that is due longest on a way, with its recipients that are due at the same
/// moment. Rows that this server did not write are held back for good; their ids are added to
/// `forged`. The caller refreshes the way.
pub fn claim(
    tx: &mut WriteTx<'_>,
    wanted: &Claim<'_>,
    forged: &mut Vec<QueueId>,
) -> StoreResult<Option<Claimed>> {
    let first = "SELECT due_at, message FROM queue
                  WHERE way = ?1 AND held IS NULL AND due_at <= ?2
                  ORDER BY due_at, message LIMIT 1";
    loop {
        let key = (wanted.way, wanted.due.0);
        let found = tx.one(first, key, |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })?;
        let Some((due_at, of_message)) = found else {
            return Ok(None);
        };
        let sql = select_recipient!(
            "WHERE q.way = ?1 AND q.held IS NULL AND q.due_at = ?2 AND q.message = ?3 LIMIT ?4"
        );
        let key = (wanted.way, due_at, of_message, wanted.recipients_max);
        let rows = tx.all(sql, key, read_recipient)?;
        let Some(message) = message(tx, of_message)? else {
            hold_forged(tx, rows, forged)?;
            continue;
        };
        let (ours, others): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| is_ours(tx, &message, row));
        hold_forged(tx, others, forged)?;
        if ours.is_empty() {
            continue;
        }
        for row in &ours {
            tx.run(
                "UPDATE queue SET lease = ?2, due_at = ?3 WHERE id = ?1",
                (row.id.0, wanted.lease, wanted.until.0),
            )?;
        }
        return Ok(Some(Claimed {
            message,
            recipients: ours,
        }));
    }
}

fn hold_forged(
    tx: &mut WriteTx<'_>,
    rows: Vec<Recipient>,
    forged: &mut Vec<QueueId>,
) -> StoreResult<()> {
    for row in rows {
        tx.run(
            "UPDATE queue SET held = ?2, lease = NULL WHERE id = ?1",
            (row.id.0, CHANGED_OUTSIDE),
        )?;
        forged.push(row.id);
    }
    Ok(())
}

/// What is noted of a recipient that is to be tried again.
#[derive(Clone, Copy, Debug)]
pub struct Deferral<'a> {
    /// When it was tried.
    pub at: Timestamp,
    /// What was said.
    pub reply: &'a str,
    /// When it is tried next.
    pub due_at: Timestamp,
}

/// Notes an attempt that failed and ends the lease. Nothing happens if somebody else has it now.
pub fn defer(
    tx: &mut WriteTx<'_>,
    id: QueueId,
    lease: &str,
    deferral: &Deferral<'_>,
) -> StoreResult<()> {
    tx.run(
        "UPDATE queue SET attempts = attempts + 1, last_at = ?3, last_reply = ?4, due_at = ?5,
                lease = NULL
          WHERE id = ?1 AND lease = ?2",
        (
            id.0,
            lease,
            deferral.at.0,
            deferral.reply,
            deferral.due_at.0,
        ),
    )?;
    Ok(())
}

/// Ends the lease of a row that was not tried.
pub fn give_back(
    tx: &mut WriteTx<'_>,
    id: QueueId,
    lease: &str,
    due_at: Timestamp,
) -> StoreResult<()> {
    tx.run(
        "UPDATE queue SET lease = NULL, due_at = ?3 WHERE id = ?1 AND lease = ?2",
        (id.0, lease, due_at.0),
    )?;
    Ok(())
}

/// Moves a leased row to another way, due at once and free for whoever is next. The caller refreshes
/// both ways.
pub fn reroute(
    tx: &mut WriteTx<'_>,
    id: QueueId,
    lease: &str,
    (way, now): (&str, Timestamp),
) -> StoreResult<()> {
    tx.run(
        "UPDATE queue SET way = ?3, due_at = ?4, lease = NULL WHERE id = ?1 AND lease = ?2",
        (id.0, lease, way, now.0),
    )?;
    Ok(())
}

/// Lengthens a lease.
pub fn keep(tx: &mut WriteTx<'_>, id: QueueId, lease: &str, until: Timestamp) -> StoreResult<()> {
    tx.run(
        "UPDATE queue SET due_at = ?3 WHERE id = ?1 AND lease = ?2",
        (id.0, lease, until.0),
    )?;
    Ok(())
}

/// Ends all leases: those who had them are gone. Says how many there were.
pub fn release_leases(tx: &mut WriteTx<'_>, now: Timestamp) -> StoreResult<usize> {
    let sql = "UPDATE queue SET lease = NULL, due_at = ?1 WHERE lease IS NOT NULL RETURNING way";
    let ways: Vec<String> = tx.all(sql, [now.0], |row| row.get(0))?;
    let count = ways.len();
    for way in distinct(ways) {
        refresh(tx, &way)?;
    }
    Ok(count)
}

/// Brings back to now what a clock that was wrong has put off beyond a moment: attempts, looks and
/// the peace of ways. It looks through the whole queue.
pub fn mend_times(tx: &mut WriteTx<'_>, now: Timestamp, beyond: Timestamp) -> StoreResult<usize> {
    let sql = "UPDATE queue_way SET quiet_until = ?1 WHERE quiet_until > ?2";
    tx.run(sql, (now.0, beyond.0))?;
    let sql = "UPDATE queue SET due_at = ?1 WHERE due_at > ?2 RETURNING way";
    let ways: Vec<String> = tx.all(sql, (now.0, beyond.0), |row| row.get(0))?;
    let count = ways.len();
    for way in distinct(ways) {
        refresh(tx, &way)?;
    }
    Ok(count)
}

pub(super) fn distinct(mut ways: Vec<String>) -> Vec<String> {
    ways.sort_unstable();
    ways.dedup();
    ways
}
