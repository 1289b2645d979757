//! Sessions that are open now: listed, and ended at once.
//!
//! A session goes on while its client could begin it anew; automatic blocks alone leave it be. It is
//! ended by its [`Ending`](crate::Ending), which its door hears at any moment, and leaves the list
//! with the word to end, whether or not the door has got round to it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use policy::change::Blocked;
use policy::{Config, Right};
use serde::Serialize;
use types::{Address, SessionId, Timestamp};

use crate::activity::{About, Record};
use crate::actor::{Actor, Principal};
use crate::connection::WhyEnded;
use crate::error::{ServiceError, ServiceResult};
use crate::{Service, lock};

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
    pub(crate) fn why_invalid(&self, config: &Config, now: Timestamp) -> Option<WhyEnded> {
        let principal = &self.principal;
        let Some(account) = config.account(principal.account) else {
            return Some(WhyEnded::AccountClosed);
        };
        if config.opens_mail(account.id, principal.credential) != Some(self.revision) {
            return Some(match config.authority(account.id) {
                None => WhyEnded::AccountClosed,
                Some(_) => WhyEnded::CredentialGone,
            });
        }
        let peer = &principal.peer;
        let barred = peer.entrance().why_barred(config, Blocked::SignIns, now);
        barred.or_else(|| {
            let admits = config.role_admits(account.role, peer.source());
            (!admits).then_some(WhyEnded::RoleElsewhere)
        })
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

    /// Ends the sessions and the other connections that could not begin under the configuration in
    /// force.
    pub(crate) fn end_invalid(&self) {
        let (config, now) = (self.config(), self.clock().now());
        let by = format!("ledger #{}", config.size().saturating_sub(1));
        let ended = (self.inner.live).end(|live| live.why_invalid(&config, now));
        for live in ended {
            let ended = Record::SessionEnded { by: by.clone() };
            self.record(&About::principal(&live.principal), &ended);
        }
        self.inner.connections.end_barred(&config, now);
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
