//! Strategies that make scripts for property tests: whatever the check lets through, in the one
//! form that the parser gives.
//!
//! Words come from short lists that the mail of a test can share, so that tests hold now and then.

mod test;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::ast::{
    Block, Command, CommandKind, FileInto, FlagChange, Index, Location, Modifier, Notify, Piece,
    Script, Text, Vacation,
};
use crate::keyword::Word;
use crate::required;
use crate::text::holds_variable;

pub(crate) use test::{comparing, test};

/// Names of the scripts that [`script`] includes.
pub(crate) const SCRIPTS: [&str; 3] = ["one", "two", "three"];
/// Addresses that stand in keys, and to which is redirected.
pub(crate) const ADDRESSES: [&str; 3] = ["ann@example.org", "bob@example.net", "eve+x@a.test"];
/// Names of header fields that are tested and changed.
pub(crate) const FIELDS: [&str; 6] = ["Subject", "From", "To", "X-Spam", "List-Id", "date"];
/// Values that header fields are compared with, and patterns that match some of them.
pub(crate) const WORDS: [&str; 10] = [
    "tucows",
    "renewal",
    "a",
    "",
    "*",
    "*tu?ows*",
    "5",
    "[list] *",
    "ann@example.org",
    "Ärger",
];
/// Variables.
const VARIABLES: [&str; 3] = ["a", "b", "global.g"];
const FLAGS: [&str; 4] = ["\\Seen", "\\Deleted", "$Work", "a b"];
const FOLDERS: [&str; 5] = ["Work", "INBOX", "Lists/One", "Entwürfe", "Junk"];
const SPECIAL_USES: [&str; 3] = ["\\Junk", "\\Archive", "\\Sent"];
const SECONDS: [u64; 5] = [0, 90, 86_400, 604_800, 86_401];
/// Texts that a printer could get wrong.
const ODD: [&str; 14] = [
    "\"",
    "\\",
    "say \"no\";\\\"",
    "\r\n",
    "two\r\nlines\r\n",
    ".\r\n",
    ".dot\r\n..\r\n",
    "${",
    "${hex:41}",
    "$${unicode: 20}",
    "lone\rreturn",
    "lone\nfeed",
    "nul\0",
    "/* # text:\r\n",
];

/// The loop around a command, for its `break`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loop {
    None,
    Unnamed,
    /// A loop named `p` is among those around.
    Named,
}

/// A script that the check lets through.
pub(crate) fn script() -> impl Strategy<Value = Script> {
    block(3, Loop::None).prop_map(|block| Script {
        require: required(&block),
        block,
    })
}

/// Characters of any kind, at times odd ones; never what would be read as a variable.
pub(crate) fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => select(WORDS.as_slice()).prop_map(str::to_owned),
        1 => select(ODD.as_slice()).prop_map(str::to_owned),
        1 => "[ -~\r\n]{0,12}",
        1 => "\\PC{0,8}",
    ]
    .prop_map(|text| match holds_variable(&text) {
        true => text.replace("${", "$("),
        false => text,
    })
}

/// A text that is the same at every run.
pub(crate) fn constant() -> impl Strategy<Value = Text> {
    literal().prop_map(|text| Text::from(text.as_str()))
}

/// One of these as a text.
fn one_of(texts: &'static [&'static str]) -> BoxedStrategy<Text> {
    select(texts).prop_map(Text::from).boxed()
}

/// A text that variables make.
pub(crate) fn computed() -> impl Strategy<Value = Text> {
    let variable = prop_oneof![
        select(VARIABLES.as_slice()).prop_map(|name| Piece::Variable(name.to_owned())),
        (0..4_u8).prop_map(Piece::Match),
    ];
    (literal(), variable, literal()).prop_map(|(before, variable, after)| {
        let literal = |text: String| (!text.is_empty()).then_some(Piece::Literal(text));
        let pieces = [literal(before), Some(variable), literal(after)];
        Text(pieces.into_iter().flatten().collect())
    })
}

/// Any text.
pub(crate) fn text() -> impl Strategy<Value = Text> {
    prop_oneof![9 => constant(), 1 => computed()]
}

/// One of these, or a computed text.
fn known(texts: &'static [&'static str]) -> BoxedStrategy<Text> {
    prop_oneof![9 => one_of(texts), 1 => computed()].boxed()
}

fn list(text: BoxedStrategy<Text>) -> BoxedStrategy<Vec<Text>> {
    vec(text, 1..3).boxed()
}

fn field() -> BoxedStrategy<Text> {
    known(&FIELDS)
}

fn flags() -> BoxedStrategy<Vec<Text>> {
    list(known(&FLAGS))
}

fn variable() -> impl Strategy<Value = String> {
    select(VARIABLES.as_slice()).prop_map(str::to_owned)
}

fn index() -> impl Strategy<Value = Option<Index>> {
    option::weighted(
        0.1,
        (1..4_u32, any::<bool>()).prop_map(|(number, last)| Index { number, last }),
    )
}

fn filing() -> BoxedStrategy<FileInto> {
    (
        known(&FOLDERS),
        any::<bool>(),
        any::<bool>(),
        option::weighted(0.2, flags()),
        option::weighted(0.1, one_of(&SPECIAL_USES)),
    )
        .prop_map(|(mailbox, copy, create, flags, special_use)| FileInto {
            mailbox,
            copy,
            create,
            flags,
            special_use,
        })
        .boxed()
}

fn fcc() -> impl Strategy<Value = Option<FileInto>> {
    let copy = filing().prop_map(|file| FileInto {
        copy: false,
        ..file
    });
    option::weighted(0.1, copy)
}

/// Modifiers, at most one of each rank, in the order in which they are applied.
fn modifiers() -> impl Strategy<Value = Vec<Modifier>> {
    let all: Vec<Modifier> = Modifier::ALL
        .iter()
        .map(|(modifier, _)| *modifier)
        .collect();
    proptest::sample::subsequence(all, 0..3).prop_map(|mut modifiers| {
        modifiers.dedup_by_key(|modifier| modifier.precedence());
        modifiers
    })
}

fn block(depth: u32, around: Loop) -> BoxedStrategy<Block> {
    vec(command(depth, around).prop_map(Command::from), 0..4).boxed()
}

fn command(depth: u32, around: Loop) -> BoxedStrategy<CommandKind> {
    let simple = prop_oneof![4 => common(), 2 => rarer(), 1 => ending(around)];
    if depth == 0 {
        return simple.boxed();
    }
    let inner = |around| block(depth - 1, around);
    let arm = (test(2), inner(around));
    let choice = (vec(arm, 1..3), option::of(inner(around)));
    let named = inner(Loop::Named).prop_map(|block| CommandKind::ForEveryPart {
        name: Some("p".to_owned()),
        block,
    });
    // Within a named loop its name stays in reach.
    let unnamed = match around {
        Loop::Named => inner(Loop::Named),
        Loop::None | Loop::Unnamed => inner(Loop::Unnamed),
    };
    let unnamed = unnamed.prop_map(|block| CommandKind::ForEveryPart { name: None, block });
    prop_oneof![
        6 => simple,
        6 => choice.prop_map(|(arms, otherwise)| CommandKind::If { arms, otherwise }),
        1 => named,
        1 => unnamed,
    ]
    .boxed()
}

/// Commands after which others may not be reached.
fn ending(around: Loop) -> BoxedStrategy<CommandKind> {
    let ends = [CommandKind::Stop, CommandKind::Return];
    let breaks = [None, Some("p".to_owned())].map(|name| CommandKind::Break { name });
    let choices = match around {
        Loop::None => ends.to_vec(),
        Loop::Unnamed => [&ends[..], &breaks[..1]].concat(),
        Loop::Named => [ends, breaks].concat(),
    };
    let error = text().prop_map(|message| CommandKind::Error { message });
    prop_oneof![6 => select(choices), 1 => error].boxed()
}

fn common() -> BoxedStrategy<CommandKind> {
    let redirect = (one_of(&ADDRESSES), any::<bool>());
    let change = select(vec![FlagChange::Set, FlagChange::Add, FlagChange::Remove]);
    let flag = (change, option::weighted(0.3, variable()), flags());
    prop_oneof![
        option::weighted(0.3, flags()).prop_map(|flags| CommandKind::Keep { flags }),
        Just(CommandKind::Discard),
        filing().prop_map(CommandKind::FileInto),
        redirect.prop_map(|(address, copy)| CommandKind::Redirect { address, copy }),
        flag.prop_map(|(change, variable, flags)| CommandKind::Flag {
            change,
            variable,
            flags,
        }),
        (modifiers(), variable(), text()).prop_map(|(modifiers, name, value)| CommandKind::Set {
            modifiers,
            name,
            value,
        }),
    ]
    .boxed()
}

fn rarer() -> BoxedStrategy<CommandKind> {
    let reject = (text(), any::<bool>());
    let value = prop_oneof![9 => one_of(&WORDS), 1 => computed()];
    let add = (any::<bool>(), field(), value);
    let delete = (index(), field(), comparing(), any::<bool>());
    let include = (any::<bool>(), any::<bool>(), one_of(&SCRIPTS));
    prop_oneof![
        reject.prop_map(|(reason, extended)| CommandKind::Reject { reason, extended }),
        add.prop_map(|(last, name, value)| CommandKind::AddHeader { last, name, value }),
        delete.prop_map(|(index, name, (matching, patterns), all)| {
            CommandKind::DeleteHeader {
                index,
                matching,
                name,
                patterns: if all { Vec::new() } else { patterns },
            }
        }),
        include.prop_map(|(once, optional, name)| CommandKind::Include {
            location: Location::Personal,
            once,
            optional,
            name,
        }),
        Just(CommandKind::Global(vec!["g".to_owned()])),
        vacation().prop_map(|vacation| CommandKind::Vacation(Box::new(vacation))),
        notify().prop_map(|notify| CommandKind::Notify(Box::new(notify))),
    ]
    .boxed()
}

fn vacation() -> impl Strategy<Value = Vacation> {
    let from = one_of(&["ann@example.org", "Ann <ann@example.org>"]);
    (
        option::of(select(SECONDS.as_slice())),
        option::of(one_of(&WORDS)),
        option::of(from),
        vec(one_of(&ADDRESSES), 0..2),
        any::<bool>(),
        option::weighted(0.2, text()),
        text(),
        fcc(),
    )
        .prop_map(
            |(seconds, subject, from, addresses, mime, handle, reason, fcc)| Vacation {
                seconds,
                subject,
                from,
                addresses,
                mime,
                handle,
                reason,
                fcc,
            },
        )
}

fn notify() -> impl Strategy<Value = Notify> {
    let method = one_of(&["mailto:ann@example.org", "mailto:bob@example.net?subject=x"]);
    (
        option::weighted(0.2, one_of(&ADDRESSES)),
        option::of(one_of(&["1", "2", "3"])),
        vec(text(), 0..2),
        option::of(text()),
        fcc(),
        method,
    )
        .prop_map(|(from, importance, options, message, fcc, method)| Notify {
            from,
            importance,
            options,
            message,
            fcc,
            method,
        })
}
