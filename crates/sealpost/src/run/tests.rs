//! Doors and control socket over a real service in folders of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use net::{Clock, Random, Shutdown};
use policy::Service as Spoken;
use policy::change::Mode;
use service::{AdmitOptions, Command, Founding, Outside, Paths, Service, Start};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::time::{sleep, timeout};

use super::doors::Doors;
use crate::control::client::Client;
use crate::control::dispatch;
use crate::control::protocol::Ask;
use crate::control::server::ControlSocket;
use crate::exit::{Exit, Failure};
use crate::founding;

/// Longest time that anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn listener(service: Spoken, port: u16) -> Command {
    Command::ListenerAdd {
        service,
        address: Ipv4Addr::LOCALHOST.into(),
        port,
    }
}

async fn founded(folder: &Path, commands: Vec<Command>) -> Service {
    let start = Start {
        paths: Paths {
            data: folder.join("data"),
            keys: folder.join("keys"),
        },
        clock: Clock::real(),
        random: Random::system(),
        outside: Outside::Refuse,
        dns: net::Resolver::none(),
        hash_threads: 1,
    };
    let founding = Founding {
        mode: Mode::Serve,
        host_name: "mail.example.org".parse().unwrap(),
        actor: founding::own_actor(),
        commands,
    };
    Service::create(start, founding).await.unwrap().0
}

async fn admit(service: &Service, command: Command) {
    let actor = founding::own_actor();
    let options = AdmitOptions::default();
    service.admit(&actor, vec![command], options).await.unwrap();
}

/// The greeting of whoever listens there.
async fn greeting(port: u16) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = tokio::net::TcpStream::connect(address).await.ok()?;
    let mut line = String::new();
    let mut reader = BufReader::new(stream);
    timeout(PATIENCE, reader.read_line(&mut line))
        .await
        .ok()?
        .ok()?;
    Some(line)
}

/// Waits until nobody listens there.
async fn is_closed(port: u16) -> bool {
    let closed = async {
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, closed).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doors_follow_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let (smtp, imap, pop3) = (free_port(), free_port(), free_port());
    let on = |service| Command::ServiceEnable {
        service,
        enabled: true,
    };
    let commands = vec![
        listener(Spoken::Smtp, smtp),
        on(Spoken::Smtp),
        listener(Spoken::Imap, imap),
        listener(Spoken::Pop3, pop3),
        on(Spoken::Pop3),
    ];
    let service = founded(folder.path(), commands).await;
    let mut doors = Doors::open(service.clone()).await;
    assert!(
        greeting(smtp)
            .await
            .unwrap()
            .starts_with("220 mail.example.org ")
    );
    assert!(greeting(pop3).await.unwrap().starts_with("+OK"));
    assert_eq!(greeting(imap).await, None, "a service that is off");

    let off = Command::ServiceEnable {
        service: Spoken::Pop3,
        enabled: false,
    };
    for command in [on(Spoken::Imap), off] {
        let mut changes = service.config_watch();
        let following = async {
            changes.changed().await.unwrap();
            doors.follow().await;
        };
        tokio::join!(admit(&service, command), following);
    }
    assert!(greeting(imap).await.unwrap().starts_with("* OK"));
    assert!(is_closed(pop3).await);

    let drained = doors.close().await;
    assert_eq!(drained.aborted, 0);
    assert!(is_closed(smtp).await && is_closed(imap).await);
    service.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_is_refused_and_leaves_no_entry() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = taken.local_addr().unwrap();
    let on = |service| Command::ServiceEnable {
        service,
        enabled: true,
    };
    let commands = vec![on(Spoken::Imap), listener(Spoken::Imap, free_port())];
    let service = founded(folder.path(), commands).await;
    let mut doors = Doors::open(service.clone()).await;
    let foreign = Command::ListenerAdd {
        service: Spoken::Imap,
        address: Ipv4Addr::new(192, 0, 2, 1).into(),
        port: taken.port(),
    };
    let no_certificate = vec![listener(Spoken::Imaps, free_port()), on(Spoken::Imaps)];
    let size = service.config().size();
    for (commands, words) in [
        (
            vec![listener(Spoken::Imap, taken.port())],
            "is taken by another program",
        ),
        (vec![foreign], "is not an address of this machine"),
        (no_certificate, "needs a certificate"),
    ] {
        for dry_run in [true, false] {
            let options = AdmitOptions {
                dry_run,
                ..AdmitOptions::default()
            };
            let (actor, commands) = (founding::own_actor(), commands.clone());
            let err = service.admit(&actor, commands, options).await.unwrap_err();
            assert!(err.to_string().contains(words), "{err}");
        }
    }
    assert_eq!(service.config().size(), size);
    // What was bound for a batch that failed is free again, and so is what was only tried.
    let free = free_port();
    let both = vec![
        listener(Spoken::Imap, free),
        listener(Spoken::Pop3, taken.port()),
        on(Spoken::Pop3),
    ];
    let (actor, options) = (founding::own_actor(), AdmitOptions::default());
    service.admit(&actor, both, options).await.unwrap_err();
    assert!(is_closed(free).await);
    let mut changes = service.config_watch();
    let following = async {
        changes.changed().await.unwrap();
        doors.follow().await;
    };
    tokio::join!(admit(&service, listener(Spoken::Imap, free)), following);
    assert!(greeting(free).await.unwrap().starts_with("* OK"));
    doors.close().await;
    service.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_shuts_one_door_until_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (first, second) = (free_port(), taken.local_addr().unwrap().port());
    let on = Command::ServiceEnable {
        service: Spoken::Smtp,
        enabled: true,
    };
    let commands = vec![
        listener(Spoken::Smtp, first),
        listener(Spoken::Smtp, second),
        on,
    ];
    let service = founded(folder.path(), commands).await;
    let mut doors = Doors::open(service.clone()).await;
    assert!(!doors.are_all_shut());
    assert!(greeting(first).await.unwrap().starts_with("220 "));
    for _ in 0..2 {
        let health = service.health();
        let told = &health.hindrances[0];
        assert!(
            !health.good && told.contains(&format!("smtp does not listen at 127.0.0.1:{second}"))
        );
        assert!(told.contains("is taken by another program"), "{told}");
        doors.retry().await;
    }
    drop(taken);
    doors.retry().await;
    assert!(greeting(second).await.unwrap().starts_with("220 "));
    assert!(service.health().good);
    doors.close().await;
    service.close().await;
}

/// What a console user is told.
async fn asked(socket: &Path, ask: Ask) -> Result<serde_json::Value, Exit> {
    let socket: PathBuf = socket.to_owned();
    let answer = tokio::task::spawn_blocking(move || Client::new(socket).ask(ask))
        .await
        .unwrap();
    answer.map_err(|error| error.downcast_ref::<Failure>().unwrap().exit())
}

fn change(command: Command, dry_run: bool) -> Ask {
    Ask::Admit {
        commands: vec![command],
        reason: Some("a test".to_owned()),
        dry_run,
        end_sessions: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_asks_and_changes_by_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let service = founded(folder.path(), Vec::new()).await;
    let path = folder.path().join("control.sock");
    let (stop, shutdown) = Shutdown::pair();
    let answering = Arc::new(dispatch::answering(service.clone(), Arc::default()));
    let control = tokio::spawn(
        ControlSocket::bind(&path)
            .unwrap()
            .serve(answering, shutdown),
    );

    let before = asked(&path, Ask::Status).await.unwrap()["ledger_size"].clone();
    let add = || Command::DomainAdd {
        domain: "example.org".parse().unwrap(),
    };
    let planned = asked(&path, change(add(), true)).await.unwrap();
    assert_eq!(planned["seqs"], serde_json::json!([]));
    assert!(!planned["effects"].as_array().unwrap().is_empty());
    assert_eq!(
        asked(&path, Ask::DomainList).await,
        Ok(serde_json::json!([]))
    );

    let done = asked(&path, change(add(), false)).await.unwrap();
    assert_eq!(done["seqs"], serde_json::json!([before]));
    let seq = before.as_u64().unwrap();
    let entry = asked(&path, Ask::LedgerShow(seq)).await.unwrap();
    assert_eq!(entry["reason"], "a test");
    assert_eq!(
        entry["entry"]["actor"]["unix"]["uid"],
        rustix::process::getuid().as_raw()
    );
    assert_eq!(entry["entry"]["actor"]["unix"]["pid"], std::process::id());

    assert_eq!(
        asked(&path, change(add(), false)).await,
        Err(Exit::Conflict)
    );
    let missing = "nowhere.test".parse().unwrap();
    assert_eq!(
        asked(&path, Ask::DomainShow(missing)).await,
        Err(Exit::NotFound)
    );
    let setting = Command::SettingSet {
        key: "colour".to_owned(),
        value: "red".to_owned(),
    };
    let unknown = asked(&path, change(setting, false)).await;
    assert_eq!(unknown, Err(Exit::NotFound));
    assert_eq!(
        asked(&path, Ask::LedgerVerify).await.unwrap()["verdict"],
        "SIGNED"
    );

    stop.stop();
    control.await.unwrap();
    service.close().await;
}
