//! Actions with their arguments.

use super::arguments::{Arguments, Tag};
use super::command::no_tags;
use super::tags::{IndexTags, MatchTags, choose, take_filing};
use crate::ast::{CommandKind, FileInto, FlagChange, Modifier, Notify, Pos, Text, Vacation};
use crate::keyword::Word;
use crate::limits::SECONDS_MAX;
use crate::mailbox;
use crate::problem::Problem;
use crate::text::variable_name;

const SECONDS_OF_A_DAY: u64 = 86_400;

pub(super) const FILE_INTO: &[&str] = &["copy", "create", "flags", "specialuse"];
pub(super) const DELETE_HEADER: &[&str] = &[
    "index",
    "last",
    "comparator",
    "is",
    "contains",
    "matches",
    "regex",
    "value",
    "count",
];
pub(super) const SET: &[&str] = &[
    "lower",
    "upper",
    "lowerfirst",
    "upperfirst",
    "quotewildcard",
    "quoteregex",
    "encodeurl",
    "length",
];
pub(super) const VACATION: &[&str] = &[
    "days",
    "seconds",
    "subject",
    "from",
    "addresses",
    "mime",
    "handle",
    "fcc",
    "create",
    "flags",
    "specialuse",
];
pub(super) const NOTIFY: &[&str] = &[
    "from",
    "importance",
    "options",
    "message",
    "fcc",
    "create",
    "flags",
    "specialuse",
];

pub(super) fn keep(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    let mut flags = None;
    while let Some(tag) = args.tag()? {
        match tag.name {
            "flags" => flags = Some(args.texts("flags behind `:flags`")?),
            _ => return Err(args.unknown(tag)),
        }
    }
    args.end()?;
    Ok(CommandKind::Keep { flags })
}

pub(super) fn file_into(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    let mut file = FileInto::default();
    while let Some(tag) = args.tag()? {
        if tag.name == "copy" {
            file.copy = true;
        } else if !take_filing(&mut file, tag, &mut args)? {
            return Err(args.unknown(tag));
        }
    }
    file.mailbox = args.text("the name of a folder, such as \"Work\"")?;
    args.end()?;
    Ok(CommandKind::FileInto(file))
}

pub(super) fn redirect(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    let mut copy = false;
    while let Some(tag) = args.tag()? {
        match tag.name {
            "copy" => copy = true,
            _ => return Err(args.unknown(tag)),
        }
    }
    let written = args.text("an address, such as \"ann@example.org\"")?;
    args.end()?;
    // A name before the address has no meaning here (RFC 5228 §2.4.2.3); one of several lines is
    // left for the check to refuse.
    let address = match written.constant() {
        Some(constant) if !constant.contains(char::is_control) => {
            Text::from(mailbox::without_name(&constant))
        }
        _ => written,
    };
    Ok(CommandKind::Redirect { address, copy })
}

pub(super) fn reject(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    no_tags(&mut args)?;
    let reason = args.text("a text that tells the sender why")?;
    args.end()?;
    let extended = args.node.name == "ereject";
    Ok(CommandKind::Reject { reason, extended })
}

/// RFC 5232 §3
pub(super) fn flag(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    no_tags(&mut args)?;
    let variable = match args.left() {
        0 | 1 => None,
        _ => {
            let (name, at) = args.constant("the name of a variable")?;
            Some(variable_name(&name, at)?)
        }
    };
    let flags = args.texts("flags, such as \"\\\\Seen\"")?;
    args.end()?;
    Ok(CommandKind::Flag {
        change: FlagChange::read(&args.node.name).unwrap_or(FlagChange::Set),
        variable,
        flags,
    })
}

/// RFC 5229 §4
pub(super) fn set(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    let mut modifiers: Vec<Modifier> = Vec::new();
    while let Some(tag) = args.tag()? {
        let Some(modifier) = Modifier::read(tag.name) else {
            return Err(args.unknown(tag));
        };
        let rank = modifier.precedence();
        if let Some(other) = modifiers.iter().find(|other| other.precedence() == rank) {
            let words = format!("`:{}` and `:{}` exclude each other", other.word(), tag.name);
            return Err(Problem::new(tag.at, words));
        }
        modifiers.push(modifier);
    }
    modifiers.sort_by_key(|modifier| std::cmp::Reverse(modifier.precedence()));
    let (name, at) = args.constant("the name of a variable")?;
    let name = variable_name(&name, at)?;
    let value = args.text("a value for the variable")?;
    args.end()?;
    Ok(CommandKind::Set {
        modifiers,
        name,
        value,
    })
}

pub(super) fn add_header(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    let mut last = false;
    while let Some(tag) = args.tag()? {
        match tag.name {
            "last" => last = true,
            _ => return Err(args.unknown(tag)),
        }
    }
    let name = args.text("the name of a header field")?;
    let value = args.text("the value of the header field")?;
    args.end()?;
    Ok(CommandKind::AddHeader { last, name, value })
}

pub(super) fn delete_header(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    let (mut tags, mut index) = (MatchTags::default(), IndexTags::default());
    while let Some(tag) = args.tag()? {
        if !tags.take(tag, &mut args)? && !index.take(tag, &mut args)? {
            return Err(args.unknown(tag));
        }
    }
    let name = args.text("the name of a header field")?;
    let patterns = match args.left() {
        0 => Vec::new(),
        _ => args.texts("a text to compare values with")?,
    };
    args.end()?;
    Ok(CommandKind::DeleteHeader {
        index: index.index()?,
        matching: tags.matching(),
        name,
        patterns,
    })
}

/// RFC 5230 §4, RFC 6131, RFC 8580
pub(super) fn vacation(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    let mut vacation = Vacation::default();
    let mut fcc = Copy::default();
    while let Some(tag) = args.tag()? {
        match tag.name {
            "days" => {
                let (days, _) = args.number("a number behind `:days`")?;
                let seconds = days.max(1).saturating_mul(SECONDS_OF_A_DAY);
                choose(&mut vacation.seconds, seconds.min(SECONDS_MAX), tag)?;
            }
            "seconds" => {
                let (seconds, _) = args.number("a number behind `:seconds`")?;
                choose(&mut vacation.seconds, seconds.min(SECONDS_MAX), tag)?;
            }
            "subject" => vacation.subject = Some(args.text("a text behind `:subject`")?),
            "from" => vacation.from = Some(args.text("an address behind `:from`")?),
            "addresses" => vacation.addresses = args.texts("addresses behind `:addresses`")?,
            "mime" => vacation.mime = true,
            "handle" => vacation.handle = Some(args.text("a text behind `:handle`")?),
            _ if fcc.take(tag, &mut args)? => {}
            _ => return Err(args.unknown(tag)),
        }
    }
    vacation.reason = args.text("the text of the answer")?;
    args.end()?;
    vacation.fcc = fcc.copy()?;
    Ok(CommandKind::Vacation(Box::new(vacation)))
}

/// `:fcc` with the tags that belong to it (RFC 8580 §3).
#[derive(Default)]
struct Copy {
    mailbox: Option<Text>,
    file: FileInto,
    /// One that belongs to it stands there.
    tag: Option<Pos>,
}

impl Copy {
    fn take(&mut self, tag: Tag<'_>, rest: &mut Arguments<'_>) -> Result<bool, Problem> {
        if tag.name == "fcc" {
            self.mailbox = Some(rest.text("the name of a folder behind `:fcc`")?);
            return Ok(true);
        }
        let taken = take_filing(&mut self.file, tag, rest)?;
        if taken {
            self.tag = Some(tag.at);
        }
        Ok(taken)
    }

    fn copy(self) -> Result<Option<FileInto>, Problem> {
        match (self.mailbox, self.tag) {
            (Some(mailbox), _) => Ok(Some(FileInto {
                mailbox,
                ..self.file
            })),
            (None, None) => Ok(None),
            (None, Some(at)) => Err(Problem::new(at, "this needs `:fcc` beside it")),
        }
    }
}

/// RFC 5435 §3, RFC 8580
pub(super) fn notify(mut args: Arguments<'_>) -> Result<CommandKind, Problem> {
    let mut notify = Notify::default();
    let mut fcc = Copy::default();
    while let Some(tag) = args.tag()? {
        match tag.name {
            "from" => notify.from = Some(args.text("an address behind `:from`")?),
            "importance" => {
                let what = "\"1\", \"2\" or \"3\" behind `:importance`";
                notify.importance = Some(args.text(what)?);
            }
            "options" => notify.options = args.texts("options behind `:options`")?,
            "message" => notify.message = Some(args.text("a text behind `:message`")?),
            _ if fcc.take(tag, &mut args)? => {}
            _ => return Err(args.unknown(tag)),
        }
    }
    notify.method = args.text("whom to tell, such as \"mailto:ann@example.org\"")?;
    args.end()?;
    notify.fcc = fcc.copy()?;
    Ok(CommandKind::Notify(Box::new(notify)))
}
