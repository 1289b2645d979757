//! A connection to another server: lines in, octets out, each with a deadline, and the step into TLS.
//!
//! What the other server said in the clear is never taken for said under TLS (RFC 3207 §6).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::endpoint::Stream;
use crate::tls_client::TlsClient;

/// Octets read at once.
const READ_OCTETS: usize = 4_096;

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum OutgoingError {
    /// The other side was silent for too long.
    #[error("it did not answer for {} seconds", .0.as_secs())]
    Silent(Duration),
    /// It closed the connection.
    #[error("it closed the connection")]
    Closed,
    /// A line is longer than was asked for.
    #[error("it sent a line of more than {0} octets")]
    LineTooLong(usize),
    /// It sent something between its yes to TLS and the handshake.
    #[error("it said more in the clear than its yes to TLS")]
    Injected,
    /// The handshake failed.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The network failed.
    #[error("{}", in_words(.0))]
    Io(#[from] io::Error),
}

/// What the system says, without its number for it.
fn in_words(err: &io::Error) -> String {
    let text = err.to_string();
    let words = text.split(" (os error").next().unwrap_or_default();
    words.to_lowercase()
}

/// A connection to another server.
pub struct Outgoing {
    stream: Link,
    peer: SocketAddr,
    unread: Vec<u8>,
    tls: Option<&'static str>,
}

enum Link {
    Plain(TcpStream),
    Secured(Box<dyn Stream>),
    /// Only while TLS begins.
    Gone,
}

impl Outgoing {
    /// Connects to an address, from `source` if that is not empty.
    pub async fn connect(
        to: SocketAddr,
        source: Option<IpAddr>,
        time: Duration,
    ) -> Result<Self, OutgoingError> {
        let connecting = async {
            let socket = match to {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            if let Some(source) = source.filter(|source| source.is_ipv4() == to.is_ipv4()) {
                socket.bind(SocketAddr::new(source, 0))?;
            }
            let tcp = socket.connect(to).await?;
            tcp.set_nodelay(true)?;
            Ok::<_, io::Error>(tcp)
        };
        let tcp = timeout(time, connecting).await;
        Ok(Self {
            stream: Link::Plain(tcp.map_err(|_| OutgoingError::Silent(time))??),
            peer: to,
            unread: Vec::new(),
            tls: None,
        })
    }

    /// The address of the other server.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The version of TLS, such as `TLSv1.3`; `None` on a plain connection.
    pub fn tls(&self) -> Option<&'static str> {
        self.tls
    }

    /// The next line without its end, which is LF, perhaps behind a CR. `time` is for each octet's
    /// wait; a line has at most `most` octets.
    pub async fn line(&mut self, most: usize, time: Duration) -> Result<Vec<u8>, OutgoingError> {
        let mut searched = 0;
        loop {
            let found = self.unread[searched..]
                .iter()
                .position(|octet| *octet == b'\n');
            if let Some(place) = found
                .map(|place| searched + place)
                .filter(|it| *it <= most + 1)
            {
                let mut line: Vec<_> = self.unread.drain(..=place).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            searched = self.unread.len();
            if searched > most {
                return Err(OutgoingError::LineTooLong(most));
            }
            let mut octets = [0; READ_OCTETS];
            let read = timeout(time, self.stream.get()?.read(&mut octets)).await;
            match read.map_err(|_| OutgoingError::Silent(time))?? {
                0 => return Err(OutgoingError::Closed),
                count => self.unread.extend_from_slice(&octets[..count]),
            }
        }
    }

    /// Sends octets; `time` is for all of them.
    pub async fn send(&mut self, octets: &[u8], time: Duration) -> Result<(), OutgoingError> {
        let stream = self.stream.get()?;
        let sending = async {
            stream.write_all(octets).await?;
            stream.flush().await
        };
        let sent = timeout(time, sending).await;
        Ok(sent.map_err(|_| OutgoingError::Silent(time))??)
    }

    /// Shakes hands; `name` is what the server is asked for and must prove if anything. Nothing may
    /// wait to be read. After an error the connection is of no more use.
    pub async fn start_tls(
        &mut self,
        client: &TlsClient,
        name: &str,
        time: Duration,
    ) -> Result<(), OutgoingError> {
        if !self.unread.is_empty() {
            return Err(OutgoingError::Injected);
        }
        let Link::Plain(tcp) = std::mem::replace(&mut self.stream, Link::Gone) else {
            return Err(OutgoingError::Closed);
        };
        let secured = timeout(time, client.secure(tcp, name)).await;
        let secured = secured.map_err(|_| OutgoingError::Silent(time))?;
        let secured = secured.map_err(|err| OutgoingError::Tls(err.to_string()))?;
        self.tls = Some(secured.version);
        self.stream = Link::Secured(Box::new(secured.stream));
        Ok(())
    }

    /// Says goodbye to TLS and closes; what goes wrong now concerns nobody.
    pub async fn close(mut self, time: Duration) {
        if let Ok(stream) = self.stream.get() {
            let _closed = timeout(time, stream.shutdown()).await;
        }
    }
}

impl Link {
    fn get(&mut self) -> Result<&mut dyn Stream, OutgoingError> {
        match self {
            Self::Plain(tcp) => Ok(tcp),
            Self::Secured(stream) => Ok(stream.as_mut()),
            Self::Gone => Err(OutgoingError::Closed),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    /// A connection to a server that says this and closes, or stays.
    async fn to(said: &'static [u8], stays: bool) -> Outgoing {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tcp.write_all(said).await.unwrap();
            if stays {
                std::future::pending::<()>().await;
            }
        });
        Outgoing::connect(address, None, SOON).await.unwrap()
    }

    #[tokio::test]
    async fn lines_have_bounds_in_octets_and_time() {
        let mut conn = to(b"220 a\r\n221 b\n\nrest", false).await;
        for line in ["220 a", "221 b", ""] {
            assert_eq!(conn.line(10, SOON).await.unwrap(), line.as_bytes());
        }
        let end = conn.line(10, SOON).await;
        assert!(matches!(end, Err(OutgoingError::Closed)), "{end:?}");
        let mut conn = to(b"0123456789\r\n0123456789a\r\n", true).await;
        assert_eq!(conn.line(10, SOON).await.unwrap(), b"0123456789");
        let end = conn.line(9, SOON).await;
        assert!(matches!(end, Err(OutgoingError::LineTooLong(9))), "{end:?}");
        let mut conn = to(b"220", true).await;
        let end = conn.line(10, Duration::from_millis(20)).await;
        assert!(matches!(end, Err(OutgoingError::Silent(_))), "{end:?}");
    }

    #[tokio::test]
    async fn what_was_said_before_tls_is_not_taken_into_it() {
        let mut conn = to(b"220 go ahead\r\n250 injected\r\n", true).await;
        conn.line(100, SOON).await.unwrap();
        let client = TlsClient::trusting_anyone().unwrap();
        let begun = conn.start_tls(&client, "mx.example.net", SOON).await;
        assert!(matches!(begun, Err(OutgoingError::Injected)), "{begun:?}");
    }
}
