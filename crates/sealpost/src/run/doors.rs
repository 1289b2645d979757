//! The doors: one listener for each that the configuration has, and no other.
//!
//! The set follows the configuration while the server runs. A listener that is taken away stops
//! accepting at once; its sessions get time to end.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use net::{
    BindError, Conn, ConnectionLimitSettings, ConnectionLimits, Drained, Handler, ListenerSettings,
    Shutdown, ShutdownTrigger, TlsMode, TlsServer,
};
use policy::{Listener, Service as Spoken, Settings};
use service::{Protocol, Service};
use tokio::task::{Id, JoinSet};
use tokio::time::sleep;
use tracing::{error, info};
use types::ListenerId;

/// How long sessions may take to end once their listener stops.
const DRAIN: Duration = Duration::from_secs(20);
/// Tries to bind a port that another listener of ours is just giving up, and the rest between two.
const BIND_TRIES: u32 = 20;
const BIND_REST: Duration = Duration::from_millis(50);

/// All listeners that run.
pub(crate) struct Doors {
    service: Service,
    limits: Limits,
    running: BTreeMap<ListenerId, Running>,
    tasks: JoinSet<Drained>,
}

/// Why a listener does not open, in words that say what to do.
#[derive(Debug)]
pub(crate) enum DoorError {
    /// The address cannot be had.
    Bind(BindError),
    /// There is nothing to speak TLS with.
    NoCertificate(Spoken),
}

struct Running {
    listener: Listener,
    stop: ShutdownTrigger,
    task: Id,
}

/// Doors where nobody signs in are counted apart from those where one must.
struct Limits {
    receiving: ConnectionLimits,
    signing_in: ConnectionLimits,
}

impl Doors {
    /// Opens every listener of the configuration, or none.
    pub(crate) fn open(service: Service) -> Result<Self, DoorError> {
        let config = service.config();
        let tls = service.tls();
        // Without a certificate the other doors and the console open, so that one can be set.
        let can_open = |listener: &&Listener| match tls_mode(listener.service, tls.as_ref()) {
            Ok(_) => true,
            Err(err) => {
                error!(listener = %listener.address, %err, "{}: {err}", listener.service);
                false
            }
        };
        let bound = config.open_listeners().filter(can_open).map(|listener| {
            let mode = tls_mode(listener.service, tls.as_ref())?;
            let socket = net::Listener::bind(listener.address)?;
            Ok((listener.clone(), mode, socket))
        });
        let bound = bound.collect::<Result<Vec<_>, DoorError>>()?;
        let limits = Limits::new(config.settings());
        let mut doors = Self {
            service,
            limits,
            running: BTreeMap::new(),
            tasks: JoinSet::new(),
        };
        for (listener, mode, socket) in bound {
            doors.start(listener, mode, socket);
        }
        Ok(doors)
    }

    /// Brings the listeners and limits to what the configuration says now.
    pub(crate) async fn follow(&mut self) {
        let config = self.service.config();
        self.limits.set(config.settings());
        let wanted: BTreeMap<ListenerId, Listener> = config
            .open_listeners()
            .map(|listener| (listener.id, listener.clone()))
            .collect();
        self.running.retain(|id, running| {
            let keeps = wanted.get(id) == Some(&running.listener);
            if !keeps {
                info!(listener = %running.listener.address, "{} stops here", running.listener.service);
                running.stop.stop();
            }
            keeps
        });
        for (id, listener) in wanted {
            if self.running.contains_key(&id) {
                continue;
            }
            // The change stands in the ledger; the next change or start tries again.
            if let Err(err) = self.open_one(&listener).await {
                error!(listener = %listener.address, %err, "{}: {err}", listener.service);
            }
        }
    }

    async fn open_one(&mut self, listener: &Listener) -> Result<(), DoorError> {
        let mode = tls_mode(listener.service, self.service.tls().as_ref())?;
        let socket = bind(listener.address).await?;
        self.start(listener.clone(), mode, socket);
        Ok(())
    }

    /// Waits for a listener to end; one that should have gone on is started again.
    pub(crate) async fn supervise(&mut self) {
        let Some(ended) = self.tasks.join_next_with_id().await else {
            return std::future::pending().await;
        };
        let task = match ended {
            Ok((task, _)) => task,
            Err(err) => {
                error!(%err, "a listener ended by a fault of the server: {err}");
                err.id()
            }
        };
        let before = self.running.len();
        self.running.retain(|_, running| running.task != task);
        if self.running.len() < before {
            self.follow().await;
        }
    }

    /// Stops all listeners and waits for their sessions.
    pub(crate) async fn close(mut self) -> Drained {
        for running in self.running.values() {
            running.stop.stop();
        }
        let mut all = Drained {
            finished: 0,
            aborted: 0,
        };
        while let Some(ended) = self.tasks.join_next().await {
            if let Ok(drained) = ended {
                all.finished += drained.finished;
                all.aborted += drained.aborted;
            }
        }
        all
    }

    fn start(&mut self, listener: Listener, tls: TlsMode, socket: net::Listener) {
        let (stop, shutdown) = Shutdown::pair();
        let settings = ListenerSettings {
            tls,
            limits: self.limits.of(listener.service).clone(),
            refusal: refusal(listener.service),
            drain: DRAIN,
        };
        let handler = handler(self.service.clone(), &listener, shutdown.clone());
        info!(listener = %socket.local_addr(), "{} listens here", listener.service);
        let task = self
            .tasks
            .spawn(socket.serve(settings, handler, shutdown))
            .id();
        self.running.insert(
            listener.id,
            Running {
                listener,
                stop,
                task,
            },
        );
    }
}

impl Limits {
    fn new(settings: &Settings) -> Self {
        let (receiving, signing_in) = limit_settings(settings);
        Self {
            receiving: ConnectionLimits::new(receiving),
            signing_in: ConnectionLimits::new(signing_in),
        }
    }

    fn set(&self, settings: &Settings) {
        let (receiving, signing_in) = limit_settings(settings);
        self.receiving.set(receiving);
        self.signing_in.set(signing_in);
    }

    fn of(&self, service: Spoken) -> &ConnectionLimits {
        match service {
            Spoken::Smtp => &self.receiving,
            _ => &self.signing_in,
        }
    }
}

fn limit_settings(settings: &Settings) -> (ConnectionLimitSettings, ConnectionLimitSettings) {
    let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let total = count(settings.connections_max);
    let per_source = count(settings.connections_per_source_max);
    let receiving = ConnectionLimitSettings {
        total,
        per_source,
        unauthenticated: total,
    };
    let unauthenticated = count(settings.connections_unauthenticated_max);
    (
        receiving,
        ConnectionLimitSettings {
            unauthenticated,
            ..receiving
        },
    )
}

/// Binds an address that a listener of ours may hold for another moment.
async fn bind(address: SocketAddr) -> Result<net::Listener, BindError> {
    for _ in 1..BIND_TRIES {
        match net::Listener::bind(address) {
            Err(BindError::PortTaken(_)) => sleep(BIND_REST).await,
            other => return other,
        }
    }
    net::Listener::bind(address)
}

/// What TLS means for a service. One that begins with TLS is never served without.
fn tls_mode(service: Spoken, tls: Option<&TlsServer>) -> Result<TlsMode, DoorError> {
    match tls {
        Some(tls) if service.is_implicit_tls() => Ok(TlsMode::Implicit(tls.clone())),
        Some(tls) => Ok(TlsMode::StartTls(tls.clone())),
        None if service.is_implicit_tls() => Err(DoorError::NoCertificate(service)),
        None => Ok(TlsMode::Off),
    }
}

/// What a client above the limits is told. Under TLS from the first octet nothing can be told.
fn refusal(service: Spoken) -> &'static str {
    match service {
        Spoken::Smtp | Spoken::Submission => smtp::TOO_MANY_CONNECTIONS,
        Spoken::Imap => imap::TOO_MANY_CONNECTIONS,
        Spoken::Pop3 => pop3::TOO_MANY_CONNECTIONS,
        Spoken::Submissions | Spoken::Imaps | Spoken::Pop3s => "",
    }
}

fn handler(service: Service, listener: &Listener, shutdown: Shutdown) -> Handler {
    let id = listener.id;
    match listener.service {
        Spoken::Smtp | Spoken::Submission | Spoken::Submissions => {
            let protocol = match listener.service {
                Spoken::Smtp => Protocol::Smtp,
                _ => Protocol::Submission,
            };
            let door = smtp::Door {
                listener: id,
                protocol,
            };
            Arc::new(move |conn: Conn| {
                Box::pin(smtp::serve(conn, service.clone(), door, shutdown.clone()))
            })
        }
        Spoken::Imap | Spoken::Imaps => Arc::new(move |conn: Conn| {
            Box::pin(imap::serve(conn, service.clone(), id, shutdown.clone()))
        }),
        Spoken::Pop3 | Spoken::Pop3s => Arc::new(move |conn: Conn| {
            Box::pin(pop3::serve(conn, service.clone(), id, shutdown.clone()))
        }),
    }
}

impl From<BindError> for DoorError {
    fn from(err: BindError) -> Self {
        Self::Bind(err)
    }
}

impl fmt::Display for DoorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(err) => err.fmt(f),
            Self::NoCertificate(service) => write!(
                f,
                "{service} needs a certificate, and there is none: `sealpost certificate set \
                 --chain FILE --key FILE`"
            ),
        }
    }
}

impl std::error::Error for DoorError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_begins_with_tls_is_never_served_without() {
        for service in Spoken::ALL {
            let mode = tls_mode(service, None);
            assert_eq!(mode.is_err(), service.is_implicit_tls(), "{service}");
        }
    }

    #[test]
    fn doors_without_sign_in_are_not_counted_as_unauthenticated() {
        let settings = Settings {
            connections_max: 101,
            connections_unauthenticated_max: 51,
            ..Settings::default()
        };
        let (receiving, signing_in) = limit_settings(&settings);
        assert_eq!((receiving.total, receiving.unauthenticated), (101, 101));
        assert_eq!((signing_in.total, signing_in.unauthenticated), (101, 51));
    }

    #[test]
    fn a_refusal_is_a_whole_line_or_nothing() {
        for service in Spoken::ALL {
            let line = refusal(service);
            assert_eq!(line.is_empty(), service.is_implicit_tls(), "{service}");
            assert!(line.is_empty() || line.ends_with("\r\n"), "{service}");
        }
    }
}
