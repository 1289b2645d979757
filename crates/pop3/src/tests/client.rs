//! A client at the other end of a connection in memory.

use std::sync::Arc;
use std::time::Duration;

use ledger::Door;
use net::{
    Certificate, Certificates, Clock, Conn, Deadline, OwnCa, Random, Shutdown, ShutdownTrigger,
    TlsInfo, TlsServer,
};
use policy::Role;
use policy::change::Mode;
use service::{
    Actor, Command, Envelope, Founding, Outside, Password, Paths, Peer, Protocol, Service,
    SmtpClient, Start,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;
use types::{Address, ListenerId, ReversePath, Secret, Timestamp};

use crate::conn::run;
use crate::session::Session;

/// How the one account of the test service signs in.
pub(super) const SIGN_IN: &[(&str, &str)] = &[
    ("USER ann@example.org", "+OK *"),
    ("PASS correct horse battery", "+OK *"),
];

/// The one account of the test server.
pub(super) const ANN: &str = "ann@example.org";

/// A server's insides in a folder of their own, with the account [`ANN`] and the password `correct horse battery`.
#[derive(Clone)]
pub(super) struct World {
    /// What the doors use.
    pub(super) service: Service,
    _folder: Arc<TempDir>,
}

impl World {
    /// A new installation for `example.org`.
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
    vec![
        Command::DomainAdd {
            domain: ann.domain().clone(),
        },
        Command::AccountAdd {
            address: ann,
            name: None,
            role: Role::Owner,
            quota_octets: None,
            password: Password(Secret::new(b"correct horse battery".to_vec())),
        },
    ]
}

/// Puts a message into the account's INBOX as a stranger would.
pub(super) async fn deliver(world: &World, message: &str) {
    let service = &world.service;
    let envelope = Envelope {
        client: SmtpClient {
            peer: peer(service, Protocol::Smtp, Line::Clear),
            helo: "client.example.net".to_owned(),
            esmtp: true,
            principal: None,
        },
        reverse_path: ReversePath::Null,
        recipients: vec!["ann@example.org".parse().unwrap()],
        smtp_utf8: false,
    };
    let mut sink = service.body_sink();
    sink.write(message.as_bytes()).unwrap();
    service
        .accept(envelope, sink.finish().unwrap())
        .await
        .unwrap();
}

fn peer(service: &Service, protocol: Protocol, line: Line) -> Peer {
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
    /// In the clear, with STLS on offer.
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
    pub(super) async fn connect(world: &World, line: Line) -> Self {
        let (conn, stream) = Conn::in_memory();
        let mut conn = conn.offering_tls(tls_server());
        conn.set_deadline(Deadline {
            idle: Duration::from_secs(600),
            until: Some(Instant::now() + Duration::from_secs(600)),
        });
        let (trigger, shutdown) = Shutdown::pair();
        let peer = peer(&world.service, Protocol::Pop3, line);
        let session = Session::new(world.service.clone(), peer, line == Line::Clear);
        tokio::spawn(run(conn, session, shutdown));
        let mut client = Self {
            stream,
            trigger,
            _world: world.clone(),
        };
        assert!(
            client
                .line()
                .await
                .is_some_and(|greeting| greeting.starts_with("+OK "))
        );
        client
    }

    /// A client that has signed in.
    pub(super) async fn signed_in(world: &World) -> Self {
        let mut client = Self::connect(world, Line::Secured).await;
        client.dialogue(SIGN_IN).await;
        client
    }

    /// Tells the server to stop.
    pub(super) fn stop_server(&self) {
        self.trigger.stop();
    }

    /// Goes away without a word.
    pub(super) async fn vanish(mut self) {
        self.stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.unwrap();
    }

    /// Sends octets as they are.
    pub(super) async fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    /// Says each line and hears a reply of one line; `*` matches the rest.
    pub(super) async fn dialogue(&mut self, lines: &[(&str, &str)]) {
        for (said, heard) in lines {
            self.send(format!("{said}\r\n").as_bytes()).await;
            let reply = self.line().await.unwrap_or_default();
            let right = match heard.strip_suffix('*') {
                Some(start) => reply.starts_with(start),
                None => reply == *heard,
            };
            assert!(right, "{said:?}: {reply:?}, not {heard:?}");
        }
    }

    /// Says a line and hears a reply of several; gives those between the first and the dot.
    pub(super) async fn multiline(&mut self, said: &str) -> Vec<String> {
        self.dialogue(&[(said, "+OK *")]).await;
        let mut lines = Vec::new();
        loop {
            let line = self.line().await.unwrap();
            match line.strip_prefix('.') {
                Some("") => return lines,
                Some(stuffed) => lines.push(stuffed.to_owned()),
                None => lines.push(line),
            }
        }
    }

    /// Hears that the server closed.
    pub(super) async fn hears_the_end(&mut self) {
        assert_eq!(self.line().await, None);
    }

    /// The next line; `None` if the server closed.
    pub(super) async fn line(&mut self) -> Option<String> {
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
