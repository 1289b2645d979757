//! A server with one account, and clients that say commands and hear answers.

use std::sync::Arc;

use service::Protocol;
use testkit::{Link, matches};

use crate::conn::run;
use crate::session::Session;

pub(super) use testkit::PASSWORD;

/// The one account of the test service.
pub(super) const ANN: &str = "ann@example.org";

/// A service with the account [`ANN`].
pub(super) struct World(pub(super) Arc<testkit::World>);

impl World {
    pub(super) async fn new() -> Self {
        Self(Arc::new(testkit::World::new(&[ANN]).await))
    }

    fn session(&self, link: Link) -> Session {
        let peer = self.0.peer_over(link, Protocol::Imap);
        Session::new(self.0.service.clone(), peer, link == Link::Clear)
    }

    /// A stranger in the clear; STARTTLS is on offer.
    pub(super) async fn stranger_in_the_clear(&self) -> Client {
        Client::connect(self, self.session(Link::Clear)).await
    }

    /// A stranger under TLS.
    pub(super) async fn stranger(&self) -> Client {
        Client::connect(self, self.session(Link::Secured)).await
    }

    /// A client that has signed in.
    pub(super) async fn client(&self) -> Client {
        let mut session = self.session(Link::Secured);
        session.signed_in(self.0.sign_in(ANN).await);
        Client::connect(self, session).await
    }

    /// A client that has INBOX selected.
    pub(super) async fn reader(&self) -> Client {
        let mut client = self.client().await;
        client.says("SELECT INBOX").await.ends("OK [READ-WRITE] *");
        client
    }
}

/// One client.
pub(super) struct Client {
    line: testkit::Client,
    commands: u32,
}

/// The lines of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    said: String,
    pub(super) lines: Vec<String>,
}

impl Client {
    async fn connect(world: &World, session: Session) -> Self {
        let mut client = Self {
            line: testkit::Client::connect(&world.0, |conn, shutdown| run(conn, session, shutdown)),
            commands: 0,
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
        self.line.stop_server();
    }

    pub(super) async fn send(&mut self, octets: &[u8]) {
        self.line.send(octets).await;
    }

    /// The next line; empty also at the end.
    pub(super) async fn line(&mut self) -> String {
        self.line.line().await.unwrap_or_default()
    }

    /// Says a command and hears all up to its answer, or up to a continuation.
    pub(super) async fn says(&mut self, said: &str) -> Answer {
        self.commands += 1;
        let tag = format!("a{}", self.commands);
        self.line.say(&format!("{tag} {said}")).await;
        self.hears(&tag, said).await
    }

    /// Says a line that is no command, and hears the answer to the last command.
    pub(super) async fn goes_on(&mut self, said: &str) -> Answer {
        let tag = format!("a{}", self.commands);
        self.line.say(said).await;
        self.hears(&tag, said).await
    }

    async fn hears(&mut self, tag: &str, said: &str) -> Answer {
        let mut lines = Vec::new();
        while let Some(line) = self.line.line().await {
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
    pub(super) async fn leaves(self) {
        self.line.hears_the_end().await;
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
