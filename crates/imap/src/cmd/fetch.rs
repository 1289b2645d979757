//! FETCH (RFC 9051 §6.4.5, §7.5.2).

use std::collections::{HashSet, VecDeque};

use service::{
    DescribedMessage, FlagChange, How, MessageDetail, Principal, ReadAhead, Service, ServiceError,
    ServiceResult, StoredMessage,
};
use types::{EmailId, FlagSet, Uid};
use wire::imap::{
    FetchItem, FetchModifiers, Numbering, ObjectId, Partial, Section, SectionText, SequenceSet,
};

use super::binary;
use super::part::{Content, Message, broken_off};
use crate::enabled::Tracking;
use crate::error::ImapError;
use crate::limits::BATCH_MESSAGES;
use crate::output::Output;
use crate::selected::{Row, sequence};
use crate::session::{Done, Session};

/// What it takes to answer.
struct Plan<'a> {
    items: &'a [FetchItem],
    /// UID is told though nobody asked (RFC 9051 §6.4.9).
    adds_uid: bool,
    sets_seen: bool,
    tracking: Tracking,
    /// An envelope or a structure is wanted.
    describes: bool,
    /// Something is wanted that is asked of a message now and then.
    details: bool,
    /// Octets of the message are wanted.
    opens: Option<ReadAhead>,
    /// Octets of its text are among them.
    gives_text: bool,
}

/// A message that is there, with what the plan needs of it.
struct Found {
    place: usize,
    /// As it is after it was marked as seen.
    row: Row,
    stored: Option<StoredMessage>,
    description: Option<DescribedMessage>,
    detail: Option<MessageDetail>,
}

/// What was read of the next messages, in their order.
#[derive(Default)]
struct Ahead {
    described: VecDeque<ServiceResult<DescribedMessage>>,
    opened: VecDeque<ServiceResult<StoredMessage>>,
    /// Messages that were found damaged.
    damaged: usize,
}

impl<'a> Plan<'a> {
    fn new(by: Numbering, items: &'a [FetchItem], read_only: bool, tracking: Tracking) -> Self {
        let described =
            |item: &FetchItem| matches!(item, FetchItem::Envelope | FetchItem::BodyStructure);
        let opened = |item: &FetchItem| {
            matches!(
                item,
                FetchItem::Body
                    | FetchItem::Rfc822
                    | FetchItem::Rfc822Header
                    | FetchItem::Rfc822Text
                    | FetchItem::Section { .. }
                    | FetchItem::Binary { .. }
                    | FetchItem::BinarySize(_)
            )
        };
        Self {
            items,
            adds_uid: by == Numbering::Uid && !items.contains(&FetchItem::Uid),
            sets_seen: !read_only && items.iter().any(FetchItem::sets_seen),
            tracking,
            describes: items.iter().any(described),
            details: items.iter().any(detailed),
            opens: items.iter().any(opened).then(|| ahead(items)),
            gives_text: items.iter().any(gives_text),
        }
    }
}

/// Whether [`MessageDetail`] answers an item.
fn detailed(item: &FetchItem) -> bool {
    matches!(
        item,
        FetchItem::ThreadId | FetchItem::SaveDate | FetchItem::Preview { .. }
    )
}

/// How much of each message is read at once: a header block alone may be all that is wanted.
fn ahead(items: &[FetchItem]) -> ReadAhead {
    let head_alone = |item: &FetchItem| match item {
        FetchItem::Section { section, .. } => {
            section.part.is_empty() && !matches!(section.text, None | Some(SectionText::Text))
        }
        FetchItem::Body
        | FetchItem::Rfc822
        | FetchItem::Rfc822Text
        | FetchItem::Binary { .. }
        | FetchItem::BinarySize(_) => false,
        _ => true,
    };
    if items.iter().all(head_alone) {
        ReadAhead::Head
    } else {
        ReadAhead::Body
    }
}

/// Whether an item holds more of a message than its structure and header blocks.
fn gives_text(item: &FetchItem) -> bool {
    match item {
        FetchItem::Rfc822 | FetchItem::Rfc822Text | FetchItem::Binary { .. } => true,
        FetchItem::Section { section, .. } => {
            matches!(section.text, None | Some(SectionText::Text))
        }
        _ => false,
    }
}

impl Session {
    pub(crate) async fn fetch(
        &mut self,
        by: Numbering,
        set: &SequenceSet,
        mut items: Vec<FetchItem>,
        modifiers: FetchModifiers,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        let tracking = self.enabled.tracking;
        if modifiers.vanished && (by != Numbering::Uid || tracking < Tracking::Qresync) {
            return Err(ImapError::NotNow("but in UID FETCH with QRESYNC enabled"));
        }
        let (_, selected) = self.selected()?;
        let mut places = selected.view.places(by, set)?;
        let read_only = selected.view.is_read_only();
        if let Some(since) = modifiers.changed_since {
            let rows = selected.view.rows();
            places.retain(|place| rows.get(*place).is_some_and(|row| row.modseq > since));
            if !items.contains(&FetchItem::ModSeq) {
                items.push(FetchItem::ModSeq);
            }
            if modifiers.vanished {
                // Here `*` is every UID from the largest one up: those at the end may be gone.
                let known = set.resolve(u32::MAX);
                self.tell_lost(since, known.ranges(), None, out).await?;
            }
        }
        let plan = Plan::new(by, &items, read_only, tracking);
        let mut given = Vec::new();
        let outcome = self.fetch_all(&places, &plan, &mut given, out).await;
        if plan.gives_text {
            let (principal, selected) = self.selected()?;
            let mailbox = selected.id;
            self.service.bodies_given(&principal, mailbox, &given);
        }
        outcome
    }

    /// `given` gets the UIDs of the messages that the client has heard of, also when it fails.
    async fn fetch_all(
        &mut self,
        places: &[usize],
        plan: &Plan<'_>,
        given: &mut Vec<Uid>,
        out: &mut Output<'_>,
    ) -> Result<Done, ImapError> {
        let asked = places.len();
        let mut damaged = 0;
        for batch in places.chunks(BATCH_MESSAGES) {
            damaged += self.fetch_batch(batch, plan, given, out).await?;
        }
        if damaged > 0 {
            Err(ImapError::Damaged(damaged))
        } else if given.len() == asked {
            Ok(Done::plain("fetched"))
        } else {
            Err(ImapError::Expunged)
        }
    }

    /// Answers for those messages that can still be read (RFC 2180 §4.1); gives how many are
    /// damaged.
    async fn fetch_batch(
        &mut self,
        places: &[usize],
        plan: &Plan<'_>,
        given: &mut Vec<Uid>,
        out: &mut Output<'_>,
    ) -> Result<usize, ImapError> {
        let newly_seen = self.mark_seen(places, plan).await?;
        let service = self.service.clone();
        let (principal, selected) = self.selected()?;
        let rows = selected.view.rows();
        let row = |place: &usize| rows.get(*place).map(|row| (*place, *row));
        let rows: Vec<(usize, Row)> = places.iter().filter_map(row).collect();
        let emails: Vec<EmailId> = rows.iter().map(|(_, row)| row.email).collect();
        let mut details = VecDeque::new();
        if plan.details {
            let asked: Vec<_> = rows.iter().map(|(_, row)| (row.uid, row.email)).collect();
            let found = service.message_details(&principal, selected.id, &asked);
            details = found.await?.into();
        }
        let mut ahead = Ahead::default();
        for (at, (place, row)) in rows.into_iter().enumerate() {
            let left = &emails[at..];
            let damaged_before = ahead.damaged;
            let description = ahead.description(&service, &principal, left, plan).await?;
            let stored = ahead.stored(&service, &principal, left, plan).await?;
            let detail = there(details.pop_front(), &mut ahead.damaged)?;
            // One message, whatever of it is damaged.
            ahead.damaged = ahead.damaged.min(damaged_before + 1);
            if (plan.describes && description.is_none())
                || (plan.details && detail.is_none())
                || (plan.opens.is_some() && stored.is_none())
            {
                continue;
            }
            if let Some(stored) = &stored {
                self.check_encodings(&row, stored, plan.items).await?;
            }
            given.push(row.uid);
            let found = Found {
                place,
                row,
                stored,
                description,
                detail,
            };
            let tells_flags =
                newly_seen.contains(&row.uid) && !plan.items.contains(&FetchItem::Flags);
            self.answer(&found, plan, tells_flags, out).await?;
            out.relieve().await?;
        }
        Ok(ahead.damaged)
    }

    /// Says the whole response for one message.
    async fn answer(
        &mut self,
        found: &Found,
        plan: &Plan<'_>,
        tells_flags: bool,
        out: &mut Output<'_>,
    ) -> Result<(), ImapError> {
        out.responses.fetch_begin(sequence(found.place + 1));
        if plan.adds_uid {
            out.responses.fetch_uid(found.row.uid);
        }
        for item in plan.items {
            if let Some(stored) = &found.stored {
                let said = self.octets_item(item, &found.row, stored, out).await;
                said.map_err(broken_off)?;
            }
            self.row_item(item, found, out)?;
            if let Some(detail) = &found.detail {
                detail_item(item, detail, out);
            }
        }
        if tells_flags {
            self.unasked_flags(found, plan, out)?;
        }
        out.responses.fetch_end();
        Ok(())
    }

    /// Tells of flags that the command itself has set, as all such news are told.
    fn unasked_flags(
        &mut self,
        found: &Found,
        plan: &Plan<'_>,
        out: &mut Output<'_>,
    ) -> Result<(), ImapError> {
        let missing = |item| !plan.items.contains(item);
        let uid = plan.tracking == Tracking::Qresync && !plan.adds_uid;
        if uid && missing(&FetchItem::Uid) {
            self.row_item(&FetchItem::Uid, found, out)?;
        }
        self.row_item(&FetchItem::Flags, found, out)?;
        if plan.tracking > Tracking::Off && missing(&FetchItem::ModSeq) {
            self.row_item(&FetchItem::ModSeq, found, out)?;
        }
        Ok(())
    }

    /// Sets `\Seen` where the items ask for it, and returns the UIDs that did not have it.
    async fn mark_seen(
        &mut self,
        places: &[usize],
        plan: &Plan<'_>,
    ) -> Result<HashSet<Uid>, ImapError> {
        if !plan.sets_seen {
            return Ok(HashSet::new());
        }
        let service = self.service.clone();
        let (principal, selected) = self.selected()?;
        let rows = selected.view.rows();
        let rows = places.iter().filter_map(|place| rows.get(*place));
        let unseen = rows.filter(|row| !row.gone && !row.flags.contains(FlagSet::SEEN));
        let unseen: Vec<Uid> = unseen.map(|row| row.uid).collect();
        if unseen.is_empty() {
            return Ok(HashSet::new());
        }
        let change = FlagChange {
            how: How::Add,
            flags: FlagSet::SEEN,
            keywords: Vec::new(),
        };
        let set = service
            .flags_change(&principal, selected.id, &unseen, change)
            .await?;
        for (uid, flags, modseq) in &set {
            // Told with the answer, whatever else has changed.
            selected.view.flags_set(*uid, (*flags, *modseq), *flags);
        }
        Ok(set.into_iter().map(|(uid, ..)| uid).collect())
    }

    /// Items that the index or the description answers; the others are none of its business.
    fn row_item(
        &mut self,
        item: &FetchItem,
        found: &Found,
        out: &mut Output<'_>,
    ) -> Result<(), ImapError> {
        let responses = &mut out.responses;
        let row = &found.row;
        match (item, &found.description) {
            (FetchItem::Flags, _) => {
                let (_, selected) = self.selected()?;
                responses.fetch_flags(row.flags, selected.view.keywords());
                selected.view.flags_told(found.place);
            }
            (FetchItem::Uid, _) => responses.fetch_uid(row.uid),
            (FetchItem::ModSeq, _) => responses.fetch_modseq(row.modseq),
            (FetchItem::EmailId, _) => responses.fetch_email_id(&ObjectId::email(row.email)),
            (FetchItem::InternalDate, _) => responses.fetch_internal_date(row.internal_date),
            (FetchItem::Rfc822Size, _) => responses.fetch_size(row.octets),
            (FetchItem::Envelope, Some(described)) => {
                responses.fetch_ready("ENVELOPE", &described.envelope);
            }
            (FetchItem::BodyStructure, Some(described)) => {
                responses.fetch_ready("BODYSTRUCTURE", &described.bodystructure);
            }
            _ => {}
        }
        Ok(())
    }

    /// Items that need octets of the message; the others are none of its business.
    async fn octets_item(
        &mut self,
        item: &FetchItem,
        row: &Row,
        stored: &StoredMessage,
        out: &mut Output<'_>,
    ) -> Result<(), ImapError> {
        let mut message = Message {
            email: row.email,
            stored,
            parsed: &mut self.parsed,
        };
        match item {
            FetchItem::Body => {
                let body = message.body().await?;
                out.responses.fetch_ready("BODY", &body);
                Ok(())
            }
            FetchItem::Rfc822 => named(&mut message, "RFC822", None, out).await,
            FetchItem::Rfc822Header => {
                named(
                    &mut message,
                    "RFC822.HEADER",
                    Some(SectionText::Header),
                    out,
                )
                .await
            }
            FetchItem::Rfc822Text => {
                named(&mut message, "RFC822.TEXT", Some(SectionText::Text), out).await
            }
            FetchItem::Section {
                section, partial, ..
            } => section_item(&mut message, section, *partial, out).await,
            FetchItem::BinarySize(part) => binary::size(&mut message, part, out).await,
            FetchItem::Binary { part, partial, .. } => {
                binary::content(&mut message, part, *partial, out).await
            }
            _ => Ok(()),
        }
    }
}

impl Ahead {
    /// The description of the first of these messages, if it is wanted and there.
    async fn description(
        &mut self,
        service: &Service,
        principal: &Principal,
        left: &[EmailId],
        plan: &Plan<'_>,
    ) -> Result<Option<DescribedMessage>, ImapError> {
        if !plan.describes {
            return Ok(None);
        }
        if self.described.is_empty() {
            self.described = service.messages_describe(principal, left).await?.into();
        }
        there(self.described.pop_front(), &mut self.damaged)
    }

    /// The first of these messages, if octets of it are wanted and it is there.
    async fn stored(
        &mut self,
        service: &Service,
        principal: &Principal,
        left: &[EmailId],
        plan: &Plan<'_>,
    ) -> Result<Option<StoredMessage>, ImapError> {
        let Some(ahead) = plan.opens else {
            return Ok(None);
        };
        if self.opened.is_empty() {
            self.opened = service.messages_open(principal, left, ahead).await?.into();
        }
        there(self.opened.pop_front(), &mut self.damaged)
    }
}

/// What was read of a message; `None` if it is not there any more, or damaged, which is counted.
fn there<T>(read: Option<ServiceResult<T>>, damaged: &mut usize) -> Result<Option<T>, ImapError> {
    match read {
        Some(Err(ServiceError::Damaged)) => {
            *damaged += 1;
            Ok(None)
        }
        None | Some(Err(ServiceError::NotFound(_))) => Ok(None),
        Some(read) => Ok(Some(read?)),
    }
}

/// Items that the details answer; the others are none of its business.
fn detail_item(item: &FetchItem, detail: &MessageDetail, out: &mut Output<'_>) {
    let responses = &mut out.responses;
    match item {
        FetchItem::ThreadId => responses.fetch_thread_id(&ObjectId::thread(detail.thread)),
        FetchItem::SaveDate => responses.fetch_save_date(detail.saved_at),
        FetchItem::Preview { .. } => responses.fetch_preview(&detail.preview),
        _ => {}
    }
}

/// The items of RFC 3501 that have a name instead of a section.
async fn named(
    message: &mut Message<'_>,
    name: &'static str,
    text: Option<SectionText>,
    out: &mut Output<'_>,
) -> Result<(), ImapError> {
    let part = Vec::new();
    let content = message.section(&Section { part, text }).await?;
    out.responses.fetch_literal(name, content.octets());
    message.send(content, out).await
}

async fn section_item(
    message: &mut Message<'_>,
    section: &Section,
    partial: Option<Partial>,
    out: &mut Output<'_>,
) -> Result<(), ImapError> {
    let content = message.section(section).await?.cut(partial);
    let origin = partial.map(|partial| partial.start);
    if let Content::Missing = content {
        out.responses.fetch_no_section(section, origin);
        return Ok(());
    }
    out.responses
        .fetch_section(section, origin, content.octets());
    message.send(content, out).await
}
