//! Tells systemd how the server is (sd_notify: a datagram to the socket that it names).

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The environment variable with the path of the socket.
pub(crate) const NOTIFY_VARIABLE: &str = "NOTIFY_SOCKET";

/// The environment variable with the time of the watchdog in microseconds.
pub(crate) const WATCHDOG_VARIABLE: &str = "WATCHDOG_USEC";

/// What systemd can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Connections are served.
    Ready,
    /// The server drains and ends.
    Stopping,
    /// It still works.
    Alive,
}

/// Tells systemd, if it asked to be told.
pub(crate) fn notify(state: State) {
    let Some(socket) = std::env::var_os(NOTIFY_VARIABLE) else {
        return;
    };
    if let Err(err) = send(&socket, state) {
        tracing::warn!(%err, "cannot tell systemd: {err}");
    }
}

/// The time within which systemd's watchdog wants to be told, if there is one for this process.
pub(crate) fn watchdog_time() -> Option<Duration> {
    let value = |name| std::env::var(name).ok()?.parse::<u64>().ok();
    let is_ours = value("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
    let time_us = value(WATCHDOG_VARIABLE).filter(|time_us| *time_us > 0 && is_ours)?;
    Some(Duration::from_micros(time_us))
}

fn send(socket: &OsStr, state: State) -> io::Result<()> {
    let text = match state {
        State::Ready => "READY=1",
        State::Stopping => "STOPPING=1",
        State::Alive => "WATCHDOG=1",
    };
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(OsString::from(socket))?,
    };
    UnixDatagram::unbound()?.send_to_addr(text.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_arrives_at_both_sorts_of_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("sealpost-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let by_name = UnixDatagram::bind_addr(&address).unwrap();
        send(path.as_os_str(), State::Ready).unwrap();
        send(OsStr::new(&format!("@{name}")), State::Stopping).unwrap();
        for (socket, expected) in [(by_path, "READY=1"), (by_name, "STOPPING=1")] {
            let mut octets = [0; 64];
            let received = socket.recv(&mut octets).unwrap();
            assert_eq!(&octets[..received], expected.as_bytes());
        }
        assert!(send(OsStr::new("/nonexistent/n"), State::Ready).is_err());
    }
}
