//! Mailboxes by name: list, status, create, rename, delete, subscribe (RFC 9051 §6.3, RFC 6154).

use std::collections::{BTreeSet, HashSet};

use policy::RuleLevel;
use store::{StoreError, WriteTx, mailbox, subscription};
use types::{MailboxId, MailboxName, ModSeq, SpecialUse, Uid, UidValidity};

use super::{COPY_MESSAGES_MAX, Owner, count, inbox};
use crate::Service;
use crate::actor::Principal;
use crate::error::{ServiceError, ServiceResult};

/// A mailbox as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxInfo {
    /// Its id, the same under a new name.
    pub id: MailboxId,
    /// Its name.
    pub name: MailboxName,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether there are mailboxes below it.
    pub has_children: bool,
    /// Its counts.
    pub status: MailboxStatus,
}

/// All that an account can list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailboxList {
    /// The mailboxes, by name.
    pub mailboxes: Vec<MailboxInfo>,
    /// The names that were subscribed, also of mailboxes that are gone (RFC 9051 §6.3.5).
    pub subscribed: BTreeSet<MailboxName>,
}

/// The counts of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxStatus {
    /// Its id, the same under a new name.
    pub id: MailboxId,
    /// Messages in it.
    pub messages: u32,
    /// Those without `\Seen`.
    pub unseen: u32,
    /// Those with `\Deleted`.
    pub deleted: u32,
    /// The UID that the next message gets.
    pub uidnext: Uid,
    /// The generation of its UIDs.
    pub uidvalidity: UidValidity,
    /// The mod-sequence of its last change.
    pub highestmodseq: ModSeq,
    /// Octets of all its messages.
    pub size_octets: u64,
}

impl MailboxStatus {
    fn of(mailbox: &mailbox::Mailbox) -> Self {
        Self {
            id: mailbox.id,
            messages: count(mailbox.messages),
            unseen: count(mailbox.unseen),
            deleted: count(mailbox.deleted),
            uidnext: mailbox.uid_next,
            uidvalidity: mailbox.uid_validity,
            highestmodseq: mailbox.modseq,
            size_octets: mailbox.octets,
        }
    }
}

impl Service {
    /// All mailboxes and subscriptions.
    pub async fn mailbox_list(&self, principal: &Principal) -> ServiceResult<MailboxList> {
        let account = self.owner(principal)?.account;
        self.first_use(account).await?;
        let read = move |tx: &store::ReadTx<'_>| {
            Ok((
                mailbox::list(tx, account)?,
                subscription::list(tx, account)?,
            ))
        };
        let (list, subscribed) = self.inner.store.read(read).await?;
        let parents: HashSet<MailboxName> = list
            .iter()
            .flat_map(|mailbox| ancestors(&mailbox.name))
            .collect();
        let info = |mailbox: mailbox::Mailbox| MailboxInfo {
            id: mailbox.id,
            status: MailboxStatus::of(&mailbox),
            has_children: parents.contains(&mailbox.name),
            name: mailbox.name,
            special_use: mailbox.special_use,
        };
        Ok(MailboxList {
            mailboxes: list.into_iter().map(info).collect(),
            subscribed: subscribed.into_iter().collect(),
        })
    }

    /// The counts of a mailbox as they are now.
    pub async fn mailbox_status(
        &self,
        principal: &Principal,
        name: &MailboxName,
    ) -> ServiceResult<MailboxStatus> {
        let owner = self.owner(principal)?;
        let found = self.mailbox_named(owner, name).await?;
        Ok(MailboxStatus::of(&found))
    }

    /// Octets of those messages of a mailbox that have `\Deleted`.
    pub async fn mailbox_deleted_octets(
        &self,
        principal: &Principal,
        name: &MailboxName,
    ) -> ServiceResult<u64> {
        let owner = self.owner(principal)?;
        let found = self.mailbox_named(owner, name).await?;
        let read = move |tx: &store::ReadTx<'_>| store::message::deleted_octets(tx, found.id);
        Ok(self.inner.store.read(read).await?)
    }

    /// Makes a mailbox and those above it that are missing (RFC 9051 §6.3.4); gives its id.
    ///
    /// Only one mailbox is for a special use; a second one is refused (RFC 6154 §3).
    pub async fn mailbox_create(
        &self,
        principal: &Principal,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
    ) -> ServiceResult<MailboxId> {
        let owner = self.owner(principal)?;
        let name = name.clone();
        let create = move |tx: &mut WriteTx<'_>| {
            inbox(tx, owner.account)?;
            if mailbox::find(tx, owner.account, &name)?.is_some() {
                return Err(ServiceError::Exists);
            }
            if let Some(special_use) = special_use
                && let Some(other) = mailbox::find_special(tx, owner.account, special_use)?
            {
                return Err(ServiceError::SpecialUseTaken(other.name, special_use));
            }
            create_above(tx, owner, &name)?;
            Ok(mailbox::create(tx, owner.account, &name, special_use)?)
        };
        self.inner.store.try_write(create).await
    }

    /// Renames a mailbox and those below it, and makes those above the new name that are missing
    /// (RFC 9051 §6.3.6). Ids, UIDs and special uses stay.
    ///
    /// One that a rule of the account files into keeps its name.
    ///
    /// Renaming `INBOX` moves its messages, at most [`COPY_MESSAGES_MAX`], into a new mailbox.
    pub async fn mailbox_rename(
        &self,
        principal: &Principal,
        from: &MailboxName,
        to: &MailboxName,
    ) -> ServiceResult<()> {
        let owner = self.owner(principal)?;
        if !from.is_inbox() {
            self.expect_no_rule_files(owner, from, true)?;
        }
        let (from, to, now) = (from.clone(), to.clone(), self.clock().now());
        let rename = move |tx: &mut WriteTx<'_>| {
            inbox(tx, owner.account)?;
            let mailbox = owner.mailbox(tx, &from)?;
            if mailbox::find(tx, owner.account, &to)?.is_some() {
                return Err(ServiceError::Exists);
            }
            if to.below(&from).is_some() {
                let words = "a mailbox cannot be moved into itself";
                return Err(ServiceError::Refused(words.to_owned()));
            }
            if from.is_inbox() && mailbox.messages > COPY_MESSAGES_MAX as u64 {
                return Err(ServiceError::Limit("messages of one copy or move"));
            }
            create_above(tx, owner, &to)?;
            mailbox::rename(tx, mailbox.id, &to, now)?;
            Ok(())
        };
        self.inner.store.try_write(rename).await
    }

    /// Deletes a mailbox; its messages can be brought back for a while (RFC 9051 §6.3.5). One that a
    /// rule of the account files into is not deleted.
    ///
    /// Those below it and its subscription stay. `INBOX` cannot be deleted; one with a special use
    /// can.
    pub async fn mailbox_delete(
        &self,
        principal: &Principal,
        name: &MailboxName,
    ) -> ServiceResult<()> {
        let owner = self.owner(principal)?;
        if name.is_inbox() {
            return Err(ServiceError::Refused("INBOX cannot be deleted".to_owned()));
        }
        self.expect_no_rule_files(owner, name, false)?;
        let found = self.mailbox_named(owner, name).await?;
        let read = move |tx: &store::ReadTx<'_>| store::message::uids(tx, found.id);
        let uids = self.inner.store.read(read).await?;
        self.remove_messages(principal, owner, found.id, &uids)
            .await?;
        let removal = self.client_removal();
        let delete = move |tx: &mut WriteTx<'_>| {
            owner.check_open(tx, found.id)?;
            mailbox::delete(tx, found.id, &removal)
        };
        Ok(self.inner.store.write_small(delete).await?)
    }

    /// Subscribes to a mailbox, or unsubscribes from a name, which need not exist any more
    /// (RFC 9051 §6.3.7, §6.3.8).
    pub async fn mailbox_subscribe(
        &self,
        principal: &Principal,
        name: &MailboxName,
        subscribed: bool,
    ) -> ServiceResult<()> {
        let owner = self.owner(principal)?;
        let name = name.clone();
        let subscribe = move |tx: &mut WriteTx<'_>| {
            inbox(tx, owner.account)?;
            if !subscribed && subscription::remove(tx, owner.account, &name)? {
                return Ok(());
            }
            owner.mailbox(tx, &name)?;
            match subscribed {
                true => subscription::add(tx, owner.account, &name),
                false => Ok(()),
            }
        };
        Ok(self.inner.store.write(subscribe).await?)
    }

    /// Refuses what would take away a folder that a rule of the account names, paused ones too: mail
    /// would go to the inbox, and nobody would have said so. `or_below` takes in those below it.
    fn expect_no_rule_files(
        &self,
        owner: Owner,
        name: &MailboxName,
        or_below: bool,
    ) -> ServiceResult<()> {
        let config = self.config();
        let is_meant = |folder: &String| {
            let folder = folder.parse::<MailboxName>();
            folder.is_ok_and(|folder| folder == *name || or_below && folder.below(name).is_some())
        };
        let files = |rule: &&std::sync::Arc<policy::Rule>| {
            let script = rule.script.as_deref();
            script.is_some_and(|script| sieve::folders(script).iter().any(is_meant))
        };
        match config
            .rules_of(RuleLevel::Account(owner.account))
            .find(files)
        {
            None => Ok(()),
            Some(rule) => Err(ServiceError::Refused(format!(
                "the rule \"{}\" ({}) files mail into it: change or remove that rule first",
                policy::shown::visible(&rule.name),
                rule.id
            ))),
        }
    }

    /// The mailbox of this name, after the default ones came into being.
    pub(super) async fn mailbox_named(
        &self,
        owner: Owner,
        name: &MailboxName,
    ) -> ServiceResult<mailbox::Mailbox> {
        self.first_use(owner.account).await?;
        let name = name.clone();
        Ok(self
            .inner
            .store
            .read(move |tx| owner.mailbox(tx, &name))
            .await?)
    }
}

/// The names above a name, the nearest first.
fn ancestors(name: &MailboxName) -> impl Iterator<Item = MailboxName> + use<> {
    std::iter::successors(name.parent(), MailboxName::parent)
}

/// Makes the mailboxes above a name that are missing.
fn create_above(tx: &mut WriteTx<'_>, owner: Owner, name: &MailboxName) -> Result<(), StoreError> {
    for above in ancestors(name) {
        if mailbox::find(tx, owner.account, &above)?.is_none() {
            mailbox::create(tx, owner.account, &above, None)?;
        }
    }
    Ok(())
}
