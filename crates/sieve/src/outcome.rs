//! What a run leads to. Nothing is done by this crate; the caller does it.

use crate::ast::Pos;

/// What a script wants done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Actions, in the order in which they were met; the same twice only once. What is kept or sent
    /// has the header as the edits before it left it (RFC 5293 §7).
    pub actions: Vec<Action>,
    /// Whether the implicit keep is still to be done (RFC 5228 §2.10.2).
    pub implicit_keep: bool,
    /// The flags for the implicit keep, where the script set any (RFC 5232 §2.1).
    pub flags: Option<Vec<String>>,
    /// Whether `stop` ended it.
    pub stopped: bool,
    /// The tests that decided, for people who ask why; at most [`crate::limits::DECISIONS_MAX`].
    pub decisions: Vec<Decision>,
    /// What the script asked for and did not get; at most [`crate::limits::NOTES_MAX`].
    pub notes: Vec<Note>,
}

/// One action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Keeps the message in the folder that an implicit keep would choose.
    Keep {
        /// Flags.
        flags: Vec<String>,
    },
    /// Does not keep it.
    Discard,
    /// Keeps it in a folder.
    FileInto {
        /// The folder.
        mailbox: String,
        /// The special use that goes before the name, if a folder has it (RFC 8579 §4).
        special_use: Option<String>,
        /// Whether the folder is made if it is missing.
        create: bool,
        /// Whether the implicit keep stays.
        copy: bool,
        /// Flags.
        flags: Vec<String>,
    },
    /// Sends it on.
    Redirect {
        /// To whom, as written.
        address: String,
        /// Whether the implicit keep stays.
        copy: bool,
    },
    /// Refuses it.
    Reject {
        /// What the sender is told.
        reason: String,
        /// Whether a reply of the protocol is wanted in any case (`ereject`).
        extended: bool,
    },
    /// Adds a header field.
    AddHeader {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// Below all others, else above.
        last: bool,
    },
    /// Removes a header field.
    DeleteHeader {
        /// Its name.
        name: String,
        /// Its place among the fields of the name as they are then, from 0.
        index: usize,
    },
    /// Answers the sender, unless that was done lately.
    Vacation(VacationReply),
    /// Tells somebody.
    Notify {
        /// The `mailto:` URI.
        method: String,
        /// `1` to `3`.
        importance: u8,
        /// From whom.
        from: Option<String>,
        /// What.
        message: Option<String>,
        /// Where a copy is filed.
        fcc: Option<Box<Action>>,
    },
    /// Notes that the message was met (RFC 7352 §3).
    Remember {
        /// Which list.
        handle: String,
        /// The mark, as long as the message made it.
        id: String,
        /// For how long.
        seconds: u64,
    },
}

/// An automatic answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct VacationReply {
    /// Seconds in which a sender is answered once.
    pub seconds: u64,
    /// The subject, if the script gives one.
    pub subject: Option<String>,
    /// From whom, if the script says so.
    pub from: Option<String>,
    /// Further addresses of the owner, as written.
    pub addresses: Vec<String>,
    /// Whether the text is a MIME entity.
    pub mime: bool,
    /// What makes two answers the same: `:handle`, else made of the other arguments as written
    /// (RFC 5230 §4.2).
    pub handle: String,
    /// The text.
    pub reason: String,
    /// Where a copy is filed.
    pub fcc: Option<Box<Action>>,
}

/// A test that was asked, and so had its part in which way a script went. Tests that hold others
/// (`not`, `allof`, `anyof`) are told by those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The included script in which the test stands; `None` for the one that was run.
    pub script: Option<String>,
    /// Where the test stands.
    pub at: Pos,
    /// Whether it held.
    pub held: bool,
}

/// Something that was left undone without ending the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The included script that asked for it; `None` for the one that was run.
    pub script: Option<String>,
    /// Where it was asked.
    pub at: Pos,
    /// What was left undone.
    pub left: Left,
}

/// What was left undone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Left {
    /// A header field that no script changes (RFC 5293 §6).
    #[error("the header field {0:?} cannot be changed by rules")]
    Header(String),
    /// A computed regular expression that is none; it matched nothing.
    #[error("a regular expression matched nothing, because {0}")]
    Pattern(String),
}
