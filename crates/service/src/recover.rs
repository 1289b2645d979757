//! Removed mail that can still be brought back: listed without its content, brought back, or deleted
//! for good.

use std::collections::{BTreeMap, BTreeSet};

use policy::{Authority, Config, Right, may};
use serde::Serialize;
use store::recoverable::Recoverable;
use store::{ReadTx, StoreError, WriteTx};
use types::{AccountId, Address, MailboxId, MailboxName, RuleId, Timestamp};

use crate::Service;
use crate::activity::{About, Record};
use crate::actor::{Actor, Who};
use crate::admit::Purge;
use crate::command::Wanted;
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
    /// Why it was removed: `client`, `rule`, `operator`, `refused`, `quarantine`.
    pub reason: &'static str,
    /// The rule that removed it, if one did.
    pub rule: Option<String>,
    /// What people call that rule, or called it when it was there.
    pub rule_name: Option<String>,
    /// The entry that gave the rule the form that it had then.
    pub rule_entry: Option<u64>,
    /// When, RFC 3339.
    pub removed: String,
    /// Until when it can be brought back, RFC 3339.
    pub until: String,
}

/// A message that a scanner was sure about.
#[derive(Clone, Debug, Serialize)]
pub struct QuarantineRow {
    /// Its number, for [`Service::recoverable_restore`].
    pub id: i64,
    /// For whom it came.
    pub account: String,
    /// Its size.
    pub octets: u64,
    /// What the scanner said.
    pub why: String,
    /// When it came, RFC 3339.
    pub since: String,
    /// Until when it is kept, RFC 3339.
    pub until: String,
}

/// What was brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// How many messages.
    pub restored: usize,
    /// Whether there may be more: ask again.
    pub more: bool,
    /// How many that a rule removed are left, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
}

/// Removed messages of accounts that were asked for.
#[derive(Debug, Default)]
struct Chosen {
    rows: Vec<Recoverable>,
    more: bool,
    left: Option<u64>,
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
        let list = move |tx: &ReadTx<'_>| {
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
        let config = self.config();
        Ok(page.rows.iter().map(|found| row(&config, found)).collect())
    }

    /// The mail in quarantine of all accounts whose mail the actor may bring back, newest first, at
    /// most [`RECOVERABLE_MAX`] messages.
    pub async fn quarantine_list(&self, actor: &Actor) -> ServiceResult<Vec<QuarantineRow>> {
        let accounts = self.recoverable_everywhere(actor)?;
        let list = move |tx: &ReadTx<'_>| {
            store::recoverable::in_quarantine(tx, &accounts, RECOVERABLE_MAX)
        };
        let page = self.inner.store.read(list).await?;
        let config = self.config();
        let view = |found: &Recoverable| {
            let account = config.account(found.account);
            QuarantineRow {
                id: found.id,
                account: account.map_or(found.account.to_string(), |a| a.address.to_string()),
                octets: found.octets,
                why: found.rule.clone().unwrap_or_default(),
                since: found.removed_at.to_rfc3339(),
                until: found.until.to_rfc3339(),
            }
        };
        Ok(page.rows.iter().map(view).collect())
    }

    /// Puts removed mail back where it was, or into INBOX if that mailbox is gone: all that is chosen
    /// or nothing. Without an account it is what a rule removed, of all accounts whose mail the actor
    /// may bring back. The record of it is durable before the mail is back.
    pub async fn recoverable_restore(
        &self,
        actor: &Actor,
        address: Option<&Address>,
        wanted: Wanted,
    ) -> ServiceResult<Restored> {
        if let Wanted::Rule(rule) = &wanted
            && *rule >= self.config().next_rule_id()
        {
            return Err(ServiceError::NotFound("rule of this number"));
        }
        let accounts = match (address, &wanted) {
            (Some(address), _) => vec![self.recoverable_of(actor, address)?],
            (None, Wanted::Rule(_)) => self.recoverable_everywhere(actor)?,
            (None, _) => {
                let why = "say whose mail, or which rule removed it";
                return Err(ServiceError::Refused(why.to_owned()));
            }
        };
        let choose = move |tx: &ReadTx<'_>| Ok(chosen(tx, &accounts, &wanted));
        let chosen = self.inner.store.read(choose).await??;
        let restored = chosen.rows.len();
        let mut counts = BTreeMap::<AccountId, usize>::new();
        for row in &chosen.rows {
            *counts.entry(row.account).or_default() += 1;
        }
        for (account, count) in counts {
            let about = About {
                account: Some(account),
                ..About::default()
            };
            let by = actor.name();
            let record = Record::Restored { count, by };
            self.record_first(&about, &record).await?;
        }
        let (now, rows) = (self.clock().now(), chosen.rows);
        let restore = move |tx: &mut WriteTx<'_>| {
            for row in &rows {
                let mailbox = home(tx, row.account, &row.mailbox)?;
                store::recoverable::restore(tx, row.account, row.id, mailbox, now)?;
            }
            Ok(())
        };
        self.inner.store.write_small(restore).await?;
        Ok(Restored {
            restored,
            more: chosen.more,
            left: chosen.left,
        })
    }

    /// What purging this removed mail would delete; nothing if the account does not exist.
    pub(crate) async fn purge_of(
        &self,
        address: &Address,
        wanted: &Wanted,
    ) -> ServiceResult<Option<Purge>> {
        let Some(account) = self.config().account_at(address).map(|account| account.id) else {
            return Ok(None);
        };
        let wanted = wanted.clone();
        let choose = move |tx: &ReadTx<'_>| Ok(chosen(tx, &[account], &wanted));
        let chosen = self.inner.store.read(choose).await??;
        Ok(Some(Purge {
            account,
            octets: chosen.rows.iter().map(|row| row.octets).sum(),
            ids: chosen.rows.iter().map(|row| row.id).collect(),
            more: chosen.more,
        }))
    }

    /// Deletes removed mail for good, once the record tells it; gives what a person must hear if
    /// not all of it was deleted. After a crash before this the mail is still listed.
    pub(crate) async fn purge(&self, purge: &Purge) -> Option<String> {
        let (account, ids, now) = (purge.account, purge.ids.clone(), self.clock().now());
        let write =
            move |tx: &mut WriteTx<'_>| store::recoverable::purge_these(tx, account, &ids, now);
        match self.inner.store.write_small(write).await {
            Ok(purged) if purged == purge.ids.len() => None,
            Ok(purged) => Some(format!(
                "Only {purged} of {} messages were deleted: the others had left the removed mail just before, though the record counts them.",
                purge.ids.len()
            )),
            Err(err) => {
                tracing::error!(error = %err, "removed mail was not deleted: {err}");
                Some(format!("The mail is still there ({err}): do it again."))
            }
        }
    }

    /// All accounts whose mail the actor may bring back.
    fn recoverable_everywhere(&self, actor: &Actor) -> ServiceResult<Vec<AccountId>> {
        let config = self.config();
        let addresses = config.accounts().map(|account| account.address.clone());
        let all = addresses.map(|address| self.recoverable_of(actor, &address));
        let mine: Vec<_> = all.filter_map(Result::ok).collect();
        if mine.is_empty() {
            return Err(ServiceError::Refused(
                "your role does not allow this".to_owned(),
            ));
        }
        Ok(mine)
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

fn row(config: &Config, found: &Recoverable) -> RecoverableRow {
    let rule = found.rule.as_deref().and_then(|rule| rule.split_once('@'));
    let id = rule.and_then(|(id, _)| id.parse::<RuleId>().ok());
    let name = id.and_then(|id| {
        let there = config.rule(id).map(|rule| rule.name.clone());
        there.or_else(|| config.former_rule(id).map(|rule| rule.name.clone()))
    });
    RecoverableRow {
        id: found.id,
        mailbox: found.mailbox.as_str().to_owned(),
        octets: found.octets,
        reason: found.reason.word(),
        rule: id.map(|id| id.to_string()),
        rule_name: name,
        rule_entry: rule.and_then(|(_, entry)| entry.parse().ok()),
        removed: found.removed_at.to_rfc3339(),
        until: found.until.to_rfc3339(),
    }
}

/// What is wanted of the removed mail of these accounts, [`RECOVERABLE_MAX`] messages at most.
fn chosen(tx: &ReadTx<'_>, accounts: &[AccountId], wanted: &Wanted) -> ServiceResult<Chosen> {
    let mut all = Chosen::default();
    for account in accounts {
        let room = RECOVERABLE_MAX - all.rows.len();
        let found = chosen_of(tx, *account, wanted, room)?;
        all.rows.extend(found.rows);
        all.more |= found.more;
        all.left = match (all.left, found.left) {
            (Some(left), Some(more)) => Some(left + more),
            (left, more) => left.or(more),
        };
    }
    Ok(all)
}

fn chosen_of(
    tx: &ReadTx<'_>,
    account: AccountId,
    wanted: &Wanted,
    room: usize,
) -> ServiceResult<Chosen> {
    match wanted {
        Wanted::Rule(rule) => {
            let (page, count) = store::recoverable::of_rule(tx, account, &rule.to_string(), room)?;
            // What was changed past the server can never be brought back.
            let seen = page.rows.len() + page.changed_outside.len();
            let left = count.saturating_sub(seen as u64);
            Ok(Chosen {
                rows: page.rows,
                more: left > 0,
                left: Some(left),
            })
        }
        Wanted::All => Ok(since(tx, account, Timestamp(i64::MIN), room)?),
        Wanted::Since(since_s) => Ok(since(tx, account, Timestamp(0).plus_s(*since_s), room)?),
        Wanted::Ids(ids) if ids.len() > RECOVERABLE_MAX => Err(ServiceError::Refused(format!(
            "at most {RECOVERABLE_MAX} messages at once"
        ))),
        Wanted::Ids(ids) => {
            let missing = ServiceError::NotFound("removed message of this number");
            let mut chosen = Chosen::default();
            for id in ids.iter().collect::<BTreeSet<_>>() {
                match store::recoverable::find(tx, account, *id)? {
                    Some(row) => chosen.rows.push(row),
                    None => return Err(missing),
                }
            }
            Ok(chosen)
        }
    }
}

/// The newest messages that were removed since a moment.
fn since(
    tx: &ReadTx<'_>,
    account: AccountId,
    since: Timestamp,
    room: usize,
) -> Result<Chosen, StoreError> {
    let page = store::recoverable::list(tx, account, None, room)?;
    let is_full = page.rows.len() + page.changed_outside.len() == room;
    let listed = page.rows.len();
    let later = page.rows.into_iter().filter(|row| row.removed_at >= since);
    let rows: Vec<_> = later.collect();
    Ok(Chosen {
        more: is_full && rows.len() == listed,
        rows,
        left: None,
    })
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
