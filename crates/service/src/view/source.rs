//! Who may come from where, as lists.

use policy::Config;
use policy::change::{AccessSubject, Blocked, ProxyScope};
use serde::Serialize;
use types::ListenerId;

use crate::Service;
use crate::actor::Actor;
use crate::command::Guarded;
use crate::error::{ServiceError, ServiceResult};

/// The two lists of a service, a listener or a role.
#[derive(Clone, Debug, Serialize)]
pub struct AccessView {
    /// What they guard, such as `imaps`, `imaps at 192.0.2.1:993` or `role owner`.
    pub of: String,
    /// Where one must come from; empty: from anywhere.
    pub allow: Vec<String>,
    /// Where one must not come from.
    pub deny: Vec<String>,
}

/// A proxy that is believed.
#[derive(Clone, Debug, Serialize)]
pub struct ProxyView {
    /// Where it connects from.
    pub network: String,
    /// At which listener; `all` for every one.
    pub listener: String,
}

/// A block that stands.
#[derive(Clone, Debug, Serialize)]
pub struct BlockView {
    /// Who is blocked.
    pub source: String,
    /// What is refused: `sign_ins` or `connections`.
    pub refuses: Blocked,
    /// Since when, RFC 3339.
    pub since: String,
    /// Until when, RFC 3339.
    pub until: String,
    /// The rule of the server's own that made it, or `by hand` with the reason that was
    /// given.
    pub why: String,
    /// How many blocks of this source there were in a row, if the server made it.
    pub times: Option<u32>,
    /// The entry that made it, if a person did.
    pub seq: Option<u64>,
}

impl Service {
    /// All blocks that stand, the server's own and those by hand.
    pub async fn block_list(&self, actor: &Actor) -> ServiceResult<Vec<BlockView>> {
        self.may_read_server(actor)?;
        let (config, now) = (self.config(), self.clock().now());
        let mut by_hand = Vec::new();
        for block in config.blocks().filter(|block| now < block.until) {
            let reason = self.ledger_show(actor, block.seq).await?.reason;
            by_hand.push(BlockView {
                source: block.source.to_string(),
                refuses: block.what,
                since: block.from.to_rfc3339(),
                until: block.until.to_rfc3339(),
                why: reason.map_or("by hand".to_owned(), |reason| format!("by hand: {reason}")),
                times: None,
                seq: Some(block.seq),
            });
        }
        let own = self.own_blocks().into_iter().map(|block| BlockView {
            source: block.source.to_string(),
            refuses: block.refuses(),
            since: block.since.to_rfc3339(),
            until: block.until.to_rfc3339(),
            why: block.rule.as_str().to_owned(),
            times: Some(block.times),
            seq: None,
        });
        let mut all: Vec<_> = by_hand.into_iter().chain(own).collect();
        all.sort_by(|a, b| (&b.since, &a.source).cmp(&(&a.since, &b.source)));
        Ok(all)
    }

    /// The lists of one subject; those of a service with those of its listeners.
    pub fn access_list(&self, actor: &Actor, of: Guarded) -> ServiceResult<Vec<AccessView>> {
        self.may_read_server(actor)?;
        let config = self.config();
        let subjects = match of {
            Guarded::Service(service) => {
                let own = config.listeners().filter(|l| l.service == service);
                let own = own.map(|listener| AccessSubject::Listener(listener.id));
                std::iter::once(AccessSubject::Service(service))
                    .chain(own)
                    .collect()
            }
            Guarded::Listener(service, address) => {
                let mut listeners = config.listeners();
                let found = listeners.find(|l| (l.service, l.address) == (service, address));
                let found = found.ok_or(ServiceError::NotFound("listener"))?;
                vec![AccessSubject::Listener(found.id)]
            }
            Guarded::Role(role) => vec![AccessSubject::Role(role)],
        };
        let view = |of| {
            let list = config.access(of);
            AccessView {
                of: guarded_words(&config, of),
                allow: list.allow.iter().map(ToString::to_string).collect(),
                deny: list.deny.iter().map(ToString::to_string).collect(),
            }
        };
        Ok(subjects.into_iter().map(view).collect())
    }

    /// All proxies that are believed.
    pub fn proxy_list(&self, actor: &Actor) -> ServiceResult<Vec<ProxyView>> {
        self.may_read_server(actor)?;
        let config = self.config();
        let view = |(scope, network): (ProxyScope, &types::Network)| ProxyView {
            network: network.to_string(),
            listener: match scope {
                ProxyScope::All => "all".to_owned(),
                ProxyScope::Listener(id) => listener_words(&config, id),
            },
        };
        let proxies = config.proxies();
        let each = proxies.flat_map(|(scope, networks)| networks.iter().map(move |n| (scope, n)));
        Ok(each.map(view).collect())
    }
}

fn guarded_words(config: &Config, of: AccessSubject) -> String {
    match of {
        AccessSubject::Service(service) => service.to_string(),
        AccessSubject::Listener(id) => listener_words(config, id),
        AccessSubject::Role(role) => format!("role {}", role.label()),
    }
}

fn listener_words(config: &Config, id: ListenerId) -> String {
    match config.listener(id) {
        Some(listener) => format!("{} at {}", listener.service, listener.address),
        None => id.to_string(),
    }
}
