//! Networks: all addresses that begin with the same bits (CIDR, RFC 4632 §3.1, RFC 4291 §2.3).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const IPV4_BITS: u8 = 32;
const IPV6_BITS: u8 = 128;
/// Bits of an IPv6 address that one customer of a provider usually holds whole (RFC 6177 §2).
const IPV6_SITE_BITS: u8 = 64;
/// Bits of an IPv4 address whose holders are taken for neighbours.
const IPV4_NEIGHBOURS_BITS: u8 = 24;

/// A network such as `192.0.2.0/24` or `2001:db8::/32`; a single address is one of full length.
///
/// It has one spelling: no bits behind the prefix, and no IPv4 in the form of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Neither an address nor an address with a length.
    #[error(
        "{0:?} is no network: write an address such as 192.0.2.7, or 192.0.2.0/24, or 2001:db8::/32"
    )]
    Form(String),
    /// Bits behind the prefix are set, so that it is unclear what is meant.
    #[error("{text} is unclear: write {network} for the network, or the address alone")]
    HostBits {
        /// What was written.
        text: String,
        /// The network that it lies in.
        network: Network,
    },
}

impl Network {
    /// The network of this one address.
    pub fn single(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let prefix = bits(address);
        Self { address, prefix }
    }

    /// What counts as one source of connections: an IPv4 address, or an IPv6 /64, which one
    /// customer of a provider usually holds whole (RFC 6177 §2).
    pub fn source(address: IpAddr) -> Self {
        Self::around(address, IPV4_BITS)
    }

    /// A source with its neighbours: an IPv4 /24 or an IPv6 /64.
    pub fn neighbours(address: IpAddr) -> Self {
        Self::around(address, IPV4_NEIGHBOURS_BITS)
    }

    fn around(address: IpAddr, ipv4_bits: u8) -> Self {
        let address = address.to_canonical();
        let prefix = if address.is_ipv4() {
            ipv4_bits
        } else {
            IPV6_SITE_BITS
        };
        let address = masked(address, bits(address) - prefix);
        Self { address, prefix }
    }

    /// Whether the two have an address in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other.address) || other.contains(self.address)
    }

    /// Whether the address lies in it; an IPv4 address in the form of IPv6 is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (address, bits) = (address.to_canonical(), bits(self.address));
        address.is_ipv4() == self.address.is_ipv4()
            && masked(address, bits - self.prefix) == self.address
    }

    /// The first address of it.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The last address of it.
    pub fn last(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(v4) => {
                let rest = u32::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
                Ipv4Addr::from_bits(v4.to_bits() | rest).into()
            }
            IpAddr::V6(v6) => {
                let rest = u128::MAX.checked_shr(u32::from(self.prefix)).unwrap_or(0);
                Ipv6Addr::from_bits(v6.to_bits() | rest).into()
            }
        }
    }

    /// The bits that all its addresses share.
    pub fn prefix(&self) -> u8 {
        self.prefix
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() {
        IPV4_BITS
    } else {
        IPV6_BITS
    }
}

/// The address without its last bits, `rest` of them.
fn masked(address: IpAddr, rest: u8) -> IpAddr {
    let rest = u32::from(rest);
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(rest).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(rest).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == bits(self.address) {
            return self.address.fmt(f);
        }
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError::Form(text.to_owned());
        let Some((address, prefix)) = text.split_once('/') else {
            return text.parse().map(Self::single).map_err(|_| wrong());
        };
        let plain = prefix.bytes().all(|c| c.is_ascii_digit());
        let canonical = prefix == "0" || !prefix.starts_with('0');
        if !(plain && canonical) {
            return Err(wrong());
        }
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let prefix: u8 = prefix.parse().map_err(|_| wrong())?;
        // A mapped address with a length could mean either family.
        if address != address.to_canonical() {
            return Err(wrong());
        }
        let rest = bits(address).checked_sub(prefix).ok_or_else(wrong)?;
        let first = masked(address, rest);
        let network = Self {
            address: first,
            prefix,
        };
        if first == address {
            Ok(network)
        } else {
            let text = text.to_owned();
            Err(NetworkError::HostBits { text, network })
        }
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_address_or_a_site() {
        for (address, source, neighbours) in [
            ("192.0.2.7", "192.0.2.7", "192.0.2.0/24"),
            ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.0/24"),
            (
                "2001:db8:0:1:2:3:4:5",
                "2001:db8:0:1::/64",
                "2001:db8:0:1::/64",
            ),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(Network::source(address).to_string(), source);
            assert_eq!(Network::neighbours(address).to_string(), neighbours);
        }
        let network = |text: &str| text.parse::<Network>().unwrap();
        assert!(network("192.0.2.7").overlaps(&network("192.0.2.0/24")));
        assert!(network("192.0.2.0/24").overlaps(&network("192.0.2.7")));
        assert!(!network("192.0.2.0/25").overlaps(&network("192.0.2.128/25")));
    }

    #[test]
    fn the_last_address_ends_a_network() {
        for (network, last) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.0/24", "192.0.2.255"),
            ("0.0.0.0/0", "255.255.255.255"),
            ("2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff"),
        ] {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.last().to_string(), last);
        }
    }

    #[test]
    fn a_network_has_one_spelling() {
        for (text, shown) in [
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.7/32", "192.0.2.7"),
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), shown);
        }
        for text in [
            "",
            "/",
            "192.0.2.0/",
            "192.0.2.0/33",
            "192.0.2.0/024",
            "192.0.2.0/+4",
            "192.0.2/24",
            "2001:db8::/129",
            "::ffff:192.0.2.0/120",
            "example.org",
            "192.0.2.7/24",
            "::1/64",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        let unclear = "192.0.2.7/24".parse::<Network>().unwrap_err().to_string();
        assert!(unclear.contains("write 192.0.2.0/24"), "{unclear}");
    }

    #[test]
    fn a_network_contains_what_begins_like_it() {
        for (network, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("::/0", "2001:db8::1", "192.0.2.1"),
            ("2001:db8:8000::/33", "2001:db8:ffff::1", "2001:db8:7fff::1"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(inside.parse().unwrap()), "{network}");
            assert!(!network.contains(outside.parse().unwrap()), "{network}");
        }
    }
}
