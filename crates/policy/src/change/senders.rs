//! Senders whom an account or a domain trusts or wants nothing from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use types::{AccountId, Address, Domain, DomainId};

/// Senders that one entry can carry; more come by further changes.
pub const SENDERS_PER_CHANGE_MAX: usize = 100;

/// Whose lists they are; written as an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SendersOf {
    /// `d_1`: they count for every account of the domain that does not say otherwise.
    Domain(DomainId),
    /// `a_7`
    Account(AccountId),
}

/// One of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SenderList {
    /// Rules can ask whether the sender stands here.
    Trusted,
    /// Mail from them is refused.
    Blocked,
}

/// One sender, or all of a domain; written as an address or as a domain name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Sender {
    /// Exactly this address.
    Address(Address),
    /// Every address of exactly this domain.
    Domain(Domain),
}

/// A text that names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// Not an id.
    #[error("{0:?} is not an id such as a_7 or d_1")]
    NotAnId(String),
    /// Neither address nor domain.
    #[error("{0:?} is neither an address such as ann@example.org nor a domain such as example.org")]
    NotASender(String),
}

/// `senders.change`: the difference, since a long list does not fit an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendersChange {
    /// Whose list.
    pub id: SendersOf,
    /// Which of them.
    pub list: SenderList,
    /// Senders that come.
    pub add: Vec<Sender>,
    /// Senders that go.
    pub remove: Vec<Sender>,
}

impl SenderList {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Blocked => "blocked",
        }
    }
}

impl fmt::Display for SendersOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(id) => id.fmt(f),
            Self::Account(id) => id.fmt(f),
        }
    }
}

impl FromStr for SendersOf {
    type Err = SenderError;

    fn from_str(text: &str) -> Result<Self, SenderError> {
        let domain = text.parse().map(Self::Domain);
        domain
            .or_else(|_| text.parse().map(Self::Account))
            .map_err(|_| SenderError::NotAnId(text.to_owned()))
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Domain(domain) => domain.fmt(f),
        }
    }
}

impl FromStr for Sender {
    type Err = SenderError;

    fn from_str(text: &str) -> Result<Self, SenderError> {
        let wrong = || SenderError::NotASender(text.to_owned());
        if text.contains('@') {
            let address: Address = text.parse().map_err(|_| wrong())?;
            return Ok(Self::Address(address.folded()));
        }
        text.parse().map(Self::Domain).map_err(|_| wrong())
    }
}

as_text!(SenderError: SendersOf, Sender);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_an_address_or_a_domain() {
        for (text, shown) in [
            ("Ann@Example.org", "ann@example.org"),
            ("bücher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(text.parse::<Sender>().unwrap().to_string(), shown);
        }
        for bad in ["", "@example.org", "ann@", "a b", "*@example.org@x"] {
            assert!(bad.parse::<Sender>().is_err(), "accepted {bad:?}");
        }
        assert!("server".parse::<SendersOf>().is_err());
    }
}
