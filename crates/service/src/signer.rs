//! The signer: it holds the ledger's key and signs nothing but growth of what it signed before.
//!
//! Its state lies in the keys folder, outside the data folder and its backups, so that a data
//! folder cut back to an older signed state is noticed. What it signs is *pending*, durably,
//! together with the entries, until the caller says that the store has them: after a crash those
//! bytes are stored before anything else, and nothing else of that size is ever signed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger::Origin;
use ledger::checkpoint::Checkpoint;
use ledger::note::{SigningKey, VerifierKey};
use ledger::tree::{Tree, leaf_hash};
use net::Random;
use serde::{Deserialize, Serialize};
use types::Sha256;
use zeroize::Zeroizing;

const SEED_OCTETS: usize = 32;
const KEY_FILE: &str = "ledger-key";
const STATE_FILE: &str = "signer-state";
const STATE_VERSION: u32 = 1;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// A file of the signer cannot be read or written.
    #[error("signer: cannot {action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the signer is not what the signer wrote.
    #[error("signer: {path} is damaged; restore the keys folder from its own backup")]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// There is a key already; it is never overwritten.
    #[error("signer: {path} exists already; another installation uses this folder")]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// The tree that the caller has is not the one that was signed last.
    #[error("signer: last signed {signed} entries, asked to go on from another tree of {asked}")]
    NotGrowth {
        /// Entries under the last signature.
        signed: u64,
        /// Entries of the caller's tree.
        asked: u64,
    },
    /// What was signed before is not stored yet.
    #[error("signer: {0} entries are signed and not stored yet")]
    Pending(u64),
}

/// What the signer has signed: what a database must hold.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    /// Entries under the checkpoint last confirmed.
    pub size: u64,
    /// The root over them.
    pub root: Sha256,
    /// That checkpoint as a note; `None` before the first.
    pub note: Option<String>,
    /// What was signed on top of it; the store may have it, or not yet.
    pub pending: Option<SignedGrowth>,
}

impl Signed {
    /// Entries under the newest signature.
    pub(crate) fn to(&self) -> u64 {
        self.pending.as_ref().map_or(self.size, SignedGrowth::to)
    }

    /// The newest signed note.
    pub(crate) fn newest_note(&self) -> Option<&str> {
        let pending = self.pending.as_ref();
        pending.map_or(self.note.as_deref(), |growth| Some(&growth.checkpoint))
    }
}

/// Entries with the signed checkpoint that covers them; to be stored as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedGrowth {
    /// Size of the log before.
    pub from: u64,
    /// The entries in order.
    pub entries: Vec<Vec<u8>>,
    /// The signed note.
    pub checkpoint: String,
}

impl SignedGrowth {
    /// Size of the log after.
    pub(crate) fn to(&self) -> u64 {
        self.from + self.entries.len() as u64
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    v: u32,
    /// The note last confirmed; absent before the first.
    checkpoint: Option<String>,
    pending: Option<PendingFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PendingFile {
    from: u64,
    entries: Vec<String>,
    checkpoint: String,
}

/// Signs checkpoints of one log.
pub(crate) struct Signer {
    dir: PathBuf,
    key: SigningKey,
    confirmed: Option<String>,
    pending: Option<SignedGrowth>,
}

impl Signer {
    /// Makes a key for the log `origin`; refuses a folder that has one.
    pub(crate) fn create(
        dir: &Path,
        origin: &Origin,
        random: &Random,
    ) -> Result<Self, SignerError> {
        let path = dir.join(KEY_FILE);
        if path.exists() {
            return Err(SignerError::Exists { path });
        }
        let seed = Zeroizing::new(random.array::<SEED_OCTETS>());
        let text = Zeroizing::new(format!("{origin}\n{}\n", STANDARD.encode(*seed)));
        replace_file(dir, KEY_FILE, text.as_bytes())?;
        let state = StateFile {
            v: STATE_VERSION,
            checkpoint: None,
            pending: None,
        };
        write_state(dir, &state)?;
        Self::open(dir)
    }

    /// Reads key and state.
    pub(crate) fn open(dir: &Path) -> Result<Self, SignerError> {
        let path = dir.join(KEY_FILE);
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(file_error("read", &path))?);
        let key = parse_key(&text).ok_or(SignerError::Damaged { path })?;
        let path = dir.join(STATE_FILE);
        let state = fs::read(&path).map_err(file_error("read", &path))?;
        let (confirmed, pending) =
            parse_state(&state, key.verifier()).ok_or(SignerError::Damaged { path })?;
        Ok(Self {
            dir: dir.to_owned(),
            key,
            confirmed,
            pending,
        })
    }

    /// The key with which others verify.
    pub(crate) fn verifier(&self) -> &VerifierKey {
        self.key.verifier()
    }

    /// The folder of its files.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The key of a log beside the ledger: the same secret, under the name of that log.
    pub(crate) fn sibling_key(&self, log: &str) -> Result<SigningKey, SignerError> {
        let path = self.dir.join(KEY_FILE);
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(file_error("read", &path))?);
        let sibling = || {
            let (stem, epoch) = self.verifier().name().epoch()?;
            let (instance, _) = stem.rsplit_once('/')?;
            let (_, seed) = text.split_once('\n')?;
            let renamed = Zeroizing::new(format!("{instance}/{log}/{epoch}\n{seed}"));
            parse_key(&renamed)
        };
        sibling().ok_or(SignerError::Damaged { path })
    }

    /// What was signed and not yet confirmed.
    pub(crate) fn pending(&self) -> Option<&SignedGrowth> {
        self.pending.as_ref()
    }

    /// The checkpoint last confirmed, as a note.
    pub(crate) fn confirmed(&self) -> Option<&str> {
        self.confirmed.as_deref()
    }

    /// The same, read.
    pub(crate) fn confirmed_checkpoint(&self) -> Option<Checkpoint> {
        let note = self.confirmed.as_deref()?;
        Checkpoint::open(note.as_bytes(), self.key.verifier()).ok()
    }

    /// All that was signed.
    pub(crate) fn signed(&self) -> Signed {
        let last = self.confirmed_checkpoint();
        Signed {
            size: last.as_ref().map_or(0, |last| last.size),
            root: last.map_or_else(ledger::tree::empty_root, |last| last.root),
            note: self.confirmed.clone(),
            pending: self.pending.clone(),
        }
    }

    /// Takes a later checkpoint of its own for the last one: this state was put back from a copy.
    ///
    /// Only growth is taken: `entries` must lead to what was confirmed and to what is pending, and
    /// as a whole to `note`, which the signer's own key must have signed.
    pub(crate) fn adopt(&mut self, note: &str, entries: &[Vec<u8>]) -> Result<(), SignerError> {
        let signed = self.signed();
        let asked = entries.len() as u64;
        let not_growth = SignerError::NotGrowth {
            signed: signed.to(),
            asked,
        };
        let mut tree = Tree::new();
        let mut grows = asked >= signed.to() && signed.size == 0;
        for entry in entries {
            tree.append(leaf_hash(entry));
            grows |= tree.size() == signed.size && tree.root() == signed.root;
        }
        if let Some(pending) = &signed.pending {
            let from = usize::try_from(pending.from).unwrap_or(usize::MAX);
            let later = entries.get(from..).unwrap_or_default();
            grows &= later.starts_with(&pending.entries);
        }
        let newer = Checkpoint::open(note.as_bytes(), self.verifier());
        let ours = newer.is_ok_and(|last| (last.size, last.root) == (asked, tree.root()));
        if !(grows && ours) {
            return Err(not_growth);
        }
        self.write(Some(note.to_owned()), None)?;
        (self.confirmed, self.pending) = (Some(note.to_owned()), None);
        Ok(())
    }

    /// Signs `tree` grown by `entries` and keeps both as pending.
    ///
    /// Refused unless `tree` is the one under the last confirmed checkpoint.
    pub(crate) fn sign(
        &mut self,
        tree: &Tree,
        entries: Vec<Vec<u8>>,
    ) -> Result<&SignedGrowth, SignerError> {
        if let Some(pending) = &self.pending {
            return Err(SignerError::Pending(pending.to()));
        }
        let Signed { size, root, .. } = self.signed();
        if (tree.size(), tree.root()) != (size, root) {
            return Err(SignerError::NotGrowth {
                signed: size,
                asked: tree.size(),
            });
        }
        let mut grown = tree.clone();
        entries
            .iter()
            .for_each(|entry| grown.append(leaf_hash(entry)));
        tracing::debug!("signs growth from {size} to {} entries", grown.size());
        let origin = self.verifier().name().clone();
        let note = Checkpoint::new(origin, grown.size(), grown.root())
            .sign(&self.key)
            .expect("the checkpoint is of the key's own log and is plain text");
        let growth = SignedGrowth {
            from: size,
            entries,
            checkpoint: note.to_string(),
        };
        self.write(self.confirmed.clone(), Some(&growth))?;
        Ok(self.pending.insert(growth))
    }

    /// The store has what was pending.
    pub(crate) fn confirm(&mut self) -> Result<(), SignerError> {
        let Some(pending) = self.pending.clone() else {
            return Ok(());
        };
        self.write(Some(pending.checkpoint.clone()), None)?;
        self.confirmed = Some(pending.checkpoint);
        self.pending = None;
        Ok(())
    }

    fn write(
        &self,
        checkpoint: Option<String>,
        pending: Option<&SignedGrowth>,
    ) -> Result<(), SignerError> {
        let pending = pending.map(|growth| PendingFile {
            from: growth.from,
            entries: growth
                .entries
                .iter()
                .map(|entry| STANDARD.encode(entry))
                .collect(),
            checkpoint: growth.checkpoint.clone(),
        });
        write_state(
            &self.dir,
            &StateFile {
                v: STATE_VERSION,
                checkpoint,
                pending,
            },
        )
    }
}

fn parse_key(text: &str) -> Option<SigningKey> {
    let (origin, seed) = text.strip_suffix('\n')?.split_once('\n')?;
    let seed = Zeroizing::new(STANDARD.decode(seed).ok()?);
    let seed: &[u8; SEED_OCTETS] = seed.as_slice().try_into().ok()?;
    SigningKey::from_seed(origin.parse().ok()?, seed).ok()
}

type State = (Option<String>, Option<SignedGrowth>);

fn parse_state(bytes: &[u8], key: &VerifierKey) -> Option<State> {
    let state: StateFile = serde_json::from_slice(bytes)
        .ok()
        .filter(|s: &StateFile| s.v == STATE_VERSION)?;
    if let Some(note) = &state.checkpoint {
        Checkpoint::open(note.as_bytes(), key).ok()?;
    }
    let Some(pending) = state.pending else {
        return Some((state.checkpoint, None));
    };
    let entries: Result<Vec<_>, _> = pending
        .entries
        .iter()
        .map(|entry| STANDARD.decode(entry))
        .collect();
    let growth = SignedGrowth {
        from: pending.from,
        entries: entries.ok()?,
        checkpoint: pending.checkpoint,
    };
    let signed = Checkpoint::open(growth.checkpoint.as_bytes(), key).ok()?;
    (signed.size == growth.to()).then_some((state.checkpoint, Some(growth)))
}

fn write_state(dir: &Path, state: &StateFile) -> Result<(), SignerError> {
    let bytes = serde_json::to_vec(state).expect("a struct of texts and numbers has a JSON form");
    replace_file(dir, STATE_FILE, &bytes)
}

/// Old content or new content, never a part of it, whenever the power goes.
pub(crate) fn replace_file(dir: &Path, name: &str, content: &[u8]) -> Result<(), SignerError> {
    let (path, new) = (dir.join(name), dir.join(format!("{name}.new")));
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(file_error("write", &path))
}

pub(crate) fn file_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> SignerError {
    let path = path.to_owned();
    move |source| SignerError::File {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(dir: &Path) -> Signer {
        let origin = "mail.example.org/4f1c90aa/config/1".parse().unwrap();
        Signer::create(dir, &origin, &Random::seeded(1)).unwrap()
    }

    fn grown(tree: &Tree, entries: &[&[u8]]) -> Tree {
        let mut tree = tree.clone();
        entries
            .iter()
            .for_each(|entry| tree.append(leaf_hash(entry)));
        tree
    }

    #[test]
    fn what_is_pending_survives_and_blocks_everything_else() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = signer(dir.path());
        let growth = first
            .sign(&Tree::new(), vec![b"one".to_vec()])
            .unwrap()
            .clone();
        let mut again = Signer::open(dir.path()).unwrap();
        assert_eq!(again.pending(), Some(&growth));
        let other = again.sign(&Tree::new(), vec![b"two".to_vec()]);
        assert!(matches!(other, Err(SignerError::Pending(1))));
        again.confirm().unwrap();
        let last = Signer::open(dir.path()).unwrap();
        assert_eq!(last.pending(), None);
        assert_eq!(last.confirmed_checkpoint().unwrap().size, 1);
    }

    #[test]
    fn only_growth_of_the_last_tree_is_signed() {
        let dir = tempfile::tempdir().unwrap();
        let mut signer = signer(dir.path());
        signer.sign(&Tree::new(), vec![b"one".to_vec()]).unwrap();
        signer.confirm().unwrap();
        let longer = grown(&Tree::new(), &[b"one", b"two"]);
        let forked = grown(&Tree::new(), &[b"other"]);
        for tree in [Tree::new(), longer, forked] {
            let refused = signer.sign(&tree, vec![b"x".to_vec()]);
            assert!(matches!(
                refused,
                Err(SignerError::NotGrowth { signed: 1, .. })
            ));
        }
        let right = grown(&Tree::new(), &[b"one"]);
        assert_eq!(signer.sign(&right, vec![b"two".to_vec()]).unwrap().to(), 2);
    }

    /// Signs and confirms the entries one by one; gives the notes, and the state with each pending.
    fn grow(signer: &mut Signer, entries: &[&[u8]]) -> (Vec<String>, Vec<Vec<u8>>) {
        let (mut tree, mut notes, mut states) = (Tree::new(), Vec::new(), Vec::new());
        for entry in entries {
            let growth = signer.sign(&tree, vec![entry.to_vec()]).unwrap();
            notes.push(growth.checkpoint.clone());
            states.push(fs::read(signer.dir.join(STATE_FILE)).unwrap());
            signer.confirm().unwrap();
            tree.append(leaf_hash(entry));
        }
        (notes, states)
    }

    #[test]
    fn an_older_state_takes_up_only_growth_that_its_own_key_signed() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (three, forked): ([&[u8]; 3], [&[u8]; 3]) =
            ([b"one", b"two", b"six"], [b"one", b"2", b"six"]);
        let (notes, states) = grow(&mut signer(one.path()), &three);
        // The same key in another folder, gone another way.
        let (fork_notes, _) = grow(&mut signer(two.path()), &forked);
        let owned = |entries: &[&[u8]]| entries.iter().map(|e| e.to_vec()).collect::<Vec<_>>();
        let cases: [(&str, &[&[u8]], bool); 5] = [
            (&notes[2], &three, true),
            (&fork_notes[2], &forked, false),
            (&notes[2], &forked, false),
            (&notes[1], &three, false),
            (&notes[0], &three[..1], false),
        ];
        for (note, entries, grows) in cases {
            // Behind this state the first entry is confirmed and the second is pending.
            fs::write(one.path().join(STATE_FILE), &states[1]).unwrap();
            let mut older = Signer::open(one.path()).unwrap();
            assert_eq!(older.adopt(note, &owned(entries)).is_ok(), grows, "{note}");
            let signed = Signer::open(one.path()).unwrap().signed();
            assert_eq!(
                (signed.to(), signed.pending.is_none()),
                if grows { (3, true) } else { (2, false) }
            );
        }
    }

    #[test]
    fn another_log_has_the_same_secret_under_its_own_name() {
        let dir = tempfile::tempdir().unwrap();
        let signer = signer(dir.path());
        let [one, other] = ["activity", "trace"].map(|log| signer.sibling_key(log).unwrap());
        let name = one.verifier().name().as_str();
        assert_eq!(name, "mail.example.org/4f1c90aa/activity/1");
        let public = |key: &VerifierKey| key.to_string().rsplit_once('+').unwrap().1.to_owned();
        assert_eq!(public(one.verifier()), public(signer.verifier()));
        assert_ne!(one.verifier().key_id(), other.verifier().key_id());
    }

    #[test]
    fn a_key_is_never_overwritten_and_damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let origin = signer(dir.path()).verifier().name().clone();
        let second = Signer::create(dir.path(), &origin, &Random::seeded(2));
        assert!(matches!(second, Err(SignerError::Exists { .. })));
        fs::write(dir.path().join(STATE_FILE), b"{}").unwrap();
        assert!(matches!(
            Signer::open(dir.path()),
            Err(SignerError::Damaged { .. })
        ));
    }
}
