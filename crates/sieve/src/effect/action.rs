//! What one action does, whatever stands around it.

use crate::ast::{CommandKind, FileInto, FlagChange, Piece, Text};
use crate::effect::EffectKind;
use crate::effect::kept::Kept;

/// The system flags that can be set, as IMAP writes them (RFC 9051 §2.3.2).
const SYSTEM_FLAGS: [&str; 5] = ["\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"];

/// The effects of a command by itself; copies are taken for kept. None for a control.
pub(super) fn kinds(command: &CommandKind) -> Vec<EffectKind> {
    match command {
        CommandKind::Discard => vec![EffectKind::Discards],
        CommandKind::Keep { flags } => flags_of(flags.as_deref()),
        CommandKind::FileInto(file) => {
            let mut kinds = flags_of(file.flags.as_deref());
            kinds.push(EffectKind::Files {
                mailbox: mailbox(file),
                special_use: file.special_use.as_ref().and_then(Text::constant),
                keeps_copy: true,
            });
            kinds
        }
        CommandKind::Redirect { address, .. } => vec![EffectKind::Redirects {
            address: written(address),
            keeps_copy: true,
        }],
        CommandKind::Reject { .. } => vec![EffectKind::Rejects],
        CommandKind::Flag {
            change: FlagChange::Set | FlagChange::Add,
            variable: None,
            flags,
        } => flags_of(Some(flags)),
        CommandKind::AddHeader { name, .. } | CommandKind::DeleteHeader { name, .. } => {
            vec![EffectKind::Alters {
                header: name.constant(),
            }]
        }
        CommandKind::Vacation(vacation) => {
            let replies = EffectKind::Replies {
                from: vacation.from.as_ref().map(written),
                text: vacation.reason.constant(),
            };
            with_answer(replies, vacation.fcc.as_ref())
        }
        CommandKind::Notify(notify) => {
            let method = written(&notify.method);
            with_answer(EffectKind::Notifies { method }, notify.fcc.as_ref())
        }
        CommandKind::Stop => vec![EffectKind::Stops],
        CommandKind::If { .. }
        | CommandKind::Flag { .. }
        | CommandKind::Set { .. }
        | CommandKind::Include { .. }
        | CommandKind::Return
        | CommandKind::Global(_)
        | CommandKind::ForEveryPart { .. }
        | CommandKind::Break { .. }
        | CommandKind::Error { .. } => Vec::new(),
    }
}

/// Where the message is behind a command.
pub(super) fn moved(command: &CommandKind, kept: Kept) -> Kept {
    let settled = Kept {
        implicit: false,
        ..kept
    };
    match command {
        CommandKind::Keep { .. } => Kept {
            explicit: true,
            ..settled
        },
        CommandKind::FileInto(FileInto { copy, .. }) => Kept {
            implicit: kept.implicit && *copy,
            filed: true,
            ..kept
        },
        CommandKind::Redirect { copy: true, .. } => kept,
        CommandKind::Discard | CommandKind::Redirect { .. } | CommandKind::Reject { .. } => settled,
        _ => kept,
    }
}

fn with_answer(kind: EffectKind, fcc: Option<&FileInto>) -> Vec<EffectKind> {
    let filed = fcc.map(|file| EffectKind::FilesAnswer {
        mailbox: mailbox(file),
    });
    std::iter::once(kind).chain(filed).collect()
}

/// The folder; `None` where its name or the special use that goes before it is computed.
fn mailbox(file: &FileInto) -> Option<String> {
    if let Some(special_use) = &file.special_use {
        special_use.constant()?;
    }
    file.mailbox.constant()
}

/// Each flag of a list of lists; `None` for what is computed (RFC 5232 §2).
fn flags_of(lists: Option<&[Text]>) -> Vec<EffectKind> {
    let mut kinds = Vec::new();
    for list in lists.unwrap_or_default() {
        match list.constant() {
            None => kinds.push(EffectKind::Flags(None)),
            Some(list) => {
                let flags = list.split(' ').filter(|flag| !flag.is_empty());
                kinds.extend(flags.map(|flag| EffectKind::Flags(Some(spelled(flag)))));
            }
        }
    }
    kinds
}

fn spelled(flag: &str) -> String {
    let known = SYSTEM_FLAGS
        .iter()
        .find(|name| name.eq_ignore_ascii_case(flag));
    (*known.unwrap_or(&flag)).to_owned()
}

/// The text as a script writes it. Where this is used the check wants a constant, so that variables
/// stand in it only if nobody checked.
fn written(text: &Text) -> String {
    let pieces = text.0.iter().map(|piece| match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Variable(name) => format!("${{{name}}}"),
        Piece::Match(number) => format!("${{{number}}}"),
    });
    pieces.collect()
}
