//! Commands about who may come from where.

use std::net::SocketAddr;

use policy::Change;
use policy::change::{AccessSet, AccessSubject, ProxyScope, ProxySet};
use types::{ListenerId, Network};

use super::AdmitError;
use super::draft::{Draft, misplaced, not_found};
use crate::command::{AccessList, Command, Guarded};

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
