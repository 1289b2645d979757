//! Writes a ledger as files that stand alone, for keeping elsewhere and for programs of others.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use ledger::note::VerifierKey;
use ledger::tiles::{
    CHECKPOINT_FILE, FILE_MAX_OCTETS, TileFile, TileReader, files_within, read_file,
};
use ledger::verify::{Copy, Report, verify};
use net::Clock;

use crate::exit::{Exit, Failure};
use crate::offline::{self, Files};

/// What an export wrote, and what it proves now.
pub(crate) struct Exported {
    /// The verdict on the export as it lies.
    pub(crate) report: Report,
    /// Entries that an earlier export in the same folder had.
    pub(crate) earlier_size: Option<u64>,
    /// Files that were not there before.
    pub(crate) new_files: u64,
}

/// Copies the files of the ledger in `folder` to `target`, each in its widest form, and verifies
/// them there.
///
/// If `target` holds an earlier export, the ledger must be a continuation of it. Nothing is written
/// if the ledger is not sound.
pub(crate) fn export(
    target: &Path,
    folder: &Path,
    key: Option<VerifierKey>,
) -> anyhow::Result<Exported> {
    let source = Files::of(folder);
    let place = Files(target.to_owned());
    let earlier = earlier_export(&place)?;
    // The checkpoint is read first: what it covers is there, since the server replaces it last.
    let (octets, checkpoint) = source.claimed()?;
    let kept = earlier.iter().map(|(checkpoint, _)| Copy {
        checkpoint: checkpoint.clone(),
        seen: Clock::real().now(),
    });
    let against = offline::against(key, kept.collect());
    let judge = |files: Files| -> anyhow::Result<Report> {
        let report = verify(&offline::export(files)?, &against);
        Ok(report.map_err(|error| Failure::usage(error.to_string()))?)
    };
    let report = judge(Files::of(folder))?;
    if !report.verdict.is_good() {
        let words = format!(
            "nothing was written, for the ledger in {} is not sound: {}",
            source.0.display(),
            report.verdict
        );
        return Err(Failure::new(Exit::Unverified, words).into());
    }
    let mut new_files = 0;
    for id in files_within(checkpoint.size) {
        new_files += u64::from(add(&place, &read_file(&source, id)?)?);
    }
    write(&target.join(CHECKPOINT_FILE), &octets)?;
    Ok(Exported {
        report: judge(place)?,
        earlier_size: earlier.map(|(_, size)| size),
        new_files,
    })
}

/// The checkpoint of an earlier export in this folder and its size; otherwise the folder is made,
/// or must be empty.
fn earlier_export(place: &Files) -> anyhow::Result<Option<(Vec<u8>, u64)>> {
    let shown = place.0.display();
    if place.0.join(CHECKPOINT_FILE).exists() {
        let (octets, checkpoint) = place.claimed()?;
        return Ok(Some((octets, checkpoint.size)));
    }
    fs::create_dir_all(&place.0).with_context(|| format!("cannot make the folder {shown}"))?;
    if fs::read_dir(&place.0)?.next().is_some() {
        let words = format!(
            "{shown} is not empty and holds no export: name a new folder, or one with an export"
        );
        return Err(Failure::new(Exit::Conflict, words).into());
    }
    Ok(None)
}

/// Adds a file, and tells whether it was new. One that is there must be the same.
fn add(place: &Files, file: &TileFile) -> anyhow::Result<bool> {
    let path = file.id.path();
    match place.read(&path, FILE_MAX_OCTETS)? {
        Some(there) if there == file.octets => Ok(false),
        Some(_) => {
            let words = format!(
                "{} is not what the ledger says now: keep this folder as evidence, and export to \
                 another one",
                place.0.join(path).display()
            );
            Err(Failure::new(Exit::Unverified, words).into())
        }
        None => write(&place.0.join(path), &file.octets).map(|()| true),
    }
}

/// Writes a file whole or not at all.
fn write(path: &Path, octets: &[u8]) -> anyhow::Result<()> {
    let put = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let half = path.with_added_extension("new");
        let mut file = File::create(&half)?;
        file.write_all(octets)?;
        file.sync_all()?;
        fs::rename(&half, path)
    };
    put().with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use ledger::checkpoint::Checkpoint;
    use ledger::note::SigningKey;
    use ledger::tiles::TileWriter;
    use ledger::verify::Verdict;
    use tempfile::TempDir;

    use super::*;

    fn key() -> SigningKey {
        let origin = "mail.example.org/4f1c90aa/config/1".parse().unwrap();
        SigningKey::from_seed(origin, &[7; 32]).unwrap()
    }

    /// The files of a ledger of these entries.
    fn ledger(entries: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = TileWriter::new();
        for entry in entries {
            for file in writer.append(&[entry.as_bytes()]).unwrap() {
                write(&folder.path().join(file.id.path()), &file.octets).unwrap();
            }
        }
        let origin = key().verifier().name().clone();
        let checkpoint = Checkpoint::new(origin, writer.size(), writer.tree().root());
        let note = checkpoint.sign(&key()).unwrap().to_string();
        write(&folder.path().join(CHECKPOINT_FILE), note.as_bytes()).unwrap();
        folder
    }

    fn exported(target: &Path, folder: &TempDir) -> Result<Exported, Option<Exit>> {
        export(target, folder.path(), Some(key().verifier().clone()))
            .map_err(|error| error.downcast_ref::<Failure>().map(Failure::exit))
    }

    fn files(folder: &Path) -> usize {
        let inside = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        inside
            .map(|path| if path.is_dir() { files(&path) } else { 1 })
            .sum()
    }

    #[test]
    fn only_an_empty_folder_or_an_export_is_written_to() {
        let target = tempfile::tempdir().unwrap();
        fs::write(target.path().join("letter"), "mine").unwrap();
        let refused = exported(target.path(), &ledger(&[])).err();
        assert_eq!(refused, Some(Some(Exit::Conflict)));
        assert_eq!(files(target.path()), 1);
        let inside = target.path().join("a/new/folder");
        let written = exported(&inside, &ledger(&[])).ok().unwrap();
        assert_eq!(written.report.verdict, Verdict::Signed);
        assert_eq!(files(&inside), 1);
    }

    #[test]
    fn nothing_is_written_of_a_ledger_that_is_not_sound() {
        let target = tempfile::tempdir().unwrap();
        let folder = ledger(&["entries that are no entries"]);
        assert_eq!(
            exported(target.path(), &folder).err(),
            Some(Some(Exit::Unverified))
        );
        assert_eq!(files(target.path()), 0);
    }
}
