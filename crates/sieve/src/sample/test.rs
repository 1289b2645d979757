//! Strategies that make tests.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{
    ADDRESSES, FIELDS, FOLDERS, SPECIAL_USES, WORDS, field, flags, index, known, list, one_of,
    text, variable,
};
use crate::ast::{
    AddressPart, BodyTransform, Comparator, DatePart, Fields, MatchKind, Matching, Mime, MimeOf,
    Relation, Test, TestKind, Text, Unique, Zone,
};
use crate::keyword::Word;

const PATTERNS: [&str; 4] = [".*tucows.*", "^(a|b)$", "[[:alpha:]]+", ""];
const ITEMS: [&str; 4] = [
    "name",
    "location",
    "vnd.sealpost.automated",
    "vnd.sealpost.has-attachment",
];

/// All values of a closed choice.
fn any_word<T: Word + std::fmt::Debug>() -> BoxedStrategy<T> {
    let all: Vec<T> = T::ALL.iter().map(|(value, _)| *value).collect();
    select(all).boxed()
}

/// A test, `depth` others within each other at most.
pub(crate) fn test(depth: u32) -> BoxedStrategy<Test> {
    let simple = prop_oneof![6 => common(), 2 => of_the_world(), 1 => rarer()];
    if depth == 0 {
        return simple.prop_map(Test::from).boxed();
    }
    let several = || vec(test(depth - 1), 1..3);
    prop_oneof![
        6 => simple,
        1 => test(depth - 1).prop_map(|test| TestKind::Not(Box::new(test))),
        1 => several().prop_map(TestKind::AllOf),
        1 => several().prop_map(TestKind::AnyOf),
    ]
    .prop_map(Test::from)
    .boxed()
}

/// How something is compared, and keys that fit.
pub(crate) fn comparing() -> BoxedStrategy<(Matching, Vec<Text>)> {
    let keys = || list(known(&WORDS));
    let letters = || select(vec![Comparator::AsciiCasemap, Comparator::Octet]);
    let kind = select(vec![MatchKind::Is, MatchKind::Contains, MatchKind::Matches]);
    let matching = |comparator, kind| Matching { comparator, kind };
    let relation = prop_oneof![
        any_word::<Relation>().prop_map(MatchKind::Value),
        any_word::<Relation>().prop_map(MatchKind::Count),
        Just(MatchKind::Is),
    ];
    let numbers = list(one_of(&["0", "1", "5", "x"]));
    prop_oneof![
        8 => (letters(), kind, keys())
            .prop_map(move |(letters, kind, keys)| (matching(letters, kind), keys)),
        1 => (letters(), list(known(&PATTERNS)))
            .prop_map(move |(letters, keys)| (matching(letters, MatchKind::Regex), keys)),
        1 => (any_word(), relation, numbers)
            .prop_map(move |(comparator, kind, keys)| (matching(comparator, kind), keys)),
    ]
    .boxed()
}

fn fields(of: BoxedStrategy<MimeOf>) -> BoxedStrategy<Fields> {
    let mime = (any::<bool>(), of).prop_map(|(any_child, of)| Mime { any_child, of });
    (index(), option::weighted(0.2, mime))
        .prop_map(|(index, mime)| Fields { index, mime })
        .boxed()
}

fn mime_of() -> BoxedStrategy<MimeOf> {
    prop_oneof![
        Just(MimeOf::Value),
        Just(MimeOf::Type),
        Just(MimeOf::Subtype),
        Just(MimeOf::ContentType),
        list(one_of(&["filename", "name"])).prop_map(MimeOf::Param),
    ]
    .boxed()
}

fn common() -> BoxedStrategy<TestKind> {
    let part = any_word::<AddressPart>;
    let headers = || list(field());
    let plain = || fields(Just(MimeOf::Value).boxed());
    let size = (
        any::<bool>(),
        select(vec![0, 1, 1_000, 1 << 10, 3 << 20, 5 << 30]),
    );
    let transform = prop_oneof![
        Just(BodyTransform::Text),
        Just(BodyTransform::Raw),
        list(one_of(&["text", "text/html", ""])).prop_map(BodyTransform::Content),
    ];
    prop_oneof![
        1 => Just(TestKind::True),
        1 => Just(TestKind::False),
        3 => (part(), plain(), comparing(), headers()).prop_map(
            |(part, fields, (matching, keys), headers)| TestKind::Address {
                part, fields, matching, headers, keys,
            }
        ),
        3 => (part(), comparing(), list(one_of(&["from", "to", "auth"]))).prop_map(
            |(part, (matching, keys), parts)| TestKind::Envelope { part, matching, parts, keys }
        ),
        6 => (fields(mime_of()), comparing(), headers()).prop_map(
            |(fields, (matching, keys), headers)| TestKind::Header {
                fields, matching, headers, keys,
            }
        ),
        1 => (plain(), headers()).prop_map(|(fields, headers)| {
            let fields = Fields { index: None, ..fields };
            TestKind::Exists { fields, headers }
        }),
        1 => size.prop_map(|(over, octets)| TestKind::Size { over, octets }),
        2 => (transform, comparing()).prop_map(|(transform, (matching, keys))| TestKind::Body {
            transform, matching, keys,
        }),
    ]
    .boxed()
}

fn of_the_world() -> BoxedStrategy<TestKind> {
    let offset = (-1_439..1_440_i32).prop_map(Zone::Offset);
    let here = || prop_oneof![Just(Zone::Local), offset.clone()];
    let zone = prop_oneof![here(), Just(Zone::Original)];
    let seconds = option::of(0..1_000_000_u64);
    let unique = prop_oneof![
        Just(Unique::MessageId),
        one_of(&FIELDS).prop_map(Unique::Header),
        text().prop_map(Unique::Id),
    ];
    let date = (index(), zone, comparing(), field(), any_word::<DatePart>());
    let spam = (any::<bool>(), comparing(), one_of(&["0", "5", "100"]));
    prop_oneof![
        date.prop_map(
            |(index, zone, (matching, keys), header, part)| TestKind::Date {
                index,
                zone,
                matching,
                header,
                part,
                keys,
            }
        ),
        (here(), comparing(), any_word::<DatePart>()).prop_map(|(zone, (matching, keys), part)| {
            TestKind::CurrentDate {
                zone,
                matching,
                part,
                keys,
            }
        }),
        (comparing(), one_of(&ITEMS)).prop_map(|((matching, keys), name)| TestKind::Environment {
            matching,
            name,
            keys,
        }),
        list(known(&FOLDERS)).prop_map(TestKind::MailboxExists),
        (option::of(known(&FOLDERS)), list(one_of(&SPECIAL_USES)))
            .prop_map(|(mailbox, uses)| TestKind::SpecialUseExists { mailbox, uses }),
        spam.prop_map(|(percent, (matching, _), value)| TestKind::SpamTest {
            percent,
            matching,
            value,
        }),
        (comparing(), one_of(&["0", "5"]))
            .prop_map(|((matching, _), value)| TestKind::VirusTest { matching, value }),
        (option::of(text()), unique, seconds, any::<bool>()).prop_map(
            |(handle, unique, seconds, last)| TestKind::Duplicate {
                handle,
                unique,
                seconds,
                last
            }
        ),
    ]
    .boxed()
}

fn rarer() -> BoxedStrategy<TestKind> {
    let mailto = one_of(&["mailto:ann@example.org", "xmpp:ann@example.org"]);
    prop_oneof![
        (vec(variable(), 0..2), comparing(), flags()).prop_map(
            |(variables, (matching, _), flags)| match matching.kind {
                // Flags need not be patterns.
                MatchKind::Regex => TestKind::HasFlag {
                    variables,
                    matching: Matching::default(),
                    flags,
                },
                _ => TestKind::HasFlag {
                    variables,
                    matching,
                    flags
                },
            }
        ),
        (comparing(), list(known(&ADDRESSES))).prop_map(|((matching, keys), source)| {
            TestKind::String {
                matching,
                source,
                keys,
            }
        }),
        list(one_of(&["fileinto", "copy", "body"])).prop_map(TestKind::Ihave),
        list(mailto.clone()).prop_map(TestKind::ValidNotifyMethod),
        (comparing(), mailto, one_of(&["online", "x"])).prop_map(
            |((matching, keys), uri, capability)| TestKind::NotifyMethodCapability {
                matching,
                uri,
                capability,
                keys,
            }
        ),
    ]
    .boxed()
}
