//! STORE (RFC 9051 §6.4.6).

use service::{FlagChange, How};
use types::{FlagSet, Keyword, ModSeq, Uid};
use wire::imap::{FlagList, StoreAction, StoreRequest};

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
        let mut all_there = true;
        for batch in places.chunks(BATCH_MESSAGES) {
            all_there &= self.store_batch(batch, request, out).await?;
        }
        if all_there {
            Ok(Done::plain("stored"))
        } else {
            Err(ImapError::Expunged)
        }
    }

    /// Changes the flags of messages that are there; `false` if some are not (RFC 2180 §4.2).
    async fn store_batch(
        &mut self,
        places: &[usize],
        request: &StoreRequest,
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
        let set = service
            .flags_change(&principal, selected.id, &uids, change)
            .await?;
        // A new keyword is known before flags that have it are told. If the mailbox is gone, the
        // caller finds out.
        self.hear().await;
        self.note(&before, &set, request, out)?;
        out.relieve().await?;
        Ok(complete && set.len() == before.len())
    }

    /// Takes the new flags in, and tells them unless the client wants silence.
    fn note(
        &mut self,
        before: &[(Uid, FlagSet)],
        set: &[(Uid, FlagSet, ModSeq)],
        request: &StoreRequest,
        out: &mut Output<'_>,
    ) -> Result<(), ImapError> {
        let (_, selected) = self.selected()?;
        let view = &mut selected.view;
        let named = named_flags(&request.flags, view.keywords());
        for (uid, flags, _) in set {
            let old = before.binary_search_by_key(uid, |(uid, _)| *uid);
            let old = old.map_or(FlagSet::default(), |at| before[at].1);
            let expected = match request.action {
                StoreAction::Replace => named,
                StoreAction::Add => old.union(named),
                StoreAction::Remove => old.without(named),
            };
            if request.silent {
                view.flags_set(*uid, *flags, expected);
                continue;
            }
            view.flags_set(*uid, *flags, *flags);
            let Some(place) = view.place(*uid) else {
                continue;
            };
            out.responses.fetch_begin(sequence(place + 1));
            out.responses.fetch_uid(*uid);
            out.responses.fetch_flags(*flags, view.keywords());
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
