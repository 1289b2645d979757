//! Setups that were cut off, and a disk without room.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use policy::Role;
use types::{Address, ListenerId, ReversePath, Secret};

use super::StartError;
use crate::fault::{self, Step};
use crate::keys::Keys;
use crate::scene::{Scene, add, assert_sound, console, founding, image, open, start};
use crate::signer::Signer;
use crate::{
    AcceptError, AdmitOptions, Command, Envelope, Password, Peer, Protocol, Service, SmtpClient,
};

#[tokio::test]
async fn a_setup_that_was_cut_off_is_refused_and_can_be_run_again() {
    let dir = tempfile::tempdir().unwrap();
    let images = Rc::new(RefCell::new(Vec::new()));
    let (taken, from) = (Rc::clone(&images), dir.path().to_owned());
    fault::on(move |step| taken.borrow_mut().push((step, image(&from))));
    let (_service, pin) = Service::create(start(dir.path()), founding())
        .await
        .unwrap();
    fault::on(|_| {});
    let images = images.take();
    assert_eq!(images.first().unwrap().0, Step::FoldersMade);
    assert_eq!(images.last().unwrap().0, Step::SetupDone);
    assert!(
        images.len() > 12,
        "genesis and the first changes take all steps"
    );
    for (nth, (step, left)) in images.into_iter().enumerate() {
        let refused = open(left.path(), &pin).await;
        let unfinished = matches!(refused, Err(StartError::SetupUnfinished { .. }));
        assert!(unfinished, "{step:?}");
        if nth % 3 != 0 {
            continue;
        }
        let made = Service::create(start(left.path()), founding()).await;
        let (service, pin) = made.unwrap_or_else(|err| panic!("{step:?}: {err}"));
        assert_sound(&service, left.path()).await;
        drop(service);
        assert!(open(left.path(), &pin).await.is_ok(), "{step:?}");
    }
}

#[tokio::test]
async fn setup_clears_away_nothing_but_what_it_left_itself() {
    let (dir, pin) = Scene::new().await.abandon();
    let again = Service::create(start(dir.path()), founding()).await;
    assert!(matches!(again, Err(StartError::Folder { .. })));
    // Half a setup in a data folder of its own, pointed at the keys of an installation.
    let half = tempfile::tempdir().unwrap();
    fs::create_dir(half.path().join("data")).unwrap();
    fs::write(half.path().join("data/setup-unfinished"), "ab\n").unwrap();
    let mut mixed = start(half.path());
    mixed.paths.keys = dir.path().join("keys");
    let refused = Service::create(mixed, founding()).await;
    assert!(matches!(refused, Err(StartError::Folder { .. })));
    let service = open(dir.path(), &pin).await.unwrap();
    assert_sound(&service, dir.path()).await;
}

#[tokio::test]
async fn a_setup_under_way_is_not_cleared_away_by_another() {
    let dir = tempfile::tempdir().unwrap();
    let second = Rc::new(RefCell::new(None));
    let (heard, path) = (Rc::clone(&second), dir.path().to_owned());
    fault::on(move |step| {
        if step == Step::StoreMade {
            let paths = start(&path).paths;
            let cleared = super::unfinished::Attempt::clear_unfinished(&paths);
            *heard.borrow_mut() = Some(cleared.map_err(|err| err.to_string()));
        }
    });
    let made = Service::create(start(dir.path()), founding()).await;
    let refusal = second.take().unwrap().unwrap_err();
    assert!(refusal.contains("another setup is under way"), "{refusal}");
    assert!(made.is_ok());
}

/// Opens the service as if the disk had no room beyond what the ledger keeps for itself.
async fn without_room(dir: &Path) -> Service {
    let start = start(dir);
    let keys = Keys::open(&start.paths.keys, start.random.clone()).unwrap();
    let signer = Signer::open(&start.paths.keys).unwrap();
    let service = Service::assemble_with(start, keys, signer, |options| {
        options.margin_octets = u64::MAX;
    });
    let service = service.unwrap();
    let loading = service.clone();
    let task = tokio::task::spawn_blocking(move || {
        loading.load(&mut loading.inner.admission.blocking_lock())
    });
    task.await.unwrap().unwrap();
    service
}

#[tokio::test]
async fn a_full_disk_stops_mail_but_neither_the_start_nor_a_change() {
    let scene = Scene::new().await;
    let ann: Address = "ann@example.org".parse().unwrap();
    let account = Command::AccountAdd {
        address: ann.clone(),
        name: None,
        role: Role::Owner,
        quota_octets: None,
        password: Password(Secret::new(b"lamp river quilt ostrich".to_vec())),
    };
    let options = AdmitOptions::default();
    let made = scene
        .service
        .admit(&console(), vec![account], options)
        .await;
    made.unwrap();
    let (dir, _) = scene.abandon();
    let service = without_room(dir.path()).await;
    let peer = Peer {
        protocol: Protocol::Smtp,
        listener: ListenerId(1),
        address: "192.0.2.9:25".parse().unwrap(),
        proxy: None,
        tls: None,
        session: service.new_session(),
        ending: crate::Ending::default(),
    };
    let client = SmtpClient {
        peer,
        helo: "client.example.net".to_owned(),
        esmtp: true,
        principal: None,
    };
    let envelope = Envelope::new(client, ReversePath::Null, vec![ann]);
    let message = service.body_sink().finish().unwrap();
    let mail = service.accept(envelope, message).await;
    assert_eq!(mail, Err(AcceptError::NoSpace));
    add(&service, "next.example.org").await.unwrap();
    assert_sound(&service, dir.path()).await;
    drop(service);
    // Healing needs room too, and must not wait for it.
    crate::scene::write_rogue(dir.path(), 1);
    let service = without_room(dir.path()).await;
    assert_sound(&service, dir.path()).await;
}
