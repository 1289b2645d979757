//! Checks a ledger without its server: in the folder of a stopped one, or in an export.
//!
//! In a data folder the database and the files beside it must both agree with the checkpoint; an
//! export has files alone.

use std::fs::File;
use std::io::{self, Read as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ledger::Origin;
use ledger::checkpoint::{Checkpoint, CheckpointError};
use ledger::note::{NOTE_MAX_OCTETS, Note, VerifierKey};
use ledger::tiles::{CHECKPOINT_FILE, TileReader};
use ledger::verify::{Against, Copy, Export, Report, Source, verify};
use net::Clock;
use policy::Config;
use service::StoredLedger;
use store::{OpenError, Store};
use types::Timestamp;

use crate::exit::{Exit, Failure};

/// The database in a data folder.
const DATABASE: &str = "mail.db";
/// Where the ledger's files lie in a data folder.
const LEDGER_FOLDER: &str = "ledger";

/// What was found, and by reading what.
pub(crate) struct Checked {
    /// The verdict.
    pub(crate) report: Report,
    /// What was read, in words.
    pub(crate) read: &'static str,
}

/// Reads the whole ledger in `folder` and says what can be said about it.
pub(crate) fn check(
    folder: &Path,
    key: Option<VerifierKey>,
    copies: &[PathBuf],
) -> anyhow::Result<Checked> {
    let is_data = folder.join(DATABASE).exists();
    let files = Files::of(folder);
    let origin = match &key {
        Some(key) => key.name().clone(),
        None => files.claimed()?.1.origin,
    };
    let copies = copies.iter().map(|path| copy(path));
    let against = against(key, copies.collect::<Result<_, _>>()?);
    let stored = if is_data {
        stored(folder, &origin)?
    } else {
        None
    };
    let (source, read): (Box<dyn Source>, _) = match stored {
        Some(stored) => (Box::new(stored), "the database and the files beside it"),
        None if is_data => (
            Box::new(export(files)?),
            "the files beside the database alone, since a server uses the database",
        ),
        None => (Box::new(export(files)?), "the files of an export"),
    };
    let report = verify(source.as_ref(), &against);
    Ok(Checked {
        report: report.map_err(|error| Failure::usage(error.to_string()))?,
        read,
    })
}

/// The configuration of a stopped server, if its entries can be read; for what is to be looked at.
pub(crate) fn config(folder: &Path, key: Option<&VerifierKey>) -> Option<Config> {
    let origin = match key {
        Some(key) => key.name().clone(),
        None => Files::of(folder).claimed().ok()?.1.origin,
    };
    stored(folder, &origin).ok()??.config()
}

/// What a ledger is compared with: this key, and copies of checkpoints.
pub(crate) fn against(key: Option<VerifierKey>, copies: Vec<Copy>) -> Against {
    Against {
        key,
        copies,
        now: Clock::real().now(),
        copy_age_max_s: None,
        threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
    }
}

/// The ledger that consists of these files.
pub(crate) fn export(files: Files) -> Result<Export<Files>, Failure> {
    let shown = files.0.display().to_string();
    Export::open(files).map_err(|error| nothing_here(&shown, &error))
}

fn nothing_here(shown: &str, error: &io::Error) -> Failure {
    let words =
        format!("there is no ledger to check in {shown}: {error}. Name a data folder or an export");
    Failure::new(Exit::NotFound, words)
}

/// A checkpoint that was kept elsewhere, as old as its file.
fn copy(path: &Path) -> anyhow::Result<Copy> {
    let reading = || format!("cannot read the checkpoint {}", path.display());
    let checkpoint = read_bounded(path, NOTE_MAX_OCTETS).with_context(reading)?;
    let modified = std::fs::metadata(path)
        .and_then(|meta| meta.modified())
        .with_context(reading)?;
    let age = modified
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let seen = Timestamp(i64::try_from(age.as_micros())?);
    Ok(Copy { checkpoint, seen })
}

/// Tile files below a folder.
pub(crate) struct Files(pub(crate) PathBuf);

impl Files {
    /// The files of the ledger in a data folder, or an export.
    pub(crate) fn of(folder: &Path) -> Self {
        Self(if folder.join(DATABASE).exists() {
            folder.join(LEDGER_FOLDER)
        } else {
            folder.to_owned()
        })
    }

    /// The checkpoint with its octets; nobody vouches for what it says without a key.
    pub(crate) fn claimed(&self) -> anyhow::Result<(Vec<u8>, Checkpoint)> {
        let missing = |error: io::Error| nothing_here(&self.0.display().to_string(), &error);
        let octets = self
            .read(CHECKPOINT_FILE, NOTE_MAX_OCTETS)
            .map_err(missing)?
            .ok_or_else(|| missing(io::ErrorKind::NotFound.into()))?;
        let unsound =
            |cause: String| Failure::new(Exit::Unverified, format!("the checkpoint: {cause}"));
        let note = Note::parse(&octets).map_err(|error| unsound(error.to_string()))?;
        let checkpoint = note
            .text()
            .parse()
            .map_err(|error: CheckpointError| unsound(error.to_string()))?;
        Ok((octets, checkpoint))
    }
}

impl TileReader for Files {
    fn read(&self, path: &str, octets_max: usize) -> io::Result<Option<Vec<u8>>> {
        match read_bounded(&self.0.join(path), octets_max) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }
}

/// The data folder of a stopped server, of which no file is changed; `None` while a server has it.
fn stored(folder: &Path, origin: &Origin) -> anyhow::Result<Option<StoredLedger>> {
    match Store::open_to_look(folder) {
        Ok(store) => Ok(Some(StoredLedger::new(store, origin))),
        Err(OpenError::InUse { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn read_bounded(path: &Path, octets_max: usize) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    File::open(path)?
        .take(octets_max as u64 + 1)
        .read_to_end(&mut octets)?;
    if octets.len() > octets_max {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the file is too long",
        ));
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use ledger::note::SigningKey;
    use ledger::tree::empty_root;
    use ledger::verify::Verdict;

    use super::*;

    /// An export of an empty ledger, and its key.
    fn empty_ledger() -> (tempfile::TempDir, SigningKey) {
        let origin: Origin = "mail.example.org/4f1c90aa/config/1".parse().unwrap();
        let key = SigningKey::from_seed(origin.clone(), &[7; 32]).unwrap();
        let note = Checkpoint::new(origin, 0, empty_root()).sign(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(CHECKPOINT_FILE), note.to_string()).unwrap();
        (folder, key)
    }

    fn verdict(folder: &Path, key: Option<&SigningKey>) -> Verdict {
        check(folder, key.map(|key| key.verifier().clone()), &[])
            .unwrap()
            .report
            .verdict
    }

    #[test]
    fn a_verdict_is_no_better_than_the_key_it_was_given() {
        let (folder, key) = empty_ledger();
        assert_eq!(verdict(folder.path(), None), Verdict::Consistent);
        assert_eq!(verdict(folder.path(), Some(&key)), Verdict::Signed);
        let other = SigningKey::from_seed(key.verifier().name().clone(), &[8; 32]).unwrap();
        assert!(!verdict(folder.path(), Some(&other)).is_good());
    }

    #[test]
    fn a_copy_from_elsewhere_is_compared() {
        let (folder, key) = empty_ledger();
        let kept = folder.path().join("kept");
        std::fs::copy(folder.path().join(CHECKPOINT_FILE), &kept).unwrap();
        let pinned = Some(key.verifier().clone());
        let checked = check(folder.path(), pinned, std::slice::from_ref(&kept)).unwrap();
        assert!(matches!(
            checked.report.verdict,
            Verdict::Anchored { n: 1, .. }
        ));
        let without_key = check(folder.path(), None, &[kept]);
        assert!(without_key.is_err(), "a copy proves nothing without a key");
    }

    #[test]
    fn a_folder_without_ledger_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = check(folder.path(), None, &[]).map(|_| ()).unwrap_err();
        assert!(
            error.to_string().contains("there is no ledger to check in"),
            "{error}"
        );
    }

    #[test]
    fn a_file_above_its_limit_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        std::fs::write(&path, [0; 11]).unwrap();
        assert!(read_bounded(&path, 10).is_err());
        assert_eq!(read_bounded(&path, 11).unwrap().len(), 11);
    }
}
