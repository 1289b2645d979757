//! Commands as octets: what the parser reads back unchanged.
//!
//! Strings that cannot be quoted become synchronizing literals; whoever sends them to a server
//! waits for its continuation at each.

use super::command::{
    AppendHead, AppendMessage, Command, FetchItem, FlagList, Numbering, Partial, SearchKey,
    SearchRequest, SearchReturn, StatusItem, StoreAction, StoreRequest, Tagged,
};
use super::list::ListRequest;
use super::pattern::ListPattern;
use super::section::dotted;
use super::spelling::Spelling;
use super::text::{push, push_astring, push_joined, push_nstring, push_string};
use super::tracking::SelectRequest;
use super::utf7;
use types::{FlagSet, MailboxName, Secret};

impl Tagged {
    /// The command with its tag, without the last line end.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.tag.as_str().as_bytes().to_vec();
        out.push(b' ');
        push_command(&mut out, &self.command);
        out
    }
}

// long: one arm for each command
fn push_command(out: &mut Vec<u8>, command: &Command) {
    match command {
        Command::Capability => out.extend_from_slice(b"CAPABILITY"),
        Command::Noop => out.extend_from_slice(b"NOOP"),
        Command::Logout => out.extend_from_slice(b"LOGOUT"),
        Command::StartTls => out.extend_from_slice(b"STARTTLS"),
        Command::Namespace => out.extend_from_slice(b"NAMESPACE"),
        Command::Idle => out.extend_from_slice(b"IDLE"),
        Command::Check => out.extend_from_slice(b"CHECK"),
        Command::Close => out.extend_from_slice(b"CLOSE"),
        Command::Unselect => out.extend_from_slice(b"UNSELECT"),
        Command::Expunge => out.extend_from_slice(b"EXPUNGE"),
        Command::Select(request) => push_select(out, "SELECT ", request),
        Command::Examine(request) => push_select(out, "EXAMINE ", request),
        Command::Create {
            mailbox,
            special_use,
        } => {
            push_named(out, "CREATE ", mailbox);
            if let Some(special_use) = special_use {
                push(out, format_args!(" (USE ({}))", special_use.attribute()));
            }
        }
        Command::GetQuota(root) => push_quota(out, "GETQUOTA ", root),
        Command::GetQuotaRoot(name) => push_named(out, "GETQUOTAROOT ", name),
        Command::SetQuota(root) => {
            push_quota(out, "SETQUOTA ", root);
            out.extend_from_slice(b" ()");
        }
        Command::Delete(name) => push_named(out, "DELETE ", name),
        Command::Subscribe(name) => push_named(out, "SUBSCRIBE ", name),
        Command::Unsubscribe(name) => push_named(out, "UNSUBSCRIBE ", name),
        Command::Rename { from, to } => {
            push_named(out, "RENAME ", from);
            push_named(out, " ", to);
        }
        Command::Id(fields) => push_id(out, fields),
        Command::Login { user, password } => push_login(out, user, password),
        Command::Authenticate { mechanism, initial } => {
            push_authenticate(out, mechanism, initial.as_ref());
        }
        Command::Compress(mechanism) => push(out, format_args!("COMPRESS {mechanism}")),
        Command::Enable(names) => push(out, format_args!("ENABLE {}", names.join(" "))),
        Command::List(request) => push_list(out, request),
        Command::Lsub(pattern) => push_pattern(out, "LSUB", pattern),
        Command::Status { mailbox, items } => {
            push_named(out, "STATUS ", mailbox);
            push(out, format_args!(" ({})", status_names(items)));
        }
        Command::Append(head) => push_append(out, head),
        Command::UidExpunge(set) => push(out, format_args!("UID EXPUNGE {set}")),
        Command::Search(by, request) => push_search(out, *by, request),
        Command::Fetch {
            by,
            set,
            items,
            modifiers,
        } => {
            push(out, format_args!("{}FETCH {set} (", prefix(*by)));
            push_joined(out, items, push_fetch_item);
            out.push(b')');
            if let Some(since) = modifiers.changed_since {
                let vanished = if modifiers.vanished { " VANISHED" } else { "" };
                push(out, format_args!(" (CHANGEDSINCE {since}{vanished})"));
            }
        }
        Command::Store(request) => push_store(out, request),
        Command::Copy { by, set, mailbox } => {
            push_named(out, &format!("{}COPY {set} ", prefix(*by)), mailbox);
        }
        Command::Move { by, set, mailbox } => {
            push_named(out, &format!("{}MOVE {set} ", prefix(*by)), mailbox);
        }
    }
}

fn prefix(by: Numbering) -> &'static str {
    match by {
        Numbering::Sequence => "",
        Numbering::Uid => "UID ",
    }
}

fn push_named(out: &mut Vec<u8>, words: &str, name: &MailboxName) {
    out.extend_from_slice(words.as_bytes());
    Spelling::Utf7.push_mailbox(out, name);
}

fn push_select(out: &mut Vec<u8>, words: &str, request: &SelectRequest) {
    push_named(out, words, &request.mailbox);
    if !request.condstore && request.qresync.is_none() {
        return;
    }
    out.extend_from_slice(b" (");
    if request.condstore {
        out.extend_from_slice(b"CONDSTORE");
    }
    if let Some(known) = &request.qresync {
        let space = if request.condstore { " " } else { "" };
        let (validity, modseq) = (known.uid_validity, known.modseq);
        push(out, format_args!("{space}QRESYNC ({validity} {modseq}"));
        if let Some(uids) = &known.known_uids {
            push(out, format_args!(" {uids}"));
        }
        if let Some(matches) = &known.matches {
            push(out, format_args!(" ({} {})", matches.numbers, matches.uids));
        }
        out.push(b')');
    }
    out.push(b')');
}

fn push_login(out: &mut Vec<u8>, user: &str, password: &Secret) {
    out.extend_from_slice(b"LOGIN ");
    push_astring(out, user.as_bytes());
    out.push(b' ');
    push_astring(out, password.expose());
}

fn push_authenticate(out: &mut Vec<u8>, mechanism: &str, initial: Option<&Secret>) {
    push(out, format_args!("AUTHENTICATE {mechanism}"));
    if let Some(initial) = initial {
        out.push(b' ');
        out.extend_from_slice(initial.expose());
    }
}

fn push_store(out: &mut Vec<u8>, request: &StoreRequest) {
    let sign = match request.action {
        StoreAction::Replace => "",
        StoreAction::Add => "+",
        StoreAction::Remove => "-",
    };
    let silent = if request.silent { ".SILENT" } else { "" };
    let (by, set) = (prefix(request.by), &request.set);
    push(out, format_args!("{by}STORE {set} "));
    if let Some(since) = request.unchanged_since {
        push(out, format_args!("(UNCHANGEDSINCE {since}) "));
    }
    push(out, format_args!("{sign}FLAGS{silent} "));
    push_flags(out, &request.flags);
}

fn push_pattern(out: &mut Vec<u8>, words: &str, pattern: &ListPattern) {
    push(out, format_args!("{words} \"\" "));
    push_one_pattern(out, pattern);
}

fn push_one_pattern(out: &mut Vec<u8>, pattern: &ListPattern) {
    push_string(out, utf7::encode(&pattern.to_string()).as_bytes());
}

fn push_list(out: &mut Vec<u8>, request: &ListRequest) {
    if let (false, [pattern]) = (request.extended, request.patterns.as_slice()) {
        push_pattern(out, "LIST", pattern);
        return;
    }
    let recursive = request.select.recursive.then_some("RECURSIVEMATCH");
    let select: Vec<_> = request.select.criteria().chain(recursive).collect();
    push(out, format_args!("LIST ({}) \"\" (", select.join(" ")));
    push_joined(out, &request.patterns, push_one_pattern);
    out.extend_from_slice(b") RETURN (");
    let mut separator = "";
    if request.returns.subscribed {
        out.extend_from_slice(b"SUBSCRIBED");
        separator = " ";
    }
    if !request.returns.status.is_empty() {
        let names = status_names(&request.returns.status);
        push(out, format_args!("{separator}STATUS ({names})"));
    }
    out.push(b')');
}

fn status_names(items: &[StatusItem]) -> String {
    let names: Vec<_> = items.iter().map(|item| item.name()).collect();
    names.join(" ")
}

fn push_quota(out: &mut Vec<u8>, words: &str, root: &str) {
    out.extend_from_slice(words.as_bytes());
    push_string(out, root.as_bytes());
}

fn push_id(out: &mut Vec<u8>, fields: &[(String, Option<String>)]) {
    if fields.is_empty() {
        out.extend_from_slice(b"ID NIL");
        return;
    }
    out.extend_from_slice(b"ID (");
    push_joined(out, fields, |out, (name, value)| {
        push_string(out, name.as_bytes());
        out.push(b' ');
        push_nstring(out, value.as_ref());
    });
    out.push(b')');
}

fn push_append(out: &mut Vec<u8>, head: &AppendHead) {
    push_named(out, "APPEND ", &head.mailbox);
    out.push(b' ');
    push_append_message(out, &head.first);
}

fn push_append_message(out: &mut Vec<u8>, message: &AppendMessage) {
    push_flags(out, &message.flags);
    if let Some(date) = message.date {
        push(out, format_args!(" \"{}\"", date.to_imap()));
    }
    let literal = message.literal;
    let utf8 = if message.utf8 { "UTF8 (" } else { "" };
    let tilde = if literal.binary { "~" } else { "" };
    let plus = if literal.synchronizing { "" } else { "+" };
    push(
        out,
        format_args!(" {utf8}{tilde}{{{}{plus}}}", literal.octets),
    );
}

fn push_flags(out: &mut Vec<u8>, flags: &FlagList) {
    let system = FlagSet::SYSTEM.iter();
    let system = system.filter(|(flag, _)| flags.system.contains(*flag));
    let names = system.map(|(_, name)| *name);
    let names = names.chain(flags.keywords.iter().map(types::Keyword::as_str));
    out.push(b'(');
    push_joined(out, names, |out, name| {
        out.extend_from_slice(name.as_bytes());
    });
    out.push(b')');
}

fn push_fetch_item(out: &mut Vec<u8>, item: &FetchItem) {
    let name = match item {
        FetchItem::Flags => "FLAGS",
        FetchItem::InternalDate => "INTERNALDATE",
        FetchItem::Rfc822Size => "RFC822.SIZE",
        FetchItem::Uid => "UID",
        FetchItem::ModSeq => "MODSEQ",
        FetchItem::EmailId => "EMAILID",
        FetchItem::ThreadId => "THREADID",
        FetchItem::SaveDate => "SAVEDATE",
        FetchItem::Preview { lazy: false } => "PREVIEW",
        FetchItem::Preview { lazy: true } => "PREVIEW (LAZY)",
        FetchItem::Binary {
            part,
            partial,
            peek,
        } => {
            let peek = if *peek { ".PEEK" } else { "" };
            push(out, format_args!("BINARY{peek}[{}]", dotted(part)));
            push_partial(out, *partial);
            return;
        }
        FetchItem::BinarySize(part) => {
            push(out, format_args!("BINARY.SIZE[{}]", dotted(part)));
            return;
        }
        FetchItem::Envelope => "ENVELOPE",
        FetchItem::Body => "BODY",
        FetchItem::BodyStructure => "BODYSTRUCTURE",
        FetchItem::Rfc822 => "RFC822",
        FetchItem::Rfc822Header => "RFC822.HEADER",
        FetchItem::Rfc822Text => "RFC822.TEXT",
        FetchItem::Section {
            section,
            partial,
            peek,
        } => {
            let peek = if *peek { ".PEEK" } else { "" };
            push(out, format_args!("BODY{peek}[{section}]"));
            push_partial(out, *partial);
            return;
        }
    };
    out.extend_from_slice(name.as_bytes());
}

fn push_partial(out: &mut Vec<u8>, partial: Option<Partial>) {
    if let Some(Partial { start, length }) = partial {
        push(out, format_args!("<{start}.{length}>"));
    }
}

fn push_search(out: &mut Vec<u8>, by: Numbering, request: &SearchRequest) {
    push(out, format_args!("{}SEARCH ", prefix(by)));
    if let Some(returns) = request.returns {
        push(out, format_args!("RETURN ({}) ", return_names(returns)));
    }
    out.extend_from_slice(b"CHARSET UTF-8 ");
    match &request.key {
        // Parentheses here would be one level more than the client wrote.
        SearchKey::And(keys) => push_joined(out, keys, push_key),
        key => push_key(out, key),
    }
}

fn return_names(returns: SearchReturn) -> String {
    let named = [
        (returns.min, "MIN"),
        (returns.max, "MAX"),
        (returns.all, "ALL"),
        (returns.count, "COUNT"),
        (returns.save, "SAVE"),
    ];
    let names: Vec<_> = named
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, n)| *n)
        .collect();
    names.join(" ")
}

fn push_key(out: &mut Vec<u8>, key: &SearchKey) {
    match key {
        SearchKey::All => out.extend_from_slice(b"ALL"),
        SearchKey::Recent => out.extend_from_slice(b"RECENT"),
        SearchKey::New => out.extend_from_slice(b"NEW"),
        SearchKey::Old => out.extend_from_slice(b"OLD"),
        SearchKey::Flag(flag) => push(out, format_args!("{}", flag_name(*flag))),
        SearchKey::NoFlag(flag) => push(out, format_args!("UN{}", flag_name(*flag))),
        SearchKey::Keyword(keyword) => push(out, format_args!("KEYWORD {keyword}")),
        SearchKey::NoKeyword(keyword) => push(out, format_args!("UNKEYWORD {keyword}")),
        SearchKey::Header(field, text) => {
            out.extend_from_slice(b"HEADER ");
            push_astring(out, field.as_str().as_bytes());
            out.push(b' ');
            push_string(out, text.as_bytes());
        }
        SearchKey::Body(text) => {
            out.extend_from_slice(b"BODY ");
            push_string(out, text.as_bytes());
        }
        SearchKey::Text(text) => {
            out.extend_from_slice(b"TEXT ");
            push_string(out, text.as_bytes());
        }
        SearchKey::Before(date) => push(out, format_args!("BEFORE {date}")),
        SearchKey::On(date) => push(out, format_args!("ON {date}")),
        SearchKey::Since(date) => push(out, format_args!("SINCE {date}")),
        SearchKey::SentBefore(date) => push(out, format_args!("SENTBEFORE {date}")),
        SearchKey::SentOn(date) => push(out, format_args!("SENTON {date}")),
        SearchKey::SentSince(date) => push(out, format_args!("SENTSINCE {date}")),
        SearchKey::Older(seconds) => push(out, format_args!("OLDER {seconds}")),
        SearchKey::Younger(seconds) => push(out, format_args!("YOUNGER {seconds}")),
        SearchKey::Larger(octets) => push(out, format_args!("LARGER {octets}")),
        SearchKey::Smaller(octets) => push(out, format_args!("SMALLER {octets}")),
        SearchKey::Sequence(set) => push(out, format_args!("{set}")),
        SearchKey::Uid(set) => push(out, format_args!("UID {set}")),
        SearchKey::EmailId(id) => push(out, format_args!("EMAILID {id}")),
        SearchKey::ThreadId(id) => push(out, format_args!("THREADID {id}")),
        SearchKey::SavedBefore(date) => push(out, format_args!("SAVEDBEFORE {date}")),
        SearchKey::SavedOn(date) => push(out, format_args!("SAVEDON {date}")),
        SearchKey::SavedSince(date) => push(out, format_args!("SAVEDSINCE {date}")),
        SearchKey::ModSeq(modseq) => push(out, format_args!("MODSEQ {modseq}")),
        SearchKey::Not(key) => {
            out.extend_from_slice(b"NOT ");
            push_key(out, key);
        }
        SearchKey::Or(left, right) => {
            out.extend_from_slice(b"OR ");
            push_joined(out, [left, right], |out, key| push_key(out, key));
        }
        SearchKey::And(keys) => {
            out.push(b'(');
            push_joined(out, keys, push_key);
            out.push(b')');
        }
    }
}

/// The search key of a system flag: its name in capitals without the backslash.
fn flag_name(flag: FlagSet) -> String {
    let known = FlagSet::SYSTEM.iter().find(|(known, _)| *known == flag);
    known.map_or(String::new(), |(_, name)| name[1..].to_ascii_uppercase())
}
