//! One digest over the state that the entries lead to.
//!
//! It is a function of entry bytes and not of program structures, so that upgrades and erasures
//! do not move it. Hashed is, for each object in the order of kind and id, one line
//! `kind id seq digest` with the last entry of the object and the SHA-256 of its `after` bytes.

use aws_lc_rs::digest::{Context, SHA256};
use types::Sha256;

/// The last word of the ledger on one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectState<'a> {
    /// Kind of the object.
    pub kind: &'a str,
    /// Its id.
    pub id: &'a str,
    /// The last entry about it.
    pub seq: u64,
    /// SHA-256 of that entry's `after` ([`crate::Entry::after_sha256`]).
    pub after: Sha256,
}

/// Why a list has no state root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateRootError {
    /// An object that does not sort behind the one before it.
    #[error("{kind} {id} is out of order or stands twice")]
    Order {
        /// Its kind.
        kind: String,
        /// Its id.
        id: String,
    },
    /// A kind or id that is empty or not printable ASCII without spaces.
    #[error("{0:?} is not a plain name")]
    Name(String),
}

/// SHA-256 over the objects, which must be sorted by kind and id, each once.
pub fn state_root<'a>(
    objects: impl IntoIterator<Item = ObjectState<'a>>,
) -> Result<Sha256, StateRootError> {
    let mut context = Context::new(&SHA256);
    let mut previous = ("", "");
    for object in objects {
        let ObjectState {
            kind,
            id,
            seq,
            after,
        } = object;
        for name in [kind, id] {
            if name.is_empty() || !name.bytes().all(|c| c.is_ascii_graphic()) {
                return Err(StateRootError::Name(name.to_owned()));
            }
        }
        if (kind, id) <= previous {
            let (kind, id) = (kind.to_owned(), id.to_owned());
            return Err(StateRootError::Order { kind, id });
        }
        previous = (kind, id);
        context.update(format!("{kind} {id} {seq} {after}\n").as_bytes());
    }
    let mut root = [0; 32];
    root.copy_from_slice(context.finish().as_ref());
    Ok(Sha256(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state<'a>(kind: &'a str, id: &'a str, seq: u64) -> ObjectState<'a> {
        let after = Sha256([7; 32]);
        ObjectState {
            kind,
            id,
            seq,
            after,
        }
    }

    #[test]
    fn the_state_root_depends_on_every_field() {
        let base = state_root([state("account", "a_1", 3), state("domain", "d_1", 2)]).unwrap();
        let moved = Sha256([8; 32]);
        let variants = [
            vec![],
            vec![state("account", "a_1", 3)],
            vec![state("account", "a_1", 4), state("domain", "d_1", 2)],
            vec![state("account", "a_2", 3), state("domain", "d_1", 2)],
            vec![state("accounu", "a_1", 3), state("domain", "d_1", 2)],
            vec![
                state("account", "a_1", 3),
                ObjectState {
                    after: moved,
                    ..state("domain", "d_1", 2)
                },
            ],
        ];
        for objects in variants {
            assert_ne!(state_root(objects.clone()), Ok(base), "{objects:?}");
        }
        assert_eq!(state_root([]), Ok(crate::tree::empty_root()));
    }

    #[test]
    fn a_list_that_is_not_sorted_or_plain_has_no_state_root() {
        for objects in [
            vec![state("domain", "d_1", 2), state("account", "a_1", 3)],
            vec![state("account", "a_1", 3), state("account", "a_1", 3)],
            vec![state("", "a_1", 3)],
            vec![state("account", "a 1", 3)],
            vec![state("account", "a\n1", 3)],
        ] {
            assert!(state_root(objects.clone()).is_err(), "{objects:?}");
        }
    }

    #[test]
    fn the_state_root_never_moves() {
        let root = state_root([state("account", "a_1", 3)]).unwrap();
        let line = format!("account a_1 3 sha256:{}\n", "07".repeat(32));
        assert_eq!(root, crate::object_id(line.as_bytes()));
    }
}
