//! Another server, which follows a script.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use net::{Certificate, Certificates, Conn, OwnCa, TlsServer};
use tokio::net::TcpListener;
use types::Timestamp;

/// What it says; the rest of what a server must say is understood.
#[derive(Clone)]
pub(super) struct Script {
    pub(super) greeting: &'static str,
    /// The keywords of its answer to EHLO.
    pub(super) offers: Vec<&'static str>,
    /// Commands that begin so, and what is said instead of yes; nothing closes the connection.
    pub(super) says: Vec<(&'static str, &'static str)>,
    /// What is said to the end of the content.
    pub(super) end: &'static str,
    pub(super) tls: Option<TlsServer>,
    /// Whether TLS begins with the connection.
    pub(super) implicit: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            greeting: "220 mx.far.test ESMTP",
            offers: vec!["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 100000", "DSN"],
            says: Vec::new(),
            end: "250 2.0.0 queued as 7",
            tls: None,
            implicit: false,
        }
    }
}

/// A server that runs; it ends with the test.
pub(super) struct Peer {
    pub(super) at: SocketAddr,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    connections: usize,
    lines: Vec<String>,
    mail: Vec<String>,
}

impl Peer {
    /// On a free port.
    pub(super) async fn start(script: Script) -> Self {
        Self::start_at("127.0.0.1:0", script).await
    }

    pub(super) async fn start_at(address: &str, script: Script) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let at = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let told = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                told.lock().unwrap().connections += 1;
                let (script, told) = (script.clone(), Arc::clone(&told));
                tokio::spawn(async move { serve(Conn::tcp(tcp).unwrap(), &script, &told).await });
            }
        });
        Self { at, heard }
    }

    pub(super) fn connections(&self) -> usize {
        self.heard.lock().unwrap().connections
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.heard.lock().unwrap().lines.clone()
    }

    /// The content of each message, as it came over the wire.
    pub(super) fn mail(&self) -> Vec<String> {
        self.heard.lock().unwrap().mail.clone()
    }
}

/// What a server of this authority needs for TLS under this name.
pub(super) fn tls(ca: &OwnCa, name: &str, now: Timestamp) -> TlsServer {
    let issued = ca.issue(&[name.parse().unwrap()], &[], now).unwrap();
    let chain = issued.chain_pem.as_bytes();
    let certificate = Certificate::from_pem(chain, &issued.key_pem, now).unwrap();
    TlsServer::new(Certificates::new(&certificate, &[])).unwrap()
}

// long: one arm for each command.
/// Ends by `None` when the client, or the script, closes the connection.
async fn serve(conn: Conn, script: &Script, heard: &Mutex<Heard>) -> Option<()> {
    let mut conn = match &script.tls {
        Some(tls) => conn.offering_tls(tls.clone()),
        None => conn,
    };
    if script.implicit {
        conn.start_tls().await.ok()?;
    }
    say(&mut conn, script.greeting).await?;
    loop {
        let line = conn.read_line(4_096).await.ok()??;
        let line = String::from_utf8(line).unwrap();
        heard.lock().unwrap().lines.push(line.clone());
        let own = script
            .says
            .iter()
            .find(|(start, _)| line.starts_with(start));
        if let Some((_, reply)) = own {
            say(&mut conn, reply).await?;
            continue;
        }
        match line.split([' ', ':']).next().unwrap() {
            "EHLO" | "LHLO" => {
                let mut lines = vec!["mx.far.test".to_owned()];
                lines.extend(script.offers.iter().map(|&offer| offer.to_owned()));
                if conn.can_start_tls() {
                    lines.push("STARTTLS".to_owned());
                }
                let last = lines.pop().unwrap();
                let mut reply: Vec<_> =
                    lines.iter().map(|line| format!("250-{line}\r\n")).collect();
                reply.push(format!("250 {last}"));
                say(&mut conn, &reply.concat()).await?;
            }
            "STARTTLS" => {
                say(&mut conn, "220 go ahead").await?;
                conn.flush().await.ok()?;
                conn.start_tls().await.ok()?;
            }
            "DATA" => {
                say(&mut conn, "354 go ahead").await?;
                let mut content = String::new();
                loop {
                    let line = conn.read_line(4_096).await.ok()??;
                    if line == b"." {
                        break;
                    }
                    content.push_str(&format!("{}\r\n", String::from_utf8(line).unwrap()));
                }
                heard.lock().unwrap().mail.push(content);
                say(&mut conn, script.end).await?;
            }
            "QUIT" => {
                say(&mut conn, "221 bye").await?;
                conn.flush().await.ok()?;
                return None;
            }
            _ => say(&mut conn, "250 ok").await?,
        }
    }
}

/// Says a reply, if there is one.
async fn say(conn: &mut Conn, reply: &str) -> Option<()> {
    if reply.is_empty() {
        return None;
    }
    conn.write(format!("{reply}\r\n").as_bytes()).await.ok()
}
