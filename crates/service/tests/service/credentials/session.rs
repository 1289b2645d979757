//! Open sessions: listed, and ended by hand or by what happens to their credentials.

use std::time::Duration;

use policy::MailScope;
use service::{Command, EndSessions, Password, Principal, Protocol, ServiceError};
use testkit::{PASSWORD, World};
use types::CredentialId;

use crate::credentials::{ANN, ROOT, activity, address, app_password, make, secret, try_in, world};

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
