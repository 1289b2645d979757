//! A new installation: folders, keys, entry 0, and the first changes.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use ledger::{Door, Origin};
use policy::Change;
use policy::change::{Genesis, Mode, Preset};
use types::Domain;

use super::unfinished::Attempt;
use super::{Paths, Pin, Start, StartError};
use crate::Service;
use crate::actor::Actor;
use crate::admit::AdmitOptions;
use crate::command::Command;
use crate::fault::{self, Step};
use crate::keys::Keys;
use crate::signer::Signer;

/// What a new installation is.
#[derive(Clone, Debug)]
pub struct Founding {
    /// For real mail or for show.
    pub mode: Mode,
    /// The host name of that day, part of the log's name for life.
    pub host_name: Domain,
    /// Who founds it.
    pub actor: Actor,
    /// The first changes: domains, the owner, listeners.
    pub commands: Vec<Command>,
}

impl Service {
    /// Makes an installation in folders that do not exist yet, are empty, or have nothing but
    /// what a setup left that was cut off.
    ///
    /// If it cannot be finished, what was made is removed again.
    pub async fn create(start: Start, founding: Founding) -> Result<(Self, Pin), StartError> {
        let paths = start.paths.clone();
        Attempt::clear_unfinished(&paths)?;
        make_empty(&paths.data)?;
        make_empty(&paths.keys)?;
        let attempt = Attempt::begin(&paths, &start.random)?;
        fault::reached(Step::FoldersMade);
        let made = Self::found(start, founding).await;
        fault::reached(Step::SetupDone);
        let made = made.and_then(|made| attempt.finish().map(|()| made));
        if made.is_err() {
            remove(&paths);
        }
        made
    }

    async fn found(start: Start, founding: Founding) -> Result<(Self, Pin), StartError> {
        let instance: String = start
            .random
            .array::<4>()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        let origin: Origin = format!("{}/{instance}/config/1", founding.host_name)
            .parse()
            .expect("a domain name and hexadecimal digits make an origin");
        let keys = Keys::create(&start.paths.keys, start.random.clone())?;
        fault::reached(Step::KeysMade);
        let signer = Signer::create(&start.paths.keys, &origin, &start.random)?;
        let pin = Pin {
            origin: origin.to_string(),
            vkey: signer.verifier().to_string(),
        };
        fault::reached(Step::SignerMade);
        let service = Self::assemble(start, keys, signer)?;
        fault::reached(Step::StoreMade);
        let genesis = Change::Genesis(Genesis {
            instance,
            mode: founding.mode,
            host_name: founding.host_name,
            vkey: pin.vkey.clone(),
            preset: Preset::Relaxed,
        });
        service.record_own(Door::Boot, genesis, Vec::new()).await?;
        let options = AdmitOptions {
            reason: Some("first setup".to_owned()),
            dry_run: false,
            ..AdmitOptions::default()
        };
        service
            .admit(&founding.actor, founding.commands, options)
            .await?;
        Ok((service, pin))
    }
}

fn make_empty(dir: &Path) -> Result<(), StartError> {
    let failed = |why: String| StartError::Folder {
        path: dir.display().to_string(),
        why,
    };
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir);
    made.map_err(|err| failed(format!("{err}; make its parent folder writable")))?;
    let mut content = fs::read_dir(dir).map_err(|err| failed(err.to_string()))?;
    if content.next().is_some() {
        let why = "it is not empty; an installation is never overwritten, choose another folder";
        return Err(failed(why.to_owned()));
    }
    Ok(())
}

fn remove(paths: &Paths) {
    for dir in [&paths.data, &paths.keys] {
        if let Err(err) = fs::remove_dir_all(dir) {
            tracing::warn!(error = %err, "could not remove {}: {err}", dir.display());
        }
    }
}
