//! A place for one server: the binary, a folder that goes away, ports that nobody else uses.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::binary;
use crate::ports::Block;
use crate::program::{self, Ran};

/// Password of every account.
pub const PASSWORD: &str = "three pale lanterns 41";

/// Domain of a server that was set up.
pub(crate) const DOMAIN: &str = "demo.test";

/// Nothing that a test sends finds its way to another server.
const NOWHERE: &str = "dns_servers = []\n";

/// Where a server lives, and how its program is started.
pub struct Site {
    pub(crate) binary: PathBuf,
    pub(crate) folder: TempDir,
    pub(crate) ports: Block,
    pub(crate) data: PathBuf,
    pub(crate) wrapper: Vec<String>,
    outbound: String,
}

impl Site {
    /// An empty place.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("sealpost-e2e-").tempdir()?;
        let data = folder.path().join("data");
        Ok(Self {
            binary: binary::locate()?,
            folder,
            ports: Block::claim()?,
            data,
            wrapper: Vec::new(),
            outbound: NOWHERE.to_owned(),
        })
    }

    /// The same, but other servers are reached as this part of the start file says.
    pub fn reaching(self, outbound: &str) -> Self {
        let outbound = outbound.to_owned();
        Self { outbound, ..self }
    }

    /// The same with another data folder.
    pub fn with_data(self, data: PathBuf) -> Self {
        Self { data, ..self }
    }

    /// The same, but servers are started by this program, which takes theirs as its arguments and
    /// becomes it.
    pub fn under(self, wrapper: &[&str]) -> Self {
        let wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        Self { wrapper, ..self }
    }

    /// A folder for the files of a test; it goes away with the place.
    pub fn scratch(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Path of the binary under test.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// The start file that [`Site::setup`] writes.
    pub fn start_file(&self) -> PathBuf {
        self.scratch().join("sealpost.toml")
    }

    /// Port of the block for the service whose registered port is `registered`.
    pub fn port(&self, registered: u16) -> u16 {
        self.ports.base + registered
    }

    /// Runs `sealpost` under the wrapper with this standard input.
    pub fn run(&self, args: &[&str], input: &[u8]) -> anyhow::Result<Ran> {
        let words = self.command();
        program::run_with(&words[0], input, |command| {
            command.args(&words[1..]).args(args);
        })
    }

    /// The words that start the binary.
    pub(crate) fn command(&self) -> Vec<String> {
        let binary = self.binary.display().to_string();
        self.wrapper.iter().cloned().chain([binary]).collect()
    }

    /// Runs `sealpost setup` for the owner `u0001@demo.test`, on loopback.
    pub fn setup(&self) -> anyhow::Result<Ran> {
        let owner = format!("u0001@{DOMAIN}");
        let path = |path: &Path| path.display().to_string();
        let (config, data) = (path(&self.start_file()), path(&self.data));
        let (keys, base) = (path(&self.scratch().join("keys")), self.ports.base);
        let args = [
            "setup",
            &owner,
            "--config",
            &config,
            "--data",
            &data,
            "--keys",
            &keys,
            "--listen",
            "127.0.0.1",
            "--base-port",
            &base.to_string(),
            "--password-file",
            "-",
            "--json",
        ];
        let ran = self.run(&args, format!("{PASSWORD}\n").as_bytes())?;
        if ran.status == Some(0) {
            let mut file = OpenOptions::new().append(true).open(self.start_file())?;
            write!(file, "\n[outbound]\n{}", self.outbound)?;
        }
        Ok(ran)
    }
}
