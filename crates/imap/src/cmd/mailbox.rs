//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS (RFC 9051 §6.3).

use types::MailboxName;
use wire::imap::StatusItem;

use crate::error::ImapError;
use crate::output::Output;
use crate::session::{Done, Session};

impl Session {
    pub(crate) async fn create(&mut self, name: &MailboxName) -> Result<Done, ImapError> {
        if name.is_inbox() {
            return Err(ImapError::Inbox);
        }
        let principal = self.principal()?;
        self.service.mailbox_create(&principal, name, None).await?;
        Ok(Done::plain("created"))
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
    ) -> Result<Done, ImapError> {
        let principal = self.principal()?;
        self.service.mailbox_rename(&principal, from, to).await?;
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
        let value = |item| match item {
            StatusItem::Messages => status.messages,
            StatusItem::Recent => 0,
            StatusItem::UidNext => status.uidnext.0,
            StatusItem::UidValidity => status.uidvalidity.0,
            StatusItem::Unseen => status.unseen,
        };
        let values: Vec<_> = items
            .iter()
            .map(|item| (*item, u64::from(value(*item))))
            .collect();
        out.responses.status(name, &values);
        Ok(Done::plain("done"))
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
