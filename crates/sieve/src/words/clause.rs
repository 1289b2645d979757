//! Words for one test.

use crate::ast::{
    AddressPart, BodyTransform, DatePart, Fields, MatchKind, Matching, Mime, MimeOf, Piece,
    Relation, Test, TestKind, Text,
};
use crate::day::Day;
use crate::item;
use crate::words::{listed, quoted, value, values};

const KIB: u64 = 1024;
const MIB: u64 = KIB * KIB;

/// A test in words.
pub(super) enum Said {
    /// A subject is compared with values.
    Clause(Clause),
    /// Something else.
    Phrase {
        /// The words where the test holds.
        yes: String,
        /// The words where it does not.
        no: String,
    },
}

/// `the subject` `contains` `"tucows"`.
pub(super) struct Clause {
    subject: Subject,
    /// The verb where it holds, and where it does not.
    verb: (&'static str, &'static str),
    values: String,
}

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Subject {
    /// Some of them: `an address in To`.
    some: String,
    /// None of them, where there may be several: `no address in To`.
    none: Option<String>,
}

impl Subject {
    fn one(some: impl Into<String>) -> Self {
        Self {
            some: some.into(),
            none: None,
        }
    }
}

impl Clause {
    fn said(subject: Subject, matching: Matching, values: String) -> Said {
        let subject = match matching.kind {
            MatchKind::Count(_) => {
                Subject::one(format!("the number of values of {}", subject.some))
            }
            _ => subject,
        };
        let verb = verb(matching.kind);
        Said::Clause(Self {
            subject,
            verb,
            values,
        })
    }

    /// The words where it holds or where it does not.
    pub(super) fn say(&self, holds: bool) -> String {
        let Subject { some, none } = &self.subject;
        let (yes, no) = self.verb;
        let values = &self.values;
        match none {
            _ if holds => format!("{some} {yes} {values}"),
            Some(none) => format!("{none} {yes} {values}"),
            None => format!("{some} {no} {values}"),
        }
    }
}

/// Tests of which any may hold and which differ only in what they look at, as one.
pub(super) fn merged(tests: &[Test]) -> Option<Clause> {
    let mut subjects: Vec<Subject> = Vec::new();
    let mut like: Option<Clause> = None;
    for test in tests {
        let Said::Clause(clause) = said(&test.kind) else {
            return None;
        };
        match &like {
            Some(like) if (like.verb, &like.values) != (clause.verb, &clause.values) => {
                return None;
            }
            _ => {}
        }
        if !subjects.contains(&clause.subject) {
            subjects.push(clause.subject.clone());
        }
        like = Some(clause);
    }
    let like = like?;
    let subject = if let [subject] = subjects.as_slice() {
        subject.clone()
    } else {
        let some: Vec<_> = subjects
            .iter()
            .map(|subject| subject.some.clone())
            .collect();
        let none = format!("neither {}", some.join(" nor "));
        Subject {
            some: listed(&some, "or"),
            none: Some(none),
        }
    };
    Some(Clause { subject, ..like })
}

/// The test in words. Groups are the business of the module above; `true` and `false` are the words
/// of a group without tests.
pub(super) fn said(test: &TestKind) -> Said {
    match test {
        TestKind::True => phrase("always", "never"),
        TestKind::False => phrase("never", "always"),
        TestKind::Not(_) | TestKind::AllOf(_) | TestKind::AnyOf(_) => {
            phrase("several conditions hold", "several conditions do not hold")
        }
        TestKind::Exists { fields, headers } => exists(fields, headers),
        TestKind::Size { over, octets } => {
            let than = if *over { "larger than" } else { "smaller than" };
            let size = size(*octets);
            phrase(
                format!("the message is {than} {size}"),
                format!("the message is not {than} {size}"),
            )
        }
        TestKind::MailboxExists(names) => {
            let names = values(names);
            phrase(
                format!("the folder {names} exists"),
                format!("the folder {names} does not exist"),
            )
        }
        TestKind::SpecialUseExists { uses, .. } => {
            let uses = values(uses);
            phrase(
                format!("a folder for {uses} exists"),
                format!("no folder for {uses} exists"),
            )
        }
        TestKind::Ihave(names) => {
            let names = values(names);
            phrase(
                format!("the server knows {names}"),
                format!("the server does not know {names}"),
            )
        }
        TestKind::ValidNotifyMethod(uris) => {
            let uris = values(uris);
            phrase(
                format!("{uris} can be notified"),
                format!("{uris} cannot be notified"),
            )
        }
        TestKind::Duplicate { .. } => phrase(
            "the same message came before",
            "the same message did not come before",
        ),
        compared => comparison(compared),
    }
}

fn phrase(yes: impl Into<String>, no: impl Into<String>) -> Said {
    let (yes, no) = (yes.into(), no.into());
    Said::Phrase { yes, no }
}

/// Tests that compare something with keys.
// long: a row for each test
fn comparison(test: &TestKind) -> Said {
    let (subject, matching, keys) = match test {
        TestKind::Address {
            part,
            fields,
            matching,
            headers,
            keys,
        } => (address(*part, fields, headers), matching, values(keys)),
        TestKind::Envelope {
            part,
            matching,
            parts,
            keys,
        } => (envelope(*part, parts), matching, values(keys)),
        TestKind::Header {
            fields,
            matching,
            headers,
            keys,
        } => (header(fields, headers), matching, values(keys)),
        TestKind::Body {
            transform,
            matching,
            keys,
        } => (body(transform), matching, values(keys)),
        TestKind::HasFlag {
            variables,
            matching,
            flags,
        } => (flags_of(variables), matching, values(flags)),
        TestKind::String {
            matching,
            source,
            keys,
        } => (strings(source), matching, values(keys)),
        TestKind::Date {
            matching,
            header,
            part,
            keys,
            ..
        } => {
            let field = field(header);
            let subject = format!("{} in {field}", date_part(*part));
            (Subject::one(subject), matching, values(keys))
        }
        TestKind::CurrentDate {
            matching,
            part,
            keys,
            ..
        } => return current_date(*matching, *part, keys),
        TestKind::Environment {
            matching,
            name,
            keys,
        } => return environment(*matching, name, keys),
        TestKind::SpamTest {
            percent,
            matching,
            value,
        } => {
            let scale = if *percent { 100 } else { 10 };
            (
                Subject::one("the spam score"),
                matching,
                score(value, scale),
            )
        }
        TestKind::VirusTest { matching, value } => {
            (Subject::one("the virus verdict"), matching, score(value, 5))
        }
        TestKind::NotifyMethodCapability {
            matching,
            uri,
            capability,
            keys,
        } => {
            let subject = format!("the property {} of {}", value(capability), value(uri));
            (Subject::one(subject), matching, values(keys))
        }
        // All others are phrases.
        _ => return phrase("a condition holds", "a condition does not hold"),
    };
    Clause::said(subject, *matching, keys)
}

fn verb(kind: MatchKind) -> (&'static str, &'static str) {
    match kind {
        MatchKind::Is => ("is", "is not"),
        MatchKind::Contains => ("contains", "does not contain"),
        MatchKind::Matches => ("is like", "is not like"),
        MatchKind::Regex => ("fits the pattern", "does not fit the pattern"),
        MatchKind::Value(relation) | MatchKind::Count(relation) => match relation {
            Relation::Gt => ("is more than", "is not more than"),
            Relation::Ge => ("is at least", "is less than"),
            Relation::Lt => ("is less than", "is at least"),
            Relation::Le => ("is at most", "is more than"),
            Relation::Eq => ("is", "is not"),
            Relation::Ne => ("differs from", "does not differ from"),
        },
    }
}

/// `From`: the usual spelling of a usual field; others in quotes.
fn label(name: &Text) -> String {
    const USUAL: [&str; 12] = [
        "Bcc",
        "Cc",
        "Content-Disposition",
        "Content-Type",
        "Date",
        "From",
        "List-Id",
        "Message-ID",
        "Reply-To",
        "Sender",
        "Subject",
        "To",
    ];
    match name.constant() {
        Some(name) => match USUAL.iter().find(|usual| usual.eq_ignore_ascii_case(&name)) {
            Some(usual) => (*usual).to_owned(),
            None => quoted(&name),
        },
        None => "of a computed name".to_owned(),
    }
}

fn labels(names: &[Text], word: &str) -> String {
    let labels: Vec<_> = names.iter().map(label).collect();
    listed(&labels, word)
}

fn is_field(name: &Text, field: &str) -> bool {
    let is = |name: String| name.eq_ignore_ascii_case(field);
    name.constant().is_some_and(is)
}

/// `the subject`, `the field From`.
fn field(name: &Text) -> String {
    if is_field(name, "subject") {
        "the subject".to_owned()
    } else {
        format!("the field {}", label(name))
    }
}

fn header(fields: &Fields, headers: &[Text]) -> Subject {
    if let Some(Mime { any_child, of }) = &fields.mime {
        return mime(*any_child, of, headers);
    }
    let names: Vec<_> = headers.iter().map(field).collect();
    Subject::one(format!("{}{}", listed(&names, "or"), place(fields)))
}

/// Which one of several fields of a name.
fn place(fields: &Fields) -> String {
    match fields.index {
        None => String::new(),
        Some(index) if index.last => format!(" (number {} from the end)", index.number),
        Some(index) => format!(" (number {})", index.number),
    }
}

fn mime(any_child: bool, of: &MimeOf, headers: &[Text]) -> Subject {
    let is_name = |field, parameter| match (headers, of) {
        ([header], MimeOf::Param(names)) => {
            is_field(header, field) && names.len() == 1 && is_field(&names[0], parameter)
        }
        _ => false,
    };
    if any_child && (is_name("content-disposition", "filename") || is_name("content-type", "name"))
    {
        return Subject {
            some: "the name of an attachment".to_owned(),
            none: Some("the name of no attachment".to_owned()),
        };
    }
    let what = match of {
        MimeOf::Value => String::new(),
        MimeOf::Type => "the main type in ".to_owned(),
        MimeOf::Subtype => "the subtype in ".to_owned(),
        MimeOf::ContentType => "the media type in ".to_owned(),
        MimeOf::Param(names) => format!("the parameter {} of ", values(names)),
    };
    let field = format!("{what}the field {}", labels(headers, "or"));
    if any_child {
        Subject {
            some: format!("{field} of a part"),
            none: Some(format!("{field} of no part")),
        }
    } else {
        Subject::one(field)
    }
}

fn address(part: AddressPart, fields: &Fields, headers: &[Text]) -> Subject {
    if let ([one], None) = (headers, &fields.mime)
        && is_field(one, "from")
    {
        return part_of(part, &Subject::one("the sender"));
    }
    let fields = format!("{}{}", labels(headers, "or"), place(fields));
    let addresses = Subject {
        some: format!("an address in {fields}"),
        none: Some(format!("no address in {fields}")),
    };
    part_of(part, &addresses)
}

fn envelope(part: AddressPart, parts: &[Text]) -> Subject {
    let names = parts.iter().map(|name| match name.constant().as_deref() {
        Some("from") => "the envelope sender".to_owned(),
        Some("to") => "the recipient".to_owned(),
        Some("auth") => "the signed-in sender".to_owned(),
        _ => format!("the envelope part {}", value(name)),
    });
    let names: Vec<_> = names.collect();
    part_of(part, &Subject::one(listed(&names, "or")))
}

fn part_of(part: AddressPart, whole: &Subject) -> Subject {
    let name = match part {
        AddressPart::All => return whole.clone(),
        AddressPart::LocalPart => "the part before the @",
        AddressPart::Domain => "the domain",
        AddressPart::User => "the user part",
        AddressPart::Detail => "the detail part",
    };
    let of = |whole: &String| format!("{name} of {whole}");
    Subject {
        some: of(&whole.some),
        none: whole.none.as_ref().map(of),
    }
}

fn exists(fields: &Fields, headers: &[Text]) -> Said {
    let of = match &fields.mime {
        Some(Mime {
            any_child: true, ..
        }) => "a part of the message",
        _ => "the message",
    };
    if let [one] = headers {
        let field = label(one);
        return phrase(
            format!("{of} has the field {field}"),
            format!("{of} has no field {field}"),
        );
    }
    let fields = labels(headers, "and");
    phrase(
        format!("{of} has the fields {fields}"),
        format!("{of} lacks one of the fields {fields}"),
    )
}

/// `3 MiB`, `20 KiB`, `500 octets`.
fn size(octets: u64) -> String {
    match octets {
        0 => "0 octets".to_owned(),
        octets if octets % MIB == 0 => format!("{} MiB", octets / MIB),
        octets if octets % KIB == 0 => format!("{} KiB", octets / KIB),
        octets => format!("{octets} octets"),
    }
}

fn body(transform: &BodyTransform) -> Subject {
    Subject::one(match transform {
        BodyTransform::Text => "the text".to_owned(),
        BodyTransform::Raw => "the body as it came".to_owned(),
        BodyTransform::Content(types) => format!("a part of the type {}", values(types)),
    })
}

fn flags_of(variables: &[String]) -> Subject {
    if variables.is_empty() {
        return Subject::one("the list of flags");
    }
    let names: Vec<_> = variables.iter().map(|name| quoted(name)).collect();
    Subject::one(format!("the variable {}", listed(&names, "or")))
}

fn strings(source: &[Text]) -> Subject {
    let words = source.iter().map(|text| match text.0.as_slice() {
        [Piece::Variable(name)] => format!("the variable {}", quoted(name)),
        [Piece::Match(number)] => format!("what wildcard {number} stood for"),
        _ => value(text),
    });
    let words: Vec<_> = words.collect();
    Subject::one(listed(&words, "or"))
}

fn date_part(part: DatePart) -> &'static str {
    match part {
        DatePart::Year => "the year",
        DatePart::Month => "the month",
        DatePart::Day => "the day of the month",
        DatePart::Date => "the date",
        DatePart::Julian => "the Julian day",
        DatePart::Hour => "the hour",
        DatePart::Minute => "the minute",
        DatePart::Second => "the second",
        DatePart::Time => "the time of day",
        DatePart::Iso8601 | DatePart::Std11 => "date and time",
        DatePart::Zone => "the time zone",
        DatePart::Weekday => "the day of the week (0 is Sunday)",
    }
}

fn current_date(matching: Matching, part: DatePart, keys: &[Text]) -> Said {
    let day = match keys {
        [day] if part == DatePart::Date => day.constant().and_then(|day| day.parse::<Day>().ok()),
        _ => None,
    };
    let words = day.map(Day::words);
    match (matching.kind, words) {
        (MatchKind::Value(Relation::Ge), Some(day)) => phrase(
            format!("it comes from {day} on"),
            format!("it comes before {day}"),
        ),
        (MatchKind::Value(Relation::Le), Some(day)) => phrase(
            format!("it comes until {day}"),
            format!("it comes after {day}"),
        ),
        (MatchKind::Value(Relation::Gt), Some(day)) => phrase(
            format!("it comes after {day}"),
            format!("it comes until {day}"),
        ),
        (MatchKind::Value(Relation::Lt), Some(day)) => phrase(
            format!("it comes before {day}"),
            format!("it comes from {day} on"),
        ),
        (MatchKind::Is | MatchKind::Value(Relation::Eq), Some(day)) => phrase(
            format!("it comes on {day}"),
            format!("it does not come on {day}"),
        ),
        _ => {
            let subject = Subject::one(format!("{} at that moment", date_part(part)));
            Clause::said(subject, matching, values(keys))
        }
    }
}

fn environment(matching: Matching, name: &Text, keys: &[Text]) -> Said {
    let item = name.constant().unwrap_or_default().to_ascii_lowercase();
    let key = match keys {
        [key] => key.constant(),
        _ => None,
    };
    let fact = item::FACTS.iter().find(|(name, ..)| *name == item);
    if let (Some((_, yes, no)), MatchKind::Is) = (fact, matching.kind) {
        match key.as_deref() {
            Some("true") => return phrase(*yes, *no),
            Some("false") => return phrase(*no, *yes),
            _ => {}
        }
    }
    let subject = match item.as_str() {
        item::PRIORITY => "the priority".to_owned(),
        item::HEADERS => "the header".to_owned(),
        item::SENDING_IP | item::REMOTE_IP => item::SENDING_SERVER.to_owned(),
        item::LARGEST_ATTACHMENT => "the size of the largest attachment".to_owned(),
        _ => format!("the environment item {}", value(name)),
    };
    let values = match (item.as_str(), key.and_then(|key| key.parse().ok())) {
        (item::LARGEST_ATTACHMENT, Some(octets)) => size(octets),
        _ => values(keys),
    };
    Clause::said(Subject::one(subject), matching, values)
}

fn score(score: &Text, scale: u32) -> String {
    match score.constant().and_then(|score| score.parse::<u32>().ok()) {
        Some(score) => format!("{score} of {scale}"),
        None => value(score),
    }
}
