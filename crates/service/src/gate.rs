//! Who may come in at a listener, as the configuration in force says at each connection.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use net::Gate;
use policy::Listener;
use policy::change::Blocked;

use crate::Service;

/// The gate of one listener.
struct ListenerGate {
    service: Service,
    listener: Listener,
}

impl fmt::Debug for ListenerGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ListenerGate")
            .field(&self.listener.id)
            .finish()
    }
}

impl Gate for ListenerGate {
    fn is_proxy(&self, peer: IpAddr) -> bool {
        self.service.config().is_proxy(self.listener.id, peer)
    }

    fn admits(&self, source: IpAddr) -> bool {
        self.service
            .config()
            .listener_admits(&self.listener, source)
            && !self.service.is_blocked(Blocked::Connections, source)
    }
}

impl Service {
    /// What decides about the connections of a listener; it follows the configuration.
    pub fn gate(&self, listener: &Listener) -> Arc<dyn Gate> {
        Arc::new(ListenerGate {
            service: self.clone(),
            listener: listener.clone(),
        })
    }
}
