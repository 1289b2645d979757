//! Rules as forms: conditions, actions and a stop flag, for people who write no Sieve.
//!
//! A form is built straight into a script ([`FormRule::to_script`]), never through text, and known
//! again when that script comes back unchanged ([`recognise`]). Its JSON stands in entries of the
//! ledger: what is encoded here never changes, new kinds are added.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use types::Address;

use crate::day::Day;

mod build;
mod check;
mod recognise;
mod words;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use check::FormError;
pub use recognise::recognise;

/// Conditions of a rule.
pub const CONDITIONS_MAX: usize = 50;
/// Values of a condition.
pub const VALUES_MAX: usize = 100;
/// Characters of a value, of the text that goes before a subject, and of a header field.
pub const VALUE_MAX_CHARS: usize = 1_000;
/// Characters of a reply or of the reason of a refusal.
pub const TEXT_MAX_CHARS: usize = 8_000;
/// Actions of a rule.
pub const ACTIONS_MAX: usize = 16;
/// Octets of all texts of a rule together, so that the rule fits an entry and its script can be
/// shown.
pub const FORM_MAX_OCTETS: usize = 16_384;
/// The largest size that a condition can ask for (RFC 5228 §8.1 promises numbers up to this one).
pub const OCTETS_MAX: u64 = 2_147_483_647;
/// Days in which a sender is answered once: at least one, and at most this many.
pub const REPLY_DAYS_MAX: u16 = 365;

/// A rule as a form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormRule {
    /// Which messages it is about; none: every message.
    pub conditions: Vec<Condition>,
    /// Whether all conditions must hold, else any of them.
    pub all: bool,
    /// What is done, in the order of [`FormRule::settled`].
    pub actions: Vec<FormAction>,
    /// Whether no later rule of the list looks at the message.
    pub stop: bool,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// A text of the message is compared with values.
    Text {
        /// Which text.
        place: Place,
        /// How.
        compare: Compare,
        /// Any of these; with a negative comparison none of these.
        values: Vec<String>,
    },
    /// Something is known about the message.
    Fact {
        /// What.
        fact: Fact,
        /// Whether it must be so, else it must not.
        holds: bool,
    },
    /// The sender gave the message a priority.
    Priority {
        /// Which.
        priority: Priority,
    },
    /// The message is larger or smaller.
    Size {
        /// Which of both.
        bound: Bound,
        /// Than this many octets.
        octets: u64,
    },
    /// The largest attachment is larger or smaller; without an attachment it has 0 octets.
    AttachmentSize {
        /// Which of both.
        bound: Bound,
        /// Than this many octets.
        octets: u64,
    },
    /// The message came in a range of days, both of which belong to it, in the zone of the server.
    Received {
        /// The first day; `None`: since ever.
        from: Option<Day>,
        /// The last day; `None`: for ever.
        until: Option<Day>,
    },
    /// The message looks more or less like spam.
    SpamScore {
        /// Which of both.
        bound: Bound,
        /// Than this, of 100; a message at which nobody looked has 0.
        percent: u8,
    },
}

/// Which text of a message is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The address of the sender, in the field From.
    FromAddress,
    /// Its domain.
    FromDomain,
    /// An address in the field To.
    ToAddress,
    /// Its domain.
    ToDomain,
    /// An address in the field Cc.
    CcAddress,
    /// Its domain.
    CcDomain,
    /// An address in one of the fields To and Cc.
    ToOrCcAddress,
    /// Its domain.
    ToOrCcDomain,
    /// The subject.
    Subject,
    /// The words of the body.
    Body,
    /// The subject or the words of the body.
    SubjectOrBody,
    /// The field From with the name of the person.
    From,
    /// The field To with the names of the persons.
    To,
    /// All header fields as one text.
    Headers,
    /// The header fields or the words of the body.
    Message,
    /// The name of an attachment.
    AttachmentName,
    /// What follows the last dot of the name of an attachment, such as `pdf` (or `tar.gz`); compared
    /// only as equal or not.
    AttachmentExtension,
    /// The network address of the server that sent the message.
    SendingIp,
}

/// How a text is compared with the values; small and capital letters are the same (ASCII).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// It is one of the values.
    Equals,
    /// It is none of the values.
    NotEquals,
    /// It contains one of the values.
    Contains,
    /// It contains none of the values.
    NotContains,
    /// It is as one of the values, where `*` stands for any characters and `?` for one.
    Matches,
    /// It is as none of the values.
    NotMatches,
}

/// What can be known about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The sender is on the list of trusted senders.
    TrustedSender,
    /// The sender is who the message says.
    AuthenticatedSender,
    /// A program sent it: a list, a reply, a notification.
    Automated,
    /// The owner of the mailbox is the only recipient in To and Cc.
    OnlyToMe,
    /// The owner is named in To.
    MeInTo,
    /// The owner is named in To or Cc.
    MeInToOrCc,
    /// There is an attachment.
    HasAttachment,
}

/// The priority of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// High.
    High,
    /// Normal, or none given.
    Normal,
    /// Low.
    Low,
}

/// On which side of a number something lies; the number itself is on neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Above it.
    Over,
    /// Below it.
    Under,
}

/// One action. The order of the variants is the order in which actions are done: what is filed or
/// sent on has the header fields and the flags of all that came before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FormAction {
    /// Adds a header field above the others.
    AddHeader {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Puts a text and a space before the subject.
    PrefixSubject {
        /// The text.
        prefix: String,
    },
    /// Gives the message a priority in place of the sender's.
    SetPriority {
        /// Which.
        priority: Priority,
    },
    /// Marks it as read.
    MarkRead {},
    /// Flags it for follow-up.
    Flag {},
    /// Answers the sender, once in some days.
    Reply {
        /// The subject; `None`: made from the subject of the message.
        subject: Option<String>,
        /// The text.
        #[serde(with = "types::long_text")]
        text: String,
        /// Days in which a sender is answered once.
        days: u16,
    },
    /// Sends it to somebody and keeps it.
    CopyTo {
        /// To whom.
        to: Address,
    },
    /// Puts a copy into a folder, which is made if it is missing.
    CopyInto {
        /// The folder.
        folder: String,
    },
    /// Puts it into a folder, which is made if it is missing, and nowhere else.
    MoveTo {
        /// The folder.
        folder: String,
    },
    /// Sends it to somebody and does not keep it.
    Redirect {
        /// To whom.
        to: Address,
    },
    /// Deletes it. Later rules do not look at it.
    Delete {},
    /// Refuses it. Later rules do not look at it.
    Reject {
        /// What the sender is told.
        #[serde(with = "types::long_text")]
        reason: String,
    },
}

impl Compare {
    /// Whether it holds where the values are *not* found.
    pub fn is_negative(self) -> bool {
        matches!(self, Self::NotEquals | Self::NotContains | Self::NotMatches)
    }
}

impl FormAction {
    /// Whether no later rule of the list looks at the message.
    pub fn ends(&self) -> bool {
        matches!(self, Self::Delete {} | Self::Reject { .. })
    }

    /// Its place in the order in which actions are done.
    fn rank(&self) -> u8 {
        match self {
            Self::AddHeader { .. } => 0,
            Self::PrefixSubject { .. } => 1,
            Self::SetPriority { .. } => 2,
            Self::MarkRead {} => 3,
            Self::Flag {} => 4,
            Self::Reply { .. } => 5,
            Self::CopyTo { .. } => 6,
            Self::CopyInto { .. } => 7,
            Self::MoveTo { .. } => 8,
            Self::Redirect { .. } => 9,
            Self::Delete {} => 10,
            Self::Reject { .. } => 11,
        }
    }
}

impl FormRule {
    /// The rule with what follows from it: its actions in the order in which they are done, each once,
    /// the stop flag set where an action ends the list, and `all` where there is no condition.
    /// [`FormRule::check`] wants it so.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.actions.sort_by_key(FormAction::rank);
        let mut seen = HashSet::new();
        self.actions.retain(|action| seen.insert(action.clone()));
        self.stop |= self.actions.iter().any(FormAction::ends);
        self.all |= self.conditions.is_empty();
        self
    }
}
