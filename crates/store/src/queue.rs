//! Mail on its way to other servers: a row for each message, one for each recipient that it has not
//! reached yet, and one for each way that something waits for.
//!
//! Rows go under a MAC over all that does not change while they wait: a row that somebody wrote past
//! the server is never sent. Asking for what may be tried costs as much as it gives, however much
//! waits: each way knows when it is to be looked at next.

mod lease;
mod select;
mod way;

use rusqlite::Row;
use types::{AccountId, Address, BlobId, QueueId, ReversePath, Timestamp};

use crate::email::{self, BlobRef};
use crate::error::{StoreError, StoreResult};
use crate::tx::{ReadTx, WriteTx, checked, optional, time};

pub use lease::{
    Claim, Claimed, Deferral, claim, defer, give_back, keep, mend_times, release_leases, reroute,
};
pub use select::{
    Filter, Page, Total, find, holding, list, looked, looks, retrying, sender_text, total,
    unholding,
};
pub use way::{WayState, failed, forget_ways, next_at, refresh, way_state, ways, ways_due, works};

/// A message to be sent to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewQueued {
    /// Its token, the same as in its fates.
    pub message: String,
    /// Whose mail it is, if an account's.
    pub account: Option<AccountId>,
    /// The sender of the envelope.
    pub reverse_path: ReversePath,
    /// The body.
    pub blob: BlobId,
    /// The header block as it is to be sent, with the empty line that ends it.
    pub head: Vec<u8>,
    /// What is to be remembered of it, in the queue's own format.
    pub params: Vec<u8>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When the sender is told that it could not be delivered.
    pub expires_at: Timestamp,
    /// When it is looked at whether the sender must be told that it takes long.
    pub look_at: Timestamp,
    /// To whom; no address twice.
    pub recipients: Vec<NewRecipient>,
}

/// One recipient of a message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecipient {
    /// Who.
    pub address: Address,
    /// What is to be remembered of the recipient, in the queue's own format.
    pub params: Vec<u8>,
    /// The name of the way that the message goes.
    pub way: String,
    /// When it is to be tried first.
    pub due_at: Timestamp,
    /// Why it waits until somebody releases it, if it does.
    pub held: Option<String>,
}

/// A message in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The number of its row.
    pub id: i64,
    /// Its token, the same as in its fates.
    pub message: String,
    /// Whose mail it is, if an account's.
    pub account: Option<AccountId>,
    /// The sender of the envelope.
    pub reverse_path: ReversePath,
    /// The body.
    pub body: BlobRef,
    /// The header block as it is to be sent.
    pub head: Vec<u8>,
    /// What is remembered of it.
    pub params: Vec<u8>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When the sender is told that it could not be delivered.
    pub expires_at: Timestamp,
    mac: Vec<u8>,
}

impl Queued {
    /// Its size.
    pub fn octets(&self) -> u64 {
        self.head.len() as u64 + self.body.octets()
    }
}

/// One recipient of a message in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Its id.
    pub id: QueueId,
    /// The number of its message's row.
    pub message: i64,
    /// Who.
    pub address: Address,
    /// What is remembered of the recipient.
    pub params: Vec<u8>,
    /// The name of the way.
    pub way: String,
    /// When it is tried next; while it is leased, when the lease is over.
    pub due_at: Timestamp,
    /// Whether the sender was told that it takes long.
    pub told: bool,
    /// Attempts so far.
    pub attempts: u32,
    /// Who is at it.
    pub lease: Option<String>,
    /// Why it is not tried at all.
    pub held: Option<String>,
    /// When it was tried last.
    pub last_at: Option<Timestamp>,
    /// What was said then.
    pub last_reply: Option<String>,
    mac: Vec<u8>,
}

/// Adds a message; gives the ids of its recipients, in their order.
pub fn insert(tx: &mut WriteTx<'_>, new: &NewQueued) -> StoreResult<Vec<QueueId>> {
    let body = email::blob(tx, new.blob)?;
    let octets = new.head.len() as u64 + body.octets();
    let message_mac = tx.key().sign(
        "queue_message",
        &message_fields(new, &body).each_ref().map(Vec::as_slice),
    );
    let message = tx.insert(
        "INSERT INTO queue_message (message, account, reverse_path, blob, octets, created_at,
                expires_at, params, mac, head)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        (
            &new.message,
            new.account.map(|account| account.0),
            path_text(&new.reverse_path),
            new.blob.0,
            octets,
            new.created_at.0,
            new.expires_at.0,
            &new.params,
            &message_mac,
            &new.head,
        ),
    )?;
    let mut ids = Vec::with_capacity(new.recipients.len());
    for recipient in &new.recipients {
        let address = recipient.address.to_string();
        let mac = recipient_mac(tx, &message_mac, &address, &recipient.params);
        let id = tx.insert(
            "INSERT INTO queue (message, recipient, params, way, due_at, look_at, told, attempts,
                    held, mac)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, ?7, ?8)",
            (
                message,
                &address,
                &recipient.params,
                &recipient.way,
                recipient.due_at.0,
                new.look_at.0.min(new.expires_at.0),
                &recipient.held,
                mac,
            ),
        )?;
        ids.push(QueueId(id.unsigned_abs()));
        if recipient.held.is_none() {
            way::expect(tx, &recipient.way, recipient.due_at)?;
        }
    }
    Ok(ids)
}

/// Takes a recipient off the queue; with the last one goes the message, and its body may die.
/// Whether it was there.
pub fn remove(tx: &mut WriteTx<'_>, id: QueueId, now: Timestamp) -> StoreResult<bool> {
    let sql = "DELETE FROM queue WHERE id = ?1 RETURNING message";
    let Some(message) = tx.one(sql, [id.0], |row| row.get::<_, i64>(0))? else {
        return Ok(false);
    };
    let sql = "DELETE FROM queue_message WHERE id = ?1
                  AND NOT EXISTS (SELECT 1 FROM queue WHERE message = ?1) RETURNING blob";
    if let Some(blob) = tx.one(sql, [message], |row| row.get(0).map(BlobId))? {
        email::release_blob(tx, blob, now)?;
    }
    Ok(true)
}

macro_rules! select_message {
    ($tail:literal) => {
        concat!(
            "SELECT m.id, m.message, m.account, m.reverse_path, m.blob, m.head, m.params,
                    m.created_at, m.expires_at, m.mac
               FROM queue_message m ",
            $tail
        )
    };
}

macro_rules! select_recipient {
    ($tail:literal) => {
        concat!(
            "SELECT q.id, q.message, q.recipient, q.params, q.way, q.due_at, q.told, q.attempts,
                    q.lease, q.held, q.last_at, q.last_reply, q.mac
               FROM queue q ",
            $tail
        )
    };
}
use select_recipient;

/// A message; nothing if it is gone, or if this server did not write its row.
fn message(tx: &ReadTx<'_>, id: i64) -> StoreResult<Option<Queued>> {
    let sql = select_message!("WHERE m.id = ?1");
    let Some((blob, found)) = tx.one(sql, [id], |row| {
        Ok((BlobId(row.get(4)?), read_message(row)?))
    })?
    else {
        return Ok(None);
    };
    let body = match email::blob(tx, blob) {
        Ok(body) => body,
        Err(StoreError::NotFound(_)) => return Ok(None),
        Err(err) => return Err(err),
    };
    let found = Queued {
        body,
        ..found(body)
    };
    let as_new = NewQueued {
        message: found.message.clone(),
        account: found.account,
        reverse_path: found.reverse_path.clone(),
        blob,
        head: found.head.clone(),
        params: found.params.clone(),
        created_at: found.created_at,
        expires_at: found.expires_at,
        look_at: found.expires_at,
        recipients: Vec::new(),
    };
    let fields = message_fields(&as_new, &body);
    let fields = fields.each_ref().map(Vec::as_slice);
    let is_ours = tx.key().verify("queue_message", &fields, &found.mac);
    Ok(is_ours.then_some(found))
}

/// Whether this server wrote the row of a recipient, for this message.
fn is_ours(tx: &ReadTx<'_>, message: &Queued, recipient: &Recipient) -> bool {
    let address = recipient.address.to_string();
    let fields: [&[u8]; 3] = [&message.mac, address.as_bytes(), &recipient.params];
    tx.key().verify("queue", &fields, &recipient.mac)
}

/// The rows of these ids that this server did not write.
pub(crate) fn forged(tx: &ReadTx<'_>, first: i64, last: i64) -> StoreResult<Vec<i64>> {
    let sql = select_recipient!("WHERE q.id BETWEEN ?1 AND ?2 ORDER BY q.message");
    let mut forged = Vec::new();
    let mut known: Option<(i64, Option<Queued>)> = None;
    for row in tx.all(sql, (first, last), read_recipient)? {
        let of_message = match known.take() {
            Some((id, found)) if id == row.message => found,
            _ => message(tx, row.message)?,
        };
        if !of_message.as_ref().is_some_and(|of| is_ours(tx, of, &row)) {
            forged.push(row.id.0.cast_signed());
        }
        known = Some((row.message, of_message));
    }
    forged.sort_unstable();
    Ok(forged)
}

fn read_message(row: &Row<'_>) -> rusqlite::Result<impl FnOnce(BlobRef) -> Queued + use<>> {
    let reverse_path: String = row.get(3)?;
    let reverse_path = match reverse_path.as_str() {
        "" => ReversePath::Null,
        _ => ReversePath::Address(checked(row, 3)?),
    };
    let (id, message, account) = (row.get(0)?, row.get(1)?, optional(row, 2, AccountId)?);
    let (head, params) = (row.get(5)?, row.get(6)?);
    let (created_at, expires_at, mac) = (time(row, 7)?, time(row, 8)?, row.get(9)?);
    Ok(move |body| Queued {
        id,
        message,
        account,
        reverse_path,
        body,
        head,
        params,
        created_at,
        expires_at,
        mac,
    })
}

fn read_recipient(row: &Row<'_>) -> rusqlite::Result<Recipient> {
    Ok(Recipient {
        id: QueueId(row.get(0)?),
        message: row.get(1)?,
        address: checked(row, 2)?,
        params: row.get(3)?,
        way: row.get(4)?,
        due_at: time(row, 5)?,
        told: row.get(6)?,
        attempts: row.get(7)?,
        lease: row.get(8)?,
        held: row.get(9)?,
        last_at: optional(row, 10, Timestamp)?,
        last_reply: row.get(11)?,
        mac: row.get(12)?,
    })
}

fn path_text(path: &ReversePath) -> String {
    path.address().map(ToString::to_string).unwrap_or_default()
}

/// What the MAC of a message covers: all that does not change while it waits.
fn message_fields(new: &NewQueued, body: &BlobRef) -> [Vec<u8>; 8] {
    [
        new.message.as_bytes().to_vec(),
        new.account
            .map_or_else(Vec::new, |id| id.0.to_be_bytes().to_vec()),
        path_text(&new.reverse_path).into_bytes(),
        body.sha256().0.to_vec(),
        new.head.clone(),
        new.params.clone(),
        new.created_at.0.to_be_bytes().to_vec(),
        new.expires_at.0.to_be_bytes().to_vec(),
    ]
}

/// The MAC of a recipient. It covers that of the message, so that nobody gets another one.
fn recipient_mac(tx: &ReadTx<'_>, message_mac: &[u8], address: &str, params: &[u8]) -> Vec<u8> {
    let fields: [&[u8]; 3] = [message_mac, address.as_bytes(), params];
    tx.key().sign("queue", &fields)
}
