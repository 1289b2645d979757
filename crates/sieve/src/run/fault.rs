//! Why a run ended early. The caller keeps the message in the inbox and reports the rule.

use std::fmt;

use crate::ast::Pos;
use crate::limits;

/// A run that ended early: what it had asked for until then is void (RFC 5228 §2.10.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunError {
    /// The included script in which it happened; `None` for the one that was run.
    pub script: Option<String>,
    /// The command or test at which it happened.
    pub at: Pos,
    /// What happened.
    pub fault: Fault,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at)?;
        if let Some(script) = &self.script {
            write!(f, " of the script {script:?}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl std::error::Error for RunError {}

/// What ends a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A bound was passed.
    #[error("{0}")]
    Limit(Limit),
    /// Actions that cannot both be done.
    #[error("{0} and {1} cannot both be done to one message")]
    Conflict(&'static str, &'static str),
    /// The script's own `error` (RFC 5463 §5).
    #[error("the script says: {0}")]
    Script(String),
    /// An included script that is not there (RFC 6609 §3.2).
    #[error("there is no script {0:?} to include")]
    NoScript(String),
    /// A script that includes itself (RFC 6609 §3.1).
    #[error("the script {0:?} includes itself")]
    Recursion(String),
    /// What a checked script does not hold.
    #[error("{0}")]
    Unchecked(&'static str),
}

/// Bounds of a run; the numbers are in [`crate::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`limits::STEPS_MAX`]
    Steps,
    /// [`limits::NESTING_MAX`]
    Nesting,
    /// [`limits::VARIABLES_MAX`]
    Variables,
    /// [`limits::STRING_MAX_OCTETS`]
    String,
    /// [`limits::ACTIONS_MAX`]
    Actions,
    /// [`limits::REDIRECTS_MAX`]
    Redirects,
    /// [`limits::INCLUDE_DEPTH_MAX`]
    IncludeDepth,
    /// [`limits::INCLUDES_MAX`]
    Includes,
    /// [`limits::REASON_MAX_OCTETS`]
    Reason,
    /// [`limits::FLAGS_MAX`]
    Flags,
    /// [`limits::HEADER_EDITS_MAX`]
    HeaderEdits,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, most) = match self {
            Self::Steps => ("it takes too long: more steps than", limits::STEPS_MAX),
            Self::Nesting => (
                "blocks and tests lie within each other deeper than",
                of(limits::NESTING_MAX),
            ),
            Self::Variables => ("more variables than", of(limits::VARIABLES_MAX)),
            Self::String => (
                "a text with its variables has more octets than",
                of(limits::STRING_MAX_OCTETS),
            ),
            Self::Actions => ("more actions than", of(limits::ACTIONS_MAX)),
            Self::Redirects => ("more redirects than", of(limits::REDIRECTS_MAX)),
            Self::IncludeDepth => (
                "included scripts lie within each other deeper than",
                of(limits::INCLUDE_DEPTH_MAX),
            ),
            Self::Includes => ("more included scripts than", of(limits::INCLUDES_MAX)),
            Self::Reason => (
                "a text to send has more octets than",
                of(limits::REASON_MAX_OCTETS),
            ),
            Self::Flags => ("more flags than", of(limits::FLAGS_MAX)),
            Self::HeaderEdits => (
                "more changes of the header than",
                of(limits::HEADER_EDITS_MAX),
            ),
        };
        write!(f, "{what} the limit of {most}")
    }
}

fn of(limit: usize) -> u64 {
    limit as u64
}
