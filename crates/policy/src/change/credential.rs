//! What an account signs in with besides its password: app passwords, a second factor with its
//! recovery codes, and tokens of programs.
//!
//! None of these changes holds a secret: each names the object in which what checks it is sealed.

use std::fmt;
use std::str::FromStr;

use ledger::Commitment;
use serde::{Deserialize, Serialize};
use types::{AccountId, CredentialId, Network, Sha256, Timestamp};

use crate::change::id::Owned;
use crate::change::moment;

/// A protocol that an app password opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailScope {
    /// Reading and changing mail by IMAP.
    Imap,
    /// Fetching and removing mail by POP3.
    Pop3,
    /// Sending mail by submission.
    Smtp,
    /// Keeping and changing scripts by ManageSieve.
    Managesieve,
}

impl MailScope {
    /// Every protocol.
    pub const ALL: [Self; 4] = [Self::Imap, Self::Pop3, Self::Smtp, Self::Managesieve];

    /// Those that carry mail: what an app password opens where nobody says more. Who may change
    /// scripts decides where mail goes, so that is asked for by name.
    pub const FOR_MAIL: [Self; 3] = [Self::Imap, Self::Pop3, Self::Smtp];

    /// The word for it in entries and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Smtp => "smtp",
            Self::Managesieve => "managesieve",
        }
    }
}

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// Reading what its account may read.
    Read,
    /// Changing what its account may change.
    Write,
    /// Reading the figures of the server's work.
    Metrics,
}

impl TokenScope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Metrics];

    /// The word for it in entries and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Metrics => "metrics",
        }
    }
}

/// A word that is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no scope: write {known}")]
pub struct ScopeError {
    word: String,
    known: &'static str,
}

macro_rules! scope_words {
    ($($scope:ident: $known:literal),*) => {$(
        impl fmt::Display for $scope {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $scope {
            type Err = ScopeError;

            fn from_str(text: &str) -> Result<Self, ScopeError> {
                let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
                found.ok_or_else(|| ScopeError { word: text.to_owned(), known: $known })
            }
        }
    )*};
}

scope_words!(MailScope: "imap, pop3, smtp or managesieve", TokenScope: "read, write or metrics");

/// `credential.app_password.create`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppPasswordCreate {
    /// The credential.
    pub id: CredentialId,
    /// Whose it is.
    pub account: AccountId,
    /// The name of the device or program.
    pub name: Commitment,
    /// The protocols that it opens.
    pub scopes: Vec<MailScope>,
    /// The networks that it works from; empty for all.
    pub networks: Vec<Network>,
    /// Whose addresses it may send with, of those that its account may; empty for all of them.
    pub send_as: Vec<Owned>,
    /// What checks it, stored as a secret object.
    pub secret: Sha256,
}

/// `credential.totp.create`: a second factor (RFC 6238).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TotpCreate {
    /// The credential.
    pub id: CredentialId,
    /// Whose it is.
    pub account: AccountId,
    /// The shared secret, stored as a secret object.
    pub secret: Sha256,
}

/// `credential.recovery_codes.create`: a set of codes; an older set goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryCodesCreate {
    /// The credential.
    pub id: CredentialId,
    /// Whose it is.
    pub account: AccountId,
    /// What checks the codes, stored as a secret object.
    pub secret: Sha256,
}

/// `credential.token.create`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenCreate {
    /// The credential.
    pub id: CredentialId,
    /// On whose authority it acts.
    pub account: AccountId,
    /// The name of the program.
    pub name: Commitment,
    /// What it allows.
    pub scopes: Vec<TokenScope>,
    /// The moment from which on it is refused; `null` for never.
    #[serde(with = "moment::optional")]
    pub expires: Option<Timestamp>,
    /// What checks it, stored as a secret object.
    pub secret: Sha256,
}

/// `credential.app_password.remove`, `credential.totp.remove` and `credential.token.remove`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialRef {
    /// The credential.
    pub id: CredentialId,
}
