//! `sealpost check`: what a message says of who sent it, for support.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use net::{Judge, Sent, Verdict};
use serde_json::json;

use super::dns_source::DnsSource;
use crate::exit::Failure;
use crate::output::{json_line, visible};
use crate::place::Place;
use crate::run;

/// Octets of a message that is checked.
const MESSAGE_MAX_OCTETS: u64 = 100 * 1024 * 1024;

/// What can be checked.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Check {
    /// Says what SPF, DKIM, DMARC and ARC say of a message, and why.
    Message {
        /// The message as it came, in a file.
        file: PathBuf,
        #[command(flatten)]
        sent: How,
        #[command(flatten)]
        asked: Asked,
    },
    /// Says whether an address may send for a sender (SPF).
    Spf {
        #[command(flatten)]
        sent: How,
        #[command(flatten)]
        asked: Asked,
    },
    /// Says whether the seals of those who sent a message on hold (ARC).
    Arc {
        /// The message as it came, in a file.
        file: PathBuf,
        #[command(flatten)]
        asked: Asked,
    },
}

/// How a message came.
#[derive(Debug, clap::Args)]
pub(crate) struct How {
    /// The address from which it came.
    #[arg(long)]
    ip: IpAddr,
    /// The name that the other server gave (HELO or EHLO).
    #[arg(long)]
    helo: String,
    /// The sender of its envelope; empty for a report.
    #[arg(long)]
    from: String,
}

/// Whom to ask, and how to tell.
#[derive(Debug, clap::Args)]
pub(crate) struct Asked {
    #[command(flatten)]
    dns: DnsSource,
    /// One JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

impl Check {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::Message { file, sent, asked } => {
                let message = read(&file, MESSAGE_MAX_OCTETS)?;
                let look = async |judge: &Judge, own_name: &str| {
                    judge.message(&message, sent.sent(own_name)).await
                };
                let told = asked.judge(look)?.ok_or_else(|| no_message(&file))?;
                if asked.json {
                    return Ok(json_line(out, &told)?);
                }
                line(out, "SPF", &told.spf)?;
                for one in &told.dkim {
                    line(out, "DKIM", one)?;
                }
                if told.dkim.is_empty() {
                    writeln!(out, "DKIM   none       the message is not signed")?;
                }
                line(out, "DMARC", &told.dmarc)?;
                line(out, "ARC", &told.arc)
            }
            Self::Spf { sent, asked } => {
                let look =
                    async |judge: &Judge, own_name: &str| judge.spf(sent.sent(own_name)).await;
                let told = asked.judge(look)?;
                match asked.json {
                    true => Ok(json_line(out, &told)?),
                    false => line(out, "SPF", &told),
                }
            }
            Self::Arc { file, asked } => {
                let message = read(&file, MESSAGE_MAX_OCTETS)?;
                let told = asked.judge(async |judge: &Judge, _: &str| judge.arc(&message).await)?;
                let told = told.ok_or_else(|| no_message(&file))?;
                match asked.json {
                    true => Ok(json_line(out, &json!({ "arc": told }))?),
                    false => line(out, "ARC", &told),
                }
            }
        }
    }
}

impl How {
    fn sent<'a>(&'a self, own_name: &'a str) -> Sent<'a> {
        Sent {
            address: self.ip,
            helo: &self.helo,
            sender: &self.from,
            receiver: own_name,
        }
    }
}

impl Asked {
    fn judge<T>(&self, look: impl AsyncFnOnce(&Judge, &str) -> T) -> anyhow::Result<T> {
        let (resolver, own_name) = self.dns.resolver(&self.place)?;
        let own_name = own_name.unwrap_or_else(|| "localhost".to_owned());
        run::runtime()?.block_on(async {
            let judge = Judge::new(&resolver).await?;
            Ok(look(&judge, &own_name).await)
        })
    }
}

/// A file that is not too large.
pub(super) fn read(file: &Path, max_octets: u64) -> anyhow::Result<Vec<u8>> {
    let about = || format!("{}", file.display());
    let size = fs::metadata(file).with_context(about)?.len();
    if size > max_octets {
        bail!(Failure::usage(format!(
            "{} has {size} octets; at most {max_octets} are read",
            file.display()
        )));
    }
    fs::read(file).with_context(about)
}

fn no_message(file: &Path) -> anyhow::Error {
    Failure::usage(format!(
        "{} holds no message: it has no header",
        file.display()
    ))
    .into()
}

fn line(out: &mut dyn Write, method: &str, verdict: &Verdict) -> anyhow::Result<()> {
    let Verdict {
        result,
        domain,
        reason,
        ..
    } = verdict;
    let text = [domain.as_str(), reason.as_str()];
    let text: Vec<_> = text.into_iter().filter(|text| !text.is_empty()).collect();
    writeln!(out, "{method:6} {result:10} {}", visible(&text.join(": ")))?;
    Ok(())
}
