//! STORE (RFC 9051 §6.4.6).

use service::{FlagChange, FlagsChanged, How};
use types::{FlagSet, Keyword, Uid};
use wire::imap::{Code, FlagList, Numbering, StoreAction, StoreRequest};

use crate::enabled::Tracking;
use crate::error::ImapError;
use crate::limits::BATCH_MESSAGES;
use crate::output::Output;
use crate::selected::sequence;
use crate::session::{Done, Session};

impl Session {
    pub(crate) async fn store(
        &mut self,
        request: &StoreRequest,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        let (_, selected) = self.selected()?;
        if selected.view.is_read_only() {
            return Err(ImapError::ReadOnly);
        }
        let places = selected.view.places(request.by, &request.set)?;
        let (mut all_there, mut modified) = (true, Vec::new());
        for batch in places.chunks(BATCH_MESSAGES) {
            all_there &= self.store_batch(batch, request, &mut modified, out).await?;
        }
        match (all_there, modified.is_empty()) {
            (true, true) => Ok(Done::plain("stored")),
            (true, false) => Ok(Done::coded(
                Code::Modified(modified),
                "stored but for those that were changed meanwhile",
            )),
            (false, true) => Err(ImapError::Expunged),
            (false, false) => Err(ImapError::Modified(modified)),
        }
    }

    /// Changes the flags of messages that are there; `false` if some are not (RFC 2180 §4.2).
    /// `modified` gets the numbers of those that were left alone, since they had changed.
    async fn store_batch(
        &mut self,
        places: &[usize],
        request: &StoreRequest,
        modified: &mut Vec<u32>,
        out: &mut Output<'_>,
    ) -> Result<bool, ImapError> {
        let service = self.service.clone();
        let (principal, selected) = self.selected()?;
        let rows = selected.view.rows();
        let rows: Vec<_> = places.iter().filter_map(|place| rows.get(*place)).collect();
        let there = rows.iter().filter(|row| !row.gone);
        let before: Vec<(Uid, FlagSet)> = there.map(|row| (row.uid, row.flags)).collect();
        let complete = before.len() == rows.len();
        if before.is_empty() {
            return Ok(complete);
        }
        let uids: Vec<Uid> = before.iter().map(|(uid, _)| *uid).collect();
        let change = flag_change(request.action, &request.flags);
        let since = request.unchanged_since;
        let changed = service
            .flags_change_unless(&principal, selected.id, &uids, change, since)
            .await?;
        // A new keyword is known before flags that have it are told. If the mailbox is gone, the
        // caller finds out.
        self.hear().await;
        self.note(&before, &changed, request, out)?;
        out.relieve().await?;
        let (_, selected) = self.selected()?;
        modified.extend(changed.modified.iter().filter_map(|uid| match request.by {
            Numbering::Uid => Some(uid.0),
            Numbering::Sequence => selected.view.place(*uid).map(|place| sequence(place + 1)),
        }));
        Ok(complete && changed.set.len() + changed.modified.len() == before.len())
    }

    /// Takes the new flags in, and tells them unless the client wants silence. One that tracks
    /// changes hears the mod-sequence in any case (RFC 7162 §3.1.3).
    fn note(
        &mut self,
        before: &[(Uid, FlagSet)],
        changed: &FlagsChanged,
        request: &StoreRequest,
        out: &mut Output<'_>,
    ) -> Result<(), ImapError> {
        let tracks = self.enabled.tracking > Tracking::Off;
        let (_, selected) = self.selected()?;
        let view = &mut selected.view;
        let named = named_flags(&request.flags, view.keywords());
        for (uid, flags, modseq) in &changed.set {
            let old = before.binary_search_by_key(uid, |(uid, _)| *uid);
            let old = old.map_or(FlagSet::default(), |at| before[at].1);
            let expected = match request.action {
                StoreAction::Replace => named,
                StoreAction::Add => old.union(named),
                StoreAction::Remove => old.without(named),
            };
            if request.silent {
                view.flags_set(*uid, (*flags, *modseq), expected);
            } else {
                view.flags_set(*uid, (*flags, *modseq), *flags);
            }
            if request.silent && !tracks {
                continue;
            }
            let Some(place) = view.place(*uid) else {
                continue;
            };
            out.responses.fetch_begin(sequence(place + 1));
            out.responses.fetch_uid(*uid);
            if !request.silent {
                out.responses.fetch_flags(*flags, view.keywords());
            }
            if tracks {
                out.responses.fetch_modseq(*modseq);
            }
            out.responses.fetch_end();
        }
        Ok(())
    }
}

pub(super) fn flag_change(action: StoreAction, flags: &FlagList) -> FlagChange {
    FlagChange {
        how: match action {
            StoreAction::Replace => How::Replace,
            StoreAction::Add => How::Add,
            StoreAction::Remove => How::Remove,
        },
        flags: flags.system,
        keywords: flags.keywords.clone(),
    }
}

/// The flags as bits of this mailbox; keywords that it does not have are no bits.
fn named_flags(flags: &FlagList, dictionary: &[Keyword]) -> FlagSet {
    let bits = flags.keywords.iter().filter_map(|keyword| {
        let index = dictionary.iter().position(|known| known == keyword)?;
        FlagSet::keyword(index)
    });
    bits.fold(flags.system, FlagSet::union)
}
