//! `sealpost token`: on whose authority programs ask, and what they may ask.

use std::io::Write;

use policy::TokenScope;
use service::Command;
use types::{Address, CredentialId};

use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("ID", "id"),
    Column("ACCOUNT", "account"),
    Column("NAME", "name"),
    Column("SCOPES", "scopes"),
    Column("EXPIRES", "expires"),
    Column("MADE", "made_at"),
    Column("BY", "made_by"),
    Column("ENTRY", "made_seq"),
    Column("LAST USED", "last_used_at"),
    Column("LAST FROM", "last_source"),
];

/// What can be done with tokens.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Token {
    /// Makes a token for a program and shows it, this once.
    Add(Add),
    /// Lists tokens: what each allows, who made it, when it was last used.
    List {
        /// Only those of this account.
        #[arg(long)]
        account: Option<Address>,
        #[command(flatten)]
        read: Read,
    },
    /// Forgets a token.
    Rm {
        /// Its id, such as k_7.
        id: CredentialId,
        #[command(flatten)]
        change: Change,
    },
}

/// A new token.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// The account on whose authority the program acts.
    #[arg(long)]
    account: Address,
    /// A name by which you know it again.
    #[arg(long)]
    name: String,
    /// What it allows: read, write, metrics; separate several by commas.
    #[arg(long, value_delimiter = ',', required = true)]
    scope: Vec<TokenScope>,
    /// Days after which it is refused; never if not given.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    expires: Option<u32>,
    #[command(flatten)]
    change: Change,
}

impl Token {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::Add(add) => {
                let command = Command::TokenAdd {
                    account: add.account,
                    name: add.name,
                    scopes: add.scope,
                    expires_days: add.expires,
                };
                add.change.carry_out_making(out, command, "token")
            }
            Self::List { account, read } => read.list(out, Ask::TokenList(account), COLUMNS),
            Self::Rm { id, change } => change.carry_out(out, &[Command::TokenRemove { id }]),
        }
    }
}
