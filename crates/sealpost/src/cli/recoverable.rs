//! `sealpost recoverable`: removed mail that can still be brought back.

use std::io::Write;

use net::Clock;
use service::{Command, Wanted};
use types::{Address, RuleId};

use super::ask::{Change, Read};
use super::values::Since;
use crate::control::protocol::Ask;
use crate::exit::Failure;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("ID", "id"),
    Column("MAILBOX", "mailbox"),
    Column("OCTETS", "octets"),
    Column("REMOVED BY", "reason"),
    Column("RULE", "rule"),
    Column("ENTRY", "rule_entry"),
    Column("REMOVED", "removed"),
    Column("KEPT UNTIL", "until"),
];

/// What can be done with removed mail.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Recoverable {
    /// Lists the removed mail of an account, the newest first, at most 1,000 messages.
    List {
        /// The address of the account.
        account: Address,
        /// Goes on behind the message of this number, such as the last one of the list before.
        #[arg(long, value_name = "ID")]
        before: Option<i64>,
        #[command(flatten)]
        read: Read,
    },
    /// Puts removed mail back into its mailbox, or into INBOX if that is gone; at most 1,000 messages.
    Restore {
        /// The address of the account; without it, with --rule, all accounts.
        account: Option<Address>,
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        read: Read,
    },
    /// Deletes removed mail for good before its time; at most 1,000 messages. Nobody can undo it.
    Purge {
        /// The address of the account.
        account: Address,
        #[command(flatten)]
        which: Which,
        /// All of it.
        #[arg(long, conflicts_with_all = ["ids", "since", "rule"])]
        all: bool,
        #[command(flatten)]
        change: Change,
    },
}

/// Which removed messages.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The numbers of the list.
    #[arg(conflicts_with_all = ["since", "rule"])]
    ids: Vec<i64>,
    /// All that was removed since then: 90m, 12h, 7d, or a day such as 2026-11-23.
    #[arg(long, conflicts_with = "rule")]
    since: Option<Since>,
    /// All that this rule removed, such as r_1; also one that is gone.
    #[arg(long)]
    rule: Option<RuleId>,
}

impl Which {
    fn wanted(self, otherwise: &str) -> anyhow::Result<Wanted> {
        Ok(match (self.since, self.rule) {
            (Some(since), _) => Wanted::Since(since.timestamp(Clock::real().now()).seconds()),
            (None, Some(rule)) => Wanted::Rule(rule),
            (None, None) if self.ids.is_empty() => {
                let words = format!(
                    "which messages? Add their numbers from `sealpost recoverable list`, --since, \
                     or {otherwise}"
                );
                return Err(Failure::usage(&words).into());
            }
            (None, None) => Wanted::Ids(self.ids),
        })
    }
}

impl Recoverable {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List {
                account,
                before,
                read,
            } => read.list(out, Ask::RecoverableList { account, before }, COLUMNS),
            Self::Restore {
                account,
                which,
                read,
            } => {
                if account.is_none() && which.rule.is_none() {
                    let words = "whose mail? Add the address of an account, or --rule";
                    return Err(Failure::usage(words).into());
                }
                let wanted = which.wanted("--rule")?;
                read.show(out, Ask::RecoverableRestore { account, wanted })
            }
            Self::Purge {
                account,
                which,
                all,
                change,
            } => {
                let wanted = match all {
                    true => Wanted::All,
                    false => which.wanted("--rule, or --all")?,
                };
                change.carry_out(out, &[Command::RecoverablePurge { account, wanted }])
            }
        }
    }
}
