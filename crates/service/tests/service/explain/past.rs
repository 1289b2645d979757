//! What is told of times and changes that others followed, and of names that several things bear.

use std::time::Duration;

use policy::RuleContent;
use service::{AlertQuery, Command, Expiry, Explanation, Question, Service};
use types::RuleId;

use super::{ANN, DROP, ORDER, Story, World};

const HOUR: Duration = Duration::from_secs(3_600);

async fn explained(service: &Service, question: Question) -> Explanation {
    service.explain(&World::console(), question).await.unwrap()
}

#[tokio::test]
async fn an_edit_of_a_server_that_stood_still_belongs_to_that_time() {
    let story = Story::new().await;
    let clock = story.world.clock.clone();
    let pin = story.world.pin.clone();
    let begun = clock.now();
    clock.advance(4 * HOUR);
    story.world.service.heartbeat().await;
    let folder = story.world.stop().await;
    let database = folder.path().join("data/mail.db");
    let db = rusqlite::Connection::open(database).unwrap();
    db.execute("UPDATE ledger_entry SET bytes = x'7b7d' WHERE seq = 3", [])
        .unwrap();
    drop(db);
    clock.advance(6 * HOUR);
    let service = World::open_at(folder.path(), &clock, &pin).await.unwrap();
    clock.advance(4 * HOUR);
    let at = |hours: i64| Question::Time(begun.plus_s(hours * 3_600).0);
    let unknown = "UNKNOWN ACTOR: state changed with no entry";
    for (hours, found) in [(0, false), (4, true), (7, true), (10, true), (13, false)] {
        let told = explained(&service, at(hours)).await;
        let says = told.sentence.starts_with(unknown);
        assert_eq!(says, found, "{hours}: {}", told.sentence);
    }
    let told = explained(&service, at(13)).await;
    let none = "the configuration was changed by 0 entries";
    assert!(told.sentence.contains(none), "{}", told.sentence);
}

#[tokio::test]
async fn time_without_records_at_either_end_is_a_gap() {
    let story = Story::new().await;
    let service = &story.world.service;
    let now = || Question::Time(story.world.clock.now().0);
    for (quiet, gaps) in [(Duration::ZERO, 0), (3 * HOUR, 1), (5 * HOUR, 2)] {
        story.world.clock.advance(quiet);
        service.heartbeat().await;
        assert_eq!(
            explained(service, now()).await.confidence.gaps,
            gaps,
            "{quiet:?}"
        );
    }
    story.world.clock.advance(HOUR);
    assert_eq!(explained(service, now()).await.confidence.gaps, 3);
}

#[tokio::test]
async fn a_message_id_that_others_bear_too_names_the_first_and_tells_the_others() {
    let story = Story::new().await;
    story.world.clock.advance(HOUR);
    story.deliver(ANN, &ORDER.replace("thanks", "tucows")).await;
    let asked = || Question::Message("order@far.test".to_owned());
    let told = explained(&story.world.service, asked()).await;
    let delivered = |line: &String| line.contains("delivered into INBOX");
    assert!(told.what.iter().any(delivered), "{:?}", told.what);
    assert_eq!(told.also.len(), 1, "{:?}", told.also);
    let words = "Another message bears the same Message-ID: ";
    let other = told.also[0].strip_prefix(words).unwrap();
    let id = other.split(',').next().unwrap().to_owned();
    let told = explained(&story.world.service, Question::Message(id)).await;
    assert!(!told.what.iter().any(delivered), "{:?}", told.what);
    assert!(told.also.is_empty());
}

#[tokio::test]
async fn an_alert_says_when_its_change_was_followed_by_another() {
    let story = Story::new().await;
    let script = format!("require \"copy\"; redirect :copy \"{DROP}\";");
    let other = RuleContent::Script(script);
    let edit = Command::RuleEdit {
        id: RuleId(2),
        name: None,
        comment: None,
        stop: None,
        expires: None::<Expiry>,
        content: Some(other),
    };
    let switch = |enabled| Command::RuleEnable {
        id: RuleId(2),
        enabled,
    };
    let query = || AlertQuery {
        since_s: None,
        limit: 9,
    };
    for (command, standing) in [
        (switch(false), "paused"),
        (switch(true), "in force"),
        (edit, "changed since, entry "),
    ] {
        story.world.admit(command).await.unwrap();
        let list = story
            .world
            .service
            .alert_list(&World::console(), query())
            .await
            .unwrap();
        let first = list.iter().rfind(|alert| alert.object == "r_2").unwrap();
        assert!(first.standing.starts_with(standing), "{first:?}");
    }
}
