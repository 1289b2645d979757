//! Messages: stored, given back, described, flagged, copied, moved.

use super::*;

#[tokio::test]
async fn a_message_is_given_back_octet_for_octet() {
    let at = At::work().await;
    let long = [MESSAGE, &b"line\r\n".repeat(60_000)].concat();
    let odd: [&[u8]; 6] = [
        MESSAGE,
        b"",
        b"Subject: no blank line\r\n",
        b"\r\nonly a body",
        b"a: b\n\nbare \n and \r and \xff\xfe",
        &long,
    ];
    for (octets, number) in odd.into_iter().zip(1..) {
        assert_eq!(at.append("INBOX", octets).await, Ok(Uid(number)));
        let stored = at.email("INBOX", number).await;
        let stored = at
            .world
            .service
            .message_open(&at.ann, stored)
            .await
            .unwrap();
        assert_eq!(stored.octets, octets.len() as u64);
        assert_eq!(stored.read(0, octets.len() + 1).await.unwrap(), octets);
        let cuts = [
            0,
            1,
            stored.head.len(),
            stored.head.len() + 1,
            octets.len() / 2,
            octets.len(),
        ];
        for cut in cuts.into_iter().filter(|cut| *cut <= octets.len()) {
            let mut pieces = stored.read(0, cut).await.unwrap();
            pieces.extend(stored.read(cut as u64, 200_000).await.unwrap());
            let rest = pieces.len() as u64;
            pieces.extend(stored.read(rest, usize::MAX).await.unwrap());
            assert!(pieces == octets, "message {number} cut at {cut}");
        }
        assert!(
            stored
                .read(octets.len() as u64, 9)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(stored.read(u64::MAX, 9).await.unwrap().is_empty());
    }
    let total: usize = odd.iter().map(|octets| octets.len()).sum();
    let status = at
        .world
        .service
        .mailbox_status(&at.ann, &inbox())
        .await
        .unwrap();
    assert_eq!((status.messages, status.size_octets), (6, total as u64));
    assert_eq!(at.open("INBOX").await.status, status);
}

#[tokio::test]
async fn an_appended_message_has_the_flags_and_the_date_that_were_given() {
    let at = At::work().await;
    let service = &at.world.service;
    // Bits of keywords do not count: keywords go by their names.
    let junk = FlagSet::SEEN.union(FlagSet::keyword(3).unwrap());
    let new = NewMessage {
        flags: flags(How::Remove, junk, &["$Work"]),
        internal_date: Some(Timestamp(1_000_000)),
        message: at.message(MESSAGE),
    };
    let appended = service
        .message_append(&at.ann, &name("Drafts"), vec![new])
        .await;
    let open = at.open("Drafts").await;
    assert_eq!(appended.unwrap().uidvalidity, open.status.uidvalidity);
    let row = open.messages[0];
    assert_eq!(row.flags, FlagSet::SEEN.union(FlagSet::keyword(0).unwrap()));
    assert_eq!(row.internal_date, Timestamp(1_000_000));
    assert_eq!(open.keywords, ["$work".parse::<Keyword>().unwrap()]);
    assert_eq!((open.status.unseen, open.status.uidnext), (0, Uid(2)));
    at.append("INBOX", MESSAGE).await.unwrap();
    let row = at.open("INBOX").await.messages[0];
    assert_eq!(row.internal_date, at.world.clock.now());
    assert_eq!(at.append("none", MESSAGE).await, Err(NO_MAILBOX));
}

#[tokio::test]
async fn messages_are_appended_all_or_none() {
    let at = At::work().await;
    let uids = at
        .append_all("Drafts", &[MESSAGE, b"a:b\r\n", MESSAGE])
        .await;
    assert_eq!(uids, Ok(vec![Uid(1), Uid(2), Uid(3)]));
    let octets = MESSAGE.len() as u64;
    let quota = Command::AccountQuota {
        address: ANN.parse().unwrap(),
        quota_octets: Some(5 * octets),
    };
    at.world.admit(quota).await.unwrap();
    let all = [MESSAGE, MESSAGE, MESSAGE];
    assert_eq!(
        at.append_all("Drafts", &all).await,
        Err(ServiceError::OverQuota)
    );
    assert_eq!(at.open("Drafts").await.messages.len(), 3);
    let quota = at.world.service.quota(&at.ann).await.unwrap();
    assert_eq!(quota.used_octets, 2 * octets + 5);
    assert_eq!(quota.limit_octets, Some(5 * octets));
    assert!(quota.has_room(2 * octets) && !quota.has_room(3 * octets));
}

#[tokio::test]
async fn messages_are_read_in_bounded_batches_in_the_order_asked_for() {
    let at = At::work().await;
    at.append("INBOX", MESSAGE).await.unwrap();
    let subject = b"Subject: second\r\n";
    at.append("INBOX", &[subject, MESSAGE].concat())
        .await
        .unwrap();
    let (first, second) = (at.email("INBOX", 1).await, at.email("INBOX", 2).await);
    let (ann, service) = (&at.ann, &at.world.service);
    let asked = [second, EmailId(999), first];
    let described = service.messages_describe(ann, &asked).await.unwrap();
    let emails: Vec<_> = described.iter().flatten().map(|d| d.email).collect();
    assert_eq!(emails, [second, first]);
    assert_eq!(described[1], Err(NO_MESSAGE));
    let described = described[0].as_ref().unwrap();
    assert!(described.envelope.starts_with(b"(NIL \"second\" (("));
    let structure = described.bodystructure.to_ascii_uppercase();
    assert!(structure.starts_with(b"(\"TEXT\" \"PLAIN\""));
    for ahead in [ReadAhead::Head, ReadAhead::Body] {
        let opened = service.messages_open(ann, &asked, ahead).await.unwrap();
        assert_eq!(opened[1].as_ref().err(), Some(&NO_MESSAGE));
        let opened: Vec<_> = opened.iter().flatten().collect();
        assert!(opened[0].head.starts_with(subject));
        for (from, octets) in [(0, usize::MAX), (0, 5), (30, 40), (u64::MAX, 1)] {
            let from_at = MESSAGE.len().min(usize::try_from(from).unwrap());
            let to_at = MESSAGE.len().min(from_at.saturating_add(octets));
            let read = opened[1].read(from, octets).await.unwrap();
            assert_eq!(read, &MESSAGE[from_at..to_at], "{ahead:?} {from}");
        }
    }
    let many = vec![first; service::READ_MESSAGES_MAX + 1];
    let described = service.messages_describe(ann, &many).await.unwrap();
    assert_eq!(described.len(), service::READ_MESSAGES_MAX);
    // Large header blocks end a batch early, but never before its first message.
    let large = [b"Subject: ".as_slice(), &[b'x'; 400_000], b"\r\n\r\n"].concat();
    at.append("INBOX", &large).await.unwrap();
    let many = vec![at.email("INBOX", 3).await; 9];
    let opened = service.messages_open(ann, &many, ReadAhead::Head).await;
    assert_eq!(opened.unwrap().len(), 3);
}

#[tokio::test]
async fn flags_change_and_all_named_messages_are_told() {
    let at = At::work().await;
    let service = &at.world.service;
    for _ in 0..3 {
        at.append("INBOX", MESSAGE).await.unwrap();
    }
    let id = at.open("INBOX").await.id;
    let (seen, draft) = (FlagSet::SEEN, FlagSet::DRAFT);
    let work = FlagSet::keyword(0).unwrap();
    for (change, expected) in [
        (flags(How::Add, seen, &[]), [seen, seen]),
        (
            flags(How::Add, draft, &["work"]),
            [seen.union(draft).union(work); 2],
        ),
        (
            flags(How::Remove, seen, &["WORK", "unknown"]),
            [draft, draft],
        ),
        (flags(How::Remove, seen, &[]), [draft, draft]),
        (
            flags(How::Replace, FlagSet::FLAGGED, &["Work"]),
            [FlagSet::FLAGGED.union(work); 2],
        ),
        (
            flags(How::Replace, FlagSet::default(), &[]),
            [FlagSet::default(); 2],
        ),
    ] {
        let named = uids(&[3, 9, 1, 3]);
        let told = service
            .flags_change(&at.ann, id, &named, change)
            .await
            .unwrap();
        let shown: Vec<_> = told.iter().map(|(uid, flags, _)| (uid.0, *flags)).collect();
        assert_eq!(shown, [(1, expected[0]), (3, expected[1])]);
    }
    let open = at.open("INBOX").await;
    assert_eq!(
        open.keywords.len(),
        1,
        "a keyword that is only removed is not learnt"
    );
    let untouched = open.messages[1];
    assert!(open.messages[0].modseq > untouched.modseq);
    assert_eq!(
        (untouched.uid, untouched.flags),
        (Uid(2), FlagSet::default())
    );
    let none = service
        .flags_change(&at.ann, id, &[], flags(How::Add, seen, &[]))
        .await;
    assert_eq!(none, Ok(Vec::new()));
    let many: Vec<String> = (0..60).map(|number| format!("k{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let change = flags(How::Add, seen, &many);
    let refused = service.flags_change(&at.ann, id, &uids(&[1]), change).await;
    assert_eq!(refused, Err(ServiceError::Limit("keywords of a mailbox")));
    assert_eq!(at.open("INBOX").await.keywords.len(), 1);
}

#[tokio::test]
async fn messages_are_copied_and_moved_with_their_flags() {
    let at = At::work().await;
    let service = &at.world.service;
    for _ in 0..3 {
        at.append("INBOX", MESSAGE).await.unwrap();
    }
    let id = at.open("INBOX").await.id;
    let trash = at.open("Trash").await;
    let change = flags(How::Add, FlagSet::SEEN, &["other"]);
    service
        .flags_change(&at.ann, trash.id, &uids(&[1]), change)
        .await
        .unwrap();
    let change = flags(How::Add, FlagSet::SEEN, &["mine"]);
    service
        .flags_change(&at.ann, id, &uids(&[2]), change)
        .await
        .unwrap();
    let to = name("Trash");
    let copied = service
        .message_copy(&at.ann, id, &uids(&[9, 3, 2]), &to)
        .await
        .unwrap();
    assert_eq!(copied.uidvalidity, trash.status.uidvalidity);
    assert_eq!(copied.pairs, [(Uid(2), Uid(1)), (Uid(3), Uid(2))]);
    let moved = service
        .message_move(&at.ann, id, &uids(&[2, 1]), &to)
        .await
        .unwrap();
    assert_eq!(moved.pairs, [(Uid(1), Uid(3)), (Uid(2), Uid(4))]);
    let within = service
        .message_move(&at.ann, id, &uids(&[3]), &inbox())
        .await
        .unwrap();
    assert_eq!(within.pairs, [(Uid(3), Uid(4))]);
    assert_eq!(at.uids("INBOX").await, [4]);
    let open = at.open("Trash").await;
    let mine = open
        .keywords
        .iter()
        .position(|keyword| keyword.as_str() == "mine")
        .unwrap();
    let expected = FlagSet::SEEN.union(FlagSet::keyword(mine).unwrap());
    let shown: Vec<_> = open
        .messages
        .iter()
        .map(|row| (row.uid.0, row.flags == expected))
        .collect();
    assert_eq!(shown, [(1, true), (2, false), (3, false), (4, true)]);
}

#[tokio::test]
async fn what_is_not_there_is_neither_copied_nor_moved() {
    let at = At::work().await;
    let service = &at.world.service;
    at.append("INBOX", MESSAGE).await.unwrap();
    let id = at.open("INBOX").await.id;
    let to = name("Trash");
    let none = service
        .message_copy(&at.ann, id, &uids(&[77]), &to)
        .await
        .unwrap();
    assert_eq!(none.pairs, []);
    for (from, to, expected) in [
        (id, "none", NO_MAILBOX),
        (MailboxId(999), "Trash", NOT_OPEN),
    ] {
        let copied = service
            .message_copy(&at.ann, from, &uids(&[1]), &name(to))
            .await;
        assert_eq!(copied, Err(expected.clone()));
        let moved = service
            .message_move(&at.ann, from, &uids(&[1]), &name(to))
            .await;
        assert_eq!(moved, Err(expected));
    }
    let many = vec![Uid(1); service::COPY_MESSAGES_MAX + 1];
    let refused = service.message_copy(&at.ann, id, &many, &to).await;
    assert!(matches!(refused, Err(ServiceError::Limit(_))));
}
