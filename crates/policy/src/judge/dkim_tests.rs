//! What keys of DKIM are found to do.

use super::Class;
use crate::change::{
    Change, DkimAlgorithm, DkimCreate, DkimName, DkimRemove, DkimSetUse, DkimUse,
    DomainAliasRemove, DomainRef,
};
use crate::sample::{Sample, digest};
use crate::sentence::{Viewer, sentence};

fn id() -> DkimName {
    "s1._domainkey.keys.test".parse().unwrap()
}

fn key() -> DkimCreate {
    DkimCreate {
        id: id(),
        algorithm: DkimAlgorithm::Ed25519,
        public: "AAAA".to_owned(),
        secret: digest(6),
    }
}

fn set(state: DkimUse) -> Change {
    Change::DkimSetUse(DkimSetUse { id: id(), state })
}

#[test]
fn each_step_of_a_key_is_told() {
    let mut sample = Sample::new();
    sample.domain("keys.test");
    for (change, words) in [
        (
            Change::DkimCreate(key()),
            "Makes the key s1._domainkey.keys.test, with which mail of keys.test can be signed.",
        ),
        (
            set(DkimUse::Signs),
            "Signs mail of keys.test with the key s1._domainkey.keys.test.",
        ),
        (
            set(DkimUse::Rests),
            "No longer signs mail of keys.test with the key s1._domainkey.keys.test.",
        ),
        (
            Change::DkimRemove(DkimRemove { id: id() }),
            "Forgets the key s1._domainkey.keys.test, with which mail of keys.test could be signed.",
        ),
    ] {
        let judgement = sample.make(change);
        let told: Vec<_> = (judgement.effects.iter())
            .map(|effect| sentence(effect, &sample.config, Viewer::Server))
            .collect();
        assert_eq!(
            (told.as_slice(), judgement.class),
            ([words.to_owned()].as_slice(), Class::C1)
        );
    }
    assert!(sample.config.dkim_key(&id()).is_none());
}

#[test]
fn keys_that_could_not_work_are_refused() {
    let mut sample = Sample::new();
    let domain = sample.domain("keys.test");
    sample.make(Change::DkimCreate(key()));
    let other = DkimCreate {
        id: "s1._domainkey.example.net".parse().unwrap(),
        ..key()
    };
    let odd = DkimCreate {
        id: "s2._domainkey.keys.test".parse().unwrap(),
        public: "a; t=y".to_owned(),
        ..key()
    };
    for (change, words) in [
        (Change::DkimCreate(key()), "not there yet"),
        (Change::DkimCreate(other), "there is no domain example.net"),
        (Change::DkimCreate(odd), "base64"),
        (set(DkimUse::Waits), "nothing would change"),
    ] {
        let refusal = sample.refusal(change).to_string();
        assert!(refusal.contains(words), "{refusal}");
    }
    for number in 2..=8 {
        sample.make(Change::DkimCreate(DkimCreate {
            id: format!("s{number}._domainkey.keys.test").parse().unwrap(),
            ..key()
        }));
    }
    let ninth = DkimCreate {
        id: "s9._domainkey.keys.test".parse().unwrap(),
        ..key()
    };
    let refusal = sample.refusal(Change::DkimCreate(ninth)).to_string();
    assert!(refusal.contains('8'), "{refusal}");
    sample.make(Change::DomainRemove(DomainRef { id: domain }));
    assert!(
        sample.config.dkim_key(&id()).is_none(),
        "keys go with their domain"
    );
    let of = sample.domain("keys.test");
    let second = sample.second_name("second.test", of);
    let id: DkimName = "s1._domainkey.second.test".parse().unwrap();
    sample.make(Change::DkimCreate(DkimCreate {
        id: id.clone(),
        ..key()
    }));
    sample.make(Change::DomainAliasRemove(DomainAliasRemove { id: second }));
    assert!(
        sample.config.dkim_key(&id).is_none(),
        "and with a second name"
    );
}
