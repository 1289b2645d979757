//! Kept inputs of fuzz targets, run again by ordinary tests.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Calls `check` with the octets of every file in `folder`, in the order of their names.
///
/// Tests run in the folder of their crate, so `fuzz-seeds/imap_command` is enough. The name of
/// each seed goes to standard error, which a failing test shows.
///
/// # Panics
///
/// If the folder cannot be read or is empty: a replay of nothing proves nothing.
pub fn replay(folder: impl AsRef<Path>, check: impl Fn(&[u8])) {
    let folder = folder.as_ref();
    let mut paths = paths(folder).unwrap_or_else(|err| fail(folder, &err));
    paths.sort();
    assert!(!paths.is_empty(), "no seeds in {}", folder.display());
    for path in paths {
        eprintln!("seed {}", path.display());
        check(&fs::read(&path).unwrap_or_else(|err| fail(&path, &err)));
    }
}

fn paths(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect()
}

fn fail(path: &Path, err: &io::Error) -> ! {
    panic!("seeds in {}: {err}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn every_seed_is_replayed_in_order() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b"), b"two").unwrap();
        fs::write(folder.path().join("a"), [0xff]).unwrap();
        let seen = RefCell::new(Vec::new());
        replay(&folder, |seed| seen.borrow_mut().push(seed.to_vec()));
        assert_eq!(seen.into_inner(), [vec![0xff], b"two".to_vec()]);
    }

    #[test]
    #[should_panic(expected = "no seeds in")]
    fn an_empty_folder_is_an_error() {
        replay(tempfile::tempdir().unwrap(), |_| {});
    }

    #[test]
    #[should_panic(expected = "seeds in nowhere")]
    fn a_missing_folder_is_an_error() {
        replay("nowhere", |_| {});
    }
}
