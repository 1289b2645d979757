//! Mail addresses (RFC 5321 §4.1.2, RFC 6531 §3.3).

use std::fmt;
use std::str::FromStr;

use icu_normalizer::ComposingNormalizerBorrowed;
use serde::{Deserialize, Serialize};

use crate::domain::{Domain, DomainError};
use crate::limits::{LOCAL_PART_MAX_OCTETS, PATH_MAX_OCTETS};

/// The part of an address before the `@`, unquoted: the meaning, not the spelling.
///
/// `"a.b"@x` and `a.b@x` are the same local part; [`fmt::Display`] quotes only where it must.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalPart(String);

/// A mail address: a local part at a domain name. Address literals are not addresses of accounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    local: LocalPart,
    domain: Domain,
}

/// The sender of an envelope: an address, or the null path of notifications (RFC 5321 §4.5.5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`
    Null,
    /// `<local@domain>`
    Address(Address),
}

/// Why a text is not a mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no `@` outside quotes.
    #[error("an address needs a name, an @ and a domain, such as ann@example.org")]
    NoAt,
    /// The local part is empty, has a wrong character or a misplaced dot or quote.
    #[error("the part before the @ has a character or a dot where none may stand")]
    BadLocalPart,
    /// The local part or the whole address is too long.
    #[error("an address has at most 64 octets before the @ and 254 in all")]
    TooLong,
    /// The part after the `@` is not a domain name.
    #[error("after the @: {0}")]
    Domain(#[from] DomainError),
}

impl LocalPart {
    /// Reads a local part as it stands on the wire, quoted or as dot-atoms.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let plain = match text.strip_prefix('"') {
            Some(rest) => unquote(rest)?,
            None if is_dot_atom(text) => text.to_owned(),
            None => return Err(AddressError::BadLocalPart),
        };
        if plain.is_empty() {
            return Err(AddressError::BadLocalPart);
        }
        if plain.len() > LOCAL_PART_MAX_OCTETS {
            return Err(AddressError::TooLong);
        }
        Ok(Self(plain))
    }

    /// The unquoted text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form in which this server compares local parts: lower case (RFC 5321 §2.4 leaves it to
    /// us) and, beyond ASCII, the one spelling that composes letters and marks (NFC, as RFC 6532
    /// §3.1 wishes).
    pub fn folded(&self) -> String {
        if self.0.is_ascii() {
            return self.0.to_ascii_lowercase();
        }
        let normalizer = ComposingNormalizerBorrowed::new_nfc();
        normalizer.normalize(&self.0.to_lowercase()).into_owned()
    }

    /// The name before the first `separator` and the detail behind it (RFC 5233 §4).
    ///
    /// `None` where there is no detail, or no name before it.
    pub fn split_detail(&self, separator: char) -> Option<(Self, &str)> {
        let (user, detail) = self.0.split_once(separator)?;
        if user.is_empty() {
            None
        } else {
            Some((Self(user.to_owned()), detail))
        }
    }
}

/// Removes the quotes of a quoted string whose first quote is already gone (RFC 5321 §4.1.2).
fn unquote(rest: &str) -> Result<String, AddressError> {
    let mut plain = String::with_capacity(rest.len());
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' if chars.as_str().is_empty() => return Ok(plain),
            '"' => return Err(AddressError::BadLocalPart),
            '\\' => match chars.next() {
                Some(quoted) if (' '..='~').contains(&quoted) => plain.push(quoted),
                _ => return Err(AddressError::BadLocalPart),
            },
            c if c.is_control() => return Err(AddressError::BadLocalPart),
            c => plain.push(c),
        }
    }
    Err(AddressError::BadLocalPart)
}

fn is_dot_atom(text: &str) -> bool {
    let atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    // Beyond ASCII all that is not a control or a space is an atom character (RFC 6531 §3.3).
    let wide = |c: char| !c.is_ascii() && !c.is_control() && !c.is_whitespace();
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(|c| atext(c) || wide(c)))
}

impl Address {
    /// Joins two checked parts; the only thing left to check is the length of both together.
    pub fn new(local: LocalPart, domain: Domain) -> Result<Self, AddressError> {
        let address = Self { local, domain };
        if address.to_string().len() > PATH_MAX_OCTETS {
            return Err(AddressError::TooLong);
        }
        Ok(address)
    }

    /// The part before the `@`.
    pub fn local(&self) -> &LocalPart {
        &self.local
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The same address with its local part in the form in which it is compared.
    pub fn folded(&self) -> Self {
        Self {
            local: LocalPart(self.local.folded()),
            domain: self.domain.clone(),
        }
    }

    /// Whether it can be said without SMTPUTF8 (RFC 6531 §3.2).
    pub fn is_ascii(&self) -> bool {
        self.local.0.is_ascii()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > 4 * PATH_MAX_OCTETS {
            return Err(AddressError::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
        Self::new(LocalPart::parse(local)?, domain.parse()?)
    }
}

impl fmt::Display for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_atom(&self.0) {
            return f.write_str(&self.0);
        }
        write!(
            f,
            "\"{}\"",
            self.0.replace('\\', "\\\\").replace('"', "\\\"")
        )
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<>"),
            Self::Address(address) => write!(f, "<{address}>"),
        }
    }
}

impl ReversePath {
    /// The address, unless it is the null path.
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Null => None,
            Self::Address(address) => Some(address),
        }
    }
}

impl TryFrom<String> for LocalPart {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<LocalPart> for String {
    fn from(local: LocalPart) -> Self {
        local.to_string()
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_plain_spelling_mean_the_same() {
        let plain: Address = "ann.lee@example.org".parse().unwrap();
        assert_eq!("\"ann.lee\"@EXAMPLE.org".parse(), Ok(plain.clone()));
        assert_eq!("\"ann\\.lee\"@example.org".parse(), Ok(plain));
    }

    #[test]
    fn odd_local_parts_survive_print_and_parse() {
        for text in [
            "\"a b\"@example.org",
            "\"a\\\"b\"@example.org",
            "\"a@b\"@example.org",
            "žena@example.org",
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(address.to_string().parse(), Ok(address));
        }
    }

    #[test]
    fn spellings_that_look_alike_to_every_reader_compare_equal() {
        let folded = |text: &str| LocalPart::parse(text).unwrap().folded();
        assert_eq!(folded("Ann.LEE"), "ann.lee");
        for same in ["žofie", "ŽOFIE", "z\u{30c}ofie", "Z\u{30c}Ofie"] {
            assert_eq!(folded(same), "žofie", "{same:?}");
        }
        assert_ne!(folded("zofie"), "žofie");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "@",
            "ann",
            "ann@",
            "@example.org",
            "a b@example.org",
            ".a@example.org",
            "a.@example.org",
            "a..b@example.org",
            "\"a@example.org",
            "a\"b\"@example.org",
            "\"a\"b@example.org",
            "\"a\r\n\"@example.org",
            "a\0@example.org",
            "<a@x>b@y.org",
            "a@[192.0.2.1]",
            "a\u{a0}b@example.org",
            "\"\"@example.org",
            &long,
        ] {
            assert!(bad.parse::<Address>().is_err(), "accepted {bad:?}");
        }
    }

    #[test]
    fn detail_is_split_at_the_first_separator() {
        let local = LocalPart::parse("ann+shop+x").unwrap();
        let (user, detail) = local.split_detail('+').unwrap();
        assert_eq!((user.as_str(), detail), ("ann", "shop+x"));
        assert!(
            LocalPart::parse("+shop")
                .unwrap()
                .split_detail('+')
                .is_none()
        );
    }
}
