//! `sealpost exits`: every way by which mail can leave, and to where rules may send it.

use std::io::Write;

use service::{Command, RuleAt};
use types::{Address, ExitId};

use super::ask::{Change, Read};
use super::rules::Level;
use crate::control::protocol::Ask;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("WAY", "kind"),
    Column("ID", "id"),
    Column("WHOSE MAIL", "whose"),
    Column("TO", "to"),
    Column("PLACE", "place"),
    Column("STATE", "state"),
    Column("ALLOWED", "allowed"),
    Column("SINCE", "since"),
    Column("BY", "by"),
    Column("ENTRY", "entry"),
    Column("LAST USED", "last_used"),
    Column("TO END IT", "end"),
];

/// What can be done with ways out.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Exits {
    /// Lists every way by which mail can leave a mailbox, also open sessions, with the command that
    /// ends it.
    List(Read),
    /// Allows rules to send mail to exactly this address outside.
    Allow {
        /// The address.
        target: Address,
        /// Whose rules; without it those of the whole server.
        #[command(flatten)]
        level: Level,
        /// For how many days; a year if not said.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=365))]
        days: Option<u32>,
        #[command(flatten)]
        change: Change,
    },
    /// Allows it no longer.
    Revoke {
        /// As `exits list` shows it.
        exit: ExitId,
        #[command(flatten)]
        change: Change,
    },
    /// Makes a rule or a forward send nothing for the time being.
    Pause {
        /// The rule, as `exits list` shows it.
        rule: types::RuleId,
        #[command(flatten)]
        change: Change,
    },
    /// Lets a paused rule or forward send again.
    Resume {
        /// The rule, as `exits list` shows it.
        rule: types::RuleId,
        #[command(flatten)]
        change: Change,
    },
}

impl Exits {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List(read) => read.list(out, Ask::ExitList, COLUMNS),
            Self::Allow {
                target,
                level,
                days,
                change,
            } => {
                let at = level.of().unwrap_or(RuleAt::Server);
                change.carry_out(out, &[Command::ExitAllow { target, at, days }])
            }
            Self::Revoke { exit, change } => {
                change.carry_out(out, &[Command::ExitRevoke { id: exit }])
            }
            Self::Pause { rule, change } => {
                let (id, enabled) = (rule, false);
                change.carry_out(out, &[Command::RuleEnable { id, enabled }])
            }
            Self::Resume { rule, change } => {
                let (id, enabled) = (rule, true);
                change.carry_out(out, &[Command::RuleEnable { id, enabled }])
            }
        }
    }
}
