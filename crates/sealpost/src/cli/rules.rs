//! `sealpost rules`: what is done to mail, for the server, a domain or an account.

use std::io::{Read as _, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use net::Clock;
use policy::{RuleContent, RuleDirection};
use service::{Command, Expiry, NewRule, RuleAt, RuleSource};
use sieve::form::FormRule;
use types::{Address, Domain, RuleId};

use super::ask::{Beside, Change, Read};
use super::rule_trials::{Run, Test, preview};
use super::rule_words::{action, condition};
use super::values::Span;
use crate::control::protocol::Ask;
use crate::exit::Failure;
use crate::output::Column;

/// Octets of a script that is read from a file.
const SCRIPT_MAX_OCTETS: u64 = 65_536;

const COLUMNS: &[Column] = &[
    Column("RULE", "id"),
    Column("ABOUT", "about"),
    Column("STATE", "state"),
    Column("NAME", "name"),
    Column("DOES", "does"),
    Column("LAST BY", "changed_by"),
    Column("ENTRY", "changed_entry"),
    Column("30 DAYS", "matches_30_days"),
];

/// What can be done with rules.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Rules {
    /// Lists rules in the order in which they run: all, those of the server or of a domain, or with
    /// --account all that touch the mail of that account, also those above it.
    List {
        #[command(flatten)]
        level: Level,
        /// Also those that were removed.
        #[arg(long)]
        removed: bool,
        #[command(flatten)]
        read: Read,
    },
    /// Shows one rule: what it does, who made it, how often it acted, and its script.
    Show {
        /// As `rules list` shows it, such as r_1; also one that was removed.
        rule: RuleId,
        #[command(flatten)]
        read: Read,
    },
    /// Says what a rule would do to one message, and why; changes nothing.
    Test(Box<Test>),
    /// Runs a rule over a folder, as if its messages came now.
    Run(Run),
    /// Makes a rule of conditions and actions, or of a script; it stands last in its list.
    Add(Box<Add>),
    /// Says other conditions and actions, another name, comment or end; what is not given stays.
    Edit(Box<Edit>),
    /// Forgets a rule. What it did stays known, and mail that it deleted can be brought back.
    Rm(One),
    /// Makes a rule do nothing for the time being.
    Pause(One),
    /// Makes a paused rule work again.
    Resume(One),
    /// Puts a rule before another one of its list, or last.
    Move {
        /// The rule.
        rule: RuleId,
        /// The rule before which it stands; without it: last.
        #[arg(long)]
        before: Option<RuleId>,
        #[command(flatten)]
        change: Change,
    },
}

/// Whose mail: one of three.
#[derive(Clone, Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct Level {
    /// All mail of this server.
    #[arg(long)]
    server: bool,
    /// Mail for the addresses of a domain.
    #[arg(long)]
    domain: Option<Domain>,
    /// Mail for one account.
    #[arg(long)]
    account: Option<Address>,
}

/// One rule.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// As `rules list` shows it, such as r_1.
    rule: RuleId,
    #[command(flatten)]
    change: Change,
}

/// What a rule does.
#[derive(Debug, clap::Args)]
pub(crate) struct Content {
    /// A condition, such as 'subject contains tucows', 'from-domain is example.net|example.org',
    /// 'has-attachment', 'larger 5M', 'priority high'; may stand several times. None: every message.
    #[arg(long = "when", value_name = "CONDITION")]
    conditions: Vec<String>,
    /// One of the conditions is enough; else all must hold.
    #[arg(long)]
    any: bool,
    /// An action, such as 'delete', 'move Lists', 'copy ann@example.org', 'redirect ADDRESS',
    /// 'reject TEXT', 'header Name: value', 'prefix TEXT', 'read', 'flag', 'priority high'; may stand
    /// several times.
    #[arg(long = "then", value_name = "ACTION", conflicts_with = "script")]
    actions: Vec<String>,
    /// A script in Sieve instead; `-` reads it from standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "conditions")]
    script: Option<PathBuf>,
    /// No later rule of the list looks at a message on which this one acted.
    #[arg(long)]
    stop: bool,
}

/// A new rule.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    #[command(flatten)]
    level: Level,
    /// What people call it.
    #[arg(long)]
    name: String,
    #[command(flatten)]
    content: Content,
    /// Why it is there.
    #[arg(long, default_value = "")]
    comment: String,
    /// When it ends, such as 12h or 30d from now.
    #[arg(long = "for", value_name = "TIME")]
    span: Option<Span>,
    /// For mail that accounts here send; only for the server and for domains.
    #[arg(long)]
    outgoing: bool,
    /// Make it, but paused.
    #[arg(long)]
    paused: bool,
    /// The rule before which it stands.
    #[arg(long)]
    before: Option<RuleId>,
    #[command(flatten)]
    change: Change,
}

/// What is to be different.
#[derive(Debug, clap::Args)]
pub(crate) struct Edit {
    /// The rule.
    rule: RuleId,
    /// What people call it.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    content: Content,
    /// Why it is there.
    #[arg(long)]
    comment: Option<String>,
    /// When it ends, such as 12h or 30d from now.
    #[arg(long = "for", value_name = "TIME", conflicts_with = "forever")]
    span: Option<Span>,
    /// It has no end.
    #[arg(long)]
    forever: bool,
    #[command(flatten)]
    change: Change,
}

impl Level {
    /// The level that is named, if one is.
    pub(super) fn of(self) -> Option<RuleAt> {
        match (self.server, self.domain, self.account) {
            (true, ..) => Some(RuleAt::Server),
            (_, Some(domain), _) => Some(RuleAt::Domain(domain)),
            (_, _, account) => account.map(RuleAt::Account),
        }
    }

    pub(super) fn expected(self) -> anyhow::Result<RuleAt> {
        let words = "whose mail? Add --account ADDRESS, --domain DOMAIN or --server";
        self.of().ok_or_else(|| Failure::usage(words).into())
    }
}

impl Content {
    /// What is said of it; `None` if nothing is.
    pub(super) fn content(self) -> anyhow::Result<Option<RuleContent>> {
        if let Some(path) = self.script {
            return Ok(Some(RuleContent::Script(read_script(&path)?)));
        }
        if self.actions.is_empty() {
            if !self.conditions.is_empty() {
                let words = "what shall it do? Add --then ACTION: conditions and actions of a rule are \
                             said together, also where only one of them changes";
                return Err(Failure::usage(words).into());
            }
            return Ok(None);
        }
        let conditions = self.conditions.iter().map(|text| condition(text));
        let actions = self.actions.iter().map(|text| action(text));
        let wrong = |err: String| Failure::usage(&err);
        let form = FormRule {
            conditions: conditions.collect::<Result<_, _>>().map_err(wrong)?,
            all: !self.any,
            actions: actions.collect::<Result<_, _>>().map_err(wrong)?,
            stop: self.stop,
        };
        Ok(Some(RuleContent::Form(form.settled())))
    }
}

/// Whether no later rule looks at a message on which this one acted.
fn ends_list(content: &RuleContent) -> bool {
    matches!(content, RuleContent::Form(form) if form.stop)
}

fn read_script(path: &std::path::Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let shown = path.display();
    if path.as_os_str() == "-" {
        let mut input = std::io::stdin().lock().take(SCRIPT_MAX_OCTETS);
        input.read_to_string(&mut text).context("standard input")?;
    } else {
        let file = std::fs::File::open(path).with_context(|| shown.to_string())?;
        let mut file = file.take(SCRIPT_MAX_OCTETS);
        file.read_to_string(&mut text)
            .with_context(|| shown.to_string())?;
    }
    Ok(text)
}

fn expiry(span: Option<Span>) -> Expiry {
    span.map_or(Expiry::Never, |span| {
        let now = Clock::real().now();
        let seconds = i64::try_from(span.seconds).unwrap_or(i64::MAX);
        Expiry::At(now.plus_s(seconds).seconds())
    })
}

impl Rules {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List {
                level,
                removed,
                read,
            } => {
                let (at, removed) = (level.of(), removed);
                read.list(out, Ask::RuleList { at, removed }, COLUMNS)
            }
            Self::Show { rule, read } => show(out, rule, &read),
            Self::Test(test) => test.run(out),
            Self::Run(run) => run.run(out),
            Self::Add(add) => add.run(out),
            Self::Edit(edit) => edit.run(out),
            Self::Rm(one) => one
                .change
                .carry_out(out, &[Command::RuleRemove { id: one.rule }]),
            Self::Pause(one) => one.switch(out, false),
            Self::Resume(one) => one.switch(out, true),
            Self::Move {
                rule,
                before,
                change,
            } => change.carry_out(out, &[Command::RuleMove { id: rule, before }]),
        }
    }
}

/// One rule, its script in lines of its own for people, and what it would match today.
fn show(out: &mut dyn Write, rule: RuleId, read: &Read) -> anyhow::Result<()> {
    let mut shown = read.place.client()?.ask(Ask::RuleShow(rule))?;
    let looks = shown["state"] != "removed" && shown["direction"] == "in";
    let beside = looks.then(|| preview(read, RuleSource::Rule(rule)));
    if let (
        Some(fields),
        Some(Beside {
            value: Some((name, value)),
            ..
        }),
    ) = (shown.as_object_mut(), &beside)
        && read.format.json
    {
        fields.insert((*name).to_owned(), value.clone());
    }
    if read.format.json {
        return Ok(read.format.details(out, &shown)?);
    }
    let script = shown
        .as_object_mut()
        .and_then(|fields| fields.remove("sieve"));
    read.format.details(out, &shown)?;
    for line in beside.iter().flat_map(|beside| &beside.words) {
        writeln!(out, "{}", policy::shown::visible(line))?;
    }
    if let Some(script) = script.as_ref().and_then(serde_json::Value::as_str) {
        writeln!(out, "\nAs Sieve:\n")?;
        for line in script.lines() {
            writeln!(out, "  {}", policy::shown::visible(line))?;
        }
    }
    Ok(())
}

impl One {
    fn switch(self, out: &mut dyn Write, enabled: bool) -> anyhow::Result<()> {
        let id = self.rule;
        self.change
            .carry_out(out, &[Command::RuleEnable { id, enabled }])
    }
}

impl Add {
    fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let at = self.level.expected()?;
        let stop = self.content.stop;
        let words = "what shall it do? Add --then ACTION or --script FILE";
        let content = self
            .content
            .content()?
            .ok_or_else(|| Failure::usage(words))?;
        let rule = NewRule {
            name: self.name,
            comment: self.comment,
            enabled: !self.paused,
            direction: match self.outgoing {
                true => RuleDirection::Out,
                false => RuleDirection::In,
            },
            stop: stop || ends_list(&content),
            expires: expiry(self.span),
            is_program_script: false,
            content,
        };
        let before = self.before;
        let change = match self.outgoing {
            true => self.change,
            false => {
                let (at, content) = (at.clone(), rule.content.clone());
                let source = RuleSource::New { at, content };
                let beside = preview(&self.change.as_read(), source);
                self.change.telling(beside)
            }
        };
        change.carry_out(out, &[Command::RuleAdd { at, rule, before }])
    }
}

impl Edit {
    fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let stop = self.content.stop;
        let content = self.content.content()?;
        let expires = match (self.span, self.forever) {
            (Some(span), _) => Some(expiry(Some(span))),
            (None, true) => Some(Expiry::Never),
            (None, false) => None,
        };
        let command = Command::RuleEdit {
            id: self.rule,
            name: self.name,
            comment: self.comment,
            stop: match &content {
                Some(content) => Some(stop || ends_list(content)),
                None => stop.then_some(true),
            },
            expires,
            content: content.clone(),
        };
        let change = match content {
            None => self.change,
            Some(content) => {
                let source = RuleSource::Changed {
                    id: self.rule,
                    content,
                };
                let beside = preview(&self.change.as_read(), source);
                self.change.telling(beside)
            }
        };
        change.carry_out(out, &[command])
    }
}
