//! What DNS must say so that mail of a domain comes in, is taken elsewhere, and is found by programs.

use policy::change::{DkimUse, Service as Kind};
use policy::{Config, DkimKey};
use serde::{Deserialize, Serialize};
use types::Domain;

use crate::Service;
use crate::actor::Actor;
use crate::error::ServiceResult;

/// A record that DNS should have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedRecord {
    /// What it does: `mx`, `address`, `reverse`, `spf`, `dkim`, `dmarc` or `client`.
    pub purpose: String,
    /// Its name, without a dot at the end.
    pub name: String,
    /// Its type, such as `MX`.
    pub kind: String,
    /// Its value as it stands in a zone file, texts without quotes; empty where only the owner of
    /// the machine knows it.
    pub value: String,
    /// Whether mail suffers without it.
    pub needed: bool,
    /// What it is for, in a sentence.
    pub why: String,
}

/// What a record does, its name, type and value, and what it is for.
type Row<'a> = (&'a str, String, &'a str, String, &'a str);

impl Service {
    /// The records that a domain should have, as the server is configured now.
    pub fn dns_wanted(&self, actor: &Actor, name: &Domain) -> ServiceResult<Vec<WantedRecord>> {
        self.domain_show(actor, name)?;
        Ok(wanted(&self.config(), name))
    }
}

fn wanted(config: &Config, domain: &Domain) -> Vec<WantedRecord> {
    let host = config.settings().host_name.as_str();
    let needed: [Row<'_>; 5] = [
        (
            "mx",
            domain.to_string(),
            "MX",
            format!("10 {host}."),
            "Other servers bring mail of the domain here.",
        ),
        (
            "address",
            host.to_owned(),
            "A",
            String::new(),
            "The address of this server, as others reach it (AAAA for IPv6).",
        ),
        (
            "reverse",
            host.to_owned(),
            "PTR",
            format!("{host}."),
            "Many servers refuse mail from an address that has no name; whoever gave you the address sets it.",
        ),
        (
            "spf",
            domain.to_string(),
            "TXT",
            "v=spf1 mx -all".to_owned(),
            "Other servers believe that mail from here is yours, and no other.",
        ),
        (
            "dmarc",
            format!("_dmarc.{domain}"),
            "TXT",
            "v=DMARC1; p=none".to_owned(),
            "Large providers ask for it. Make it p=quarantine or p=reject once all your mail is signed.",
        ),
    ];
    let mut all: Vec<_> = needed.map(|row| record(row, true)).into();
    all.extend(config.dkim_keys(domain).map(of_key));
    all.extend(of_clients(config, domain, host));
    all
}

fn record((purpose, name, kind, value, why): Row<'_>, needed: bool) -> WantedRecord {
    WantedRecord {
        purpose: purpose.to_owned(),
        name,
        kind: kind.to_owned(),
        value,
        needed,
        why: why.to_owned(),
    }
}

fn of_key(key: &DkimKey) -> WantedRecord {
    let (needed, why) = match key.state {
        DkimUse::Signs => (true, "Others check the signatures of your mail with it."),
        DkimUse::Waits => (
            false,
            "A new key: once it stands in DNS, `sealpost domain dkim rotate` signs with it.",
        ),
        DkimUse::Rests => (
            false,
            "A former key: it stays until mail that was signed with it has arrived, about a week.",
        ),
    };
    let name = key.made.id.to_string();
    record(("dkim", name, "TXT", key.made.record(), why), needed)
}

/// Where mail programs find their servers (RFC 6186 §3, RFC 8314 §5.1); only under TLS from the
/// first octet.
fn of_clients(config: &Config, domain: &Domain, host: &str) -> Vec<WantedRecord> {
    let mut all = Vec::new();
    for (service, label) in [
        (Kind::Submissions, "_submissions"),
        (Kind::Imaps, "_imaps"),
        (Kind::Pop3s, "_pop3s"),
    ] {
        let mut ports = (config.listeners())
            .filter(|listener| listener.service == service && config.service_is_on(service))
            .map(|listener| listener.address.port());
        if let Some(port) = ports.next() {
            all.push(record(
                (
                    "client",
                    format!("{label}._tcp.{domain}"),
                    "SRV",
                    format!("0 1 {port} {host}."),
                    "Mail programs set themselves up.",
                ),
                false,
            ));
        }
    }
    all
}
