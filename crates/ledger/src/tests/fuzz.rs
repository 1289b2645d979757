//! The fuzz bodies over good inputs and over each of them with one place changed.

use proptest::prelude::*;

use super::world::{LOG, World, entry, key};
use crate::fuzzing;
use crate::note::Note;
use crate::proof::Proof;
use crate::tiles::TileNodes;
use crate::tree::inclusion_proof;

fn all(input: &[u8]) {
    fuzzing::entry_round_trip(input);
    fuzzing::note_round_trip(input);
    fuzzing::verifier_key_round_trip(input);
    fuzzing::proof_round_trip(input);
    fuzzing::bundle_reading(input);
}

fn seeds() -> Vec<Vec<u8>> {
    let world = World::new(3);
    let nodes = TileNodes::new(world.files.as_ref().unwrap(), 3);
    let proof = Proof {
        extra: Some(b"extra".to_vec()),
        index: 2,
        hashes: inclusion_proof(&nodes, 2, 3).unwrap(),
        checkpoint: Note::parse(&world.checkpoint).unwrap(),
    };
    let bundle = world.files.as_ref().unwrap().0["tile/entries/000.p/3"].clone();
    vec![
        entry(LOG, 7, "word").to_bytes().unwrap(),
        world.checkpoint.clone(),
        key(1).verifier().to_string().into_bytes(),
        proof.to_string().into_bytes(),
        bundle,
    ]
}

proptest! {
    #[test]
    fn nothing_panics_and_what_is_accepted_has_one_spelling(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        octet in any::<u8>(),
        kind in 0..4_u8,
        noise in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        all(&noise);
        let mut input = which.get(&seeds()).clone();
        let at = at.index(input.len());
        match kind {
            0 => input[at] = octet,
            1 => input.insert(at, octet),
            2 => drop(input.remove(at)),
            _ => input.truncate(at),
        }
        all(&input);
    }
}

#[test]
fn the_seeds_themselves_pass() {
    seeds().iter().for_each(|seed| all(seed));
}
