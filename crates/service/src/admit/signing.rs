//! What commands change in the keys with which mail is signed.

use policy::Change;
use policy::change::{DkimAlgorithm, DkimCreate, DkimName, DkimRemove, DkimSetUse, DkimUse};
use types::Domain;

use super::{AdmitError, draft::Draft};
use crate::command::Command;
use crate::dkim;

/// Keys of one day and one algorithm, told apart by a letter.
const LETTERS: &str = "abcdefgh";

impl Draft<'_> {
    pub(super) fn add_to_keys(&mut self, command: &Command) -> Result<(), AdmitError> {
        match command {
            Command::DkimCreate { domain } => {
                for algorithm in [DkimAlgorithm::Rsa, DkimAlgorithm::Ed25519] {
                    self.dkim_create(domain, algorithm)?;
                }
                Ok(())
            }
            Command::DkimSign { domain } => {
                let waiting = self.keys(domain, DkimUse::Waits);
                if waiting.is_empty() {
                    let words = format!("no key of {domain} waits to be used");
                    return Err(AdmitError::NotFound(words));
                }
                let former = self.keys(domain, DkimUse::Signs);
                self.dkim_use(waiting, DkimUse::Signs)?;
                self.dkim_use(former, DkimUse::Rests)
            }
            Command::DkimRest { domain } => {
                let signing = self.keys(domain, DkimUse::Signs);
                if signing.is_empty() {
                    let words = format!("mail of {domain} is not signed");
                    return Err(AdmitError::NotFound(words));
                }
                self.dkim_use(signing, DkimUse::Rests)
            }
            Command::DkimRemove { key } => {
                self.push(Change::DkimRemove(DkimRemove { id: key.clone() }))
            }
            _ => Ok(()),
        }
    }

    fn dkim_create(&mut self, domain: &Domain, algorithm: DkimAlgorithm) -> Result<(), AdmitError> {
        let day = self.now.to_string();
        let day: String = day.chars().filter(char::is_ascii_digit).take(8).collect();
        let kind = algorithm.key_type();
        let mut names = LETTERS
            .chars()
            .filter_map(|letter| DkimName::new(&format!("s{day}{letter}-{kind}"), domain.clone()));
        let id = names.find(|name| self.config.dkim_key(name).is_none());
        let id = id.ok_or_else(|| {
            let words = format!("{domain} has too many keys of today; remove one first");
            AdmitError::Conflict(words)
        })?;
        let key = dkim::generate(algorithm)
            .map_err(|_| AdmitError::Unavailable("no key could be made".to_owned()))?;
        let secret = self.secret(key.secret.expose());
        self.push(Change::DkimCreate(DkimCreate {
            id,
            algorithm,
            public: key.public,
            secret,
        }))
    }

    fn keys(&self, domain: &Domain, state: DkimUse) -> Vec<DkimName> {
        let keys = self.config.dkim_keys(domain);
        let keys = keys.filter(|key| key.state == state);
        keys.map(|key| key.made.id.clone()).collect()
    }

    fn dkim_use(&mut self, keys: Vec<DkimName>, state: DkimUse) -> Result<(), AdmitError> {
        for id in keys {
            self.push(Change::DkimSetUse(DkimSetUse { id, state }))?;
        }
        Ok(())
    }
}
