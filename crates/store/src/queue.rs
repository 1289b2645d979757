//! The queue of outgoing mail: one row for each message and remote recipient.

use rusqlite::Row;
use types::{AccountId, Address, BlobId, QueueId, ReversePath, Timestamp};

use crate::email;
use crate::error::{StoreError, StoreResult};
use crate::tx::{ReadTx, WriteTx, checked, optional, time};

/// A message to be sent to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewQueued {
    /// The token of the message, the same for all its recipients and its fates.
    pub message: String,
    /// Whose mail it is, if an account's.
    pub account: Option<AccountId>,
    /// The sender of the envelope.
    pub reverse_path: ReversePath,
    /// The recipient.
    pub recipient: Address,
    /// The body.
    pub blob: BlobId,
    /// The header block as it is to be sent, with the empty line that ends it.
    pub head: Vec<u8>,
    /// Envelope parameters to pass on, in the queue's own format.
    pub params: Vec<u8>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When the sender is told that it could not be delivered.
    pub expires_at: Timestamp,
    /// When it is to be tried first.
    pub due_at: Timestamp,
}

/// A message in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its id.
    pub id: QueueId,
    /// What it is.
    pub item: NewQueued,
    /// Attempts so far.
    pub attempts: u32,
    /// What the other server said last.
    pub last_reply: Option<String>,
}

/// One page of [`due`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueuePage {
    /// The rows that this server wrote.
    pub rows: Vec<Queued>,
    /// Rows whose MAC is wrong; they are never sent.
    pub changed_outside: Vec<QueueId>,
}

/// Adds a message to the queue.
pub fn insert(tx: &mut WriteTx<'_>, new: &NewQueued) -> StoreResult<QueueId> {
    let body = email::blob(tx, new.blob)?.sha256();
    let mac = tx
        .key()
        .sign("queue", &fields(new, &body.0).each_ref().map(Vec::as_slice));
    let id = tx.insert(
        "INSERT INTO queue (message, account, reverse_path, recipient, blob, head, params,
                created_at, expires_at, due_at, attempts, mac)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?11)",
        (
            &new.message,
            new.account.map(|account| account.0),
            path_text(&new.reverse_path),
            new.recipient.to_string(),
            new.blob.0,
            &new.head,
            &new.params,
            new.created_at.0,
            new.expires_at.0,
            new.due_at.0,
            mac,
        ),
    )?;
    Ok(QueueId(id.unsigned_abs()))
}

macro_rules! select_queued {
    ($tail:literal) => {
        concat!(
            "SELECT q.id, q.message, q.account, q.reverse_path, q.recipient, q.blob, q.head,
                    q.params, q.created_at, q.expires_at, q.due_at, q.attempts, q.last_reply,
                    q.mac, b.sha256
               FROM queue q JOIN blob b ON b.id = q.blob ",
            $tail
        )
    };
}

/// The messages that are due at `now`, longest due first.
pub fn due(tx: &ReadTx<'_>, now: Timestamp, limit: usize) -> StoreResult<QueuePage> {
    let sql = select_queued!("WHERE q.due_at <= ?1 ORDER BY q.due_at LIMIT ?2");
    let mut page = QueuePage::default();
    for (found, mac, body) in tx.all(sql, (now.0, limit), read)? {
        if verify(tx, &found, &mac, &body) {
            page.rows.push(found);
        } else {
            page.changed_outside.push(found.id);
        }
    }
    Ok(page)
}

/// The rows of these ids that this server did not write.
pub(crate) fn forged(tx: &ReadTx<'_>, first: i64, last: i64) -> StoreResult<Vec<i64>> {
    let rows = tx.all(
        select_queued!("WHERE q.id BETWEEN ?1 AND ?2"),
        (first, last),
        read,
    )?;
    let forged = rows
        .iter()
        .filter(|(row, mac, body)| !verify(tx, row, mac, body));
    Ok(forged.map(|(row, _, _)| row.id.0.cast_signed()).collect())
}

fn verify(tx: &ReadTx<'_>, row: &Queued, mac: &[u8], body: &[u8; 32]) -> bool {
    let fields = fields(&row.item, body);
    let fields = fields.each_ref().map(Vec::as_slice);
    tx.key().verify("queue", &fields, mac)
}

/// Messages in the queue.
pub fn len(tx: &ReadTx<'_>) -> StoreResult<u64> {
    let found = tx.one("SELECT COUNT(*) FROM queue", [], |row| row.get(0))?;
    Ok(found.unwrap_or(0))
}

/// Takes a message off the queue; its body may die with it.
pub fn remove(tx: &mut WriteTx<'_>, id: QueueId, now: Timestamp) -> StoreResult<()> {
    let sql = "DELETE FROM queue WHERE id = ?1 RETURNING blob";
    let blob = tx
        .one(sql, [id.0], |row| row.get(0).map(BlobId))?
        .ok_or(StoreError::NotFound("queued message"))?;
    email::release_blob(tx, blob, now)
}

fn read(row: &Row<'_>) -> rusqlite::Result<(Queued, Vec<u8>, [u8; 32])> {
    let reverse_path: String = row.get(3)?;
    let item = NewQueued {
        message: row.get(1)?,
        account: optional(row, 2, AccountId)?,
        reverse_path: match reverse_path.as_str() {
            "" => ReversePath::Null,
            _ => ReversePath::Address(checked(row, 3)?),
        },
        recipient: checked(row, 4)?,
        blob: BlobId(row.get(5)?),
        head: row.get(6)?,
        params: row.get(7)?,
        created_at: time(row, 8)?,
        expires_at: time(row, 9)?,
        due_at: time(row, 10)?,
    };
    let queued = Queued {
        id: QueueId(row.get(0)?),
        item,
        attempts: row.get(11)?,
        last_reply: row.get(12)?,
    };
    Ok((queued, row.get(13)?, row.get(14)?))
}

fn path_text(path: &ReversePath) -> String {
    path.address().map(ToString::to_string).unwrap_or_default()
}

/// What the MAC covers: all that does not change while the message waits.
fn fields(item: &NewQueued, body_sha256: &[u8; 32]) -> [Vec<u8>; 9] {
    [
        item.message.as_bytes().to_vec(),
        item.account
            .map_or_else(Vec::new, |id| id.0.to_be_bytes().to_vec()),
        path_text(&item.reverse_path).into_bytes(),
        item.recipient.to_string().into_bytes(),
        body_sha256.to_vec(),
        item.head.clone(),
        item.params.clone(),
        item.created_at.0.to_be_bytes().to_vec(),
        item.expires_at.0.to_be_bytes().to_vec(),
    ]
}
