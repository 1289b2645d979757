//! Messages that left a mailbox since a client last looked (RFC 7162 §3.2).

use store::{ReadTx, mailbox};
use types::{MailboxId, ModSeq, Uid};

use crate::Service;
use crate::actor::Principal;
use crate::error::ServiceResult;

impl Service {
    /// Ranges of UIDs, ascending and apart, in which all messages are that were expunged after a
    /// mod-sequence.
    ///
    /// UIDs of messages that are still there may be among them: expunges are remembered for a
    /// while only, and what was asked may be longer ago. So the caller takes away what it sees.
    pub async fn vanished_since(
        &self,
        principal: &Principal,
        mailbox: MailboxId,
        modseq: ModSeq,
    ) -> ServiceResult<Vanished> {
        let owner = self.owner(principal)?;
        let read = move |tx: &ReadTx<'_>| {
            owner.check_open(tx, mailbox)?;
            let uid_next = mailbox::status(tx, mailbox)?.uid_next;
            let remembered = store::message::vanished_since(tx, mailbox, modseq)?;
            let exact = remembered.is_some();
            let used = || (1 < uid_next.0).then(|| (Uid(1), Uid(uid_next.0 - 1)));
            let ranges = remembered.unwrap_or_else(|| used().into_iter().collect());
            Ok(Vanished {
                ranges: apart(ranges),
                exact,
            })
        };
        Ok(self.inner.store.read(read).await?)
    }
}

/// Where expunged messages were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vanished {
    /// Ranges of UIDs, both ends included, ascending and apart.
    pub ranges: Vec<(Uid, Uid)>,
    /// Whether all of them were expunged since; else they are all UIDs ever used.
    pub exact: bool,
}

/// The same UIDs in ranges that ascend and neither touch nor overlap.
fn apart(mut ranges: Vec<(Uid, Uid)>) -> Vec<(Uid, Uid)> {
    ranges.sort_unstable();
    let mut merged: Vec<(Uid, Uid)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(open) if first.0 <= open.1.0.saturating_add(1) => open.1 = open.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_brought_into_order() {
        let uids = |ranges: &[(u32, u32)]| {
            let pairs = ranges.iter().map(|(first, last)| (Uid(*first), Uid(*last)));
            pairs.collect::<Vec<_>>()
        };
        for (found, expected) in [
            (&[][..], &[][..]),
            (&[(9, 9), (1, 3), (4, 4)], &[(1, 4), (9, 9)]),
            (&[(1, 9), (2, 3), (8, 12)], &[(1, 12)]),
            (&[(1, u32::MAX), (u32::MAX, u32::MAX)], &[(1, u32::MAX)]),
        ] {
            assert_eq!(apart(uids(found)), uids(expected));
        }
    }
}
