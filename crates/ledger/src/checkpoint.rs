//! Checkpoints: origin, size and root of a log at one moment (C2SP tlog-checkpoint).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use types::Sha256;

use crate::decimal;
use crate::note::{Note, NoteError, SigningKey, VerifierKey};
use crate::origin::Origin;

/// Extension lines of a checkpoint.
pub const EXTENSIONS_MAX: usize = 16;
/// Octets of one extension line.
pub const EXTENSION_MAX_OCTETS: usize = 1_024;

/// Why bytes are not a checkpoint, or not one to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a note, or not signed.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is not origin, size, root and extension lines.
    #[error("a checkpoint is three lines: origin, size and base64 root")]
    Shape,
    /// Too many extension lines, or one that is empty, too long or more than a line.
    #[error("not an extension line, or more than {EXTENSIONS_MAX}")]
    Extension,
    /// The checkpoint of another log.
    #[error("this is a checkpoint of {0}")]
    Origin(Origin),
}

/// What a log was at one moment. `Display` writes the text that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: Origin,
    /// Entries of the log.
    pub size: u64,
    /// The root over them.
    pub root: Sha256,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    pub fn new(origin: Origin, size: u64, root: Sha256) -> Self {
        Self {
            origin,
            size,
            root,
            extensions: Vec::new(),
        }
    }

    /// Lines behind the root, kept as they came.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// Signs with the key of this log.
    pub fn sign(&self, key: &SigningKey) -> Result<Note, CheckpointError> {
        self.belongs_to(key.verifier())?;
        Ok(Note::sign(self.to_string(), key)?)
    }

    /// Reads a signed checkpoint that must be of the key's log and signed by the key.
    pub fn open(bytes: &[u8], key: &VerifierKey) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        Self::from_note(&note, key)
    }

    /// As [`Self::open`], from a note already read.
    pub fn from_note(note: &Note, key: &VerifierKey) -> Result<Self, CheckpointError> {
        let checkpoint: Self = note.text().parse()?;
        checkpoint.belongs_to(key)?;
        note.verify(key)?;
        Ok(checkpoint)
    }

    fn belongs_to(&self, key: &VerifierKey) -> Result<(), CheckpointError> {
        if self.origin == *key.name() {
            Ok(())
        } else {
            Err(CheckpointError::Origin(self.origin.clone()))
        }
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = STANDARD.encode(self.root.0);
        writeln!(f, "{}\n{}\n{root}", self.origin, self.size)?;
        self.extensions
            .iter()
            .try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    /// Reads the text of a checkpoint without its signatures.
    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let shape = || CheckpointError::Shape;
        let text = text.strip_suffix('\n').ok_or_else(shape)?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(shape());
        };
        let extensions: Vec<String> = lines.take(EXTENSIONS_MAX + 1).map(str::to_owned).collect();
        let whole_lines = extensions.iter().all(|line| is_extension(line));
        if !whole_lines || extensions.len() > EXTENSIONS_MAX {
            return Err(CheckpointError::Extension);
        }
        Ok(Self {
            origin: origin.parse().map_err(|_| shape())?,
            size: decimal::parse(size).ok_or_else(shape)?,
            root: parse_hash(root).ok_or_else(shape)?,
            extensions,
        })
    }
}

/// Reads the base64 of a SHA-256 digest.
pub(crate) fn parse_hash(line: &str) -> Option<Sha256> {
    let octets = STANDARD.decode(line).ok()?;
    Some(Sha256(octets.try_into().ok()?))
}

fn is_extension(line: &str) -> bool {
    let printable = line.bytes().all(|c| c >= 0x20);
    printable && (1..=EXTENSION_MAX_OCTETS).contains(&line.len())
}
