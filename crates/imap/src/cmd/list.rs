//! LIST and LSUB (RFC 9051 §6.3.9, RFC 3501 §6.3.9, RFC 3348, RFC 6154).

use std::collections::BTreeMap;

use service::MailboxInfo;
use types::{MailboxName, SpecialUse};
use wire::imap::{ListName, ListPattern, ListSelection};

use crate::error::ImapError;
use crate::output::Output;
use crate::session::{Done, Session};

/// A name to list: a mailbox, or a level above one that is none itself.
#[derive(Debug, Default)]
struct Entry {
    is_mailbox: bool,
    special_use: Option<SpecialUse>,
    has_children: bool,
}

impl Session {
    pub(crate) async fn list(
        &mut self,
        selection: ListSelection,
        pattern: &ListPattern,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        if pattern.is_empty() {
            out.responses.list_root(ListName::List);
            return Ok(Done::plain("done"));
        }
        let principal = self.principal()?;
        let mailboxes = self.service.mailbox_list(&principal).await?;
        for (name, entry) in tree(&mailboxes) {
            let selected = selection == ListSelection::All || entry.special_use.is_some();
            if selected && pattern.matches(&name) {
                out.responses
                    .list(ListName::List, &entry.attributes(), &name);
                out.relieve().await?;
            }
        }
        Ok(Done::plain("done"))
    }

    /// A level that is not subscribed itself is shown where something below it is, so that `%`
    /// hides nothing (RFC 3501 §6.3.9).
    pub(crate) async fn lsub(
        &mut self,
        pattern: &ListPattern,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        let principal = self.principal()?;
        let mut mailboxes = self.service.mailbox_list(&principal).await?;
        mailboxes.retain(|mailbox| mailbox.subscribed);
        for (name, entry) in tree(&mailboxes) {
            if pattern.matches(&name) {
                let attributes: &[_] = if entry.is_mailbox {
                    &[]
                } else {
                    &["\\Noselect"]
                };
                out.responses.list(ListName::Lsub, attributes, &name);
                out.relieve().await?;
            }
        }
        Ok(Done::plain("done"))
    }
}

/// All names with the levels above them, in the order of their names.
fn tree(mailboxes: &[MailboxInfo]) -> BTreeMap<MailboxName, Entry> {
    let mut tree: BTreeMap<MailboxName, Entry> = BTreeMap::new();
    for mailbox in mailboxes {
        let entry = tree.entry(mailbox.name.clone()).or_default();
        entry.is_mailbox = true;
        entry.special_use = mailbox.special_use;
        let mut below = mailbox.name.clone();
        while let Some(above) = below.parent() {
            tree.entry(above.clone()).or_default().has_children = true;
            below = above;
        }
    }
    tree
}

impl Entry {
    fn attributes(&self) -> Vec<&'static str> {
        let mut attributes = Vec::with_capacity(3);
        if !self.is_mailbox {
            attributes.push("\\Noselect");
        }
        attributes.push(if self.has_children {
            "\\HasChildren"
        } else {
            "\\HasNoChildren"
        });
        attributes.extend(self.special_use.map(SpecialUse::attribute));
        attributes
    }
}
