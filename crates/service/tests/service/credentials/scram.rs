//! SCRAM: every credential proves itself, within its limits.

use std::time::Duration;

use policy::MailScope;
use service::scram::{Signature, client_proof};
use service::{Command, Password, Principal, Protocol, SignInError};
use testkit::{PASSWORD, World};
use types::{CredentialId, Secret};

use crate::credentials::{ANN, ROOT, address, app_password, enrol, make, secret, try_in, world};

async fn by_scram(
    world: &World,
    protocol: Protocol,
    name: &str,
    password: &Secret,
) -> Result<Principal, SignInError> {
    let account = world.service.scram_start(name);
    let auth = b"n=,r=a,r=ab,s=,i=1,c=biws,r=ab";
    let proof = client_proof(password, &account.salt, account.iterations, auth);
    let peer = world.peer(protocol);
    let done = world
        .service
        .scram_finish(&peer, &account, auth, &proof)
        .await;
    done.map(|(principal, signature)| {
        let expected = server_signature(password, &account.salt, account.iterations, auth);
        assert_eq!(signature, expected, "the server knows the password");
        principal
    })
}

fn server_signature(password: &Secret, salt: &[u8], iterations: u32, auth: &[u8]) -> Signature {
    service::scram::ScramKeys::new(password, salt, iterations).server_signature(auth)
}

#[tokio::test]
async fn every_credential_proves_itself_by_scram_within_its_limits() {
    let world = world().await;
    let (id, app) = make(&world, app_password(&[MailScope::Imap], &[], &[])).await;
    let refused = Err(SignInError::Refused);
    let old = secret(PASSWORD);
    for (protocol, name, password, expected) in [
        (Protocol::Imap, ANN, &old, Ok(CredentialId(2))),
        (Protocol::Imap, "Ann@EXAMPLE.org", &old, Ok(CredentialId(2))),
        (Protocol::Imap, ANN, &app, Ok(id)),
        (Protocol::Pop3, ANN, &app, refused),
        (Protocol::Imap, ROOT, &app, refused),
        (Protocol::Imap, ANN, &secret("wrong"), refused),
        (Protocol::Imap, "nobody@example.org", &old, refused),
        (Protocol::Imap, "not an address", &old, refused),
    ] {
        let tried = by_scram(&world, protocol, name, password).await;
        assert_eq!(tried.map(|p| p.credential), expected, "{protocol:?} {name}");
        world.clock.advance(Duration::from_secs(4_000));
    }
    enrol(&world).await.expect("with the right code");
    let closed = by_scram(&world, Protocol::Imap, ANN, &old).await;
    assert_eq!(
        closed.err(),
        Some(SignInError::Refused),
        "beside a second factor"
    );
    assert!(by_scram(&world, Protocol::Imap, ANN, &app).await.is_ok());
    let new = secret("ostrich quilt river lamp");
    let set = Command::AccountPassword {
        address: address(ROOT),
        password: Password(new.clone()),
    };
    world.admit(set).await.expect("it is long enough");
    assert!(by_scram(&world, Protocol::Imap, ROOT, &old).await.is_err());
    assert!(by_scram(&world, Protocol::Imap, ROOT, &new).await.is_ok());
}

#[tokio::test]
async fn names_that_exist_and_names_that_do_not_have_salts_alike() {
    let world = world().await;
    let second = Command::DomainAliasAdd {
        alias: "second.test".parse().expect("a domain"),
        domain: "example.org".parse().expect("a domain"),
    };
    world.admit(second).await.expect("it fits");
    let salt = |world: &World, name: &str| world.service.scram_start(name).salt;
    for local in ["ann", "nobody"] {
        let name = format!("{local}@example.org");
        let same = [format!("{local}@second.test"), name.to_uppercase()];
        for other in same {
            assert_eq!(salt(&world, &name), salt(&world, &other), "{other}");
        }
        assert_ne!(salt(&world, &name), salt(&world, "other@example.org"));
    }
    let before = (salt(&world, ANN), salt(&world, "nobody@example.org"));
    let disable = Command::AccountEnable {
        address: address(ANN),
        enabled: false,
    };
    world.admit(disable).await.expect("ann is no owner");
    let world = world.reopen().await;
    assert_eq!(
        before,
        (salt(&world, ANN), salt(&world, "nobody@example.org"))
    );
}

#[tokio::test]
async fn failed_proofs_are_throttled_with_failed_passwords() {
    let world = world().await;
    let fewer = Command::SettingSet {
        key: "sign_in_failures_per_account_max".to_owned(),
        value: "2".to_owned(),
    };
    world.admit(fewer).await.expect("in its range");
    assert!(
        by_scram(&world, Protocol::Imap, ANN, &secret("a"))
            .await
            .is_err()
    );
    let from = [192, 0, 2, 9];
    assert!(
        try_in(&world, Protocol::Imap, from, &secret("b"))
            .await
            .is_err()
    );
    let both = [
        by_scram(&world, Protocol::Imap, ANN, &secret(PASSWORD))
            .await
            .err(),
        try_in(&world, Protocol::Imap, from, &secret(PASSWORD))
            .await
            .err(),
    ];
    let throttled = Some(SignInError::Throttled { retry_after_s: 60 });
    assert_eq!(both, [throttled, throttled]);
}

#[tokio::test]
async fn a_device_that_repeats_an_old_password_by_scram_is_no_guesser() {
    let world = world().await;
    for (key, value) in [
        ("sign_in_failures_per_account_max", "1000"),
        ("sign_in_failures_per_source_max", "5"),
    ] {
        let (key, value) = (key.to_owned(), value.to_owned());
        let set = Command::SettingSet { key, value };
        world.admit(set).await.expect("in its range");
    }
    tokio::time::pause();
    for _ in 0..40 {
        let tried = by_scram(&world, Protocol::Imap, ANN, &secret("old")).await;
        assert_eq!(tried.err(), Some(SignInError::Refused));
    }
    let other = by_scram(&world, Protocol::Imap, ROOT, &secret(PASSWORD)).await;
    assert!(other.is_ok(), "another account of its source");
    let blocks = world.service.block_list(&World::console()).await;
    assert!(blocks.expect("the console may").is_empty());
}
