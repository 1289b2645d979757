//! A change that is cut off between any two of its steps.

use std::cell::RefCell;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tempfile::TempDir;
use types::{CredentialId, Secret};

use super::{AdmitError, AdmitOptions};
use crate::command::{Command, Password};
use crate::fault::{self, Step};
use crate::scene::{
    Scene, add, assert_sound, console, entries, entries_adding, image, kinds, open, write_rogue,
};

/// The steps of a change, with how often its entry is there after a crash behind each.
const STEPS: [(Step, usize); 6] = [
    (Step::ObjectsStored, 0),
    (Step::Signed, 1),
    (Step::Committed, 1),
    (Step::TilesWritten, 1),
    (Step::Confirmed, 1),
    (Step::Published, 1),
];

const CUT_OFF: &str = "cut.example.org";

/// Makes a change that stops at `step`: what the folders were at that moment.
async fn cut_off(scene: &Scene, step: Step) -> TempDir {
    let (left, dir) = (Rc::new(RefCell::new(None)), scene.dir.path().to_owned());
    let at_crash = Rc::clone(&left);
    fault::on(move |reached| {
        if reached == step {
            *at_crash.borrow_mut() = Some(image(&dir));
            panic!("stopped at {step:?} by the test");
        }
    });
    let told = add(&scene.service, CUT_OFF).await;
    assert_eq!(told.unwrap_err(), AdmitError::NotKnownYet, "{step:?}");
    left.take().expect("every change takes every step")
}

async fn opens_sound(dir: &Path, scene_pin: &crate::Pin, times: usize, step: Step) {
    let service = open(dir, scene_pin).await.unwrap();
    assert_sound(&service, dir).await;
    assert_eq!(entries_adding(dir, CUT_OFF), times, "{step:?}");
    let next = add(&service, "next.example.org").await.unwrap();
    assert_eq!(next.seqs.len(), 1, "{step:?}");
    assert_sound(&service, dir).await;
}

#[tokio::test]
async fn a_crash_behind_any_step_leaves_the_entry_once_or_not_at_all() {
    for (step, times) in STEPS {
        let scene = Scene::new().await;
        let left = cut_off(&scene, step).await;
        opens_sound(left.path(), &scene.pin, times, step).await;
        let found = kinds(left.path());
        assert!(
            !found.iter().any(|kind| kind == "security.oob_edit"),
            "{step:?}: {found:?}"
        );
        let (dir, pin) = scene.abandon();
        opens_sound(dir.path(), &pin, times, step).await;
    }
}

#[tokio::test]
async fn a_rogue_row_after_a_crash_is_evidence_and_displaces_nothing() {
    for (step, times) in STEPS {
        let scene = Scene::new().await;
        let seq = scene.service.config().size();
        let left = cut_off(&scene, step).await;
        write_rogue(left.path(), seq);
        opens_sound(left.path(), &scene.pin, times, step).await;
        let kept = kinds(left.path())
            .iter()
            .filter(|kind| *kind == "security.oob_edit")
            .count();
        assert_eq!(kept, 1, "{step:?}");
    }
}

#[tokio::test]
async fn a_server_that_lost_its_way_in_a_change_completes_it_before_the_next() {
    for (step, times) in &STEPS[..4] {
        let scene = Scene::new().await;
        cut_off(&scene, *step).await;
        let next = add(&scene.service, "next.example.org").await;
        assert_eq!(next.unwrap().seqs.len(), 1, "{step:?}");
        assert_eq!(
            entries_adding(scene.dir.path(), CUT_OFF),
            *times,
            "{step:?}"
        );
        assert_sound(&scene.service, scene.dir.path()).await;
    }
}

#[tokio::test]
async fn a_row_that_slips_in_under_a_running_change_is_taken_out() {
    let scene = Scene::new().await;
    let (dir, seq) = (scene.dir.path().to_owned(), scene.service.config().size());
    fault::on(move |reached| {
        if reached == Step::Signed && entries(&dir).len() as u64 == seq {
            write_rogue(&dir, seq);
        }
    });
    let admitted = add(&scene.service, CUT_OFF).await.unwrap();
    assert_eq!(admitted.seqs, [seq]);
    assert_eq!(kinds(scene.dir.path()).last().unwrap(), "security.oob_edit");
    assert_sound(&scene.service, scene.dir.path()).await;
}

/// A folder where a file is to be written, so that writing it fails.
fn obstacle(path: PathBuf) -> PathBuf {
    fs::create_dir_all(path.join("in the way")).unwrap();
    path
}

#[tokio::test]
async fn what_cannot_be_signed_is_not_made() {
    let scene = Scene::new().await;
    let size = scene.service.config().size();
    let in_the_way = obstacle(scene.dir.path().join("keys/signer-state.new"));
    let told = add(&scene.service, CUT_OFF).await;
    assert!(matches!(told, Err(AdmitError::Unavailable(_))), "{told:?}");
    assert_eq!(scene.service.config().size(), size);
    fs::remove_dir_all(in_the_way).unwrap();
    add(&scene.service, CUT_OFF).await.unwrap();
    assert_eq!(entries_adding(scene.dir.path(), CUT_OFF), 1);
    assert_sound(&scene.service, scene.dir.path()).await;
}

#[tokio::test]
async fn what_the_signer_cannot_confirm_is_not_known_yet_and_then_there() {
    let scene = Scene::new().await;
    let path = scene.dir.path().join("keys/signer-state.new");
    let planted = path.clone();
    let mut once = true;
    fault::on(move |reached| {
        if reached == Step::Committed && std::mem::take(&mut once) {
            obstacle(planted.clone());
        }
    });
    let told = add(&scene.service, CUT_OFF).await;
    assert_eq!(told.unwrap_err(), AdmitError::NotKnownYet);
    let again = add(&scene.service, "next.example.org").await;
    assert_eq!(
        again.unwrap_err(),
        AdmitError::NotKnownYet,
        "nothing passes what is pending"
    );
    fs::remove_dir_all(path).unwrap();
    scene.service.heartbeat().await;
    assert_sound(&scene.service, scene.dir.path()).await;
    assert_eq!(entries_adding(scene.dir.path(), CUT_OFF), 1);
    assert_eq!(entries_adding(scene.dir.path(), "next.example.org"), 0);
}

#[tokio::test]
async fn a_token_that_may_come_to_be_untold_is_named() {
    let scene = Scene::new().await;
    let account: types::Address = "ann@example.org".parse().unwrap();
    let admit = async |command| {
        let options = AdmitOptions::default();
        scene
            .service
            .admit(&console(), vec![command], options)
            .await
    };
    let ann = Command::AccountAdd {
        address: account.clone(),
        name: None,
        role: policy::Role::MailboxOwner,
        quota_octets: None,
        password: Password(Secret::new(b"first lantern orchard 88".to_vec())),
    };
    admit(ann).await.unwrap();
    let in_the_way = scene.dir.path().join("keys/signer-state.new");
    let (planted, mut once) = (in_the_way.clone(), true);
    fault::on(move |reached| {
        if reached == Step::Committed && std::mem::take(&mut once) {
            obstacle(planted.clone());
        }
    });
    let token = Command::TokenAdd {
        account,
        name: "scraper".to_owned(),
        scopes: vec![policy::TokenScope::Read],
        expires_days: None,
    };
    let told = admit(token).await.unwrap_err();
    fs::remove_dir_all(in_the_way).unwrap();
    scene.service.heartbeat().await;
    let stands = scene.service.config().credential(CredentialId(2)).is_some();
    assert!(stands, "it came to be");
    assert_eq!(told, AdmitError::MadeNotKnownYet(vec![CredentialId(2)]));
    assert!(told.to_string().contains("k_2"), "{told}");
}

#[tokio::test]
async fn a_change_that_failed_ends_no_sessions_later() {
    let scene = Scene::new().await;
    let (service, address, port) = (policy::Service::Smtp, Ipv4Addr::LOCALHOST.into(), 2_525);
    let admit = async |command, end_sessions| {
        let options = AdmitOptions {
            end_sessions,
            ..AdmitOptions::default()
        };
        scene
            .service
            .admit(&console(), vec![command], options)
            .await
    };
    let add = Command::ListenerAdd {
        service,
        address,
        port,
    };
    admit(add, false).await.unwrap();
    let on = Command::ServiceEnable {
        service,
        enabled: true,
    };
    admit(on, false).await.unwrap();
    let config = scene.service.config();
    let id = config
        .open_listeners()
        .find(|of| of.address.port() == port)
        .unwrap()
        .id;
    let remove = || Command::ListenerRemove {
        service,
        address,
        port,
    };
    let in_the_way = obstacle(scene.dir.path().join("keys/signer-state.new"));
    let told = admit(remove(), true).await;
    assert!(matches!(told, Err(AdmitError::Unavailable(_))), "{told:?}");
    fs::remove_dir_all(in_the_way).unwrap();
    admit(remove(), false).await.unwrap();
    assert!(!scene.service.listener_ends_sessions(id));
}

#[tokio::test]
async fn a_change_is_made_also_where_the_second_copy_cannot_be_written() {
    let scene = Scene::new().await;
    let size = scene.service.config().size() + 1;
    let bundle = format!("data/ledger/tile/entries/000.p/{size}");
    let in_the_way = obstacle(scene.dir.path().join(bundle));
    add(&scene.service, CUT_OFF).await.unwrap();
    add(&scene.service, "next.example.org").await.unwrap();
    assert_eq!(scene.service.config().size(), size + 1);
    fs::remove_dir_all(in_the_way).unwrap();
    let left = image(scene.dir.path());
    let reopened = open(left.path(), &scene.pin).await.unwrap();
    assert_sound(&reopened, left.path()).await;
    scene.service.heartbeat().await;
    for dir in [left.path(), scene.dir.path()] {
        let whole = dir.join(format!("data/ledger/tile/entries/000.p/{}", size + 1));
        assert!(whole.exists(), "{}", whole.display());
        assert!(!kinds(dir).contains(&"security.oob_edit".to_owned()));
    }
    assert_sound(&scene.service, scene.dir.path()).await;
}
