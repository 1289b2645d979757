//! Aliases and catch-alls: addresses that deliver to others.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use types::{Address, AliasId, DomainId};

use crate::change::id::Member;

/// Members that one entry can carry; more come by further changes.
pub const MEMBERS_PER_CHANGE_MAX: usize = 100;

/// `alias.create`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AliasCreate {
    /// The alias.
    pub id: AliasId,
    /// Its address, in a domain here.
    pub address: Address,
    /// To whom it delivers.
    pub members: Vec<Member>,
}

/// `alias.remove`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AliasRemove {
    /// The alias.
    pub id: AliasId,
}

/// `alias.members.change`: the difference, since a long list does not fit an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AliasMembersChange {
    /// The alias.
    pub id: AliasId,
    /// Members that come.
    pub add: Vec<Member>,
    /// Members that go.
    pub remove: Vec<Member>,
}

impl AliasMembersChange {
    /// The change that makes `wanted` out of `present`.
    pub fn between<'a>(
        id: AliasId,
        present: impl IntoIterator<Item = &'a Member>,
        wanted: impl IntoIterator<Item = &'a Member>,
    ) -> Self {
        let present: BTreeSet<_> = present.into_iter().collect();
        let wanted: BTreeSet<_> = wanted.into_iter().collect();
        let owned = |members: Vec<&&Member>| members.into_iter().map(|m| (*m).clone()).collect();
        Self {
            id,
            add: owned(wanted.difference(&present).collect()),
            remove: owned(present.difference(&wanted).collect()),
        }
    }
}

/// `catch_all.set`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatchAllSet {
    /// The domain.
    pub id: DomainId,
    /// To whom mail for unknown addresses goes.
    pub members: Vec<Member>,
}

/// `catch_all.clear`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatchAllClear {
    /// The domain.
    pub id: DomainId,
}
