//! Flags of messages (RFC 9051 §6.4.6).

use store::{FlagsChange, StoreResult, WriteTx, keyword};
use types::{FlagSet, Keyword, MailboxId, ModSeq, Uid};

use super::{BATCH_MESSAGES, ascending};
use crate::Service;
use crate::actor::Principal;
use crate::error::ServiceResult;

/// How flags are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// They are set in addition.
    Add,
    /// They are cleared.
    Remove,
    /// They are set and all others are cleared.
    Replace,
}

/// A change of flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagChange {
    /// What is done.
    pub how: How,
    /// With which system flags; keywords stand in `keywords` only.
    pub flags: FlagSet,
    /// With which keywords; the mailbox learns those that are set and that it does not know.
    pub keywords: Vec<Keyword>,
}

impl FlagChange {
    /// The system flags alone, whatever else was put into the set.
    pub(super) fn system(&self) -> FlagSet {
        let known = FlagSet::SYSTEM.iter().map(|(flag, _)| *flag);
        known
            .filter(|flag| self.flags.contains(*flag))
            .fold(FlagSet::default(), FlagSet::union)
    }

    /// The same in the words of a mailbox.
    fn in_mailbox(&self, tx: &mut WriteTx<'_>, mailbox: MailboxId) -> StoreResult<FlagsChange> {
        let keywords = match self.how {
            How::Add | How::Replace => keyword::define(tx, mailbox, &self.keywords)?,
            How::Remove => {
                let known = keyword::list(tx, mailbox)?.into_iter().enumerate();
                known
                    .filter(|(_, keyword)| self.keywords.contains(keyword))
                    .filter_map(|(index, _)| FlagSet::keyword(index))
                    .fold(FlagSet::default(), FlagSet::union)
            }
        };
        let flags = self.system().union(keywords);
        Ok(match self.how {
            How::Add => FlagsChange::Add(flags),
            How::Remove => FlagsChange::Remove(flags),
            How::Replace => FlagsChange::Replace(flags),
        })
    }
}

/// What a change of flags that depends on mod-sequences did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagsChanged {
    /// The messages that were changed or had these flags already, as they are now; UIDs ascending.
    pub set: Vec<(Uid, FlagSet, ModSeq)>,
    /// The messages that were left alone, since they had changed; ascending.
    pub modified: Vec<Uid>,
}

impl Service {
    /// Changes flags; gives all of these messages that are there, as they are now, UIDs ascending.
    ///
    /// A long list is done in several transactions.
    pub async fn flags_change(
        &self,
        principal: &Principal,
        mailbox: MailboxId,
        uids: &[Uid],
        change: FlagChange,
    ) -> ServiceResult<Vec<(Uid, FlagSet, ModSeq)>> {
        let changed = self.flags_change_unless(principal, mailbox, uids, change, None);
        Ok(changed.await?.set)
    }

    /// The same, but messages whose mod-sequence is greater than `unchanged_since` are left alone
    /// (RFC 7162 §3.1.3). For each message, nothing comes between the comparison and the change.
    pub async fn flags_change_unless(
        &self,
        principal: &Principal,
        mailbox: MailboxId,
        uids: &[Uid],
        change: FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> ServiceResult<FlagsChanged> {
        let owner = self.owner(principal)?;
        let mut changed = FlagsChanged::default();
        let mut uids = ascending(uids);
        for batch in uids.chunks(BATCH_MESSAGES) {
            let (mut batch, change) = (batch.to_vec(), change.clone());
            let set = move |tx: &mut WriteTx<'_>| {
                owner.check_open(tx, mailbox)?;
                let modified = match unchanged_since {
                    None => Vec::new(),
                    Some(since) => store::message::changed_since(tx, mailbox, &batch, since)?,
                };
                batch.retain(|uid| modified.binary_search(uid).is_err());
                if !batch.is_empty() {
                    let change = change.in_mailbox(tx, mailbox)?;
                    store::message::set_flags(tx, owner.account, mailbox, &batch, change)?;
                }
                Ok(modified)
            };
            changed
                .modified
                .extend(self.inner.store.write_small(set).await?);
        }
        uids.retain(|uid| changed.modified.binary_search(uid).is_err());
        if !uids.is_empty() {
            let index = self.inner.store.index(mailbox).await?;
            let rows = uids.iter().filter_map(|uid| index.row(*uid));
            changed.set = rows.map(|row| (row.uid, row.flags, row.modseq)).collect();
        }
        Ok(changed)
    }
}
