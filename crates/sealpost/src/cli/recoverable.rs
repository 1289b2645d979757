//! `sealpost recoverable`: removed mail that can still be brought back.

use std::io::Write;

use net::Clock;
use service::Wanted;
use types::Address;

use super::ask::Read;
use super::values::Since;
use crate::control::protocol::Ask;
use crate::exit::Failure;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("ID", "id"),
    Column("MAILBOX", "mailbox"),
    Column("OCTETS", "octets"),
    Column("REMOVED BY", "reason"),
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
    /// Puts removed mail back into its mailbox, or into INBOX if that is gone.
    Restore {
        /// The address of the account.
        account: Address,
        /// The numbers of the list.
        #[arg(conflicts_with = "since")]
        ids: Vec<i64>,
        /// All that was removed since then: 90m, 12h, 7d, or a day such as 2026-11-23.
        #[arg(long)]
        since: Option<Since>,
        #[command(flatten)]
        read: Read,
    },
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
                ids,
                since,
                read,
            } => {
                let wanted = match since {
                    Some(since) => Wanted::Since(since.timestamp(Clock::real().now()).seconds()),
                    None if ids.is_empty() => {
                        let words = "which messages? Add their numbers from `sealpost recoverable \
                                     list`, or --since";
                        return Err(Failure::usage(words).into());
                    }
                    None => Wanted::Ids(ids),
                };
                read.show(out, Ask::RecoverableRestore { account, wanted })
            }
        }
    }
}
