//! `sealpost certificate`: what the server shows to clients that speak TLS.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use net::{Certificate as Checked, Clock};
use service::{Command, Password};
use types::CertificateId;

use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::output::Column;
use crate::secret_input;

const COLUMNS: &[Column] = &[
    Column("ID", "id"),
    Column("EXPIRES", "expires"),
    Column("NAMES", "names"),
];

/// What can be done with certificates.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Certificate {
    /// Lists the certificates in force.
    List(Read),
    /// Shows clients this certificate from now on, for the names that stand in it.
    Set {
        /// PEM file with the server's certificate and those between it and the CA.
        #[arg(long, value_name = "FILE")]
        chain: PathBuf,
        /// PEM file with the private key.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        #[command(flatten)]
        change: Change,
    },
    /// Shows clients this certificate no longer.
    Rm {
        /// Its id, such as ct_1.
        id: CertificateId,
        #[command(flatten)]
        change: Change,
    },
}

impl Certificate {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List(read) => read.list(out, Ask::CertificateList, COLUMNS),
            Self::Set { chain, key, change } => change.carry_out(out, &[read(&chain, &key)?]),
            Self::Rm { id, change } => {
                change.carry_out(out, &[Command::CertificateRemove { certificate: id }])
            }
        }
    }
}

/// Checks both files here, where their names can be told, before they are sent.
pub(crate) fn read(chain: &std::path::Path, key: &std::path::Path) -> anyhow::Result<Command> {
    Checked::from_files(chain, key, Clock::real().now())?;
    let chain_pem = std::fs::read_to_string(chain)
        .with_context(|| format!("cannot read {}", chain.display()))?;
    let key_pem = Password(secret_input::file(key)?);
    Ok(Command::CertificateSet { chain_pem, key_pem })
}
