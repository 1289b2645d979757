//! `sealpost account`: who may sign in, what they may do, and in whose name they send.

use std::io::Write;

use policy::Role;
use serde_json::{Value, json};
use service::{Command, Password};
use types::Address;

use super::ask::{Change, Read};
use super::totp::Totp;
use super::values::{self, OfDomain, Quota};
use crate::control::protocol::Ask;
use crate::output::Column;
use crate::secret_input::{NewPassword, PasswordSource};

const GRANTS: &[Column] = &[Column("ACCOUNT", "account"), Column("SENDS AS", "identity")];
const COLUMNS: &[Column] = &[
    Column("ADDRESS", "address"),
    Column("NAME", "name"),
    Column("ROLE", "role"),
    Column("ENABLED", "enabled"),
    Column("USED", "used_octets"),
    Column("QUOTA", "quota_octets"),
];

/// What can be done with accounts.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Account {
    /// Lists accounts.
    List {
        #[command(flatten)]
        of: OfDomain,
        #[command(flatten)]
        read: Read,
    },
    /// Shows one account.
    Show {
        /// The address of the account.
        address: Address,
        #[command(flatten)]
        read: Read,
    },
    /// Makes an account in a domain of this server.
    Add(Add),
    /// Gives an account another password.
    Passwd {
        /// The address of the account.
        address: Address,
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        change: Change,
    },
    /// Forgets an account: nobody reaches its mail any more. The server keeps the mail; no command
    /// brings it back yet.
    Rm(One),
    /// Lets a disabled account sign in and receive again.
    Enable(One),
    /// Lets an account neither sign in nor receive.
    Disable(One),
    /// Changes the name that people see.
    Name {
        /// The address of the account.
        address: Address,
        /// The name.
        name: String,
        #[command(flatten)]
        change: Change,
    },
    /// Changes what an account may do.
    Role {
        /// The address of the account.
        address: Address,
        /// The role.
        #[arg(value_parser = values::role())]
        role: Role,
        #[command(flatten)]
        change: Change,
    },
    /// Changes how much mail an account may keep.
    Quota {
        /// The address of the account.
        address: Address,
        /// Such as 500M or 10G, or none for no limit.
        quota: Quota,
        #[command(flatten)]
        change: Change,
    },
    /// Addresses of others in whose name an account may send.
    #[command(subcommand)]
    SendAs(SendAs),
    /// The second factor of an account: codes of an authenticator app.
    #[command(subcommand)]
    Totp(Totp),
    /// Makes ten codes, each for one use in the place of the second factor, and shows them, this
    /// once. Codes made before no longer count.
    RecoveryCodes(One),
}

/// A new account.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// The address of the account.
    address: Address,
    /// The name that people see.
    #[arg(long)]
    name: Option<String>,
    /// What it may do.
    #[arg(long, value_parser = values::role(), default_value = "mailbox_owner")]
    role: Role,
    /// How much mail it may keep, such as 500M or 10G.
    #[arg(long, default_value = "none")]
    quota: Quota,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    change: Change,
}

/// A change of one account.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// The address of the account.
    address: Address,
    #[command(flatten)]
    change: Change,
}

/// What can be done with the right to send in another's name.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum SendAs {
    /// Lists who may send in whose name.
    List(Read),
    /// Lets an account send in the name of an address.
    Grant(Grant),
    /// No longer lets it.
    Revoke(Grant),
}

/// Who may send as whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Grant {
    /// The account that sends.
    account: Address,
    /// The address in whose name it sends.
    identity: Address,
    #[command(flatten)]
    change: Change,
}

impl Account {
    /// Carries it out.
    // long: one arm for each command
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List { of, read } => read.list(out, Ask::AccountList(of.domain), COLUMNS),
            Self::Show { address, read } => read.show(out, Ask::AccountShow(address)),
            Self::Add(add) => add.run(out),
            Self::Passwd {
                address,
                password,
                change,
            } => {
                let new = password.read(change.otherwise(), &address.to_string())?;
                let told = told(&new);
                let password = Password(new.secret);
                change.carry_out_telling(
                    out,
                    &[Command::AccountPassword { address, password }],
                    &told,
                )
            }
            Self::Rm(one) => one.run(out, |address| Command::AccountRemove { address }),
            Self::Enable(one) => one.run(out, |address| enable(address, true)),
            Self::Disable(one) => one.run(out, |address| enable(address, false)),
            Self::Name {
                address,
                name,
                change,
            } => change.carry_out(out, &[Command::AccountName { address, name }]),
            Self::Role {
                address,
                role,
                change,
            } => change.carry_out(out, &[Command::AccountRole { address, role }]),
            Self::Quota {
                address,
                quota: Quota(quota_octets),
                change,
            } => change.carry_out(
                out,
                &[Command::AccountQuota {
                    address,
                    quota_octets,
                }],
            ),
            Self::SendAs(SendAs::List(read)) => read.list(out, Ask::SendAsList, GRANTS),
            Self::Totp(totp) => totp.run(out),
            Self::RecoveryCodes(One { address, change }) => {
                let command = Command::RecoveryCodes { account: address };
                change.carry_out_making(out, command, "codes")
            }
            Self::SendAs(SendAs::Grant(Grant {
                account,
                identity,
                change,
            })) => change.carry_out(out, &[Command::SendAsGrant { account, identity }]),
            Self::SendAs(SendAs::Revoke(Grant {
                account,
                identity,
                change,
            })) => change.carry_out(out, &[Command::SendAsRevoke { account, identity }]),
        }
    }
}

impl Add {
    fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let new = self
            .password
            .read(self.change.otherwise(), &self.address.to_string())?;
        let told = told(&new);
        let command = Command::AccountAdd {
            address: self.address,
            name: self.name,
            role: self.role,
            quota_octets: self.quota.0,
            password: Password(new.secret),
        };
        self.change.carry_out_telling(out, &[command], &told)
    }
}

impl One {
    fn run(
        self,
        out: &mut dyn Write,
        command: impl FnOnce(Address) -> Command,
    ) -> anyhow::Result<()> {
        self.change.carry_out(out, &[command(self.address)])
    }
}

fn enable(address: Address, enabled: bool) -> Command {
    Command::AccountEnable { address, enabled }
}

/// A password that was made here is told once; one that the person gave is not repeated.
fn told(new: &NewPassword) -> Value {
    if new.generated {
        json!({"password": String::from_utf8_lossy(new.secret.expose())})
    } else {
        json!({})
    }
}
