//! Tests with their arguments.

use super::Parser;
use super::arguments::Arguments;
use super::command::COMMANDS;
use super::tags::{FieldTags, MatchTags, choose, take_zone};
use super::tree::Node;
use crate::ast::{
    AddressPart, BodyTransform, DatePart, Matching, Test, TestKind, Text, Unique, Zone,
};
use crate::keyword::Word;
use crate::problem::{Problem, nearest, shown};
use crate::text::variable_name;

/// The words of all tests.
pub(super) const TESTS: &[&str] = &[
    "address",
    "allof",
    "anyof",
    "body",
    "currentdate",
    "date",
    "duplicate",
    "envelope",
    "environment",
    "exists",
    "false",
    "hasflag",
    "header",
    "ihave",
    "mailboxexists",
    "not",
    "notify_method_capability",
    "size",
    "spamtest",
    "specialuse_exists",
    "string",
    "true",
    "valid_notify_method",
    "virustest",
];

const MATCH: &[&str] = &[
    "comparator",
    "is",
    "contains",
    "matches",
    "regex",
    "value",
    "count",
];
const ADDRESS: &[&str] = &[
    "comparator",
    "is",
    "contains",
    "matches",
    "regex",
    "value",
    "count",
    "all",
    "localpart",
    "domain",
    "user",
    "detail",
    "index",
    "last",
    "mime",
    "anychild",
];
const HEADER: &[&str] = &[
    "comparator",
    "is",
    "contains",
    "matches",
    "regex",
    "value",
    "count",
    "index",
    "last",
    "mime",
    "anychild",
    "type",
    "subtype",
    "contenttype",
    "param",
];
const BODY: &[&str] = &[
    "comparator",
    "is",
    "contains",
    "matches",
    "regex",
    "value",
    "count",
    "raw",
    "content",
    "text",
];
const DATE: &[&str] = &[
    "comparator",
    "is",
    "contains",
    "matches",
    "regex",
    "value",
    "count",
    "index",
    "last",
    "zone",
    "originalzone",
];
const SPAM: &[&str] = &[
    "comparator",
    "is",
    "contains",
    "matches",
    "regex",
    "value",
    "count",
    "percent",
];

const HEADERS: &str = "names of header fields";
const KEYS: &str = "a text to compare with";

impl Parser {
    /// A test. What was wrong in it is noted; `None`: so much that nothing is left of it.
    pub(super) fn test(&mut self, node: &Node) -> Option<Test> {
        let at = node.at;
        match self.test_kind(node) {
            Ok(Some(kind)) => Some(Test { at, kind }),
            Ok(None) => None,
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    fn test_kind(&mut self, node: &Node) -> Result<Option<TestKind>, Problem> {
        let args = |known| Arguments::new(node, self.reading, known);
        match node.name.as_str() {
            "not" | "allof" | "anyof" => return self.combined(node),
            "true" => args(&[]).end().map(|()| TestKind::True),
            "false" => args(&[]).end().map(|()| TestKind::False),
            "address" | "envelope" => address(args(ADDRESS)),
            "header" => header(args(HEADER)),
            "exists" => exists(args(&["mime", "anychild"])),
            "size" => size(args(&["over", "under"])),
            "body" => body(args(BODY)),
            "hasflag" => has_flag(args(MATCH)),
            "string" => string(args(MATCH)),
            "date" | "currentdate" => date(args(DATE)),
            "environment" => environment(args(MATCH)),
            "mailboxexists" => texts(args(&[]), "names of folders").map(TestKind::MailboxExists),
            "specialuse_exists" => special_use_exists(args(&[])),
            "spamtest" => spam_test(args(SPAM)),
            "virustest" => virus_test(args(MATCH)),
            "ihave" => texts(args(&[]), "names of extensions").map(TestKind::Ihave),
            "valid_notify_method" => {
                texts(args(&[]), "addresses as URIs").map(TestKind::ValidNotifyMethod)
            }
            "notify_method_capability" => notify_capability(args(MATCH)),
            "duplicate" => duplicate(args(&["handle", "header", "uniqueid", "seconds", "last"])),
            _ => Err(unknown(node)),
        }
        .map(Some)
    }

    /// `not`, `allof`, `anyof` (RFC 5228 §5.2, §5.3, §5.8).
    fn combined(&mut self, node: &Node) -> Result<Option<TestKind>, Problem> {
        let name = node.name.as_str();
        Arguments::new(node, self.reading, &[]).end_of_arguments()?;
        let is_list = name != "not";
        if node.tests.is_empty() || node.listed != is_list {
            let words = match is_list {
                true => format!("`{name}` needs tests in parentheses: `{name} (true, false)`"),
                false => "`not` needs one test, without parentheses around it".to_owned(),
            };
            return Err(Problem::new(node.end, words));
        }
        let mut tests = Vec::with_capacity(node.tests.len());
        for test in &node.tests {
            let test = self.test(test);
            let decided = test.as_ref().is_some_and(|test| match name {
                "allof" => self.requires.never(test),
                _ => is_list && self.requires.always(test),
            });
            tests.push(test);
            if decided {
                break;
            }
        }
        let whole: Option<Vec<Test>> = tests.into_iter().collect();
        Ok(whole.and_then(|mut tests| match name {
            "allof" => Some(TestKind::AllOf(tests)),
            "anyof" => Some(TestKind::AnyOf(tests)),
            _ => tests.pop().map(|test| TestKind::Not(Box::new(test))),
        }))
    }
}

fn unknown(node: &Node) -> Problem {
    let name = shown(&node.name);
    let words = if COMMANDS.contains(&node.name.as_str()) {
        format!("a test is wanted here; `{name}` is a command")
    } else if let Some(meant) = nearest(&node.name, TESTS) {
        format!("there is no test `{name}`; is `{meant}` meant?")
    } else {
        format!("there is no test `{name}`")
    };
    Problem::new(node.at, words)
}

/// Tests that take a match type and nothing else before their texts.
fn matching(args: &mut Arguments<'_>) -> Result<Matching, Problem> {
    let mut tags = MatchTags::default();
    while let Some(tag) = args.tag()? {
        if !tags.take(tag, args)? {
            return Err(args.unknown(tag));
        }
    }
    Ok(tags.matching())
}

fn texts(mut args: Arguments<'_>, what: &str) -> Result<Vec<Text>, Problem> {
    if let Some(tag) = args.tag()? {
        return Err(args.unknown(tag));
    }
    let texts = args.texts(what)?;
    args.end()?;
    Ok(texts)
}

/// `address` (RFC 5228 §5.1) and `envelope` (RFC 5228 §5.4).
fn address(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    let envelope = args.node.name == "envelope";
    let (mut tags, mut fields, mut part) = (MatchTags::default(), FieldTags::default(), None);
    while let Some(tag) = args.tag()? {
        if let Some(chosen) = AddressPart::read(tag.name) {
            choose(&mut part, chosen, tag)?;
        } else if !tags.take(tag, &mut args)? && (envelope || !fields.take(tag, &mut args)?) {
            return Err(args.unknown(tag));
        }
    }
    let what = if envelope {
        "\"from\" or \"to\""
    } else {
        HEADERS
    };
    let headers = args.texts(what)?;
    let keys = args.texts(KEYS)?;
    args.end()?;
    let (part, matching) = (part.unwrap_or_default(), tags.matching());
    if envelope {
        return Ok(TestKind::Envelope {
            part,
            matching,
            parts: headers,
            keys,
        });
    }
    Ok(TestKind::Address {
        part,
        fields: fields.fields()?,
        matching,
        headers,
        keys,
    })
}

fn header(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    let (mut tags, mut fields) = (MatchTags::default(), FieldTags::default());
    while let Some(tag) = args.tag()? {
        if !tags.take(tag, &mut args)?
            && !fields.take(tag, &mut args)?
            && !fields.take_of(tag, &mut args)?
        {
            return Err(args.unknown(tag));
        }
    }
    let headers = args.texts(HEADERS)?;
    let keys = args.texts(KEYS)?;
    args.end()?;
    Ok(TestKind::Header {
        fields: fields.fields()?,
        matching: tags.matching(),
        headers,
        keys,
    })
}

fn exists(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    let mut fields = FieldTags::default();
    while let Some(tag) = args.tag()? {
        let fits = matches!(tag.name, "mime" | "anychild");
        if !fits || !fields.take(tag, &mut args)? {
            return Err(args.unknown(tag));
        }
    }
    let headers = args.texts(HEADERS)?;
    args.end()?;
    let fields = fields.fields()?;
    Ok(TestKind::Exists { fields, headers })
}

fn size(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    let over = match args.tag()? {
        Some(tag) if tag.name == "over" => true,
        Some(tag) if tag.name == "under" => false,
        Some(tag) => return Err(args.unknown(tag)),
        None => {
            let words = "`size` needs `:over` or `:under`, as in `size :over 1M`";
            return Err(Problem::new(args.node.at, words));
        }
    };
    let (octets, _) = args.number("a number, such as 100K")?;
    args.end()?;
    Ok(TestKind::Size { over, octets })
}

/// RFC 5173
fn body(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    let (mut tags, mut transform) = (MatchTags::default(), None);
    while let Some(tag) = args.tag()? {
        let chosen = match tag.name {
            "raw" => BodyTransform::Raw,
            "text" => BodyTransform::Text,
            "content" => BodyTransform::Content(args.texts("media types behind `:content`")?),
            _ if tags.take(tag, &mut args)? => continue,
            _ => return Err(args.unknown(tag)),
        };
        choose(&mut transform, chosen, tag)?;
    }
    let keys = args.texts(KEYS)?;
    args.end()?;
    Ok(TestKind::Body {
        transform: transform.unwrap_or_default(),
        matching: tags.matching(),
        keys,
    })
}

/// RFC 5232 §4
fn has_flag(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    let matching = matching(&mut args)?;
    let mut variables = Vec::new();
    if args.left() > 1 {
        let (names, at) = args.constants("names of variables")?;
        for name in names {
            variables.push(variable_name(&name, at)?);
        }
    }
    let flags = args.texts("flags")?;
    args.end()?;
    Ok(TestKind::HasFlag {
        variables,
        matching,
        flags,
    })
}

/// RFC 5229 §5
fn string(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    let matching = matching(&mut args)?;
    let source = args.texts("a text to look at")?;
    let keys = args.texts(KEYS)?;
    args.end()?;
    Ok(TestKind::String {
        matching,
        source,
        keys,
    })
}

/// `date` (RFC 5260 §4) and `currentdate` (RFC 5260 §5).
fn date(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    let current = args.node.name == "currentdate";
    let (mut tags, mut fields, mut zone) = (MatchTags::default(), FieldTags::default(), None);
    while let Some(tag) = args.tag()? {
        let of_header = matches!(tag.name, "index" | "last" | "originalzone");
        if (current && of_header) || matches!(tag.name, "mime" | "anychild") {
            return Err(args.unknown(tag));
        }
        if !tags.take(tag, &mut args)?
            && !take_zone(&mut zone, tag, &mut args)?
            && !fields.take(tag, &mut args)?
        {
            return Err(args.unknown(tag));
        }
    }
    let (zone, matching): (Zone, _) = (zone.unwrap_or_default(), tags.matching());
    if current {
        let part = date_part(&mut args)?;
        let keys = args.texts(KEYS)?;
        args.end()?;
        return Ok(TestKind::CurrentDate {
            zone,
            matching,
            part,
            keys,
        });
    }
    let header = args.text("the name of a header field")?;
    let part = date_part(&mut args)?;
    let keys = args.texts(KEYS)?;
    args.end()?;
    Ok(TestKind::Date {
        index: fields.fields()?.index,
        zone,
        matching,
        header,
        part,
        keys,
    })
}

/// RFC 5260 §4.2
fn date_part(args: &mut Arguments<'_>) -> Result<DatePart, Problem> {
    let (name, at) = args.constant("a part of a date, such as \"weekday\"")?;
    DatePart::read(&name.to_ascii_lowercase()).ok_or_else(|| {
        let (name, parts) = (shown(&name), DatePart::list());
        let words = format!("a date has no part \"{name}\"; its parts are {parts}");
        Problem::new(at, words)
    })
}

/// RFC 5183
fn environment(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    let matching = matching(&mut args)?;
    let name = args.text("the name of an item")?;
    let keys = args.texts(KEYS)?;
    args.end()?;
    Ok(TestKind::Environment {
        matching,
        name,
        keys,
    })
}

/// RFC 8579 §3
fn special_use_exists(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    if let Some(tag) = args.tag()? {
        return Err(args.unknown(tag));
    }
    let mailbox = match args.left() {
        0 | 1 => None,
        _ => Some(args.text("the name of a folder")?),
    };
    let uses = args.texts("special uses, such as \"\\\\Junk\"")?;
    args.end()?;
    Ok(TestKind::SpecialUseExists { mailbox, uses })
}

/// RFC 5235 §2
fn spam_test(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    let (mut tags, mut percent) = (MatchTags::default(), false);
    while let Some(tag) = args.tag()? {
        if tag.name == "percent" {
            percent = true;
        } else if !tags.take(tag, &mut args)? {
            return Err(args.unknown(tag));
        }
    }
    let value = args.text("a value, such as \"5\"")?;
    args.end()?;
    Ok(TestKind::SpamTest {
        percent,
        matching: tags.matching(),
        value,
    })
}

/// RFC 5235 §3
fn virus_test(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    let matching = matching(&mut args)?;
    let value = args.text("a value, such as \"5\"")?;
    args.end()?;
    Ok(TestKind::VirusTest { matching, value })
}

/// RFC 5435 §5
fn notify_capability(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    let matching = matching(&mut args)?;
    let uri = args.text("an address as URI")?;
    let capability = args.text("a capability, such as \"online\"")?;
    let keys = args.texts(KEYS)?;
    args.end()?;
    Ok(TestKind::NotifyMethodCapability {
        matching,
        uri,
        capability,
        keys,
    })
}

/// RFC 7352 §3
fn duplicate(mut args: Arguments<'_>) -> Result<TestKind, Problem> {
    let (mut handle, mut unique, mut seconds, mut last) = (None, None, None, false);
    while let Some(tag) = args.tag()? {
        match tag.name {
            "handle" => handle = Some(args.text("a text behind `:handle`")?),
            "seconds" => seconds = Some(args.number("a number behind `:seconds`")?.0),
            "last" => last = true,
            "header" => {
                let header = args.text("the name of a header field behind `:header`")?;
                choose(&mut unique, Unique::Header(header), tag)?;
            }
            "uniqueid" => {
                let id = args.text("a text behind `:uniqueid`")?;
                choose(&mut unique, Unique::Id(id), tag)?;
            }
            _ => return Err(args.unknown(tag)),
        }
    }
    args.end()?;
    Ok(TestKind::Duplicate {
        handle,
        unique: unique.unwrap_or_default(),
        seconds,
        last,
    })
}
