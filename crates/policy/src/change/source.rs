//! Who may come from where: lists of networks, proxies that are believed, and blocks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use types::{ListenerId, Network, Timestamp};

use crate::change::{Service, moment};
use crate::role::Role;

/// What a pair of lists guards; written as `service:imap`, `listener:l_3` or `role:owner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AccessSubject {
    /// Connections to all listeners of a service.
    Service(Service),
    /// Connections to one listener.
    Listener(ListenerId),
    /// Sign-ins of all accounts with a role.
    Role(Role),
}

/// Where proxies are believed; written as `all` or `l_3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ProxyScope {
    /// At every listener.
    All,
    /// At one listener.
    Listener(ListenerId),
}

/// A text that names nothing that can be guarded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no service, listener or role")]
pub struct SourceError(String);

/// What a block refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blocked {
    /// Sign-ins; everything else goes on.
    SignIns,
    /// Connections, and so everything.
    Connections,
}

impl Blocked {
    /// The word in changes, records and rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIns => "sign_ins",
            Self::Connections => "connections",
        }
    }
}

/// `access.set`: both lists as they are from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessSet {
    /// What they guard.
    pub id: AccessSubject,
    /// Where one must come from; empty: from anywhere.
    pub allow: Vec<Network>,
    /// Where one must not come from, also if it is allowed.
    pub deny: Vec<Network>,
}

/// `proxy.set`: all proxies of a scope as they are from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxySet {
    /// Where they are believed.
    pub id: ProxyScope,
    /// Where they connect from.
    pub networks: Vec<Network>,
}

/// `block.add`: a block that a person made, or makes anew with other bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockAdd {
    /// Who is blocked.
    pub id: Network,
    /// What is refused.
    pub what: Blocked,
    /// Since when.
    #[serde(with = "moment")]
    pub from: Timestamp,
    /// Until when.
    #[serde(with = "moment")]
    pub until: Timestamp,
    /// Whether the guard of own addresses was switched off for it.
    pub forced: bool,
}

/// `block.remove`: no block of exactly this source stands any more, whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockRemove {
    /// Who was blocked.
    pub id: Network,
}

impl fmt::Display for AccessSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => write!(f, "service:{service}"),
            Self::Listener(listener) => write!(f, "listener:{listener}"),
            Self::Role(role) => write!(f, "role:{}", role.as_str()),
        }
    }
}

impl FromStr for AccessSubject {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let role = |name| Role::ALL.into_iter().find(|role| role.as_str() == name);
        let found = match text.split_once(':') {
            Some(("service", name)) => name.parse().ok().map(Self::Service),
            Some(("listener", id)) => id.parse().ok().map(Self::Listener),
            Some(("role", name)) => role(name).map(Self::Role),
            _ => None,
        };
        found.ok_or_else(|| SourceError(text.to_owned()))
    }
}

impl fmt::Display for ProxyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Listener(listener) => listener.fmt(f),
        }
    }
}

impl FromStr for ProxyScope {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        match text {
            "all" => Ok(Self::All),
            _ => (text.parse().map(Self::Listener)).map_err(|_| SourceError(text.to_owned())),
        }
    }
}

as_text!(SourceError: AccessSubject, ProxyScope);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guarded_has_one_spelling() {
        for text in ["service:imaps", "listener:l_3", "role:domain_admin"] {
            assert_eq!(text.parse::<AccessSubject>().unwrap().to_string(), text);
        }
        for bad in [
            "imaps",
            "service:IMAP",
            "listener:3",
            "role:domain-admin",
            "role:",
        ] {
            assert!(bad.parse::<AccessSubject>().is_err(), "accepted {bad:?}");
        }
        for text in ["all", "l_3"] {
            assert_eq!(text.parse::<ProxyScope>().unwrap().to_string(), text);
        }
        assert!("ALL".parse::<ProxyScope>().is_err());
    }
}
