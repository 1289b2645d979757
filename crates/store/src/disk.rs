//! Files and folders: the lock, the checks before opening, atomic writes, free space.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock, statvfs};
use rustix::process::geteuid;

use crate::error::{OpenError, StoreError, StoreResult, is_no_space};

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Octets of the lock file that are read to learn the other process's number.
const PID_MAX_OCTETS: u64 = 20;

/// Locks a mutex whose data stay meaningful even if a holder panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where everything lies in the data folder.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) dir: PathBuf,
}

impl Layout {
    pub(crate) fn database(&self) -> PathBuf {
        self.dir.join("mail.db")
    }

    pub(crate) fn wal(&self) -> PathBuf {
        self.dir.join("mail.db-wal")
    }

    pub(crate) fn packs(&self) -> PathBuf {
        self.dir.join("pack")
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.dir.join("log")
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.dir.join("ledger")
    }

    pub(crate) fn reserve(&self) -> PathBuf {
        self.ledger().join("reserve")
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.dir.join("spool")
    }

    /// Makes the data folder if asked to, and checks its owner and mode.
    pub(crate) fn prepare_folder(&self, create: bool) -> Result<(), OpenError> {
        if create && !self.dir.exists() {
            make_folder(&self.dir).map_err(|err| self.explain("making the data folder", err))?;
        }
        self.check_owner()
    }

    /// Makes what is missing in the folder; the caller holds its lock.
    pub(crate) fn prepare(&self) -> Result<(), OpenError> {
        for folder in [self.packs(), self.logs(), self.ledger(), self.spool()] {
            make_folder(&folder).map_err(|err| self.explain("making a folder in", err))?;
        }
        self.empty_spool()
            .map_err(|err| self.explain("emptying the spool of", err))
    }

    fn check_owner(&self) -> Result<(), OpenError> {
        let meta = match fs::metadata(&self.dir) {
            Ok(meta) if meta.is_dir() => meta,
            Ok(_) => {
                return Err(OpenError::Missing {
                    dir: self.dir.clone(),
                });
            }
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                return Err(OpenError::Missing {
                    dir: self.dir.clone(),
                });
            }
            Err(err) => return Err(self.explain("looking at the data folder", err)),
        };
        let uid = geteuid().as_raw();
        if meta.uid() != uid {
            return Err(OpenError::WrongOwner {
                dir: self.dir.clone(),
                owner: meta.uid(),
                uid,
            });
        }
        if meta.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(OpenError::OpenToOthers {
                dir: self.dir.clone(),
                mode: meta.mode() & 0o7777,
            });
        }
        Ok(())
    }

    /// Bodies in the spool are unlinked while they are written; what a crash left is nobody's.
    fn empty_spool(&self) -> io::Result<()> {
        for entry in fs::read_dir(self.spool())? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    /// The folder is held by the process that its lock file names.
    fn in_use(&self, file: &File) -> OpenError {
        let mut pid = String::new();
        // Who holds it is only told; a lock file that cannot be read changes nothing.
        let _unread = file.take(PID_MAX_OCTETS).read_to_string(&mut pid);
        OpenError::InUse {
            dir: self.dir.clone(),
            pid: pid.trim().to_owned(),
        }
    }

    /// A refusal of the system to somebody who only looks.
    pub(crate) fn explain_look(&self, what: &str, source: io::Error) -> OpenError {
        OpenError::Io {
            what: format!("{what} {}", self.dir.display()),
            source,
        }
    }

    /// Turns a refusal of the system into words that say what to do.
    pub(crate) fn explain(&self, what: &str, err: io::Error) -> OpenError {
        let dir = self.dir.clone();
        match err.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                OpenError::ReadOnly {
                    dir,
                    uid: geteuid().as_raw(),
                    source: err,
                }
            }
            _ if is_no_space(&err) => OpenError::NoSpace { dir },
            _ => OpenError::Io {
                what: format!("{what} {}", dir.display()),
                source: err,
            },
        }
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Opens a file for reading and writing, made readable by its owner only.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path)
}

/// Makes an empty file, readable by its owner only, unless there is one. One that is there is not
/// opened, and a new one gets its name once it is closed, so that no lock on it is lost.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    if path.try_exists()? {
        return Ok(());
    }
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    drop(open_private(Path::new(&fresh))?);
    fs::rename(fresh, path)
}

/// Holds the data folder for this process until dropped.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(crate) fn take(layout: &Layout) -> Result<Self, OpenError> {
        let mut file = open_private(&layout.dir.join("lock"))
            .map_err(|err| layout.explain("opening the lock file in", err))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(layout.in_use(&file));
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|err| layout.explain("writing the lock file in", err))?;
        Ok(Self { _file: file })
    }

    /// Keeps a server out while a stopped one's folder is looked at; other looks may share it. A
    /// folder without a lock file has no server.
    pub(crate) fn share(layout: &Layout) -> Result<Option<Self>, OpenError> {
        let file = match File::open(layout.dir.join("lock")) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|err| layout.explain_look("opening the lock file in", err))?,
        };
        if flock(&file, FlockOperation::NonBlockingLockShared).is_err() {
            return Err(layout.in_use(&file));
        }
        Ok(Some(Self { _file: file }))
    }
}

/// Octets that an ordinary user may still write into the file system of `dir`.
pub(crate) fn free_octets(dir: &Path) -> io::Result<u64> {
    let stat = statvfs(dir)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Makes a folder's entries durable.
pub(crate) fn sync_folder(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes a file of `octets` octets that really occupies the disk, unless it is there.
pub(crate) fn reserve_space(path: &Path, octets: u64) -> io::Result<()> {
    let file = open_private(path)?;
    if file.metadata()?.len() < octets {
        fallocate(&file, FallocateFlags::empty(), 0, octets)?;
        file.sync_all()?;
    }
    Ok(())
}

/// Gives the disk back what lies at `start..start + octets` of a file; it reads as zeros from then on.
pub(crate) fn punch_hole(file: &File, start: u64, octets: u64) -> io::Result<()> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(file, flags, start, octets).map_err(io::Error::from)
}

/// Replaces or makes `dir/relative` so that a crash leaves the old or the new content, never a mix.
pub(crate) fn write_atomic(dir: &Path, relative: &str, bytes: &[u8]) -> StoreResult<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let path = inside(dir, relative)?;
    let parent = path.parent().unwrap_or(dir);
    make_folders(dir, parent)?;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let temporary = parent.join(format!(".new-{number}"));
    let mut file = open_private(&temporary)?;
    file.set_len(0)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, &path)?;
    sync_folder(parent)?;
    Ok(())
}

/// Removes `dir/relative` if it is there, and its folder if nothing is left in it.
pub(crate) fn remove(dir: &Path, relative: &str) -> StoreResult<()> {
    let path = inside(dir, relative)?;
    match fs::remove_file(&path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    }
    match path.parent().map(fs::remove_dir) {
        Some(Err(err)) if err.kind() != io::ErrorKind::DirectoryNotEmpty => Err(err.into()),
        _ => Ok(()),
    }
}

/// The path of a file below `dir`; refuses everything that could lead out of it.
pub(crate) fn inside(dir: &Path, relative: &str) -> StoreResult<PathBuf> {
    let path = Path::new(relative);
    let plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if relative.is_empty() || !plain {
        return Err(StoreError::Damaged(format!(
            "{relative:?} is not a path inside the folder"
        )));
    }
    Ok(dir.join(path))
}

/// Makes the folders between `dir` and `parent`, each synced into the one above it.
fn make_folders(dir: &Path, parent: &Path) -> io::Result<()> {
    if parent == dir || parent.is_dir() {
        return Ok(());
    }
    let above = parent.parent().unwrap_or(dir);
    make_folders(dir, above)?;
    make_folder(parent)?;
    sync_folder(above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        let dir = Path::new("/data/ledger");
        assert!(inside(dir, "tile/0/x001/067.p/3").is_ok());
        for bad in ["", "/etc/x", "../x", "a/../../x", "./x"] {
            assert!(inside(dir, bad).is_err(), "accepted {bad:?}");
        }
    }

    #[test]
    fn atomic_writes_replace_and_leave_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["one", "two"] {
            write_atomic(dir.path(), "a/b/c", text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(dir.path().join("a/b/c")).unwrap(), text);
        }
        assert_eq!(fs::read_dir(dir.path().join("a/b")).unwrap().count(), 1);
        write_atomic(dir.path(), "a/b/d", b"").unwrap();
        for (gone, folder_stays) in [("a/b/d", true), ("a/b/d", true), ("a/b/c", false)] {
            remove(dir.path(), gone).unwrap();
            assert_eq!(dir.path().join("a/b").exists(), folder_stays, "{gone}");
        }
    }
}
