//! From where services and accounts may be used: the lists of `sealpost service access` and
//! `sealpost role access`.

use std::io::Write;

use service::{AccessList, Command, Guarded};
use types::Network;

use super::ask::{Change, Read};
use super::values;
use crate::control::protocol::Ask;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("OF", "of"),
    Column("ALLOWED FROM", "allow"),
    Column("DENIED FROM", "deny"),
];

/// What can be done with roles.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Role {
    /// From where the accounts of a role may sign in.
    Access {
        /// The role.
        #[arg(value_parser = values::role())]
        role: policy::Role,
        #[command(subcommand)]
        access: Access,
    },
}

/// What can be done with the two lists of something.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Access {
    /// Shows both lists. An empty allow list admits everybody; deny beats allow.
    List(Read),
    /// Where one must come from, as soon as the list is not empty.
    #[command(subcommand)]
    Allow(Edit),
    /// Where one must not come from, also if it is allowed.
    #[command(subcommand)]
    Deny(Edit),
}

/// What can be done with one list.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Edit {
    /// Puts networks on the list.
    Add(Networks),
    /// Takes networks off the list.
    Rm(Networks),
}

/// Networks that come or go together.
#[derive(Debug, clap::Args)]
pub(crate) struct Networks {
    /// Such as 192.0.2.0/24, 2001:db8::/32 or a single address.
    #[arg(required = true, value_name = "NETWORK")]
    networks: Vec<Network>,
    #[command(flatten)]
    change: Change,
}

impl Role {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::Access { role, access } => access.run(out, Guarded::Role(role)),
        }
    }
}

impl Access {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write, of: Guarded) -> anyhow::Result<()> {
        let (list, edit) = match self {
            Self::List(read) => return read.list(out, Ask::AccessList(of), COLUMNS),
            Self::Allow(edit) => (AccessList::Allow, edit),
            Self::Deny(edit) => (AccessList::Deny, edit),
        };
        let (Networks { networks, change }, present) = match edit {
            Edit::Add(networks) => (networks, true),
            Edit::Rm(networks) => (networks, false),
        };
        let command = Command::AccessChange {
            of,
            list,
            networks,
            present,
        };
        change.carry_out(out, &[command])
    }
}
