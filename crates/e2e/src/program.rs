//! Runs a program of somebody else to its end, within a time limit.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, bail, ensure};

/// Time that a client may take, in seconds.
const LIMIT_S: &str = "120";

/// Exit status by which `timeout` says that the limit was reached.
const TIMED_OUT: i32 = 124;

/// Exit status by which `timeout` says that there is no such program.
const NOT_FOUND: i32 = 127;

/// What a program that came to its end left behind.
#[derive(Debug)]
pub struct Ran {
    /// Exit status; `None` after a signal.
    pub status: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ran {
    /// The same, or an error with all that was printed unless the exit status was 0.
    pub fn ok(self) -> anyhow::Result<Self> {
        self.exits(0)
    }

    /// The same, or an error with all that was printed unless the exit status was this one.
    pub fn exits(self, status: i32) -> anyhow::Result<Self> {
        ensure!(
            self.status == Some(status),
            "exit status {:?} instead of {status}\n{}\n{}",
            self.status,
            self.out,
            self.err
        );
        Ok(self)
    }
}

/// Runs `name` with `args` and this standard input.
///
/// Fails if the program is not installed or does not end in time; any exit status is fine.
pub fn run<A: AsRef<OsStr>>(
    name: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = A>,
    input: &[u8],
) -> anyhow::Result<Ran> {
    run_with(&name, input, |command| {
        command.args(args);
    })
}

/// Runs `name` after `prepare` has added arguments and environment.
pub fn run_with(
    name: impl AsRef<OsStr>,
    input: &[u8],
    prepare: impl FnOnce(&mut Command),
) -> anyhow::Result<Ran> {
    let shown = name.as_ref().display().to_string();
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", LIMIT_S])
        .arg(name)
        .stdin(as_stdin(input)?);
    prepare(&mut command);
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .output()
        .context("starting timeout (Debian: coreutils)")?;
    let ran = Ran {
        status: status.code(),
        out: String::from_utf8_lossy(&stdout).into_owned(),
        err: String::from_utf8_lossy(&stderr).into_owned(),
    };
    match ran.status {
        Some(NOT_FOUND) => bail!("{shown} is not installed; ./test installs it\n{}", ran.err),
        Some(TIMED_OUT) => bail!("{shown} took over {LIMIT_S} s\n{}\n{}", ran.out, ran.err),
        _ => Ok(ran),
    }
}

/// A file is read at the program's own pace, so that neither side waits for a full pipe.
fn as_stdin(input: &[u8]) -> anyhow::Result<Stdio> {
    if input.is_empty() {
        return Ok(Stdio::null());
    }
    let mut file: File = tempfile::tempfile()?;
    file.write_all(input)?;
    file.rewind()?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_output_and_status_are_handed_over() {
        let ran = run("sh", ["-c", "cat; echo sorry >&2; exit 3"], b"hello").unwrap();
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("hello", "sorry\n"));
        assert!(ran.exits(3).unwrap().ok().is_err());
    }

    #[test]
    fn a_missing_program_is_named() {
        let err = run("no-such-program", ["--version"], b"").unwrap_err();
        assert!(
            err.to_string()
                .starts_with("no-such-program is not installed")
        );
    }
}
