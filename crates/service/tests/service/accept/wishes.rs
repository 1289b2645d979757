//! What senders ask beside the delivery: replies and reports for each recipient.

use service::{Envelope, SmtpClient};
use testkit::World;
use types::Ret;

use super::{
    SENDER, accept, account, address, alias, client, database, fates, reverse_path, rows, user,
};

/// An envelope from `client` to these recipients, for each of whom something is asked.
fn asking(client: SmtpClient, from: &str, to: &[(&str, &str)]) -> Envelope {
    let to_all = to.iter().map(|(to, _)| address(to)).collect();
    let mut envelope = Envelope::new(client, reverse_path(from), to_all);
    for (recipient, (_, notify)) in envelope.recipients.iter_mut().zip(to) {
        recipient.dsn.notify = (!notify.is_empty()).then(|| notify.parse().expect("a value"));
    }
    envelope
}

/// ann; full@ and tight@ without room for [`LONG`]; both@ leads to ann and full@, fulls@ to both
/// that are full.
async fn crowded() -> World {
    let world = World::new(&["ann@example.org"]).await;
    let full = ["full@example.org", "tight@example.org"];
    let mut commands = full.map(|name| account(name, Some(200))).to_vec();
    commands.push(alias("both@example.org", &["ann@example.org", full[0]]));
    commands.push(alias("fulls@example.org", &full));
    world.admit_all(commands).await.expect("they fit");
    world
}

const LONG: &[u8; 300] = &[b'x'; 300];

#[tokio::test]
async fn who_is_told_of_each_recipient_keeps_what_was_refused() {
    let world = crowded().await;
    let to = ["ann@example.org", "fulls@example.org", "tight@example.org"];
    for (per_recipient, to, refused, kept) in [
        (true, &to[..], &[1, 2][..], &[][..]),
        (false, &to[..], &[], &["2", "3"]),
        // One of both@ gets it, so the copy of the other is nobody else's to keep.
        (
            true,
            &["both@example.org", "tight@example.org"],
            &[1],
            &["2"],
        ),
        (true, &["both@example.org"], &[], &["2"]),
    ] {
        let to: Vec<_> = to.iter().map(|to| (*to, "")).collect();
        let mut envelope = asking(client(&world), SENDER, &to);
        envelope.wishes.per_recipient = per_recipient;
        let accepted = accept(&world, envelope, LONG).await.expect("ann has room");
        let told: Vec<_> = accepted.refused.into_keys().collect();
        assert_eq!(told, refused, "{to:?}");
        let sql = "SELECT CAST(account AS TEXT) FROM recoverable ORDER BY account";
        assert_eq!(rows(&world, sql), kept, "{to:?}");
        let refusals = fates(&world)
            .iter()
            .filter(|f| f.contains(" refuse "))
            .count();
        assert!(refusals >= refused.len(), "{to:?}");
        let sql = "DELETE FROM recoverable; DELETE FROM fate;";
        database(&world).execute_batch(sql).expect("sound SQL");
    }
}

/// Whether the client signed in, whether it hears of each recipient, what is asked for whom, and
/// what the report says of whom.
type ReportCase = (
    bool,
    bool,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

// long: one table of envelopes.
#[tokio::test]
async fn reports_say_what_became_of_each_recipient_to_those_who_signed_in() {
    const ANN: &str = "ann@example.org";
    const TIGHT: &str = "tight@example.org";
    const TEAM: &str = "both@example.org";
    let cases: [ReportCase; 8] = [
        (
            true,
            false,
            &[(ANN, "SUCCESS")],
            &["ann@example.org delivered"],
        ),
        (true, false, &[(ANN, "")], &[]),
        (true, false, &[(ANN, "FAILURE,DELAY")], &[]),
        (
            true,
            false,
            &[(TEAM, "SUCCESS"), (TIGHT, "")],
            &["both@example.org delivered", "tight@example.org failed"],
        ),
        (
            true,
            false,
            &[(TEAM, ""), (TIGHT, "FAILURE")],
            &["tight@example.org failed"],
        ),
        (
            true,
            false,
            &[(TEAM, "SUCCESS"), (TIGHT, "NEVER")],
            &["both@example.org delivered"],
        ),
        // Who hears of each recipient in the session is not told again of refusals.
        (
            true,
            true,
            &[(TEAM, "SUCCESS"), (TIGHT, "")],
            &["both@example.org delivered"],
        ),
        // Anybody could have written this sender, so nobody is written to.
        (false, false, &[(ANN, "SUCCESS")], &[]),
    ];
    for (signed_in, per_recipient, to, expected) in cases {
        let world = crowded().await;
        let client = match signed_in {
            true => user(&world, ANN).await,
            false => client(&world),
        };
        let mut envelope = asking(client, ANN, to);
        envelope.wishes.per_recipient = per_recipient;
        let message = [b"From: ann@example.org\r\n\r\n".as_slice(), LONG].concat();
        accept(&world, envelope, &message)
            .await
            .expect("ann has room");
        let reports = rows(
            &world,
            "SELECT DISTINCT message FROM fate WHERE reverse_path = ''",
        );
        assert_eq!(reports.len(), usize::from(!expected.is_empty()), "{to:?}");
        if expected.is_empty() {
            continue;
        }
        let told = told_in_report(&world).await;
        assert_eq!(told, expected, "{to:?}");
    }
}

/// Recipient and action of each part of the newest message in ann's INBOX.
async fn told_in_report(world: &World) -> Vec<String> {
    let ann = world.sign_in("ann@example.org").await;
    let inbox = types::MailboxName::inbox();
    let open = world
        .service
        .mailbox_open(&ann, &inbox)
        .await
        .expect("it is there");
    let row = open.messages.last().expect("a report");
    let stored = world
        .service
        .message_open(&ann, row.email)
        .await
        .expect("it opens");
    let octets = stored
        .read(0, row.size_octets as usize)
        .await
        .expect("it is read");
    let text = String::from_utf8(octets).expect("ASCII");
    assert!(text.starts_with("Return-Path: <>\r\n"), "{text}");
    let parts = text.split("Final-Recipient: rfc822; ").skip(1);
    let line = |part: &str| {
        let mut lines = part.split("\r\n");
        let (to, action) = (lines.next()?, lines.next()?);
        Some(format!("{to} {}", action.strip_prefix("Action: ")?))
    };
    parts.filter_map(line).collect()
}

#[tokio::test]
async fn a_report_of_failure_brings_back_what_was_asked_for() {
    for (ret, whole) in [
        (None, false),
        (Some(Ret::Headers), false),
        (Some(Ret::Full), true),
    ] {
        let world = crowded().await;
        let ann = user(&world, "ann@example.org").await;
        let to = [("ann@example.org", ""), ("tight@example.org", "")];
        let mut envelope = asking(ann, "ann@example.org", &to);
        envelope.wishes.dsn.ret = ret;
        let message = [b"From: ann@example.org\r\n\r\n".as_slice(), LONG].concat();
        accept(&world, envelope, &message)
            .await
            .expect("ann has room");
        let texts = rows(
            &world,
            "SELECT CAST(bodystructure AS TEXT) FROM email ORDER BY id",
        );
        let report = texts.last().expect("a report").to_lowercase();
        assert!(report.contains("\"delivery-status\""), "{report}");
        assert_eq!(report.contains("\"rfc822\""), whole, "{report}");
        assert_eq!(report.contains("\"rfc822-headers\""), !whole, "{report}");
    }
}
