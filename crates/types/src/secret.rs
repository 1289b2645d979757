//! Values that must not be seen.

use std::fmt;

use zeroize::Zeroizing;

/// Octets that are wiped when dropped and never printed: passwords, keys, tokens.
///
/// There is no `PartialEq`: comparing secrets is the business of constant-time code.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the octets over.
    pub fn new(octets: Vec<u8>) -> Self {
        Self(Zeroizing::new(octets))
    }

    /// The octets, for the one function that must use them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let text = format!("{:?}", Secret::new(b"hunter2".to_vec()));
        assert!(!text.contains("hunter2"));
    }
}
