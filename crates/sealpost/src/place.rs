//! Which installation a command means: by its start file, or by its data folder.

use std::path::{Path, PathBuf};

use ledger::note::VerifierKey;

use crate::control::client::Client;
use crate::exit::Failure;
use crate::start_file::{self, StartFile};

/// Where packages put the start file.
pub(crate) const DEFAULT_START_FILE: &str = "/etc/sealpost/sealpost.toml";

/// Names one installation; without a flag, the one of the packages.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Place {
    /// The start file of the server.
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// The data folder of the server, instead of its start file.
    // The last one counts: a command that names it is also pasted behind a function that does.
    #[arg(long, value_name = "DIR", overrides_with = "data")]
    data: Option<PathBuf>,
}

/// What a place stands for.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// A start file with all it says.
    File(Box<StartFile>),
    /// A data folder; which ledger belongs to it is not pinned.
    Folder(PathBuf),
}

impl Place {
    /// The key that a start file pins, if one was named.
    pub(crate) fn pinned(&self) -> anyhow::Result<Option<VerifierKey>> {
        match &self.config {
            Some(_) => match self.find()? {
                Found::File(file) => Ok(Some(file.vkey)),
                Found::Folder(_) => Ok(None),
            },
            None => Ok(None),
        }
    }

    /// Reads the start file, if one is meant.
    pub(crate) fn find(&self) -> anyhow::Result<Found> {
        if let Some(data) = &self.data {
            return Ok(Found::Folder(std::path::absolute(data)?));
        }
        let path = self
            .config
            .as_deref()
            .unwrap_or(Path::new(DEFAULT_START_FILE));
        if self.config.is_none() && !path.exists() {
            let words = format!(
                "which server? There is no {DEFAULT_START_FILE}: add --config FILE or --data DIR"
            );
            return Err(Failure::usage(words).into());
        }
        Ok(Found::File(Box::new(StartFile::read(path)?.0)))
    }

    /// The start file that is meant, whether it is there or not.
    pub(crate) fn start_file_path(&self) -> PathBuf {
        self.config
            .clone()
            .unwrap_or_else(|| DEFAULT_START_FILE.into())
    }

    /// The flags that named it, as they go on behind a command that is told to people.
    pub(crate) fn flags(&self) -> String {
        match (&self.config, &self.data) {
            (Some(file), _) => format!(" --config {}", quoted(file)),
            (None, Some(folder)) => format!(" --data {}", quoted(folder)),
            (None, None) => String::new(),
        }
    }

    /// The way to the running server.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::new(self.find()?.socket()))
    }
}

/// A path as a shell reads it back.
fn quoted(path: &Path) -> String {
    service::shell::quoted(&path.display().to_string())
}

impl Found {
    /// The control socket.
    pub(crate) fn socket(&self) -> PathBuf {
        match self {
            Self::File(file) => file.control_socket.clone(),
            Self::Folder(data) => start_file::default_socket(data),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flags_of_a_place_can_be_pasted() {
        for (path, flags) in [
            ("/srv/mail", " --data /srv/mail"),
            ("my mail", " --data 'my mail'"),
            ("it's; rm", " --data 'it'\\''s; rm'"),
        ] {
            let place = Place {
                config: None,
                data: Some(path.into()),
            };
            assert_eq!(place.flags(), flags);
        }
        assert_eq!(Place::default().flags(), "");
    }
}
