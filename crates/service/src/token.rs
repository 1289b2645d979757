//! Tokens: how a program shows on whose authority it asks, and what it may ask.

use std::net::IpAddr;

use policy::change::Blocked;
use policy::{Credential, CredentialKind, Role, TokenScope};
use types::{AccountId, Address, CredentialId, Secret};

use crate::activity::{About, Record};
use crate::sign_in::{BLOCKED_RETRY_S, Guess, Guessed};
use crate::{Service, letters, lock};

/// The word for the door in records.
const DOOR: &str = "token";

/// Why a token is not taken. None of it tells whether the token exists, but [`Self::Scope`], which
/// only its holder hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Unknown, expired, or of an account that does not work.
    #[error("the token is not valid")]
    Refused,
    /// It is valid and does not allow this.
    #[error("the token does not have this scope")]
    Scope,
    /// Too many failures before; the token was not looked at.
    #[error("too many failures, try again in {retry_after_s} seconds")]
    Throttled {
        /// Seconds until the next try is looked at.
        retry_after_s: u64,
    },
    /// Our own trouble; it is in the log.
    #[error("not available")]
    Unavailable,
}

/// A program whose token was found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    /// The token.
    pub credential: CredentialId,
    /// The account on whose authority it acts.
    pub account: AccountId,
    /// Its address.
    pub address: Address,
    /// What the account may do.
    pub role: Role,
}

impl Service {
    /// Whether the token that a client at `source` shows allows `scope` now. Its use is noted; a
    /// refusal is recorded and counted as failed sign-ins are.
    pub async fn token_check(
        &self,
        source: IpAddr,
        token: &Secret,
        scope: TokenScope,
    ) -> Result<TokenHolder, TokenError> {
        let source = source.to_canonical();
        let named = letters::token_parts(token);
        let id = named.as_ref().map(|(id, _)| *id);
        let key = Guessed::Token(id);
        let _guess = self.token_guess(source, &key).await?;
        let found = self.token_holder(named).await?;
        let admits = |role| self.config().role_admits(role, source);
        let Some((holder, scopes)) = found.filter(|(holder, _)| admits(holder.role)) else {
            self.count_failure(Some(source), &key, self.failure_of(token));
            self.record_refused_token(source, id, "token");
            return Err(TokenError::Refused);
        };
        lock(&self.inner.throttle.0).succeeded(&key);
        if !scopes.contains(&scope) {
            self.record_refused_token(source, id, "scope");
            return Err(TokenError::Scope);
        }
        let at = self.clock().now();
        self.inner
            .uses
            .note_at(holder.credential, DOOR, &source.to_string(), at);
        Ok(holder)
    }

    async fn token_guess(&self, source: IpAddr, key: &Guessed) -> Result<Guess<'_>, TokenError> {
        if self.is_blocked(Blocked::SignIns, source) {
            return Err(TokenError::Throttled {
                retry_after_s: BLOCKED_RETRY_S,
            });
        }
        let begun = self.begin_guess(Some(source), key).await;
        match begun.map_err(|_| TokenError::Unavailable)? {
            Ok((guess, delay)) => {
                tokio::time::sleep(delay).await;
                Ok(guess)
            }
            Err(retry_after) => Err(TokenError::Throttled {
                retry_after_s: retry_after.as_secs().max(1),
            }),
        }
    }

    /// Who holds the token, with its scopes; `None` for one that is wrong or no longer good.
    async fn token_holder(
        &self,
        named: Option<(CredentialId, Secret)>,
    ) -> Result<Option<(TokenHolder, Vec<TokenScope>)>, TokenError> {
        let Some((id, plain)) = named else {
            return Ok(None);
        };
        let config = self.config();
        let Some((credential, scopes)) = config.credential(id).and_then(|c| self.in_time(c)) else {
            return Ok(None);
        };
        let revision = (id, credential.made_seq);
        if !self.inner.passwords.remembers(revision, &plain) {
            let text = self.secret_text(credential.secret).await;
            let text = text.map_err(|_| TokenError::Unavailable)?;
            if letters::place(&text, &plain).is_none() {
                return Ok(None);
            }
            self.inner.passwords.remember_right(revision, &plain);
        }
        let account = config.account(credential.account);
        let working = account.filter(|account| config.is_active(account));
        Ok(working.map(|account| {
            let holder = TokenHolder {
                credential: id,
                account: account.id,
                address: account.address.clone(),
                role: account.role,
            };
            (holder, scopes)
        }))
    }

    /// The credential with its scopes, if it is a token whose time is not over.
    fn in_time<'a>(&self, credential: &'a Credential) -> Option<(&'a Credential, Vec<TokenScope>)> {
        match &credential.kind {
            CredentialKind::Token {
                scopes, expires, ..
            } if expires.is_none_or(|end| self.clock().now() < end) => {
                Some((credential, scopes.iter().copied().collect()))
            }
            _ => None,
        }
    }

    fn record_refused_token(&self, source: IpAddr, id: Option<CredentialId>, why: &'static str) {
        let known = id.filter(|id| self.config().credential(*id).is_some());
        let about = About {
            source: Some(source),
            protocol: Some(DOOR),
            credential: known,
            ..About::default()
        };
        self.record(&about, &Record::SignInRefused { why });
        tracing::info!(%source, why, "a token was refused from {source}");
    }
}
