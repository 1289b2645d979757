//! How many connections there may be: in total, from one source, and before sign-in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use types::Network;

/// Upper bounds for the connections of one or several listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimitSettings {
    /// Connections at the same time.
    pub total: usize,
    /// Of these, from one IPv4 address or one IPv6 /64.
    pub per_source: usize,
    /// Of these, not signed in yet. For a door without sign-in give the same value as `total`.
    pub unauthenticated: usize,
}

/// Which bound a connection would have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitReached {
    /// [`ConnectionLimitSettings::total`]
    #[error("too many connections in all")]
    Total,
    /// [`ConnectionLimitSettings::per_source`]
    #[error("too many connections from this source")]
    PerSource,
    /// [`ConnectionLimitSettings::unauthenticated`]
    #[error("too many connections that have not signed in")]
    Unauthenticated,
}

/// Counts connections and refuses those above the bounds; clones share the count.
#[derive(Clone, Debug)]
pub struct ConnectionLimits(Arc<Mutex<Counts>>);

/// A place among the counted connections, given back when dropped.
#[derive(Debug)]
pub struct ConnectionGuard {
    limits: ConnectionLimits,
    /// Where it counts as from, once that is known.
    source: Option<Network>,
    authenticated: bool,
}

#[derive(Debug)]
struct Counts {
    settings: ConnectionLimitSettings,
    total: usize,
    unauthenticated: usize,
    per_source: HashMap<Network, usize>,
}

impl ConnectionLimits {
    /// Counts from zero.
    pub fn new(settings: ConnectionLimitSettings) -> Self {
        Self(Arc::new(Mutex::new(Counts {
            settings,
            total: 0,
            unauthenticated: 0,
            per_source: HashMap::new(),
        })))
    }

    /// Puts other bounds in force; connections that exist stay.
    pub fn set(&self, settings: ConnectionLimitSettings) {
        self.counts().settings = settings;
    }

    /// Takes a place for a connection from `peer`, or says which bound is reached.
    pub fn admit(&self, peer: IpAddr) -> Result<ConnectionGuard, LimitReached> {
        let mut guard = self.admit_unknown()?;
        guard.comes_from(peer)?;
        Ok(guard)
    }

    /// Takes a place for a connection of which is not known yet where it comes from, since a proxy
    /// is still to tell; [`ConnectionGuard::comes_from`] follows.
    pub fn admit_unknown(&self) -> Result<ConnectionGuard, LimitReached> {
        let mut counts = self.counts();
        if counts.total >= counts.settings.total {
            return Err(LimitReached::Total);
        }
        if counts.unauthenticated >= counts.settings.unauthenticated {
            return Err(LimitReached::Unauthenticated);
        }
        counts.total += 1;
        counts.unauthenticated += 1;
        drop(counts);
        Ok(ConnectionGuard {
            limits: self.clone(),
            source: None,
            authenticated: false,
        })
    }

    /// Connections counted now.
    pub fn total(&self) -> usize {
        self.counts().total
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // The counts are changed only by code that cannot panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionGuard {
    /// Counts the connection, from now on, among those of the client at `peer`.
    pub fn comes_from(&mut self, peer: IpAddr) -> Result<(), LimitReached> {
        let source = Network::source(peer);
        let mut counts = self.limits.counts();
        let from_source = counts.per_source.get(&source).copied().unwrap_or(0);
        if from_source >= counts.settings.per_source {
            return Err(LimitReached::PerSource);
        }
        counts.per_source.insert(source, from_source + 1);
        drop(counts);
        self.source = Some(source);
        Ok(())
    }

    /// The peer has signed in, so its place among the strangers is free again.
    pub fn authenticated(&mut self) {
        if !self.authenticated {
            self.authenticated = true;
            self.limits.counts().unauthenticated -= 1;
        }
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let mut counts = self.limits.counts();
        counts.total -= 1;
        if !self.authenticated {
            counts.unauthenticated -= 1;
        }
        let Some(source) = self.source else { return };
        if let Some(from_source) = counts.per_source.get_mut(&source) {
            *from_source -= 1;
            if *from_source == 0 {
                counts.per_source.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn limits(total: usize, per_source: usize, unauthenticated: usize) -> ConnectionLimits {
        ConnectionLimits::new(ConnectionLimitSettings {
            total,
            per_source,
            unauthenticated,
        })
    }

    #[test]
    fn each_bound_refuses_with_its_own_name_and_opens_again() {
        let (a, b) = (ip("192.0.2.1"), ip("192.0.2.2"));
        for (bounds, second, refused) in [
            ((1, 9, 9), b, LimitReached::Total),
            ((9, 1, 9), a, LimitReached::PerSource),
            ((9, 9, 1), b, LimitReached::Unauthenticated),
        ] {
            let limits = limits(bounds.0, bounds.1, bounds.2);
            let first = limits.admit(a).unwrap();
            assert_eq!(limits.admit(second).unwrap_err(), refused);
            drop(first);
            assert!(limits.admit(second).is_ok(), "{refused:?} stayed");
        }
    }

    #[test]
    fn signing_in_frees_a_strangers_place_once() {
        let limits = limits(9, 9, 1);
        let mut first = limits.admit(ip("192.0.2.1")).unwrap();
        first.authenticated();
        first.authenticated();
        let second = limits.admit(ip("192.0.2.1")).unwrap();
        assert!(limits.admit(ip("192.0.2.1")).is_err());
        drop((first, second));
        assert_eq!(limits.total(), 0);
        assert!(limits.counts().per_source.is_empty());
        assert_eq!(limits.counts().unauthenticated, 0);
    }

    #[test]
    fn new_bounds_hold_for_the_next_connection() {
        let limits = limits(1, 9, 9);
        let _first = limits.admit(ip("192.0.2.1")).unwrap();
        limits.set(ConnectionLimitSettings {
            total: 2,
            per_source: 9,
            unauthenticated: 9,
        });
        assert!(limits.admit(ip("192.0.2.1")).is_ok());
    }
}
