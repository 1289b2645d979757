//! Actions: what each asks for, which go together, and whether the implicit keep is left
//! (RFC 5228 §2.10).

use super::{Fault, Limit, Run, flag};
use crate::ast::{FileInto, Notify, Text, Vacation};
use crate::limits::{
    ACTIONS_MAX, HEADER_EDITS_MAX, REASON_MAX_OCTETS, REDIRECTS_MAX, VACATION_SECONDS,
    VACATION_SECONDS_MAX,
};
use crate::mailto;
use crate::outcome::{Action, VacationReply};

/// The importance of a notification that states none, or an unknown one (RFC 5435 §3.3).
const IMPORTANCE_NORMAL: u8 = 2;

/// What a run has asked for so far.
#[derive(Default)]
pub(super) struct Actions {
    list: Vec<Action>,
    /// Marks of `duplicate`; they come after everything else.
    marks: Vec<Action>,
    edits: usize,
    /// Whether an action has cancelled the implicit keep.
    settled: bool,
}

impl Actions {
    /// The actions, and whether the implicit keep is left.
    pub(super) fn end(mut self) -> (Vec<Action>, bool) {
        self.list.append(&mut self.marks);
        (self.list, !self.settled)
    }

    pub(super) fn discard(&mut self) -> Result<(), Fault> {
        self.settled = true;
        self.once(Action::Discard)
    }

    fn keep(&mut self, flags: Vec<String>) -> Result<(), Fault> {
        self.settled = true;
        self.refuse_beside_reject("keep")?;
        for action in &mut self.list {
            if let Action::Keep { flags: earlier } = action {
                *earlier = flags;
                return Ok(());
            }
        }
        self.once(Action::Keep { flags })
    }

    /// A folder gets one copy; the flags that come last win (RFC 5232 §3).
    fn file_into(&mut self, filed: Action) -> Result<(), Fault> {
        self.refuse_beside_reject("fileinto")?;
        let Action::FileInto {
            mailbox,
            special_use,
            create,
            copy,
            flags,
        } = &filed
        else {
            return self.once(filed);
        };
        self.settled |= !copy;
        for action in &mut self.list {
            match action {
                Action::FileInto {
                    mailbox: same,
                    special_use: same_use,
                    create: earlier_create,
                    copy: earlier_copy,
                    flags: earlier_flags,
                } if same == mailbox && same_use == special_use => {
                    *earlier_create |= create;
                    *earlier_copy &= copy;
                    earlier_flags.clone_from(flags);
                    return Ok(());
                }
                _ => {}
            }
        }
        self.once(filed)
    }

    fn redirect(&mut self, address: String, copy: bool) -> Result<(), Fault> {
        self.settled |= !copy;
        self.refuse_beside_reject("redirect")?;
        let mut others = 0;
        for action in &mut self.list {
            if let Action::Redirect {
                address: earlier,
                copy: earlier_copy,
            } = action
            {
                if *earlier == address {
                    *earlier_copy &= copy;
                    return Ok(());
                }
                others += 1;
            }
        }
        if others == REDIRECTS_MAX {
            return Err(Fault::Limit(Limit::Redirects));
        }
        self.once(Action::Redirect { address, copy })
    }

    /// A message is refused or delivered, never both, and refused once (RFC 5429 §2.4).
    fn reject(&mut self, reason: String, extended: bool) -> Result<(), Fault> {
        let own = if extended { "ereject" } else { "reject" };
        for action in &self.list {
            let other = match action {
                Action::Keep { .. } => "keep",
                Action::FileInto { .. } => "fileinto",
                Action::Redirect { .. } => "redirect",
                Action::Vacation(_) => "vacation",
                Action::Reject { .. } => "another reject",
                _ => continue,
            };
            return Err(Fault::Conflict(own, other));
        }
        self.settled = true;
        self.once(Action::Reject { reason, extended })
    }

    fn vacation(&mut self, reply: VacationReply) -> Result<(), Fault> {
        self.refuse_beside_reject("vacation")?;
        if self
            .list
            .iter()
            .any(|action| matches!(action, Action::Vacation(_)))
        {
            return Err(Fault::Conflict("vacation", "another vacation"));
        }
        self.once(Action::Vacation(reply))
    }

    /// A change of the header, which is never the same as an earlier one.
    pub(super) fn edit(&mut self, edit: Action) -> Result<(), Fault> {
        if self.edits == HEADER_EDITS_MAX {
            return Err(Fault::Limit(Limit::HeaderEdits));
        }
        self.edits += 1;
        self.list.push(edit);
        Ok(())
    }

    /// Notes a mark of `duplicate`; of several for the same, the last is the one.
    pub(super) fn mark(&mut self, handle: String, id: String, seconds: u64) -> Result<(), Fault> {
        self.marks.retain(|mark| {
            !matches!(mark, Action::Remember { handle: h, id: i, .. } if *h == handle && *i == id)
        });
        if self.marks.len() == ACTIONS_MAX {
            return Err(Fault::Limit(Limit::Actions));
        }
        self.marks.push(Action::Remember {
            handle,
            id,
            seconds,
        });
        Ok(())
    }

    fn refuse_beside_reject(&self, own: &'static str) -> Result<(), Fault> {
        let mut rejected = self.list.iter().filter_map(|action| match action {
            Action::Reject { extended: true, .. } => Some("ereject"),
            Action::Reject {
                extended: false, ..
            } => Some("reject"),
            _ => None,
        });
        rejected
            .next()
            .map_or(Ok(()), |reject| Err(Fault::Conflict(own, reject)))
    }

    fn once(&mut self, action: Action) -> Result<(), Fault> {
        if self.list.contains(&action) {
            return Ok(());
        }
        if self.list.len() - self.edits == ACTIONS_MAX {
            return Err(Fault::Limit(Limit::Actions));
        }
        self.list.push(action);
        Ok(())
    }
}

impl<'r> Run<'r> {
    pub(super) fn keep(&mut self, flags: Option<&'r [Text]>) -> Result<(), Fault> {
        let flags = self.flags_of(flags)?;
        self.actions.keep(flags)
    }

    pub(super) fn file_into(&mut self, into: &'r FileInto) -> Result<(), Fault> {
        let flags = self.flags_of(into.flags.as_deref())?;
        let filed = self.filed(into, flags)?;
        self.actions.file_into(filed)
    }

    /// The target must be a constant: a rule never sends mail to where the mail says.
    pub(super) fn redirect(&mut self, address: &'r Text, copy: bool) -> Result<(), Fault> {
        let address = Self::constant(address, "the address of a redirect is computed")?;
        self.actions.redirect(address, copy)
    }

    pub(super) fn reject(&mut self, reason: &'r Text, extended: bool) -> Result<(), Fault> {
        let reason = self.sent_text(reason)?;
        self.actions.reject(reason, extended)
    }

    pub(super) fn vacation(&mut self, vacation: &'r Vacation) -> Result<(), Fault> {
        let from = vacation.from.as_ref();
        let from = from.map(|from| Self::constant(from, "the sender of a vacation is computed"));
        let addresses = self.texts(&vacation.addresses)?;
        let handle = match &vacation.handle {
            Some(handle) => self.text(handle)?.into_owned(),
            None => handle_of(vacation),
        };
        let reply = VacationReply {
            seconds: vacation
                .seconds
                .unwrap_or(VACATION_SECONDS)
                .min(VACATION_SECONDS_MAX),
            subject: self.optional_text(vacation.subject.as_ref())?,
            from: from.transpose()?,
            addresses: addresses.into_iter().map(Into::into).collect(),
            mime: vacation.mime,
            handle,
            reason: self.sent_text(&vacation.reason)?,
            fcc: self.fcc(vacation.fcc.as_ref())?,
        };
        self.actions.vacation(reply)
    }

    pub(super) fn notify(&mut self, notify: &'r Notify) -> Result<(), Fault> {
        let method = Self::constant(&notify.method, "the method of a notification is computed")?;
        if !mailto::is_valid(&method) {
            return Err(Fault::Unchecked(
                "the method of a notification is no usable mailto: URI",
            ));
        }
        let importance = self.optional_text(notify.importance.as_ref())?;
        let message = notify
            .message
            .as_ref()
            .map(|message| self.sent_text(message));
        let notification = Action::Notify {
            method,
            importance: match importance.as_deref() {
                Some("1") => 1,
                Some("3") => 3,
                _ => IMPORTANCE_NORMAL,
            },
            from: self.optional_text(notify.from.as_ref())?,
            message: message.transpose()?,
            fcc: self.fcc(notify.fcc.as_ref())?,
        };
        self.actions.once(notification)
    }

    /// The flags of `:flags`, else those of the internal variable (RFC 5232 §5).
    fn flags_of(&self, given: Option<&'r [Text]>) -> Result<Vec<String>, Fault> {
        let Some(given) = given else {
            return Ok(self.flags.clone().unwrap_or_default());
        };
        let texts = self.texts(given)?;
        flag::list(texts.iter().map(AsRef::as_ref))
    }

    fn filed(&self, into: &'r FileInto, flags: Vec<String>) -> Result<Action, Fault> {
        Ok(Action::FileInto {
            mailbox: self.text(&into.mailbox)?.into_owned(),
            special_use: self.optional_text(into.special_use.as_ref())?,
            create: into.create,
            copy: into.copy,
            flags,
        })
    }

    /// Where the copy of a sent message is filed (RFC 8580 §3).
    fn fcc(&self, into: Option<&'r FileInto>) -> Result<Option<Box<Action>>, Fault> {
        let Some(into) = into else {
            return Ok(None);
        };
        let texts = self.texts(into.flags.as_deref().unwrap_or_default())?;
        let flags = flag::list(texts.iter().map(AsRef::as_ref))?;
        Ok(Some(Box::new(self.filed(into, flags)?)))
    }

    fn sent_text(&self, text: &'r Text) -> Result<String, Fault> {
        let text = self.text(text)?;
        match text.len() <= REASON_MAX_OCTETS {
            true => Ok(text.into_owned()),
            false => Err(Fault::Limit(Limit::Reason)),
        }
    }
}

/// What makes an answer without `:handle` the same as another: its arguments before variables are
/// in place (RFC 5230 §4.2), as the FNV-1a hash of 64 bits.
fn handle_of(vacation: &Vacation) -> String {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let Vacation {
        subject,
        from,
        mime,
        reason,
        ..
    } = vacation;
    let arguments = format!("{subject:?} {from:?} {mime} {reason:?}");
    let hash = arguments.bytes().fold(OFFSET, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(PRIME)
    });
    format!("{hash:016x}")
}
