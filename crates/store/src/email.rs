//! Stored messages: one account's header block over a body that others may share.

use rusqlite::Row;
use types::{AccountId, BlobId, EmailId, FlagSet, Keyword, ThreadId, Timestamp};

use crate::arrival;
use crate::error::{StoreError, StoreResult};
use crate::pack::Place;
use crate::sum::{self, Listed, Text};
use crate::tx::{ReadTx, WriteTx, place_at};

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

/// A message without header block and body. Its row is checked against its sum.
pub fn find(tx: &ReadTx<'_>, email: EmailId) -> StoreResult<Option<Email>> {
    let sql = "SELECT e.account, e.octets, e.received_at, e.thread_id, e.envelope,
                      e.bodystructure, e.preview, e.list_sum FROM email e WHERE e.id = ?1";
    let found = tx.one(sql, [email.0], |row| {
        let listed = Listed::at(row, 0)?;
        let fits = sum::fits(row, sum::LISTED_COLUMNS, &listed.sum())?;
        let found = Email {
            id: email,
            account: AccountId(listed.account),
            thread: ThreadId(listed.thread.unwrap_or(email.0)),
            octets: listed.octets,
            received_at: Timestamp(listed.received_at),
            envelope: listed.envelope.to_vec(),
            bodystructure: listed.bodystructure.to_vec(),
            preview: listed.preview.to_vec(),
        };
        Ok((fits, found))
    })?;
    sum::sound(email, found)
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

/// A message with its header block, found with one question. Its row is checked against its sum.
pub fn readable(tx: &ReadTx<'_>, email: EmailId) -> StoreResult<Option<Readable>> {
    let sql = "SELECT b.id, b.sha256, b.octets, b.segment, b.start, e.account, e.octets, e.head,
                      e.text_sum
                 FROM email e JOIN blob b ON b.id = e.blob WHERE e.id = ?1";
    let found = tx.one(sql, [email.0], |row| {
        let found = Readable {
            body: blob_ref(row)?,
            account: AccountId(row.get(5)?),
            octets: row.get(6)?,
            head: row.get(7)?,
        };
        let text = Text {
            account: found.account.0,
            octets: found.octets,
            body: &found.body.place.sha256.0,
            head: &found.head,
        };
        Ok((sum::fits(row, 8, &text.sum())?, found))
    })?;
    sum::sound(email, found)
}

/// Messages of an account that came at exactly this moment, in a mailbox or removed.
pub fn arrived_at(
    tx: &ReadTx<'_>,
    account: AccountId,
    at: Timestamp,
    limit: usize,
) -> StoreResult<Vec<EmailId>> {
    let sql = "SELECT m.email FROM mailbox b JOIN mailbox_email m ON m.mailbox = b.id
                WHERE b.account = ?1 AND m.received_at = ?2
               UNION
               SELECT m.email FROM arrival m JOIN mailbox b ON b.id = m.mailbox
                WHERE b.account = ?1 AND m.received_at = ?2
               UNION
               SELECT r.email FROM recoverable r JOIN email e ON e.id = r.email
                WHERE r.account = ?1 AND e.received_at = ?2
               ORDER BY 1 LIMIT ?3";
    tx.all(sql, (account.0, at.0, limit), |row| row.get(0).map(EmailId))
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
    let body = blob(tx, new.blob)?;
    let octets = body.octets() + new.head.len() as u64;
    let listed = Listed {
        account: account.0,
        octets,
        received_at: new.received_at.0,
        thread: new.thread.map(|thread| thread.0),
        envelope: &new.envelope,
        bodystructure: &new.bodystructure,
        preview: &new.preview,
    };
    let text = Text {
        account: account.0,
        octets,
        body: &body.place.sha256.0,
        head: &new.head,
    };
    let id = tx.insert(
        "INSERT INTO email (account, blob, octets, received_at, thread_id, envelope,
                bodystructure, preview, head, list_sum, text_sum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        (
            listed.account,
            new.blob.0,
            octets,
            listed.received_at,
            listed.thread,
            listed.envelope,
            listed.bodystructure,
            listed.preview,
            text.head,
            listed.sum(),
            text.sum(),
        ),
    )?;
    let id = EmailId(id);
    arrival::settle_if_due(tx, id)?;
    Ok((id, octets))
}

/// Removes a message that no mailbox and no recoverable row names; its body may die with it.
pub(crate) fn release(tx: &mut WriteTx<'_>, email: EmailId, now: Timestamp) -> StoreResult<()> {
    let blob = tx.one(
        "DELETE FROM email WHERE id = ?1
            AND NOT EXISTS (SELECT 1 FROM in_mailbox WHERE email = ?1)
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
            AND NOT EXISTS (SELECT 1 FROM queue_message WHERE blob = ?1)",
        (blob.0, now.0),
    )?;
    Ok(())
}
