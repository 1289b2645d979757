//! Whether lists of networks, proxies and blocks can be as a change wants them.

use types::Network;

use super::{Checked, changes, found, room};
use crate::change::{AccessSet, AccessSubject, BlockAdd, ProxyScope, ProxySet};
use crate::check::ChangeError;
use crate::config::Config;

/// Networks of one subject's two lists.
pub const ACCESS_NETWORKS_MAX: usize = 256;
/// Networks of proxies of one scope.
pub const PROXIES_MAX: usize = 64;
/// Blocks by people that stand at a time.
pub const BLOCKS_MAX: usize = 1_000;
/// The longest block by a person: a year.
pub const BLOCK_MAX_S: i64 = 366 * 86_400;

pub(super) fn check_access(config: &Config, set: &AccessSet) -> Checked {
    if let AccessSubject::Listener(id) = set.id {
        found(config.listener(id), "service", id)?;
    }
    let place = set.id.to_string();
    let networks = set.allow.len() + set.deny.len();
    at_most(networks, ACCESS_NETWORKS_MAX, "networks", &place)?;
    let present = config.access(set.id);
    let same = present.allow.iter().eq(&set.allow) && present.deny.iter().eq(&set.deny);
    changes(!same, format_args!("the access list of {place}"))
}

pub(super) fn check_proxies(config: &Config, set: &ProxySet) -> Checked {
    let place = match set.id {
        ProxyScope::All => "the server".to_owned(),
        ProxyScope::Listener(id) => {
            found(config.listener(id), "service", id)?;
            id.to_string()
        }
    };
    at_most(set.networks.len(), PROXIES_MAX, "proxies", &place)?;
    if let Some(everyone) = set.networks.iter().find(|network| network.prefix() == 0) {
        return Err(ChangeError::Field {
            field: "network",
            value: everyone.to_string(),
            accepted: "a proxy has an address; this would believe everyone",
        });
    }
    let same = config.proxies_of(set.id).iter().eq(&set.networks);
    changes(!same, format_args!("the proxies of {place}"))
}

pub(super) fn check_block(config: &Config, add: &BlockAdd) -> Checked {
    let length_s = add.until.seconds() - add.from.seconds();
    if !(1..=BLOCK_MAX_S).contains(&length_s) {
        return Err(ChangeError::Field {
            field: "until",
            value: add.until.to_rfc3339(),
            accepted: "a block lasts from one second to 366 days",
        });
    }
    let stands = |block: &&crate::Block| block.source != add.id && block.until > add.from;
    let standing = config.blocks().filter(stands).count();
    room(standing, BLOCKS_MAX, "blocks", "the server")
}

/// Networks in the one order in which they are recorded.
pub(super) fn sort(networks: &mut Vec<Network>) {
    networks.sort();
    networks.dedup();
}

pub(super) fn at_most(wanted: usize, max: usize, things: &'static str, place: &str) -> Checked {
    if wanted <= max {
        return Ok(());
    }
    Err(ChangeError::TooMany {
        things,
        place: place.to_owned(),
        max,
    })
}
