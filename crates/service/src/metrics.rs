//! What the server counts, in the text format of OpenMetrics.
//!
//! Labels are closed sets of our own words: never an address, a name, or anything that a client
//! chose. What can be read from elsewhere at any time is read when somebody asks for the figures.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};
use store::Store;
use types::Timestamp;

use crate::actor::Protocol;
use crate::{Service, lock};

/// Shortest delivery that is told apart, in seconds; each bucket reaches twice as far.
const DELIVERY_FIRST_S: f64 = 0.000_5;
const DELIVERY_BUCKETS: u16 = 16;

type Labels<const N: usize> = [(&'static str, &'static str); N];
type Counts<const N: usize> = Family<Labels<N>, Counter>;

/// How something ended that a client wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done.
    Accepted,
    /// It was refused for good.
    Refused,
    /// The client may try again later.
    Deferred,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Accepted, Self::Refused, Self::Deferred];

    fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Deferred => "deferred",
        }
    }
}

/// All figures of one server.
pub struct Metrics {
    registry: Registry,
    /// Held while the figures are told: some are first brought up to what is known elsewhere.
    telling: Mutex<()>,
    connections: Counts<1>,
    connections_open: Family<Labels<1>, Gauge>,
    sign_ins: Counts<2>,
    messages: Counts<2>,
    recipients: Counts<2>,
    sent: Counts<1>,
    queued: Gauge,
    queue_held: Gauge,
    queue_oldest_at: Gauge,
    delivery_seconds: Histogram,
    imap_commands: Counts<1>,
    heartbeat_at: Gauge,
    pub(crate) checkpoint_at: Gauge,
    certificate_end: Gauge,
    frozen: Gauge,
    ledger_entries: Gauge,
    free_octets: Gauge,
    low_space: Gauge,
    failed: Gauge,
    log_rows_dropped: Counter,
    memory_octets: Gauge,
    cpu_seconds: Counter<f64, AtomicU64>,
    open_files: Gauge,
}

/// A connection that is counted as open as long as this lives.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// Figures of a server that starts now.
    // long: one line for each figure.
    pub(crate) fn new(store: &Store, now: Timestamp) -> Self {
        let mut registry = Registry::default();
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("sealpost_build", "Version of the server", version);
        let mut add = Adder(&mut registry);
        let started: Gauge = add.metric(
            "process_start_time_seconds",
            "Start, Unix time",
            Gauge::default(),
        );
        started.set(now.seconds());
        let meter = store.meter().clone();
        let jobs = "Writes that were committed together";
        add.metric("sealpost_store_group_jobs", jobs, meter.group_jobs);
        let commit = "Time of a group of writes up to its commit";
        add.metric(
            "sealpost_store_commit_seconds",
            commit,
            meter.commit_seconds,
        );
        let metrics = Self {
            connections: add.empty("sealpost_connections", "Connections served, by service"),
            connections_open: add.empty("sealpost_connections_open", "Connections now, by service"),
            sign_ins: add.empty("sealpost_sign_ins", "Sign-ins, by protocol and outcome"),
            messages: add.empty(
                "sealpost_messages",
                "Messages received, by protocol and outcome",
            ),
            recipients: add.empty("sealpost_recipients", "Recipients asked for, by outcome"),
            sent: add.empty(
                "sealpost_outbound_attempts",
                "Attempts at recipients of other servers, by outcome",
            ),
            queued: add.empty(
                "sealpost_queue_recipients",
                "Recipients that wait for other servers",
            ),
            queue_held: add.empty("sealpost_queue_held", "Of these, those that are held back"),
            queue_oldest_at: add.empty(
                "sealpost_queue_oldest_timestamp_seconds",
                "When the oldest waiting message was accepted; 0 without any",
            ),
            delivery_seconds: add.metric(
                "sealpost_delivery_seconds",
                "From the end of a message to its place on the disk",
                Histogram::new(exponential_buckets(DELIVERY_FIRST_S, 2.0, DELIVERY_BUCKETS)),
            ),
            imap_commands: add.empty("sealpost_imap_commands", "IMAP commands, by name"),
            heartbeat_at: add.empty("sealpost_heartbeat_timestamp_seconds", "Last heartbeat"),
            checkpoint_at: add.empty(
                "sealpost_ledger_checkpoint_timestamp_seconds",
                "When the ledger last grew, signed",
            ),
            certificate_end: add.empty(
                "sealpost_certificate_expiry_timestamp_seconds",
                "End of the certificate that ends first; 0 without any",
            ),
            frozen: add.empty("sealpost_ledger_frozen", "1 while grave changes wait"),
            ledger_entries: add.empty("sealpost_ledger_entries", "Entries of the ledger"),
            free_octets: add.empty("sealpost_free_bytes", "Free space of the data folder"),
            low_space: add.empty(
                "sealpost_low_space",
                "1 while mail is put off for want of space",
            ),
            failed: add.empty("sealpost_store_failed", "1 after the disk failed"),
            log_rows_dropped: add.empty(
                "sealpost_log_rows_dropped",
                "Records of activity and trace that were dropped under load",
            ),
            memory_octets: add.empty("process_resident_memory_bytes", "Memory in use"),
            cpu_seconds: add.empty("process_cpu_seconds", "Processor time, user and system"),
            open_files: add.empty("process_open_fds", "Open files and sockets"),
            registry,
            telling: Mutex::default(),
        };
        metrics.begin_at_zero();
        metrics
    }

    /// A series that exists from the start shows its first event as a step.
    fn begin_at_zero(&self) {
        for protocol in Protocol::ALL {
            for outcome in Outcome::ALL {
                let labels = by_outcome(protocol, outcome);
                let _zero = self.sign_ins.get_or_create(&labels);
                if protocol.takes_mail() {
                    let _zero = self.messages.get_or_create(&labels);
                    let _zero = self.recipients.get_or_create(&labels);
                }
            }
        }
        for outcome in Outcome::ALL {
            let _zero = self.sent.get_or_create(&[("outcome", outcome.as_str())]);
        }
        for service in policy::Service::ALL {
            let _zero = self.connections.get_or_create(&by_service(service));
            let _zero = self.connections_open.get_or_create(&by_service(service));
        }
    }

    /// Counts a connection, and as open until the answer is dropped.
    pub fn connection(&self, service: policy::Service) -> OpenConnection {
        let labels = by_service(service);
        self.connections.get_or_create(&labels).inc();
        let open = self.connections_open.get_or_create(&labels).clone();
        open.inc();
        OpenConnection(open)
    }

    /// Counts a command of IMAP by its own name, which is one of ours.
    pub fn imap_command(&self, name: &'static str) {
        self.imap_commands.get_or_create(&[("command", name)]).inc();
    }

    pub(crate) fn sign_in(&self, protocol: Protocol, outcome: Outcome) {
        let labels = by_outcome(protocol, outcome);
        self.sign_ins.get_or_create(&labels).inc();
    }

    pub(crate) fn message(&self, protocol: Protocol, outcome: Outcome, took: Duration) {
        let labels = by_outcome(protocol, outcome);
        self.messages.get_or_create(&labels).inc();
        if outcome == Outcome::Accepted {
            self.delivery_seconds.observe(took.as_secs_f64());
        }
    }

    pub(crate) fn recipient(&self, protocol: Protocol, outcome: Outcome) {
        let labels = by_outcome(protocol, outcome);
        self.recipients.get_or_create(&labels).inc();
    }

    pub(crate) fn sent(&self, outcome: Outcome) {
        self.sent
            .get_or_create(&[("outcome", outcome.as_str())])
            .inc();
    }

    /// Reads what only the system knows; what it will not tell stays as it was.
    fn read_process(&self) {
        if let Some(octets) = resident_octets() {
            self.memory_octets.set(signed(octets));
        }
        if let Some(seconds) = cpu_seconds() {
            let more = seconds - self.cpu_seconds.get();
            self.cpu_seconds.inc_by(more.max(0.0));
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            self.open_files.set(signed(files.count() as u64));
        }
    }
}

impl Service {
    /// What the doors count.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// All figures as they are now, in the text format of OpenMetrics 1.0.
    pub fn metrics_text(&self) -> String {
        let metrics = &self.inner.metrics;
        let store = &self.inner.store;
        let _one_at_a_time = lock(&metrics.telling);
        metrics.read_process();
        // While a change is being made, the gate keeps its last known state.
        if let Ok(admission) = self.inner.admission.try_lock() {
            let frozen = admission.frozen(&self.config());
            metrics.frozen.set(i64::from(frozen.is_some()));
        }
        metrics.ledger_entries.set(signed(self.config().size()));
        let seconds = |at: Option<Timestamp>| at.map_or(0, Timestamp::seconds);
        metrics
            .heartbeat_at
            .set(seconds(self.inner.beats.last_at()));
        // While the readers are busy, the queue keeps its last known length.
        if let Ok(total) = store.read_blocking(store::queue::total) {
            metrics.queued.set(signed(total.waiting));
            metrics.queue_held.set(signed(total.held));
            metrics.queue_oldest_at.set(seconds(total.oldest));
        }
        let certificate_end = seconds(self.first_certificate_end());
        metrics.certificate_end.set(certificate_end);
        metrics.low_space.set(i64::from(store.is_low_on_space()));
        metrics.failed.set(i64::from(store.failure().is_some()));
        if let Some(free) = store.free_octets() {
            metrics.free_octets.set(signed(free));
        }
        let dropped = store.activity().dropped() + store.trace().dropped();
        let counted = metrics.log_rows_dropped.get();
        metrics
            .log_rows_dropped
            .inc_by(dropped.saturating_sub(counted));
        let mut text = String::new();
        if let Err(err) = encode(&mut text, &metrics.registry) {
            tracing::error!(error = %err, "the figures could not be written: {err}");
        }
        text
    }
}

/// Registers figures under their names.
struct Adder<'a>(&'a mut Registry);

impl Adder<'_> {
    fn empty<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        self.metric(name, help, M::default())
    }

    fn metric<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        // The registry keeps a handle on the same figure. It ends the help with a full stop.
        self.0.register(name, help, metric.clone());
        metric
    }
}

fn by_outcome(protocol: Protocol, outcome: Outcome) -> Labels<2> {
    [
        ("protocol", protocol.as_str()),
        ("outcome", outcome.as_str()),
    ]
}

fn by_service(service: policy::Service) -> Labels<1> {
    [("service", service.as_str())]
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Pages in memory, from proc(5) `statm`.
fn resident_octets() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(rustix::param::page_size() as u64))
}

/// Ticks of user and system time, from proc(5) `stat`, behind the name in brackets.
fn cpu_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    let sum = f64::from(ticks()?) + f64::from(ticks()?);
    let per_second = u32::try_from(rustix::param::clock_ticks_per_second()).ok()?;
    Some(sum / f64::from(per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_can_be_read() {
        assert!(resident_octets().unwrap() > 100_000);
        assert!(cpu_seconds().unwrap() >= 0.0);
    }
}
