//! The fold: entry after entry, in the order of the ledger, into a configuration.

use ledger::{Entry, Outcome};
use types::Sha256;

use super::{Authorship, Config, Mark, id_number};
use crate::change::Change;
use crate::fold_error::FoldError;

impl Config {
    /// The configuration as a change would make it that is tried and has no entry yet.
    pub fn tried(&self, change: &Change, made: &Authorship) -> Result<Self, FoldError> {
        let mut builder = ConfigBuilder::from(self.clone());
        builder.fold(self.size, Sha256([0; 32]), change, made)?;
        Ok(builder.finish())
    }
}

/// A configuration that is being folded in place, for a start or a batch.
///
/// After an error it is as it was before the entry.
#[derive(Debug, Default)]
pub struct ConfigBuilder {
    config: Config,
}

impl From<Config> for ConfigBuilder {
    fn from(config: Config) -> Self {
        Self { config }
    }
}

impl ConfigBuilder {
    /// Begins before entry 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The configuration so far.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What was folded.
    pub fn finish(self) -> Config {
        self.config
    }

    /// Folds one change that was applied; `after` is the SHA-256 of the entry's stored `after`.
    pub fn fold(
        &mut self,
        seq: u64,
        after: Sha256,
        change: &Change,
        made: &Authorship,
    ) -> Result<(), FoldError> {
        self.expect(seq)?;
        self.config.apply(seq, change, made)?;
        self.mark(seq, after, change);
        self.config.size += 1;
        Ok(())
    }

    /// Counts an entry that changed nothing: a refusal, a failure.
    pub fn pass(&mut self, seq: u64) -> Result<(), FoldError> {
        self.expect(seq)?;
        self.config.size += 1;
        Ok(())
    }

    /// Folds an entry as it stands in the ledger: what was applied changes the configuration, the
    /// rest is counted. Returns the change that took place.
    pub fn fold_entry(&mut self, entry: &Entry) -> Result<Option<Change>, FoldError> {
        if entry.outcome != Outcome::Applied {
            self.pass(entry.seq)?;
            return Ok(None);
        }
        let change = Change::from_entry(entry)?;
        let made = Authorship::from(entry);
        self.fold(entry.seq, entry.after_sha256()?, &change, &made)?;
        Ok(Some(change))
    }

    fn expect(&self, seq: u64) -> Result<(), FoldError> {
        if seq == self.config.size {
            Ok(())
        } else {
            Err(FoldError::OutOfOrder {
                expected: self.config.size,
                found: seq,
            })
        }
    }

    /// Notes the entry as the last one of its object.
    fn mark(&mut self, seq: u64, after: Sha256, change: &Change) {
        let (kind, id) = change.object();
        let (numbered, named) = self.config.marks.entry(kind).or_default();
        let number = id_number(kind, &id);
        let last = match number {
            Some(number) => numbered.get(number),
            None => named.get(&id),
        };
        let rev = last.map_or(1, |mark| mark.rev.saturating_add(1));
        let mark = Mark { seq, rev, after };
        match number {
            Some(number) => numbered.insert(number, mark),
            None => {
                named.insert(id, mark);
            }
        }
    }
}
