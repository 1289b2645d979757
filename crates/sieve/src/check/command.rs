//! Checks of commands.

use super::Checker;
use crate::ast::{
    Command, CommandKind, Comparator, Index, Location, MatchKind, Matching, Notify, Pos, Text,
    Vacation,
};
use crate::problem::shown;
use crate::{mailto, pattern};

impl<'s> Checker<'s, '_> {
    /// A command that holds no others.
    pub(super) fn simple(&mut self, command: &'s Command) {
        let at = command.at;
        match &command.kind {
            CommandKind::If { .. }
            | CommandKind::ForEveryPart { .. }
            | CommandKind::Stop
            | CommandKind::Discard
            | CommandKind::Return
            | CommandKind::Keep { .. }
            | CommandKind::Flag { .. } => {}
            CommandKind::FileInto(file) => self.filing(file, at),
            CommandKind::Redirect { address, .. } => {
                self.fixed_address(address, at, "the address of `redirect`");
            }
            CommandKind::Reject { reason, .. } => self.reason(reason, at),
            CommandKind::Set { name, .. } => {
                self.set.insert(name);
            }
            CommandKind::AddHeader { name, value, .. } => {
                self.edited_field(name, at);
                self.field_value(value, at);
            }
            CommandKind::DeleteHeader {
                index,
                matching,
                name,
                patterns,
            } => {
                self.edited_field(name, at);
                self.removed_field(name, at);
                self.index(*index, at);
                self.comparing(*matching, patterns, at);
            }
            CommandKind::Vacation(vacation) => self.vacation(vacation, at),
            CommandKind::Notify(notify) => self.notify(notify, at),
            CommandKind::Include { location, name, .. } => {
                if *location == Location::Global {
                    let words = "there are no scripts of `:global` here; `:personal` are your own";
                    self.say(at, words);
                }
                self.script_name(name, at);
            }
            CommandKind::Global(names) => self.global(names, at),
            CommandKind::Break { name } => self.break_loop(name.as_deref(), at),
            CommandKind::Error { message } => self.reason(message, at),
        }
    }

    fn field_value(&mut self, value: &Text, at: Pos) {
        let lines = |value: &String| value.contains(['\r', '\n', '\0']);
        if value.constant().as_ref().is_some_and(lines) {
            self.say(at, "the value of a header field stands on one line");
        }
    }

    /// RFC 5293 §5: what tells machines apart from people stays.
    fn removed_field(&mut self, name: &Text, at: Pos) {
        let name = name.constant().unwrap_or_default();
        if name.eq_ignore_ascii_case("Auto-Submitted") {
            self.say(
                at,
                "the header field \"Auto-Submitted\" cannot be removed by a script",
            );
        }
    }

    pub(super) fn index(&mut self, index: Option<Index>, at: Pos) {
        if index.is_some_and(|index| index.number == 0) {
            self.say(at, "`:index` counts from 1");
        }
    }

    fn vacation(&mut self, vacation: &Vacation, at: Pos) {
        if let Some(from) = &vacation.from {
            self.fixed_address(from, at, "the `:from` of `vacation`");
        }
        for address in vacation.addresses.iter().filter_map(Text::constant) {
            self.address(&address, at, "the address in `:addresses`");
        }
        if let Some(subject) = vacation.subject.as_ref().and_then(Text::constant)
            && subject.contains(['\r', '\n', '\0'])
        {
            self.say(at, "the `:subject` of `vacation` stands on one line");
        }
        if let Some(file) = &vacation.fcc {
            self.filing(file, at);
        }
        self.reason(&vacation.reason, at);
    }

    fn notify(&mut self, notify: &Notify, at: Pos) {
        if let Some(from) = &notify.from {
            self.fixed_address(from, at, "the `:from` of `notify`");
        }
        if let Some(importance) = notify.importance.as_ref().and_then(Text::constant)
            && !matches!(importance.as_str(), "1" | "2" | "3")
        {
            self.say(at, "`:importance` is \"1\", \"2\" or \"3\"");
        }
        if let Some(message) = &notify.message {
            self.reason(message, at);
        }
        if let Some(file) = &notify.fcc {
            self.filing(file, at);
        }
        match notify.method.constant() {
            None => self.say(at, "whom `notify` tells cannot hold variables"),
            Some(method) if !mailto::is_valid(&method) => {
                let method = shown(&method);
                let words = format!(
                    "\"{method}\" is nobody whom `notify` can tell; write \
                     \"mailto:ann@example.org\""
                );
                self.say(at, words);
            }
            Some(_) => {}
        }
    }

    /// RFC 6609 §3.4.1
    fn global(&mut self, names: &[String], at: Pos) {
        for name in names {
            if self.set.contains(name.as_str()) {
                let name = shown(name);
                self.say(at, format!("`global` must stand before `set \"{name}\"`"));
            }
        }
    }

    /// RFC 5703 §3.2
    fn break_loop(&mut self, name: Option<&str>, at: Pos) {
        if self.parts.is_empty() {
            self.say(at, "`break` stands within the block of a `foreverypart`");
        } else if name.is_some_and(|name| !self.parts.contains(&Some(name))) {
            let name = shown(name.unwrap_or_default());
            self.say(
                at,
                format!("no `foreverypart` around this `break` is named \"{name}\""),
            );
        }
    }

    /// How values and keys are compared.
    pub(super) fn comparing(&mut self, matching: Matching, keys: &[Text], at: Pos) {
        let word = match matching.kind {
            MatchKind::Contains => "contains",
            MatchKind::Matches => "matches",
            MatchKind::Regex => "regex",
            MatchKind::Is | MatchKind::Value(_) | MatchKind::Count(_) => "",
        };
        if matching.comparator == Comparator::AsciiNumeric && !word.is_empty() {
            let words =
                format!("\"i;ascii-numeric\" compares numbers; it cannot be with `:{word}`");
            self.say(at, words);
        }
        if matching.kind != MatchKind::Regex {
            return;
        }
        let folded = matching.comparator == Comparator::AsciiCasemap;
        for key in keys.iter().filter_map(Text::constant) {
            if let Err(wrong) = pattern::compile(&key, folded) {
                let key = shown(&key);
                self.say(at, format!("the pattern \"{key}\" is wrong: {wrong}"));
            }
        }
    }
}
