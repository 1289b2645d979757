//! One level's list of rules on one message: where it leaves the message, and what else it wants.
//!
//! Pure but for what the [`sieve::World`] answers. A level starts from where the level above left
//! the message; what it does not say stays so.

use std::collections::BTreeSet;

use sieve::{Action, Script, VacationReply, World};
use types::RuleId;

use super::edit;
use crate::mime::Filterable;

/// A rule that is in force.
#[derive(Clone, Copy)]
pub(crate) struct Rule<'a> {
    pub(crate) id: RuleId,
    /// The entry that gave it its present form.
    pub(crate) seq: u64,
    /// Whether its `stop` ends the list too.
    pub(crate) stop: bool,
    pub(crate) script: &'a Script,
}

/// A rule as records name it: `r_1@17`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RuleAt {
    pub(crate) id: RuleId,
    pub(crate) seq: u64,
}

impl std::fmt::Display for RuleAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.id, self.seq)
    }
}

/// A folder that a message goes to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Filing {
    /// `None`: the inbox.
    pub(crate) folder: Option<Folder>,
    pub(crate) flags: BTreeSet<String>,
}

/// A folder by what a rule calls it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Folder {
    pub(crate) name: String,
    /// A folder with this use goes before the name.
    pub(crate) special_use: Option<String>,
    /// Whether it is made where it is missing.
    pub(crate) create: bool,
}

/// Where a message is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In these folders; at least one.
    Kept(Vec<Filing>),
    /// In none.
    Gone { by: RuleAt, how: Gone },
    /// In quarantine, since a scanner is sure that it is spam.
    Held { why: String },
    /// The sender is told no, by a rule, by a list of blocked senders or for a virus.
    Rejected { by: Option<RuleAt>, reason: String },
}

/// How a message came to be in no folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// A rule deletes it.
    Deleted,
    /// A rule sends it on and keeps no copy.
    SentOn,
}

/// What a rule wants beside the place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wish {
    /// To send the message on.
    Redirect { to: String },
    /// To answer.
    Reply(VacationReply),
    /// To tell somebody.
    Notify {
        method: String,
        message: Option<String>,
        importance: u8,
    },
    /// To know the message again.
    Remember {
        handle: String,
        mark: String,
        seconds: u64,
    },
}

/// What came of one rule that looked at the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) rule: RuleAt,
    /// What it did, in words such as `discard` or `fileinto Lists`; empty if nothing.
    pub(crate) did: Vec<String>,
    /// The last test that decided: its line, and whether it held.
    pub(crate) decided: Option<(u32, bool)>,
    /// Why it could not run to its end.
    pub(crate) failed: Option<String>,
}

impl Place {
    /// Whether it was sent on and no copy is kept.
    pub(super) fn is_sent_on(&self) -> bool {
        let how = match self {
            Self::Gone { how, .. } => Some(*how),
            Self::Kept(_) | Self::Held { .. } | Self::Rejected { .. } => None,
        };
        how == Some(Gone::SentOn)
    }
}

impl Wish {
    /// What an action wants done elsewhere; `None` if it is about the message itself.
    fn of(action: Action) -> Option<Self> {
        Some(match action {
            Action::Redirect { address, .. } => Self::Redirect { to: address },
            Action::Vacation(reply) => Self::Reply(reply),
            Action::Notify {
                method,
                importance,
                message,
                ..
            } => Self::Notify {
                method,
                message,
                importance,
            },
            Action::Remember {
                handle,
                id,
                seconds,
            } => Self::Remember {
                handle,
                mark: id,
                seconds,
            },
            Action::Keep { .. }
            | Action::Discard
            | Action::FileInto { .. }
            | Action::Reject { .. }
            | Action::AddHeader { .. }
            | Action::DeleteHeader { .. } => return None,
        })
    }
}

impl Look {
    /// Whether the rule did anything.
    pub(crate) fn acted(&self) -> bool {
        !self.did.is_empty()
    }

    /// The look without what is done only when a message arrives, not to one that is here.
    pub(super) fn on_stored(&self) -> Self {
        let mut look = self.clone();
        look.did.retain(|did| {
            let verb = did.split(' ').next().unwrap_or_default();
            matches!(verb, "keep" | "discard" | "fileinto" | "flag")
        });
        look
    }
}

/// What a level leads to.
#[derive(Clone, Debug)]
pub(crate) struct Ruled {
    pub(crate) place: Place,
    /// The header block, if it was changed.
    pub(crate) head: Option<Vec<u8>>,
    pub(crate) wishes: Vec<(RuleAt, Wish)>,
    pub(crate) looks: Vec<Look>,
}

/// Runs a level's rules, in their order, on a message with this header block.
pub(crate) fn run(
    rules: &[Rule<'_>],
    (head, message): (&[u8], &Filterable<'_>),
    start: Vec<Filing>,
    world: &dyn World,
) -> Ruled {
    let mut level = Level {
        start,
        filings: Vec::new(),
        flags: BTreeSet::new(),
        cancelled: None,
        ruled: Ruled {
            place: Place::Kept(Vec::new()),
            head: None,
            wishes: Vec::new(),
            looks: Vec::new(),
        },
    };
    let mut runner = sieve::Runner::new(message, world);
    for rule in rules {
        let run = runner.run(rule.script);
        let at = RuleAt {
            id: rule.id,
            seq: rule.seq,
        };
        let outcome = match run {
            Ok(outcome) => outcome,
            Err(err) => {
                level.failed(at, err.to_string());
                continue;
            }
        };
        let ends = rule.stop && outcome.stopped;
        if let Some(reason) = level.apply(&at, outcome, head) {
            return level.rejected(at, reason);
        }
        if ends || level.is_gone() {
            break;
        }
    }
    level.end()
}

impl Ruled {
    /// Adds to what a rule did.
    pub(super) fn note(&mut self, rule: &RuleAt, words: String) {
        let look = self.looks.iter_mut().find(|look| look.rule == *rule);
        if let Some(look) = look {
            look.did.push(words);
        }
    }
}

struct Level {
    /// Where the implicit keep leaves the message.
    start: Vec<Filing>,
    /// Where rules put it.
    filings: Vec<Filing>,
    /// Flags for the implicit keep.
    flags: BTreeSet<String>,
    /// Who ended the implicit keep, and how.
    cancelled: Option<(RuleAt, Gone)>,
    ruled: Ruled,
}

impl Level {
    /// Adds what one rule wants; gives the reason if it rejects.
    fn apply(&mut self, at: &RuleAt, outcome: sieve::Outcome, head: &[u8]) -> Option<String> {
        let did = did(&outcome);
        let how = how_gone(&outcome.actions);
        let mut rejected = None;
        for action in outcome.actions {
            match action {
                Action::Keep { flags } => {
                    let kept = self.start.clone().into_iter();
                    self.filings.extend(kept.map(|filing| filing.with(&flags)));
                }
                Action::FileInto {
                    mailbox,
                    special_use,
                    create,
                    flags,
                    copy: _,
                } => self.filings.push(Filing {
                    folder: Some(Folder {
                        name: mailbox,
                        special_use,
                        create,
                    }),
                    flags: flags.into_iter().collect(),
                }),
                Action::Discard => {}
                Action::Reject { reason, .. } => rejected = Some(reason),
                Action::AddHeader { name, value, last } => {
                    let head = self.ruled.head.as_deref().unwrap_or(head);
                    self.ruled.head = Some(edit::added(head, &name, &value, last));
                }
                Action::DeleteHeader { name, index } => {
                    let head = self.ruled.head.as_deref().unwrap_or(head);
                    self.ruled.head = Some(edit::removed(head, &name, index));
                }
                other => {
                    let wish = Wish::of(other).map(|wish| (at.clone(), wish));
                    self.ruled.wishes.extend(wish);
                }
            }
        }
        if outcome.implicit_keep {
            self.flags.extend(outcome.flags.unwrap_or_default());
        } else {
            self.cancelled.get_or_insert((at.clone(), how));
        }
        let decided = outcome.decisions.last();
        self.ruled.looks.push(Look {
            rule: at.clone(),
            did,
            decided: decided.map(|decision| (decision.at.line, decision.held)),
            failed: None,
        });
        rejected
    }

    fn failed(&mut self, rule: RuleAt, why: String) {
        self.ruled.looks.push(Look {
            rule,
            did: Vec::new(),
            decided: None,
            failed: Some(why),
        });
    }

    fn is_gone(&self) -> bool {
        self.cancelled.is_some() && self.filings.is_empty()
    }

    /// A reject voids what the rules wanted before.
    fn rejected(mut self, by: RuleAt, reason: String) -> Ruled {
        self.ruled.wishes.clear();
        self.ruled.place = Place::Rejected {
            by: Some(by),
            reason,
        };
        self.ruled
    }

    fn end(mut self) -> Ruled {
        self.ruled.place = match self.cancelled {
            Some((by, how)) if self.filings.is_empty() => Place::Gone { by, how },
            Some(_) => Place::Kept(merged(self.filings)),
            None => {
                let flags: Vec<_> = self.flags.into_iter().collect();
                let kept = self.start.into_iter().map(|filing| filing.with(&flags));
                Place::Kept(merged(self.filings.into_iter().chain(kept).collect()))
            }
        };
        self.ruled
    }
}

impl Filing {
    /// Where mail goes that no rule looks at.
    pub(crate) fn inbox() -> Self {
        Self {
            folder: None,
            flags: BTreeSet::new(),
        }
    }

    fn with(mut self, flags: &[String]) -> Self {
        self.flags.extend(flags.iter().cloned());
        self
    }
}

/// How a message that no rule keeps came to that: what is deleted as well as sent on is deleted.
fn how_gone(actions: &[Action]) -> Gone {
    let sent_on = |action: &Action| matches!(action, Action::Redirect { copy: false, .. });
    let deletes = actions.contains(&Action::Discard);
    if !deletes && actions.iter().any(sent_on) {
        Gone::SentOn
    } else {
        Gone::Deleted
    }
}

/// Each folder once, with the flags of all that name it.
fn merged(filings: Vec<Filing>) -> Vec<Filing> {
    let mut found: Vec<Filing> = Vec::new();
    for filing in filings {
        match found.iter_mut().find(|known| known.folder == filing.folder) {
            Some(known) => known.flags.extend(filing.flags),
            None => found.push(filing),
        }
    }
    found
}

/// What an outcome does, in words.
pub(super) fn did(outcome: &sieve::Outcome) -> Vec<String> {
    let mut did: Vec<_> = outcome.actions.iter().filter_map(words).collect();
    if outcome.implicit_keep {
        let flags = outcome.flags.iter().flatten();
        did.extend(flags.map(|flag| format!("flag {flag}")));
    }
    did
}

/// What an action is called in records; nothing for what only the server remembers.
fn words(action: &Action) -> Option<String> {
    Some(match action {
        Action::Keep { .. } => "keep".to_owned(),
        Action::Discard => "discard".to_owned(),
        Action::FileInto { mailbox, copy, .. } => {
            let copy = if *copy { " :copy" } else { "" };
            format!("fileinto{copy} {mailbox}")
        }
        Action::Redirect { address, copy } => {
            let copy = if *copy { " :copy" } else { "" };
            format!("redirect{copy} {address}")
        }
        Action::Reject { .. } => "reject".to_owned(),
        Action::AddHeader { name, .. } => format!("addheader {name}"),
        Action::DeleteHeader { name, .. } => format!("deleteheader {name}"),
        Action::Vacation(_) => "vacation".to_owned(),
        Action::Notify { method, .. } => format!("notify {method}"),
        Action::Remember { .. } => return None,
    })
}
