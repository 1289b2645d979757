//! Packs: bodies one behind the other in append-only segments, `pack/000001` and so on.
//!
//! A segment begins with [`MAGIC`]; a record is a header (mark, length, SHA-256) and the octets.
//! Records reach the disk, synced, before the row that names them is committed. What a crash leaves
//! at the end of a segment is named by no row; it is left alone and a new segment is begun, so no
//! octet that was once written is ever written over, except by a transaction that was rolled back.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use types::Sha256;

use crate::body::FinishedBody;
use crate::disk::{self, lock};
use crate::error::{StoreError, StoreResult};
use crate::mac::{Hasher, sha256};

/// The first octets of a segment; the last one is the version of the format.
const MAGIC: [u8; 8] = *b"SEALPK\0\x01";
/// The first octets of a record.
const RECORD_MARK: [u8; 4] = *b"body";
const RECORD_HEADER_OCTETS: usize = 4 + 8 + 32;
/// A segment that has reached this length is sealed.
const SEGMENT_MAX_OCTETS: u64 = 128 * 1024 * 1024;
/// Records are gathered in memory up to this length before they are written.
const BUFFER_MAX_OCTETS: usize = 4 * 1024 * 1024;
/// Large bodies are copied in pieces of this length.
const COPY_OCTETS: usize = 1024 * 1024;
/// How long a body that was found whole is read without being hashed again.
const FOUND_WHOLE_FOR: Duration = Duration::from_secs(60);
/// Bodies of which that is remembered.
const FOUND_WHOLE_MAX: usize = 4_096;
/// Segments that are kept open for reading.
const OPEN_SEGMENTS_MAX: usize = 128;

/// Where a body lies and what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u32,
    pub(crate) start: u64,
    pub(crate) octets: u64,
    pub(crate) sha256: Sha256,
}

impl Place {
    fn header(&self) -> [u8; RECORD_HEADER_OCTETS] {
        let mut header = [0; RECORD_HEADER_OCTETS];
        header[..4].copy_from_slice(&RECORD_MARK);
        header[4..12].copy_from_slice(&self.octets.to_be_bytes());
        header[12..].copy_from_slice(&self.sha256.0);
        header
    }

    fn body_start(&self) -> u64 {
        self.start + RECORD_HEADER_OCTETS as u64
    }

    /// Where the record behind this one begins.
    pub(crate) fn end(&self) -> u64 {
        self.body_start() + self.octets
    }

    fn damaged(&self, what: &str) -> StoreError {
        StoreError::Damaged(format!(
            "pack {:06} at {}: {what}",
            self.segment, self.start
        ))
    }
}

fn segment_path(dir: &Path, segment: u32) -> PathBuf {
    dir.join(format!("{segment:06}"))
}

/// The numbers of the segments in the folder, smallest first.
pub(crate) fn segments(dir: &Path) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        if let Some(number) = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        {
            found.push(number);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Appends bodies; owned by the writer thread.
pub(crate) struct PackWriter {
    dir: PathBuf,
    segment: u32,
    file: File,
    /// Where the buffer will be written.
    written: u64,
    buffer: Vec<u8>,
    unsynced: bool,
    #[cfg(test)]
    pub(crate) fail_next_sync: bool,
}

/// A point to which the writer can go back while nothing behind it was committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    segment: u32,
    end: u64,
}

impl PackWriter {
    /// Continues the last segment if it ends exactly where the rows say (`named_end`), or begins one.
    pub(crate) fn open(
        dir: &Path,
        named_end: impl FnOnce(u32) -> StoreResult<u64>,
    ) -> StoreResult<Self> {
        let last = segments(dir)?.last().copied();
        if let Some(segment) = last {
            let file = disk::open_private(&segment_path(dir, segment))?;
            let end = named_end(segment)?.max(MAGIC.len() as u64);
            let found = file.metadata()?.len();
            if found == end && end < SEGMENT_MAX_OCTETS {
                return Ok(Self::at(dir, segment, file, end));
            }
            if found < end {
                let lost = end - found;
                tracing::error!("pack {segment:06} is cut off: {lost} octets of bodies are lost");
            }
        }
        Self::begin(dir, last.unwrap_or(0) + 1)
    }

    fn begin(dir: &Path, segment: u32) -> StoreResult<Self> {
        let file = disk::open_private(&segment_path(dir, segment))?;
        file.write_all_at(&MAGIC, 0)?;
        file.sync_all()?;
        disk::sync_folder(dir)?;
        Ok(Self::at(dir, segment, file, MAGIC.len() as u64))
    }

    fn at(dir: &Path, segment: u32, file: File, end: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            segment,
            file,
            written: end,
            buffer: Vec::new(),
            unsynced: false,
            #[cfg(test)]
            fail_next_sync: false,
        }
    }

    fn end(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// The segment that may still grow.
    pub(crate) fn current(&self) -> u32 {
        self.segment
    }

    /// Appends a body; it is durable after the next [`Self::sync`].
    pub(crate) fn append(&mut self, body: &FinishedBody) -> StoreResult<Place> {
        if self.end() >= SEGMENT_MAX_OCTETS {
            self.seal()?;
        }
        let place = Place {
            segment: self.segment,
            start: self.end(),
            octets: body.octets(),
            sha256: body.sha256(),
        };
        self.unsynced = true;
        self.buffer.extend_from_slice(&place.header());
        let mut copied = 0;
        while copied < body.octets() {
            let piece = body.read_at(copied, COPY_OCTETS)?;
            copied += piece.len() as u64;
            self.buffer.extend_from_slice(&piece);
            if self.buffer.len() >= BUFFER_MAX_OCTETS {
                self.flush()?;
            }
        }
        Ok(place)
    }

    fn seal(&mut self) -> StoreResult<()> {
        self.sync()?;
        *self = Self::begin(&self.dir, self.segment + 1)?;
        Ok(())
    }

    fn flush(&mut self) -> StoreResult<()> {
        self.file.write_all_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Makes everything appended so far durable. A failure other than a full disk is final:
    /// the kernel may have forgotten which pages were not written.
    pub(crate) fn sync(&mut self) -> StoreResult<()> {
        if !self.unsynced {
            return Ok(());
        }
        self.flush()?;
        #[cfg(test)]
        if self.fail_next_sync {
            return Err(StoreError::Failed("fdatasync of a pack".to_owned()));
        }
        self.file
            .sync_data()
            .map_err(|err| StoreError::Failed(format!("fdatasync of a pack: {err}")))?;
        self.unsynced = false;
        Ok(())
    }

    /// Where the next body will lie.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            segment: self.segment,
            end: self.end(),
        }
    }

    /// Forgets what was appended since `mark`. A segment sealed since then keeps its unnamed octets.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        if mark.segment != self.segment || mark.end > self.end() {
            return;
        }
        if mark.end >= self.written {
            let kept = usize::try_from(mark.end - self.written).unwrap_or(self.buffer.len());
            self.buffer.truncate(kept);
        } else {
            self.buffer.clear();
            self.written = mark.end;
        }
    }
}

/// Reads bodies; shared by all threads.
pub(crate) struct PackReader {
    dir: PathBuf,
    files: Mutex<HashMap<u32, Arc<File>>>,
    /// Bodies that were found whole lately, so that one that is read in pieces is hashed once.
    whole: Mutex<HashMap<(u32, u64), Instant>>,
}

impl PackReader {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            files: Mutex::default(),
            whole: Mutex::default(),
        }
    }

    fn file(&self, segment: u32) -> StoreResult<Arc<File>> {
        let mut files = lock(&self.files);
        if let Some(file) = files.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let file = match File::open(segment_path(&self.dir, segment)) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Damaged(format!("pack {segment:06} is missing")));
            }
            other => Arc::new(other?),
        };
        if files.len() >= OPEN_SEGMENTS_MAX {
            files.clear();
        }
        files.insert(segment, Arc::clone(&file));
        Ok(file)
    }

    /// The whole body, checked against its SHA-256.
    pub(crate) fn read(&self, place: &Place) -> StoreResult<Vec<u8>> {
        let body = self.read_range(place, 0, usize::MAX)?;
        if sha256(&body) != place.sha256 {
            return Err(place.damaged("the body is not the one that was stored"));
        }
        Ok(body)
    }

    /// At most `max_octets` octets of the body from `from` on, of a body that is checked whole
    /// first, unless it was found whole within [`FOUND_WHOLE_FOR`].
    pub(crate) fn read_checked_range(
        &self,
        place: &Place,
        from: u64,
        max_octets: usize,
    ) -> StoreResult<Vec<u8>> {
        if from == 0 && max_octets as u64 >= place.octets {
            return self.read(place);
        }
        let key = (place.segment, place.start);
        let known = lock(&self.whole).get(&key).copied();
        if known.is_none_or(|at| at.elapsed() > FOUND_WHOLE_FOR) {
            self.check(place)?;
            let mut whole = lock(&self.whole);
            if whole.len() >= FOUND_WHOLE_MAX {
                whole.clear();
            }
            whole.insert(key, Instant::now());
        }
        self.read_range(place, from, max_octets)
    }

    /// Checks a body of any length against its SHA-256, piece by piece.
    pub(crate) fn check(&self, place: &Place) -> StoreResult<()> {
        let mut hasher = Hasher::new();
        let mut from = 0;
        loop {
            let piece = self.read_range(place, from, COPY_OCTETS)?;
            if piece.is_empty() {
                break;
            }
            from += piece.len() as u64;
            hasher.update(&piece);
        }
        if hasher.finish() == place.sha256 {
            return Ok(());
        }
        Err(place.damaged("the body is not the one that was stored"))
    }

    /// Octets of a body; checks the header, not the hash.
    fn read_range(&self, place: &Place, from: u64, max_octets: usize) -> StoreResult<Vec<u8>> {
        let file = self.file(place.segment)?;
        let mut header = [0; RECORD_HEADER_OCTETS];
        read_at(&file, &mut header, place.start).map_err(|err| cut(place, err))?;
        if header != place.header() {
            return Err(place.damaged("no such body begins here"));
        }
        let left = usize::try_from(place.octets.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut octets = vec![0; left.min(max_octets)];
        read_at(&file, &mut octets, place.body_start() + from).map_err(|err| cut(place, err))?;
        Ok(octets)
    }

    /// Gives the room of a body that no row needs any more back to the disk. Safe to repeat.
    pub(crate) fn free(&self, place: &Place) -> StoreResult<()> {
        let path = segment_path(&self.dir, place.segment);
        if !path.exists() {
            return Ok(());
        }
        let file = disk::open_private(&path)?;
        disk::punch_hole(&file, place.start, place.end() - place.start)?;
        Ok(())
    }

    /// Removes a sealed segment in which no body is left.
    pub(crate) fn unlink(&self, segment: u32) -> StoreResult<()> {
        lock(&self.files).remove(&segment);
        fs::remove_file(segment_path(&self.dir, segment))?;
        Ok(())
    }
}

fn read_at(file: &File, octets: &mut [u8], start: u64) -> io::Result<()> {
    file.read_exact_at(octets, start)
}

/// A pack that is shorter than its rows say is damaged; other failures are the system's.
fn cut(place: &Place, err: io::Error) -> StoreError {
    if err.kind() == io::ErrorKind::UnexpectedEof {
        return place.damaged("the pack is cut off");
    }
    err.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Body;

    fn body(spool: &Path, octets: &[u8]) -> FinishedBody {
        let mut body = Body::new(spool, 1 << 30);
        body.write(octets).unwrap();
        body.finish()
    }

    #[test]
    fn bodies_are_read_back_whole_and_in_part() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = PackWriter::open(dir.path(), |_| Ok(0)).unwrap();
        let places: Vec<Place> = [&b"one"[..], b"", b"three"]
            .iter()
            .map(|octets| writer.append(&body(dir.path(), octets)).unwrap())
            .collect();
        writer.sync().unwrap();
        let reader = PackReader::new(dir.path());
        assert_eq!(reader.read(&places[0]).unwrap(), b"one");
        assert_eq!(reader.read(&places[1]).unwrap(), b"");
        assert_eq!(reader.read_checked_range(&places[2], 2, 2).unwrap(), b"re");
        assert_eq!(reader.read_checked_range(&places[2], 9, 2).unwrap(), b"");
    }

    #[test]
    fn what_was_rolled_back_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = PackWriter::open(dir.path(), |_| Ok(0)).unwrap();
        let mark = writer.mark();
        let lost = writer.append(&body(dir.path(), b"lost")).unwrap();
        writer.sync().unwrap();
        writer.rewind(mark);
        let kept = writer.append(&body(dir.path(), b"kept")).unwrap();
        writer.sync().unwrap();
        assert_eq!(lost.start, kept.start);
        let reader = PackReader::new(dir.path());
        assert_eq!(reader.read(&kept).unwrap(), b"kept");
        assert!(matches!(reader.read(&lost), Err(StoreError::Damaged(_))));
    }

    #[test]
    fn a_torn_tail_is_left_alone_and_a_new_segment_begun() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = PackWriter::open(dir.path(), |_| Ok(0)).unwrap();
        let place = writer.append(&body(dir.path(), b"kept")).unwrap();
        writer.sync().unwrap();
        drop(writer);
        let path = segment_path(dir.path(), 1);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], b"body\0\0"].concat()).unwrap();
        let torn = PackWriter::open(dir.path(), |_| Ok(place.end())).unwrap();
        assert_eq!(torn.current(), 2);
        assert_eq!(PackReader::new(dir.path()).read(&place).unwrap(), b"kept");
        drop(torn);
        fs::remove_file(segment_path(dir.path(), 2)).unwrap();
        fs::write(&path, whole).unwrap();
        let clean = PackWriter::open(dir.path(), |_| Ok(place.end())).unwrap();
        assert_eq!(clean.current(), 1);
    }

    #[test]
    fn changed_cut_and_freed_bodies_are_never_given_out() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = PackWriter::open(dir.path(), |_| Ok(0)).unwrap();
        let place = writer.append(&body(dir.path(), b"content")).unwrap();
        writer.sync().unwrap();
        let path = segment_path(dir.path(), 1);
        let whole = fs::read(&path).unwrap();
        for position in [8, 13, 20, whole.len() - 1] {
            let mut bad = whole.clone();
            bad[position] ^= 1;
            fs::write(&path, bad).unwrap();
            let reader = PackReader::new(dir.path());
            assert!(reader.read(&place).is_err(), "octet {position}");
            assert!(
                reader.read_checked_range(&place, 2, 2).is_err(),
                "octet {position}"
            );
        }
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(PackReader::new(dir.path()).read(&place).is_err());
        fs::write(&path, &whole).unwrap();
        let reader = PackReader::new(dir.path());
        reader.free(&place).unwrap();
        assert!(reader.read(&place).is_err());
    }
}
