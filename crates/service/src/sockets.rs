//! Sockets that a change of the listeners needs: bound before its entry is written, so that what is
//! in the way is known while the change can still be refused, and taken over by the doors after.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use net::{BindError, Listener as Socket};
use policy::{Config, Listener};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use types::ListenerId;

use crate::{Service, lock};

/// Tries to bind a port that a listener of ours is just giving up, and the rest between two.
const BIND_TRIES: u32 = 20;
const BIND_REST: Duration = Duration::from_millis(50);
/// How long a change waits for the doors to follow it; it is made, whether they have or not.
const FOLLOW_PATIENCE: Duration = Duration::from_secs(5);

/// Why a listener cannot be opened, in words that say what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// There is nothing to speak TLS with.
    #[error(
        "{0} needs a certificate, and there is none: `sealpost certificate set --chain FILE \
         --key FILE`"
    )]
    NoCertificate(policy::Service),
}

/// What lies between the changes and the doors. Without doors, as in a setup, nothing is bound.
pub(crate) struct Sockets {
    shared: Mutex<Shared>,
    /// The size of the ledger up to which the doors have followed; none without doors.
    followed: watch::Sender<Option<u64>>,
}

#[derive(Default)]
struct Shared {
    bound: BTreeMap<SocketAddr, Socket>,
    /// Listeners whose sessions end with them.
    ending: BTreeSet<ListenerId>,
    /// What the doors could not open.
    shut: Vec<ShutListener>,
}

/// A listener that the configuration has and that could not be opened. The doors try it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShutListener {
    /// Which.
    pub listener: Listener,
    /// What is in the way, and what to do.
    pub why: String,
}

impl fmt::Display for ShutListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Listener {
            service, address, ..
        } = &self.listener;
        write!(f, "{service} does not listen at {address}: {}", self.why)
    }
}

/// What the doors are to find when a change is made: its sockets, and whose sessions end. If it is
/// not made, all is taken back.
pub(crate) struct Ahead<'a> {
    sockets: &'a Sockets,
    addresses: Vec<SocketAddr>,
    ending: Vec<ListenerId>,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            shared: Mutex::default(),
            followed: watch::Sender::new(None),
        }
    }
}

impl Ahead<'_> {
    /// The change is made: the doors take the sockets.
    pub(crate) fn hand_over(mut self) {
        self.addresses.clear();
        self.ending.clear();
    }

    /// Notes that the sessions of the listeners that close with this change end too.
    pub(crate) fn end_sessions_of_closing(&mut self, before: &Config, after: &Config) {
        let stay: BTreeSet<ListenerId> = after.open_listeners().map(|open| open.id).collect();
        let closing = before.open_listeners().map(|open| open.id);
        self.ending = closing.filter(|id| !stay.contains(id)).collect();
        lock(&self.sockets.shared).ending.extend(&self.ending);
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        let mut shared = lock(&self.sockets.shared);
        for address in &self.addresses {
            shared.bound.remove(address);
        }
        for id in &self.ending {
            shared.ending.remove(id);
        }
    }
}

impl Service {
    /// Binds what `after` listens on and `before` does not, if there are doors to serve it. New
    /// listeners of a service that is off are only tried.
    pub(crate) async fn bind_ahead(
        &self,
        before: &Config,
        after: &Config,
    ) -> Result<Ahead<'_>, OpenError> {
        let mut ahead = Ahead {
            sockets: &self.inner.sockets,
            addresses: Vec::new(),
            ending: Vec::new(),
        };
        if self.inner.sockets.followed.borrow().is_none() {
            return Ok(ahead);
        }
        let has_certificate = after.certificates().next().is_some();
        let shut: BTreeSet<ListenerId> = (self.listeners_shut().iter())
            .map(|shut| shut.listener.id)
            .collect();
        let ours: Vec<&Listener> = (before.open_listeners())
            .filter(|listener| !shut.contains(&listener.id))
            .collect();
        for new in after.listeners() {
            let is_known = before.listener(new.id) == Some(new);
            let is_on = after.service_is_on(new.service);
            if is_known && (before.service_is_on(new.service) || !is_on) {
                continue;
            }
            if is_on && new.begins_with_tls() && !has_certificate {
                return Err(OpenError::NoCertificate(new.service));
            }
            let own = ours.iter().find(|own| collide(own.address, new.address));
            match own {
                Some(own) if own.address == new.address => {}
                // The port is ours until the change; the address can be tried all the same.
                Some(_) => drop(Socket::bind((new.address.ip(), 0).into())?),
                // Nobody listens there before its service is on; whether one could is told now.
                None if !is_on => drop(bind(new.address).await?),
                None => {
                    let socket = bind(new.address).await?;
                    lock(&ahead.sockets.shared)
                        .bound
                        .insert(new.address, socket);
                    ahead.addresses.push(new.address);
                }
            }
        }
        Ok(ahead)
    }

    /// Waits until the doors have followed the configuration in force.
    pub(crate) async fn wait_for_doors(&self) {
        let size = self.config().size();
        let mut followed = self.inner.sockets.followed.subscribe();
        let caught_up = followed.wait_for(|followed| followed.is_none_or(|upto| upto >= size));
        if timeout(FOLLOW_PATIENCE, caught_up).await.is_err() {
            tracing::warn!("the listeners are slow to follow a change");
        }
    }

    /// The socket of a new listener: the one that its change bound, or else a new one.
    pub async fn listener_socket(&self, address: SocketAddr) -> Result<Socket, BindError> {
        let ahead = lock(&self.inner.sockets.shared).bound.remove(&address);
        match ahead {
            Some(socket) => Ok(socket),
            None => bind(address).await,
        }
    }

    /// Whether the sessions of a listener that closes end with it; asked once.
    pub fn listener_ends_sessions(&self, id: ListenerId) -> bool {
        lock(&self.inner.sockets.shared).ending.remove(&id)
    }

    /// Tells that doors are there, up to which size of the ledger they have followed, and what they
    /// could not open. From then on a change that they could not follow is refused.
    pub fn listeners_followed(&self, size: u64, shut: Vec<ShutListener>) {
        lock(&self.inner.sockets.shared).shut = shut;
        self.inner.sockets.followed.send_replace(Some(size));
    }

    /// Listeners that should be open and are not.
    pub fn listeners_shut(&self) -> Vec<ShutListener> {
        lock(&self.inner.sockets.shared).shut.clone()
    }

    /// Tells that the doors are closed.
    pub fn listeners_closed(&self) {
        lock(&self.inner.sockets.shared).shut.clear();
        self.inner.sockets.followed.send_replace(None);
    }
}

/// Whether two sockets cannot be open at a time; an unspecified address is every one of its kind.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let (a, b) = (one.ip(), other.ip());
    let any = a.is_unspecified() || b.is_unspecified();
    one.port() == other.port() && a.is_ipv4() == b.is_ipv4() && (a == b || any)
}

/// Binds an address that a listener of ours may hold for another moment.
async fn bind(address: SocketAddr) -> Result<Socket, BindError> {
    for _ in 1..BIND_TRIES {
        match Socket::bind(address) {
            Err(BindError::PortTaken(_)) => sleep(BIND_REST).await,
            other => return other,
        }
    }
    Socket::bind(address)
}
