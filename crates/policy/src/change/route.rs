//! Where mail for other servers goes if not to the hosts that DNS names.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use types::{Domain, Sha256};

/// The word for all mail that leaves.
const ALL: &str = "*";

/// Which mail takes a route; written as `*` or as the domain of its recipients.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RouteFor {
    /// All mail for other servers that no other route is for.
    All,
    /// Mail for recipients of a domain.
    Domain(Domain),
}

/// A host of a route: a name, or an IP address as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RouteHost(String);

/// A text that is no part of a route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// No domain and not `*`.
    #[error("{0:?} is no domain")]
    NoDomain(String),
    /// No host.
    #[error("{0:?} is neither the name of a host nor an IP address")]
    NoHost(String),
}

/// How the connection to the host of a route is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTls {
    /// Never.
    None,
    /// By STARTTLS where it is offered; the certificate is not checked.
    Opportunistic,
    /// By STARTTLS with a certificate that is checked, else not at all.
    StartTls,
    /// From the first octet, with a certificate that is checked.
    Implicit,
}

/// `route.set`: mail goes to a host, whatever DNS says, from now on as it is said here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSet {
    /// Which mail.
    pub id: RouteFor,
    /// To which host.
    pub host: RouteHost,
    /// At which port.
    pub port: u16,
    /// How the connection is secured.
    pub tls: RouteTls,
    /// Whether the host speaks LMTP (RFC 2033).
    pub lmtp: bool,
    /// Under which name this server signs in there; the password goes with it.
    pub user: Option<String>,
    /// The password, stored as a secret object.
    pub password: Option<Sha256>,
}

/// `route.remove`: mail goes to the hosts that DNS names again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteRemove {
    /// Which mail.
    pub id: RouteFor,
}

impl fmt::Display for RouteFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str(ALL),
            Self::Domain(domain) => domain.fmt(f),
        }
    }
}

impl FromStr for RouteFor {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        if text == ALL {
            return Ok(Self::All);
        }
        let domain = text
            .parse()
            .map_err(|_| RouteError::NoDomain(text.to_owned()))?;
        Ok(Self::Domain(domain))
    }
}

impl RouteHost {
    /// The host as text; an IPv6 address without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RouteHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RouteHost {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_string()));
        }
        // A name of one word, such as `localhost`, is one here too.
        let name = if text.contains('.') {
            text.to_owned()
        } else {
            format!("{text}.test")
        };
        let name: Domain = name
            .parse()
            .map_err(|_| RouteError::NoHost(text.to_owned()))?;
        match text.contains('.') {
            true => Ok(Self(name.to_string())),
            false => Ok(Self(text.to_ascii_lowercase())),
        }
    }
}

impl RouteTls {
    /// Whether the other side must prove its name.
    pub fn is_checked(self) -> bool {
        matches!(self, Self::StartTls | Self::Implicit)
    }
}

impl RouteSet {
    /// Host and port as they are written.
    pub fn place(&self) -> String {
        match self.host.0.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

as_text!(RouteError: RouteFor, RouteHost);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_route_are_read() {
        for (text, written) in [
            ("mx.Example.NET", Some("mx.example.net")),
            ("localhost", Some("localhost")),
            ("192.0.2.1", Some("192.0.2.1")),
            ("2001:DB8::1", Some("2001:db8::1")),
            ("", None),
            ("a b", None),
            ("mx.example.net:25", None),
            ("[2001:db8::1]", None),
            ("-x", None),
        ] {
            let host = text.parse::<RouteHost>().map(|host| host.to_string());
            assert_eq!(host.ok().as_deref(), written, "{text:?}");
        }
        for (text, is_one) in [
            ("*", true),
            ("example.net", true),
            ("", false),
            ("a b", false),
        ] {
            assert_eq!(text.parse::<RouteFor>().is_ok(), is_one, "{text:?}");
        }
    }
}
