//! What is asked about mail from other servers, and whose word counts.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use types::Domain;

/// Domains that one list names.
const DOMAINS_MAX: usize = 64;
/// The word for no domain.
const NONE: &str = "none";

/// What is done about SPF, DKIM, DMARC and ARC of mail from other servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SenderAuthentication {
    /// Nothing; DNS is not asked.
    Off,
    /// They are looked at and recorded.
    Record,
    /// Also, what the author's domain asks for is done with mail that fails (RFC 9989 §4.7).
    Enforce,
}

impl SenderAuthentication {
    const ALL: [(Self, &str); 3] = [
        (Self::Off, "off"),
        (Self::Record, "record"),
        (Self::Enforce, "enforce"),
    ];
}

/// A text that is no value of these settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be read")]
pub struct AuthenticityError(String);

impl fmt::Display for SenderAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::ALL.iter().find(|(one, _)| one == self);
        f.write_str(found.map_or("", |(_, word)| word))
    }
}

impl FromStr for SenderAuthentication {
    type Err = AuthenticityError;

    fn from_str(text: &str) -> Result<Self, AuthenticityError> {
        let found = Self::ALL.iter().find(|(_, word)| *word == text);
        found
            .map(|(one, _)| *one)
            .ok_or_else(|| AuthenticityError(text.to_owned()))
    }
}

/// Some domains; written with commas between them, or `none`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainSet(BTreeSet<Domain>);

impl DomainSet {
    /// Whether a domain is one of them, or below one.
    pub fn covers(&self, domain: &str) -> bool {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        self.0.iter().any(|one| {
            let rest = domain.strip_suffix(one.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }

    /// Whether all of the other ones are among these.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        other.0.is_subset(&self.0)
    }
}

impl fmt::Display for DomainSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(NONE);
        }
        let names: Vec<_> = self.0.iter().map(Domain::as_str).collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for DomainSet {
    type Err = AuthenticityError;

    fn from_str(text: &str) -> Result<Self, AuthenticityError> {
        if text == NONE {
            return Ok(Self::default());
        }
        let wrong = || AuthenticityError(text.to_owned());
        let names = text.split(',').map(|name| name.trim().parse());
        let names: BTreeSet<Domain> = names.collect::<Result<_, _>>().map_err(|_| wrong())?;
        match names.len() > DOMAINS_MAX {
            true => Err(wrong()),
            false => Ok(Self(names)),
        }
    }
}

impl TryFrom<String> for DomainSet {
    type Error = AuthenticityError;

    fn try_from(text: String) -> Result<Self, AuthenticityError> {
        text.parse()
    }
}

impl From<DomainSet> for String {
    fn from(set: DomainSet) -> Self {
        set.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_covers_what_is_below_its_names_and_nothing_else() {
        let set: DomainSet = "example.net, list.test".parse().unwrap();
        for (domain, covered) in [
            ("example.net", true),
            ("Mail.Example.NET.", true),
            ("badexample.net", false),
            ("net", false),
            ("list.test", true),
            ("", false),
        ] {
            assert_eq!(set.covers(domain), covered, "{domain}");
        }
        assert_eq!(set.to_string(), "example.net,list.test");
        assert_eq!("none".parse::<DomainSet>().unwrap().to_string(), "none");
        for wrong in ["", ",", "a b.test", "example.net,,list.test"] {
            assert!(wrong.parse::<DomainSet>().is_err(), "{wrong:?}");
        }
        let many: Vec<_> = (0..=DOMAINS_MAX).map(|n| format!("d{n}.test")).collect();
        assert!(many.join(",").parse::<DomainSet>().is_err());
        assert!(many[1..].join(",").parse::<DomainSet>().is_ok());
    }
}
