//! Names of mailboxes (RFC 9051 §5.1) and their special uses (RFC 6154 §2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::{MAILBOX_LEVELS_MAX, MAILBOX_NAME_MAX_OCTETS};

/// The hierarchy separator of every mailbox name.
pub const SEPARATOR: char = '/';

/// A mailbox name in UTF-8: levels divided by [`SEPARATOR`]; the first level `INBOX` in capitals.
///
/// No control characters, no empty level, no level `.` or `..`, no `%`, `*`, `\` and no spaces at
/// the ends of a level, so that a name is never a path, a pattern or a second line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailboxName(String);

/// Why a text is not a mailbox name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailboxNameError {
    /// An empty name or level.
    #[error("a mailbox name has no empty levels")]
    EmptyLevel,
    /// Longer than [`MAILBOX_NAME_MAX_OCTETS`] or deeper than [`MAILBOX_LEVELS_MAX`].
    #[error("a mailbox name has at most 512 octets and 16 levels")]
    TooLong,
    /// A character or a level that names something else.
    #[error("a mailbox name has no control characters, no * % or \\, and no level . or ..")]
    BadLevel,
}

impl MailboxName {
    /// The mailbox that every account has (RFC 9051 §5.1).
    pub fn inbox() -> Self {
        Self("INBOX".to_owned())
    }

    /// Whether this is `INBOX` itself.
    pub fn is_inbox(&self) -> bool {
        self.0 == "INBOX"
    }

    /// The whole name in UTF-8.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name one level up, if there is one.
    pub fn parent(&self) -> Option<Self> {
        self.0
            .rsplit_once(SEPARATOR)
            .map(|(parent, _)| Self(parent.to_owned()))
    }

    /// The rest of the name below `ancestor`, if this is a descendant of it.
    pub fn below<'a>(&'a self, ancestor: &Self) -> Option<&'a str> {
        self.0.strip_prefix(&ancestor.0)?.strip_prefix(SEPARATOR)
    }
}

impl FromStr for MailboxName {
    type Err = MailboxNameError;

    fn from_str(text: &str) -> Result<Self, MailboxNameError> {
        if text.len() > MAILBOX_NAME_MAX_OCTETS
            || text.split(SEPARATOR).count() > MAILBOX_LEVELS_MAX
        {
            return Err(MailboxNameError::TooLong);
        }
        text.split(SEPARATOR).try_for_each(check_level)?;
        let (first, rest) = text.split_at(text.find(SEPARATOR).unwrap_or(text.len()));
        if first.eq_ignore_ascii_case("INBOX") {
            return Ok(Self(format!("INBOX{rest}")));
        }
        Ok(Self(text.to_owned()))
    }
}

fn check_level(level: &str) -> Result<(), MailboxNameError> {
    if level.is_empty() {
        return Err(MailboxNameError::EmptyLevel);
    }
    let invisible = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    let special = |c: char| invisible(c) || matches!(c, '*' | '%' | '\\');
    if level.contains(special) || level == "." || level == ".." || level.trim() != level {
        return Err(MailboxNameError::BadLevel);
    }
    Ok(())
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for MailboxName {
    type Error = MailboxNameError;

    fn try_from(text: String) -> Result<Self, MailboxNameError> {
        text.parse()
    }
}

impl From<MailboxName> for String {
    fn from(name: MailboxName) -> Self {
        name.0
    }
}

/// What a mailbox is for (RFC 6154 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpecialUse {
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

impl SpecialUse {
    /// Every use with its attribute and the name of the mailbox that an account gets for it.
    pub const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Archive, "\\Archive", "Archive"),
        (Self::Drafts, "\\Drafts", "Drafts"),
        (Self::Junk, "\\Junk", "Junk"),
        (Self::Sent, "\\Sent", "Sent"),
        (Self::Trash, "\\Trash", "Trash"),
    ];

    /// The attribute that LIST gives, such as `\Sent`.
    pub fn attribute(self) -> &'static str {
        match self {
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inbox_has_one_spelling() {
        assert_eq!("inBox".parse(), Ok(MailboxName::inbox()));
        assert_eq!(
            "inbox/a".parse::<MailboxName>().unwrap().as_str(),
            "INBOX/a"
        );
        assert_eq!(
            "inboxes".parse::<MailboxName>().unwrap().as_str(),
            "inboxes"
        );
        assert_eq!(
            "a/inbox".parse::<MailboxName>().unwrap().as_str(),
            "a/inbox"
        );
    }

    #[test]
    fn a_name_is_never_a_path_or_a_pattern() {
        let deep = ["a"; 17].join("/");
        let long = "a".repeat(513);
        for bad in [
            "", "/", "a/", "/a", "a//b", "..", "a/../b", ".", "a*", "a%", "a\r\nb", "a\0", "a\\b",
            " a", "a /b", &deep, &long,
        ] {
            assert!(bad.parse::<MailboxName>().is_err(), "accepted {bad:?}");
        }
    }

    #[test]
    fn descendants_know_their_ancestor() {
        let child: MailboxName = "a/b/c".parse().unwrap();
        assert_eq!(child.below(&"a".parse().unwrap()), Some("b/c"));
        assert_eq!(child.below(&"a/b/c".parse().unwrap()), None);
        assert_eq!(
            "ab/c"
                .parse::<MailboxName>()
                .unwrap()
                .below(&"a".parse().unwrap()),
            None
        );
        assert_eq!(child.parent(), Some("a/b".parse().unwrap()));
    }
}
