//! The rows of a log by their numbers, as the files have them, whoever wrote them.

use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::aside::is_damage;
use super::{Days, LogRecord, LogRow, read};
use crate::error::StoreResult;
use crate::migrate::open_reader;

/// A row that was found under a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRow {
    /// The number.
    pub seq: u64,
    /// What it says; `None` if it cannot be read, or belongs in the file of another day.
    pub row: Option<LogRow>,
}

/// Which files rows are read from.
#[derive(Clone, Copy, Debug)]
pub enum LogDays<'a> {
    /// All.
    All,
    /// The newest ones, at most so many.
    Newest(usize),
    /// That of this day.
    Only(&'a str),
}

impl LogDays<'_> {
    /// Those of the files that are meant; what stands aside counts with its day.
    fn narrow(self, days: &Days) -> StoreResult<Vec<(String, PathBuf)>> {
        let mut files = days.readable()?;
        match self {
            Self::All => {}
            Self::Newest(count) => {
                let mut names: Vec<_> = files.iter().map(|(day, _)| day.clone()).collect();
                names.dedup();
                names.drain(..names.len().saturating_sub(count));
                files.retain(|(day, _)| names.first().is_some_and(|first| day >= first));
            }
            Self::Only(day) => files = vec![(day.to_owned(), days.path(day))],
        }
        Ok(files)
    }
}

/// Reads rows by their numbers. Numbers are asked for in ascending order, more or less.
pub struct LogRows {
    days: Vec<Day>,
    damaged: Vec<String>,
}

/// A day that has rows.
struct Day {
    name: String,
    path: PathBuf,
    first: i64,
    last: i64,
    open: Option<Connection>,
}

impl LogRows {
    pub(super) fn open(days: &Days, wanted: LogDays<'_>) -> StoreResult<Self> {
        let mut rows = Self {
            days: Vec::new(),
            damaged: Vec::new(),
        };
        for (name, path) in wanted.narrow(days)? {
            match undamaged(span(&path))? {
                Some(Some((first, last))) => rows.days.push(Day {
                    name,
                    path,
                    first,
                    last,
                    open: None,
                }),
                Some(None) => {}
                None => rows.damaged.push(name),
            }
        }
        Ok(rows)
    }

    /// Days whose files cannot be read.
    pub fn damaged(&self) -> &[String] {
        &self.damaged
    }

    /// The lowest and the highest number of each day that has rows, oldest day first. A number
    /// below 0 is never one of ours.
    pub fn spans(&self) -> impl Iterator<Item = (i64, i64)> {
        self.days.iter().map(|day| (day.first, day.last))
    }

    /// All rows with these numbers in order; a number may be missing, or stand twice if two files
    /// have it.
    pub fn read(&mut self, seqs: Range<u64>) -> StoreResult<Vec<FoundRow>> {
        let from = i64::try_from(seqs.start).unwrap_or(i64::MAX);
        let to = i64::try_from(seqs.end).unwrap_or(i64::MAX);
        let mut found = Vec::new();
        for day in &mut self.days {
            if day.last < from || day.first >= to {
                day.open = None;
                continue;
            }
            match undamaged(day.read(from, to))? {
                Some(rows) => found.extend(rows),
                None if self.damaged.contains(&day.name) => {}
                None => self.damaged.push(day.name.clone()),
            }
        }
        found.sort_by_key(|row| row.seq);
        Ok(found)
    }

    /// The numbers of all rows, as runs; day by day, so runs of different days may touch.
    pub fn runs(&mut self) -> StoreResult<Vec<Range<u64>>> {
        let mut runs = Vec::new();
        for day in &mut self.days {
            let sql = "SELECT MIN(seq), MAX(seq) + 1 FROM
                         (SELECT seq, seq - ROW_NUMBER() OVER (ORDER BY seq) AS run
                            FROM record WHERE seq >= 0)
                        GROUP BY run ORDER BY 1";
            let mut statement = day.conn()?.prepare(sql)?;
            let of_day = statement.query_map([], |row| Ok(row.get(0)?..row.get(1)?))?;
            for run in of_day {
                runs.push(run?);
            }
        }
        Ok(runs)
    }
}

impl Day {
    fn conn(&mut self) -> StoreResult<&Connection> {
        let conn = match self.open.take() {
            Some(conn) => conn,
            None => open_reader(&self.path)?,
        };
        Ok(self.open.insert(conn))
    }

    fn read(&mut self, from: i64, to: i64) -> StoreResult<Vec<FoundRow>> {
        let name = self.name.clone();
        let mut statement = self.conn()?.prepare_cached(
            "SELECT seq, at, kind, account, session, source, message, detail
               FROM record WHERE seq >= ?1 AND seq < ?2 ORDER BY seq",
        )?;
        let rows = statement.query_map((from, to), found)?;
        let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
        for found in &mut rows {
            found.row.take_if(|row| row.at.day() != name);
        }
        Ok(rows)
    }
}

fn found(row: &Row<'_>) -> rusqlite::Result<FoundRow> {
    Ok(FoundRow {
        seq: row.get(0)?,
        row: read(row).ok().map(|record| record.row),
    })
}

/// The number behind all rows of a log, those from `below` on left out. A day that cannot be read
/// is not counted.
pub(super) fn next_number(days: &Days, below: i64) -> StoreResult<u64> {
    let mut next = 0;
    for (_, path) in days.readable()? {
        let sql = "SELECT COALESCE(MAX(seq) + 1, 0) FROM record WHERE seq >= 0 AND seq < ?1";
        let of_day =
            open_reader(&path).and_then(|conn| Ok(conn.query_row(sql, [below], |row| row.get(0))?));
        next = undamaged(of_day)?.unwrap_or(0).max(next);
    }
    Ok(next)
}

/// The row of a kind with the highest number. A day that cannot be read is left out.
pub(super) fn last_of_kind(days: &Days, kind: &str) -> StoreResult<Option<LogRecord>> {
    let sql = "SELECT seq, at, kind, account, session, source, message, detail
                 FROM record WHERE kind = ?1 ORDER BY seq DESC LIMIT 1";
    let mut last: Option<LogRecord> = None;
    for (_, path) in days.readable()? {
        let of_day =
            open_reader(&path).and_then(|conn| Ok(conn.query_row(sql, [kind], read).optional()?));
        let of_day = undamaged(of_day)?.flatten();
        if of_day.as_ref().map(|row| row.seq) > last.as_ref().map(|row| row.seq) {
            last = of_day;
        }
    }
    Ok(last)
}

/// The lowest and the highest number in a file.
fn span(path: &Path) -> StoreResult<Option<(i64, i64)>> {
    let sql = "SELECT MIN(seq), MAX(seq) FROM record";
    let (first, last): (Option<i64>, Option<i64>) =
        open_reader(path)?.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(first.zip(last))
}

/// `None` where the file itself is broken or not a log of ours, in contrast to trouble that passes.
pub(super) fn undamaged<T>(read: StoreResult<T>) -> StoreResult<Option<T>> {
    match read {
        Err(err) if is_damage(&err) => Ok(None),
        other => other.map(Some),
    }
}
