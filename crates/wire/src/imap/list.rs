//! What LIST asks for (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154).

use super::command::StatusItem;
use super::pattern::ListPattern;

/// One LIST command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRequest {
    /// Whether it was written with options or with several patterns (RFC 5258 §3).
    pub extended: bool,
    /// Which mailboxes of those that match.
    pub select: ListSelect,
    /// Reference and pattern, joined; at least one.
    pub patterns: Vec<ListPattern>,
    /// What shall be told besides attributes.
    pub returns: ListReturn,
}

/// Selection options; a mailbox has to meet all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListSelect {
    /// `SUBSCRIBED`
    pub subscribed: bool,
    /// `SPECIAL-USE` (RFC 6154 §2)
    pub special_use: bool,
    /// `RECURSIVEMATCH`: also those above a mailbox that meets the others.
    pub recursive: bool,
}

/// Return options. `CHILDREN` and `SPECIAL-USE` are told to everybody, asked or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListReturn {
    /// `SUBSCRIBED`: the attribute `\Subscribed`.
    pub subscribed: bool,
    /// `STATUS`: a STATUS response with these items for each mailbox (RFC 5819 §2).
    pub status: Vec<StatusItem>,
}

impl ListSelect {
    /// The names of the options that a mailbox itself has to meet.
    pub fn criteria(self) -> impl Iterator<Item = &'static str> {
        let named = [
            (self.subscribed, "SUBSCRIBED"),
            (self.special_use, "SPECIAL-USE"),
        ];
        named
            .into_iter()
            .filter(|(on, _)| *on)
            .map(|(_, name)| name)
    }
}
