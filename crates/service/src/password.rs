//! Passwords: what is accepted, how it is kept, and how a guess is checked (NIST SP 800-63B §3.1.1).
//!
//! Hashing costs memory and time on purpose, so it runs on a bounded number of threads with a
//! bounded queue, in memory that is kept until nobody hashes or waits any more. A good password is
//! remembered for ten minutes under the revision of its credential, so that a client with many
//! connections pays once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Block, Params};
use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use net::{Clock, Random};
use tokio::sync::Semaphore;
use types::{CredentialId, Secret};
use zeroize::Zeroizing;

use crate::lock;
use crate::scram::{ITERATIONS, Salt, ScramKeys};

/// Octets of a password; NIST asks for at least 64 characters to be allowed.
pub const PASSWORD_MAX_OCTETS: usize = 256;
/// Guesses below which a password counts as common; the dictionary is part of the program.
const GUESSES_MIN: u64 = 100_000_000;
const SALT_OCTETS: usize = 16;
const HASH_OCTETS: usize = 32;
/// Sign-ins that wait for a hashing thread; more are told to try again.
const WAITING_MAX: usize = 256;
const REMEMBERED_US: u64 = 600 * 1_000_000;
const REMEMBERED_MAX: usize = 10_000;
/// Blocks of 1 KiB that a hash's memory has room for: more than 32 MiB, which the C library takes
/// from the system and gives back alone. Smaller pieces it keeps, and tears the heap apart with
/// them. What lies behind the blocks that a hash uses is never touched.
const MEMORY_BLOCKS: usize = 33 * 1024;

/// Why a new password is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PasswordError {
    /// Shorter than the setting `password_min_chars`.
    #[error("the password needs at least {min} characters; a few words in a row are fine")]
    TooShort {
        /// The setting's value.
        min: usize,
    },
    /// Longer than [`PASSWORD_MAX_OCTETS`].
    #[error("the password has more than {PASSWORD_MAX_OCTETS} octets")]
    TooLong,
    /// Not text, or with control characters.
    #[error("the password must be UTF-8 text without control characters")]
    NotText,
    /// In the list of common passwords, or easy to guess from the account's own names.
    #[error("the password is common or easy to guess; choose another")]
    Common,
}

/// All places are taken: the caller should answer "try again".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once")]
pub(crate) struct Busy;

/// Checks a new password against length, the offline list and the account's own words.
pub(crate) fn check_new(
    password: &Secret,
    min_chars: usize,
    own_words: &[&str],
) -> Result<(), PasswordError> {
    if password.expose().len() > PASSWORD_MAX_OCTETS {
        return Err(PasswordError::TooLong);
    }
    let text = std::str::from_utf8(password.expose()).map_err(|_| PasswordError::NotText)?;
    if text.chars().any(char::is_control) {
        return Err(PasswordError::NotText);
    }
    if text.chars().count() < min_chars {
        return Err(PasswordError::TooShort { min: min_chars });
    }
    if zxcvbn::zxcvbn(text, own_words).guesses() < GUESSES_MIN {
        return Err(PasswordError::Common);
    }
    Ok(())
}

/// One credential in one revision: a change of the password makes another key.
pub(crate) type Revision = (CredentialId, u64);

/// What one hash works in.
type Memory = Vec<Block>;

/// The working memory of all hashes.
#[derive(Default)]
struct Memories {
    /// What no hash is using; there is never more than one for each thread.
    unused: Vec<Memory>,
    /// Those who hash or wait for a thread.
    users: usize,
}

/// One of those who hash or wait for a thread. The last one to go gives the memory back.
struct User(Arc<Mutex<Memories>>);

impl User {
    fn of(memories: &Arc<Mutex<Memories>>) -> Self {
        lock(memories).users += 1;
        Self(Arc::clone(memories))
    }

    /// Works in memory that nobody else uses meanwhile.
    fn work<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        let kept = lock(&self.0).unused.pop();
        let mut memory = kept.unwrap_or_else(|| Vec::with_capacity(MEMORY_BLOCKS));
        let done = work(&mut memory);
        lock(&self.0).unused.push(memory);
        done
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut memories = lock(&self.0);
        memories.users -= 1;
        let unused = match memories.users {
            0 => std::mem::take(&mut memories.unused),
            _ => Vec::new(),
        };
        drop(memories);
        // Giving back takes a while; nobody waits for it.
        drop(unused);
    }
}

/// Hashes and checks passwords on a bounded number of threads.
pub(crate) struct Passwords {
    clock: Clock,
    random: Random,
    threads: Arc<Semaphore>,
    waiting: Semaphore,
    memories: Arc<Mutex<Memories>>,
    remember_key: hmac::Key,
    remembered: Mutex<HashMap<(Revision, [u8; 32]), u64>>,
    /// What is checked for a name that nobody has, so that it takes as long.
    nobody: String,
}

impl Passwords {
    /// `threads` hashes run at once, each with 19 MiB (argon2id, RFC 9106 §4 as OWASP tunes it).
    pub(crate) fn new(clock: Clock, random: Random, threads: usize) -> Self {
        let remember_key = hmac::Key::new(hmac::HMAC_SHA256, &random.array::<32>());
        let nobody = phc(&random.array(), &random.array());
        Self {
            clock,
            random,
            threads: Arc::new(Semaphore::new(threads.max(1))),
            waiting: Semaphore::new(WAITING_MAX),
            memories: Arc::default(),
            remember_key,
            remembered: Mutex::default(),
            nobody,
        }
    }

    /// What is kept of a password: its PHC string with a fresh salt, and a line with its keys for
    /// SCRAM under the salt of its account.
    pub(crate) async fn hash(
        &self,
        password: Secret,
        scram_salt: Salt,
    ) -> Result<Zeroizing<String>, Busy> {
        let salt = self.random.array();
        let work = move |memory: &mut Memory| {
            let phc = phc(&salt, &hash(&password, &salt, memory));
            with_keys(&phc, &password, &scram_salt)
        };
        self.on_thread(work).await
    }

    /// What is kept of a password that was made at random: `line` checks it.
    pub(crate) async fn keys_beside(
        &self,
        line: String,
        password: Secret,
        scram_salt: Salt,
    ) -> Result<Zeroizing<String>, Busy> {
        self.on_thread(move |_| with_keys(&line, &password, &scram_salt))
            .await
    }

    /// Whether the password is the one behind `phc`.
    ///
    /// `None` stands for a name without a credential: the work is the same, the answer `false`.
    pub(crate) async fn verify(
        &self,
        known: Option<(Revision, Zeroizing<String>)>,
        password: &Secret,
    ) -> Result<bool, Busy> {
        let tag = self.fingerprint(password);
        let (revision, phc) = match known {
            Some((revision, phc)) => (Some(revision), phc),
            None => (None, Zeroizing::new(self.nobody.clone())),
        };
        let guess = password.clone();
        let matches = self
            .on_thread(move |memory| verify(&guess, &phc, memory))
            .await?;
        match revision {
            Some(revision) if matches => {
                self.remember(revision, tag);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether this password was found right for this revision within the last ten minutes.
    pub(crate) fn remembers(&self, revision: Revision, password: &Secret) -> bool {
        self.is_remembered(revision, self.fingerprint(password))
    }

    /// Remembers for ten minutes that this password was found right for this revision.
    pub(crate) fn remember_right(&self, revision: Revision, password: &Secret) {
        self.remember(revision, self.fingerprint(password));
    }

    /// Names a guess without showing it: equal guesses have equal fingerprints until the restart.
    pub(crate) fn fingerprint(&self, password: &Secret) -> [u8; 32] {
        let tag = hmac::sign(&self.remember_key, password.expose());
        let mut octets = [0; 32];
        octets.copy_from_slice(tag.as_ref());
        octets
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let _waiting = self.waiting.try_acquire().map_err(|_| Busy)?;
        let user = User::of(&self.memories);
        let thread = Arc::clone(&self.threads)
            .acquire_owned()
            .await
            .map_err(|_| Busy)?;
        let task = tokio::task::spawn_blocking(move || {
            let _held_to_the_end = thread;
            user.work(work)
        });
        task.await.map_err(|_| Busy)
    }

    fn is_remembered(&self, revision: Revision, tag: [u8; 32]) -> bool {
        let remembered = lock(&self.remembered);
        let now = self.clock.monotonic_us();
        remembered
            .get(&(revision, tag))
            .is_some_and(|until| now < *until)
    }

    fn remember(&self, revision: Revision, tag: [u8; 32]) {
        let now = self.clock.monotonic_us();
        let mut remembered = lock(&self.remembered);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.retain(|_, until| now < *until);
        }
        if remembered.len() < REMEMBERED_MAX {
            remembered.insert((revision, tag), now + REMEMBERED_US);
        }
    }
}

fn hash(password: &Secret, salt: &[u8; SALT_OCTETS], memory: &mut Memory) -> [u8; HASH_OCTETS] {
    memory.resize(Params::DEFAULT.block_count(), Block::default());
    let mut hash = [0; HASH_OCTETS];
    Argon2::default()
        .hash_password_into_with_memory(password.expose(), salt, &mut hash, memory)
        .expect("default parameters, their memory and a 16-octet salt are within argon2's bounds");
    hash
}

/// The PHC string of a hash made with the default parameters.
fn phc(salt: &[u8; SALT_OCTETS], hash: &[u8; HASH_OCTETS]) -> String {
    let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
    format!("$argon2id$v=19${}${salt}${hash}", Params::DEFAULT)
}

/// A line that checks a password, and its keys for SCRAM as a second line.
fn with_keys(line: &str, password: &Secret, salt: &Salt) -> Zeroizing<String> {
    let keys = ScramKeys::new(password, salt, ITERATIONS);
    let keys = keys.to_line(salt, ITERATIONS);
    Zeroizing::new(format!("{line}\n{}", *keys))
}

/// Whether the password is behind the PHC string in the first line; one that [`phc`] did not write
/// matches nothing.
fn verify(password: &Secret, known: &str, memory: &mut Memory) -> bool {
    let known = known.lines().next().unwrap_or_default();
    let Ok(parsed) = PasswordHash::new(known) else {
        return false;
    };
    let (Some(salt), Some(expected)) = (&parsed.salt, &parsed.hash) else {
        return false;
    };
    let (Ok(salt), Ok(expected)) = (salt.as_ref().try_into(), expected.as_bytes().try_into())
    else {
        return false;
    };
    let expected: &[u8; HASH_OCTETS] = expected;
    // Every password is kept with these parameters; others would cost other work.
    if phc(salt, expected) != known {
        return false;
    }
    let found = hash(password, salt, memory);
    constant_time::verify_slices_are_equal(&found, expected).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Timestamp;

    const SALT: Salt = [7; 16];

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes().to_vec())
    }

    #[test]
    fn common_short_and_own_words_are_refused() {
        let own = ["ann", "example.org"];
        let cases = [
            ("correct", Err(PasswordError::TooShort { min: 8 })),
            ("password1234", Err(PasswordError::Common)),
            ("aaaaaaaaaaaaaaaa", Err(PasswordError::Common)),
            ("example.organn", Err(PasswordError::Common)),
            ("qwertyuiop[]", Err(PasswordError::Common)),
            ("with\u{7}control chars", Err(PasswordError::NotText)),
            ("lamp river quilt ostrich", Ok(())),
            ("přízemní žluťásek", Ok(())),
        ];
        for (password, expected) in cases {
            assert_eq!(
                check_new(&secret(password), 8, &own),
                expected,
                "{password}"
            );
        }
        assert_eq!(
            check_new(&secret(&"x ".repeat(200)), 8, &own),
            Err(PasswordError::TooLong)
        );
    }

    #[tokio::test]
    async fn a_new_revision_forgets_the_old_password() {
        let clock = Clock::virtual_at(Timestamp(0));
        let passwords = Passwords::new(clock.clone(), Random::system(), 2);
        let credential = CredentialId(1);
        let (old, new) = (secret("lamp river quilt"), secret("quilt river lamp"));
        let phc = passwords.hash(old.clone(), SALT).await.unwrap().to_string();
        assert_eq!(
            passwords
                .verify(Some(((credential, 1), phc.into())), &old)
                .await,
            Ok(true)
        );
        assert!(passwords.remembers((credential, 1), &old));
        let phc = passwords.hash(new.clone(), SALT).await.unwrap().to_string();
        assert_eq!(
            passwords
                .verify(Some(((credential, 2), phc.into())), &old)
                .await,
            Ok(false)
        );
        assert!(!passwords.remembers((credential, 2), &old));
        clock.advance(std::time::Duration::from_micros(REMEMBERED_US + 1));
        assert!(!passwords.remembers((credential, 1), &old));
    }

    #[test]
    fn a_hash_is_written_as_others_write_it() {
        use argon2::password_hash::PasswordVerifier as _;
        let (password, salt) = (secret("lamp river quilt"), [7; SALT_OCTETS]);
        let mut memory = Memory::new();
        let text = phc(&salt, &hash(&password, &salt, &mut memory));
        let parsed = PasswordHash::new(&text).unwrap();
        let judge = |guess: &[u8]| Argon2::default().verify_password(guess, &parsed);
        assert!(judge(b"lamp river quilt").is_ok());
        assert!(judge(b"lamp river quill").is_err());
        assert!(verify(&password, &text, &mut memory));
        let cheaper = text.replace("t=2", "t=1");
        for odd in ["", "not a hash", &text[..text.len() - 1], cheaper.as_str()] {
            assert!(!verify(&password, odd, &mut memory), "{odd}");
        }
    }

    #[tokio::test]
    async fn an_unknown_name_is_checked_and_refused() {
        let passwords = Passwords::new(Clock::virtual_at(Timestamp(0)), Random::system(), 1);
        assert_eq!(passwords.verify(None, &secret("anything")).await, Ok(false));
    }
}
