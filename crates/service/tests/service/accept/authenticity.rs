//! Whether mail is from whom it says, and what follows from that.

use net::Resolver;
use service::{ActivityQuery, TraceQuery, TraceRow};

use super::*;

const ANSWERS: &str = r#"{
    "bank.test": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "_dmarc.bank.test": {"TXT": ["v=DMARC1; p=reject; sp=quarantine"]},
    "news.bank.test": {"TXT": ["v=spf1 -all"]},
    "_dmarc.trial.test": {"TXT": ["v=DMARC1; p=reject; t=y"]},
    "_dmarc.open.test": {"TXT": ["v=DMARC1; p=none"]},
    "friend.test": {"TXT": ["v=spf1 ip4:192.0.2.9 -all"]},
    "_dmarc.friend.test": {"TXT": ["v=DMARC1; p=reject"]},
    "9.2.0.192.bl.test": {"A": ["127.0.0.2"]},
    "9.2.0.192.half.test": {"A": ["127.0.0.4"]},
    "9.2.0.192.good.test": {"A": ["127.0.0.1"]},
    "9.2.0.192.odd.test": {"A": ["192.0.2.80"]},
    "9.2.0.192.closed.test": {"A": ["127.255.255.254"]},
    "9.2.0.192.broken.test": "SERVFAIL",
    "sick.test": "SERVFAIL",
    "_dmarc.sick.test": "SERVFAIL"
}"#;

async fn world() -> World {
    let dns = Resolver::from_answers(ANSWERS).expect("sound answers");
    World::asking(&["ann@example.org"], dns).await
}

async fn set(world: &World, key: &str, value: &str) {
    let (key, value) = (key.to_owned(), value.to_owned());
    let set = world.admit(Command::SettingSet { key, value }).await;
    set.expect("it may be set");
}

/// A message whose author is this, from an address of the same domain.
async fn from(world: &World, author: &str) -> Result<Accepted, AcceptError> {
    let message = format!("From: {author}\r\nSubject: hi\r\n\r\nHi.\r\n");
    let path = reverse_path(author);
    send(
        world,
        client(world),
        path,
        &["ann@example.org"],
        message.as_bytes(),
    )
    .await
}

async fn newest(world: &World) -> TraceRow {
    let query = TraceQuery {
        to: Some(address("ann@example.org")),
        ..TraceQuery::default()
    };
    let mut rows = world.service.trace(query).await.expect("the trace answers");
    rows.remove(0)
}

fn said(row: &TraceRow) -> String {
    let came = row.came.as_ref().expect("how it came");
    let said = came["scanned"].as_array().into_iter().flatten();
    let said: Vec<_> = said.filter_map(|line| line.as_str()).collect();
    said.join("\n")
}

#[tokio::test]
async fn what_the_authors_domain_asks_is_done_and_told() {
    let world = world().await;
    for (author, action, target, words) in [
        (
            "eve@bank.test",
            "reject",
            "bank.test asks that mail be refused",
            "DMARC fail bank.test",
        ),
        (
            "eve@news.bank.test",
            "store",
            "Junk",
            "put into Junk for that",
        ),
        (
            "eve@nowhere.bank.test",
            "store",
            "Junk",
            "DMARC fail nowhere.bank.test",
        ),
        ("eve@trial.test", "store", "Junk", "DMARC fail trial.test"),
        ("eve@open.test", "store", "INBOX", "DMARC fail open.test"),
        (
            "eve@friend.test",
            "store",
            "INBOX",
            "DMARC pass friend.test",
        ),
        ("eve@plain.test", "store", "INBOX", "DMARC none plain.test"),
        (
            "eve@sick.test",
            "store",
            "INBOX",
            "DMARC temperror sick.test",
        ),
    ] {
        let taken = from(&world, author).await;
        assert_eq!(taken.is_ok(), action == "store", "{author}: {taken:?}");
        let row = newest(&world).await;
        assert_eq!((row.from.as_str(), row.action.as_str()), (author, action));
        assert!(row.target.starts_with(target), "{author}: {}", row.target);
        assert!(said(&row).contains(words), "{author}: {}", said(&row));
    }
}

#[tokio::test]
async fn the_configuration_spares_and_switches_off() {
    let world = world().await;
    let refused = from(&world, "eve@bank.test").await.unwrap_err();
    assert!(matches!(refused, AcceptError::Rejected(_)), "{refused:?}");
    for (key, value, words) in [
        (
            "dmarc_exempt_domains",
            "bank.test",
            "not refused, since dmarc_exempt_domains names bank.test",
        ),
        (
            "sender_authentication",
            "record",
            "not refused, since sender_authentication is record",
        ),
        ("sender_authentication", "off", ""),
    ] {
        set(&world, key, value).await;
        from(&world, "eve@bank.test").await.expect("it is taken");
        let row = newest(&world).await;
        assert_eq!(row.target, "INBOX");
        assert!(said(&row).contains(words), "{}", said(&row));
        assert_eq!(said(&row).is_empty(), words.is_empty());
    }
}

#[tokio::test]
async fn nobody_is_asked_about_those_who_signed_in_and_this_machine() {
    let world = world().await;
    let message = b"From: ann@example.org\r\n\r\nHi.\r\n";
    let ann = user(&world, "ann@example.org").await;
    let mut here = client(&world);
    here.peer.address = ([127, 0, 0, 1], 40_000).into();
    let to = ["ann@example.org"];
    for (client, path) in [
        (ann, reverse_path("ann@example.org")),
        (here, reverse_path("eve@bank.test")),
    ] {
        send(&world, client, path, &to, message)
            .await
            .expect("it is taken");
        assert_eq!(said(&newest(&world).await), "");
    }
    for head in rows(&world, "SELECT CAST(head AS TEXT) FROM email") {
        assert!(!head.contains("Authentication-Results"), "{head}");
    }
}

#[tokio::test]
async fn results_stand_in_a_field_and_no_stranger_writes_it() {
    let world = world().await;
    let message = b"Authentication-Results: mx.example.org; dmarc=pass\r\n\
        Received-SPF: pass receiver=mx.example.org\r\n\
        Authentication-Results: mx.far.test; dmarc=pass\r\n\
        From: eve@open.test\r\n\r\nHi.\r\n";
    let path = reverse_path("eve@open.test");
    let taken = send(&world, client(&world), path, &["ann@example.org"], message).await;
    taken.expect("it is taken");
    let head = stored_head(&world);
    let ours = "Authentication-Results: mx.example.org;\r\n\tspf=none smtp.mailfrom=open.test;\r\n\
        \tdkim=none;\r\n\tdmarc=fail header.from=open.test\r\n";
    assert!(head.contains(ours), "{head}");
    assert_eq!(
        head.matches("mx.example.org").count(),
        2,
        "with Received: {head}"
    );
    assert!(head.contains("mx.far.test; dmarc=pass"), "{head}");
}

/// With several authors nobody can say whose wish counts.
#[tokio::test]
async fn a_message_has_one_author() {
    let world = world().await;
    let path = || reverse_path("eve@friend.test");
    for (head, taken_to) in [
        ("From: eve@friend.test\r\nFrom: ann@bank.test\r\n", None),
        ("From: eve@friend.test, ann@bank.test\r\n", Some("Junk")),
        ("Subject: nobody\r\n", Some("Junk")),
    ] {
        let message = format!("{head}\r\nHi.\r\n");
        let taken = send(
            &world,
            client(&world),
            path(),
            &["ann@example.org"],
            message.as_bytes(),
        )
        .await;
        assert_eq!(taken.is_ok(), taken_to.is_some(), "{head}: {taken:?}");
        let row = newest(&world).await;
        assert_eq!(
            row.target,
            taken_to.unwrap_or("the message must have one author (From)")
        );
    }
}

/// A large message is hashed elsewhere, with the same end.
#[tokio::test]
async fn a_large_message_is_judged_too() {
    let world = world().await;
    let line = format!("{}\r\n", "x".repeat(70)).repeat(30_000);
    let message = format!("From: eve@bank.test\r\n\r\n{line}");
    let path = reverse_path("eve@bank.test");
    let taken = send(
        &world,
        client(&world),
        path,
        &["ann@example.org"],
        message.as_bytes(),
    )
    .await;
    assert!(matches!(taken, Err(AcceptError::Rejected(_))), "{taken:?}");
}

async fn recipient(world: &World, client: &SmtpClient, to: &str) -> Result<(), RecipientError> {
    let (path, to) = (reverse_path("eve@plain.test"), address(to));
    let service = &world.service;
    service
        .recipient_check(client, &path, &to, &Wishes::default())
        .await
}

#[tokio::test]
async fn lists_refuse_by_their_weights() {
    let world = world().await;
    world
        .admit(alias("postmaster@example.org", &["ann@example.org"]))
        .await
        .expect("it is new");
    let client = client(&world);
    for (lists, by) in [
        ("none", None),
        ("bl.test=100", Some("bl.test")),
        ("half.test=60", None),
        ("half.test=60,bl.test=40", Some("bl.test, half.test")),
        ("bl.test=100,good.test=-50", None),
        (
            "odd.test=100,closed.test=100,broken.test=100,unknown.test=100",
            None,
        ),
    ] {
        if lists != "none" {
            set(&world, "dns_lists", lists).await;
        }
        let checked = recipient(&world, &client, "ann@example.org").await;
        let refused = match &checked {
            Err(RecipientError::Listed { lists, .. }) => Some(lists.as_str()),
            _ => None,
        };
        assert_eq!((refused, checked.is_ok()), (by, by.is_none()), "{lists}");
    }
    from(&world, "eve@plain.test").await.expect("it is taken");
    let told = said(&newest(&world).await);
    for words in [
        "list broken.test: DNS did not answer: SERVFAIL",
        "list closed.test: it does not answer this server",
    ] {
        assert!(told.contains(words), "{told}");
    }
    set(&world, "dns_lists", "bl.test=100").await;
    recipient(&world, &client, "Postmaster@example.org")
        .await
        .expect("who is listed may ask why");
    let ann = user(&world, "ann@example.org").await;
    recipient(&world, &ann, "ann@example.org")
        .await
        .expect("who signed in is not looked up");
}

#[tokio::test]
async fn an_account_sends_to_so_many_in_an_hour() {
    let world = World::sending(&["ann@example.org", "bob@example.org"], Outside::Queue).await;
    set(&world, "sending_recipients_per_hour_max", "3").await;
    let ann = user(&world, "ann@example.org").await;
    let bob = user(&world, "bob@example.org").await;
    for (client, to, is_taken) in [
        (&ann, "a@far.test", true),
        (&ann, "b@far.test", true),
        (&ann, "bob@example.org", true),
        (&ann, "c@far.test", true),
        (&ann, "d@far.test", false),
        (&ann, "e@far.test", false),
        (&ann, "bob@example.org", true),
        (&bob, "d@far.test", true),
    ] {
        let checked = recipient(&world, client, to).await;
        let expected = if is_taken {
            Ok(())
        } else {
            Err(RecipientError::SentEnough { max: 3 })
        };
        assert_eq!(checked, expected, "{to}");
    }
    let query = ActivityQuery {
        limit: 100,
        ..ActivityQuery::default()
    };
    let told = world.service.activity_list(&World::console(), query).await;
    let told = serde_json::to_string(&told.expect("the console may read")).expect("JSON");
    assert_eq!(
        told.matches("has sent to 3 recipients elsewhere").count(),
        1,
        "{told}"
    );
    world.clock.advance(std::time::Duration::from_secs(7_300));
    recipient(&world, &ann, "d@far.test")
        .await
        .expect("the hour is over");
    set(&world, "sending_recipients_per_hour_max", "0").await;
    for _ in 0..10 {
        recipient(&world, &ann, "d@far.test")
            .await
            .expect("there is no bound");
    }
}
