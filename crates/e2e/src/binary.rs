//! Finds the binary under test.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

/// Names another binary than the one built beside the tests.
const OVERRIDE: &str = "SEALPOST_BIN";

/// Path of the `sealpost` binary: `SEALPOST_BIN`, or the one in the folder that Cargo built this
/// program (`target/PROFILE/campaign`) or test (`target/PROFILE/deps/TEST`) in.
pub(crate) fn locate() -> anyhow::Result<PathBuf> {
    let path = match std::env::var_os(OVERRIDE) {
        Some(path) => PathBuf::from(path),
        None => {
            let own = std::env::current_exe().context("finding the program itself")?;
            let folder = own.parent().context("the program lies in no folder")?;
            let profile = match folder.parent() {
                Some(profile) if folder.ends_with("deps") => profile,
                _ => folder,
            };
            profile.join(format!("sealpost{}", std::env::consts::EXE_SUFFIX))
        }
    };
    if !path.is_file() {
        bail!(
            "{} is not there: build it with `cargo build -p sealpost`, or run `cargo xtask ci`",
            path.display()
        );
    }
    Ok(path)
}
