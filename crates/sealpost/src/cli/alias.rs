//! `sealpost alias`: addresses that deliver to others, inside or outside.

use std::io::Write;

use service::Command;
use types::Address;

use super::ask::{Change, Read};
use super::values::OfDomain;
use crate::control::protocol::Ask;
use crate::output::Column;

const COLUMNS: &[Column] = &[Column("ALIAS", "address"), Column("DELIVERS TO", "targets")];

/// What can be done with aliases.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Alias {
    /// Lists aliases.
    List {
        #[command(flatten)]
        of: OfDomain,
        #[command(flatten)]
        read: Read,
    },
    /// Shows one alias with its final recipients.
    Show {
        /// The address of the alias.
        address: Address,
        #[command(flatten)]
        read: Read,
    },
    /// Makes an alias.
    Add(Targets),
    /// Gives an alias other targets, in place of those it has.
    Set(Targets),
    /// Forgets an alias.
    Rm {
        /// The address of the alias.
        address: Address,
        #[command(flatten)]
        change: Change,
    },
}

/// An alias with all its targets.
#[derive(Debug, clap::Args)]
pub(crate) struct Targets {
    /// The address of the alias.
    address: Address,
    /// Who gets its mail.
    #[arg(required = true)]
    targets: Vec<Address>,
    #[command(flatten)]
    change: Change,
}

impl Alias {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List { of, read } => read.list(out, Ask::AliasList(of.domain), COLUMNS),
            Self::Show { address, read } => read.show(out, Ask::AliasShow(address)),
            Self::Add(Targets {
                address,
                targets,
                change,
            }) => change.carry_out(out, &[Command::AliasAdd { address, targets }]),
            Self::Set(Targets {
                address,
                targets,
                change,
            }) => change.carry_out(out, &[Command::AliasTargets { address, targets }]),
            Self::Rm { address, change } => {
                change.carry_out(out, &[Command::AliasRemove { address }])
            }
        }
    }
}
