//! What a script can do, found by walking it: never less than any run of it does.

use crate::ast::Script;

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

/// On which messages something happens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// On all of them: there is no condition, or one that always holds, or that cannot be told
    /// before (dates, environment, `ihave`).
    Always,
    /// On those with these words: a condition for people, such as `the text contains "tucows"`.
    If(String),
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
        /// Whether it also stays where it would be.
        keeps_copy: bool,
    },
    /// Flags are set; `None`: any, since they are computed.
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
    /// Nothing after it is done.
    Stops,
}

/// Which script an `include` means.
pub type Included<'a> = dyn Fn(&str) -> Option<&'a Script> + 'a;
