//! What lists in DNS say of the address that a client comes from (RFC 5782).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use net::DnsError;
use policy::Config;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Service;
use crate::accept::SmtpClient;

/// The weight at which mail is refused.
const ENOUGH: i32 = 100;
/// Longest time that lists are waited for; they are asked together.
const LIST_TIMEOUT: Duration = Duration::from_secs(5);

/// What lists say of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    weight: i32,
    /// A line for each list that knows the address or did not answer.
    pub(crate) told: Vec<String>,
    /// The lists that speak against it.
    against: Vec<String>,
}

impl Listed {
    /// The lists because of which mail is refused.
    pub(crate) fn refused_by(&self) -> Option<String> {
        (self.weight >= ENOUGH).then(|| self.against.join(", "))
    }
}

impl Service {
    /// What the lists say of a client that did not sign in and is not on this machine.
    pub(crate) async fn listed(&self, config: &Config, client: &SmtpClient) -> Listed {
        let (lists, source) = (&config.settings().dns_lists, client.peer.source());
        let mut listed = Listed::default();
        if lists.is_empty() || client.principal.is_some() || source.is_loopback() {
            return listed;
        }
        let mut asking = JoinSet::new();
        for (zone, weight) in lists.iter() {
            let (dns, zone) = (self.inner.sender_judge.dns().clone(), zone.to_string());
            asking.spawn(async move {
                let said = timeout(LIST_TIMEOUT, dns.listed(&zone, source)).await;
                let late = |_| Err(DnsError::Failed("it took too long".to_owned()));
                let said = said.unwrap_or_else(late);
                (zone, weight, said)
            });
        }
        let mut answers = asking.join_all().await;
        answers.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        for (zone, weight, said) in answers {
            listed.add(source, zone, weight, said);
        }
        listed
    }
}

impl Listed {
    fn add(
        &mut self,
        source: IpAddr,
        zone: String,
        weight: i32,
        said: Result<Vec<Ipv4Addr>, DnsError>,
    ) {
        let codes = match said {
            Ok(codes) if codes.is_empty() => return,
            // Codes by which lists say that they do not answer (such as to large public resolvers).
            Ok(codes) if codes.iter().all(|code| code.octets()[1] == 255) => {
                self.told
                    .push(format!("list {zone}: it does not answer this server"));
                return;
            }
            Ok(codes) => codes,
            Err(err) => {
                self.told.push(format!("list {zone}: {err}"));
                return;
            }
        };
        let codes: Vec<_> = codes.iter().map(Ipv4Addr::to_string).collect();
        let codes = codes.join(" ");
        self.told.push(format!(
            "list {zone}: {source} is on it ({codes}), weight {weight}"
        ));
        self.weight += weight;
        if weight > 0 {
            self.against.push(zone);
        }
    }
}
