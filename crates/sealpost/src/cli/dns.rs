//! `sealpost domain dns` and `sealpost domain check`: what DNS should say of a domain, and does.

use std::io::Write;

use anyhow::bail;
use net::{DnsError, Judge, Resolver, ResolverError, Sent};
use serde::Serialize;
use serde_json::Value;
use service::WantedRecord;
use types::Domain as Name;

use super::ask::Read;
use super::dkim::{same, zone_text};
use super::dns_source::DnsSource;
use crate::control::protocol::Ask;
use crate::exit::{Exit, Failure};
use crate::output::{json_line, visible};
use crate::run;

/// Characters of what DNS says that are shown of one record.
const FOUND_MAX: usize = 300;
/// Characters of a value in a sentence; `sealpost domain dns` shows more of it.
const SENTENCE_PART_MAX: usize = 60;

/// `sealpost domain dns`
#[derive(Debug, clap::Args)]
pub(crate) struct Dns {
    #[command(flatten)]
    about: About,
    /// Prints the records as they stand in a zone file, and asks nobody.
    #[arg(long)]
    zone: bool,
}

/// `sealpost domain check`
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    #[command(flatten)]
    about: About,
}

#[derive(Debug, clap::Args)]
struct About {
    /// The domain.
    domain: Name,
    #[command(flatten)]
    dns: DnsSource,
    #[command(flatten)]
    read: Read,
}

/// How a record is found in DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Missing,
    Differs,
    /// DNS did not answer.
    Unknown,
}

/// A record with what DNS says.
#[derive(Debug, Serialize)]
struct Looked {
    state: State,
    #[serde(flatten)]
    wanted: WantedRecord,
    found: String,
}

impl Dns {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        if self.zone {
            let wanted = self.about.wanted()?;
            return zone(out, &wanted);
        }
        let looked = self.about.look()?;
        for one in &looked {
            if self.about.read.format.json {
                json_line(out, one)?;
            } else {
                one.tell(out)?;
            }
        }
        Ok(())
    }
}

impl Check {
    /// Carries it out; fails if a record that mail needs is not right.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let looked = self.about.look()?;
        let domain = &self.about.domain;
        if self.about.read.format.json {
            for one in &looked {
                json_line(out, one)?;
            }
        } else {
            for one in looked.iter().filter(|one| one.state != State::Ok) {
                writeln!(out, "{}", visible(&one.sentence()))?;
            }
            if !looked.iter().any(|one| one.wanted.purpose == "dkim") {
                writeln!(
                    out,
                    "Mail of {domain} is not signed: make keys with `sealpost domain dkim rotate {domain}`."
                )?;
            }
        }
        let of = |state| {
            looked
                .iter()
                .filter(|one| one.wanted.needed && one.state == state)
                .count()
        };
        let (wrong, unknown) = (of(State::Missing) + of(State::Differs), of(State::Unknown));
        match (wrong, unknown) {
            (0, 0) => {
                if !self.about.read.format.json {
                    writeln!(out, "DNS has all that mail of {domain} needs.")?;
                }
                Ok(())
            }
            (0, _) => bail!(Failure::new(
                Exit::Unreachable,
                "DNS did not answer; try again later"
            )),
            (wrong, _) => bail!(Failure::new(
                Exit::Failed,
                format!(
                    "{wrong} records that mail of {domain} needs are not right; see `sealpost domain dns {domain}`"
                )
            )),
        }
    }
}

impl About {
    fn wanted(&self) -> anyhow::Result<Vec<WantedRecord>> {
        let told: Value = (self.read.place.client()?).ask(Ask::DnsWanted(self.domain.clone()))?;
        Ok(serde_json::from_value(told)?)
    }

    fn look(&self) -> anyhow::Result<Vec<Looked>> {
        let wanted = self.wanted()?;
        let (resolver, _) = self.dns.resolver(&self.read.place)?;
        let look = async {
            let host = wanted.iter().find(|one| one.purpose == "address");
            let dns = Asking {
                host: host.map(|one| one.name.clone()).unwrap_or_default(),
                judge: Judge::new(&resolver).await?,
                resolver,
            };
            let mut looked = Vec::with_capacity(wanted.len());
            for wanted in wanted {
                let (state, found) = match dns.compare(&wanted).await {
                    Ok(compared) => compared,
                    Err(DnsError::NoSuchName | DnsError::NoRecords) => {
                        (State::Missing, String::new())
                    }
                    Err(err @ DnsError::Failed(_)) => (State::Unknown, err.to_string()),
                };
                looked.push(Looked {
                    state,
                    wanted,
                    found,
                });
            }
            Ok::<_, ResolverError>(looked)
        };
        Ok(run::runtime()?.block_on(look)?)
    }
}

impl Looked {
    /// All that is known of it.
    fn tell(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let WantedRecord {
            name,
            kind,
            value,
            why,
            ..
        } = &self.wanted;
        let state = match self.state {
            State::Ok => "ok",
            State::Missing => "missing",
            State::Differs => "differs",
            State::Unknown => "unknown",
        };
        writeln!(out, "{state:8} {kind} {}", visible(name))?;
        let found = cut(&self.found, FOUND_MAX);
        for (label, text) in [("expected", value), ("found", &found), ("why", why)] {
            if !text.is_empty() {
                writeln!(out, "         {label:9} {}", visible(text))?;
            }
        }
        Ok(())
    }

    /// What is wrong, and what to do.
    fn sentence(&self) -> String {
        let WantedRecord {
            name,
            kind,
            value,
            why,
            needed,
            ..
        } = &self.wanted;
        let value = cut(value, SENTENCE_PART_MAX);
        let found = cut(&self.found, SENTENCE_PART_MAX);
        let grade = match (self.state, *needed) {
            (State::Unknown, _) => "not known",
            (_, true) => "wrong",
            (_, false) => "could be better",
        };
        let what = match (self.state, kind.as_str()) {
            (State::Unknown, _) => format!("{kind} of {name}: {found}."),
            (State::Missing, "PTR") => format!("no address of {name} has the name {name}."),
            (State::Missing, "A") => format!("{name} has no address."),
            (State::Missing, _) => format!("{name} has no {kind} record {value:?}."),
            (_, _) => format!("{kind} of {name} is {found:?} and should be {value:?}."),
        };
        format!("{grade}: {what} {why}")
    }
}

/// A text that leaves room for what else is said.
fn cut(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What is asked while a domain is looked at.
struct Asking {
    /// The name of this server.
    host: String,
    resolver: Resolver,
    judge: Judge,
}

impl Asking {
    /// What DNS says of a record, and whether that is what it should be.
    async fn compare(&self, wanted: &WantedRecord) -> Result<(State, String), DnsError> {
        let name = wanted.name.as_str();
        let last = wanted.value.rsplit(' ').next().unwrap_or_default();
        let host = last.trim_end_matches('.');
        let (is_right, found): (bool, Vec<String>) = match wanted.purpose.as_str() {
            "mx" => {
                let found = self.resolver.mx(name).await?;
                let shown = found
                    .iter()
                    .map(|mx| format!("{} {}.", mx.preference, mx.host));
                (found.iter().any(|mx| mx.host == host), shown.collect())
            }
            "address" => {
                let found = self.resolver.addresses(name).await?;
                (true, found.iter().map(ToString::to_string).collect())
            }
            "reverse" => return self.reverse(name).await,
            "client" => {
                let found = self.resolver.srv(name).await?;
                let port = wanted
                    .value
                    .split(' ')
                    .nth(2)
                    .and_then(|port| port.parse().ok());
                let is_it = |srv: &net::Srv| Some(srv.port) == port && srv.host == host;
                let shown = found.iter().map(|srv| format!("{}:{}", srv.host, srv.port));
                (found.iter().any(is_it), shown.collect())
            }
            purpose => {
                let found = self.resolver.txt(name).await?;
                let found: Vec<_> = (found.iter())
                    .map(|text| String::from_utf8_lossy(text).into_owned())
                    .filter(|text| is_of(purpose, text))
                    .collect();
                if found.is_empty() {
                    return Err(DnsError::NoRecords);
                }
                // Of each kind there is one, or all of them count for nothing (RFC 7208 §4.5).
                let is_right = match (found.as_slice(), purpose) {
                    ([_], "spf") => return Ok((self.lets_send(name).await?, found.concat())),
                    ([text], _) => fits(purpose, text, wanted),
                    _ => false,
                };
                (is_right, found)
            }
        };
        let state = if is_right { State::Ok } else { State::Differs };
        Ok((state, found.join(", ")))
    }

    /// Whether an address of the server leads back to its name.
    async fn reverse(&self, host: &str) -> Result<(State, String), DnsError> {
        let (mut found, mut is_right) = (Vec::new(), true);
        for address in self.resolver.addresses(host).await? {
            let names = match self.resolver.names(address).await {
                Ok(names) => names,
                Err(DnsError::NoSuchName | DnsError::NoRecords) => Vec::new(),
                Err(err) => return Err(err),
            };
            is_right &= names.iter().any(|name| name == host);
            found.push(format!(
                "{address}: {}",
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(" ")
                }
            ));
        }
        let state = if is_right { State::Ok } else { State::Differs };
        Ok((state, found.join(", ")))
    }

    /// Whether others believe each address of this server when it sends for a domain.
    async fn lets_send(&self, domain: &str) -> Result<State, DnsError> {
        let sender = format!("postmaster@{domain}");
        let mut state = State::Ok;
        for address in self.resolver.addresses(&self.host).await? {
            let sent = Sent {
                address,
                helo: &self.host,
                sender: &sender,
                receiver: &self.host,
            };
            match self.judge.spf(sent).await.result.as_str() {
                "pass" => {}
                "temperror" => return Err(DnsError::Failed("it was asked for SPF".to_owned())),
                _ => state = State::Differs,
            }
        }
        Ok(state)
    }
}

/// Whether a text at the same name is of this kind.
fn is_of(purpose: &str, text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    match purpose {
        "spf" => text == "v=spf1" || text.starts_with("v=spf1 "),
        "dmarc" => text.starts_with("v=dmarc1"),
        _ => true,
    }
}

/// Whether a record does what it should, though an operator may have reasons for another text.
fn fits(purpose: &str, text: &str, wanted: &WantedRecord) -> bool {
    match purpose {
        "dmarc" => text.to_ascii_lowercase().contains("p="),
        _ => same(text.as_bytes(), &wanted.value),
    }
}

/// The records as they stand in a zone file.
fn zone(out: &mut dyn Write, wanted: &[WantedRecord]) -> anyhow::Result<()> {
    for one in wanted {
        let WantedRecord {
            name, kind, value, ..
        } = one;
        let line = match kind.as_str() {
            "TXT" => format!("{name}. IN TXT {}", zone_text(value)),
            "PTR" => format!("; the reverse zone of each address: PTR {value}"),
            "A" => format!("; {name}. IN A with the address of this server, AAAA for IPv6"),
            _ => format!("{name}. IN {kind} {value}"),
        };
        writeln!(out, "{}", visible(&line))?;
    }
    Ok(())
}
