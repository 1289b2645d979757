//! `sealpost serve`: runs the server of a start file.

use std::path::PathBuf;

use net::{Clock, Random};
use policy::LogLevel;
use policy::change::Mode;
use service::{Outside, Paths, Pin, Service, Start};

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
        let start = Start {
            paths: Paths {
                data: file.data_dir.clone(),
                keys: file.keys_dir.clone(),
            },
            clock: Clock::real(),
            random: Random::system(),
            outside: Outside::Refuse,
            hash_threads: run::hash_threads(),
        };
        let pin = Pin {
            origin: file.origin.to_string(),
            vkey: file.vkey.to_string(),
        };
        run::runtime()?.block_on(async {
            let facts = run::boot_facts(text);
            let service = Service::open(start, &pin, Mode::Serve, facts).await?;
            let signals = Signals::listen()?;
            let house = House::open(service, &file.control_socket, signals).await?;
            house.run().await
        })
    }
}
