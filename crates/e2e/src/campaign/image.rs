//! A disk that forgets: files as writes and syncs made them, and what of them is left when the
//! power goes.
//!
//! What was synced is there. Of the rest each write is there or not, whole or in some of its
//! sectors; of the names that were made, changed and removed in a folder since the folder was
//! synced, the first ones hold. This is what POSIX promises, and less than what any file system does.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::dice::Dice;
use super::strace::{Call, Event};

/// What a disk writes as a whole.
const SECTOR_OCTETS: usize = 512;
/// Of a hundred writes that are kept, so many are torn.
const TORN_PERCENT: u64 = 15;
/// How many of a hundred unsynced writes are kept; thrown for each image.
const KEPT_PERCENT: [u64; 4] = [0, 50, 90, 100];

/// Files that are made anew at every start, so nothing depends on them. The reserve is large.
fn is_fleeting(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    name.ends_with("-shm") || ["reserve", "lock", "control.sock"].contains(&name)
}

/// A change of a file's content that is not synced.
#[derive(Clone, Debug)]
enum Change {
    Write { at: u64, octets: Vec<u8> },
    SetLength(u64),
    Punch { from: u64, octets: u64 },
}

#[derive(Clone, Debug, Default)]
struct Inode {
    synced: Vec<u8>,
    /// With the place in the record at which each was complete.
    pending: Vec<(usize, Change)>,
}

/// A change of the names in a folder that is not synced.
#[derive(Clone, Debug)]
enum Naming {
    Make(PathBuf, usize),
    Folder(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// Names and what they stand for; folders stand for themselves.
#[derive(Clone, Debug, Default)]
struct Names {
    files: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
}

impl Names {
    fn apply(&mut self, naming: &Naming) {
        match naming {
            Naming::Make(path, inode) => {
                self.files.insert(path.clone(), *inode);
            }
            Naming::Folder(path) => {
                self.folders.insert(path.clone());
            }
            Naming::Rename(from, to) => {
                if let Some(inode) = self.files.remove(from) {
                    self.files.insert(to.clone(), inode);
                }
            }
            Naming::Remove(path) => {
                self.files.remove(path);
                self.folders.remove(path);
            }
        }
    }
}

/// The disk at a moment of the record.
pub(crate) struct Disk {
    inodes: Vec<Inode>,
    now: Names,
    synced: Names,
    pending: BTreeMap<PathBuf, Vec<(usize, Naming)>>,
    positions: HashMap<i32, u64>,
}

impl Disk {
    /// The disk as these folders are; all of it counts as synced.
    pub(crate) fn of(folders: &[PathBuf]) -> anyhow::Result<Self> {
        let mut disk = Self {
            inodes: Vec::new(),
            now: Names::default(),
            synced: Names::default(),
            pending: BTreeMap::new(),
            positions: HashMap::new(),
        };
        folders.iter().try_for_each(|folder| disk.take_in(folder))?;
        disk.synced = disk.now.clone();
        Ok(disk)
    }

    fn take_in(&mut self, folder: &Path) -> anyhow::Result<()> {
        self.now.folders.insert(folder.to_owned());
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.take_in(&path)?;
            } else if !is_fleeting(&path) {
                let synced = fs::read(&path)?;
                self.inodes.push(Inode {
                    synced,
                    pending: Vec::new(),
                });
                self.now.files.insert(path, self.inodes.len() - 1);
            }
        }
        Ok(())
    }

    /// Takes note of the next call of the record.
    pub(crate) fn take(&mut self, event: &Event) {
        match &event.call {
            Call::Open {
                path,
                fd,
                creates,
                truncates,
            } => {
                self.positions.insert(*fd, 0);
                if is_fleeting(path) {
                    return;
                }
                if *creates && !self.now.files.contains_key(path) {
                    self.inodes.push(Inode::default());
                    let made = Naming::Make(path.clone(), self.inodes.len() - 1);
                    self.name(event, path, made);
                } else if *truncates {
                    self.change(event, path, Change::SetLength(0));
                }
            }
            Call::Write {
                path,
                fd,
                at,
                octets,
            } => {
                let position = self.positions.entry(*fd).or_default();
                let at = at.unwrap_or_else(|| {
                    let here = *position;
                    *position += octets.len() as u64;
                    here
                });
                let octets = octets.clone();
                self.change(event, path, Change::Write { at, octets });
            }
            Call::SetLength { path, octets } => {
                self.change(event, path, Change::SetLength(*octets));
            }
            Call::Punch { path, from, octets } => {
                let (from, octets) = (*from, *octets);
                self.change(event, path, Change::Punch { from, octets });
            }
            Call::Sync { path } => self.sync(event, path),
            Call::Rename { from, to } => {
                self.name(event, to, Naming::Rename(from.clone(), to.clone()));
            }
            Call::Unlink { path } | Call::RemoveFolder { path } => {
                self.name(event, path, Naming::Remove(path.clone()));
            }
            Call::MakeFolder { path } => self.name(event, path, Naming::Folder(path.clone())),
        }
    }

    fn name(&mut self, event: &Event, path: &Path, naming: Naming) {
        self.now.apply(&naming);
        let folder = path.parent().unwrap_or(path).to_owned();
        self.pending
            .entry(folder)
            .or_default()
            .push((event.ended, naming));
    }

    fn change(&mut self, event: &Event, path: &Path, change: Change) {
        if let Some(inode) = self.now.files.get(path) {
            self.inodes[*inode].pending.push((event.ended, change));
        }
    }

    /// A sync makes durable what was complete before it began.
    fn sync(&mut self, event: &Event, path: &Path) {
        if let Some(inode) = self.now.files.get(path) {
            let inode = &mut self.inodes[*inode];
            let split = inode
                .pending
                .partition_point(|(ended, _)| *ended < event.begun);
            for (_, change) in inode.pending.drain(..split) {
                apply(&mut inode.synced, &change);
            }
        }
        if let Some(pending) = self.pending.get_mut(path) {
            let split = pending.partition_point(|(ended, _)| *ended < event.begun);
            for (_, naming) in pending.drain(..split) {
                self.synced.apply(&naming);
            }
        }
    }

    /// Writes what is left of the folders if the power goes now.
    pub(crate) fn cut(&self, dice: &mut Dice, folders: &[PathBuf]) -> anyhow::Result<()> {
        let percent = KEPT_PERCENT[dice.place(KEPT_PERCENT.len())];
        let mut names = self.synced.clone();
        for pending in self.pending.values() {
            let held = match percent {
                0 => 0,
                100 => pending.len(),
                _ => dice.place(pending.len() + 1),
            };
            pending[..held]
                .iter()
                .for_each(|(_, naming)| names.apply(naming));
        }
        for folder in folders {
            fs::remove_dir_all(folder)?;
        }
        for folder in &names.folders {
            if folder.parent().is_some_and(Path::is_dir) {
                make_private(folder)?;
            }
        }
        for (path, inode) in &names.files {
            // A file whose folder was lost is lost with it.
            if !path.parent().is_some_and(Path::is_dir) {
                continue;
            }
            let octets = self.inodes[*inode].left(dice, percent);
            fs::write(path, octets).with_context(|| path.display().to_string())?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
        Ok(())
    }
}

fn make_private(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir(folder).with_context(|| folder.display().to_string())?;
    Ok(fs::set_permissions(
        folder,
        fs::Permissions::from_mode(0o700),
    )?)
}

impl Inode {
    /// The content that is left if the power goes now.
    fn left(&self, dice: &mut Dice, percent: u64) -> Vec<u8> {
        let mut left = self.synced.clone();
        for (_, change) in &self.pending {
            if !dice.chance(percent) {
                continue;
            }
            match change {
                Change::Write { at, octets } if percent < 100 && dice.chance(TORN_PERCENT) => {
                    torn(&mut left, *at, octets, dice);
                }
                change => apply(&mut left, change),
            }
        }
        left
    }
}

/// Writes some of the sectors that a write touches.
fn torn(content: &mut Vec<u8>, at: u64, octets: &[u8], dice: &mut Dice) {
    let mut from = 0;
    while from < octets.len() {
        let here = usize::try_from(at).unwrap_or(0) + from;
        let to = octets
            .len()
            .min(from + SECTOR_OCTETS - here % SECTOR_OCTETS);
        if dice.chance(50) {
            let octets = octets[from..to].to_vec();
            apply(
                content,
                &Change::Write {
                    at: here as u64,
                    octets,
                },
            );
        }
        from = to;
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    match change {
        Change::Write { at, octets } => {
            let (from, to) = (place(*at), place(*at) + octets.len());
            if content.len() < to {
                content.resize(to, 0);
            }
            content[from..to].copy_from_slice(octets);
        }
        Change::SetLength(octets) => content.resize(place(*octets), 0),
        Change::Punch { from, octets } => {
            let from = place(*from).min(content.len());
            let to = place(from as u64 + octets).min(content.len());
            content[from..to].fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    struct World {
        folder: tempfile::TempDir,
        disk: Disk,
        number: usize,
    }

    impl World {
        /// A folder `d` with a file `old`.
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let d = folder.path().join("d");
            fs::create_dir(&d).unwrap();
            fs::write(d.join("old"), "old").unwrap();
            let disk = Disk::of(&[d]).unwrap();
            Self {
                folder,
                disk,
                number: 0,
            }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join("d").join(name)
        }

        fn take(&mut self, call: Call) {
            let (begun, at) = (self.number, SystemTime::UNIX_EPOCH);
            self.number += 1;
            self.disk.take(&Event {
                begun,
                ended: begun,
                at,
                call,
            });
        }

        fn write(&mut self, name: &str, at: u64, octets: &[u8]) {
            let (path, octets) = (self.path(name), octets.to_vec());
            self.take(Call::Write {
                path,
                fd: 5,
                at: Some(at),
                octets,
            });
        }

        /// The contents of a file that images showed.
        fn images(&self, name: &str) -> BTreeSet<Option<Vec<u8>>> {
            let folders = [self.folder.path().join("d")];
            let image = |seed| {
                self.disk.cut(&mut Dice::new(seed), &folders).unwrap();
                fs::read(self.path(name)).ok()
            };
            (0..60).map(image).collect()
        }
    }

    #[test]
    fn what_was_synced_is_in_every_image_and_the_rest_may_be() {
        let mut world = World::new();
        world.write("old", 0, b"new");
        assert_eq!(world.images("old").len(), 2);
        let path = world.path("old");
        world.take(Call::Sync { path });
        assert_eq!(world.images("old"), [Some(b"new".to_vec())].into());
        world.write("old", 3, &[b'x'; 2_000]);
        assert!(world.images("old").len() > 3, "no write was ever torn");
        assert!(
            world
                .images("old")
                .iter()
                .flatten()
                .all(|content| content.starts_with(b"new"))
        );
    }

    #[test]
    fn a_name_holds_once_its_folder_was_synced() {
        let mut world = World::new();
        let (made, folder) = (world.path("made"), world.path(""));
        let open = |path: &Path| Call::Open {
            path: path.to_owned(),
            fd: 5,
            creates: true,
            truncates: false,
        };
        world.take(open(&made));
        world.write("made", 0, b"1");
        world.take(Call::Sync { path: made.clone() });
        assert_eq!(world.images("made"), [None, Some(b"1".to_vec())].into());
        let folder: PathBuf = folder.components().collect();
        world.take(Call::Sync {
            path: folder.clone(),
        });
        assert_eq!(world.images("made"), [Some(b"1".to_vec())].into());
        world.take(Call::Rename {
            from: made,
            to: world.path("old"),
        });
        let both = [Some(b"1".to_vec()), Some(b"old".to_vec())].into();
        assert_eq!(world.images("old"), both);
        world.take(Call::Sync { path: folder });
        assert_eq!(world.images("old"), [Some(b"1".to_vec())].into());
        assert_eq!(world.images("made"), [None].into());
    }

    #[test]
    fn a_sync_covers_only_what_was_complete_when_it_began() {
        let mut world = World::new();
        world.number = 5;
        world.write("old", 0, b"new");
        let call = Call::Sync {
            path: world.path("old"),
        };
        let at = SystemTime::UNIX_EPOCH;
        world.disk.take(&Event {
            begun: 4,
            ended: 6,
            at,
            call,
        });
        assert_eq!(world.images("old").len(), 2);
    }
}
