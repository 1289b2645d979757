//! Rules through the gate: one entry each with actor, door and effects; refusals; their end.

use std::time::Duration;

use ledger::{Entry, Outcome};
use policy::{Role, RuleContent, RuleDirection, RuleLevel, SenderList};
use service::{
    Actor, AdmitError, AdmitOptions, Admitted, Command, Expiry, Forward, NewRule, RuleAt, Vacation,
    Who,
};
use sieve::form::{Compare, Condition, FormAction, FormRule, Place};
use testkit::World;
use types::{Address, ExitId, RuleId};

const ANN: &str = "ann@example.org";
const BOB: &str = "bob@example.org";
const OUTSIDE: &str = "drop@example.net";

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn entries(world: &World) -> Vec<Entry> {
    let db = rusqlite::Connection::open(world.data().join("mail.db")).unwrap();
    let mut query = db
        .prepare("SELECT bytes FROM ledger_entry ORDER BY seq")
        .unwrap();
    let rows = query.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    rows.map(|bytes| Entry::from_bytes(&bytes.unwrap()).unwrap())
        .collect()
}

async fn signed_in(world: &World, address: &str) -> Actor {
    Actor {
        who: Who::Account(Box::new(world.sign_in(address).await)),
        via: World::console().via,
    }
}

async fn by(world: &World, actor: &Actor, command: Command) -> Result<Admitted, AdmitError> {
    let options = AdmitOptions::default();
    world.service.admit(actor, vec![command], options).await
}

fn add(at: RuleAt, name: &str, content: RuleContent) -> Command {
    let rule = NewRule {
        name: name.to_owned(),
        comment: String::new(),
        enabled: true,
        direction: RuleDirection::In,
        stop: false,
        expires: Expiry::Never,
        is_program_script: false,
        content,
    };
    let before = None;
    Command::RuleAdd { at, rule, before }
}

fn form(word: &str, action: FormAction) -> RuleContent {
    RuleContent::Form(FormRule {
        conditions: vec![Condition::Text {
            place: Place::Body,
            compare: Compare::Contains,
            values: vec![word.to_owned()],
        }],
        all: true,
        actions: vec![action],
        stop: false,
    })
}

fn script(text: &str) -> RuleContent {
    RuleContent::Script(text.to_owned())
}

fn own(address: &str) -> RuleAt {
    RuleAt::Account(self::address(address))
}

fn org() -> RuleAt {
    RuleAt::Domain("example.org".parse().unwrap())
}

#[tokio::test]
async fn the_two_rules_of_a_stolen_admin_leave_one_entry_each_with_who_and_what() {
    let world = World::new(&[ANN, BOB]).await;
    let raise = Command::AccountRole {
        address: address(BOB),
        role: Role::DomainAdmin,
    };
    world.admit(raise).await.unwrap();
    let bob = signed_in(&world, BOB).await;
    let size = entries(&world).len();
    let delete = add(org(), "Cleanup", form("tucows", FormAction::Delete {}));
    let deleted = by(&world, &bob, delete).await.unwrap();
    let copy = FormAction::CopyTo {
        to: address(OUTSIDE),
    };
    let copied = by(
        &world,
        &bob,
        add(org(), "Orders", form("Checkout Notice", copy)),
    );
    let copied = copied.await.unwrap();
    assert!(
        deleted.effects[0].starts_with("Deletes, for all "),
        "{deleted:?}"
    );
    assert!(
        copied.effects[0].contains("Nobody has allowed this exit."),
        "{copied:?}"
    );
    let entries = entries(&world);
    assert_eq!(entries.len(), size + 2);
    for (entry, detections) in entries[size..].iter().zip(["R6 R7", "R1 R5 R7"]) {
        assert_eq!(
            (&*entry.kind, entry.outcome),
            ("rule.create", Outcome::Applied)
        );
        assert_eq!(entry.actor.id.as_deref(), Some("a_2"));
        assert!(entry.actor.session.is_some());
        assert_eq!(entry.risk.detections.join(" "), detections);
        assert_eq!(entry.scope.domain.unwrap().to_string(), "d_1");
        assert_eq!(serde_json::json!(entry.risk.class), "C2");
    }
}

#[tokio::test]
async fn who_has_no_right_hears_nothing_and_leaves_an_entry() {
    let world = World::new(&[ANN, BOB]).await;
    let bob = signed_in(&world, BOB).await;
    for (at, content) in [
        (org(), script("discard;")),
        (RuleAt::Server, script("discard;")),
        (own(ANN), script("redirect \"x@example.net\";")),
    ] {
        let size = entries(&world).len();
        let refused = by(&world, &bob, add(at, "Mine now", content)).await;
        assert!(
            matches!(refused, Err(AdmitError::NotAllowed(_))),
            "{refused:?}"
        );
        let entries = entries(&world);
        let last = entries.last().unwrap();
        let recorded = entries.len() - size;
        assert!(recorded <= 1, "one entry for attempts within a minute");
        assert_eq!(
            (&*last.kind, last.outcome),
            ("rule.create", Outcome::Refused)
        );
    }
    let gone = by(&world, &bob, Command::RuleRemove { id: RuleId(99) }).await;
    assert!(matches!(gone, Err(AdmitError::NotAllowed(_))), "{gone:?}");
    // A mistake in an own script is told with its place.
    let wrong = by(
        &world,
        &bob,
        add(own(BOB), "Typo", script("keep;\nfileino \"x\";")),
    )
    .await;
    let AdmitError::Invalid(words) = wrong.unwrap_err() else {
        panic!("a mistake is no right");
    };
    assert!(words.contains("line 2, column 1"), "{words}");
}

#[tokio::test]
async fn forward_and_vacation_are_one_rule_each() {
    let world = World::new(&[ANN]).await;
    let ann = signed_in(&world, ANN).await;
    let forward = |to: Option<&str>| Command::ForwardSet {
        account: address(ANN),
        forward: to.map(|to| Forward {
            to: vec![address(to)],
            keep_copy: true,
        }),
    };
    let vacation = |text: Option<&str>| Command::VacationSet {
        account: address(ANN),
        vacation: text.map(|text| Vacation {
            subject: None,
            text: text.to_owned(),
            days: 7,
            from: None,
            until: Some("2030-05-01".parse().unwrap()),
        }),
    };
    for (command, kind) in [
        (forward(Some(OUTSIDE)), "rule.create"),
        (forward(Some("else@example.net")), "rule.change"),
        (vacation(Some("I am away.")), "rule.create"),
        (vacation(Some("I am back soon.")), "rule.change"),
        (forward(None), "rule.remove"),
        (vacation(None), "rule.remove"),
    ] {
        let size = entries(&world).len();
        by(&world, &ann, command).await.unwrap();
        let entries = entries(&world);
        assert_eq!((&*entries[size].kind, entries.len()), (kind, size + 1));
    }
    let again = by(&world, &ann, forward(None)).await;
    assert!(again.is_err(), "there is none any more");
    assert_eq!(world.service.config().rules_len(), 0);
}

#[tokio::test]
async fn a_rule_whose_time_is_over_is_switched_off_by_an_entry() {
    let world = World::new(&[ANN]).await;
    let now_s = world.clock.now().seconds();
    let Command::RuleAdd { at, mut rule, .. } = add(own(ANN), "For an hour", script("keep;"))
    else {
        panic!("add makes a RuleAdd");
    };
    rule.expires = Expiry::At(now_s - 1);
    let before = None;
    let late = Command::RuleAdd {
        at: at.clone(),
        rule: rule.clone(),
        before,
    };
    let refused = world.admit(late).await.unwrap_err();
    assert!(refused.to_string().contains("is over"), "{refused}");
    rule.expires = Expiry::At(now_s + 3_600);
    world
        .admit(Command::RuleAdd { at, rule, before })
        .await
        .unwrap();
    world.service.heartbeat().await;
    assert!(world.service.config().rule(RuleId(1)).unwrap().enabled);
    world.clock.advance(Duration::from_secs(3_600));
    world.service.heartbeat().await;
    assert!(!world.service.config().rule(RuleId(1)).unwrap().enabled);
    let expired: Vec<_> = entries(&world)
        .into_iter()
        .filter(|entry| entry.kind == "rule.expire")
        .collect();
    assert_eq!(expired.len(), 1);
    assert_eq!(serde_json::json!(expired[0].via.door), "schedule");
    world.service.heartbeat().await;
    assert_eq!(
        entries(&world)
            .iter()
            .filter(|e| e.kind == "rule.expire")
            .count(),
        1
    );
    let (id, enabled) = (RuleId(1), true);
    let resumed = world.admit(Command::RuleEnable { id, enabled }).await;
    assert!(resumed.unwrap_err().to_string().contains("--for"));
}

#[tokio::test]
async fn rules_are_edited_moved_and_removed_and_stay_known() {
    let world = World::new(&[ANN]).await;
    for name in ["first", "second"] {
        world
            .admit(add(own(ANN), name, script("keep;")))
            .await
            .unwrap();
    }
    let Command::RuleAdd { at, rule, .. } = add(own(ANN), "before all", script("keep;")) else {
        panic!("add makes a RuleAdd");
    };
    let before = Some(RuleId(1));
    let admitted = world
        .admit(Command::RuleAdd { at, rule, before })
        .await
        .unwrap();
    assert_eq!(admitted.seqs.len(), 1, "made in its place");
    let edit = Command::RuleEdit {
        id: RuleId(2),
        name: Some("renamed".to_owned()),
        comment: None,
        stop: None,
        expires: None,
        content: None,
    };
    let edited = world.admit(edit).await.unwrap();
    assert_eq!(edited.class, "C0");
    world
        .admit(Command::RuleRemove { id: RuleId(1) })
        .await
        .unwrap();
    let config = world.service.config();
    let level = RuleLevel::Account(config.account_at(&address(ANN)).unwrap().id);
    let names: Vec<_> = config
        .rules_of(level)
        .map(|rule| rule.name.clone())
        .collect();
    assert_eq!(names, ["before all", "renamed"]);
    let former = config.former_rule(RuleId(1)).unwrap();
    assert_eq!(former.made.by.id.as_deref(), Some("u_0"));
}

#[tokio::test]
async fn senders_and_exits_are_changed_by_name() {
    let world = World::new(&[ANN, BOB]).await;
    let senders = |of, present| Command::SendersChange {
        of,
        list: SenderList::Blocked,
        senders: vec!["spam@example.net".parse().unwrap()],
        present,
    };
    let on_server = world.admit(senders(RuleAt::Server, true)).await;
    assert!(matches!(on_server, Err(AdmitError::Invalid(_))));
    world.admit(senders(own(BOB), true)).await.unwrap();
    let config = world.service.config();
    let bob = config.account_at(&address(BOB)).unwrap().id;
    let standing = config.sender_standing(bob, &address("Spam@example.net"));
    assert_eq!(standing, Some(SenderList::Blocked));
    world.admit(senders(own(BOB), false)).await.unwrap();
    let twice = world.admit(senders(own(BOB), false)).await;
    assert!(matches!(twice, Err(AdmitError::Conflict(_))), "{twice:?}");
    let allow = |target: &str| Command::ExitAllow {
        target: address(target),
        at: own(BOB),
        days: None,
    };
    let inside = world.admit(allow(BOB)).await;
    assert!(matches!(inside, Err(AdmitError::Invalid(_))), "{inside:?}");
    let allowed = world.admit(allow(OUTSIDE)).await.unwrap();
    assert_eq!(allowed.class, "C2");
    // Whose mail may leave is not the owner's to say.
    let actor = signed_in(&world, BOB).await;
    let refused = by(&world, &actor, allow("else@example.net")).await;
    assert!(
        matches!(refused, Err(AdmitError::NotAllowed(_))),
        "{refused:?}"
    );
    let forward = Command::ForwardSet {
        account: address(BOB),
        forward: Some(Forward {
            to: vec![address(OUTSIDE)],
            keep_copy: true,
        }),
    };
    let forwarded = by(&world, &actor, forward).await.unwrap();
    assert_eq!(forwarded.class, "C1", "{forwarded:?}");
    let revoked = world.admit(Command::ExitRevoke { id: ExitId(1) }).await;
    assert_eq!(revoked.unwrap().class, "C0");
}
