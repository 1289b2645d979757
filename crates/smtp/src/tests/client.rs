//! A client of SMTP: says commands, hears replies.

use std::sync::Arc;

use policy::Role;
use service::{Command, Outside, Password, Protocol};
use testkit::{Link, PASSWORD, World, matches};
use types::{Address, MailboxName, Secret};

use crate::conn::{SESSION, run, set_time};
use crate::session::Session;

/// The one account of the test service.
const ANN: &str = "ann@example.org";

/// A service with [`ANN`], with bob@ and žena@ that lead to her, with full@ that takes one small
/// message, and with tight limits.
pub(super) async fn world() -> Arc<World> {
    let outside = Outside::Sink(Arc::new(|_| {}));
    let world = World::sending(&[ANN], outside).await;
    let ann: Address = ANN.parse().unwrap();
    let alias = |address: &str| Command::AliasAdd {
        address: address.parse().unwrap(),
        targets: vec![ann.clone()],
    };
    let setting = |key: &str, value: &str| Command::SettingSet {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let commands = vec![
        alias("bob@example.org"),
        alias("žena@example.org"),
        Command::DomainAliasAdd {
            alias: "bücher.test".parse().unwrap(),
            domain: "example.org".parse().unwrap(),
        },
        Command::AccountAdd {
            address: "full@example.org".parse().unwrap(),
            name: None,
            role: Role::MailboxOwner,
            quota_octets: Some(600),
            password: Password(Secret::new(PASSWORD.into())),
        },
        setting("message_size_max_octets", "65536"),
        setting("recipients_max", "100"),
    ];
    world.admit_all(commands).await.unwrap();
    Arc::new(world)
}

/// The messages in the account's INBOX.
pub(super) async fn inbox(world: &World) -> Vec<String> {
    let service = &world.service;
    let ann = world.sign_in(ANN).await;
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

/// A client that says lines and hears replies.
pub(super) struct Client(testkit::Client);

impl Client {
    /// Connects and hears the greeting.
    pub(super) async fn connect(world: &Arc<World>, protocol: Protocol, link: Link) -> Self {
        let peer = world.peer_over(link, protocol);
        let session = Session::new(world.service.clone(), peer, link == Link::Clear);
        let mut client = Self(testkit::Client::connect(world, |mut conn, shutdown| {
            set_time(&mut conn, SESSION);
            run(conn, session, shutdown)
        }));
        client.hears("220 *").await;
        client
    }

    /// A server that has said EHLO.
    pub(super) async fn server(world: &Arc<World>) -> Self {
        let mut client = Self::connect(world, Protocol::Smtp, Link::Clear).await;
        client
            .dialogue(&[("EHLO client.example.net", "250 HELP")])
            .await;
        client
    }

    /// A user of submission under TLS that has said EHLO.
    pub(super) async fn user(world: &Arc<World>) -> Self {
        let mut client = Self::connect(world, Protocol::Submission, Link::Secured).await;
        client
            .dialogue(&[("EHLO client.example.net", "250 HELP")])
            .await;
        client
    }

    /// Tells the server to stop.
    pub(super) fn stop_server(&self) {
        self.0.stop_server();
    }

    /// Sends octets as they are.
    pub(super) async fn send(&mut self, octets: &[u8]) {
        self.0.send(octets).await;
    }

    /// Says each line and hears the last line of each reply; `*` matches the rest.
    pub(super) async fn dialogue(&mut self, lines: &[(&str, &str)]) {
        for (said, heard) in lines {
            self.0.say(said).await;
            let reply = self.reply().await;
            let last = reply.last().map_or("", String::as_str);
            assert!(matches(last, heard), "{said:?}: {reply:?}, not {heard:?}");
        }
    }

    /// Hears a reply whose last line is this.
    pub(super) async fn hears(&mut self, heard: &str) {
        let reply = self.reply().await;
        let last = reply.last().map_or("", String::as_str);
        assert!(matches(last, heard), "{reply:?}, not {heard:?}");
    }

    /// Hears that the server closed.
    pub(super) async fn hears_the_end(self) {
        self.0.hears_the_end().await;
    }

    /// Goes away without a word.
    pub(super) async fn vanishes(self) {
        self.0.vanish().await;
    }

    /// All lines of the next reply; none if the server closed.
    pub(super) async fn reply(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.0.line().await {
            let is_last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line);
            if is_last {
                break;
            }
        }
        lines
    }
}
