//! What is refused, whoever asks.

use super::*;

#[tokio::test]
async fn nothing_goes_in_over_quota() {
    let at = At::work().await;
    let octets = MESSAGE.len() as u64;
    let quota_octets = Some(2 * octets);
    let command = Command::AccountQuota {
        address: ANN.parse().unwrap(),
        quota_octets,
    };
    at.world.admit(command).await.unwrap();
    at.append("INBOX", MESSAGE).await.unwrap();
    let service = &at.world.service;
    let id = at.open("INBOX").await.id;
    let mut longer = MESSAGE.to_vec();
    longer.push(b'x');
    assert_eq!(
        at.append("INBOX", &longer).await,
        Err(ServiceError::OverQuota)
    );
    at.append("INBOX", MESSAGE).await.unwrap();
    let copied = service
        .message_copy(&at.ann, id, &uids(&[1]), &name("Trash"))
        .await;
    assert_eq!(copied, Err(ServiceError::OverQuota));
    assert_eq!(
        at.open("Trash").await.status.uidnext,
        Uid(1),
        "the copy was undone"
    );
    service
        .message_move(&at.ann, id, &uids(&[1]), &name("Trash"))
        .await
        .unwrap();
    service.expunge(&at.ann, id, &uids(&[2])).await.unwrap();
    at.append("INBOX", MESSAGE).await.unwrap();
    assert_eq!(at.uids("INBOX").await, [3]);
}

#[tokio::test]
async fn what_belongs_to_another_account_is_not_found() {
    let at = At::work().await;
    let service = &at.world.service;
    at.append("INBOX", MESSAGE).await.unwrap();
    let (id, email) = (at.open("INBOX").await.id, at.email("INBOX", 1).await);
    let bob = at.world.sign_in(BOB).await;
    for (id, email) in [(id, email), (MailboxId(999), EmailId(999))] {
        let one = uids(&[1]);
        let change = flags(How::Add, FlagSet::SEEN, &["x"]);
        let changed = service.flags_change(&bob, id, &one, change).await;
        assert_eq!(changed, Err(NOT_OPEN));
        assert_eq!(
            service.message_copy(&bob, id, &one, &inbox()).await,
            Err(NOT_OPEN)
        );
        assert_eq!(
            service.message_move(&bob, id, &one, &inbox()).await,
            Err(NOT_OPEN)
        );
        assert_eq!(service.expunge(&bob, id, &one).await, Err(NOT_OPEN));
        assert_eq!(
            service.message_open(&bob, email).await.err(),
            Some(NO_MESSAGE)
        );
        assert_eq!(
            service.messages_describe(&bob, &[email]).await,
            Ok(vec![Err(NO_MESSAGE)])
        );
        let query = TextQuery::Text(String::new());
        assert_eq!(
            service.search_text(&bob, &[email], query).await,
            Err(NO_MESSAGE)
        );
    }
    let open = at.open("INBOX").await;
    assert_eq!(
        (open.messages.len(), open.messages[0].flags),
        (1, FlagSet::default())
    );
    assert!(open.keywords.is_empty());
}

#[tokio::test]
async fn an_account_that_is_switched_off_can_do_nothing_more() {
    let at = At::work().await;
    let bob = at.world.sign_in(BOB).await;
    let service = &at.world.service;
    let open = service.mailbox_open(&bob, &inbox()).await.unwrap();
    let command = Command::AccountEnable {
        address: BOB.parse().unwrap(),
        enabled: false,
    };
    at.world.admit(command).await.unwrap();
    let refused = |err: Option<ServiceError>| matches!(err, Some(ServiceError::Refused(_)));
    assert!(refused(service.mailbox_list(&bob).await.err()));
    assert!(refused(service.mailbox_open(&bob, &inbox()).await.err()));
    assert!(refused(service.expunge(&bob, open.id, &[]).await.err()));
    assert!(refused(service.message_open(&bob, EmailId(1)).await.err()));
}
