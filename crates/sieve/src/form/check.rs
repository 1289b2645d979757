//! What a form may hold. Whatever passes becomes a script that is known again.

use types::MailboxName;

use crate::field;
use crate::form::{
    ACTIONS_MAX, CONDITIONS_MAX, Compare, Condition, FORM_MAX_OCTETS, FormAction, FormRule,
    OCTETS_MAX, Place, REPLY_DAYS_MAX, TEXT_MAX_CHARS, VALUE_MAX_CHARS, VALUES_MAX,
};
use crate::limits::REDIRECTS_MAX;
use crate::text::holds_variable;

/// Why a form is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Neither an action nor the stop flag.
    #[error("the rule does nothing: give it an action, or let it stop the rules after it")]
    DoesNothing,
    /// More of something than there may be.
    #[error("a rule has at most {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// A condition without a value, or an empty text.
    #[error("{0} is empty: leave it out, or say what it is")]
    Empty(&'static str),
    /// A text is longer than it may be.
    #[error("{what} has at most {max} characters")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// Characters that it may have.
        max: usize,
    },
    /// Line ends or control characters where none may stand.
    #[error("{0} stands on one line and has no control characters")]
    Control(&'static str),
    /// Spaces at the ends, which would be lost.
    #[error("{0} has no spaces at its ends")]
    Spaces(&'static str),
    /// All texts together do not fit.
    #[error(
        "all texts of a rule together have at most {FORM_MAX_OCTETS} octets: make several rules"
    )]
    Octets,
    /// An extension compared with something other than equal or not equal.
    #[error("the extension of an attachment is compared as equal or not equal only")]
    ExtensionCompare,
    /// A value is not the extension of a file name.
    #[error("{0:?} is no extension: write letters and digits such as pdf, or tar.gz")]
    Extension(String),
    /// A size that no condition can ask for.
    #[error("a size is at most {OCTETS_MAX} octets")]
    Size,
    /// A score beyond its scale.
    #[error("a spam score goes from 0 to 100")]
    Percent,
    /// A range without days in it.
    #[error("give the first day, the last day, or both, the first not after the last")]
    Days,
    /// A number of days that is no pause between answers.
    #[error("a sender is answered once in 1 to {REPLY_DAYS_MAX} days")]
    ReplyDays,
    /// Not the name of a header field.
    #[error(
        "{0:?} is no name of a header field: write letters, digits and hyphens such as X-Label"
    )]
    FieldName(String),
    /// A header field that no rule may add.
    #[error("the field {0} tells how a message came or who vouched for it: no rule may add it")]
    FieldProtected(String),
    /// Not the name of a folder.
    #[error("{folder:?} cannot be a folder: {reason}")]
    Folder {
        /// What was written.
        folder: String,
        /// Why.
        reason: types::MailboxNameError,
    },
    /// A message cannot be refused and something else done with it.
    #[error(
        "a message that is refused is not kept, changed or sent on: let the rule only refuse it"
    )]
    RejectAlone,
    /// A message cannot be deleted and be put into a folder.
    #[error("a message cannot be deleted and moved: choose one (a copy may go into a folder)")]
    DeleteAndMove,
    /// What looks like a variable stands beside an action that needs variables.
    #[error(
        "\"${{\" with a name stands for something else in a rule that changes the subject: write it otherwise"
    )]
    Variable,
    /// The rule is not as [`FormRule::settled`] leaves it.
    #[error(
        "the actions are not in their order, one stands twice, or a flag that follows is not set"
    )]
    NotSettled,
}

impl FormRule {
    /// Whether the rule is complete, within the limits and without contradiction.
    ///
    /// # Errors
    /// The first thing that is wrong, in words for whoever filled in the form.
    pub fn check(&self) -> Result<(), FormError> {
        if self.actions.is_empty() && !self.stop {
            return Err(FormError::DoesNothing);
        }
        let texts = self.texts();
        let octets: usize = texts.map(str::len).sum();
        at_most("conditions", self.conditions.len(), CONDITIONS_MAX)?;
        at_most("actions", self.actions.len(), ACTIONS_MAX)?;
        self.conditions.iter().try_for_each(check_condition)?;
        self.actions.iter().try_for_each(check_action)?;
        if octets > FORM_MAX_OCTETS {
            return Err(FormError::Octets);
        }
        self.check_together()?;
        let settled = self.clone().settled();
        if settled == *self {
            Ok(())
        } else {
            Err(FormError::NotSettled)
        }
    }

    fn check_together(&self) -> Result<(), FormError> {
        let has = |which: fn(&FormAction) -> bool| self.actions.iter().any(which);
        if has(|action| matches!(action, FormAction::Reject { .. })) && self.actions.len() > 1 {
            return Err(FormError::RejectAlone);
        }
        if has(|action| matches!(action, FormAction::Delete {}))
            && has(|action| matches!(action, FormAction::MoveTo { .. }))
        {
            return Err(FormError::DeleteAndMove);
        }
        let sends = |action: &&FormAction| {
            matches!(
                action,
                FormAction::CopyTo { .. } | FormAction::Redirect { .. }
            )
        };
        if has(|action| matches!(action, FormAction::PrefixSubject { .. }))
            && self.texts().any(holds_variable)
        {
            return Err(FormError::Variable);
        }
        let targets = self.actions.iter().filter(sends).count();
        at_most("addresses to which it sends", targets, REDIRECTS_MAX)
    }

    /// All texts that somebody typed.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let values = self
            .conditions
            .iter()
            .flat_map(|condition| match condition {
                Condition::Text { values, .. } => values.as_slice(),
                _ => &[],
            });
        let typed = self.actions.iter().flat_map(|action| match action {
            FormAction::AddHeader { name, value } => [name.as_str(), value],
            FormAction::PrefixSubject { prefix } => [prefix, ""],
            FormAction::Reply { subject, text, .. } => [text, subject.as_deref().unwrap_or("")],
            FormAction::CopyInto { folder } | FormAction::MoveTo { folder } => [folder, ""],
            FormAction::Reject { reason } => [reason, ""],
            _ => ["", ""],
        });
        values.map(String::as_str).chain(typed)
    }
}

fn at_most(what: &'static str, count: usize, max: usize) -> Result<(), FormError> {
    if count > max {
        return Err(FormError::TooMany { what, max });
    }
    Ok(())
}

fn check_condition(condition: &Condition) -> Result<(), FormError> {
    match condition {
        Condition::Text {
            place,
            compare,
            values,
        } => {
            if values.is_empty() {
                return Err(FormError::Empty("a condition"));
            }
            at_most("values in a condition", values.len(), VALUES_MAX)?;
            let check = |value: &String| one_line("a value", value, VALUE_MAX_CHARS);
            values.iter().try_for_each(check)?;
            if *place == Place::AttachmentExtension {
                check_extensions(*compare, values)?;
            }
            Ok(())
        }
        Condition::Size { octets, .. } | Condition::AttachmentSize { octets, .. }
            if *octets > OCTETS_MAX =>
        {
            Err(FormError::Size)
        }
        Condition::SpamScore { percent, .. } if *percent > 100 => Err(FormError::Percent),
        Condition::Received { from, until } => match (from, until) {
            (None, None) => Err(FormError::Days),
            (Some(from), Some(until)) if from > until => Err(FormError::Days),
            _ => Ok(()),
        },
        Condition::Fact { .. }
        | Condition::Priority { .. }
        | Condition::Size { .. }
        | Condition::AttachmentSize { .. }
        | Condition::SpamScore { .. } => Ok(()),
    }
}

fn check_extensions(compare: Compare, values: &[String]) -> Result<(), FormError> {
    if !matches!(compare, Compare::Equals | Compare::NotEquals) {
        return Err(FormError::ExtensionCompare);
    }
    let is_extension = |value: &str| {
        let part = |part: &str| {
            let plain = |c: char| c.is_alphanumeric() || "-_+~".contains(c);
            !part.is_empty() && part.chars().all(plain)
        };
        value.split('.').all(part)
    };
    match values.iter().find(|value| !is_extension(value)) {
        Some(value) => Err(FormError::Extension(value.clone())),
        None => Ok(()),
    }
}

fn check_action(action: &FormAction) -> Result<(), FormError> {
    match action {
        FormAction::AddHeader { name, value } => {
            if !field::is_name(name) {
                return Err(FormError::FieldName(name.chars().take(80).collect()));
            }
            if field::is_protected(name) {
                return Err(FormError::FieldProtected(name.clone()));
            }
            trimmed("the value of a header field", value)
        }
        FormAction::PrefixSubject { prefix } => trimmed("the text before the subject", prefix),
        FormAction::Reply {
            subject,
            text,
            days,
        } => {
            if let Some(subject) = subject {
                trimmed("the subject of the reply", subject)?;
            }
            if !(1..=REPLY_DAYS_MAX).contains(days) {
                return Err(FormError::ReplyDays);
            }
            lines("the text of the reply", text)
        }
        FormAction::CopyInto { folder } | FormAction::MoveTo { folder } => {
            match folder.parse::<MailboxName>() {
                Ok(_) => Ok(()),
                Err(reason) => Err(FormError::Folder {
                    folder: folder.chars().take(80).collect(),
                    reason,
                }),
            }
        }
        FormAction::Reject { reason } => lines("the reason of the refusal", reason),
        FormAction::SetPriority { .. }
        | FormAction::MarkRead {}
        | FormAction::Flag {}
        | FormAction::CopyTo { .. }
        | FormAction::Redirect { .. }
        | FormAction::Delete {} => Ok(()),
    }
}

fn sized(what: &'static str, text: &str, max: usize) -> Result<(), FormError> {
    if text.is_empty() {
        return Err(FormError::Empty(what));
    }
    if text.chars().count() > max {
        return Err(FormError::TooLong { what, max });
    }
    Ok(())
}

fn one_line(what: &'static str, text: &str, max: usize) -> Result<(), FormError> {
    sized(what, text, max)?;
    if text.chars().any(char::is_control) {
        return Err(FormError::Control(what));
    }
    Ok(())
}

fn trimmed(what: &'static str, text: &str) -> Result<(), FormError> {
    one_line(what, text, VALUE_MAX_CHARS)?;
    if text.trim() != text {
        return Err(FormError::Spaces(what));
    }
    Ok(())
}

/// A text of several lines, each ended by a line feed alone.
fn lines(what: &'static str, text: &str) -> Result<(), FormError> {
    sized(what, text, TEXT_MAX_CHARS)?;
    if text.trim().is_empty() {
        return Err(FormError::Empty(what));
    }
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
    {
        return Err(FormError::Control(what));
    }
    Ok(())
}
