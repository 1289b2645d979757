//! Entry bytes, Merkle tree, signed notes, proofs and the offline verifier
