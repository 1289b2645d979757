//! Domains, their second names and their addressing.

use serde::{Deserialize, Serialize};
use types::{Domain, DomainId};

/// `domain.create`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainCreate {
    /// The domain.
    pub id: DomainId,
    /// Its name.
    pub name: Domain,
}

/// `domain.remove`, `domain.disable` and `domain.enable`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainRef {
    /// The domain.
    pub id: DomainId,
}

/// What divides the name from the detail in `ann+shop@example.org` (RFC 5233 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DetailSeparator {
    /// `+`
    #[serde(rename = "+")]
    Plus,
    /// `-`
    #[serde(rename = "-")]
    Hyphen,
}

impl DetailSeparator {
    /// The character.
    pub fn as_char(self) -> char {
        match self {
            Self::Plus => '+',
            Self::Hyphen => '-',
        }
    }
}

/// `domain.plus_addressing.set`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainPlusAddressingSet {
    /// The domain.
    pub id: DomainId,
    /// The separator; `null` where addresses have no details. A new domain has `+`.
    pub separator: Option<DetailSeparator>,
}

/// `domain_alias.create`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainAliasCreate {
    /// The second name's own id, of the same numbers as domains.
    pub id: DomainId,
    /// The second name.
    pub name: Domain,
    /// The domain that it is a name of.
    pub of: DomainId,
}

/// `domain_alias.remove`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainAliasRemove {
    /// The second name's id.
    pub id: DomainId,
}
