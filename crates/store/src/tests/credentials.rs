//! Codes are taken once, uses are kept.

use types::{CredentialId, Timestamp};

use super::world::{NOON, World};
use crate::credential::{self, Use};

const PHONE: CredentialId = CredentialId(3);
const TABLET: CredentialId = CredentialId(4);

#[test]
fn a_code_is_taken_once_also_after_a_restart() {
    let mut world = World::new();
    let takes = |world: &World, credential, step| {
        let take =
            move |tx: &mut crate::WriteTx<'_>| credential::totp_step_take(tx, credential, step);
        world.store.write_blocking(take).unwrap()
    };
    assert!(takes(&world, PHONE, 100));
    assert!(!takes(&world, PHONE, 100), "twice");
    world = world.reopen(|_| {});
    assert!(!takes(&world, PHONE, 100), "after a restart");
    assert!(!takes(&world, PHONE, 99), "older than the last");
    assert!(takes(&world, PHONE, 101));
    assert!(takes(&world, TABLET, 1), "each for itself");

    let take = |world: &World, place| {
        let take = move |tx: &mut crate::WriteTx<'_>| {
            credential::recovery_code_take(tx, PHONE, place, NOON)
        };
        world.store.write_blocking(take).unwrap()
    };
    assert!(take(&world, 0) && take(&world, 9));
    world = world.reopen(|_| {});
    assert!(!take(&world, 0));
    let used = world
        .store
        .read_blocking(|tx| credential::recovery_codes_used(tx, PHONE));
    assert_eq!(used.unwrap(), 2);
}

#[test]
fn the_last_use_takes_the_place_of_the_one_before() {
    let world = World::new();
    let last = |at| Use {
        at,
        door: "imap".to_owned(),
        source: "192.0.2.9".to_owned(),
    };
    let (first, second) = (last(NOON), last(Timestamp(NOON.0 + 1)));
    for use_ in [first, second.clone()] {
        let write = move |tx: &mut crate::WriteTx<'_>| credential::used(tx, PHONE, &use_);
        world.store.write_blocking(write).unwrap();
    }
    let found = world.store.read_blocking(credential::uses).unwrap();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [(PHONE, second)]);
}
