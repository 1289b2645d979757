//! SHA-256 digests, and MACs over rows under a key that is kept outside the database.

use aws_lc_rs::digest;
use aws_lc_rs::hmac;
use types::{Secret, Sha256};

/// SHA-256 of octets that arrive piece by piece.
pub(crate) struct Hasher(digest::Context);

impl Hasher {
    pub(crate) fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    pub(crate) fn update(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    pub(crate) fn finish(self) -> Sha256 {
        sha256_of_digest(&self.0.finish())
    }
}

/// SHA-256 of octets at hand.
pub(crate) fn sha256(octets: &[u8]) -> Sha256 {
    sha256_of_digest(&digest::digest(&digest::SHA256, octets))
}

fn sha256_of_digest(found: &digest::Digest) -> Sha256 {
    let mut octets = [0; 32];
    octets.copy_from_slice(found.as_ref());
    Sha256(octets)
}

/// The key under which rows are marked as written by this server (HMAC-SHA-256).
pub(crate) struct RowKey(hmac::Key);

impl RowKey {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose()))
    }

    /// The MAC of a row's fields; each is preceded by its length, so that none runs into the next.
    pub(crate) fn sign(&self, table: &str, fields: &[&[u8]]) -> Vec<u8> {
        hmac::sign(&self.0, &message(table, fields))
            .as_ref()
            .to_vec()
    }

    /// Whether the row was written by this server; in constant time.
    pub(crate) fn verify(&self, table: &str, fields: &[&[u8]], mac: &[u8]) -> bool {
        hmac::verify(&self.0, &message(table, fields), mac).is_ok()
    }
}

fn message(table: &str, fields: &[&[u8]]) -> Vec<u8> {
    let mut message = Vec::with_capacity(256);
    for field in std::iter::once(table.as_bytes()).chain(fields.iter().copied()) {
        message.extend_from_slice(&(field.len() as u64).to_be_bytes());
        message.extend_from_slice(field);
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_covers_table_fields_and_their_borders() {
        let key = RowKey::new(&Secret::new(vec![7; 32]));
        let mac = key.sign("queue", &[b"ab", b"c"]);
        assert!(key.verify("queue", &[b"ab", b"c"], &mac));
        assert!(!key.verify("session", &[b"ab", b"c"], &mac));
        assert!(!key.verify("queue", &[b"a", b"bc"], &mac));
        assert!(!key.verify("queue", &[b"ab", b"c"], &mac[..31]));
        let other = RowKey::new(&Secret::new(vec![8; 32]));
        assert!(!other.verify("queue", &[b"ab", b"c"], &mac));
    }
}
