//! From where services can be used and accounts signed in to: who can that could not, and who
//! cannot any more.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use types::Network;

use super::access::closing_class;
use super::{Case, Class, Findings};
use crate::change::{AccessSubject, Change, ProxyScope};
use crate::config::{AccessList, Config};
use crate::effect::{EFFECT_LIST_MAX, Effect, Protection, Refused, Sources};

pub(super) fn compare(case: &Case<'_>, findings: &mut Findings) {
    match case.change {
        Change::AccessSet(set) => compare_access(case, set.id, findings),
        Change::ProxySet(set) => compare_proxies(case, set.id, findings),
        Change::BlockAdd(add) => {
            let what = Refused::Source {
                network: add.id,
                what: add.what,
                until: add.until.to_rfc3339(),
            };
            findings.add(Effect::Refuses { what }, Class::C2);
        }
        // The server's own blocks are no part of the configuration: the verb tells.
        Change::BlockRemove(remove) => {
            let what = Protection::Block(remove.id);
            findings.add(Effect::WeakensProtection { what }, Class::C2);
        }
        _ => {}
    }
}

fn compare_access(case: &Case<'_>, of: AccessSubject, findings: &mut Findings) {
    let (before, after) = (case.before.access(of), case.after.access(of));
    let edges = edges(&before, &after);
    let sources = || Sources::of(of, &after);
    if edges
        .iter()
        .any(|at| before.admits(*at) && !after.admits(*at))
    {
        let what = Refused::Sources(sources());
        findings.add(Effect::Refuses { what }, narrowing_class(case.after, of));
    }
    if edges
        .iter()
        .any(|at| !before.admits(*at) && after.admits(*at))
    {
        let what = Protection::Sources(sources());
        findings.add(Effect::WeakensProtection { what }, Class::C2);
        findings.detect("P6");
    }
}

/// What keeps people from their mail is told to them; what refuses mail, or the sign-ins of other
/// people with a role, is grave.
fn narrowing_class(config: &Config, of: AccessSubject) -> Class {
    let service = match of {
        AccessSubject::Service(service) => Some(service),
        AccessSubject::Listener(id) => config.listener(id).map(|listener| listener.service),
        AccessSubject::Role(_) => None,
    };
    match service {
        Some(service) => closing_class(service),
        None => Class::C2,
    }
}

/// An address out of each stretch in which nothing changes: the first of every network, the one
/// behind its last, and the first of all.
fn edges(before: &AccessList, after: &AccessList) -> BTreeSet<IpAddr> {
    let networks = before.networks().chain(after.networks());
    let behind = |network: &Network| -> Option<IpAddr> {
        match network.last() {
            IpAddr::V4(last) => last
                .to_bits()
                .checked_add(1)
                .map(|n| Ipv4Addr::from_bits(n).into()),
            IpAddr::V6(last) => last
                .to_bits()
                .checked_add(1)
                .map(|n| Ipv6Addr::from_bits(n).into()),
        }
    };
    let mut edges = BTreeSet::from([
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    ]);
    for network in networks {
        edges.insert(network.address());
        edges.extend(behind(network));
    }
    edges
}

fn compare_proxies(case: &Case<'_>, scope: ProxyScope, findings: &mut Findings) {
    let (before, after) = (case.before.proxies_of(scope), case.after.proxies_of(scope));
    let listener = match scope {
        ProxyScope::All => None,
        ProxyScope::Listener(id) => Some(id),
    };
    for network in after.difference(&before).copied() {
        let what = Protection::SourceBy { network, listener };
        findings.add(Effect::WeakensProtection { what }, Class::C2);
        findings.detect("P6");
        if is_own(case.after, &network) {
            let effect = Effect::BlursSources { network, listener };
            findings.add(effect, Class::C2);
        }
    }
    for network in before.difference(&after).copied() {
        let what = Refused::Proxy { network, listener };
        findings.add(Effect::Refuses { what }, Class::C2);
    }
}

/// Whether a network reaches this machine, as far as the configuration tells.
fn is_own(config: &Config, network: &Network) -> bool {
    let loopback = [Ipv4Addr::LOCALHOST.into(), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let listens = config.listeners().map(|listener| listener.address.ip());
    let mut own = listens.filter(|ip| !ip.is_unspecified()).chain(loopback);
    network.address().is_loopback() || own.any(|ip| network.contains(ip))
}

impl Sources {
    /// The lists of a subject, cut to what an effect holds.
    fn of(of: AccessSubject, list: &AccessList) -> Self {
        let first = |networks: &BTreeSet<Network>| -> Vec<Network> {
            networks.iter().take(EFFECT_LIST_MAX).copied().collect()
        };
        let (allow, deny) = (first(&list.allow), first(&list.deny));
        let more = list.networks().count() - allow.len() - deny.len();
        Self {
            of,
            allow,
            deny,
            more: u64::try_from(more).unwrap_or(u64::MAX),
        }
    }
}
