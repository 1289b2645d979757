//! `sealpost status`, `health`, `stop` and `version`.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::ask::Read;
use crate::control::protocol::Ask;
use crate::exit::{Exit, Failure};
use crate::output::Format;
use crate::place::Place;

/// How long `stop` waits: the sessions' own time and some more.
const STOP_PATIENCE: Duration = Duration::from_secs(40);
const STOP_PULSE: Duration = Duration::from_millis(100);

/// Says how the server is.
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    #[command(flatten)]
    read: Read,
}

/// Says whether the server works; ends with 1 if it does not, or not fully.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "For probes: 0 it works, 1 it does not or puts mail off, 8 no server answers."
)]
pub(crate) struct Health {
    #[command(flatten)]
    read: Read,
}

/// Stops the server once its sessions have ended, at the latest after 20 seconds.
#[derive(Debug, clap::Args)]
#[command(after_help = "Under systemd, use `systemctl stop sealpost`; it does the same.")]
pub(crate) struct Stop {
    #[command(flatten)]
    place: Place,
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

impl Health {
    /// Carries it out.
    pub(crate) fn run(self, out: &mut dyn Write) -> anyhow::Result<()> {
        let health = self.read.place.client()?.ask(Ask::Health)?;
        self.read.format.details(out, &health)?;
        if health["good"] == true {
            return Ok(());
        }
        let reasons = [&health["troubles"], &health["hindrances"]];
        let reasons = reasons.into_iter().filter_map(Value::as_array).flatten();
        let reasons: Vec<_> = reasons.filter_map(Value::as_str).collect();
        Err(Failure::new(Exit::Failed, reasons.join("; ")).into())
    }
}

impl Stop {
    /// Carries it out, and waits until nobody answers any more.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let asked = self.place.client()?.ask(Ask::Stop)?;
        // Readable for the console as long as the process runs, and not for its remains.
        let program = format!("/proc/{}/exe", asked["pid"]);
        let started = Instant::now();
        while started.elapsed() < STOP_PATIENCE {
            std::thread::sleep(STOP_PULSE);
            if std::fs::read_link(&program).is_err() {
                eprintln!("Stopped.");
                return Ok(());
            }
        }
        let words = "the server still ends its sessions; look again with `sealpost status`";
        Err(Failure::new(Exit::Failed, words).into())
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
