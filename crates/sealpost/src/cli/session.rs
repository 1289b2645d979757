//! `sealpost session`: who is signed in now, and ending that.

use std::io::Write;

use types::{Address, SessionId};

use super::ask::Read;
use crate::control::protocol::Ask;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("ID", "id"),
    Column("ACCOUNT", "account"),
    Column("PROTOCOL", "protocol"),
    Column("FROM", "source"),
    Column("TLS", "tls"),
    Column("CREDENTIAL", "credential"),
    Column("KIND", "kind"),
    Column("SINCE", "since"),
];

/// What can be done with sessions.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Session {
    /// Lists the sessions that are open now.
    List {
        /// Only those of this account.
        #[arg(long)]
        account: Option<Address>,
        #[command(flatten)]
        read: Read,
    },
    /// Ends a session at once, or all of an account. The client may sign in again: remove or
    /// change its password, or disable the account, to prevent that.
    End {
        /// The session, such as s_12.
        #[arg(required_unless_present = "account", conflicts_with = "account")]
        id: Option<SessionId>,
        /// All sessions of this account.
        #[arg(long)]
        account: Option<Address>,
        #[command(flatten)]
        read: Read,
    },
}

impl Session {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List { account, read } => read.list(out, Ask::SessionList(account), COLUMNS),
            Self::End { id, account, read } => {
                let ask = match (id, account) {
                    (Some(id), _) => Ask::SessionEnd(id),
                    (None, Some(account)) => Ask::SessionEndAll(account),
                    (None, None) => anyhow::bail!("name a session, or an account with --account"),
                };
                read.list_or_say(out, ask, COLUMNS, "Ended:", "There was no open session.")
            }
        }
    }
}
