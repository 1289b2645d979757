//! Giving room back: removed messages whose time is over, bodies that nothing names.

use types::{BlobId, Timestamp};

use crate::error::StoreResult;
use crate::message;
use crate::pack::{self, Place};
use crate::recoverable;
use crate::store::Store;
use crate::tx::{ReadTx, WriteTx, place_at};

/// A body is kept this long after the last row that named it has gone.
const BODY_GRACE_S: i64 = 24 * 60 * 60;
/// Rows of one transaction, so that mail does not wait for it.
const STEP_ROWS: usize = 256;
/// Expunged ranges that a mailbox remembers.
const TOMBSTONES_MAX: usize = 10_000;

/// What a collection has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Removed messages that can no longer be brought back.
    pub messages: usize,
    /// Bodies whose room was given back.
    pub bodies: usize,
    /// Their octets.
    pub octets: u64,
}

impl Store {
    /// Forgets removed messages whose time is over and frees bodies that have been dead for a day.
    ///
    /// While a lease lives, no body is freed.
    pub async fn collect_garbage(&self, now: Timestamp) -> StoreResult<Garbage> {
        let mut garbage = Garbage::default();
        loop {
            let purged = self
                .write(move |tx| recoverable::purge(tx, now, STEP_ROWS))
                .await?;
            garbage.messages += purged;
            if purged < STEP_ROWS {
                break;
            }
        }
        self.write(|tx| message::prune_tombstones(tx, TOMBSTONES_MAX))
            .await?;
        while !self.has_lease() {
            let dead = self.read(move |tx| dead_bodies(tx, now)).await?;
            garbage.bodies += dead.len();
            garbage.octets += dead.iter().map(|(_, place)| place.octets).sum::<u64>();
            let last = dead.len() < STEP_ROWS;
            self.free(dead).await?;
            if last {
                break;
            }
        }
        self.unlink_empty_segments().await?;
        Ok(garbage)
    }

    /// Frees the room first and forgets the rows then, so that a crash between leaves no room lost.
    async fn free(&self, dead: Vec<(BlobId, Place)>) -> StoreResult<()> {
        let ids: Vec<BlobId> = dead.iter().map(|(id, _)| *id).collect();
        self.with_packs(move |packs| dead.iter().try_for_each(|(_, place)| packs.free(place)))
            .await?;
        self.write(move |tx| forget_bodies(tx, &ids)).await
    }

    async fn unlink_empty_segments(&self) -> StoreResult<()> {
        if self.has_lease() {
            return Ok(());
        }
        let segments = pack::segments(&self.packs_folder())?;
        let empty = self.write(move |tx| empty_segments(tx, &segments)).await?;
        self.with_packs(move |packs| empty.iter().try_for_each(|segment| packs.unlink(*segment)))
            .await
    }
}

fn dead_bodies(tx: &ReadTx<'_>, now: Timestamp) -> StoreResult<Vec<(BlobId, Place)>> {
    let sql = "SELECT id, sha256, octets, segment, start FROM blob
                WHERE dead_at IS NOT NULL AND dead_at <= ?1 LIMIT ?2";
    let before = now.plus_s(-BODY_GRACE_S);
    tx.all(sql, (before.0, STEP_ROWS), |row| {
        Ok((BlobId(row.get(0)?), place_at(row, 1)?))
    })
}

fn forget_bodies(tx: &mut WriteTx<'_>, ids: &[BlobId]) -> StoreResult<()> {
    for id in ids {
        let sql = "DELETE FROM blob WHERE id = ?1 AND dead_at IS NOT NULL";
        tx.run(sql, [id.0])?;
    }
    Ok(())
}

/// The sealed segments among these in which no row names a body.
fn empty_segments(tx: &WriteTx<'_>, segments: &[u32]) -> StoreResult<Vec<u32>> {
    let current = tx.current_segment();
    let mut empty = Vec::new();
    for segment in segments.iter().filter(|segment| **segment < current) {
        let sql = "SELECT 1 FROM blob WHERE segment = ?1 LIMIT 1";
        if tx.one(sql, [segment], |_| Ok(()))?.is_none() {
            empty.push(*segment);
        }
    }
    Ok(empty)
}
