//! SELECT, EXAMINE, CLOSE, UNSELECT (RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2).

use service::MailboxStatus;
use types::{FlagSet, ModSeq};
use wire::imap::{
    Code, Condition, ListName, ObjectId, Qresync, SelectRequest, SequenceMatch, Vanished,
};

use crate::enabled::Tracking;
use crate::error::ImapError;
use crate::limits::VANISHED_RANGES_MAX;
use crate::output::Output;
use crate::selected::{Selected, Tell, View, sequence};
use crate::session::{Done, Session};
use crate::tracking::{lost, whole_through};

/// All UIDs that there can be.
const ALL_UIDS: (u32, u32) = (1, u32::MAX);

impl Session {
    pub(crate) async fn select(
        &mut self,
        request: &SelectRequest,
        read_only: bool,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        if request.qresync.is_some() && self.enabled.tracking < Tracking::Qresync {
            return Err(ImapError::NotNow("before QRESYNC is enabled"));
        }
        // Even a SELECT that fails leaves the mailbox that was selected before.
        if self.selected().is_ok() {
            let code = Code::Plain("CLOSED");
            out.responses
                .untagged(Condition::Ok, Some(&code), "the previous mailbox is closed");
        }
        self.set_selected(None);
        let principal = self.principal()?;
        let open = self
            .service
            .mailbox_open(&principal, &request.mailbox)
            .await?;
        let unseen = open
            .messages
            .iter()
            .position(|message| !message.flags.contains(FlagSet::SEEN));
        let selected = Selected {
            id: open.id,
            name: open.name,
            view: View::new(
                &open.messages,
                open.keywords,
                open.status.highestmodseq,
                read_only,
            ),
            changes: open.changes,
        };
        self.tell_opened(&selected, open.status, unseen, out);
        self.set_selected(Some(selected));
        let known = request.qresync.as_ref();
        if let Some(known) = known.filter(|k| k.uid_validity == open.status.uidvalidity) {
            let told = self.resynchronize(known, out).await;
            if let Err(err) = told {
                self.set_selected(None);
                return Err(err);
            }
        }
        Ok(if read_only {
            Done::coded(Code::Plain("READ-ONLY"), "open for reading")
        } else {
            Done::coded(Code::Plain("READ-WRITE"), "open")
        })
    }

    /// What a client must know of a mailbox that it opens (RFC 9051 §6.3.2, RFC 3501 §6.3.1).
    fn tell_opened(
        &self,
        selected: &Selected,
        status: MailboxStatus,
        unseen: Option<usize>,
        out: &mut Output<'_>,
    ) {
        let rev2 = self.enabled.rev2;
        let responses = &mut out.responses;
        selected.view.tell_keywords(responses);
        responses.exists(selected.view.exists());
        if rev2 {
            responses.list(ListName::List, &[], &selected.name);
        } else {
            responses.recent(0);
        }
        if let Some(place) = unseen.filter(|_| !rev2) {
            let code = Code::Unseen(sequence(place + 1));
            responses.untagged(Condition::Ok, Some(&code), "the first unseen message");
        }
        let code = Code::UidValidity(status.uidvalidity);
        responses.untagged(Condition::Ok, Some(&code), "UIDs are valid");
        let code = Code::UidNext(status.uidnext);
        responses.untagged(Condition::Ok, Some(&code), "the next UID");
        let code = Code::MailboxId(ObjectId::mailbox(status.id));
        responses.untagged(Condition::Ok, Some(&code), "the same under a new name");
        let code = Code::HighestModSeq(status.highestmodseq);
        responses.untagged(Condition::Ok, Some(&code), "all changes up to this");
    }

    /// Tells what is different from what the client knows: first what is gone, then flags
    /// (RFC 7162 §3.2.5).
    async fn resynchronize(
        &mut self,
        known: &Qresync,
        out: &mut Output<'_>,
    ) -> Result<(), ImapError> {
        let uids = known.known_uids.as_ref().map(|set| set.resolve(0));
        let uids = uids.as_ref().map_or(&[ALL_UIDS][..], |set| set.ranges());
        let matches = known.matches.as_ref();
        self.tell_lost(known.modseq, uids, matches, out).await?;
        let (_, selected) = self.selected()?;
        let view = &selected.view;
        for (place, row) in view.rows().iter().enumerate() {
            let at = uids.partition_point(|(_, last)| *last < row.uid.0);
            let is_known = uids.get(at).is_some_and(|(first, _)| *first <= row.uid.0);
            if row.modseq > known.modseq && is_known {
                out.responses.fetch_begin(sequence(place + 1));
                out.responses.fetch_uid(row.uid);
                out.responses.fetch_flags(row.flags, view.keywords());
                out.responses.fetch_modseq(row.modseq);
                out.responses.fetch_end();
                out.relieve().await?;
            }
        }
        Ok(())
    }

    /// Tells which of the messages that the client knows were expunged after a mod-sequence, but
    /// for those that this session will tell of when it may.
    pub(crate) async fn tell_lost(
        &mut self,
        since: ModSeq,
        known: &[(u32, u32)],
        matches: Option<&SequenceMatch>,
        out: &mut Output<'_>,
    ) -> Result<(), ImapError> {
        let service = self.service.clone();
        let (principal, selected) = self.selected()?;
        let rows = selected.view.rows();
        let whole_through = matches.map_or(0, |matches| whole_through(matches, rows));
        let mut vanished = service
            .vanished_since(&principal, selected.id, since)
            .await?;
        if !vanished.exact {
            vanished.ranges.retain_mut(|(first, last)| {
                first.0 = first.0.max(whole_through.saturating_add(1));
                first <= last
            });
        }
        for ranges in lost(&vanished.ranges, known, rows).chunks(VANISHED_RANGES_MAX) {
            out.responses.vanished(Vanished::Earlier, ranges);
            out.relieve().await?;
        }
        Ok(())
    }

    /// Expunges without a word and leaves the mailbox.
    ///
    /// A client that tracks changes hears of all others first, since it takes the mod-sequence at
    /// the end for its own from then on (RFC 7162 §3.2.8).
    pub(crate) async fn close_mailbox(&mut self, out: &mut Output<'_>) -> Result<Done, ImapError> {
        let (_, selected) = self.selected()?;
        let mut done = Done::plain("closed");
        if !selected.view.is_read_only() {
            let removed = self.expunge_deleted(None).await?;
            done = self.removed(!removed.is_empty(), "closed").await;
            let tracking = self.enabled.tracking;
            let (_, selected) = self.selected()?;
            if tracking == Tracking::Qresync {
                selected.view.forget(&removed);
                selected.view.tell(Tell::All, tracking, &mut out.responses);
            }
        }
        self.set_selected(None);
        Ok(done)
    }

    pub(crate) fn unselect(&mut self) -> Result<Done, ImapError> {
        self.set_selected(None);
        Ok(Done::plain("left"))
    }
}
