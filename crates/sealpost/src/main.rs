//! The Sealpost binary: reads the command line, runs the command, says how it ended.

mod exit;
mod output;

mod place;
mod secret_input;
mod start_file;

mod control;
mod export;
mod offline;
mod ports;

mod founding;
mod run;

mod demo;

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    exit::settle(cli::Cli::read().run(&mut out))
}
