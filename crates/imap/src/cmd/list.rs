//! LIST and LSUB (RFC 9051 §6.3.9, RFC 3501 §6.3.9, RFC 3348, RFC 5258, RFC 5819, RFC 6154).

use std::collections::BTreeMap;

use service::{MailboxInfo, MailboxList, ServiceError};
use types::MailboxName;
use wire::imap::{ListData, ListName, ListPattern, ListRequest, ListSelect};

use crate::error::ImapError;
use crate::output::Output;
use crate::session::{Done, Session};

/// A name to list: a mailbox, a subscribed name whose mailbox is gone, or a level above one of these.
#[derive(Debug, Default)]
struct Entry<'a> {
    mailbox: Option<&'a MailboxInfo>,
    is_subscribed: bool,
    has_children: bool,
    /// Something below it meets the selection options, where that was asked for.
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
        let list = self.service.mailbox_list(&principal).await?;
        let criteria: Vec<&str> = request.select.criteria().collect();
        let no_mailbox = if request.extended || self.enabled.rev2 {
            "\\NonExistent"
        } else {
            "\\Noselect"
        };
        for (name, entry) in tree(&list, request.select) {
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
        let list = self.service.mailbox_list(&principal).await?;
        let select = ListSelect {
            subscribed: true,
            recursive: true,
            ..ListSelect::default()
        };
        for (name, entry) in tree(&list, select) {
            if (entry.is_subscribed || entry.child_meets) && pattern.matches(&name) {
                let attributes: &[_] = match (entry.is_subscribed, entry.mailbox) {
                    (true, Some(_)) => &[],
                    (true, None) => &["\\NonExistent"],
                    (false, _) => &["\\Noselect"],
                };
                out.responses.list(ListName::Lsub, attributes, &name);
                out.relieve().await?;
            }
        }
        Ok(Done::plain("done"))
    }
}

/// All names with the levels above them, in the order of their names. A name without a mailbox is
/// among them only where subscriptions are asked for (RFC 5258 §3.1).
fn tree(list: &MailboxList, select: ListSelect) -> BTreeMap<MailboxName, Entry<'_>> {
    let mut tree: BTreeMap<MailboxName, Entry<'_>> = BTreeMap::new();
    for mailbox in &list.mailboxes {
        tree.entry(mailbox.name.clone()).or_default().mailbox = Some(mailbox);
        for above in levels_above(&mailbox.name) {
            tree.entry(above).or_default().has_children = true;
        }
    }
    for name in &list.subscribed {
        if select.subscribed {
            tree.entry(name.clone()).or_default();
        }
        if let Some(entry) = tree.get_mut(name) {
            entry.is_subscribed = true;
        }
    }
    let meeting: Vec<MailboxName> = tree
        .iter()
        .filter(|(_, entry)| select.recursive && entry.meets(select))
        .map(|(name, _)| name.clone())
        .collect();
    for above in meeting.iter().flat_map(levels_above) {
        tree.entry(above).or_default().child_meets = true;
    }
    tree
}

fn levels_above(name: &MailboxName) -> impl Iterator<Item = MailboxName> + use<> {
    std::iter::successors(name.parent(), MailboxName::parent)
}

impl Entry<'_> {
    /// Whether it meets the selection options by itself. Without options everything does.
    fn meets(&self, select: ListSelect) -> bool {
        let special_use = self.mailbox.and_then(|mailbox| mailbox.special_use);
        (!select.subscribed || self.is_subscribed) && (!select.special_use || special_use.is_some())
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
        if tells_subscribed && self.is_subscribed {
            attributes.push("\\Subscribed");
        }
        let special_use = self.mailbox.and_then(|mailbox| mailbox.special_use);
        attributes.extend(special_use.map(types::SpecialUse::attribute));
        attributes
    }
}
