//! The log: lines on standard error, which systemd keeps, and the newest of them in memory.
//!
//! Each event has a kind, by the part of the program that tells it; each kind has a level, which is
//! a setting and changes while the server runs. A line is bounded, what others chose in it cannot
//! steer a terminal or begin a new line, and no line holds a secret.

mod event;
mod levels;

mod layer;

use std::io::IsTerminal as _;
use std::sync::{Arc, OnceLock};

use policy::{LogKind, LogLevel, Settings};
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use layer::{Layer, Shared};
pub(crate) use levels::LOG_VARIABLE;
use levels::Levels;

/// The environment variable by which systemd says that it keeps standard error.
pub(crate) const JOURNAL_VARIABLE: &str = "JOURNAL_STREAM";

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// For people; systemd's journal gets the level in front and no time, which it has itself.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The log of this process, once it has begun.
static LOG: OnceLock<Arc<Shared>> = OnceLock::new();

/// Begins the log. Of what the levels let through, only what is at least as urgent as `shown` goes
/// to standard error, unless the environment asks for more.
pub(crate) fn start(form: Form, shown: LogLevel) -> anyhow::Result<()> {
    let levels = Levels::from_environment()?;
    let shown = match levels.raised_most() {
        Some(raised) => shown.max(raised),
        None => shown,
    };
    let in_journal = std::env::var_os(JOURNAL_VARIABLE).is_some();
    let for_journal = in_journal && !std::io::stderr().is_terminal();
    let shared = Arc::new(Shared::new(levels, form, shown, for_journal));
    tracing_subscriber::registry()
        .with(Layer(Arc::clone(&shared)))
        .try_init()?;
    // Whoever began the log first keeps it; `try_init` has refused a second one.
    let _first = LOG.set(shared);
    Ok(())
}

/// Takes the levels of the settings in force.
pub(crate) fn follow(settings: &Settings) {
    if let Some(shared) = LOG.get()
        && shared.levels.follow(settings)
    {
        tracing::callsite::rebuild_interest_cache();
    }
}

/// The newest lines that are in memory, the newest last, as JSON objects.
pub(crate) fn tail(kind: Option<LogKind>, limit: usize) -> Vec<Value> {
    LOG.get()
        .map(|shared| shared.newest.last(kind, limit))
        .unwrap_or_default()
}
