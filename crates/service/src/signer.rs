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
        let signed = self
            .confirmed_checkpoint()
            .map(|last| (last.size, last.root));
        let (size, root) = signed.unwrap_or_else(|| (0, Tree::new().root()));
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
fn replace_file(dir: &Path, name: &str, content: &[u8]) -> Result<(), SignerError> {
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

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SignerError {
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
