//! A client of ManageSieve: says commands, hears responses.

use std::sync::Arc;
use std::time::Duration;

use net::Deadline;
use service::Protocol;
use testkit::{Link, World, matches};
use tokio::time::Instant;

use crate::conn::run;
use crate::session::Session;

/// The account that owns the test service, and another one.
pub(super) const ANN: &str = "ann@example.org";
pub(super) const BOB: &str = "bob@example.org";
/// `\0bob@example.org\0lamp river quilt ostrich`
pub(super) const BOB_SIGNS_IN: &str =
    "AUTHENTICATE \"PLAIN\" \"AGJvYkBleGFtcGxlLm9yZwBsYW1wIHJpdmVyIHF1aWx0IG9zdHJpY2g=\"";

/// A service with both accounts.
pub(super) async fn world() -> Arc<World> {
    Arc::new(World::new(&[ANN, BOB]).await)
}

/// A client that says lines and hears responses.
pub(super) struct Client(testkit::Client);

impl Client {
    /// Connects, and gives the lines of the greeting.
    pub(super) async fn greeted(world: &Arc<World>, link: Link) -> (Self, Vec<String>) {
        let peer = world.peer_over(link, Protocol::Managesieve);
        let session = Session::new(world.service.clone(), peer, link == Link::Clear);
        let connected = testkit::Client::connect(world, |mut conn, shutdown| {
            conn.set_deadline(Deadline {
                idle: Duration::from_secs(120),
                until: Some(Instant::now() + Duration::from_secs(120)),
            });
            run(conn, session, shutdown)
        });
        let mut client = Self(connected);
        let greeting = client.response().await;
        (client, greeting)
    }

    /// Connects.
    pub(super) async fn connect(world: &Arc<World>, link: Link) -> Self {
        Self::greeted(world, link).await.0
    }

    /// A client that has signed in as [`BOB`].
    pub(super) async fn signed_in(world: &Arc<World>) -> Self {
        let mut client = Self::connect(world, Link::Secured).await;
        client.dialogue(&[(BOB_SIGNS_IN, "OK *")]).await;
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

    /// Says each command and hears a response without data before it; `*` matches the rest.
    pub(super) async fn dialogue(&mut self, lines: &[(&str, &str)]) {
        for (said, heard) in lines {
            let found = self.asked(said).await.join("\n");
            assert!(matches(&found, heard), "{said:?}: {found:?}, not {heard:?}");
        }
    }

    /// Says a command and gives the lines of the answer.
    pub(super) async fn asked(&mut self, said: &str) -> Vec<String> {
        self.0.say(said).await;
        self.response().await
    }

    /// The lines up to the one that begins with OK, NO or BYE, and those of a literal at its end.
    pub(super) async fn response(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await.unwrap();
            let is_last = ["OK", "NO", "BYE"]
                .iter()
                .any(|word| line.starts_with(word));
            lines.push(line);
            if is_last {
                break;
            }
        }
        let announced = lines.last().and_then(|line| {
            let (_, digits) = line.strip_suffix('}')?.rsplit_once('{')?;
            digits.parse::<usize>().ok()
        });
        let mut left = announced.map_or(0, |octets| octets + 2);
        while left > 0 {
            let line = self.line().await.unwrap();
            left = left.saturating_sub(line.len() + 2);
            lines.push(line);
        }
        lines
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
