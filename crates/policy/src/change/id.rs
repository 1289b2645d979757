//! What delivers: the owner of an address here, or an address elsewhere.
//!
//! What is here is bound by id, so that an address which is made anew inherits nothing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use types::{AccountId, Address, AddressError, AliasId};

/// What owns an address of a domain here; written as its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Owned {
    /// `a_7`
    Account(AccountId),
    /// `al_3`
    Alias(AliasId),
}

/// One target of an alias or a catch-all; written as its id, or as an address elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Member {
    /// `a_7`
    Account(AccountId),
    /// `al_3`
    Alias(AliasId),
    /// `drop@example.net`, not hosted here when it was written.
    Outside(Address),
}

/// Why a text names nothing that mail can go to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    /// Neither id nor address.
    #[error("{0:?} is neither an id such as a_7 or al_3 nor an address: {1}")]
    Address(String, AddressError),
    /// An address where only an id may stand.
    #[error("{0:?} is not an id such as a_7 or al_3")]
    NotAnId(String),
}

impl fmt::Display for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::Alias(id) => id.fmt(f),
        }
    }
}

impl FromStr for Owned {
    type Err = MemberError;

    fn from_str(text: &str) -> Result<Self, MemberError> {
        let account = text.parse().map(Self::Account);
        account
            .or_else(|_| text.parse().map(Self::Alias))
            .map_err(|_| MemberError::NotAnId(text.to_owned()))
    }
}

impl From<Owned> for Member {
    fn from(owned: Owned) -> Self {
        match owned {
            Owned::Account(id) => Self::Account(id),
            Owned::Alias(id) => Self::Alias(id),
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => id.fmt(f),
            Self::Alias(id) => id.fmt(f),
            Self::Outside(address) => address.fmt(f),
        }
    }
}

impl FromStr for Member {
    type Err = MemberError;

    fn from_str(text: &str) -> Result<Self, MemberError> {
        if let Ok(owned) = text.parse::<Owned>() {
            return Ok(owned.into());
        }
        text.parse()
            .map(Self::Outside)
            .map_err(|err| MemberError::Address(text.to_owned(), err))
    }
}

as_text!(MemberError: Owned, Member);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_has_one_spelling() {
        for text in ["a_7", "al_3", "drop@example.net"] {
            assert_eq!(text.parse::<Member>().unwrap().to_string(), text);
        }
        for bad in ["", "a_07", "7", "drop", "@example.net", "d_1"] {
            assert!(bad.parse::<Member>().is_err(), "accepted {bad:?}");
        }
        assert!("drop@example.net".parse::<Owned>().is_err());
    }
}
