//! Signing in with a password: the same work, the same words and the same wait for names that
//! exist and names that do not.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use net::{Permit, SignInThrottle, ThrottleSettings};
use policy::change::Blocked;
use policy::{Account, Settings};
use store::session::NewSession;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use types::{Address, Secret};

use crate::activity::{About, Record};
use crate::actor::{Peer, Principal};
use crate::metrics::Outcome;
use crate::password::{PASSWORD_MAX_OCTETS, Revision};
use crate::{Service, lock};

/// Characters that are read of a name that somebody signs in with.
const NAME_MAX_CHARS: usize = 320;
const FREE_FAILURES: u32 = 3;
const DELAY: Duration = Duration::from_millis(500);
const DELAY_MAX: Duration = Duration::from_secs(8);
const REFUSAL: Duration = Duration::from_secs(60);
const REFUSAL_MAX: Duration = Duration::from_secs(3_600);
/// The word of the record for a try that was not looked at.
const THROTTLED: &str = "throttled";
const BLOCKED: &str = "blocked";
/// How long a try waits for those under way that could use up what may fail.
const ROOM_PATIENCE: Duration = Duration::from_secs(10);
/// What a blocked source is told to wait; how long it is blocked is nobody's business.
const BLOCKED_RETRY_S: u64 = 600;
/// Sources and accounts whose failures are remembered.
const TRACKED_MAX: usize = 100_000;

/// Why somebody is not signed in. None of it tells whether the name exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// Wrong name or password, or an account that does not work.
    #[error("authentication failed")]
    Refused,
    /// Too many failures before; the password was not looked at.
    #[error("too many failures, try again in {retry_after_s} seconds")]
    Throttled {
        /// Seconds until the next try is looked at.
        retry_after_s: u64,
    },
    /// Too many sign-ins at once; try again.
    #[error("too many sign-ins at once")]
    Busy,
    /// Our own trouble; it is in the log.
    #[error("not available")]
    Unavailable,
}

/// Failed sign-ins that are remembered, which follows the settings in force; and the word that a
/// try under way has ended.
pub(crate) struct Throttle(Mutex<SignInThrottle>, Notify);

/// A try under way.
struct Guess<'a> {
    throttle: &'a Throttle,
    source: IpAddr,
    tried: String,
}

impl Drop for Guess<'_> {
    fn drop(&mut self) {
        lock(&self.throttle.0).end(self.source, &self.tried);
        self.throttle.1.notify_waiters();
    }
}

impl Default for Throttle {
    fn default() -> Self {
        let throttle = SignInThrottle::new(throttle_settings(&Settings::default()));
        Self(Mutex::new(throttle), Notify::new())
    }
}

fn throttle_settings(settings: &Settings) -> ThrottleSettings {
    let bound = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    ThrottleSettings {
        free_failures: FREE_FAILURES,
        delay: DELAY,
        delay_max: DELAY_MAX,
        source_failures_max: bound(settings.sign_in_failures_per_source_max),
        account_failures_max: bound(settings.sign_in_failures_per_account_max),
        refusal: REFUSAL,
        refusal_max: REFUSAL_MAX,
        memory: Duration::from_secs(settings.sign_in_failures_window_s),
        tracked_max: TRACKED_MAX,
    }
}

impl Service {
    /// Whether this client may send a password as it is connected now.
    pub fn plain_sign_in_allowed(&self, peer: &Peer) -> bool {
        let on_loopback = || self.config().settings().plain_sign_in_on_loopback && peer.is_local();
        peer.tls.is_some() || on_loopback()
    }

    /// Signs an account in. The record of it is durable before the answer.
    pub async fn sign_in(
        &self,
        peer: &Peer,
        name: &str,
        password: &Secret,
    ) -> Result<Principal, SignInError> {
        if !self.plain_sign_in_allowed(peer) {
            return Err(SignInError::Refused);
        }
        let name: String = name
            .chars()
            .take(NAME_MAX_CHARS)
            .collect::<String>()
            .to_lowercase();
        let account = self.account_to_sign_in(&name);
        // One account has one memory of failures, under whatever name of its domain it is tried.
        let tried = (account.as_ref()).map_or_else(
            || name.clone(),
            |account| account.address.folded().to_string(),
        );
        let _guess = self
            .wait_or_refuse(peer, account.as_ref(), &name, &tried)
            .await?;
        let right = self.check_password(account.as_ref(), password).await?;
        // Looked at after the password, so that a wrong place takes as long as a wrong password.
        let admits = |account: &Account| self.config().role_admits(account.role, peer.source());
        match account.as_ref().is_some_and(admits) && right {
            true => {
                lock(&self.inner.throttle.0).succeeded(&tried);
                self.begin_session(peer, account.ok_or(SignInError::Refused)?)
                    .await
            }
            false => {
                let why = if right { "source" } else { "password" };
                let mark = self.inner.passwords.fingerprint(password);
                let mark = u64::from_be_bytes(std::array::from_fn(|at| mark[at]));
                let now = self.clock().monotonic_us();
                let exhausted =
                    lock(&self.inner.throttle.0).failed(now, peer.source(), &tried, mark);
                self.sign_in_failed(peer, &tried, exhausted).await;
                self.record_refused_sign_in(peer, account.as_ref(), &name, why);
                Err(SignInError::Refused)
            }
        }
    }

    /// Records the end of a session.
    pub async fn sign_out(&self, principal: &Principal) {
        self.record(&About::principal(principal), &Record::SignOut);
        let (session, at) = (principal.session, self.clock().now());
        let ended = self
            .inner
            .store
            .write_small(move |tx| store::session::end(tx, session, at))
            .await;
        if let Err(err) = ended {
            tracing::warn!(error = %err, "the end of a session was not stored: {err}");
        }
    }

    async fn wait_or_refuse(
        &self,
        peer: &Peer,
        account: Option<&Account>,
        name: &str,
        tried: &str,
    ) -> Result<Guess<'_>, SignInError> {
        if self.is_blocked(Blocked::SignIns, peer.source()) {
            self.record_refused_sign_in(peer, account, name, BLOCKED);
            return Err(SignInError::Throttled {
                retry_after_s: BLOCKED_RETRY_S,
            });
        }
        match self.begin_guess(peer, tried).await? {
            Ok((guess, delay)) => {
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                Ok(guess)
            }
            Err(retry_after) => {
                self.record_refused_sign_in(peer, account, name, THROTTLED);
                Err(SignInError::Throttled {
                    retry_after_s: retry_after.as_secs().max(1),
                })
            }
        }
    }

    /// Takes a place among the tries under way, with the time to wait; or says how long none is
    /// looked at.
    async fn begin_guess(
        &self,
        peer: &Peer,
        tried: &str,
    ) -> Result<Result<(Guess<'_>, Duration), Duration>, SignInError> {
        let until = Instant::now() + ROOM_PATIENCE;
        loop {
            let mut ended = pin!(self.inner.throttle.1.notified());
            // From here on no end is missed.
            ended.as_mut().enable();
            let permit = {
                let mut throttle = lock(&self.inner.throttle.0);
                throttle.set(throttle_settings(self.config().settings()));
                throttle.begin(self.clock().monotonic_us(), peer.source(), tried)
            };
            match permit {
                Permit::After(delay) => {
                    let guess = Guess {
                        throttle: &self.inner.throttle,
                        source: peer.source(),
                        tried: tried.to_owned(),
                    };
                    return Ok(Ok((guess, delay)));
                }
                Permit::Refused { retry_after } => return Ok(Err(retry_after)),
                Permit::Full => timeout_at(until, ended)
                    .await
                    .map_err(|_| SignInError::Busy)?,
            }
        }
    }

    /// The account of this name, if it works and has a password.
    fn account_to_sign_in(&self, name: &str) -> Option<Account> {
        let config = self.config();
        let address: Address = name.parse().ok()?;
        let account = config.account_at(&address)?;
        config.may_sign_in(account.id).then(|| account.clone())
    }

    async fn check_password(
        &self,
        account: Option<&Account>,
        password: &Secret,
    ) -> Result<bool, SignInError> {
        if password.expose().len() > PASSWORD_MAX_OCTETS {
            return Ok(false);
        }
        let credential = account.and_then(|account| account.password);
        let known = match credential {
            Some(credential) => {
                let revision: Revision = (credential.credential, credential.revision);
                if self.inner.passwords.remembers(revision, password) {
                    return Ok(true);
                }
                Some((revision, self.secret_text(credential.secret).await?))
            }
            None => None,
        };
        self.inner
            .passwords
            .verify(known, password)
            .await
            .map_err(|_| SignInError::Busy)
    }

    /// The text of a secret object, checked against its id at every use.
    async fn secret_text(&self, id: types::Sha256) -> Result<String, SignInError> {
        let read = self
            .inner
            .store
            .read(move |tx| store::ledger::object(tx, &id))
            .await;
        let stored = read.map_err(|err| {
            tracing::error!(error = %err, "a credential cannot be read: {err}");
            SignInError::Unavailable
        })?;
        let opened = stored.and_then(|stored| self.inner.vault.open_secret(id, &stored));
        let text = opened.and_then(|secret| String::from_utf8(secret.expose().to_vec()).ok());
        text.ok_or_else(|| {
            tracing::error!(object = %id, "credential object {id} is missing or not as recorded");
            SignInError::Unavailable
        })
    }

    async fn begin_session(&self, peer: &Peer, account: Account) -> Result<Principal, SignInError> {
        let Some(credential) = account.password.map(|password| password.credential) else {
            return Err(SignInError::Refused);
        };
        let about = About {
            account: Some(account.id),
            ..About::peer(peer)
        };
        let unavailable = |_| SignInError::Unavailable;
        let sign_in = self
            .record_first(&about, &Record::SignIn)
            .await
            .map_err(unavailable)?;
        let new = NewSession {
            account: account.id,
            door: peer.protocol.as_str().to_owned(),
            source: peer.source().to_string(),
            credential: Some(credential),
            sign_in,
            started_at: self.clock().now(),
        };
        let stored = self
            .inner
            .store
            .write_small(move |tx| store::session::insert(tx, &new))
            .await;
        let session = stored.map_err(|err| {
            tracing::error!(error = %err, "a session could not be stored: {err}");
            SignInError::Unavailable
        })?;
        let metrics = &self.inner.metrics;
        metrics.sign_in(peer.protocol, Outcome::Accepted);
        Ok(Principal {
            account: account.id,
            address: account.address,
            credential,
            role: account.role,
            session,
            sign_in,
            peer: peer.clone(),
        })
    }

    fn record_refused_sign_in(
        &self,
        peer: &Peer,
        account: Option<&Account>,
        name: &str,
        why: &'static str,
    ) {
        let about = About {
            account: account.map(|account| account.id),
            name: Some(name.to_owned()),
            ..About::peer(peer)
        };
        let throttled = why == THROTTLED || why == BLOCKED;
        let outcome = if throttled {
            Outcome::Deferred
        } else {
            Outcome::Refused
        };
        self.inner.metrics.sign_in(peer.protocol, outcome);
        self.record(&about, &Record::SignInRefused { why });
        let source = peer.source();
        tracing::info!(%source, protocol = peer.protocol.as_str(), why, "sign-in refused from {source}");
    }
}
