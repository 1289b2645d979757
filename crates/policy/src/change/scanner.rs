//! Services that look at mail before it is taken: for viruses, and for spam.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Octets of a path at most, as sockets have room for.
const PATH_MAX_OCTETS: usize = 107;

/// A service that can be asked; one of each at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScannerKind {
    /// ClamAV's daemon; it looks for viruses.
    Clamd,
    /// Rspamd; it weighs whether mail is spam.
    Rspamd,
}

impl ScannerKind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Clamd, Self::Rspamd];

    /// The word in changes and commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clamd => "clamd",
            Self::Rspamd => "rspamd",
        }
    }
}

impl fmt::Display for ScannerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a scanner answers; written as `unix:/run/clamav/clamd.ctl` or `127.0.0.1:11333`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ScannerAddress {
    /// A socket of this machine.
    Unix(PathBuf),
    /// An address and a port.
    Tcp(SocketAddr),
}

/// A text that is no address of a scanner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the address of a scanner: unix:/run/clamav/clamd.ctl or 127.0.0.1:11333 would be"
)]
pub struct ScannerAddressError(String);

impl fmt::Display for ScannerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

impl FromStr for ScannerAddress {
    type Err = ScannerAddressError;

    fn from_str(text: &str) -> Result<Self, ScannerAddressError> {
        let found = match text.strip_prefix("unix:") {
            Some(path) => {
                let plain = path.len() <= PATH_MAX_OCTETS && !path.chars().any(char::is_control);
                (plain && path.starts_with('/')).then(|| Self::Unix(PathBuf::from(path)))
            }
            None => text.parse().ok().map(Self::Tcp),
        };
        found.ok_or_else(|| ScannerAddressError(text.to_owned()))
    }
}

impl TryFrom<String> for ScannerAddress {
    type Error = ScannerAddressError;

    fn try_from(text: String) -> Result<Self, ScannerAddressError> {
        text.parse()
    }
}

impl From<ScannerAddress> for String {
    fn from(address: ScannerAddress) -> Self {
        address.to_string()
    }
}

/// What becomes of mail that a scanner does not answer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IfSilent {
    /// It is taken, and the record says that nobody looked at it.
    Accept,
    /// Its sender is told to come again.
    Defer,
}

/// `scanner.set`: mail is shown to a scanner, from now on as it is said here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScannerSet {
    /// Which.
    pub id: ScannerKind,
    /// Where it answers.
    pub address: ScannerAddress,
    /// What becomes of mail that it does not answer for.
    pub if_silent: IfSilent,
    /// How long it is waited for, in seconds.
    pub timeout_s: u32,
}

/// `scanner.remove`: a scanner is not asked any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScannerRemove {
    /// Which.
    pub id: ScannerKind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_path_or_a_socket() {
        for text in [
            "unix:/run/clamav/clamd.ctl",
            "127.0.0.1:11333",
            "[2001:db8::1]:3310",
        ] {
            assert_eq!(text.parse::<ScannerAddress>().unwrap().to_string(), text);
        }
        let long = format!("unix:/{}", "x".repeat(PATH_MAX_OCTETS));
        for text in [
            "",
            "unix:",
            "unix:clamd.ctl",
            "unix:/a\nb",
            "localhost:1",
            "127.0.0.1",
            &long,
        ] {
            assert!(text.parse::<ScannerAddress>().is_err(), "{text}");
        }
    }
}
