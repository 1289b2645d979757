//! `sealpost scanner`: services that look at mail before it is taken.

use std::io::Write;

use clap::ValueEnum;
use policy::change::{IfSilent, ScannerAddress, ScannerKind};
use service::Command;

use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("SCANNER", "scanner"),
    Column("ADDRESS", "address"),
    Column("USED", "used"),
    Column("IF SILENT", "if_silent"),
    Column("SECONDS", "timeout_s"),
    Column("STATE", "state"),
];

/// What can be done with scanners.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Scanner {
    /// Lists the scanners that are used with how they are, and those that answer on this machine
    /// and are not used.
    List(Read),
    /// Shows all mail that comes in to a scanner before it is taken. Mail in which clamd finds a
    /// virus is refused; what rspamd takes for spam goes to Junk, or to quarantine where it is sure
    /// (settings spam_junk_percent and spam_quarantine_percent).
    Set {
        /// Which.
        scanner: Kind,
        /// Where it answers: unix:/run/clamav/clamd.ctl, or an address and a port such as
        /// 127.0.0.1:11333.
        address: ScannerAddress,
        /// What becomes of mail that it does not answer for.
        #[arg(long, default_value = "defer")]
        if_silent: Silence,
        /// How long it is waited for.
        #[arg(long, value_name = "SECONDS", default_value_t = 20)]
        timeout: u32,
        #[command(flatten)]
        change: Change,
    },
    /// Asks a scanner no longer.
    Rm {
        /// Which.
        scanner: Kind,
        #[command(flatten)]
        change: Change,
    },
}

/// A kind of scanner.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// ClamAV's daemon, for viruses.
    Clamd,
    /// Rspamd, for spam.
    Rspamd,
}

/// What becomes of mail that a scanner does not answer for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Silence {
    /// It is taken unseen.
    Accept,
    /// Its sender is told to come again.
    Defer,
}

impl From<Kind> for ScannerKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Clamd => Self::Clamd,
            Kind::Rspamd => Self::Rspamd,
        }
    }
}

impl Scanner {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List(read) => read.list(out, Ask::ScannerList, COLUMNS),
            Self::Set {
                scanner,
                address,
                if_silent,
                timeout,
                change,
            } => {
                let command = Command::ScannerSet {
                    kind: scanner.into(),
                    address,
                    if_silent: match if_silent {
                        Silence::Accept => IfSilent::Accept,
                        Silence::Defer => IfSilent::Defer,
                    },
                    timeout_s: timeout,
                };
                change.carry_out(out, &[command])
            }
            Self::Rm { scanner, change } => {
                let kind = scanner.into();
                change.carry_out(out, &[Command::ScannerRemove { kind }])
            }
        }
    }
}
