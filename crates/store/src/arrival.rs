//! Messages that were just delivered, on their way into the table of their mailbox.
//!
//! A delivery appends a row to `arrival`, where those of all mailboxes share a page: a page of
//! `mailbox_email` for each message was the largest part of what the disk had to write. Every
//! [`ARRIVALS_MAX`] messages all move on together, and those of a mailbox before anything but a
//! delivery changes a row of it. Who reads asks both, mostly by the view
//! `in_mailbox`.

use types::{EmailId, MailboxId};

use crate::error::StoreResult;
use crate::tx::WriteTx;

/// Messages that wait at most; who reads a mailbox from the database looks at all of them.
const ARRIVALS_MAX: i64 = 2_048;

/// Moves all that wait, if the message with this id is the one that is to do it.
pub(crate) fn settle_if_due(tx: &mut WriteTx<'_>, email: EmailId) -> StoreResult<()> {
    // Each id is given once, so one of so many in a row is divisible.
    if email.0 % ARRIVALS_MAX == 0 {
        settle_all(tx)?;
    }
    Ok(())
}

/// Moves those of all mailboxes.
pub(crate) fn settle_all(tx: &mut WriteTx<'_>) -> StoreResult<()> {
    tx.run(
        "INSERT INTO mailbox_email (mailbox, uid, email, flags, modseq, created_modseq, saved_at,
                octets, received_at)
         SELECT mailbox, uid, email, flags, modseq, modseq, saved_at, octets, received_at
           FROM arrival ORDER BY mailbox, uid",
        [],
    )?;
    tx.run("DELETE FROM arrival", []).map(drop)
}

/// Moves those of a mailbox.
pub(crate) fn settle(tx: &mut WriteTx<'_>, mailbox: MailboxId) -> StoreResult<()> {
    let moved = tx.run(
        "INSERT INTO mailbox_email (mailbox, uid, email, flags, modseq, created_modseq, saved_at,
                octets, received_at)
         SELECT mailbox, uid, email, flags, modseq, modseq, saved_at, octets, received_at
           FROM arrival WHERE mailbox = ?1 ORDER BY uid",
        [mailbox.0],
    )?;
    if moved > 0 {
        tx.run("DELETE FROM arrival WHERE mailbox = ?1", [mailbox.0])?;
    }
    Ok(())
}
