//! App passwords, second factors, sessions and tokens: what each opens, and what ends it.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::hmac;
use policy::{MailScope, TokenScope};
use rusqlite::Connection;
use service::scram::{Signature, client_proof};
use service::token::TokenError;
use service::{
    AdmitError, Admitted, Command, EndSessions, Password, Peer, Principal, Protocol, ServiceError,
    SignInError,
};
use testkit::{PASSWORD, World};
use types::{Address, CredentialId, Network, Secret, Timestamp};

const ROOT: &str = "root@example.org";
const ANN: &str = "ann@example.org";
/// The secret of the examples of RFC 6238, in Base32.
const FACTOR: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const FACTOR_OCTETS: &[u8] = b"12345678901234567890";

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

async fn world() -> World {
    World::new(&[ROOT, ANN]).await
}

fn app_password(scopes: &[MailScope], networks: &[&str], send_as: &[&str]) -> Command {
    let network = |text: &&str| -> Network { text.parse().expect("a network") };
    Command::AppPasswordAdd {
        account: address(ANN),
        name: "phone".to_owned(),
        scopes: scopes.to_vec(),
        networks: networks.iter().map(network).collect(),
        send_as: send_as.iter().map(|text| address(text)).collect(),
    }
}

/// Carries a command out that makes secrets; gives their credential and the first of them.
async fn make(world: &World, command: Command) -> (CredentialId, Secret) {
    let done = world.admit(command).await.expect("it fits");
    let made = done.made.first().expect("it makes a secret");
    (made.id, made.secrets[0].0.clone())
}

async fn try_in(
    world: &World,
    protocol: Protocol,
    source: [u8; 4],
    password: &Secret,
) -> Result<Principal, SignInError> {
    let peer = Peer {
        address: SocketAddr::from((source, 40_000)),
        ..world.peer(protocol)
    };
    world.service.sign_in(&peer, ANN, password).await
}

/// The code of [`FACTOR`] at a time.
fn code(at: Timestamp) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, FACTOR_OCTETS);
    let step = u64::try_from(at.seconds() / 30).expect("after 1970");
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let at = usize::from(tag.as_ref()[19] & 15);
    let four = tag.as_ref()[at..at + 4].try_into().expect("four octets");
    format!(
        "{:06}",
        (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000
    )
}

async fn enrol(world: &World) -> Result<Admitted, AdmitError> {
    let command = Command::TotpEnrol {
        account: address(ANN),
        secret: Password(secret(FACTOR)),
        code: Password(secret(&code(world.clock.now()))),
    };
    world.admit(command).await
}

async fn check(world: &World, code: &str) -> Result<&'static str, ServiceError> {
    let (console, address, code) = (World::console(), address(ANN), secret(code));
    let checked = world.service.factor_check(&console, &address, &code).await;
    checked.map(|check| check.kind)
}

/// The rows of one kind in the activity log: their details.
async fn activity(world: &World, kind: &str) -> Vec<serde_json::Value> {
    // A sign-in is answered only when it, and all before it, is in the file.
    world.sign_in(ROOT).await;
    let path = world.data().join("log/activity-2026-11-23.db");
    let db = Connection::open(path).expect("the day has a file");
    let sql = "SELECT detail FROM record WHERE kind = ?1 ORDER BY seq";
    let mut query = db.prepare(sql).expect("sound SQL");
    let rows = query.query_map([kind], |row| row.get::<_, Vec<u8>>(0));
    let rows = rows.expect("sound SQL");
    rows.map(|row| serde_json::from_slice(&row.expect("a row")).expect("JSON"))
        .collect()
}

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

/// Whether a session hears that it must end.
async fn is_ended(principal: &Principal) -> bool {
    let cut = principal.peer.ending.cut();
    tokio::time::timeout(Duration::from_secs(5), cut)
        .await
        .is_ok()
}

#[tokio::test]
async fn what_a_session_began_with_ends_it_when_it_goes() {
    enum Ends {
        App,
        Both,
        Password,
    }
    let password = || Password(secret("ostrich quilt river lamp"));
    let enable = |enabled| Command::AccountEnable {
        address: address(ANN),
        enabled,
    };
    let id = CredentialId(3);
    let set = || Command::AccountPassword {
        address: address(ANN),
        password: password(),
    };
    for (command, ends) in [
        (Command::AppPasswordRemove { id }, Ends::App),
        (set(), Ends::Password),
        (enable(false), Ends::Both),
        (
            Command::AccountRemove {
                address: address(ANN),
            },
            Ends::Both,
        ),
    ] {
        let world = world().await;
        let (made, app) = make(&world, app_password(&MailScope::ALL, &[], &[])).await;
        assert_eq!(made, id);
        let from = [192, 0, 2, 9];
        let by_app = try_in(&world, Protocol::Imap, from, &app)
            .await
            .expect("it opens");
        let by_password = try_in(&world, Protocol::Imap, from, &secret(PASSWORD)).await;
        let by_password = by_password.expect("it opens");
        let root = world.sign_in(ROOT).await;
        world.admit(command.clone()).await.expect("it fits");
        tokio::time::pause();
        let ended = (is_ended(&by_app).await, is_ended(&by_password).await);
        let expected = match ends {
            Ends::App => (true, false),
            Ends::Password => (false, true),
            Ends::Both => (true, true),
        };
        assert_eq!(ended, expected, "{command:?}");
        assert!(!is_ended(&root).await);
        tokio::time::resume();
        let records = activity(&world, "session.ended").await;
        let by = records[0]["by"].as_str().unwrap_or("");
        assert!(by.starts_with("ledger #"), "{records:?}");
    }
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_hand() {
    let world = world().await;
    let console = World::console();
    let one = world.sign_in(ANN).await;
    let two = world.sign_in(ANN).await;
    let root = world.sign_in(ROOT).await;
    let list = |of: Option<&str>| {
        let of = of.map(address);
        let sessions = world.service.session_list(&console, of.as_ref());
        sessions.expect("the console may read").len()
    };
    assert_eq!((list(None), list(Some(ANN))), (3, 2));
    let end = async |which| world.service.session_end(&console, which).await;
    let ended = end(EndSessions::Session(one.session))
        .await
        .expect("it is open");
    assert_eq!(
        (ended[0].source.as_str(), ended[0].kind),
        ("192.0.2.9", "password")
    );
    tokio::time::pause();
    assert!(is_ended(&one).await && !is_ended(&two).await);
    tokio::time::resume();
    assert_eq!(list(Some(ANN)), 1);
    let twice = end(EndSessions::Session(one.session)).await;
    assert_eq!(twice.err(), Some(ServiceError::NotFound("open session")));
    world.service.sign_out(&root).await;
    assert_eq!(list(None), 1);
    let all = end(EndSessions::Account(address(ANN)))
        .await
        .expect("it exists");
    assert_eq!(all.len(), 1);
    assert_eq!(
        end(EndSessions::Account(address(ANN)))
            .await
            .expect("none left")
            .len(),
        0
    );
    let records = activity(&world, "session.ended").await;
    assert_eq!(records.len(), 2);
    assert!(
        records.iter().all(|row| row["by"] == "unix:0"),
        "{records:?}"
    );
}

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

async fn token(world: &World, scopes: &[TokenScope], expires_days: Option<u32>) -> Secret {
    let command = Command::TokenAdd {
        account: address(ANN),
        name: "scraper".to_owned(),
        scopes: scopes.to_vec(),
        expires_days,
    };
    make(world, command).await.1
}

#[tokio::test]
async fn a_token_allows_its_scopes_until_it_ends() {
    let world = world().await;
    let metrics = token(&world, &[TokenScope::Metrics], None).await;
    let short = token(&world, &[TokenScope::Read, TokenScope::Write], Some(1)).await;
    let ask = async |world: &World, token: &Secret, scope| {
        let source = "192.0.2.9".parse().expect("an address");
        let found = world.service.token_check(source, token, scope).await;
        found.map(|holder| (holder.address.to_string(), holder.credential))
    };
    let ann = |id| Ok((ANN.to_owned(), CredentialId(id)));
    assert_eq!(ask(&world, &metrics, TokenScope::Metrics).await, ann(3));
    assert_eq!(
        ask(&world, &metrics, TokenScope::Read).await,
        Err(TokenError::Scope)
    );
    assert_eq!(ask(&world, &short, TokenScope::Write).await, ann(4));
    let mut bent = short.expose().to_vec();
    let last = bent.len() - 1;
    bent[last] = if bent[last] == b'a' { b'b' } else { b'a' };
    let other = String::from_utf8(short.expose().to_vec())
        .expect("text")
        .replace("_4_", "_3_");
    for wrong in [
        Secret::new(bent),
        secret(&other),
        secret("spt_99_x"),
        secret(""),
    ] {
        assert_eq!(
            ask(&world, &wrong, TokenScope::Write).await,
            Err(TokenError::Refused)
        );
    }
    let list = world
        .service
        .token_list(&World::console(), None)
        .await
        .expect("it may");
    assert_eq!(list[1].scopes, ["read", "write"]);
    assert_eq!(list[1].life.last_source.as_deref(), Some("192.0.2.9"));
    world.clock.advance(Duration::from_secs(86_400));
    let world = world.reopen().await;
    assert_eq!(
        ask(&world, &short, TokenScope::Write).await,
        Err(TokenError::Refused),
        "over"
    );
    assert_eq!(ask(&world, &metrics, TokenScope::Metrics).await, ann(3));
    let off = Command::AccountEnable {
        address: address(ANN),
        enabled: false,
    };
    world.admit(off).await.expect("ann is no owner");
    assert_eq!(
        ask(&world, &metrics, TokenScope::Metrics).await,
        Err(TokenError::Refused)
    );
    let on = Command::AccountEnable {
        address: address(ANN),
        enabled: true,
    };
    world.admit(on).await.expect("it was off");
    world
        .admit(Command::TokenRemove {
            id: CredentialId(3),
        })
        .await
        .expect("it is there");
    assert_eq!(
        ask(&world, &metrics, TokenScope::Metrics).await,
        Err(TokenError::Refused)
    );
}

#[tokio::test]
async fn guesses_at_a_token_are_throttled() {
    let world = world().await;
    let good = token(&world, &[TokenScope::Read], None).await;
    tokio::time::pause();
    let ask = async |token: &Secret| {
        let source = "192.0.2.9".parse().expect("an address");
        world
            .service
            .token_check(source, token, TokenScope::Read)
            .await
    };
    let text = String::from_utf8(good.expose().to_vec()).expect("text");
    for guess in 0..10_u8 {
        let mut wrong = text.clone().into_bytes();
        wrong[10] = b'a' + guess;
        wrong[11] = b'z';
        assert!(ask(&Secret::new(wrong)).await.is_err());
    }
    let right = ask(&good).await;
    assert!(
        matches!(right, Err(TokenError::Throttled { .. })),
        "{right:?}"
    );
}

/// Every command by which a secret comes into being or comes in, with that secret.
async fn all_secrets(world: &World) -> Vec<Vec<u8>> {
    let certificate = certificate();
    let account = address("bob@example.org");
    let commands = vec![
        Command::AccountAdd {
            address: account.clone(),
            name: None,
            role: policy::Role::MailboxOwner,
            quota_octets: None,
            password: Password(secret("first lantern orchard 88")),
        },
        Command::AccountPassword {
            address: account,
            password: Password(secret("second lantern orchard 99")),
        },
        app_password(&MailScope::ALL, &[], &[]),
        Command::TokenAdd {
            account: address(ANN),
            name: "scraper".to_owned(),
            scopes: vec![TokenScope::Read],
            expires_days: None,
        },
        Command::TotpEnrol {
            account: address(ANN),
            secret: Password(secret(FACTOR)),
            code: Password(secret(&code(world.clock.now()))),
        },
        Command::RecoveryCodes {
            account: address(ANN),
        },
        Command::CertificateSet {
            chain_pem: certificate.0,
            key_pem: Password(secret(&certificate.1)),
        },
    ];
    let mut secrets = vec![
        b"first lantern orchard 88".to_vec(),
        b"second lantern orchard 99".to_vec(),
        FACTOR.as_bytes().to_vec(),
        FACTOR_OCTETS.to_vec(),
        // A line of the key, since its head is no secret.
        certificate
            .1
            .lines()
            .nth(1)
            .expect("a key has lines")
            .as_bytes()
            .to_vec(),
    ];
    for command in commands {
        let done = world.admit(command).await.expect("it fits");
        let made = done.made.into_iter().flat_map(|made| made.secrets);
        for made in made {
            let text = String::from_utf8(made.0.expose().to_vec()).expect("text");
            secrets.push(text.replace('-', "").into_bytes());
            secrets.push(text.into_bytes());
        }
    }
    secrets
}

/// A certificate with its key, both PEM.
fn certificate() -> (String, String) {
    let now = Timestamp(1_795_428_580_000_000);
    let ca = net::OwnCa::new("Test CA", now).expect("a CA can be made");
    let names = ["mx.example.org".parse().expect("a domain")];
    let issued = ca
        .issue(&names, &[], now)
        .expect("a certificate can be issued");
    let key = String::from_utf8(issued.key_pem.expose().to_vec()).expect("PEM");
    (issued.chain_pem, key)
}

/// BAD-INPUTS 62: whatever is set or made, no entry, log or other file has it in readable form.
#[tokio::test]
async fn no_secret_is_readable_in_any_file() {
    use base64::Engine as _;
    let world = world().await;
    let secrets = all_secrets(&world).await;
    for wrong in &secrets {
        // Typed where it does not belong: as the password of another.
        let peer = world.peer(Protocol::Imap);
        let wrong = Secret::new(wrong.clone());
        let tried = world.service.sign_in(&peer, ROOT, &wrong).await;
        assert!(tried.is_err());
        world.clock.advance(Duration::from_secs(4_000));
    }
    let dir = world.stop().await;
    let mut looked_at = 0;
    let mut folders = vec![dir.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let octets = std::fs::read(&path).unwrap_or_default();
            looked_at += octets.len();
            for secret in &secrets {
                let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret);
                let hex: String = secret.iter().map(|c| format!("{c:02x}")).collect();
                for form in [secret.as_slice(), encoded.as_bytes(), hex.as_bytes()] {
                    let found = octets.windows(form.len()).any(|part| part == form);
                    assert!(
                        !found,
                        "{} has {}",
                        path.display(),
                        String::from_utf8_lossy(form)
                    );
                }
            }
        }
    }
    assert!(looked_at > 100_000, "{looked_at} octets");
}
