//! Commands about who may come from where.

use std::net::SocketAddr;

use policy::Change;
use policy::change::{AccessSet, AccessSubject, BlockAdd, BlockRemove, ProxyScope, ProxySet};
use types::{ListenerId, Network};

use super::AdmitError;
use super::draft::{Draft, misplaced, not_found};
use crate::Service;
use crate::command::{AccessList, Command, Guarded};

impl Service {
    /// What a command about blocks runs into: whose own address it would block, or that there is
    /// nothing to lift. Gives the warnings for what is done all the same.
    pub(super) async fn check_blocks(
        &self,
        commands: &[Command],
    ) -> Result<Vec<String>, AdmitError> {
        let mut warnings = Vec::new();
        for command in commands {
            match command {
                Command::BlockAdd { source, force, .. } => match self.own(source).await {
                    Some(own) if *force => {
                        warnings.push(format!("Own address: {source} is blocked although {own}."));
                    }
                    Some(own) => {
                        return Err(AdmitError::Conflict(format!(
                            "{source} is not blocked: {own}. --force blocks it all the same"
                        )));
                    }
                    None => {}
                },
                Command::BlockLift { source }
                    if self.config().block(source).is_none() && !self.has_own_block(source) =>
                {
                    return Err(not_found("block of", source));
                }
                Command::ProxyChange {
                    network,
                    trusted: true,
                    ..
                } => warnings.extend(own_proxy(network)),
                _ => {}
            }
        }
        Ok(warnings)
    }

    /// The server's own blocks of what was lifted go with their entry.
    pub(super) async fn lift_blocks(&self, commands: &[Command]) {
        for command in commands {
            if let Command::BlockLift { source } = command {
                self.forget_own_block(*source).await;
            }
        }
    }
}

/// What is to be said of a proxy that lies where this machine does. The machine itself, by its
/// loopback address, is told by an effect.
fn own_proxy(network: &Network) -> Option<String> {
    let own = net::own_address_in(network).filter(|own| !own.is_loopback())?;
    Some(format!(
        "{network} has an address of this machine itself, {own}: every user and program on it can \
         then claim any source for a client."
    ))
}

impl Draft<'_> {
    pub(super) fn add_source(&mut self, command: &Command) -> Result<(), AdmitError> {
        match command {
            Command::AccessChange {
                of,
                list,
                networks,
                present,
            } => self.change_access(*of, *list, networks, *present),
            Command::ProxyChange {
                network,
                listener,
                trusted,
            } => {
                let id = match listener {
                    Some(address) => ProxyScope::Listener(self.listener_at(*address)?),
                    None => ProxyScope::All,
                };
                let mut networks = self.config.proxies_of(id);
                if *trusted {
                    networks.insert(*network);
                } else if !networks.remove(network) {
                    return Err(not_found("proxy", network));
                }
                let networks = networks.into_iter().collect();
                self.push(Change::ProxySet(ProxySet { id, networks }))
            }
            Command::BlockAdd {
                source,
                what,
                seconds,
                force,
            } => {
                let seconds = i64::try_from(*seconds).unwrap_or(i64::MAX);
                self.push(Change::BlockAdd(BlockAdd {
                    id: *source,
                    what: *what,
                    from: self.now,
                    until: self.now.plus_s(seconds),
                    forced: *force,
                }))
            }
            Command::BlockLift { source } => {
                self.push(Change::BlockRemove(BlockRemove { id: *source }))
            }
            _ => Err(misplaced()),
        }
    }

    fn change_access(
        &mut self,
        of: Guarded,
        list: AccessList,
        networks: &[Network],
        present: bool,
    ) -> Result<(), AdmitError> {
        let id = match of {
            Guarded::Service(service) => AccessSubject::Service(service),
            Guarded::Listener(service, address) => {
                let id = self.listener_at(address)?;
                let of_service = self.config.listener(id).map(|listener| listener.service);
                if of_service != Some(service) {
                    return Err(not_found(
                        "listener",
                        format_args!("{service} at {address}"),
                    ));
                }
                AccessSubject::Listener(id)
            }
            Guarded::Role(role) => AccessSubject::Role(role),
        };
        let mut lists = self.config.access(id);
        let changed = match list {
            AccessList::Allow => &mut lists.allow,
            AccessList::Deny => &mut lists.deny,
        };
        for network in networks {
            if present {
                changed.insert(*network);
            } else if !changed.remove(network) {
                return Err(not_found("network", format_args!("{network} in this list")));
            }
        }
        self.push(Change::AccessSet(AccessSet {
            id,
            allow: lists.allow.into_iter().collect(),
            deny: lists.deny.into_iter().collect(),
        }))
    }

    fn listener_at(&self, address: SocketAddr) -> Result<ListenerId, AdmitError> {
        let mut listeners = self.config.listeners();
        let found = listeners.find(|listener| listener.address == address);
        found
            .map(|listener| listener.id)
            .ok_or_else(|| not_found("listener", address))
    }
}
