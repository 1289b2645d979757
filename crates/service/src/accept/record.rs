//! What the record keeps of a delivery: a fate for each recipient, with the rules that had a part.

use serde_json::{Value, json};
use store::WriteTx;
use store::fate::{self, Fate};
use types::{Address, MailboxName};

use super::deliver::Arrival;
use super::{AcceptError, Reached};
use crate::rules::{Copy, Gone, Look, Place};

/// Words of a fate for what was done.
pub(crate) const STORE: &str = "store";
pub(super) const REFUSE: &str = "refuse";
pub(super) const REJECT: &str = "reject";
pub(super) const QUARANTINE: &str = "quarantine";
pub(crate) const DISCARD: &str = "discard";
const REDIRECT: &str = "redirect";
pub(super) const SINK: &str = "sink";
pub(super) const QUEUE: &str = "queue";

/// Rules of one fate that are told; those that acted come first.
const LOOKS_MAX: usize = 64;
/// Octets of what a fate says about its end.
const TARGET_MAX_OCTETS: usize = 500;

/// What a fate is made of.
pub(super) struct Note<'a> {
    recipient: &'a Address,
    reached: &'a Reached,
    action: &'static str,
    target: Option<String>,
    looks: &'a [Look],
}

impl<'a> Note<'a> {
    pub(super) fn new(recipient: &'a Address, reached: &'a Reached, action: &'static str) -> Self {
        Self {
            recipient,
            reached,
            action,
            target: None,
            looks: &[],
        }
    }

    /// The rules that looked at it.
    pub(super) fn looks(mut self, looks: &'a [Look]) -> Self {
        self.looks = looks;
        self
    }

    /// Where it went, or why not.
    pub(super) fn target(mut self, target: &str) -> Self {
        let cut = target.char_indices().map(|(at, c)| at + c.len_utf8());
        let end = cut.take_while(|end| *end <= TARGET_MAX_OCTETS).last();
        self.target = Some(target[..end.unwrap_or(0)].to_owned());
        self
    }
}

impl Gone {
    /// The word of a fate for it.
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::Deleted => DISCARD,
            Self::SentOn => REDIRECT,
        }
    }
}

impl Arrival {
    /// Records a fate.
    pub(super) fn note(&self, tx: &mut WriteTx<'_>, note: &Note<'_>) -> Result<(), AcceptError> {
        let (account, target) = match note.reached {
            Reached::Account(account) if note.action == REFUSE => {
                (Some(*account), "over quota".to_owned())
            }
            Reached::Account(account) => (Some(*account), MailboxName::inbox().to_string()),
            Reached::Outside(target) => (None, target.to_string()),
        };
        let fate = Fate {
            message: self.id.clone(),
            at: self.at,
            config_size: self.config_size,
            account,
            recipient: note.recipient.folded().to_string(),
            action: note.action.to_owned(),
            target: note.target.clone().unwrap_or(target),
            rules: rules_json(note.looks),
            session: self.came.session,
            credential: self.came.credential,
            size: self.octets(),
            reverse_path: self.sender_text(),
            message_id: self.message_id.clone(),
            params: self.params.get(note.recipient).cloned(),
            outcome: None,
        };
        let acted = note.looks.iter().filter(|look| look.acted());
        let ids: Vec<_> = acted.map(|look| look.rule.to_string()).collect();
        Ok(fate::insert(tx, &fate, &ids)?)
    }

    /// The fate of a recipient that leads only outside and whose mail rules stopped.
    pub(super) fn note_stopped(
        &self,
        tx: &mut WriteTx<'_>,
        copy: &Copy,
    ) -> Result<(), AcceptError> {
        let reached = Reached::Outside(copy.recipient.clone());
        let (action, target) = match &copy.place {
            Place::Rejected { reason, .. } => (REJECT, reason.clone()),
            Place::Gone { how, by } => (how.action(), by.to_string()),
            Place::Held { why } => (QUARANTINE, why.clone()),
            Place::Kept(_) => return Ok(()),
        };
        let note = Note::new(&copy.recipient, &reached, action).looks(&copy.looks);
        self.note(tx, &note.target(&target))
    }
}

/// The rules that looked at a message, as a fate keeps them: `rule`, `did`, and of a rule that did
/// nothing the line of the test that decided.
pub(crate) fn rules_json(looks: &[Look]) -> Vec<u8> {
    let (acted, not): (Vec<_>, Vec<_>) = looks
        .iter()
        .partition(|look| look.acted() || look.failed.is_some());
    let told = acted.into_iter().chain(not).take(LOOKS_MAX).map(|look| {
        let mut told = serde_json::Map::new();
        told.insert("rule".to_owned(), json!(look.rule.to_string()));
        if !look.did.is_empty() {
            told.insert("did".to_owned(), json!(look.did));
        }
        if let Some((line, held)) = look.decided {
            told.insert("line".to_owned(), json!(line));
            told.insert("held".to_owned(), json!(held));
        }
        if let Some(why) = &look.failed {
            told.insert("failed".to_owned(), json!(why));
        }
        Value::Object(told)
    });
    Value::Array(told.collect()).to_string().into_bytes()
}
