//! What each sort of question is answered, above all when what it is about is gone.

use std::net::IpAddr;

use policy::Role;
use service::{
    ActivityQuery, Actor, Command, Explanation, Question, RuleAt, ServiceError, TraceQuery, Who,
};
use sieve::form::{FormAction, Place};
use types::RuleId;

use super::{ANN, BEN, DROP, Story, World, address};

async fn explained(story: &Story, question: Question) -> Explanation {
    let told = story
        .world
        .service
        .explain(&World::console(), question)
        .await
        .unwrap();
    assert!(!told.not_known.is_empty() && !told.sentence.is_empty());
    assert!(!told.confidence.words.is_empty());
    assert!(
        told.confidence.not_proven.is_empty(),
        "{:?}",
        told.confidence
    );
    told
}

fn holds(lines: &[String], words: &str) {
    assert!(
        lines.iter().any(|line| line.contains(words)),
        "{words}: {lines:#?}"
    );
}

fn wants(told: &Explanation, command: &str) {
    let mut steps = told.steps.iter();
    assert!(
        steps.any(|step| step.command.starts_with(command)),
        "{command}: {:#?}",
        told.steps
    );
}

/// What stays true of the rule that deletes, whatever has become of it.
fn tells_the_deletion(told: &Explanation) {
    holds(&told.what, "Deletes, for all ");
    holds(
        &told.harm,
        "1 message, of 1 mailbox: 1 deleted, 0 sent outside.",
    );
    let made = told.made.as_ref().unwrap();
    assert!(made.who.starts_with(BEN), "{made:?}");
    assert_eq!(
        (made.from.as_deref(), &made.from_known_since),
        (Some("192.0.2.9"), &None)
    );
    holds(&told.how, "from 192.0.2.9: NEW");
    holds(&told.how, "Signed in with its password");
    holds(&told.not_known, "How the password was obtained");
    holds(&told.also, "rule r_2 \"Orders\" made: Copies, for all ");
    let moments: Vec<_> = told
        .timeline
        .iter()
        .map(|moment| moment.what.clone())
        .collect();
    for what in [
        "rule r_1 \"Cleanup\" made",
        "signed in (imap)",
        "first message deleted",
    ] {
        holds(&moments, what);
    }
    wants(told, "sealpost recoverable restore --rule r_1");
}

#[tokio::test]
async fn a_rule_is_explained_when_it_and_its_author_are_gone() {
    let story = Story::new().await;
    let ask = || Question::Rule(RuleId(1));
    let told = explained(&story, ask()).await;
    tells_the_deletion(&told);
    assert!(
        told.sentence
            .ends_with("it deleted 1 message; it is in force."),
        "{}",
        told.sentence
    );
    wants(&told, "sealpost rules rm r_1");
    wants(&told, &format!("sealpost account passwd {BEN}"));
    story
        .world
        .admit(Command::RuleRemove { id: RuleId(1) })
        .await
        .unwrap();
    let told = explained(&story, ask()).await;
    tells_the_deletion(&told);
    assert!(told.sentence.ends_with("it is gone."), "{}", told.sentence);
    holds(&told.what, "REMOVED by entry");
    holds(&told.who, "Removed ");
    assert_eq!(told.confidence.proven.len(), 2);
    story
        .world
        .admit(Command::AccountRemove {
            address: address(BEN),
        })
        .await
        .unwrap();
    let told = explained(&story, ask()).await;
    tells_the_deletion(&told);
    holds(&told.who, "(account removed)");
    assert!(
        told.steps
            .iter()
            .all(|step| !step.command.contains("passwd"))
    );
    let (console, service) = (World::console(), &story.world.service);
    let none = service.explain(&console, Question::Rule(RuleId(9)));
    assert_eq!(none.await.unwrap_err(), ServiceError::NotFound("rule"));
}

#[tokio::test]
async fn what_a_rule_does_is_the_work_of_who_gave_it_its_text() {
    let story = Story::new().await;
    let told = explained(&story, Question::Rule(RuleId(2))).await;
    holds(&told.harm, "0 deleted, 1 sent outside.");
    wants(&told, &format!("sealpost account passwd {BEN}"));
    let new = super::new_rule("", Place::Subject, "Checkout", FormAction::Delete {});
    let edit = Command::RuleEdit {
        id: RuleId(2),
        name: None,
        comment: None,
        stop: None,
        expires: None,
        content: Some(new.content),
    };
    story.world.admit(edit).await.unwrap();
    let told = explained(&story, Question::Rule(RuleId(2))).await;
    let lead = " gave its present text to rule \"Orders\" (r_2) at ";
    let (who, _) = told.sentence.split_once(lead).unwrap();
    assert!(who.starts_with("console uid 0"), "{who}");
    holds(&told.who, "First made ");
    holds(&told.who, &format!("by {BEN}, entry "));
    holds(&told.how, "Through the command line");
    let mut steps = told.steps.iter();
    assert!(steps.all(|step| !step.command.contains("passwd")));
}

#[tokio::test]
async fn a_message_tells_of_every_rule_why_it_acted_or_did_not() {
    let story = Story::new().await;
    for gone in [false, true] {
        if gone {
            story
                .world
                .admit(Command::RuleRemove { id: RuleId(1) })
                .await
                .unwrap();
        }
        let told = explained(&story, Question::Message("order@far.test".to_owned())).await;
        holds(
            &told.what,
            "copied to drop@webmail.test, OUTSIDE, by rule \"Orders\" (r_2, entry",
        );
        holds(&told.what, "left alone by rule \"Cleanup\" (r_1, entry");
        holds(
            &told.what,
            "its condition did not hold; it says: When the text contains \"tucows\"",
        );
        holds(&told.harm, "1 copy went outside");
        let told = explained(&story, Question::Message("<renewal@far.test>".to_owned())).await;
        holds(&told.what, "deleted by rule \"Cleanup\" (r_1, entry");
        wants(&told, "sealpost explain rule r_1");
        let told = explained(&story, Question::Message("lunch@far.test".to_owned())).await;
        assert!(
            told.sentence.ends_with("no rule acted on it."),
            "{}",
            told.sentence
        );
        holds(&told.harm, "None: every recipient has it.");
    }
    let query = TraceQuery {
        id: Some("renewal@far.test".to_owned()),
        ..TraceQuery::default()
    };
    let rows = story.world.service.trace(query).await.unwrap();
    assert!(
        rows[0].told[0]
            .words
            .starts_with("deleted by rule \"Cleanup\" (r_1, entry")
    );
}

#[tokio::test]
async fn accounts_sessions_and_addresses_are_explained() {
    let story = Story::new().await;
    let told = explained(&story, Question::Session(story.ben.session)).await;
    assert!(
        told.sentence.contains("made 2 changes"),
        "{}",
        told.sentence
    );
    holds(&told.what, "rule r_1 \"Cleanup\" made");
    holds(&told.harm, "None found: no message was read");
    holds(&told.how, "NEW");
    let told = explained(&story, Question::Account(address(BEN))).await;
    holds(
        &told.harm,
        "It made rule \"Orders\" (r_2) for everyone at example.org",
    );
    holds(&told.how, "From 192.0.2.9: 1 sign-in");
    wants(&told, &format!("sealpost session end --account {BEN}"));
    let told = explained(&story, Question::Address(address(DROP))).await;
    assert!(
        told.sentence.contains("is OUTSIDE your organisation"),
        "{}",
        told.sentence
    );
    holds(&told.what, "rule r_2 of example.org sends there");
    holds(&told.harm, "1 copy went out to it");
    wants(&told, "sealpost rules rm r_2");
    wants(&told, &format!("sealpost trace --to {DROP}"));
    let told = explained(&story, Question::Address(address(ANN))).await;
    assert!(told.sentence.contains("is inside"), "{}", told.sentence);
    holds(&told.what, "Mail for it goes to ann@example.org.");
    let source: IpAddr = [192, 0, 2, 9].into();
    let told = explained(&story, Question::Source(source)).await;
    assert!(
        told.sentence
            .contains("1 sign-in and 0 sign-ins that failed"),
        "{}",
        told.sentence
    );
    holds(&told.harm, "rule r_2 \"Orders\" made by ben@example.org");
    story
        .world
        .admit(Command::AccountRemove {
            address: address(BEN),
        })
        .await
        .unwrap();
    let told = explained(&story, Question::Account(address(BEN))).await;
    holds(&told.what, "It is gone");
    let told = explained(&story, Question::Session(story.ben.session)).await;
    assert!(
        told.sentence.contains("(account removed)"),
        "{}",
        told.sentence
    );
}

#[tokio::test]
async fn a_time_without_an_actor_says_so() {
    let story = Story::new().await;
    let now = story.world.clock.now();
    let told = explained(&story, Question::Time(now.0)).await;
    assert!(
        told.sentence.contains("was changed by"),
        "{}",
        told.sentence
    );
    holds(&told.what, "rule r_2 \"Orders\" made");
    holds(&told.harm, "No evidence of changes past the server");
    let quiet = explained(&story, Question::Time(now.plus_s(9 * 86_400).0)).await;
    holds(&quiet.what, "No entry within an hour");
    let db = rusqlite::Connection::open(story.world.data().join("mail.db")).unwrap();
    db.execute("UPDATE ledger_entry SET bytes = x'7b7d' WHERE seq = 3", [])
        .unwrap();
    drop(db);
    story.world.service.heartbeat().await;
    let told = explained(&story, Question::Time(now.0)).await;
    let unknown = "UNKNOWN ACTOR: state changed with no entry";
    assert!(told.sentence.starts_with(unknown), "{}", told.sentence);
    holds(&told.harm, "Somebody changed data past the server");
    holds(&told.confidence.words, "IN DOUBT");
    holds(&told.not_known, "Who did it");
    wants(&told, "sealpost doctor");
}

#[tokio::test]
async fn who_looked_is_recorded_first_and_others_are_refused() {
    let story = Story::new().await;
    let service = &story.world.service;
    let ask = || Question::Message("order@far.test".to_owned());
    let refused = service.explain(&story.actor(), ask()).await;
    assert!(
        matches!(refused, Err(ServiceError::Refused(_))),
        "{refused:?}"
    );
    service.explain(&World::console(), ask()).await.unwrap();
    let query = ActivityQuery {
        kind: Some("explained".to_owned()),
        limit: 9,
        ..ActivityQuery::default()
    };
    let rows = service
        .activity_list(&World::console(), query)
        .await
        .unwrap();
    assert_eq!(rows.len(), 1, "a refusal shows nothing: {rows:?}");
    assert_eq!(rows[0].detail["of"], "order@far.test");
    assert_eq!(rows[0].detail["by"], "console user 0");
}

/// Every role, with an account whose mail is touched by rules of the server, its domain and, by an
/// alias, of another domain.
#[tokio::test]
async fn no_role_hides_from_an_owner_a_rule_that_touches_its_mail() {
    let story = Story::new().await;
    let at = |at| story.rule_at(at, "Above", Place::Subject, "x", FormAction::MarkRead {});
    at(RuleAt::Server).await;
    for command in [
        Command::DomainAdd {
            domain: "other.test".parse().unwrap(),
        },
        Command::AliasAdd {
            address: address("info@other.test"),
            targets: vec![address(ANN), address(BEN)],
        },
    ] {
        story.world.admit(command).await.unwrap();
    }
    at(RuleAt::Domain("other.test".parse().unwrap())).await;
    at(RuleAt::Account(address(ANN))).await;
    story
        .world
        .admit(Command::RuleEnable {
            id: RuleId(2),
            enabled: false,
        })
        .await
        .unwrap();
    for role in Role::ALL {
        let raise = Command::AccountRole {
            address: address(BEN),
            role,
        };
        // It may have the role already.
        let _same = story.world.admit(raise).await;
        let ben = Actor {
            who: Who::Account(Box::new(story.world.sign_in(BEN).await)),
            via: World::console().via,
        };
        let own = RuleAt::Account(address(BEN));
        let service = &story.world.service;
        let listed = service.rule_list(&ben, Some(&own), false).await.unwrap();
        let ids: Vec<_> = listed.iter().map(|rule| rule.id.to_string()).collect();
        assert_eq!(ids, ["r_3", "r_1", "r_2", "r_4"], "{role:?}");
        assert!(
            listed
                .iter()
                .all(|rule| !rule.does.is_empty() && !rule.made_by.is_empty())
        );
        for rule in listed {
            let shown = service.rule_show(&ben, rule.id).await;
            assert!(shown.is_ok(), "{role:?} {}", rule.id);
        }
        let others = service.rule_show(&ben, RuleId(5)).await;
        assert_eq!(others.is_ok(), role != Role::MailboxOwner, "{role:?}");
    }
}
