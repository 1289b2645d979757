//! Checks of tests.

use super::Checker;
use crate::ast::{Fields, MimeOf, Pos, Test, TestKind, Text, Unique, Zone};
use crate::problem::shown;
use crate::walk;

impl<'s> Checker<'s, '_> {
    /// A test that holds no others.
    // long: one arm for each test
    pub(super) fn simple_test(&mut self, test: &'s Test) {
        let at = test.at;
        if let Some((matching, keys)) = walk::comparing(&test.kind) {
            self.comparing(*matching, keys, at);
            if keys.is_empty() {
                self.say(at, "a text to compare with is missing");
            }
        }
        match &test.kind {
            TestKind::Address {
                fields, headers, ..
            }
            | TestKind::Header {
                fields, headers, ..
            }
            | TestKind::Exists { fields, headers } => {
                self.fields(fields, at);
                self.not_empty(headers, at);
                self.field_names(headers, at);
            }
            TestKind::Envelope { parts, .. } => {
                self.not_empty(parts, at);
                self.envelope_parts(parts, at);
            }
            TestKind::String { source, .. } => self.not_empty(source, at),
            TestKind::Date { index, header, .. } => {
                self.index(*index, at);
                self.field_names([header], at);
            }
            TestKind::CurrentDate { zone, .. } => {
                if *zone == Zone::Original {
                    self.say(at, "`currentdate` has no `:originalzone`");
                }
            }
            TestKind::MailboxExists(names) => {
                self.not_empty(names, at);
                for name in names {
                    self.folder(name, at);
                }
            }
            TestKind::SpecialUseExists { mailbox, uses } => {
                self.not_empty(uses, at);
                if let Some(mailbox) = mailbox {
                    self.folder(mailbox, at);
                }
                for text in uses {
                    self.special_use(text, at);
                }
            }
            TestKind::Ihave(names) => self.ihave(names, at),
            TestKind::ValidNotifyMethod(uris) => self.not_empty(uris, at),
            TestKind::Duplicate { unique, .. } => {
                if let Unique::Header(name) = unique {
                    self.field_names([name], at);
                }
            }
            TestKind::True
            | TestKind::False
            | TestKind::Not(_)
            | TestKind::AllOf(_)
            | TestKind::AnyOf(_)
            | TestKind::Size { .. }
            | TestKind::Body { .. }
            | TestKind::HasFlag { .. }
            | TestKind::Environment { .. }
            | TestKind::SpamTest { .. }
            | TestKind::VirusTest { .. }
            | TestKind::NotifyMethodCapability { .. } => {}
        }
    }

    fn not_empty(&mut self, texts: &[Text], at: Pos) {
        if texts.is_empty() {
            self.say(at, "a list without a text stands here");
        }
    }

    fn fields(&mut self, fields: &Fields, at: Pos) {
        self.index(fields.index, at);
        if let Some(MimeOf::Param(names)) = fields.mime.as_ref().map(|mime| &mime.of) {
            self.not_empty(names, at);
        }
    }

    fn envelope_parts(&mut self, parts: &[Text], at: Pos) {
        for part in parts.iter().filter_map(Text::constant) {
            if !["from", "to", "auth"].contains(&part.to_ascii_lowercase().as_str()) {
                let part = shown(&part);
                self.say(
                    at,
                    format!("an envelope has \"from\" and \"to\", not \"{part}\""),
                );
            }
        }
    }

    /// What is asked for can be used from here on (RFC 5463 §4).
    fn ihave(&mut self, names: &[Text], at: Pos) {
        self.not_empty(names, at);
        for name in names {
            match name.constant() {
                None => self.say(at, "`ihave` cannot hold variables"),
                Some(name) => {
                    if self.requires.has(&name) {
                        self.enabled.insert(name);
                    }
                }
            }
        }
    }
}
