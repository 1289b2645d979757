//! Signing in: nearly the same work, the same words and the same wait for names that exist and names
//! that do not.

mod look;
mod scram;

mod sasl;

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use net::{Failure, Permit, SignInThrottle, ThrottleSettings};
use policy::change::Blocked;
use policy::{Account, Settings};
use store::session::NewSession;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use types::{AccountId, Address, CredentialId, Secret, SessionId};

use crate::activity::{About, Record};
use crate::actor::{Peer, Principal};
use crate::connection::WhyEnded;
use crate::live::LiveSession;
use crate::metrics::Outcome;
use crate::password::Revision;
use crate::{Service, lock};
use look::Looked;
pub use sasl::{SaslExchange, SaslRefusal, SaslStep};
pub use scram::ScramAccount;

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
pub(crate) struct Throttle(pub(crate) Mutex<SignInThrottle>, Notify);

/// What somebody may be guessing at; the failures of each are counted apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Guessed {
    /// The password of an account, by its address, or by what was given where there is none.
    Name(String),
    /// A code of an account's second factor.
    Factor(AccountId),
    /// A token; `None` for what is no token at all.
    Token(Option<CredentialId>),
}

/// A try under way; it holds its place among the tries of its source and of what it is about.
pub(crate) struct Guess<'a> {
    throttle: &'a Throttle,
    source: Option<IpAddr>,
    tried: Guessed,
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
        let tried = self.tried(name);
        let _guess = self
            .wait_or_refuse(peer, &tried.key, &tried.about(peer))
            .await?;
        let looked = self
            .look_for_password(peer, tried.account.as_ref(), password)
            .await?;
        let failure = self.failure_of(password);
        self.conclude(peer, tried, looked, failure).await
    }

    /// Begins a session for what was found right; counts what was not as `failure`, and records it.
    async fn conclude(
        &self,
        peer: &Peer,
        tried: Tried,
        looked: Looked,
        failure: Failure,
    ) -> Result<Principal, SignInError> {
        let admits = |account: &Account| self.config().role_admits(account.role, peer.source());
        let (why, credential) = match (looked, tried.account.clone()) {
            // Looked at after the password, so that a wrong place takes as long as a wrong password.
            (Looked::Opens((id, _)), Some(account)) if !admits(&account) => ("source", Some(id)),
            (Looked::Opens(revision), Some(account)) => {
                lock(&self.inner.throttle.0).succeeded(&tried.key);
                return self.begin_session(peer, account, revision).await;
            }
            (Looked::Closed { credential, why }, _) => (why, Some(credential)),
            (Looked::Wrong | Looked::Opens(_), _) => ("password", None),
        };
        self.count_failure(Some(peer.source()), &tried.key, failure);
        self.sign_in_failed(peer, &tried.key, failure).await;
        let about = About {
            credential,
            ..tried.about(peer)
        };
        self.record_refused_sign_in(peer, &about, why);
        Err(SignInError::Refused)
    }

    /// What the failure of a wrong secret is known by.
    pub(crate) fn failure_of(&self, secret: &Secret) -> Failure {
        let mark = self.inner.passwords.fingerprint(secret);
        Failure::Secret(u64::from_be_bytes(std::array::from_fn(|at| mark[at])))
    }

    /// Counts a try that failed against its source, if it is from elsewhere, and what it was about.
    pub(crate) fn count_failure(&self, source: Option<IpAddr>, tried: &Guessed, failure: Failure) {
        let now = self.clock().monotonic_us();
        lock(&self.inner.throttle.0).failed(now, source, tried, failure);
    }

    /// Records the end of a session.
    pub async fn sign_out(&self, principal: &Principal) {
        self.inner.live.remove(principal.session);
        self.record(&About::principal(principal), &Record::SignOut);
        self.store_end(principal.session).await;
    }

    pub(crate) async fn store_end(&self, session: SessionId) {
        let at = self.clock().now();
        let ended = self
            .inner
            .store
            .write_small(move |tx| store::session::end(tx, session, at))
            .await;
        if let Err(err) = ended {
            tracing::warn!(error = %err, "the end of a session was not stored: {err}");
        }
    }

    /// Takes a place among the tries under way once it is time for this one; records that it is
    /// refused, where it is.
    pub(crate) async fn wait_or_refuse(
        &self,
        peer: &Peer,
        tried: &Guessed,
        about: &About,
    ) -> Result<Guess<'_>, SignInError> {
        if self.is_blocked(Blocked::SignIns, peer.source()) {
            self.record_refused_sign_in(peer, about, BLOCKED);
            return Err(SignInError::Throttled {
                retry_after_s: BLOCKED_RETRY_S,
            });
        }
        match self.begin_guess(Some(peer.source()), tried).await? {
            Ok((guess, delay)) => {
                if !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                Ok(guess)
            }
            Err(retry_after) => {
                self.record_refused_sign_in(peer, about, THROTTLED);
                Err(SignInError::Throttled {
                    retry_after_s: retry_after.as_secs().max(1),
                })
            }
        }
    }

    /// Takes a place among the tries under way, with the time to wait; or says how long none is
    /// looked at.
    pub(crate) async fn begin_guess(
        &self,
        source: Option<IpAddr>,
        tried: &Guessed,
    ) -> Result<Result<(Guess<'_>, Duration), Duration>, SignInError> {
        let until = Instant::now() + ROOM_PATIENCE;
        loop {
            let mut ended = pin!(self.inner.throttle.1.notified());
            // From here on no end is missed.
            ended.as_mut().enable();
            let permit = {
                let mut throttle = lock(&self.inner.throttle.0);
                throttle.set(throttle_settings(self.config().settings()));
                throttle.begin(self.clock().monotonic_us(), source, tried)
            };
            match permit {
                Permit::After(delay) => {
                    let guess = Guess {
                        throttle: &self.inner.throttle,
                        source,
                        tried: tried.clone(),
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

    /// What somebody signs in as.
    fn tried(&self, name: &str) -> Tried {
        let name: String = name.chars().take(NAME_MAX_CHARS).collect();
        let name = name.to_lowercase();
        let account = self.account_to_sign_in(&name);
        // One account has one memory of failures, under whatever name of its domain it is tried.
        let folded = |account: &Account| account.address.folded().to_string();
        let key = account.as_ref().map_or_else(|| name.clone(), folded);
        let key = Guessed::Name(key);
        Tried { name, account, key }
    }

    /// The account of this name, if it works and has something to sign in with.
    fn account_to_sign_in(&self, name: &str) -> Option<Account> {
        let config = self.config();
        let address: Address = name.parse().ok()?;
        let account = config.account_at(&address)?;
        config.may_sign_in(account.id).then(|| account.clone())
    }

    async fn begin_session(
        &self,
        peer: &Peer,
        account: Account,
        (credential, revision): Revision,
    ) -> Result<Principal, SignInError> {
        let about = About {
            account: Some(account.id),
            credential: Some(credential),
            ..About::peer(peer)
        };
        let unavailable = |_| SignInError::Unavailable;
        let sign_in = self
            .record_first(&about, &Record::SignIn)
            .await
            .map_err(unavailable)?;
        let started_at = self.clock().now();
        let new = NewSession {
            account: account.id,
            door: peer.protocol.as_str().to_owned(),
            source: peer.source().to_string(),
            credential: Some(credential),
            sign_in,
            started_at,
        };
        let session = self.store_session(new).await?;
        let principal = Principal {
            account: account.id,
            address: account.address,
            credential,
            role: account.role,
            session,
            sign_in,
            peer: peer.clone(),
        };
        self.inner.uses.note(credential, peer, started_at);
        let live = LiveSession {
            principal: principal.clone(),
            revision,
            since: started_at,
        };
        if let Some(why) = self.go_live(&live) {
            self.store_end(session).await;
            self.record_refused_sign_in(peer, &about, why);
            return Err(SignInError::Refused);
        }
        let metrics = &self.inner.metrics;
        metrics.sign_in(peer.protocol, Outcome::Accepted);
        tracing::debug!(
            session.id = %principal.session, account = %principal.account,
            credential = %principal.credential, source = %peer.source(),
            "{} signed in from {}", principal.account, peer.source()
        );
        Ok(principal)
    }

    /// Lists a session; or gives the word of the record for what keeps it out by now. The
    /// configuration may have changed while the credential was looked at; whoever publishes one
    /// looks at the listed sessions afterwards.
    fn go_live(&self, live: &LiveSession) -> Option<&'static str> {
        self.inner.live.add(live.clone());
        let why = live.why_invalid(&self.config(), self.clock().now())?;
        self.inner.live.remove(live.principal.session);
        Some(match why {
            WhyEnded::AccountClosed | WhyEnded::CredentialGone => "credential gone",
            _ => "source",
        })
    }

    async fn store_session(&self, new: NewSession) -> Result<SessionId, SignInError> {
        let store = &self.inner.store;
        let stored = store.write_small(move |tx| store::session::insert(tx, &new));
        stored.await.map_err(|err| {
            tracing::error!(error = %err, "a session could not be stored: {err}");
            SignInError::Unavailable
        })
    }

    pub(crate) fn record_refused_sign_in(&self, peer: &Peer, about: &About, why: &'static str) {
        let throttled = why == THROTTLED || why == BLOCKED;
        let outcome = if throttled {
            Outcome::Deferred
        } else {
            Outcome::Refused
        };
        self.inner.metrics.sign_in(peer.protocol, outcome);
        self.record(about, &Record::SignInRefused { why });
        let source = peer.source();
        tracing::info!(%source, protocol = peer.protocol.as_str(), why, "sign-in refused from {source}");
    }
}

/// What somebody signs in as.
struct Tried {
    /// The name as it was given, in small letters and cut to a bound.
    name: String,
    /// The account that it is, if it works.
    account: Option<Account>,
    /// Under what its failures are remembered.
    key: Guessed,
}

impl Tried {
    fn about(&self, peer: &Peer) -> About {
        About {
            account: self.account.as_ref().map(|account| account.id),
            name: Some(self.name.clone()),
            ..About::peer(peer)
        }
    }
}
