//! `sealpost service`: which protocols are spoken, and where.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use service::{Command, Guarded};

use super::access::Access;
use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::output::Column;

const COLUMNS: &[Column] = &[
    Column("SERVICE", "service"),
    Column("ENABLED", "enabled"),
    Column("LISTENS ON", "listeners"),
];

/// What can be done with services.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Service {
    /// Lists all services with the addresses they listen on.
    List(Read),
    /// Switches a service on.
    On(One),
    /// Switches a service off. Sessions that are open go on, unless --end-sessions is given.
    Off(Closing<One>),
    /// Addresses and ports of a service.
    #[command(subcommand)]
    Listen(Listen),
    /// From where a service may be used.
    Access {
        /// smtp, submission, submissions, imap, imaps, pop3, pop3s, managesieve or metrics.
        service: policy::Service,
        /// Only the listener with this address and port, such as 192.0.2.1:993.
        #[arg(long, value_name = "ADDRESS:PORT")]
        listener: Option<SocketAddr>,
        #[command(subcommand)]
        access: Access,
    },
}

/// A change of one service.
#[derive(Debug, clap::Args)]
pub(crate) struct One {
    /// smtp, submission, submissions, imap, imaps, pop3, pop3s, managesieve or metrics.
    service: policy::Service,
    #[command(flatten)]
    change: Change,
}

/// A change that closes listeners.
#[derive(Debug, clap::Args)]
pub(crate) struct Closing<What: clap::Args> {
    #[command(flatten)]
    what: What,
    /// End the sessions that came in there; they get 20 seconds to finish.
    #[arg(long)]
    end_sessions: bool,
}

/// What can be done with listeners.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Listen {
    /// Lets a service listen on one more address and port.
    Add(Listener),
    /// No longer lets it. Sessions that are open go on, unless --end-sessions is given.
    Rm(Closing<Listener>),
}

/// Where a service listens.
#[derive(Debug, clap::Args)]
pub(crate) struct Listener {
    /// smtp, submission, submissions, imap, imaps, pop3, pop3s, managesieve or metrics.
    service: policy::Service,
    /// An address of this machine; 0.0.0.0 or :: for all of its kind.
    address: IpAddr,
    /// The port; without it, the registered one.
    port: Option<u16>,
    #[command(flatten)]
    change: Change,
}

impl One {
    fn enable(self, out: &mut dyn Write, enabled: bool) -> anyhow::Result<()> {
        let service = self.service;
        let command = Command::ServiceEnable { service, enabled };
        self.change.carry_out(out, &[command])
    }
}

impl Service {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List(read) => read.list(out, Ask::ServiceList, COLUMNS),
            Self::On(one) => one.enable(out, true),
            Self::Off(Closing { what, end_sessions }) => {
                let change = what.change.ending_sessions(end_sessions);
                One { change, ..what }.enable(out, false)
            }
            Self::Access {
                service,
                listener,
                access,
            } => {
                let of = match listener {
                    Some(address) => Guarded::Listener(service, address),
                    None => Guarded::Service(service),
                };
                access.run(out, of)
            }
            Self::Listen(Listen::Add(Listener {
                service,
                address,
                port,
                change,
            })) => {
                let port = port.unwrap_or(service.port());
                let command = Command::ListenerAdd {
                    service,
                    address,
                    port,
                };
                change.carry_out(out, &[command])
            }
            Self::Listen(Listen::Rm(Closing { what, end_sessions })) => {
                let Listener {
                    service,
                    address,
                    port,
                    change,
                } = what;
                let port = port.unwrap_or(service.port());
                let command = Command::ListenerRemove {
                    service,
                    address,
                    port,
                };
                let change = change.ending_sessions(end_sessions);
                change.carry_out(out, &[command])
            }
        }
    }
}
