//! One screen that tells what happened: to a rule, a message, an account, a session, an address, or
//! around a time; also when the rule, its author or the session are gone.
//!
//! Each section is bounded by a named constant and says how much more there is. What is not known is
//! always told, and so is what vouches for the rest. Reading it is an act on other people's mail: a
//! record of who looked at what is durable before the answer.

mod around;
mod confidence;
mod made;

mod message;
mod moment;
mod person;
mod place;
mod rule;

pub use around::Moment;
pub use confidence::Confidence;
pub use made::MadeBy;
pub use rule::Touched;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use types::{Address, RuleId, SessionId, Timestamp};

use crate::Service;
use crate::activity::{About, Record};
use crate::actor::Actor;
use crate::error::{ServiceError, ServiceResult};

/// Lines of one list that are told; the rest is counted.
const LINES_MAX: usize = 4;

/// What is to be explained.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// A rule, also one that is gone.
    Rule(RuleId),
    /// A message, by the id of the reply to the client or by its Message-ID.
    Message(String),
    /// An account, also one that is gone.
    Account(Address),
    /// A session, also one that has ended.
    Session(SessionId),
    /// A mail address, inside or outside.
    Address(Address),
    /// An address on the network.
    Source(IpAddr),
    /// What happened around a time, in microseconds since 1970.
    Time(i64),
}

/// All that is known of something, a field for each part of the screen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// What it is about, such as `rule "Orders" (r_2)`.
    pub subject: String,
    /// The answer in one sentence.
    pub sentence: String,
    /// What it is, or does.
    pub what: Vec<String>,
    /// What became of mail.
    pub harm: Vec<String>,
    /// The same in numbers, of rules.
    pub touched: Option<Touched>,
    /// Who made it.
    pub who: Vec<String>,
    /// By which way.
    pub how: Vec<String>,
    /// The same as facts, where an entry tells them.
    pub made: Option<MadeBy>,
    /// What happened around it, in the order of time.
    pub timeline: Vec<Moment>,
    /// Moments that had no room.
    pub timeline_more: usize,
    /// What else the same session, actor or source did.
    pub also: Vec<String>,
    /// What vouches for all that.
    pub confidence: Confidence,
    /// What cannot be told; never empty.
    pub not_known: Vec<String>,
    /// What to do.
    pub steps: Vec<Step>,
}

/// A command, ready to be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What it is for.
    pub why: String,
    /// The command.
    pub command: String,
}

impl Step {
    fn new(why: impl Into<String>, command: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            command: command.into(),
        }
    }
}

impl Question {
    /// What is asked, and about what, for the record.
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::Rule(id) => ("rule", id.to_string()),
            Self::Message(id) => ("message", id.clone()),
            Self::Account(address) => ("account", address.to_string()),
            Self::Session(id) => ("session", id.to_string()),
            Self::Address(address) => ("address", address.to_string()),
            Self::Source(source) => ("source", source.to_string()),
            Self::Time(us) => ("time", Timestamp(*us).to_rfc3339()),
        }
    }
}

/// Octets of what is asked about that the record keeps.
const ASKED_MAX_OCTETS: usize = 300;

impl Service {
    /// Explains something to somebody who may read all records.
    pub async fn explain(&self, actor: &Actor, question: Question) -> ServiceResult<Explanation> {
        self.may_read_server(actor)?;
        let (what, of) = question.words();
        if of.len() > ASKED_MAX_OCTETS {
            return Err(ServiceError::NotFound("thing of so long a name"));
        }
        let by = actor.name();
        self.record_first(&About::default(), &Record::Explained { what, of, by })
            .await?;
        let mut told = match question {
            Question::Rule(id) => self.explain_rule(id).await?,
            Question::Message(id) => self.explain_message(id).await?,
            Question::Account(address) => self.explain_account(&address).await?,
            Question::Session(id) => self.explain_session(id).await?,
            Question::Address(address) => self.explain_address(actor, &address).await?,
            Question::Source(source) => self.explain_source(source).await?,
            Question::Time(us) => self.explain_time(Timestamp(us)).await?,
        };
        told.not_known.push(
            "What happened on the machine itself, outside this server, such as copies of its disk."
                .to_owned(),
        );
        Ok(told)
    }
}

/// The first lines of a list, and how many there are beside.
fn first_lines(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > LINES_MAX {
        let rest = lines.split_off(LINES_MAX).len();
        lines.push(format!("… and {rest} more."));
    }
    lines
}

/// `1 message`, `2 messages`, `3 copies`.
fn count(number: usize, one: &str) -> String {
    match (number, one.strip_suffix('y')) {
        (1, _) => format!("1 {one}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ if one.ends_with('x') => format!("{number} {one}es"),
        _ => format!("{number} {one}s"),
    }
}

/// The same of a count that stops at a bound.
fn at_least(number: usize, bound: usize, one: &str) -> String {
    match number < bound {
        true => count(number, one),
        false => format!("at least {}", count(number, one)),
    }
}

/// A moment as people read it, in UTC.
pub(crate) fn when(at: Timestamp) -> String {
    let text = at.to_rfc3339();
    let seconds = text.split('.').next().unwrap_or_default();
    seconds.trim_end_matches('Z').replacen('T', " ", 1)
}
