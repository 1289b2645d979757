//! What tells a setup that was cut off from an installation: a file that the last step removes.
//!
//! Both folders get it with the same random content. As long as the data folder has it nothing in
//! either was ever in use, so setup may clear both and begin again; a keys folder with other
//! content belongs to somebody else and stays.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use net::Random;

use super::{Paths, StartError};

const MARKER: &str = "setup-unfinished";

/// A setup under way.
pub(super) struct Attempt {
    paths: Paths,
    /// Keeps a second setup from clearing away what this one makes.
    _locked: File,
}

impl Attempt {
    /// Marks both folders, which are empty.
    pub(super) fn begin(paths: &Paths, random: &Random) -> Result<Self, StartError> {
        let name = format!("{:016x}{:016x}\n", random.number(), random.number());
        let locked = mark(&paths.data, &name).map_err(failed("write to", &paths.data))?;
        locked.try_lock().map_err(|_| in_use(&paths.data))?;
        mark(&paths.keys, &name).map_err(failed("write to", &paths.keys))?;
        Ok(Self {
            paths: paths.clone(),
            _locked: locked,
        })
    }

    /// Says that the installation is whole: the mark of the data folder is what counts.
    pub(super) fn finish(self) -> Result<(), StartError> {
        for dir in [&self.paths.data, &self.paths.keys] {
            let removed = fs::remove_file(dir.join(MARKER)).and_then(|()| sync(dir));
            removed.map_err(failed("finish", dir))?;
        }
        Ok(())
    }

    /// Empties the folders of a setup that was cut off; leaves all others as they are.
    pub(super) fn clear_unfinished(paths: &Paths) -> Result<(), StartError> {
        let Ok(marker) = File::open(paths.data.join(MARKER)) else {
            return Ok(());
        };
        match marker.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(&paths.data)),
            Err(TryLockError::Error(err)) => return Err(failed("lock", &paths.data)(err)),
        }
        let name = |dir: &Path| fs::read(dir.join(MARKER)).ok();
        if name(&paths.keys).is_some() && name(&paths.keys) == name(&paths.data) {
            empty(&paths.keys).map_err(failed("clear", &paths.keys))?;
        }
        empty(&paths.data).map_err(failed("clear", &paths.data))
    }
}

/// Refuses a data folder whose setup was cut off.
pub(super) fn refuse(data: &Path) -> Result<(), StartError> {
    if data.join(MARKER).exists() {
        return Err(StartError::SetupUnfinished {
            data: data.to_owned(),
        });
    }
    Ok(())
}

fn mark(dir: &Path, name: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(dir.join(MARKER))?;
    file.write_all(name.as_bytes())?;
    file.sync_all()?;
    sync(dir)?;
    Ok(file)
}

/// Removes all in a folder, the mark last, so that a crash leaves the folder marked.
fn empty(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name() == MARKER {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_file(dir.join(MARKER))?;
    sync(dir)
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn in_use(dir: &Path) -> StartError {
    failed("use", dir)(io::Error::other("another setup is under way in it"))
}

fn failed<'a>(action: &'a str, dir: &'a Path) -> impl FnOnce(io::Error) -> StartError + 'a {
    move |err| StartError::Folder {
        path: dir.display().to_string(),
        why: format!("cannot {action} it: {err}"),
    }
}
