//! `sealpost proxy`: proxies in front of this server that tell where clients come from.

use std::io::Write;
use std::net::SocketAddr;

use service::Command;
use types::Network;

use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::output::Column;

const COLUMNS: &[Column] = &[Column("PROXY", "network"), Column("AT", "listener")];

/// What can be done with proxies.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Proxy {
    /// Lists the proxies that are believed.
    List(Read),
    /// Believes a proxy: each of its connections must begin with a PROXY header (version 1 or 2),
    /// and whoever it names there is the client.
    Add(One),
    /// Believes a proxy no longer: it is an ordinary client, and its headers are errors.
    Rm(One),
}

/// One proxy.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// Where it connects from, such as 192.0.2.10 or 192.0.2.0/28.
    network: Network,
    /// Only at the listener with this address and port, such as 192.0.2.1:993.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listener: Option<SocketAddr>,
    #[command(flatten)]
    change: Change,
}

impl Proxy {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let (one, trusted) = match self {
            Self::List(read) => return read.list(out, Ask::ProxyList, COLUMNS),
            Self::Add(one) => (one, true),
            Self::Rm(one) => (one, false),
        };
        let command = Command::ProxyChange {
            network: one.network,
            listener: one.listener,
            trusted,
        };
        one.change.carry_out(out, &[command])
    }
}
