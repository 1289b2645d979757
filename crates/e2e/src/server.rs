//! A server of our own: starts, stops, is killed, starts again on the same data.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use crate::program::{self, Ran};
use crate::ready::{Account, Ledger, Ports};
use crate::site::DOMAIN;
use crate::{PASSWORD, Ready, Site};

/// Longest time from start to the ready line.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// How often a starting server is asked whether it has ended.
const START_PULSE: Duration = Duration::from_millis(100);

/// Most of the server's talk that an error shows, in octets.
const TALK_SHOWN_OCTETS: u64 = 4_000;

/// A running server on ports of its own; it is killed when the value is dropped.
pub struct Server {
    site: Site,
    kind: Kind,
    child: Child,
    ready: Ready,
}

/// How a server is started.
enum Kind {
    /// By `sealpost demo` with these further arguments.
    Demo { args: Vec<String> },
    /// By `sealpost serve`; `ready` says all but the process id.
    Serve { ready: Ready },
}

/// The command line for one server, whether it runs or not.
#[derive(Clone, Debug)]
pub struct Commands {
    binary: PathBuf,
    place: [String; 2],
}

impl Commands {
    /// Runs a `sealpost` command.
    pub fn run(&self, args: &[&str]) -> anyhow::Result<Ran> {
        self.run_with_input(args, b"")
    }

    fn run_with_input(&self, args: &[&str], input: &[u8]) -> anyhow::Result<Ran> {
        program::run_with(&self.binary, input, |command| {
            command.args(args).args(&self.place);
        })
    }
}

/// What `sealpost setup --json` prints.
#[derive(Deserialize)]
struct SetUp {
    ca: PathBuf,
    ledger: Ledger,
}

impl Server {
    /// Starts an empty demo with accounts `u0001@demo.test` to `u0003@demo.test`.
    pub fn start() -> anyhow::Result<Self> {
        Self::with(&["--accounts", "3", "--no-story"])
    }

    /// Starts a demo with these further arguments of `sealpost demo`.
    pub fn with(args: &[&str]) -> anyhow::Result<Self> {
        Self::demo(Site::new()?, args)
    }

    /// Starts a demo there with these further arguments.
    pub fn demo(site: Site, args: &[&str]) -> anyhow::Result<Self> {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Self::on(site, Kind::Demo { args })
    }

    /// Sets a server up there and runs it; it has one account, the owner `u0001@demo.test`.
    pub fn serve(site: Site) -> anyhow::Result<Self> {
        let ran = site.setup()?.ok()?;
        let set_up: SetUp = serde_json::from_str(&ran.out)?;
        let owner = Account {
            address: format!("u0001@{DOMAIN}"),
            password: PASSWORD.to_owned(),
            role: "owner".to_owned(),
        };
        let ready = Ready {
            ready: true,
            domain: DOMAIN.to_owned(),
            ports: Ports::of(site.ports.base),
            ca: set_up.ca,
            accounts: vec![owner],
            ledger: set_up.ledger,
            pid: 0,
        };
        Self::on(site, Kind::Serve { ready })
    }

    fn on(site: Site, kind: Kind) -> anyhow::Result<Self> {
        let (child, ready) = spawn(&site, &kind)?;
        Ok(Self {
            site,
            kind,
            child,
            ready,
        })
    }

    /// What the server said when it was ready.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Where the server lives.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Address of the account with this number, counted from 1.
    pub fn address(&self, number: usize) -> String {
        format!("u{number:04}@{}", self.ready.domain)
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.site.data.clone()
    }

    /// A folder for the files of a test; it goes away with the server.
    pub fn scratch(&self) -> &Path {
        self.site.scratch()
    }

    /// Kills the server at once (SIGKILL), as a loss of power would.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the server to end (SIGTERM) and waits; it must end with status 0.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.terminate()?;
        self.ended().map(drop)
    }

    /// Asks the server to end (SIGTERM).
    pub fn terminate(&self) -> anyhow::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::TERM)?)
    }

    /// Waits for the end of a server that was asked to; its status must be 0.
    pub fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        let status = self.child.wait()?;
        ensure!(status.success(), "after SIGTERM: {status}\n{}", self.talk());
        Ok(status)
    }

    /// Waits for the end of a server that gives up by itself; its status must not be 0.
    pub fn gives_up(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(!status.success(), "it gave up with {status}");
                return Ok(());
            }
            ensure!(started.elapsed() < START_PATIENCE, "it did not give up");
            thread::sleep(START_PULSE);
        }
    }

    /// Starts again on the same data and ports, after [`Server::kill`] or [`Server::stop`].
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        (self.child, self.ready) = spawn(&self.site, &self.kind)?;
        Ok(())
    }

    /// As [`Server::start_again`], under a program as [`Site::under`] says, this once.
    pub fn start_again_under(&mut self, wrapper: &[String]) -> anyhow::Result<()> {
        self.site.wrapper = wrapper.to_vec();
        let started = self.start_again();
        self.site.wrapper.clear();
        started
    }

    /// Runs a `sealpost` command on this server's data folder.
    pub fn cli(&self, args: &[&str]) -> anyhow::Result<Ran> {
        self.cli_with_input(args, b"")
    }

    /// Runs a `sealpost` command with this standard input.
    pub fn cli_with_input(&self, args: &[&str], input: &[u8]) -> anyhow::Result<Ran> {
        self.commands().run_with_input(args, input)
    }

    /// The command line for this server, for a thread of its own.
    pub fn commands(&self) -> Commands {
        let (word, path) = match self.kind {
            Kind::Demo { .. } => ("--data", self.site.data.clone()),
            Kind::Serve { .. } => ("--config", self.site.start_file()),
        };
        Commands {
            binary: self.site.binary.clone(),
            place: [word.to_owned(), path.display().to_string()],
        }
    }

    /// The end of what the server said on standard error.
    pub fn talk(&self) -> String {
        talk(self.site.scratch())
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

fn spawn(site: &Site, kind: &Kind) -> anyhow::Result<(Child, Ready)> {
    let talk_file = File::options()
        .create(true)
        .append(true)
        .open(site.scratch().join("talk"))?;
    let words = site.command();
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .stdin(Stdio::null())
        .stderr(talk_file);
    let begun = match kind {
        Kind::Demo { args } => begin_demo(&mut command, site, args),
        Kind::Serve { ready } => begin_serve(&mut command, site, ready),
    };
    let (child, ready) =
        begun.with_context(|| format!("the server said:\n{}", talk(site.scratch())))?;
    ensure!(
        ready.ready && ready.pid == child.id(),
        "not the server that was started: {ready:?}"
    );
    Ok((child, ready))
}

fn begin_demo(
    command: &mut Command,
    site: &Site,
    args: &[String],
) -> anyhow::Result<(Child, Ready)> {
    command
        .args(["demo", "--json", "--keep", "--password", PASSWORD])
        .args(["--base-port", &site.ports.base.to_string()])
        .arg("--data")
        .arg(&site.data)
        .args(args)
        .stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let stdout = child.stdout.take();
    let stdout = stdout.context("the server has no standard output")?;
    match first_line(stdout).and_then(|line| Ok(serde_json::from_str(&line)?)) {
        Ok(ready) => Ok((child, ready)),
        Err(err) => Err(given_up(child, err)),
    }
}

fn begin_serve(
    command: &mut Command,
    site: &Site,
    ready: &Ready,
) -> anyhow::Result<(Child, Ready)> {
    let notify = site.scratch().join("notify");
    // The socket of an earlier start; there is none before the first.
    let _ = fs::remove_file(&notify);
    let socket = UnixDatagram::bind(&notify)?;
    command
        .args(["serve", "--config"])
        .arg(site.start_file())
        .env("NOTIFY_SOCKET", &notify)
        .stdout(Stdio::null());
    let mut child = command.spawn()?;
    if let Err(err) = notified(&socket, &mut child) {
        return Err(given_up(child, err));
    }
    let pid = child.id();
    let ready = ready.clone();
    Ok((child, Ready { pid, ..ready }))
}

fn given_up(mut child: Child, err: anyhow::Error) -> anyhow::Error {
    // It may have ended by itself.
    let _ = child.kill();
    match child.wait() {
        Ok(status) => err.context(format!("the server ended with {status}")),
        Err(wait) => err.context(wait),
    }
}

/// Waits for the word that a server gives to systemd.
fn notified(socket: &UnixDatagram, child: &mut Child) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut octets = [0; 64];
    socket.set_read_timeout(Some(START_PULSE))?;
    while started.elapsed() < START_PATIENCE {
        match socket.recv(&mut octets) {
            Ok(length) => {
                let word = String::from_utf8_lossy(&octets[..length]);
                ensure!(word == "READY=1", "the server told systemd {word}");
                return Ok(());
            }
            Err(err) if matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(err) => return Err(err.into()),
        }
        if let Some(status) = child.try_wait()? {
            bail!("it ended before it was ready: {status}");
        }
    }
    bail!("not ready in time")
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
    tail(&folder.join("talk")).unwrap_or_default()
}

/// The end of a file, which may be a long one.
fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let octets = file.metadata()?.len();
    file.seek(SeekFrom::Start(octets.saturating_sub(TALK_SHOWN_OCTETS)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    Ok(String::from_utf8_lossy(&end).into_owned())
}
