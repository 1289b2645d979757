//! The keys of this installation, kept outside the data folder and outside plain backups.
//!
//! `master-key` seals secret objects and authenticates rows; `subject-keys` seals what entries
//! know of persons. Both are made once by [`Keys::create`] and readable by the server's user alone.
//! A subject key that is destroyed takes the personal values under it along (LEDGER: erasure).

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use net::Random;
use types::{Secret, Sha256, SubjectId};
use zeroize::Zeroizing;

use crate::scram::{SALT_OCTETS, Salt};

const KEY_OCTETS: usize = 32;
/// Subjects whose keys are held; each is a person with an account or at the console.
const SUBJECTS_MAX: usize = 1_000_000;
const MASTER_KEY: &str = "master-key";
const SUBJECT_KEYS: &str = "subject-keys";

type Key = Zeroizing<[u8; KEY_OCTETS]>;

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The folder or a file in it cannot be read or written.
    #[error(
        "keys: cannot {action} {path}: {source}; the keys folder must belong to the user that runs the server"
    )]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file has other content than keys.
    #[error("keys: {path} is damaged; restore the keys folder from its own backup")]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// Others can read the keys.
    #[error("keys: {path} can be read by other users; run: chmod 700 {path}")]
    Exposed {
        /// Which folder.
        path: PathBuf,
    },
    /// There are keys already; they are never overwritten.
    #[error("keys: {path} exists already; another installation uses this folder")]
    Exists {
        /// Which file.
        path: PathBuf,
    },
}

/// Opens and seals with the keys of this installation.
pub(crate) struct Keys {
    dir: PathBuf,
    master: Key,
    subjects: Mutex<HashMap<SubjectId, Key>>,
    random: Random,
}

impl Keys {
    /// Makes the folder and new keys; refuses a folder that has keys.
    pub(crate) fn create(dir: &Path, random: Random) -> Result<Self, KeysError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(file_error("make", dir))?;
        let path = dir.join(MASTER_KEY);
        if path.exists() {
            return Err(KeysError::Exists { path });
        }
        let master = Zeroizing::new(random.array::<KEY_OCTETS>());
        write_new(&path, STANDARD.encode(*master).as_bytes())?;
        write_new(&dir.join(SUBJECT_KEYS), b"")?;
        Self::open(dir, random)
    }

    /// Reads the keys made by [`Self::create`].
    pub(crate) fn open(dir: &Path, random: Random) -> Result<Self, KeysError> {
        let mode = fs::metadata(dir)
            .map_err(file_error("read", dir))?
            .permissions()
            .mode();
        if mode & 0o077 != 0 {
            return Err(KeysError::Exposed {
                path: dir.to_owned(),
            });
        }
        let path = dir.join(MASTER_KEY);
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(file_error("read", &path))?);
        let master = decode_key(text.trim()).ok_or(KeysError::Damaged { path })?;
        let subjects = Mutex::new(read_subjects(&dir.join(SUBJECT_KEYS))?);
        Ok(Self {
            dir: dir.to_owned(),
            master,
            subjects,
            random,
        })
    }

    /// The key that authenticates queue and session rows.
    pub(crate) fn row_mac_key(&self) -> [u8; KEY_OCTETS] {
        *self.derived(b"sealpost rows 1")
    }

    /// Seals a secret object for the database; `id` is bound to it.
    pub(crate) fn seal_object(&self, id: Sha256, plain: &[u8]) -> Vec<u8> {
        self.seal(&self.derived(b"sealpost objects 1"), &id.0, plain)
    }

    /// Opens what [`Self::seal_object`] sealed; `None` if it was altered or belongs to another id.
    pub(crate) fn open_object(&self, id: Sha256, sealed: &[u8]) -> Option<Secret> {
        open(&self.derived(b"sealpost objects 1"), &id.0, sealed)
    }

    /// Seals a personal value under the key of its subject, which is made on first use.
    pub(crate) fn seal_personal(
        &self,
        subject: SubjectId,
        plain: &[u8],
    ) -> Result<Vec<u8>, KeysError> {
        let key = self.subject_key(subject)?;
        Ok(self.seal(&key, subject.to_string().as_bytes(), plain))
    }

    /// Opens a personal value; `None` if its subject's key is gone or the value was altered.
    pub(crate) fn open_personal(&self, subject: SubjectId, sealed: &[u8]) -> Option<Secret> {
        let key = self.lock_subjects().get(&subject)?.clone();
        open(&key, subject.to_string().as_bytes(), sealed)
    }

    /// The salt of SCRAM for this name, which only this installation can foretell.
    pub(crate) fn scram_salt(&self, name: &str) -> Salt {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &*self.derived(b"sealpost scram 1"));
        let tag = hmac::sign(&key, name.as_bytes());
        let mut salt = Salt::default();
        salt.copy_from_slice(&tag.as_ref()[..SALT_OCTETS]);
        salt
    }

    fn derived(&self, purpose: &[u8]) -> Key {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &*self.master), purpose);
        let mut key = Zeroizing::new([0; KEY_OCTETS]);
        key.copy_from_slice(tag.as_ref());
        key
    }

    fn subject_key(&self, subject: SubjectId) -> Result<Key, KeysError> {
        let path = self.dir.join(SUBJECT_KEYS);
        let mut subjects = self.lock_subjects();
        if let Some(key) = subjects.get(&subject) {
            return Ok(key.clone());
        }
        let key = Zeroizing::new(self.random.array::<KEY_OCTETS>());
        let line = Zeroizing::new(format!("{subject} {}\n", STANDARD.encode(*key)));
        let write = || {
            let mut file = OpenOptions::new().append(true).open(&path)?;
            file.write_all(line.as_bytes())?;
            file.sync_data()
        };
        write().map_err(file_error("add to", &path))?;
        subjects.insert(subject, key.clone());
        Ok(key)
    }

    fn lock_subjects(&self) -> std::sync::MutexGuard<'_, HashMap<SubjectId, Key>> {
        // The map is whole even after a panic elsewhere: it changes by one insert at a time.
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seal(&self, key: &Key, bound_to: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce = self.random.array::<NONCE_LEN>();
        let mut sealed = plain.to_vec();
        aead(key)
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound_to),
                &mut sealed,
            )
            .expect("AES-GCM seals any value shorter than 64 GiB");
        [&nonce[..], &sealed].concat()
    }
}

fn open(key: &Key, bound_to: &[u8], sealed: &[u8]) -> Option<Secret> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    let octets = aead(key)
        .open_in_place(nonce, Aad::from(bound_to), &mut plain)
        .ok()?
        .len();
    Some(Secret::new(plain[..octets].to_vec()))
}

fn aead(key: &Key) -> LessSafeKey {
    let unbound = UnboundKey::new(&AES_256_GCM, &**key).expect("the key has 32 octets");
    LessSafeKey::new(unbound)
}

fn decode_key(text: &str) -> Option<Key> {
    let octets = Zeroizing::new(STANDARD.decode(text).ok()?);
    let octets: [u8; KEY_OCTETS] = octets.as_slice().try_into().ok()?;
    Some(Zeroizing::new(octets))
}

/// Reads `subject base64` lines; a last line without its end is what a crash left and counts for
/// nothing, because a value is sealed only after its key was synced.
fn read_subjects(path: &Path) -> Result<HashMap<SubjectId, Key>, KeysError> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(file_error("read", path))?);
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    if whole.len() < text.trim_end_matches('\n').len() {
        let file = OpenOptions::new()
            .write(true)
            .open(path)
            .map_err(file_error("open", path))?;
        let octets = whole.len() as u64 + u64::from(!whole.is_empty());
        file.set_len(octets).map_err(file_error("mend", path))?;
    }
    let mut subjects = HashMap::new();
    for line in whole.lines().take(SUBJECTS_MAX) {
        let (subject, key) = line
            .split_once(' ')
            .and_then(|(subject, key)| Some((subject.parse().ok()?, decode_key(key)?)))
            .ok_or_else(|| KeysError::Damaged {
                path: path.to_owned(),
            })?;
        subjects.insert(subject, key);
    }
    Ok(subjects)
}

fn write_new(path: &Path, content: &[u8]) -> Result<(), KeysError> {
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(content)?;
        file.sync_all()?;
        path.parent()
            .map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    };
    write().map_err(file_error("write", path))
}

fn file_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeysError {
    let path = path.to_owned();
    move |source| KeysError::File {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(dir: &Path) -> Keys {
        Keys::create(dir, Random::system()).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_only_whole_and_under_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let keys = keys(&dir.path().join("keys"));
        let id = Sha256([7; 32]);
        let mut sealed = keys.seal_object(id, b"hunter2");
        assert_eq!(keys.open_object(id, &sealed).unwrap().expose(), b"hunter2");
        assert!(keys.open_object(Sha256([8; 32]), &sealed).is_none());
        *sealed.last_mut().unwrap() ^= 1;
        assert!(keys.open_object(id, &sealed).is_none());
        assert!(keys.open_object(id, b"short").is_none());
    }

    #[test]
    fn keys_survive_a_restart_and_a_torn_last_line() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("keys");
        let first = keys(&dir);
        let sealed = first.seal_personal(SubjectId(1), b"Ann").unwrap();
        let path = dir.join(SUBJECT_KEYS);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"p_2 dG9y").unwrap();
        let again = Keys::open(&dir, Random::system()).unwrap();
        assert_eq!(
            again.open_personal(SubjectId(1), &sealed).unwrap().expose(),
            b"Ann"
        );
        assert!(again.open_personal(SubjectId(2), &sealed).is_none());
        let second = again.seal_personal(SubjectId(2), b"Bob").unwrap();
        let third = Keys::open(&dir, Random::system()).unwrap();
        assert_eq!(
            third.open_personal(SubjectId(2), &second).unwrap().expose(),
            b"Bob"
        );
        assert_eq!(first.row_mac_key(), third.row_mac_key());
    }

    #[test]
    fn keys_are_never_overwritten_nor_read_when_exposed() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("keys");
        keys(&dir);
        assert!(matches!(
            Keys::create(&dir, Random::system()),
            Err(KeysError::Exists { .. })
        ));
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(
            Keys::open(&dir, Random::system()),
            Err(KeysError::Exposed { .. })
        ));
    }

    #[test]
    fn damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("keys");
        keys(&dir);
        fs::write(dir.join(SUBJECT_KEYS), "p_1 not-base64!\n").unwrap();
        assert!(matches!(
            Keys::open(&dir, Random::system()),
            Err(KeysError::Damaged { .. })
        ));
    }
}
