//! Addresses of this machine, as the system's routing table knows them. Nothing is sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use types::Network;

/// Addresses of a network that are tried, spread evenly over it.
const TRIED_MAX: u128 = 256;
/// Any port but 0; nothing is sent to it.
const PORT: u16 = 9;

/// An address of this machine in the network, if there is one. Every one is found in a network of
/// at most 256 addresses; in a larger one it may be missed that is not used to reach any of those
/// tried.
pub fn own_address_in(network: &Network) -> Option<IpAddr> {
    let (first, last) = (bits(network.address()), bits(network.last()));
    let step = ((last - first) / TRIED_MAX).max(1);
    let tried = (0..TRIED_MAX).map(|n| first + n * step);
    let mut sources = tried
        .take_while(|at| *at <= last)
        .filter_map(|at| source_towards(address(at, network.address().is_ipv4())));
    sources.find(|source| network.contains(*source))
}

/// The address by which this machine would reach another; it is the same if it is our own.
fn source_towards(target: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match target {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((target, PORT)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn address(bits: u128, is_v4: bool) -> IpAddr {
    match u32::try_from(bits) {
        Ok(bits) if is_v4 => Ipv4Addr::from_bits(bits).into(),
        _ => Ipv6Addr::from_bits(bits).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_are_found_and_no_others() {
        for (network, is_own) in [
            ("127.0.0.1", true),
            ("127.0.0.0/8", true),
            ("240.0.0.0/8", false),
            ("203.0.113.0/24", false),
            ("2001:db8::/32", false),
            ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", false),
            ("255.255.255.255", false),
        ] {
            let found = own_address_in(&network.parse().unwrap());
            assert_eq!(found.is_some(), is_own, "{network}: {found:?}");
        }
    }
}
