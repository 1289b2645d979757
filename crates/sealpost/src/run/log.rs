//! The log: lines on standard error, which systemd keeps.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::exit::Failure;

/// The environment variable that sets what is logged, such as `debug` or `info,smtp=debug`.
pub(crate) const LOG_VARIABLE: &str = "SEALPOST_LOG";

/// Starts the log; `default` holds where [`LOG_VARIABLE`] says nothing.
pub(crate) fn start(default: &str) -> anyhow::Result<()> {
    let wanted = std::env::var(LOG_VARIABLE).unwrap_or_else(|_| default.to_owned());
    let filter = EnvFilter::try_new(&wanted).map_err(|error| {
        Failure::usage(format!(
            "{LOG_VARIABLE} is {wanted:?}, which is no log level ({error}): write error, warn, \
             info or debug, or levels for parts such as info,smtp=debug"
        ))
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(may_colour())
        .init();
    Ok(())
}

fn may_colour() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !dumb && !unwanted
}
