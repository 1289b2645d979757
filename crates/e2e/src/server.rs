//! A server of our own: starts, stops, is killed, starts again on the same data.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::ports::Block;
use crate::program::{self, Ran};
use crate::{Ready, binary};

/// Password of every account.
pub const PASSWORD: &str = "three pale lanterns 41";

/// Longest time from start to the ready line.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// Most of the server's talk that an error shows, in octets.
const TALK_SHOWN_OCTETS: usize = 4_000;

/// A running demo on ports of its own; it is killed when the value is dropped.
pub struct Server {
    binary: PathBuf,
    args: Vec<String>,
    folder: TempDir,
    ports: Block,
    child: Child,
    ready: Ready,
}

impl Server {
    /// Starts an empty server with accounts `u0001@demo.test` to `u0003@demo.test`.
    pub fn start() -> anyhow::Result<Self> {
        Self::with(&["--accounts", "3", "--no-story"])
    }

    /// Starts a server with these further arguments of `sealpost demo`.
    pub fn with(args: &[&str]) -> anyhow::Result<Self> {
        let binary = binary::locate()?;
        let folder = tempfile::Builder::new().prefix("sealpost-e2e-").tempdir()?;
        let ports = Block::claim()?;
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let (child, ready) = spawn(&binary, &args, folder.path(), ports.base)?;
        Ok(Self {
            binary,
            args,
            folder,
            ports,
            child,
            ready,
        })
    }

    /// What the server said when it was ready.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Address of the account with this number, counted from 1.
    pub fn address(&self, number: usize) -> String {
        format!("u{number:04}@{}", self.ready.domain)
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder for the files of a test; it goes away with the server.
    pub fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// Kills the server at once (SIGKILL), as a loss of power would.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the server to end (SIGTERM) and waits; it must end with status 0.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "after SIGTERM: {status}\n{}", self.talk());
        Ok(())
    }

    /// Starts again on the same data and ports, after [`Server::kill`] or [`Server::stop`].
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let base = self.ports.base;
        (self.child, self.ready) = spawn(&self.binary, &self.args, self.folder.path(), base)?;
        Ok(())
    }

    /// Runs a `sealpost` command on this server's data folder.
    pub fn cli(&self, args: &[&str]) -> anyhow::Result<Ran> {
        self.cli_with_input(args, b"")
    }

    /// Runs a `sealpost` command with this standard input.
    pub fn cli_with_input(&self, args: &[&str], input: &[u8]) -> anyhow::Result<Ran> {
        program::run_with(&self.binary, input, |command| {
            command.args(args).arg("--data").arg(self.data());
        })
    }

    /// The end of what the server said on standard error.
    pub fn talk(&self) -> String {
        talk(self.folder.path())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only when the process has already been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the server said:\n{}", self.talk());
        }
    }
}

fn spawn(
    binary: &Path,
    args: &[String],
    folder: &Path,
    base: u16,
) -> anyhow::Result<(Child, Ready)> {
    let talk_file = File::options()
        .create(true)
        .append(true)
        .open(folder.join("talk"))?;
    let mut child = Command::new(binary)
        .args([
            "demo",
            "--json",
            "--keep",
            "--password",
            PASSWORD,
            "--base-port",
        ])
        .arg(base.to_string())
        .arg("--data")
        .arg(folder.join("data"))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(talk_file)
        .spawn()
        .with_context(|| format!("starting {}", binary.display()))?;
    let stdout = child
        .stdout
        .take()
        .context("the server has no standard output")?;
    let read = first_line(stdout);
    if read.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let line = read.with_context(|| format!("the server said:\n{}", talk(folder)))?;
    let ready: Ready =
        serde_json::from_str(&line).with_context(|| format!("reading the ready line {line:?}"))?;
    ensure!(
        ready.ready && ready.pid == child.id(),
        "not the server that was started: {line}"
    );
    Ok((child, ready))
}

/// The first line, read on a thread that then goes on to read, so that the server never waits.
fn first_line(stdout: ChildStdout) -> anyhow::Result<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        let read = reader.read_line(&mut line).map(|_| line);
        // The receiver is gone only when its patience has ended.
        let _ = sender.send(read);
        let _ = std::io::copy(&mut reader.by_ref(), &mut std::io::sink());
    });
    let line = receiver
        .recv_timeout(START_PATIENCE)
        .context("no ready line in time")??;
    ensure!(!line.is_empty(), "the server ended before it was ready");
    Ok(line)
}

fn talk(folder: &Path) -> String {
    let octets = fs::read(folder.join("talk")).unwrap_or_default();
    let from = octets.len().saturating_sub(TALK_SHOWN_OCTETS);
    String::from_utf8_lossy(&octets[from..]).into_owned()
}
