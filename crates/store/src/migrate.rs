//! Opening database files: whose they are, which format they have, and bringing them up to date.
//!
//! The format is the number of the last migration (`user_version`). A newer one is refused, an older
//! one is migrated, each step in one transaction. A file of another program is never touched.
//!
//! Only SQLite opens a database file, its `-wal` or its `-shm`. A process that closes any descriptor
//! of a file gives up all POSIX locks it has on it (POSIX.1-2024, `fcntl`), also those of SQLite's
//! own connections; another program that closes the database would then take itself for the last
//! one and remove the write-ahead log that this server goes on writing.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

use crate::disk;
use crate::error::{OpenError, StoreResult};

/// Marks a database file as ours: `SEAL`.
const APPLICATION_ID: i32 = 0x5345_414c;
/// How long to wait for another process that holds the database, which none should.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements that are kept prepared for each connection.
const STATEMENTS_MAX: usize = 256;

/// Which commits wait for the disk.
pub(crate) const SYNCHRONOUS: &str = "synchronous";

/// The steps that lead to the newest format; step `n` is entry `n - 1`.
pub(crate) struct Format {
    /// Name and SQL of each step.
    pub(crate) steps: &'static [(&'static str, &'static str)],
}

/// The format of `mail.db`.
pub(crate) const MAIL: Format = Format {
    steps: &[
        (
            "0001_first_light",
            include_str!("../migrations/0001_first_light.sql"),
        ),
        (
            "0002_fate_params",
            include_str!("../migrations/0002_fate_params.sql"),
        ),
        (
            "0003_settled_fates",
            include_str!("../migrations/0003_settled_fates.sql"),
        ),
        ("0004_blocks", include_str!("../migrations/0004_blocks.sql")),
        (
            "0005_credentials",
            include_str!("../migrations/0005_credentials.sql"),
        ),
        (
            "0006_email_sums",
            include_str!("../migrations/0006_email_sums.sql"),
        ),
        (
            "0007_subscriptions",
            include_str!("../migrations/0007_subscriptions.sql"),
        ),
        ("0008_rules", include_str!("../migrations/0008_rules.sql")),
        (
            "0009_detected",
            include_str!("../migrations/0009_detected.sql"),
        ),
        (
            "0010_arrivals",
            include_str!("../migrations/0010_arrivals.sql"),
        ),
        (
            "0011_sent_out",
            include_str!("../migrations/0011_sent_out.sql"),
        ),
        (
            "0012_quarantine",
            include_str!("../migrations/0012_quarantine.sql"),
        ),
        (
            "0013_outbound",
            include_str!("../migrations/0013_outbound.sql"),
        ),
    ],
};

/// The format of a day of a log.
pub(crate) const LOG: Format = Format {
    steps: &[(
        "0001_record",
        include_str!("../migrations/log/0001_record.sql"),
    )],
};

impl Format {
    fn newest(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    /// Opens or makes a file for writing; gives the names of the steps that were taken.
    pub(crate) fn open(&self, path: &Path) -> Result<(Connection, Vec<&'static str>), OpenError> {
        disk::make_private(path).map_err(|source| OpenError::Io {
            what: format!("making {}", path.display()),
            source,
        })?;
        let mut conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let found = self.check(&conn, path)?;
        conn.pragma_update(None, "page_size", 4_096)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, SYNCHRONOUS, "FULL")?;
        let taken = self.migrate(&mut conn, found)?;
        Ok((conn, taken))
    }

    /// Whether the steps to the newest format were not all taken.
    pub(crate) fn is_older(&self, conn: &Connection, path: &Path) -> Result<bool, OpenError> {
        Ok(self.check(conn, path)? < self.newest())
    }

    /// The format of a file that is ours or empty.
    fn check(&self, conn: &Connection, path: &Path) -> Result<u32, OpenError> {
        let foreign = || OpenError::Foreign {
            path: path.to_owned(),
        };
        let application: i32 = match number(conn, "PRAGMA application_id") {
            Err(err) if err.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                return Err(foreign());
            }
            other => other?,
        };
        let found: u32 = number(conn, "PRAGMA user_version")?;
        let tables: u32 = number(conn, "SELECT COUNT(*) FROM sqlite_schema")?;
        match application {
            0 if tables == 0 && found == 0 => Ok(0),
            APPLICATION_ID if found > self.newest() => Err(OpenError::Newer {
                found,
                known: self.newest(),
                made_by: made_by(conn).unwrap_or_else(|| "unknown".to_owned()),
            }),
            APPLICATION_ID => Ok(found),
            _ => Err(foreign()),
        }
    }

    fn migrate(&self, conn: &mut Connection, found: u32) -> StoreResult<Vec<&'static str>> {
        let mut taken = Vec::new();
        for (version, (name, sql)) in (1..).zip(self.steps) {
            if version > found {
                let tx = conn.transaction()?;
                tx.execute_batch(sql)?;
                tx.pragma_update(None, "application_id", APPLICATION_ID)?;
                tx.pragma_update(None, "user_version", version)?;
                tx.commit()?;
                taken.push(*name);
            }
        }
        Ok(taken)
    }
}

fn number<T: rusqlite::types::FromSql>(conn: &Connection, sql: &str) -> rusqlite::Result<T> {
    conn.query_row(sql, [], |row| row.get(0))
}

/// The version that wrote the database last, as far as that can be read in a newer format.
fn made_by(conn: &Connection) -> Option<String> {
    let sql = "SELECT value FROM meta WHERE key = 'made_by'";
    conn.query_row(sql, [], |row| row.get(0)).optional().ok()?
}

/// Writes down which version works with this database.
pub(crate) fn set_made_by(conn: &Connection, version: &str) -> StoreResult<()> {
    if made_by(conn).as_deref() != Some(version) {
        conn.execute(
            "INSERT INTO meta (key, value) VALUES ('made_by', ?1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [version],
        )?;
    }
    Ok(())
}

/// Opens one more connection for writing to a file that [`Format::open`] has opened.
pub(crate) fn open_beside(path: &Path) -> StoreResult<Connection> {
    let conn = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.pragma_update(None, SYNCHRONOUS, "FULL")?;
    Ok(conn)
}

/// Puts on the disk what was committed and not synced, by a commit that changes nothing: it syncs
/// the whole write-ahead log.
pub(crate) fn sync(conn: &Connection) -> StoreResult<()> {
    conn.pragma_update(None, SYNCHRONOUS, "FULL")?;
    let version: u32 = number(conn, "PRAGMA user_version")?;
    conn.pragma_update(None, "user_version", version)?;
    Ok(())
}

/// Opens a database of ours that no other process changes, and leaves every file as it is: neither
/// `-wal` nor `-shm` is made. What lies in a write-ahead log that a crash left is seen.
pub(crate) fn open_to_look(path: &Path) -> StoreResult<Connection> {
    let octets = path.as_os_str().as_encoded_bytes().iter();
    let escaped: String = octets.map(|octet| escape(*octet)).collect();
    let log = path.with_extension("db-wal");
    let has_log = log.metadata().is_ok_and(|meta| meta.len() > 0);
    // Without a log to read the file is all there is; with one, its index is built in memory.
    let mode = if has_log {
        "mode=ro&readonly_shm=1"
    } else {
        "immutable=1"
    };
    let uri = format!("file:{escaped}?{mode}");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Ok(connect(Path::new(&uri), flags)?)
}

/// An octet of a path as a URI has it (RFC 3986 §2.1).
fn escape(octet: u8) -> String {
    match octet {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
            char::from(octet).to_string()
        }
        _ => format!("%{octet:02X}"),
    }
}

/// Opens a file for reading only.
pub(crate) fn open_reader(path: &Path) -> StoreResult<Connection> {
    Ok(connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
}

/// A connection as every one of ours is.
fn connect(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // A plan that hangs on the values bound would be made anew for each of them: a prepared join
    // was parsed again for every row. Plans hang on the schema alone.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "trusted_schema", false)?;
    Ok(conn)
}
