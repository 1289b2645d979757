//! Handing out: the jobs that are due, of many ways a few each, so that no place that is slow or
//! dead keeps the others waiting.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use policy::Config;
use store::queue::{self, Claim, Claimed};
use store::{StoreResult, WriteTx};
use types::{QueueId, Timestamp};

use super::job::{
    Destination, Host, HostSignIn, JOB_RECIPIENTS_MAX, Job, JobParams, JobRecipient, Ticket,
};
use super::{LEASE_S, Outbound};
use crate::error::ServiceResult;
use crate::queued::{self, AHEAD_S, Lead, MessageParams, RecipientParams, Way};

/// Jobs that one call hands out at most.
const JOBS_MAX: usize = 256;
/// Longest time that [`Outbound::wait`] waits.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// For how much whoever sends has room.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Jobs in all.
    pub jobs: usize,
    /// Of these, at most so many for places that failed lately, which often means a long wait.
    pub probes: usize,
    /// Jobs under way to one place at a time, those handed out before included.
    pub per_way: usize,
}

/// What is wanted of the store.
struct Wanted {
    room: Room,
    now: Timestamp,
    lease: String,
    /// Jobs under way on each way.
    under_way: HashMap<String, usize>,
    /// Which way mail goes now.
    config: Arc<Config>,
}

/// What the store gave.
#[derive(Default)]
struct Taken {
    claimed: Vec<(Claimed, bool)>,
    forged: Vec<QueueId>,
    /// Whether rows were put on another way, on which nobody has looked for them yet.
    moved: bool,
}

impl Wanted {
    fn due(&self) -> Timestamp {
        self.now.plus_s(AHEAD_S)
    }

    /// The free places on a way.
    fn free(&self, way: &str, taken: &HashMap<String, usize>) -> usize {
        let used = [&self.under_way, taken].map(|jobs| jobs.get(way).copied().unwrap_or(0));
        self.room.per_way.saturating_sub(used[0] + used[1])
    }

    /// Rounds over the ways that have something due, one job of each in a round.
    fn take(&self, tx: &mut WriteTx<'_>) -> StoreResult<Taken> {
        let mut taken = Taken::default();
        let jobs = self.room.jobs.min(JOBS_MAX);
        let probes = self.room.probes.min(jobs);
        for (failing, jobs) in [(false, jobs), (true, probes)] {
            let left = self.room.jobs.min(JOBS_MAX) - taken.claimed.len();
            self.take_of(tx, failing, jobs.min(left), &mut taken)?;
        }
        Ok(taken)
    }

    fn take_of(
        &self,
        tx: &mut WriteTx<'_>,
        failing: bool,
        jobs: usize,
        taken: &mut Taken,
    ) -> StoreResult<()> {
        // Ways without a free place are looked past, so as many more are asked for.
        let asked = jobs.saturating_add(self.under_way.len());
        let mut ways = match jobs {
            0 => Vec::new(),
            _ => queue::ways_due(tx, self.due(), failing, asked)?,
        };
        let touched = ways.clone();
        let (mut count, mut of_way) = (0, HashMap::new());
        while !ways.is_empty() && count < jobs {
            let mut again = Vec::new();
            for way in ways {
                // One job finds out whether a place that failed is back.
                let free = self.free(&way, &of_way);
                let may = free > 0 && (!failing || free == self.room.per_way);
                if count == jobs || !may {
                    continue;
                }
                if let Some(claimed) = self.take_one(tx, &way, taken)? {
                    taken.claimed.push((claimed, failing));
                    *of_way.entry(way.clone()).or_insert(0) += 1;
                    count += 1;
                    again.push(way);
                }
            }
            ways = again;
        }
        for way in touched {
            queue::refresh(tx, &way)?;
        }
        Ok(())
    }

    fn take_one(
        &self,
        tx: &mut WriteTx<'_>,
        way: &str,
        taken: &mut Taken,
    ) -> StoreResult<Option<Claimed>> {
        let claim = Claim {
            way,
            due: self.due(),
            lease: &self.lease,
            until: lease_end(self.now),
            recipients_max: JOB_RECIPIENTS_MAX,
        };
        // Routes may have changed since it was put here: what goes another way now waits there.
        while let Some(mut claimed) = queue::claim(tx, &claim, &mut taken.forged)? {
            let mut others = BTreeSet::new();
            for row in &claimed.recipients {
                let now = queued::way(&self.config, &row.address).name;
                if now != way {
                    queue::reroute(tx, row.id, &self.lease, (&now, self.now))?;
                    others.insert((row.id, now));
                    taken.moved = true;
                }
            }
            for (_, other) in &others {
                queue::refresh(tx, other)?;
            }
            let moved = |id| others.iter().any(|(other, _)| *other == id);
            claimed.recipients.retain(|row| !moved(row.id));
            if !claimed.recipients.is_empty() {
                return Ok(Some(claimed));
            }
        }
        Ok(None)
    }
}

/// When a row that is leased now comes back: what lies a little ahead is handed out too.
pub(super) fn lease_end(now: Timestamp) -> Timestamp {
    now.plus_s(LEASE_S + AHEAD_S)
}

impl Outbound {
    /// Hands out what is due, longest waiting first, of each place in turn. Fewer jobs than asked
    /// for mean that nothing more can be handed out now; [`Self::wait`] tells when.
    pub async fn claim(&self, room: Room) -> ServiceResult<Vec<Job>> {
        let service = &self.service;
        let wanted = self.wanted(room);
        let config = Arc::clone(&wanted.config);
        let take = move |tx: &mut WriteTx<'_>| wanted.take(tx);
        let taken = service.inner.store.write_small(take).await?;
        Ok(self.hand_out(&config, taken).await)
    }

    /// Hands out more for a place to which a connection is open, beyond [`Room::per_way`] if need
    /// be: the connection takes one job after the other.
    pub async fn claim_way(&self, way: &str, jobs: usize) -> ServiceResult<Vec<Job>> {
        let wanted = self.wanted(Room {
            jobs,
            probes: 0,
            per_way: jobs,
        });
        let (way, config) = (way.to_owned(), Arc::clone(&wanted.config));
        let take = move |tx: &mut WriteTx<'_>| {
            let mut taken = Taken::default();
            while taken.claimed.len() < wanted.room.jobs.min(JOBS_MAX) {
                match wanted.take_one(tx, &way, &mut taken)? {
                    Some(claimed) => taken.claimed.push((claimed, false)),
                    None => break,
                }
            }
            queue::refresh(tx, &way)?;
            Ok(taken)
        };
        let taken = self.service.inner.store.write_small(take).await?;
        Ok(self.hand_out(&config, taken).await)
    }

    /// Lengthens the lease of a job that takes longer than usual.
    pub async fn renew(&self, job: &mut Job) -> ServiceResult<()> {
        let (now, lease) = (self.service.clock().now(), self.lease());
        let ids: Vec<_> = job
            .recipients
            .iter()
            .map(|recipient| recipient.id)
            .collect();
        let way = job.way.clone();
        let keep = move |tx: &mut WriteTx<'_>| {
            for id in &ids {
                queue::keep(tx, *id, &lease, lease_end(now))?;
            }
            queue::refresh(tx, &way)
        };
        self.service.inner.store.write_small(keep).await?;
        job.lease_until = now.plus_s(LEASE_S);
        Ok(())
    }

    /// At most `max_octets` octets of the body of a job from `from` on; empty at its end. The whole
    /// body is checked against its hash before the first is given out.
    pub async fn body(&self, job: &Job, from: u64, max_octets: usize) -> ServiceResult<Vec<u8>> {
        let store = &self.service.inner.store;
        Ok(store.read_blob_range(job.body, from, max_octets).await?)
    }

    /// Waits until something may be due: mail came, a job ended, or its time has come. May be
    /// cancelled freely.
    pub async fn wait(&self) {
        let due = self.service.clock().now().plus_s(AHEAD_S);
        let read = move |tx: &store::ReadTx<'_>| queue::next_at(tx, due);
        let next = self.service.inner.store.read(read).await;
        let until_us = match next {
            Ok(Some(next)) => u64::try_from(next.0.saturating_sub(due.0)).unwrap_or(0),
            Ok(None) | Err(_) => u64::MAX,
        };
        let time = Duration::from_micros(until_us).min(WAIT_MAX);
        tokio::select! {
            () = self.service.inner.flights.news() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    fn wanted(&self, room: Room) -> Wanted {
        Wanted {
            room,
            now: self.service.clock().now(),
            lease: self.lease(),
            under_way: self.service.inner.flights.jobs(),
            config: self.service.config(),
        }
    }

    /// Makes jobs of what was taken.
    async fn hand_out(&self, config: &Config, taken: Taken) -> Vec<Job> {
        for id in taken.forged {
            let text =
                format!("{id} in the queue was changed past the server; it is held and never sent");
            self.service.alarm("queue", &text);
        }
        if taken.moved {
            self.service.inner.flights.wake();
        }
        let now = self.service.clock().now();
        let mut jobs = Vec::with_capacity(taken.claimed.len());
        for (claimed, is_probe) in taken.claimed {
            let first = claimed.recipients.first();
            let Some(to) = first.map(|row| row.address.clone()) else {
                continue;
            };
            let way = queued::way(config, &to);
            match self.destination(&way).await {
                Ok(destination) => {
                    jobs.extend(self.job(claimed, (way.name, destination), is_probe, now));
                }
                // It comes back when its lease is over.
                Err(why) => self.service.alarm("queue", &format!("mail waits: {why}")),
            }
        }
        jobs
    }

    /// Where a way leads, with what is needed to sign in there.
    async fn destination(&self, way: &Way<'_>) -> Result<Destination, String> {
        let route = match way.to {
            Lead::Domain(domain) => return Ok(Destination::Domain(domain.clone())),
            Lead::Route(route) => route,
        };
        let unreadable = || format!("the password for {} cannot be read", way.name);
        let sign_in = match (&route.user, route.password) {
            (Some(user), Some(id)) => {
                let read =
                    (self.service.inner.store).read(move |tx| store::ledger::object(tx, &id));
                let sealed = read.await.ok().flatten().ok_or_else(unreadable)?;
                let opened = self.service.inner.vault.open_secret(id, &sealed);
                Some(HostSignIn {
                    user: user.clone(),
                    password: opened.ok_or_else(unreadable)?,
                })
            }
            _ => None,
        };
        Ok(Destination::Host(Host {
            name: route.host.to_string(),
            port: route.port,
            tls: route.tls,
            sign_in,
            lmtp: route.lmtp,
        }))
    }

    fn job(
        &self,
        claimed: Claimed,
        (way, destination): (String, Destination),
        is_probe: bool,
        now: Timestamp,
    ) -> Option<Job> {
        let Claimed {
            message,
            recipients: rows,
        } = claimed;
        let mut ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let flight = self.service.inner.flights.begin(&way, &mut ids)?;
        let params = MessageParams::from_json(&message.params);
        let recipients = rows.into_iter().filter(|row| ids.contains(&row.id));
        let recipients = recipients.map(|row| {
            let params = RecipientParams::from_json(&row.params);
            JobRecipient {
                id: row.id,
                address: row.address,
                attempts: row.attempts,
                notify: params.notify(),
                original: params.original(),
                through: params.through,
                last_reply: row.last_reply,
            }
        });
        Some(Job {
            message: message.message,
            account: message.account,
            destination,
            way,
            is_probe,
            reverse_path: message.reverse_path,
            recipients: recipients.collect(),
            params: JobParams {
                ret: params.ret(),
                envelope_id: params.envelope_id(),
                smtp_utf8: params.smtp_utf8,
                eight_bit: params.eight_bit,
                require_tls: params.require_tls,
                tls_waived: params.tls_waived,
            },
            head: message.head,
            body: message.body,
            accepted_at: message.created_at,
            lease_until: now.plus_s(LEASE_S),
            ticket: Ticket {
                params,
                expires_at: message.expires_at,
                _flight: Some(flight),
            },
        })
    }
}
