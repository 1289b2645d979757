//! Mail in: who gets it, what is put before it, what is refused, and what the record says of it.

mod authenticity;
mod wishes;

use std::sync::{Arc, Mutex};

use policy::Role;
use rusqlite::Connection;
use service::{
    AcceptError, Accepted, Command, Envelope, Outside, Password, Protocol, RecipientError,
    SenderError, ServiceError, SmtpClient, Wishes,
};
use testkit::{PASSWORD, World};
use types::limits::{BODY_IN_MEMORY_MAX_OCTETS, HEADER_BLOCK_MAX_OCTETS};
use types::{Address, ReversePath, Secret};

const SENDER: &str = "sender@far.test";

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn reverse_path(text: &str) -> ReversePath {
    ReversePath::Address(address(text))
}

fn account(text: &str, quota_octets: Option<u64>) -> Command {
    Command::AccountAdd {
        address: address(text),
        name: None,
        role: Role::MailboxOwner,
        quota_octets,
        password: Password(Secret::new(PASSWORD.into())),
    }
}

fn alias(text: &str, targets: &[&str]) -> Command {
    Command::AliasAdd {
        address: address(text),
        targets: targets.iter().map(|target| address(target)).collect(),
    }
}

fn domain(name: &str) -> Command {
    Command::DomainAdd {
        domain: name.parse().expect("a domain"),
    }
}

/// Another server on a TLS connection.
fn client(world: &World) -> SmtpClient {
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
        ..client(world)
    }
}

async fn send(
    world: &World,
    client: SmtpClient,
    from: ReversePath,
    to: &[&str],
    message: &[u8],
) -> Result<Accepted, AcceptError> {
    let to = to.iter().map(|to| address(to)).collect();
    accept(world, Envelope::new(client, from, to), message).await
}

async fn accept(
    world: &World,
    envelope: Envelope,
    message: &[u8],
) -> Result<Accepted, AcceptError> {
    let mut sink = world.service.body_sink();
    for piece in message.chunks(65_536) {
        sink.write(piece)?;
    }
    world.service.accept(envelope, sink.finish()?).await
}

async fn deliver(world: &World, to: &[&str], message: &[u8]) -> Result<Accepted, AcceptError> {
    send(world, client(world), reverse_path(SENDER), to, message).await
}

fn database(world: &World) -> Connection {
    Connection::open(world.data().join("mail.db")).expect("the database opens")
}

/// What a query over texts gives, a line for each row.
fn rows(world: &World, sql: &str) -> Vec<String> {
    let db = database(world);
    let mut query = db.prepare(sql).expect("sound SQL");
    let rows = query.query_map([], |row| row.get(0)).expect("sound SQL");
    rows.collect::<Result<_, _>>().expect("rows of one text")
}

/// The accounts whose INBOX has something, with how much.
fn inboxes(world: &World) -> Vec<String> {
    let sql = "SELECT account || '=' || messages FROM mailbox
                WHERE name = 'INBOX' AND messages > 0 ORDER BY account";
    rows(world, sql)
}

fn fates(world: &World) -> Vec<String> {
    let sql = "SELECT recipient || ' ' || action || ' ' || COALESCE(account, '-') || ' ' || target
                 FROM fate ORDER BY recipient, account, target";
    rows(world, sql)
}

/// The header block of the only message.
fn stored_head(world: &World) -> String {
    let heads = rows(world, "SELECT CAST(head AS TEXT) FROM email");
    let [head] = heads.try_into().expect("there is one message");
    head
}

/// Accounts 1 ann, 2 bob, 3 carol, 4 dora (disabled), 5 eve (disabled domain).
async fn office() -> World {
    let accounts = ["ann", "bob", "carol", "dora"].map(|name| format!("{name}@example.org"));
    let [ann, bob, carol, dora] = accounts.each_ref().map(String::as_str);
    let world = World::new(&[ann, bob, carol, dora, "eve@off.test"]).await;
    let commands = vec![
        alias("team@example.org", &[ann, bob]),
        alias("all@example.org", &["team@example.org", carol]),
        alias("gone@example.org", &[dora]),
        alias("partner@example.org", &[ann, "drop@far.test"]),
        domain("catch.test"),
        Command::CatchAllSet {
            domain: "catch.test".parse().expect("a domain"),
            target: Some(address(carol)),
        },
        Command::DomainAliasAdd {
            alias: "second.test".parse().expect("a domain"),
            domain: "example.org".parse().expect("a domain"),
        },
        Command::AccountEnable {
            address: address(dora),
            enabled: false,
        },
        Command::DomainEnable {
            domain: "off.test".parse().expect("a domain"),
            enabled: false,
        },
    ];
    world.admit_all(commands).await.expect("all of it fits");
    world
}

#[tokio::test]
async fn each_address_reaches_whom_it_should_or_says_why_not() {
    use RecipientError::{Disabled, NoSuchMailbox, RelayDenied};
    let world = office().await;
    let from = reverse_path(SENDER);
    let cases: [(&str, Result<&[&str], RecipientError>); 21] = [
        ("ann@example.org", Ok(&["1=1"])),
        ("ANN@Example.Org", Ok(&["1=1"])),
        ("ann+list@example.org", Ok(&["1=1"])),
        ("ann@second.test", Ok(&["1=1"])),
        ("ann+x@second.test", Ok(&["1=1"])),
        ("team@example.org", Ok(&["1=1", "2=1"])),
        ("team+x@example.org", Ok(&["1=1", "2=1"])),
        ("all@example.org", Ok(&["1=1", "2=1", "3=1"])),
        ("whoever@catch.test", Ok(&["3=1"])),
        ("postmaster@example.org", Ok(&["1=1"])),
        ("Postmaster@catch.test", Ok(&["1=1"])),
        ("abuse@example.org", Ok(&["1=1"])),
        ("abuse@second.test", Ok(&["1=1"])),
        ("nobody@example.org", Err(NoSuchMailbox)),
        ("ann-x@example.org", Err(NoSuchMailbox)),
        ("dora@example.org", Err(Disabled)),
        ("dora+x@example.org", Err(Disabled)),
        ("gone@example.org", Err(Disabled)),
        ("eve@off.test", Err(Disabled)),
        ("partner@example.org", Err(RelayDenied)),
        ("somebody@far.test", Err(RelayDenied)),
    ];
    for (to, expected) in cases {
        let client = client(&world);
        let checked = world
            .service
            .recipient_check(&client, &from, &address(to), &Wishes::default())
            .await;
        assert_eq!(checked, expected.clone().map(|_| ()), "{to}");
        let accepted = deliver(&world, &[to], b"Subject: x\r\n\r\nhi\r\n").await;
        assert_eq!(accepted.is_ok(), expected.is_ok(), "{to}: {accepted:?}");
        assert_eq!(inboxes(&world), expected.unwrap_or_default(), "{to}");
        let sql = "DELETE FROM arrival; DELETE FROM email;
                   UPDATE mailbox SET messages = 0;";
        database(&world).execute_batch(sql).expect("sound SQL");
    }
}

#[tokio::test]
async fn every_recipient_has_a_fate_and_every_account_one_copy() {
    let world = office().await;
    let to = [
        "bob@example.org",
        "Bob@example.org",
        "bob+again@example.org",
        "team@example.org",
        "all@example.org",
    ];
    let accepted = deliver(&world, &to, b"Message-ID: <m@far.test>\r\n\r\nhi\r\n").await;
    assert_eq!(inboxes(&world), ["1=1", "2=1", "3=1"]);
    let expected = [
        "all@example.org store 3 INBOX",
        "bob+again@example.org store 2 INBOX",
        "bob@example.org store 2 INBOX",
        "team@example.org store 1 INBOX",
    ];
    assert_eq!(fates(&world), expected);
    let id = accepted.expect("it is accepted").id;
    let size = world.service.config().size();
    let facts = "SELECT DISTINCT message || ' ' || config_size || ' ' || reverse_path || ' ' ||
                        message_id || ' ' || CAST(rules AS TEXT) FROM fate";
    assert_eq!(
        rows(&world, facts),
        [format!("{id} {size} {SENDER} <m@far.test> []")]
    );
    let sessions = rows(
        &world,
        "SELECT CAST(COUNT(DISTINCT session) AS TEXT) FROM fate
                                  WHERE session IS NOT NULL",
    );
    assert_eq!(
        sessions,
        ["1"],
        "all fates name the session that brought it"
    );
}

#[tokio::test]
async fn a_full_mailbox_refuses_and_beside_others_keeps_a_recoverable_copy() {
    let world = World::new(&["ann@example.org"]).await;
    let full = ["full@example.org", "tight@example.org"];
    let commands = full.map(|name| account(name, Some(600))).to_vec();
    world.admit_all(commands).await.expect("they fit");
    let message = [b"Subject: x\r\n\r\n".as_slice(), &[b'x'; 300]].concat();
    deliver(&world, &[full[0]], &message)
        .await
        .expect("it fits once");
    for to in [&full[..1], &[full[0], "full+x@example.org"]] {
        let refused = deliver(&world, to, &message).await;
        assert_eq!(refused, Err(AcceptError::OverQuota), "{to:?}");
    }
    assert_eq!(
        fates(&world).len(),
        1,
        "what is refused in the session leaves nothing"
    );
    let check = |octets| {
        let (client, from, to) = (client(&world), reverse_path(SENDER), address(full[0]));
        let service = world.service.clone();
        let wishes = Wishes {
            declared_octets: octets,
            ..Wishes::default()
        };
        async move { service.recipient_check(&client, &from, &to, &wishes).await }
    };
    assert_eq!(check(None).await, Ok(()));
    assert_eq!(check(Some(300)).await, Err(RecipientError::OverQuota));
    let mixed = ["ann@example.org", full[0], full[1], "full+x@example.org"];
    deliver(&world, &mixed, &message)
        .await
        .expect("some have room");
    assert_eq!(inboxes(&world), ["1=1", "2=1", "3=1"]);
    let fates = fates(&world);
    let expected = [
        "ann@example.org store 1 INBOX",
        "full+x@example.org refuse 2 over quota",
        "full@example.org store 2 INBOX",
        "full@example.org refuse 2 over quota",
        "tight@example.org store 3 INBOX",
    ];
    assert!(
        expected
            .iter()
            .all(|fate| fates.contains(&(*fate).to_owned())),
        "{fates:?}"
    );
    assert_eq!(fates.len(), expected.len());
    let kept = rows(
        &world,
        "SELECT account || ' ' || mailbox || ' ' || reason FROM recoverable",
    );
    assert_eq!(kept, ["2 INBOX refused"]);
    let empty = account("none@example.org", Some(1));
    world.admit(empty).await.expect("it fits");
    let none = deliver(&world, &["none@example.org", full[0]], &message).await;
    assert_eq!(none, Err(AcceptError::OverQuota));
}

#[tokio::test]
async fn the_trace_fields_stand_before_the_message_and_nothing_else_changes() {
    let world = World::new(&["ann@example.org"]).await;
    let message = b"RETURN-PATH: <a@far.test>\r\nReceived: from far\r\n by farther\r\n\
                    Return-Path:\r\n <b@far.test>\r\nSubject: =?x?\r\nno field\r\n\r\nbody\r\n";
    let accepted = deliver(&world, &["ann+detail@example.org"], message).await;
    let id = accepted.expect("it is accepted").id;
    let expected = format!(
        "Return-Path: <sender@far.test>\r\n\
         Received: from client.example.net ([192.0.2.9])\r\n\
         \tby mx.example.org with ESMTPS id {id}\r\n\
         \t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n\
         \tfor <ann+detail@example.org>; Mon, 23 Nov 2026 10:09:40 +0000\r\n\
         Received: from far\r\n by farther\r\n\
         Subject: =?x?\r\nno field\r\n\r\n"
    );
    assert_eq!(stored_head(&world), expected);
}

#[tokio::test]
async fn several_recipients_are_not_told_of_each_other() {
    let world = World::new(&["ann@example.org"]).await;
    let plain = SmtpClient {
        esmtp: false,
        ..client(&world)
    };
    let to = ["ann+a@example.org", "ann+b@example.org"];
    let null = ReversePath::Null;
    let sent = send(&world, plain, null, &to, b"Subject: x\r\n\r\n").await;
    sent.expect("it is accepted");
    let head = stored_head(&world);
    assert!(head.starts_with("Return-Path: <>\r\n"), "{head}");
    assert!(
        head.contains(" with SMTP id ") && !head.contains(" for <"),
        "{head}"
    );
}

/// ann, with an alias that delivers to her and one that was granted to her.
async fn submitters() -> World {
    let world = World::new(&["ann@example.org", "bob@example.org"]).await;
    let commands = vec![
        alias("sales@example.org", &["ann@example.org"]),
        alias("other@example.org", &["bob@example.org"]),
        alias("granted@example.org", &["bob@example.org"]),
        Command::SendAsGrant {
            account: address("ann@example.org"),
            identity: address("granted@example.org"),
        },
    ];
    world.admit_all(commands).await.expect("they fit");
    world
}

#[tokio::test]
async fn a_submission_names_only_originators_of_its_own() {
    let yours = |header| Err(AcceptError::SenderNotYours { header });
    let world = submitters().await;
    let client = user(&world, "ann@example.org").await;
    let cases = [
        ("From: ann@example.org", Ok(())),
        ("From: Ann <ANN+x@example.org>", Ok(())),
        ("From: sales@example.org", Ok(())),
        (
            "From: granted@example.org\r\nSender: ann@example.org",
            Ok(()),
        ),
        ("From: ann@example.org, sales@example.org", Ok(())),
        ("From: bob@example.org", yours("From")),
        ("From: other@example.org", yours("From")),
        ("From: ann@far.test", yours("From")),
        ("From: ann@example.org, bob@example.org", yours("From")),
        ("From: \"ann@example.org\" <bob@example.org>", yours("From")),
        (
            "From: ann@example.org\r\nSender: bob@example.org",
            yours("Sender"),
        ),
        (
            "From: ann@example.org\r\nFrom: bob@example.org",
            Err(malformed("")),
        ),
        ("Subject: nobody", Err(malformed(""))),
        (
            "From: =?utf-8?q?ann=40example.org?=@far.test",
            Err(malformed("")),
        ),
        (
            "From: ann@example.org (bob@example.org)",
            Err(malformed("")),
        ),
    ];
    for (fields, expected) in cases {
        let message = format!("{fields}\r\n\r\nhi\r\n");
        let from = reverse_path("ann@example.org");
        let to = ["bob@example.org"];
        let sent = send(&world, client.clone(), from, &to, message.as_bytes()).await;
        let sent = sent.map(|_| ()).map_err(|err| match err {
            AcceptError::Malformed(_) => malformed(""),
            other => other,
        });
        assert_eq!(sent, expected, "{fields}");
    }
    let stranger = deliver(
        &world,
        &["bob@example.org"],
        b"From: ann@example.org\r\n\r\n",
    )
    .await;
    stranger.expect("without a sign-in the fields are anybody's");
}

fn malformed(why: &str) -> AcceptError {
    AcceptError::Malformed(why.to_owned())
}

#[tokio::test]
async fn a_submission_begins_with_a_sender_of_its_own() {
    let world = submitters().await;
    let (ann, stranger) = (user(&world, "ann@example.org").await, client(&world));
    let cases = [
        ("ann@example.org", Ok(())),
        ("ann+x@example.org", Ok(())),
        ("sales@example.org", Ok(())),
        ("granted@example.org", Ok(())),
        ("bob@example.org", Err(SenderError::NotYours)),
        ("other@example.org", Err(SenderError::NotYours)),
        ("ann@far.test", Err(SenderError::NotYours)),
    ];
    for (from, expected) in cases {
        let from = reverse_path(from);
        assert_eq!(
            world.service.sender_check(&ann, &from).await,
            expected,
            "{from}"
        );
        assert_eq!(world.service.sender_check(&stranger, &from).await, Ok(()));
    }
    let null = world.service.sender_check(&ann, &ReversePath::Null).await;
    assert_eq!(null, Ok(()), "notifications have no sender");
}

#[tokio::test]
async fn only_a_submission_is_given_the_fields_that_it_lacks() {
    let date = "Date: Mon, 23 Nov 2026 10:09:40 +0000\r\n";
    let from = "From: ann@example.org\r\n";
    for (submitted, fields, gets_date, gets_id) in [
        (true, "", true, true),
        (true, "date: yesterday\r\n", false, true),
        (true, "Message-Id: <own@example.org>\r\n", true, false),
        (false, "", false, false),
    ] {
        let world = World::new(&["ann@example.org"]).await;
        let client = match submitted {
            true => user(&world, "ann@example.org").await,
            false => client(&world),
        };
        let message = format!("{from}{fields}\r\nhi\r\n");
        let path = reverse_path("ann@example.org");
        let sent = send(
            &world,
            client,
            path,
            &["ann@example.org"],
            message.as_bytes(),
        )
        .await;
        let id = format!(
            "Message-ID: <{}@mx.example.org>\r\n",
            sent.expect("accepted").id
        );
        let head = stored_head(&world);
        assert_eq!(
            (head.contains(date), head.contains(&id)),
            (gets_date, gets_id),
            "{head}"
        );
        assert!(head.ends_with(&format!("{from}{fields}\r\n")), "{head}");
    }
}

#[tokio::test]
async fn a_message_that_passed_too_many_servers_is_a_loop() {
    let world = World::new(&["ann@example.org"]).await;
    let most = world.service.config().settings().received_hops_max;
    for (hops, taken) in [(most, true), (most + 1, false)] {
        let hops = usize::try_from(hops).expect("a small number");
        let message = "received: from far\r\n".repeat(hops) + "\r\nReceived: not a field\r\n";
        let accepted = deliver(&world, &["ann@example.org"], message.as_bytes()).await;
        let expected = taken.then_some(()).ok_or(AcceptError::Loop);
        assert_eq!(accepted.map(|_| ()), expected, "{hops}");
    }
}

#[tokio::test]
async fn size_and_header_block_are_bounded_while_they_arrive() {
    let world = World::new(&["ann@example.org"]).await;
    let max_octets = 1_048_576;
    let setting = Command::SettingSet {
        key: "message_size_max_octets".to_owned(),
        value: max_octets.to_string(),
    };
    world.admit(setting).await.expect("in its range");
    let max = usize::try_from(max_octets).expect("it fits");
    let message = |octets: usize| [b"A: b\r\n\r\n".as_slice(), &vec![b'x'; octets - 8]].concat();
    let to = ["ann@example.org"];
    deliver(&world, &to, &message(max))
        .await
        .expect("as large as can be");
    let larger = deliver(&world, &to, &message(max + 1)).await;
    assert_eq!(larger, Err(AcceptError::TooLarge { max_octets }));
    let setting = Command::SettingSet {
        key: "message_size_max_octets".to_owned(),
        value: (2 * max_octets).to_string(),
    };
    world.admit(setting).await.expect("in its range");
    let limit = ServiceError::Limit("octets of the header block");
    for blank_line in ["", "\r\n\r\n"] {
        let mut sink = world.service.body_sink();
        let head = [
            vec![b'x'; HEADER_BLOCK_MAX_OCTETS],
            blank_line.into(),
            vec![b'y'],
        ]
        .concat();
        assert_eq!(sink.write(&head), Err(limit.clone()));
        assert_eq!(sink.write(b"more"), Err(limit.clone()), "it stays refused");
    }
    assert_eq!(inboxes(&world), ["1=1"]);
}

#[tokio::test]
async fn bodies_of_every_length_are_stored_as_they_came() {
    let world = World::new(&["ann@example.org"]).await;
    let head = b"Subject: x\r\n\r\n";
    for octets in [
        0,
        1,
        BODY_IN_MEMORY_MAX_OCTETS,
        BODY_IN_MEMORY_MAX_OCTETS + 1,
        300 * 1_024,
    ] {
        let body: Vec<u8> = (b' '..=b'~').cycle().take(octets).collect();
        let message = [head.as_slice(), &body].concat();
        deliver(&world, &["ann@example.org"], &message)
            .await
            .expect("accepted");
        let sql = "SELECT lower(hex(sha256)) || ' ' || blob.octets || ' ' ||
                          (email.octets = blob.octets + length(head))
                     FROM email JOIN blob ON blob.id = email.blob ORDER BY email.id DESC LIMIT 1";
        let digest: String = ledger::object_id(&body)
            .0
            .iter()
            .map(|o| format!("{o:02x}"))
            .collect();
        assert_eq!(
            rows(&world, sql),
            [format!("{digest} {octets} 1")],
            "{octets}"
        );
    }
    let spool = std::fs::read_dir(world.data().join("spool")).expect("the spool is there");
    assert_eq!(spool.count(), 0, "files of large bodies have no name");
}

#[tokio::test]
async fn a_message_without_fields_or_without_a_body_is_stored_as_it_is() {
    for message in [
        "",
        "\r\n",
        "\r\nbody\r\n",
        "Subject: x\r\n",
        "no field at all\r\n",
    ] {
        let world = World::new(&["ann@example.org"]).await;
        deliver(&world, &["ann@example.org"], message.as_bytes())
            .await
            .expect("accepted");
        let head = stored_head(&world);
        let (ours, theirs) = head
            .split_once("; Mon, 23 Nov 2026 10:09:40 +0000\r\n")
            .expect(&head);
        assert!(ours.starts_with("Return-Path: <sender@far.test>\r\nReceived: from "));
        let octets = rows(&world, "SELECT CAST(octets AS TEXT) FROM blob");
        let in_body = message
            .strip_prefix(theirs)
            .expect("the message is not altered");
        assert_eq!(octets, [in_body.len().to_string()], "{message:?}");
    }
}

#[tokio::test]
async fn mail_for_others_goes_to_the_sink_and_only_for_those_who_signed_in() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&shown);
    let sink = Outside::Sink(Arc::new(move |outgoing: service::Outgoing| {
        let line = format!("{} {} {:?}", outgoing.from, outgoing.to, outgoing.subject());
        seen.lock().expect("nobody panicked").push(line);
    }));
    let world = World::sending(&["ann@example.org"], sink).await;
    world
        .admit(alias(
            "partner@example.org",
            &["ann@example.org", "drop@far.test"],
        ))
        .await
        .expect("it fits");
    let (ann, stranger) = (user(&world, "ann@example.org").await, client(&world));
    let (from, far) = (reverse_path("ann@example.org"), address("Bob@far.test"));
    let denied = world
        .service
        .recipient_check(&stranger, &from, &far, &Wishes::default())
        .await;
    assert_eq!(denied, Err(RecipientError::RelayDenied));
    let partner = address("partner@example.org");
    for (to, require_tls, expected) in [
        (&far, false, Ok(())),
        (&far, true, Err(RecipientError::RequireTls)),
        (&partner, false, Ok(())),
        (&partner, true, Err(RecipientError::RequireTls)),
        (&address("ann@example.org"), true, Ok(())),
    ] {
        let wishes = Wishes {
            require_tls,
            ..Wishes::default()
        };
        let checked = world
            .service
            .recipient_check(&ann, &from, to, &wishes)
            .await;
        assert_eq!(checked, expected, "{to} {require_tls}");
    }
    let message = b"From: ann@example.org\r\nSubject: hi\r\n\r\n";
    let to = ["Bob@far.test", "partner@example.org", "drop@far.test"];
    send(&world, ann, from, &to, message)
        .await
        .expect("accepted");
    let shown = shown.lock().expect("nobody panicked").clone();
    let line = |to: &str| format!("<ann@example.org> {to} Some(\"hi\")");
    assert_eq!(shown, [line("Bob@far.test"), line("drop@far.test")]);
    let expected = [
        "bob@far.test sink - Bob@far.test",
        "drop@far.test sink - drop@far.test",
        "partner@example.org sink - drop@far.test",
        "partner@example.org store 1 INBOX",
    ];
    assert_eq!(fates(&world), expected);
}

#[tokio::test]
async fn ids_of_messages_begin_with_the_time_and_go_on_with_chance() {
    let world = office().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let accepted = deliver(&world, &["ann@example.org"], b"Subject: x\r\n\r\ny\r\n").await;
        ids.push(accepted.expect("there is room").id);
    }
    let now = format!("{:08x}", world.service.clock().now().seconds());
    let chance: Vec<_> = ids.iter().map(|id| id.strip_prefix(&now)).collect();
    assert!(chance.iter().all(|id| id.is_some_and(|id| id.len() == 16)));
    assert_ne!(chance[0], chance[1]);
}
