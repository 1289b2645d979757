//! Mail of a whole service to servers that follow a script, over sockets of this machine.

mod hosts;
mod peer;
mod stages;

use std::sync::Arc;
use std::time::Duration;

use net::{OwnCa, Random, Resolver, Shutdown, ShutdownTrigger};
use service::{Envelope, Outside, Protocol, QueueWanted, SmtpClient, TraceQuery, TraceRow};
use testkit::World;
use tokio::task::JoinHandle;
use types::{Address, ReversePath};

use crate::{Times, WayOut, run};

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@far.test";
const MESSAGE: &str = "From: ann@example.org\r\nSubject: lunch\r\n\r\n.At noon?\r\n..\r\nbye\r\n";
/// More than any test needs, less than anybody wants to wait.
const LONG: Duration = Duration::from_secs(20);

/// Short enough to test what is silent.
const TIMES: Times = Times {
    connect: LONG,
    greeting: Duration::from_millis(500),
    command: LONG,
    data: LONG,
    piece: LONG,
    end: LONG,
};

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// Ann and who sends her mail.
struct Office {
    world: World,
    stop: Option<ShutdownTrigger>,
    sender: Option<JoinHandle<()>>,
}

impl Office {
    async fn new() -> Self {
        let world = World::sending(&[ANN, "postmaster@example.org"], Outside::Queue).await;
        Self {
            world,
            stop: None,
            sender: None,
        }
    }

    /// An office whose mail goes to `port`, where DNS says this.
    async fn sending(dns: &str, port: u16) -> Self {
        let mut office = Self::new().await;
        office.start(way_out(dns, port));
        office
    }

    fn start(&mut self, out: WayOut) {
        let (stop, shutdown) = Shutdown::pair();
        self.stop = Some(stop);
        self.sender = Some(tokio::spawn(run(self.world.service.clone(), out, shutdown)));
    }

    async fn stop(&mut self) {
        self.stop.take().unwrap().stop();
        self.sender.take().unwrap().await.unwrap();
    }

    async fn send(&self, to: &[&str]) -> String {
        self.send_text(to, MESSAGE).await
    }

    async fn send_text(&self, to: &[&str], text: &str) -> String {
        self.send_as(to, text, |_| {}).await
    }

    async fn send_as(&self, to: &[&str], text: &str, wish: fn(&mut Envelope)) -> String {
        let service = &self.world.service;
        let client = SmtpClient {
            peer: self.world.peer(Protocol::Submission),
            helo: "client.example.net".to_owned(),
            esmtp: true,
            principal: Some(Arc::new(self.world.sign_in(ANN).await)),
        };
        let to = to.iter().map(|to| address(to)).collect();
        let mut envelope = Envelope::new(client, ReversePath::Address(address(ANN)), to);
        wish(&mut envelope);
        let mut sink = service.body_sink();
        sink.write(text.as_bytes()).unwrap();
        let accepted = service.accept(envelope, sink.finish().unwrap()).await;
        accepted.unwrap().id
    }

    async fn trace(&self, id: &str) -> Vec<TraceRow> {
        let query = TraceQuery {
            id: Some(id.to_owned()),
            ..TraceQuery::default()
        };
        self.world.service.trace(query).await.unwrap()
    }

    /// What was said of a recipient last: the end of its mail, or why it waits.
    async fn told(&self, id: &str) -> String {
        for _ in 0..400 {
            let rows = self.trace(id).await;
            if let Some(end) = rows.iter().find(|row| row.action != "queue") {
                return format!("{} {}", end.action, end.target);
            }
            let waiting = self.waiting(id).await;
            if let Some(reply) = waiting.and_then(|row| row.reply) {
                return format!("waits: {reply}");
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("nothing became of {id}");
    }

    async fn waiting(&self, id: &str) -> Option<service::QueueRow> {
        let wanted = QueueWanted {
            message: Some(id.to_owned()),
            ..QueueWanted::default()
        };
        let console = World::console();
        let rows = self.world.service.queue_list(&console, wanted);
        rows.await.unwrap().pop()
    }
}

fn way_out(dns: &str, port: u16) -> WayOut {
    let resolver = Resolver::from_answers(dns).unwrap();
    let out = WayOut::new(resolver, Random::seeded(7)).unwrap();
    out.within(port, true).taking(TIMES)
}

/// An authority and the name that its servers show.
fn authority(world: &World) -> OwnCa {
    OwnCa::new("A", world.service.clock().now()).unwrap()
}

/// One host for `far.test`.
const DNS: &str =
    r#"{"far.test": {"MX": ["10 mx.far.test"]}, "mx.far.test": {"A": ["127.0.0.1"]}}"#;
