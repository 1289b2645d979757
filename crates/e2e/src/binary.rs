//! Finds the binary under test.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

/// Names another binary than the one built beside the tests.
const OVERRIDE: &str = "SEALPOST_BIN";

/// Path of the `sealpost` binary: `SEALPOST_BIN`, or the one in the folder that Cargo built this
/// test in (`target/PROFILE/deps/TEST` and `target/PROFILE/sealpost`).
pub(crate) fn locate() -> anyhow::Result<PathBuf> {
    let path = match std::env::var_os(OVERRIDE) {
        Some(path) => PathBuf::from(path),
        None => {
            let test = std::env::current_exe().context("finding the test itself")?;
            let profile = test
                .ancestors()
                .nth(2)
                .context("the test lies in no target folder")?;
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
