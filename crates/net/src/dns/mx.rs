//! Which hosts take the mail of a domain (RFC 5321 §5.1).

use std::net::IpAddr;

use super::{DnsError, Mx, Resolver};
use crate::random::Random;

/// Hosts of one domain that are looked at, the most preferred of them.
const HOSTS_MAX: usize = 10;
/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 4;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct MxQuestion<'a> {
    /// The domain of the recipients, in A-labels.
    pub domain: &'a str,
    /// The name of this server: where it is named itself, only hosts before it are tried.
    pub own_name: &'a str,
    /// Whether addresses of this machine and of private networks may be meant; in public DNS they
    /// lead astray.
    pub allows_local: bool,
}

/// A host that takes mail of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailHost {
    /// Its name.
    pub name: String,
    /// Its addresses in the order in which they are tried; at least one.
    pub addresses: Vec<IpAddr>,
}

/// Why mail of a domain can be given to no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MxError {
    /// The domain says that it takes no mail (RFC 7505).
    #[error("the domain says in DNS that it takes no mail")]
    Null,
    /// The domain does not exist.
    #[error("the domain does not exist")]
    NoSuchDomain,
    /// No host of it has an address.
    #[error("the domain has no server for mail: none of its hosts has an address in DNS")]
    NoAddress,
    /// All addresses lead to private networks or to the machine that asks.
    #[error("the servers of the domain have only addresses of private networks")]
    OnlyLocal,
    /// DNS names this server, which does not know the domain.
    #[error("DNS names this very server for the domain, but it is not hosted here")]
    Loop,
    /// DNS did not answer; later it may.
    #[error("{0}")]
    Later(DnsError),
}

/// The hosts that take the mail of a domain, in the order in which they are tried.
pub async fn mail_hosts(
    resolver: &Resolver,
    random: &Random,
    question: MxQuestion<'_>,
) -> Result<Vec<MailHost>, MxError> {
    let found = match resolver.mx(question.domain).await {
        Ok(found) => found,
        // The domain is its own host (RFC 5321 §5.1).
        Err(DnsError::NoRecords) => vec![Mx {
            preference: 0,
            host: question.domain.to_owned(),
        }],
        Err(DnsError::NoSuchName) => return Err(MxError::NoSuchDomain),
        Err(err) => return Err(MxError::Later(err)),
    };
    if found.iter().all(|mx| mx.host.is_empty()) {
        return Err(MxError::Null);
    }
    let ordered = ordered(found, random, question.own_name)?;
    let (mut hosts, mut failed, mut dropped) = (Vec::new(), None, false);
    for name in ordered {
        match resolver.addresses(&name).await {
            Ok(all) => {
                let count = all.len();
                let mut addresses = all;
                addresses.retain(|address| question.allows_local || is_public(*address));
                dropped |= addresses.len() < count;
                addresses.truncate(ADDRESSES_MAX);
                if !addresses.is_empty() {
                    hosts.push(MailHost { name, addresses });
                }
            }
            Err(err @ DnsError::Failed(_)) => failed = Some(err),
            Err(DnsError::NoSuchName | DnsError::NoRecords) => {}
        }
    }
    match (hosts.is_empty(), failed, dropped) {
        (false, ..) => Ok(hosts),
        (true, Some(err), _) => Err(MxError::Later(err)),
        (true, None, true) => Err(MxError::OnlyLocal),
        (true, None, false) => Err(MxError::NoAddress),
    }
}

/// By preference, in no order within one, and nothing from this server's own place on.
fn ordered(found: Vec<Mx>, random: &Random, own_name: &str) -> Result<Vec<String>, MxError> {
    let own = found
        .iter()
        .filter(|mx| mx.host.eq_ignore_ascii_case(own_name));
    let own = own.map(|mx| mx.preference).min();
    let mut ways: Vec<_> = found
        .into_iter()
        .filter(|mx| !mx.host.is_empty() && own.is_none_or(|own| mx.preference < own))
        .map(|mx| (mx.preference, random.number(), mx.host))
        .collect();
    if ways.is_empty() {
        return Err(MxError::Loop);
    }
    ways.sort();
    ways.truncate(HOSTS_MAX);
    Ok(ways.into_iter().map(|(.., host)| host).collect())
}

/// Whether an address can be that of a server on the Internet (RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            !(v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_broadcast()
                || first == 0
                || first >= 224
                || (first == 100 && (64..128).contains(&second)))
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(domain: &str, allows_local: bool) -> String {
        let resolver = Resolver::from_answers(
            r#"{
                "many.test": {"MX": ["20 b.test", "10 a.test", "30 gone.test"]},
                "a.test": {"A": ["192.0.2.1"]}, "b.test": {"A": ["192.0.2.2"]},
                "plain.test": {"A": ["192.0.2.3"], "TXT": ["x"]},
                "null.test": {"MX": ["0 ."]},
                "bare.test": {"TXT": ["no address"]},
                "dead.test": {"MX": ["10 gone.test", "20 bare.test"]},
                "sick.test": "SERVFAIL",
                "half.test": {"MX": ["10 sick.test", "20 b.test"]},
                "weak.test": {"MX": ["10 sick.test", "20 gone.test"]},
                "near.test": {"MX": ["10 home.test"]},
                "home.test": {"A": ["127.0.0.1", "10.0.0.1", "192.168.1.1", "100.64.0.1"],
                              "AAAA": ["::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1"]},
                "ours.test": {"MX": ["10 a.test", "20 MX.example.org", "30 b.test"]},
                "loop.test": {"MX": ["10 mx.example.org.", "20 b.test"]},
                "far.test": {"MX": ["10 alias.test"]},
                "alias.test": {"CNAME": ["b.test"]},
                "wide.test": {"A": ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"]}
            }"#,
        )
        .unwrap();
        let question = MxQuestion {
            domain,
            own_name: "mx.example.org",
            allows_local,
        };
        match mail_hosts(&resolver, &Random::seeded(7), question).await {
            Ok(hosts) => {
                let host = |host: &MailHost| format!("{} {:?}", host.name, host.addresses);
                hosts.iter().map(host).collect::<Vec<_>>().join(", ")
            }
            Err(err) => format!("{err:?}"),
        }
    }

    #[tokio::test]
    async fn hosts_are_tried_by_preference_and_what_leads_nowhere_is_said() {
        for (domain, expected) in [
            ("many.test", "a.test [192.0.2.1], b.test [192.0.2.2]"),
            ("plain.test", "plain.test [192.0.2.3]"),
            ("null.test", "Null"),
            ("none.test", "NoSuchDomain"),
            ("bare.test", "NoAddress"),
            ("dead.test", "NoAddress"),
            ("sick.test", "Later(Failed(\"SERVFAIL\"))"),
            ("half.test", "b.test [192.0.2.2]"),
            ("weak.test", "Later(Failed(\"SERVFAIL\"))"),
            ("near.test", "OnlyLocal"),
            ("ours.test", "a.test [192.0.2.1]"),
            ("loop.test", "Loop"),
            ("far.test", "alias.test [192.0.2.2]"),
            (
                "wide.test",
                "wide.test [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4]",
            ),
        ] {
            assert_eq!(asked(domain, false).await, expected, "{domain}");
        }
        assert_eq!(
            asked("near.test", true).await,
            "home.test [::1, 127.0.0.1, fe80::1, 10.0.0.1]"
        );
    }

    #[tokio::test]
    async fn hosts_of_one_preference_share_the_mail() {
        let resolver = Resolver::from_answers(
            r#"{"d.test": {"MX": ["5 a.test", "5 b.test"]},
                "a.test": {"A": ["192.0.2.1"]}, "b.test": {"A": ["192.0.2.2"]}}"#,
        )
        .unwrap();
        let (random, mut first) = (Random::seeded(3), std::collections::BTreeMap::new());
        for _ in 0..100 {
            let question = MxQuestion {
                domain: "d.test",
                own_name: "mx.example.org",
                allows_local: false,
            };
            let hosts = mail_hosts(&resolver, &random, question).await.unwrap();
            *first.entry(hosts[0].name.clone()).or_insert(0) += 1;
        }
        assert!(first.values().all(|count| *count > 20), "{first:?}");
    }
}
