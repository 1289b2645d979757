//! Tile files: however the appends are cut, the same files; reading them back within bounds.

use super::world::{Files, World};
use crate::tiles::{
    HashTiles, TileError, TileId, TileKind, TileNodes, TileWriter, files_within, read_entries,
    read_file, read_hashes, tile_root,
};
use crate::tree::{Tree, leaf_hash};

const ENTRIES: TileKind = TileKind::Entries;
const LEAVES: TileKind = TileKind::Hashes { level: 0 };

fn id(kind: TileKind, index: u64, width: usize) -> TileId {
    TileId { kind, index, width }
}

fn small_entries(size: u32) -> Vec<Vec<u8>> {
    (0..size).map(|seq| seq.to_be_bytes().to_vec()).collect()
}

#[test]
fn paths_follow_the_number_and_the_width() {
    for (tile, path) in [
        (id(LEAVES, 0, 1), "tile/0/000.p/1"),
        (id(LEAVES, 999, 256), "tile/0/999"),
        (id(LEAVES, 1_000, 255), "tile/0/x001/000.p/255"),
        (
            id(TileKind::Hashes { level: 3 }, 1_234_067, 256),
            "tile/3/x001/x234/067",
        ),
        (id(ENTRIES, 5, 256), "tile/entries/005"),
        (id(ENTRIES, 70_000, 9), "tile/entries/x070/000.p/9"),
    ] {
        assert_eq!(tile.path(), path);
    }
}

#[test]
fn the_width_follows_the_size() {
    for (kind, index, size, width) in [
        (LEAVES, 0, 0, None),
        (LEAVES, 0, 1, Some(1)),
        (LEAVES, 0, 300, Some(256)),
        (LEAVES, 1, 300, Some(44)),
        (LEAVES, 2, 300, None),
        (LEAVES, 1, 256, None),
        (TileKind::Hashes { level: 1 }, 0, 255, None),
        (TileKind::Hashes { level: 1 }, 0, 600, Some(2)),
        (TileKind::Hashes { level: 7 }, 0, u64::MAX, Some(255)),
        (TileKind::Hashes { level: 8 }, 0, u64::MAX, None),
        (TileKind::Hashes { level: u32::MAX }, 0, u64::MAX, None),
        (LEAVES, u64::MAX, u64::MAX, None),
    ] {
        let found = TileId::within(kind, index, size).map(|tile| tile.width);
        assert_eq!(found, width, "{kind:?} {index} {size}");
    }
}

#[test]
fn a_log_is_found_again_in_the_files_of_a_longer_one() {
    let entries = small_entries(70_000);
    let mut longer = Files::default();
    longer.write(&mut TileWriter::new(), &entries);
    for size in [0_usize, 1, 255, 256, 257, 600, 65_535, 65_537] {
        let (mut writer, mut copy) = (TileWriter::new(), Files::default());
        Files::default().write(&mut writer, &entries[..size]);
        for id in files_within(size as u64) {
            let file = read_file(&longer, id).unwrap();
            assert_eq!(file.id, id);
            copy.0.insert(id.path(), file.octets);
        }
        let found = TileWriter::resume(size as u64, &copy).unwrap();
        assert_eq!(found, writer, "{size}");
    }
}

#[test]
fn the_way_of_appending_does_not_show() {
    let entries = small_entries(70_000);
    let mut at_once = Files::default();
    let mut writer = TileWriter::new();
    at_once.write(&mut writer, &entries);
    for step in [1, 7, 256, 257, 65_536] {
        let mut stepwise = Files::default();
        let mut edge = TileWriter::new();
        for some in entries.chunks(step) {
            stepwise.write(&mut edge, some);
        }
        assert_eq!(edge, writer, "steps of {step}");
        for (path, octets) in &at_once.0 {
            assert_eq!(
                stepwise.0.get(path),
                Some(octets),
                "{path} in steps of {step}"
            );
        }
    }
    assert!(at_once.0.contains_key("tile/2/000.p/1"));
}

#[test]
fn an_append_gives_only_files_that_are_new() {
    let entries = small_entries(300);
    let mut writer = TileWriter::new();
    let mut paths = |from: usize, to: usize| -> Vec<String> {
        let some: Vec<&[u8]> = entries[from..to].iter().map(Vec::as_slice).collect();
        let files = writer.append(&some).unwrap();
        files.iter().map(|file| file.id.path()).collect()
    };
    assert!(paths(0, 0).is_empty());
    assert_eq!(paths(0, 2), ["tile/entries/000.p/2", "tile/0/000.p/2"]);
    assert_eq!(
        paths(2, 256),
        ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
    );
    assert_eq!(paths(256, 257), ["tile/entries/001.p/1", "tile/0/001.p/1"]);
}

#[test]
fn the_edge_is_resumed_from_files() {
    let entries = small_entries(70_000);
    for size in [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 66_000] {
        let mut files = Files::default();
        let mut writer = TileWriter::new();
        files.write(&mut writer, &entries[..size]);
        let mut resumed = TileWriter::resume(size as u64, &files).unwrap();
        let mut tree = Tree::new();
        entries[..size]
            .iter()
            .for_each(|entry| tree.append(leaf_hash(entry)));
        assert_eq!(resumed.tree(), tree, "{size}");
        assert_eq!(resumed, writer, "{size}");
        files.write(&mut resumed, &entries[size..]);
        let nodes = TileNodes::new(&files, 70_000);
        assert_eq!(Tree::from_nodes(70_000, &nodes), Ok(resumed.tree()));
    }
}

#[test]
fn hashes_alone_give_the_same_tiles_and_no_bundles() {
    let entries = small_entries(70_000);
    let leaves: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let mut files = Files::default();
    let mut writer = TileWriter::new();
    files.write(&mut writer, &entries);
    let mut tiles = HashTiles::new();
    let mut written = Files::default();
    for some in leaves.chunks(20_000) {
        let new = tiles.append(some).into_iter();
        written
            .0
            .extend(new.map(|file| (file.id.path(), file.octets)));
        // All that a restart keeps is the edge.
        let edge = tiles.edge();
        assert_eq!(HashTiles::from_edge(tiles.size(), &edge).unwrap(), tiles);
        assert_eq!(HashTiles::resume(tiles.size(), &written).unwrap(), tiles);
        for wrong in [&edge[1..], &[&edge[..], &edge[..1]].concat()] {
            assert_eq!(HashTiles::from_edge(tiles.size(), wrong), None);
        }
    }
    assert_eq!(tiles.tree(), writer.tree());
    files.0.retain(|path, _| !path.contains("entries"));
    for (path, octets) in &files.0 {
        assert_eq!(written.0.get(path), Some(octets), "{path}");
    }
    assert!(written.0.keys().all(|path| !path.contains("entries")));
    let unfinished = |level, index| tiles.unfinished_hashes(level, index).map(<[_]>::len);
    assert_eq!(unfinished(0, 273), Some(70_000 % 256));
    assert_eq!(unfinished(1, 1), Some(17));
    assert_eq!(unfinished(2, 0), Some(1));
    for (level, index) in [(0, 272), (0, 274), (1, 0), (3, 0), (u32::MAX, 0)] {
        assert_eq!(unfinished(level, index), None, "{level} {index}");
    }
    let full: &[_; 256] = leaves[..256].try_into().unwrap();
    let above = &written.0["tile/1/000"][..32];
    assert_eq!(tile_root(full).0, above);
}

#[test]
fn wider_files_serve_a_narrower_log() {
    let entries = small_entries(70_000);
    let mut files = Files::default();
    let mut narrow = TileWriter::new();
    files.write(&mut narrow, &entries[..300]);
    files.write(&mut narrow.clone(), &entries[300..]);
    for partial in ["tile/0/001.p/44", "tile/entries/001.p/44", "tile/1/000.p/1"] {
        files.0.remove(partial).unwrap();
    }
    assert_eq!(TileWriter::resume(300, &files).unwrap(), narrow);
    files.0.remove("tile/entries/001");
    assert!(matches!(
        TileWriter::resume(300, &files),
        Err(TileError::Missing(_))
    ));
}

#[test]
fn an_entry_that_does_not_fit_changes_nothing() {
    let mut writer = TileWriter::new();
    let long = vec![0; 61_441];
    let refused = writer.append(&[b"first", &long]);
    assert!(matches!(refused, Err(TileError::EntryTooLong(61_441))));
    assert_eq!(writer, TileWriter::new());
    assert!(writer.append(&[&long[1..]]).is_ok());
}

#[test]
fn malformed_files_are_refused() {
    let world = World::new(3);
    let read = |kind, octets: Option<Vec<u8>>| {
        let mut files = world.files.clone().unwrap();
        let tile = id(kind, 0, 3);
        match octets {
            Some(octets) => files.0.insert(tile.path(), octets),
            None => files.0.remove(&tile.path()),
        };
        match kind {
            ENTRIES => read_entries(&files, tile).map(|entries| entries.len()),
            LEAVES => read_hashes(&files, tile).map(|hashes| hashes.len()),
            TileKind::Hashes { .. } => panic!("no such tile"),
        }
    };
    for octets in [0, 1, 64, 95, 97, 128, 256 * 32 + 1] {
        let found = read(LEAVES, Some(vec![0; octets]));
        assert!(matches!(found, Err(TileError::Malformed(_))), "{octets}");
    }
    assert_eq!(read(LEAVES, Some(vec![0; 96])).ok(), Some(3));
    for bundle in [
        &b""[..],
        b"\x00\x01a\x00\x01b",
        b"\x00\x01a\x00\x01b\x00\x01",
        b"\x00\x01a\x00\x01b\x00",
        b"\x00\x01a\x00\x01b\x00\x01cd",
        b"\xff\xffabc",
        &[0; 2 * 257],
    ] {
        let found = read(ENTRIES, Some(bundle.to_vec()));
        assert!(matches!(found, Err(TileError::Malformed(_))), "{bundle:?}");
    }
    assert_eq!(
        read(ENTRIES, Some(b"\x00\x01a\x00\x00\x00\x01c".to_vec())).ok(),
        Some(3)
    );
    let too_wide = id(LEAVES, 0, 1_000);
    let mut files = world.files.clone().unwrap();
    files.0.insert(too_wide.path(), vec![0; 256 * 32]);
    assert!(matches!(
        read_hashes(&files, too_wide),
        Err(TileError::Malformed(_))
    ));
    assert!(matches!(read(ENTRIES, None), Err(TileError::Missing(_))));
    assert!(matches!(read(LEAVES, None), Err(TileError::Missing(_))));
}
