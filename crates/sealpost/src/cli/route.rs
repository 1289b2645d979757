//! `sealpost route` and `sealpost relay`: where mail for other servers goes if not where DNS says.

use std::io::Write;

use clap::ValueEnum;
use net::{MailHost, MxQuestion, Random, mail_hosts};
use policy::change::{RouteFor, RouteHost, RouteTls};
use serde_json::Value;
use service::{Command, Password, RouteFound};
use types::Address;

use super::ask::{Change, Read};
use crate::control::protocol::Ask;
use crate::exit::Failure;
use crate::output::{Column, json_line, visible};
use crate::place::Found;
use crate::run;
use crate::secret_input::{Otherwise, PasswordSource};

/// The port of SMTP between servers, and where one signs in (RFC 5321, RFC 6409).
const SMTP_PORT: u16 = 25;
const SUBMISSION_PORT: u16 = 587;
/// The port of submission under TLS from the first octet (RFC 8314 §7.3).
const SUBMISSIONS_PORT: u16 = 465;

const COLUMNS: &[Column] = &[
    Column("MAIL FOR", "mail"),
    Column("TO", "to"),
    Column("TLS", "tls"),
    Column("PROTOCOL", "protocol"),
    Column("SIGNS IN AS", "user"),
    Column("ENTRY", "entry"),
];

/// What can be done with routes.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Route {
    /// Lists all routes; * is the relay.
    List(Read),
    /// Hands mail for a domain to a host, whatever DNS says.
    Add {
        /// The domain of the recipients.
        domain: RouteFor,
        #[command(flatten)]
        to: To,
        #[command(flatten)]
        change: Change,
    },
    /// Hands mail for a domain to the hosts that DNS names again.
    Rm {
        /// The domain of the recipients.
        domain: RouteFor,
        #[command(flatten)]
        change: Change,
    },
    /// Says where mail for an address goes, and why.
    Test {
        /// The address.
        address: Address,
        #[command(flatten)]
        read: Read,
    },
}

/// What can be done with the relay (smart host): the route of all mail that has no other.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Relay {
    /// Shows it.
    Show(Read),
    /// Hands all mail for other servers to a host.
    Set {
        #[command(flatten)]
        to: To,
        #[command(flatten)]
        change: Change,
    },
    /// Hands all mail for other servers to the hosts that DNS names again.
    Off {
        #[command(flatten)]
        change: Change,
    },
}

/// A host and how it is spoken to.
#[derive(Debug, clap::Args)]
pub(crate) struct To {
    /// The host: NAME, NAME:PORT, an IP address, or [IPV6]:PORT. The port is 25 if none is said, 587
    /// with --user, and 465 with --tls implicit.
    host: String,
    /// How the connection is secured: opportunistic if nothing is said, starttls with --user.
    #[arg(long)]
    tls: Option<Tls>,
    /// The host speaks LMTP.
    #[arg(long)]
    lmtp: bool,
    /// Sign in there under this name; the password is asked for.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Read the password from the first line of FILE; `-` is standard input.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<std::path::PathBuf>,
}

/// How a connection is secured.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Tls {
    /// Never.
    None,
    /// Where it is offered; the certificate is not checked.
    Opportunistic,
    /// By STARTTLS with a certificate that is checked.
    Starttls,
    /// From the first octet, with a certificate that is checked.
    Implicit,
}

impl To {
    fn command(self, mail: RouteFor, change: &Change) -> anyhow::Result<Command> {
        let tls = match (self.tls, &self.user) {
            (Some(Tls::None), _) => RouteTls::None,
            (Some(Tls::Opportunistic), _) | (None, None) => RouteTls::Opportunistic,
            (Some(Tls::Starttls), _) | (None, Some(_)) => RouteTls::StartTls,
            (Some(Tls::Implicit), _) => RouteTls::Implicit,
        };
        let usual = match (tls, &self.user) {
            (RouteTls::Implicit, _) => SUBMISSIONS_PORT,
            (_, Some(_)) => SUBMISSION_PORT,
            _ => SMTP_PORT,
        };
        let (host, port) = place(&self.host, usual)?;
        let sign_in = match self.user {
            None => None,
            Some(user) => {
                let whose = format!("{user} at {host}");
                let source = PasswordSource::of_file(self.password_file);
                let password = match change.otherwise() {
                    Otherwise::TakeAny => source.read(Otherwise::TakeAny, &whose)?,
                    otherwise => source.read_known(otherwise, &whose)?,
                };
                Some((user, Password(password.secret)))
            }
        };
        Ok(Command::RouteSet {
            mail,
            host,
            port,
            tls,
            lmtp: self.lmtp,
            sign_in,
        })
    }
}

/// Host and port of a text.
fn place(text: &str, usual: u16) -> anyhow::Result<(RouteHost, u16)> {
    let wrong = || {
        let words = format!(
            "{text:?} is no host: write mx.example.net, mx.example.net:25, 192.0.2.1 or [2001:db8::1]:25"
        );
        Failure::usage(words)
    };
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']').ok_or_else(wrong)?;
            (
                host,
                behind
                    .strip_prefix(':')
                    .or((behind.is_empty()).then_some(""))
                    .ok_or_else(wrong)?,
            )
        }
        None if text.matches(':').count() > 1 => (text, ""),
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let port = match port {
        "" if !text.ends_with(':') => usual,
        port => port.parse().map_err(|_| wrong())?,
    };
    Ok((host.parse().map_err(|_| wrong())?, port))
}

impl Route {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::List(read) => read.list(out, Ask::RouteList, COLUMNS),
            Self::Add { domain, to, change } => {
                let command = to.command(domain, &change)?;
                change.carry_out(out, &[command])
            }
            Self::Rm { domain, change } => {
                change.carry_out(out, &[Command::RouteRemove { mail: domain }])
            }
            Self::Test { address, read } => test(out, &address, &read),
        }
    }
}

impl Relay {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::Show(read) => {
                let routes = read.place.client()?.ask(Ask::RouteList)?;
                let all = routes.as_array().into_iter().flatten();
                match all.into_iter().find(|route| route["mail"] == "*") {
                    Some(route) => Ok(read.format.details(out, route)?),
                    None => {
                        eprintln!("There is no relay: mail goes to the hosts that DNS names.");
                        Ok(())
                    }
                }
            }
            Self::Set { to, change } => {
                let command = to.command(RouteFor::All, &change)?;
                change.carry_out(out, &[command])
            }
            Self::Off { change } => {
                let mail = RouteFor::All;
                change.carry_out(out, &[Command::RouteRemove { mail }])
            }
        }
    }
}

fn test(out: &mut dyn Write, address: &Address, read: &Read) -> anyhow::Result<()> {
    let told: Value = read.place.client()?.ask(Ask::RouteTest(address.clone()))?;
    if read.format.json {
        return Ok(json_line(out, &told)?);
    }
    let line = match serde_json::from_value(told)? {
        RouteFound::Here => format!("{} is hosted here: its mail stays here.", address.domain()),
        RouteFound::Route(route) if route.mail == "*" => format!(
            "To {}, the relay of all mail for other servers (TLS: {}).",
            route.to, route.tls
        ),
        RouteFound::Route(route) => format!(
            "To {}, by the route for {} (TLS: {}).",
            route.to, route.mail, route.tls
        ),
        RouteFound::Dns(domain) => by_dns(&domain, read)?,
    };
    writeln!(out, "{}", visible(&line))?;
    Ok(())
}

/// What DNS says, asked from here in the way of the server's start file.
fn by_dns(domain: &str, read: &Read) -> anyhow::Result<String> {
    let Found::File(file) = read.place.find()? else {
        return Ok(format!("To the hosts that DNS names for {domain}."));
    };
    let resolver = file.outbound.resolver();
    let question = MxQuestion {
        domain,
        own_name: file.host_name.as_str(),
        allows_local: file.outbound.local_targets,
    };
    let found = run::runtime()?.block_on(mail_hosts(&resolver, &Random::system(), question));
    let host = |host: &MailHost| {
        let addresses: Vec<_> = host.addresses.iter().map(ToString::to_string).collect();
        format!("\n  {} ({})", host.name, addresses.join(", "))
    };
    Ok(match found {
        Ok(hosts) => {
            let hosts: String = hosts.iter().map(host).collect();
            format!("To the first of these that answers, as DNS names them for {domain}:{hosts}")
        }
        Err(err) => format!("Nowhere now, as DNS has it for {domain}: {err}."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_have_a_port() {
        for (text, expected) in [
            ("mx.example.net", Some(("mx.example.net", 25))),
            ("mx.example.net:2525", Some(("mx.example.net", 2_525))),
            ("192.0.2.1:24", Some(("192.0.2.1", 24))),
            ("2001:db8::1", Some(("2001:db8::1", 25))),
            ("[2001:db8::1]", Some(("2001:db8::1", 25))),
            ("[2001:db8::1]:26", Some(("2001:db8::1", 26))),
            ("mx.example.net:", None),
            ("mx.example.net:x", None),
            ("mx.example.net:70000", None),
            ("[2001:db8::1]26", None),
            ("", None),
        ] {
            let found = place(text, SMTP_PORT).ok();
            let found = found.as_ref().map(|(host, port)| (host.as_str(), *port));
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
