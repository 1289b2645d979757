//! Mailboxes by name.

use super::*;

#[tokio::test]
async fn default_mailboxes_come_into_being_once() {
    let at = At::work().await;
    let service = &at.world.service;
    let list = service.mailbox_list(&at.ann).await.unwrap();
    assert!(
        list.mailboxes
            .iter()
            .all(|mailbox| { list.subscribed.contains(&mailbox.name) && !mailbox.has_children })
    );
    let shown: Vec<_> = list
        .mailboxes
        .iter()
        .map(|mailbox| (mailbox.name.as_str(), mailbox.special_use))
        .collect();
    assert_eq!(
        shown,
        [
            ("Archive", Some(SpecialUse::Archive)),
            ("Drafts", Some(SpecialUse::Drafts)),
            ("INBOX", None),
            ("Junk", Some(SpecialUse::Junk)),
            ("Sent", Some(SpecialUse::Sent)),
            ("Trash", Some(SpecialUse::Trash)),
        ]
    );
    service
        .mailbox_delete(&at.ann, &name("Archive"))
        .await
        .unwrap();
    assert_eq!(
        at.names().await,
        ["Drafts", "INBOX", "Junk", "Sent", "Trash"]
    );
    // Whatever is asked first makes them.
    let bob = at.world.sign_in(BOB).await;
    assert_eq!(
        service
            .mailbox_status(&bob, &name("Sent"))
            .await
            .unwrap()
            .messages,
        0
    );
}

#[tokio::test]
async fn mailboxes_are_made_and_renamed_with_those_around_them() {
    let at = At::work().await;
    let service = &at.world.service;
    at.create("a/b/c").await;
    at.create("a-b").await;
    let list = service.mailbox_list(&at.ann).await.unwrap();
    let parents = list.mailboxes.iter().filter(|mailbox| mailbox.has_children);
    assert_eq!(
        parents
            .map(|mailbox| mailbox.name.as_str())
            .collect::<Vec<_>>(),
        ["a", "a/b"]
    );
    service
        .mailbox_rename(&at.ann, &name("a/b"), &name("x/y"))
        .await
        .unwrap();
    service
        .mailbox_rename(&at.ann, &name("Sent"), &name("x/Out"))
        .await
        .unwrap();
    service
        .mailbox_subscribe(&at.ann, &name("x/y"), true)
        .await
        .unwrap();
    service.mailbox_delete(&at.ann, &name("a")).await.unwrap();
    let list = service.mailbox_list(&at.ann).await.unwrap();
    let shown: Vec<_> = list
        .mailboxes
        .iter()
        .filter(|mailbox| {
            mailbox
                .special_use
                .is_none_or(|special| special == SpecialUse::Sent)
        })
        .map(|mailbox| {
            (
                mailbox.name.as_str(),
                list.subscribed.contains(&mailbox.name),
                mailbox.special_use.is_some(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("INBOX", true, false),
            ("a-b", false, false),
            ("x", false, false),
            ("x/Out", true, true),
            ("x/y", true, false),
            ("x/y/c", false, false),
        ]
    );
}

#[tokio::test]
async fn names_that_make_no_sense_are_refused_and_change_nothing() {
    let at = At::work().await;
    let service = &at.world.service;
    at.create("a/b").await;
    let before = at.names().await;
    for (new, special_use) in [("a", None), ("INBOX", None), ("Sent", None), ("a/b", None)] {
        let made = service
            .mailbox_create(&at.ann, &name(new), special_use)
            .await;
        assert_eq!(made, Err(ServiceError::Exists), "{new}");
    }
    let second = service
        .mailbox_create(&at.ann, &name("More"), Some(SpecialUse::Sent))
        .await;
    let taken = ServiceError::SpecialUseTaken(name("Sent"), SpecialUse::Sent);
    assert_eq!(second, Err(taken));
    for (from, to, expected) in [
        ("none", "b", NO_MAILBOX),
        ("a", "Sent", ServiceError::Exists),
        ("a", "a", ServiceError::Exists),
        ("a", "INBOX", ServiceError::Exists),
    ] {
        let renamed = service
            .mailbox_rename(&at.ann, &name(from), &name(to))
            .await;
        assert_eq!(renamed, Err(expected), "{from} to {to}");
    }
    for (from, to) in [("a", "a/b/c"), ("INBOX", "INBOX/old")] {
        let renamed = service
            .mailbox_rename(&at.ann, &name(from), &name(to))
            .await;
        assert!(
            matches!(renamed, Err(ServiceError::Refused(_))),
            "{from} to {to}"
        );
    }
    let deleted = service.mailbox_delete(&at.ann, &inbox()).await;
    assert!(matches!(deleted, Err(ServiceError::Refused(_))));
    assert_eq!(
        service.mailbox_delete(&at.ann, &name("none")).await,
        Err(NO_MAILBOX)
    );
    assert_eq!(
        service
            .mailbox_subscribe(&at.ann, &name("none"), true)
            .await,
        Err(NO_MAILBOX)
    );
    assert_eq!(
        service.mailbox_status(&at.ann, &name("none")).await,
        Err(NO_MAILBOX)
    );
    assert_eq!(
        service.mailbox_open(&at.ann, &name("none")).await.err(),
        Some(NO_MAILBOX)
    );
    assert_eq!(at.names().await, before);
}

#[tokio::test]
async fn renaming_inbox_moves_its_messages_and_leaves_it_in_place() {
    let at = At::work().await;
    at.append("INBOX", MESSAGE).await.unwrap();
    at.create("INBOX/below").await;
    let before = at.open("INBOX").await;
    at.world
        .service
        .mailbox_rename(&at.ann, &inbox(), &name("old/mail"))
        .await
        .unwrap();
    let after = at.open("INBOX").await;
    assert_eq!((after.id, after.messages.len()), (before.id, 0));
    assert_eq!(
        at.open("old/mail").await.messages[0].email,
        before.messages[0].email
    );
    let names = at.names().await;
    assert!(names.contains(&"INBOX/below".to_owned()) && names.contains(&"old".to_owned()));
}

#[tokio::test]
async fn a_folder_that_a_rule_files_into_keeps_its_place() {
    let at = At::work().await;
    let service = &at.world.service;
    for folder in ["a/b", "free", "Offers"] {
        at.create(folder).await;
    }
    let text = "require [\"fileinto\", \"copy\"];
        if header :is \"Subject\" \"x\" { fileinto :copy \"a/b\"; } else { fileinto \"Offers\"; }";
    let rule = service::NewRule {
        name: "offers".to_owned(),
        comment: String::new(),
        enabled: false,
        direction: policy::RuleDirection::In,
        stop: false,
        expires: service::Expiry::Never,
        is_program_script: false,
        content: policy::RuleContent::Script(text.to_owned()),
    };
    let add = Command::RuleAdd {
        at: service::RuleAt::Account(ANN.parse().unwrap()),
        rule,
        before: None,
    };
    at.world.admit(add).await.unwrap();
    let said = "the rule \"offers\" (r_1) files mail into it: change or remove that rule first";
    let refused = |done: Result<(), ServiceError>| {
        assert_eq!(done.unwrap_err(), ServiceError::Refused(said.to_owned()));
    };
    refused(service.mailbox_delete(&at.ann, &name("a/b")).await);
    refused(service.mailbox_delete(&at.ann, &name("Offers")).await);
    refused(
        service
            .mailbox_rename(&at.ann, &name("a/b"), &name("c"))
            .await,
    );
    refused(
        service
            .mailbox_rename(&at.ann, &name("a"), &name("c"))
            .await,
    );
    // What no rule names goes as it did, and so does all of it once the rule is gone.
    service.mailbox_delete(&at.ann, &name("a")).await.unwrap();
    service
        .mailbox_rename(&at.ann, &name("free"), &name("a/c"))
        .await
        .unwrap();
    let gone = Command::RuleRemove {
        id: types::RuleId(1),
    };
    at.world.admit(gone).await.unwrap();
    service
        .mailbox_delete(&at.ann, &name("Offers"))
        .await
        .unwrap();
}
