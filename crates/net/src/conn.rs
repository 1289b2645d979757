//! One connection to a client: lines in, replies out, deadlines, and the step into TLS.
//!
//! What always holds:
//! * A line ends with CRLF and nothing else (RFC 5321 §2.3.8); a bare LF is an error of its own.
//! * Before the connection waits for the client, everything written so far has been sent. So
//!   replies to pipelined commands leave together (RFC 2920 §3.2), and nobody waits in vain.
//! * What a client said in the clear is never taken for said under TLS (RFC 3207 §6).
//! * A connection that waits holds no buffers (and where it is compressed, the dictionary of what
//!   came in).
//!
//! Reading and flushing may be cancelled at any time without losing an octet. Cancelling
//! [`Conn::write`] leaves half a reply behind; drop the connection then.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::limits::ConnectionGuard;
use crate::tls::{TlsInfo, TlsServer};

mod deflate;
mod error;
mod input;
mod socket;

use deflate::Deflated;
pub use error::ConnError;
use input::Input;
use socket::{Socket, Stream};

/// Octets taken from the stream at once: the content of one TLS record (RFC 8446 §5.1).
const READ_OCTETS: usize = 16_384;
/// Octets of replies that are gathered before they are sent even though input is waiting.
const OUTPUT_MAX_OCTETS: usize = 16_384;
/// Octets still read, and the time given, after our last reply, so that a reset does not eat it.
const LINGER_MAX_OCTETS: usize = 65_536;
const LINGER: Duration = Duration::from_secs(2);
/// The idle time until a door sets its own.
const IDLE_DEFAULT: Duration = Duration::from_secs(300);
/// The longest idle time that can be set; more than any protocol asks for.
const IDLE_MAX: Duration = Duration::from_secs(86_400);
/// Octets of either direction of a connection in memory.
const MEMORY_PIPE_OCTETS: usize = 65_536;

/// How long the connection waits for its peer.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    /// For each whole line, each portion of a body and each flush; at most a day.
    pub idle: Duration,
    /// The moment at which everything ends, however busy the peer is.
    pub until: Option<Instant>,
}

/// A connection to a client, plain or TLS.
#[derive(Debug)]
pub struct Conn {
    stream: Stream,
    input: Input,
    deflated: Option<Box<Deflated>>,
    output: Vec<u8>,
    output_sent: usize,
    /// Whether the stream may hold octets that it took but has not sent.
    unflushed: bool,
    deadline: Deadline,
    peer: SocketAddr,
    local: SocketAddr,
    proxy: Option<SocketAddr>,
    offered_tls: Option<TlsServer>,
    tls_info: Option<TlsInfo>,
    guard: Option<ConnectionGuard>,
    octets_read: u64,
    octets_written: u64,
}

impl Conn {
    /// A connection that came in over TCP; replies leave without delay (`TCP_NODELAY`).
    pub fn tcp(tcp: TcpStream) -> io::Result<Self> {
        let (peer, local) = (tcp.peer_addr()?, tcp.local_addr()?);
        tcp.set_nodelay(true)?;
        Ok(Self::new(
            Socket::Tcp(tcp),
            canonical(peer),
            canonical(local),
        ))
    }

    /// A connection without network for dialogue tests, and the client's end of it.
    pub fn in_memory() -> (Self, DuplexStream) {
        Self::in_memory_from(SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 50_000)))
    }

    /// As [`Self::in_memory`], with a client whose address is `peer`.
    pub fn in_memory_from(peer: SocketAddr) -> (Self, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(MEMORY_PIPE_OCTETS);
        let local = SocketAddr::from((Ipv4Addr::new(198, 51, 100, 1), 25));
        (Self::new(Socket::Memory(ours), peer, local), theirs)
    }

    fn new(socket: Socket, peer: SocketAddr, local: SocketAddr) -> Self {
        Self {
            stream: Stream::Plain(socket),
            input: Input::default(),
            deflated: None,
            output: Vec::new(),
            output_sent: 0,
            unflushed: false,
            deadline: Deadline {
                idle: IDLE_DEFAULT,
                until: None,
            },
            peer,
            local,
            proxy: None,
            offered_tls: None,
            tls_info: None,
            guard: None,
            octets_read: 0,
            octets_written: 0,
        }
    }

    /// Lets the client ask for TLS on this connection.
    #[must_use]
    pub fn offering_tls(mut self, tls: TlsServer) -> Self {
        self.offered_tls = Some(tls);
        self
    }

    /// Takes the addresses that the proxy at the other end of the socket tells for true.
    #[must_use]
    pub fn proxied(self, source: SocketAddr, destination: SocketAddr) -> Self {
        Self {
            peer: canonical(source),
            local: canonical(destination),
            ..self.behind_proxy()
        }
    }

    /// Marks that a proxy is at the other end of the socket; the addresses stay the socket's own.
    #[must_use]
    pub fn behind_proxy(mut self) -> Self {
        self.proxy = Some(self.peer);
        self
    }

    /// Ties the place that this connection takes among all connections to its life.
    #[must_use]
    pub fn holding(mut self, guard: ConnectionGuard) -> Self {
        self.guard = Some(guard);
        self
    }

    /// The client's address; IPv4 is never dressed up as IPv6.
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    /// The proxy that told [`Self::peer_addr`], where there is one: the socket's own peer.
    pub fn proxy_addr(&self) -> Option<SocketAddr> {
        self.proxy
    }

    /// The address at which the client reached us.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// What TLS agreed on; `None` on a plain connection.
    pub fn tls_info(&self) -> Option<&TlsInfo> {
        self.tls_info.as_ref()
    }

    /// Whether [`Self::start_tls`] can be announced now.
    pub fn can_start_tls(&self) -> bool {
        self.offered_tls.is_some() && self.tls_info.is_none()
    }

    /// Octets that came in, without the overhead of TLS.
    pub fn octets_read(&self) -> u64 {
        self.octets_read
    }

    /// Octets that went out, without the overhead of TLS.
    pub fn octets_written(&self) -> u64 {
        self.octets_written
    }

    /// Sets how long all further waiting may last.
    pub fn set_deadline(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    /// The client has signed in and no longer counts as a stranger.
    pub fn mark_authenticated(&mut self) {
        if let Some(guard) = &mut self.guard {
            guard.authenticated();
        }
    }

    /// Octets that came in and that nobody has taken yet.
    pub fn buffered_len(&self) -> usize {
        self.input.pending().len()
    }

    /// Reads a line of at most `max_octets` with its CRLF, and returns it without.
    ///
    /// `None`: the client closed between lines. The whole line must come within the idle time.
    pub async fn read_line(&mut self, max_octets: usize) -> Result<Option<Vec<u8>>, ConnError> {
        let by = self.deadline.next();
        let mut searched = 0;
        loop {
            if let Some(line) = self.input.take_line(max_octets, &mut searched)? {
                return Ok(Some(line));
            }
            if self.fill(by).await? == 0 {
                return if self.input.is_between_lines() {
                    Ok(None)
                } else {
                    Err(ConnError::Truncated)
                };
            }
        }
    }

    /// Waits until at least one octet is there, and shows all that are; empty means the end.
    ///
    /// Nothing is taken: say with [`Self::consume`] how much of it was used. What is shown again
    /// unused does not grow, so use everything or remember it.
    pub async fn read_some(&mut self) -> Result<&[u8], ConnError> {
        if self.buffered_len() == 0 {
            let by = self.deadline.next();
            self.fill(by).await?;
        }
        Ok(self.input.pending())
    }

    /// Takes the first `octets` of what [`Self::read_some`] showed.
    pub fn consume(&mut self, octets: usize) {
        self.input.consume(octets);
    }

    /// Adds to the replies that wait to be sent; sends when they become too many.
    pub async fn write(&mut self, mut octets: &[u8]) -> Result<(), ConnError> {
        while !octets.is_empty() {
            if let Some(deflated) = &mut self.deflated {
                let (now, rest) = octets.split_at(octets.len().min(OUTPUT_MAX_OCTETS));
                deflated.write(now, &mut self.output)?;
                octets = rest;
                if self.output.len() >= OUTPUT_MAX_OCTETS {
                    self.flush().await?;
                }
                continue;
            }
            let room = OUTPUT_MAX_OCTETS - self.output.len();
            let (fits, rest) = octets.split_at(room.min(octets.len()));
            self.output.extend_from_slice(fits);
            octets = rest;
            if self.output.len() == OUTPUT_MAX_OCTETS {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Sends everything written so far.
    pub async fn flush(&mut self) -> Result<(), ConnError> {
        let by = self.deadline.next();
        self.flush_by(by).await
    }

    /// Sends the replies so far and makes a TLS handshake (RFC 3207, RFC 9051 §6.2.1, RFC 2595).
    ///
    /// Write the reply that invites it, then call this at once.
    pub async fn start_tls(&mut self) -> Result<(), ConnError> {
        if self.tls_info.is_some() {
            return Err(ConnError::TlsInUse);
        }
        let Some(tls) = self.offered_tls.clone() else {
            return Err(ConnError::TlsNotOffered);
        };
        if self.buffered_len() > 0 {
            return Err(ConnError::InjectedPlaintext);
        }
        let by = self.deadline.next();
        self.flush_by(by).await?;
        let Stream::Plain(socket) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(io::Error::from(io::ErrorKind::NotConnected).into());
        };
        let handshake = tls.acceptor().accept(socket);
        let stream = match self.deadline.waiting(by, handshake).await? {
            Ok(stream) => stream,
            Err(err) => return Err(ConnError::Handshake(err)),
        };
        self.tls_info = tls.info(stream.get_ref().1);
        self.stream = Stream::Tls(Box::new(stream));
        Ok(())
    }

    /// Sends the replies so far, then compresses both directions (RFC 4978 §3).
    ///
    /// Write the reply that agrees to it, then call this at once.
    pub async fn start_compression(&mut self) -> Result<(), ConnError> {
        if self.deflated.is_some() {
            return Err(ConnError::CompressionInUse);
        }
        if self.buffered_len() > 0 {
            return Err(ConnError::SentTooEarly);
        }
        self.flush().await?;
        self.deflated = Some(Box::new(Deflated::new()));
        Ok(())
    }

    /// Sends what is left, says goodbye and waits a moment for the client to do the same.
    ///
    /// Never fails: whatever happens, the connection is over.
    pub async fn close(mut self) {
        if self.flush().await.is_err() {
            return;
        }
        let farewell = async {
            if self.stream.shutdown().await.is_err() {
                return;
            }
            let mut lingered = 0;
            while lingered < LINGER_MAX_OCTETS {
                self.input.consume(self.buffered_len());
                match poll_fn(|cx| self.poll_fill(cx)).await {
                    Ok(0) | Err(_) => return,
                    Ok(read) => lingered += read,
                }
            }
        };
        // Out of time or not, the client had its chance.
        let _ = timeout_at(Instant::now() + LINGER, farewell).await;
    }

    /// Sends all output, then reads at least one octet; 0 means the end.
    async fn fill(&mut self, by: Instant) -> Result<usize, ConnError> {
        self.flush_by(by).await?;
        let deadline = self.deadline;
        let read = poll_fn(|cx| self.poll_fill(cx));
        Ok(deadline.waiting(by, read).await??)
    }

    /// Reads at least one octet that was meant for us; 0 means the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            let Some(deflated) = &mut self.deflated else {
                return self.poll_read(cx);
            };
            let inflated = deflated.inflate.next()?;
            if !inflated.is_empty() {
                self.input.append(&inflated);
                return Poll::Ready(Ok(inflated.len()));
            }
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(Ok(0));
            }
        }
    }

    /// The octets pass through the stack, so that a waiting connection needs no buffer.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut scratch = [MaybeUninit::uninit(); READ_OCTETS];
        let mut buffer = ReadBuf::uninit(&mut scratch);
        match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) => {
                let read = buffer.filled();
                match &mut self.deflated {
                    Some(deflated) => deflated.inflate.feed(read),
                    None => self.input.append(read),
                }
                self.octets_read += read.len() as u64;
                Poll::Ready(Ok(read.len()))
            }
            // Many clients end TLS without close_notify (RFC 8446 §6.1 asks for it). Our protocols
            // mark their own ends, so this is an end like any other.
            Poll::Ready(Err(err)) if err.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(0))
            }
            Poll::Ready(Err(err)) => Poll::Ready(Err(err)),
            Poll::Pending => {
                self.release_buffers();
                Poll::Pending
            }
        }
    }

    fn release_buffers(&mut self) {
        self.input.release();
        if self.output.is_empty() {
            self.output = Vec::new();
        }
        if let Some(deflated) = &mut self.deflated {
            deflated.release();
        }
    }

    async fn flush_by(&mut self, by: Instant) -> Result<(), ConnError> {
        if let Some(deflated) = &mut self.deflated {
            deflated.finish(&mut self.output)?;
        }
        if self.output.is_empty() && !self.unflushed {
            return Ok(());
        }
        let deadline = self.deadline;
        let sent = poll_fn(|cx| self.poll_send(cx));
        Ok(deadline.waiting(by, sent).await??)
    }

    /// Remembers how far it came, so that it can be cancelled and called again.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.output_sent < self.output.len() {
            self.unflushed = true;
            let rest = &self.output[self.output_sent..];
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output_sent += sent;
            self.octets_written += sent as u64;
        }
        self.output.clear();
        self.output_sent = 0;
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }
}

impl Deadline {
    /// When a wait that begins now must end.
    fn next(&self) -> Instant {
        let idle = Instant::now() + self.idle.min(IDLE_MAX);
        self.until.map_or(idle, |until| until.min(idle))
    }

    /// Waits for `work` until `by`, and says which of the two deadlines was the one that passed.
    async fn waiting<T>(&self, by: Instant, work: impl Future<Output = T>) -> Result<T, ConnError> {
        match timeout_at(by, work).await {
            Ok(done) => Ok(done),
            Err(_) if self.until.is_some_and(|until| until <= by) => Err(ConnError::DeadlinePassed),
            Err(_) => Err(ConnError::IdleTimeout),
        }
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

#[cfg(test)]
mod tests;
