//! Second factors: whether a code counts, once.

use std::net::IpAddr;

use net::Failure;
use policy::{Account, Right};
use serde::Serialize;
use types::{Address, Secret};

use crate::activity::{About, Record};
use crate::actor::Actor;
use crate::error::{ServiceError, ServiceResult};
use crate::sign_in::{Guess, Guessed};
use crate::{Service, letters, lock, totp};

/// What a code was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FactorCheck {
    /// `authenticator` or `recovery code`.
    pub kind: &'static str,
    /// Recovery codes that are left; none where the account has no set.
    pub recovery_codes_left: Option<u64>,
}

impl Service {
    /// Checks a code of the account's authenticator, or one of its recovery codes, and uses it up:
    /// the same code is not taken again, also after a restart (RFC 6238 §5.2).
    pub async fn factor_check(
        &self,
        actor: &Actor,
        address: &Address,
        code: &Secret,
    ) -> ServiceResult<FactorCheck> {
        let config = self.config();
        let account = config
            .account_at(address)
            .ok_or(ServiceError::NotFound("account"))?;
        self.may_use(actor, account)?;
        let source = actor.via.client;
        let key = Guessed::Factor(account.id);
        let _guess = self.factor_guess(source, &key).await?;
        let about = About {
            account: Some(account.id),
            source,
            ..About::default()
        };
        match self.take_code(account, code).await? {
            Some(check) => {
                lock(&self.inner.throttle.0).succeeded(&key);
                let record = Record::FactorUsed { kind: check.kind };
                self.record_first(&about, &record).await?;
                Ok(check)
            }
            None => {
                // The same code is another guess at another time.
                let failure = Failure::Secret(self.inner.random.number());
                self.count_failure(source, &key, failure);
                let why = "second factor code";
                self.record(&about, &Record::SignInRefused { why });
                Err(ServiceError::Refused(
                    "the code does not count: it is wrong, too old, or was used before".to_owned(),
                ))
            }
        }
    }

    fn may_use(&self, actor: &Actor, account: &Account) -> ServiceResult<()> {
        let authority = actor.authority(&self.config());
        let right = Right::UseAccount(account.subject());
        match authority {
            Some(authority) if policy::may(&authority, &right) => Ok(()),
            _ => Err(ServiceError::Refused(
                "your role does not allow this".to_owned(),
            )),
        }
    }

    async fn factor_guess(
        &self,
        source: Option<IpAddr>,
        key: &Guessed,
    ) -> ServiceResult<Guess<'_>> {
        let begun = self.begin_guess(source, key).await;
        match begun.map_err(|_| ServiceError::Busy)? {
            Ok((guess, _)) => Ok(guess),
            Err(retry_after) => Err(ServiceError::Refused(format!(
                "too many wrong codes; try again in {} seconds",
                retry_after.as_secs().max(1)
            ))),
        }
    }

    /// Uses up the code if it counts.
    async fn take_code(
        &self,
        account: &Account,
        code: &Secret,
    ) -> ServiceResult<Option<FactorCheck>> {
        let config = self.config();
        let Some(factor) = config.totp(account) else {
            return Err(ServiceError::NotFound("second factor"));
        };
        let unavailable = |_| ServiceError::Unavailable;
        let base32 = self.secret_text(factor.secret).await.map_err(unavailable)?;
        let secret = totp::secret(&Secret::new(base32.as_bytes().to_vec()));
        let secret = secret.ok_or(ServiceError::Unavailable)?;
        let typed = String::from_utf8_lossy(code.expose());
        let steps = totp::steps(&secret, typed.trim(), self.clock().now());
        let id = factor.id;
        let taken = self.inner.store.write_small(move |tx| {
            for step in &steps {
                if store::credential::totp_step_take(tx, id, *step)? {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        let kind = if taken.await? {
            "authenticator"
        } else if self.take_recovery_code(account, code).await? {
            "recovery code"
        } else {
            return Ok(None);
        };
        let recovery_codes_left = self.recovery_codes_left(account).await?;
        Ok(Some(FactorCheck {
            kind,
            recovery_codes_left,
        }))
    }

    async fn take_recovery_code(&self, account: &Account, code: &Secret) -> ServiceResult<bool> {
        let config = self.config();
        let set = config.recovery_codes(account);
        let Some((set, plain)) = set.zip(letters::plain(code, letters::SHORT)) else {
            return Ok(false);
        };
        let unavailable = |_| ServiceError::Unavailable;
        let line = self.secret_text(set.secret).await.map_err(unavailable)?;
        let Some(place) = letters::place(&line, &plain) else {
            return Ok(false);
        };
        let (id, at) = (set.id, self.clock().now());
        let taken = self
            .inner
            .store
            .write_small(move |tx| store::credential::recovery_code_take(tx, id, place, at));
        Ok(taken.await?)
    }

    /// How many recovery codes the account has left; none where it has no set.
    pub(crate) async fn recovery_codes_left(
        &self,
        account: &Account,
    ) -> ServiceResult<Option<u64>> {
        let config = self.config();
        let Some(set) = config.recovery_codes(account) else {
            return Ok(None);
        };
        let line = self.secret_text(set.secret).await;
        let made = letters::count(&line.map_err(|_| ServiceError::Unavailable)?);
        let id = set.id;
        let used = self
            .inner
            .store
            .read(move |tx| store::credential::recovery_codes_used(tx, id));
        Ok(Some(made.saturating_sub(used.await?)))
    }
}
