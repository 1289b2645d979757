//! Values that a script names: header fields, folders, flags, addresses, scripts.

use types::MailboxName;

use super::Checker;
use crate::ast::{FileInto, Pos, Text};
use crate::limits::REASON_MAX_OCTETS;
use crate::problem::shown;
use crate::{field, mailbox};

/// Octets of the name of a script (RFC 5804 §1.6 asks for 128 characters).
const SCRIPT_NAME_MAX_OCTETS: usize = 512;

impl Checker<'_, '_> {
    /// Names of header fields, as far as they are known.
    pub(super) fn field_names<'t>(&mut self, names: impl IntoIterator<Item = &'t Text>, at: Pos) {
        for name in names.into_iter().filter_map(Text::constant) {
            self.field_name(&name, at);
        }
    }

    pub(super) fn field_name(&mut self, name: &str, at: Pos) {
        if !field::is_name(name) {
            let colon = if name.contains(':') {
                " (without a colon)"
            } else {
                ""
            };
            let name = shown(name);
            self.say(
                at,
                format!("\"{name}\" is no name of a header field{colon}"),
            );
        }
    }

    /// A header field that is added or removed.
    pub(super) fn edited_field(&mut self, name: &Text, at: Pos) {
        let Some(name) = name.constant() else {
            return;
        };
        self.field_name(&name, at);
        if field::is_protected(&name) {
            let name = shown(&name);
            self.say(
                at,
                format!("the header field \"{name}\" cannot be changed by a script"),
            );
        }
    }

    /// Where a message or a copy is filed.
    pub(super) fn filing(&mut self, file: &FileInto, at: Pos) {
        self.folder(&file.mailbox, at);
        if let Some(text) = &file.special_use {
            self.special_use(text, at);
        }
    }

    pub(super) fn folder(&mut self, name: &Text, at: Pos) {
        let Some(name) = name.constant() else {
            return;
        };
        if let Err(error) = name.parse::<MailboxName>() {
            let name = shown(&name);
            self.say(at, format!("\"{name}\" is no name of a folder: {error}"));
        }
    }

    /// RFC 8579 §3: attributes begin with a backslash.
    pub(super) fn special_use(&mut self, text: &Text, at: Pos) {
        let Some(name) = text.constant() else {
            return;
        };
        let word = name.strip_prefix('\\').unwrap_or_default();
        if word.is_empty() || !word.bytes().all(is_atom) {
            let name = shown(&name);
            self.say(
                at,
                format!("\"{name}\" is no special use such as \"\\\\Junk\""),
            );
        }
    }

    /// An address that must be known before the script runs.
    pub(super) fn fixed_address(&mut self, text: &Text, at: Pos, whose: &str) {
        match text.constant() {
            None => self.say(at, format!("{whose} cannot hold variables")),
            Some(address) => self.address(&address, at, whose),
        }
    }

    pub(super) fn address(&mut self, address: &str, at: Pos, whose: &str) {
        if let Err(error) = mailbox::check(address) {
            self.say(at, format!("{whose} \"{}\": {error}", shown(address)));
        }
    }

    /// A text for people, as long as it may be.
    pub(super) fn reason(&mut self, text: &Text, at: Pos) {
        let octets = text.constant().map_or(0, |text| text.len());
        if octets > REASON_MAX_OCTETS {
            let words = format!("the text has {octets} octets; at most {REASON_MAX_OCTETS} fit");
            self.say(at, words);
        }
    }

    /// The name of a script (RFC 5804 §1.6).
    pub(super) fn script_name(&mut self, text: &Text, at: Pos) {
        let Some(name) = text.constant() else {
            return self.say(at, "the name of an included script cannot hold variables");
        };
        let invisible = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
        let wrong = name.is_empty()
            || name.len() > SCRIPT_NAME_MAX_OCTETS
            || name.contains(|c| c == '/' || invisible(c));
        if wrong {
            self.say(at, format!("\"{}\" is no name of a script", shown(&name)));
        }
    }
}

fn is_atom(octet: u8) -> bool {
    octet.is_ascii_graphic() && !b"(){%*\"\\]".contains(&octet)
}
