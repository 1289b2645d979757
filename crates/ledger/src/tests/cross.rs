//! What other people's programs say about our bytes, and we about theirs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use signed_note::{Note as TheirNote, Signer, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::{
    Error, Hash, HashReader, Tile, TileHashReader, TileReader as TheirTileReader, check_record,
    check_tree, prove_record, prove_tree, stored_hashes, tree_hash,
};
use types::Sha256;

use super::world::{Files, LOG, World, key};
use crate::tiles::{TileNodes, TileWriter};
use crate::tree::{
    Tree, consistency_proof, inclusion_proof, leaf_hash, verify_consistency, verify_inclusion,
};
use crate::{Checkpoint, Note};

/// Their stored hashes, in their order.
struct TheirHashes(Vec<Hash>);

impl HashReader for TheirHashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let hash = |index: &u64| self.0[usize::try_from(*index).unwrap()];
        Ok(indexes.iter().map(hash).collect())
    }
}

/// Our files, read by their names.
struct OurTiles<'a>(&'a Files);

/// Their path without the height that C2SP left out.
fn path_of(tile: &Tile) -> String {
    tile.path().replacen("tile/8/", "tile/", 1)
}

impl TheirTileReader for OurTiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        Ok(tiles
            .iter()
            .map(|tile| self.0.0[&path_of(tile)].clone())
            .collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn theirs(hashes: &[Sha256]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash(hash.0)).collect()
}

fn ours(hashes: &[Hash]) -> Vec<Sha256> {
    hashes.iter().map(|hash| Sha256(hash.0)).collect()
}

#[test]
fn roots_and_proofs_agree_with_tlog_tiles() {
    let entries: Vec<Vec<u8>> = (0..70_u8).map(|seq| vec![seq; usize::from(seq)]).collect();
    let mut files = Files::default();
    files.write(&mut TileWriter::new(), &entries);
    let mut hashes = TheirHashes(Vec::new());
    let mut roots = vec![Tree::new().root()];
    let mut tree = Tree::new();
    for (seq, entry) in (0_u64..).zip(&entries) {
        let more = stored_hashes(seq, entry, &hashes).unwrap();
        hashes.0.extend(more);
        tree.append(leaf_hash(entry));
        roots.push(tree.root());
        let size = seq + 1;
        assert_eq!(
            tree_hash(size, &hashes).unwrap().0,
            tree.root().0,
            "size {size}"
        );
        let nodes = TileNodes::new(&files, 70);
        for place in 0..size {
            let leaf = leaf_hash(&entries[usize::try_from(place).unwrap()]);
            let (root, leaf_there) = (Hash(tree.root().0), Hash(leaf.0));
            let proof = inclusion_proof(&nodes, place, size).unwrap();
            check_record(&theirs(&proof), size, root, place, leaf_there).unwrap();
            let proof = prove_record(size, place, &hashes).unwrap();
            verify_inclusion(leaf, place, size, &ours(&proof), tree.root()).unwrap();

            let old = place + 1;
            let old_root = roots[usize::try_from(old).unwrap()];
            let proof = consistency_proof(&nodes, old, size).unwrap();
            check_tree(&theirs(&proof), size, root, old, Hash(old_root.0)).unwrap();
            let proof = prove_tree(size, old, &hashes).unwrap();
            verify_consistency(old, old_root, size, tree.root(), &ours(&proof)).unwrap();
        }
    }
}

#[test]
fn their_reader_finds_every_tile_of_ours_and_proves_from_them() {
    let entries: Vec<Vec<u8>> = (0..70_000_u32)
        .map(|seq| seq.to_le_bytes().to_vec())
        .collect();
    let mut files = Files::default();
    let mut writer = TileWriter::new();
    let mut old = 0_u64;
    for size in [1_u64, 2, 255, 256, 300, 512, 65_535, 65_537, 70_000] {
        let some = &entries[usize::try_from(old).unwrap()..usize::try_from(size).unwrap()];
        let some: Vec<&[u8]> = some.iter().map(Vec::as_slice).collect();
        let new = writer.append(&some).unwrap();
        let mut hash_paths: Vec<String> = new.iter().map(|file| file.id.path()).collect();
        hash_paths.retain(|path| !path.starts_with("tile/entries/"));
        let mut wanted: Vec<String> = Tile::new_tiles(8, old, size).iter().map(path_of).collect();
        hash_paths.sort();
        wanted.sort();
        assert_eq!(hash_paths, wanted, "from {old} to {size}");
        files
            .0
            .extend(new.into_iter().map(|file| (file.id.path(), file.octets)));

        let root = writer.tree().root();
        let their_files = OurTiles(&files);
        let reader = TileHashReader::new(size, Hash(root.0), &their_files);
        for place in [0, size / 2, size - 1] {
            let proof = prove_record(size, place, &reader).unwrap();
            let leaf = leaf_hash(&entries[usize::try_from(place).unwrap()]);
            verify_inclusion(leaf, place, size, &ours(&proof), root).unwrap();
        }
        old = size;
    }
}

fn their_verifier() -> VerifierList {
    let vkey = key(1).verifier().to_string();
    VerifierList::new(vec![Box::new(StandardVerifier::new(&vkey).unwrap())])
}

#[test]
fn signed_note_believes_our_checkpoints_and_tlog_tiles_reads_them() {
    let world = World::new(5);
    let note = TheirNote::from_bytes(&world.checkpoint).unwrap();
    let (verified, unknown) = note.verify(&their_verifier()).unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 0));
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), (LOG, 5));
    assert_eq!(checkpoint.hash().0, world.root().0);

    let other = Note::sign("text\n".to_owned(), &key(2))
        .unwrap()
        .to_string();
    let other = TheirNote::from_bytes(other.as_bytes()).unwrap();
    assert!(other.verify(&their_verifier()).is_err());
}

#[test]
fn we_believe_the_notes_of_signed_note() {
    let verifier = key(1).verifier().to_string();
    let (_, rest) = verifier.split_once('+').unwrap();
    let (id, _) = rest.split_once('+').unwrap();
    let seed = STANDARD.encode([&[1_u8][..], &[1; 32]].concat());
    let signer = StandardSigner::new(&format!("PRIVATE+KEY+{LOG}+{id}+{seed}")).unwrap();
    let checkpoint = tlog_tiles::Checkpoint::new(LOG, 9, Hash([5; 32]), "more\n").unwrap();
    let mut note = TheirNote::new(&checkpoint.to_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer as &dyn Signer]).unwrap();

    let opened = Checkpoint::open(&note.to_bytes(), key(1).verifier()).unwrap();
    assert_eq!((opened.size, opened.root), (9, Sha256([5; 32])));
    assert_eq!(opened.extensions(), ["more"]);
    assert!(Checkpoint::open(&note.to_bytes(), key(2).verifier()).is_err());
}
