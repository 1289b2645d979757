//! Listening sockets: bind with errors that explain, accept within limits, drain at the end.
//!
//! What always holds: every connection runs in a task that the listener waits for; the number of
//! these tasks is bounded by the limits; who is not admitted hears no octet; when the system has no
//! file descriptors left, the loop waits instead of spinning, and the clients wait in the backlog.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, error, info, warn};

use wire::proxy::Header;

use crate::conn::{Conn, Deadline};
use crate::gate::Gate;
use crate::limits::{ConnectionGuard, ConnectionLimits, LimitReached};
use crate::proxied::read_header;
use crate::shutdown::Shutdown;
use crate::tls::TlsServer;

/// Connections that the system keeps for us until we accept them.
const BACKLOG: i32 = 1_024;
/// How long the accept loop rests when the system has nothing left for another connection.
const ACCEPT_REST: Duration = Duration::from_millis(200);
/// How long a client may take for the handshake of implicit TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// What a handler's work looks like from here.
pub type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves one connection until it ends; it holds its own [`Shutdown`] and obeys it.
pub type Handler = Arc<dyn Fn(Conn) -> BoxFuture + Send + Sync>;

/// What TLS means for a listener.
#[derive(Clone, Debug)]
pub enum TlsMode {
    /// Never.
    Off,
    /// When the client asks for it.
    StartTls(TlsServer),
    /// From the first octet (RFC 8314 §3).
    Implicit(TlsServer),
}

/// How a listener treats its connections.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Plain, STARTTLS or implicit TLS.
    pub tls: TlsMode,
    /// The bounds; listeners that share them are counted together.
    pub limits: ConnectionLimits,
    /// Who may come in, and who is a proxy.
    pub gate: Arc<dyn Gate>,
    /// The line with CRLF that a client above the bounds is told, in the words of the protocol.
    pub refusal: &'static str,
    /// How long sessions may take to end after shutdown was asked for.
    pub drain: Duration,
}

/// A socket that is bound and listening.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    address: SocketAddr,
}

/// How the sessions ended that were alive at shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// They came to their own end in time.
    pub finished: usize,
    /// They were cut off.
    pub aborted: usize,
}

/// Why an address cannot be listened on, in words that say what to do.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else listens there.
    #[error(
        "port {} of {} is taken by another program. `ss -ltnp 'sport = :{}'` (as root) shows which; \
         stop it, or give this service another port", .0.port(), .0.ip(), .0.port()
    )]
    PortTaken(SocketAddr),
    /// The system allows low ports only to some.
    #[error(
        "this user may not listen on port {} of {}. Start the server through systemd with \
         AmbientCapabilities=CAP_NET_BIND_SERVICE, or give this service a port above 1023",
        .0.port(), .0.ip()
    )]
    NotPermitted(SocketAddr),
    /// The address belongs to no interface of this machine.
    #[error(
        "{} is not an address of this machine. `ip addr` shows those that are; 0.0.0.0 or [::] \
         stands for all", .0.ip()
    )]
    NotLocal(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl Listener {
    /// Binds and listens. Port 0 takes a free one; an IPv6 address does not include IPv4.
    ///
    /// Call it inside the runtime.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        listen(address).map_err(|source| explain(address, source))
    }

    /// The address with the port that was really taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until `close`, serves what was accepted until `end`, then drains. Run it as a task
    /// of its own. `close` is let go once the port is free.
    pub async fn serve(
        self,
        settings: ListenerSettings,
        handler: Handler,
        close: Shutdown,
        end: Shutdown,
    ) -> Drained {
        let settings = Arc::new(settings);
        let mut tasks = JoinSet::new();
        self.accept(&settings, &handler, &close, &mut tasks).await;
        drop(self.tcp);
        drop(close);
        let finished = outlive(&mut tasks, &end).await;
        let mut drained = drain(tasks, settings.drain).await;
        drained.finished += finished;
        drained
    }

    async fn accept(
        &self,
        settings: &Arc<ListenerSettings>,
        handler: &Handler,
        close: &Shutdown,
        tasks: &mut JoinSet<()>,
    ) {
        let mut starved = false;
        let mut stop = pin!(close.wait());
        loop {
            // Accepting and joining lose nothing when another branch is taken. The word to stop
            // comes first, so that the sessions it ends are counted as drained.
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(ended) = tasks.join_next() => report(ended),
                accepted = self.tcp.accept() => match accepted {
                    Ok((tcp, peer)) => {
                        if std::mem::take(&mut starved) {
                            info!(listener = %self.address, "accepting connections again");
                        }
                        admit(tcp, peer, settings, handler, tasks);
                    }
                    Err(err) if concerns_one_client(&err) => {
                        debug!(listener = %self.address, %err, "a client left before it was served");
                    }
                    Err(err) => {
                        if !std::mem::replace(&mut starved, true) {
                            warn!(
                                listener = %self.address, %err,
                                "cannot accept connections now, trying again: {err}"
                            );
                        }
                        rest(tasks, close).await;
                    }
                },
            }
        }
    }
}

/// Whether an address could be listened on now.
pub fn can_listen(address: SocketAddr) -> Result<(), BindError> {
    let socket = listening(address);
    socket.map(drop).map_err(|source| explain(address, source))
}

fn listen(address: SocketAddr) -> io::Result<Listener> {
    let tcp = TcpListener::from_std(listening(address)?.into())?;
    let address = tcp.local_addr()?;
    Ok(Listener { tcp, address })
}

fn listening(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A restart must not wait for the last connections of the former process to time out.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn explain(address: SocketAddr, source: io::Error) -> BindError {
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::PortTaken(address),
        io::ErrorKind::PermissionDenied => BindError::NotPermitted(address),
        io::ErrorKind::AddrNotAvailable => BindError::NotLocal(address),
        _ => BindError::Other { address, source },
    }
}

/// Whether only the client that we were about to accept is gone.
fn concerns_one_client(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// Waits for a moment, or until something happens that may free a file descriptor.
async fn rest(tasks: &mut JoinSet<()>, shutdown: &Shutdown) {
    tokio::select! {
        () = shutdown.wait() => {}
        Some(ended) = tasks.join_next() => report(ended),
        () = sleep(ACCEPT_REST) => {}
    }
}

fn admit(
    tcp: TcpStream,
    peer: SocketAddr,
    settings: &Arc<ListenerSettings>,
    handler: &Handler,
    tasks: &mut JoinSet<()>,
) {
    let source = peer.ip().to_canonical();
    let is_proxy = settings.gate.is_proxy(source);
    if !is_proxy && !settings.gate.admits(source) {
        debug!(remote.ip = %source, "turned a connection away: its source is not admitted");
        return;
    }
    let place = match is_proxy {
        true => settings.limits.admit_unknown(),
        false => settings.limits.admit(source),
    };
    let guard = match place {
        Ok(guard) => guard,
        Err(reason) => return refuse(&tcp, source, reason, settings),
    };
    let handler = Arc::clone(handler);
    if is_proxy {
        tasks.spawn(start_proxied(
            tcp,
            source,
            guard,
            Arc::clone(settings),
            handler,
        ));
        return;
    }
    debug!(remote.ip = %source, "a connection from {source} comes in");
    match Conn::tcp(tcp) {
        Ok(conn) => {
            tasks.spawn(start(conn.holding(guard), settings.tls.clone(), handler));
        }
        Err(err) => debug!(remote.ip = %source, %err, "a client left before it was served"),
    }
}

fn refuse(tcp: &TcpStream, source: IpAddr, reason: LimitReached, settings: &ListenerSettings) {
    debug!(remote.ip = %source, %reason, "refused a connection: {reason}");
    // Under implicit TLS a plain word would only be taken for a broken handshake. The socket's
    // buffer is empty, so the line fits; if not, closing says enough.
    if !matches!(settings.tls, TlsMode::Implicit(_)) {
        let _ = tcp.try_write(settings.refusal.as_bytes());
    }
}

/// Lets the proxy say for whom it speaks, then decides about that client as about any other.
async fn start_proxied(
    mut tcp: TcpStream,
    proxy: IpAddr,
    mut guard: ConnectionGuard,
    settings: Arc<ListenerSettings>,
    handler: Handler,
) {
    let header = match read_header(&mut tcp).await {
        Ok(header) => header,
        Err(err) => {
            info!(%proxy, %err, "closed a connection by {proxy}: {err}");
            return;
        }
    };
    let source = match header {
        Header::Client { source, .. } => source.ip().to_canonical(),
        Header::Local => proxy,
    };
    if !settings.gate.admits(source) {
        debug!(remote.ip = %source, "turned a connection away: its source is not admitted");
        return;
    }
    if let Err(reason) = guard.comes_from(source) {
        return refuse(&tcp, source, reason, &settings);
    }
    let conn = match Conn::tcp(tcp) {
        Ok(conn) => conn.holding(guard),
        Err(err) => {
            debug!(remote.ip = %source, %err, "a client left before it was served");
            return;
        }
    };
    let conn = match header {
        Header::Client {
            source,
            destination,
        } => conn.proxied(source, destination),
        // Who is behind it is not known, so it is not this machine either.
        Header::Local => conn.behind_proxy(),
    };
    start(conn, settings.tls.clone(), handler).await;
}

async fn start(conn: Conn, tls: TlsMode, handler: Handler) {
    let conn = match tls {
        TlsMode::Off => conn,
        TlsMode::StartTls(tls) => conn.offering_tls(tls),
        TlsMode::Implicit(tls) => {
            let mut conn = conn.offering_tls(tls);
            conn.set_deadline(Deadline {
                idle: HANDSHAKE_TIMEOUT,
                until: Some(Instant::now() + HANDSHAKE_TIMEOUT),
            });
            if let Err(err) = conn.start_tls().await {
                debug!(remote.ip = %conn.peer_addr().ip(), %err, "no TLS with a client: {err}");
                return;
            }
            if let Some(tls) = conn.tls_info() {
                let name = tls.server_name.as_deref().unwrap_or("no name");
                debug!(
                    remote.ip = %conn.peer_addr().ip(),
                    "TLS with a client: {} {}, it asked for {name}", tls.version, tls.cipher
                );
            }
            conn
        }
    };
    handler(conn).await;
}

/// A session that panicked takes nobody with it, but it is a fault of ours that someone must see.
fn report(ended: Result<(), JoinError>) {
    if let Err(err) = ended
        && err.is_panic()
    {
        error!(%err, "a session ended by a fault of the server: {err}");
    }
}

/// Waits until the sessions have come to their own end or `end` is given; says how many have.
async fn outlive(tasks: &mut JoinSet<()>, end: &Shutdown) -> usize {
    let alive = tasks.len();
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            report(ended);
        }
    };
    // Joining loses nothing when it is given up.
    tokio::select! {
        biased;
        () = end.wait() => {}
        () = all => {}
    }
    alive - tasks.len()
}

async fn drain(mut tasks: JoinSet<()>, patience: Duration) -> Drained {
    let alive = tasks.len();
    let all = async {
        while let Some(ended) = tasks.join_next().await {
            report(ended);
        }
    };
    // Out of patience or not: what is left is counted and cut off below.
    let _ = timeout(patience, all).await;
    let aborted = tasks.len();
    tasks.shutdown().await;
    Drained {
        finished: alive - aborted,
        aborted,
    }
}

#[cfg(test)]
mod tests;
