//! Senders whom an account or a domain trusts or wants nothing from.

use std::collections::BTreeSet;

use types::{AccountId, Address};

use super::Config;
use super::level::PerLevel;
use crate::change::{RuleLevel, Sender, SenderList, SendersChange, SendersOf};

/// Both lists of an account or a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderLists {
    /// Rules can ask whether a sender stands here.
    pub trusted: BTreeSet<Sender>,
    /// Mail from these is refused.
    pub blocked: BTreeSet<Sender>,
}

/// The part of the configuration that this file is about.
#[derive(Clone, Debug, Default)]
pub(super) struct Senders(PerLevel<SenderLists>);

impl Senders {
    pub(super) fn change(&mut self, change: &SendersChange) {
        let level = RuleLevel::from(change.id);
        let lists = self.0.get_mut(level);
        let list = match change.list {
            SenderList::Trusted => &mut lists.trusted,
            SenderList::Blocked => &mut lists.blocked,
        };
        for sender in &change.remove {
            list.remove(sender);
        }
        list.extend(change.add.iter().cloned());
        if lists.trusted.is_empty() && lists.blocked.is_empty() {
            self.0.forget(level);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn forget(&mut self, of: SendersOf) {
        self.0.forget(of.into());
    }
}

impl From<SendersOf> for RuleLevel {
    fn from(of: SendersOf) -> Self {
        match of {
            SendersOf::Domain(id) => Self::Domain(id),
            SendersOf::Account(id) => Self::Account(id),
        }
    }
}

impl SenderLists {
    /// One of the two.
    pub fn list(&self, which: SenderList) -> &BTreeSet<Sender> {
        match which {
            SenderList::Trusted => &self.trusted,
            SenderList::Blocked => &self.blocked,
        }
    }

    /// In which list a sender stands: its own address counts more than its domain, and blocked more
    /// than trusted.
    pub fn standing(&self, sender: &Address) -> Option<SenderList> {
        let names = [
            Sender::Address(sender.folded()),
            Sender::Domain(sender.domain().clone()),
        ];
        names.iter().find_map(|name| {
            let mut lists = [SenderList::Blocked, SenderList::Trusted].into_iter();
            lists.find(|which| self.list(*which).contains(name))
        })
    }
}

impl Config {
    /// The lists of an account or a domain, if it has any.
    pub fn senders(&self, of: SendersOf) -> Option<&SenderLists> {
        self.senders.0.get(of.into())
    }

    /// Whether an account trusts a sender or wants nothing from it; where it says nothing, what its
    /// domain says.
    pub fn sender_standing(&self, account: AccountId, sender: &Address) -> Option<SenderList> {
        let domain = self.account(account)?.domain;
        [SendersOf::Account(account), SendersOf::Domain(domain)]
            .into_iter()
            .find_map(|of| self.senders(of)?.standing(sender))
    }
}
