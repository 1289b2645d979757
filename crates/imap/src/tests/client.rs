//! A server with one account, and clients at the other end of connections in memory.

use net::{
    Certificate, Certificates, Clock, Conn, OwnCa, Random, Shutdown, ShutdownTrigger, TlsInfo,
    TlsServer,
};
use policy::Role;
use policy::change::Mode;
use service::{
    Actor, Command, Founding, Outside, Password, Paths, Peer, Principal, Protocol, Service, Start,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use types::{ListenerId, Secret, Timestamp};

use crate::conn::run;
use crate::session::Session;

pub(super) const ANN: &str = "ann@example.org";
pub(super) const PASSWORD: &str = "velvet-tractor-51-lagoon";
/// 23 November 2026, 10:09:40 UTC.
pub(super) const NOW: Timestamp = Timestamp(1_795_428_580_000_000);

/// A service with the account [`ANN`].
pub(super) struct World {
    pub(super) service: Service,
    _folder: TempDir,
}

impl World {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start = Start {
            paths: Paths {
                data: folder.path().join("data"),
                keys: folder.path().join("keys"),
            },
            clock: Clock::virtual_at(NOW),
            random: Random::seeded(1),
            outside: Outside::Refuse,
            hash_threads: 1,
        };
        let founding = Founding {
            mode: Mode::Serve,
            host_name: "mx.example.org".parse().unwrap(),
            actor: Actor::system(ledger::Door::Boot),
            commands: vec![
                Command::DomainAdd {
                    domain: "example.org".parse().unwrap(),
                },
                Command::AccountAdd {
                    address: ANN.parse().unwrap(),
                    name: None,
                    role: Role::MailboxOwner,
                    quota_octets: None,
                    password: Password(Secret::new(PASSWORD.into())),
                },
            ],
        };
        let (service, _) = Service::create(start, founding).await.unwrap();
        Self {
            service,
            _folder: folder,
        }
    }

    fn peer(&self) -> Peer {
        Peer {
            protocol: Protocol::Imap,
            listener: ListenerId(1),
            address: "192.0.2.1:50000".parse().unwrap(),
            tls: Some(TlsInfo {
                version: "TLSv1.3".to_owned(),
                cipher: "TLS_AES_256_GCM_SHA384".to_owned(),
                server_name: None,
            }),
            session: self.service.new_session(),
        }
    }

    async fn principal(&self) -> Principal {
        let password = Secret::new(PASSWORD.into());
        let signed_in = self.service.sign_in(&self.peer(), ANN, &password).await;
        signed_in.unwrap()
    }

    /// A stranger in the clear; STARTTLS is on offer.
    pub(super) async fn stranger_in_the_clear(&self) -> Client {
        let mut peer = self.peer();
        peer.tls = None;
        Client::connect(Session::new(self.service.clone(), peer, true)).await
    }

    /// A stranger under TLS.
    pub(super) async fn stranger(&self) -> Client {
        let session = Session::new(self.service.clone(), self.peer(), false);
        Client::connect(session).await
    }

    /// A client that has signed in.
    pub(super) async fn client(&self) -> Client {
        let mut session = Session::new(self.service.clone(), self.peer(), false);
        session.signed_in(self.principal().await);
        Client::connect(session).await
    }

    /// A client that has INBOX selected.
    pub(super) async fn reader(&self) -> Client {
        let mut client = self.client().await;
        client.says("SELECT INBOX").await.ends("OK [READ-WRITE] *");
        client
    }
}

fn tls_server() -> TlsServer {
    let ca = OwnCa::new("Test", NOW).unwrap();
    let name = "mx.example.org".parse().unwrap();
    let issued = ca.issue(&[name], &[], NOW).unwrap();
    let chain_pem = issued.chain_pem.as_bytes();
    let certificate = Certificate::from_pem(chain_pem, &issued.key_pem, NOW).unwrap();
    TlsServer::new(Certificates::new(&certificate, &[])).unwrap()
}

/// One client.
pub(super) struct Client {
    stream: DuplexStream,
    trigger: ShutdownTrigger,
    served: JoinHandle<()>,
    commands: u32,
    /// What came and was not asked for yet.
    heard: Vec<u8>,
}

/// The lines of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    said: String,
    pub(super) lines: Vec<String>,
}

impl Client {
    async fn connect(session: Session) -> Self {
        let (conn, stream) = Conn::in_memory();
        let conn = conn.offering_tls(tls_server());
        let (trigger, shutdown) = Shutdown::pair();
        let mut client = Self {
            stream,
            trigger,
            served: tokio::spawn(run(conn, session, shutdown)),
            commands: 0,
            heard: Vec::new(),
        };
        let greeting = client.line().await;
        assert!(
            greeting.starts_with("* OK [CAPABILITY IMAP4rev1 "),
            "{greeting}"
        );
        client
    }

    /// Tells the server to stop.
    pub(super) fn stop_server(&self) {
        self.trigger.stop();
    }

    pub(super) async fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// The next line without its CRLF; empty also at the end.
    pub(super) async fn line(&mut self) -> String {
        self.next_line().await.unwrap_or_default()
    }

    /// The next line without its CRLF, unless the connection has ended.
    async fn next_line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.heard.windows(2).position(|two| two == b"\r\n") {
                let rest = self.heard.split_off(end + 2);
                let line = std::mem::replace(&mut self.heard, rest);
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            let mut octets = [0; 4_096];
            match self.stream.read(&mut octets).await.unwrap() {
                0 => return None,
                read => self.heard.extend_from_slice(&octets[..read]),
            }
        }
    }

    /// Says a command and hears all up to its answer, or up to a continuation.
    pub(super) async fn says(&mut self, said: &str) -> Answer {
        self.commands += 1;
        let tag = format!("a{}", self.commands);
        self.send(format!("{tag} {said}\r\n").as_bytes()).await;
        self.hears(&tag, said).await
    }

    /// Says a line that is no command, and hears the answer to the last command.
    pub(super) async fn goes_on(&mut self, said: &str) -> Answer {
        let tag = format!("a{}", self.commands);
        self.send(format!("{said}\r\n").as_bytes()).await;
        self.hears(&tag, said).await
    }

    async fn hears(&mut self, tag: &str, said: &str) -> Answer {
        let mut lines = Vec::new();
        while let Some(line) = self.next_line().await {
            let own = line.strip_prefix(tag);
            let own = own.and_then(|rest| rest.strip_prefix(' '));
            let last = own.is_some() || line.starts_with("+ ");
            lines.push(own.unwrap_or(&line).to_owned());
            if last {
                break;
            }
        }
        let said = said.to_owned();
        Answer { said, lines }
    }

    /// Says each command; its answer ends as given.
    pub(super) async fn dialogue(&mut self, lines: &[(&str, &str)]) {
        for (said, heard) in lines {
            self.says(said).await.ends(heard);
        }
    }

    /// Puts a message into a mailbox.
    pub(super) async fn append(&mut self, mailbox: &str, message: &str) {
        let command = format!("APPEND {mailbox} {{{}+}}\r\n{message}", message.len());
        self.says(&command).await.ends("OK [APPENDUID *");
    }

    /// Waits until the server has closed.
    pub(super) async fn leaves(mut self) {
        assert_eq!(self.next_line().await, None);
        drop(self.stream);
        self.served.await.unwrap();
    }
}

impl Answer {
    /// The last line, after the tag.
    pub(super) fn ends(&self, pattern: &str) {
        let last = self.lines.last().map_or("", String::as_str);
        assert!(
            matches(last, pattern),
            "{}: {:?}, not {pattern:?}",
            self.said,
            self.lines
        );
    }

    /// All lines, the last without its tag.
    pub(super) fn is(&self, patterns: &[&str]) {
        let count = self.lines.len() == patterns.len();
        let all = self
            .lines
            .iter()
            .zip(patterns)
            .all(|(line, p)| matches(line, p));
        assert!(
            count && all,
            "{}: {:#?}, not {patterns:#?}",
            self.said,
            self.lines
        );
    }
}

/// `*` at the end of a pattern matches the rest of a line.
fn matches(line: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => line.starts_with(start),
        None => line == pattern,
    }
}
