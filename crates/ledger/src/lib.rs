//! The ledger as bytes: entries, Merkle tree, signed notes, tiles, proofs and the offline verifier.
//!
//! Everything here is a function of values: no clock, disk, socket or randomness. What this crate
//! accepts has one spelling, so what it reads and writes again is the same bytes. Formats follow
//! RFC 8785 (entries), RFC 6962 §2.1 (hashes) and the C2SP specifications signed-note,
//! tlog-checkpoint, tlog-tiles and tlog-proof.

mod decimal;

pub mod canonical;
pub mod commitment;
pub mod origin;
pub mod text;

pub mod entry;
pub mod state_root;
pub mod tree;

pub mod note;

pub mod checkpoint;
pub mod tiles;

pub mod proof;
pub mod verify;

pub mod fuzzing;

pub use canonical::CanonicalError;
pub use checkpoint::{Checkpoint, CheckpointError};
pub use commitment::{
    Commitment, ObjectId, object_id, object_id_of_reader, secret_object, secret_value,
};
pub use entry::{
    Actor, ActorKind, Batch, Cause, Claim, Claimed, Credential, CredentialKind, Door, Entry,
    EntryError, Factor, Object, Outcome, Risk, RiskClass, Scope, TlsVersion, UnixFacts, Via,
};
pub use note::{Note, NoteError, SigningKey, VerifierKey};
pub use origin::Origin;
pub use proof::{Proof, ProofError};
pub use state_root::{ObjectState, StateRootError, state_root};
pub use text::Text;
pub use tiles::{
    HashTiles, TileError, TileFile, TileId, TileKind, TileNodes, TileReader, TileWriter,
};
pub use tree::{Nodes, Tree, TreeError};

#[cfg(test)]
mod tests;
