//! `sealpost forward`, `vacation` and `senders`: settings of an account that are rules.

use std::io::Write;

use policy::{Sender, SenderList};
use service::{Command, RuleAt};
use sieve::Day;
use types::{Address, Domain};

use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::exit::Failure;
use crate::output::Column;

const SENDERS: &[Column] = &[
    Column("WHOSE LIST", "whose"),
    Column("LIST", "list"),
    Column("SENDER", "sender"),
];

/// Where all mail of an account is sent.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Forward {
    /// Sends all mail of an account on; `rules list --account` shows it.
    Set {
        /// The account.
        account: Address,
        /// To whom; several may stand.
        #[arg(required = true)]
        to: Vec<Address>,
        /// The account keeps it too.
        #[arg(long)]
        keep_copy: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Sends it on no longer.
    Off {
        /// The account.
        account: Address,
        #[command(flatten)]
        change: Change,
    },
}

/// What an account answers while its owner is away.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Vacation {
    /// Answers each sender once in some days; never lists, programs or mail that does not name the owner.
    Set {
        /// The account.
        account: Address,
        /// What it says.
        #[arg(long)]
        text: String,
        /// Its subject; else that of the message with `Auto:` before it.
        #[arg(long)]
        subject: Option<String>,
        /// Days in which a sender is answered once.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=365))]
        days: u16,
        /// The first day, such as 2026-12-24.
        #[arg(long)]
        from: Option<Day>,
        /// The last day.
        #[arg(long)]
        until: Option<Day>,
        #[command(flatten)]
        change: Change,
    },
    /// Answers no longer.
    Off {
        /// The account.
        account: Address,
        #[command(flatten)]
        change: Change,
    },
}

/// Senders whom an account or a domain trusts or wants nothing from.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Senders {
    /// Lists them: of an account, of a domain, or all.
    List {
        /// The lists of an account.
        #[arg(long, conflicts_with = "domain")]
        account: Option<Address>,
        /// The lists of a domain, which count for its accounts where these say nothing.
        #[arg(long)]
        domain: Option<Domain>,
        #[command(flatten)]
        read: Read,
    },
    /// Puts senders on the list of those that rules can ask for as trusted.
    Trust(Named),
    /// Refuses mail from these senders, in the session that brings it.
    Block(Named),
    /// Takes senders off a list.
    Rm {
        /// `trusted` or `blocked`.
        list: Which,
        #[command(flatten)]
        named: Named,
    },
}

/// The two lists.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Which {
    /// Those that are trusted.
    Trusted,
    /// Those whose mail is refused.
    Blocked,
}

/// Whose list, and which senders.
#[derive(Debug, clap::Args)]
pub(crate) struct Named {
    /// Addresses, or domains for all addresses of them.
    #[arg(required = true)]
    senders: Vec<Sender>,
    /// The list of an account.
    #[arg(long, conflicts_with = "domain")]
    account: Option<Address>,
    /// The list of a domain, which counts for its accounts.
    #[arg(long)]
    domain: Option<Domain>,
    #[command(flatten)]
    change: Change,
}

impl Forward {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let (account, forward, change) = match self {
            Self::Set {
                account,
                to,
                keep_copy,
                change,
            } => (account, Some(service::Forward { to, keep_copy }), change),
            Self::Off { account, change } => (account, None, change),
        };
        change.carry_out(out, &[Command::ForwardSet { account, forward }])
    }
}

impl Vacation {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let (account, vacation, change) = match self {
            Self::Set {
                account,
                text,
                subject,
                days,
                from,
                until,
                change,
            } => {
                let vacation = service::Vacation {
                    subject,
                    text,
                    days,
                    from,
                    until,
                };
                (account, Some(vacation), change)
            }
            Self::Off { account, change } => (account, None, change),
        };
        change.carry_out(out, &[Command::VacationSet { account, vacation }])
    }
}

impl Senders {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List {
                account,
                domain,
                read,
            } => {
                let of = account.map(RuleAt::Account);
                let of = of.or_else(|| domain.map(RuleAt::Domain));
                read.list(out, Ask::SendersList(of), SENDERS)
            }
            Self::Trust(named) => named.carry_out(out, SenderList::Trusted, true),
            Self::Block(named) => named.carry_out(out, SenderList::Blocked, true),
            Self::Rm { list, named } => {
                let list = match list {
                    Which::Trusted => SenderList::Trusted,
                    Which::Blocked => SenderList::Blocked,
                };
                named.carry_out(out, list, false)
            }
        }
    }
}

impl Named {
    fn carry_out(self, out: &mut dyn Write, list: SenderList, present: bool) -> anyhow::Result<()> {
        let of = match (self.account, self.domain) {
            (Some(account), _) => RuleAt::Account(account),
            (None, Some(domain)) => RuleAt::Domain(domain),
            (None, None) => {
                let words = "whose list? Add --account ADDRESS or --domain DOMAIN";
                return Err(Failure::usage(words).into());
            }
        };
        let command = Command::SendersChange {
            of,
            list,
            senders: self.senders,
            present,
        };
        self.change.carry_out(out, &[command])
    }
}
