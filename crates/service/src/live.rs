//! Sessions that are open now: listed, and ended at once.
//!
//! A session is ended by its [`Ending`], which its door hears at any moment. It leaves the list
//! with the word to end, whether or not the door has got round to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use net::{Shutdown, ShutdownTrigger};
use policy::{Config, Right};
use serde::Serialize;
use types::{Address, SessionId, Timestamp};

use crate::activity::{About, Record};
use crate::actor::{Actor, Principal};
use crate::error::{ServiceError, ServiceResult};
use crate::{Service, lock};

/// How long a session that was told to end may go on with what it is doing.
const GRACE: Duration = Duration::from_secs(1);

/// Why the server ends a session while it goes on itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyEnded {
    /// The account is disabled or gone, or its domain is.
    AccountClosed,
    /// What the client signed in with does not open the account any more.
    CredentialGone,
    /// Somebody ended it by hand.
    ByHand,
}

impl WhyEnded {
    /// The reason in words for the client.
    pub fn words(self) -> &'static str {
        match self {
            Self::AccountClosed => "this account is closed for now",
            Self::CredentialGone => {
                "the password of this session is not valid any more, sign in with the new one"
            }
            Self::ByHand => "an administrator ended this session",
        }
    }
}

/// The word that a connection is to end, for the server to say and for its door to hear.
#[derive(Clone, Debug)]
pub struct Ending {
    trigger: Arc<ShutdownTrigger>,
    heard: Shutdown,
    why: Arc<OnceLock<WhyEnded>>,
}

impl Default for Ending {
    fn default() -> Self {
        let (trigger, heard) = Shutdown::pair();
        Self {
            trigger: Arc::new(trigger),
            heard,
            why: Arc::default(),
        }
    }
}

impl Ending {
    /// What the door hears: this, or that the whole server stops.
    pub fn or(&self, server: &Shutdown) -> Shutdown {
        self.heard.clone().or(server)
    }

    /// Waits until the connection must be cut: a moment after the word, which a session that waits
    /// for its client uses to say goodbye. May be cancelled freely.
    pub async fn cut(&self) {
        self.heard.wait().await;
        tokio::time::sleep(GRACE).await;
    }

    /// Why this connection alone ends; `None` if it ends with its listener or the server.
    pub fn why(&self) -> Option<WhyEnded> {
        self.why.get().copied()
    }

    fn end(&self, why: WhyEnded) {
        // The first reason stays: the client hears one.
        let _ = self.why.set(why);
        self.trigger.stop();
    }
}

/// A session that is open.
#[derive(Clone, Debug)]
pub(crate) struct LiveSession {
    pub(crate) principal: Principal,
    /// The entry that made its credential as it was used.
    pub(crate) revision: u64,
    pub(crate) since: Timestamp,
}

impl LiveSession {
    /// Why it cannot go on under this configuration, if it cannot.
    fn why_invalid(&self, config: &Config) -> Option<WhyEnded> {
        let principal = &self.principal;
        let opened = config.opens_mail(principal.account, principal.credential);
        match config.authority(principal.account) {
            _ if opened == Some(self.revision) => None,
            None => Some(WhyEnded::AccountClosed),
            Some(_) => Some(WhyEnded::CredentialGone),
        }
    }
}

/// All open sessions, by their ids; there are never more than connections.
#[derive(Default)]
pub(crate) struct Live(Mutex<BTreeMap<SessionId, LiveSession>>);

impl Live {
    pub(crate) fn add(&self, session: LiveSession) {
        lock(&self.0).insert(session.principal.session, session);
    }

    pub(crate) fn remove(&self, id: SessionId) {
        lock(&self.0).remove(&id);
    }

    fn all(&self) -> Vec<LiveSession> {
        lock(&self.0).values().cloned().collect()
    }

    /// Ends those for which there is a reason, and gives them.
    fn end(&self, why: impl Fn(&LiveSession) -> Option<WhyEnded>) -> Vec<LiveSession> {
        let mut live = lock(&self.0);
        let tell = |session: &LiveSession| {
            let why = why(session);
            if let Some(why) = why {
                session.principal.peer.ending.end(why);
            }
            why.is_some()
        };
        live.extract_if(.., |_, session| tell(session))
            .map(|(_, session)| session)
            .collect()
    }
}

/// An open session, as people see it.
#[derive(Clone, Debug, Serialize)]
pub struct SessionView {
    /// Its id.
    pub id: String,
    /// Who signed in.
    pub account: Address,
    /// What the client speaks.
    pub protocol: &'static str,
    /// Where it comes from.
    pub source: String,
    /// Version of TLS; none in the clear.
    pub tls: Option<String>,
    /// Its credential's id.
    pub credential: String,
    /// `password` or `app password`.
    pub kind: &'static str,
    /// When it began, RFC 3339.
    pub since: String,
}

/// Which sessions are to end.
#[derive(Clone, Debug)]
pub enum EndSessions {
    /// One.
    Session(SessionId),
    /// All of an account.
    Account(Address),
}

impl Service {
    /// The open sessions, the oldest first: all, or those of one account.
    pub fn session_list(
        &self,
        actor: &Actor,
        of: Option<&Address>,
    ) -> ServiceResult<Vec<SessionView>> {
        self.may_read_server(actor)?;
        let config = self.config();
        let of = of.map(|address| account_id(&config, address)).transpose()?;
        let sessions = self.inner.live.all().into_iter();
        let meant = sessions.filter(|live| of.is_none_or(|of| live.principal.account == of));
        Ok(meant.map(|live| view(&config, live)).collect())
    }

    /// Who signed in to an open session.
    pub fn session_principal(&self, id: SessionId) -> Option<Principal> {
        let live = lock(&self.inner.live.0);
        live.get(&id).map(|session| session.principal.clone())
    }

    /// Ends open sessions at once; gives those that were ended.
    pub async fn session_end(
        &self,
        actor: &Actor,
        which: EndSessions,
    ) -> ServiceResult<Vec<SessionView>> {
        let config = self.config();
        let authority = actor.authority(&config);
        let may_end = |live: &LiveSession| {
            let subject = config
                .account(live.principal.account)
                .map(policy::Account::subject);
            let right = subject.map_or(Right::ManageServer, Right::UseAccount);
            authority.is_some_and(|authority| policy::may(&authority, &right))
        };
        let account = match &which {
            EndSessions::Account(address) => Some(account_id(&config, address)?),
            EndSessions::Session(_) => None,
        };
        let ended = self.inner.live.end(|live| {
            let meant = match &which {
                EndSessions::Session(id) => live.principal.session == *id,
                EndSessions::Account(_) => Some(live.principal.account) == account,
            };
            (meant && may_end(live)).then_some(WhyEnded::ByHand)
        });
        if ended.is_empty() && matches!(which, EndSessions::Session(_)) {
            return Err(ServiceError::NotFound("open session"));
        }
        let by = actor.key();
        for live in &ended {
            let by = Record::SessionEnded { by: by.clone() };
            self.record_first(&About::principal(&live.principal), &by)
                .await?;
            self.store_end(live.principal.session).await;
        }
        Ok(ended.into_iter().map(|live| view(&config, live)).collect())
    }

    /// Ends the sessions whose account or credential is no longer in force.
    pub(crate) fn end_invalid_sessions(&self) {
        let config = self.config();
        let by = format!("ledger #{}", config.size().saturating_sub(1));
        for live in self.inner.live.end(|live| live.why_invalid(&config)) {
            let ended = Record::SessionEnded { by: by.clone() };
            self.record(&About::principal(&live.principal), &ended);
        }
    }
}

fn account_id(config: &Config, address: &Address) -> ServiceResult<types::AccountId> {
    let account = config.account_at(address);
    let account = account.ok_or(ServiceError::NotFound("account"))?;
    Ok(account.id)
}

fn view(config: &Config, live: LiveSession) -> SessionView {
    let LiveSession {
        principal, since, ..
    } = live;
    let kind = match config.credential(principal.credential) {
        Some(_) => "app password",
        None => "password",
    };
    SessionView {
        id: principal.session.to_string(),
        account: principal.address,
        protocol: principal.peer.protocol.as_str(),
        source: principal.peer.source().to_string(),
        tls: principal.peer.tls.map(|tls| tls.version),
        credential: principal.credential.to_string(),
        kind,
        since: since.to_rfc3339(),
    }
}
