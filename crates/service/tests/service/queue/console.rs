//! What those who look after the server see of the queue, and do with it.

use service::{ActivityQuery, QueueAct, QueueWanted, ServiceError, Wanted};
use testkit::World;
use types::{Address, QueueId};

use super::{
    ANN, BOB, address, claim, fates, office, only_job, pass, send, settle, unreachable, waiting,
};

fn of(to: &str) -> QueueWanted {
    QueueWanted {
        recipient: Some(address(to)),
        ..QueueWanted::default()
    }
}

/// How many an act concerns; it is done unless `dry_run`.
async fn act(world: &World, act: QueueAct, wanted: QueueWanted, dry_run: bool) -> usize {
    let acted = (world.service)
        .queue_act(&World::console(), act, wanted, dry_run)
        .await;
    acted.expect("the console may").count
}

async fn states(world: &World) -> Vec<String> {
    let rows = (world.service)
        .queue_list(&World::console(), QueueWanted::default())
        .await
        .expect("the console may");
    rows.iter()
        .map(|row| format!("{} {}", row.to, row.state))
        .collect()
}

#[tokio::test]
async fn held_mail_waits_until_it_is_released() {
    let world = office().await;
    send(&world, &[BOB, "eve@far.test"]).await;
    let hold = || QueueAct::Hold("a look first".to_owned());
    assert_eq!(act(&world, hold(), of(BOB), true).await, 1);
    assert_eq!(
        states(&world).await,
        ["bob@example.net waiting", "eve@far.test waiting"]
    );
    assert_eq!(act(&world, hold(), of(BOB), false).await, 1);
    assert_eq!(act(&world, hold(), of(BOB), false).await, 0);
    let job = only_job(&world).await;
    assert_eq!(
        states(&world).await,
        ["bob@example.net held", "eve@far.test trying"]
    );
    drop(job);
    let all = QueueWanted::default();
    assert_eq!(act(&world, QueueAct::Release, all, false).await, 1);
    assert_eq!(only_job(&world).await.recipients[0].address, address(BOB));
}

#[tokio::test]
async fn a_place_that_is_left_in_peace_is_tried_when_somebody_wants_it() {
    let world = office().await;
    send(&world, &[BOB]).await;
    settle(&world, only_job(&world).await, unreachable()).await;
    assert_eq!(claim(&world).await.len(), 0);
    let why = (world.service)
        .queue_why(&World::console(), QueueWanted::default())
        .await
        .expect("the console may");
    let why = why[0].why.join("\n");
    for part in [
        "example.net failed for all mail once, last ",
        "no server of it could be reached",
        "Tried once",
        "Left in peace until",
        "sealpost queue retry --destination example.net",
        "ann@example.org is told then",
    ] {
        assert!(why.contains(part), "{part:?} is missing in\n{why}");
    }
    let wanted = QueueWanted {
        destination: Some("Example.net".to_owned()),
        ..QueueWanted::default()
    };
    assert_eq!(act(&world, QueueAct::Retry, wanted, false).await, 1);
    assert_eq!(claim(&world).await.len(), 1);
}

#[tokio::test]
async fn what_is_failed_is_told_and_what_is_dropped_can_be_brought_back() {
    let world = office().await;
    for to in [BOB, "eve@far.test"] {
        send(&world, &[to]).await;
    }
    assert_eq!(act(&world, QueueAct::Fail, of(BOB), false).await, 1);
    assert_eq!(
        act(&world, QueueAct::Drop, of("eve@far.test"), false).await,
        1
    );
    assert_eq!(waiting(&world), Vec::<String>::new());
    assert_eq!(claim(&world).await.len(), 0);
    let told = fates(&world);
    for fate in [
        "bob@example.net bounce bob@example.net, given up by hand",
        "ann@example.org store INBOX",
        "eve@far.test drop eve@far.test, taken out of the queue by hand",
    ] {
        assert!(
            told.iter().any(|told| told == fate),
            "{fate} is missing in {told:?}"
        );
    }
    let restored = (world.service)
        .recoverable_restore(&World::console(), Some(&address(ANN)), Wanted::All)
        .await;
    assert_eq!(restored.expect("the console may").restored, 1);
    let query = ActivityQuery {
        kind: Some("queue.changed".to_owned()),
        limit: 100,
        ..ActivityQuery::default()
    };
    let records = world.service.activity_list(&World::console(), query).await;
    let records = serde_json::to_string(&records.expect("the console may")).expect("JSON");
    for part in [
        "\"act\":\"fail\"",
        "\"act\":\"drop\"",
        "q_1 to bob@example.net",
    ] {
        assert!(records.contains(part), "{part} is missing in {records}");
    }
}

#[tokio::test]
async fn what_is_being_tried_is_neither_failed_nor_dropped() {
    let world = office().await;
    send(&world, &[BOB]).await;
    let job = only_job(&world).await;
    for wanted in [QueueAct::Fail, QueueAct::Drop, QueueAct::Retry] {
        let acted = (world.service)
            .queue_act(&World::console(), wanted, QueueWanted::default(), false)
            .await
            .expect("the console may");
        assert_eq!((acted.count, acted.under_way), (0, 1));
    }
    pass(&world, 1);
    drop(job);
    assert_eq!(waiting(&world), [BOB]);
}

#[tokio::test]
async fn rows_that_are_not_there_and_askers_without_the_right_are_refused() {
    let world = office().await;
    send(&world, &[BOB]).await;
    let missing = QueueWanted {
        ids: vec![QueueId(99)],
        ..QueueWanted::default()
    };
    let found = world
        .service
        .queue_list(&World::console(), missing.clone())
        .await;
    assert!(matches!(found, Err(ServiceError::NotFound(_))), "{found:?}");
    let acted = (world.service)
        .queue_act(&World::console(), QueueAct::Drop, missing, false)
        .await;
    assert!(matches!(acted, Err(ServiceError::NotFound(_))), "{acted:?}");
    let carol: Address = address("carol@example.org");
    let principal = world.sign_in(&carol.to_string()).await;
    let actor = service::Actor {
        who: service::Who::Account(Box::new(principal)),
        ..World::console()
    };
    let listed = world
        .service
        .queue_list(&actor, QueueWanted::default())
        .await;
    assert!(
        matches!(listed, Err(ServiceError::Refused(_))),
        "{listed:?}"
    );
    let acted = (world.service)
        .queue_act(&actor, QueueAct::Drop, QueueWanted::default(), false)
        .await;
    assert!(matches!(acted, Err(ServiceError::Refused(_))), "{acted:?}");
}
