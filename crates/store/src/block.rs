//! Blocks that the server made of its own accord: working state, so that a restart lifts none.

use types::{Network, Timestamp};

use crate::error::StoreResult;
use crate::tx::{ReadTx, WriteTx, checked, time};

/// Blocks that are read at a start.
pub const BLOCKS_MAX: usize = 100_000;

/// A block of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Who is blocked.
    pub source: Network,
    /// What is refused, in the word that the server has for it.
    pub what: String,
    /// The rule that made it.
    pub rule: String,
    /// How many blocks of this source there were in a row, this one included.
    pub times: u32,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// Keeps a block in the place of an earlier one of the same source.
pub fn put(tx: &mut WriteTx<'_>, block: &Block) -> StoreResult<()> {
    tx.run(
        "INSERT INTO block (source, what, rule, times, since, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (source) DO UPDATE SET what = excluded.what, rule = excluded.rule,
            times = excluded.times, since = excluded.since, until = excluded.until",
        (
            block.source.to_string(),
            &block.what,
            &block.rule,
            block.times,
            block.since.0,
            block.until.0,
        ),
    )?;
    Ok(())
}

/// Forgets the block of a source.
pub fn remove(tx: &mut WriteTx<'_>, source: &Network) -> StoreResult<()> {
    tx.run("DELETE FROM block WHERE source = ?1", [source.to_string()])?;
    Ok(())
}

/// Forgets blocks that were over before this moment.
pub fn forget(tx: &mut WriteTx<'_>, before: Timestamp) -> StoreResult<()> {
    tx.run("DELETE FROM block WHERE until < ?1", [before.0])?;
    Ok(())
}

/// All blocks, also those that are over; at most [`BLOCKS_MAX`], those that end last.
pub fn all(tx: &ReadTx<'_>) -> StoreResult<Vec<Block>> {
    tx.all(
        "SELECT source, what, rule, times, since, until FROM block ORDER BY until DESC LIMIT ?1",
        [BLOCKS_MAX],
        |row| {
            Ok(Block {
                source: checked(row, 0)?,
                what: row.get(1)?,
                rule: row.get(2)?,
                times: row.get(3)?,
                since: time(row, 4)?,
                until: time(row, 5)?,
            })
        },
    )
}
