//! `sealpost app-password`: passwords for single programs, made here and shown once.

use std::io::Write;

use policy::MailScope;
use service::Command;
use types::{Address, CredentialId, Network};

use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("ID", "id"),
    Column("ACCOUNT", "account"),
    Column("NAME", "name"),
    Column("OPENS", "scopes"),
    Column("FROM", "networks"),
    Column("SENDS AS", "send_as"),
    Column("MADE", "made_at"),
    Column("BY", "made_by"),
    Column("ENTRY", "made_seq"),
    Column("LAST USED", "last_used_at"),
    Column("BY PROTOCOL", "last_protocol"),
    Column("LAST FROM", "last_source"),
];

/// What can be done with app passwords.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum AppPassword {
    /// Makes a password for one device or program and shows it, this once.
    Add(Add),
    /// Lists app passwords: what each opens, who made it, when it was last used.
    List {
        /// Only those of this account.
        #[arg(long)]
        account: Option<Address>,
        #[command(flatten)]
        read: Read,
    },
    /// Forgets an app password and ends the sessions that signed in with it.
    Rm {
        /// Its id, such as k_7.
        id: CredentialId,
        #[command(flatten)]
        change: Change,
    },
}

/// A new app password.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// The account that it opens.
    #[arg(long)]
    account: Address,
    /// A name by which you know it again, such as phone.
    #[arg(long)]
    name: String,
    /// The protocols that it opens: imap, pop3, smtp, managesieve; the first three if not given.
    #[arg(long, value_delimiter = ',', value_name = "PROTOCOL")]
    scope: Vec<MailScope>,
    /// A network that it works from, such as 192.0.2.0/24; may be given more than once; from
    /// everywhere if not given.
    #[arg(long, value_name = "CIDR")]
    network: Vec<Network>,
    /// An address that it may send with; may be given more than once; all addresses of the account
    /// if not given.
    #[arg(long, value_name = "ADDRESS")]
    send_as: Vec<Address>,
    #[command(flatten)]
    change: Change,
}

impl AppPassword {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::Add(add) => add.run(out),
            Self::List { account, read } => read.list(out, Ask::AppPasswordList(account), COLUMNS),
            Self::Rm { id, change } => change.carry_out(out, &[Command::AppPasswordRemove { id }]),
        }
    }
}

impl Add {
    fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let scopes = match self.scope {
            none if none.is_empty() => MailScope::FOR_MAIL.to_vec(),
            some => some,
        };
        let command = Command::AppPasswordAdd {
            account: self.account,
            name: self.name,
            scopes,
            networks: self.network,
            send_as: self.send_as,
        };
        self.change.carry_out_making(out, command, "password")
    }
}
