//! The control socket: how the command line reaches a running server on the same host.
//!
//! One JSON object a line in each direction. The kernel attests who asks; what the asking process
//! says about itself travels apart, as claims.

pub(crate) mod protocol;

pub(crate) mod client;
pub(crate) mod dispatch;
pub(crate) mod server;
