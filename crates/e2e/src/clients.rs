//! Mail clients that other people wrote.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::program::{self, Ran};
use crate::{PASSWORD, Server};

/// Name in the server's certificate by which the clients call it.
const HOST: &str = "localhost";

/// Runs swaks against a port with these arguments and a time limit of its own.
pub fn swaks(server: &Server, port: u16, args: &[&str]) -> anyhow::Result<Ran> {
    program::run_with("swaks", b"", |command| {
        command
            .args(["--server", HOST, "--timeout", "30", "--port"])
            .arg(port.to_string())
            .arg("--tls-ca-path")
            .arg(&server.ready().ca)
            .args(["--tls-verify"])
            .args(args);
    })
}

/// Runs curl with a URL of this scheme, port and path, signed in as account `number`.
pub fn curl(
    server: &Server,
    (scheme, port): (&str, u16),
    path: &str,
    number: usize,
    args: &[&str],
) -> anyhow::Result<Ran> {
    program::run_with("curl", b"", |command| {
        command
            .args(["--silent", "--show-error", "--max-time", "60", "--cacert"])
            .arg(&server.ready().ca)
            .arg("--user")
            .arg(format!("{}:{PASSWORD}", server.address(number)))
            .args(args)
            .arg(format!("{scheme}://{HOST}:{port}{path}"));
    })
}

/// Runs a script from `crates/e2e/scripts`. The script finds the ready line of the server in the
/// environment as `SEALPOST`, and the password as `PASSWORD`.
pub fn python(server: &Server, script: &str, args: &[&str]) -> anyhow::Result<Ran> {
    script_by("python3".as_ref(), &["-B"], server, script, args)
}

/// The same with the packages of `crates/e2e/requirements.txt`, which `./test` installs.
pub fn python_with_packages(server: &Server, script: &str, args: &[&str]) -> anyhow::Result<Ran> {
    script_by(&packaged_python(), &["-B"], server, script, args)
}

/// The interpreter of the environment that `./test` makes.
pub fn packaged_python() -> PathBuf {
    installed().join("python/bin/python")
}

/// Where `./test` puts what Debian does not have.
fn installed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")
}

/// Runs a script by Node.js, as [`python`] does, with the packages of `crates/e2e/packages.txt`.
pub fn node(server: &Server, script: &str) -> anyhow::Result<Ran> {
    script_by("node".as_ref(), &[], server, script, &[])
}

fn script_by(
    interpreter: &Path,
    options: &[&str],
    server: &Server,
    script: &str,
    args: &[&str],
) -> anyhow::Result<Ran> {
    let ready = serde_json::to_string(server.ready())?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scripts")
        .join(script);
    let target = installed();
    program::run_with(interpreter, b"", |command| {
        command
            .args(options)
            .arg(path)
            .args(args)
            .env("NODE_PATH", target.join("node/node_modules"))
            .env("SEALPOST", ready)
            .env("SSL_CERT_FILE", &server.ready().ca)
            .env("PASSWORD", PASSWORD);
    })
}

/// Runs `openssl s_client` with these arguments, verifies the certificate, and says `input`.
pub fn s_client(server: &Server, port: u16, args: &[&str], input: &str) -> anyhow::Result<Ran> {
    program::run_with("openssl", input.as_bytes(), |command| {
        command
            .args([
                "s_client",
                "-verify_return_error",
                "-verify_hostname",
                HOST,
                "-connect",
            ])
            .arg(format!("{HOST}:{port}"))
            .arg("-CAfile")
            .arg(&server.ready().ca)
            .args(args);
    })
}

/// A folder that mbsync keeps equal to the mailboxes of one account, both ways.
pub struct Mbsync<'a> {
    server: &'a Server,
    /// Where the Maildirs are; INBOX is `INBOX` below it.
    pub maildirs: PathBuf,
    configuration: PathBuf,
}

impl<'a> Mbsync<'a> {
    /// Prepares account `number` for a client called `name`.
    pub fn new(server: &'a Server, number: usize, name: &str) -> anyhow::Result<Self> {
        let folder = server.scratch().join(name);
        let maildirs = folder.join("mail");
        fs::create_dir_all(&maildirs)?;
        let configuration = folder.join("mbsyncrc");
        let text = format!(
            "IMAPAccount here\nHost {HOST}\nPort {port}\nUser {user}\nPass \"{PASSWORD}\"\n\
             SSLType IMAPS\nCertificateFile {ca}\n\n\
             IMAPStore far\nAccount here\n\n\
             MaildirStore near\nPath {path}/\nInbox {path}/INBOX\nSubFolders Verbatim\n\n\
             Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Both\nExpunge Both\n\
             SyncState *\n",
            port = server.ready().ports.imaps,
            user = server.address(number),
            ca = server.ready().ca.display(),
            path = maildirs.display(),
        );
        fs::write(&configuration, text)?;
        Ok(Self {
            server,
            maildirs,
            configuration,
        })
    }

    /// Synchronises once and returns the counters by which mbsync sums up what it did, such as
    /// `C: 1/1  B: 2/2  F: +3/3 *0/0 #0/0  N: +0/0 *0/0 #0/0`.
    pub fn summed_up(&self) -> anyhow::Result<String> {
        // It counts only for a terminal.
        let config = self.configuration.display();
        let command = format!("stty cols 200; exec mbsync --config '{config}' all");
        let args = ["--quiet", "--return", "--command", &command, "/dev/null"];
        let ran = program::run_with("script", b"", |script| {
            script.args(args).env("HOME", self.server.scratch());
        })?
        .ok()?;
        let counters = ran
            .out
            .trim_end()
            .rsplit('\r')
            .find(|line| line.contains("F: "));
        Ok(counters.context("mbsync counts nothing")?.trim().to_owned())
    }

    /// Synchronises once; mbsync must be content.
    pub fn sync(&self) -> anyhow::Result<Ran> {
        let home = self.server.scratch();
        program::run_with("mbsync", b"", |command| {
            command
                .arg("--config")
                .arg(&self.configuration)
                .args(["--verbose", "all"]);
            command.env("HOME", home);
        })?
        .ok()
    }
}
