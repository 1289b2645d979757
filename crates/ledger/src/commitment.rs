//! Values that an entry names without telling them: commitments, objects and secret objects.
//!
//! A personal value stands in an entry as a salted digest; destroying the salt erases it. A large
//! value is an object under its digest; a secret one carries a nonce, so that its digest allows no
//! guessing and shows no equality. Salts and nonces come from the caller: nothing here is random.

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use types::{Secret, Sha256, SubjectId};

/// Octets of the salt of a commitment.
pub const SALT_OCTETS: usize = 32;
/// Octets that are read at a time.
const READ_OCTETS: usize = 65_536;
/// Octets of the nonce in front of a secret object's value.
pub const NONCE_OCTETS: usize = 32;

/// The name of an object stored beside the ledger: its SHA-256.
pub type ObjectId = Sha256;

/// A personal value, told only to whoever holds its salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// SHA-256 over salt and value.
    pub c: Sha256,
    /// The subject under whose key salt and value are sealed.
    pub k: SubjectId,
}

impl Commitment {
    /// Commits to `value` for the subject `k`.
    pub fn new(salt: &[u8; SALT_OCTETS], value: &[u8], k: SubjectId) -> Self {
        let c = sha256(&[salt, value]);
        Self { c, k }
    }

    /// Whether this is the commitment to `value` under `salt`.
    pub fn verify(&self, salt: &[u8; SALT_OCTETS], value: &[u8]) -> bool {
        sha256(&[salt, value]) == self.c
    }
}

/// The id under which an object's octets are stored.
pub fn object_id(octets: &[u8]) -> ObjectId {
    sha256(&[octets])
}

/// As [`object_id`], of octets that are too many to hold at once.
///
/// # Errors
///
/// What the reader says.
pub fn object_id_of_reader(reader: &mut dyn std::io::Read) -> std::io::Result<ObjectId> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut piece = vec![0; READ_OCTETS];
    loop {
        match reader.read(&mut piece)? {
            0 => return Ok(finish(context)),
            octets => context.update(&piece[..octets]),
        }
    }
}

/// Builds a secret object: its id and the octets to store, `nonce ‖ value`.
pub fn secret_object(nonce: &[u8; NONCE_OCTETS], value: &[u8]) -> (ObjectId, Secret) {
    let octets = [nonce, value].concat();
    (object_id(&octets), Secret::new(octets))
}

/// The value within a stored secret object; `None` if the octets are not those named by `id`.
pub fn secret_value(id: &ObjectId, octets: &[u8]) -> Option<Secret> {
    let value = octets.get(NONCE_OCTETS..)?;
    (object_id(octets) == *id).then(|| Secret::new(value.to_vec()))
}

/// SHA-256 over the parts as if they were one.
pub(crate) fn sha256(parts: &[&[u8]]) -> Sha256 {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    finish(context)
}

fn finish(context: digest::Context) -> Sha256 {
    let mut octets = [0; digest::SHA256_OUTPUT_LEN];
    octets.copy_from_slice(context.finish().as_ref());
    Sha256(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; SALT_OCTETS] = [7; SALT_OCTETS];

    #[test]
    fn a_commitment_opens_only_with_its_salt_and_value() {
        let commitment = Commitment::new(&SALT, b"198.51.100.7", SubjectId(9));
        assert!(commitment.verify(&SALT, b"198.51.100.7"));
        assert!(!commitment.verify(&SALT, b"198.51.100.8"));
        assert!(!commitment.verify(&[8; SALT_OCTETS], b"198.51.100.7"));
    }

    #[test]
    fn a_secret_object_gives_its_value_only_under_its_own_id() {
        let (id, stored) = secret_object(&[1; NONCE_OCTETS], b"hunter2");
        let (other, _) = secret_object(&[2; NONCE_OCTETS], b"hunter2");
        assert_ne!(id, other, "equal secrets must not show as equal");
        let value = secret_value(&id, stored.expose()).unwrap();
        assert_eq!(value.expose(), b"hunter2");
        assert!(secret_value(&other, stored.expose()).is_none());
        assert!(secret_value(&object_id(b"short"), b"short").is_none());
    }

    #[test]
    fn a_reader_gives_the_same_id_as_its_octets() {
        let octets = vec![7; 3 * READ_OCTETS + 1];
        assert_eq!(
            object_id_of_reader(&mut octets.as_slice()).unwrap(),
            object_id(&octets)
        );
        assert_eq!(
            object_id_of_reader(&mut [].as_slice()).unwrap(),
            object_id(b"")
        );
    }

    #[test]
    fn object_ids_are_plain_sha256() {
        assert_eq!(
            object_id(b"").to_string(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
