//! What takes long or must be fresh is done before the gate is closed for others: hashing passwords,
//! making secrets, checking the code that proves a second factor.

use types::{AccountId, Address, CredentialId, Secret};
use zeroize::Zeroizing;

use super::AdmitError;
use crate::actor::{Actor, Who};
use crate::command::Command;
use crate::password::{self, Busy};
use crate::{Service, letters, totp};

/// Codes of one set.
const RECOVERY_CODES: usize = 10;

/// Removed mail that is to be deleted for good.
#[derive(Clone, Debug)]
pub(crate) struct Purge {
    pub(crate) account: AccountId,
    /// The numbers of the messages.
    pub(crate) ids: Vec<i64>,
    pub(crate) octets: u64,
    /// Whether there may be more than one change takes.
    pub(crate) more: bool,
}

/// A command with what must be kept, and told, of its secret.
pub(crate) struct Prepared<'a> {
    pub(crate) command: &'a Command,
    /// The text that checks the secret; it is stored as a secret object.
    check: Option<Zeroizing<String>>,
    /// Secrets that were made here and are told once.
    pub(crate) made: Vec<Secret>,
    /// The time step of the code that proved a second factor.
    pub(crate) step: Option<u64>,
    /// What is to be deleted for good once the record tells it.
    pub(crate) purge: Option<Purge>,
}

impl<'a> Prepared<'a> {
    fn new(command: &'a Command) -> Self {
        Self {
            command,
            check: None,
            made: Vec::new(),
            step: None,
            purge: None,
        }
    }

    /// The text that checks the secret.
    pub(super) fn check(&self) -> Option<&str> {
        self.check.as_ref().map(|check| check.as_str())
    }
}

impl Service {
    pub(super) async fn prepare<'a>(
        &self,
        actor: &Actor,
        commands: &'a [Command],
        dry_run: bool,
    ) -> Result<Vec<Prepared<'a>>, AdmitError> {
        let mut all = Vec::with_capacity(commands.len());
        for command in commands {
            all.push(self.prepare_one(actor, command, dry_run).await?);
        }
        Ok(all)
    }

    async fn prepare_one<'a>(
        &self,
        actor: &Actor,
        command: &'a Command,
        dry_run: bool,
    ) -> Result<Prepared<'a>, AdmitError> {
        let mut prepared = Prepared::new(command);
        match command {
            Command::AccountAdd {
                address, password, ..
            }
            | Command::AccountPassword { address, password } => {
                // What the program sets for itself, for the demo's people, is shown anyway.
                if !matches!(actor.who, Who::System) {
                    self.check_password_rules(address, &password.0)?;
                }
                prepared.check = Some(self.hash_password(address, &password.0, dry_run).await?);
            }
            Command::AppPasswordAdd { account, .. } => {
                let made = letters::make(&self.inner.random, letters::LONG);
                prepared.check = Some(self.check_letters(account, &made, dry_run).await?);
                prepared.made = vec![made];
            }
            Command::TotpEnrol { secret, code, .. } => {
                if !dry_run {
                    prepared.step = Some(self.prove_factor(&secret.0, &code.0)?);
                }
                let text = String::from_utf8_lossy(secret.0.expose()).into_owned();
                prepared.check = Some(Zeroizing::new(text));
            }
            Command::RecoveryCodes { .. } => {
                let random = &self.inner.random;
                let make = |_| letters::make(random, letters::SHORT);
                prepared.made = (0..RECOVERY_CODES).map(make).collect();
                let line = letters::line(random, &prepared.made, letters::SHORT);
                prepared.check = Some(Zeroizing::new(line));
            }
            Command::TokenAdd { .. } => {
                let random = &self.inner.random;
                prepared.made = vec![letters::make(random, letters::LONG)];
                let line = letters::line(random, &prepared.made, letters::LONG);
                prepared.check = Some(Zeroizing::new(line));
            }
            Command::RecoverablePurge { account, wanted } => {
                let purge = self.purge_of(account, wanted).await;
                prepared.purge = purge.map_err(|err| AdmitError::NotFound(err.to_string()))?;
            }
            _ => {}
        }
        Ok(prepared)
    }

    fn check_password_rules(&self, address: &Address, password: &Secret) -> Result<(), AdmitError> {
        let config = self.config();
        let min = usize::try_from(config.settings().password_min_chars).unwrap_or(usize::MAX);
        let own = [address.local().as_str(), address.domain().as_str()];
        password::check_new(password, min, &own).map_err(|err| AdmitError::Invalid(err.to_string()))
    }

    async fn hash_password(
        &self,
        address: &Address,
        password: &Secret,
        dry_run: bool,
    ) -> Result<Zeroizing<String>, AdmitError> {
        if dry_run {
            return Ok(Zeroizing::default());
        }
        let salt = self.scram_salt(&address.to_string());
        let hashed = self.inner.passwords.hash(password.clone(), salt).await;
        hashed.map_err(busy)
    }

    /// What is kept of an app password. The keys for SCRAM are those of the password as it is
    /// shown, with its hyphens: nobody can put it into another form for the client.
    async fn check_letters(
        &self,
        address: &Address,
        made: &Secret,
        dry_run: bool,
    ) -> Result<Zeroizing<String>, AdmitError> {
        if dry_run {
            return Ok(Zeroizing::default());
        }
        let line = letters::line(
            &self.inner.random,
            std::slice::from_ref(made),
            letters::LONG,
        );
        let salt = self.scram_salt(&address.to_string());
        let passwords = &self.inner.passwords;
        let kept = passwords.keys_beside(line, made.clone(), salt).await;
        kept.map_err(busy)
    }

    /// The time step by which the code counts now.
    fn prove_factor(&self, base32: &Secret, code: &Secret) -> Result<u64, AdmitError> {
        let invalid = |words: &str| AdmitError::Invalid(words.to_owned());
        let secret = totp::secret(base32).ok_or_else(|| {
            invalid("the secret of a second factor is Base32 text of 16 to 64 octets")
        })?;
        let code = String::from_utf8_lossy(code.expose());
        let steps = totp::steps(&secret, code.trim(), self.clock().now());
        steps.last().copied().ok_or_else(|| {
            invalid(
                "the code does not fit, so nothing was changed; look whether the clocks of this \
                 server and of the device are right, and begin again",
            )
        })
    }

    /// Uses up the codes that proved factors, so that none of them is taken again.
    pub(super) async fn use_up(&self, steps: Vec<(CredentialId, u64)>) -> Result<(), AdmitError> {
        if steps.is_empty() {
            return Ok(());
        }
        let write = self.inner.store.write_small(move |tx| {
            for (id, step) in &steps {
                store::credential::totp_step_take(tx, *id, *step)?;
            }
            Ok(())
        });
        write
            .await
            .map_err(|err| AdmitError::Unavailable(err.to_string()))
    }
}

fn busy(err: Busy) -> AdmitError {
    AdmitError::Unavailable(err.to_string())
}
