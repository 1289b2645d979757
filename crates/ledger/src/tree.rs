//! The Merkle tree over the entries: hashes, roots, proofs and their verification.
//!
//! RFC 6962 §2.1 gives the hashes and the proofs, RFC 9162 §2.1.3–2.1.4 the steps of verification.
//! A [`Tree`] holds only the roots of its perfect subtrees, so appending is cheap at every size;
//! proofs read the other hashes from [`Nodes`].

use types::Sha256;

use crate::commitment::sha256;

/// Hashes of an inclusion proof: one for each level of a tree of 2^64 leaves.
pub const PROOF_HASHES_MAX: usize = 64;

/// Why there is no proof, or why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// A leaf or an older size that the tree does not have.
    #[error("{wanted} is not within a tree of size {size}")]
    OutOfRange {
        /// Number of the leaf, or the older size.
        wanted: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// A stored hash cannot be had.
    #[error("hash {index} of level {level}: {cause}")]
    Node {
        /// Level, 0 for leaves.
        level: u32,
        /// Number within its level.
        index: u64,
        /// Why.
        cause: String,
    },
    /// The proof does not lead from the one to the other.
    #[error("the proof does not fit")]
    Proof,
}

/// Stored hashes of perfect subtrees.
pub trait Nodes {
    /// The root of the `index`-th perfect subtree with 2^`level` leaves.
    fn node(&self, level: u32, index: u64) -> Result<Sha256, TreeError>;
}

/// The hash of an entry: `SHA-256(0x00 ‖ entry)`.
pub fn leaf_hash(entry: &[u8]) -> Sha256 {
    sha256(&[&[0], entry])
}

/// The hash over two subtrees: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Sha256, right: &Sha256) -> Sha256 {
    sha256(&[&[1], &left.0, &right.0])
}

/// The root of the tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Sha256 {
    sha256(&[])
}

/// A growing tree: its size and the roots of its perfect subtrees, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    peaks: Vec<Sha256>,
}

impl Tree {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` leaves whose inner hashes are stored in `nodes`.
    pub fn from_nodes(size: u64, nodes: &dyn Nodes) -> Result<Self, TreeError> {
        let mut tree = Self::new();
        for level in (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1) {
            let peak = nodes.node(level, tree.size >> level)?;
            tree.peaks.push(peak);
            tree.size += 1 << level;
        }
        Ok(tree)
    }

    /// The tree of `size` leaves by the unfinished tiles at its right edge, lowest level first.
    pub(crate) fn from_edge(size: u64, levels: &[Vec<Sha256>]) -> Self {
        let peaks = levels.iter().rev().flat_map(|hashes| {
            let mut part = Self::new();
            hashes.iter().for_each(|hash| part.append(*hash));
            part.peaks
        });
        Self {
            size,
            peaks: peaks.collect(),
        }
    }

    /// Leaves of the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds the hash of a leaf on the right.
    pub fn append(&mut self, leaf: Sha256) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root over all leaves.
    pub fn root(&self) -> Sha256 {
        let from_the_right = self.peaks.iter().copied().rev();
        from_the_right
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(empty_root)
    }
}

/// Proves that the leaf `seq` is in the tree of `size` leaves (RFC 6962 §2.1.1).
pub fn inclusion_proof(nodes: &dyn Nodes, seq: u64, size: u64) -> Result<Vec<Sha256>, TreeError> {
    if seq >= size {
        return Err(TreeError::OutOfRange { wanted: seq, size });
    }
    let (mut from, mut to) = (0, size);
    let mut proof = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if seq < middle {
            proof.push(range_root(nodes, middle, to)?);
            to = middle;
        } else {
            proof.push(range_root(nodes, from, middle)?);
            from = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Proves that the tree of `old` leaves is the beginning of that of `new` leaves (RFC 6962 §2.1.2).
pub fn consistency_proof(nodes: &dyn Nodes, old: u64, new: u64) -> Result<Vec<Sha256>, TreeError> {
    if old > new {
        return Err(TreeError::OutOfRange {
            wanted: old,
            size: new,
        });
    }
    let mut proof = Vec::new();
    if old == 0 {
        return Ok(proof);
    }
    let (mut from, mut to) = (0, new);
    while old < to {
        let middle = from + split(to - from);
        if old <= middle {
            proof.push(range_root(nodes, middle, to)?);
            to = middle;
        } else {
            proof.push(range_root(nodes, from, middle)?);
            from = middle;
        }
    }
    // The old root itself is known to whoever asks, so it is left out.
    if from > 0 {
        proof.push(range_root(nodes, from, to)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks a proof of [`inclusion_proof`] against the root (RFC 9162 §2.1.3.2).
pub fn verify_inclusion(
    leaf: Sha256,
    seq: u64,
    size: u64,
    proof: &[Sha256],
    root: Sha256,
) -> Result<(), TreeError> {
    if seq >= size {
        return Err(TreeError::OutOfRange { wanted: seq, size });
    }
    let (mut node, mut last) = (seq, size - 1);
    let mut hash = leaf;
    for other in proof {
        if last == 0 {
            return Err(TreeError::Proof);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(other, &hash);
            skip_levels_without_right_side(&mut node, &mut last);
        } else {
            hash = node_hash(&hash, other);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == root {
        Ok(())
    } else {
        Err(TreeError::Proof)
    }
}

/// Checks a proof of [`consistency_proof`] against both roots (RFC 9162 §2.1.4.2).
pub fn verify_consistency(
    old: u64,
    old_root: Sha256,
    new: u64,
    new_root: Sha256,
    proof: &[Sha256],
) -> Result<(), TreeError> {
    if old > new {
        return Err(TreeError::OutOfRange {
            wanted: old,
            size: new,
        });
    }
    let trivial = (old == new && old_root == new_root) || (old == 0 && old_root == empty_root());
    if old == new || old == 0 {
        let fits = trivial && proof.is_empty();
        return fits.then_some(()).ok_or(TreeError::Proof);
    }
    let (mut node, mut last) = (old - 1, new - 1);
    let levels_below = node.trailing_ones();
    node >>= levels_below;
    last >>= levels_below;
    let (start, rest) = match proof {
        _ if old.is_power_of_two() => (old_root, proof),
        [first, rest @ ..] => (*first, rest),
        [] => return Err(TreeError::Proof),
    };
    let (mut old_hash, mut new_hash) = (start, start);
    for other in rest {
        if last == 0 {
            return Err(TreeError::Proof);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(other, &old_hash);
            new_hash = node_hash(other, &new_hash);
            skip_levels_without_right_side(&mut node, &mut last);
        } else {
            new_hash = node_hash(&new_hash, other);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && old_hash == old_root && new_hash == new_root {
        Ok(())
    } else {
        Err(TreeError::Proof)
    }
}

/// On the right edge a subtree moves up unchanged until it is the right half of something.
fn skip_levels_without_right_side(node: &mut u64, last: &mut u64) {
    while *node & 1 == 0 && *node != 0 {
        *node >>= 1;
        *last >>= 1;
    }
}

/// Leaves of the left half: the largest power of two below `leaves`, which is at least 2.
fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// The root over the leaves from `from` to before `to`, as it stands in the tree.
fn range_root(nodes: &dyn Nodes, from: u64, to: u64) -> Result<Sha256, TreeError> {
    let leaves = to - from;
    if leaves.is_power_of_two() {
        let level = leaves.ilog2();
        return nodes.node(level, from >> level);
    }
    let middle = from + split(leaves);
    let left = range_root(nodes, from, middle)?;
    let right = range_root(nodes, middle, to)?;
    Ok(node_hash(&left, &right))
}
