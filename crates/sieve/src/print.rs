//! A script as text, in one spelling: what [`crate::parse()`] reads is the same script again.

mod test;

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use crate::ast::{
    Command, CommandKind, FileInto, Index, Location, Matching, Piece, Script, Text, Vacation,
};
use crate::ast::{Comparator, MatchKind, Notify};
use crate::extension;
use crate::keyword::Word;
use crate::text::Reading;

/// Writes a script; its lines end in CRLF (RFC 5228 §8.1).
///
/// What the script uses and does not require is required too. No text of the script can end the
/// string that it stands in.
pub fn print(script: &Script) -> String {
    let mut require = script.require.clone();
    for name in extension::required(&script.block) {
        if !has(&require, &name) {
            require.push(name);
        }
    }
    let mut printer = Printer {
        out: String::new(),
        depth: 0,
        reading: Reading::of(&require),
    };
    if !require.is_empty() {
        let names: Vec<Text> = require
            .iter()
            .map(|name| Text::from(name.as_str()))
            .collect();
        printer.out.push_str("require");
        printer.texts(&names);
        printer.end();
        if !script.block.is_empty() {
            printer.out.push_str("\r\n");
        }
    }
    printer.block(&script.block);
    printer.out
}

/// Whether an extension is required, or `ihave` brings it where it is used.
fn has(require: &[String], name: &str) -> bool {
    let same: &[&str] = match name {
        "vacation" => &["vacation", "vacation-seconds"],
        "spamtest" => &["spamtest", "spamtestplus"],
        _ => return require.iter().any(|known| known == name),
    };
    require.iter().any(|known| same.contains(&known.as_str()))
}

struct Printer {
    out: String,
    depth: usize,
    reading: Reading,
}

impl Printer {
    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.out.push_str("    ");
        }
    }

    fn end(&mut self) {
        self.out.push_str(";\r\n");
    }

    /// A tag, with a space before it.
    fn tag(&mut self, name: &str) {
        self.out.push_str(" :");
        self.out.push_str(name);
    }

    fn tag_if(&mut self, is: bool, name: &str) {
        if is {
            self.tag(name);
        }
    }

    fn number(&mut self, number: u64) {
        let (number, quantifier) = match number {
            0 => (0, ""),
            n if n.is_multiple_of(1 << 30) => (n >> 30, "G"),
            n if n.is_multiple_of(1 << 20) => (n >> 20, "M"),
            n if n.is_multiple_of(1 << 10) => (n >> 10, "K"),
            n => (n, ""),
        };
        self.plain_number(number);
        self.out.push_str(quantifier);
    }

    fn plain_number(&mut self, number: u64) {
        // Writing to a String does not fail.
        let _ = write!(self.out, " {number}");
    }

    /// Texts: one by itself, several as a list.
    fn texts(&mut self, texts: &[Text]) {
        if let [text] = texts {
            return self.text(text);
        }
        self.out.push_str(" [");
        for (at, text) in texts.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
                self.out.push(' ');
            }
            let value = self.value(text);
            self.quoted(&value);
        }
        self.out.push(']');
    }

    /// A text, with a space before it: several lines behind `text:`, others quoted.
    fn text(&mut self, text: &Text) {
        let value = self.value(text);
        self.out.push(' ');
        if value.ends_with("\r\n") {
            self.out.push_str("text:\r\n");
            for line in value.split_inclusive("\r\n") {
                if line.starts_with('.') {
                    self.out.push('.');
                }
                self.out.push_str(line);
            }
            self.out.push_str(".\r\n");
            self.indent();
        } else {
            self.quoted(&value);
        }
    }

    fn plain(&mut self, text: &str) {
        self.text(&Text::from(text));
    }

    fn quoted(&mut self, value: &str) {
        self.out.push('"');
        for c in value.chars() {
            if matches!(c, '"' | '\\') {
                self.out.push('\\');
            }
            self.out.push(c);
        }
        self.out.push('"');
    }

    /// What stands in the string: variables named, and encoded what would be read otherwise.
    fn value(&self, text: &Text) -> String {
        let mut value = String::new();
        for piece in &text.0 {
            match piece {
                Piece::Literal(literal) if self.reading.encoded => encode(literal, &mut value),
                Piece::Literal(literal) => value.push_str(literal),
                Piece::Variable(name) => value.extend(["${", name, "}"]),
                Piece::Match(number) => {
                    let _ = write!(value, "${{{number}}}");
                }
            }
        }
        value
    }

    fn block(&mut self, block: &[Command]) {
        for command in block {
            self.indent();
            self.command(&command.kind);
        }
    }

    fn braces(&mut self, block: &[Command]) {
        self.out.push_str(" {\r\n");
        self.depth += 1;
        self.block(block);
        self.depth -= 1;
        self.indent();
        self.out.push('}');
    }

    fn command(&mut self, kind: &CommandKind) {
        match kind {
            CommandKind::If { arms, otherwise } => {
                for (at, (test, block)) in arms.iter().enumerate() {
                    self.out.push_str(if at == 0 { "if " } else { " elsif " });
                    self.test(&test.kind);
                    self.braces(block);
                }
                if let Some(block) = otherwise {
                    self.out.push_str(" else");
                    self.braces(block);
                }
                self.out.push_str("\r\n");
            }
            CommandKind::ForEveryPart { name, block } => {
                self.out.push_str("foreverypart");
                self.name(name.as_deref());
                self.braces(block);
                self.out.push_str("\r\n");
            }
            simple => {
                self.simple(simple);
                self.end();
            }
        }
    }

    fn name(&mut self, name: Option<&str>) {
        if let Some(name) = name {
            self.tag("name");
            self.plain(name);
        }
    }

    // long: one arm for each command
    fn simple(&mut self, kind: &CommandKind) {
        match kind {
            // Blocks are written by `command`.
            CommandKind::If { .. } | CommandKind::ForEveryPart { .. } => {}
            CommandKind::Stop => self.out.push_str("stop"),
            CommandKind::Discard => self.out.push_str("discard"),
            CommandKind::Return => self.out.push_str("return"),
            CommandKind::Keep { flags } => {
                self.out.push_str("keep");
                self.tagged_texts("flags", flags.as_deref());
            }
            CommandKind::FileInto(file) => {
                self.out.push_str("fileinto");
                self.filing(file);
                self.text(&file.mailbox);
            }
            CommandKind::Redirect { address, copy } => {
                self.out.push_str("redirect");
                self.tag_if(*copy, "copy");
                self.text(address);
            }
            CommandKind::Reject { reason, extended } => {
                self.out
                    .push_str(if *extended { "ereject" } else { "reject" });
                self.text(reason);
            }
            CommandKind::Flag {
                change,
                variable,
                flags,
            } => {
                self.out.push_str(change.word());
                if let Some(variable) = variable {
                    self.plain(variable);
                }
                self.texts(flags);
            }
            CommandKind::Set {
                modifiers,
                name,
                value,
            } => {
                self.out.push_str("set");
                for modifier in modifiers {
                    self.tag(modifier.word());
                }
                self.plain(name);
                self.text(value);
            }
            CommandKind::AddHeader { last, name, value } => {
                self.out.push_str("addheader");
                self.tag_if(*last, "last");
                self.text(name);
                self.text(value);
            }
            CommandKind::DeleteHeader {
                index,
                matching,
                name,
                patterns,
            } => {
                self.out.push_str("deleteheader");
                self.index(*index);
                self.matching(*matching);
                self.text(name);
                if !patterns.is_empty() {
                    self.texts(patterns);
                }
            }
            CommandKind::Vacation(vacation) => self.vacation(vacation),
            CommandKind::Notify(notify) => self.notify(notify),
            CommandKind::Include {
                location,
                once,
                optional,
                name,
            } => {
                self.out.push_str("include");
                self.tag(match location {
                    Location::Personal => "personal",
                    Location::Global => "global",
                });
                self.tag_if(*once, "once");
                self.tag_if(*optional, "optional");
                self.text(name);
            }
            CommandKind::Global(names) => {
                self.out.push_str("global");
                self.names(names);
            }
            CommandKind::Break { name } => {
                self.out.push_str("break");
                self.name(name.as_deref());
            }
            CommandKind::Error { message } => {
                self.out.push_str("error");
                self.text(message);
            }
        }
    }

    fn names(&mut self, names: &[String]) {
        let names: Vec<Text> = names.iter().map(|name| Text::from(name.as_str())).collect();
        self.texts(&names);
    }

    fn tagged(&mut self, tag: &str, text: Option<&Text>) {
        if let Some(text) = text {
            self.tag(tag);
            self.text(text);
        }
    }

    fn tagged_texts(&mut self, tag: &str, texts: Option<&[Text]>) {
        if let Some(texts) = texts {
            self.tag(tag);
            self.texts(texts);
        }
    }

    /// What extensions add to `fileinto`.
    fn filing(&mut self, file: &FileInto) {
        self.tag_if(file.copy, "copy");
        self.tag_if(file.create, "create");
        self.tagged_texts("flags", file.flags.as_deref());
        self.tagged("specialuse", file.special_use.as_ref());
    }

    fn fcc(&mut self, fcc: Option<&FileInto>) {
        if let Some(file) = fcc {
            self.tagged("fcc", Some(&file.mailbox));
            self.filing(file);
        }
    }

    fn index(&mut self, index: Option<Index>) {
        if let Some(index) = index {
            self.tag("index");
            self.plain_number(index.number.into());
            self.tag_if(index.last, "last");
        }
    }

    fn matching(&mut self, matching: Matching) {
        let relation = match matching.kind {
            MatchKind::Is => None,
            MatchKind::Contains => return self.matching_by("contains", matching.comparator),
            MatchKind::Matches => return self.matching_by("matches", matching.comparator),
            MatchKind::Regex => return self.matching_by("regex", matching.comparator),
            MatchKind::Value(relation) => Some(("value", relation)),
            MatchKind::Count(relation) => Some(("count", relation)),
        };
        match relation {
            None => self.matching_by("is", matching.comparator),
            Some((kind, relation)) => {
                self.tag(kind);
                self.plain(relation.word());
                self.comparator(matching.comparator);
            }
        }
    }

    fn matching_by(&mut self, kind: &str, comparator: Comparator) {
        self.tag(kind);
        self.comparator(comparator);
    }

    fn comparator(&mut self, comparator: Comparator) {
        if comparator != Comparator::default() {
            self.tag("comparator");
            self.plain(comparator.word());
        }
    }

    fn vacation(&mut self, vacation: &Vacation) {
        self.out.push_str("vacation");
        if let Some(seconds) = vacation.seconds {
            let days = extension::days(seconds);
            self.tag(if days.is_some() { "days" } else { "seconds" });
            self.plain_number(days.unwrap_or(seconds));
        }
        self.tagged("subject", vacation.subject.as_ref());
        self.tagged("from", vacation.from.as_ref());
        if !vacation.addresses.is_empty() {
            self.tagged_texts("addresses", Some(&vacation.addresses));
        }
        self.tag_if(vacation.mime, "mime");
        self.tagged("handle", vacation.handle.as_ref());
        self.fcc(vacation.fcc.as_ref());
        self.text(&vacation.reason);
    }

    fn notify(&mut self, notify: &Notify) {
        self.out.push_str("notify");
        self.tagged("from", notify.from.as_ref());
        self.tagged("importance", notify.importance.as_ref());
        if !notify.options.is_empty() {
            self.tagged_texts("options", Some(&notify.options));
        }
        self.tagged("message", notify.message.as_ref());
        self.fcc(notify.fcc.as_ref());
        self.text(&notify.method);
    }
}

/// Characters as `encoded-character` needs them (RFC 5228 §2.4.2.4).
fn encode(literal: &str, value: &mut String) {
    let mut chars = literal.chars().peekable();
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match c {
            '\r' if next == Some('\n') => {
                chars.next();
                value.push_str("\r\n");
            }
            '$' if next == Some('{') => value.push_str("${hex:24}"),
            '\r' | '\n' | '\0' => {
                let _ = write!(value, "${{hex:{:02x}}}", u32::from(c));
            }
            c => value.push(c),
        }
    }
}
