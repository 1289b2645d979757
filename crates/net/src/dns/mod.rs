//! Questions to DNS (RFC 1035): asked of a server, or answered from a text for tests and support.
//!
//! Every question has an end and every answer a bound. Answers are not checked by DNSSEC.

mod answers;
mod loopback;
mod mx;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{Resolver as Hickory, TokioResolver};
use tokio::time::timeout;

use answers::Answers;
pub use answers::AnswersError;
pub(crate) use loopback::Loopback;
pub use mx::{MailHost, MxError, MxQuestion, mail_hosts};

/// Longest time that one question takes, all tries and aliases included.
const QUESTION_TIME: Duration = Duration::from_secs(20);
/// How long one server is waited for at a time.
const TRY_TIME: Duration = Duration::from_secs(4);
/// Tries of one question.
const TRIES: usize = 2;
/// Answers that are remembered.
const CACHE_ENTRIES: u64 = 8_192;
/// Records of one answer that are looked at.
const RECORDS_MAX: usize = 64;

/// Asks DNS; a clone is another handle on the same memory of answers.
#[derive(Clone)]
pub struct Resolver(Arc<Source>);

enum Source {
    Live(Box<TokioResolver>),
    Written(Answers),
    None,
}

/// A mail exchange (RFC 1035 §3.3.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mx {
    /// Lower is asked first.
    pub preference: u16,
    /// The host in lower case, without the dot at the end; empty for the root.
    pub host: String,
}

/// Where a service answers (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// Its port.
    pub port: u16,
    /// The host in lower case, without the dot at the end.
    pub host: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    /// The name does not exist (NXDOMAIN).
    #[error("the name does not exist in DNS")]
    NoSuchName,
    /// It exists and has no records of this type.
    #[error("it has no such record in DNS")]
    NoRecords,
    /// No server answered, or one could not; later one may.
    #[error("DNS did not answer: {0}")]
    Failed(String),
}

/// The resolver's own configuration cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("no DNS servers are known: {0}")]
pub struct ResolverError(String);

/// The kinds of record that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    A,
    Aaaa,
    Mx,
    Txt,
    Srv,
    Ptr,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Record {
    Address(IpAddr),
    Mx(Mx),
    Txt(Vec<u8>),
    Srv(Srv),
    Name(String),
}

impl Resolver {
    /// Asks these servers; none means those of the system (`/etc/resolv.conf`).
    pub fn live(servers: &[SocketAddr]) -> Result<Self, ResolverError> {
        let resolver = live(servers)?;
        Ok(Self(Arc::new(Source::Live(Box::new(resolver)))))
    }

    /// Takes all answers from a text; what it lacks does not exist. It is an object in JSON:
    ///
    /// `{"example.net": {"MX": ["10 mx.example.net"]}, "mx.example.net": {"A": ["192.0.2.1"]}}`
    ///
    /// Types are `A`, `AAAA`, `MX`, `TXT`, `SRV`, `PTR` and `CNAME`. `"SERVFAIL"` in place of a
    /// name's records, or of a type's, stands for a server that fails.
    pub fn from_answers(json: &str) -> Result<Self, AnswersError> {
        Ok(Self(Arc::new(Source::Written(Answers::parse(json)?))))
    }

    /// Answers nothing: every question fails at once, as where no server can be reached.
    pub fn none() -> Self {
        Self(Arc::new(Source::None))
    }

    /// Whether nothing is ever asked.
    pub fn is_none(&self) -> bool {
        matches!(*self.0, Source::None)
    }

    /// The mail exchanges of a name, in no order.
    pub async fn mx(&self, name: &str) -> Result<Vec<Mx>, DnsError> {
        self.find(name, Kind::Mx, |record| match record {
            Record::Mx(found) => Some(found),
            _ => None,
        })
        .await
    }

    /// The texts of a name, each put together from its pieces (RFC 7208 §3.3).
    pub async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, DnsError> {
        self.find(name, Kind::Txt, |record| match record {
            Record::Txt(found) => Some(found),
            _ => None,
        })
        .await
    }

    /// Where the service of a name answers.
    pub async fn srv(&self, name: &str) -> Result<Vec<Srv>, DnsError> {
        self.find(name, Kind::Srv, |record| match record {
            Record::Srv(found) => Some(found),
            _ => None,
        })
        .await
    }

    /// The names of an address (RFC 1035 §3.5, RFC 3596 §2.5).
    pub async fn names(&self, address: IpAddr) -> Result<Vec<String>, DnsError> {
        self.find(&reverse_name(address), Kind::Ptr, |record| match record {
            Record::Name(name) => Some(name),
            _ => None,
        })
        .await
    }

    /// What a list in DNS says of an address: its codes, none if it is not listed (RFC 5782 §2).
    pub async fn listed(&self, zone: &str, address: IpAddr) -> Result<Vec<Ipv4Addr>, DnsError> {
        let name = format!("{}.{zone}", reversed(address));
        let code = |record| match record {
            Record::Address(IpAddr::V4(code)) if code.is_loopback() => Some(code),
            _ => None,
        };
        match self.find(&name, Kind::A, code).await {
            Err(DnsError::NoSuchName | DnsError::NoRecords) => Ok(Vec::new()),
            other => other,
        }
    }

    /// The addresses of a host, IPv6 and IPv4 in turn.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, DnsError> {
        let (v6, v4) = tokio::join!(self.ask(host, Kind::Aaaa), self.ask(host, Kind::A));
        let (v6, v4) = match (v6, v4) {
            (Ok(v6), Ok(v4)) => (v6, v4),
            (Ok(v6), Err(_)) => (v6, Vec::new()),
            (Err(_), Ok(v4)) => (Vec::new(), v4),
            // What failed may be there: the other kind's absence says nothing of it.
            (Err(failed @ DnsError::Failed(_)), Err(_)) => return Err(failed),
            (Err(_), Err(err)) => return Err(err),
        };
        let address = |record: Option<&Record>| match record {
            Some(Record::Address(address)) => Some(*address),
            _ => None,
        };
        let places = 0..v6.len().max(v4.len());
        Ok(places
            .flat_map(|place| [address(v6.get(place)), address(v4.get(place))])
            .flatten()
            .collect())
    }

    /// The same for a library that asks DNS by itself: written answers are given to it by a server
    /// on this machine, which lives as long as what is returned.
    pub(crate) async fn hickory(&self) -> Result<(TokioResolver, Option<Loopback>), ResolverError> {
        if let Source::Live(resolver) = &*self.0 {
            return Ok((TokioResolver::clone(resolver), None));
        }
        let wrong = |err: std::io::Error| ResolverError(err.to_string());
        let server = Loopback::begin(self.clone()).await.map_err(wrong)?;
        Ok((live(&[server.address])?, Some(server)))
    }

    /// The records of a name that are what was asked for.
    async fn find<T>(
        &self,
        name: &str,
        kind: Kind,
        wanted: impl Fn(Record) -> Option<T>,
    ) -> Result<Vec<T>, DnsError> {
        let found = self.ask(name, kind).await?;
        Ok(found.into_iter().filter_map(wanted).collect())
    }

    async fn ask(&self, name: &str, kind: Kind) -> Result<Vec<Record>, DnsError> {
        match &*self.0 {
            Source::None => Err(DnsError::Failed("it is switched off here".to_owned())),
            Source::Written(answers) => answers.find(name, kind),
            Source::Live(resolver) => {
                // A dot at the end: no search domain of the system is tried.
                let question = resolver.lookup(format!("{name}."), kind.into());
                let answer = timeout(QUESTION_TIME, question).await;
                let answer = answer.map_err(|_| DnsError::Failed("it took too long".to_owned()))?;
                let answer = answer.map_err(|err| failure(&err))?;
                let records: Vec<_> = (answer.answers().iter())
                    .filter_map(|record| kind.record(&record.data))
                    .take(RECORDS_MAX)
                    .collect();
                if records.is_empty() {
                    return Err(DnsError::NoRecords);
                }
                Ok(records)
            }
        }
    }
}

impl Kind {
    fn record(self, data: &RData) -> Option<Record> {
        match (self, data) {
            (Self::A, RData::A(address)) => Some(Record::Address(IpAddr::V4(address.0))),
            (Self::Aaaa, RData::AAAA(address)) => Some(Record::Address(IpAddr::V6(address.0))),
            (Self::Mx, RData::MX(mx)) => Some(Record::Mx(Mx {
                preference: mx.preference,
                host: plain(&mx.exchange.to_ascii()),
            })),
            (Self::Srv, RData::SRV(srv)) => Some(Record::Srv(Srv {
                port: srv.port,
                host: plain(&srv.target.to_ascii()),
            })),
            (Self::Ptr, RData::PTR(name)) => Some(Record::Name(plain(&name.to_ascii()))),
            (Self::Txt, RData::TXT(text)) => Some(Record::Txt(text.txt_data.concat())),
            _ => None,
        }
    }
}

impl From<Kind> for RecordType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::A => Self::A,
            Kind::Aaaa => Self::AAAA,
            Kind::Mx => Self::MX,
            Kind::Txt => Self::TXT,
            Kind::Srv => Self::SRV,
            Kind::Ptr => Self::PTR,
        }
    }
}

/// The name under which the names of an address stand.
fn reverse_name(address: IpAddr) -> String {
    let zone = match address {
        IpAddr::V4(_) => "in-addr.arpa",
        IpAddr::V6(_) => "ip6.arpa",
    };
    format!("{}.{zone}", reversed(address))
}

/// The parts of an address from the last to the first, as names hold them.
fn reversed(address: IpAddr) -> String {
    let labels: Vec<_> = match address {
        IpAddr::V4(v4) => v4.octets().iter().rev().map(u8::to_string).collect(),
        IpAddr::V6(v6) => (v6.octets().iter().rev())
            .map(|octet| format!("{:x}.{:x}", octet & 15, octet >> 4))
            .collect(),
    };
    labels.join(".")
}

/// A name as it is compared.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn live(servers: &[SocketAddr]) -> Result<TokioResolver, ResolverError> {
    let wrong = |err: NetError| ResolverError(err.to_string());
    let mut builder = if servers.is_empty() {
        TokioResolver::builder_tokio().map_err(wrong)?
    } else {
        let servers = servers.iter().map(server).collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        Hickory::builder_with_config(config, TokioRuntimeProvider::default())
    };
    *builder.options_mut() = options();
    builder.build().map_err(wrong)
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = TRY_TIME;
    options.attempts = TRIES;
    options.cache_size = CACHE_ENTRIES;
    options.ndots = 1;
    options
}

fn failure(err: &NetError) -> DnsError {
    if err.is_nx_domain() {
        DnsError::NoSuchName
    } else if err.is_no_records_found() {
        DnsError::NoRecords
    } else {
        DnsError::Failed(err.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_is_not_there_is_a_failure_that_may_pass() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let nobody = socket.local_addr().unwrap();
        drop(socket);
        for resolver in [Resolver::live(&[nobody]).unwrap(), Resolver::none()] {
            let answer = resolver.mx("example.net").await;
            assert!(matches!(answer, Err(DnsError::Failed(_))), "{answer:?}");
        }
    }

    #[tokio::test]
    async fn addresses_come_in_turn_and_a_failure_is_no_absence() {
        let resolver = Resolver::from_answers(
            r#"{
                "both.test": {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"]},
                "four.test": {"A": ["192.0.2.3"], "AAAA": "SERVFAIL"},
                "sick.test": {"A": "SERVFAIL"},
                "text.test": {"TXT": ["a b"]}
            }"#,
        )
        .unwrap();
        let shown = |found: Result<Vec<IpAddr>, DnsError>| match found {
            Ok(found) => found
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" "),
            Err(err) => err.to_string(),
        };
        for (host, expected) in [
            ("both.test", "2001:db8::1 192.0.2.1 192.0.2.2"),
            ("four.test", "192.0.2.3"),
            ("sick.test", "DNS did not answer: SERVFAIL"),
            ("text.test", "it has no such record in DNS"),
            ("none.test", "the name does not exist in DNS"),
        ] {
            assert_eq!(shown(resolver.addresses(host).await), expected, "{host}");
        }
        let six = reverse_name("2001:db8::1".parse().unwrap());
        assert!(
            six.starts_with("1.0.0.0.") && six.ends_with(".8.b.d.0.1.0.0.2.ip6.arpa"),
            "{six}"
        );
        assert_eq!(
            reverse_name("192.0.2.1".parse().unwrap()),
            "1.2.0.192.in-addr.arpa"
        );
        assert_eq!(resolver.txt("TEXT.test.").await.unwrap(), [b"a b"]);
    }
}
