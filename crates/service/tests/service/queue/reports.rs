//! Who is told what of mail that could not be delivered, takes long, or arrived.

use service::{ActivityQuery, Command, Envelope, Forward, Job, RuleAt};
use testkit::World;
use types::{MailboxName, Ret, ReversePath};

use super::{
    ANN, BOB, accept, address, attempt, claim, deferred, delivered, fates, office, only_job, pass,
    refused, send, send_asking, settle, stranger, unreachable, user, waiting,
};

/// All messages in the INBOX of an account, oldest first.
async fn inbox(world: &World, of: &str) -> Vec<String> {
    let account = world.sign_in(of).await;
    let open = (world.service)
        .mailbox_open(&account, &MailboxName::inbox())
        .await;
    let mut texts = Vec::new();
    let Ok(open) = open else { return texts };
    for row in open.messages.iter() {
        let stored = world.service.message_open(&account, row.email).await;
        let stored = stored.expect("it opens");
        let octets = stored.read(0, row.size_octets as usize).await;
        let text = String::from_utf8(octets.expect("it is read")).expect("ASCII");
        texts.push(text);
    }
    texts
}

/// The only message of an account.
async fn only(world: &World, of: &str) -> String {
    let mut texts = inbox(world, of).await;
    assert_eq!(texts.len(), 1, "{texts:#?}");
    texts.remove(0)
}

fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
}

#[tokio::test]
async fn a_sender_reads_what_the_other_server_said_and_what_to_do() {
    let world = office().await;
    send(&world, &[BOB]).await;
    settle(&world, only_job(&world).await, refused()).await;
    let report = only(&world, ANN).await;
    assert_says(
        &report,
        &[
            "Return-Path: <>\r\n",
            "Subject: Not delivered\r\n",
            "what became of your message \"lunch\"",
            "  <bob@example.net>\r\n    not delivered: the other server refused it.\r\n",
            "mx.example.net (192.0.2.1) said:\r\n      550 no such user\r\n",
            "Final-Recipient: rfc822; bob@example.net\r\nAction: failed\r\nStatus: 5.0.0\r\n",
            "Remote-MTA: dns; mx.example.net (192.0.2.1)\r\nDiagnostic-Code: smtp; 550 no such user",
            "text/rfc822-headers",
            "Auto-Submitted: auto-replied\r\n",
        ],
    );
    assert!(!report.contains("At noon?"), "{report}");
    assert!(fates(&world).contains(
        &"bob@example.net bounce bob@example.net, refused by mx.example.net (192.0.2.1) over TLSv1.3: 550 no such user".to_owned()
    ));
    assert_eq!(waiting(&world), Vec::<String>::new(), "no report leaves");
}

#[tokio::test]
async fn the_sender_decides_what_is_reported() {
    for (notify, outcome, subject) in [
        ("", refused(), Some("Not delivered")),
        ("FAILURE", refused(), Some("Not delivered")),
        ("NEVER", refused(), None),
        ("SUCCESS", refused(), None),
        ("", delivered(), None),
        ("NEVER", delivered(), None),
        ("SUCCESS", delivered(), Some("Delivered")),
    ] {
        let world = office().await;
        send_asking(&world, &[BOB], notify).await;
        settle(&world, only_job(&world).await, outcome.clone()).await;
        let reports = inbox(&world, ANN).await;
        let subjects = reports
            .iter()
            .map(|text| text.contains(&format!("Subject: {}\r\n", subject.unwrap_or("-"))));
        let found: Vec<_> = subjects.collect();
        assert_eq!(
            found,
            vec![true; usize::from(subject.is_some())],
            "{notify} {outcome:?}"
        );
    }
}

#[tokio::test]
async fn what_the_other_server_reports_is_not_reported_twice() {
    let world = office().await;
    send_asking(&world, &[BOB], "SUCCESS").await;
    let job = only_job(&world).await;
    let mut taken = attempt(job.recipients[0].id, delivered());
    taken.reports = true;
    let settled = world.service.outbound().settle(job, vec![taken]).await;
    settled.expect("there is room");
    assert_eq!(inbox(&world, ANN).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_whole_message_comes_back_to_who_asked_for_it() {
    let world = office().await;
    let ann = user(&world, ANN).await;
    let mut envelope = Envelope::new(ann, ReversePath::Address(address(ANN)), vec![address(BOB)]);
    envelope.wishes.dsn.ret = Some(Ret::Full);
    envelope.wishes.dsn.envelope_id = Some("id-7".parse().expect("an id"));
    envelope.recipients[0].dsn.original = Some("rfc822;b@example.org".parse().expect("one"));
    accept(&world, envelope).await.expect("it is taken");
    settle(&world, only_job(&world).await, refused()).await;
    assert_says(
        &only(&world, ANN).await,
        &[
            "message/rfc822\r\n",
            "At noon?\r\n",
            "Original-Envelope-Id: id-7\r\n",
            "Original-Recipient: rfc822; b@example.org\r\n",
        ],
    );
}

/// Has everything tried that is due, with the same outcome, each hour for so many hours.
async fn hours(world: &World, hours: u64, outcome: impl Fn(&Job) -> service::Outcome) {
    for _ in 0..hours {
        for job in claim(world).await {
            let outcome = outcome(&job);
            settle(world, job, outcome).await;
        }
        pass(world, 61);
        world.service.heartbeat().await;
    }
}

#[tokio::test]
async fn the_sender_hears_once_that_it_takes_long_and_once_that_it_came_to_nothing() {
    for outcome in [deferred(), unreachable()] {
        let world = office().await;
        send(&world, &[BOB]).await;
        hours(&world, 3, |_| outcome.clone()).await;
        assert_eq!(inbox(&world, ANN).await, Vec::<String>::new());
        hours(&world, 30, |_| outcome.clone()).await;
        assert_says(
            &only(&world, ANN).await,
            &[
                "Subject: Not delivered yet",
                "Action: delayed\r\n",
                "Will-Retry-Until: ",
            ],
        );
        assert_eq!(waiting(&world), [BOB]);
        hours(&world, 100, |_| outcome.clone()).await;
        let reports = inbox(&world, ANN).await;
        assert_eq!(reports.len(), 2);
        assert_says(
            &reports[1],
            &[
                "Subject: Not delivered\r\n",
                "within 5 days, and is given up",
                "Status: 5.4.7\r\n",
            ],
        );
        assert_eq!(waiting(&world), Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_waits_behind_a_dead_place_is_given_up_though_another_message_was_tried() {
    let world = office().await;
    for to in [BOB, "dora@example.net"] {
        send(&world, &[to]).await;
    }
    // Only one of them ever finds out that the place is dead.
    let first = |job: &Job| job.recipients[0].address == address(BOB);
    for _ in 0..140 {
        for job in claim(&world).await {
            let attempts = match first(&job) {
                true => vec![attempt(job.recipients[0].id, unreachable())],
                false => Vec::new(),
            };
            let settled = world.service.outbound().settle(job, attempts).await;
            settled.expect("there is room");
        }
        pass(&world, 61);
        world.service.heartbeat().await;
    }
    let reports = inbox(&world, ANN).await;
    let given_up = |text: &&String| text.contains("Status: 5.4.7\r\n");
    assert_eq!(reports.iter().filter(given_up).count(), 2);
    assert_eq!(waiting(&world), Vec::<String>::new());
}

#[tokio::test]
async fn a_report_that_cannot_be_delivered_is_the_last_word() {
    let world = office().await;
    let ann = user(&world, ANN).await;
    let envelope = Envelope::new(ann, ReversePath::Null, vec![address(BOB)]);
    accept(&world, envelope).await.expect("it is taken");
    settle(&world, only_job(&world).await, refused()).await;
    for of in [ANN, "carol@example.org"] {
        assert_eq!(inbox(&world, of).await, Vec::<String>::new());
    }
    assert_eq!(waiting(&world), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_written_to_a_stranger_whom_anybody_may_have_forged() {
    let world = office().await;
    let from = ReversePath::Address(address("victim@far.test"));
    let to = vec![address("partner@example.org")];
    let envelope = Envelope::new(stranger(&world), from, to);
    accept(&world, envelope)
        .await
        .expect("an alias leads there");
    let job = only_job(&world).await;
    assert_eq!(job.reverse_path.to_string(), "<victim@far.test>");
    settle(&world, job, refused()).await;
    assert_eq!(waiting(&world), Vec::<String>::new(), "nothing leaves");
    assert_says(
        &only(&world, "carol@example.org").await,
        &[
            "You are told as the postmaster",
            "<victim@far.test>",
            "<drop@far.test>",
        ],
    );
}

#[tokio::test]
async fn a_copy_that_a_rule_sent_on_comes_back_to_its_owner_and_the_postmaster() {
    let world = office().await;
    let commands = vec![
        Command::ExitAllow {
            target: address("drop@far.test"),
            at: RuleAt::Account(address(ANN)),
            days: None,
        },
        Command::ForwardSet {
            account: address(ANN),
            forward: Some(Forward {
                to: vec![address("drop@far.test")],
                keep_copy: false,
            }),
        },
    ];
    world.admit_all(commands).await.expect("it is allowed");
    for _ in 0..5 {
        let from = ReversePath::Address(address("friend@far.test"));
        let envelope = Envelope::new(stranger(&world), from, vec![address(ANN)]);
        accept(&world, envelope).await.expect("it is taken");
    }
    loop {
        let jobs = claim(&world).await;
        if jobs.is_empty() {
            break;
        }
        for job in jobs {
            let back = job
                .reverse_path
                .address()
                .map(|from| from.domain().as_str());
            assert_eq!(
                back,
                Some("example.org"),
                "who wrote it is not asked to take it back"
            );
            settle(&world, job, refused()).await;
        }
    }
    for of in [ANN, "carol@example.org"] {
        let reports = inbox(&world, of).await;
        assert_eq!(reports.len(), 5, "{of}");
        assert_says(
            &reports[0],
            &["Rule r_1", "sealpost explain rule r_1", "<drop@far.test>"],
        );
    }
    let query = ActivityQuery {
        limit: 100,
        ..ActivityQuery::default()
    };
    let told = world.service.activity_list(&World::console(), query).await;
    let told = serde_json::to_string(&told.expect("the console may read")).expect("JSON");
    let alarm = "copies that rule r_1 sends to drop@far.test come back";
    assert_eq!(told.matches(alarm).count(), 1, "{told}");
    assert_eq!(waiting(&world), Vec::<String>::new());
}
