//! What makes a rule suspicious: traits with points, names that hide, words that thieves look for.

use sieve::Script;
use sieve::ast::{Block, BodyTransform, CommandKind, Piece, Test, TestKind, Text, Unique};
use types::SEPARATOR;

/// The score at which a rule is held.
pub(super) const HOLD_SCORE: u32 = 6;
/// Bits of entropy of a name up to which it says nothing.
const ENTROPY_MAX_BITS: f64 = 2.0;

/// Words in which people who hide something are interested, in small letters; each is looked for
/// at the beginning of a word.
const KEYWORDS: [&str; 32] = [
    "phish",
    "hack",
    "alert",
    "malware",
    "security",
    "invoice",
    "payment",
    "wire",
    "transfer",
    "fraud",
    "reset",
    "unusual",
    "protection",
    "login",
    "suspicious",
    "bank",
    "docusign",
    "scam",
    "compromise",
    "password",
    "helpdesk",
    "w2",
    "mfa",
    "confidential",
    "tucows",
    "opensrs",
    "godaddy",
    "namecheap",
    "icann",
    "domain expir",
    "renewal",
    "whois",
];

/// Folders in which nobody looks, in small letters.
const HIDING_FOLDERS: [&str; 10] = [
    "rss",
    "rss feeds",
    "archive",
    "conversation history",
    "junk",
    "notes",
    "deleted",
    "deleted items",
    "trash",
    "\\junk",
];

/// Something about a change that adds to its risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Trait {
    /// Mail goes to an address outside that nobody has approved.
    Outside,
    /// A target looks like an own domain.
    Confusable,
    /// Mail is deleted.
    Destroys,
    /// There is no condition, or one that counts as always true.
    Unconditional,
    /// Everybody is answered, or a field is changed that says from whom mail is.
    Impersonates,
    /// The name of a folder is computed.
    ComputedFolder,
    /// Mail is sent on and nobody here keeps it.
    KeepsNoCopy,
    /// Mail is moved to where nobody looks.
    HidingFolder,
    /// The name says nothing.
    OddName,
    /// A condition or the name has a word that thieves look for.
    Keyword,
    /// Mail is marked as read.
    MarksRead,
    /// Later rules do not see the mail.
    Stops,
}

impl Trait {
    pub(super) fn points(self) -> u32 {
        match self {
            Self::Outside | Self::Confusable => 4,
            Self::Destroys | Self::Unconditional | Self::Impersonates | Self::ComputedFolder => 3,
            Self::KeepsNoCopy | Self::HidingFolder | Self::OddName | Self::Keyword => 2,
            Self::MarksRead | Self::Stops => 1,
        }
    }
}

/// Whether a folder is one where nobody looks, or lies in one.
pub(super) fn hides(folder: &str) -> bool {
    let folder = folder.to_lowercase();
    let mut levels = folder.split(SEPARATOR);
    levels.any(|level| HIDING_FOLDERS.contains(&level))
}

/// Whether a name is too short, or says too little, to be told from others.
pub(super) fn is_odd_name(name: &str) -> bool {
    name.chars().count() <= 3 || !name.chars().any(char::is_alphanumeric) || {
        entropy_bits(name) <= ENTROPY_MAX_BITS
    }
}

/// Whether a name is what intruders call their rules: a dot, two dots, a letter.
pub(super) fn is_intruders_name(name: &str) -> bool {
    name.chars().count() <= 2 || !name.chars().any(char::is_alphanumeric)
}

/// Bits of entropy of each character (Shannon).
fn entropy_bits(text: &str) -> f64 {
    let mut chars: Vec<char> = text.chars().collect();
    chars.sort_unstable();
    let all = f64::from(u32::try_from(chars.len()).unwrap_or(u32::MAX));
    let bits = chars.chunk_by(|a, b| a == b).map(|same| {
        let share = f64::from(u32::try_from(same.len()).unwrap_or(u32::MAX)) / all;
        -share * share.log2()
    });
    bits.sum()
}

/// Whether a text has one of the keywords.
pub(super) fn has_keyword(text: &str) -> bool {
    let text = text.to_lowercase();
    KEYWORDS.iter().any(|keyword| {
        let mut found = text.match_indices(keyword);
        found.any(|(at, _)| !text[..at].ends_with(char::is_alphanumeric))
    })
}

/// Whether a condition of the script asks for one of the keywords.
pub(super) fn asks_for_keyword(script: &Script) -> bool {
    block_asks(&script.block)
}

fn block_asks(block: &Block) -> bool {
    block.iter().any(|command| match &command.kind {
        CommandKind::If { arms, otherwise } => {
            let mut arms = arms.iter();
            arms.any(|(test, block)| test_asks(test) || block_asks(block))
                || otherwise.as_ref().is_some_and(block_asks)
        }
        CommandKind::ForEveryPart { block, .. } => block_asks(block),
        // A condition may compare with what was set.
        CommandKind::Set { value, .. } => texts_ask(std::slice::from_ref(value)),
        _ => false,
    })
}

fn test_asks(test: &Test) -> bool {
    match &test.kind {
        TestKind::Not(test) => test_asks(test),
        TestKind::AllOf(tests) | TestKind::AnyOf(tests) => tests.iter().any(test_asks),
        TestKind::Address { keys, .. }
        | TestKind::Envelope { keys, .. }
        | TestKind::Header { keys, .. }
        | TestKind::CurrentDate { keys, .. }
        | TestKind::Date { keys, .. }
        | TestKind::NotifyMethodCapability { keys, .. }
        | TestKind::Environment { keys, .. } => texts_ask(keys),
        TestKind::Body {
            keys, transform, ..
        } => {
            let types = match transform {
                BodyTransform::Content(types) => types.as_slice(),
                BodyTransform::Raw | BodyTransform::Text => &[],
            };
            texts_ask(keys) || texts_ask(types)
        }
        TestKind::String { keys, source, .. } => texts_ask(keys) || texts_ask(source),
        TestKind::Exists { headers, .. } => texts_ask(headers),
        TestKind::HasFlag { flags, .. } => texts_ask(flags),
        TestKind::Duplicate { unique, .. } => match unique {
            Unique::Header(text) | Unique::Id(text) => texts_ask(std::slice::from_ref(text)),
            Unique::MessageId => false,
        },
        TestKind::True
        | TestKind::False
        | TestKind::Size { .. }
        | TestKind::MailboxExists(_)
        | TestKind::SpecialUseExists { .. }
        | TestKind::SpamTest { .. }
        | TestKind::VirusTest { .. }
        | TestKind::Ihave(_)
        | TestKind::ValidNotifyMethod(_) => false,
    }
}

fn texts_ask(texts: &[Text]) -> bool {
    let literal = |text: &Text| -> String {
        let pieces = text.0.iter().map(|piece| match piece {
            Piece::Literal(text) => text.as_str(),
            Piece::Variable(_) | Piece::Match(_) => " ",
        });
        pieces.collect()
    };
    texts.iter().any(|text| has_keyword(&literal(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_nothing_are_odd() {
        for (name, odd, intruders) in [
            (".", true, true),
            ("..;", true, true),
            ("a", true, true),
            ("abc", true, false),
            ("aaaaaaaa", true, false),
            ("Newsletters", false, false),
            ("Käse 2026", false, false),
        ] {
            assert_eq!(is_odd_name(name), odd, "{name}");
            assert_eq!(is_intruders_name(name), intruders, "{name}");
        }
    }

    #[test]
    fn keywords_stand_at_the_beginning_of_words() {
        for (text, has) in [
            ("Phishing", true),
            ("your Domain expires", true),
            ("re: TUCOWS notice", true),
            ("embankment", false),
            ("Checkout Notice", false),
            ("", false),
        ] {
            assert_eq!(has_keyword(text), has, "{text}");
        }
    }

    #[test]
    fn folders_hide_and_so_does_what_lies_in_them() {
        for (folder, hiding) in [
            ("RSS Feeds", true),
            ("INBOX/Archive", true),
            ("Conversation History", true),
            ("Projects", false),
            ("Archive/2026", true),
            ("Archived", false),
        ] {
            assert_eq!(hides(folder), hiding, "{folder}");
        }
    }
}
