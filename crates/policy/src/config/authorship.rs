//! When something was changed, and by whom, as the entries say.

use ledger::{ActorKind, Entry};
use types::{AccountId, Timestamp};

/// Who made a change, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorship {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Author,
}

/// Who made a change, as its entry names them; the id outlives the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// What sort of actor.
    pub kind: ActorKind,
    /// Its id, such as `a_7` or `u_0`; the server itself has none.
    pub id: Option<String>,
}

impl Authorship {
    /// Of the server itself.
    pub fn system(at: Timestamp) -> Self {
        let by = Author {
            kind: ActorKind::System,
            id: None,
        };
        Self { at, by }
    }

    /// Of an account.
    pub fn account(at: Timestamp, id: AccountId) -> Self {
        let by = Author {
            kind: ActorKind::Account,
            id: Some(id.to_string()),
        };
        Self { at, by }
    }
}

impl From<&Entry> for Authorship {
    fn from(entry: &Entry) -> Self {
        Self {
            at: entry.ts,
            by: Author::from(&entry.actor),
        }
    }
}

impl From<&ledger::Actor> for Author {
    fn from(actor: &ledger::Actor) -> Self {
        Self {
            kind: actor.kind,
            id: actor.id.clone(),
        }
    }
}

impl Author {
    /// The account that acted, if one did.
    pub fn account(&self) -> Option<AccountId> {
        match self.kind {
            ActorKind::Account | ActorKind::ApiToken => self.id.as_ref()?.parse().ok(),
            _ => None,
        }
    }
}
