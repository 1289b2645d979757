//! Sending: jobs of the queue, many ways at a time, several jobs over one connection.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use net::{MailHost, MxQuestion, Shutdown, mail_hosts};
use service::{
    Attempt, Cause, Destination, Failure, Host, Job, Outbound, Outcome, Room, RouteTls, Scope,
    Service,
};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use types::{QueueId, Status};

use crate::client::{Content, Session};
use crate::dial::{Dial, WayOut};
use crate::end::{Broken, no_host};

/// Jobs under way at a time, a connection each.
const JOBS_MAX: usize = 100;
/// Of these, for places that failed lately.
const PROBES_MAX: usize = 20;
/// Of these, to one place.
const PER_WAY_MAX: usize = 10;
/// Addresses that one attempt tries.
const ADDRESSES_MAX: usize = 5;
/// Messages over one connection, so that the load of many hosts is spread anew now and then.
const REUSE_MAX: usize = 100;
/// For how long what is under way may go on once the server is to end.
const DRAIN: Duration = Duration::from_secs(20);
/// After what part of its lease a job gets a new one.
const RENEW_AFTER: Duration = Duration::from_secs(300);
/// The wait after the queue itself did not answer.
const PAUSE: Duration = Duration::from_secs(5);

/// Sends what the queue holds until the server is to end; then what is under way gets a little time.
pub async fn run(service: Service, out: WayOut, shutdown: Shutdown) {
    let outbound = service.outbound();
    let mut workers = JoinSet::new();
    let mut probes = Probes::default();
    loop {
        while let Some(ended) = workers.try_join_next() {
            probes.ended(ended);
        }
        let room = Room {
            jobs: JOBS_MAX.saturating_sub(workers.len()),
            probes: PROBES_MAX.saturating_sub(probes.0),
            per_way: PER_WAY_MAX,
        };
        let claimed = match room.jobs {
            0 => Ok(Vec::new()),
            _ => outbound.claim(room).await,
        };
        let pause = claimed.is_err();
        let jobs = claimed.unwrap_or_else(|err| {
            tracing::error!(error = %err, "the queue does not answer: {err}");
            Vec::new()
        });
        let idle = jobs.is_empty();
        for job in jobs {
            probes.0 += usize::from(job.is_probe);
            let worker = Worker {
                service: service.clone(),
                outbound: outbound.clone(),
                out: out.clone(),
            };
            workers.spawn(worker.work(job));
        }
        if !idle {
            continue;
        }
        let is_full = room.jobs == 0;
        tokio::select! {
            () = shutdown.wait() => break,
            Some(ended) = workers.join_next() => probes.ended(ended),
            () = outbound.wait(), if !is_full && !pause => {}
            () = tokio::time::sleep(PAUSE), if pause => {}
        }
    }
    let ended = async { while workers.join_next().await.is_some() {} };
    if timeout(DRAIN, ended).await.is_err() {
        tracing::info!("{} connections to other servers are cut", workers.len());
        workers.abort_all();
    }
}

/// Workers that find out whether a place is back.
#[derive(Default)]
struct Probes(usize);

impl Probes {
    fn ended(&mut self, ended: Result<bool, tokio::task::JoinError>) {
        match ended {
            Ok(was_probe) => self.0 = self.0.saturating_sub(usize::from(was_probe)),
            Err(err) => {
                // Which kind it was is not known; a place too many for a while does no harm.
                self.0 = self.0.saturating_sub(1);
                tracing::error!(%err, "sending ended by a fault of the server: {err}");
            }
        }
    }
}

/// Sends one job, and then others of its way over the same connection.
struct Worker {
    service: Service,
    outbound: Outbound,
    out: WayOut,
}

/// A session with who is at its other end.
struct Open {
    session: Session,
    host: String,
    address: IpAddr,
}

/// Who was met, for the record.
#[derive(Default)]
struct Met {
    host: Option<String>,
    address: Option<IpAddr>,
    tls: Option<String>,
    /// Whether the other server reports by itself what its sender wants to hear.
    reports: bool,
}

impl Open {
    fn met(&self) -> Met {
        Met {
            host: Some(self.host.clone()),
            address: Some(self.address),
            tls: self.session.tls_words(),
            reports: self.session.offered.dsn,
        }
    }
}

impl Worker {
    /// Works; says whether the job was a probe.
    async fn work(self, mut job: Job) -> bool {
        let was_probe = job.is_probe;
        let mut open = match self.open(&job).await {
            Ok(open) => open,
            Err(outcome) => {
                self.settle(job, Ends::All(outcome), Met::default()).await;
                return was_probe;
            }
        };
        for sent in 1.. {
            let (ends, usable) = self.transact(&mut open, &mut job).await;
            // Before this one is settled, so that its place on the way goes to the next.
            let next = match usable && sent < REUSE_MAX {
                true => self.next(&job.way).await,
                false => None,
            };
            self.settle(job, ends, open.met()).await;
            match next {
                Some(next) => job = next,
                None => {
                    if usable {
                        open.session.quit().await;
                    }
                    break;
                }
            }
        }
        was_probe
    }

    /// More mail for an open connection.
    async fn next(&self, way: &str) -> Option<Job> {
        self.outbound.claim_way(way, 1).await.ok()?.pop()
    }

    /// Opens a session with a host of the job's way, or says how the attempt ended.
    async fn open(&self, job: &Job) -> Result<Open, Outcome> {
        let hosts = self.hosts(job).await?;
        self.dial(job, &hosts).await.map_err(Outcome::Deferred)
    }

    /// The hosts of a job in the order in which they are tried.
    async fn hosts(&self, job: &Job) -> Result<Vec<MailHost>, Outcome> {
        match &job.destination {
            Destination::Domain(domain) => {
                let own_name = self.service.host_name();
                let question = MxQuestion {
                    domain: domain.as_str(),
                    own_name: &own_name,
                    allows_local: self.out.allows_local,
                };
                let found = mail_hosts(&self.out.resolver, &self.out.random, question).await;
                found.map_err(|err| no_host(domain.as_str(), &err))
            }
            Destination::Host(host) => {
                let addresses = match host.name.parse() {
                    Ok(address) => vec![address],
                    Err(_) => self
                        .out
                        .resolver
                        .addresses(&host.name)
                        .await
                        .map_err(|err| {
                            let words = format!("{}: {err}", host.name);
                            let broken = Broken::Own(Status::new(4, 4, 3), words);
                            Outcome::Deferred(broken.failure("looking for its address"))
                        })?,
                };
                Ok(vec![MailHost {
                    name: host.name.clone(),
                    addresses,
                }])
            }
        }
    }

    /// Opens a session with the first host that speaks to us; the failure of the last otherwise.
    async fn dial(&self, job: &Job, hosts: &[MailHost]) -> Result<Open, Failure> {
        let own_name = self.service.host_name();
        let mut last = None;
        let mut all = Vec::new();
        for host in hosts {
            all.extend(host.addresses.iter().map(|address| (&*host.name, *address)));
        }
        for (host, address) in all.into_iter().take(ADDRESSES_MAX) {
            let dial = match &job.destination {
                Destination::Domain(_) => Dial {
                    host,
                    address: SocketAddr::new(address, self.out.port),
                    tls: match job.params.require_tls {
                        true => RouteTls::StartTls,
                        false => RouteTls::Opportunistic,
                    },
                    sign_in: None,
                    lmtp: false,
                    own_name: &own_name,
                },
                Destination::Host(Host {
                    port,
                    tls,
                    sign_in,
                    lmtp,
                    ..
                }) => Dial {
                    host,
                    address: SocketAddr::new(address, *port),
                    tls: *tls,
                    sign_in: sign_in.as_ref(),
                    lmtp: *lmtp,
                    own_name: &own_name,
                },
            };
            match dial.open(&self.out).await {
                Ok(session) => {
                    return Ok(Open {
                        session,
                        host: host.to_owned(),
                        address,
                    });
                }
                Err(broken) => {
                    let failure = broken.failure(&place(host, address));
                    tracing::debug!("{}: {}", job.way, failure.cause);
                    last = Some(failure);
                }
            }
        }
        Err(last.unwrap_or_else(|| {
            let broken = Broken::Own(Status::new(4, 4, 1), "it has no address".to_owned());
            broken.failure("")
        }))
    }

    /// One transaction; how its recipients ended, and whether the session can be used again.
    async fn transact(&self, open: &mut Open, job: &mut Job) -> (Ends, bool) {
        let begun = Instant::now();
        let signatures = match self.outbound.signatures(job).await {
            Ok(signatures) => signatures,
            Err(words) => {
                let cause = Cause::Local {
                    status: Status::new(4, 7, 5),
                    words,
                };
                let scope = Scope::Message;
                let end = Outcome::Deferred(Failure { scope, cause });
                return (Ends::All(end), true);
            }
        };
        let octets = (signatures.len() + job.head.len()) as u64 + job.body.octets();
        if let Some(end) = open.session.unfit(job, octets) {
            return (Ends::All(end), true);
        }
        let doing = place(&open.host, open.address);
        let broken = |broken: &Broken| Outcome::Deferred(broken.failure(&doing));
        let envelope = match open.session.envelope(job, octets).await {
            Ok(envelope) => envelope,
            Err(err) => return (Ends::All(broken(&err)), false),
        };
        let mut ends = envelope.ended;
        if envelope.accepted.is_empty() {
            return (Ends::Each(ends), true);
        }
        if begun.elapsed() > RENEW_AFTER
            && let Err(err) = self.outbound.renew(job).await
        {
            tracing::warn!(message.id = %job.message, "the lease of {} is not longer: {err}", job.message);
        }
        let content = Stored {
            outbound: &self.outbound,
            job,
            place: Place::Head(signatures),
        };
        match open.session.content(content, &envelope.accepted).await {
            Ok(more) => {
                let usable = !more.iter().any(|(_, end)| ends_session(end));
                ends.extend(more);
                (Ends::Each(ends), usable)
            }
            Err(err) => {
                let all = envelope.accepted.iter();
                ends.extend(all.map(|id| (*id, broken(&err))));
                (Ends::Each(ends), false)
            }
        }
    }

    async fn settle(&self, job: Job, ends: Ends, met: Met) {
        let attempt = |id, outcome| Attempt {
            id,
            outcome,
            host: met.host.clone(),
            address: met.address,
            tls: met.tls.clone(),
            reports: met.reports,
        };
        let attempts = match ends {
            Ends::All(outcome) => {
                let all = job.recipients.iter();
                all.map(|one| attempt(one.id, outcome.clone())).collect()
            }
            Ends::Each(ends) => ends
                .into_iter()
                .map(|(id, outcome)| attempt(id, outcome))
                .collect(),
        };
        let message = job.message.clone();
        if let Err(err) = self.outbound.settle(job, attempts).await {
            tracing::error!(message.id = %message, "what became of {message} is not noted, so it is sent again: {err}");
        }
    }
}

/// A host and its address, as people read them.
fn place(host: &str, address: IpAddr) -> String {
    let address = address.to_string();
    if host == address {
        return address;
    }
    format!("{host} ({address})")
}

/// How the recipients of a job ended.
enum Ends {
    All(Outcome),
    Each(Vec<(QueueId, Outcome)>),
}

/// Whether an end says that the connection is gone or that the server wants it closed.
fn ends_session(end: &Outcome) -> bool {
    match end {
        Outcome::Delivered(_) => false,
        Outcome::Refused(failure) | Outcome::Deferred(failure) => {
            let is_goodbye = matches!(&failure.cause, Cause::Reply(reply) if reply.code == 421);
            is_goodbye || failure.scope == Scope::Destination
        }
    }
}

/// The content of a job as it is stored.
struct Stored<'a> {
    outbound: &'a Outbound,
    job: &'a Job,
    place: Place,
}

enum Place {
    /// With the signatures that go before it.
    Head(Vec<u8>),
    Body(u64),
}

impl Content for Stored<'_> {
    async fn next(&mut self, max_octets: usize) -> Result<Vec<u8>, String> {
        let from = match &mut self.place {
            Place::Head(signatures) => {
                let mut head = std::mem::take(signatures);
                head.extend_from_slice(&self.job.head);
                self.place = Place::Body(0);
                if !head.is_empty() {
                    return Ok(head);
                }
                0
            }
            Place::Body(from) => *from,
        };
        let piece = self.outbound.body(self.job, from, max_octets).await;
        let piece = piece.map_err(|err| format!("the message cannot be read here: {err}"))?;
        self.place = Place::Body(from + piece.len() as u64);
        Ok(piece)
    }
}
