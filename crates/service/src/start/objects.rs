//! Objects that the configuration in force names: password hashes, certificates and their keys.
//!
//! They are checked whenever they are used, so a wrong one is never obeyed. Here they are looked at
//! before somebody needs them, some at each beat, so that a swapped one is recorded in any case.

use std::collections::HashSet;

use store::{ReadTx, StoreResult};
use types::Sha256;

use super::finding::Finding;
use crate::Service;
use crate::admit::Admission;

/// Objects that are looked at in one round.
const ROUND_MAX: usize = 1_000;
/// Wrong objects that are remembered, so that each is recorded once.
const KNOWN_MAX: usize = 1_000;

/// How far the look at the objects has come.
#[derive(Default)]
pub(crate) struct ObjectRound {
    next: usize,
    known: HashSet<Sha256>,
}

/// An object with whose it is, and whether it is sealed.
struct Named {
    id: Sha256,
    owner: String,
    secret: bool,
}

impl Service {
    /// Looks at the next objects; those that are not what the ledger names are found.
    pub(crate) async fn check_objects(&self, admission: &mut Admission) {
        let named = self.named_objects();
        let round = &mut admission.objects;
        let first = if round.next < named.len() {
            round.next
        } else {
            0
        };
        let now: Vec<_> = named.into_iter().skip(first).take(ROUND_MAX).collect();
        round.next = first + now.len();
        let service = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            service.inner.store.read_fresh_blocking(|tx| {
                let looked = now.into_iter().map(|named| service.look_at(tx, named));
                looked.collect::<StoreResult<Vec<_>>>()
            })
        });
        let looked = match task.await {
            Ok(Ok(looked)) => looked,
            Ok(Err(err)) => {
                tracing::error!(error = %err, "the ledger's objects could not be read: {err}");
                return;
            }
            Err(_) => return,
        };
        for (id, finding) in looked {
            match finding {
                None => {
                    admission.objects.known.remove(&id);
                }
                Some(finding) => {
                    let known = &mut admission.objects.known;
                    if known.len() < KNOWN_MAX && known.insert(id) {
                        admission.find(finding);
                    }
                }
            }
        }
    }

    /// Whose objects are not what the ledger names. For threads that may block.
    pub(crate) fn wrong_objects(&self) -> StoreResult<Vec<String>> {
        let named = self.named_objects();
        self.inner.store.read_fresh_blocking(|tx| {
            let mut wrong = Vec::new();
            for named in named {
                let owner = named.owner.clone();
                if self.look_at(tx, named)?.1.is_some() {
                    wrong.push(owner);
                }
            }
            Ok(wrong)
        })
    }

    fn named_objects(&self) -> Vec<Named> {
        let config = self.config();
        let mut named = Vec::new();
        for certificate in config.certificates() {
            let owner = format!("certificate {}", certificate.id);
            for (id, secret) in [(certificate.chain, false), (certificate.key, true)] {
                named.push(Named {
                    id,
                    owner: owner.clone(),
                    secret,
                });
            }
        }
        let passwords = config.accounts().filter_map(|account| {
            Some(Named {
                id: account.password?.secret,
                owner: format!("password of {}", account.id),
                secret: true,
            })
        });
        named.extend(passwords);
        named.extend(config.credentials().map(|credential| Named {
            id: credential.secret,
            owner: format!("credential {}", credential.id),
            secret: true,
        }));
        named
    }

    /// `tx` is of a fresh connection, which sees the octets that are on the disk now.
    fn look_at(&self, tx: &ReadTx<'_>, named: Named) -> StoreResult<(Sha256, Option<Finding>)> {
        let Named { id, owner, secret } = named;
        let found = match store::ledger::object(tx, &id) {
            Ok(found) => found,
            Err(store::StoreError::Damaged(_)) => None,
            Err(err) => return Err(err),
        };
        let right = match &found {
            Some(stored) if secret => self.inner.vault.open_secret(id, stored).is_some(),
            Some(stored) => ledger::object_id(stored) == id,
            None => false,
        };
        let finding = (!right).then(|| Finding::object(id, &owner, found.as_deref()));
        Ok((id, finding))
    }
}
