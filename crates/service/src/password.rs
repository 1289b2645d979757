//! Passwords: what is accepted, how it is kept, and how a guess is checked (NIST SP 800-63B §3.1.1).
//!
//! Hashing costs memory and time on purpose, so it runs on a bounded number of threads with a
//! bounded queue; a good password is remembered for ten minutes under the revision of its
//! credential, so that a client with many connections pays once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use aws_lc_rs::hmac;
use net::{Clock, Random};
use tokio::sync::Semaphore;
use types::{CredentialId, Secret};

/// Octets of a password; NIST asks for at least 64 characters to be allowed.
pub const PASSWORD_MAX_OCTETS: usize = 256;
/// Guesses below which a password counts as common; the dictionary is part of the program.
const GUESSES_MIN: u64 = 100_000_000;
const SALT_OCTETS: usize = 16;
/// Sign-ins that wait for a hashing thread; more are told to try again.
const WAITING_MAX: usize = 256;
const REMEMBERED_US: u64 = 600 * 1_000_000;
const REMEMBERED_MAX: usize = 10_000;

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

/// Hashes and checks passwords on a bounded number of threads.
pub(crate) struct Passwords {
    clock: Clock,
    random: Random,
    threads: Arc<Semaphore>,
    waiting: Semaphore,
    remember_key: hmac::Key,
    remembered: Mutex<HashMap<(Revision, [u8; 32]), u64>>,
    /// What is checked for a name that nobody has, so that it takes as long.
    nobody: String,
}

impl Passwords {
    /// `threads` hashes run at once, each with 19 MiB (argon2id, RFC 9106 §4 as OWASP tunes it).
    pub(crate) fn new(clock: Clock, random: Random, threads: usize) -> Self {
        let remember_key = hmac::Key::new(hmac::HMAC_SHA256, &random.array::<32>());
        let nobody = hash(&Secret::new(random.array::<32>().to_vec()), &random.array());
        Self {
            clock,
            random,
            threads: Arc::new(Semaphore::new(threads.max(1))),
            waiting: Semaphore::new(WAITING_MAX),
            remember_key,
            remembered: Mutex::default(),
            nobody,
        }
    }

    /// The PHC string of a password, with a fresh salt.
    pub(crate) async fn hash(&self, password: Secret) -> Result<String, Busy> {
        let salt = self.random.array();
        self.on_thread(move || hash(&password, &salt)).await
    }

    /// Whether the password is the one behind `phc`.
    ///
    /// `None` stands for a name without a credential: the work is the same, the answer `false`.
    pub(crate) async fn verify(
        &self,
        known: Option<(Revision, String)>,
        password: &Secret,
    ) -> Result<bool, Busy> {
        let tag = self.fingerprint(password);
        let (revision, phc) = match known {
            Some((revision, phc)) => (Some(revision), phc),
            None => (None, self.nobody.clone()),
        };
        let guess = password.clone();
        let matches = self.on_thread(move || verify(&guess, &phc)).await?;
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

    /// Names a guess without showing it: equal guesses have equal fingerprints until the restart.
    pub(crate) fn fingerprint(&self, password: &Secret) -> [u8; 32] {
        let tag = hmac::sign(&self.remember_key, password.expose());
        let mut octets = [0; 32];
        octets.copy_from_slice(tag.as_ref());
        octets
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let _waiting = self.waiting.try_acquire().map_err(|_| Busy)?;
        let thread = Arc::clone(&self.threads)
            .acquire_owned()
            .await
            .map_err(|_| Busy)?;
        let task = tokio::task::spawn_blocking(move || {
            let _held_to_the_end = thread;
            work()
        });
        task.await.map_err(|_| Busy)
    }

    fn is_remembered(&self, revision: Revision, tag: [u8; 32]) -> bool {
        let remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.monotonic_us();
        remembered
            .get(&(revision, tag))
            .is_some_and(|until| now < *until)
    }

    fn remember(&self, revision: Revision, tag: [u8; 32]) {
        let now = self.clock.monotonic_us();
        let mut remembered = self
            .remembered
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.retain(|_, until| now < *until);
        }
        if remembered.len() < REMEMBERED_MAX {
            remembered.insert((revision, tag), now + REMEMBERED_US);
        }
    }
}

fn hash(password: &Secret, salt: &[u8; SALT_OCTETS]) -> String {
    Argon2::default()
        .hash_password_with_salt(password.expose(), salt)
        .expect("default parameters and a 16-octet salt are within argon2's bounds")
        .to_string()
}

fn verify(password: &Secret, phc: &str) -> bool {
    PasswordHash::new(phc).is_ok_and(|known| {
        Argon2::default()
            .verify_password(password.expose(), &known)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Timestamp;

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
        let phc = passwords.hash(old.clone()).await.unwrap();
        assert_eq!(
            passwords.verify(Some(((credential, 1), phc)), &old).await,
            Ok(true)
        );
        assert!(passwords.remembers((credential, 1), &old));
        let phc = passwords.hash(new.clone()).await.unwrap();
        assert_eq!(
            passwords.verify(Some(((credential, 2), phc)), &old).await,
            Ok(false)
        );
        assert!(!passwords.remembers((credential, 2), &old));
        clock.advance(std::time::Duration::from_micros(REMEMBERED_US + 1));
        assert!(!passwords.remembers((credential, 1), &old));
    }

    #[tokio::test]
    async fn an_unknown_name_is_checked_and_refused() {
        let passwords = Passwords::new(Clock::virtual_at(Timestamp(0)), Random::system(), 1);
        assert_eq!(passwords.verify(None, &secret("anything")).await, Ok(false));
    }
}
