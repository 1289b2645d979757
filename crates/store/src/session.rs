//! Sessions: who signed in, through which door, from where, until when.

use rusqlite::Row;
use types::{AccountId, CredentialId, SessionId, Timestamp};

use crate::error::{StoreError, StoreResult};
use crate::tx::{ReadTx, WriteTx, optional, time};

/// Rows that are looked at for the first that this server wrote.
const FIRST_ROWS: usize = 100;

/// A session that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Who signed in.
    pub account: AccountId,
    /// The door: `imap`, `submission`, `web` and so on.
    pub door: String,
    /// Where from: the attested peer.
    pub source: String,
    /// With which credential.
    pub credential: Option<CredentialId>,
    /// The number of the sign-in's record in the activity log.
    pub sign_in: u64,
    /// When.
    pub started_at: Timestamp,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// How it began.
    pub begin: NewSession,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
}

/// Records that a session begins.
pub fn insert(tx: &mut WriteTx<'_>, new: &NewSession) -> StoreResult<SessionId> {
    let id = tx.insert(
        "INSERT INTO session (account, door, source, credential, sign_in, started_at, mac)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (
            new.account.0,
            &new.door,
            &new.source,
            new.credential.map(|id| id.0),
            new.sign_in,
            new.started_at.0,
            Vec::new(),
        ),
    )?;
    let session = Session {
        id: SessionId(id.unsigned_abs()),
        begin: new.clone(),
        ended_at: None,
    };
    sign(tx, &session)?;
    Ok(session.id)
}

/// Records that a session ended; ending it again changes nothing.
pub fn end(tx: &mut WriteTx<'_>, id: SessionId, at: Timestamp) -> StoreResult<()> {
    let mut session = find(tx, id)?.ok_or(StoreError::NotFound("session"))?;
    if session.ended_at.is_none() {
        session.ended_at = Some(at);
        sign(tx, &session)?;
    }
    Ok(())
}

macro_rules! select_session {
    ($tail:literal) => {
        concat!(
            "SELECT id, account, door, source, credential, sign_in, started_at, ended_at, mac
               FROM session ",
            $tail
        )
    };
}

/// A session; a row that this server did not write is an error.
pub fn find(tx: &ReadTx<'_>, id: SessionId) -> StoreResult<Option<Session>> {
    match tx.one(select_session!("WHERE id = ?1"), [id.0], read)? {
        None => Ok(None),
        Some((session, mac)) if verify(tx, &session, &mac) => Ok(Some(session)),
        Some(_) => Err(StoreError::BadMac {
            table: "session",
            id: id.0,
        }),
    }
}

/// The rows of these ids that this server did not write.
pub(crate) fn forged(tx: &ReadTx<'_>, first: i64, last: i64) -> StoreResult<Vec<i64>> {
    let rows = tx.all(
        select_session!("WHERE id BETWEEN ?1 AND ?2"),
        (first, last),
        read,
    )?;
    let forged = rows.iter().filter(|(row, mac)| !verify(tx, row, mac));
    Ok(forged.map(|(row, _)| row.id.0.cast_signed()).collect())
}

/// From where an account signed in since a moment, with the last time for each source.
pub fn sources(
    tx: &ReadTx<'_>,
    account: AccountId,
    since: Timestamp,
) -> StoreResult<Vec<(String, Timestamp)>> {
    tx.all(
        "SELECT source, MAX(started_at) FROM session WHERE account = ?1 AND started_at >= ?2
          GROUP BY source",
        (account.0, since.0),
        |row| Ok((row.get(0)?, time(row, 1)?)),
    )
}

/// The sessions that came from a source from `since` to before `until`, newest first; rows that this
/// server did not write are left out.
pub fn from_source(
    tx: &ReadTx<'_>,
    source: &str,
    (since, until): (Timestamp, Timestamp),
    limit: usize,
) -> StoreResult<Vec<Session>> {
    let sql = select_session!(
        "WHERE source = ?1 AND started_at >= ?2 AND started_at < ?3
         ORDER BY started_at DESC, id DESC LIMIT ?4"
    );
    let found = tx.all(sql, (source, since.0, until.0, limit), read)?;
    Ok(own(tx, found))
}

/// As [`from_source`] the sessions of an account.
pub fn of_account(
    tx: &ReadTx<'_>,
    account: AccountId,
    (since, until): (Timestamp, Timestamp),
    limit: usize,
) -> StoreResult<Vec<Session>> {
    let sql = select_session!(
        "WHERE account = ?1 AND started_at >= ?2 AND started_at < ?3
         ORDER BY started_at DESC, id DESC LIMIT ?4"
    );
    let found = tx.all(sql, (account.0, since.0, until.0, limit), read)?;
    Ok(own(tx, found))
}

/// The first session of an account from a source before `until`, apart from one; rows that this
/// server did not write are passed over.
pub fn first_from(
    tx: &ReadTx<'_>,
    account: AccountId,
    source: &str,
    (until, but): (Timestamp, Option<SessionId>),
) -> StoreResult<Option<Session>> {
    let sql = select_session!(
        "WHERE account = ?1 AND source = ?2 AND started_at < ?3 AND id <> ?4
         ORDER BY started_at, id LIMIT ?5"
    );
    let but = but.map_or(0, |id| id.0);
    let values = (account.0, source, until.0, but, FIRST_ROWS);
    let found = tx.all(sql, values, read)?;
    Ok(own(tx, found).into_iter().next())
}

fn own(tx: &ReadTx<'_>, found: Vec<(Session, Vec<u8>)>) -> Vec<Session> {
    let own = found
        .into_iter()
        .filter(|(session, mac)| verify(tx, session, mac));
    own.map(|(session, _)| session).collect()
}

/// Writes what may change in a session, and its MAC.
fn sign(tx: &mut WriteTx<'_>, session: &Session) -> StoreResult<()> {
    let mac = tx.key().sign("session", &as_slices(&fields(session)));
    tx.run(
        "UPDATE session SET ended_at = ?2, mac = ?3 WHERE id = ?1",
        (session.id.0, session.ended_at.map(|at| at.0), mac),
    )?;
    Ok(())
}

fn verify(tx: &ReadTx<'_>, session: &Session, mac: &[u8]) -> bool {
    let fields = fields(session);
    tx.key().verify("session", &as_slices(&fields), mac)
}

fn read(row: &Row<'_>) -> rusqlite::Result<(Session, Vec<u8>)> {
    let session = Session {
        id: SessionId(row.get(0)?),
        begin: NewSession {
            account: AccountId(row.get(1)?),
            door: row.get(2)?,
            source: row.get(3)?,
            credential: optional(row, 4, CredentialId)?,
            sign_in: row.get(5)?,
            started_at: time(row, 6)?,
        },
        ended_at: optional(row, 7, Timestamp)?,
    };
    Ok((session, row.get(8)?))
}

fn fields(session: &Session) -> [Vec<u8>; 8] {
    let begin = &session.begin;
    let credential = begin.credential.map(|id| id.0.to_be_bytes().to_vec());
    let ended_at = session.ended_at.map(|at| at.0.to_be_bytes().to_vec());
    [
        session.id.0.to_be_bytes().to_vec(),
        begin.account.0.to_be_bytes().to_vec(),
        begin.door.as_bytes().to_vec(),
        begin.source.as_bytes().to_vec(),
        credential.unwrap_or_default(),
        begin.sign_in.to_be_bytes().to_vec(),
        begin.started_at.0.to_be_bytes().to_vec(),
        ended_at.unwrap_or_default(),
    ]
}

fn as_slices(fields: &[Vec<u8>; 8]) -> [&[u8]; 8] {
    fields.each_ref().map(Vec::as_slice)
}
