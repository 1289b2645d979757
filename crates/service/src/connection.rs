//! Connections that are open now, signed in or not, and the word that ends one of them.
//!
//! What may not come in under a new configuration does not stay in either: who publishes one looks
//! at all that is listed here, and what comes in meanwhile looks at the newest itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use net::{Shutdown, ShutdownTrigger};
use policy::Config;
use policy::change::Blocked;
use types::{ListenerId, SessionId, Timestamp};

use crate::lock;

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
    /// Somebody blocked its source.
    Blocked,
    /// The lists of the service or the listener do not admit its source any more.
    Elsewhere,
    /// The lists of the account's role do not admit its source any more.
    RoleElsewhere,
    /// It came by a proxy that is believed no longer.
    ProxyGone,
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
            Self::Blocked => "your network address is blocked for now",
            Self::Elsewhere => "this service is not open to your network address any more",
            Self::RoleElsewhere => "this account may not be used from your network address",
            Self::ProxyGone => "the proxy that you come by is not trusted any more",
        }
    }
}

/// The word that a connection is to end, for the server to say and for its door to hear.
#[derive(Clone, Debug, Default)]
pub struct Ending(Arc<Word>);

#[derive(Debug)]
struct Word {
    trigger: ShutdownTrigger,
    heard: Shutdown,
    why: OnceLock<WhyEnded>,
    /// Takes the connection off the list with the last handle on its ending.
    _listed: Option<Listed>,
}

impl Default for Word {
    fn default() -> Self {
        let (trigger, heard) = Shutdown::pair();
        Self {
            trigger,
            heard,
            why: OnceLock::new(),
            _listed: None,
        }
    }
}

impl Ending {
    /// What the door hears: this, or that the whole server stops.
    pub fn or(&self, server: &Shutdown) -> Shutdown {
        self.0.heard.clone().or(server)
    }

    /// Waits until the connection must be cut: a moment after the word, which a session that waits
    /// for its client uses to say goodbye. May be cancelled freely.
    pub async fn cut(&self) {
        self.0.heard.wait().await;
        tokio::time::sleep(GRACE).await;
    }

    /// Why this connection alone ends; `None` if it ends with its listener or the server.
    pub fn why(&self) -> Option<WhyEnded> {
        self.0.why.get().copied()
    }

    pub(crate) fn end(&self, why: WhyEnded) {
        // The first reason stays: the client hears one.
        let _ = self.0.why.set(why);
        self.0.trigger.stop();
    }
}

/// By which way a client came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entrance {
    pub(crate) listener: ListenerId,
    pub(crate) source: IpAddr,
    pub(crate) proxy: Option<IpAddr>,
}

impl Entrance {
    /// Why a client that wants `what` could not come in by it, if it could not. A listener that is
    /// closed decides by itself what becomes of its connections.
    pub(crate) fn why_barred(
        &self,
        config: &Config,
        what: Blocked,
        now: Timestamp,
    ) -> Option<WhyEnded> {
        let believed = |proxy| config.is_proxy(self.listener, proxy);
        let admits = |listener| config.listener_admits(listener, self.source);
        if config.blocked(what, self.source, now).is_some() {
            Some(WhyEnded::Blocked)
        } else if !self.proxy.is_none_or(believed) {
            Some(WhyEnded::ProxyGone)
        } else if !config.listener(self.listener).is_none_or(admits) {
            Some(WhyEnded::Elsewhere)
        } else {
            None
        }
    }
}

/// All open connections of the doors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections(Arc<Mutex<HashMap<SessionId, Open>>>);

#[derive(Debug)]
struct Open {
    entrance: Entrance,
    word: Weak<Word>,
}

/// A connection's place on the list.
#[derive(Debug)]
struct Listed {
    connections: Connections,
    session: SessionId,
}

impl Drop for Listed {
    fn drop(&mut self) {
        lock(&self.connections.0).remove(&self.session);
    }
}

impl Connections {
    /// Lists a connection for as long as somebody holds its ending.
    pub(crate) fn list(&self, session: SessionId, entrance: Entrance) -> Ending {
        let ending = Ending(Arc::new(Word {
            _listed: Some(Listed {
                connections: self.clone(),
                session,
            }),
            ..Word::default()
        }));
        let word = Arc::downgrade(&ending.0);
        lock(&self.0).insert(session, Open { entrance, word });
        ending
    }

    /// Ends those that could not come in any more.
    pub(crate) fn end_barred(&self, config: &Config, now: Timestamp) {
        let barred = |open: &Open| {
            let why = (open.entrance).why_barred(config, Blocked::Connections, now)?;
            Some((Ending(open.word.upgrade()?), why))
        };
        // The list is free again before the last handle on an ending may go.
        let barred: Vec<_> = lock(&self.0).values().filter_map(barred).collect();
        for (ending, why) in barred {
            ending.end(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_listed_until_its_last_handle_is_gone() {
        let connections = Connections::default();
        let entrance = Entrance {
            listener: ListenerId(1),
            source: [192, 0, 2, 7].into(),
            proxy: Some([192, 0, 2, 1].into()),
        };
        let ending = connections.list(SessionId(1), entrance);
        let other = ending.clone();
        drop(ending);
        // A configuration that knows no proxy.
        connections.end_barred(&Config::default(), Timestamp(0));
        assert_eq!(other.why(), Some(WhyEnded::ProxyGone));
        drop(other);
        assert!(lock(&connections.0).is_empty());
    }

    #[test]
    fn the_first_reason_stays() {
        let ending = Ending::default();
        ending.end(WhyEnded::ByHand);
        ending.end(WhyEnded::Blocked);
        assert_eq!(ending.why(), Some(WhyEnded::ByHand));
    }
}
