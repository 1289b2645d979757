//! Numbers that name things. An id is never used again for another thing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not an id of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of the form {prefix}NUMBER")]
pub struct IdError {
    text: String,
    prefix: &'static str,
}

/// Ids that stand in ledger entries and on screens, written with the prefix of their kind.
macro_rules! named_id {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                plain_number(text, $prefix)
                    .map(Self)
                    .ok_or_else(|| IdError { text: text.to_owned(), prefix: $prefix })
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    )*};
}

/// Digits without a leading zero behind the prefix: one spelling for each id.
fn plain_number(text: &str, prefix: &str) -> Option<u64> {
    let digits = text.strip_prefix(prefix)?;
    let canonical = digits == "0" || !digits.starts_with('0');
    let plain = digits.bytes().all(|c| c.is_ascii_digit());
    if canonical && plain {
        digits.parse().ok()
    } else {
        None
    }
}

named_id! {
    /// An account: it owns mailboxes and may sign in.
    AccountId = "a_";
    /// An alias: an address that delivers to others.
    AliasId = "al_";
    /// A certificate with its private key.
    CertificateId = "ct_";
    /// A credential: a password, later an app password, a passkey, a token.
    CredentialId = "k_";
    /// A domain whose mail is delivered here.
    DomainId = "d_";
    /// Leave for mail to go to one address outside.
    ExitId = "x_";
    /// A right of one account over the address of another.
    GrantId = "g_";
    /// A listener: an address and port where a service answers.
    ListenerId = "l_";
    /// A rule: what is done to the mail of a level.
    RuleId = "r_";
    /// A session: from a sign-in (or a connection) to its end.
    SessionId = "s_";
    /// A message in the queue of outgoing mail.
    QueueId = "q_";
    /// A subject: the person or peer under whose key personal values are sealed.
    SubjectId = "p_";
}

/// Ids that never leave the database.
macro_rules! row_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);
    )*};
}

row_id! {
    /// A body in a pack.
    BlobId;
    /// A stored message: one account's header block over a body (RFC 8474 §5.1).
    EmailId;
    /// A mailbox of an account (RFC 8474 §4).
    MailboxId;
    /// A conversation (RFC 8474 §5.2).
    ThreadId;
}

/// The number of a message in its mailbox; it only grows (RFC 9051 §2.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub u32);

/// The generation of a mailbox's UIDs (RFC 9051 §2.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UidValidity(pub u32);

/// A mod-sequence: one counter for each account, below 2^63 (RFC 7162 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModSeq(pub u64);

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for UidValidity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ModSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A SHA-256 digest; written as `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256(pub [u8; 32]);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256 {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError {
            text: text.to_owned(),
            prefix: "sha256:",
        };
        let hex = text.strip_prefix("sha256:").ok_or_else(wrong)?.as_bytes();
        let mut digest = [0; 32];
        if hex.len() != 2 * digest.len() {
            return Err(wrong());
        }
        for (octet, pair) in digest.iter_mut().zip(hex.chunks_exact(2)) {
            let (high, low) = (nibble(pair[0]), nibble(pair[1]));
            *octet = high
                .zip(low)
                .map(|(high, low)| high << 4 | low)
                .ok_or_else(wrong)?;
        }
        Ok(Self(digest))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl TryFrom<String> for Sha256 {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!("a_7".parse(), Ok(AccountId(7)));
        assert_eq!(AccountId(7).to_string(), "a_7");
        for bad in [
            "7",
            "a7",
            "a_",
            "a_07",
            "a_+7",
            "d_7",
            "a_7 ",
            "a_99999999999999999999",
        ] {
            assert!(bad.parse::<AccountId>().is_err(), "accepted {bad:?}");
        }
    }

    #[test]
    fn a_digest_has_one_spelling() {
        let digest = Sha256(std::array::from_fn(|i| u8::try_from(i * 8).unwrap()));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!(digest.to_string().to_uppercase().parse::<Sha256>().is_err());
        assert!("sha256:00".parse::<Sha256>().is_err());
    }
}
