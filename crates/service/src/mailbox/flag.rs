//! Flags of messages (RFC 9051 §6.4.6).

use store::{FlagsChange, StoreResult, WriteTx, keyword};
use types::{FlagSet, Keyword, MailboxId, ModSeq, Uid};

use super::{BATCH_MESSAGES, Owner, ascending};
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
        let owner = self.owner(principal)?;
        let uids = ascending(uids);
        for batch in uids.chunks(BATCH_MESSAGES) {
            let (batch, change) = (batch.to_vec(), change.clone());
            let set = move |tx: &mut WriteTx<'_>| set(tx, owner, mailbox, &batch, &change);
            self.inner.store.write_small(set).await?;
        }
        if uids.is_empty() {
            return Ok(Vec::new());
        }
        let index = self.inner.store.index(mailbox).await?;
        let rows = uids.iter().filter_map(|uid| index.row(*uid));
        Ok(rows.map(|row| (row.uid, row.flags, row.modseq)).collect())
    }
}

fn set(
    tx: &mut WriteTx<'_>,
    owner: Owner,
    mailbox: MailboxId,
    uids: &[Uid],
    change: &FlagChange,
) -> StoreResult<()> {
    owner.check_open(tx, mailbox)?;
    let change = change.in_mailbox(tx, mailbox)?;
    store::message::set_flags(tx, owner.account, mailbox, uids, change)?;
    Ok(())
}
