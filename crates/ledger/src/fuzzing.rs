//! Bodies of the fuzz targets: what is accepted writes the same bytes again, and nothing panics.

use crate::checkpoint::Checkpoint;
use crate::entry::Entry;
use crate::note::{Note, VerifierKey};
use crate::proof::Proof;
use crate::tiles::TileId;
use crate::tiles::{TileKind, TileReader, read_entries};

/// An entry has one spelling.
pub fn entry_round_trip(input: &[u8]) {
    let Ok(entry) = Entry::from_bytes(input) else {
        return;
    };
    assert_eq!(entry.to_bytes().as_deref(), Ok(input));
}

/// A note has one spelling, and so has the checkpoint in it.
pub fn note_round_trip(input: &[u8]) {
    let Ok(note) = Note::parse(input) else {
        return;
    };
    assert_eq!(note.to_string().as_bytes(), input);
    if let Ok(checkpoint) = note.text().parse::<Checkpoint>() {
        assert_eq!(checkpoint.to_string(), note.text());
    }
}

/// A verifier key has one spelling.
pub fn verifier_key_round_trip(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
}

/// A proof has one spelling.
pub fn proof_round_trip(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(proof) = text.parse::<Proof>() {
        assert_eq!(proof.to_string(), text);
    }
}

/// The lengths in a bundle fill it exactly.
pub fn bundle_reading(input: &[u8]) {
    struct OneFile<'a>(&'a [u8]);
    impl TileReader for OneFile<'_> {
        fn read(&self, _: &str, _: usize) -> std::io::Result<Option<Vec<u8>>> {
            Ok(Some(self.0.to_vec()))
        }
    }
    for width in [1, 2, 256] {
        let (kind, index) = (TileKind::Entries, 0);
        if let Ok(entries) = read_entries(&OneFile(input), TileId { kind, index, width }) {
            assert_eq!(entries.len(), width);
        }
    }
}
