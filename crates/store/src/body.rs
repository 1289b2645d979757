//! A body while it arrives: in memory at first, then in a file that has no name.
//!
//! Nothing that was refused ever reaches a pack: only a [`FinishedBody`] can be put into one.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use types::Sha256;
use types::limits::BODY_IN_MEMORY_MAX_OCTETS;

use crate::disk;
use crate::error::{StoreError, StoreResult};
use crate::mac::Hasher;

/// Receives a MIME body of unknown length and hashes it on the way.
pub struct Body {
    spool: PathBuf,
    max_octets: u64,
    octets: u64,
    eight_bit: bool,
    hasher: Hasher,
    memory: Vec<u8>,
    file: Option<File>,
}

/// A whole body with its length and SHA-256; cheap to clone.
#[derive(Clone, Debug)]
pub struct FinishedBody {
    octets: u64,
    eight_bit: bool,
    sha256: Sha256,
    data: Arc<Data>,
}

#[derive(Debug)]
enum Data {
    Memory(Vec<u8>),
    File(File),
}

impl Body {
    pub(crate) fn new(spool: &Path, max_octets: u64) -> Self {
        Self {
            spool: spool.to_owned(),
            max_octets,
            octets: 0,
            eight_bit: false,
            hasher: Hasher::new(),
            memory: Vec::new(),
            file: None,
        }
    }

    /// Octets received so far.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Takes the next piece. After an error the body is worth nothing and should be dropped.
    ///
    /// Beyond [`BODY_IN_MEMORY_MAX_OCTETS`] this writes to a file, without syncing it.
    pub fn write(&mut self, piece: &[u8]) -> StoreResult<()> {
        let octets = self.octets + piece.len() as u64;
        if octets > self.max_octets {
            return Err(StoreError::TooLarge {
                max_octets: self.max_octets,
            });
        }
        self.octets = octets;
        self.eight_bit |= !piece.is_ascii();
        self.hasher.update(piece);
        if self.file.is_none() && self.memory.len() + piece.len() > BODY_IN_MEMORY_MAX_OCTETS {
            let mut file = nameless_file(&self.spool)?;
            file.write_all(&self.memory)?;
            self.memory = Vec::new();
            self.file = Some(file);
        }
        match &mut self.file {
            Some(file) => file.write_all(piece)?,
            None => self.memory.extend_from_slice(piece),
        }
        Ok(())
    }

    /// Closes the body.
    pub fn finish(self) -> FinishedBody {
        FinishedBody {
            octets: self.octets,
            eight_bit: self.eight_bit,
            sha256: self.hasher.finish(),
            data: Arc::new(match self.file {
                Some(file) => Data::File(file),
                None => Data::Memory(self.memory),
            }),
        }
    }
}

/// A file that vanishes with its handle.
fn nameless_file(spool: &Path) -> StoreResult<File> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = spool.join(format!("body-{}-{number}", std::process::id()));
    let file = disk::open_private(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

impl FinishedBody {
    /// Its length.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Whether it has octets beyond ASCII.
    pub fn is_eight_bit(&self) -> bool {
        self.eight_bit
    }

    /// Its SHA-256.
    pub fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// The octets from `start` on, at most `max_octets` of them; empty at the end.
    pub fn read_at(&self, start: u64, max_octets: usize) -> StoreResult<Vec<u8>> {
        let left = usize::try_from(self.octets.saturating_sub(start)).unwrap_or(usize::MAX);
        let mut piece = vec![0; left.min(max_octets)];
        match &*self.data {
            Data::Memory(octets) => {
                let start = usize::try_from(start)
                    .unwrap_or(usize::MAX)
                    .min(octets.len());
                let end = start + piece.len();
                piece.copy_from_slice(&octets[start..end]);
            }
            Data::File(file) => file.read_exact_at(&mut piece, start)?,
        }
        Ok(piece)
    }

    /// All octets.
    pub fn read_all(&self) -> StoreResult<Vec<u8>> {
        self.read_at(0, usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::sha256;

    #[test]
    fn a_body_reads_back_the_same_in_memory_and_in_a_file() {
        let spool = tempfile::tempdir().unwrap();
        let limit = BODY_IN_MEMORY_MAX_OCTETS;
        for (octets, in_file) in [(0, false), (limit, false), (limit + 1, true)] {
            let whole: Vec<u8> = (0..=250).cycle().take(octets).collect();
            let mut body = Body::new(spool.path(), 1 << 30);
            whole
                .chunks(65_000)
                .for_each(|piece| body.write(piece).unwrap());
            let body = body.finish();
            assert_eq!(matches!(*body.data, Data::File(_)), in_file);
            assert_eq!(body.sha256(), sha256(&whole));
            assert_eq!(body.is_eight_bit(), octets > 128);
            assert_eq!(body.read_all().unwrap(), whole);
            assert_eq!(body.read_at(octets as u64, 9).unwrap(), b"");
        }
        assert_eq!(fs::read_dir(spool.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_body_over_its_limit_is_refused() {
        let spool = tempfile::tempdir().unwrap();
        let mut body = Body::new(spool.path(), 5);
        body.write(b"12345").unwrap();
        let refusal = body.write(b"6");
        assert!(matches!(
            refusal,
            Err(StoreError::TooLarge { max_octets: 5 })
        ));
    }
}
