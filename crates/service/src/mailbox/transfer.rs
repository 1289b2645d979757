//! Messages that go to another mailbox of their owner (RFC 9051 §6.4.7, RFC 6851).

use store::WriteTx;
use types::{MailboxId, MailboxName, Uid, UidValidity};

use super::inbox;
use crate::Service;
use crate::actor::Principal;
use crate::error::{ServiceError, ServiceResult};

/// Messages that are copied or moved at once: it is done whole or not at all, in one transaction,
/// and other writers wait for it.
pub const COPY_MESSAGES_MAX: usize = 50_000;

/// Which message became which (RFC 4315 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The generation of the target mailbox's UIDs.
    pub uidvalidity: UidValidity,
    /// The UID before and the UID in the target mailbox; the former ascend.
    pub pairs: Vec<(Uid, Uid)>,
}

#[derive(Clone, Copy)]
enum Transfer {
    Copy,
    Move,
}

impl Service {
    /// Puts messages into another mailbox as well, all or none. What is not there is passed over.
    pub async fn message_copy(
        &self,
        principal: &Principal,
        from: MailboxId,
        uids: &[Uid],
        to: &MailboxName,
    ) -> ServiceResult<Copied> {
        self.transfer(principal, Transfer::Copy, from, uids, to)
            .await
    }

    /// Moves messages to another mailbox, all or none. What is not there is passed over.
    pub async fn message_move(
        &self,
        principal: &Principal,
        from: MailboxId,
        uids: &[Uid],
        to: &MailboxName,
    ) -> ServiceResult<Copied> {
        self.transfer(principal, Transfer::Move, from, uids, to)
            .await
    }

    async fn transfer(
        &self,
        principal: &Principal,
        transfer: Transfer,
        from: MailboxId,
        uids: &[Uid],
        to: &MailboxName,
    ) -> ServiceResult<Copied> {
        let owner = self.owner(principal)?;
        if uids.len() > COPY_MESSAGES_MAX {
            return Err(ServiceError::Limit("messages of one copy or move"));
        }
        let (uids, to, now) = (uids.to_vec(), to.clone(), self.clock().now());
        let run = move |tx: &mut WriteTx<'_>| {
            let account = owner.account;
            inbox(tx, account)?;
            owner.check_open(tx, from)?;
            let target = owner.mailbox(tx, &to)?;
            let pairs = match transfer {
                Transfer::Copy => store::message::copy(tx, account, from, &uids, target.id, now)?,
                Transfer::Move => store::message::move_(tx, account, from, &uids, target.id, now)?,
            };
            // The copies are counted now; an error undoes them.
            if matches!(transfer, Transfer::Copy) && !pairs.is_empty() {
                owner.check_room(tx, 0)?;
            }
            Ok(Copied {
                uidvalidity: target.uid_validity,
                pairs,
            })
        };
        self.inner.store.try_write(run).await
    }
}
