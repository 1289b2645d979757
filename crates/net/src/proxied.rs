//! Connections by a proxy: the header that names the client is read before anything else, also
//! before TLS, and no octet behind it is taken.

use std::io;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use wire::proxy::{Header, ProxyError};

/// How long a proxy may take for its header; it sends it at once.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a connection by a proxy is closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxiedError {
    /// The header is not there or not as it must be.
    #[error(transparent)]
    Header(#[from] ProxyError),
    /// It did not come in time.
    #[error("the PROXY header did not come in time")]
    Late,
    /// The link broke first.
    #[error("the link broke before the PROXY header was whole: {0}")]
    Io(#[from] io::Error),
}

/// Reads the header.
pub(crate) async fn read_header(tcp: &mut TcpStream) -> Result<Header, ProxiedError> {
    let read = async {
        let mut octets = Vec::new();
        loop {
            let missing = Header::expects(&octets)?;
            if missing == 0 {
                return Ok(Header::parse(&octets)?);
            }
            let known = octets.len();
            octets.resize(known + missing, 0);
            tcp.read_exact(&mut octets[known..]).await?;
        }
    };
    timeout(HEADER_TIMEOUT, read)
        .await
        .unwrap_or(Err(ProxiedError::Late))
}
