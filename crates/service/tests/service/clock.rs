//! A clock that is set forward or back, under a running server and between two starts: somebody is
//! told, and nothing that counts or proves goes by the time of day.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;
use service::{AdmitError, Command, FlagChange, How, NewMessage, Principal};
use testkit::World;
use types::{FlagSet, MailboxName};

const ANN: &str = "ann@example.org";
const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;
/// By how much clocks are set: by a wrong time zone, a dead battery, somebody's hand.
const SET_BY_S: [i64; 4] = [HOUR_S, -HOUR_S, 3 * DAY_S, -3 * DAY_S];
const MESSAGE: &[u8] = b"From: bob@example.net\r\nSubject: hello\r\n\r\nthe text\r\n";

/// What records of a kind say, in the order of their numbers.
fn details(data: &Path, kind: &str) -> Vec<Value> {
    let mut found: Vec<(i64, Value)> = Vec::new();
    for entry in std::fs::read_dir(data.join("log")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("activity-") || !name.ends_with(".db") {
            continue;
        }
        let db = Connection::open(path).unwrap();
        let mut query = db
            .prepare("SELECT seq, detail FROM record WHERE kind = ?1")
            .unwrap();
        let rows = query.query_map([kind], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)));
        for row in rows.unwrap() {
            let (seq, detail) = row.unwrap();
            found.push((seq, serde_json::from_slice(&detail).unwrap()));
        }
    }
    found.sort_by_key(|(seq, _)| *seq);
    found.into_iter().map(|(_, detail)| detail).collect()
}

/// The alarms about the clock.
async fn alarms(world: &World) -> Vec<String> {
    // A sign-in is answered only when all before it is in the file.
    world.sign_in(ANN).await;
    details(&world.data(), "alarm")
        .into_iter()
        .filter(|alarm| alarm["code"] == "clock")
        .map(|alarm| alarm["text"].as_str().unwrap().to_owned())
        .collect()
}

fn domain(n: usize) -> Command {
    Command::DomainAdd {
        domain: format!("d{n}.test").parse().unwrap(),
    }
}

/// Beats are numbered without gaps, and nothing that was signed is in doubt.
async fn assert_sound(world: &World, beats: usize) {
    let numbers: Vec<_> = details(&world.data(), "heartbeat")
        .iter()
        .map(|beat| beat["number"].as_u64())
        .collect();
    let expected: Vec<_> = (0..beats as u64).map(Some).collect();
    assert_eq!(numbers, expected);
    let found = world.service.ledger_verify(&World::console()).await;
    let found = found.unwrap();
    assert!(found.good, "{found:?}");
    let status = world.service.status(&World::console()).await.unwrap();
    assert_eq!(status.frozen, None);
    assert!((0..DAY_S).contains(&status.uptime_s), "{}", status.uptime_s);
}

#[tokio::test]
async fn a_clock_that_is_set_under_a_running_server_raises_an_alarm_and_breaks_nothing() {
    let world = World::new(&[ANN]).await;
    world.service.heartbeat().await;
    world.clock.advance(Duration::from_secs(60));
    world.service.heartbeat().await;
    assert!(alarms(&world).await.is_empty(), "time just went by");
    for (n, by_s) in SET_BY_S.into_iter().enumerate() {
        world.clock.set_by(by_s);
        world.service.heartbeat().await;
        world.admit(domain(n)).await.unwrap();
        world.service.heartbeat().await;
    }
    let told = alarms(&world).await;
    assert_eq!(
        told,
        [
            "the machine's clock was set forward by 3600 seconds",
            "the machine's clock was set back by 3600 seconds",
            "the machine's clock was set forward by 259200 seconds",
            "the machine's clock was set back by 259200 seconds",
        ]
    );
    assert_sound(&world, 10).await;
}

#[tokio::test]
async fn a_clock_that_is_set_between_two_starts_breaks_nothing_and_back_is_told() {
    for crashed in [false, true] {
        let mut world = World::new(&[ANN]).await;
        world.service.heartbeat().await;
        for (n, by_s) in SET_BY_S.into_iter().enumerate() {
            world.clock.set_by(by_s);
            world = if crashed {
                world.crash().await
            } else {
                world.reopen().await
            };
            world.admit(domain(n)).await.unwrap();
            world.service.heartbeat().await;
        }
        let told = alarms(&world).await;
        assert_eq!(
            told,
            [
                "the machine's clock is 3600 seconds behind what it said before the start",
                "the machine's clock is 259200 seconds behind what it said before the start",
            ],
            "crashed: {crashed}"
        );
        assert_sound(&world, 5).await;
    }
}

#[tokio::test]
async fn a_clock_set_back_lengthens_no_wait_and_repeats_no_number() {
    let world = World::new(&[ANN]).await;
    let mut n = 0;
    let over = loop {
        match world.admit(domain(n)).await {
            Ok(_) => n += 1,
            Err(err) => break err,
        }
    };
    assert!(matches!(over, AdmitError::OverBudget(_)), "{over:?}");
    world.clock.set_by(-365 * DAY_S);
    assert!(
        world.admit(domain(n)).await.is_err(),
        "the hour is not over"
    );
    world.clock.advance(Duration::from_secs(3_600));
    world.admit(domain(n)).await.unwrap();

    let ann = world.sign_in(ANN).await;
    let first = filled(&world, &ann, "One").await;
    world.clock.set_by(-HOUR_S);
    let second = filled(&world, &ann, "Two").await;
    assert!(second > first, "{first:?}, then {second:?}");
}

/// Makes a mailbox with a message in it; its UIDVALIDITY and its highest MODSEQ.
async fn filled(world: &World, ann: &Principal, mailbox: &str) -> (u32, u64) {
    let name: MailboxName = mailbox.parse().unwrap();
    let service = &world.service;
    service.mailbox_create(ann, &name, None).await.unwrap();
    let mut sink = service.body_sink();
    sink.write(MESSAGE).unwrap();
    let message = NewMessage {
        flags: FlagChange {
            how: How::Add,
            flags: FlagSet::default(),
            keywords: Vec::new(),
        },
        internal_date: None,
        message: sink.finish().unwrap(),
    };
    let appended = service.message_append(ann, &name, vec![message]).await;
    appended.unwrap();
    let opened = service.mailbox_open(ann, &name).await.unwrap();
    (opened.status.uidvalidity.0, opened.status.highestmodseq.0)
}

#[tokio::test]
async fn sessions_of_one_time_are_neighbours_and_none_has_the_number_of_another() {
    let world = World::new(&[ANN]).await;
    let first = world.service.new_session();
    world.clock.advance(Duration::from_millis(1));
    let later: Vec<_> = (0..1_000).map(|_| world.service.new_session()).collect();
    assert!(later.iter().all(|session| *session > first));
    assert!(later.is_sorted_by(|one, next| one < next));
    world.clock.set_by(-HOUR_S);
    assert!(world.service.new_session() > *later.last().unwrap());
}
