//! Mail that a rule removed: brought back, and deleted for good.

use super::*;
use crate::Wanted;
use crate::admit::Purge;

/// Ann's mail after a rule deleted so many messages.
async fn with_removed(count: usize) -> Stage {
    let stage = Stage::with(&[(ANN, "discard;")]).await;
    for _ in 0..count {
        stage.send(&["ann@example.org"], MAIL).await.unwrap();
    }
    stage
}

async fn ids(stage: &Stage) -> Vec<i64> {
    let (actor, ann) = (console(), address("ann@example.org"));
    let listed = stage.service().recoverable_list(&actor, &ann, None);
    listed.await.unwrap().iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn a_number_that_is_given_twice_is_one_message() {
    let stage = with_removed(2).await;
    let (service, ann) = (stage.service(), address("ann@example.org"));
    let first = ids(&stage).await[0];
    let twice = Wanted::Ids(vec![first, first]);
    let purge = service.purge_of(&ann, &twice).await.unwrap().unwrap();
    assert_eq!(purge.ids, [first]);
    let actor = console();
    let restored = service.recoverable_restore(&actor, Some(&ann), twice);
    assert_eq!(restored.await.unwrap().restored, 1);
    assert_eq!(ids(&stage).await.len(), 1);
}

#[tokio::test]
async fn a_purge_tells_of_mail_that_was_gone_before_it() {
    let stage = with_removed(2).await;
    let service = stage.service();
    let purge = Purge {
        account: AccountId(1),
        ids: ids(&stage).await,
        octets: 0,
        more: false,
    };
    let early = Purge {
        ids: purge.ids[..1].to_vec(),
        ..purge.clone()
    };
    assert_eq!(service.purge(&early).await, None);
    let told = service.purge(&purge).await.unwrap();
    assert!(told.starts_with("Only 1 of 2 messages"), "{told}");
    assert!(ids(&stage).await.is_empty());
}

#[tokio::test]
async fn mail_that_was_changed_past_the_server_is_not_left_to_bring_back() {
    let stage = with_removed(2).await;
    let db = scene::database(stage.scene.dir.path());
    db.execute(scene::MOVE_REMOVED, [ids(&stage).await[0]])
        .unwrap();
    let (actor, wanted) = (console(), Wanted::Rule(types::RuleId(1)));
    let restored = stage.service().recoverable_restore(&actor, None, wanted);
    let restored = restored.await.unwrap();
    assert_eq!((restored.restored, restored.left), (1, Some(0)));
    assert!(!restored.more);
}
