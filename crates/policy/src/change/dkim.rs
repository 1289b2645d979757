//! Keys with which mail that leaves is signed (RFC 6376).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use types::{Domain, Sha256};

/// What stands between selector and domain in the name of a record (RFC 6376 §3.6.2.1).
const BETWEEN: &str = "._domainkey.";
/// Octets of a label in DNS (RFC 1035 §2.3.4).
const SELECTOR_MAX_OCTETS: usize = 63;
/// Octets of a name in DNS as it is written, without the dot at the end (RFC 1035 §2.3.4).
const NAME_MAX_OCTETS: usize = 253;

/// A key, by the name of its record in DNS: `SELECTOR._domainkey.DOMAIN`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DkimName {
    /// Whose mail it signs.
    pub domain: Domain,
    selector: String,
}

/// A text that names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no key: its name has the form SELECTOR._domainkey.DOMAIN")]
pub struct DkimNameError(String);

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DkimAlgorithm {
    /// RSA of 2048 bits with SHA-256 (RFC 6376 §3.3.2, RFC 8301).
    #[serde(rename = "rsa-sha256")]
    Rsa,
    /// Ed25519 (RFC 8463).
    #[serde(rename = "ed25519-sha256")]
    Ed25519,
}

/// What is done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DkimUse {
    /// Nothing yet: its record has to stand in DNS first.
    Waits,
    /// Mail is signed with it.
    Signs,
    /// Mail was signed with it; its record must stand until that mail has arrived.
    Rests,
}

/// `dkim.create`: a new key, which waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DkimCreate {
    /// The key.
    pub id: DkimName,
    /// How it signs.
    pub algorithm: DkimAlgorithm,
    /// What its record publishes, in base64 (`p=`, RFC 6376 §3.6.1).
    pub public: String,
    /// The private key, stored as a secret object.
    pub secret: Sha256,
}

/// `dkim.use`: from now on this is done with a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DkimSetUse {
    /// The key.
    pub id: DkimName,
    /// What is done with it.
    pub state: DkimUse,
}

/// `dkim.remove`: a key is forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DkimRemove {
    /// The key.
    pub id: DkimName,
}

impl DkimName {
    /// A key of a domain; `None` if the selector is no label of DNS, or the name of the record would
    /// be too long for DNS.
    pub fn new(selector: &str, domain: Domain) -> Option<Self> {
        let is_label = (1..=SELECTOR_MAX_OCTETS).contains(&selector.len())
            && selector
                .bytes()
                .all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-')
            && !selector.starts_with('-')
            && !selector.ends_with('-')
            && selector.len() + BETWEEN.len() + domain.as_str().len() <= NAME_MAX_OCTETS;
        is_label.then(|| Self {
            domain,
            selector: selector.to_owned(),
        })
    }

    /// What tells it from other keys of its domain (`s=`).
    pub fn selector(&self) -> &str {
        &self.selector
    }
}

impl fmt::Display for DkimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{BETWEEN}{}", self.selector, self.domain)
    }
}

impl FromStr for DkimName {
    type Err = DkimNameError;

    fn from_str(text: &str) -> Result<Self, DkimNameError> {
        let wrong = || DkimNameError(text.to_owned());
        let (selector, domain) = text.split_once(BETWEEN).ok_or_else(wrong)?;
        let domain = domain.parse().map_err(|_| wrong())?;
        Self::new(selector, domain).ok_or_else(wrong)
    }
}

impl DkimAlgorithm {
    /// As a signature names it (`a=`).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rsa => "rsa-sha256",
            Self::Ed25519 => "ed25519-sha256",
        }
    }

    /// As the record names the kind of key (`k=`).
    pub fn key_type(self) -> &'static str {
        match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl DkimCreate {
    /// The text of its record in DNS.
    pub fn record(&self) -> String {
        let Self {
            algorithm, public, ..
        } = self;
        format!("v=DKIM1; k={}; p={public}", algorithm.key_type())
    }
}

as_text!(DkimNameError: DkimName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_dns() {
        let label = "a".repeat(62);
        let domain: Domain = [&label[..], &label, &label, "example.org"]
            .join(".")
            .parse()
            .unwrap();
        let room = 253 - "._domainkey.".len() - domain.as_str().len();
        assert!(DkimName::new(&"s".repeat(room), domain.clone()).is_some());
        assert!(DkimName::new(&"s".repeat(room + 1), domain).is_none());
    }

    #[test]
    fn a_key_has_the_name_of_its_record() {
        for (text, is_one) in [
            ("s20261124r._domainkey.example.org", true),
            ("._domainkey.example.org", false),
            ("S._domainkey.example.org", false),
            ("-a._domainkey.example.org", false),
            ("a.b._domainkey.example.org", false),
            ("a._domainkey.", false),
            ("example.org", false),
        ] {
            let name = text.parse::<DkimName>();
            assert_eq!(name.is_ok(), is_one, "{text:?}");
            if let Ok(name) = name {
                assert_eq!(name.to_string(), text);
            }
        }
    }
}
