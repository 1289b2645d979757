//! The client's end of a connection in memory, for dialogues with a door.

use std::sync::Arc;

use net::{Certificate, Certificates, Conn, OwnCa, Shutdown, ShutdownTrigger, TlsServer};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::task::JoinHandle;

use crate::World;
use crate::world::BEGIN;

/// A client that says octets and hears lines.
pub struct Client {
    stream: BufReader<DuplexStream>,
    trigger: ShutdownTrigger,
    served: JoinHandle<()>,
    /// Must not go before the client.
    _world: Arc<World>,
}

impl Client {
    /// Connects; `serve` is given the server's end, on which TLS can be started.
    pub fn connect<S>(world: &Arc<World>, serve: impl FnOnce(Conn, Shutdown) -> S) -> Self
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let (conn, stream) = Conn::in_memory();
        let (trigger, shutdown) = Shutdown::pair();
        Self {
            stream: BufReader::new(stream),
            trigger,
            served: tokio::spawn(serve(conn.offering_tls(tls_server()), shutdown)),
            _world: Arc::clone(world),
        }
    }

    /// Tells the server to stop.
    pub fn stop_server(&self) {
        self.trigger.stop();
    }

    /// Sends octets as they are.
    pub async fn send(&mut self, octets: &[u8]) {
        let sent = self.stream.write_all(octets).await;
        sent.expect("the server listens");
    }

    /// Sends a line with its CRLF.
    pub async fn say(&mut self, line: &str) {
        self.send(format!("{line}\r\n").as_bytes()).await;
    }

    /// The next line without its CRLF; `None` if the server closed.
    ///
    /// # Panics
    ///
    /// If the server closed in the middle of a line.
    pub async fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let read = self.stream.read_until(b'\n', &mut line).await;
            if read.expect("memory can be read") == 0 {
                assert!(line.is_empty(), "closed in the middle of {line:?}");
                return None;
            }
        }
        line.truncate(line.len() - 2);
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    /// Hears that the server closed, and waits until it has done with this client.
    ///
    /// # Panics
    ///
    /// If the server says something more, or panicked.
    pub async fn hears_the_end(mut self) {
        assert_eq!(self.line().await, None);
        drop(self.stream);
        self.served.await.expect("the server has not panicked");
    }

    /// Goes away without a word, and waits until the server has noticed.
    ///
    /// # Panics
    ///
    /// If the server panicked.
    pub async fn vanish(mut self) {
        let gone = self.stream.shutdown().await;
        gone.expect("memory can be closed");
        let mut rest = Vec::new();
        let heard = self.stream.read_to_end(&mut rest).await;
        heard.expect("memory can be read");
        drop(self.stream);
        self.served.await.expect("the server has not panicked");
    }
}

/// Whether a line is as expected; `*` at the end of a pattern stands for any rest.
pub fn matches(line: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => line.starts_with(start),
        None => line == pattern,
    }
}

fn tls_server() -> TlsServer {
    let name = "mx.example.org".parse().expect("a domain name");
    let ca = OwnCa::new("Test", BEGIN).expect("a CA can be made");
    let issued = ca.issue(&[name], &[], BEGIN).expect("a CA can issue");
    let chain_pem = issued.chain_pem.as_bytes();
    let certificate = Certificate::from_pem(chain_pem, &issued.key_pem, BEGIN);
    let certificate = certificate.expect("what was issued can be read");
    TlsServer::new(Certificates::new(&certificate, &[])).expect("a server with a certificate")
}
