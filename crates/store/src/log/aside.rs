//! Days that cannot be written any more: set aside under another name, so that a new file is begun.
//!
//! `activity-2026-11-23.db` becomes `activity-2026-11-23.damaged-1`. What can be read of it is read
//! on; nothing is written to it, and only a person removes it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Days, is_day};
use crate::error::{OpenError, StoreError, StoreResult};

/// Files of one day that may stand aside; what damages more of them is not in the files.
const ASIDE_MAX: u32 = 20;
const MARK: &str = ".damaged-";

/// A day that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// The day, `2026-11-23`.
    pub day: String,
    /// Where it is now.
    pub path: PathBuf,
}

/// Whether the file itself is broken or not a log of ours, in contrast to trouble that passes.
pub(super) fn is_damage(err: &StoreError) -> bool {
    use rusqlite::ErrorCode::{NotADatabase, Unknown};
    match err {
        StoreError::Damaged(_) => true,
        StoreError::Sql(err) => matches!(err.sqlite_error_code(), Some(NotADatabase | Unknown)),
        _ => false,
    }
}

/// What keeps a day from being opened, as trouble of the log.
pub(super) fn opening_failed(err: OpenError) -> StoreError {
    match err {
        OpenError::Foreign { .. } => StoreError::Damaged(err.to_string()),
        OpenError::Damaged(what) => StoreError::Damaged(what),
        OpenError::Database(err) => err,
        err => StoreError::Failed(err.to_string()),
    }
}

impl Days {
    /// Gives the file of a day another name.
    pub(super) fn set_aside(&self, day: &str) -> StoreResult<SetAside> {
        let file = self.path(day);
        let free = |path: &PathBuf| !path.exists() && !beside(path, "-wal").exists();
        let paths = (1..=ASIDE_MAX).map(|n| self.dir.join(format!("{}-{day}{MARK}{n}", self.name)));
        let path = { paths }.find(free);
        let path = path.ok_or(StoreError::LimitReached("damaged files of a day"))?;
        // First what was not written back: a new file of the day would take it for its own.
        rename_if_there(&beside(&file, "-wal"), &beside(&path, "-wal"))?;
        remove_if_there(&beside(&file, "-shm"))?;
        fs::rename(&file, &path)?;
        crate::disk::sync_folder(&self.dir)?;
        let day = day.to_owned();
        Ok(SetAside { day, path })
    }

    /// The days that stand aside, oldest first.
    pub(super) fn aside(&self) -> StoreResult<Vec<SetAside>> {
        let mut aside = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let rest = name.and_then(|name| name.strip_prefix(self.name)?.strip_prefix('-'));
            if let Some((day, number)) = rest.and_then(|rest| rest.split_once(MARK))
                && is_day(day)
                && number.bytes().all(|c| c.is_ascii_digit())
            {
                let day = day.to_owned();
                aside.push(SetAside { day, path });
            }
        }
        aside.sort_unstable_by(|a, b| (&a.day, &a.path).cmp(&(&b.day, &b.path)));
        Ok(aside)
    }

    /// All files that rows may be read from with their days, the oldest day first.
    pub(super) fn readable(&self) -> StoreResult<Vec<(String, PathBuf)>> {
        let aside = self.aside()?.into_iter().map(|it| (it.day, it.path));
        let days = self.list()?.into_iter();
        let mut files: Vec<_> = days.map(|day| (day.clone(), self.path(&day))).collect();
        files.extend(aside);
        files.sort_unstable();
        Ok(files)
    }
}

/// The file that SQLite keeps beside a database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(suffix);
    beside.into()
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    if_there(fs::rename(from, to))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    if_there(fs::remove_file(path))
}

fn if_there(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
