//! Stored messages: one account's header block over a body that others may share.

use rusqlite::Row;
use types::{AccountId, BlobId, EmailId, FlagSet, Keyword, ThreadId, Timestamp};

use crate::error::{StoreError, StoreResult};
use crate::pack::Place;
use crate::tx::{ReadTx, WriteTx, optional, place_at, time};

/// A message to be stored. What is ready to send was computed by the caller.
#[derive(Clone, Debug)]
pub struct NewEmail {
    /// The body, put into a pack before (RFC 5322 §2.1: what follows the empty line).
    pub blob: BlobId,
    /// The complete header block as this account sees it, with the empty line that ends it.
    pub head: Vec<u8>,
    /// INTERNALDATE.
    pub received_at: Timestamp,
    /// When it comes into the mailbox.
    pub saved_at: Timestamp,
    /// The conversation; `None` begins one.
    pub thread: Option<ThreadId>,
    /// The IMAP ENVELOPE.
    pub envelope: Vec<u8>,
    /// The IMAP BODYSTRUCTURE.
    pub bodystructure: Vec<u8>,
    /// The first words of the text.
    pub preview: Vec<u8>,
    /// System flags.
    pub flags: FlagSet,
    /// Keywords; the mailbox learns those that it does not know.
    pub keywords: Vec<Keyword>,
}

/// A stored message without its header block and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// Its id.
    pub id: EmailId,
    /// Whose it is.
    pub account: AccountId,
    /// The conversation.
    pub thread: ThreadId,
    /// RFC822.SIZE: header block and body.
    pub octets: u64,
    /// INTERNALDATE.
    pub received_at: Timestamp,
    /// The IMAP ENVELOPE.
    pub envelope: Vec<u8>,
    /// The IMAP BODYSTRUCTURE.
    pub bodystructure: Vec<u8>,
    /// The first words of the text.
    pub preview: Vec<u8>,
}

/// Where a body lies; proof that a row names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobRef {
    /// Its id.
    pub id: BlobId,
    pub(crate) place: Place,
}

impl BlobRef {
    /// Its length.
    pub fn octets(&self) -> u64 {
        self.place.octets
    }

    /// Its SHA-256.
    pub fn sha256(&self) -> types::Sha256 {
        self.place.sha256
    }
}

/// A message without header block and body.
pub fn find(tx: &ReadTx<'_>, email: EmailId) -> StoreResult<Option<Email>> {
    let sql = "SELECT id, account, thread_id, octets, received_at, envelope, bodystructure, preview
                 FROM email WHERE id = ?1";
    tx.one(sql, [email.0], |row| {
        Ok(Email {
            id: EmailId(row.get(0)?),
            account: AccountId(row.get(1)?),
            thread: optional(row, 2, ThreadId)?.unwrap_or(ThreadId(row.get(0)?)),
            octets: row.get(3)?,
            received_at: time(row, 4)?,
            envelope: row.get(5)?,
            bodystructure: row.get(6)?,
            preview: row.get(7)?,
        })
    })
}

/// Whose a message is, and its header block with the empty line that ends it.
pub fn head(tx: &ReadTx<'_>, email: EmailId) -> StoreResult<Option<(AccountId, Vec<u8>)>> {
    let sql = "SELECT account, head FROM email WHERE id = ?1";
    tx.one(sql, [email.0], |row| {
        Ok((AccountId(row.get(0)?), row.get(1)?))
    })
}

/// What lists of messages show of one, ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Whose it is.
    pub account: AccountId,
    /// The IMAP ENVELOPE.
    pub envelope: Vec<u8>,
    /// The IMAP BODYSTRUCTURE.
    pub bodystructure: Vec<u8>,
}

/// What lists of messages show of one.
pub fn description(tx: &ReadTx<'_>, email: EmailId) -> StoreResult<Option<Description>> {
    let sql = "SELECT account, envelope, bodystructure FROM email WHERE id = ?1";
    tx.one(sql, [email.0], |row| {
        Ok(Description {
            account: AccountId(row.get(0)?),
            envelope: row.get(1)?,
            bodystructure: row.get(2)?,
        })
    })
}

/// A message that can be read: its header block, and where its body lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readable {
    /// Whose it is.
    pub account: AccountId,
    /// RFC822.SIZE.
    pub octets: u64,
    /// The header block with the empty line that ends it.
    pub head: Vec<u8>,
    /// The body.
    pub body: BlobRef,
}

/// A message with its header block, found with one question.
pub fn readable(tx: &ReadTx<'_>, email: EmailId) -> StoreResult<Option<Readable>> {
    let sql = "SELECT b.id, b.sha256, b.octets, b.segment, b.start, e.account, e.octets, e.head
                 FROM email e JOIN blob b ON b.id = e.blob WHERE e.id = ?1";
    tx.one(sql, [email.0], |row| {
        Ok(Readable {
            body: blob_ref(row)?,
            account: AccountId(row.get(5)?),
            octets: row.get(6)?,
            head: row.get(7)?,
        })
    })
}

/// Where the body of a message lies.
pub fn body(tx: &ReadTx<'_>, email: EmailId) -> StoreResult<BlobRef> {
    let sql = "SELECT b.id, b.sha256, b.octets, b.segment, b.start
                 FROM email e JOIN blob b ON b.id = e.blob WHERE e.id = ?1";
    tx.one(sql, [email.0], blob_ref)?
        .ok_or(StoreError::NotFound("message"))
}

/// Where a body lies.
pub fn blob(tx: &ReadTx<'_>, blob: BlobId) -> StoreResult<BlobRef> {
    let sql = "SELECT id, sha256, octets, segment, start FROM blob WHERE id = ?1";
    tx.one(sql, [blob.0], blob_ref)?
        .ok_or(StoreError::NotFound("body"))
}

fn blob_ref(row: &Row<'_>) -> rusqlite::Result<BlobRef> {
    Ok(BlobRef {
        id: BlobId(row.get(0)?),
        place: place_at(row, 1)?,
    })
}

impl ReadTx<'_> {
    /// A whole body, checked against its SHA-256.
    pub fn read_blob(&self, blob: &BlobRef) -> StoreResult<Vec<u8>> {
        self.packs().read(&blob.place)
    }

    /// At most `max_octets` octets of a body from `from` on. The whole body is checked against its
    /// SHA-256 first, unless it was within the last minute.
    pub fn read_blob_range(
        &self,
        blob: &BlobRef,
        from: u64,
        max_octets: usize,
    ) -> StoreResult<Vec<u8>> {
        self.packs()
            .read_checked_range(&blob.place, from, max_octets)
    }
}

/// Adds the message row; gives RFC822.SIZE too.
pub(crate) fn insert(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    new: &NewEmail,
) -> StoreResult<(EmailId, u64)> {
    tx.one(
        "INSERT INTO email (account, blob, octets, received_at, thread_id, envelope,
                bodystructure, preview, head)
         SELECT ?1, b.id, b.octets + ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM blob b WHERE b.id = ?2
         RETURNING id, octets",
        (
            account.0,
            new.blob.0,
            new.head.len(),
            new.received_at.0,
            new.thread.map(|thread| thread.0),
            &new.envelope,
            &new.bodystructure,
            &new.preview,
            &new.head,
        ),
        |row| Ok((EmailId(row.get(0)?), row.get(1)?)),
    )?
    .ok_or(StoreError::NotFound("body"))
}

/// Removes a message that no mailbox and no recoverable row names; its body may die with it.
pub(crate) fn release(tx: &mut WriteTx<'_>, email: EmailId, now: Timestamp) -> StoreResult<()> {
    let blob = tx.one(
        "DELETE FROM email WHERE id = ?1
            AND NOT EXISTS (SELECT 1 FROM mailbox_email WHERE email = ?1)
            AND NOT EXISTS (SELECT 1 FROM recoverable WHERE email = ?1)
          RETURNING blob",
        [email.0],
        |row| row.get(0).map(BlobId),
    )?;
    match blob {
        Some(blob) => release_blob(tx, blob, now),
        None => Ok(()),
    }
}

/// Notes since when nothing names a body, if nothing does.
pub(crate) fn release_blob(tx: &mut WriteTx<'_>, blob: BlobId, now: Timestamp) -> StoreResult<()> {
    tx.run(
        "UPDATE blob SET dead_at = ?2 WHERE id = ?1
            AND NOT EXISTS (SELECT 1 FROM email WHERE blob = ?1)
            AND NOT EXISTS (SELECT 1 FROM queue WHERE blob = ?1)",
        (blob.0, now.0),
    )?;
    Ok(())
}
