//! `sealpost activity`: sign-ins, what was given out and what was removed.

use std::io::Write;

use clap::builder::PossibleValuesParser;
use net::Clock;
use service::{ACTIVITY_KINDS, ActivityQuery};
use types::Address;

use super::ask::Read;
use super::values::Since;
use crate::control::protocol::Ask;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("WHEN", "at"),
    Column("WHAT", "what"),
    Column("ACCOUNT", "account"),
    Column("FROM", "source"),
    Column("DETAIL", "detail"),
];

/// Lists what people and programs did, the newest first.
#[derive(Debug, clap::Args)]
pub(crate) struct Activity {
    /// Only of this account.
    #[arg(long)]
    account: Option<Address>,
    /// Only of this kind.
    #[arg(long, value_parser = PossibleValuesParser::new(ACTIVITY_KINDS))]
    kind: Option<String>,
    /// Nothing older: 90m, 12h, 7d, or a day such as 2026-11-23.
    #[arg(long, default_value = "1d")]
    since: Since,
    /// How many at most.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    limit: u16,
    #[command(flatten)]
    read: Read,
}

impl Activity {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let query = ActivityQuery {
            account: self.account,
            kind: self.kind,
            since_s: self.since.timestamp(Clock::real().now()).seconds(),
            limit: usize::from(self.limit),
        };
        self.read.list(out, Ask::ActivityList(query), COLUMNS)
    }
}
