//! Who may come in at all: asked for each connection, so that a change holds for the next one.

use std::fmt::Debug;
use std::net::IpAddr;

/// Decides about connections before an octet is exchanged.
pub trait Gate: Debug + Send + Sync {
    /// Whether this peer is a proxy, whose connections begin with a header that names the client.
    fn is_proxy(&self, peer: IpAddr) -> bool;

    /// Whether a client from this source is served.
    fn admits(&self, source: IpAddr) -> bool;
}

/// The gate of a listener that knows no proxy and turns nobody away.
#[derive(Clone, Copy, Debug)]
pub struct OpenGate;

impl Gate for OpenGate {
    fn is_proxy(&self, _peer: IpAddr) -> bool {
        false
    }

    fn admits(&self, _source: IpAddr) -> bool {
        true
    }
}
