//! What the server records of itself at each start.

use ledger::Door;
use ledger::state_root::{ObjectState, state_root};
use policy::change::{Boot, RULES_ENGINE};
use policy::{Change, Config};
use types::Sha256;

use super::StartError;
use crate::Service;

/// Facts about the process that only the program itself can gather.
#[derive(Clone, Debug)]
pub struct BootFacts {
    /// Version of the program.
    pub version: String,
    /// SHA-256 of the executable file.
    pub binary: Sha256,
    /// The command line; secrets never stand in it.
    pub argv: Vec<String>,
    /// The content of the start file.
    pub start_file: Vec<u8>,
    /// Names of the environment variables that the program honours and found set.
    pub environment: Vec<String>,
    /// Name of the machine.
    pub host: String,
    /// User of the process.
    pub uid: u32,
}

impl Service {
    /// Records this start.
    pub(super) async fn record_boot(&self, facts: BootFacts) -> Result<(), StartError> {
        let config = self.config();
        let last_signed_size = config.size();
        let start_file = self.inner.vault.plain_object(&facts.start_file);
        let start_file_differs = match self.last_start_file(&config) {
            Some(previous) if previous != start_file.id => {
                self.differing_keys(previous, &facts.start_file)
            }
            _ => Vec::new(),
        };
        if !start_file_differs.is_empty() {
            let keys = start_file_differs.join(", ");
            tracing::warn!(%keys, "the start file changed since the last start: {keys}");
        }
        let boot = Boot {
            version: facts.version,
            rules_engine: RULES_ENGINE,
            binary: facts.binary,
            argv: facts.argv,
            start_file: start_file.id,
            start_file_differs,
            resolver: None,
            trust_store: None,
            environment: facts.environment,
            host: facts.host,
            uid: facts.uid,
            state_root: state_root_of(&config),
            last_signed_size,
        };
        self.record_own(Door::Boot, Change::Boot(boot), vec![start_file])
            .await?;
        Ok(())
    }

    /// The start file of the last start, as its entry names it.
    fn last_start_file(&self, config: &Config) -> Option<Sha256> {
        let (seq, _) = config.last_entry("system", "boot")?;
        let log = self.inner.origin.to_string();
        let read = self
            .inner
            .store
            .read_blocking(|tx| store::ledger::entries(tx, &log, seq, 1));
        let entry = ledger::Entry::from_bytes(&read.ok()?.first()?.bytes).ok()?;
        match Change::from_entry(&entry) {
            Ok(Change::Boot(boot)) => Some(boot.start_file),
            _ => None,
        }
    }

    /// Lines of the start file that are in one of both only, by their keys.
    fn differing_keys(&self, previous: Sha256, now: &[u8]) -> Vec<String> {
        let read = self
            .inner
            .store
            .read_blocking(|tx| store::ledger::object(tx, &previous));
        let before = read.ok().flatten().unwrap_or_default();
        let (before, now) = (lines(&before), lines(now));
        let changed = before.iter().filter(|line| !now.contains(line));
        let added = now.iter().filter(|line| !before.contains(line));
        let mut keys: Vec<_> = changed
            .chain(added)
            .filter_map(|line| line.split('=').next())
            .map(str::trim)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().map(str::to_owned).collect()
    }
}

fn lines(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let plain = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    plain.map(str::to_owned).collect()
}

/// The digest over the last entry of every object.
pub(crate) fn state_root_of(config: &Config) -> Sha256 {
    let items = config.state();
    let objects = items.iter().map(|item| ObjectState {
        kind: item.kind,
        id: &item.id,
        seq: item.seq,
        after: item.after,
    });
    state_root(objects).expect("policy lists objects sorted and with plain names")
}
