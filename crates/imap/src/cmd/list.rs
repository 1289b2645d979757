//! LIST and LSUB (RFC 9051 §6.3.9, RFC 3501 §6.3.9, RFC 3348, RFC 5258, RFC 5819, RFC 6154).

use std::collections::BTreeMap;

use service::{MailboxInfo, ServiceError};
use types::MailboxName;
use wire::imap::{ListData, ListName, ListPattern, ListRequest, ListSelect};

use crate::error::ImapError;
use crate::output::Output;
use crate::session::{Done, Session};

/// A name to list: a mailbox, or a level above one that is none itself.
#[derive(Debug, Default)]
struct Entry<'a> {
    mailbox: Option<&'a MailboxInfo>,
    has_children: bool,
    /// Something below it meets the selection options.
    child_meets: bool,
}

impl Session {
    pub(crate) async fn list(
        &mut self,
        request: &ListRequest,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        // Only the plain form asks for the separator this way (RFC 5258 §3).
        if !request.extended && request.patterns.iter().all(ListPattern::is_empty) {
            out.responses.list_root(ListName::List);
            return Ok(Done::plain("done"));
        }
        let principal = self.principal()?;
        let mailboxes = self.service.mailbox_list(&principal).await?;
        let criteria: Vec<&str> = request.select.criteria().collect();
        let no_mailbox = if request.extended || self.enabled.rev2 {
            "\\NonExistent"
        } else {
            "\\Noselect"
        };
        for (name, entry) in tree(mailboxes.iter(), request.select) {
            let meets = entry.meets(request.select);
            let wanted = meets || (request.select.recursive && entry.child_meets);
            if !wanted || !request.patterns.iter().any(|p| p.matches(&name)) {
                continue;
            }
            let attributes = entry.attributes(request, no_mailbox);
            if request.select.recursive && entry.child_meets {
                let data = ListData::ChildInfo(&criteria);
                out.responses.list_extended(&attributes, &name, &data);
            } else {
                out.responses.list(ListName::List, &attributes, &name);
            }
            if let (true, Some(mailbox)) = (meets, entry.mailbox) {
                self.list_status(mailbox, request, out).await?;
            }
            out.relieve().await?;
        }
        Ok(Done::plain("done"))
    }

    /// The counts of a mailbox that was listed, where they were asked for. One that was deleted
    /// meanwhile has none (RFC 5819 §2).
    async fn list_status(
        &self,
        mailbox: &MailboxInfo,
        request: &ListRequest,
        out: &mut Output<'_>,
    ) -> Result<(), ImapError> {
        let items = &request.returns.status;
        if items.is_empty() {
            return Ok(());
        }
        match self
            .status_values(&mailbox.name, &mailbox.status, items)
            .await
        {
            Ok(values) => out.responses.status(&mailbox.name, &values),
            Err(ImapError::Service(ServiceError::NotFound(_))) => {}
            Err(err) => return Err(err),
        }
        Ok(())
    }

    /// A level that is not subscribed itself is shown where something below it is, so that `%`
    /// hides nothing (RFC 3501 §6.3.9).
    pub(crate) async fn lsub(
        &mut self,
        pattern: &ListPattern,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        let principal = self.principal()?;
        let mailboxes = self.service.mailbox_list(&principal).await?;
        let subscribed = mailboxes.iter().filter(|mailbox| mailbox.subscribed);
        for (name, entry) in tree(subscribed, ListSelect::default()) {
            if pattern.matches(&name) {
                let attributes: &[_] = match entry.mailbox {
                    Some(_) => &[],
                    None => &["\\Noselect"],
                };
                out.responses.list(ListName::Lsub, attributes, &name);
                out.relieve().await?;
            }
        }
        Ok(Done::plain("done"))
    }
}

/// All names with the levels above them, in the order of their names.
fn tree<'a>(
    mailboxes: impl Iterator<Item = &'a MailboxInfo>,
    select: ListSelect,
) -> BTreeMap<MailboxName, Entry<'a>> {
    let mut tree: BTreeMap<MailboxName, Entry<'a>> = BTreeMap::new();
    for mailbox in mailboxes {
        let entry = tree.entry(mailbox.name.clone()).or_default();
        entry.mailbox = Some(mailbox);
        let meets = entry.meets(select);
        let mut below = mailbox.name.clone();
        while let Some(above) = below.parent() {
            let entry = tree.entry(above.clone()).or_default();
            entry.has_children = true;
            entry.child_meets |= meets;
            below = above;
        }
    }
    tree
}

impl Entry<'_> {
    /// Whether it meets the selection options by itself. Without options everything does.
    fn meets(&self, select: ListSelect) -> bool {
        let is = |wanted: bool, fact: fn(&MailboxInfo) -> bool| {
            !wanted || self.mailbox.is_some_and(fact)
        };
        is(select.subscribed, |mailbox| mailbox.subscribed)
            && is(select.special_use, |mailbox| mailbox.special_use.is_some())
    }

    fn attributes(&self, request: &ListRequest, no_mailbox: &'static str) -> Vec<&'static str> {
        let mut attributes = Vec::with_capacity(4);
        if self.mailbox.is_none() {
            attributes.push(no_mailbox);
        }
        attributes.push(if self.has_children {
            "\\HasChildren"
        } else {
            "\\HasNoChildren"
        });
        let tells_subscribed = request.select.subscribed || request.returns.subscribed;
        if tells_subscribed && self.mailbox.is_some_and(|mailbox| mailbox.subscribed) {
            attributes.push("\\Subscribed");
        }
        let special_use = self.mailbox.and_then(|mailbox| mailbox.special_use);
        attributes.extend(special_use.map(types::SpecialUse::attribute));
        attributes
    }
}
