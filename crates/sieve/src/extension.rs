//! Extensions: which there are, and which ones the parts of a script need (RFC 5228 §2.10.5).

use crate::ast::{
    AddressPart, Command, CommandKind, Comparator, Fields, FileInto, MatchKind, Matching, Modifier,
    Piece, Test, TestKind, Text,
};
use crate::walk;

/// The extensions that there are, in the words of `require`.
pub const CAPABILITIES: &[&str] = &[
    "body",
    "comparator-i;ascii-casemap",
    "comparator-i;ascii-numeric",
    "comparator-i;octet",
    "copy",
    "date",
    "duplicate",
    "editheader",
    "encoded-character",
    "enotify",
    "envelope",
    "environment",
    "ereject",
    "fcc",
    "fileinto",
    "foreverypart",
    "ihave",
    "imap4flags",
    "include",
    "index",
    "mailbox",
    "mime",
    "regex",
    "reject",
    "relational",
    "spamtest",
    "spamtestplus",
    "special-use",
    "subaddress",
    "vacation",
    "vacation-seconds",
    "variables",
    "virustest",
];

const SECONDS_OF_A_DAY: u64 = 86_400;

/// Whole days, where seconds are that.
pub(crate) fn days(seconds: u64) -> Option<u64> {
    let whole = seconds > 0 && seconds.is_multiple_of(SECONDS_OF_A_DAY);
    whole.then_some(seconds / SECONDS_OF_A_DAY)
}

/// Something that an extension adds, and that a script uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// Extensions that add it; one of them is enough.
    pub(crate) any_of: &'static [&'static str],
    /// Its word.
    pub(crate) word: &'static str,
}

/// The extensions that commands need: each once, in the order of [`CAPABILITIES`].
///
/// For scripts that were not read from text; where several would do, the first is taken.
pub fn required(block: &[Command]) -> Vec<String> {
    let mut names: Vec<&str> = Vec::new();
    let mut texts_are_plain = true;
    walk::block(block, &mut |node| {
        let mut need = |need: Need| {
            if !need.any_of.iter().any(|name| names.contains(name)) {
                names.extend(need.any_of.first());
            }
        };
        match node {
            walk::Node::Command(command) => of_command(command, &mut need),
            walk::Node::Test(test) => of_test(test, &mut need),
            walk::Node::Text(text) => {
                of_text(text, &mut need);
                texts_are_plain &= text.0.iter().all(|piece| match piece {
                    Piece::Literal(literal) => is_plain(literal),
                    Piece::Variable(_) | Piece::Match(_) => true,
                });
            }
        }
    });
    if !texts_are_plain {
        names.push("encoded-character");
    }
    let known = CAPABILITIES.iter().filter(|name| names.contains(*name));
    known.map(|name| (*name).to_owned()).collect()
}

/// Whether the grammar can write these characters without encoding them.
pub(crate) fn is_plain(literal: &str) -> bool {
    !literal.replace("\r\n", "").contains(['\r', '\n', '\0'])
}

/// What a text needs (RFC 5229 §3, RFC 6609 §3.4.2).
pub(crate) fn of_text(text: &Text, need: &mut dyn FnMut(Need)) {
    for piece in &text.0 {
        match piece {
            Piece::Literal(_) => {}
            Piece::Variable(name) => {
                need(one(&["variables"], "${…}"));
                if name.contains('.') {
                    need(one(&["include"], "${global.…}"));
                }
            }
            Piece::Match(_) => need(one(&["variables"], "${…}")),
        }
    }
}

const fn one(any_of: &'static [&'static str], word: &'static str) -> Need {
    Need { any_of, word }
}

/// What a command needs beside its tests, texts and blocks.
pub(crate) fn of_command(command: &Command, need: &mut dyn FnMut(Need)) {
    match &command.kind {
        CommandKind::If { .. } | CommandKind::Stop | CommandKind::Discard => {}
        CommandKind::Keep { flags } => {
            if flags.is_some() {
                need(one(&["imap4flags"], ":flags"));
            }
        }
        CommandKind::FileInto(file) => {
            need(one(&["fileinto"], "fileinto"));
            of_filing(file, need);
        }
        CommandKind::Redirect { copy, .. } => {
            if *copy {
                need(one(&["copy"], ":copy"));
            }
        }
        CommandKind::Reject { extended, .. } => match extended {
            true => need(one(&["ereject"], "ereject")),
            false => need(one(&["reject"], "reject")),
        },
        CommandKind::Flag { variable, .. } => {
            need(one(&["imap4flags"], "setflag"));
            if variable.is_some() {
                need(one(&["variables"], "setflag with a variable"));
            }
        }
        CommandKind::Set {
            modifiers, name, ..
        } => of_set(modifiers, name, need),
        CommandKind::AddHeader { .. } => need(one(&["editheader"], "addheader")),
        CommandKind::DeleteHeader { matching, .. } => {
            need(one(&["editheader"], "deleteheader"));
            of_matching(*matching, need);
        }
        CommandKind::Vacation(vacation) => {
            match vacation.seconds {
                Some(seconds) if days(seconds).is_none() => {
                    need(one(&["vacation-seconds"], ":seconds"));
                }
                _ => need(one(&["vacation", "vacation-seconds"], "vacation")),
            }
            of_fcc(vacation.fcc.as_ref(), need);
        }
        CommandKind::Notify(notify) => {
            need(one(&["enotify"], "notify"));
            of_fcc(notify.fcc.as_ref(), need);
        }
        CommandKind::Include { .. } => need(one(&["include"], "include")),
        CommandKind::Return => need(one(&["include"], "return")),
        CommandKind::Global(_) => {
            need(one(&["include"], "global"));
            need(one(&["variables"], "global"));
        }
        CommandKind::ForEveryPart { .. } => need(one(&["foreverypart"], "foreverypart")),
        CommandKind::Break { .. } => need(one(&["foreverypart"], "break")),
        CommandKind::Error { .. } => need(one(&["ihave"], "error")),
    }
}

fn of_set(modifiers: &[Modifier], name: &str, need: &mut dyn FnMut(Need)) {
    need(one(&["variables"], "set"));
    if name.contains('.') {
        need(one(&["include"], "global.…"));
    }
    if modifiers.contains(&Modifier::EncodeUrl) {
        need(one(&["enotify"], ":encodeurl"));
    }
    if modifiers.contains(&Modifier::QuoteRegex) {
        need(one(&["regex"], ":quoteregex"));
    }
}

fn of_filing(file: &FileInto, need: &mut dyn FnMut(Need)) {
    for (used, any_of, word) in [
        (file.copy, &["copy"] as &'static [_], ":copy"),
        (file.create, &["mailbox"], ":create"),
        (file.flags.is_some(), &["imap4flags"], ":flags"),
        (file.special_use.is_some(), &["special-use"], ":specialuse"),
    ] {
        if used {
            need(one(any_of, word));
        }
    }
}

fn of_fcc(fcc: Option<&FileInto>, need: &mut dyn FnMut(Need)) {
    if let Some(file) = fcc {
        need(one(&["fcc"], ":fcc"));
        of_filing(file, need);
    }
}

fn of_matching(matching: Matching, need: &mut dyn FnMut(Need)) {
    if matching.comparator == Comparator::AsciiNumeric {
        need(one(&["comparator-i;ascii-numeric"], "i;ascii-numeric"));
    }
    match matching.kind {
        MatchKind::Is | MatchKind::Contains | MatchKind::Matches => {}
        MatchKind::Regex => need(one(&["regex"], ":regex")),
        MatchKind::Value(_) => need(one(&["relational"], ":value")),
        MatchKind::Count(_) => need(one(&["relational"], ":count")),
    }
}

fn of_part(part: AddressPart, need: &mut dyn FnMut(Need)) {
    match part {
        AddressPart::All | AddressPart::LocalPart | AddressPart::Domain => {}
        AddressPart::User => need(one(&["subaddress"], ":user")),
        AddressPart::Detail => need(one(&["subaddress"], ":detail")),
    }
}

fn of_fields(fields: &Fields, need: &mut dyn FnMut(Need)) {
    if fields.index.is_some() {
        need(one(&["index"], ":index"));
    }
    if fields.mime.is_some() {
        need(one(&["mime"], ":mime"));
    }
}

/// What a test needs beside its tests and texts.
pub(crate) fn of_test(test: &Test, need: &mut dyn FnMut(Need)) {
    if let Some((matching, _)) = walk::comparing(&test.kind) {
        of_matching(*matching, need);
    }
    match &test.kind {
        TestKind::True
        | TestKind::False
        | TestKind::Not(_)
        | TestKind::AllOf(_)
        | TestKind::AnyOf(_)
        | TestKind::Size { .. } => {}
        TestKind::Address { part, fields, .. } => {
            of_part(*part, need);
            of_fields(fields, need);
        }
        TestKind::Envelope { part, .. } => {
            need(one(&["envelope"], "envelope"));
            of_part(*part, need);
        }
        TestKind::Header { fields, .. } | TestKind::Exists { fields, .. } => {
            of_fields(fields, need);
        }
        TestKind::Body { .. } => need(one(&["body"], "body")),
        TestKind::HasFlag { variables, .. } => {
            need(one(&["imap4flags"], "hasflag"));
            if !variables.is_empty() {
                need(one(&["variables"], "hasflag with a variable"));
            }
        }
        TestKind::String { .. } => need(one(&["variables"], "string")),
        TestKind::Date { index, .. } => {
            need(one(&["date"], "date"));
            if index.is_some() {
                need(one(&["index"], ":index"));
            }
        }
        TestKind::CurrentDate { .. } => need(one(&["date"], "currentdate")),
        TestKind::Environment { .. } => need(one(&["environment"], "environment")),
        TestKind::MailboxExists(_) => need(one(&["mailbox"], "mailboxexists")),
        TestKind::SpecialUseExists { .. } => need(one(&["special-use"], "specialuse_exists")),
        TestKind::SpamTest { percent, .. } => match percent {
            true => need(one(&["spamtestplus"], ":percent")),
            false => need(one(&["spamtest", "spamtestplus"], "spamtest")),
        },
        TestKind::VirusTest { .. } => need(one(&["virustest"], "virustest")),
        TestKind::Ihave(_) => need(one(&["ihave"], "ihave")),
        TestKind::ValidNotifyMethod(_) => need(one(&["enotify"], "valid_notify_method")),
        TestKind::NotifyMethodCapability { .. } => {
            need(one(&["enotify"], "notify_method_capability"));
        }
        TestKind::Duplicate { .. } => need(one(&["duplicate"], "duplicate")),
    }
}

/// Whether `ihave` holds for an extension in a script that requires these. Those that change what
/// strings mean cannot be switched on in the midst of a script (RFC 5463 §4).
pub(crate) fn is_there(name: &str, require: &[String]) -> bool {
    let at_the_top = matches!(name, "variables" | "encoded-character");
    CAPABILITIES.contains(&name) && (!at_the_top || require.iter().any(|known| known == name))
}

/// What a script requires, for what `ihave` leads to (RFC 5463 §4).
#[derive(Clone, Debug, Default)]
pub(crate) struct Requires(pub(crate) Vec<String>);

impl Requires {
    /// Whether `ihave` holds for an extension.
    pub(crate) fn has(&self, name: &str) -> bool {
        is_there(name, &self.0)
    }

    /// Whether a test can never hold since it asks for an extension that is not there.
    pub(crate) fn never(&self, test: &Test) -> bool {
        match &test.kind {
            TestKind::Ihave(names) => names.iter().any(|name| {
                let name = name.constant();
                name.is_some_and(|name| !self.has(&name))
            }),
            TestKind::Not(test) => self.always(test),
            TestKind::AllOf(tests) => tests.iter().any(|test| self.never(test)),
            TestKind::AnyOf(tests) => tests.iter().all(|test| self.never(test)),
            _ => false,
        }
    }

    /// Whether a test always holds since it asks that an extension is not there, and it is not.
    pub(crate) fn always(&self, test: &Test) -> bool {
        match &test.kind {
            TestKind::Not(test) => self.never(test),
            TestKind::AllOf(tests) => tests.iter().all(|test| self.always(test)),
            TestKind::AnyOf(tests) => tests.iter().any(|test| self.always(test)),
            _ => false,
        }
    }
}
