//! What the server says (RFC 9051 §7, RFC 3501 §7), collected as octets.

use std::borrow::Cow;

use types::{FlagSet, Keyword, MailboxName, ModSeq, SEPARATOR, Timestamp, Uid, UidValidity};

use super::command::{Numbering, StatusItem, Tag};
use super::object::ObjectId;
use super::section::{Section, dotted};
use super::sequence::{write_numbers, write_ranges};
use super::spelling::Spelling;
use super::text::{push, push_joined, push_nstring, push_string};

/// How a command went (RFC 9051 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It was done.
    Ok,
    /// It was not done.
    No,
    /// It was not understood or not allowed now.
    Bad,
    /// The connection ends. Always untagged.
    Bye,
}

/// A response code: the machine's part of a condition (RFC 9051 §7.1, RFC 5530, RFC 4315 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// A code without arguments, in capitals: `READ-ONLY`, `TRYCREATE`, `NONEXISTENT` …
    Plain(&'static str),
    /// `CAPABILITY`
    Capability(Vec<Cow<'static, str>>),
    /// `UIDVALIDITY`
    UidValidity(UidValidity),
    /// `UIDNEXT`
    UidNext(Uid),
    /// `UNSEEN`: the sequence number of the first message without `\Seen`.
    Unseen(u32),
    /// `PERMANENTFLAGS`: the flags that can be kept, and whether new keywords can be made.
    PermanentFlags(FlagSet, Vec<Keyword>, bool),
    /// `BADCHARSET` with the character sets that are supported.
    BadCharset,
    /// `APPENDUID` with the UIDs of the new messages.
    AppendUid(UidValidity, Vec<Uid>),
    /// `COPYUID`: UIDs in the source and, in the same order, in the target.
    CopyUid(UidValidity, Vec<Uid>, Vec<Uid>),
    /// `MAILBOXID` (RFC 8474 §4)
    MailboxId(ObjectId),
    /// `HIGHESTMODSEQ`: no change up to this is news any more (RFC 7162 §3.1.2.1).
    HighestModSeq(ModSeq),
    /// `MODIFIED`: messages that a conditional STORE left alone (RFC 7162 §3.1.3).
    Modified(Vec<u32>),
}

/// What a search found, for ESEARCH (RFC 4731 §3.1). `None` is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchResult {
    /// The lowest number.
    pub min: Option<u32>,
    /// The highest number.
    pub max: Option<u32>,
    /// How many there are.
    pub count: Option<usize>,
    /// All numbers, ascending; left out when there is none.
    pub all: Option<Vec<u32>>,
    /// The highest mod-sequence of what is returned (RFC 7162 §3.1.10).
    pub modseq: Option<ModSeq>,
}

/// Responses in the order in which they are said.
#[derive(Debug, Default)]
pub struct Responses {
    out: Vec<u8>,
    /// How mailbox names are written.
    spelling: Spelling,
    /// Whether the FETCH response being written has an item already.
    fetch_has_item: bool,
}

impl Responses {
    /// Nothing said yet, to a client that reads modified UTF-7.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing said yet, to a client that reads mailbox names spelled so.
    pub fn spelled(spelling: Spelling) -> Self {
        Self {
            spelling,
            ..Self::default()
        }
    }

    /// Octets that wait to be taken.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing waits to be taken.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Hands out what was said so far. Allowed also inside a FETCH response.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// The answer to a command: `a1 OK [READ-WRITE] done`.
    pub fn tagged(&mut self, tag: &Tag, condition: Condition, code: Option<&Code>, text: &str) {
        push(&mut self.out, format_args!("{tag} "));
        self.condition(condition, code, text);
    }

    /// News that answer no command: `* BYE shutting down`.
    pub fn untagged(&mut self, condition: Condition, code: Option<&Code>, text: &str) {
        self.out.extend_from_slice(b"* ");
        self.condition(condition, code, text);
    }

    fn condition(&mut self, condition: Condition, code: Option<&Code>, text: &str) {
        self.out.extend_from_slice(match condition {
            Condition::Ok => b"OK ",
            Condition::No => b"NO ",
            Condition::Bad => b"BAD ",
            Condition::Bye => b"BYE ",
        });
        if let Some(code) = code {
            self.code(code);
        }
        self.text(text);
        self.line_end();
    }

    /// The client may go on with its literal, its SASL exchange or its idling.
    pub fn continuation(&mut self, text: &str) {
        self.out.extend_from_slice(b"+ ");
        self.text(text);
        self.line_end();
    }

    /// `* CAPABILITY`
    pub fn capability(&mut self, names: &[Cow<'static, str>]) {
        push(
            &mut self.out,
            format_args!("* CAPABILITY {}", names.join(" ")),
        );
        self.line_end();
    }

    /// `* ENABLED` (RFC 5161 §3.2)
    pub fn enabled(&mut self, names: &[&'static str]) {
        self.out.extend_from_slice(b"* ENABLED");
        for name in names {
            push(&mut self.out, format_args!(" {name}"));
        }
        self.line_end();
    }

    /// `* ID` with names and values (RFC 2971 §3.2).
    pub fn id(&mut self, fields: &[(&str, &str)]) {
        self.out.extend_from_slice(b"* ID (");
        push_joined(&mut self.out, fields, |out, (name, value)| {
            push_string(out, name.as_bytes());
            out.push(b' ');
            push_string(out, value.as_bytes());
        });
        self.out.push(b')');
        self.line_end();
    }

    /// `* NAMESPACE`: one personal namespace without a prefix, no others (RFC 2342 §5).
    pub fn namespace(&mut self) {
        push(
            &mut self.out,
            format_args!("* NAMESPACE ((\"\" \"{SEPARATOR}\")) NIL NIL"),
        );
        self.line_end();
    }

    /// `* LIST` or `* LSUB`, with attributes such as `\HasChildren`.
    pub fn list(&mut self, name: ListName, attributes: &[&'static str], mailbox: &MailboxName) {
        self.list_start(name, attributes);
        self.spelling.push_mailbox(&mut self.out, mailbox);
        self.line_end();
    }

    /// `* LIST` with extended data (RFC 9051 §6.3.9.5 to §6.3.9.7).
    pub fn list_extended(
        &mut self,
        attributes: &[&'static str],
        mailbox: &MailboxName,
        data: &ListData<'_>,
    ) {
        self.list_start(ListName::List, attributes);
        self.spelling.push_mailbox(&mut self.out, mailbox);
        match data {
            ListData::ChildInfo(criteria) => {
                self.out.extend_from_slice(b" (\"CHILDINFO\" (");
                push_joined(&mut self.out, *criteria, |out, name| {
                    push_string(out, name.as_bytes());
                });
            }
            ListData::OldName(name) => {
                self.out.extend_from_slice(b" (\"OLDNAME\" (");
                self.spelling.push_mailbox(&mut self.out, name);
            }
        }
        self.out.extend_from_slice(b"))");
        self.line_end();
    }

    /// The answer to an empty pattern: the separator and the root (RFC 9051 §6.3.9).
    pub fn list_root(&mut self, name: ListName) {
        self.list_start(name, &["\\Noselect"]);
        self.out.extend_from_slice(b"\"\"");
        self.line_end();
    }

    fn list_start(&mut self, name: ListName, attributes: &[&'static str]) {
        let name = match name {
            ListName::List => "LIST",
            ListName::Lsub => "LSUB",
        };
        let attributes = attributes.join(" ");
        push(
            &mut self.out,
            format_args!("* {name} ({attributes}) \"{SEPARATOR}\" "),
        );
    }

    /// `* STATUS`
    pub fn status(&mut self, mailbox: &MailboxName, values: &[(StatusItem, u64)]) {
        self.out.extend_from_slice(b"* STATUS ");
        self.spelling.push_mailbox(&mut self.out, mailbox);
        self.out.extend_from_slice(b" (");
        push_joined(&mut self.out, values, |out, (item, value)| match item {
            StatusItem::MailboxId => push(out, format_args!("MAILBOXID (F{value})")),
            item => push(out, format_args!("{} {value}", item.name())),
        });
        self.out.push(b')');
        self.line_end();
    }

    /// `* QUOTAROOT`: the quota roots of a mailbox (RFC 9208 §4.2.2).
    pub fn quota_root(&mut self, mailbox: &MailboxName, root: Option<&str>) {
        self.out.extend_from_slice(b"* QUOTAROOT ");
        self.spelling.push_mailbox(&mut self.out, mailbox);
        if let Some(root) = root {
            self.out.push(b' ');
            push_string(&mut self.out, root.as_bytes());
        }
        self.line_end();
    }

    /// `* QUOTA` with used and allowed storage in units of 1,024 octets (RFC 9208 §4.2.1, §5.1).
    pub fn quota_storage(&mut self, root: &str, used: u64, limit: u64) {
        self.out.extend_from_slice(b"* QUOTA ");
        push_string(&mut self.out, root.as_bytes());
        push(&mut self.out, format_args!(" (STORAGE {used} {limit})"));
        self.line_end();
    }

    /// `* FLAGS`: the flags that messages of this mailbox have.
    pub fn flags(&mut self, system: FlagSet, keywords: &[Keyword]) {
        self.out.extend_from_slice(b"* FLAGS (");
        push_joined(&mut self.out, flag_names(system, keywords), push_name);
        self.out.push(b')');
        self.line_end();
    }

    /// `* n EXISTS`
    pub fn exists(&mut self, messages: u32) {
        push(&mut self.out, format_args!("* {messages} EXISTS\r\n"));
    }

    /// `* n RECENT`
    pub fn recent(&mut self, messages: u32) {
        push(&mut self.out, format_args!("* {messages} RECENT\r\n"));
    }

    /// `* n EXPUNGE`: the message with this number is gone, and those behind it count one less.
    pub fn expunge(&mut self, sequence: u32) {
        push(&mut self.out, format_args!("* {sequence} EXPUNGE\r\n"));
    }

    /// `* VANISHED`: messages that are gone, as ranges of UIDs; at least one (RFC 7162 §3.2.10).
    pub fn vanished(&mut self, when: Vanished, ranges: &[(u32, u32)]) {
        let earlier = match when {
            Vanished::Now => "",
            Vanished::Earlier => "(EARLIER) ",
        };
        let mut uids = String::new();
        write_ranges(&mut uids, ranges.iter().copied());
        push(
            &mut self.out,
            format_args!("* VANISHED {earlier}{uids}\r\n"),
        );
    }

    /// `* SEARCH` with all numbers, and the highest mod-sequence of these messages where it was
    /// asked for (RFC 7162 §3.1.5).
    pub fn search(&mut self, numbers: &[u32], modseq: Option<ModSeq>) {
        self.out.extend_from_slice(b"* SEARCH");
        for number in numbers {
            push(&mut self.out, format_args!(" {number}"));
        }
        if let Some(modseq) = modseq {
            push(&mut self.out, format_args!(" (MODSEQ {modseq})"));
        }
        self.line_end();
    }

    /// `* ESEARCH` (RFC 4731 §3.1)
    pub fn esearch(&mut self, tag: &Tag, by: Numbering, result: &SearchResult) {
        let out = &mut self.out;
        out.extend_from_slice(b"* ESEARCH (TAG ");
        push_string(out, tag.as_str().as_bytes());
        out.push(b')');
        if by == Numbering::Uid {
            out.extend_from_slice(b" UID");
        }
        if let Some(min) = result.min {
            push(out, format_args!(" MIN {min}"));
        }
        if let Some(max) = result.max {
            push(out, format_args!(" MAX {max}"));
        }
        if let Some(count) = result.count {
            push(out, format_args!(" COUNT {count}"));
        }
        if let Some(all) = result.all.as_ref().filter(|all| !all.is_empty()) {
            let mut numbers = String::new();
            write_numbers(&mut numbers, all.iter().copied());
            push(out, format_args!(" ALL {numbers}"));
        }
        if let Some(modseq) = result.modseq {
            push(out, format_args!(" MODSEQ {modseq}"));
        }
        self.line_end();
    }

    fn code(&mut self, code: &Code) {
        let out = &mut self.out;
        out.push(b'[');
        match code {
            Code::Plain(name) => push(out, format_args!("{name}")),
            Code::Capability(names) => push(out, format_args!("CAPABILITY {}", names.join(" "))),
            Code::UidValidity(value) => push(out, format_args!("UIDVALIDITY {value}")),
            Code::UidNext(uid) => push(out, format_args!("UIDNEXT {uid}")),
            Code::Unseen(sequence) => push(out, format_args!("UNSEEN {sequence}")),
            Code::PermanentFlags(system, keywords, new_keywords) => {
                let new_keywords = new_keywords.then_some("\\*");
                let names = flag_names(*system, keywords).chain(new_keywords);
                out.extend_from_slice(b"PERMANENTFLAGS (");
                push_joined(out, names, push_name);
                out.push(b')');
            }
            Code::BadCharset => out.extend_from_slice(b"BADCHARSET (US-ASCII UTF-8)"),
            Code::AppendUid(validity, uids) => {
                let mut set = String::new();
                write_numbers(&mut set, uids.iter().map(|uid| uid.0));
                push(out, format_args!("APPENDUID {validity} {set}"));
            }
            Code::CopyUid(validity, from, to) => {
                let mut sets = String::new();
                write_numbers(&mut sets, from.iter().map(|uid| uid.0));
                sets.push(' ');
                write_numbers(&mut sets, to.iter().map(|uid| uid.0));
                push(out, format_args!("COPYUID {validity} {sets}"));
            }
            Code::MailboxId(id) => push(out, format_args!("MAILBOXID ({id})")),
            Code::HighestModSeq(modseq) => push(out, format_args!("HIGHESTMODSEQ {modseq}")),
            Code::Modified(numbers) => {
                let mut set = String::new();
                write_numbers(&mut set, numbers.iter().copied());
                push(out, format_args!("MODIFIED {set}"));
            }
        }
        out.extend_from_slice(b"] ");
    }

    /// Text for people: what is not printable ASCII becomes `?`, so that it stays on its line.
    fn text(&mut self, text: &str) {
        let safe = |c: char| if matches!(c, ' '..='~') { c } else { '?' };
        self.out
            .extend(text.chars().map(safe).filter_map(|c| u8::try_from(c).ok()));
    }

    fn line_end(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

/// The FETCH response of one message: `fetch_begin`, items, `fetch_end` (RFC 9051 §7.5.2).
impl Responses {
    /// Begins the response for the message with this sequence number.
    pub fn fetch_begin(&mut self, sequence: u32) {
        push(&mut self.out, format_args!("* {sequence} FETCH ("));
        self.fetch_has_item = false;
    }

    /// Ends it.
    pub fn fetch_end(&mut self) {
        self.out.push(b')');
        self.line_end();
    }

    /// `FLAGS`; `keywords` is the dictionary of the mailbox. Bits without a keyword are left out.
    pub fn fetch_flags(&mut self, flags: FlagSet, keywords: &[Keyword]) {
        self.fetch_item("FLAGS (");
        let set = flags.keyword_indexes();
        let set = set
            .filter_map(|index| keywords.get(index))
            .map(Keyword::as_str);
        let names = system_names(flags).chain(set);
        push_joined(&mut self.out, names, push_name);
        self.out.push(b')');
    }

    /// `UID`
    pub fn fetch_uid(&mut self, uid: Uid) {
        self.fetch_item("UID ");
        push(&mut self.out, format_args!("{uid}"));
    }

    /// `MODSEQ` (RFC 7162 §3.1.4.2)
    pub fn fetch_modseq(&mut self, modseq: ModSeq) {
        self.fetch_item("MODSEQ ");
        push(&mut self.out, format_args!("({modseq})"));
    }

    /// `EMAILID` (RFC 8474 §5.1)
    pub fn fetch_email_id(&mut self, id: &ObjectId) {
        self.fetch_item("EMAILID ");
        push(&mut self.out, format_args!("({id})"));
    }

    /// `THREADID` (RFC 8474 §5.2)
    pub fn fetch_thread_id(&mut self, id: &ObjectId) {
        self.fetch_item("THREADID ");
        push(&mut self.out, format_args!("({id})"));
    }

    /// `SAVEDATE`; `None` for a message that is no longer in the mailbox (RFC 8514 §4.1).
    pub fn fetch_save_date(&mut self, date: Option<Timestamp>) {
        self.fetch_item("SAVEDATE ");
        push_nstring(&mut self.out, date.map(Timestamp::to_imap));
    }

    /// `PREVIEW` (RFC 8970 §3.2)
    pub fn fetch_preview(&mut self, text: &[u8]) {
        self.fetch_item("PREVIEW ");
        push_string(&mut self.out, text);
    }

    /// `BINARY.SIZE` (RFC 3516 §4.3)
    pub fn fetch_binary_size(&mut self, part: &[u32], octets: u64) {
        self.fetch_item("BINARY.SIZE[");
        push(&mut self.out, format_args!("{}] {octets}", dotted(part)));
    }

    /// The header of a literal for `BINARY`, of a `literal8` where there is NUL; `None` if there is
    /// no such part. `origin` is the first octet of a partial (RFC 3516 §4.2). The octets, exactly
    /// as many, must follow before anything else is said.
    pub fn fetch_binary(&mut self, part: &[u32], origin: Option<u32>, literal: Option<(u64, Nul)>) {
        self.fetch_item("BINARY[");
        push(&mut self.out, format_args!("{}]", dotted(part)));
        if let Some(origin) = origin {
            push(&mut self.out, format_args!("<{origin}>"));
        }
        let Some((octets, nul)) = literal else {
            self.out.extend_from_slice(b" NIL");
            return;
        };
        let tilde = if nul == Nul::Within { "~" } else { "" };
        push(&mut self.out, format_args!(" {tilde}{{{octets}}}\r\n"));
    }

    /// `INTERNALDATE`
    pub fn fetch_internal_date(&mut self, date: Timestamp) {
        self.fetch_item("INTERNALDATE ");
        push(&mut self.out, format_args!("\"{}\"", date.to_imap()));
    }

    /// `RFC822.SIZE`
    pub fn fetch_size(&mut self, octets: u64) {
        self.fetch_item("RFC822.SIZE ");
        push(&mut self.out, format_args!("{octets}"));
    }

    /// `ENVELOPE`, `BODY` or `BODYSTRUCTURE` as [`super::Envelope`] or [`super::BodyStructure`]
    /// wrote it.
    pub fn fetch_ready(&mut self, name: &'static str, octets: &[u8]) {
        self.fetch_item(name);
        self.out.push(b' ');
        self.out.extend_from_slice(octets);
    }

    /// The header of a literal for `RFC822`, `RFC822.HEADER` or `RFC822.TEXT`. Its octets, exactly
    /// as many, must follow before anything else is said.
    pub fn fetch_literal(&mut self, name: &'static str, octets: u64) {
        self.fetch_item(name);
        push(&mut self.out, format_args!(" {{{octets}}}\r\n"));
    }

    /// The same for `BODY[section]`; `origin` is the first octet of a partial.
    pub fn fetch_section(&mut self, section: &Section, origin: Option<u32>, octets: u64) {
        self.fetch_section_name(section, origin);
        push(&mut self.out, format_args!("{{{octets}}}\r\n"));
    }

    /// The answer for a section that the message does not have.
    pub fn fetch_no_section(&mut self, section: &Section, origin: Option<u32>) {
        self.fetch_section_name(section, origin);
        push_nstring(&mut self.out, None::<&[u8]>);
    }

    fn fetch_section_name(&mut self, section: &Section, origin: Option<u32>) {
        self.fetch_item("BODY[");
        push(&mut self.out, format_args!("{section}]"));
        if let Some(origin) = origin {
            push(&mut self.out, format_args!("<{origin}>"));
        }
        self.out.push(b' ');
    }

    /// Octets of a literal whose header was said last.
    pub fn literal_octets(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }

    fn fetch_item(&mut self, name: &'static str) {
        if self.fetch_has_item {
            self.out.push(b' ');
        }
        self.fetch_has_item = true;
        self.out.extend_from_slice(name.as_bytes());
    }
}

/// Whether octets have NUL among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nul {
    /// At least one.
    Within,
    /// None.
    Nowhere,
}

/// When messages left a mailbox (RFC 7162 §3.2.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vanished {
    /// Now: those behind them count less from here on.
    Now,
    /// Before the client selected the mailbox: it never had numbers for them.
    Earlier,
}

/// Which command is answered with mailbox names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListName {
    /// `LIST`
    List,
    /// `LSUB`
    Lsub,
}

/// What LIST says of a mailbox behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListData<'a> {
    /// `CHILDINFO`: mailboxes below this one meet these selection options.
    ChildInfo(&'a [&'static str]),
    /// `OLDNAME`: the name before.
    OldName(&'a MailboxName),
}

fn system_names<'a>(flags: FlagSet) -> impl Iterator<Item = &'a str> {
    let all = FlagSet::SYSTEM.into_iter();
    all.filter(move |(flag, _)| flags.contains(*flag))
        .map(|(_, name)| name)
}

fn flag_names(system: FlagSet, keywords: &[Keyword]) -> impl Iterator<Item = &str> {
    system_names(system).chain(keywords.iter().map(Keyword::as_str))
}

fn push_name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(name.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(speak: impl FnOnce(&mut Responses)) -> String {
        let mut responses = Responses::new();
        speak(&mut responses);
        String::from_utf8(responses.take()).unwrap()
    }

    fn keywords(names: &[&str]) -> Vec<Keyword> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn conditions_carry_their_code() {
        let tag = Tag::new(b"a1").unwrap();
        let uids = |numbers: &[u32]| numbers.iter().copied().map(Uid).collect::<Vec<_>>();
        let cases = [
            (Code::Plain("READ-ONLY"), "READ-ONLY"),
            (Code::AppendUid(UidValidity(7), uids(&[9])), "APPENDUID 7 9"),
            (
                Code::AppendUid(UidValidity(7), uids(&[9, 10, 11])),
                "APPENDUID 7 9:11",
            ),
            (Code::HighestModSeq(ModSeq(12)), "HIGHESTMODSEQ 12"),
            (Code::Modified(vec![7, 8, 12]), "MODIFIED 7:8,12"),
            (
                Code::CopyUid(UidValidity(7), uids(&[3, 4, 9]), uids(&[1, 2, 3])),
                "COPYUID 7 3:4,9 1:3",
            ),
            (
                Code::PermanentFlags(FlagSet::SEEN, keywords(&["$Junk"]), true),
                "PERMANENTFLAGS (\\Seen $Junk \\*)",
            ),
            (Code::BadCharset, "BADCHARSET (US-ASCII UTF-8)"),
        ];
        for (code, expected) in cases {
            let line = said(|r| r.tagged(&tag, Condition::Ok, Some(&code), "done"));
            assert_eq!(line, format!("a1 OK [{expected}] done\r\n"));
        }
    }

    #[test]
    fn lists_and_status_spell_names_for_the_wire() {
        let name: MailboxName = "Entwürfe/a b".parse().unwrap();
        assert_eq!(
            said(|r| r.list(ListName::List, &["\\HasNoChildren", "\\Drafts"], &name)),
            "* LIST (\\HasNoChildren \\Drafts) \"/\" \"Entw&APw-rfe/a b\"\r\n"
        );
        assert_eq!(
            said(|r| r.status(&name, &[(StatusItem::Messages, 3), (StatusItem::Unseen, 1)])),
            "* STATUS \"Entw&APw-rfe/a b\" (MESSAGES 3 UNSEEN 1)\r\n"
        );
        assert_eq!(
            said(|r| r.list(ListName::Lsub, &[], &"nil".parse().unwrap())),
            "* LSUB () \"/\" \"nil\"\r\n"
        );
        assert_eq!(
            said(|r| r.list_root(ListName::List)),
            "* LIST (\\Noselect) \"/\" \"\"\r\n"
        );
    }

    #[test]
    fn a_fetch_response_has_single_spaces_between_its_items() {
        let text = said(|r| {
            r.fetch_begin(3);
            r.fetch_uid(Uid(9));
            let seen_and_second = FlagSet::SEEN.union(FlagSet::keyword(1).unwrap());
            r.fetch_flags(seen_and_second, &keywords(&["x", "$Junk"]));
            r.fetch_section(&Section::default(), Some(2), 3);
            r.literal_octets(b"abc");
            r.fetch_no_section(
                &Section {
                    part: vec![4],
                    text: None,
                },
                None,
            );
            r.fetch_end();
        });
        assert_eq!(
            text,
            "* 3 FETCH (UID 9 FLAGS (\\Seen $Junk) BODY[]<2> {3}\r\nabc BODY[4] NIL)\r\n"
        );
    }

    #[test]
    fn mod_sequences_and_vanished_messages_are_told() {
        let text = said(|r| {
            r.vanished(Vanished::Earlier, &[(41, 41), (43, 116)]);
            r.vanished(Vanished::Now, &[(405, 405)]);
            r.search(&[2, 5], Some(ModSeq(917_162_500)));
            r.search(&[], None);
            r.fetch_begin(1);
            r.fetch_modseq(ModSeq(624_140_003));
            r.fetch_end();
        });
        assert_eq!(
            text,
            "* VANISHED (EARLIER) 41,43:116\r\n* VANISHED 405\r\n\
             * SEARCH 2 5 (MODSEQ 917162500)\r\n* SEARCH\r\n* 1 FETCH (MODSEQ (624140003))\r\n"
        );
    }

    #[test]
    fn esearch_leaves_out_what_was_not_found() {
        let tag = Tag::new(b"a1").unwrap();
        let result = SearchResult {
            count: Some(0),
            all: Some(Vec::new()),
            ..SearchResult::default()
        };
        assert_eq!(
            said(|r| r.esearch(&tag, Numbering::Uid, &result)),
            "* ESEARCH (TAG \"a1\") UID COUNT 0\r\n"
        );
        let result = SearchResult {
            min: Some(1),
            max: Some(9),
            all: Some(vec![1, 2, 9]),
            modseq: Some(ModSeq(7)),
            ..SearchResult::default()
        };
        assert_eq!(
            said(|r| r.esearch(&tag, Numbering::Sequence, &result)),
            "* ESEARCH (TAG \"a1\") MIN 1 MAX 9 ALL 1:2,9 MODSEQ 7\r\n"
        );
    }

    proptest! {
        #[test]
        fn no_text_or_value_ends_its_line(text in "(?s).{0,60}", value in "(?s)[^\0]{0,60}") {
            let line = said(|r| r.untagged(Condition::No, None, &text));
            prop_assert_eq!(line.find("\r\n"), Some(line.len() - 2));
            prop_assert!(line[..line.len() - 2].bytes().all(|c| matches!(c, b' '..=b'~')));
            let id = said(|r| r.id(&[("name", &value)]));
            let literal = format!("{{{}}}\r\n{value}", value.len());
            let one_line = id.find("\r\n") == Some(id.len() - 2);
            prop_assert!(one_line || id.contains(&literal));
        }
    }
}
