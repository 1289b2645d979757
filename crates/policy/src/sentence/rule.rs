//! What rules do, as sentences.
//!
//! What somebody typed, in a condition or as the name of a folder, is shown with its hidden
//! characters visible and stands in quotes.

use types::AccountId;

use super::{Words, list};
use crate::change::Sender;
use crate::effect::{Effect, Hidden, Matched, Whose};
use crate::shown;

/// Said of an exit under the preset *relaxed*; elsewhere it is refused.
const NOT_ALLOWED: &str = " Nobody has allowed this exit.";

/// Deletes, for all 14 mailboxes, mail whose text contains "tucows". Nobody will see it.
pub(super) fn deletes(words: &Words<'_>, whose: &Whose, of: &Matched) -> String {
    let (who, what) = (
        words.for_whom(whose, of.mailboxes),
        messages(of.when.as_deref()),
    );
    format!("Deletes, {who}, {what}. Nobody will see it.")
}

/// Copies, for ann@example.org, all mail to x@example.net, OUTSIDE your organisation.
pub(super) fn leaves(words: &Words<'_>, effect: &Effect) -> String {
    let Effect::LeavesOrganisation {
        whose,
        targets,
        more,
        keeps_copy,
        mailboxes,
        when,
        approved,
    } = effect
    else {
        return String::new();
    };
    let (verb, copy) = copy(*keeps_copy);
    let targets: Vec<_> = targets.iter().map(shown::address).collect();
    let what = messages(when.as_deref());
    let who = match mailboxes {
        0 => words.of_whom(whose),
        count => words.for_whom(whose, *count),
    };
    let targets = list(&targets, *more);
    let notice = match approved {
        Some(false) => NOT_ALLOWED,
        _ => "",
    };
    format!("{verb}, {who}, {what} to {targets}, OUTSIDE your organisation. {copy}{notice}")
}

/// Delivers, for ann@example.org, all mail to bob@example.org, inside. No copy is kept.
pub(super) fn delivers(
    words: &Words<'_>,
    (whose, when): (&Whose, Option<&str>),
    to: &[AccountId],
    more: u64,
    keeps_copy: bool,
) -> String {
    let (verb, copy) = copy(keeps_copy);
    let (who, what) = (words.of_whom(whose), messages(when));
    let to: Vec<_> = to.iter().map(|id| words.account(*id)).collect();
    format!(
        "{verb}, {who}, {what} to {}, inside. {copy}",
        list(&to, more)
    )
}

/// Everything else that rules, exits and lists of senders do.
// long: one table
pub(super) fn other(words: &Words<'_>, effect: &Effect) -> String {
    let part = |whose: &Whose, of: &Matched| {
        (
            words.for_whom(whose, of.mailboxes),
            messages(of.when.as_deref()),
        )
    };
    match effect {
        Effect::Rejects { whose, of } => {
            let (who, what) = part(whose, of);
            format!("Refuses, {who}, {what}. The sender is told, the owner is not.")
        }
        Effect::Moves {
            whose,
            of,
            folder,
            keeps_copy,
        } => {
            let (who, what) = part(whose, of);
            let verb = if *keeps_copy { "Copies" } else { "Moves" };
            let folder = match folder {
                Some(folder) => format!("the folder {}", quoted(folder)),
                None => "a folder whose name is computed: it can be any".to_owned(),
            };
            format!("{verb}, {who}, {what} into {folder}.")
        }
        Effect::Hides { whose, of, how } => {
            let (who, what) = part(whose, of);
            let how = match how {
                Hidden::MarkedRead => "as read: easy to miss",
                Hidden::MarkedDeleted => "as deleted: mail programs do not show it",
                Hidden::AnyFlag => "with flags that are computed: they can be any",
            };
            format!("Marks, {who}, {what} {how}.")
        }
        Effect::Alters { whose, of, header } => {
            let (who, what) = part(whose, of);
            let header = match header {
                Some(name) => format!("the header field {}", quoted(name)),
                None => "header fields whose names are computed".to_owned(),
            };
            format!("Changes, {who}, {header} of {what}.")
        }
        Effect::Replies {
            whose,
            of,
            from,
            text,
        } => {
            let (who, what) = part(whose, of);
            let from = from
                .as_ref()
                .map(|from| format!(" as {}", shown::visible(from)));
            let text = match text {
                Some(text) => format!(" with {}", quoted(text)),
                None => " with a text that is computed".to_owned(),
            };
            format!("Answers{}, {who}, {what}{text}.", from.unwrap_or_default())
        }
        Effect::Notifies {
            whose,
            of,
            target,
            outside,
            approved,
        } => {
            let (who, what) = part(whose, of);
            let (place, notice) = match (outside, approved) {
                (true, true) => ("OUTSIDE your organisation", ""),
                (true, false) => ("OUTSIDE your organisation", NOT_ALLOWED),
                (false, _) => ("inside", ""),
            };
            let target = shown::visible(target);
            format!("Tells {target}, {place}, {who}, of {what}.{notice}")
        }
        Effect::AllowsExit {
            whose,
            target,
            until,
        } => {
            let (who, target) = (words.of_whom(whose), shown::address(target));
            format!(
                "Lets rules send mail, {who}, to {target}, OUTSIDE your organisation, until {until}."
            )
        }
        Effect::Trusts {
            whose,
            senders,
            more,
        } => {
            let (who, senders) = (words.of_whom(whose), names(senders, *more));
            format!("Trusts, {who}, mail that says it is from {senders}.")
        }
        _ => String::new(),
    }
}

/// Refuses, for ann@example.org, all mail from x@example.net.
pub(super) fn blocks(words: &Words<'_>, whose: &Whose, senders: &[Sender], more: u64) -> String {
    let (who, senders) = (words.of_whom(whose), names(senders, more));
    format!("Refuses, {who}, all mail from {senders}.")
}

impl Words<'_> {
    /// `for all 14 mailboxes of example.org`
    fn for_whom(&self, whose: &Whose, mailboxes: u64) -> String {
        let all = match mailboxes {
            1 => "the one mailbox".to_owned(),
            count => format!("all {count} mailboxes"),
        };
        // Where there is one domain only, its name tells nothing.
        let of = |domain| match self.config.domains_len() {
            1 => String::new(),
            _ => format!(" of {}", shown::domain(domain)),
        };
        match whose {
            Whose::Everyone => format!("for {all}"),
            Whose::Domain(domain) => format!("for {all}{}", of(domain)),
            Whose::SentByEveryone => format!("for what {all} send"),
            Whose::SentFrom(domain) => format!("for what {all}{} send", of(domain)),
            Whose::Account(id) => format!("for {}", self.account(*id)),
            Whose::Address(_) | Whose::UnknownIn(_) | Whose::RoleAddresses => self.of_whom(whose),
        }
    }

    /// The same where no mailboxes were counted.
    fn of_whom(&self, whose: &Whose) -> String {
        match whose {
            Whose::Everyone => "for everyone here".to_owned(),
            Whose::Domain(domain) => format!("for everyone at {}", shown::domain(domain)),
            Whose::SentByEveryone => "for what everyone here sends".to_owned(),
            Whose::SentFrom(domain) => {
                format!("for what everyone at {} sends", shown::domain(domain))
            }
            Whose::Account(id) => format!("for {}", self.account(*id)),
            whose => format!("of {}", self.whose(whose)),
        }
    }
}

/// Which messages: `all mail`, `mail whose subject contains "x"`, `mail where a or b`.
fn messages(when: Option<&str>) -> String {
    let Some(words) = when else {
        return "all mail".to_owned();
    };
    let words = shown::visible(words);
    match words.strip_prefix("the ") {
        Some(rest) => format!("mail whose {rest}"),
        None => format!("mail where {words}"),
    }
}

fn copy(keeps_copy: bool) -> (&'static str, &'static str) {
    if keeps_copy {
        ("Copies", "The owner keeps a copy.")
    } else {
        ("Forwards", "No mailbox here keeps a copy.")
    }
}

fn names(senders: &[Sender], more: u64) -> String {
    let names: Vec<_> = senders
        .iter()
        .map(|sender| match sender {
            Sender::Address(address) => shown::address(address),
            Sender::Domain(domain) => shown::domain(domain),
        })
        .collect();
    list(&names, more)
}

/// A text in quotes that it cannot end, nothing in it hidden.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", shown::visible(&text))
}
