//! `sealpost serve`: runs the server of a start file.

use std::path::PathBuf;

use policy::LogLevel;
use policy::change::Mode;
use service::Service;

use crate::place::DEFAULT_START_FILE;
use crate::run::{self, House, Signals};
use crate::start_file::StartFile;

/// Runs the server until SIGTERM or Ctrl-C.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// The start file that `sealpost setup` wrote.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_START_FILE)]
    config: PathBuf,
    /// How the lines of the log are written.
    #[arg(long, value_enum, default_value_t)]
    log_format: run::log::Form,
}

impl Serve {
    /// Carries it out.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        run::log::start(self.log_format, LogLevel::Trace)?;
        let (file, text) = StartFile::read(&self.config)?;
        run::runtime()?.block_on(async {
            let facts = run::boot_facts(text);
            let service = Service::open(file.start(), &file.pin(), Mode::Serve, facts).await?;
            let signals = Signals::listen()?;
            let house = House::open(service, &file.control_socket, signals).await?;
            house.sending(file.outbound.way_out()?).run().await
        })
    }
}
