//! From a form to the script that is executed.

use crate::ast::{
    AddressPart, BodyTransform, Command, CommandKind, Comparator, DatePart, Fields, FileInto,
    FlagChange, MatchKind, Matching, Mime, MimeOf, Piece, Relation, Script, Test, TestKind, Text,
    Vacation, Zone,
};
use crate::extension::required;
use crate::form::{Bound, Compare, Condition, Fact, FormAction, FormRule, Place, Priority};
use crate::item;

/// Seconds of a day.
pub(super) const DAY_S: u64 = 86_400;
/// Fields in which mail programs tell a priority; the first two are written as well as read.
const PRIORITY_FIELDS: [&str; 4] = ["Importance", "X-Priority", "Priority", "X-MSMail-Priority"];

impl FormRule {
    /// The script that the rule is. A rule that [`FormRule::check`] refuses becomes one, too; it does
    /// what it says, but it may not be known again.
    pub fn to_script(&self) -> Script {
        let commands = self.actions.iter().flat_map(FormAction::to_commands);
        let mut block: Vec<_> = commands.map(Command::from).collect();
        if self.stop {
            block.push(CommandKind::Stop.into());
        }
        let tests = self.conditions.iter().map(Condition::to_test).collect();
        if let Some(test) = joined(tests, self.all) {
            let arms = vec![(test, block)];
            let otherwise = None;
            block = vec![CommandKind::If { arms, otherwise }.into()];
        }
        Script {
            require: required(&block),
            block,
        }
    }
}

impl Condition {
    /// The test that the condition is.
    pub(super) fn to_test(&self) -> Test {
        match self {
            Self::Text {
                place,
                compare,
                values,
            } => text_test(*place, *compare, values),
            Self::Fact { fact, holds } => {
                item_is(fact.item(), if *holds { "true" } else { "false" })
            }
            Self::Priority { priority } => item_is(item::PRIORITY, priority.word()),
            Self::Size { bound, octets } => TestKind::Size {
                over: *bound == Bound::Over,
                octets: *octets,
            }
            .into(),
            Self::AttachmentSize { bound, octets } => TestKind::Environment {
                matching: numeric(*bound),
                name: item::LARGEST_ATTACHMENT.into(),
                keys: texts(&[&octets.to_string()]),
            }
            .into(),
            Self::Received { from, until } => {
                let from = from.map(|day| came(Relation::Ge, &day.to_string()));
                let until = until.map(|day| came(Relation::Le, &day.to_string()));
                let mut days: Vec<_> = from.into_iter().chain(until).collect();
                match days.len() {
                    1 => days.remove(0),
                    _ => TestKind::AllOf(days).into(),
                }
            }
            Self::SpamScore { bound, percent } => TestKind::SpamTest {
                percent: true,
                matching: numeric(*bound),
                value: percent.to_string().as_str().into(),
            }
            .into(),
        }
    }
}

impl Fact {
    /// All facts.
    pub(crate) const ALL: [Self; 7] = [
        Self::TrustedSender,
        Self::AuthenticatedSender,
        Self::Automated,
        Self::OnlyToMe,
        Self::MeInTo,
        Self::MeInToOrCc,
        Self::HasAttachment,
    ];

    /// The item of the environment that is `true` or `false` (RFC 5183 §4).
    pub(crate) fn item(self) -> &'static str {
        match self {
            Self::TrustedSender => item::TRUSTED_SENDER,
            Self::AuthenticatedSender => item::AUTHENTICATED_SENDER,
            Self::Automated => item::AUTOMATED,
            Self::OnlyToMe => item::ONLY_TO_ME,
            Self::MeInTo => item::ME_IN_TO,
            Self::MeInToOrCc => item::ME_IN_TO_OR_CC,
            Self::HasAttachment => item::HAS_ATTACHMENT,
        }
    }
}

impl Priority {
    /// All priorities.
    pub(super) const ALL: [Self; 3] = [Self::High, Self::Normal, Self::Low];

    /// What the item of the environment says, and the field Importance.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    /// What the field X-Priority says.
    fn digit(self) -> &'static str {
        match self {
            Self::High => "1",
            Self::Normal => "3",
            Self::Low => "5",
        }
    }
}

/// One test for all conditions; `None` without any.
fn joined(mut tests: Vec<Test>, all: bool) -> Option<Test> {
    match (tests.len(), all) {
        (0, _) => None,
        // A condition may itself be an `anyof` or `allof`, which stands for one condition then.
        (1, true) if !matches!(tests[0].kind, TestKind::AllOf(_) | TestKind::AnyOf(_)) => {
            tests.pop()
        }
        (_, true) => Some(TestKind::AllOf(tests).into()),
        (_, false) => Some(TestKind::AnyOf(tests).into()),
    }
}

fn text_test(place: Place, compare: Compare, values: &[String]) -> Test {
    let kind = match (place, compare) {
        (Place::AttachmentExtension, _) | (_, Compare::Matches | Compare::NotMatches) => {
            MatchKind::Matches
        }
        (_, Compare::Equals | Compare::NotEquals) => MatchKind::Is,
        (_, Compare::Contains | Compare::NotContains) => MatchKind::Contains,
    };
    let keys = values.iter().map(|value| match (place, kind) {
        (Place::AttachmentExtension, _) => format!("*.{value}"),
        // A backslash stands for itself in a form, and quotes in Sieve (RFC 5228 §2.7.1).
        (_, MatchKind::Matches) => value.replace('\\', "\\\\"),
        _ => value.clone(),
    });
    let keys: Vec<_> = keys.map(|key| Text::from(key.as_str())).collect();
    let test = place_test(place, kind.into(), &keys);
    if compare.is_negative() {
        TestKind::Not(Box::new(test)).into()
    } else {
        test
    }
}

impl From<MatchKind> for Matching {
    fn from(kind: MatchKind) -> Self {
        let comparator = Comparator::default();
        Self { comparator, kind }
    }
}

fn place_test(place: Place, matching: Matching, keys: &[Text]) -> Test {
    let address = |part, fields: &[&str]| address(part, fields, matching, keys);
    let header = |field| header(Fields::default(), field, matching, keys);
    let body = || body(matching, keys);
    let known = |name| item_test(name, matching, keys);
    let named = |field, parameter| {
        let fields = Fields {
            index: None,
            mime: Some(Mime {
                any_child: true,
                of: MimeOf::Param(vec![parameter]),
            }),
        };
        self::header(fields, field, matching, keys)
    };
    let disposition = || named("content-disposition", "filename".into());
    let content_type = || named("content-type", "name".into());
    let any = |tests: [Test; 2]| TestKind::AnyOf(tests.into()).into();
    match place {
        Place::FromAddress => address(AddressPart::All, &["from"]),
        Place::FromDomain => address(AddressPart::Domain, &["from"]),
        Place::ToAddress => address(AddressPart::All, &["to"]),
        Place::ToDomain => address(AddressPart::Domain, &["to"]),
        Place::CcAddress => address(AddressPart::All, &["cc"]),
        Place::CcDomain => address(AddressPart::Domain, &["cc"]),
        Place::ToOrCcAddress => address(AddressPart::All, &["to", "cc"]),
        Place::ToOrCcDomain => address(AddressPart::Domain, &["to", "cc"]),
        Place::Subject => header("subject"),
        Place::From => header("from"),
        Place::To => header("to"),
        Place::Body => body(),
        Place::SubjectOrBody => any([header("subject"), body()]),
        Place::Headers => known(item::HEADERS),
        Place::Message => any([known(item::HEADERS), body()]),
        Place::AttachmentName => any([disposition(), content_type()]),
        // The same in the other order, by which the two are told apart when they come back.
        Place::AttachmentExtension => any([content_type(), disposition()]),
        Place::SendingIp => known(item::SENDING_IP),
    }
}

fn texts(texts: &[&str]) -> Vec<Text> {
    texts.iter().map(|text| Text::from(*text)).collect()
}

fn address(part: AddressPart, headers: &[&str], matching: Matching, keys: &[Text]) -> Test {
    TestKind::Address {
        part,
        fields: Fields::default(),
        matching,
        headers: texts(headers),
        keys: keys.to_vec(),
    }
    .into()
}

fn header(fields: Fields, field: &str, matching: Matching, keys: &[Text]) -> Test {
    TestKind::Header {
        fields,
        matching,
        headers: texts(&[field]),
        keys: keys.to_vec(),
    }
    .into()
}

fn body(matching: Matching, keys: &[Text]) -> Test {
    TestKind::Body {
        transform: BodyTransform::Text,
        matching,
        keys: keys.to_vec(),
    }
    .into()
}

fn item_test(name: &str, matching: Matching, keys: &[Text]) -> Test {
    TestKind::Environment {
        matching,
        name: name.into(),
        keys: keys.to_vec(),
    }
    .into()
}

fn item_is(name: &str, value: &str) -> Test {
    item_test(name, MatchKind::Is.into(), &texts(&[value]))
}

fn numeric(bound: Bound) -> Matching {
    let relation = match bound {
        Bound::Over => Relation::Gt,
        Bound::Under => Relation::Lt,
    };
    Matching {
        comparator: Comparator::AsciiNumeric,
        kind: MatchKind::Value(relation),
    }
}

fn came(relation: Relation, day: &str) -> Test {
    TestKind::CurrentDate {
        zone: Zone::Local,
        matching: MatchKind::Value(relation).into(),
        part: DatePart::Date,
        keys: texts(&[day]),
    }
    .into()
}

impl FormAction {
    /// The commands that the action is.
    pub(super) fn to_commands(&self) -> Vec<CommandKind> {
        match self {
            Self::AddHeader { name, value } => vec![add_header(name, value.as_str().into())],
            Self::PrefixSubject { prefix } => vec![prefix_subject(prefix)],
            Self::SetPriority { priority } => set_priority(*priority),
            Self::MarkRead {} => vec![add_flag("\\Seen")],
            Self::Flag {} => vec![add_flag("\\Flagged")],
            Self::Reply {
                subject,
                text,
                days,
            } => {
                let vacation = Vacation {
                    seconds: Some(u64::from(*days) * DAY_S),
                    subject: subject.as_deref().map(Text::from),
                    reason: lines(text),
                    ..Vacation::default()
                };
                vec![CommandKind::Vacation(Box::new(vacation))]
            }
            Self::CopyTo { to } => vec![redirect(&to.to_string(), true)],
            Self::CopyInto { folder } => vec![file(folder, true)],
            Self::MoveTo { folder } => vec![file(folder, false)],
            Self::Redirect { to } => vec![redirect(&to.to_string(), false)],
            Self::Delete {} => vec![CommandKind::Discard],
            Self::Reject { reason } => vec![CommandKind::Reject {
                reason: lines(reason),
                extended: false,
            }],
        }
    }
}

/// A text of several lines, which Sieve ends as mail does (RFC 5228 §2.4.2.1).
fn lines(text: &str) -> Text {
    text.replace('\n', "\r\n").as_str().into()
}

fn add_header(name: &str, value: Text) -> CommandKind {
    CommandKind::AddHeader {
        last: false,
        name: name.into(),
        value,
    }
}

fn delete_header(name: &str) -> CommandKind {
    CommandKind::DeleteHeader {
        index: None,
        matching: Matching::default(),
        name: name.into(),
        patterns: Vec::new(),
    }
}

fn add_flag(flag: &str) -> CommandKind {
    CommandKind::Flag {
        change: FlagChange::Add,
        variable: None,
        flags: texts(&[flag]),
    }
}

fn redirect(address: &str, copy: bool) -> CommandKind {
    let address = address.into();
    CommandKind::Redirect { address, copy }
}

fn file(folder: &str, copy: bool) -> CommandKind {
    CommandKind::FileInto(FileInto {
        mailbox: folder.into(),
        copy,
        create: true,
        ..FileInto::default()
    })
}

/// Takes the subject there is into `${1}` and writes it again behind the prefix; a message without
/// one gets the prefix for its subject.
fn prefix_subject(prefix: &str) -> CommandKind {
    const FIELD: &str = "Subject";
    let any = header(
        Fields::default(),
        FIELD,
        MatchKind::Matches.into(),
        &texts(&["*"]),
    );
    let longer = Text(vec![Piece::Literal(format!("{prefix} ")), Piece::Match(1)]);
    let rewrite = [delete_header(FIELD), add_header(FIELD, longer)];
    CommandKind::If {
        arms: vec![(any, rewrite.map(Command::from).into())],
        otherwise: Some(vec![add_header(FIELD, prefix.into()).into()]),
    }
}

fn set_priority(priority: Priority) -> Vec<CommandKind> {
    let mut commands: Vec<_> = PRIORITY_FIELDS.map(delete_header).into();
    let [importance, x_priority, ..] = PRIORITY_FIELDS;
    commands.push(add_header(importance, priority.word().into()));
    commands.push(add_header(x_priority, priority.digit().into()));
    commands
}
