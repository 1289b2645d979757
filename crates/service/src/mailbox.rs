//! Mailboxes and the mail in them, for their owner.
//!
//! Every function works for the account that signed in and sees nothing else: a mailbox or message
//! of another account is not found, like one that never was. Clients hear nothing while a
//! transaction or a lock is held: what is told to them was copied before. Removed messages go to
//! the recoverable store.

mod describe;

mod name;
mod open;

mod vanished;

mod append;
mod flag;
mod quota;
mod removal;
mod transfer;

mod read;

mod detail;
mod search;

use store::{ReadTx, StoreError, StoreResult, WriteTx, mailbox};
use types::{AccountId, MailboxId, MailboxName, SpecialUse, Uid};

pub use append::{Appended, NewMessage};
pub use detail::MessageDetail;
pub use flag::{FlagChange, FlagsChanged, How};
pub use name::{MailboxInfo, MailboxList, MailboxStatus};
pub use open::{ChangeReceiver, IndexRow, MailboxChange, OpenMailbox};
pub use quota::Quota;
pub use read::{DescribedMessage, READ_MESSAGES_MAX, READ_OCTETS_MAX, ReadAhead, StoredMessage};
pub use search::{SEARCH_OCTETS_MAX, SEARCH_TIME_MAX_S, TextQuery};
pub use transfer::{COPY_MESSAGES_MAX, Copied};
pub use vanished::Vanished;

pub(crate) use describe::{Described, describe};

use crate::Service;
use crate::actor::Principal;
use crate::error::{ServiceError, ServiceResult};

/// Messages that one transaction changes, where a longer list may be done in several.
const BATCH_MESSAGES: usize = 5_000;

/// An account that works, with what it may keep.
#[derive(Clone, Copy)]
struct Owner {
    account: AccountId,
    quota_octets: Option<u64>,
}

impl Owner {
    /// Refuses what the account has no room for; `octets` come on top of what it has.
    fn check_room(self, tx: &ReadTx<'_>, octets: u64) -> ServiceResult<()> {
        let Some(quota) = self.quota_octets else {
            return Ok(());
        };
        let used = store::account::usage(tx, self.account)?.octets;
        if used.saturating_add(octets) > quota {
            return Err(ServiceError::OverQuota);
        }
        Ok(())
    }

    fn mailbox(self, tx: &ReadTx<'_>, name: &MailboxName) -> StoreResult<mailbox::Mailbox> {
        let found = mailbox::find(tx, self.account, name)?;
        found.ok_or(StoreError::NotFound("mailbox"))
    }

    /// Makes sure that a mailbox that was opened is still there and the account's own.
    fn check_open(self, tx: &ReadTx<'_>, id: MailboxId) -> StoreResult<()> {
        match mailbox::status(tx, id) {
            Ok(found) if found.account == self.account => Ok(()),
            Ok(_) | Err(StoreError::NoSuchMailbox(_)) => Err(StoreError::NotFound("open mailbox")),
            Err(err) => Err(err),
        }
    }
}

impl Service {
    /// The account behind a sign-in, unless it was removed or switched off since.
    fn owner(&self, principal: &Principal) -> ServiceResult<Owner> {
        let config = self.config();
        match config.account(principal.account) {
            Some(account) if config.is_active(account) => Ok(Owner {
                account: account.id,
                quota_octets: account.quota_octets,
            }),
            _ => Err(ServiceError::Refused(
                "this account is switched off".to_owned(),
            )),
        }
    }

    /// Makes the default mailboxes, if the account has none yet.
    async fn first_use(&self, account: AccountId) -> ServiceResult<()> {
        let store = &self.inner.store;
        let found = store
            .read(move |tx| mailbox::find(tx, account, &MailboxName::inbox()))
            .await?;
        if found.is_none() {
            store.write_small(move |tx| inbox(tx, account)).await?;
        }
        Ok(())
    }
}

/// `INBOX` of an account; on first use it comes into being, and with it a mailbox for each special
/// use. What the owner deletes later stays away.
pub(crate) fn inbox(tx: &mut WriteTx<'_>, account: AccountId) -> StoreResult<MailboxId> {
    let name = MailboxName::inbox();
    if let Some(inbox) = mailbox::find(tx, account, &name)? {
        return Ok(inbox.id);
    }
    let inbox = mailbox::open_or_create(tx, account, &name, None)?;
    for (special_use, _, default_name) in SpecialUse::ALL {
        let name = default_name
            .parse()
            .expect("a default name is one plain word");
        mailbox::open_or_create(tx, account, &name, Some(special_use))?;
    }
    Ok(inbox)
}

/// The UIDs in their order, each once.
fn ascending(uids: &[Uid]) -> Vec<Uid> {
    let mut sorted = uids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

/// A count as IMAP writes it; a mailbox has fewer than 2^32 messages.
fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
