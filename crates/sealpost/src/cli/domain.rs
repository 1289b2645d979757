//! `sealpost domain`: domains, their other names, and what happens to unknown addresses.

use std::io::Write;

use service::Command;
use types::{Address, Domain as Name};

use super::ask::{Change, Read};
use super::dkim::Dkim;
use super::dns;
use super::values::Switch;
use crate::control::protocol::Ask;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("DOMAIN", "name"),
    Column("ENABLED", "enabled"),
    Column("ACCOUNTS", "accounts"),
    Column("ALIASES", "aliases"),
    Column("ALSO", "other_names"),
    Column("CATCH-ALL", "catch_all"),
];

/// What can be done with domains.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Domain {
    /// Lists all domains.
    List(Read),
    /// Shows one domain.
    Show {
        /// The domain.
        domain: Name,
        #[command(flatten)]
        read: Read,
    },
    /// Delivers the mail of a domain here from now on.
    Add(One),
    /// Forgets a domain that has no accounts and no aliases.
    Rm(One),
    /// Takes the mail of a disabled domain again.
    Enable(One),
    /// Refuses the mail of a domain for the time being.
    Disable(One),
    /// Other names of a domain.
    #[command(subcommand)]
    Alias(OtherName),
    /// Where mail to unknown addresses goes.
    #[command(subcommand)]
    CatchAll(CatchAll),
    /// Prints each record that DNS should have, what it says now, and what the record is for.
    Dns(dns::Dns),
    /// Says what is wrong in DNS; fails if mail suffers from it.
    Check(dns::Check),
    /// Keys with which mail of a domain is signed.
    #[command(subcommand)]
    Dkim(Dkim),
    /// Whether `name+detail@` reaches `name@`.
    Plus {
        /// The domain.
        domain: Name,
        /// On or off.
        switch: Switch,
        #[command(flatten)]
        change: Change,
    },
}

/// A change of one domain.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// The domain.
    domain: Name,
    #[command(flatten)]
    change: Change,
}

/// What can be done with the other names of a domain.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum OtherName {
    /// Gives a domain another name: every address of it works under both.
    Add {
        /// The other name.
        alias: Name,
        /// The domain that has the accounts.
        domain: Name,
        #[command(flatten)]
        change: Change,
    },
    /// Forgets another name.
    Rm {
        /// The other name.
        alias: Name,
        #[command(flatten)]
        change: Change,
    },
}

/// What can be done with a catch-all.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum CatchAll {
    /// Delivers mail to unknown addresses of a domain to one address.
    Set {
        /// The domain.
        domain: Name,
        /// Who gets the mail.
        target: Address,
        #[command(flatten)]
        change: Change,
    },
    /// Refuses mail to unknown addresses again.
    Clear(One),
}

impl Domain {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List(read) => read.list(out, Ask::DomainList, COLUMNS),
            Self::Show { domain, read } => read.show(out, Ask::DomainShow(domain)),
            Self::Add(one) => one.run(out, |domain| Command::DomainAdd { domain }),
            Self::Rm(one) => one.run(out, |domain| Command::DomainRemove { domain }),
            Self::Enable(one) => one.run(out, |domain| enable(domain, true)),
            Self::Disable(one) => one.run(out, |domain| enable(domain, false)),
            Self::Alias(OtherName::Add {
                alias,
                domain,
                change,
            }) => change.carry_out(out, &[Command::DomainAliasAdd { alias, domain }]),
            Self::Alias(OtherName::Rm { alias, change }) => {
                change.carry_out(out, &[Command::DomainAliasRemove { alias }])
            }
            Self::CatchAll(CatchAll::Set {
                domain,
                target,
                change,
            }) => {
                let target = Some(target);
                change.carry_out(out, &[Command::CatchAllSet { domain, target }])
            }
            Self::CatchAll(CatchAll::Clear(one)) => one.run(out, |domain| Command::CatchAllSet {
                domain,
                target: None,
            }),
            Self::Dns(command) => command.run(out),
            Self::Check(command) => command.run(out),
            Self::Dkim(command) => command.run(out),
            Self::Plus {
                domain,
                switch,
                change,
            } => {
                let enabled = switch == Switch::On;
                change.carry_out(out, &[Command::DomainPlusAddressing { domain, enabled }])
            }
        }
    }
}

impl One {
    fn run(self, out: &mut dyn Write, command: impl FnOnce(Name) -> Command) -> anyhow::Result<()> {
        self.change.carry_out(out, &[command(self.domain)])
    }
}

fn enable(domain: Name, enabled: bool) -> Command {
    Command::DomainEnable { domain, enabled }
}
