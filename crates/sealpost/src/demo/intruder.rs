//! A small IMAP client that signs in from far away: a proxy on this machine, which the server
//! believes for the time being, says where it comes from (PROXY protocol version 1), then all is as
//! at any client (RFC 9051 over TLS).

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use net::TlsClient;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use types::Address;

/// From here the proxy connects.
pub(crate) const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
/// The port that the proxy says the client has.
const CLIENT_PORT: u16 = 50_143;
/// The name that the server's certificate must have.
const SERVER_NAME: &str = "localhost";
/// How long our own server may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Octets of one line of an answer.
const LINE_MAX_OCTETS: u64 = 4_096;
/// Lines of one answer.
const LINES_MAX: usize = 64;

/// A connection by which somebody tries to sign in.
pub(crate) struct Intruder<S> {
    stream: BufReader<S>,
    commands: usize,
}

/// Connects to the port for IMAP under TLS as a client of this address.
pub(crate) async fn connect(
    tls: &TlsClient,
    server: SocketAddr,
    from: Ipv4Addr,
) -> anyhow::Result<Intruder<impl AsyncRead + AsyncWrite + Unpin + Send + use<>>> {
    let tcp = by_proxy(server, from);
    let tcp = timeout(ANSWER_TIMEOUT, tcp).await??;
    let stream = timeout(ANSWER_TIMEOUT, tls.connect(tcp, SERVER_NAME)).await??;
    let mut intruder = Intruder {
        stream: BufReader::new(stream),
        commands: 0,
    };
    let greeting = intruder.line().await?;
    ensure!(greeting.starts_with("* OK"), "the server said {greeting:?}");
    Ok(intruder)
}

async fn by_proxy(server: SocketAddr, from: Ipv4Addr) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((PROXY, 0).into())?;
    let mut tcp = socket.connect(server).await?;
    let (to, port) = (server.ip(), server.port());
    let header = format!("PROXY TCP4 {from} {to} {CLIENT_PORT} {port}\r\n");
    tcp.write_all(header.as_bytes()).await?;
    Ok(tcp)
}

impl<S: AsyncRead + AsyncWrite + Unpin> Intruder<S> {
    /// Tries a password, without `"` and `\`; gives whether it is the right one.
    pub(crate) async fn sign_in(&mut self, name: &Address, password: &str) -> anyhow::Result<bool> {
        let answer = self
            .ask(&format!("LOGIN \"{name}\" \"{password}\""))
            .await?;
        match answer.split(' ').next() {
            Some("OK") => Ok(true),
            Some("NO") => Ok(false),
            _ => bail!("the server answered LOGIN with {answer:?}"),
        }
    }

    /// Ends the session.
    pub(crate) async fn sign_out(mut self) -> anyhow::Result<()> {
        self.ask("LOGOUT").await.map(drop)
    }

    /// Gives a command; gives the answer without its tag.
    async fn ask(&mut self, command: &str) -> anyhow::Result<String> {
        self.commands += 1;
        let tag = format!("a{} ", self.commands);
        let line = format!("{tag}{command}\r\n");
        self.stream.write_all(line.as_bytes()).await?;
        self.stream.flush().await?;
        for _ in 0..LINES_MAX {
            if let Some(answer) = self.line().await?.strip_prefix(&tag) {
                return Ok(answer.to_owned());
            }
        }
        bail!("the server's answer has more than {LINES_MAX} lines")
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let mut bounded = (&mut self.stream).take(LINE_MAX_OCTETS);
        let read = bounded.read_line(&mut line);
        let read = timeout(ANSWER_TIMEOUT, read).await;
        read.context("the server does not answer")??;
        ensure!(line.ends_with('\n'), "the server closed the connection");
        Ok(line.trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;

    use super::*;

    async fn signs_in(answers: &[u8]) -> anyhow::Result<bool> {
        let (ours, mut theirs) = duplex(1_024);
        theirs.write_all(answers).await.unwrap();
        theirs.shutdown().await.unwrap();
        let mut intruder = Intruder {
            stream: BufReader::new(ours),
            commands: 0,
        };
        let name = "ben@demo.test".parse().unwrap();
        intruder.sign_in(&name, "guess").await
    }

    #[tokio::test]
    async fn the_answer_behind_the_tag_counts() {
        let told = b"* CAPABILITY IMAP4rev1\r\na1 OK [CAPABILITY IMAP4rev1] in\r\n";
        assert!(signs_in(told).await.unwrap());
        assert!(
            !signs_in(b"a1 NO [AUTHENTICATIONFAILED] no\r\n")
                .await
                .unwrap()
        );
        for odd in [
            &b"a1 BAD what\r\n"[..],
            b"a2 OK other\r\n",
            b"* BYE\r\n",
            b"a1 OK",
        ] {
            assert!(signs_in(odd).await.is_err(), "{odd:?}");
        }
        assert!(signs_in(&b"* OK x\r\n".repeat(LINES_MAX)).await.is_err());
    }
}
