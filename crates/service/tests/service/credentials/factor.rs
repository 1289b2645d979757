//! Second factors: codes count once, and the password no longer opens mail.

use std::time::Duration;

use policy::MailScope;
use service::{AdmitError, Command, Password, Protocol, ServiceError, SignInError};
use testkit::{PASSWORD, World};

use crate::credentials::{
    ANN, FACTOR, activity, address, app_password, code, enrol, make, secret, try_in, world,
};

async fn check(world: &World, code: &str) -> Result<&'static str, ServiceError> {
    let (console, address, code) = (World::console(), address(ANN), secret(code));
    let checked = world.service.factor_check(&console, &address, &code).await;
    checked.map(|check| check.kind)
}

#[tokio::test]
async fn a_second_factor_counts_only_with_its_code_and_closes_the_password() {
    let world = world().await;
    let wrong = Command::TotpEnrol {
        account: address(ANN),
        secret: Password(secret(FACTOR)),
        code: Password(secret("000000")),
    };
    let refused = world.admit(wrong).await;
    assert!(
        matches!(refused, Err(AdmitError::Invalid(_))),
        "{refused:?}"
    );
    let open = try_in(&world, Protocol::Imap, [192, 0, 2, 9], &secret(PASSWORD)).await;
    open.expect("the factor does not count yet");
    enrol(&world).await.expect("with the right code");
    for protocol in [Protocol::Imap, Protocol::Pop3, Protocol::Submission] {
        let closed = try_in(&world, protocol, [192, 0, 2, 9], &secret(PASSWORD)).await;
        assert_eq!(closed.err(), Some(SignInError::Refused), "{protocol:?}");
        world.clock.advance(Duration::from_secs(4_000));
    }
    let why = activity(&world, "sign_in.refused").await;
    assert!(
        why.iter().all(|row| row["why"] == "second factor"),
        "{why:?}"
    );
    let (_, app) = make(&world, app_password(&MailScope::ALL, &[], &[])).await;
    try_in(&world, Protocol::Imap, [192, 0, 2, 9], &app)
        .await
        .expect("for this there are app passwords");
    let remove = Command::TotpRemove {
        account: address(ANN),
    };
    world.admit(remove).await.expect("it has one");
    try_in(&world, Protocol::Imap, [192, 0, 2, 9], &secret(PASSWORD))
        .await
        .expect("open again");
}

/// BAD-INPUTS 43: a code that was seen is of no use to whoever saw it.
#[tokio::test]
async fn a_code_counts_once_also_after_a_restart() {
    let world = world().await;
    let first = code(world.clock.now());
    enrol(&world).await.expect("with the right code");
    assert!(
        check(&world, &first).await.is_err(),
        "it proved the enrolment"
    );
    world.clock.advance(Duration::from_secs(30));
    let second = code(world.clock.now());
    assert_eq!(check(&world, &second).await, Ok("authenticator"));
    assert!(check(&world, &second).await.is_err(), "twice");
    assert!(
        check(&world, &first).await.is_err(),
        "the one before, still within the drift"
    );
    let world = world.reopen().await;
    assert!(check(&world, &second).await.is_err(), "after a restart");
    let early = code(world.clock.now().plus_s(30));
    assert_eq!(
        check(&world, &early).await,
        Ok("authenticator"),
        "a clock that is ahead"
    );
    world.clock.advance(Duration::from_secs(600));
    assert!(check(&world, &second).await.is_err(), "too old");
}

#[tokio::test]
async fn guesses_at_codes_are_bounded() {
    let world = world().await;
    enrol(&world).await.expect("with the right code");
    world.clock.advance(Duration::from_secs(60));
    let mut words = String::new();
    for guess in 0..20 {
        let refused = check(&world, &format!("{guess:06}")).await;
        words = refused.expect_err("a guess").to_string();
    }
    assert!(words.contains("too many wrong codes"), "{words}");
    let right = check(&world, &code(world.clock.now())).await;
    assert!(right.is_err(), "not looked at");
}

#[tokio::test]
async fn recovery_codes_count_once_each_until_there_are_others() {
    let world = world().await;
    let codes = Command::RecoveryCodes {
        account: address(ANN),
    };
    let refused = world.admit(codes.clone()).await;
    assert!(
        matches!(refused, Err(AdmitError::Conflict(_))),
        "{refused:?}"
    );
    enrol(&world).await.expect("with the right code");
    let made = world
        .admit(codes.clone())
        .await
        .expect("there is a factor")
        .made;
    let made: Vec<_> = (made[0].secrets.iter())
        .map(|code| String::from_utf8(code.0.expose().to_vec()).expect("text"))
        .collect();
    assert_eq!(made.len(), 10);
    assert_eq!(check(&world, &made[3]).await, Ok("recovery code"));
    assert!(check(&world, &made[3]).await.is_err(), "twice");
    let world = world.reopen().await;
    assert!(check(&world, &made[3]).await.is_err(), "after a restart");
    let typed = made[4].to_uppercase().replace('-', "");
    assert_eq!(check(&world, &typed).await, Ok("recovery code"));
    let shown = world
        .service
        .account_show(&World::console(), &address(ANN))
        .await;
    let shown = shown.expect("it exists");
    assert_eq!(
        (shown.second_factor, shown.recovery_codes_left),
        (true, Some(8))
    );
    world.admit(codes).await.expect("others");
    assert!(check(&world, &made[5]).await.is_err(), "of the set before");
}
