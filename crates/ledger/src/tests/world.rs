//! A log in memory: entries as rows, tile files as a map.

use std::collections::BTreeMap;
use std::io;

use serde_json::json;
use types::{Sha256, SubjectId, Timestamp};

use crate::entry::{Actor, ActorKind, Door, Entry, Outcome, Risk, Scope, Via};
use crate::tiles::{CHECKPOINT_FILE, TileReader, TileWriter};
use crate::tree::{Tree, leaf_hash};
use crate::verify::Source;
use crate::{Checkpoint, Commitment, Origin, SigningKey};

pub(super) const LOG: &str = "mail.example.org/4f1c90aa/config/1";

pub(super) fn key(seed: u8) -> SigningKey {
    key_of(LOG, seed)
}

pub(super) fn key_of(log: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(log.parse().unwrap(), &[seed; 32]).unwrap()
}

/// A small entry; `word` makes it differ from others of the same number.
pub(super) fn entry(log: &str, seq: u64, word: &str) -> Entry {
    let reason = Commitment::new(&[3; 32], word.as_bytes(), SubjectId(9));
    Entry {
        v: 1,
        log: log.parse().unwrap(),
        seq,
        ts: Timestamp(1_795_428_580_123_456),
        mono_us: 81_234_567 + seq,
        boot: "6a1f".to_owned(),
        kind: "setting.set".to_owned(),
        outcome: Outcome::Applied,
        object: None,
        scope: Scope::default(),
        actor: Actor::bare(ActorKind::System),
        via: Via::local(Door::Boot),
        before: None,
        after: Some(json!({"word": word})),
        objects: Vec::new(),
        effects: Vec::new(),
        risk: Risk::none(),
        analyser: 1,
        batch: None,
        cause: None,
        reason: Some(reason),
    }
}

/// Files by path.
#[derive(Clone, Default)]
pub(super) struct Files(pub(super) BTreeMap<String, Vec<u8>>);

impl TileReader for Files {
    fn read(&self, path: &str, octets_max: usize) -> io::Result<Option<Vec<u8>>> {
        let octets = self.0.get(path);
        assert!(octets.is_none_or(|octets| octets.len() <= octets_max));
        Ok(octets.cloned())
    }
}

impl Files {
    pub(super) fn write(&mut self, writer: &mut TileWriter, entries: &[Vec<u8>]) {
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        for file in writer.append(&entries).unwrap() {
            self.0.insert(file.id.path(), file.octets);
        }
    }
}

#[derive(Clone)]
pub(super) struct World {
    pub(super) entries: Vec<Vec<u8>>,
    pub(super) checkpoint: Vec<u8>,
    pub(super) files: Option<Files>,
    /// From this entry on reading fails.
    pub(super) broken_from: Option<u64>,
}

impl World {
    /// A log of `size` entries, signed, with its tile files.
    pub(super) fn new(size: u64) -> Self {
        let entries = (0..size).map(|seq| entry(LOG, seq, "first").to_bytes().unwrap());
        let mut world = Self {
            entries: entries.collect(),
            checkpoint: Vec::new(),
            files: None,
            broken_from: None,
        };
        world.publish(&key(1));
        world
    }

    pub(super) fn without_files(&self) -> Self {
        let files = None;
        Self {
            files,
            ..self.clone()
        }
    }

    /// Writes tile files and checkpoint anew, as the holder of `key` would.
    pub(super) fn publish(&mut self, key: &SigningKey) {
        let mut files = Files::default();
        files.write(&mut TileWriter::new(), &self.entries);
        self.checkpoint = self.checkpoint_at(self.entries.len(), key);
        files
            .0
            .insert(CHECKPOINT_FILE.to_owned(), self.checkpoint.clone());
        self.files = Some(files);
    }

    /// The signed checkpoint that the log had at an earlier size.
    pub(super) fn checkpoint_at(&self, size: usize, key: &SigningKey) -> Vec<u8> {
        let mut tree = Tree::new();
        for entry in &self.entries[..size] {
            tree.append(leaf_hash(entry));
        }
        let checkpoint = Checkpoint::new(key.verifier().name().clone(), tree.size(), tree.root());
        checkpoint.sign(key).unwrap().to_string().into_bytes()
    }

    pub(super) fn root(&self) -> Sha256 {
        let log = LOG.parse::<Origin>().unwrap();
        let checkpoint = Checkpoint::open(&self.checkpoint, key(1).verifier()).unwrap();
        assert_eq!(checkpoint.origin, log);
        checkpoint.root
    }
}

impl Source for World {
    fn entries(&self, from: u64, limit: usize) -> io::Result<Vec<Vec<u8>>> {
        let from = usize::try_from(from).unwrap();
        if self.broken_from.is_some_and(|broken| from as u64 >= broken) {
            return Err(io::Error::other("the disk does not answer"));
        }
        let readable = self.broken_from.map_or(self.entries.len(), |broken| {
            usize::try_from(broken).unwrap().min(self.entries.len())
        });
        let rows = self.entries[..readable].iter().skip(from).take(limit);
        Ok(rows.cloned().collect())
    }

    /// Nothing to read stands for a file that is gone.
    fn checkpoint(&self) -> io::Result<Vec<u8>> {
        let bytes = self.checkpoint.clone();
        let gone = bytes.is_empty();
        (!gone)
            .then_some(bytes)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn tiles(&self) -> Option<&dyn TileReader> {
        self.files.as_ref().map(|files| files as &dyn TileReader)
    }
}
