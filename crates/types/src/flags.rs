//! Message flags and keywords (RFC 9051 §2.3.2).

use std::fmt;
use std::str::FromStr;

use crate::limits::KEYWORD_MAX_OCTETS;

/// The flags of one message as bits: five system flags, then the keywords of its mailbox.
///
/// Which keyword a bit stands for is the mailbox's own dictionary; bit 8 is its first keyword.
/// The sign bit is never used, so the set fits a database integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FlagSet(pub u64);

impl FlagSet {
    /// `\Seen`
    pub const SEEN: Self = Self(1);
    /// `\Answered`
    pub const ANSWERED: Self = Self(1 << 1);
    /// `\Flagged`
    pub const FLAGGED: Self = Self(1 << 2);
    /// `\Deleted`
    pub const DELETED: Self = Self(1 << 3);
    /// `\Draft`
    pub const DRAFT: Self = Self(1 << 4);
    /// All system flags with the names that RFC 9051 gives them.
    pub const SYSTEM: [(Self, &'static str); 5] = [
        (Self::ANSWERED, "\\Answered"),
        (Self::FLAGGED, "\\Flagged"),
        (Self::DELETED, "\\Deleted"),
        (Self::SEEN, "\\Seen"),
        (Self::DRAFT, "\\Draft"),
    ];
    /// The bit of the first keyword of a mailbox.
    pub const FIRST_KEYWORD_BIT: u32 = 8;

    /// The set with only the keyword at `index` of its mailbox's dictionary.
    ///
    /// `None` for an index of [`crate::limits::KEYWORDS_PER_MAILBOX_MAX`] or more.
    pub fn keyword(index: usize) -> Option<Self> {
        if index >= crate::limits::KEYWORDS_PER_MAILBOX_MAX {
            return None;
        }
        u32::try_from(index)
            .ok()
            .map(|index| Self(1 << (Self::FIRST_KEYWORD_BIT + index)))
    }

    /// Whether all flags of `other` are set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Flags of either set.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Flags of this set that are not in `other`.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The indexes of the keywords that are set, smallest first.
    pub fn keyword_indexes(self) -> impl Iterator<Item = usize> {
        (0..crate::limits::KEYWORDS_PER_MAILBOX_MAX)
            .filter(move |index| Self::keyword(*index).is_some_and(|bit| self.contains(bit)))
    }

    /// The system flag of this name, in any case; `None` for `\Recent` and for all others.
    pub fn system_by_name(name: &str) -> Option<Self> {
        Self::SYSTEM
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(name))
            .map(|(flag, _)| *flag)
    }
}

/// A keyword: an atom that a client chose; compared without regard to case (RFC 9051 §2.3.2).
#[derive(Clone, Debug)]
pub struct Keyword(String);

/// Why a text is not a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a keyword is an atom of at most 64 octets that does not begin with a backslash")]
pub struct KeywordError;

impl Keyword {
    /// The keyword as it was first written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Keyword {
    type Err = KeywordError;

    fn from_str(text: &str) -> Result<Self, KeywordError> {
        let atom = |c: u8| c.is_ascii_graphic() && !b"(){%*\"\\]".contains(&c);
        if text.is_empty() || text.len() > KEYWORD_MAX_OCTETS || !text.bytes().all(atom) {
            return Err(KeywordError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::KEYWORDS_PER_MAILBOX_MAX;

    #[test]
    fn no_keyword_reaches_the_sign_bit_or_a_system_flag() {
        let all = (0..KEYWORDS_PER_MAILBOX_MAX + 9).filter_map(FlagSet::keyword);
        let union = all.fold(FlagSet::default(), FlagSet::union);
        assert!(i64::try_from(union.0).is_ok());
        assert_eq!(union.0 & 0xff, 0);
        assert_eq!(union.keyword_indexes().count(), KEYWORDS_PER_MAILBOX_MAX);
    }

    #[test]
    fn keywords_are_atoms() {
        assert_eq!("$Junk".parse::<Keyword>(), "$junk".parse::<Keyword>());
        for bad in [
            "",
            "a b",
            "\\Seen",
            "a\r\n",
            "a]",
            "(a)",
            "ž",
            &"a".repeat(65),
        ] {
            assert!(bad.parse::<Keyword>().is_err(), "accepted {bad:?}");
        }
    }
}
