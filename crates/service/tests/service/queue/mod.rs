//! Mail out: what is put into the queue, when it is handed out, and what is told of how it ended.

mod console;
mod reports;
mod routes;
mod times;

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use service::{
    AcceptError, Accepted, Attempt, Cause, Command, Envelope, Failure, Job, Outcome, Outside,
    Protocol, RecipientError, Reply, Room, Scope, SmtpClient, Wishes,
};
use testkit::World;
use types::{Address, QueueId, ReversePath, Status};

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.net";
const MESSAGE: &[u8] =
    b"From: ann@example.org\r\nSubject: lunch\r\nReturn-Path: <x@example.net>\r\n\r\nAt noon?\r\n";
const ROOM: Room = Room {
    jobs: 50,
    probes: 10,
    per_way: 2,
};

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// ann and carol at example.org, and partner@, which leads outside.
async fn office() -> World {
    let world = World::sending(&[ANN, "carol@example.org"], Outside::Queue).await;
    let partner = Command::AliasAdd {
        address: address("partner@example.org"),
        targets: vec![address("drop@far.test")],
    };
    let postmaster = Command::AliasAdd {
        address: address("postmaster@example.org"),
        targets: vec![address("carol@example.org")],
    };
    let admitted = world.admit_all(vec![partner, postmaster]).await;
    admitted.expect("they are new");
    world
}

/// Another server.
fn stranger(world: &World) -> SmtpClient {
    SmtpClient {
        peer: world.peer(Protocol::Smtp),
        helo: "client.example.net".to_owned(),
        esmtp: true,
        principal: None,
    }
}

/// One of our own users.
async fn user(world: &World, name: &str) -> SmtpClient {
    SmtpClient {
        peer: world.peer(Protocol::Submission),
        principal: Some(Arc::new(world.sign_in(name).await)),
        ..stranger(world)
    }
}

async fn accept(world: &World, envelope: Envelope) -> Result<Accepted, AcceptError> {
    let mut sink = world.service.body_sink();
    sink.write(MESSAGE)?;
    world.service.accept(envelope, sink.finish()?).await
}

/// Ann sends to these.
async fn send(world: &World, to: &[&str]) -> String {
    send_asking(world, to, "").await
}

/// Ann sends to these and asks for these reports.
async fn send_asking(world: &World, to: &[&str], notify: &str) -> String {
    let ann = user(world, ANN).await;
    let to = to.iter().map(|to| address(to)).collect();
    let mut envelope = Envelope::new(ann, ReversePath::Address(address(ANN)), to);
    for recipient in &mut envelope.recipients {
        recipient.dsn.notify = (!notify.is_empty()).then(|| notify.parse().expect("a value"));
    }
    accept(world, envelope).await.expect("it is taken").id
}

async fn claim(world: &World) -> Vec<Job> {
    let claimed = world.service.outbound().claim(ROOM).await;
    claimed.expect("the queue answers")
}

/// The only job that is due.
async fn only_job(world: &World) -> Job {
    let mut jobs = claim(world).await;
    assert_eq!(jobs.len(), 1);
    jobs.remove(0)
}

fn reply(text: &str) -> Reply {
    let (code, text) = text.split_once(' ').expect("a code and words");
    Reply {
        code: code.parse().expect("a number"),
        status: None,
        text: text.to_owned(),
    }
}

fn said(scope: Scope, text: &str) -> Failure {
    Failure {
        scope,
        cause: Cause::Reply(reply(text)),
    }
}

fn delivered() -> Outcome {
    Outcome::Delivered(reply("250 queued as 7"))
}

fn refused() -> Outcome {
    Outcome::Refused(said(Scope::Message, "550 no such user"))
}

fn deferred() -> Outcome {
    Outcome::Deferred(said(Scope::Message, "451 come back later"))
}

fn unreachable() -> Outcome {
    Outcome::Deferred(Failure {
        scope: Scope::Destination,
        cause: Cause::Local {
            status: Status::new(4, 4, 1),
            words: "no server of it could be reached".to_owned(),
        },
    })
}

fn attempt(id: QueueId, outcome: Outcome) -> Attempt {
    Attempt {
        id,
        outcome,
        host: Some("mx.example.net".to_owned()),
        address: Some([192, 0, 2, 1].into()),
        tls: Some("TLSv1.3".to_owned()),
        reports: false,
    }
}

/// Settles a job with the same outcome for all its recipients.
async fn settle(world: &World, job: Job, outcome: Outcome) {
    let recipients = job.recipients.iter();
    let attempts = recipients
        .map(|to| attempt(to.id, outcome.clone()))
        .collect();
    let settled = world.service.outbound().settle(job, attempts).await;
    settled.expect("there is room");
}

/// What a query over texts gives, a line for each row.
fn rows(world: &World, sql: &str) -> Vec<String> {
    let db = Connection::open(world.data().join("mail.db")).expect("the database opens");
    let mut query = db.prepare(sql).expect("sound SQL");
    let rows = query.query_map([], |row| row.get(0)).expect("sound SQL");
    rows.collect::<Result<_, _>>().expect("rows of one text")
}

fn fates(world: &World) -> Vec<String> {
    let sql = "SELECT recipient || ' ' || action || ' ' || target FROM fate ORDER BY id";
    rows(world, sql)
}

fn waiting(world: &World) -> Vec<String> {
    rows(world, "SELECT recipient FROM queue ORDER BY id")
}

/// Moves the clock.
fn pass(world: &World, minutes: u64) {
    world.clock.advance(Duration::from_secs(60 * minutes));
}

#[tokio::test]
async fn mail_for_others_waits_with_its_own_copy_until_it_was_taken() {
    let world = office().await;
    let id = send(&world, &["carol@example.org", BOB, "dora@example.net"]).await;
    assert_eq!(waiting(&world), [BOB, "dora@example.net"]);
    let job = only_job(&world).await;
    let head = String::from_utf8(job.head.clone()).expect("ASCII");
    assert_eq!((&job.message, job.way.as_str()), (&id, "example.net"));
    assert!(
        head.starts_with("Received: from client.example.net"),
        "{head}"
    );
    assert!(
        head.contains("Message-ID: ") && !head.contains("Return-Path"),
        "{head}"
    );
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    let outbound = world.service.outbound();
    let body = outbound.body(&job, 0, 4_096).await.expect("it is there");
    assert_eq!(body, b"At noon?\r\n");
    assert_eq!((job.recipients.len(), claim(&world).await.len()), (2, 0));
    let attempts = vec![
        attempt(job.recipients[0].id, delivered()),
        attempt(job.recipients[1].id, deferred()),
    ];
    outbound.settle(job, attempts).await.expect("there is room");
    assert_eq!(waiting(&world), ["dora@example.net"]);
    assert_eq!(
        fates(&world),
        [
            "carol@example.org store INBOX",
            "bob@example.net queue bob@example.net",
            "dora@example.net queue dora@example.net",
            "bob@example.net sent bob@example.net, taken by mx.example.net (192.0.2.1) over TLSv1.3: 250 queued as 7",
        ]
    );
    pass(&world, 6);
    let job = only_job(&world).await;
    assert_eq!(
        job.recipients[0].last_reply.as_deref(),
        Some("451 come back later")
    );
    settle(&world, job, delivered()).await;
    let left =
        "SELECT CAST(COUNT(*) AS TEXT) FROM queue_message UNION ALL SELECT way FROM queue_way";
    assert_eq!(rows(&world, left), ["0"]);
}

#[tokio::test]
async fn what_is_hosted_here_stays_inside_and_strangers_relay_nothing_by_any_spelling() {
    let world = office().await;
    send(&world, &["carol@example.org", "CAROL@EXAMPLE.ORG"]).await;
    assert_eq!(waiting(&world), Vec::<String>::new());
    let from = ReversePath::Address(address("x@far.test"));
    let client = stranger(&world);
    for (to, refusal) in [
        (BOB, RecipientError::RelayDenied),
        ("bob@EXAMPLE.NET", RecipientError::RelayDenied),
        ("\"bob\"@example.net", RecipientError::RelayDenied),
        ("ann@sub.example.org", RecipientError::RelayDenied),
        ("ann@example.org.far.test", RecipientError::RelayDenied),
        ("bob%example.net@example.org", RecipientError::NoSuchMailbox),
        (
            "\"bob@example.net\"@example.org",
            RecipientError::NoSuchMailbox,
        ),
        (
            "\"example.net!bob\"@example.org",
            RecipientError::NoSuchMailbox,
        ),
        ("example.net!bob@example.org", RecipientError::NoSuchMailbox),
        (
            "\"@example.net:bob\"@example.org",
            RecipientError::NoSuchMailbox,
        ),
    ] {
        for from in [
            &from,
            &ReversePath::Null,
            &ReversePath::Address(address(ANN)),
        ] {
            let checked = (world.service)
                .recipient_check(&client, from, &address(to), &Wishes::default())
                .await;
            assert_eq!(checked, Err(refusal.clone()), "{from} {to}");
        }
    }
    let ours = address("partner@example.org");
    let checked = (world.service)
        .recipient_check(&client, &from, &ours, &Wishes::default())
        .await;
    assert_eq!(
        checked,
        Ok(()),
        "what an alias of ours leads to is no relaying"
    );
}

#[tokio::test]
async fn a_start_hands_out_again_what_a_crash_cut_off() {
    let world = office().await;
    send(&world, &[BOB]).await;
    let job = only_job(&world).await;
    let world = world.crash().await;
    drop(job);
    let job = only_job(&world).await;
    assert_eq!(job.recipients[0].address, address(BOB));
    settle(&world, job, delivered()).await;
    assert_eq!(waiting(&world), Vec::<String>::new());
}

#[tokio::test]
async fn a_job_that_nobody_settles_comes_back_when_its_lease_is_over() {
    let world = office().await;
    send(&world, &[BOB]).await;
    let mut job = only_job(&world).await;
    pass(&world, 14);
    let renewed = world.service.outbound().renew(&mut job).await;
    renewed.expect("there is room");
    drop(job);
    pass(&world, 14);
    assert_eq!(claim(&world).await.len(), 0);
    pass(&world, 2);
    let job = only_job(&world).await;
    // What was not tried is due at once.
    let settled = world.service.outbound().settle(job, Vec::new()).await;
    settled.expect("there is room");
    let job = only_job(&world).await;
    assert_eq!((job.recipients[0].attempts, job.is_probe), (0, false));
}

#[tokio::test]
async fn a_place_gets_as_many_jobs_as_there_are_connections_and_others_theirs() {
    let world = office().await;
    for _ in 0..3 {
        send(&world, &[BOB]).await;
    }
    send(&world, &["eve@far.test"]).await;
    let jobs = claim(&world).await;
    let ways: Vec<_> = jobs.iter().map(|job| job.way.as_str()).collect();
    assert_eq!(ways, ["example.net", "far.test", "example.net"]);
    assert_eq!(claim(&world).await.len(), 0);
    // An open connection takes one after the other.
    let more = world.service.outbound().claim_way("example.net", 9).await;
    assert_eq!(more.expect("the queue answers").len(), 1);
    drop(jobs);
}

#[tokio::test]
async fn rows_changed_past_the_server_are_not_sent_and_told_aloud() {
    let world = office().await;
    send(&world, &[BOB]).await;
    let change = "UPDATE queue SET recipient = 'eve@example.net'";
    let db = Connection::open(world.data().join("mail.db")).expect("it opens");
    db.execute(change, []).expect("sound SQL");
    assert_eq!(claim(&world).await.len(), 0);
    let query = service::ActivityQuery {
        limit: 100,
        ..service::ActivityQuery::default()
    };
    let told = world.service.activity_list(&World::console(), query).await;
    let told = serde_json::to_string(&told.expect("the console may read")).expect("JSON");
    assert!(
        told.contains("q_1 in the queue was changed past the server"),
        "{told}"
    );
}
