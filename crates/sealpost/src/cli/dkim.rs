//! `sealpost domain dkim`: the keys with which mail of a domain is signed.

use std::io::Write;

use anyhow::bail;
use net::{DnsError, Resolver};
use policy::change::DkimName;
use serde_json::Value;
use service::{Command, DkimView};
use types::Domain as Name;

use super::ask::{Change, Read};
use super::dns_source::DnsSource;
use crate::control::protocol::Ask;
use crate::output::{Column, visible};
use crate::place::Place;
use crate::run;

const COLUMNS: &[Column] = &[
    Column("KEY", "name"),
    Column("ALGORITHM", "algorithm"),
    Column("STATE", "state"),
    Column("ENTRY", "entry"),
];
/// Octets of one piece of a text in DNS (RFC 1035 §3.3).
const PIECE_MAX_OCTETS: usize = 255;

/// What can be done with the keys of a domain.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Dkim {
    /// Makes new keys and prints their records for DNS; once these stand there, the same command
    /// signs with them.
    Rotate {
        /// The domain.
        domain: Name,
        /// Signs with the new keys without looking for their records.
        #[arg(long)]
        now: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Lists the keys of a domain, and the records that DNS must have.
    Show {
        /// The domain.
        domain: Name,
        #[command(flatten)]
        read: Read,
    },
    /// Signs mail of a domain no longer.
    Off {
        /// The domain.
        domain: Name,
        #[command(flatten)]
        change: Change,
    },
    /// Forgets a key.
    Rm {
        /// The key, by the name of its record.
        key: DkimName,
        #[command(flatten)]
        change: Change,
    },
}

impl Dkim {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        match self {
            Self::Rotate {
                domain,
                now,
                change,
            } => rotate(out, &domain, now, &change),
            Self::Show { domain, read } => {
                if read.format.json {
                    return read.list(out, Ask::DkimList(domain), COLUMNS);
                }
                let keys = keys(&read.place, &domain)?;
                if keys.is_empty() {
                    writeln!(
                        out,
                        "Mail of {domain} is not signed. Make keys with `sealpost domain dkim rotate {domain}`."
                    )?;
                    return Ok(());
                }
                read.list(out, Ask::DkimList(domain), COLUMNS)?;
                writeln!(out, "\nRecords that DNS must have:")?;
                records(out, &keys)
            }
            Self::Off { domain, change } => change.carry_out(out, &[Command::DkimRest { domain }]),
            Self::Rm { key, change } => change.carry_out(out, &[Command::DkimRemove { key }]),
        }
    }
}

fn keys(place: &Place, domain: &Name) -> anyhow::Result<Vec<DkimView>> {
    let told: Value = place.client()?.ask(Ask::DkimList(domain.clone()))?;
    Ok(serde_json::from_value(told)?)
}

fn rotate(out: &mut dyn Write, domain: &Name, now: bool, change: &Change) -> anyhow::Result<()> {
    let waiting = |change: &Change| -> anyhow::Result<Vec<DkimView>> {
        Ok(keys(&change.place, domain)?
            .into_iter()
            .filter(|key| key.state == "waits")
            .collect())
    };
    let mut keys = waiting(change)?;
    if keys.is_empty() {
        let domain = domain.clone();
        change.carry_out(out, &[Command::DkimCreate { domain }])?;
        keys = waiting(change)?;
        // None after a dry run.
        if keys.is_empty() || (change.format.json && !now) {
            return Ok(());
        }
        if !now {
            writeln!(
                out,
                "\nPut these records into DNS, then give the same command again:"
            )?;
            return records(out, &keys);
        }
    } else if !now {
        let missing = missing(&keys, change)?;
        if !missing.is_empty() {
            writeln!(
                out,
                "The new keys are not used yet, since DNS does not have their records:"
            )?;
            records(out, &keys)?;
            bail!(
                "{}; give the same command again when DNS has them (`--now` does not wait for it)",
                missing.join("; ")
            );
        }
    }
    let domain = domain.clone();
    change.carry_out(out, &[Command::DkimSign { domain }])
}

/// What DNS lacks, asked from here in the way of the server's start file.
fn missing(keys: &[DkimView], change: &Change) -> anyhow::Result<Vec<String>> {
    let (resolver, _) = DnsSource::default().resolver(&change.place)?;
    let look = async {
        let mut missing = Vec::new();
        for key in keys {
            missing.extend(lack(&resolver, key).await);
        }
        missing
    };
    Ok(run::runtime()?.block_on(look))
}

async fn lack(resolver: &Resolver, key: &DkimView) -> Option<String> {
    let name = &key.name;
    match resolver.txt(name).await {
        // With several records a receiver may take any of them (RFC 6376 §3.6.2.2).
        Ok(found) if matches!(found.as_slice(), [text] if same(text, &key.record)) => None,
        Ok(_) => Some(format!("{name} says something else")),
        Err(DnsError::NoSuchName | DnsError::NoRecords) => Some(format!("{name} is not there")),
        Err(err) => Some(format!("{name}: {err}")),
    }
}

/// Whether two records publish the same key; white space does not count (RFC 6376 §3.2).
pub(super) fn same(found: &[u8], expected: &str) -> bool {
    let plain = |text: &[u8]| {
        let mut text = text.to_vec();
        text.retain(|octet| !octet.is_ascii_whitespace());
        text.strip_suffix(b";").map(<[u8]>::to_vec).unwrap_or(text)
    };
    plain(found) == plain(expected.as_bytes())
}

/// Records as they stand in a zone file.
fn records(out: &mut dyn Write, keys: &[DkimView]) -> anyhow::Result<()> {
    for key in keys {
        let line = format!("{}. IN TXT {}", key.name, zone_text(&key.record));
        writeln!(out, "{}", visible(&line))?;
    }
    Ok(())
}

/// A text as it stands in a zone file, in as many pieces as it needs.
pub(super) fn zone_text(text: &str) -> String {
    let pieces = text.as_bytes().chunks(PIECE_MAX_OCTETS);
    let quoted: Vec<_> = pieces
        .map(|piece| format!("\"{}\"", String::from_utf8_lossy(piece)))
        .collect();
    format!("( {} )", quoted.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_in_a_record_does_not_count_and_long_ones_are_cut() {
        assert!(same(b"v=DKIM1;k=rsa; p=AB CD;", "v=DKIM1; k=rsa; p=ABCD"));
        assert!(!same(b"v=DKIM1; k=rsa; p=ABCE", "v=DKIM1; k=rsa; p=ABCD"));
        let key = DkimView {
            name: "s1._domainkey.example.org".to_owned(),
            algorithm: "rsa-sha256".to_owned(),
            state: "waits".to_owned(),
            record: "x".repeat(300),
            entry: None,
        };
        let mut out = Vec::new();
        records(&mut out, &[key]).unwrap();
        let line = format!(
            "s1._domainkey.example.org. IN TXT ( \"{}\" \"{}\" )\n",
            "x".repeat(255),
            "x".repeat(45)
        );
        assert_eq!(String::from_utf8(out).unwrap(), line);
    }
}
