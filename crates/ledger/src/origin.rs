//! The name of a log for life, which is also the name of its key (C2SP tlog-checkpoint).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::decimal;

/// Octets of an origin.
pub const ORIGIN_MAX_OCTETS: usize = 255;

/// Why a text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the name of a log: 1 to {ORIGIN_MAX_OCTETS} printable ASCII octets, no space, no plus"
)]
pub struct OriginError(String);

/// Such as `mail.example.org/4f1c90aa/config/1`: host, instance, log, epoch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

impl Origin {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What comes before the epoch, and the epoch; `None` if the name does not end in a number.
    pub fn epoch(&self) -> Option<(&str, u64)> {
        let (stem, epoch) = self.0.rsplit_once('/')?;
        Some((stem, decimal::parse(epoch)?))
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        let plain = text.bytes().all(|c| c.is_ascii_graphic() && c != b'+');
        if plain && (1..=ORIGIN_MAX_OCTETS).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(OriginError(text))
        }
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_plain_and_bounded() {
        let long = "a".repeat(ORIGIN_MAX_OCTETS + 1);
        for bad in ["", "a b", "a+b", "a\nb", "ä", long.as_str()] {
            assert!(bad.parse::<Origin>().is_err(), "accepted {bad:?}");
        }
        let origin: Origin = "mail.example.org/4f1c90aa/config/1".parse().unwrap();
        assert_eq!(
            origin.epoch(),
            Some(("mail.example.org/4f1c90aa/config", 1))
        );
        assert_eq!(
            "mail.example.org/x/01".parse::<Origin>().unwrap().epoch(),
            None
        );
        assert_eq!("mail.example.org".parse::<Origin>().unwrap().epoch(), None);
    }
}
