//! What is removed is kept, and recorded.

use std::path::Path;

use service::{RECOVERABLE_MAX, Restored, Wanted};

use super::*;

/// Rows of a database, read by a program that is not the server.
fn rows(database: &Path, sql: &str) -> Vec<String> {
    let db = rusqlite::Connection::open(database).unwrap();
    let mut query = db.prepare(sql).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test]
async fn what_a_client_removes_is_kept_and_all_that_it_took_is_recorded() {
    let at = At::work().await;
    let service = &at.world.service;
    for _ in 0..4 {
        at.append("INBOX", MESSAGE).await.unwrap();
    }
    service
        .mailbox_rename(&at.ann, &inbox(), &name("Old"))
        .await
        .unwrap();
    let (old, email) = (at.open("Old").await.id, at.email("Old", 1).await);
    service.bodies_given(&at.ann, old, &uids(&[4, 1, 2, 1]));
    service.bodies_given(&at.ann, old, &[]);
    assert_eq!(
        service.expunge(&at.ann, old, &uids(&[2, 9, 1, 2])).await,
        Ok(uids(&[1, 2]))
    );
    assert_eq!(
        service.expunge(&at.ann, old, &uids(&[1])).await,
        Ok(Vec::new())
    );
    let stored = service.message_open(&at.ann, email).await.unwrap();
    assert_eq!(stored.read(0, 1_000).await.unwrap(), MESSAGE);
    service.mailbox_delete(&at.ann, &name("Old")).await.unwrap();
    drop(stored);
    let folder = at.world.stop().await;
    let data = folder.path().join("data");
    let sql = "SELECT mailbox || ' ' || reason || ' ' || ((until - removed_at) / 1000000) FROM recoverable";
    assert_eq!(
        rows(&data.join("mail.db"), sql),
        vec!["Old client 604800"; 4]
    );
    let sql = "SELECT kind || ' ' || CAST(detail AS TEXT) FROM record WHERE kind LIKE 'mail.%' ORDER BY seq";
    let records = rows(&data.join("log/activity-2026-11-23.db"), sql);
    let shown = [
        ("mail.given_out", "[\"1:2\",\"4\"]"),
        ("mail.expunged", "[\"1:2\"]"),
        ("mail.expunged", "[\"3:4\"]"),
    ];
    assert_eq!(records.len(), shown.len(), "{records:?}");
    for (record, (kind, uids)) in records.iter().zip(shown) {
        assert!(
            record.starts_with(kind) && record.contains(uids),
            "{record}"
        );
    }
}

#[tokio::test]
async fn removed_mail_behind_the_first_page_is_listed_and_brought_back() {
    let at = At::work().await;
    let (service, console) = (&at.world.service, World::console());
    let ann = ANN.parse().unwrap();
    let added = at
        .append_all("INBOX", &vec![MESSAGE; RECOVERABLE_MAX + 1])
        .await;
    let mailbox = at.open("INBOX").await.id;
    service
        .expunge(&at.ann, mailbox, &added.unwrap())
        .await
        .unwrap();
    let list = |before| service.recoverable_list(&console, &ann, before);
    let first = list(None).await.unwrap();
    assert_eq!(first.len(), RECOVERABLE_MAX);
    let rest = list(first.last().map(|row| row.id)).await.unwrap();
    let oldest = match rest.as_slice() {
        [oldest] => oldest.id,
        _ => panic!("{rest:?}"),
    };
    assert!(first.iter().all(|row| row.id > oldest));
    assert!(list(Some(oldest)).await.unwrap().is_empty());
    let unknown = list(Some(oldest + 5_000)).await;
    assert!(matches!(unknown, Err(ServiceError::NotFound(_))));
    let restore = |wanted| service.recoverable_restore(&console, Some(&ann), wanted);
    for (wanted, restored, more) in [
        (Wanted::Ids(vec![oldest]), 1, false),
        (Wanted::Since(0), RECOVERABLE_MAX, true),
        (Wanted::Since(0), 0, false),
    ] {
        assert_eq!(
            restore(wanted).await,
            Ok(Restored {
                restored,
                more,
                left: None,
            })
        );
    }
    assert_eq!(at.uids("INBOX").await.len(), RECOVERABLE_MAX + 1);
}
