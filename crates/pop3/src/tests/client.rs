//! A client of POP3: says commands, hears replies.

use std::sync::Arc;
use std::time::Duration;

use net::Deadline;
use service::{Envelope, Protocol, SmtpClient};
use testkit::{Link, World, matches};
use tokio::time::Instant;
use types::ReversePath;

use crate::conn::run;
use crate::session::Session;

/// How the one account of the test service signs in.
pub(super) const SIGN_IN: &[(&str, &str)] = &[
    ("USER ann@example.org", "+OK *"),
    ("PASS lamp river quilt ostrich", "+OK *"),
];

/// The one account of the test service.
pub(super) const ANN: &str = "ann@example.org";

/// A service with the account [`ANN`].
pub(super) async fn world() -> Arc<World> {
    Arc::new(World::new(&[ANN]).await)
}

/// Puts a message into the account's INBOX as a stranger would.
pub(super) async fn deliver(world: &World, message: &str) {
    let service = &world.service;
    let client = SmtpClient {
        peer: world.peer_over(Link::Clear, Protocol::Smtp),
        helo: "client.example.net".to_owned(),
        esmtp: true,
        principal: None,
    };
    let to = vec![ANN.parse().unwrap()];
    let envelope = Envelope::new(client, ReversePath::Null, to);
    let mut sink = service.body_sink();
    sink.write(message.as_bytes()).unwrap();
    service
        .accept(envelope, sink.finish().unwrap())
        .await
        .unwrap();
}

/// A client that says lines and hears replies.
pub(super) struct Client(testkit::Client);

impl Client {
    /// Connects and hears the greeting.
    pub(super) async fn connect(world: &Arc<World>, link: Link) -> Self {
        let peer = world.peer_over(link, Protocol::Pop3);
        let session = Session::new(world.service.clone(), peer, link == Link::Clear);
        let connected = testkit::Client::connect(world, |mut conn, shutdown| {
            conn.set_deadline(Deadline {
                idle: Duration::from_secs(600),
                until: Some(Instant::now() + Duration::from_secs(600)),
            });
            run(conn, session, shutdown)
        });
        let mut client = Self(connected);
        let greeting = client.line().await;
        assert!(greeting.is_some_and(|greeting| matches(&greeting, "+OK *")));
        client
    }

    /// A client that has signed in.
    pub(super) async fn signed_in(world: &Arc<World>) -> Self {
        let mut client = Self::connect(world, Link::Secured).await;
        client.dialogue(SIGN_IN).await;
        client
    }

    /// Tells the server to stop.
    pub(super) fn stop_server(&self) {
        self.0.stop_server();
    }

    /// Goes away without a word.
    pub(super) async fn vanish(self) {
        self.0.vanish().await;
    }

    /// Sends octets as they are.
    pub(super) async fn send(&mut self, octets: &[u8]) {
        self.0.send(octets).await;
    }

    /// Says each line and hears a reply of one line; `*` matches the rest.
    pub(super) async fn dialogue(&mut self, lines: &[(&str, &str)]) {
        for (said, heard) in lines {
            self.0.say(said).await;
            let reply = self.line().await.unwrap_or_default();
            assert!(matches(&reply, heard), "{said:?}: {reply:?}, not {heard:?}");
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
    pub(super) async fn hears_the_end(self) {
        self.0.hears_the_end().await;
    }

    /// The next line; `None` if the server closed.
    pub(super) async fn line(&mut self) -> Option<String> {
        self.0.line().await
    }
}
