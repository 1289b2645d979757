//! What several sessions of one mailbox hear.

use super::*;

#[tokio::test]
async fn another_session_hears_of_changes_in_their_order() {
    let at = At::work().await;
    let service = &at.world.service;
    let mut open = at.open("Junk").await;
    let changes = &mut open.changes;
    assert_eq!(changes.try_next().await, None);
    at.append("Junk", MESSAGE).await.unwrap();
    let MailboxChange::Added(rows) = changes.next().await else {
        panic!("no new message")
    };
    assert_eq!(rows, at.open("Junk").await.messages);
    let change = flags(How::Add, FlagSet::SEEN, &["new"]);
    let told = service
        .flags_change(&at.ann, open.id, &uids(&[1]), change)
        .await
        .unwrap();
    let keywords = MailboxChange::Keywords(vec!["new".parse().unwrap()]);
    assert_eq!(changes.next().await, keywords);
    // The database tells of the keyword, and so do the flags: once more does no harm.
    let mut next = changes.try_next().await;
    if next == Some(keywords) {
        next = changes.try_next().await;
    }
    assert_eq!(next, Some(MailboxChange::Flags(told)));
    service
        .expunge(&at.ann, open.id, &uids(&[1]))
        .await
        .unwrap();
    let MailboxChange::Expunged { uids: gone, .. } = changes.next().await else {
        panic!("no expunge")
    };
    assert_eq!(gone, uids(&[1]));
    service
        .mailbox_delete(&at.ann, &name("Junk"))
        .await
        .unwrap();
    assert_eq!(changes.next().await, MailboxChange::Gone);
    assert_eq!(changes.try_next().await, None);
}

#[tokio::test]
async fn a_session_that_looks_late_hears_only_what_still_holds() {
    let at = At::work().await;
    let service = &at.world.service;
    at.append("INBOX", MESSAGE).await.unwrap();
    let mut open = at.open("INBOX").await;
    // Seen before the keyword exists, so the first change heard of already has its bit.
    let seen = flags(How::Add, FlagSet::SEEN, &[]);
    service
        .flags_change(&at.ann, open.id, &uids(&[1]), seen)
        .await
        .unwrap();
    let keyword = flags(How::Add, FlagSet::default(), &["late"]);
    service
        .flags_change(&at.ann, open.id, &uids(&[1]), keyword)
        .await
        .unwrap();
    at.append("INBOX", MESSAGE).await.unwrap();
    service
        .expunge(&at.ann, open.id, &uids(&[2]))
        .await
        .unwrap();
    let first = open.changes.try_next().await.unwrap();
    assert_eq!(
        first,
        MailboxChange::Keywords(vec!["late".parse().unwrap()])
    );
    let now = FlagSet::SEEN.union(FlagSet::keyword(0).unwrap());
    let mut last = None;
    while let Some(change) = open.changes.try_next().await {
        match &change {
            MailboxChange::Flags(told) => assert_eq!((told[0].0, told[0].1), (Uid(1), now)),
            MailboxChange::Added(_) => panic!("a message that is gone again"),
            _ => {}
        }
        last = Some(change);
    }
    let gone =
        matches!(last, Some(MailboxChange::Expunged { uids: gone, .. }) if gone == uids(&[2]));
    assert!(gone);
    for _ in 0..300 {
        at.append("INBOX", MESSAGE).await.unwrap();
    }
    assert_eq!(open.changes.next().await, MailboxChange::Lagged);
}

#[tokio::test]
async fn two_sessions_at_once_lose_nothing() {
    let at = At::work().await;
    let mut open = at.open("INBOX").await;
    let append = async |octets: &[u8]| {
        for _ in 0..20 {
            at.append("INBOX", octets).await.unwrap();
        }
    };
    tokio::join!(append(MESSAGE), append(b"Subject: other\r\n\r\n"));
    let mut heard = Vec::new();
    while let Some(change) = open.changes.try_next().await {
        let MailboxChange::Added(rows) = change else {
            panic!("only new messages")
        };
        heard.extend(rows.iter().map(|row| row.uid.0));
    }
    let all: Vec<u32> = (1..=40).collect();
    assert_eq!(heard, all);
    assert_eq!(at.uids("INBOX").await, all);
}
