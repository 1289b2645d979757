//! Tokens: how a program shows on whose authority it asks, and what it may ask.

use policy::{Credential, CredentialKind, Role, TokenScope};
use types::{AccountId, Address, CredentialId, Secret};

use crate::activity::About;
use crate::actor::Peer;
use crate::metrics::Outcome;
use crate::sign_in::{Guessed, SignInError};
use crate::{Service, letters, lock};

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not looked at; or it is unknown, expired, or of an account that does not work, and it
    /// is not told which.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// It is valid and does not allow this; only its holder hears so.
    #[error("the token does not have this scope")]
    Scope,
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
    /// Whether the token that a client shows allows `scope` now. Its use is noted; a refusal is
    /// recorded, counted and answered as a failed sign-in.
    pub async fn token_check(
        &self,
        peer: &Peer,
        token: &Secret,
        scope: TokenScope,
    ) -> Result<TokenHolder, TokenError> {
        if !self.plain_sign_in_allowed(peer) {
            return Err(SignInError::Refused.into());
        }
        let named = letters::token_parts(token);
        let id = named.as_ref().map(|(id, _)| *id);
        let about = About {
            credential: id.filter(|id| self.config().credential(*id).is_some()),
            ..About::peer(peer)
        };
        let key = Guessed::Token(id);
        let _guess = self.wait_or_refuse(peer, &key, &about).await?;
        let found = self.token_holder(named).await?;
        let admits = |role| self.config().role_admits(role, peer.source());
        let Some((holder, scopes)) = found.filter(|(holder, _)| admits(holder.role)) else {
            let failure = self.failure_of(token);
            self.count_failure(Some(peer.source()), &key, failure);
            self.sign_in_failed(peer, &key, failure).await;
            self.record_refused_sign_in(peer, &about, "token");
            return Err(SignInError::Refused.into());
        };
        lock(&self.inner.throttle.0).succeeded(&key);
        if !scopes.contains(&scope) {
            self.record_refused_sign_in(peer, &about, "scope");
            return Err(TokenError::Scope);
        }
        let at = self.clock().now();
        self.inner.uses.note(holder.credential, peer, at);
        self.inner.metrics.sign_in(peer.protocol, Outcome::Accepted);
        Ok(holder)
    }

    /// Who holds the token, with its scopes; `None` for one that is wrong or no longer good.
    async fn token_holder(
        &self,
        named: Option<(CredentialId, Secret)>,
    ) -> Result<Option<(TokenHolder, Vec<TokenScope>)>, SignInError> {
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
            let text = text.map_err(|_| SignInError::Unavailable)?;
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
}
