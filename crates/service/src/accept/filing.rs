//! Folders and flags that rules name, as an account has them.

use store::{StoreResult, WriteTx};
use types::{AccountId, FlagSet, MailboxId, MailboxName};

use crate::mailbox;
use crate::rules::Filing;

/// The folder that a filing means, with its name; the inbox where there is none of that name and
/// none is to be made (RFC 5228 §4.1).
pub(crate) fn folder(
    tx: &mut WriteTx<'_>,
    account: AccountId,
    filing: &Filing,
) -> StoreResult<(MailboxId, MailboxName)> {
    let inbox = mailbox::inbox(tx, account)?;
    let Some(wanted) = &filing.folder else {
        return Ok((inbox, MailboxName::inbox()));
    };
    let special_use = wanted
        .special_use
        .as_deref()
        .and_then(crate::rules::special_use);
    if let Some(special_use) = special_use
        && let Some(found) = store::mailbox::find_special(tx, account, special_use)?
    {
        return Ok((found.id, found.name));
    }
    let Ok(name) = wanted.name.parse::<MailboxName>() else {
        return Ok((inbox, MailboxName::inbox()));
    };
    if let Some(found) = store::mailbox::find(tx, account, &name)? {
        return Ok((found.id, found.name));
    }
    if !wanted.create {
        return Ok((inbox, MailboxName::inbox()));
    }
    // A mailbox that cannot be made, as where there are too many, costs nobody mail.
    match store::mailbox::open_or_create(tx, account, &name, None) {
        Ok(id) => Ok((id, name)),
        Err(store::StoreError::LimitReached(_)) => Ok((inbox, MailboxName::inbox())),
        Err(err) => Err(err),
    }
}

/// The flags that rules set, as the folder has them; those that it has no room for are left out.
pub(crate) fn flags(
    tx: &mut WriteTx<'_>,
    folder: MailboxId,
    filing: &Filing,
) -> StoreResult<FlagSet> {
    let (mut set, mut keywords) = (FlagSet::default(), Vec::new());
    for flag in &filing.flags {
        match FlagSet::system_by_name(flag) {
            Some(system) => set = set.union(system),
            None => keywords.extend(flag.parse::<types::Keyword>().ok()),
        }
    }
    if !keywords.is_empty() {
        set = set.union(store::keyword::define(tx, folder, &keywords)?);
    }
    Ok(set)
}
