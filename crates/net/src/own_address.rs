//! Which networks this machine is in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use types::Network;

/// Any port will do: nothing is sent there.
const PORT: u16 = 9;

/// The address in a network from which this machine would speak to it, if it has one there.
///
/// The system is asked for the way to the network; no packet leaves.
pub fn own_address_in(network: &Network) -> Option<IpAddr> {
    let target = network.address();
    let from: IpAddr = match target {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind(SocketAddr::new(from, 0)).ok()?;
    socket.connect(SocketAddr::new(target, PORT)).ok()?;
    let own = socket.local_addr().ok()?.ip();
    network.contains(own).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_in_the_networks_of_loopback_and_in_none_that_nobody_has() {
        for (network, own) in [
            ("127.0.0.1", true),
            ("127.0.0.0/8", true),
            ("240.0.0.0/8", false),
        ] {
            let found = own_address_in(&network.parse().unwrap());
            assert_eq!(found.is_some(), own, "{network}: {found:?}");
        }
    }
}
