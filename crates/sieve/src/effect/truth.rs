//! What can be said of a test before any message is there.

use std::collections::HashSet;

use crate::ast::{MatchKind, Matching, Test, TestKind, Text};
use crate::effect::catch_all::{has_address, is_catch_all, is_usual};
use crate::item;
use crate::words;

/// Sizes below which and above which practically no message is.
const SMALLEST_OCTETS: u64 = 100;
const LARGEST_OCTETS: u64 = 1 << 30;

/// Whether a test holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    /// So for every message.
    Certain(bool),
    /// So for practically every message.
    Practically(bool),
    /// It cannot be told from the message: dates, environment, variables and the like.
    Unforeseen,
    /// It depends on the message.
    Depends,
}

impl Truth {
    fn opposite(self) -> Self {
        match self {
            Self::Certain(holds) => Self::Certain(!holds),
            Self::Practically(holds) => Self::Practically(!holds),
            Self::Unforeseen | Self::Depends => self,
        }
    }
}

/// Whether the test holds (or, with `holds` false, does not).
pub(super) fn truth(test: &Test, holds: bool) -> Truth {
    match &test.kind {
        TestKind::True => Truth::Certain(holds),
        TestKind::False => Truth::Certain(!holds),
        TestKind::Not(test) => truth(test, !holds),
        TestKind::AllOf(tests) | TestKind::AnyOf(tests) if tests.is_empty() => Truth::Depends,
        TestKind::AllOf(tests) if holds => every(tests, true),
        TestKind::AnyOf(tests) if !holds => every(tests, false),
        TestKind::AllOf(tests) => some(tests, false),
        TestKind::AnyOf(tests) => some(tests, true),
        single if holds => of_one(single),
        single => of_one(single).opposite(),
    }
}

/// Whether every test is as `holds` says.
fn every(tests: &[Test], holds: bool) -> Truth {
    let truths: Vec<_> = tests.iter().map(|test| truth(test, holds)).collect();
    let has = |truth| truths.contains(&truth);
    if has(Truth::Certain(false)) {
        Truth::Certain(false)
    } else if has(Truth::Practically(false)) {
        Truth::Practically(false)
    } else if has(Truth::Depends) {
        Truth::Depends
    } else if has(Truth::Unforeseen) {
        Truth::Unforeseen
    } else if has(Truth::Practically(true)) {
        Truth::Practically(true)
    } else {
        Truth::Certain(true)
    }
}

/// Whether some test is as `holds` says.
fn some(tests: &[Test], holds: bool) -> Truth {
    let truths: Vec<_> = tests.iter().map(|test| truth(test, holds)).collect();
    let has = |truth| truths.contains(&truth);
    if has(Truth::Certain(true)) {
        Truth::Certain(true)
    } else if has(Truth::Practically(true)) || has_opposites(tests) {
        Truth::Practically(true)
    } else if has(Truth::Unforeseen) {
        Truth::Unforeseen
    } else if has(Truth::Depends) {
        Truth::Depends
    } else if has(Truth::Practically(false)) {
        Truth::Practically(false)
    } else {
        Truth::Certain(false)
    }
}

/// Whether one test is the opposite of another, so that one of them holds.
fn has_opposites(tests: &[Test]) -> bool {
    let words: HashSet<_> = tests.iter().map(|test| words::whole(test, true)).collect();
    let mut opposites = tests.iter().map(|test| words::whole(test, false));
    opposites.any(|opposite| words.contains(&opposite))
}

/// A test that holds no others.
fn of_one(test: &TestKind) -> Truth {
    match test {
        TestKind::Size { over, octets } => size(*over, *octets),
        TestKind::Exists { headers, .. } => match constants(headers) {
            None => Truth::Unforeseen,
            Some(headers) if headers.iter().all(|name| is_usual(name)) => Truth::Practically(true),
            Some(_) => Truth::Depends,
        },
        TestKind::Header {
            matching,
            headers,
            keys,
            ..
        }
        | TestKind::Address {
            matching,
            headers,
            keys,
            ..
        } => fields(*matching, headers, keys, is_usual),
        TestKind::Envelope {
            matching,
            parts,
            keys,
            ..
        } => fields(*matching, parts, keys, |part| part != "auth"),
        TestKind::Body { matching, keys, .. } => compared(*matching, keys, false),
        TestKind::Environment {
            matching,
            name,
            keys,
        } => environment(*matching, name, keys),
        TestKind::True
        | TestKind::False
        | TestKind::Not(_)
        | TestKind::AllOf(_)
        | TestKind::AnyOf(_)
        | TestKind::HasFlag { .. }
        | TestKind::String { .. }
        | TestKind::Date { .. }
        | TestKind::CurrentDate { .. }
        | TestKind::MailboxExists(_)
        | TestKind::SpecialUseExists { .. }
        | TestKind::SpamTest { .. }
        | TestKind::VirusTest { .. }
        | TestKind::Ihave(_)
        | TestKind::ValidNotifyMethod(_)
        | TestKind::NotifyMethodCapability { .. }
        | TestKind::Duplicate { .. } => Truth::Unforeseen,
    }
}

fn size(over: bool, octets: u64) -> Truth {
    if octets <= SMALLEST_OCTETS {
        Truth::Practically(over)
    } else if octets >= LARGEST_OCTETS {
        Truth::Practically(!over)
    } else {
        Truth::Depends
    }
}

/// Fields or parts of the envelope, some of which practically every message has.
fn fields(matching: Matching, names: &[Text], keys: &[Text], usual: fn(&str) -> bool) -> Truth {
    let Some(names) = constants(names) else {
        return Truth::Unforeseen;
    };
    let usual: Vec<_> = names.iter().filter(|name| usual(name)).collect();
    let address = usual.iter().any(|name| has_address(name));
    match compared(matching, keys, address) {
        Truth::Practically(true) if usual.is_empty() => Truth::Depends,
        truth => truth,
    }
}

fn compared(matching: Matching, keys: &[Text], address: bool) -> Truth {
    match constants(keys) {
        None => Truth::Unforeseen,
        Some(keys)
            if keys
                .iter()
                .any(|key| is_catch_all(matching.kind, key, address)) =>
        {
            Truth::Practically(true)
        }
        Some(_) => Truth::Depends,
    }
}

/// Our own items tell something of the message, and so do the addresses of the connection; all
/// others tell of the server.
fn environment(matching: Matching, name: &Text, keys: &[Text]) -> Truth {
    let (Some(name), Some(values)) = (name.constant(), constants(keys)) else {
        return Truth::Unforeseen;
    };
    let name = name.to_ascii_lowercase();
    let is_fact = item::FACTS.iter().any(|(fact, ..)| *fact == name);
    if is_fact && matching.kind == MatchKind::Is {
        let both = ["true", "false"].map(|value| values.iter().any(|one| one == value));
        return if both == [true, true] {
            Truth::Practically(true)
        } else {
            Truth::Depends
        };
    }
    let of_message = [
        item::PRIORITY,
        item::LARGEST_ATTACHMENT,
        item::HEADERS,
        item::SENDING_IP,
        item::REMOTE_IP,
    ];
    if is_fact || of_message.contains(&name.as_str()) {
        compared(matching, keys, name == item::HEADERS)
    } else {
        Truth::Unforeseen
    }
}

fn constants(texts: &[Text]) -> Option<Vec<String>> {
    texts.iter().map(Text::constant).collect()
}
