//! SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2).

use types::{FlagSet, MailboxName};
use wire::imap::{Code, Condition};

use crate::error::ImapError;
use crate::output::Output;
use crate::selected::{Selected, View, sequence};
use crate::session::{Done, Session};

impl Session {
    pub(crate) async fn select(
        &mut self,
        name: &MailboxName,
        read_only: bool,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        // Even a SELECT that fails leaves the mailbox that was selected before.
        self.set_selected(None);
        let principal = self.principal()?;
        let open = self.service.mailbox_open(&principal, name).await?;
        let unseen = open
            .messages
            .iter()
            .position(|message| !message.flags.contains(FlagSet::SEEN));
        let selected = Selected {
            id: open.id,
            name: open.name,
            view: View::new(&open.messages, open.keywords, read_only),
            changes: open.changes,
        };
        let responses = &mut out.responses;
        selected.view.tell_keywords(responses);
        responses.exists(selected.view.exists());
        responses.recent(0);
        if let Some(place) = unseen {
            let code = Code::Unseen(sequence(place + 1));
            responses.untagged(Condition::Ok, Some(&code), "the first unseen message");
        }
        let code = Code::UidValidity(open.status.uidvalidity);
        responses.untagged(Condition::Ok, Some(&code), "UIDs are valid");
        let code = Code::UidNext(open.status.uidnext);
        responses.untagged(Condition::Ok, Some(&code), "the next UID");
        self.set_selected(Some(selected));
        Ok(if read_only {
            Done::coded(Code::Plain("READ-ONLY"), "open for reading")
        } else {
            Done::coded(Code::Plain("READ-WRITE"), "open")
        })
    }

    /// Expunges without a word and leaves the mailbox.
    pub(crate) async fn close_mailbox(&mut self) -> Result<Done, ImapError> {
        let (_, selected) = self.selected()?;
        if !selected.view.is_read_only() {
            self.expunge_deleted(None).await?;
        }
        self.set_selected(None);
        Ok(Done::plain("closed"))
    }

    pub(crate) fn unselect(&mut self) -> Result<Done, ImapError> {
        self.set_selected(None);
        Ok(Done::plain("left"))
    }
}
