//! The tree against the definitions of RFC 6962, for all small sizes and some large.

use proptest::prelude::*;
use types::Sha256;

use crate::tree::{
    Nodes, Tree, TreeError, consistency_proof, empty_root, inclusion_proof, leaf_hash, node_hash,
    verify_consistency, verify_inclusion,
};

/// All leaves; inner hashes are computed when asked for.
struct Leaves(Vec<Sha256>);

impl Leaves {
    fn new(size: u64) -> Self {
        Self((0..size).map(|seq| leaf_hash(&seq.to_be_bytes())).collect())
    }
}

impl Nodes for Leaves {
    fn node(&self, level: u32, index: u64) -> Result<Sha256, TreeError> {
        let first = usize::try_from(index << level).unwrap();
        Ok(defined_root(&self.0[first..first + (1 << level)]))
    }
}

/// MTH of RFC 6962 §2.1, word for word.
fn defined_root(leaves: &[Sha256]) -> Sha256 {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let half = leaves.len().next_power_of_two() / 2;
            node_hash(
                &defined_root(&leaves[..half]),
                &defined_root(&leaves[half..]),
            )
        }
    }
}

#[test]
fn hashes_are_those_of_rfc_6962() {
    let hex = |hash: Sha256| hash.to_string();
    assert_eq!(
        hex(empty_root()),
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        hex(leaf_hash(b"")),
        "sha256:6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
}

#[test]
fn every_proof_of_every_small_tree_holds() {
    let leaves = Leaves::new(70);
    let mut tree = Tree::new();
    for size in 0..=70_u64 {
        let here = usize::try_from(size).unwrap();
        let root = defined_root(&leaves.0[..here]);
        assert_eq!((tree.size(), tree.root()), (size, root));
        assert_eq!(Tree::from_nodes(size, &leaves).as_ref(), Ok(&tree));
        for seq in 0..size {
            let proof = inclusion_proof(&leaves, seq, size).unwrap();
            let leaf = leaves.0[usize::try_from(seq).unwrap()];
            assert_eq!(
                verify_inclusion(leaf, seq, size, &proof, root),
                Ok(()),
                "{seq} in {size}"
            );
        }
        for old in 0..=size {
            let proof = consistency_proof(&leaves, old, size).unwrap();
            let old_root = defined_root(&leaves.0[..usize::try_from(old).unwrap()]);
            let checked = verify_consistency(old, old_root, size, root, &proof);
            assert_eq!(checked, Ok(()), "{old} in {size}");
        }
        if size < 70 {
            tree.append(leaves.0[here]);
        }
    }
}

#[test]
fn a_proof_proves_nothing_else() {
    let leaves = Leaves::new(40);
    let wrong = Sha256([9; 32]);
    for size in 1..=40_u64 {
        let root = defined_root(&leaves.0[..usize::try_from(size).unwrap()]);
        for seq in 0..size {
            let proof = inclusion_proof(&leaves, seq, size).unwrap();
            let leaf = leaves.0[usize::try_from(seq).unwrap()];
            assert!(verify_inclusion(wrong, seq, size, &proof, root).is_err());
            assert!(verify_inclusion(leaf, seq, size, &proof, wrong).is_err());
            assert!(verify_inclusion(leaf, size, size, &proof, root).is_err());
            let other = (seq + 1) % size;
            assert!(other == seq || verify_inclusion(leaf, other, size, &proof, root).is_err());
            for changed in changes(&proof) {
                assert!(verify_inclusion(leaf, seq, size, &changed, root).is_err());
            }
        }
        for old in 0..=size {
            let proof = consistency_proof(&leaves, old, size).unwrap();
            let old_root = defined_root(&leaves.0[..usize::try_from(old).unwrap()]);
            assert!(verify_consistency(old, wrong, size, root, &proof).is_err());
            if old > 0 {
                assert!(verify_consistency(old, old_root, size, wrong, &proof).is_err());
            }
            assert!(verify_consistency(size + 1, old_root, size, root, &proof).is_err());
            for changed in changes(&proof) {
                let checked = verify_consistency(old, old_root, size, root, &changed);
                assert!(checked.is_err(), "{old} in {size}");
            }
        }
    }
}

/// The proof cut, lengthened, and with each hash replaced.
fn changes(proof: &[Sha256]) -> Vec<Vec<Sha256>> {
    let other = Sha256([8; 32]);
    let mut changes = vec![[proof, &[other]].concat()];
    if let [rest @ .., _] = proof {
        changes.push(rest.to_vec());
    }
    for place in 0..proof.len() {
        let mut changed = proof.to_vec();
        changed[place] = other;
        changes.push(changed);
    }
    changes
}

#[test]
fn there_are_no_proofs_beyond_the_tree() {
    let leaves = Leaves::new(5);
    let beyond = |wanted| Err(TreeError::OutOfRange { wanted, size: 5 });
    assert_eq!(inclusion_proof(&leaves, 5, 5), beyond(5));
    assert_eq!(consistency_proof(&leaves, 6, 5), beyond(6));
    assert!(inclusion_proof(&leaves, 0, 0).is_err());
}

/// A tree of any size in which each hash follows from its place, so that none is stored.
struct Huge;

impl Nodes for Huge {
    fn node(&self, level: u32, _: u64) -> Result<Sha256, TreeError> {
        let leaf = leaf_hash(b"same");
        Ok((0..level).fold(leaf, |hash, _| node_hash(&hash, &hash)))
    }
}

proptest! {
    #[test]
    fn proofs_of_huge_trees_hold(bits in 1_u32..64, size in any::<u64>(), seq in any::<u64>()) {
        let size = (size >> bits).max(1);
        let seq = seq % size;
        let root = Tree::from_nodes(size, &Huge).unwrap().root();
        let proof = inclusion_proof(&Huge, seq, size).unwrap();
        prop_assert_eq!(verify_inclusion(leaf_hash(b"same"), seq, size, &proof, root), Ok(()));
        prop_assert!(verify_inclusion(leaf_hash(b"other"), seq, size, &proof, root).is_err());
        let old_root = Tree::from_nodes(seq, &Huge).unwrap().root();
        let proof = consistency_proof(&Huge, seq, size).unwrap();
        prop_assert_eq!(verify_consistency(seq, old_root, size, root, &proof), Ok(()));
    }

    #[test]
    fn proofs_of_middling_trees_hold(size in 71_u64..3_000, at in any::<prop::sample::Index>()) {
        let leaves = Leaves::new(size);
        let place = at.index(leaves.0.len());
        let root = defined_root(&leaves.0);
        let proof = inclusion_proof(&leaves, place as u64, size).unwrap();
        prop_assert_eq!(verify_inclusion(leaves.0[place], place as u64, size, &proof, root), Ok(()));
        let old_root = defined_root(&leaves.0[..place]);
        let proof = consistency_proof(&leaves, place as u64, size).unwrap();
        prop_assert_eq!(verify_consistency(place as u64, old_root, size, root, &proof), Ok(()));
    }
}
