//! Removed mail that can still be brought back: listed without its content, and brought back.

use policy::{Authority, Right, may};
use serde::{Deserialize, Serialize};
use store::{StoreError, WriteTx};
use types::{AccountId, Address, MailboxId, MailboxName, Timestamp};

use crate::Service;
use crate::activity::{About, Record};
use crate::actor::{Actor, Who};
use crate::error::{ServiceError, ServiceResult};

/// Messages that one question lists or brings back.
pub const RECOVERABLE_MAX: usize = 1_000;

/// A removed message.
#[derive(Clone, Debug, Serialize)]
pub struct RecoverableRow {
    /// Its number, for [`Service::recoverable_restore`].
    pub id: i64,
    /// The mailbox that it was in, or was meant for.
    pub mailbox: String,
    /// Its size.
    pub octets: u64,
    /// Why it was removed: `client`, `rule`, `operator`, `refused`.
    pub reason: &'static str,
    /// When, RFC 3339.
    pub removed: String,
    /// Until when it can be brought back, RFC 3339.
    pub until: String,
}

/// Which removed messages are to be brought back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Those of these numbers.
    Ids(Vec<i64>),
    /// All that were removed since then, in seconds since 1970.
    Since(i64),
}

/// What was brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// How many messages.
    pub restored: usize,
    /// Whether there may be more: ask again.
    pub more: bool,
}

impl Service {
    /// The removed mail of an account, newest first, at most [`RECOVERABLE_MAX`]; those that were
    /// removed before the message of this number (`before`).
    pub async fn recoverable_list(
        &self,
        actor: &Actor,
        address: &Address,
        before: Option<i64>,
    ) -> ServiceResult<Vec<RecoverableRow>> {
        let account = self.recoverable_of(actor, address)?;
        let list = move |tx: &store::ReadTx<'_>| {
            let behind = match before {
                None => None,
                Some(id) => match store::recoverable::time_of(tx, account, id)? {
                    None => return Ok(None),
                    Some(time) => Some((time, id)),
                },
            };
            store::recoverable::list(tx, account, behind, RECOVERABLE_MAX).map(Some)
        };
        let page = self.inner.store.read(list).await?;
        let page = page.ok_or(ServiceError::NotFound("removed message of this number"))?;
        let row = |found: store::recoverable::Recoverable| RecoverableRow {
            id: found.id,
            mailbox: found.mailbox.as_str().to_owned(),
            octets: found.octets,
            reason: found.reason.word(),
            removed: found.removed_at.to_rfc3339(),
            until: found.until.to_rfc3339(),
        };
        Ok(page.rows.into_iter().map(row).collect())
    }

    /// Puts removed mail back where it was, or into INBOX if that mailbox is gone: all that is
    /// wanted or nothing. The record of it is durable before the mail is back.
    pub async fn recoverable_restore(
        &self,
        actor: &Actor,
        address: &Address,
        wanted: Wanted,
    ) -> ServiceResult<Restored> {
        let account = self.recoverable_of(actor, address)?;
        let choose = move |tx: &store::ReadTx<'_>| Ok(chosen(tx, account, wanted));
        let (ids, more) = self.inner.store.read(choose).await??;
        let count = ids.len();
        let about = About {
            account: Some(account),
            ..About::default()
        };
        let by = actor.name();
        self.record_first(&about, &Record::Restored { count, by })
            .await?;
        let now = self.clock().now();
        let restore = move |tx: &mut WriteTx<'_>| {
            for (id, name) in &ids {
                let mailbox = home(tx, account, name)?;
                store::recoverable::restore(tx, account, *id, mailbox, now)?;
            }
            Ok(())
        };
        self.inner.store.write_small(restore).await?;
        Ok(Restored {
            restored: count,
            more,
        })
    }

    /// The account, if the actor may bring back its mail.
    fn recoverable_of(&self, actor: &Actor, address: &Address) -> ServiceResult<AccountId> {
        let config = self.config();
        let authority = match &actor.who {
            Who::UnixUser(_) | Who::System => Some(Authority::Console),
            Who::Account(principal) => config.authority(principal.account),
        };
        let refused = || ServiceError::Refused("your role does not allow this".to_owned());
        let authority = authority.ok_or_else(refused)?;
        let account = config.account_at(address);
        let account = account.ok_or(ServiceError::NotFound("account"))?;
        if may(&authority, &Right::ManageAccount(account.subject())) {
            Ok(account.id)
        } else {
            Err(refused())
        }
    }
}

/// Numbers and mailboxes of what is wanted, and whether there may be more.
fn chosen(
    tx: &store::ReadTx<'_>,
    account: AccountId,
    wanted: Wanted,
) -> ServiceResult<(Vec<(i64, MailboxName)>, bool)> {
    let pair = |row: store::recoverable::Recoverable| (row.id, row.mailbox);
    match wanted {
        Wanted::Since(since_s) => {
            let since = Timestamp(0).plus_s(since_s);
            let page = store::recoverable::list(tx, account, None, RECOVERABLE_MAX)?;
            let is_full = page.rows.len() + page.changed_outside.len() == RECOVERABLE_MAX;
            let listed = page.rows.len();
            let later = page.rows.into_iter().filter(|row| row.removed_at >= since);
            let chosen: Vec<_> = later.map(pair).collect();
            let more = is_full && chosen.len() == listed;
            Ok((chosen, more))
        }
        Wanted::Ids(ids) if ids.len() > RECOVERABLE_MAX => Err(ServiceError::Refused(format!(
            "at most {RECOVERABLE_MAX} messages can be brought back at once"
        ))),
        Wanted::Ids(ids) => {
            let missing = ServiceError::NotFound("removed message of this number");
            let mut chosen = Vec::with_capacity(ids.len());
            for id in ids {
                match store::recoverable::find(tx, account, id)? {
                    Some(row) => chosen.push(pair(row)),
                    None => return Err(missing),
                }
            }
            Ok((chosen, false))
        }
    }
}

/// The mailbox of this name, or else INBOX.
fn home(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    name: &MailboxName,
) -> Result<MailboxId, StoreError> {
    if let Some(found) = store::mailbox::find(tx, account, name)? {
        return Ok(found.id);
    }
    store::mailbox::open_or_create(tx, account, &MailboxName::inbox(), None)
}
