//! COPY and MOVE (RFC 9051 §6.4.7, §6.4.8, RFC 6851).

use service::{Copied, ServiceError};
use types::{MailboxName, Uid};
use wire::imap::{Code, Condition, Numbering, SequenceSet};

use crate::error::ImapError;
use crate::output::Output;
use crate::selected::Selected;
use crate::session::{Done, Session};

impl Session {
    pub(crate) async fn copy(
        &mut self,
        by: Numbering,
        set: &SequenceSet,
        to: &MailboxName,
    ) -> Result<Done, ImapError> {
        let service = self.service.clone();
        let (principal, selected) = self.selected()?;
        let uids = uids(selected, by, set)?;
        if uids.is_empty() {
            return Ok(Done::plain("nothing to copy"));
        }
        let copied = service
            .message_copy(&principal, selected.id, &uids, to)
            .await
            .map_err(no_target)?;
        Ok(Done {
            code: copied_code(&copied),
            text: "copied",
        })
    }

    /// The client hears where the messages went before it hears that they left (RFC 6851 §4.3).
    pub(crate) async fn move_to(
        &mut self,
        by: Numbering,
        set: &SequenceSet,
        to: &MailboxName,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        let service = self.service.clone();
        let (principal, selected) = self.selected()?;
        if selected.view.is_read_only() {
            return Err(ImapError::ReadOnly);
        }
        let uids = uids(selected, by, set)?;
        if uids.is_empty() {
            return Ok(Done::plain("nothing to move"));
        }
        let moved = service
            .message_move(&principal, selected.id, &uids, to)
            .await
            .map_err(no_target)?;
        if let Some(code) = copied_code(&moved) {
            out.responses
                .untagged(Condition::Ok, Some(&code), "moved to");
        }
        Ok(self.removed(!moved.pairs.is_empty(), "moved").await)
    }
}

/// The UIDs that a set means; all of them are still there, as far as this session has heard.
fn uids(selected: &Selected, by: Numbering, set: &SequenceSet) -> Result<Vec<Uid>, ImapError> {
    let places = selected.view.places(by, set)?;
    let rows: Vec<_> = places
        .iter()
        .filter_map(|place| selected.view.rows().get(*place))
        .collect();
    if rows.iter().any(|row| row.gone) {
        return Err(ImapError::Expunged);
    }
    Ok(rows.iter().map(|row| row.uid).collect())
}

fn copied_code(copied: &Copied) -> Option<Code> {
    let (from, to): (Vec<Uid>, Vec<Uid>) = copied.pairs.iter().copied().unzip();
    (!from.is_empty()).then_some(Code::CopyUid(copied.uidvalidity, from, to))
}

/// A mailbox that is not there can be created, and the client should hear that (RFC 9051 §6.4.7).
pub(super) fn no_target(err: ServiceError) -> ImapError {
    match err {
        ServiceError::NotFound("mailbox") => ImapError::NoTarget,
        ServiceError::NotFound(_) => ImapError::Expunged,
        other => other.into(),
    }
}
