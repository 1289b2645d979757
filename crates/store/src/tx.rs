//! Transactions: all SQL of the crate goes through [`ReadTx`] and [`WriteTx`].
//!
//! The SQL text keeps to what SQLite and PostgreSQL share: `RETURNING`, `ON CONFLICT`, `?n`,
//! integers, text and blobs; times are integer microseconds.

use std::cell::RefCell;
use std::ops::Deref;
use std::str::FromStr;

use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Connection, OptionalExtension, Params, Row};
use types::{BlobId, MailboxId, Sha256, Timestamp};

use crate::body::FinishedBody;
use crate::change::Effect;
use crate::error::{StoreError, StoreResult};
use crate::mac::RowKey;
use crate::pack::{PackReader, PackWriter, Place};

/// What every transaction may use besides its connection.
pub(crate) struct Shared {
    pub(crate) key: RowKey,
    pub(crate) packs: PackReader,
}

/// A snapshot of the database. Keep it short: it holds back the cleaning of the write-ahead log.
pub struct ReadTx<'a> {
    conn: &'a Connection,
    shared: &'a Shared,
    /// The first failure that concerns more than this transaction.
    trouble: RefCell<Option<Trouble>>,
}

/// A failure that the writer thread must know of, whatever the job makes of it.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// The disk is full.
    NoSpace,
    /// Another process holds the database.
    Busy,
    /// A page of the database is damaged, so SQLite undoes the transaction that met it.
    Damaged(String),
    /// The disk failed.
    Fatal(String),
}

impl From<Trouble> for StoreError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoSpace => Self::NoSpace,
            Trouble::Busy => Self::Busy,
            Trouble::Damaged(what) => Self::Damaged(what),
            Trouble::Fatal(cause) => Self::Failed(cause),
        }
    }
}

impl Trouble {
    pub(crate) fn of(err: &StoreError) -> Option<Self> {
        match err {
            StoreError::NoSpace => Some(Self::NoSpace),
            err if err.is_fatal() => Some(Self::Fatal(err.to_string())),
            _ => None,
        }
    }
}

/// A transaction that changes things. It is committed by the writer thread, never here.
pub struct WriteTx<'a> {
    read: ReadTx<'a>,
    pack: &'a mut PackWriter,
    effects: &'a mut Vec<(MailboxId, Effect)>,
}

impl<'a> Deref for WriteTx<'a> {
    type Target = ReadTx<'a>;

    fn deref(&self) -> &ReadTx<'a> {
        &self.read
    }
}

impl<'a> ReadTx<'a> {
    pub(crate) fn new(conn: &'a Connection, shared: &'a Shared) -> Self {
        Self {
            conn,
            shared,
            trouble: RefCell::new(None),
        }
    }

    /// The first row of a query, or of a change with `RETURNING`.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> StoreResult<Option<T>> {
        let mut statement = self.note(self.conn.prepare_cached(sql))?;
        self.note(statement.query_row(params, map).optional())
    }

    /// All rows of a query.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> StoreResult<Vec<T>> {
        let mut statement = self.note(self.conn.prepare_cached(sql))?;
        let rows = self.note(statement.query_map(params, map))?;
        self.note(rows.collect())
    }

    /// Translates an error, and remembers one that concerns the whole store.
    fn note<T>(&self, result: rusqlite::Result<T>) -> StoreResult<T> {
        result.map_err(|err| self.remember(err.into()))
    }

    fn remember(&self, err: StoreError) -> StoreError {
        if let Some(trouble) = Trouble::of(&err) {
            self.trouble.borrow_mut().get_or_insert(trouble);
        }
        err
    }

    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.trouble.borrow().clone()
    }

    pub(crate) fn key(&self) -> &RowKey {
        &self.shared.key
    }

    pub(crate) fn packs(&self) -> &PackReader {
        &self.shared.packs
    }
}

impl<'a> WriteTx<'a> {
    pub(crate) fn new(
        conn: &'a Connection,
        shared: &'a Shared,
        pack: &'a mut PackWriter,
        effects: &'a mut Vec<(MailboxId, Effect)>,
    ) -> Self {
        Self {
            read: ReadTx::new(conn, shared),
            pack,
            effects,
        }
    }

    /// Changes rows; says how many.
    pub(crate) fn run(&mut self, sql: &str, params: impl Params) -> StoreResult<usize> {
        let mut statement = self.read.note(self.read.conn.prepare_cached(sql))?;
        self.read.note(statement.execute(params))
    }

    /// Adds a row; the id that the database gave it.
    pub(crate) fn insert(&mut self, sql: &str, params: impl Params) -> StoreResult<i64> {
        let mut statement = self.read.note(self.read.conn.prepare_cached(sql))?;
        self.read.note(statement.insert(params))
    }

    /// Notes what the index and the sessions must learn once this is committed.
    pub(crate) fn effect(&mut self, mailbox: MailboxId, effect: Effect) {
        self.effects.push((mailbox, effect));
    }

    /// Appends a body to a pack. It must be named by an email or queue row of this transaction,
    /// otherwise its room is lost.
    pub fn put_blob(&mut self, body: &FinishedBody) -> StoreResult<BlobId> {
        let appended = self.pack.append(body);
        let place = appended.map_err(|err| self.read.remember(err))?;
        self.insert(
            "INSERT INTO blob (sha256, octets, segment, start) VALUES (?1, ?2, ?3, ?4)",
            (place.sha256.0, place.octets, place.segment, place.start),
        )
        .map(BlobId)
    }

    pub(crate) fn current_segment(&self) -> u32 {
        self.pack.current()
    }

    #[cfg(test)]
    pub(crate) fn fail_next_sync(&mut self) {
        self.pack.fail_next_sync = true;
    }
}

/// Reads four columns, `sha256, octets, segment, start`, from column `at` on.
pub(crate) fn place_at(row: &Row<'_>, at: usize) -> rusqlite::Result<Place> {
    Ok(Place {
        sha256: Sha256(row.get(at)?),
        octets: row.get(at + 1)?,
        segment: row.get(at + 2)?,
        start: row.get(at + 3)?,
    })
}

/// Reads a column that holds the text of a checked value.
pub(crate) fn checked<T>(row: &Row<'_>, at: usize) -> rusqlite::Result<T>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(at)?;
    text.parse()
        .map_err(|err| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(err)))
}

/// Reads a column that holds one of a closed set of words.
pub(crate) fn word<T>(
    row: &Row<'_>,
    at: usize,
    find: impl FnOnce(&str) -> Option<T>,
) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    find(&text).ok_or_else(|| {
        let err = Box::new(FromSqlError::InvalidType);
        rusqlite::Error::FromSqlConversionFailure(at, Type::Text, err)
    })
}

/// Reads a column that holds a time.
pub(crate) fn time(row: &Row<'_>, at: usize) -> rusqlite::Result<Timestamp> {
    row.get(at).map(Timestamp)
}

/// Reads an optional column into an id.
pub(crate) fn optional<T, N: rusqlite::types::FromSql>(
    row: &Row<'_>,
    at: usize,
    wrap: impl FnOnce(N) -> T,
) -> rusqlite::Result<Option<T>> {
    row.get::<_, Option<N>>(at).map(|number| number.map(wrap))
}
