//! Servers of others that a test starts; each ends with its value.

use std::ffi::OsStr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

/// Some read their configuration, and signatures of a hundred megabytes, first.
const START: Duration = Duration::from_secs(60);

/// A server of others.
pub struct Daemon(Child);

impl Daemon {
    /// Starts a program and waits until it answers.
    pub fn start<A: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = A>,
        answers: impl Fn() -> bool,
    ) -> anyhow::Result<Self> {
        let shown = program.as_ref().to_string_lossy().into_owned();
        let process = Command::new(&program)
            .args(args)
            .env("PATH", format!("{}:/usr/sbin", std::env::var("PATH")?))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{shown} is not installed"))?;
        let mut daemon = Self(process);
        let begun = Instant::now();
        while !answers() {
            if let Some(status) = daemon.0.try_wait()? {
                bail!("{shown} ended at once: {status}");
            }
            ensure!(begun.elapsed() < START, "{shown} does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let id = self.0.id().to_string();
        // Asked first, so that its own children go too; if it is gone, there is nothing to do.
        let asked = Command::new("kill").arg(id).status();
        if asked.is_err() {
            self.0.kill().ok();
        }
        self.0.wait().ok();
    }
}
