//! `sealpost block`: sources that are refused for a while.

use std::io::Write;

use policy::change::Blocked;
use service::Command;
use types::Network;

use super::ask::{Change, Read};
use super::values::Span;
use crate::control::protocol::Ask;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("SOURCE", "source"),
    Column("REFUSES", "refuses"),
    Column("SINCE", "since"),
    Column("UNTIL", "until"),
    Column("WHY", "why"),
    Column("TIMES", "times"),
    Column("ENTRY", "seq"),
];

/// What can be done with blocks.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Block {
    /// Lists the blocks that stand: the server's own with the rule that made them, and yours.
    List(Read),
    /// Refuses a source for a while, and ends what it has open.
    Add {
        /// An address or a network, such as 192.0.2.7 or 2001:db8::/64.
        source: Network,
        /// How long, such as 30m, 2h or 7d; at most 366d.
        #[arg(long = "for", value_name = "TIME", default_value = "1d")]
        span: Span,
        /// Refuse sign-ins only; mail from other servers still comes in.
        #[arg(long)]
        sign_ins: bool,
        /// Also if it is this machine, a proxy, or where an admin signed in lately.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Serves a source again, whoever blocked it; its next block begins small.
    Lift {
        /// As `block list` shows it.
        source: Network,
        #[command(flatten)]
        change: Change,
    },
}

impl Block {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List(read) => read.list(out, Ask::BlockList, COLUMNS),
            Self::Add {
                source,
                span,
                sign_ins,
                force,
                change,
            } => {
                let what = if sign_ins {
                    Blocked::SignIns
                } else {
                    Blocked::Connections
                };
                let command = Command::BlockAdd {
                    source,
                    what,
                    seconds: span.seconds,
                    force,
                };
                change.carry_out(out, &[command])
            }
            Self::Lift { source, change } => {
                change.carry_out(out, &[Command::BlockLift { source }])
            }
        }
    }
}
