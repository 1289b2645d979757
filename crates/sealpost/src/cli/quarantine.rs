//! `sealpost quarantine`: mail that a scanner was sure about.

use std::io::Write;

use service::{Command, Wanted};
use types::Address;

use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("ID", "id"),
    Column("FOR", "account"),
    Column("OCTETS", "octets"),
    Column("WHY", "why"),
    Column("SINCE", "since"),
    Column("KEPT UNTIL", "until"),
];

/// What can be done with mail in quarantine.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Quarantine {
    /// Lists it, the newest first, at most 1,000 messages.
    List(Read),
    /// Puts messages into the inbox of the account for which they came.
    Release {
        /// The address of the account.
        account: Address,
        /// The numbers of the list.
        #[arg(required = true)]
        ids: Vec<i64>,
        #[command(flatten)]
        read: Read,
    },
    /// Deletes messages for good before their time. Nobody can undo it.
    Drop {
        /// The address of the account.
        account: Address,
        /// The numbers of the list.
        #[arg(required = true)]
        ids: Vec<i64>,
        #[command(flatten)]
        change: Change,
    },
}

impl Quarantine {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List(read) => read.list(out, Ask::QuarantineList, COLUMNS),
            Self::Release { account, ids, read } => {
                let (account, wanted) = (Some(account), Wanted::Ids(ids));
                read.show(out, Ask::RecoverableRestore { account, wanted })
            }
            Self::Drop {
                account,
                ids,
                change,
            } => {
                let wanted = Wanted::Ids(ids);
                change.carry_out(out, &[Command::RecoverablePurge { account, wanted }])
            }
        }
    }
}
