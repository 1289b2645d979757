//! What a script can do, found by walking it: never less than any run of it does.
//!
//! The walk follows every way that a run can take and asks of each whether the message is still in a
//! folder at its end. It knows no message, so a condition is only told, not judged, but for those
//! that hold for practically every message: they count as none. What it says may be more than
//! happens, as where two conditions exclude each other.

use crate::ast::Script;

mod action;
mod catch_all;
mod kept;
mod path;
mod truth;
mod walk;

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;

/// Everything that a script can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// What it can do, each once.
    pub list: Vec<Effect>,
    /// Whether some run leaves the message in no folder: discarded, sent on without a copy, filed
    /// nowhere.
    pub may_keep_nothing: bool,
}

/// One thing that a script can do, and when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Effect {
    /// What.
    pub kind: EffectKind,
    /// On which messages.
    pub when: When,
}

/// On which messages something happens. Words are a condition for people, such as
/// `the subject contains "tucows"`; what somebody typed stands in quotes, hidden characters as they
/// are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// On all of them: there is no condition, or one that always holds.
    Always,
    /// Counts as all of them: whether the condition with these words holds cannot be told before
    /// (dates, environment, `ihave`, spam score, variables).
    Unforeseen(String),
    /// On those with these words.
    If(String),
}

impl When {
    /// Whether it counts as on all messages.
    pub fn counts_as_always(&self) -> bool {
        matches!(self, Self::Always | Self::Unforeseen(_))
    }

    /// The words of the condition, if there is one.
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Always => None,
            Self::Unforeseen(words) | Self::If(words) => Some(words),
        }
    }
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EffectKind {
    /// The message is in no folder.
    Discards,
    /// It is refused.
    Rejects,
    /// It is sent to somebody.
    Redirects {
        /// To whom, as written.
        address: String,
        /// Whether every run that does this also keeps it in a folder.
        keeps_copy: bool,
    },
    /// It goes into a folder other than the one it would.
    Files {
        /// The folder; `None`: any, since the name is computed.
        mailbox: Option<String>,
        /// The special use whose folder goes before the name, such as `\\Junk` (RFC 8579 §4).
        special_use: Option<String>,
        /// Whether every run that does this also leaves it where it would be.
        keeps_copy: bool,
    },
    /// A flag is set, system flags as IMAP writes them; `None`: any, since they are computed.
    Flags(Option<String>),
    /// Header fields are added or removed.
    Alters {
        /// Name of the field; `None`: any, since the name is computed.
        header: Option<String>,
    },
    /// The sender gets an answer.
    Replies {
        /// From whom, if the script says so.
        from: Option<String>,
        /// The text; `None` if it is computed.
        text: Option<String>,
    },
    /// Somebody is told.
    Notifies {
        /// The `mailto:` URI.
        method: String,
    },
    /// A copy of the answer or notification is filed; `None`: in any folder, since the name is
    /// computed.
    FilesAnswer {
        /// The folder.
        mailbox: Option<String>,
    },
    /// Nothing after it is done, neither in the script nor in the list of rules.
    Stops,
}

/// What a script can do, in the order of its text. Scripts that it includes are followed.
///
/// A script whose includes and loops hold more than can be followed does all that stands in it,
/// always.
pub fn effects<'a>(script: &'a Script, included: &Included<'a>) -> Effects {
    walk::effects(script, included)
}

/// Which script an `include` means.
pub type Included<'a> = dyn Fn(&str) -> Option<&'a Script> + 'a;
