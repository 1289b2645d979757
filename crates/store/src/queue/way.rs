//! Ways: what goes to the same place is tried, counted and held back together, so that a thousand
//! places that do not answer cost nobody else anything.

use rusqlite::Row;
use types::Timestamp;

use crate::error::StoreResult;
use crate::tx::{ReadTx, WriteTx, optional, time};

/// How a way is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayState {
    /// Its name.
    pub way: String,
    /// When something of it may be tried; `None` while nothing waits.
    pub next_at: Option<Timestamp>,
    /// Attempts that failed one after another for everything on it.
    pub failures: u32,
    /// Until when it is left in peace because of them.
    pub quiet_until: Timestamp,
    /// When it failed last.
    pub last_at: Option<Timestamp>,
    /// What was said then.
    pub last_reply: Option<String>,
}

/// The ways on which something may be tried at a moment, longest due first: those that work, or
/// those that failed last.
pub fn ways_due(
    tx: &ReadTx<'_>,
    at: Timestamp,
    failing: bool,
    limit: usize,
) -> StoreResult<Vec<String>> {
    let sql = match failing {
        false => {
            "SELECT way FROM queue_way WHERE failures = 0 AND next_at <= ?1
              ORDER BY next_at LIMIT ?2"
        }
        true => {
            "SELECT way FROM queue_way WHERE failures > 0 AND next_at <= ?1
              ORDER BY next_at LIMIT ?2"
        }
    };
    tx.all(sql, (at.0, limit), |row| row.get(0))
}

/// The first moment after `at` at which something may be tried on a way that has nothing to try yet.
pub fn next_at(tx: &ReadTx<'_>, at: Timestamp) -> StoreResult<Option<Timestamp>> {
    let mut first = None;
    for sql in [
        "SELECT next_at FROM queue_way WHERE failures = 0 AND next_at > ?1
          ORDER BY next_at LIMIT 1",
        "SELECT next_at FROM queue_way WHERE failures > 0 AND next_at > ?1
          ORDER BY next_at LIMIT 1",
    ] {
        let found = tx.one(sql, [at.0], |row| time(row, 0))?;
        first = first.into_iter().chain(found).min();
    }
    Ok(first)
}

/// Notes that something waits on a way from a moment on.
pub(super) fn expect(tx: &mut WriteTx<'_>, way: &str, due_at: Timestamp) -> StoreResult<()> {
    tx.run(
        "INSERT INTO queue_way (way, next_at, failures, quiet_until) VALUES (?1, ?2, 0, 0)
         ON CONFLICT (way) DO UPDATE SET next_at =
            max(min(COALESCE(next_at, excluded.next_at), excluded.next_at), quiet_until)",
        (way, due_at.0),
    )?;
    Ok(())
}

/// Brings a way up to date after rows of it changed.
pub fn refresh(tx: &mut WriteTx<'_>, way: &str) -> StoreResult<()> {
    let sql = "SELECT due_at FROM queue WHERE way = ?1 AND held IS NULL ORDER BY due_at LIMIT 1";
    match tx.one(sql, [way], |row| row.get::<_, i64>(0))? {
        Some(due_at) => {
            tx.run(
                "INSERT INTO queue_way (way, next_at, failures, quiet_until) VALUES (?1, ?2, 0, 0)
                 ON CONFLICT (way) DO UPDATE SET next_at = max(excluded.next_at, quiet_until)",
                (way, due_at),
            )?;
        }
        None => {
            tx.run("UPDATE queue_way SET next_at = NULL WHERE way = ?1", [way])?;
            tx.run(
                "DELETE FROM queue_way WHERE way = ?1 AND failures = 0",
                [way],
            )?;
        }
    }
    Ok(())
}

/// Notes that everything on a way failed, and leaves it in peace until a moment.
pub fn failed(
    tx: &mut WriteTx<'_>,
    way: &str,
    (at, reply): (Timestamp, &str),
    quiet_until: Timestamp,
) -> StoreResult<()> {
    tx.run(
        "INSERT INTO queue_way (way, next_at, failures, quiet_until, last_at, last_reply)
         VALUES (?1, NULL, 1, ?2, ?3, ?4)
         ON CONFLICT (way) DO UPDATE SET failures = failures + 1,
            quiet_until = excluded.quiet_until, last_at = excluded.last_at,
            last_reply = excluded.last_reply",
        (way, quiet_until.0, at.0, reply),
    )?;
    Ok(())
}

/// Notes that a way works; whether it had failed before. The caller refreshes it.
pub fn works(tx: &mut WriteTx<'_>, way: &str) -> StoreResult<bool> {
    let sql = "UPDATE queue_way SET failures = 0, quiet_until = 0 WHERE way = ?1 AND failures > 0";
    Ok(tx.run(sql, [way])? > 0)
}

/// Forgets what went wrong on ways that nothing has waited for since a moment.
pub fn forget_ways(tx: &mut WriteTx<'_>, since: Timestamp) -> StoreResult<usize> {
    let sql = "DELETE FROM queue_way WHERE next_at IS NULL AND quiet_until < ?1";
    tx.run(sql, [since.0])
}

macro_rules! select_way {
    ($tail:literal) => {
        concat!(
            "SELECT way, next_at, failures, quiet_until, last_at, last_reply FROM queue_way ",
            $tail
        )
    };
}

/// How one way is; nothing if nothing waits for it and nothing is wrong.
pub fn way_state(tx: &ReadTx<'_>, way: &str) -> StoreResult<Option<WayState>> {
    tx.one(select_way!("WHERE way = ?1"), [way], read)
}

/// The ways behind this name, by their names.
pub fn ways(tx: &ReadTx<'_>, after: &str, limit: usize) -> StoreResult<Vec<WayState>> {
    tx.all(
        select_way!("WHERE way > ?1 ORDER BY way LIMIT ?2"),
        (after, limit),
        read,
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<WayState> {
    Ok(WayState {
        way: row.get(0)?,
        next_at: optional(row, 1, Timestamp)?,
        failures: row.get(2)?,
        quiet_until: time(row, 3)?,
        last_at: optional(row, 4, Timestamp)?,
        last_reply: row.get(5)?,
    })
}
