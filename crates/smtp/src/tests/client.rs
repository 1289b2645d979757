//! A client at the other end of a connection in memory.

use std::sync::Arc;

use ledger::Door;
use net::{
    Certificate, Certificates, Clock, Conn, OwnCa, Random, Shutdown, ShutdownTrigger, TlsInfo,
    TlsServer,
};
use policy::Role;
use policy::change::Mode;
use service::{Actor, Command, Founding, Outside, Password, Paths, Peer, Protocol, Service, Start};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use types::{Address, ListenerId, MailboxName, Secret, Timestamp};

use crate::conn::run;
use crate::session::Session;

/// The one account of the test service, and its password.
pub(super) const ANN: &str = "ann@example.org";
pub(super) const PASSWORD: &str = "correct horse battery";

/// A server's insides in a folder of their own, with the account [`ANN`].
#[derive(Clone)]
pub(super) struct World {
    /// What the doors use.
    pub(super) service: Service,
    _folder: Arc<TempDir>,
}

impl World {
    /// A new installation for `example.org`: ann@, and bob@ and žena@ that lead to ann@.
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths {
            data: folder.path().join("data"),
            keys: folder.path().join("keys"),
        };
        let start = Start {
            paths,
            clock: Clock::real(),
            random: Random::seeded(1),
            outside: Outside::Sink(Arc::new(|_| {})),
            hash_threads: 1,
        };
        let founding = Founding {
            mode: Mode::Demo,
            host_name: "mx.example.org".parse().unwrap(),
            actor: Actor::system(Door::Boot),
            commands: commands(),
        };
        let (service, _) = Service::create(start, founding).await.unwrap();
        Self {
            service,
            _folder: Arc::new(folder),
        }
    }
}

fn commands() -> Vec<Command> {
    let ann: Address = ANN.parse().unwrap();
    let alias = |address: &str| Command::AliasAdd {
        address: address.parse().unwrap(),
        targets: vec![ann.clone()],
    };
    let setting = |key: &str, value: &str| Command::SettingSet {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    vec![
        Command::DomainAdd {
            domain: ann.domain().clone(),
        },
        Command::AccountAdd {
            address: ann.clone(),
            name: None,
            role: Role::Owner,
            quota_octets: None,
            password: Password(Secret::new(PASSWORD.into())),
        },
        alias("bob@example.org"),
        alias("žena@example.org"),
        setting("message_size_max_octets", "65536"),
        setting("recipients_max", "100"),
    ]
}

/// The messages in the account's INBOX.
pub(super) async fn inbox(world: &World) -> Vec<String> {
    let service = &world.service;
    let peer = peer(service, Protocol::Imap, Line::Secured);
    let password = Secret::new(PASSWORD.into());
    let ann = service.sign_in(&peer, ANN, &password).await.unwrap();
    let open = service
        .mailbox_open(&ann, &MailboxName::inbox())
        .await
        .unwrap();
    let mut messages = Vec::new();
    for row in &open.messages {
        let stored = service.message_open(&ann, row.email).await.unwrap();
        let octets = stored.read(0, row.size_octets as usize).await.unwrap();
        messages.push(String::from_utf8(octets).unwrap());
    }
    messages
}

/// A client that is reached in this way.
pub(super) fn peer(service: &Service, protocol: Protocol, line: Line) -> Peer {
    let tls = TlsInfo {
        version: "TLSv1.3".to_owned(),
        cipher: "TLS_AES_256_GCM_SHA384".to_owned(),
        server_name: None,
    };
    Peer {
        protocol,
        listener: ListenerId(1),
        address: "192.0.2.1:40000".parse().unwrap(),
        tls: (line == Line::Secured).then_some(tls),
        session: service.new_session(),
    }
}

fn tls_server() -> TlsServer {
    let now = Timestamp(1_795_428_580_000_000);
    let ca = OwnCa::new("Test", now).unwrap();
    let name = "mx.example.org".parse().unwrap();
    let issued = ca.issue(&[name], &[], now).unwrap();
    let chain_pem = issued.chain_pem.as_bytes();
    let certificate = Certificate::from_pem(chain_pem, &issued.key_pem, now).unwrap();
    TlsServer::new(Certificates::new(&certificate, &[])).unwrap()
}

/// How the client reaches the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// In the clear, with STARTTLS on offer.
    Clear,
    /// As after a handshake.
    Secured,
}

/// A client that says lines and hears replies.
pub(super) struct Client {
    stream: DuplexStream,
    trigger: ShutdownTrigger,
    /// Must not go before the client.
    _world: World,
}

impl Client {
    /// Connects and hears the greeting.
    pub(super) async fn connect(world: &World, protocol: Protocol, line: Line) -> Self {
        let (conn, stream) = Conn::in_memory();
        let conn = conn.offering_tls(tls_server());
        let peer = peer(&world.service, protocol, line);
        let (trigger, shutdown) = Shutdown::pair();
        let session = Session::new(world.service.clone(), peer, line == Line::Clear);
        tokio::spawn(serve(conn, session, shutdown));
        let mut client = Self {
            stream,
            trigger,
            _world: world.clone(),
        };
        client.hears("220 *").await;
        client
    }

    /// A server that has said EHLO.
    pub(super) async fn server(world: &World) -> Self {
        let mut client = Self::connect(world, Protocol::Smtp, Line::Clear).await;
        client
            .dialogue(&[("EHLO client.example.net", "250 HELP")])
            .await;
        client
    }

    /// A user of submission under TLS that has said EHLO.
    pub(super) async fn user(world: &World) -> Self {
        let mut client = Self::connect(world, Protocol::Submission, Line::Secured).await;
        client
            .dialogue(&[("EHLO client.example.net", "250 HELP")])
            .await;
        client
    }

    /// Tells the server to stop.
    pub(super) fn stop_server(&self) {
        self.trigger.stop();
    }

    /// Sends octets as they are.
    pub(super) async fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// Says each line and hears the last line of each reply; `*` matches the rest.
    pub(super) async fn dialogue(&mut self, lines: &[(&str, &str)]) {
        for (said, heard) in lines {
            self.send(format!("{said}\r\n").as_bytes()).await;
            let reply = self.reply().await;
            assert!(
                matches(reply.last(), heard),
                "{said:?}: {reply:?}, not {heard:?}"
            );
        }
    }

    /// Hears a reply whose last line is this.
    pub(super) async fn hears(&mut self, heard: &str) {
        let reply = self.reply().await;
        assert!(matches(reply.last(), heard), "{reply:?}, not {heard:?}");
    }

    /// Hears that the server closed.
    pub(super) async fn hears_the_end(&mut self) {
        assert_eq!(self.reply().await, [""; 0]);
    }

    /// All lines of the next reply; none if the server closed.
    pub(super) async fn reply(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.line().await {
            let is_last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line);
            if is_last {
                break;
            }
        }
        lines
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            match self.stream.read_u8().await {
                Ok(octet) => line.push(octet),
                Err(_) if line.is_empty() => return None,
                Err(err) => panic!("closed in the middle of {line:?}: {err}"),
            }
        }
        line.truncate(line.len() - 2);
        Some(String::from_utf8(line).unwrap())
    }
}

async fn serve(mut conn: Conn, session: Session, shutdown: Shutdown) {
    crate::conn::set_time(&mut conn, crate::conn::SESSION);
    run(conn, session, shutdown).await;
}

fn matches(line: Option<&String>, pattern: &str) -> bool {
    let line = line.map(String::as_str).unwrap_or_default();
    match pattern.strip_suffix('*') {
        Some(start) => line.starts_with(start),
        None => line == pattern,
    }
}
