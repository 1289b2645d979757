//! A form as a sentence: `When the subject contains "tucows": delete.`

use crate::form::{FormAction, FormRule};
use crate::words::{join, listed, part, quoted, whole};

impl FormRule {
    /// The rule as a sentence for people. What somebody typed stands in quotes that it cannot end,
    /// cut; whoever shows it makes hidden characters visible.
    pub fn words(&self) -> String {
        let when = match self.conditions.as_slice() {
            [] => "For every message".to_owned(),
            [one] => format!("When {}", whole(&one.to_test(), true)),
            several => {
                let parts = several.iter().map(|one| part(&one.to_test(), true));
                let parts: Vec<_> = parts.collect();
                let word = if self.all { "and" } else { "or" };
                format!("When {}", join(&parts, word, 0))
            }
        };
        let files = |action: &FormAction| {
            matches!(
                action,
                FormAction::CopyInto { .. } | FormAction::MoveTo { .. }
            )
        };
        let kept = self.actions.iter().any(files);
        let mut what: Vec<_> = self.actions.iter().map(|one| one.words(kept)).collect();
        if self.stop && !self.actions.iter().any(FormAction::ends) {
            what.push("skip the rules after this one".to_owned());
        }
        format!("{when}: {}.", listed(&what, "and"))
    }
}

impl FormAction {
    /// What is done; `kept` says whether the rule also puts the message into a folder.
    fn words(&self, kept: bool) -> String {
        match self {
            Self::AddHeader { name, value } => {
                format!("add the header field {} {}", quoted(name), quoted(value))
            }
            Self::PrefixSubject { prefix } => format!("put {} before the subject", quoted(prefix)),
            Self::SetPriority { priority } => format!("set the priority to {}", priority.word()),
            Self::MarkRead {} => "mark as read".to_owned(),
            Self::Flag {} => "flag".to_owned(),
            Self::Reply { text, .. } => format!("reply to the sender with {}", quoted(text)),
            Self::CopyTo { to } => format!("send a copy to {to}"),
            Self::CopyInto { folder } => format!("put a copy into the folder {}", quoted(folder)),
            Self::MoveTo { folder } => format!("move to the folder {}", quoted(folder)),
            Self::Redirect { to } if kept => format!("send to {to}"),
            Self::Redirect { to } => format!("send to {to} and keep no copy"),
            Self::Delete {} => "delete".to_owned(),
            Self::Reject { reason } => format!("refuse with {}", quoted(reason)),
        }
    }
}
