//! The folders of a demo, which go away with it unless they are to be kept.

use std::fs;
use std::path::{Path, PathBuf};

use net::Random;
use service::Paths;

use super::kept::KEPT_FILE;
use crate::exit::{Exit, Failure};
use crate::start_file;

/// Data and keys of one demo; dropped, it removes what this run made and need not keep.
#[derive(Debug)]
pub(crate) struct Folders {
    paths: Paths,
    existed: bool,
    keep: bool,
}

impl Folders {
    /// The folder that was named, or a fresh one for temporary files. Makes nothing yet, and
    /// refuses a folder that holds anything but a demo.
    pub(crate) fn choose(data: Option<&Path>, keep: bool) -> anyhow::Result<Self> {
        let data = match data {
            Some(data) => std::path::absolute(data)?,
            None => temporary(&Random::system()),
        };
        let keys = start_file::default_keys_dir(&data);
        let existed = data.join(KEPT_FILE).exists();
        if !existed {
            refuse_filled(&data)?;
            refuse_filled(&keys)?;
        }
        Ok(Self {
            paths: Paths { data, keys },
            existed,
            keep,
        })
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        &self.paths.data
    }

    /// Both folders.
    pub(crate) fn paths(&self) -> Paths {
        self.paths.clone()
    }

    /// Whether there was a demo already.
    pub(crate) fn existed(&self) -> bool {
        self.existed
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        if self.existed || self.keep {
            return;
        }
        for folder in [&self.paths.data, &self.paths.keys] {
            if let Err(err) = fs::remove_dir_all(folder)
                && err.kind() != std::io::ErrorKind::NotFound
            {
                eprintln!("sealpost: could not remove {}: {err}", folder.display());
            }
        }
    }
}

fn temporary(random: &Random) -> PathBuf {
    std::env::temp_dir().join(format!("sealpost-demo-{:016x}", random.number()))
}

fn refuse_filled(folder: &Path) -> Result<(), Failure> {
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        let words = format!(
            "{} is not empty and holds no demo that could go on: name another folder with --data",
            folder.display()
        );
        return Err(Failure::new(Exit::Conflict, words));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_demo_goes_away_and_a_kept_one_stays() {
        let parent = tempfile::tempdir().unwrap();
        for keep in [false, true] {
            let data = parent.path().join(format!("keep-{keep}"));
            let folders = Folders::choose(Some(&data), keep).unwrap();
            fs::create_dir(&data).unwrap();
            fs::write(data.join(KEPT_FILE), "{}").unwrap();
            drop(folders);
            assert_eq!(data.exists(), keep);
        }
    }

    #[test]
    fn what_an_earlier_run_made_is_never_removed() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join(KEPT_FILE), "{}").unwrap();
        let folders = Folders::choose(Some(data.path()), false).unwrap();
        assert!(folders.existed());
        drop(folders);
        assert!(data.path().exists());
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused_and_left_alone() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("letter"), "x").unwrap();
        let error = Folders::choose(Some(data.path()), false).unwrap_err();
        assert!(error.to_string().contains("is not empty"), "{error}");
        assert!(data.path().join("letter").exists());
    }
}
