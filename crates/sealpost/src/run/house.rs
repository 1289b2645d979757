//! A server from the moment its data are open to its end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use net::Shutdown;
use queue::WayOut;
use service::{HEARTBEAT, Service};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{Instant, interval_at, sleep};
use tracing::{error, info, warn};

use super::doors::Doors;
use super::log;
use super::notify::{State, notify, watchdog_time};
use crate::control::dispatch;
use crate::control::server::{Answering, ControlSocket};

/// Time between two looks at whether the disk still works.
const FAILURE_CHECK: Duration = Duration::from_secs(1);

/// Time between two tries to open what could not be opened.
const RETRY: Duration = Duration::from_secs(60);

/// A server whose doors are open, as many of them as could be.
pub(crate) struct House {
    service: Service,
    doors: Doors,
    console: Console,
    signals: Signals,
    /// Hears that the server is to end.
    asked: Arc<Notify>,
    /// How mail for other servers leaves; `None` where none does.
    out: Option<WayOut>,
}

/// The control socket; none as long as it cannot be made.
struct Console {
    path: PathBuf,
    socket: Option<ControlSocket>,
}

/// The signals that end a server; from the moment this exists they no longer end the process.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl House {
    /// Opens the doors and the control socket; what is in the way of some is told and tried again
    /// while the server runs. Call it inside the runtime.
    ///
    /// If neither a door nor the control socket can be opened, the server is of no use, and closes.
    pub(crate) async fn open(
        service: Service,
        control_socket: &Path,
        signals: Signals,
    ) -> anyhow::Result<Self> {
        let bound = ControlSocket::bind(control_socket);
        let doors = Doors::open(service.clone()).await;
        let socket = match bound {
            Ok(socket) => Some(socket),
            Err(error) if doors.are_all_shut() => {
                doors.close().await;
                service.close().await;
                return Err(error);
            }
            Err(error) => {
                error!("no command reaches the server for now: {error:#}");
                None
            }
        };
        let console = Console {
            path: control_socket.to_owned(),
            socket,
        };
        Ok(Self {
            service,
            doors,
            console,
            signals,
            asked: Arc::default(),
            out: None,
        })
    }

    /// Sends what the queue holds to other servers as long as it runs.
    #[must_use]
    pub(crate) fn sending(self, out: WayOut) -> Self {
        Self {
            out: Some(out),
            ..self
        }
    }

    /// By which the server is asked to end while it runs, as by a signal.
    pub(crate) fn end(&self) -> Arc<Notify> {
        Arc::clone(&self.asked)
    }

    /// Closes again if anything could not be opened, for a server that is of use only as a whole.
    pub(crate) async fn or_nothing(self) -> anyhow::Result<Self> {
        let shut = self.service.listeners_shut();
        let reason = match (shut.first(), &self.console.socket) {
            (Some(shut), _) => shut.to_string(),
            (None, None) => "the control socket could not be made".to_owned(),
            (None, Some(_)) => return Ok(self),
        };
        self.close().await;
        Err(anyhow!(reason))
    }

    /// Closes what [`Self::open`] opened, for a server that is not to run after all.
    pub(crate) async fn close(self) {
        self.doors.close().await;
        self.service.close().await;
    }

    /// Runs until a signal, then drains. A second signal ends the wait; nothing is lost by it.
    ///
    /// A disk that failed ends the server too, so that whoever watches it starts it again.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self {
            service,
            mut doors,
            console,
            mut signals,
            asked,
            out,
        } = self;
        let (stop, shutdown) = Shutdown::pair();
        let answering = Arc::new(dispatch::answering(service.clone(), Arc::clone(&asked)));
        let pulse = tokio::spawn(pulse(service.clone(), shutdown.clone()));
        let watchdog = tokio::spawn(watchdog(service.clone(), shutdown.clone()));
        let sender = tokio::spawn(send(service.clone(), out, shutdown.clone()));
        let control = tokio::spawn(console.serve(answering, shutdown));
        info!("ready");
        notify(State::Ready);
        let failed = work(&service, &mut doors, &mut signals, &asked).await;
        notify(State::Stopping);
        stop.stop();
        let drain = async {
            let drained = doors.close().await;
            for task in [sender, control, pulse, watchdog] {
                if let Err(err) = task.await {
                    error!(%err, "a task ended by a fault of the server: {err}");
                }
            }
            info!(
                finished = drained.finished,
                aborted = drained.aborted,
                "all sessions ended"
            );
        };
        tokio::select! {
            () = drain => {}
            name = signals.next() => warn!("{name} again: ending at once"),
        }
        service.close().await;
        match failed {
            Some(why) => Err(anyhow!("the disk failed: {why}; mend it, then start again")),
            None => Ok(()),
        }
    }
}

/// Follows every change until the server is to end; gives why, if the disk failed.
async fn work(
    service: &Service,
    doors: &mut Doors,
    signals: &mut Signals,
    asked: &Notify,
) -> Option<String> {
    let mut changes = service.config_watch();
    log::follow(service.config().settings());
    let mut retry = interval_at(Instant::now() + RETRY, RETRY);
    loop {
        // Following a change is not interrupted: it happens behind the select.
        tokio::select! {
            name = signals.next() => {
                info!("{name}: stopping; the sessions may finish");
                return None;
            }
            () = asked.notified() => return None,
            changed = changes.changed() => match changed {
                Ok(()) => {
                    log::follow(service.config().settings());
                    doors.follow().await;
                }
                Err(_) => return None,
            },
            () = doors.supervise() => {}
            _ = retry.tick() => doors.retry().await,
            why = failure(service) => {
                error!(%why, "the disk failed, stopping: {why}");
                return Some(why);
            }
        }
    }
}

/// Waits until the store has stopped. May be cancelled freely.
async fn failure(service: &Service) -> String {
    loop {
        if let Some(why) = service.failure() {
            return why;
        }
        sleep(FAILURE_CHECK).await;
    }
}

impl Console {
    /// Answers until `shutdown`, once the socket could be made.
    async fn serve(self, answering: Answering, shutdown: Shutdown) {
        let Self { path, mut socket } = self;
        let socket = loop {
            if let Some(socket) = socket.take() {
                break socket;
            }
            tokio::select! {
                () = shutdown.wait() => return,
                () = sleep(RETRY) => {}
            }
            match ControlSocket::bind(&path) {
                Ok(bound) => {
                    info!("commands reach the server again");
                    socket = Some(bound);
                }
                Err(error) => error!("no command reaches the server for now: {error:#}"),
            }
        };
        socket.serve(answering, shutdown).await;
    }
}

/// Sends what waits for other servers, if this server sends at all.
async fn send(service: Service, out: Option<WayOut>, shutdown: Shutdown) {
    if let Some(out) = out {
        queue::run(service, out, shutdown).await;
    }
}

/// Lets the service finish its start, then look after itself at every beat.
async fn pulse(service: Service, shutdown: Shutdown) {
    tokio::select! {
        () = shutdown.wait() => return,
        () = service.check_newest_days() => {}
    }
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            () = sleep(HEARTBEAT) => {}
        }
        service.heartbeat().await;
    }
}

/// Tells systemd's watchdog, where there is one, that heart and writer live. It is told twice in
/// its time; a server that cannot say so is ended and started again by systemd.
async fn watchdog(service: Service, shutdown: Shutdown) {
    let Some(time) = watchdog_time() else { return };
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            () = sleep(time / 2) => {}
        }
        if service.is_alive().await {
            notify(State::Alive);
        } else {
            error!("heart or writer do not answer: the watchdog is not told");
        }
    }
}

impl Signals {
    /// Begins to listen. Call it inside the runtime.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen to signals");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// The name of the next signal. May be cancelled freely.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hang_up.recv() => "SIGHUP",
        }
    }
}
