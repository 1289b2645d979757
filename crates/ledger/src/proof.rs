//! A proof that one entry is in the log, to be checked without the log (C2SP tlog-proof).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use types::Sha256;

use crate::checkpoint::{Checkpoint, CheckpointError, parse_hash};
use crate::decimal;
use crate::note::{NOTE_MAX_OCTETS, Note, VerifierKey};
use crate::tree::{PROOF_HASHES_MAX, TreeError, leaf_hash, verify_inclusion};

/// Octets of the extra data of a proof.
pub const EXTRA_MAX_OCTETS: usize = 65_536;
/// Octets of a whole proof: extra data in base64, hashes, and the checkpoint.
pub const PROOF_MAX_OCTETS: usize =
    EXTRA_MAX_OCTETS / 3 * 4 + 4 + PROOF_HASHES_MAX * 45 + 64 + NOTE_MAX_OCTETS;
/// The first line of a proof.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Why a text is no proof, or why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not the text of a proof, or beyond its limits.
    #[error("not a proof of the form {HEADER}")]
    Shape,
    /// The checkpoint is not one, or is not signed by the key.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not where the proof says.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Where an entry stands and how its hash leads to a signed root. `Display` writes the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Data for the reader; nobody vouches for it.
    pub extra: Option<Vec<u8>>,
    /// Number of the entry.
    pub index: u64,
    /// Hashes from the leaf's neighbour up to the child of the root.
    pub hashes: Vec<Sha256>,
    /// The signed checkpoint.
    pub checkpoint: Note,
}

impl Proof {
    /// Checks that the entry is in the log that `key` signs; gives the checkpoint it is under.
    pub fn verify(&self, entry: &[u8], key: &VerifierKey) -> Result<Checkpoint, ProofError> {
        let checkpoint = Checkpoint::from_note(&self.checkpoint, key)?;
        let (size, root) = (checkpoint.size, checkpoint.root);
        verify_inclusion(leaf_hash(entry), self.index, size, &self.hashes, root)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", STANDARD.encode(hash.0))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for Proof {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        let shape = || ProofError::Shape;
        if text.len() > PROOF_MAX_OCTETS {
            return Err(shape());
        }
        let (head, checkpoint) = text.split_once("\n\n").ok_or_else(shape)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(shape());
        }
        let extra = match lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            Some(encoded) => {
                lines.next();
                Some(parse_extra(encoded).ok_or_else(shape)?)
            }
            None => None,
        };
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index = index.and_then(decimal::parse).ok_or_else(shape)?;
        let hashes: Option<Vec<Sha256>> =
            lines.take(PROOF_HASHES_MAX + 1).map(parse_hash).collect();
        let hashes = hashes
            .filter(|hashes| hashes.len() <= PROOF_HASHES_MAX)
            .ok_or_else(shape)?;
        let checkpoint = Note::parse(checkpoint.as_bytes()).map_err(CheckpointError::from)?;
        checkpoint.text().parse::<Checkpoint>()?;
        Ok(Self {
            extra,
            index,
            hashes,
            checkpoint,
        })
    }
}

fn parse_extra(encoded: &str) -> Option<Vec<u8>> {
    let octets = STANDARD.decode(encoded).ok()?;
    (octets.len() <= EXTRA_MAX_OCTETS).then_some(octets)
}
