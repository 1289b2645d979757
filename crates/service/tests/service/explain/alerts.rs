//! The list of changes that detections matched.

use service::{Actor, AlertQuery, AlertView, Command, ServiceError, Who};
use types::RuleId;

use super::{ANN, BEN, Story, World, address};

async fn alerts(story: &Story, query: AlertQuery) -> Vec<AlertView> {
    let service = &story.world.service;
    service.alert_list(&World::console(), query).await.unwrap()
}

fn all() -> AlertQuery {
    AlertQuery {
        since_s: None,
        limit: 100,
    }
}

#[tokio::test]
async fn an_alert_tells_what_who_from_where_and_what_to_run() {
    let story = Story::new().await;
    let found = alerts(&story, all()).await;
    let told: Vec<_> = found
        .iter()
        .map(|alert| {
            format!(
                "{} {} {}",
                alert.codes.join(" "),
                alert.object,
                alert.explain
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "R1 R5 R7 r_2 sealpost explain rule r_2",
            "R6 R7 r_1 sealpost explain rule r_1"
        ]
    );
    let newest = &found[0];
    assert_eq!(newest.reasons.len(), newest.codes.len());
    assert!(
        newest.effects[0].contains("OUTSIDE your organisation"),
        "{newest:?}"
    );
    assert_eq!((&*newest.who, &*newest.standing), (BEN, "in force"));
    assert_eq!(newest.session, Some(story.ben.session));
    assert_eq!(newest.from.as_deref(), Some("192.0.2.9"));
}

#[tokio::test]
async fn alerts_stay_when_the_rule_and_its_author_are_gone() {
    let story = Story::new().await;
    for (command, standing) in [
        (
            Command::RuleEnable {
                id: RuleId(2),
                enabled: false,
            },
            "paused",
        ),
        (Command::RuleRemove { id: RuleId(2) }, "gone"),
        (
            Command::AccountRemove {
                address: address(BEN),
            },
            "gone",
        ),
    ] {
        story.world.admit(command).await.unwrap();
        let found = alerts(&story, all()).await;
        let of_rule = found.iter().find(|alert| alert.object == "r_2").unwrap();
        assert_eq!(of_rule.standing, standing);
        assert!(of_rule.who.starts_with(BEN), "{of_rule:?}");
    }
}

#[tokio::test]
async fn the_list_is_bounded_by_time_and_number_and_by_right() {
    let story = Story::new().await;
    let now_s = story.world.clock.now().seconds();
    for (since_s, limit, expected) in [
        (None, 1, 1),
        (Some(now_s - 60), 9, 2),
        (Some(now_s + 60), 9, 0),
    ] {
        let found = alerts(&story, AlertQuery { since_s, limit }).await;
        assert_eq!(found.len(), expected, "{since_s:?} {limit}");
    }
    // A domain admin does not read what concerns the whole server.
    let refused = story.world.service.alert_list(&story.actor(), all()).await;
    assert!(
        matches!(refused, Err(ServiceError::Refused(_))),
        "{refused:?}"
    );
    let owner = Actor {
        who: Who::Account(Box::new(story.world.sign_in(ANN).await)),
        via: World::console().via,
    };
    assert_eq!(
        story
            .world
            .service
            .alert_list(&owner, all())
            .await
            .unwrap()
            .len(),
        2
    );
}
