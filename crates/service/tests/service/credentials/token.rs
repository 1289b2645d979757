//! Tokens: their scopes, their end, and guesses at them.

use std::time::Duration;

use policy::TokenScope;
use service::token::TokenError;
use service::{Command, Protocol, SignInError};
use testkit::{Link, World};
use types::{CredentialId, Secret};

use crate::credentials::{ANN, activity, address, code, enrol, make, secret, world};

/// What every token hears that is not good.
const REFUSED: TokenError = TokenError::SignIn(SignInError::Refused);

async fn token(world: &World, scopes: &[TokenScope], expires_days: Option<u32>) -> Secret {
    let command = Command::TokenAdd {
        account: address(ANN),
        name: "scraper".to_owned(),
        scopes: scopes.to_vec(),
        expires_days,
    };
    make(world, command).await.1
}

/// Who holds the token, if it allows that.
async fn ask(
    world: &World,
    token: &Secret,
    scope: TokenScope,
) -> Result<(String, CredentialId), TokenError> {
    let peer = world.peer(Protocol::Http);
    let found = world.service.token_check(&peer, token, scope).await;
    found.map(|holder| (holder.address.to_string(), holder.credential))
}

#[tokio::test]
async fn a_token_allows_its_scopes_and_no_other_token_is_taken() {
    let world = world().await;
    let metrics = token(&world, &[TokenScope::Metrics], None).await;
    let both = token(&world, &[TokenScope::Read, TokenScope::Write], Some(1)).await;
    let ann = |id| Ok((ANN.to_owned(), CredentialId(id)));
    let mut bent = both.expose().to_vec();
    let last = bent.len() - 1;
    bent[last] = if bent[last] == b'a' { b'b' } else { b'a' };
    let text = String::from_utf8(both.expose().to_vec()).expect("text");
    let of_another = secret(&text.replace("_4_", "_3_"));
    for (token, scope, expected) in [
        (&metrics, TokenScope::Metrics, ann(3)),
        (&metrics, TokenScope::Read, Err(TokenError::Scope)),
        (&both, TokenScope::Read, ann(4)),
        (&both, TokenScope::Write, ann(4)),
        (&both, TokenScope::Metrics, Err(TokenError::Scope)),
        (&Secret::new(bent), TokenScope::Read, Err(REFUSED)),
        (&of_another, TokenScope::Read, Err(REFUSED)),
        (&secret("spt_99_x"), TokenScope::Read, Err(REFUSED)),
        (&secret(""), TokenScope::Read, Err(REFUSED)),
    ] {
        assert_eq!(ask(&world, token, scope).await, expected, "{scope}");
    }
    let console = World::console();
    let list = world.service.token_list(&console, None).await;
    let list = list.expect("the console may read");
    assert_eq!(list[1].scopes, ["read", "write"]);
    assert_eq!(list[1].life.last_source.as_deref(), Some("192.0.2.9"));
}

#[tokio::test]
async fn a_token_ends_with_its_time_its_account_and_its_removal() {
    let world = world().await;
    let short = token(&world, &[TokenScope::Read], Some(1)).await;
    let long = token(&world, &[TokenScope::Read], None).await;
    let is_taken = async |world: &World, token: &Secret| {
        let asked = ask(world, token, TokenScope::Read).await;
        world.clock.advance(Duration::from_secs(1_000));
        asked.is_ok()
    };
    assert!(is_taken(&world, &short).await && is_taken(&world, &long).await);
    world.clock.advance(Duration::from_secs(86_400));
    let world = world.reopen().await;
    assert!(!is_taken(&world, &short).await && is_taken(&world, &long).await);
    for enabled in [false, true] {
        let address = address(ANN);
        let switch = Command::AccountEnable { address, enabled };
        world.admit(switch).await.expect("ann is no owner");
        assert_eq!(is_taken(&world, &long).await, enabled);
    }
    let id = CredentialId(4);
    let gone = world.admit(Command::TokenRemove { id }).await;
    gone.expect("it is there");
    assert!(!is_taken(&world, &long).await);
}

#[tokio::test]
async fn guesses_at_a_token_are_throttled() {
    let world = world().await;
    let good = token(&world, &[TokenScope::Read], None).await;
    tokio::time::pause();
    let ask = async |token: &Secret| ask(&world, token, TokenScope::Read).await;
    let text = String::from_utf8(good.expose().to_vec()).expect("text");
    for guess in 0..10_u8 {
        let mut wrong = text.clone().into_bytes();
        wrong[10] = b'a' + guess;
        wrong[11] = b'z';
        assert!(ask(&Secret::new(wrong)).await.is_err());
    }
    let right = ask(&good).await;
    assert!(
        matches!(
            right,
            Err(TokenError::SignIn(SignInError::Throttled { .. }))
        ),
        "{right:?}"
    );
    let refused = activity(&world, "sign_in.refused").await;
    let whys: Vec<_> = refused.iter().map(|row| row["why"].as_str()).collect();
    assert_eq!(whys[..10], [Some("token"); 10]);
    assert_eq!(whys[10..], [Some("throttled")]);
    assert!(refused.iter().all(|row| row["protocol"] == "http"));
}

#[tokio::test]
async fn a_source_that_guesses_tokens_is_blocked() {
    let world = world().await;
    let good = token(&world, &[TokenScope::Metrics], None).await;
    let text = String::from_utf8(good.expose().to_vec()).expect("text");
    tokio::time::pause();
    for guess in 0..30 {
        // Each names another token, so that it is the source that fails too often.
        let wrong = secret(&text.replace("_3_", &format!("_{}_", guess + 10)));
        ask(&world, &wrong, TokenScope::Metrics)
            .await
            .expect_err("wrong");
    }
    let blocks = world.service.block_list(&World::console()).await;
    let blocks = blocks.expect("the console may read");
    assert_eq!(blocks.len(), 1, "{blocks:?}");
    let right = ask(&world, &good, TokenScope::Metrics).await;
    assert!(matches!(right, Err(TokenError::SignIn(_))), "{right:?}");
}

#[tokio::test]
async fn a_token_is_not_taken_in_the_clear() {
    let world = world().await;
    let good = token(&world, &[TokenScope::Metrics], None).await;
    let peer = world.peer_over(Link::Clear, Protocol::Http);
    let asked = world.service.token_check(&peer, &good, TokenScope::Metrics);
    assert_eq!(asked.await, Err(REFUSED));
}

#[tokio::test]
async fn whoever_signs_in_under_the_name_of_a_token_or_a_factor_shuts_neither() {
    let world = world().await;
    let good = token(&world, &[TokenScope::Read], None).await;
    enrol(&world).await.expect("with the right code");
    world.clock.advance(Duration::from_secs(60));
    tokio::time::pause();
    let peer = world.peer(Protocol::Imap);
    let account = world
        .service
        .config()
        .account_at(&address(ANN))
        .map(|account| account.id);
    let account = account.expect("it is there");
    for name in ["token k_3".to_owned(), format!("factor {account}")] {
        for guess in 0..10 {
            let guess = secret(&format!("wrong guess {guess}"));
            let tried = world.service.sign_in(&peer, &name, &guess).await;
            assert_eq!(tried.err(), Some(SignInError::Refused), "{name}");
        }
    }
    let holder = ask(&world, &good, TokenScope::Read).await;
    assert_eq!(holder, Ok((ANN.to_owned(), CredentialId(3))));
    let code = secret(&code(world.clock.now()));
    let console = World::console();
    let checked = world
        .service
        .factor_check(&console, &address(ANN), &code)
        .await;
    assert!(checked.is_ok(), "{checked:?}");
}
