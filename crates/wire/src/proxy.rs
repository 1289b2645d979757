//! The PROXY protocol, versions 1 and 2 (proxy-protocol.txt of HAProxy): how a proxy in front tells
//! the address of the client that it speaks for.
//!
//! A header is read in the pieces that [`Header::expects`] names, so that no octet behind it is
//! taken. Addresses only: what a version 2 header says beside them (TLVs) is skipped.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Octets of a version 1 header with its CRLF.
pub const V1_MAX_OCTETS: usize = 107;
/// Octets of a version 2 header; enough for a client certificate's names among its TLVs.
pub const V2_MAX_OCTETS: usize = 2_048;

const V1_START: &[u8] = b"PROXY ";
const V2_START: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Octets of a version 2 header before its addresses.
const V2_FIXED_OCTETS: usize = 16;
/// Octets by which the version is known; no version 1 header is shorter.
const START_OCTETS: usize = 12;

/// What a header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// The proxy speaks for itself, or does not know for whom: the connection's own addresses count.
    Local,
    /// The proxy speaks for a client.
    Client {
        /// Where the client comes from.
        source: SocketAddr,
        /// What the client connected to.
        destination: SocketAddr,
    },
}

/// Why octets are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// They do not begin like one.
    #[error("there is no PROXY header")]
    Missing,
    /// It passes [`V1_MAX_OCTETS`] or [`V2_MAX_OCTETS`].
    #[error("the PROXY header is too long")]
    TooLong,
    /// It begins like one and goes on otherwise.
    #[error("the PROXY header is malformed")]
    Malformed,
}

impl Header {
    /// How many octets more must be read behind `read` before the header can be whole; 0: it is.
    pub fn expects(read: &[u8]) -> Result<usize, ProxyError> {
        if read.len() < START_OCTETS {
            return Ok(START_OCTETS - read.len());
        }
        if read.starts_with(V2_START) {
            return v2_expects(read);
        }
        if !read.starts_with(V1_START) {
            return Err(ProxyError::Missing);
        }
        // Its end is a CRLF: one octet at a time takes none of what follows.
        match read.ends_with(b"\r\n") {
            true => Ok(0),
            false if read.len() >= V1_MAX_OCTETS => Err(ProxyError::TooLong),
            false => Ok(1),
        }
    }

    /// Reads a whole header, as [`Self::expects`] says that it is.
    pub fn parse(octets: &[u8]) -> Result<Self, ProxyError> {
        if Self::expects(octets)? != 0 {
            return Err(ProxyError::Malformed);
        }
        if octets.starts_with(V2_START) {
            v2(octets)
        } else {
            v1(octets)
        }
    }
}

fn v1(octets: &[u8]) -> Result<Header, ProxyError> {
    let line = octets.strip_suffix(b"\r\n").ok_or(ProxyError::Malformed)?;
    let line = std::str::from_utf8(line).map_err(|_| ProxyError::Malformed)?;
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        // Whatever follows UNKNOWN is to be ignored.
        ["PROXY", "UNKNOWN", ..] => Ok(Header::Local),
        [
            "PROXY",
            family @ ("TCP4" | "TCP6"),
            source,
            destination,
            from,
            to,
        ] => {
            let address = |ip: &str, port: &str| v1_address(family == "TCP4", ip, port);
            Ok(Header::Client {
                source: address(source, from)?,
                destination: address(destination, to)?,
            })
        }
        _ => Err(ProxyError::Malformed),
    }
}

fn v1_address(is_v4: bool, ip: &str, port: &str) -> Result<SocketAddr, ProxyError> {
    let ip: Option<IpAddr> = match is_v4 {
        true => ip.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        false => ip.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
    };
    let is_number = port.bytes().all(|c| c.is_ascii_digit());
    let has_zero_before = port.len() > 1 && port.starts_with('0');
    let port = Some(port).filter(|_| is_number && !has_zero_before);
    let port = port.and_then(|port| port.parse().ok());
    let address = ip.zip(port).ok_or(ProxyError::Malformed)?;
    Ok(address.into())
}

fn v2_expects(read: &[u8]) -> Result<usize, ProxyError> {
    let Some(length) = read.get(14..V2_FIXED_OCTETS) else {
        return Ok(V2_FIXED_OCTETS - read.len());
    };
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    let whole = V2_FIXED_OCTETS + length;
    if whole > V2_MAX_OCTETS {
        return Err(ProxyError::TooLong);
    }
    whole.checked_sub(read.len()).ok_or(ProxyError::Malformed)
}

fn v2(octets: &[u8]) -> Result<Header, ProxyError> {
    let (command, family) = (octets[12], octets[13]);
    let addresses = &octets[V2_FIXED_OCTETS..];
    match (command, family) {
        (0x20, _) => Ok(Header::Local),
        // TCP over IPv4, over IPv6.
        (0x21, 0x11) => v2_client::<4, Ipv4Addr>(addresses),
        (0x21, 0x21) => v2_client::<16, Ipv6Addr>(addresses),
        // Without a family, or a local socket's: nothing is told that counts here.
        (0x21, 0x00 | 0x31) => Ok(Header::Local),
        _ => Err(ProxyError::Malformed),
    }
}

/// Source, destination and the two ports, in this order.
fn v2_client<const OCTETS: usize, Ip>(octets: &[u8]) -> Result<Header, ProxyError>
where
    Ip: From<[u8; OCTETS]> + Into<IpAddr>,
{
    let (source, rest) = octets
        .split_first_chunk::<OCTETS>()
        .ok_or(ProxyError::Malformed)?;
    let (destination, rest) = rest
        .split_first_chunk::<OCTETS>()
        .ok_or(ProxyError::Malformed)?;
    let [a, b, c, d] = *rest.first_chunk::<4>().ok_or(ProxyError::Malformed)?;
    let address = |ip: &[u8; OCTETS], port: [u8; 2]| {
        SocketAddr::new(Ip::from(*ip).into(), u16::from_be_bytes(port))
    };
    Ok(Header::Client {
        source: address(source, [a, b]),
        destination: address(destination, [c, d]),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is told, and how many octets of `stream` the header took.
    fn read(stream: &[u8]) -> Result<(Header, usize), ProxyError> {
        let mut taken = 0;
        loop {
            match Header::expects(&stream[..taken])? {
                0 => return Ok((Header::parse(&stream[..taken])?, taken)),
                more if taken + more > stream.len() => return Err(ProxyError::Missing),
                more => taken += more,
            }
        }
    }

    fn client(source: &str, destination: &str) -> Result<Header, ProxyError> {
        Ok(Header::Client {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
        })
    }

    fn v2_header(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
        let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
        [V2_START.as_slice(), &[command, family], &length, addresses].concat()
    }

    #[test]
    fn version_1_tells_the_client_and_takes_nothing_behind_it() {
        let long = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff";
        for (line, told) in [
            (
                "PROXY TCP4 192.0.2.7 198.51.100.1 50000 993".to_owned(),
                client("192.0.2.7:50000", "198.51.100.1:993"),
            ),
            (
                format!("PROXY TCP6 {long} {long} 65535 65535"),
                client(&format!("[{long}]:65535"), &format!("[{long}]:65535")),
            ),
            ("PROXY UNKNOWN".to_owned(), Ok(Header::Local)),
            ("PROXY UNKNOWN what ever 1".to_owned(), Ok(Header::Local)),
        ] {
            let stream = format!("{line}\r\nEHLO a\r\n");
            let took = line.len() + 2;
            assert_eq!(
                read(stream.as_bytes()),
                told.map(|told| (told, took)),
                "{line}"
            );
        }
    }

    #[test]
    fn what_is_no_header_of_version_1_is_refused() {
        let endless = format!("PROXY UNKNOWN {}\r\n", "x".repeat(V1_MAX_OCTETS));
        for (stream, why) in [
            ("EHLO client.example.org\r\n", ProxyError::Missing),
            (
                "proxy TCP4 192.0.2.7 192.0.2.8 1 2\r\n",
                ProxyError::Missing,
            ),
            (
                "PROXY TCP4 192.0.2.7 192.0.2.8 1\r\n",
                ProxyError::Malformed,
            ),
            (
                "PROXY TCP4 192.0.2.7 192.0.2.8 1 2 3\r\n",
                ProxyError::Malformed,
            ),
            (
                "PROXY TCP4  192.0.2.7 192.0.2.8 1 2\r\n",
                ProxyError::Malformed,
            ),
            (
                "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
                ProxyError::Malformed,
            ),
            (
                "PROXY TCP6 192.0.2.7 192.0.2.8 1 2\r\n",
                ProxyError::Malformed,
            ),
            (
                "PROXY TCP4 192.0.2.7 192.0.2.8 65536 2\r\n",
                ProxyError::Malformed,
            ),
            (
                "PROXY TCP4 192.0.2.7 192.0.2.8 +1 2\r\n",
                ProxyError::Malformed,
            ),
            (
                "PROXY TCP4 192.0.2.7 192.0.2.8 01 2\r\n",
                ProxyError::Malformed,
            ),
            (
                "PROXY UDP4 192.0.2.7 192.0.2.8 1 2\r\n",
                ProxyError::Malformed,
            ),
            (&endless, ProxyError::TooLong),
        ] {
            assert_eq!(read(stream.as_bytes()), Err(why), "{stream:?}");
        }
    }

    #[test]
    fn version_2_tells_the_client_and_skips_what_else_it_says() {
        let v4 = [192, 0, 2, 7, 198, 51, 100, 1, 0xc3, 0x50, 3, 0xe1];
        let v6: Vec<u8> = [
            "2001:db8::7"
                .parse::<Ipv6Addr>()
                .unwrap()
                .octets()
                .as_slice(),
            &"2001:db8::1".parse::<Ipv6Addr>().unwrap().octets(),
            &[0, 1, 0, 25],
        ]
        .concat();
        let with_tlv = [v4.as_slice(), &[4, 0, 1, 0]].concat();
        for (header, told) in [
            (
                v2_header(0x21, 0x11, &v4),
                client("192.0.2.7:50000", "198.51.100.1:993"),
            ),
            (
                v2_header(0x21, 0x11, &with_tlv),
                client("192.0.2.7:50000", "198.51.100.1:993"),
            ),
            (
                v2_header(0x21, 0x21, &v6),
                client("[2001:db8::7]:1", "[2001:db8::1]:25"),
            ),
            (v2_header(0x20, 0x00, &[]), Ok(Header::Local)),
            (v2_header(0x20, 0x11, &v4), Ok(Header::Local)),
            (v2_header(0x21, 0x00, &[]), Ok(Header::Local)),
            (v2_header(0x21, 0x31, &[0; 216]), Ok(Header::Local)),
            (v2_header(0x21, 0x11, &v4[..11]), Err(ProxyError::Malformed)),
            (v2_header(0x21, 0x21, &v4), Err(ProxyError::Malformed)),
            (v2_header(0x21, 0x12, &v4), Err(ProxyError::Malformed)),
            (v2_header(0x22, 0x11, &v4), Err(ProxyError::Malformed)),
            (v2_header(0x11, 0x11, &v4), Err(ProxyError::Malformed)),
            (
                v2_header(0x21, 0x11, &[0; V2_MAX_OCTETS]),
                Err(ProxyError::TooLong),
            ),
        ] {
            let stream = [header.as_slice(), b"\x16\x03\x01"].concat();
            assert_eq!(
                read(&stream),
                told.map(|told| (told, header.len())),
                "{header:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_octets_panic_and_no_header_passes_its_limit(
            start in 0..3_usize,
            tail in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let start = [b"".as_slice(), V1_START, V2_START][start];
            let stream = [start, &tail].concat();
            if let Ok((_, took)) = read(&stream) {
                prop_assert!(took <= V2_MAX_OCTETS);
            }
        }
    }
}
