//! EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3, RFC 4315 §2.1).

use types::{FlagSet, Uid};
use wire::imap::SequenceSet;

use crate::error::ImapError;
use crate::limits::BATCH_MESSAGES;
use crate::session::{Done, Session};

impl Session {
    pub(crate) async fn expunge(&mut self, uids: Option<&SequenceSet>) -> Result<Done, ImapError> {
        let (_, selected) = self.selected()?;
        if selected.view.is_read_only() {
            return Err(ImapError::ReadOnly);
        }
        let removed = self.expunge_deleted(uids).await?;
        Ok(self.removed(!removed.is_empty(), "expunged").await)
    }

    /// Removes what has `\Deleted`, of these UIDs or of all, and gives the UIDs of what was there,
    /// ascending. The news come back as changes.
    pub(crate) async fn expunge_deleted(
        &mut self,
        uids: Option<&SequenceSet>,
    ) -> Result<Vec<Uid>, ImapError> {
        let service = self.service.clone();
        let (principal, selected) = self.selected()?;
        let view = &selected.view;
        let places = match uids {
            Some(uids) => view.uid_places(uids),
            None => (0..view.rows().len()).collect(),
        };
        let rows = places.iter().filter_map(|place| view.rows().get(*place));
        let rows = rows.filter(|row| !row.gone && row.flags.contains(FlagSet::DELETED));
        let deleted: Vec<Uid> = rows.map(|row| row.uid).collect();
        let mut removed = Vec::with_capacity(deleted.len());
        for batch in deleted.chunks(BATCH_MESSAGES) {
            removed.extend(service.expunge(&principal, selected.id, batch).await?);
        }
        Ok(removed)
    }
}
