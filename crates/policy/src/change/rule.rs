//! Rules: what is done to mail, at three levels. The text of a rule stands in its entry, so that
//! the record holds whole what was in force.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sieve::form::FormRule;
use types::{AccountId, DomainId, RuleId, Timestamp};

use crate::change::moment;

/// Whose mail a rule is about; written as `server`, `d_1` or `a_7`.
///
/// The levels run in this order for each recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RuleLevel {
    /// All mail.
    Server,
    /// Mail for the addresses of a domain, or from them.
    Domain(DomainId),
    /// Mail for an account.
    Account(AccountId),
}

/// A text that names no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither \"server\" nor an id such as d_1 or a_7")]
pub struct LevelError(String);

/// Which way mail goes that a rule looks at.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RuleDirection {
    /// Mail that is delivered here.
    #[default]
    In,
    /// Mail that accounts here send; at the levels of the server and of domains only.
    Out,
}

/// What a rule is to people.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RulePurpose {
    /// A rule among others.
    #[default]
    Rule,
    /// The setting by which an account has its mail sent on.
    Forward,
    /// The setting by which an account answers while its owner is away.
    Vacation,
    /// A script that a mail program keeps here (RFC 5804); at most one of an account is active.
    Script,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleContent {
    /// A script in Sieve (RFC 5228), as it was written.
    Script(#[serde(with = "types::long_text")] String),
    /// Conditions and actions of a form.
    Form(FormRule),
}

/// `rule.create` and `rule.change`: a rule as it is from now on. A new one stands last, but before
/// the scripts of mail programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// The rule.
    pub id: RuleId,
    /// Whose mail it is about; never changes.
    pub level: RuleLevel,
    /// What people call it. Scripts are included by it (RFC 6609 §3.2).
    pub name: String,
    /// Why it is there.
    pub comment: String,
    /// Whether it is in force.
    pub enabled: bool,
    /// Which way the mail goes that it looks at.
    pub direction: RuleDirection,
    /// Whether `stop` in it also ends the list: no later rule of the level sees that message. A form
    /// says so itself.
    pub stop: bool,
    /// When it ends; the server then switches it off by an entry.
    #[serde(with = "moment::optional")]
    pub expires: Option<Timestamp>,
    /// What it is to people.
    pub purpose: RulePurpose,
    /// What it does.
    pub content: RuleContent,
    /// Of a new rule: the one before which it stands; absent: it stands last. A rule that is there
    /// moves by `rule.move`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<RuleId>,
}

/// `rule.remove`, `rule.pause`, `rule.resume` and `rule.expire`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleRef {
    /// The rule.
    pub id: RuleId,
}

/// `rule.move`: another place in the list of its level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleMove {
    /// The rule.
    pub id: RuleId,
    /// The rule before which it stands from now on; `null`: it stands last.
    pub before: Option<RuleId>,
}

impl fmt::Display for RuleLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("server"),
            Self::Domain(id) => id.fmt(f),
            Self::Account(id) => id.fmt(f),
        }
    }
}

impl FromStr for RuleLevel {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        if text == "server" {
            return Ok(Self::Server);
        }
        let domain = text.parse().map(Self::Domain);
        domain
            .or_else(|_| text.parse().map(Self::Account))
            .map_err(|_| LevelError(text.to_owned()))
    }
}

impl TryFrom<String> for RuleLevel {
    type Error = LevelError;

    fn try_from(text: String) -> Result<Self, LevelError> {
        text.parse()
    }
}

impl From<RuleLevel> for String {
    fn from(level: RuleLevel) -> Self {
        level.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_has_one_spelling() {
        for text in ["server", "d_1", "a_7"] {
            assert_eq!(text.parse::<RuleLevel>().unwrap().to_string(), text);
        }
        for bad in ["", "Server", "a_07", "al_1", "ann@example.org"] {
            assert!(bad.parse::<RuleLevel>().is_err(), "accepted {bad:?}");
        }
    }
}
