//! The log as files: hash tiles of height 8 and entry bundles (C2SP tlog-tiles).
//!
//! A tile of level L holds up to 256 hashes of subtrees with 256^L leaves; a bundle holds the up
//! to 256 entries below a tile of level 0, each behind its length in two octets. A file's content
//! follows from the entries alone, and a narrower file is the beginning of a wider one, so writing
//! again what is there already is harmless. No file is ever changed, only added.

use std::io;

use types::Sha256;

use crate::canonical::ENTRY_MAX_OCTETS;
use crate::tree::{Nodes, Tree, TreeError, leaf_hash, node_hash};

/// Name of the file that holds the newest signed checkpoint.
pub const CHECKPOINT_FILE: &str = "checkpoint";
/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: usize = 256;
/// Levels of the tree that one tile spans.
const TILE_HEIGHT: u32 = 8;
/// Octets of a hash.
const HASH_OCTETS: usize = 32;
/// Octets of the length in front of an entry.
const LENGTH_OCTETS: usize = 2;
/// Octets of the largest tile file: a full bundle of the largest entries.
pub const FILE_MAX_OCTETS: usize = TILE_WIDTH * (LENGTH_OCTETS + ENTRY_MAX_OCTETS);

/// Why tiles cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TileError {
    /// An entry above [`ENTRY_MAX_OCTETS`].
    #[error("an entry of {0} octets does not fit in a bundle")]
    EntryTooLong(usize),
    /// A file is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// A file is not of the form that its name says.
    #[error("{0} is malformed")]
    Malformed(String),
    /// A file cannot be read.
    #[error("{path}: {cause}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        cause: io::Error,
    },
}

/// Where tile files are read from.
pub trait TileReader {
    /// The content of a file by its path below the log's folder, `None` if there is none.
    ///
    /// An implementation refuses a file of more than `octets_max` octets before it reads it.
    fn read(&self, path: &str, octets_max: usize) -> io::Result<Option<Vec<u8>>>;
}

/// What a tile file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes of subtrees with 256^level leaves.
    Hashes {
        /// The level of the tile, 0 above the entries.
        level: u32,
    },
    /// Entries.
    Entries,
}

/// The name of a tile file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// What it holds.
    pub kind: TileKind,
    /// Number of the tile within its level.
    pub index: u64,
    /// Hashes or entries in it: 1 to [`TILE_WIDTH`].
    pub width: usize,
}

impl TileId {
    /// The widest tile of this kind and number in a log of `size` entries; `None` if it is empty.
    pub fn within(kind: TileKind, index: u64, size: u64) -> Option<Self> {
        let items = size.checked_shr(kind.levels_below()).unwrap_or(0);
        let before = index.checked_mul(TILE_WIDTH as u64)?;
        let width = usize::try_from(items.checked_sub(before)?).unwrap_or(TILE_WIDTH);
        let width = width.min(TILE_WIDTH);
        (width > 0).then_some(Self { kind, index, width })
    }

    /// The path below the log's folder, such as `tile/0/x001/234.p/17`.
    pub fn path(&self) -> String {
        let kind = match self.kind {
            TileKind::Hashes { level } => level.to_string(),
            TileKind::Entries => "entries".to_owned(),
        };
        let mut number = format!("{:03}", self.index % 1_000);
        let mut rest = self.index / 1_000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1_000);
            rest /= 1_000;
        }
        if self.width < TILE_WIDTH {
            format!("tile/{kind}/{number}.p/{}", self.width)
        } else {
            format!("tile/{kind}/{number}")
        }
    }

    /// Whether a log of `before` entries did not have this file.
    fn grew_since(&self, before: u64) -> bool {
        Self::within(self.kind, self.index, before) != Some(*self)
    }

    /// The first entry that the item `position` of this tile stands for.
    pub(crate) fn first_seq(&self, position: usize) -> u64 {
        let item = self.index * TILE_WIDTH as u64 + position as u64;
        item << (self.kind.levels_below())
    }

    /// Entries below one item of this tile.
    pub(crate) fn item_entries(&self) -> u64 {
        1_u64
            .checked_shl(self.kind.levels_below())
            .unwrap_or(u64::MAX)
    }

    /// Whether a file with so many items is this tile, or a full one that begins with it.
    fn is_served_by(&self, items: usize) -> bool {
        items == self.width || (items == TILE_WIDTH && self.width < TILE_WIDTH)
    }

    /// The octets of this tile; a wider file serves too, since it begins with them.
    fn read(&self, reader: &dyn TileReader) -> Result<Vec<u8>, TileError> {
        let full = Self {
            width: TILE_WIDTH,
            ..*self
        };
        for path in [self.path(), full.path()] {
            match reader.read(&path, FILE_MAX_OCTETS) {
                Ok(None) => {}
                Ok(Some(octets)) if octets.len() <= FILE_MAX_OCTETS => return Ok(octets),
                Ok(Some(_)) => return Err(TileError::Malformed(path)),
                Err(cause) => return Err(TileError::Unreadable { path, cause }),
            }
        }
        Err(TileError::Missing(self.path()))
    }
}

impl TileKind {
    /// Levels of the tree below the items of such a tile.
    fn levels_below(self) -> u32 {
        match self {
            Self::Hashes { level } => level.saturating_mul(TILE_HEIGHT),
            Self::Entries => 0,
        }
    }
}

/// A tile file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileFile {
    /// Its name.
    pub id: TileId,
    /// Its content.
    pub octets: Vec<u8>,
}

impl TileFile {
    /// A tile of hashes; `id` says how many.
    pub fn of_hashes(id: TileId, hashes: &[Sha256]) -> Self {
        let octets = hashes.iter().flat_map(|hash| hash.0).collect();
        Self { id, octets }
    }
}

/// Every file of a log of `size` entries, each in its widest form: bundles, then tiles by level.
pub fn files_within(size: u64) -> impl Iterator<Item = TileId> {
    let levels = (0..u64::BITS / TILE_HEIGHT).map(|level| TileKind::Hashes { level });
    std::iter::once(TileKind::Entries)
        .chain(levels)
        .flat_map(move |kind| (0..).map_while(move |index| TileId::within(kind, index, size)))
}

/// Reads a file in the form that its name says: of a wider one, the beginning.
pub fn read_file(reader: &dyn TileReader, id: TileId) -> Result<TileFile, TileError> {
    match id.kind {
        TileKind::Hashes { .. } => Ok(TileFile::of_hashes(id, &read_hashes(reader, id)?)),
        TileKind::Entries => {
            let mut octets = Vec::new();
            for entry in read_entries(reader, id)? {
                push_to_bundle(&mut octets, &entry)?;
            }
            Ok(TileFile { id, octets })
        }
    }
}

/// Reads the hashes of a tile.
pub fn read_hashes(reader: &dyn TileReader, id: TileId) -> Result<Vec<Sha256>, TileError> {
    split_hashes(&id.read(reader)?, id).ok_or_else(|| TileError::Malformed(id.path()))
}

/// Reads the entries of a bundle.
pub fn read_entries(reader: &dyn TileReader, id: TileId) -> Result<Vec<Vec<u8>>, TileError> {
    split_entries(&id.read(reader)?, id).ok_or_else(|| TileError::Malformed(id.path()))
}

/// The first item for which the file `stored` does not begin with `expected`; `None` if it does.
/// `stored` is of the same kind and number and at least as wide.
pub(crate) fn first_difference(
    reader: &dyn TileReader,
    expected: &TileFile,
    stored: TileId,
) -> Result<Option<usize>, TileError> {
    fn position<T: PartialEq>(expected: &[T], stored: &[T]) -> Option<usize> {
        let same = expected
            .iter()
            .zip(stored)
            .take_while(|(a, b)| a == b)
            .count();
        (same < expected.len()).then_some(same)
    }
    let octets = stored.read(reader)?;
    if expected.id.width == stored.width && octets == expected.octets {
        return Ok(None);
    }
    let malformed = || TileError::Malformed(stored.path());
    match stored.kind {
        TileKind::Hashes { .. } => {
            let found = split_hashes(&octets, stored).ok_or_else(malformed)?;
            let wanted = split_hashes(&expected.octets, expected.id).ok_or_else(malformed)?;
            Ok(position(&wanted, &found))
        }
        TileKind::Entries => {
            let found = split_entries(&octets, stored).ok_or_else(malformed)?;
            let wanted = split_entries(&expected.octets, expected.id).ok_or_else(malformed)?;
            Ok(position(&wanted, &found))
        }
    }
}

/// Takes a tile apart; `None` unless it is of its width, or full and begins with it.
fn split_hashes(octets: &[u8], id: TileId) -> Option<Vec<Sha256>> {
    let (hashes, rest) = octets.as_chunks::<HASH_OCTETS>();
    let hashes = hashes
        .get(..id.width)
        .filter(|_| id.is_served_by(hashes.len()))?;
    rest.is_empty()
        .then(|| hashes.iter().copied().map(Sha256).collect())
}

/// Takes a bundle apart; `None` unless it is of its width, or full and begins with it.
fn split_entries(octets: &[u8], id: TileId) -> Option<Vec<Vec<u8>>> {
    let mut entries = split_bundle(octets).filter(|entries| id.is_served_by(entries.len()))?;
    entries.truncate(id.width);
    Some(entries)
}

/// Takes a bundle apart; `None` unless its lengths fill it exactly.
fn split_bundle(octets: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut entries = Vec::new();
    let mut rest = octets;
    while let Some((length, behind)) = rest.split_first_chunk::<LENGTH_OCTETS>() {
        let length = usize::from(u16::from_be_bytes(*length));
        if length > ENTRY_MAX_OCTETS || entries.len() == TILE_WIDTH {
            return None;
        }
        let (entry, behind) = behind.split_at_checked(length)?;
        entries.push(entry.to_vec());
        rest = behind;
    }
    rest.is_empty().then_some(entries)
}

/// The growing right edge of a tree: everything that its next hash tiles need.
///
/// By itself it serves a log whose entries are kept elsewhere; [`TileWriter`] adds the bundles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HashTiles {
    size: u64,
    /// For each level the hashes of its unfinished tile.
    levels: Vec<Vec<Sha256>>,
}

impl HashTiles {
    /// The edge of a tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of a tree of `size` leaves, from its files. The caller compares the root of
    /// [`Self::tree`] with a checkpoint before it relies on them.
    pub fn resume(size: u64, reader: &dyn TileReader) -> Result<Self, TileError> {
        Self::with_levels(size, |id| read_hashes(reader, id))
    }

    /// The edge that [`Self::edge`] gave; `None` if there are too few or too many hashes.
    pub fn from_edge(size: u64, edge: &[Sha256]) -> Option<Self> {
        let mut rest = edge;
        let levels = Self::with_levels(size, |id| {
            let (hashes, behind) = rest.split_at_checked(id.width).ok_or(())?;
            rest = behind;
            Ok::<_, ()>(hashes.to_vec())
        });
        levels.ok().filter(|_| rest.is_empty())
    }

    fn with_levels<E>(
        size: u64,
        mut hashes_of: impl FnMut(TileId) -> Result<Vec<Sha256>, E>,
    ) -> Result<Self, E> {
        let (mut tiles, mut levels) = (size, Vec::new());
        for level in 0.. {
            if tiles == 0 {
                break;
            }
            tiles >>= TILE_HEIGHT;
            let edge = TileId::within(TileKind::Hashes { level }, tiles, size);
            levels.push(edge.map_or(Ok(Vec::new()), &mut hashes_of)?);
        }
        Ok(Self { size, levels })
    }

    /// The hashes of the unfinished tiles, lowest level first: with the size, all that is needed
    /// to go on.
    pub fn edge(&self) -> Vec<Sha256> {
        self.levels.concat()
    }

    /// Leaves of the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The tree.
    pub fn tree(&self) -> Tree {
        Tree::from_edge(self.size, &self.levels)
    }

    /// Appends leaf hashes and gives the files that came into being, in the order to write them.
    pub fn append(&mut self, leaves: &[Sha256]) -> Vec<TileFile> {
        let before = self.size;
        let mut files = Vec::new();
        leaves.iter().for_each(|leaf| self.push(*leaf, &mut files));
        let unfinished = self.unfinished().into_iter();
        files.extend(unfinished.filter(|file| file.id.grew_since(before)));
        files
    }

    /// The files that later leaves will replace by wider ones.
    pub fn unfinished(&self) -> Vec<TileFile> {
        let mut files = Vec::new();
        let mut tiles = self.size;
        for (level, hashes) in (0..).zip(&self.levels) {
            tiles >>= TILE_HEIGHT;
            let id = TileId::within(TileKind::Hashes { level }, tiles, self.size);
            files.extend(id.map(|id| TileFile::of_hashes(id, hashes)));
        }
        files
    }

    /// The hashes of a tile that is not finished yet; they need no file.
    pub fn unfinished_hashes(&self, level: u32, index: u64) -> Option<&[Sha256]> {
        let id = TileId::within(TileKind::Hashes { level }, index, self.size)?;
        let hashes = self.levels.get(usize::try_from(level).ok()?)?;
        (id.width < TILE_WIDTH).then_some(hashes.as_slice())
    }

    /// Appends one leaf hash; tiles that it fills are added to `full`.
    fn push(&mut self, leaf: Sha256, full: &mut Vec<TileFile>) {
        self.size += 1;
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(TILE_WIDTH));
            }
            let tile = &mut self.levels[level];
            tile.push(hash);
            if tile.len() < TILE_WIDTH {
                break;
            }
            hash = perfect_root(tile);
            let level = u32::try_from(level).unwrap_or(u32::MAX);
            let number = (self.size - 1)
                .checked_shr((level + 1) * TILE_HEIGHT)
                .unwrap_or(0);
            let id = TileId {
                kind: TileKind::Hashes { level },
                index: number,
                width: TILE_WIDTH,
            };
            full.push(TileFile::of_hashes(id, tile));
            tile.clear();
        }
    }
}

/// The growing right edge of a log: everything that the next tile files need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TileWriter {
    hashes: HashTiles,
    /// The unfinished bundle.
    bundle: Vec<u8>,
}

impl TileWriter {
    /// The edge of a log without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of a log of `size` entries, from its files. The caller compares the root of
    /// [`Self::tree`] with a checkpoint before it relies on them.
    pub fn resume(size: u64, reader: &dyn TileReader) -> Result<Self, TileError> {
        let mut writer = Self {
            hashes: HashTiles::resume(size, reader)?,
            bundle: Vec::new(),
        };
        let index = size / TILE_WIDTH as u64;
        if let Some(id) = TileId::within(TileKind::Entries, index, size) {
            for entry in read_entries(reader, id)? {
                push_to_bundle(&mut writer.bundle, &entry)?;
            }
        }
        Ok(writer)
    }

    /// Entries of the log.
    pub fn size(&self) -> u64 {
        self.hashes.size
    }

    /// The tree of the log.
    pub fn tree(&self) -> Tree {
        self.hashes.tree()
    }

    /// Appends entries and gives the files that came into being, in the order to write them.
    /// After an error nothing has been appended.
    pub fn append(&mut self, entries: &[&[u8]]) -> Result<Vec<TileFile>, TileError> {
        if let Some(long) = entries.iter().find(|entry| entry.len() > ENTRY_MAX_OCTETS) {
            return Err(TileError::EntryTooLong(long.len()));
        }
        let before = self.size();
        let mut files = Vec::new();
        for entry in entries {
            self.push(entry, leaf_hash(entry), &mut files)?;
        }
        let unfinished = self.unfinished().into_iter();
        files.extend(unfinished.filter(|file| file.id.grew_since(before)));
        Ok(files)
    }

    /// Appends one entry with its leaf hash; files that it fills are added to `full`.
    pub(crate) fn push(
        &mut self,
        entry: &[u8],
        leaf: Sha256,
        full: &mut Vec<TileFile>,
    ) -> Result<(), TileError> {
        push_to_bundle(&mut self.bundle, entry)?;
        let index = self.size() / TILE_WIDTH as u64;
        if (self.size() + 1).is_multiple_of(TILE_WIDTH as u64) {
            let id = TileId {
                kind: TileKind::Entries,
                index,
                width: TILE_WIDTH,
            };
            let octets = std::mem::take(&mut self.bundle);
            full.push(TileFile { id, octets });
        }
        self.hashes.push(leaf, full);
        Ok(())
    }

    /// The files that later entries will replace by wider ones.
    pub(crate) fn unfinished(&self) -> Vec<TileFile> {
        let (size, index) = (self.size(), self.size() / TILE_WIDTH as u64);
        let bundle = TileId::within(TileKind::Entries, index, size).map(|id| TileFile {
            id,
            octets: self.bundle.clone(),
        });
        bundle.into_iter().chain(self.hashes.unfinished()).collect()
    }
}

/// Adds an entry behind its length.
fn push_to_bundle(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), TileError> {
    let too_long = |_| TileError::EntryTooLong(entry.len());
    let length = u16::try_from(entry.len()).map_err(too_long)?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// Hashes for proofs, read from the tile files of a log of `size` entries.
pub struct TileNodes<'a> {
    reader: &'a dyn TileReader,
    size: u64,
}

impl<'a> TileNodes<'a> {
    /// Reads from the files of a log of at least `size` entries.
    pub fn new(reader: &'a dyn TileReader, size: u64) -> Self {
        Self { reader, size }
    }
}

impl Nodes for TileNodes<'_> {
    fn node(&self, level: u32, index: u64) -> Result<Sha256, TreeError> {
        let wrong = |cause: String| TreeError::Node {
            level,
            index,
            cause,
        };
        let (tile_level, height) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let kind = TileKind::Hashes { level: tile_level };
        let tiles_wide = TILE_WIDTH as u64 >> height;
        let id = TileId::within(kind, index / tiles_wide, self.size)
            .ok_or_else(|| wrong("beyond the end of the log".to_owned()))?;
        let hashes = read_hashes(self.reader, id).map_err(|err| wrong(err.to_string()))?;
        let first = usize::try_from(index % tiles_wide).unwrap_or(TILE_WIDTH) << height;
        hashes
            .get(first..first + (1 << height))
            .map(perfect_root)
            .ok_or_else(|| wrong("beyond the end of the log".to_owned()))
    }
}

/// The root over the hashes of a full tile, which is one hash of the tile above it.
pub fn tile_root(hashes: &[Sha256; TILE_WIDTH]) -> Sha256 {
    perfect_root(hashes)
}

/// The root over a power of two of hashes.
fn perfect_root(hashes: &[Sha256]) -> Sha256 {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row
            .chunks_exact(2)
            .map(|pair| node_hash(&pair[0], &pair[1]))
            .collect();
    }
    row[0]
}
