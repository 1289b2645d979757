//! Domain names as A-labels in lower case (RFC 5321 §2.3.5, RFC 5890 §2.3.2.1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::{DOMAIN_MAX_OCTETS, LABEL_MAX_OCTETS};

/// A fully qualified domain name: A-labels, lower case, no final dot, at least one label.
///
/// U-labels are accepted and converted (UTS #46, strict), so two spellings of one name are equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

/// Why a text is not a domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// Nothing, or an empty label such as in `a..b`.
    #[error("a domain name needs labels between its dots, such as example.org")]
    EmptyLabel,
    /// More than [`DOMAIN_MAX_OCTETS`], or a label of more than [`LABEL_MAX_OCTETS`].
    #[error("a domain name has at most 253 octets and each label at most 63")]
    TooLong,
    /// Something other than letters, digits and inner hyphens.
    #[error("a domain name has only letters, digits and inner hyphens in its labels")]
    BadLabel,
}

impl Domain {
    /// The name as A-labels in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a person of its language writes it (U-labels).
    pub fn to_unicode(&self) -> String {
        idna::domain_to_unicode(&self.0).0
    }
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        // Four octets of UTF-8 stand for one character; longer input cannot become a valid name.
        if text.len() > 4 * DOMAIN_MAX_OCTETS {
            return Err(DomainError::TooLong);
        }
        let ascii = if text.is_ascii() {
            text.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii_strict(text).map_err(|_| DomainError::BadLabel)?
        };
        check(&ascii)?;
        Ok(Self(ascii))
    }
}

fn check(ascii: &str) -> Result<(), DomainError> {
    if ascii.len() > DOMAIN_MAX_OCTETS {
        return Err(DomainError::TooLong);
    }
    for label in ascii.split('.') {
        if label.is_empty() {
            return Err(DomainError::EmptyLabel);
        }
        if label.len() > LABEL_MAX_OCTETS {
            return Err(DomainError::TooLong);
        }
        let inner = |c: u8| c.is_ascii_alphanumeric() || c == b'-';
        if !label.bytes().all(inner) || label.starts_with('-') || label.ends_with('-') {
            return Err(DomainError::BadLabel);
        }
    }
    if ascii.contains("xn--") && idna::domain_to_unicode(ascii).1.is_err() {
        return Err(DomainError::BadLabel);
    }
    Ok(())
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Domain {
    type Error = DomainError;

    fn try_from(text: String) -> Result<Self, DomainError> {
        text.parse()
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_equal() {
        let plain: Domain = "XN--BCHER-KVA.Example.ORG".parse().unwrap();
        assert_eq!("bücher.example.org".parse(), Ok(plain.clone()));
        assert_eq!("BÜCHER.example.org".parse(), Ok(plain.clone()));
        assert_eq!(plain.as_str(), "xn--bcher-kva.example.org");
        assert_eq!(plain.to_unicode(), "bücher.example.org");
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        let long_label = "a".repeat(64);
        let long_name = vec!["a".repeat(60); 5].join(".");
        for bad in [
            "",
            ".",
            "a..b",
            ".a",
            "a.",
            "-a.org",
            "a-.org",
            "a b.org",
            "a_b.org",
            "a\0.org",
            "a\r\n.org",
            "xn--a.org",
            "[192.0.2.1]",
            "a/b",
            "ex\u{200d}ample.org",
            &long_label,
            &long_name,
        ] {
            assert!(bad.parse::<Domain>().is_err(), "accepted {bad:?}");
        }
    }
}
