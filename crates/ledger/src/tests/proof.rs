//! Proofs as text: one spelling, and nothing proved but the one entry.

use super::world::{World, key};
use crate::checkpoint::CheckpointError;
use crate::note::{Note, NoteError};
use crate::proof::{Proof, ProofError};
use crate::tiles::TileNodes;
use crate::tree::inclusion_proof;

fn proof_of(world: &World, index: u64) -> Proof {
    let nodes = TileNodes::new(world.files.as_ref().unwrap(), world.entries.len() as u64);
    Proof {
        extra: None,
        index,
        hashes: inclusion_proof(&nodes, index, world.entries.len() as u64).unwrap(),
        checkpoint: Note::parse(&world.checkpoint).unwrap(),
    }
}

#[test]
fn a_proof_survives_its_text_and_proves_its_entry() {
    let world = World::new(300);
    for index in [0, 1, 255, 256, 299] {
        let proof = proof_of(&world, index);
        let parsed: Proof = proof.to_string().parse().unwrap();
        assert_eq!(parsed, proof);
        let place = usize::try_from(index).unwrap();
        let checkpoint = parsed
            .verify(&world.entries[place], key(1).verifier())
            .unwrap();
        assert_eq!((checkpoint.size, checkpoint.root), (300, world.root()));
        assert!(
            parsed
                .verify(&world.entries[place ^ 1], key(1).verifier())
                .is_err()
        );
        let not_signed = CheckpointError::Note(NoteError::NotSigned);
        assert_eq!(
            parsed.verify(&world.entries[place], key(2).verifier()),
            Err(ProofError::Checkpoint(not_signed))
        );
    }
}

#[test]
fn the_text_is_that_of_the_specification() {
    let world = World::new(2);
    let mut proof = proof_of(&world, 1);
    proof.extra = Some(b"more".to_vec());
    let text = proof.to_string();
    let (head, checkpoint) = text.split_once("\n\n").unwrap();
    let lines: Vec<&str> = head.lines().collect();
    assert_eq!(
        lines[..3],
        ["c2sp.org/tlog-proof@v1", "extra bW9yZQ==", "index 1"]
    );
    assert_eq!((lines.len(), lines[3].len()), (4, 44));
    assert_eq!(checkpoint.as_bytes(), world.checkpoint);
    assert_eq!(text.parse(), Ok(proof));
}

#[test]
fn what_is_no_proof_is_refused() {
    let good = proof_of(&World::new(2), 1).to_string();
    let hash = good.lines().nth(2).unwrap();
    for (from, to) in [
        ("tlog-proof@v1", "tlog-proof@v2"),
        ("index 1", "index 01"),
        ("index 1", "index  1"),
        ("index 1", "index"),
        ("index 1", "index 1\nindex 1"),
        ("index 1", "index 1\nextra bW9yZQ=="),
        ("index 1", "extra bW9yZQ\nindex 1"),
        ("index 1", "extra\nindex 1"),
        ("=\n\n", "\n\n"),
        ("\n\n", "\n"),
        ("\n\n", "\n\n\n\n"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert!(bad.parse::<Proof>().is_err(), "accepted {to:?}");
    }
    let long = good.replacen(hash, &[hash; 65].join("\n"), 1);
    assert_eq!(long.parse::<Proof>(), Err(ProofError::Shape));
    let extra = format!("extra {}\nindex 1", "AAAA".repeat(65_536 / 3 + 1));
    let large = good.replacen("index 1", &extra, 1);
    assert_eq!(large.parse::<Proof>(), Err(ProofError::Shape));
}
