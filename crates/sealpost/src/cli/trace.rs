//! `sealpost trace`: what happened to messages, for each recipient.

use std::io::Write;

use net::Clock;
use serde_json::Value;
use service::TraceQuery;
use types::{Address, RuleId};

use super::ask::Read;
use super::screen::{COLUMNS as COLUMNS_OF_SCREEN, broken};
use super::values::Since;
use crate::control::protocol::Ask;
use crate::exit::Failure;
use crate::output::{Column, visible};

const COLUMNS: &[Column] = &[
    Column("WHEN", "at"),
    Column("FROM", "from"),
    Column("TO", "to"),
    Column("WHAT", "action"),
    Column("WHERE", "target"),
];
/// Spaces before what is told below a row.
const INDENT: usize = 4;

/// Says what happened to messages, the newest first.
#[derive(Debug, clap::Args)]
pub(crate) struct Trace {
    /// Who sent it (the reverse-path of the envelope).
    #[arg(long)]
    from: Option<Address>,
    /// Who should get it.
    #[arg(long)]
    to: Option<Address>,
    /// The Message-ID, or the id that was given when the message was accepted.
    #[arg(long)]
    id: Option<String>,
    /// What this rule had a part in, such as r_1; also of a rule that is gone.
    #[arg(long)]
    rule: Option<RuleId>,
    /// Nothing older: 90m, 12h, 7d, or a day such as 2026-11-23.
    #[arg(long)]
    since: Option<Since>,
    /// How many at most.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    limit: u32,
    /// Also say which other rules looked at it, and why they did nothing.
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    read: Read,
}

impl Trace {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let nobody = self.from.is_none() && self.to.is_none() && self.id.is_none();
        if nobody && self.rule.is_none() {
            let words = "whose mail? Add --from, --to, --id or --rule";
            return Err(Failure::usage(words).into());
        }
        let now = Clock::real().now();
        let query = TraceQuery {
            from: self.from,
            to: self.to,
            id: self.id,
            rule: self.rule,
            since_s: self.since.map(|since| since.timestamp(now).seconds()),
            limit: Some(usize::try_from(self.limit)?),
        };
        let rows = self.read.place.client()?.ask(Ask::Trace(query))?;
        let below = |row: &Value| [id(row), scanners(row), rules(row, self.verbose)].concat();
        Ok(self.read.format.list_with(out, &rows, COLUMNS, &below)?)
    }
}

/// By what `trace --id` and `explain message` find it.
fn id(row: &Value) -> Vec<String> {
    let id = row["id"].as_str().map(visible);
    let line = id.map(|id| format!("{:INDENT$}id {id}", ""));
    line.into_iter().collect()
}

/// What DNS and scanners said, a line for each.
fn scanners(row: &Value) -> Vec<String> {
    let said = row["came"]["scanned"].as_array().into_iter().flatten();
    said.filter_map(Value::as_str)
        .flat_map(|words| broken(&visible(words), COLUMNS_OF_SCREEN - INDENT))
        .map(|line| format!("{:INDENT$}{line}", ""))
        .collect()
}

/// What the rules did, a line for each; and why others did nothing, if that is wanted.
fn rules(row: &Value, verbose: bool) -> Vec<String> {
    let looks = row["told"].as_array().into_iter().flatten();
    let told = looks.filter(|look| verbose || look["acted"] == Value::Bool(true));
    told.filter_map(|look| look["words"].as_str())
        .flat_map(|words| broken(&visible(words), COLUMNS_OF_SCREEN - INDENT))
        .map(|line| format!("{:INDENT$}{line}", ""))
        .collect()
}
