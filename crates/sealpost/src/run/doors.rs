//! The doors: one listener for each that the configuration has, and no other.
//!
//! The set follows the configuration while the server runs. A listener that is taken away stops
//! accepting at once; its sessions go on, or get time to end, as the change says. One that cannot
//! be opened keeps none of the others shut: it is told and tried again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use net::{
    Conn, ConnectionLimitSettings, ConnectionLimits, Drained, Handler, ListenerSettings, Shutdown,
    ShutdownTrigger, TlsMode, TlsServer,
};
use policy::{Listener, Service as Spoken, Settings};
use service::{OpenError, Protocol, Service, ShutListener};
use tokio::task::{Id, JoinSet};
use tracing::{debug, error, info};
use types::ListenerId;

/// How long sessions may take to end once their listener stops.
const DRAIN: Duration = Duration::from_secs(20);
/// Connections of monitors on this machine at a time.
const MONITORS_HERE: ConnectionLimitSettings = ConnectionLimitSettings {
    total: 16,
    per_source: 16,
    unauthenticated: 16,
};
/// Connections of monitors elsewhere, and of strangers who try that door.
const MONITORS_AWAY: ConnectionLimitSettings = ConnectionLimitSettings {
    total: 64,
    per_source: 8,
    unauthenticated: 64,
};

/// All listeners that run.
pub(crate) struct Doors {
    service: Service,
    limits: Limits,
    running: BTreeMap<ListenerId, Running>,
    /// Listeners that should run and cannot.
    shut: BTreeMap<ListenerId, ShutListener>,
    /// Listeners that are closed and whose sessions go on.
    retired: Vec<Running>,
    tasks: JoinSet<Drained>,
}

/// Whether to wait a moment for a port that a listener of ours may be giving up.
#[derive(Clone, Copy)]
enum Patience {
    None,
    Some,
}

struct Running {
    listener: Listener,
    /// Stops accepting.
    close: ShutdownTrigger,
    /// Ends the sessions.
    end: ShutdownTrigger,
    task: Id,
}

/// Doors where nobody signs in are counted apart from those where one must, and monitors apart from
/// mail, so that they can ask also under load; those on this machine apart from the others, so that
/// no stranger takes their places.
struct Limits {
    receiving: ConnectionLimits,
    signing_in: ConnectionLimits,
    monitors_here: ConnectionLimits,
    monitors_away: ConnectionLimits,
}

impl Doors {
    /// Opens every listener of the configuration that can be opened. Without a certificate that is
    /// each but those that begin with TLS, so that one can be set.
    pub(crate) async fn open(service: Service) -> Self {
        let limits = Limits::new(service.config().settings());
        let mut doors = Self {
            service,
            limits,
            running: BTreeMap::new(),
            shut: BTreeMap::new(),
            retired: Vec::new(),
            tasks: JoinSet::new(),
        };
        doors.open_missing(Patience::None).await;
        doors
    }

    /// Whether nobody listens anywhere.
    pub(crate) fn are_all_shut(&self) -> bool {
        self.running.is_empty()
    }

    /// Tries again what could not be opened.
    pub(crate) async fn retry(&mut self) {
        if !self.shut.is_empty() {
            self.open_missing(Patience::None).await;
        }
    }

    /// Brings the listeners and limits to what the configuration says now.
    pub(crate) async fn follow(&mut self) {
        let config = self.service.config();
        self.limits.set(config.settings());
        let wanted: BTreeMap<ListenerId, Listener> = config
            .open_listeners()
            .map(|listener| (listener.id, listener.clone()))
            .collect();
        let closing = self
            .running
            .extract_if(.., |id, running| wanted.get(id) != Some(&running.listener));
        for (id, running) in closing {
            info!(listener = %running.listener.address, "{} stops here", running.listener.service);
            running.close.stop();
            running.close.let_go().await;
            if self.service.listener_ends_sessions(id) {
                running.end.stop();
            }
            self.retired.push(running);
        }
        self.open_missing(Patience::Some).await;
    }

    /// Opens what should be open and is not, and tells what could not be opened. That stands in the
    /// ledger all the same: the next change and each retry try it again.
    async fn open_missing(&mut self, patience: Patience) {
        let config = self.service.config();
        let mut before = std::mem::take(&mut self.shut);
        for listener in config.open_listeners() {
            if self.running.contains_key(&listener.id) {
                continue;
            }
            let known = before.remove(&listener.id);
            let known = known.filter(|known| known.listener == *listener);
            let patience = match known {
                Some(_) => Patience::None,
                None => patience,
            };
            if let Err(err) = self.open_one(listener, patience).await {
                let shut = ShutListener {
                    listener: listener.clone(),
                    why: err.to_string(),
                };
                // Once for each cause, not once for each try.
                if known.as_ref() != Some(&shut) {
                    error!(listener = %listener.address, %err, "{shut}");
                }
                self.shut.insert(listener.id, shut);
            }
        }
        debug!(
            "the listeners follow the ledger up to {} entries",
            config.size()
        );
        let shut = self.shut.values().cloned().collect();
        self.service.listeners_followed(config.size(), shut);
    }

    async fn open_one(&mut self, listener: &Listener, patience: Patience) -> Result<(), OpenError> {
        let mode = tls_mode(listener, self.service.tls().as_ref())?;
        let socket = match patience {
            Patience::None => net::Listener::bind(listener.address)?,
            Patience::Some => self.service.listener_socket(listener.address).await?,
        };
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
        self.retired.retain(|retired| retired.task != task);
        let before = self.running.len();
        self.running.retain(|_, running| running.task != task);
        if self.running.len() < before {
            self.follow().await;
        }
    }

    /// Stops all listeners and waits for their sessions.
    pub(crate) async fn close(mut self) -> Drained {
        self.service.listeners_closed();
        for running in self.running.values().chain(&self.retired) {
            running.close.stop();
            running.end.stop();
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
        let (close, closing) = Shutdown::pair();
        let (end, ending) = Shutdown::pair();
        let settings = ListenerSettings {
            tls,
            limits: self.limits.of(&listener).clone(),
            gate: self.service.gate(&listener),
            refusal: refusal(&listener),
            drain: DRAIN,
        };
        let handler = handler(self.service.clone(), &listener, ending.clone());
        let handler = counted(self.service.clone(), listener.service, handler);
        info!(listener = %socket.local_addr(), "{} listens here", listener.service);
        let task = self
            .tasks
            .spawn(socket.serve(settings, handler, closing, ending))
            .id();
        self.running.insert(
            listener.id,
            Running {
                listener,
                close,
                end,
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
            monitors_here: ConnectionLimits::new(MONITORS_HERE),
            monitors_away: ConnectionLimits::new(MONITORS_AWAY),
        }
    }

    fn set(&self, settings: &Settings) {
        let (receiving, signing_in) = limit_settings(settings);
        self.receiving.set(receiving);
        self.signing_in.set(signing_in);
    }

    fn of(&self, listener: &Listener) -> &ConnectionLimits {
        match listener.service {
            Spoken::Smtp => &self.receiving,
            Spoken::Metrics if listener.begins_with_tls() => &self.monitors_away,
            Spoken::Metrics => &self.monitors_here,
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

/// What TLS means for a listener. One that begins with TLS is never served without.
fn tls_mode(listener: &Listener, tls: Option<&TlsServer>) -> Result<TlsMode, OpenError> {
    match tls {
        Some(tls) if listener.begins_with_tls() => Ok(TlsMode::Implicit(tls.clone())),
        None if listener.begins_with_tls() => Err(OpenError::NoCertificate(listener.service)),
        Some(tls) if listener.service.is_for_mail() => Ok(TlsMode::StartTls(tls.clone())),
        _ => Ok(TlsMode::Off),
    }
}

/// What a client above the limits is told. Under TLS from the first octet nothing can be told.
fn refusal(listener: &Listener) -> &'static str {
    match listener.service {
        _ if listener.begins_with_tls() => "",
        Spoken::Smtp | Spoken::Submission => smtp::TOO_MANY_CONNECTIONS,
        Spoken::Imap => imap::TOO_MANY_CONNECTIONS,
        Spoken::Pop3 => pop3::TOO_MANY_CONNECTIONS,
        Spoken::Managesieve => managesieve::TOO_MANY_CONNECTIONS,
        Spoken::Metrics => monitor::TOO_MANY_CONNECTIONS,
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
        Spoken::Managesieve => Arc::new(move |conn: Conn| {
            Box::pin(managesieve::serve(
                conn,
                service.clone(),
                id,
                shutdown.clone(),
            ))
        }),
        Spoken::Metrics => Arc::new(move |conn: Conn| {
            Box::pin(monitor::serve(conn, service.clone(), id, shutdown.clone()))
        }),
    }
}

/// The handler with its connections counted.
fn counted(service: Service, spoken: Spoken, handler: Handler) -> Handler {
    Arc::new(move |conn: Conn| {
        let open = service.metrics().connection(spoken);
        let served = handler(conn);
        Box::pin(async move {
            let _counted = open;
            served.await;
        })
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    /// A listener of each service, on this machine and elsewhere.
    fn listeners() -> impl Iterator<Item = Listener> {
        let at = |address: &str, service: Spoken| Listener {
            id: ListenerId(1),
            service,
            address: (address.parse::<IpAddr>().unwrap(), service.port()).into(),
        };
        ["127.0.0.1", "::1", "192.0.2.1", "0.0.0.0", "::"]
            .into_iter()
            .flat_map(move |address| Spoken::ALL.map(|service| at(address, service)))
    }

    #[test]
    fn what_begins_with_tls_is_never_served_without() {
        for listener in listeners() {
            let mode = tls_mode(&listener, None);
            let Listener {
                service, address, ..
            } = &listener;
            let away = *service == Spoken::Metrics && !address.ip().is_loopback();
            assert_eq!(
                mode.is_err(),
                service.is_implicit_tls() || away,
                "{listener:?}"
            );
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
        for listener in listeners() {
            let line = refusal(&listener);
            assert_eq!(line.is_empty(), listener.begins_with_tls(), "{listener:?}");
            assert!(line.is_empty() || line.ends_with("\r\n"), "{listener:?}");
        }
    }
}
