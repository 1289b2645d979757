//! `sealpost status` and `sealpost version`.

use std::io::Write;

use serde_json::json;

use super::ask::Read;
use crate::control::protocol::Ask;
use crate::output::Format;

/// Says how the server is.
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    #[command(flatten)]
    read: Read,
}

/// Prints the version.
#[derive(Debug, clap::Args)]
pub(crate) struct Version {
    #[command(flatten)]
    format: Format,
}

impl Status {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        self.read.show(out, Ask::Status)
    }
}

impl Version {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let version = env!("CARGO_PKG_VERSION");
        if self.format.json {
            return Ok(crate::output::json_line(out, &json!({"version": version}))?);
        }
        Ok(writeln!(out, "sealpost {version}")?)
    }
}
