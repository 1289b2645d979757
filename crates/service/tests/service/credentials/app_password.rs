//! App passwords: what each opens, and that they are listed and removed.

use std::time::Duration;

use policy::MailScope;
use service::{AdmitError, Command, Protocol, SignInError};
use testkit::{PASSWORD, World};

use crate::credentials::{ANN, ROOT, activity, address, app_password, make, secret, try_in, world};

#[tokio::test]
async fn an_app_password_opens_what_it_is_limited_to_and_nothing_else() {
    let world = world().await;
    let limited = app_password(&[MailScope::Imap], &["192.0.2.0/24"], &[]);
    let (id, password) = make(&world, limited).await;
    let text = String::from_utf8(password.expose().to_vec()).expect("text");
    assert_eq!(text.split('-').map(str::len).collect::<Vec<_>>(), [4; 7]);
    let refused = Err(SignInError::Refused);
    let typed = text.to_uppercase().replace('-', " ");
    for (protocol, source, password, expected) in [
        (Protocol::Imap, [192, 0, 2, 9], &text, Ok(id)),
        (Protocol::Imap, [192, 0, 2, 9], &typed, Ok(id)),
        (Protocol::Imap, [192, 0, 3, 9], &text, refused),
        (Protocol::Pop3, [192, 0, 2, 9], &text, refused),
        (Protocol::Submission, [192, 0, 2, 9], &text, refused),
        (
            Protocol::Imap,
            [192, 0, 2, 9],
            &text[1..].to_owned(),
            refused,
        ),
    ] {
        let tried = try_in(&world, protocol, source, &secret(password)).await;
        let tried = tried.map(|principal| principal.credential);
        assert_eq!(tried, expected, "{protocol:?} {source:?} {password}");
        world.clock.advance(Duration::from_secs(4_000));
    }
    let why = activity(&world, "sign_in.refused").await;
    let why: Vec<_> = why
        .iter()
        .map(|row| {
            (
                row["why"].as_str().unwrap_or(""),
                row["credential"].as_str(),
            )
        })
        .collect();
    let k = Some("k_3");
    let expected = [
        ("network", k),
        ("protocol", k),
        ("protocol", k),
        ("password", None),
    ];
    assert_eq!(why, expected);
    let signed_in = activity(&world, "sign_in").await;
    assert_eq!(signed_in[0]["credential"], "k_3", "{signed_in:?}");
    assert!(
        try_in(&world, Protocol::Imap, [198, 51, 100, 1], &secret(PASSWORD))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn an_app_password_is_of_one_account_and_ends_when_it_is_removed() {
    let world = world().await;
    let (id, password) = make(&world, app_password(&MailScope::ALL, &[], &[])).await;
    let peer = world.peer(Protocol::Imap);
    let as_root = world.service.sign_in(&peer, ROOT, &password).await;
    assert_eq!(as_root.err(), Some(SignInError::Refused));
    let kept = try_in(&world, Protocol::Imap, [192, 0, 2, 9], &password).await;
    let kept = kept.expect("its own account");
    let world = world.reopen().await;
    let again = try_in(&world, Protocol::Pop3, [192, 0, 2, 9], &password).await;
    assert_eq!(again.expect("after a restart").credential, kept.credential);
    let remove = Command::AppPasswordRemove { id };
    world.admit(remove.clone()).await.expect("it is there");
    let gone = try_in(&world, Protocol::Imap, [192, 0, 2, 9], &password).await;
    assert_eq!(gone.err(), Some(SignInError::Refused));
    let twice = world.admit(remove).await;
    assert!(matches!(twice, Err(AdmitError::NotFound(_))), "{twice:?}");
}

#[tokio::test]
async fn app_passwords_are_listed_with_their_last_use_also_after_a_restart() {
    let world = world().await;
    let command = app_password(&[MailScope::Imap], &["192.0.2.0/24"], &[ANN]);
    let (_, password) = make(&world, command).await;
    let list = async |world: &World| {
        let of = address(ANN);
        let console = World::console();
        let list = world.service.app_password_list(&console, Some(&of)).await;
        let mut list = list.expect("the console may read");
        assert_eq!(list.len(), 1);
        list.remove(0)
    };
    let fresh = list(&world).await;
    assert_eq!(
        (fresh.name.as_str(), fresh.account),
        ("phone", address(ANN))
    );
    assert_eq!(fresh.networks, ["192.0.2.0/24"]);
    assert_eq!(fresh.send_as, [ANN]);
    assert_eq!(fresh.life.last_used_at, None);
    assert!(fresh.life.made_by.contains("uid 0"), "{:?}", fresh.life);
    try_in(&world, Protocol::Imap, [192, 0, 2, 77], &password)
        .await
        .expect("it opens");
    let used = list(&world).await.life;
    assert_eq!(used.last_source.as_deref(), Some("192.0.2.77"));
    let world = world.reopen().await;
    let kept = list(&world).await.life;
    assert_eq!(
        (kept.last_used_at, kept.last_protocol.as_deref()),
        (used.last_used_at, Some("imap"))
    );
}
