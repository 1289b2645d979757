//! Kept fuzz inputs run as ordinary tests.

use std::fs;
use std::path::Path;

/// Runs `body` on every file of `fuzz-seeds/{target}`; there must be at least one.
pub(crate) fn replay(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz-seeds")
        .join(target);
    let mut seeds = 0;
    for file in fs::read_dir(&folder).unwrap() {
        body(&fs::read(file.unwrap().path()).unwrap());
        seeds += 1;
    }
    assert!(seeds > 0, "no seeds in {}", folder.display());
}
