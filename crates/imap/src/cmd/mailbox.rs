//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS (RFC 9051 §6.3).

use service::MailboxStatus;
use types::{MailboxName, SpecialUse};
use wire::imap::{Code, ListData, ObjectId, StatusItem};

use crate::error::ImapError;
use crate::output::Output;
use crate::session::{Done, Session};

impl Session {
    pub(crate) async fn create(
        &mut self,
        name: &MailboxName,
        special_use: Option<SpecialUse>,
    ) -> Result<Done, ImapError> {
        if name.is_inbox() {
            return Err(ImapError::Inbox);
        }
        let principal = self.principal()?;
        let created = self.service.mailbox_create(&principal, name, special_use);
        let id = ObjectId::mailbox(created.await?);
        Ok(Done::coded(Code::MailboxId(id), "created"))
    }

    pub(crate) async fn delete(&mut self, name: &MailboxName) -> Result<Done, ImapError> {
        if name.is_inbox() {
            return Err(ImapError::Inbox);
        }
        let principal = self.principal()?;
        self.service.mailbox_delete(&principal, name).await?;
        // Whoever deletes the mailbox that it has selected knows what it does.
        if self
            .selected()
            .is_ok_and(|(_, selected)| selected.name == *name)
        {
            self.set_selected(None);
        }
        Ok(Done::plain("deleted"))
    }

    pub(crate) async fn rename(
        &mut self,
        from: &MailboxName,
        to: &MailboxName,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        let principal = self.principal()?;
        self.service.mailbox_rename(&principal, from, to).await?;
        // INBOX keeps its name: its messages went (RFC 9051 §6.3.6).
        if self.enabled.rev2 && !from.is_inbox() {
            let data = ListData::OldName(from);
            out.responses.list_extended(&[], to, &data);
        }
        if let Ok((_, selected)) = self.selected()
            && !from.is_inbox()
        {
            follow(&mut selected.name, from, to);
        }
        Ok(Done::plain("renamed"))
    }

    pub(crate) async fn subscribe(
        &mut self,
        name: &MailboxName,
        subscribed: bool,
    ) -> Result<Done, ImapError> {
        let principal = self.principal()?;
        self.service
            .mailbox_subscribe(&principal, name, subscribed)
            .await?;
        Ok(Done::plain("done"))
    }

    pub(crate) async fn status(
        &mut self,
        name: &MailboxName,
        items: &[StatusItem],
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        let principal = self.principal()?;
        let status = self.service.mailbox_status(&principal, name).await?;
        let values = self.status_values(name, &status, items).await?;
        out.responses.status(name, &values);
        Ok(Done::plain("done"))
    }

    /// What STATUS tells of a mailbox.
    pub(super) async fn status_values(
        &self,
        name: &MailboxName,
        status: &MailboxStatus,
        items: &[StatusItem],
    ) -> Result<Vec<(StatusItem, u64)>, ImapError> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let value = match item {
                StatusItem::Messages => u64::from(status.messages),
                StatusItem::Recent => 0,
                StatusItem::UidNext => u64::from(status.uidnext.0),
                StatusItem::UidValidity => u64::from(status.uidvalidity.0),
                StatusItem::Unseen => u64::from(status.unseen),
                StatusItem::Deleted => u64::from(status.deleted),
                StatusItem::Size => status.size_octets,
                StatusItem::DeletedStorage if status.deleted == 0 => 0,
                StatusItem::DeletedStorage => {
                    let principal = self.principal()?;
                    let octets = self.service.mailbox_deleted_octets(&principal, name);
                    octets.await?
                }
                StatusItem::AppendLimit => self.append_limit(),
                StatusItem::HighestModSeq => status.highestmodseq.0,
                StatusItem::MailboxId => status.id.0.unsigned_abs(),
            };
            values.push((*item, value));
        }
        Ok(values)
    }

    /// Octets that a message may have, the same for all mailboxes (RFC 7889 §3).
    pub(crate) fn append_limit(&self) -> u64 {
        self.service.config().settings().message_size_max_octets
    }
}

/// The selected mailbox goes along when it, or one above it, is renamed.
fn follow(selected: &mut MailboxName, from: &MailboxName, to: &MailboxName) {
    let renamed = match selected.below(from) {
        Some(rest) => format!("{to}{}{rest}", types::SEPARATOR).parse().ok(),
        None => (selected == from).then(|| to.clone()),
    };
    if let Some(renamed) = renamed {
        *selected = renamed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_mailbox_follows_a_rename() {
        for (selected, expected) in [("a", "x"), ("a/b/c", "x/b/c"), ("ab", "ab"), ("b", "b")] {
            let mut selected: MailboxName = selected.parse().unwrap();
            follow(&mut selected, &"a".parse().unwrap(), &"x".parse().unwrap());
            assert_eq!(selected.as_str(), expected);
        }
    }
}
