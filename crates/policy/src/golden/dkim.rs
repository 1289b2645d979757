//! What came with signatures of DKIM.

use super::{Change, Effect, digest};
use crate::change::{DkimAlgorithm, DkimCreate, DkimName, DkimRemove, DkimSetUse, DkimUse};

fn id() -> DkimName {
    "s20261124r._domainkey.example.org".parse().unwrap()
}

pub(super) fn changes() -> Vec<Change> {
    let mut all = Vec::new();
    for algorithm in [DkimAlgorithm::Rsa, DkimAlgorithm::Ed25519] {
        all.push(Change::DkimCreate(DkimCreate {
            id: id(),
            algorithm,
            public: "MIIB+/==".to_owned(),
            secret: digest(6),
        }));
    }
    for state in [DkimUse::Waits, DkimUse::Signs, DkimUse::Rests] {
        all.push(Change::DkimSetUse(DkimSetUse { id: id(), state }));
    }
    all.push(Change::DkimRemove(DkimRemove { id: id() }));
    all
}

pub(super) fn effects() -> Vec<Effect> {
    let states = [
        Some(DkimUse::Waits),
        Some(DkimUse::Signs),
        Some(DkimUse::Rests),
        None,
    ];
    let effect = |state| Effect::SigningKey { key: id(), state };
    states.map(effect).into()
}
